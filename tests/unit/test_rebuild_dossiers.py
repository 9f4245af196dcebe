"""Rebuilding while a move or a revision is under way: what the archive has of it goes on from there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import moving
from ocr_workers import staged
from sohoa.errors import DigestMismatch
from sohoa.states import DocumentStatus, JobKind, RevisionKind
from storage.archive.archive import Archive
from storage.archive.layout import object_id_of, object_root
from storage.archive.receipts import Receipt
from storage.catalog import jobs
from storage.catalog.documents import Document
from storage.registration import register_pending
from tests.support.catalogue_rows import rows_of
from tests.support.rebuilding import rebuild_in
from tests.support.worked import DAMAGED, HOPELESS, LOCKED, MIXED, WHOLE, WorkedOffice, worked_office
from tests.unit.test_rebuild import Stopped, close, rebuild_after_loss, waiting_jobs

A, B = "H02-230105-0001", "H02-230105-0002"
REPLACE, APPEND = RevisionKind.REPLACE, RevisionKind.APPEND


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path, monkeypatch) as office:
        yield office


def test_revisions_on_their_way_are_as_before_and_wait_to_be_opened(office: WorkedOffice) -> None:
    longer, locked, moved = office.bring(MIXED, dossier=A), office.bring(LOCKED), office.bring(WHOLE, dossier=A)
    office.revise(longer, APPEND, then=HOPELESS)
    office.move(moved, B)
    for document, kind in ((longer, APPEND), (locked, REPLACE), (moved, REPLACE)):
        office.revise(document, kind, then=None)
    office.index()
    before = rows_of(office.stores.database)
    assert rebuild_after_loss(office).findings == ()
    assert rows_of(office.stores.database) == before
    assert [row["revises"] is not None for row in before["documents"]].count(True) == 3
    assert waiting_jobs(office) == [{}, {}, {}]
    assert office.work(longer, WHOLE).pages_total == 5
    assert office.now(locked).status is DocumentStatus.ARCHIVED
    assert office.now(moved).revision is None


def test_revision_that_the_archive_could_not_take_begins_again(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise DigestMismatch("the staged bytes changed")

    document = office.bring(WHOLE)
    with monkeypatch.context() as patch:
        patch.setattr(staged, "files_to_commit", damaged)
        failed = office.revise(document, APPEND, then=MIXED)
    assert failed.revision is not None
    assert (failed.revision.status, failed.revision.stage) == (DocumentStatus.FAILED, "commit")
    rebuild_after_loss(office)
    revision = office.now(document).revision
    assert revision is not None
    assert (revision.receipt, revision.status) == (failed.revision.receipt, DocumentStatus.RECEIVED)
    assert office.work(document, MIXED).pages_total == 5


def test_receipt_of_a_revision_that_was_never_registered_becomes_one(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(WHOLE)
    _dies_after_its_receipt(office, document, monkeypatch)
    assert rebuild_after_loss(office).findings == ()
    assert office.now(document).revision is not None
    assert office.work(document, MIXED).pages_total == 4


def test_staged_revision_of_a_document_that_is_read_anew_itself_is_left_to_the_sweeper(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(DAMAGED)
    office.release(document, then=None)
    with monkeypatch.context() as patch:
        patch.setattr("storage.registration.check_may_begin", lambda *_: None)
        patch.setattr("ingest.revising.check_revisable", lambda *_: None)
        patch.setattr("storage.catalog.revisions.check_idle", lambda *_: None)
        patch.setattr("ingest.receive.check_may_begin", lambda *_: None)
        _dies_after_its_receipt(office, document, monkeypatch)
    assert rebuild_after_loss(office).findings == ()
    assert office.now(document).revision is None
    office.work(document, HOPELESS)
    stores = office.stores
    assert register_pending(stores.archive, stores.database, office.clock) == 1
    assert office.work(document, MIXED).status is DocumentStatus.ARCHIVED


@pytest.mark.parametrize("base_is_damaged", [False, True])
def test_lost_bytes_of_a_revision_are_named_once(office: WorkedOffice, base_is_damaged: bool) -> None:
    document = office.bring(WHOLE)
    revising = office.revise(document, REPLACE, then=None)
    assert revising.revision is not None
    root = office.stores.settings.folder_of("")
    shutil.rmtree(root / "staging" / revising.revision.receipt)
    if base_is_damaged:
        [path] = (root / object_root(document.archived_in)).glob("v1/content/documents/*/record.json")
        path.unlink()
    found = [(each.code, each.document_id) for each in rebuild_after_loss(office).findings]
    expected = [("document_damaged", document.document_id)]
    assert found == (expected if base_is_damaged else [("original_missing", revising.revision.receipt)])


def test_unreadable_events_of_a_revised_document_are_named(office: WorkedOffice) -> None:
    document = office.bring(WHOLE)
    revised = office.revise(document, APPEND, then=MIXED)
    root = office.stores.settings.folder_of("") / object_root(document.archived_in)
    [path] = root.glob("v2/content/documents/*/premis.jsonl")
    path.unlink()
    path.write_bytes(b"{")
    [finding] = rebuild_after_loss(office).findings
    assert (finding.code, finding.document_id) == ("document_damaged", document.document_id)
    assert office.now(document).appended == revised.appended


def test_move_that_has_arrived_and_not_left_is_finished(office: WorkedOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    document = office.bring(MIXED, dossier=A)
    office.bring(WHOLE, dossier=A)
    with monkeypatch.context() as patch:
        patch.setattr(moving, "_leave", _die)
        with pytest.raises(Stopped):
            office.move(document, B)
    office.index()
    before = rows_of(office.stores.database)
    assert rebuild_after_loss(office).findings == ()
    assert rows_of(office.stores.database) == before
    assert _jobs(office, document) == {JobKind.MOVE: 1}
    after = office.work(document, WHOLE)
    assert (after.dossier, after.archived_in, _jobs(office, document)) == (B, object_id_of("", B), {})
    source = office.stores.archive.inventory(object_id_of("", A))
    assert not [path for path in source.state if document.document_id in path]
    assert (source.versions[-1].actor, source.versions[-1].message) == (
        "person:mai",
        f"transfer {document.document_id} to {object_id_of('', B)}",
    )
    rebuild_after_loss(office)
    assert (office.now(document).archived_in, _jobs(office, document)) == (object_id_of("", B), {})


@pytest.mark.parametrize("step", ["_arrive", "_leave"])
def test_move_under_way_is_carried_over(office: WorkedOffice, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    document = office.bring(MIXED, dossier=A)
    with monkeypatch.context() as patch:
        patch.setattr(moving, step, _die)
        with pytest.raises(Stopped):
            office.move(document, B)
    office.index()
    before = rows_of(office.stores.database)
    close(office)
    carried = rebuild_in(office.stores.settings.home).carried
    assert carried is not None
    assert carried.decisions == 1
    assert rows_of(office.stores.database) == before
    assert _jobs(office, document) == {JobKind.MOVE: 1}
    office.clock.advance(seconds=2 * 86_400)
    assert office.work(document, WHOLE).archived_in == object_id_of("", B)


def _jobs(office: WorkedOffice, document: Document) -> dict[JobKind, int]:
    with office.stores.database.read() as conn:
        counted = jobs.counts(conn, document_id=document.document_id)
    return {kind: sum(by_state.values()) for kind, by_state in counted.items()}


def _die(*_: object, **__: object) -> None:
    raise Stopped


def _dies_after_its_receipt(office: WorkedOffice, document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    write_receipt = Archive.write_receipt

    def write_and_die(archive: Archive, receipt: Receipt) -> None:
        write_receipt(archive, receipt)
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "write_receipt", write_and_die)
        with pytest.raises(Stopped):
            office.revise(document, REPLACE, then=None)
