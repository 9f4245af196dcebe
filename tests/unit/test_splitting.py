"""A scan of several papers: each part becomes a document of its own, once and whole, and the scan stays out of use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import decisions, reviewing, splitting
from ingest.splitting import split
from ocr_workers import pipeline
from ocr_workers.housekeeping import hand_out_again
from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, Conflict, DigestMismatch, StoreUnavailable
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, JobKind, Review, RevisionKind, WantedKind
from storage.catalog import documents, jobs, reviews
from storage.catalog.documents import Document
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.index.query import parse_query
from storage.stores import Stores, open_stores
from tests.support import files
from tests.support.catalogue_rows import rows_of
from tests.support.crash import assert_whole
from tests.support.rebuilding import lose_everything_but_the_archive, rebuild_in
from tests.support.revised import (
    LAN,
    MAI,
    archived,
    events_of,
    letter_bytes,
    names_of,
    now_of,
    read,
    received,
    record_of,
    revise_with,
)
from tests.support.steps import STEPS, Step, at_every_step, go_on
from tests.support.turned import scan_of, turn
from tests.support.verified import verified

A = "H02-230105-0001"
PAGES = ("Đơn xin cấp phép", "trang hai của đơn", "Giấy khai sinh")


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    settings = Settings(home=tmp_path / "home", office="H02", min_free_bytes=0)
    with open_stores(settings, clock=FixedClock()) as opened:
        yield opened


def parts_of(stores: Stores, document: Document) -> list[Document]:
    with stores.database.read() as connection:
        return [documents.get(connection, part.document_id) for part in now_of(stores, document).split_into]


def found(stores: Stores, typed: str) -> list[str]:
    with open_index(stores.settings, mode="write") as index:
        while index_outbox(stores.database, stores.archive, index, clock=stores.clock):
            pass
    with open_index(stores.settings, mode="read") as index:
        return [hit.document_id for hit in index.search(parse_query(typed), office=None, limit=10).hits]


def test_parts_are_documents_of_their_own_and_the_scan_stays_out_of_use(stores: Stores) -> None:
    document = archived(stores, *PAGES, dossier=A)
    original = read(stores, document, "original.pdf")
    assert found(stores, '"giấy khai sinh"') == [document.document_id]
    after = split(stores, document, begins=[3], actor=MAI, reason="hai giấy tờ trong một tệp")
    assert (after.status, after.code, after.review, after.wanted) == (
        DocumentStatus.WITHDRAWN,
        "split",
        Review.NONE,
        None,
    )
    assert [part.pages for part in after.split_into] == [(1, 2), (3, 3)]
    go_on(stores)
    first, second = parts_of(stores, document)
    for part, pages, text in ((first, (1, 2), "\f".join(PAGES[:2])), (second, (3, 3), PAGES[2])):
        assert (part.status, part.dossier, part.office, part.actor) == (DocumentStatus.ARCHIVED, A, "H02", MAI)
        assert (part.source.document_id, part.source.pages) == (document.document_id, (pages,))
        assert part.source.original_sha256 == document.original_sha256
        assert read(stores, part, "text.txt").decode() == text
        assert record_of(stores, part)["source"]["document_id"] == document.document_id
        data = read(stores, part, "original.pdf")
        receipt = stores.archive.read_receipt(part.document_id)
        assert receipt.sha256 == part.original_sha256 == hashlib.sha256(data).hexdigest()
        assert receipt.split_from is not None
        assert (receipt.split_from.document_id, receipt.split_from.pages) == (document.document_id, pages)
        (came,) = [one for one in events_of(stores, part) if one["eventType"] == "ingestion"]
        assert (
            came["eventDetailInformation"]["eventDetailExtension"]["split_from"]["document_id"] == document.document_id
        )
    assert [part.source_name for part in (first, second)] == ["đơn_p1-2.pdf", "đơn_p3-3.pdf"]
    assert found(stores, '"giấy khai sinh"') == [second.document_id]
    assert found(stores, '"đơn xin cấp phép"') == [first.document_id]
    assert read(stores, after, "original.pdf") == original
    assert names_of(stores, after) == names_of(stores, document)
    record = record_of(stores, after)
    assert (record["status"], record["error"]["code"]) == ("withdrawn", "split")
    assert [part["document_id"] for part in record["split"]["parts"]] == [first.document_id, second.document_id]
    event = events_of(stores, after)[-1]
    assert (event["eventType"], event["linkingAgentIdentifier"][0]["linkingAgentIdentifierValue"]) == (
        "deaccession",
        MAI,
    )
    detail = event["eventDetailInformation"]["eventDetailExtension"]
    assert detail == {"reason": "hai giấy tờ trong một tệp", "split_into": record["split"]["parts"]}
    assert list(stores.archive.objects.list("staging/")) == []
    assert verified(stores).findings == []


def test_a_tiff_is_split_without_a_dossier_and_read_by_the_engine(stores: Stores, tmp_path: Path) -> None:
    document = received(stores, scan_of(tmp_path, "Biên bản họp", "Danh sách khách mời"))
    split(stores, document, begins=[1, 2], actor=LAN, reason="x")
    go_on(stores)
    first, second = parts_of(stores, document)
    assert [part.pages_total for part in (first, second)] == [1, 1]
    assert found(stores, '"danh sách khách mời"') == [second.document_id]
    assert found(stores, '"biên bản họp"') == [first.document_id]
    assert first.archived_in != second.archived_in != document.archived_in
    assert verified(stores).findings == []


def test_asked_twice_it_is_split_once(stores: Stores) -> None:
    document = archived(stores, *PAGES)
    after = split(stores, document, begins=[3], actor=LAN, reason="x")
    for seen in (document, after, now_of(stores, document)):
        assert split(stores, seen, begins=[3, 3], actor=LAN, reason="x") == after
    with pytest.raises(Conflict, match=after.split_into[0].document_id) as refused:
        split(stores, after, begins=[2], actor=LAN, reason="x")
    assert refused.value.code == "already_split"
    go_on(stores)
    with stores.database.read() as connection:
        assert len(documents.list_documents(connection).items) == 3
    assert now_of(stores, document) == after


@pytest.mark.parametrize("begins", [[4], [0], [], [1], [2, 9]])
def test_pages_that_it_does_not_have_are_told(stores: Stores, begins: list[int]) -> None:
    document = archived(stores, *PAGES)
    with pytest.raises(BadRequest) as refused:
        split(stores, document, begins=begins, actor=LAN, reason="x")
    assert refused.value.code == "no_such_page"
    assert_nothing_happened(stores, document)


def test_what_cannot_be_split_is_told_and_stays_as_it_was(stores: Stores) -> None:
    single = archived(stores, "Một")
    picture = received(stores, files.image_bytes("PNG", files.drawing((60, 61))), filename="a.png")
    for paper in (single, picture):
        with pytest.raises(BadRequest) as told:
            split(stores, paper, begins=[2], actor=LAN, reason="x")
        assert told.value.code == "one_page"
        assert_nothing_happened(stores, paper)
    appended = archived(stores, "Hai")
    revise_with(stores, appended, letter_bytes("Ba"), kind=RevisionKind.APPEND)
    go_on(stores)
    stale = archived(stores, "Bảy", "Tám")
    reviewing.ask_for(stores, stale, WantedKind.SPLIT, actor=LAN, reason="x", pages=[2])
    gone = decisions.withdraw(stores, archived(stores, "Bốn", "Năm"), actor=LAN, reason="x")
    for paper, code in (
        (now_of(stores, appended), "several_originals"),
        (stale, "conflict"),
        (gone, "conflict"),
    ):
        with pytest.raises(Conflict) as refused:
            split(stores, paper, begins=[2], actor=LAN, reason="x")
        assert refused.value.code == code
        assert now_of(stores, paper).split_into == ()
    twice = archived(stores, "Sáu", "Sáu")
    with pytest.raises(BadRequest):
        split(stores, twice, begins=[2], actor=LAN, reason=" ")
    assert_nothing_happened(stores, twice)


def test_paper_that_is_being_turned_is_split_when_that_is_done(stores: Stores) -> None:
    document = archived(stores, *PAGES)
    asked = turn(stores, document, {2: 90})
    with pytest.raises(Conflict) as refused:
        split(stores, asked, begins=[3], actor=LAN, reason="x")
    assert refused.value.code == "busy"
    go_on(stores)
    assert len(split(stores, now_of(stores, document), begins=[3], actor=LAN, reason="x").split_into) == 2


def test_part_that_is_a_document_there_already_is_told(stores: Stores) -> None:
    document = archived(stores, *PAGES)
    first = split(stores, document, begins=[3], actor=LAN, reason="x")
    go_on(stores)
    again = received(stores, read(stores, first, "original.pdf"), filename="lại.pdf")
    assert again.document_id != document.document_id, "a scan that was split may come in anew"
    with pytest.raises(Conflict, match=first.split_into[0].document_id) as refused:
        split(stores, again, begins=[3], actor=LAN, reason="x")
    assert refused.value.code == "duplicate"
    assert_nothing_happened(stores, again)


def test_the_lease_of_the_queue_is_kept_to(stores: Stores) -> None:
    document = archived(stores, *PAGES)
    asked = reviewing.ask_for(stores, document, WantedKind.SPLIT, actor=LAN, reason="hai giấy tờ", pages=[3])
    with stores.database.write() as connection:
        reviews.claim(connection, asked.document_id, actor=MAI, now=stores.clock.now(), lease_s=600)
    with pytest.raises(Conflict) as refused:
        split(stores, asked, begins=[3], actor=LAN, reason="x")
    assert refused.value.code == "claimed"
    after = split(stores, now_of(stores, document), begins=[3], actor=MAI, reason="x")
    assert (after.review, after.wanted) == (Review.NONE, None)
    with stores.database.read() as connection:
        waits = [one.document_id for one, _ in reviews.waiting(connection, now=stores.clock.now()).items]
    assert document.document_id not in waits


def test_numbers_of_citizens_in_a_reason_are_hidden(stores: Stores) -> None:
    document = archived(stores, *PAGES)
    after = split(stores, document, begins=[3], actor=LAN, reason="của 024190001234")
    assert "024190001234" not in json.dumps(events_of(stores, after))
    assert "*********234" in json.dumps(events_of(stores, after))


def test_damage_is_told_before_anything_is_decided(stores: Stores) -> None:
    document = archived(stores, *PAGES)
    (path,) = (stores.settings.folder_of("") / "ocfl").rglob("premis.jsonl")
    path.chmod(0o640)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DigestMismatch):
        split(stores, document, begins=[3], actor=LAN, reason="x")
    assert_nothing_happened(stores, document)


def test_split_that_the_archive_could_not_take_goes_on_once_it_can(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = archived(stores, *PAGES)

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(stores.archive, "commit_and_record", away)
        with pytest.raises(StoreUnavailable):
            split(stores, document, begins=[3], actor=LAN, reason="x")
    with pytest.raises(Conflict) as refused:
        split(stores, document, begins=[3], actor=LAN, reason="x")
    assert refused.value.code == "busy"
    for key in list(stores.archive.objects.list("staging/")):  # what was cut is lost meanwhile
        stores.archive.objects.delete(key)
    _later(stores)
    go_on(stores)
    first, second = parts_of(stores, document)
    assert (first.status, second.status) == (DocumentStatus.ARCHIVED, DocumentStatus.ARCHIVED)
    assert found(stores, '"giấy khai sinh"') == [second.document_id]
    assert verified(stores).findings == []


def test_proposal_is_kept_for_whoever_decides(stores: Stores) -> None:
    document = archived(stores, *PAGES)
    assert splitting.proposed(stores.archive, document) == []
    head = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc\n"
    proposed = archived(stores, f"{head}ĐƠN", "x", f"{head}GIẤY")
    assert "split_proposed" in proposed.warnings
    assert [one["page"] for one in splitting.proposed(stores.archive, proposed)] == [3]


@pytest.mark.parametrize("died", ["before any receipt", "after one receipt"])
def test_rebuilding_half_way_through_a_split_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, died: str
) -> None:
    home = tmp_path / "home"
    settings, clock = Settings(home=home, office="H02", min_free_bytes=0), FixedClock()
    with open_stores(settings, clock=clock) as stores:
        document = archived(stores, *PAGES, dossier=A)
        written, most = stores.archive.write_receipt, 0 if died == "before any receipt" else 1

        def write(receipt: object) -> None:
            nonlocal most
            if most == 0:
                raise KeyboardInterrupt
            most -= 1
            written(receipt)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(stores.archive, "write_receipt", write)
            with pytest.raises(KeyboardInterrupt):
                split(stores, document, begins=[3], actor=LAN, reason="x")
        if died == "before any receipt":
            for key in list(stores.archive.objects.list("staging/")):
                stores.archive.objects.delete(key)
    lose_everything_but_the_archive(home)
    assert rebuild_in(home).findings == ()
    clock.advance(seconds=200_000)
    with open_stores(settings, clock=clock) as stores:
        go_on(stores)
        after = now_of(stores, document)
        assert (after.status, after.code) == (DocumentStatus.WITHDRAWN, "split")
        assert [part.status for part in parts_of(stores, document)] == [DocumentStatus.ARCHIVED] * 2
        found(stores, "x")
        assert verified(stores).findings == []
        before = rows_of(stores.database)
    lose_everything_but_the_archive(home)
    assert rebuild_in(home).findings == ()
    with open_stores(settings, clock=clock) as stores:
        assert rows_of(stores.database) == before


def _ready(stores: Stores) -> Document:
    return archived(stores, *PAGES, dossier=A)


def _split(stores: Stores, document: Document) -> None:
    split(stores, document, begins=[3], actor=LAN, reason="x")


def _left_to_a_worker(stores: Stores) -> Document:
    document = _ready(stores)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "carry_out", _die)
        with pytest.raises(KeyboardInterrupt):
            _split(stores, document)
    _later(stores, seconds=300)
    hand_out_again(stores)
    return document


def _work_once(stores: Stores, _: Document) -> None:
    tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "other")
    assert pipeline.run_next(tools, started=lambda job, limit_s: None)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("worker", [False, True], ids=["who says it", "a worker"])
def test_splitting_dies_at_any_step_and_leaves_nothing_or_the_whole_once(
    tmp_path: Path, step: Step, worker: bool
) -> None:
    prepare, run = (_left_to_a_worker, _work_once) if worker else (_ready, _split)
    outcomes = []
    for stores, document in at_every_step(tmp_path, prepare=prepare, run=run, step=step):
        go_on(stores)
        after = now_of(stores, document)
        with stores.database.read() as connection:
            assert jobs.counts(connection) == {}
            everything = documents.list_documents(connection).items
        happened = bool(after.split_into)
        receipts = {Path(key).stem for key in stores.archive.objects.list("receipts/")}
        if happened:
            assert (after.status, after.code, after.version) == (DocumentStatus.WITHDRAWN, "split", 2)
            parts = parts_of(stores, document)
            assert [read(stores, part, "text.txt").decode() for part in parts] == ["\f".join(PAGES[:2]), PAGES[2]]
            assert {part.status for part in parts} == {DocumentStatus.ARCHIVED}
            assert {one.document_id for one in everything} == receipts
            assert len(receipts) == 3
        else:
            assert after == document
            assert (len(everything), len(receipts)) == (1, 1)
        identifiers = [one["eventIdentifier"]["eventIdentifierValue"] for one in events_of(stores, after)]
        assert len(set(identifiers)) == len(identifiers)
        assert list(stores.archive.objects.list("staging/")) == []
        assert assert_whole(stores.settings.folder_of("")) == {after.archived_in: 4 if happened else 1}
        outcomes.append(happened)
    assert len(outcomes) > 2
    assert outcomes[-1]
    assert outcomes == sorted(outcomes)


def assert_nothing_happened(stores: Stores, document: Document) -> None:
    assert now_of(stores, document) == document
    with stores.database.read() as connection:
        assert JobKind.SPLIT not in jobs.counts(connection)
    assert list(stores.archive.objects.list("staging/")) == []


def _later(stores: Stores, *, seconds: float = 3600) -> None:
    assert isinstance(stores.clock, FixedClock)
    stores.clock.advance(seconds=seconds)


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
