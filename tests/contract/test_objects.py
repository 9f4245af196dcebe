"""What every store of bytes must do, run over each real implementation, and what only the folder can be asked."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sohoa.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    DigestMismatch,
    NotAllowed,
    NotFound,
    SetupError,
    SohoaError,
    StoreUnavailable,
)
from sohoa.model import Sha256
from storage.objects import open_objects
from storage.objects.protocol import Objects, Stored
from tests.support.object_stores import S3_SERVERS, fresh


@pytest.fixture(params=["folder", *(pytest.param(name, marks=pytest.mark.servers) for name in S3_SERVERS)])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    return fresh(request.param, tmp_path / "store")


def test_what_is_created_is_read_back_with_its_digest_and_size(objects: Objects) -> None:
    data = os.urandom(3 * 1024 * 1024 + 7)
    stored = objects.create("staging/A/original", io.BytesIO(data))
    assert stored == Stored(Sha256(hashlib.sha256(data).hexdigest()), len(data))
    assert objects.read("staging/A/original") == data
    assert objects.stat("staging/A/original").size_bytes == len(data)


def test_an_empty_object_is_an_object(objects: Objects) -> None:
    objects.create("staging/A/empty", b"")
    assert objects.exists("staging/A/empty")
    assert objects.read("staging/A/empty") == b""


def test_mending_puts_right_bytes_in_the_place_of_damaged_ones_and_keeps_those_aside(objects: Objects) -> None:
    for size_bytes in (20, 17 * 1024 * 1024):
        key, right = f"ocfl/{size_bytes}", os.urandom(size_bytes)
        sha256 = Sha256(hashlib.sha256(right).hexdigest())
        objects.create(key, b"damaged")
        assert objects.mend(key, io.BytesIO(right), sha256=sha256) == Stored(sha256, size_bytes)
        assert objects.read(key) == right
        assert [objects.read(each) for each in objects.list(f"damaged/{key}/")] == [b"damaged"]
        objects.mend(key, io.BytesIO(right), sha256=sha256)
        assert len(list(objects.list(f"damaged/{key}/"))) == 1


def test_mending_puts_nothing_but_the_bytes_of_the_digest(objects: Objects) -> None:
    right = Sha256(hashlib.sha256(b"right").hexdigest())
    objects.create("ocfl/a", b"damaged")
    for key in ("ocfl/a", "ocfl/missing"):
        with pytest.raises(DigestMismatch):
            objects.mend(key, b"wrong", sha256=right)
    assert objects.read("ocfl/a") == b"damaged"
    assert not objects.exists("ocfl/missing")


def test_mending_puts_what_is_missing(objects: Objects) -> None:
    right = Sha256(hashlib.sha256(b"right").hexdigest())
    objects.mend("ocfl/a", b"right", sha256=right)
    assert objects.read("ocfl/a") == b"right"
    assert list(objects.list("damaged/")) == []


ROOT = "ocfl/abc/def/012/abcdef012" + "3" * 55
FIRST = ("inventory.json", "v1/inventory.json")


def _guarded(objects: Objects, *, days: float, hold: bool = False) -> None:
    objects.create(f"{ROOT}/inventory.json", b"root")
    objects.create(f"{ROOT}/v1/inventory.json", b"one")
    objects.create(f"{ROOT}/v1/content/a/original.jpg", b"bytes")
    objects.create(f"{ROOT[:-1]}4/inventory.json", b"another object")
    assert objects.guard(ROOT, until=datetime.now(UTC) + timedelta(days=days), hold=hold)


def test_what_has_to_be_kept_is_not_disposed_of(objects: Objects) -> None:
    _guarded(objects, days=30)
    for refused in (objects.check_disposable, lambda root: objects.dispose(root, first=FIRST)):
        with pytest.raises(NotAllowed) as caught:
            refused(ROOT)
        assert caught.value.code == "retained"
    objects.guard(ROOT, until=datetime.now(UTC) - timedelta(days=1), hold=False)
    with pytest.raises(NotAllowed):
        objects.dispose(ROOT, first=FIRST)
    assert objects.read(f"{ROOT}/v1/content/a/original.jpg") == b"bytes"


def test_what_is_on_hold_is_not_disposed_of_until_the_hold_is_lifted(objects: Objects) -> None:
    _guarded(objects, days=-1, hold=True)
    with pytest.raises(NotAllowed) as caught:
        objects.dispose(ROOT, first=FIRST)
    assert caught.value.code == "on_hold"
    objects.guard(ROOT, until=None, hold=False)
    objects.dispose(ROOT, first=FIRST)
    objects.dispose(ROOT, first=FIRST)
    assert list(objects.list("ocfl/")) == [f"{ROOT[:-1]}4/inventory.json"]


@pytest.mark.parametrize(
    "root",
    ["ocfl", "ocfl/abc", "ledger/000/000", "receipts", ROOT[:-1], f"{ROOT}/v1", f"{ROOT}/", "ocfl/../ledger", ""],
)
def test_nothing_but_the_root_of_an_object_is_disposed_of(objects: Objects, root: str) -> None:
    _guarded(objects, days=-1)
    for refused in (objects.check_disposable, lambda root: objects.dispose(root, first=())):
        with pytest.raises(NotAllowed):
            refused(root)
    assert len(list(objects.list("ocfl/"))) == 4


def test_a_key_is_created_once_and_keeps_its_first_bytes(objects: Objects) -> None:
    objects.create("receipts/A.json", b"first")
    with pytest.raises(AlreadyExists):
        objects.create("receipts/A.json", b"second")
    assert objects.read("receipts/A.json") == b"first"


def test_of_many_writers_of_one_key_exactly_one_wins(objects: Objects) -> None:
    def write(number: int) -> bool:
        try:
            objects.create("ledger/000/000/000000000001.json", str(number).encode())
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(write, range(16)))
    assert won.count(True) == 1
    assert objects.read("ledger/000/000/000000000001.json") == str(won.index(True)).encode()


def test_bytes_that_are_not_those_announced_are_not_stored(objects: Objects) -> None:
    with pytest.raises(DigestMismatch):
        objects.create("staging/A/x", b"other", sha256=Sha256(hashlib.sha256(b"announced").hexdigest()))
    assert not objects.exists("staging/A/x")


def test_an_error_of_the_source_passes_through_and_stores_nothing(objects: Objects) -> None:
    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise PermissionError("the scanner's share went away")

    with pytest.raises(PermissionError):
        objects.create("staging/A/x", Unreadable())
    assert list(objects.list("")) == []


def test_a_copy_has_the_same_bytes_and_may_be_made_twice(objects: Objects) -> None:
    objects.create("staging/A/x", b"bytes")
    objects.copy("staging/A/x", "ocfl/a/x")
    objects.copy("staging/A/x", "ocfl/a/x")
    objects.delete("staging/A/x")
    assert objects.read("ocfl/a/x") == b"bytes"


def test_a_copy_never_replaces_other_bytes(objects: Objects) -> None:
    objects.create("staging/A/x", b"bytes")
    objects.create("staging/A/same", b"bytes")
    objects.create("ocfl/a/x", b"other")
    objects.create("ocfl/a/same", b"bytes")
    with pytest.raises(AlreadyExists):
        objects.copy("staging/A/x", "ocfl/a/x")
    objects.copy("staging/A/same", "ocfl/a/same")
    assert objects.read("ocfl/a/x") == b"other"


def test_replacing_a_staged_file_leaves_its_copy_as_it_was(objects: Objects) -> None:
    objects.create("staging/A/x", b"before")
    objects.copy("staging/A/x", "ocfl/a/x")
    objects.replace("staging/A/x", b"after", if_match=objects.stat("staging/A/x").etag)
    assert (objects.read("staging/A/x"), objects.read("ocfl/a/x")) == (b"after", b"before")


def test_replace_wants_the_etag_of_what_is_there(objects: Objects) -> None:
    objects.replace("ocfl/a/inventory.json", b"1", if_match=None)
    first = objects.stat("ocfl/a/inventory.json").etag
    objects.replace("ocfl/a/inventory.json", b"2", if_match=first)
    for stale in (first, None):
        with pytest.raises(Conflict):
            objects.replace("ocfl/a/inventory.json", b"3", if_match=stale)
    with pytest.raises(Conflict):
        objects.replace("ocfl/b/inventory.json", b"1", if_match=first)
    assert objects.read("ocfl/a/inventory.json") == b"2"


def test_of_many_who_replace_the_same_state_exactly_one_wins(objects: Objects) -> None:
    objects.create("ocfl/a/inventory.json", b"0")
    etag = objects.stat("ocfl/a/inventory.json").etag

    def replace(number: int) -> bool:
        try:
            objects.replace("ocfl/a/inventory.json", str(number).encode(), if_match=etag)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(replace, range(1, 17))).count(True) == 1


def test_replacing_waits_for_whoever_else_replaces(tmp_path: Path) -> None:
    objects = open_objects(tmp_path)
    objects.create("ocfl/a/inventory.json", b"0")
    etag = objects.stat("ocfl/a/inventory.json").etag
    with (tmp_path / ".lock").open("w") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        replacing = pool.submit(objects.replace, "ocfl/a/inventory.json", b"1", if_match=etag)
        with pytest.raises(TimeoutError):
            replacing.result(timeout=0.3)
        fcntl.flock(lock, fcntl.LOCK_UN)
        replacing.result(timeout=30)
    assert objects.read("ocfl/a/inventory.json") == b"1"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 7, b"3456"), (8, 99, b"89"), (20, None, b""), (5, 5, b"")],
)
def test_a_range_is_from_start_up_to_without_end(
    objects: Objects, start: int, end: int | None, expected: bytes
) -> None:
    objects.create("staging/A/x", b"0123456789")
    with objects.open("staging/A/x", start=start, end=end) as file:
        assert file.read() == expected


def test_listing_gives_whole_keys_sorted_and_nothing_private(objects: Objects) -> None:
    for key in ("staging/A/x", "staging/A-1/x", "staging/A/pages/1.json", "staging/B/x", "intents/a/v1.json"):
        objects.create(key, b"")
    objects.replace("staging/B/y", b"", if_match=None)
    assert set(objects.list("staging/A")) == {"staging/A-1/x", "staging/A/pages/1.json", "staging/A/x"}
    assert list(objects.list("staging/A/")) == ["staging/A/pages/1.json", "staging/A/x"]
    assert list(objects.list("nothing/")) == []
    listed = list(objects.list(""))
    assert len(listed) == len(set(listed)) == 6
    assert [key for key in listed if "A-1" not in key] == sorted(key for key in listed if "A-1" not in key)


def test_only_staging_and_intents_are_ever_emptied(objects: Objects) -> None:
    for key in ("staging/A/x", "intents/a/v1.json"):
        objects.create(key, b"")
        objects.delete(key)
        objects.delete(key)
        assert not objects.exists(key)
    for key in ("receipts/A.json", "ocfl/a/x", "ledger/000/000/000000000001.json"):
        objects.create(key, b"")
        with pytest.raises(NotAllowed):
            objects.delete(key)
        assert objects.exists(key)


def test_a_folder_emptied_by_another_process_is_made_again(tmp_path: Path) -> None:
    objects, other = open_objects(tmp_path / "store"), open_objects(tmp_path / "store")
    objects.create("staging/A/pages/1.json", b"")
    other.delete("staging/A/pages/1.json")
    objects.create("staging/A/pages/2.json", b"")
    assert list(other.list("staging/")) == ["staging/A/pages/2.json"]


def test_what_is_missing_is_not_found(objects: Objects) -> None:
    asks: list[Callable[[], object]] = [
        lambda: objects.read("receipts/A.json"),
        lambda: objects.open("receipts/A.json"),
        lambda: objects.stat("receipts/A.json"),
        lambda: objects.copy("staging/A/x", "ocfl/a/x"),
        lambda: objects.local_file("receipts/A.json").__enter__(),
    ]
    for ask in asks:
        with pytest.raises(NotFound):
            ask()
    assert not objects.exists("receipts/A.json")


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a/./b", ".tmp/x", "a\0b"])
def test_a_key_that_leads_out_of_the_store_is_refused(objects: Objects, key: str) -> None:
    with pytest.raises(BadRequest) as refused:
        objects.create(key, b"")
    assert "\n" not in refused.value.detail


def test_a_name_too_long_for_the_disk_is_a_clear_error(objects: Objects) -> None:
    with pytest.raises(SohoaError, match="too long"):
        objects.create("staging/A/" + "x" * 300, b"")


def test_a_local_file_is_a_real_file_with_the_bytes(objects: Objects) -> None:
    objects.create("staging/A/x", b"bytes")
    with objects.local_file("staging/A/x") as path:
        assert path.read_bytes() == b"bytes"
    assert objects.free_bytes() > 0


def test_what_is_read_here_and_there_is_a_file_or_a_stream_of_the_bytes(objects: Objects) -> None:
    objects.create("staging/A/x", b"bytes")
    with objects.seekable("staging/A/x") as source:
        assert (source.read_bytes() if isinstance(source, Path) else source.read()) == b"bytes"
    with pytest.raises(NotFound):
        objects.seekable("staging/A/y").__enter__()


def test_published_files_are_read_only_and_leave_nothing_private_behind(tmp_path: Path) -> None:
    objects = open_objects(tmp_path)
    objects.create("ocfl/a/x", b"")
    objects.replace("ocfl/a/inventory.json", b"", if_match=None)
    for key in ("ocfl/a/x", "ocfl/a/inventory.json"):
        found = (tmp_path / key).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_nlink) == (0o440, 1)
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_bytes_and_every_new_folder_are_synced_before_create_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects, synced, sync = open_objects(tmp_path), [], os.fsync

    def watched(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr("os.fsync", watched)
    objects.create("ocfl/a/b/x", b"bytes")
    assert synced[0].parent == tmp_path / ".tmp"
    assert synced[1:] == [tmp_path, tmp_path / "ocfl", tmp_path / "ocfl/a", tmp_path / "ocfl/a/b"]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "link", "mkdir", "fchmod"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_or_broken_disk_at_any_write_is_told_and_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    objects = open_objects(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StoreUnavailable) as told:
            objects.create("ocfl/a/x", b"bytes")
    assert told.value.code == ("store_unavailable" if number == errno.EIO else "disk_full")
    assert told.value.retryable
    assert "\n" not in told.value.detail
    assert list(objects.list("")) == []
    assert list((tmp_path / ".tmp").iterdir()) == []
    objects.create("ocfl/a/x", b"bytes")


_SLOW_WRITER = """
import sys
from pathlib import Path
from storage.objects import open_objects

