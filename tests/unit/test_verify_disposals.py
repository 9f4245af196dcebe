"""An archive with objects that were disposed of is clean; whatever of it was tampered with shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import disposing
from ocr_workers.fixity_duty import FixityDuty
from sohoa.errors import Conflict
from sohoa.states import DocumentStatus, RevisionKind
from storage.archive import object_id_of, verify
from storage.archive.certificate import certificate_to_dict
from storage.archive.disposal import certificate_key, read_certificate
from storage.archive.layout import intent_key, ledger_key, object_root, sha256_of, to_json
from storage.archive.ledger import commit_to_dict, entry_to_dict
from storage.catalog.documents import Document
from tests.support.catalogue_rows import rows_of
from tests.support.verified import codes, overwrite, verified
from tests.support.worked import WHOLE, WorkedOffice, worked_office
from tests.unit.test_disposing import DOSSIER, dispose, hold, make_ready, over, propose, run
from tests.unit.test_rebuild import rebuild_after_loss

OTHER = "000.00.05.H02-230105-0002"
OBJECT = object_id_of("", DOSSIER)


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "home", monkeypatch) as office:
        yield office


@pytest.fixture
def gone(office: WorkedOffice) -> dict[str, Document]:
    """A dossier that was disposed of, with a paper of every history in it, and papers that stay."""
    papers = {name: office.bring(WHOLE, dossier=DOSSIER) for name in ("plain", "replaced", "appended", "withdrawn")}
    papers["came"] = office.move(office.bring(WHOLE), to=DOSSIER)
    papers["went"] = office.bring(WHOLE, dossier=DOSSIER)
    papers["stays"] = office.bring(WHOLE, dossier=OTHER)
    office.revise(papers["replaced"], RevisionKind.REPLACE, then=WHOLE)
    office.revise(papers["appended"], RevisionKind.APPEND, then=WHOLE)
    office.revise(papers["went"], RevisionKind.REPLACE, then=WHOLE)
    office.withdraw(papers["withdrawn"])
    papers["went"] = office.move(office.now(papers["went"]), to=OTHER)
    dispose(office, DOSSIER)
    office.index()
    return {name: office.now(paper) for name, paper in papers.items()}


def root_of(office: WorkedOffice) -> Path:
    return office.stores.settings.folder_of("")


def certificate_path(office: WorkedOffice) -> Path:
    return root_of(office) / certificate_key(OBJECT)


def test_archive_with_a_disposed_dossier_is_clean(office: WorkedOffice, gone: dict[str, Document]) -> None:
    assert verified(office.stores).findings == []
    assert verified(office.stores, OBJECT).findings == []
    assert verified(office.stores, object_id_of("", OTHER)).findings == []


def test_archive_whose_papers_are_kept_and_on_hold_is_clean(office: WorkedOffice) -> None:
    loose, joined = office.bring(WHOLE), office.bring(WHOLE, dossier=DOSSIER)
    office.index()
    for named in (loose.document_id, joined.document_id, DOSSIER):
        over(office, named)
        hold(office, named)
    assert verified(office.stores).findings == []
    assert verified(office.stores, OBJECT).findings == []


def test_rolling_check_takes_a_disposed_dossier_for_no_damage(office: WorkedOffice, gone: dict[str, Document]) -> None:
    duty = FixityDuty(office.stores, stop=threading.Event(), has_lease=lambda: True)
    duty.run()
    report = verified(office.stores)
    assert report.findings == []
    assert report.cover is not None
    assert report.cover.failures == ()


def test_rebuild_says_the_same_of_papers_with_every_history(office: WorkedOffice, gone: dict[str, Document]) -> None:
    before = rows_of(office.stores.database)
    assert rebuild_after_loss(office).findings == ()
    assert rows_of(office.stores.database) == before


def test_revision_on_its_way_keeps_a_dossier(office: WorkedOffice) -> None:
    paper = office.bring(WHOLE, dossier=DOSSIER)
    over(office, DOSSIER)
    office.revise(paper, RevisionKind.REPLACE, then=None)
    with pytest.raises(Conflict, match="being worked on"):
        propose(office, DOSSIER)


def test_version_that_is_not_finished_keeps_an_object(office: WorkedOffice, gone: dict[str, Document]) -> None:
    make_ready(office, OTHER)
    archive = office.stores.archive
    head = archive.inventory(object_id_of("", OTHER)).head
    archive.objects.create(intent_key(object_id_of("", OTHER), head), b"{}")
    with pytest.raises(Conflict, match="being written to"):
        run(office, OTHER)
    assert archive.objects.exists(f"{object_root(object_id_of('', OTHER))}/inventory.json")


def _drop_certificate(office: WorkedOffice) -> None:
    certificate_path(office).unlink()


def _change_certificate(office: WorkedOffice) -> None:
    found = json.loads(certificate_path(office).read_bytes())
    overwrite(certificate_path(office), to_json(found | {"reason": "another"}))


def _bring_back(office: WorkedOffice) -> None:
    office.stores.archive.objects.create(f"{object_root(OBJECT)}/v1/content/leftover", b"x")


def _reopen(office: WorkedOffice) -> None:
    _bring_back(office)
    certificate = read_certificate(office.stores.archive.objects, OBJECT)
    intent = to_json({"disposal": certificate_to_dict(certificate), "ledger_head": 0})
    office.stores.archive.objects.create(intent_key(OBJECT, certificate.head + 1), intent)


def _cut_short(office: WorkedOffice) -> None:
    office.stores.archive.objects.create(intent_key(OBJECT, 99), b'{"disposal":{"object_id"')


def _forge_certificate(office: WorkedOffice) -> None:
    """Who deletes an object past Sohoa puts a certificate beside it, but cannot put it into the chain."""
    archive, other = office.stores.archive, object_id_of("", OTHER)
    found = certificate_to_dict(read_certificate(archive.objects, OBJECT)) | {"object_id": other}
    archive.objects.create(certificate_key(other), to_json(found))
    for key in list(archive.objects.list(object_root(other) + "/")):
        (root_of(office) / key).unlink()


def _append(office: WorkedOffice, **changes: object) -> None:
    ledger = office.stores.archive.ledger
    newest = entry_to_dict(ledger.entry(ledger.head()))
    told = {"sequence": ledger.head() + 1, "previous": ledger.entry(ledger.head()).sha256, "commits": []}
    entry = {name: value for name, value in newest.items() if name != "disposals"} | told | changes
    office.stores.archive.objects.create(ledger_key(ledger.head() + 1), to_json(entry))


def _dispose_twice(office: WorkedOffice) -> None:
    certificate = read_certificate(office.stores.archive.objects, OBJECT)
    _append(office, disposals=[certificate_to_dict(certificate)])


def _commit_afterwards(office: WorkedOffice) -> None:
    ledger = office.stores.archive.ledger
    last = [commit for entry in ledger.entries() for commit in entry.commits if commit.object_id == OBJECT][-1]
    later = replace(last, version=last.version + 1, message="later")
    _append(office, commits=[commit_to_dict(later)])


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (_drop_certificate, {"certificate_missing", "receipt_disagrees"}),  # of the paper that had been moved out
        (_change_certificate, {"certificate_disagrees", "receipt_disagrees"}),
        (_bring_back, {"disposed_left"}),
        (_reopen, {"disposal_open"}),
        (_cut_short, {"intent_damaged"}),
        (_dispose_twice, {"ledger_twice"}),
        (_commit_afterwards, {"commit_after_disposal", "certificate_disagrees"}),
    ],
)
def test_tampering_with_a_disposal_shows(
    office: WorkedOffice, gone: dict[str, Document], tamper: Callable[[WorkedOffice], None], expected: set[str]
) -> None:
    tamper(office)
    assert set(codes(verified(office.stores))) == expected


def test_object_that_somebody_deleted_with_a_forged_certificate_is_missing(
    office: WorkedOffice, gone: dict[str, Document]
) -> None:
    _forge_certificate(office)
    found = codes(verified(office.stores))
    assert {"certificate_unrecorded", "object_missing", "document_missing"} <= set(found)
    duty = FixityDuty(office.stores, stop=threading.Event(), has_lease=lambda: True)
    duty.run()
    cover = verified(office.stores).cover
    assert cover is not None
    assert {failure.code for failure in cover.failures} == {"version_missing"}


def test_certificate_that_names_other_versions_than_the_ledger_shows(office: WorkedOffice) -> None:
    """Whoever has the program's rights and disposes of something else than what was there."""
    paper, _ = office.bring(WHOLE), office.bring(WHOLE)
    make_ready(office, paper.document_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.disposing._inventory_sha256s", lambda *_: [sha256_of(b"1"), sha256_of(b"2")])
        patch.setattr("ingest.disposing._proposal", lambda *_: next(disposing.list_all(office.stores)))
        run(office, paper.document_id)
    office.index()
    assert set(codes(verified(office.stores))) == {"certificate_disagrees"}


@pytest.mark.parametrize("place", ["check_root_files", "check_object"])
def test_verify_while_an_object_is_disposed_of_is_clean(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The object goes after the ledger was read, or when its turn has come."""
    paper, other = office.bring(WHOLE), office.bring(WHOLE)
    office.index()
    make_ready(office, paper.document_id)
    real: Callable[..., object] = getattr(verify, place)
    done: list[bool] = []

    def first(*given: object, **how: object) -> object:
        if not done:
            done.append(True)
            run(office, paper.document_id)
        return real(*given, **how)

    with monkeypatch.context() as patch:
        patch.setattr(verify, place, first)
        assert set(codes(verified(office.stores))) <= {"index_pending", "catalog_pending"}
    assert done
    office.index()
    assert verified(office.stores).findings == []
    assert office.now(other).status is DocumentStatus.ARCHIVED
