"""What a commit leaves in the archive, and what it refuses to commit."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from sohoa.clock import FixedClock, SystemClock
from sohoa.errors import BadRequest, DigestMismatch, NotFound
from storage.archive import Archive, Recorded, StagedFile, object_id_of
from storage.archive.layout import dossier_of, object_root
from storage.objects import open_objects
from tests.support.crash import ACTOR, assert_whole, commit_staged, scan_of, stage_paper

DOSSIER = "000.00.05.H02-230105-0001"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(open_objects(tmp_path), FixedClock())
    made.initialise()
    return made


def _file(archive: Archive, object_id: str, path: str) -> bytes:
    with archive.open_file(object_id, path) as file:
        return file.read()


def test_the_storage_root_says_what_it_is_and_may_be_initialised_twice(archive: Archive, tmp_path: Path) -> None:
    archive.initialise()
    assert (tmp_path / "ocfl/0=ocfl_1.1").read_bytes() == b"ocfl_1.1\n"
    layout = json.loads((tmp_path / "ocfl/ocfl_layout.json").read_bytes())
    config = json.loads((tmp_path / "ocfl/extensions" / layout["extension"] / "config.json").read_bytes())
    assert config == {
        "extensionName": "0004-hashed-n-tuple-storage-layout",
        "digestAlgorithm": "sha256",
        "tupleSize": 3,
        "numberOfTuples": 3,
        "shortObjectRoot": False,
    }


def test_object_roots_are_those_of_the_layouts_own_example() -> None:
    # Extension 0004, "Example 1": object-01 with the default configuration.
    digest = "3c0ff4240c1e116dba14c7627f2319b58aa3d77606d0d90dfc6161608ac987d4"
    assert object_root("object-01") == f"ocfl/3c0/ff4/240/{digest}"


def test_a_paper_without_a_dossier_is_its_own_object(archive: Archive, tmp_path: Path) -> None:
    stage_paper(archive, "A")
    recorded = commit_staged(archive, "A")
    object_id = "urn:sohoa:document:A"
    assert (recorded.commit.object_id, recorded.commit.version, recorded.sequence) == (object_id, 1, 1)
    names = ("original.jpg", "record.json", "text.txt")
    assert list(archive.files(object_id)) == [f"documents/A/{name}" for name in names]
    assert _file(archive, object_id, "documents/A/original.jpg") == scan_of("A")
    with archive.open_file(object_id, "documents/A/original.jpg", start=5, end=7) as part:
        assert part.read() == b"of"
    with archive.local_file(object_id, "documents/A/original.jpg") as path:
        assert path.read_bytes() == scan_of("A")
    assert assert_whole(tmp_path) == {object_id: 1}


def test_a_dossier_says_its_code_in_its_first_version_and_papers_join_it(archive: Archive, tmp_path: Path) -> None:
    for paper in "AB":
        stage_paper(archive, paper)
        commit_staged(archive, paper, DOSSIER)
    object_id = object_id_of("A", DOSSIER)
    assert json.loads(_file(archive, object_id, "dossier.json")) == {"code": DOSSIER, "object_id": object_id}
    assert _file(archive, object_id, "documents/A/original.jpg") == scan_of("A")
    assert _file(archive, object_id, "documents/B/original.jpg") == scan_of("B")
    assert assert_whole(tmp_path) == {object_id: 2}


def test_any_dossier_code_becomes_an_id_and_comes_back() -> None:
    assert object_id_of("A", DOSSIER) == f"urn:sohoa:dossier:{DOSSIER}"
    for form in (unicodedata.normalize("NFC", "Hồ sơ 1"), unicodedata.normalize("NFD", "Hồ sơ 1")):
        assert object_id_of("A", form) == "urn:sohoa:dossier:H%E1%BB%93%20s%C6%A1%201"
    assert dossier_of(object_id_of("A", "Hồ sơ 1")) == "Hồ sơ 1"
    assert dossier_of(object_id_of("A", None)) is None
    for bad in ("", "  ", "a\nb"):
        with pytest.raises(BadRequest):
            object_id_of("A", bad)


def test_identical_bytes_lie_once_in_an_object(archive: Archive, tmp_path: Path) -> None:
    for paper in "AB":  # both have the same text.txt
        stage_paper(archive, paper)
        commit_staged(archive, paper, DOSSIER)
    files = archive.files(object_id_of("A", DOSSIER))
    assert files["documents/A/text.txt"].key == files["documents/B/text.txt"].key
    assert len(list(tmp_path.glob("ocfl/*/*/*/*/v*/content/documents/*/text.txt"))) == 1
    assert_whole(tmp_path)


def test_a_correction_is_a_version_that_brings_only_what_changed(archive: Archive, tmp_path: Path) -> None:
    stage_paper(archive, "A")
    commit_staged(archive, "A")
    archive.clear_staging("A")
    object_id = object_id_of("A", None)
    changed = [
        archive.stage("A", "record.json", b'{"status": "withdrawn"}'),
        archive.stage("A", "premis.jsonl", b"{}\n"),
    ]
    recorded = archive.commit_and_record(object_id, changed, actor=ACTOR, message="deaccession A")
    assert (recorded.commit.version, recorded.sequence) == (2, 2)
    files = archive.files(object_id)
    assert files["documents/A/record.json"].key.endswith("v2/content/documents/A/record.json")
    assert files["documents/A/original.jpg"].key.endswith("v1/content/documents/A/original.jpg")
    new = {path.name for path in tmp_path.glob("ocfl/*/*/*/*/v2/content/documents/A/*")}
    assert new == {"record.json", "premis.jsonl"}
    assert assert_whole(tmp_path) == {object_id: 2}


def test_the_same_commit_again_answers_as_the_first_did(archive: Archive, tmp_path: Path) -> None:
    stage_paper(archive, "A")
    first = commit_staged(archive, "A", DOSSIER)
    stage_paper(archive, "B")
    commit_staged(archive, "B", DOSSIER)
    before = sorted(tmp_path.rglob("*"))
    assert commit_staged(archive, "A", DOSSIER) == first
    assert commit_staged(Archive(open_objects(tmp_path), SystemClock()), "A", DOSSIER) == first
    assert sorted(tmp_path.rglob("*")) == before


def test_going_back_to_earlier_bytes_is_a_version_of_its_own(archive: Archive, tmp_path: Path) -> None:
    for number, record in enumerate((b"one", b"two", b"one"), start=1):
        stage_paper(archive, "A", record=record)
        assert commit_staged(archive, "A").commit.version == number
    assert _file(archive, object_id_of("A", None), "documents/A/record.json") == b"one"
    assert_whole(tmp_path)


def test_staged_bytes_that_changed_are_refused_and_nothing_is_committed(archive: Archive, tmp_path: Path) -> None:
    files = stage_paper(archive, "A")
    archive.stage("A", "text.txt", b"other words", overwrite=True)
    object_id = object_id_of("A", None)
    with pytest.raises(DigestMismatch, match=r"text\.txt"):
        archive.commit_and_record(object_id, files, actor=ACTOR, message="archived A")
    with pytest.raises(NotFound):
        archive.inventory(object_id)
    assert archive.ledger.head() == 0
    assert archive.recover() == []
    archive.stage("A", "text.txt", b"the same words", overwrite=True)
    commit_staged(archive, "A")
    assert assert_whole(tmp_path) == {object_id: 1}


def test_staged_bytes_spoilt_behind_the_archives_back_are_refused(archive: Archive, tmp_path: Path) -> None:
    files = stage_paper(archive, "A")
    spoilt = tmp_path / files[0].key
    spoilt.chmod(0o640)
    spoilt.write_bytes(scan_of("X"))
    with pytest.raises(DigestMismatch):
        archive.commit_and_record(object_id_of("A", None), files, actor=ACTOR, message="archived A")
    assert not list(tmp_path.glob("ocfl/*/*/*/*"))


def test_bytes_that_the_object_has_already_must_be_right_in_staging_too(archive: Archive) -> None:
    stage_paper(archive, "A")
    commit_staged(archive, "A", DOSSIER)
    files = stage_paper(archive, "B")
    archive.stage("B", "text.txt", b"other words", overwrite=True)
    with pytest.raises(DigestMismatch):
        archive.commit_and_record(object_id_of("B", DOSSIER), files, actor=ACTOR, message="archived B")


def test_missing_staged_files_are_told_and_nothing_is_committed(archive: Archive) -> None:
    files = stage_paper(archive, "A")
    archive.clear_staging("A")
    with pytest.raises(NotFound):
        archive.commit_and_record(object_id_of("A", None), files, actor=ACTOR, message="archived A")
    assert archive.recover() == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "documents//x", "documents/./x", "documents/"])
def test_a_path_that_leads_out_of_the_object_is_refused(archive: Archive, path: str) -> None:
    (file, *_) = stage_paper(archive, "A")
    stray = StagedFile(path, file.key, file.sha256, file.size_bytes)
    with pytest.raises(BadRequest):
        archive.commit_and_record(object_id_of("A", None), [stray], actor=ACTOR, message="archived A")


def test_a_damaged_inventory_is_never_read_as_if_it_were_right(archive: Archive, tmp_path: Path) -> None:
    stage_paper(archive, "A")
    commit_staged(archive, "A")
    (root,) = tmp_path.glob("ocfl/*/*/*/*")
    for name, old, new in (
        ("v1/inventory.json", b"text.txt", b"test.txt"),
        ("inventory.json", b'{"digest', b'"digest'),
    ):
        right = (root / name).read_bytes()
        (root / name).chmod(0o640)
        (root / name).write_bytes(right.replace(old, new))
        with pytest.raises(DigestMismatch, match="damaged"):
            Archive(open_objects(tmp_path), SystemClock()).inventory(object_id_of("A", None))
        (root / name).write_bytes(right)
    assert_whole(tmp_path)


def test_a_reservation_that_cannot_be_finished_does_not_keep_others_waiting(archive: Archive, tmp_path: Path) -> None:
    for paper in "AB":
        stage_paper(archive, paper)
        commit_staged(archive, paper)
    stuck = {
        "inventory": json.loads(archive.inventory(object_id_of("A", None)).to_json()),
        "ledger_head": 0,
        "small": {},
    }
    stuck["inventory"]["id"] = "urn:sohoa:document:gone"
    archive.objects.create("intents/0/v1.json", json.dumps(stuck).encode())
    open_b = {
        "inventory": json.loads(archive.inventory(object_id_of("B", None)).to_json()),
        "ledger_head": 0,
        "small": {},
    }
    archive.objects.create("intents/1/v1.json", json.dumps(open_b).encode())
    with pytest.raises(NotFound):
        archive.recover()
    assert archive.ledger.head() == 2


def test_what_is_removed_leaves_the_newest_version_and_stays_in_the_one_before(
    archive: Archive, tmp_path: Path
) -> None:
    for paper in "AB":
        stage_paper(archive, paper)
        commit_staged(archive, paper, DOSSIER)
    object_id = object_id_of("A", DOSSIER)
    manifest = archive.inventory(object_id).manifest
    recorded = _remove(archive, object_id, "documents/A/")
    assert recorded.commit.version == 3
    names = {path.rpartition("/")[0] for path in archive.inventory(object_id).state}
    assert names == {"", "documents/B"}
    assert archive.inventory(object_id).manifest == manifest, "nothing is written and nothing forgotten"
    with archive.open_file(object_id, "documents/A/original.jpg", version=2) as file:
        assert file.read() == scan_of("A")
    with pytest.raises(NotFound):
        archive.open_file(object_id, "documents/A/original.jpg")
    with pytest.raises(NotFound):
        archive.open_file(object_id, "documents/A/original.jpg", version=9)
    assert _file(archive, object_id, "documents/B/text.txt") == b"the same words", "bytes that A brought"
    assert not (tmp_path / object_root(object_id) / "v3/content").exists()
    assert assert_whole(tmp_path) == {object_id: 3}


def test_removing_again_is_the_same_version_until_the_files_are_back(archive: Archive, tmp_path: Path) -> None:
    stage_paper(archive, "A")
    commit_staged(archive, "A", DOSSIER)
    object_id = object_id_of("A", DOSSIER)
    first = _remove(archive, object_id, "documents/A/")
    stage_paper(archive, "B")
    commit_staged(archive, "B", DOSSIER)
    assert _remove(archive, object_id, "documents/A/") == first
    assert commit_staged(archive, "A", DOSSIER).commit.version == 4
    assert _remove(archive, object_id, "documents/A/").commit.version == 5
    assert assert_whole(tmp_path) == {object_id: 5}


def test_files_may_take_the_place_of_what_is_removed_in_one_version(archive: Archive, tmp_path: Path) -> None:
    stage_paper(archive, "A")
    commit_staged(archive, "A")
    object_id = object_id_of("A", None)
    better = [archive.stage("A", "original.png", b"a better scan")]
    for _ in range(2):
        recorded = archive.commit_and_record(
            object_id, better, removed=["documents/A/original.jpg"], actor=ACTOR, message="replace A"
        )
        assert recorded.commit.version == 2
    names = {path.rpartition("/")[2] for path in archive.inventory(object_id).state}
    assert names == {"original.png", "text.txt", "record.json"}
    assert_whole(tmp_path)


def test_a_folder_that_is_removed_is_not_one_whose_name_begins_alike(archive: Archive) -> None:
    for paper in ("A", "AA"):
        stage_paper(archive, paper)
        commit_staged(archive, paper, DOSSIER)
    object_id = object_id_of("A", DOSSIER)
    _remove(archive, object_id, "documents/A/")
    assert list(archive.files(object_id, below="documents/A/")) == []
    assert len(archive.files(object_id, below="documents/AA/")) == 3


def test_nothing_can_be_removed_from_an_object_that_is_not_there(archive: Archive) -> None:
    with pytest.raises(NotFound):
        _remove(archive, object_id_of("A", DOSSIER), "documents/A/")
    assert archive.ledger.head() == 0


def test_files_of_another_object_are_copied_and_read_back(archive: Archive, tmp_path: Path) -> None:
    stage_paper(archive, "A")
    commit_staged(archive, "A")
    [*files] = archive.files(object_id_of("A", None)).values()
    copies = [StagedFile(file.logical_path, file.key, file.sha256, file.size_bytes) for file in files]
    target = object_id_of("A", DOSSIER)
    archive.commit_and_record(target, copies, actor=ACTOR, message="transfer A")
    assert _file(archive, target, "documents/A/original.jpg") == scan_of("A")
    rotten = tmp_path / files[0].key
    rotten.chmod(0o640)
    rotten.write_bytes(scan_of("X"))
    with pytest.raises(DigestMismatch):
        archive.commit_and_record(object_id_of("A", "other"), copies, actor=ACTOR, message="transfer A")
    with pytest.raises(NotFound):
        archive.inventory(object_id_of("A", "other"))


def test_the_manifest_of_a_correction_names_only_the_new_record(archive: Archive) -> None:
    stage_paper(archive, "A")
    commit_staged(archive, "A", DOSSIER)
    object_id = object_id_of("A", DOSSIER)
    before = dict(archive.inventory(object_id).manifest)
    record = archive.stage("A", "record.json", b'{"corrected": true}', overwrite=True)
    archive.commit_and_record(object_id, [record], actor=ACTOR, message="correction")
    after = archive.inventory(object_id)
    assert dict(after.manifest) == before | {record.sha256: ("v2/content/documents/A/record.json",)}
    assert after.content_path("documents/A/original.jpg") == "v1/content/documents/A/original.jpg"


def _remove(archive: Archive, object_id: str, folder: str) -> Recorded:
    return archive.commit_and_record(object_id, [], removed=[folder], actor=ACTOR, message="transfer")
