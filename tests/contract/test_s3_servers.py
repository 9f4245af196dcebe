"""What an S3 server must be able to do, is found to do, and keeps by itself: the probe, keys, locks; over both real servers."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sohoa.errors import (
    NotAllowed,
    SetupError,
    StoreUnavailable,
)
from sohoa.model import Sha256
from sohoa.settings import Settings
from storage.objects import examine, open_store, s3_lock, s3_probe
from storage.objects.s3_client import S3Client
from storage.objects.s3_place import Place, parse_place
from storage.objects.s3_probe import recall_or_probe
from tests.support.object_stores import fresh_s3, keys_of, url_of
from tests.support.servers import S3Server

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("few_racers")]


class _Careless(S3Client):
    """A server that does not look at one header of a plain request."""

    ignored = ""

    def _execute(
        self, method: str, bucket: str, name: str | None, body: bytes | None, headers: Any, query: Any, *, stream: bool
    ) -> Any:
        kept = {key: value for key, value in (headers or {}).items() if key != self.ignored or query}
        return super()._execute(method, bucket, name, body, kept, query, stream=stream)


def _careless(server: S3Server, place: Place, ignored: str) -> S3Client:
    client = _Careless(place, keys_of(server))
    client.ignored = ignored
    return client


@pytest.mark.parametrize("ignored", ["If-None-Match", "If-Match"])
def test_a_server_that_ignores_a_condition_is_refused_and_others_are_named(server: S3Server, ignored: str) -> None:
    place = parse_place(url_of(server))
    with pytest.raises(SetupError) as refused:
        recall_or_probe(_careless(server, place, ignored), place)
    assert refused.value.code == "store_unfit"
    assert ignored in refused.value.detail
    assert "SeaweedFS" in refused.value.detail
    with pytest.raises(SetupError):  # and nothing is remembered that would let it pass the next time
        recall_or_probe(_careless(server, place, ignored), place)


def test_a_server_that_does_not_check_sums_is_found_out(server: S3Server) -> None:
    place = parse_place(url_of(server))
    assert not recall_or_probe(_careless(server, place, "x-amz-checksum-sha256"), place).checks_sums


def test_the_archive_bucket_keeps_versions_and_can_be_locked(server: S3Server) -> None:
    place = parse_place(url_of(server))
    client = S3Client(place, keys_of(server))
    s3_probe.make_buckets(client, place)
    s3_probe.make_buckets(client, place)
    assert b"Enabled" in client.send("GET", place.archive, query={"versioning": ""}).body
    assert b"Enabled" in client.send("GET", place.archive, query={"object-lock": ""}).body
    assert b"Enabled" not in client.send("GET", place.work, query={"versioning": ""}).body


def test_wrong_keys_are_told_at_the_door(server: S3Server, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        archive_url=url_of(server),
        s3_access_key=SecretStr(server.access_key),
        s3_secret_key=SecretStr("wrong" * 8),
    )
    with pytest.raises(SetupError) as refused:
        open_store(settings)
    assert refused.value.code == "store_denied"
    assert "wrong" not in refused.value.detail


def test_a_store_is_opened_from_the_settings_with_keys_from_a_file(server: S3Server, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text(
        f"[default]\naws_access_key_id = {server.access_key}\naws_secret_access_key = {server.secret_key}\n"
    )
    objects = open_store(Settings(home=tmp_path, archive_url=url_of(server), s3_credentials_file=file))
    objects.create("receipts/A.json", b"bytes")
    assert objects.read("receipts/A.json") == b"bytes"
    assert objects.free_bytes() > 0


def test_the_doctor_names_what_the_buckets_lack(server: S3Server, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        archive_url=url_of(server),
        s3_access_key=SecretStr(server.access_key),
        s3_secret_key=SecretStr(server.secret_key),
    )
    place = parse_place(settings.archive_url)
    S3Client(place, keys_of(server)).make_bucket(place.archive, lock=False)
    found, weaknesses = examine(settings)
    assert place.archive in found
    assert ["versioning" in weaknesses[0], "Object Lock" in weaknesses[1]] == [True, True]

    whole = settings.model_copy(update={"archive_url": url_of(server)})
    assert examine(whole)[1] == []


ROOT = "ocfl/abc/def/012/abcdef012" + "3" * 55


@pytest.mark.parametrize("hold", [False, True], ids=["retention", "hold"])
def test_server_itself_refuses_to_delete_what_is_guarded(server: S3Server, tmp_path: Path, hold: bool) -> None:
    objects = fresh_s3(server, tmp_path / "copies")
    objects.create(f"{ROOT}/v1/inventory.json", b"one")
    until = None if hold else datetime.now(UTC) + timedelta(days=30)
    assert objects.guard(ROOT, until=until, hold=hold)
    assert objects.guard(ROOT, until=datetime.now(UTC) + timedelta(days=2), hold=hold)
    bucket, name = objects._place.locate(ROOT)
    [kept] = s3_lock.versions(objects._client, bucket, f"{name}/")
    with pytest.raises(StoreUnavailable):  # 403 or, MinIO, 400
        objects._client.send("DELETE", bucket, kept.name, query=kept.query)
    assert objects.read(f"{ROOT}/v1/inventory.json") == b"one"
    objects.guard(ROOT, until=None, hold=False)


def test_what_is_kept_for_ever_is_locked_as_long_as_the_server_takes(server: S3Server, tmp_path: Path) -> None:
    objects = fresh_s3(server, tmp_path / "copies")
    objects.create(f"{ROOT}/v1/inventory.json", b"one")
    for _ in range(2):
        assert objects.guard(ROOT, until=datetime(9999, 12, 31, tzinfo=UTC), hold=False)
    with pytest.raises(NotAllowed, match="2120"):
        objects.check_disposable(ROOT)


def test_disposal_deletes_every_version_and_what_was_kept_aside(server: S3Server, tmp_path: Path) -> None:
    objects = fresh_s3(server, tmp_path / "copies")
    objects.create(f"{ROOT}/inventory.json", b"one")
    objects.replace(f"{ROOT}/inventory.json", b"two", if_match=objects.stat(f"{ROOT}/inventory.json").etag)
    objects.create(f"{ROOT}/v1/content/a", b"damaged")
    objects.mend(f"{ROOT}/v1/content/a", b"right", sha256=Sha256(hashlib.sha256(b"right").hexdigest()))
    objects.dispose(ROOT, first=("inventory.json",))
    bucket, name = objects._place.locate("ocfl")
    assert list(s3_lock.versions(objects._client, bucket, name.removesuffix("ocfl"))) == []


def test_bucket_without_lock_says_that_it_guards_nothing(server: S3Server, tmp_path: Path) -> None:
    objects = open_store(
        Settings(home=tmp_path, s3_access_key=SecretStr(server.access_key), s3_secret_key=SecretStr(server.secret_key)),
        url=url_of(server) + "&lock=no",
    )
    objects.create(f"{ROOT}/inventory.json", b"one")
    assert not objects.guard(ROOT, until=datetime.now(UTC) + timedelta(days=30), hold=True)
    objects.dispose(ROOT, first=())
    assert list(objects.list("ocfl/")) == []
