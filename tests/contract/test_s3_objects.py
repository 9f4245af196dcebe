"""What only the S3 store can be asked: lost answers, servers that go away, parts; over both real servers."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from sohoa.errors import (
    AlreadyExists,
    Conflict,
    DigestMismatch,
    NotFound,
    StoreAway,
    StoreUnavailable,
)
from sohoa.model import Sha256
from storage import breaker
from storage.objects import s3_client, s3_parts, s3_probe
from storage.objects.local_copies import LocalCopies
from storage.objects.s3 import S3Objects
from storage.objects.s3_client import Reply, S3Client
from storage.objects.s3_parts import PART_BYTES
from storage.objects.s3_place import parse_place
from storage.objects.s3_probe import Fitness, recall_or_probe
from tests.support.faulty_proxy import Fault, FaultyProxy, Kind, between
from tests.support.object_stores import fresh_s3, keys_of, url_of
from tests.support.servers import S3Server

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("few_racers")]

LARGE = 2 * PART_BYTES + 12_345
LOST: list[Kind] = ["refuse", "cut_before", "cut_after"]


@pytest.fixture
def proxy(server: S3Server) -> Iterator[FaultyProxy]:
    with between(server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def objects(server: S3Server, proxy: FaultyProxy, tmp_path: Path) -> S3Objects:
    """A store that is reached through the proxy."""
    return fresh_s3(server, tmp_path / "copies", endpoint=proxy.endpoint)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "_FIRST_PAUSE_S", 0.001)


# large objects


def test_a_large_object_goes_in_parts_and_comes_back_whole(objects: S3Objects, proxy: FaultyProxy) -> None:
    data = os.urandom(LARGE)
    stored = objects.create("staging/A/original.pdf", io.BytesIO(data))
    assert (stored.sha256, stored.size_bytes) == (hashlib.sha256(data).hexdigest(), LARGE)
    assert sum("partNumber" in path for _, path in proxy.seen) == 3
    with objects.open("staging/A/original.pdf") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == stored.sha256  # type: ignore[arg-type]


def test_a_large_object_of_a_whole_number_of_parts_has_no_empty_one(objects: S3Objects, proxy: FaultyProxy) -> None:
    assert objects.create("staging/A/x", bytes(PART_BYTES)).size_bytes == PART_BYTES
    assert sum("partNumber" in path for _, path in proxy.seen) == 1


def test_a_source_that_gives_little_at_a_time_is_read_to_its_end(objects: S3Objects) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1_000_003))

    data = os.urandom(LARGE)
    assert objects.create("staging/A/x", Slow(data)).sha256 == hashlib.sha256(data).hexdigest()


def test_of_many_writers_of_one_large_key_exactly_one_wins(
    objects: S3Objects, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All have sent their parts before anybody puts them together: SeaweedFS lets several completions win then."""
    bodies = [secrets.token_bytes(16) + bytes(PART_BYTES) for _ in range(6)]
    together, complete = Barrier(len(bodies), timeout=300), s3_parts.complete

    def all_at_once(*arguments: Any, **more: Any) -> Reply:
        together.wait()
        return complete(*arguments, **more)

    monkeypatch.setattr(s3_parts, "complete", all_at_once)

    def write(body: bytes) -> bool:
        try:
            objects.create("ocfl/a/x", body)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(len(bodies)) as pool:
        won = list(pool.map(write, bodies))
    assert won.count(True) == 1
    with objects.open("ocfl/a/x", end=16) as file:
        assert file.read() == bodies[won.index(True)][:16]
    named_by = {method for method, path in proxy.seen if path.partition("?")[0].endswith("/ocfl/a/x")}
    assert ("POST" in named_by) is not objects._fitness().copies_conditionally


def test_large_bytes_that_are_not_those_announced_are_not_stored_and_leave_no_parts(
    objects: S3Objects, proxy: FaultyProxy
) -> None:
    with pytest.raises(DigestMismatch):
        objects.create("staging/A/x", bytes(LARGE), sha256=Sha256(hashlib.sha256(b"announced").hexdigest()))
    assert not objects.exists("staging/A/x")
    assert _uploads_left(objects) == 0