class Half:
    sent = False
    def read(self, size):
        if self.sent:
            print("half", flush=True)
            return sys.stdin.buffer.read(1)
        self.sent = True
        return b"x" * size

open_objects(Path(sys.argv[1])).create("staging/A/original", Half())
"""


def test_a_writer_killed_half_way_leaves_no_key_and_its_leftover_goes_after_a_day(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW_WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    objects = open_objects(tmp_path)
    assert list(objects.list("")) == []
    (leftover,) = (tmp_path / ".tmp").iterdir()
    assert leftover.stat().st_size == 1024 * 1024
    objects.create("staging/A/original", b"again")

    day_ago = time.time() - 24 * 3600 - 1
    os.utime(leftover, (day_ago, day_ago))
    open_objects(tmp_path)
    assert list((tmp_path / ".tmp").iterdir()) == []
    assert objects.read("staging/A/original") == b"again"


def test_a_name_that_was_taken_and_is_given_up_with_its_folder_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reserves a version must learn that another had it, though that one is done and has dropped it by now."""
    store, key, link = open_objects(tmp_path), "intents/o/v2.json", os.link

    def taken_and_given_up(*names: Path) -> None:
        try:
            link(*names)
        except FileExistsError:
            store.delete(key)
            raise

    store.create(key, b"another's")
    monkeypatch.setattr(os, "link", taken_and_given_up)
    with pytest.raises(AlreadyExists):
        store.create(key, b"ours")
    assert not (tmp_path / "intents/o").exists()
    store.create(key, b"ours")
    assert store.read(key) == b"ours"


