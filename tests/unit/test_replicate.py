"""A copy has all that the archive has, is whole at every moment, and never takes or gives damaged bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from sohoa.clock import FixedClock
from sohoa.errors import Conflict, DigestMismatch, NotFound, SetupError, StoreUnavailable
from storage.archive import Archive, object_id_of
from storage.archive.layout import ledger_key, object_root, to_json
from storage.objects import open_objects
from storage.objects.protocol import Objects
from tests.support.crash import Crash, Interposed, assert_whole
from tests.support.replicated import (
    DOSSIER,
    add_paper,
    amend_paper,
    archive_in,
    contents,
    copy_to,
    receive_paper,
)

A_ROOT, D_ROOT = object_root(object_id_of("A", None)), object_root(object_id_of("B", DOSSIER))


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two loose papers and a dossier of two, one of which was corrected; six commits."""
    archive = archive_in(tmp_path / "archive")
    add_paper(archive, "A")
    add_paper(archive, "B", DOSSIER)
    add_paper(archive, "C", DOSSIER)
    amend_paper(archive, "B", DOSSIER, b'{"corrected": true}')
    add_paper(archive, "E")
    amend_paper(archive, "A", None, b'{"corrected": true}')
    archive.objects.create("fixity/first.json", to_json({"day": "2026/01/02"}))
    archive.objects.create("fixity/2026/01/02/000001.json", to_json({"sequence": 1, "previous": None}))
    return archive


@pytest.fixture
def copy(tmp_path: Path) -> Objects:
    return open_objects(tmp_path / "copy")