def test_a_large_source_that_breaks_off_leaves_no_parts(objects: S3Objects) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= PART_BYTES:
                raise PermissionError("the scanner's share went away")
            return super().read(size)

    with pytest.raises(PermissionError):
        objects.create("staging/A/x", Breaking(bytes(LARGE)))
    assert _uploads_left(objects) == 0


def test_parts_of_a_killed_writer_go_after_a_day(objects: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(s3_parts, "complete", killed)
        patch.setattr(s3_parts, "_drop", lambda *_: None)
        for key in ("staging/A/x", "ocfl/a/x"):
            with pytest.raises(KeyboardInterrupt):
                objects.create(key, bytes(PART_BYTES))
    objects.drop_leftovers()
    assert _uploads_left(objects) == 2

    monkeypatch.setattr("storage.objects.s3.LEFTOVER_AGE", -timedelta(minutes=1))
    objects.drop_leftovers()
    assert _uploads_left(objects) == 0


def test_a_large_object_is_copied_by_the_server(objects: S3Objects, proxy: FaultyProxy) -> None:
    data = os.urandom(LARGE)
    objects.create("staging/A/x", data)
    proxy.seen.clear()
    objects.copy("staging/A/x", "ocfl/a/x")
    objects.copy("staging/A/x", "ocfl/a/x")
    assert "GET" not in {method for method, _ in proxy.seen} or not _keeps_sums_of_copies(objects)
    objects.delete("staging/A/x")
    with objects.open("ocfl/a/x") as file:
        assert file.read() == data


def test_of_many_copies_onto_one_key_exactly_one_wins(objects: S3Objects) -> None:
    for number in range(8):
        objects.create(f"staging/{number}", b"%d" % number)

    def copy(number: int) -> bool:
        try:
            objects.copy(f"staging/{number}", "ocfl/a/x")
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(copy, range(8)))
    assert won.count(True) == 1
    assert objects.read("ocfl/a/x") == b"%d" % won.index(True)


def test_an_empty_object_is_copied(objects: S3Objects) -> None:
    objects.create("staging/A/x", b"")
    objects.copy("staging/A/x", "ocfl/a/x")
    assert objects.read("ocfl/a/x") == b""


def test_copying_in_parts_works_on_every_server(server: S3Server, tmp_path: Path) -> None:
    objects = fresh_s3(server, tmp_path)
    objects._known = Fitness(checks_sums=True, copies_conditionally=False)
    objects.create("staging/A/x", b"bytes")
    objects.create("ocfl/a/other", b"other")
    objects.copy("staging/A/x", "ocfl/a/x")
    objects.copy("staging/A/x", "ocfl/a/x")
    with pytest.raises(AlreadyExists):
        objects.copy("staging/A/x", "ocfl/a/other")
    with pytest.raises(NotFound):
        objects.copy("staging/A/missing", "ocfl/a/y")
    assert (objects.read("ocfl/a/x"), objects.read("ocfl/a/other")) == (b"bytes", b"other")
    assert _uploads_left(objects) == 0


# lost answers


@pytest.mark.parametrize("kind", LOST)
def test_a_create_whose_answer_was_lost_is_known_to_be_ours(objects: S3Objects, proxy: FaultyProxy, kind: Kind) -> None:
    proxy.faults = [Fault(kind, "PUT", "receipts/A.json")]
    objects.create("receipts/A.json", b"ours")
    assert objects.read("receipts/A.json") == b"ours"
    assert sum(method == "PUT" for method, _ in proxy.seen) == 2


@pytest.mark.parametrize("kind", LOST)
def test_a_create_that_lost_answer_and_race_is_not_taken_for_ours(
    objects: S3Objects, proxy: FaultyProxy, kind: Kind
) -> None:
    objects.create("receipts/A.json", b"the same bytes")
    proxy.faults = [Fault(kind, "PUT", "receipts/A.json")]
    with pytest.raises(AlreadyExists):
        objects.create("receipts/A.json", b"the same bytes")