@pytest.mark.parametrize("call", ["create", "overwrite", "copy"])
def test_a_folder_that_is_removed_while_it_is_made_is_made_again(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_objects(tmp_path / "store")
    store.create("receipts/A.json", b"bytes")
    mkdir, failures = Path.mkdir, iter([FileExistsError(errno.EEXIST, "then it was gone")])

    def removed_meanwhile(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """What Path.mkdir does where the folder is there when it is made, and gone when it is looked at."""
        if path.name == "A" and (failure := next(failures, None)):
            raise failure
        mkdir(path, mode, parents, exist_ok)

    monkeypatch.setattr(Path, "mkdir", removed_meanwhile)
    if call == "copy":
        store.copy("receipts/A.json", "staging/A/copy")
    else:
        store.create("staging/A/copy", b"bytes", overwrite=call == "overwrite")
    assert store.read("staging/A/copy") == b"bytes"
    assert next(failures, None) is None


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("link", OSError(errno.EPERM, "no hard links")),
        ("link", OSError(errno.EOPNOTSUPP, "no hard links")),
        ("link", None),  # "well" though the name is taken, or nothing was linked
        ("rename", OSError(errno.EXDEV, "no rename")),
    ],
)
def test_a_file_system_without_hard_links_or_renames_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: OSError | None
) -> None:
    def broken(*_: object, **__: object) -> None:
        if fault is not None:
            raise fault

    monkeypatch.setattr(os, "replace" if call == "rename" else call, broken)
    with pytest.raises(SetupError) as refused:
        open_objects(tmp_path)
    assert refused.value.code == "store_unfit"
    assert list((tmp_path / ".tmp").iterdir()) == []


