"""Only what need not be kept goes, only if two people say so, only whole; what went and why stays in the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest import disposing, keeping
from ingest.disposing import Proposal, finish_told
from sohoa.errors import BadRequest, Conflict, NotAllowed, NotFound, StoreUnavailable
from sohoa.model import Actor
from sohoa.states import DocumentStatus
from storage.archive import Archive, object_id_of
from storage.archive.disposal import Disposed, read_certificate
from storage.archive.layout import ledger_key, object_root, sha256_of, to_json
from storage.archive.ledger import entry_to_dict
from storage.catalog import documents, jobs
from storage.index import open_index, parse_query
from storage.objects import open_objects
from tests.support.catalogue_rows import rows_of
from tests.support.replicated import contents, copy_to
from tests.support.worked import LOCKED, NOT_PDFA, WHOLE, WorkedOffice, picture, worked_office
from tests.unit.test_rebuild import rebuild_after_loss

LAN, MAI, HOA = Actor("person:lan"), Actor("person:mai"), Actor("person:hoa")
DOSSIER = "000.00.05.H02-230105-0001"


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "home", monkeypatch) as office:
        yield office


def over(office: WorkedOffice, named: str) -> None:
    """A retention that has run out."""
    target = keeping.find_target(office.stores, named, office=None)
    keeping.set_retention(office.stores, target, "5y", starting=date(2015, 1, 1), actor=LAN, reason="theo quy định")


def hold(office: WorkedOffice, named: str) -> None:
    target = keeping.find_target(office.stores, named, office=None)
    keeping.set_hold(office.stores, target, actor=LAN, reason="vụ án 12")


def propose(office: WorkedOffice, named: str, actor: Actor = LAN) -> Proposal:
    target = keeping.find_target(office.stores, named, office=None)
    return disposing.propose(office.stores, target, actor=actor, reason="hết thời hạn bảo quản")


def approve(office: WorkedOffice, named: str, actor: Actor = MAI) -> Proposal:
    return disposing.approve(office.stores, keeping.find_target(office.stores, named, office=None), actor=actor)


def run(office: WorkedOffice, named: str) -> Disposed:
    return disposing.run(office.stores, keeping.find_target(office.stores, named, office=None), actor=HOA)


def make_ready(office: WorkedOffice, named: str) -> None:
    """Its time has run out, and two people have agreed."""
    over(office, named)
    propose(office, named)
    approve(office, named)


def dispose(office: WorkedOffice, named: str) -> Disposed:
    make_ready(office, named)
    return run(office, named)


def files_of(office: WorkedOffice, object_id: str) -> list[str]:
    return list(office.stores.archive.objects.list(f"{object_root(object_id)}/"))


def test_disposed_object_is_gone_and_its_certificate_is_in_the_ledger(office: WorkedOffice) -> None:
    first, second = office.bring(WHOLE, dossier=DOSSIER), office.bring(LOCKED, dossier=DOSSIER)
    other = office.bring(WHOLE)
    over(office, DOSSIER)
    object_id = object_id_of(first.document_id, DOSSIER)
    inventories = [
        sha256_of(office.stores.archive.objects.read(f"{object_root(object_id)}/v{number}/inventory.json"))
        for number in (1, 2, 3)
    ]
    propose(office, DOSSIER)
    approve(office, DOSSIER)
    disposed = run(office, DOSSIER)
    certificate = disposed.certificate
    assert files_of(office, object_id) == []
    assert not (office.stores.settings.home / "archive" / object_root(object_id)).exists()
    assert list(certificate.inventories) == inventories
    assert set(certificate.documents) == {first.document_id, second.document_id}
    assert (certificate.proposed_by, certificate.approved_by, certificate.run_by) == (LAN, MAI, HOA)
    assert (certificate.retention_class, certificate.until) == ("5y", datetime(2020, 1, 1, tzinfo=UTC))
    assert certificate.reason == "hết thời hạn bảo quản"
    entries = list(office.stores.archive.ledger.entries())
    assert entries[-1].disposals == (certificate,)
    assert entries[-1].sequence == disposed.sequence
    assert read_certificate(office.stores.archive.objects, object_id) == certificate
    for document in (first, second):
        assert office.stores.archive.read_receipt(document.document_id).document_id == document.document_id
    assert office.now(other).status is DocumentStatus.ARCHIVED
    assert files_of(office, object_id_of(other.document_id, None))


def test_ledger_entry_with_a_certificate_is_spelled_as_every_entry(office: WorkedOffice) -> None:
    document = office.bring(WHOLE)
    sequence = dispose(office, document.document_id).sequence
    archive = office.stores.archive
    for number in range(1, sequence + 1):
        data = archive.objects.read(ledger_key(number))
        assert to_json(entry_to_dict(archive.ledger.entry(number))) == data
        assert ("disposals" in json.loads(data)) == (number == sequence)
    office.bring(WHOLE)
    assert [entry.sequence for entry in archive.ledger.entries()] == list(range(1, sequence + 2))


def test_catalogue_and_search_show_it_no_more(office: WorkedOffice) -> None:
    document = office.bring(WHOLE)
    office.index()
    sequence = dispose(office, document.document_id).sequence
    office.index()
    now = office.now(document)
    assert (now.status, now.code, now.version, now.sequence) == (DocumentStatus.WITHDRAWN, "disposed", 2, sequence)
    assert f"ledger entry {sequence}" in (now.detail or "")
    assert now.changed_seq > document.changed_seq
    with open_index(office.stores.settings) as index:
        assert index.search(parse_query("hòa giải"), office=None, limit=5).total == 0
    with pytest.raises(Conflict) as caught:
        run(office, document.document_id)
    assert caught.value.code == "disposed"


def test_same_bytes_may_come_again_and_are_another_document(office: WorkedOffice) -> None:
    first = office.work(office.receive(picture(77)).document, WHOLE)
    dispose(office, first.document_id)
    again = office.receive(picture(77))
    assert again.duplicate_of is None
    assert office.work(again.document, WHOLE).status is DocumentStatus.ARCHIVED


def test_nothing_joins_a_dossier_that_was_disposed_of(office: WorkedOffice) -> None:
    document = office.bring(WHOLE, dossier=DOSSIER)
    dispose(office, DOSSIER)
    late = office.bring(WHOLE, dossier=DOSSIER)
    assert (late.status, late.stage, late.code) == (DocumentStatus.FAILED, "commit", "disposed")
    assert files_of(office, object_id_of(document.document_id, DOSSIER)) == []
    archive = office.stores.archive
    assert list(archive.objects.list("intents/")) == []
    assert archive.objects.exists(f"staging/{late.document_id}/original.png")
    other = Archive(archive.objects, office.clock)  # another process, that knows nothing of the object
    staged = other.stage("X", "record.json", b"{}")
    with pytest.raises(Conflict) as caught:
        other.commit_and_record(object_id_of("X", DOSSIER), [staged], actor=LAN, message="late")
    assert caught.value.code == "disposed"


def test_nothing_is_moved_into_a_dossier_that_was_disposed_of(office: WorkedOffice) -> None:
    office.bring(WHOLE, dossier=DOSSIER)
    dispose(office, DOSSIER)
    loose = office.bring(WHOLE)
    with pytest.raises(Conflict) as caught:
        office.move(loose, DOSSIER)
    assert caught.value.code == "disposed"
    with office.stores.database.read() as connection:
        assert documents.get(connection, loose.document_id) == loose
        assert jobs.counts(connection) == {}


def test_rebuild_says_the_same_of_what_was_disposed_of(office: WorkedOffice) -> None:
    said: dict[str, Any] = {"external_id": "case-7", "declared": {"type": "KH"}}
    documents_of = [office.bring(WHOLE, **said), office.bring(NOT_PDFA, dossier=DOSSIER), office.bring(WHOLE)]
    dispose(office, documents_of[0].document_id)
    dispose(office, DOSSIER)
    office.index()
    before = rows_of(office.stores.database)
    rebuilt = rebuild_after_loss(office)
    assert rebuilt.findings == ()
    assert rows_of(office.stores.database) == before
    assert rebuilt.documents == {DocumentStatus.WITHDRAWN: 2, DocumentStatus.ARCHIVED: 1}


def test_what_is_to_be_kept_or_on_hold_is_neither_proposed_nor_approved_nor_run(office: WorkedOffice) -> None:
    document_id = office.bring(WHOLE).document_id
    steps = (propose, approve, run)
    for step in steps:
        with pytest.raises(NotAllowed, match="no retention"):
            step(office, document_id)
    over(office, document_id)
    hold(office, document_id)
    for step in steps:
        with pytest.raises(NotAllowed) as caught:
            step(office, document_id)
        assert caught.value.code == "on_hold"
    target = keeping.find_target(office.stores, document_id, office=None)
    keeping.lift_hold(office.stores, target, actor=MAI, reason="xong")
    propose(office, document_id)
    approve(office, document_id)
    hold(office, document_id)  # at the last moment
    with pytest.raises(NotAllowed):
        run(office, document_id)
    keeping.lift_hold(office.stores, target, actor=MAI, reason="xong")
    with pytest.raises(NotFound, match="as it is now"):
        run(office, document_id)
    assert {each.state for each in disposing.list_all(office.stores)} == {"outdated"}
    keeping.set_retention(office.stores, target, "70y", starting=None, actor=LAN, reason="theo quy định")
    with pytest.raises(NotAllowed) as caught:
        propose(office, document_id)
    assert caught.value.code == "retained"


def test_two_people_are_needed_and_machines_are_none(office: WorkedOffice) -> None:
    document_id = office.bring(WHOLE).document_id
    over(office, document_id)
    with pytest.raises(NotFound):
        approve(office, document_id)
    propose(office, document_id)
    with pytest.raises(NotAllowed):
        run(office, document_id)
    for same in (LAN, Actor("person:LAN"), Actor("person:lan ")):
        with pytest.raises(NotAllowed) as caught:
            approve(office, document_id, same)
        assert caught.value.code == "same_actor"
    with pytest.raises(NotAllowed, match="no person"):
        approve(office, document_id, Actor("system:sohoa"))
    with pytest.raises(Conflict):
        propose(office, document_id, MAI)
    assert approve(office, document_id).state == "approved"
    with pytest.raises(Conflict, match="approved already by person:mai"):
        approve(office, document_id, HOA)
    run(office, document_id)
    assert [each.state for each in disposing.list_all(office.stores)] == ["disposed"]


def test_approval_written_by_hand_by_the_proposer_is_not_enough(office: WorkedOffice) -> None:
    document_id = office.bring(WHOLE).document_id
    over(office, document_id)
    propose(office, document_id)
    objects = office.stores.archive.objects
    [key] = [key for key in objects.list("disposals/") if key.endswith("proposed.json")]
    forged = {"by": LAN, "at": "2026-01-02T00:00:00.000Z", "proposal_sha256": sha256_of(objects.read(key))}
    objects.create(key.replace("proposed", "approved"), to_json(forged))
    with pytest.raises(NotAllowed) as caught:
        run(office, document_id)
    assert caught.value.code == "same_actor"


def test_proposal_is_for_the_object_as_it_was(office: WorkedOffice) -> None:
    office.bring(WHOLE, dossier=DOSSIER)
    make_ready(office, DOSSIER)
    office.bring(WHOLE, dossier=DOSSIER)
    with pytest.raises(NotFound, match="as it is now"):
        run(office, DOSSIER)


def test_part_of_a_dossier_is_not_disposed_of(office: WorkedOffice) -> None:
    document = office.bring(WHOLE, dossier=DOSSIER)
    over(office, DOSSIER)
    with pytest.raises(Conflict, match="as a whole"):
        propose(office, document.document_id)
    target = keeping.find_target(office.stores, DOSSIER, office=None)
    with pytest.raises(BadRequest):
        disposing.propose(office.stores, target, actor=LAN, reason=" ")


def test_paper_that_is_being_worked_on_is_not_disposed_of(office: WorkedOffice) -> None:
    document = office.bring(NOT_PDFA)
    over(office, document.document_id)
    office.retry(document, then=None)
    with pytest.raises(Conflict) as caught:
        propose(office, document.document_id)
    assert caught.value.code == "busy"


def test_catalogue_learns_of_a_disposal_whose_process_died_before_it_could_tell(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(WHOLE)
    make_ready(office, document.document_id)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.disposing.disposed_rows.tell", _die)
        with pytest.raises(_Died):
            run(office, document.document_id)
    assert office.now(document).status is DocumentStatus.ARCHIVED
    told: set[str] = set()
    assert finish_told(office.stores, told) == 1
    assert (office.now(document).code, len(told)) == ("disposed", 1)
    assert finish_told(office.stores, told) == finish_told(office.stores, set()) == 0
    office.index()
    before = rows_of(office.stores.database)
    rebuild_after_loss(office)
    assert rows_of(office.stores.database) == before


def test_copy_learns_of_a_disposal_keeps_what_it_has_and_does_not_bring_it_back(
    office: WorkedOffice, tmp_path: Path
) -> None:
    old, kept = office.bring(WHOLE), office.bring(WHOLE)
    archive, copy, late = office.stores.archive, open_objects(tmp_path / "copy"), open_objects(tmp_path / "late")
    copy_to(archive.objects, copy)
    object_id = object_id_of(old.document_id, None)
    dispose(office, old.document_id)
    for target in (copy, late):
        assert copy_to(archive.objects, target).findings == ()
        assert Archive(target, office.clock).ledger.head() == archive.ledger.head()
        assert read_certificate(target, object_id)
    assert copy.exists(f"{object_root(object_id)}/v1/inventory.json")
    assert not late.exists(f"{object_root(object_id)}/v1/inventory.json")
    before = contents(archive.objects)
    assert copy_to(copy, archive.objects, thorough=True, back=True).findings == ()
    assert contents(archive.objects) == before
    assert office.now(kept).status is DocumentStatus.ARCHIVED


def test_store_that_is_away_in_the_middle_is_told_and_recovery_goes_on(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(WHOLE)
    make_ready(office, document.document_id)
    with monkeypatch.context() as patch:
        patch.setattr(type(office.stores.archive.objects), "dispose", _away)
        with pytest.raises(StoreUnavailable):
            run(office, document.document_id)
    assert office.stores.archive.recover() == []
    assert files_of(office, object_id_of(document.document_id, None)) == []
    assert finish_told(office.stores, set()) == 1


class _Died(BaseException):
    """The process dies here."""


def _die(*_: object, **__: object) -> None:
    raise _Died


def _away(*_: object, **__: object) -> None:
    raise StoreUnavailable("the store is away")
