"""`verify` knows documents that were moved and originals that were replaced or appended, and names damage among them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from ingest import moving
from ocr_workers import outcomes
from sohoa.states import RevisionKind
from storage.archive.archive import Archive
from storage.archive.layout import object_id_of, object_root, receipt_key, to_json
from storage.archive.receipts import Receipt
from storage.catalog.documents import Document
from storage.catalog.tables import documents
from storage.registration import register_pending
from tests.support.verified import codes, flip, overwrite, verified
from tests.support.worked import HOPELESS, MIXED, WHOLE, WorkedOffice, every_state, picture, worked_office
from tests.unit.test_rebuild import Stopped, rebuild_after_loss, receipt_without_a_row

A, B = "H02-230105-0001", "H02-230105-0002"
REPLACE, APPEND = RevisionKind.REPLACE, RevisionKind.APPEND


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path, monkeypatch) as office:
        yield office


def test_documents_in_every_state_are_clean_before_and_after_a_rebuild(office: WorkedOffice) -> None:
    every_state(office, 70)
    office.clock.advance(seconds=3600)
    assert verified(office.stores).findings == []
    rebuild_after_loss(office)
    assert verified(office.stores).findings == []


def test_revisions_on_their_way_are_clean(office: WorkedOffice) -> None:
    longer, replaced = office.bring(MIXED, dossier=A), office.bring(WHOLE)
    office.revise(longer, APPEND, then=HOPELESS)
    office.revise(longer, APPEND, then=None)
    office.revise(replaced, REPLACE, then=None)
    office.index()
    office.clock.advance(seconds=3600)
    assert verified(office.stores).findings == []


@pytest.mark.parametrize("paper", [MIXED, HOPELESS])
def test_revision_that_the_archive_has_and_the_catalogue_does_not_is_pending(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch, paper: object
) -> None:
    document = office.bring(WHOLE)
    office.index()
    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "revision_committed", _die)
        with pytest.raises(Stopped):
            office.revise(document, APPEND, then=paper)  # type: ignore[arg-type]
    office.clock.advance(seconds=3600)
    report = verified(office.stores)
    assert (report.is_clean, codes(report)) == (True, ["catalog_pending"])


@pytest.mark.parametrize("step", ["_arrive", "_leave"])
@pytest.mark.parametrize(("before", "to"), [(A, B), (None, A), (A, None)])
def test_move_under_way_is_pending(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch, step: str, before: str | None, to: str | None
) -> None:
    document = office.bring(MIXED, dossier=before)
    office.index()
    with monkeypatch.context() as patch:
        patch.setattr(moving, step, _die)
        with pytest.raises(Stopped):
            office.move(document, to)
    office.index()
    office.clock.advance(seconds=3600)
    report = verified(office.stores)
    twice = ["document_twice"] if step == "_leave" else []
    assert (report.is_clean, codes(report)) == (True, ["catalog_pending", *twice])


def test_document_left_in_two_objects_that_nobody_works_on_is_an_error(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(MIXED, dossier=A)
    with monkeypatch.context() as patch:
        patch.setattr(moving, "_leave", lambda *_: None)
        office.move(document, B)
    office.index()
    office.clock.advance(seconds=3600)
    assert set(codes(verified(office.stores))) >= {"document_twice", "catalog_disagrees"}


def test_receipt_of_a_revision_whose_process_died_is_pending(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(WHOLE)
    write_receipt = Archive.write_receipt

    def write_and_die(archive: Archive, receipt: Receipt) -> None:
        write_receipt(archive, receipt)
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "write_receipt", write_and_die)
        with pytest.raises(Stopped):
            office.revise(document, REPLACE, then=None)
    office.index()
    office.clock.advance(seconds=3600)
    report = verified(office.stores)
    assert codes(report) == ["receipt_pending"]
    shutil.rmtree(root_of(office) / "staging")
    assert codes(verified(office.stores)) == ["receipt_without_document"]


def test_receipt_of_bytes_that_came_again_resolves_to_the_document_of_the_second(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture(5_000)
    receipt_without_a_row(office, monkeypatch, data)
    office.work(office.receive(data).document, WHOLE)
    register_pending(office.stores.archive, office.stores.database, office.clock)
    office.index()
    office.clock.advance(seconds=3600)
    assert verified(office.stores).findings == []


def test_every_flipped_bit_among_versions_of_moved_and_revised_documents_is_found(office: WorkedOffice) -> None:
    much_changed(office)
    root = root_of(office)
    content = sorted(path for path in (root / "ocfl").rglob("v*/content/**/*") if path.is_file())
    assert any(path.name == "moved.json" for path in content)
    assert any("revisions" in path.parts for path in content)
    assert any(path.name == "original-2.png" for path in content)
    for path in content:
        flip(path, -1)
        found = {(each.code, each.where) for each in verified(office.stores).findings if each.severity == "error"}
        assert ("E092", path.relative_to(root).as_posix()) in found
        flip(path, -1)


RECEIPTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "gone": (lambda path: path.unlink(), "receipt_missing"),
    "no receipt": (lambda path: overwrite(path, b"{}"), "receipt_damaged"),
    "other bytes": (lambda path: _reword(path, sha256="0" * 64), "receipt_disagrees"),
    "another document": (
        lambda path: _reword(path, revising={"document_id": "X", "kind": "append", "reason": "x"}),
        "receipt_disagrees",
    ),
    "no revision": (lambda path: _reword(path, revising=None), "receipt_disagrees"),
}


@pytest.mark.parametrize("damage", RECEIPTS)
def test_damaged_receipt_of_a_revision_is_named(office: WorkedOffice, damage: str) -> None:
    document = much_changed(office)
    root, own = root_of(office), receipt_key(document.document_id)
    keys = [path.relative_to(root).as_posix() for path in sorted((root / "receipts").iterdir())]
    assert len(keys) == 5
    act, code = RECEIPTS[damage]
    for key in keys:
        if key == own:
            continue
        sound = (root / key).read_bytes()
        act(root / key)
        findings = verified(office.stores).findings
        assert [(each.code, each.where) for each in findings] == [(code, key)]
        assert code in codes(verified(office.stores, document.archived_in))
        (root / key).unlink(missing_ok=True)
        (root / key).write_bytes(sound)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"appended": None}, "record_disagrees"),
        ({"revision": None}, "record_disagrees"),
        ({"source_name": "khác.png"}, "record_disagrees"),
        ({"object_id": object_id_of("", A)}, "catalog_disagrees"),
        ({"dossier": A}, "catalog_disagrees"),
    ],
)
def test_catalogue_that_says_otherwise_of_a_changed_document_is_found(
    office: WorkedOffice, values: dict[str, object], code: str
) -> None:
    document = much_changed(office)
    with office.stores.database.write() as conn:
        conn.execute(update(documents).where(documents.c.document_id == document.document_id).values(**values))
    assert code in codes(verified(office.stores))


def test_lost_object_that_a_document_moved_from_is_named(office: WorkedOffice) -> None:
    much_changed(office)
    root = object_root(object_id_of("", A))
    shutil.rmtree(root_of(office) / root)
    assert ("object_missing", f"{root}/") in {(each.code, each.where) for each in verified(office.stores).findings}


def much_changed(office: WorkedOffice) -> Document:
    """A document that was loose, then in dossier A and now is in B; replaced, appended to, and with a failed revision."""
    document = office.bring(WHOLE)
    office.revise(document, APPEND, then=WHOLE)
    office.move(document, A)
    office.revise(document, REPLACE, then=MIXED)
    office.revise(document, APPEND, then=MIXED)
    office.move(document, B)
    office.revise(document, APPEND, then=HOPELESS)
    office.index()
    office.clock.advance(seconds=3600)
    assert verified(office.stores).findings == []
    return office.now(document)


def root_of(office: WorkedOffice) -> Path:
    return office.stores.settings.folder_of("")


def _reword(path: Path, **values: object) -> None:
    overwrite(path, to_json(json.loads(path.read_bytes()) | values))


def _die(*_: object, **__: object) -> None:
    raise Stopped