_RIVAL = """
import sys
from pathlib import Path
from sohoa.errors import AlreadyExists, Conflict
from storage.objects import open_objects

objects, me = open_objects(Path(sys.argv[1])), sys.argv[2].encode()
print("ready", flush=True)
sys.stdin.readline()
won = 0
for number in range(200):
    try:
        objects.create(f"receipts/{number}.json", me)
        won += 1
    except AlreadyExists:
        pass
    objects.create(f"staging/{number}", me, overwrite=True)
    objects.delete(f"staging/{number}")
for _ in range(100):
    while True:
        etag = objects.stat("ocfl/counter").etag
        count = int(objects.read("ocfl/counter"))
        try:
            objects.replace("ocfl/counter", b"%d" % (count + 1), if_match=etag)
            break
        except Conflict:
            pass
print(won, flush=True)
"""


def test_two_processes_at_once_lose_nothing_and_win_nothing_twice(tmp_path: Path) -> None:
    objects = open_objects(tmp_path)
    objects.create("ocfl/counter", b"0")
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", _RIVAL, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for rival in rivals:
        assert rival.stdout is not None
        assert rival.stdout.readline() == "ready\n"
    ends = [rival.communicate("\n", timeout=120) for rival in rivals]
    assert [end[1] for end in ends] == ["", ""]
    assert sum(int(end[0]) for end in ends) == 200
    assert objects.read("ocfl/counter") == b"200"
    assert list(objects.list("staging/")) == []
    assert {objects.read(f"receipts/{number}.json") for number in range(200)} <= {b"one", b"two"}
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_folder_keeps_what_was_never_given_a_time(tmp_path: Path) -> None:
    folder = open_objects(tmp_path)
    folder.create(f"{ROOT}/inventory.json", b"root")
    with pytest.raises(NotAllowed, match="never given"):
        folder.dispose(ROOT, first=FIRST)


def test_folder_keeps_everything_while_its_guard_cannot_be_read(tmp_path: Path) -> None:
    folder = open_objects(tmp_path)
    _guarded(folder, days=-1)
    [guard] = (tmp_path / ".guards").iterdir()
    guard.chmod(0o640)
    guard.write_bytes(b"{")
    with pytest.raises(StoreUnavailable):
        folder.dispose(ROOT, first=FIRST)
    assert folder.exists(f"{ROOT}/inventory.json")
