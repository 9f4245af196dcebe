"""The catalogue and the index come back from the archive alone, row for row, whatever state a paper was in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from ingest import decisions, reviewing
from ocr_workers import staged
from sohoa.clock import FixedClock
from sohoa.errors import Conflict, DigestMismatch, SetupError, StoreUnavailable
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, JobKind, JobState, Review
from storage.archive.archive import Archive
from storage.archive.layout import object_id_of, object_root
from storage.archive.ledger import Ledger
from storage.archive.receipts import Receipt
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.catalog.tables import jobs as jobs_table
from storage.index import open_index, parse_query
from storage.objects import open_objects
from storage.objects.protocol import Objects
from storage.rebuild.reading import Progress
from storage.rebuild.rebuild import Rebuilt, rebuild
from storage.registration import register_pending
from storage.stores import open_archive, open_stores
from tests.support.catalogue_rows import rows_of
from tests.support.rebuilding import lose_everything_but_the_archive, rebuild_in
from tests.support.reviewed import DECISION, every_review, unreadable
from tests.support.verified import verified
from tests.support.worked import (
    DAMAGED,
    HOPELESS,
    LAN,
    MIXED,
    NOT_PDFA,
    WHOLE,
    Paper,
    WorkedOffice,
    every_state,
    picture,
    worked_office,
)

pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.mark.parametrize("count", [70, pytest.param(1000, marks=pytest.mark.slow)])
def test_papers_in_every_state_are_row_for_row_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        every_state(office, count)
        before, found_before = rows_of(office.stores.database), searches(office.stores.settings)
    statuses = {row["status"] for row in before["documents"]}
    assert statuses == {DocumentStatus.ARCHIVED, DocumentStatus.HELD, DocumentStatus.FAILED, DocumentStatus.WITHDRAWN}
    lose_everything_but_the_archive(tmp_path)
    rebuilt = rebuild_in(tmp_path)
    assert rebuilt.findings == ()
    with open_stores(Settings(home=tmp_path)) as stores:
        assert rows_of(stores.database) == before
    assert searches(Settings(home=tmp_path)) == found_before
    assert sum(rebuilt.documents.values()) == len(before["documents"]) >= count
    assert rebuilt.pages == len(before["pages"])


def test_fields_and_what_people_said_of_them_are_row_for_row_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        for where in ({"dossier": "D-1"}, {"office": "H56.14"}):
            every_review(office, where)
        office.index()
        before = rows_of(office.stores.database)
        assert list(verified(office.stores).findings) == []
    checks = [[check["check"] for check in row["checks"] or ()] for row in before["documents"]]
    assert {tuple(numbers) for numbers in checks} == {(), (1,), (1, 1), (1, 2)}
    wanted = {(row["wanted"] or {"kind": None})["kind"] for row in before["documents"]}
    assert wanted == {None, "second_check", "rescan", "rotate"}
    lose_everything_but_the_archive(tmp_path)
    assert rebuild_in(tmp_path).findings == ()
    with open_stores(Settings(home=tmp_path)) as stores:
        assert rows_of(stores.database) == before


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path, monkeypatch) as office:
        yield office


def test_papers_that_were_not_looked_at_yet_are_as_before_and_wait_to_be_opened(office: WorkedOffice) -> None:
    held, failed = office.bring(DAMAGED), office.bring(NOT_PDFA)
    office.release(held, then=None)
    office.retry(failed, then=None)
    office.receive(dossier="D-1", external_id="case-7", declared={"type": "KH"})
    office.index()
    before = rows_of(office.stores.database)
    rebuild_after_loss(office)
    assert rows_of(office.stores.database) == before
    assert [row["pages_total"] for row in before["documents"]] == [None, 2, None]
    assert waiting_jobs(office) == [{"accept_damage": True}, {}, {}]
    assert office.work(held, Paper(opening=DAMAGED.opening, pages=MIXED.pages)).status is DocumentStatus.ARCHIVED


def test_paper_that_the_archive_could_not_take_at_first_is_as_before_once_it_could(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise DigestMismatch("the staged bytes changed")

    with monkeypatch.context() as patch:
        patch.setattr(staged, "files_to_commit", damaged)
        failed = office.bring(WHOLE)
    assert (failed.status, failed.stage, failed.pdf_sha256 is None) == (DocumentStatus.FAILED, "commit", False)
    office.retry(failed, then=HOPELESS)
    office.index()
    before = rows_of(office.stores.database)
    rebuild_after_loss(office)
    assert rows_of(office.stores.database) == before


def test_papers_at_work_begin_again(office: WorkedOffice) -> None:
    opened = office.receive().document
    office.work(opened, MIXED, most=2)
    recognised = office.receive().document
    office.work(recognised, MIXED, most=3)
    statuses = [office.now(document).status for document in (opened, recognised)]
    assert statuses == [DocumentStatus.RECOGNISED, DocumentStatus.RECEIVED]
    assert rebuild_after_loss(office).documents == {DocumentStatus.RECEIVED: 2}
    for document in (opened, recognised):
        after = office.work(document, MIXED)
        assert (after.status, after.pages_total) == (DocumentStatus.ARCHIVED, 4)


def test_receipt_that_was_never_registered_becomes_a_document(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = receipt_without_a_row(office, monkeypatch)
    rebuilt = rebuild_after_loss(office)
    assert rebuilt.documents == {DocumentStatus.RECEIVED: 1}
    with office.stores.database.read() as conn:
        assert documents.get(conn, document_id).source_name == "giấy 0.png"
    assert waiting_jobs(office) == [{}]


@pytest.mark.parametrize("archived", [True, False])
def test_receipt_of_bytes_that_came_again_resolves_to_the_document_of_the_second(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch, archived: bool
) -> None:
    first = receipt_without_a_row(office, monkeypatch, picture(5_000))
    second = office.receive(picture(5_000))
    assert second.duplicate_of is None
    if archived:
        office.work(second.document, WHOLE)
    register_pending(office.stores.archive, office.stores.database, office.clock)
    office.index()
    before = rows_of(office.stores.database)
    assert [row["document_id"] for row in before["documents"]] == [second.document.document_id]
    assert first != second.document.document_id
    assert rebuild_after_loss(office).findings == ()
    assert rows_of(office.stores.database) == before


def test_decision_that_was_taken_and_not_carried_out_is_carried_over(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(WHOLE)

    def die(*_: object, **__: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(decisions, "carry_out", die)
        with pytest.raises(Stopped):
            office.withdraw(document)
    close(office)
    rebuilt = rebuild_in(office.stores.settings.home)
    assert rebuilt.carried is not None
    assert rebuilt.carried.decisions == 1
    assert office.work(document, WHOLE).status is DocumentStatus.WITHDRAWN


def test_correction_that_was_said_and_not_carried_out_is_carried_over(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(DECISION)

    def die(*_: object, **__: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(reviewing, "carry_out", die)
        with pytest.raises(Stopped):
            reviewing.confirm(office.stores, document, actor=LAN, corrections=unreadable())
    close(office)
    rebuilt = rebuild_in(office.stores.settings.home)
    assert rebuilt.carried is not None
    assert rebuilt.carried.decisions == 1
    after = office.work(document, DECISION)
    assert (after.review, [check.actor for check in after.checks]) == (Review.DONE, [LAN])


def test_commit_that_a_crash_cut_short_is_finished_first(office: WorkedOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    document = commit_cut_short(office, monkeypatch)
    assert rebuild_after_loss(office).documents == {DocumentStatus.ARCHIVED: 1}
    assert office.now(document).version == 1


def test_archive_that_cannot_be_written_is_read_as_it_is_and_left_as_it_is(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bring(MIXED, dossier="D-1")
    office.bring(HOPELESS)
    office.index()
    before, unfinished = rows_of(office.stores.database), commit_cut_short(office, monkeypatch)
    close(office)
    home = office.stores.settings.home
    lose_everything_but_the_archive(home)
    archive_before = bytes_of(home / "archive")
    clock = FixedClock()
    rebuilt = rebuild(office.stores.settings, Archive(cast(Objects, _ReadOnly(home / "archive")), clock), clock)
    assert bytes_of(home / "archive") == archive_before
    assert [finding.code for finding in rebuilt.findings] == ["commit_unfinished"]
    after = rows_of(office.stores.database)
    assert [row for row in after["documents"] if row["document_id"] != unfinished.document_id] == before["documents"]
    assert office.now(unfinished).status is DocumentStatus.RECEIVED


@pytest.mark.parametrize(
    ("name", "damage", "code"),
    [
        ("v1/content/documents/*/record.json", b"{", "document_damaged"),
        ("v1/content/documents/*/record.json", None, "document_damaged"),
        ("v1/content/documents/*/quality.json", b'{"pages":[]} ', "document_damaged"),
        ("v1/inventory.json", b"{", "object_damaged"),
        ("v1/inventory.json.sha256", b"0" * 64, "object_damaged"),
        ("inventory.json", b"no json", "object_damaged"),
    ],
)
def test_damage_in_one_object_is_named_and_the_rest_goes_on(
    office: WorkedOffice, name: str, damage: bytes | None, code: str
) -> None:
    whole, hurt = office.bring(MIXED), office.bring(WHOLE)
    office.index()
    expected = [row for row in rows_of(office.stores.database)["documents"] if row["document_id"] == whole.document_id]
    root = office.stores.settings.folder_of("") / object_root(object_id_of(hurt.document_id, None))
    [path] = root.glob(name)
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    rebuilt = rebuild_after_loss(office)
    assert [(finding.code, finding.object_id) for finding in rebuilt.findings] == [
        (code, object_id_of(hurt.document_id, None))
    ]
    assert rows_of(office.stores.database)["documents"] == expected


def test_damage_in_the_ledger_is_named_and_loses_no_paper(office: WorkedOffice) -> None:
    papers = [office.bring(WHOLE) for _ in range(4)]
    office.index()
    before = rows_of(office.stores.database)["documents"]
    ledger = office.stores.settings.folder_of("") / "ledger/000/000"
    (ledger / "000000000002.json").unlink()
    third = ledger / "000000000003.json"
    data = third.read_bytes().replace(b'"sequence":3', b'"sequence":7')
    third.unlink()
    third.write_bytes(data)
    rebuilt = rebuild_after_loss(office)
    assert sorted((finding.code, finding.document_id) for finding in rebuilt.findings) == [
        ("ledger_damaged", ""),
        ("ledger_damaged", ""),
        ("version_not_in_ledger", papers[1].document_id),
        ("version_not_in_ledger", papers[2].document_id),
    ]
    after = rows_of(office.stores.database)["documents"]
    assert [row | {"sequence": 0} for row in after] == [row | {"sequence": 0} for row in before]


def test_ledger_entry_that_does_not_follow_is_named(office: WorkedOffice) -> None:
    for _ in range(3):
        office.bring(WHOLE)
    second = office.stores.settings.folder_of("") / "ledger/000/000/000000000002.json"
    data = second.read_bytes().replace(b"person:lan", b"person:mai")
    second.unlink()
    second.write_bytes(data)
    [finding] = rebuild_after_loss(office).findings
    assert (finding.code, "entry 3" in finding.detail) == ("ledger_damaged", True)


def test_lost_original_and_damaged_receipt_are_named(office: WorkedOffice) -> None:
    lost, hurt = office.receive().document, office.receive().document
    root = office.stores.settings.folder_of("")
    shutil.rmtree(root / "staging" / lost.document_id)
    receipt = root / "receipts" / f"{hurt.document_id}.json"
    receipt.unlink()
    receipt.write_bytes(b"{}")
    rebuilt = rebuild_after_loss(office)
    found = [(finding.code, finding.document_id) for finding in rebuilt.findings]
    assert found == [("original_missing", lost.document_id), ("receipt_damaged", hurt.document_id)]
    assert rebuilt.documents == {}


def test_who_follows_changes_by_number_sees_every_document_again_in_the_order_of_the_ledger(
    office: WorkedOffice,
) -> None:
    first, second = office.bring(NOT_PDFA, dossier="D-1"), office.bring(WHOLE)
    office.retry(first, then=WHOLE)
    waiting = office.receive().document
    office.index()
    with office.stores.database.read() as conn:
        seen = max(each.changed_seq for each in documents.list_documents(conn).items)
    rebuild_after_loss(office)
    for _ in range(2):
        with office.stores.database.read() as conn:
            again = documents.list_documents(conn, after=seen).items
        assert {each.document_id for each in again} == {
            first.document_id,
            second.document_id,
            waiting.document_id,
        }
        indexed = [each.document_id for each in again if each.searchable_at is not None]
        assert indexed == [second.document_id, first.document_id]
        seen = max(each.changed_seq for each in again)
        close(office)
        later = FixedClock()
        later.advance(seconds=2 * 86_400)
        rebuild(office.stores.settings, open_archive(office.stores.settings, later), later)


def test_nobody_uses_the_catalogue_while_it_is_rebuilt_and_it_is_not_rebuilt_while_used(office: WorkedOffice) -> None:
    office.bring(WHOLE)
    with pytest.raises(Conflict) as caught:
        rebuild_in(office.stores.settings.home)
    assert caught.value.code == "in_use"
    close(office)
    refused = 0

    def look(progress: Progress) -> None:
        nonlocal refused
        with pytest.raises(StoreUnavailable, match="rebuilt"), open_stores(office.stores.settings):
            pass
        refused += 1

    rebuild_in(office.stores.settings.home, tell=look)
    assert refused > 3
    assert office.receive().duplicate_of is None


def test_half_made_rebuild_of_another_state_of_the_archive_is_not_gone_on_with(office: WorkedOffice) -> None:
    first = office.bring(WHOLE)
    close(office)
    with pytest.raises(Stopped):
        rebuild_in(office.stores.settings.home, tell=stop_at("index"))
    office.withdraw(first)
    second = office.bring(WHOLE)
    office.index()
    before = rows_of(office.stores.database)
    close(office)
    rebuilt = rebuild_in(office.stores.settings.home)
    assert (rebuilt.resumed, rows_of(office.stores.database)) == (False, before)
    assert office.now(second).searchable_at is not None


def test_index_that_got_lost_half_made_is_filled_again(office: WorkedOffice) -> None:
    office.bring(WHOLE)
    close(office)
    home = office.stores.settings.home
    with pytest.raises(Stopped):
        rebuild_in(home, tell=stop_at("index"))
    shutil.rmtree(home / "index.rebuild")
    rebuilt = rebuild_in(home)
    assert rebuilt.resumed
    with open_index(office.stores.settings) as index:
        assert index.count() == 1


def test_folder_without_an_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no archive"):
        rebuild_in(tmp_path)


def test_damaged_catalogue_is_set_aside(office: WorkedOffice) -> None:
    office.bring(WHOLE)
    office.index()
    before = rows_of(office.stores.database)
    close(office)
    home = office.stores.settings.home
    (home / "catalog.sqlite").write_bytes(b"no database" * 1000)
    assert rebuild_in(home).carried is None
    assert rows_of(office.stores.database) == before
    assert (home / "catalog.sqlite.before").read_bytes().startswith(b"no database")


QUERIES = (
    "hòa giải",
    "hoa giai",
    '"hợp đồng thuê"',
    "trang -đồng",
    "office:so-khcn",
    "name:giấy",
    "Đỗ",
    "archived:2026",
)


def searches(settings: Settings) -> list[tuple[int, list[Any]]]:
    """What is found, with pages, snippets and boxes; scores are left out, for an index counts deleted entries in them."""
    with open_index(settings) as index:
        found = [index.search(parse_query(query), office=None, limit=2000) for query in QUERIES]
    assert all(page.total for page in found)
    return [
        (page.total, sorted((replace(hit, score=0.0) for hit in page.hits), key=lambda hit: hit.document_id))
        for page in found
    ]


class Stopped(BaseException):
    """The process dies here."""


def stop_at(step: str) -> Callable[[Progress], None]:
    def stop(progress: Progress) -> None:
        if progress.step == step:
            raise Stopped

    return stop


def close(office: WorkedOffice) -> None:
    """Let go of the catalogue; whatever the office does next opens it again."""
    office.stores.database.close()
    office.tools.close()


def rebuild_after_loss(office: WorkedOffice) -> Rebuilt:
    close(office)
    lose_everything_but_the_archive(office.stores.settings.home)
    rebuilt = rebuild_in(office.stores.settings.home)
    office.clock.advance(seconds=2 * 86_400)
    return rebuilt


def waiting_jobs(office: WorkedOffice) -> list[dict[str, Any]]:
    """What each `open` job that waits is told, in the order of the documents."""
    with office.stores.database.read() as conn:
        rows = conn.execute(select(jobs_table).order_by(jobs_table.c.document_id)).all()
    assert {(row.kind, row.state) for row in rows} == {(JobKind.OPEN, JobState.READY)}
    return [row.payload for row in rows]


def receipt_without_a_row(office: WorkedOffice, monkeypatch: pytest.MonkeyPatch, data: bytes | None = None) -> str:
    """A paper whose process died between its receipt and the end of the catalogue's transaction; its document id."""
    write_receipt = Archive.write_receipt

    def write_and_die(archive: Archive, receipt: Receipt) -> None:
        write_receipt(archive, receipt)
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "write_receipt", write_and_die)
        with pytest.raises(Stopped):
            office.receive(data)
    newest = max(office.stores.archive.objects.list("receipts/"))
    return newest.removeprefix("receipts/").removesuffix(".json")


def commit_cut_short(office: WorkedOffice, monkeypatch: pytest.MonkeyPatch) -> Document:
    """A paper whose commit died before the ledger knew of it."""
    document = office.receive().document

    def die(*_: object, **__: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", die)
        with pytest.raises(Stopped):
            office.work(document, WHOLE)
    return document


def bytes_of(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


class _ReadOnly:
    """A folder of objects in which nothing can be written."""

    def __init__(self, root: Path) -> None:
        self._objects = open_objects(root)

    def __getattr__(self, name: str) -> Any:
        if name in {"create", "copy", "replace", "delete"}:
            raise StoreUnavailable("the archive's disk cannot be used (Read-only file system)")
        return getattr(self._objects, name)