@pytest.mark.parametrize("kind", LOST)
def test_a_replacement_whose_answer_was_lost_is_known_to_be_ours(
    objects: S3Objects, proxy: FaultyProxy, kind: Kind
) -> None:
    objects.create("ocfl/a/inventory.json", b"1")
    etag = objects.stat("ocfl/a/inventory.json").etag
    proxy.faults = [Fault(kind, "PUT", "inventory.json")]
    objects.replace("ocfl/a/inventory.json", b"2", if_match=etag)
    assert objects.read("ocfl/a/inventory.json") == b"2"
    with pytest.raises(Conflict):
        objects.replace("ocfl/a/inventory.json", b"3", if_match=etag)


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize(("method", "where"), [("POST", "uploads"), ("PUT", "partNumber=2"), ("POST", "uploadId")])
def test_a_large_create_lives_through_any_lost_answer(
    objects: S3Objects, proxy: FaultyProxy, kind: Kind, method: str, where: str
) -> None:
    proxy.faults = [Fault(kind, method, where)]
    data = os.urandom(LARGE)
    objects.create("ocfl/a/x", data)
    with objects.open("ocfl/a/x") as file:
        assert file.read() == data
    with pytest.raises(AlreadyExists):
        objects.create("ocfl/a/x", data)


@pytest.mark.parametrize("kind", LOST)
def test_every_other_request_lives_through_a_lost_answer(objects: S3Objects, proxy: FaultyProxy, kind: Kind) -> None:
    objects.create("staging/A/x", b"bytes")
    proxy.faults = [Fault(kind, method) for method in ("GET", "HEAD", "DELETE") for _ in range(2)]
    assert objects.read("staging/A/x") == b"bytes"
    assert objects.stat("staging/A/x").size_bytes == 5
    assert list(objects.list("staging/")) == ["staging/A/x"]
    objects.copy("staging/A/x", "ocfl/a/x")
    objects.delete("staging/A/x")
    assert not objects.exists("staging/A/x")


@pytest.mark.parametrize("kind", LOST)
def test_a_copy_lives_through_a_lost_answer(objects: S3Objects, proxy: FaultyProxy, kind: Kind) -> None:
    objects.create("staging/A/x", b"bytes")
    proxy.faults = [Fault(kind, "PUT", "ocfl/a/x"), Fault(kind, "POST", "uploadId")]
    objects.copy("staging/A/x", "ocfl/a/x")
    assert objects.read("ocfl/a/x") == b"bytes"


def test_a_stream_goes_on_where_the_connection_broke_off(objects: S3Objects, proxy: FaultyProxy) -> None:
    data = os.urandom(3 * 1024 * 1024)
    objects.create("staging/A/x", data)
    proxy.faults = [Fault("cut_half", "GET", times=3)]
    with objects.open("staging/A/x", start=7) as file:
        assert file.read() == data[7:]
    assert sum(method == "GET" for method, _ in proxy.seen) == 4


def test_a_stream_that_broke_off_never_goes_on_with_other_bytes(objects: S3Objects, proxy: FaultyProxy) -> None:
    objects.create("staging/A/x", bytes(3 * 1024 * 1024))
    proxy.faults = [Fault("cut_half", "GET")]
    with objects.open("staging/A/x") as file:
        file.read(1)
        objects.create("staging/A/x", b"x" * 3 * 1024 * 1024, overwrite=True)
        with pytest.raises(StoreUnavailable, match="replaced"):
            file.read()


def test_a_small_object_is_never_read_short(objects: S3Objects, proxy: FaultyProxy) -> None:
    objects.create("receipts/A.json", b"0123456789" * 100)
    proxy.faults = [Fault("cut_half", "GET", times=2)]
    assert objects.read("receipts/A.json") == b"0123456789" * 100


# a server that is away, slow, full, or refuses


def test_a_server_that_is_away_is_told_after_a_few_tries_then_at_once_and_used_again_when_it_is_back(
    objects: S3Objects, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "REST_S", 3600.0)
    objects.create("receipts/A.json", b"bytes")
    proxy.down()
    with pytest.raises(StoreUnavailable) as told:
        objects.read("receipts/A.json")
    assert (told.value.code, told.value.retryable) == ("store_unavailable", True)
    assert "\n" not in told.value.detail
    assert objects.is_away()
    proxy.up()
    asked = len(proxy.seen)
    with pytest.raises(StoreAway):
        objects.read("receipts/A.json")
    assert len(proxy.seen) == asked
    assert objects.is_away()
    monkeypatch.setattr(objects._client.breaker, "_now_s", lambda: time.monotonic() + 3601)
    assert not objects.is_away()
    assert objects.read("receipts/A.json") == b"bytes"