def test_copy_has_every_byte_and_is_an_archive_of_its_own(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    replicated = copy_to(archive.objects, copy)
    assert contents(copy) == contents(archive.objects)
    assert assert_whole(tmp_path / "copy") == assert_whole(tmp_path / "archive")
    assert (replicated.entries, replicated.versions, replicated.head, replicated.of) == (6, 6, 6, 6)
    assert (replicated.findings, replicated.receipts_waiting, replicated.mended) == ((), 0, 0)
    assert replicated.sent_files == len(contents(copy))
    assert replicated.sent_bytes >= sum(copy.stat(key).size_bytes for key in contents(copy))


def test_second_run_sends_only_what_is_new_and_reads_nothing_old(archive: Archive, copy: Objects) -> None:
    copy_to(archive.objects, copy)
    read = _Reads(archive.objects)
    again = copy_to(cast(Objects, read), copy)
    assert (again.entries, again.sent_files, again.sent_bytes) == (0, 0, 0)
    assert len(read.keys) <= 3
    add_paper(archive, "F")
    more = copy_to(archive.objects, copy)
    assert (more.entries, more.versions, more.findings) == (1, 1, ())
    assert contents(copy) == contents(archive.objects)


def test_third_store_is_copied_from_the_second(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    copy_to(archive.objects, copy)
    third = open_objects(tmp_path / "third")
    copy_to(copy, third)
    assert contents(third) == contents(archive.objects)


def test_receipt_of_a_paper_that_is_only_staged_waits_until_it_is_archived(archive: Archive, copy: Objects) -> None:
    receive_paper(archive, "W")
    assert copy_to(archive.objects, copy).receipts_waiting == 1
    assert not copy.exists("receipts/W.json")
    archive.clear_staging("W")  # as for bytes that were another document already
    assert copy_to(archive.objects, copy).receipts_waiting == 0
    assert copy.exists("receipts/W.json")


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_copying_that_dies_at_any_call_leaves_a_valid_archive_and_goes_on(
    archive: Archive, tmp_path: Path, after: bool
) -> None:
    wanted, number = contents(archive.objects), 0
    while True:
        number += 1
        target = open_objects(tmp_path / f"{number:04}")
        dying = Interposed(target, at=number, action=_die, after=after, only=frozenset())
        try:
            copy_to(archive.objects, cast(Objects, dying))
        except Crash:
            _assert_valid_so_far(Archive(target, FixedClock()))
        copied = copy_to(archive.objects, target)
        assert (contents(target), copied.findings, copied.head) == (wanted, (), 6)
        if dying.calls < number:
            break
    print(f"{number - 1} points at which copying was killed")
    assert number > 100


def test_store_that_fails_in_the_middle_is_told_and_the_next_run_goes_on(archive: Archive, tmp_path: Path) -> None:
    target = open_objects(tmp_path / "copy")
    full = Interposed(target, at=20, action=_fill, after=False, only=frozenset({"create"}))
    with pytest.raises(StoreUnavailable):
        copy_to(archive.objects, cast(Objects, full))
    copy_to(archive.objects, target)
    assert contents(target) == contents(archive.objects)


DAMAGED = {
    "content": (f"{A_ROOT}/v1/content/documents/A/original.jpg", "source_damaged"),
    "inventory": (f"{A_ROOT}/v1/inventory.json", "source_damaged"),
    "entry": (ledger_key(3), "ledger_damaged"),
    "receipt": ("receipts/A.json", "source_damaged"),
}


@pytest.mark.parametrize("what", sorted(DAMAGED))
def test_damaged_file_of_the_archive_is_named_and_not_copied_and_holds_up_no_other_object(
    archive: Archive, copy: Objects, tmp_path: Path, what: str
) -> None:
    key, code = DAMAGED[what]
    good = archive.objects.read(key)
    _damage(tmp_path / "archive" / key)
    found = copy_to(archive.objects, copy)
    assert (code, key) in [(each.code, each.key) for each in found.findings]
    assert not copy.exists(key)
    assert copy.exists(f"{object_root(object_id_of('E', None))}/inventory.json")
    (tmp_path / "archive" / key).chmod(0o640)
    (tmp_path / "archive" / key).write_bytes(good)
    assert copy_to(archive.objects, copy).findings == ()
    assert contents(copy) == contents(archive.objects)


@pytest.mark.parametrize("what", sorted(DAMAGED))
def test_damaged_file_never_goes_over_a_good_copy(archive: Archive, copy: Objects, tmp_path: Path, what: str) -> None:
    copy_to(archive.objects, copy)
    before = contents(copy)
    _damage(tmp_path / "archive" / DAMAGED[what][0])
    found = copy_to(archive.objects, copy, thorough=True)
    if what != "content":  # the copy's own is right, so the archive's was not looked at
        assert DAMAGED[what] in [(each.key, each.code) for each in found.findings]
    assert (contents(copy), found.mended) == (before, 0)


def test_missing_file_of_the_archive_is_named(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    key = DAMAGED["content"][0]
    (tmp_path / "archive" / key).unlink()
    assert [(each.code, each.key) for each in copy_to(archive.objects, copy).findings] == [("source_missing", key)]


@pytest.mark.parametrize("loss", ["flip", "cut", "gone"])
def test_whatever_the_archive_lost_comes_back_from_a_copy_and_what_was_damaged_is_kept_aside(
    archive: Archive, copy: Objects, tmp_path: Path, loss: str
) -> None:
    copy_to(archive.objects, copy)
    wanted, root = contents(archive.objects), tmp_path / "archive"
    for key in sorted(wanted):
        if loss == "flip" and key.startswith(("fixity/", "receipts/")):
            continue  # nothing vouches for their bytes, and this leaves them JSON
        good = archive.objects.read(key)
        _lose(root / key, loss)
        bad = None if loss == "gone" else (root / key).read_bytes()
        restored = copy_to(copy, archive.objects, thorough=True, back=True)
        assert archive.objects.read(key) == good, key
        assert restored.findings == (), key
        kept = [archive.objects.read(each) for each in archive.objects.list(f"damaged/{key}/")]
        assert kept == ([] if bad is None else [bad]), key
    assert contents(archive.objects) == wanted
    assert assert_whole(root)


def test_archive_that_is_gone_comes_back_whole(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    copy_to(archive.objects, copy)
    anew = open_objects(tmp_path / "anew")
    assert copy_to(copy, anew, thorough=True, back=True).findings == ()
    assert contents(anew) == contents(archive.objects)


def test_restoring_keeps_what_the_archive_has_beyond_its_copy(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    copy_to(archive.objects, copy)
    add_paper(archive, "F", DOSSIER)
    before = contents(archive.objects)
    (tmp_path / "archive" / D_ROOT / "v1/content/documents/B/original.jpg").unlink()
    restored = copy_to(copy, archive.objects, thorough=True, back=True)
    assert (contents(archive.objects), restored.findings, restored.head) == (before, (), 7)


def test_damaged_copy_does_not_harm_what_is_restored_from_it(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    copy_to(archive.objects, copy)
    key = DAMAGED["content"][0]
    _damage(tmp_path / "copy" / key)
    (tmp_path / "archive" / key).unlink()
    restored = copy_to(copy, archive.objects, thorough=True, back=True)
    assert [(each.code, each.key) for each in restored.findings] == [("source_damaged", key)]
    with pytest.raises(NotFound):
        archive.objects.read(key)


def test_thorough_run_puts_a_damaged_copy_right(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    copy_to(archive.objects, copy)
    for key, _ in DAMAGED.values():
        _damage(tmp_path / "copy" / key)
    assert copy_to(archive.objects, copy).mended == 0
    with pytest.raises(AssertionError):
        assert contents(copy) == contents(archive.objects)
    mended = copy_to(archive.objects, copy, thorough=True)
    assert (mended.mended, mended.findings) == (len(DAMAGED), ())
    assert contents(copy) == contents(archive.objects)


def test_two_receipts_that_both_may_be_right_are_left_as_they_are(
    archive: Archive, copy: Objects, tmp_path: Path
) -> None:
    copy_to(archive.objects, copy)
    receipt = tmp_path / "copy/receipts/A.json"
    altered = receipt.read_bytes().replace(b'"H02"', b'"H03"')
    receipt.unlink()  # its bytes may be shared
    receipt.write_bytes(altered)
    before = contents(copy)
    found = copy_to(archive.objects, copy, thorough=True)
    assert [(each.code, each.key) for each in found.findings] == [("copy_differs", "receipts/A.json")]
    assert contents(copy) == before


def test_file_that_the_disk_cannot_read_is_named_and_holds_up_no_other(archive: Archive, copy: Objects) -> None:
    key = DAMAGED["content"][0]
    found = copy_to(cast(Objects, _Unreadable(archive.objects, key)), copy)
    assert [(each.code, each.key) for each in found.findings] == [("source_damaged", key)]
    assert copy.exists(f"{object_root(object_id_of('E', None))}/inventory.json")


def test_copy_of_another_archive_is_left_alone(archive: Archive, copy: Objects, tmp_path: Path) -> None:
    other = archive_in(tmp_path / "other")
    add_paper(other, "X")
    copy_to(other.objects, copy)
    before = contents(copy)
    with pytest.raises(Conflict) as caught:
        copy_to(archive.objects, copy)
    assert (caught.value.code, contents(copy)) == ("not_a_copy", before)


def test_archive_that_lost_its_newest_entries_does_not_go_over_its_copy(
    archive: Archive, copy: Objects, tmp_path: Path
) -> None:
    copy_to(archive.objects, copy)
    (tmp_path / "archive" / ledger_key(6)).unlink()
    with pytest.raises(Conflict, match="--from"):
        copy_to(archive.objects, copy)
    assert copy_to(copy, archive.objects, thorough=True, back=True).entries == 1
    assert contents(copy) == contents(archive.objects)


def test_target_that_gives_other_bytes_back_is_told(archive: Archive, copy: Objects) -> None:
    with pytest.raises(DigestMismatch, match="read back"):
        copy_to(archive.objects, cast(Objects, _Forgetful(copy)))


def test_folder_without_an_archive_is_not_copied(copy: Objects, tmp_path: Path) -> None:
    with pytest.raises(SetupError):
        copy_to(open_objects(tmp_path / "empty"), copy)


def _assert_valid_so_far(archive: Archive) -> None:
    """What the ledger names is there with the right digests, and what has an inventory has all that it names."""
    entries = list(archive.ledger.entries())
    for commit in (commit for entry in entries for commit in entry.commits):
        inventory = archive.objects.read(f"{object_root(commit.object_id)}/v{commit.version}/inventory.json")
        assert _sha(inventory) == commit.inventory_sha256
    for document_id in "ABCE":
        dossier = DOSSIER if document_id in "BC" else None
        try:
            inventory_there = archive.inventory(object_id_of(document_id, dossier))
        except NotFound:
            assert not archive.has_receipt(document_id)
            continue
        root = object_root(inventory_there.object_id)
        for digest, paths in inventory_there.manifest.items():
            assert [_sha(archive.objects.read(f"{root}/{path}")) for path in paths] == [digest]


def _sha(data: bytes) -> str:
    from storage.archive.layout import sha256_of

    return sha256_of(data)


def _damage(path: Path) -> None:
    _lose(path, "cut" if "receipts" in path.parts else "flip")


def _lose(path: Path, how: str) -> None:
    """One bit flipped (inside a number or name, so that JSON stays JSON), the second half cut off, or all gone."""
    data = bytearray(path.read_bytes())
    path.unlink()  # its bytes may be shared
    if how == "flip":
        data[len(data) // 2] ^= 1
    if how == "cut":
        del data[len(data) // 2 :]
    if how != "gone":
        path.write_bytes(data)


def _die() -> None:
    raise Crash


def _fill() -> None:
    raise StoreUnavailable("the disk is full", code="disk_full")


class _Reads:
    """A store that remembers what was read whole."""

    def __init__(self, objects: Objects) -> None:
        self._objects, self.keys = objects, list[str]()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._objects, name)

        def read(key: str, **how: Any) -> Any:
            self.keys.append(key)
            return method(key, **how)

        return read if name in ("read", "open") else method


class _Forgetful:
    """A store that gives back other bytes than it was given."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def __getattr__(self, name: str) -> Any:
        if name == "open":
            return lambda key, **how: self._objects.open("ocfl/0=ocfl_1.1")
        return getattr(self._objects, name)


class _Unreadable:
    """A store of which the disk cannot read one key."""

    def __init__(self, objects: Objects, key: str) -> None:
        self._objects, self._key = objects, key

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._objects, name)

        def open_(key: str, **how: Any) -> Any:
            if key == self._key:
                raise StoreUnavailable("the archive's disk cannot be used (Input/output error)")
            return method(key, **how)

        return open_ if name == "open" else method