def test_a_server_that_does_not_answer_is_given_up(
    server: S3Server, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh_s3(server, tmp_path)  # what the server can do is asked of it, the first time, with as long as that takes
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.1)
    monkeypatch.setattr(s3_client, "BUDGET_S", 3600.0)  # here the number of tries is what ends it
    objects = fresh_s3(server, tmp_path, endpoint=proxy.endpoint)
    proxy.faults = [Fault("hang", "GET", times=99)]
    with pytest.raises(StoreUnavailable):
        objects.read("receipts/A.json")
    assert len(proxy.seen) == s3_client.TRIES


def test_who_reads_slowly_keeps_other_readers_waiting_not_for_ever_and_nobody_else(
    objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.create("staging/A/x", bytes(100_000))
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.05)
    streams = [objects.open("staging/A/x") for _ in range(s3_client.STREAMS)]
    with pytest.raises(StoreUnavailable, match="at once"):
        objects.open("staging/A/x")
    objects.create("staging/A/y", b"y")
    assert objects.read("staging/A/y") == b"y"
    for stream in streams:
        stream.close()
    with objects.open("staging/A/x") as again:
        assert len(again.read()) == 100_000


def test_only_so_many_requests_are_under_way_and_the_next_one_does_not_wait_for_ever(
    objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.05)
    with ExitStack() as held:
        for _ in range(s3_client.CONNECTIONS):
            held.enter_context(objects._client.slot())
        with pytest.raises(StoreUnavailable, match="at once"):
            objects.exists("staging/A/x")
    assert not objects.exists("staging/A/x")


def test_what_is_missing_is_not_asked_for_again(objects: S3Objects, proxy: FaultyProxy) -> None:
    with pytest.raises(NotFound):
        objects.read("receipts/A.json")
    assert len(proxy.seen) == 1


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (507, "XMinioStorageFull", "disk_full"),
        (403, "AccessDenied", "store_denied"),
        (403, "SignatureDoesNotMatch", "store_denied"),
        (404, "NoSuchBucket", "bucket_missing"),
        (400, "InvalidRequest", "store_unavailable"),
    ],
)
def test_an_error_that_will_not_pass_is_named_and_not_tried_again(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: str, told: str
) -> None:
    from minio.error import S3Error

    objects, tries = fresh_s3(server, tmp_path), []

    class Response:
        def __init__(self) -> None:
            self.status = status

    def fail(*_: object, **__: object) -> None:
        tries.append(1)
        raise S3Error(Response(), code, "the vendor's words", None, None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(S3Client, "_execute", fail)
    with pytest.raises(StoreUnavailable) as raised:
        objects.create("staging/A/x", b"")
    assert raised.value.code == told
    assert "vendor" not in raised.value.detail
    assert len(tries) == 1


def test_an_object_that_looks_like_an_error_is_read_as_it_is(objects: S3Objects) -> None:
    data = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"
    objects.create("staging/A/x", data)
    assert objects.read("staging/A/x") == data


# a server that does not check sums


def test_a_server_that_does_not_check_sums_is_read_back(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = fresh_s3(server, tmp_path)
    objects._known = Fitness(checks_sums=False, copies_conditionally=True)
    execute = S3Client._execute

    def damaging(
        self: S3Client,
        method: str,
        bucket: str,
        name: str | None,
        body: bytes | None,
        headers: Any,
        query: Any,
        *,
        stream: bool,
    ) -> Any:
        if method == "PUT" and body:
            body, headers = b"X" + body[1:], {k: v for k, v in headers.items() if "checksum" not in k}
        return execute(self, method, bucket, name, body, headers, query, stream=stream)

    objects.create("staging/A/good", b"bytes")
    monkeypatch.setattr(S3Client, "_execute", damaging)
    with pytest.raises(DigestMismatch):
        objects.create("staging/A/x", b"bytes")
    assert not objects.exists("staging/A/x")


def test_a_body_damaged_on_its_way_is_sent_again(objects: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    execute, damaged = S3Client._execute, [1]

    def damaging(
        self: S3Client,
        method: str,
        bucket: str,
        name: str | None,
        body: bytes | None,
        headers: Any,
        query: Any,
        *,
        stream: bool,
    ) -> Any:
        if method == "PUT" and body and damaged:
            damaged.pop()
            body = b"X" + body[1:]
        return execute(self, method, bucket, name, body, headers, query, stream=stream)

    monkeypatch.setattr(S3Client, "_execute", damaging)
    objects.create("receipts/A.json", b"bytes")
    assert objects.read("receipts/A.json") == b"bytes"


def test_bytes_damaged_in_the_store_are_not_read_as_good(objects: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.create("receipts/A.json", b"bytes")
    execute = S3Client._execute

    def damaging(self: S3Client, *rest: Any, stream: bool) -> Any:
        response: Any = execute(self, *rest, stream=stream)
        response._body = b"bytEs"
        return response

    monkeypatch.setattr(S3Client, "_execute", damaging)
    with pytest.raises(DigestMismatch):
        objects.read("receipts/A.json")


# local copies


def test_a_local_copy_is_fetched_once_and_again_after_a_change(objects: S3Objects, proxy: FaultyProxy) -> None:
    objects.create("staging/A/x", b"before")
    for _ in range(3):
        with objects.local_file("staging/A/x") as path:
            assert path.read_bytes() == b"before"
    assert sum(method == "GET" for method, _ in proxy.seen) == 1
    objects.create("staging/A/x", b"after!", overwrite=True)
    with objects.local_file("staging/A/x") as path:
        assert path.read_bytes() == b"after!"


def test_local_copies_stay_within_their_bounds_and_those_in_use_stay_readable(tmp_path: Path) -> None:
    copies = LocalCopies(tmp_path, keep_bytes=250)
    held = [copies.keep(f"k{number}", "e", io.BytesIO(bytes(100))) for number in range(5)]
    assert sum(path.stat().st_size for path in tmp_path.glob("*.kept")) <= 250
    assert [path.stat().st_size for path in held] == [100] * 5
    assert copies.find("k0", "e") is None


def test_listing_goes_over_many_pages(objects: S3Objects, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.objects.s3._LISTED_AT_ONCE", "4")
    wanted_keys = [f"staging/{number % 3}/x {number:02}+%.json" for number in range(18)]
    for key in wanted_keys:
        objects.create(key, b"")
    objects.create("receipts/A.json", b"")
    assert list(objects.list("staging/")) == sorted(wanted_keys)
    assert list(objects.list("")) == ["receipts/A.json", *sorted(wanted_keys)]
    assert sum("list-type" in path for _, path in proxy.seen) >= 5


def test_what_a_server_was_found_to_do_is_remembered_in_it(
    server: S3Server, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = parse_place(url_of(server, endpoint=proxy.endpoint))
    found = recall_or_probe(S3Client(place, keys_of(server)), place)
    assert found.checks_sums
    proxy.seen.clear()
    assert recall_or_probe(S3Client(place, keys_of(server)), place) == found
    assert [method for method, _ in proxy.seen] == ["GET"]
    monkeypatch.setattr(s3_probe, "_AGAIN_AFTER", timedelta(0))
    assert recall_or_probe(S3Client(place, keys_of(server)), place) == found
    assert len(proxy.seen) > 20


def _uploads_left(objects: S3Objects) -> int:
    place = objects._place
    found = 0
    for bucket in (place.archive, place.work):
        page = objects._client.send("GET", bucket, query={"uploads": ""}).body
        found += page.count(f"<Key>{place.prefix}".encode())
    return found


def _keeps_sums_of_copies(objects: S3Objects) -> bool:
    """Whether equal bytes can be told by their sums: where the server copies at once, but not where in parts."""
    return objects._fitness().copies_conditionally
