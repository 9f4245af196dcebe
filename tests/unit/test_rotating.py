"""Pages that a person turns: read again from the original that is there, as a version, with what people said kept."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image

from ingest import decisions, moving, reviewing
from ingest.reviewing import Correction
from ocr_workers import pipeline, recognise
from ocr_workers.turning import turned_box
from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, Conflict, DigestMismatch
from sohoa.model import Actor, Evidence
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, Review
from storage.archive.alto import read_alto
from storage.catalog import documents, jobs, reviews, revisions
from storage.catalog.documents import Document
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.index.query import parse_query
from storage.stores import Stores, open_stores
from tests.support.catalogue_rows import rows_of
from tests.support.crash import assert_whole
from tests.support.rebuilding import lose_everything_but_the_archive, rebuild_in
from tests.support.reviewed import DECISION, unreadable
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
from tests.support.worked import APPEND, DAMAGED, HOPELESS, MIXED, WorkedOffice, worked_office

PAGES = ("Biên bản họp\nngày mười hai", "Danh sách thành viên\ntham dự cuộc họp")


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    settings = Settings(home=tmp_path / "home", office="H02", min_free_bytes=0, second_check_share=0.0)
    with open_stores(settings, clock=FixedClock()) as opened:
        yield opened


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "office", monkeypatch) as made:
        yield made


def test_turned_page_of_a_scan_is_read_again_and_found_and_its_bytes_are_untouched(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = scan_of(tmp_path, *PAGES, upside_down=(2,))
    with monkeypatch.context() as patch:  # the machine does not see how it stands
        patch.setattr(recognise, "find_turn", lambda *_: (0, 0.0))
        patch.setattr(recognise, "lies_on_its_side", lambda _: False)
        before = received(stores, scan)
    assert before.status is DocumentStatus.ARCHIVED
    assert _found(stores, '"tham dự cuộc họp"') == []
    asked = turn(stores, before, {2: 180}, actor=MAI)
    assert (asked.status, asked.version, asked.review) == (DocumentStatus.ARCHIVED, 2, Review.NEEDED)
    assert asked.wanted is not None
    assert (asked.wanted.kind, asked.wanted.turns, asked.wanted.actor) == ("rotate", ((2, 180),), MAI)
    go_on(stores)
    after = now_of(stores, before)
    assert (after.status, after.version, after.revision, after.wanted) == (DocumentStatus.ARCHIVED, 3, None, None)
    assert _found(stores, '"tham dự cuộc họp"') == [before.document_id]
    assert _found(stores, '"biên bản họp"') == [before.document_id]
    assert read(stores, after, "original.tif") == scan
    assert after.original_sha256 == hashlib.sha256(scan).hexdigest()
    where = f"documents/{after.document_id}/original.tif"
    inventory = stores.archive.inventory(after.archived_in)
    assert inventory.manifest[after.original_sha256] == (f"v1/content/{where}",)
    with pikepdf.open(io.BytesIO(read(stores, after, "document.pdf"))) as pdf:
        assert [int(page.obj.get("/Rotate", 0)) for page in pdf.pages] == [0, 180]
    assert [page["turn_deg"] for page in record_of(stores, after)["pages"]] == [0, 180]
    assert assert_whole(stores.settings.folder_of("")) == {after.archived_in: 3}
    assert list(stores.archive.objects.list("staging/")) == []


def test_turns_add_up_and_pages_that_were_not_named_stay_as_a_person_left_them(stores: Stores) -> None:
    document = archived(stores, "Trang một", "Trang hai", "Trang ba")
    upright = read_alto(gzip.decompress(read(stores, document, "alto.xml.gz")))
    boxes = {page.text: next(page.words()).box for page in upright}
    size = (upright[0].width_px, upright[0].height_px)
    for turns, shown in (({1: 90, 3: 180}, [90, 0, 180]), ({3: 90}, [90, 0, 270]), ({1: 270, 3: 90}, [0, 0, 0])):
        turn(stores, now_of(stores, document), turns)
        go_on(stores)
        after = now_of(stores, document)
        pages = read_alto(gzip.decompress(read(stores, after, "alto.xml.gz")))
        with pikepdf.open(io.BytesIO(read(stores, after, "document.pdf"))) as pdf:
            assert [int(page.obj.get("/Rotate", 0)) for page in pdf.pages] == shown
        assert [page["turn_deg"] for page in record_of(stores, after)["pages"]] == shown
        for page, turn_deg in zip(pages, shown, strict=True):
            assert (page.width_px > page.height_px) is (turn_deg in (90, 270))
            was = turned_box(boxes[page.text], width_px=size[0], height_px=size[1], turn_deg=turn_deg)
            (left, top, right, bottom) = next(page.words()).box
            assert was[0] - 2 <= left < right <= was[2] + 2
            assert was[1] - 2 <= top < bottom <= was[3] + 2
    assert read(stores, after, "text.txt").decode() == "Trang một\fTrang hai\fTrang ba"


def test_the_machine_does_not_know_better_how_a_page_stands(stores: Stores, tmp_path: Path) -> None:
    document = received(stores, scan_of(tmp_path, *PAGES))
    lying = [(page["width_px"], page["height_px"]) for page in record_of(stores, document)["pages"]]
    turn(stores, document, {1: 90})
    go_on(stores)
    pages = record_of(stores, now_of(stores, document))["pages"]
    assert [page["turn_deg"] for page in pages] == [90, 0]
    assert [(page["width_px"], page["height_px"]) for page in pages] == [lying[0][::-1], lying[1]]


def test_events_tell_who_turned_which_pages_when_and_why(stores: Stores) -> None:
    document = archived(stores, "Trang một", "Trang hai")
    asked = turn(stores, document, {2: 270}, actor=MAI)
    assert asked.revision is not None
    go_on(stores)
    events = events_of(stores, now_of(stores, document))
    said = [one for one in events if one["eventType"] == "metadata modification"]
    done = [one for one in events if one["eventIdentifier"]["eventIdentifierValue"] == asked.revision.receipt]
    about = {"reason": "trang lộn ngược", "turns": {"2": 270}}
    assert [one["eventDetailInformation"]["eventDetailExtension"] for one in said] == [
        {"wanted": "rotate", "pages": [2], **about}
    ]
    assert [one["eventDetailInformation"]["eventDetailExtension"] for one in done] == [{"change": "rotate", **about}]
    for one in (*said, *done):
        assert one["linkingAgentIdentifier"][0]["linkingAgentIdentifierValue"] == MAI
        assert one["eventOutcomeInformation"] == {"eventOutcome": "success"}
    assert [one["eventType"] for one in events].count("ingestion") == 1


def test_what_people_said_stays_and_its_places_are_turned_with_the_page(stores: Stores) -> None:
    document = archived(stores, "Trang một", "Trang hai")
    size = record_of(stores, document)["pages"][0]
    said: dict[str, Correction] = {
        "type_name": Correction("Công văn", (Evidence(1, (10, 20, 110, 60)),)),
        "subject": Correction("Về việc họp", (Evidence(1, (10, 20, 110, 60)), Evidence(2, (10, 20, 110, 60)))),
    }
    missing = ("code_number", "code_notation", "issued_date", "organ_name", "signer_name", "signer_position", "place")
    said |= {name: Correction(None) for name in missing}
    confirmed = reviewing.confirm(stores, document, actor=LAN, corrections=said)
    assert confirmed.review is Review.DONE
    turn(stores, confirmed, {1: 90})
    go_on(stores)
    after = now_of(stores, document)
    assert (after.review, after.wanted, after.checks) == (Review.DONE, None, confirmed.checks)
    assert {name: one["value"] for name, one in after.fields.items() if name in said} == {
        name: one.value for name, one in said.items()
    }
    there = [size["height_px"] - 60, 10, size["height_px"] - 20, 110]
    assert after.fields["subject"]["evidence"] == [{"page": 1, "box": there}, {"page": 2, "box": [10, 20, 110, 60]}]
    assert record_of(stores, after)["fields"] == after.fields


@pytest.mark.parametrize("turn_deg", [90, 180, 270])
def test_a_turned_box_is_around_the_same_pixels(turn_deg: int) -> None:
    page = Image.new("L", (70, 40), 255)
    box = (5, 8, 31, 19)
    page.paste(0, box)
    shown = page.rotate(-turn_deg, expand=True)
    assert (
        turned_box(box, width_px=70, height_px=40, turn_deg=turn_deg)
        == shown.point(lambda value: 255 - value).getbbox()
    )


def test_second_check_that_was_due_is_due_after_turning(office: WorkedOffice) -> None:
    office.stores.settings.__dict__["second_check_share"] = 1.0
    first = reviewing.confirm(office.stores, office.bring(DECISION), actor=LAN, corrections=unreadable())
    assert first.wanted is not None
    office.work(turn(office.stores, first, {1: 180}, actor=MAI), DECISION)
    after = office.now(first)
    assert (after.version, after.review, after.wanted) == (4, Review.NEEDED, first.wanted)
    with pytest.raises(Conflict) as refused:
        reviewing.confirm(office.stores, after, actor=LAN)
    assert refused.value.code == "same_actor"
    office.index()
    assert verified(office.stores).findings == []


def test_doubtful_paper_waits_again_and_nobody_gets_it_meanwhile(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    assert document.review is Review.NEEDED
    turn(office.stores, document, {1: 180})
    assert _next(office) is None
    with pytest.raises(Conflict) as refused:
        reviewing.confirm(office.stores, office.now(document), actor=LAN, corrections=unreadable())
    assert refused.value.code == "busy"
    office.work(document, DECISION)
    assert _next(office) == document.document_id


@pytest.mark.parametrize(
    ("turns", "code"),
    [({3: 90}, "no_such_page"), ({0: 90}, "no_such_page"), ({1: 45}, "bad_turn"), ({1: 0}, "bad_turn")],
)
def test_what_cannot_be_turned_is_told_and_changes_nothing(stores: Stores, turns: dict[int, int], code: str) -> None:
    document = archived(stores, "Trang một", "Trang hai")
    with pytest.raises(BadRequest) as refused:
        turn(stores, document, turns)
    assert refused.value.code == code
    assert now_of(stores, document) == document


def test_who_may_not_have_it_just_now_is_told(stores: Stores) -> None:
    document = archived(stores, "Trang một")
    appended = archived(stores, "Trang hai")
    revise_with(stores, appended, letter_bytes("Trang ba"), kind=APPEND)
    go_on(stores)
    turn(stores, document, {1: 90})
    for paper, code in ((document, "busy"), (now_of(stores, appended), "several_originals")):
        with pytest.raises(Conflict) as refused:
            turn(stores, paper, {1: 90})
        assert refused.value.code == code
    go_on(stores)
    with pytest.raises(Conflict) as refused:
        turn(stores, document, {1: 90})  # it has been turned since it was looked at
    assert refused.value.code == "conflict"
    after = now_of(stores, document)
    with stores.database.write() as connection:
        reviews.claim(connection, document.document_id, actor=MAI, now=stores.clock.now(), lease_s=600)
    with pytest.raises(Conflict) as refused:
        turn(stores, now_of(stores, document), {1: 90}, actor=LAN)
    assert refused.value.code == "claimed"
    gone = decisions.withdraw(stores, now_of(stores, appended), actor=LAN, reason="x")
    with pytest.raises(Conflict, match="withdrawn"):
        turn(stores, gone, {1: 90})
    assert record_of(stores, after)["pages"][0]["turn_deg"] == 90


def test_turning_that_fails_leaves_the_document_as_it_was_and_says_so(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    asked = turn(office.stores, document, {1: 90})
    office.work(document, HOPELESS)
    after = office.now(document)
    assert after.revision is not None
    assert (after.revision.kind, after.revision.status, after.revision.code) == ("rotate", "failed", "unreadable")
    assert (after.status, after.fields, after.wanted) == (DocumentStatus.ARCHIVED, document.fields, asked.wanted)
    assert names_of(office.stores, after) == names_of(office.stores, document)
    office.work(turn(office.stores, after, {1: 90}), DECISION)  # somebody says it again
    assert (office.now(document).revision, office.now(document).version) == (None, 5)
    office.index()
    assert verified(office.stores).findings == []


def test_turning_that_the_archive_could_not_take_is_tried_again_as_it_was_said(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = archived(stores, "Trang một")
    turn(stores, document, {1: 90})

    def damaged(*_: object, **__: object) -> None:
        raise DigestMismatch("the disk says other bytes")

    with monkeypatch.context() as patch:
        patch.setattr(stores.archive, "commit_and_record", damaged)
        go_on(stores)
    stopped = now_of(stores, document)
    assert stopped.revision is not None
    assert (stopped.revision.status, stopped.revision.stage) == ("failed", "commit")
    decisions.retry(stores, stopped, actor=LAN)
    go_on(stores)
    assert [page["turn_deg"] for page in record_of(stores, now_of(stores, document))["pages"]] == [90]


def test_what_was_released_once_is_not_held_again_because_it_is_turned(office: WorkedOffice) -> None:
    document = office.release(office.bring(DAMAGED), then=MIXED)
    office.work(turn(office.stores, document, {1: 90}), replace(DAMAGED, pages=MIXED.pages))
    assert (office.now(document).revision, office.now(document).wanted) == (None, None)


def test_rebuilding_while_pages_are_to_be_turned_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "office"
    with worked_office(home, monkeypatch) as office:
        document = office.bring(DECISION)
        turn(office.stores, document, {1: 180})
        before = _rows(office)
    with _rebuilt(home, monkeypatch, before) as office:
        office.clock.advance(seconds=100_000)
        office.work(document, DECISION)
        assert (office.now(document).version, office.now(document).revision) == (3, None)
        moving.move(office.stores, office.now(document), to="A", actor=LAN, reason="x")
        before = _rows(office)
    with _rebuilt(home, monkeypatch, before):
        pass


def _rows(office: WorkedOffice) -> Any:
    office.index()
    return rows_of(office.stores.database)


@contextmanager
def _rebuilt(home: Path, monkeypatch: pytest.MonkeyPatch, before: Any) -> Iterator[WorkedOffice]:
    """The office after its catalogue is lost and made anew from the archive: row for row as before."""
    lose_everything_but_the_archive(home)
    assert rebuild_in(home).findings == ()
    with worked_office(home, monkeypatch) as office:
        assert rows_of(office.stores.database) == before
        yield office


def _ready(stores: Stores) -> Document:
    return archived(stores, "Trang một", "Trang hai")


def _before_the_commit(stores: Stores) -> Document:
    document = _ready(stores)
    _turn(stores, document)
    for _ in ("open", "recognise", "recognise", "read", "compose"):
        _work_once(stores, document)
    return document


def _turn(stores: Stores, document: Document) -> None:
    turn(stores, document, {2: 90})


def _work_once(stores: Stores, _: Document) -> None:
    tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "other")
    assert pipeline.run_next(tools, started=lambda job, limit_s: None)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize(("prepare", "run"), [(_ready, _turn), (_before_the_commit, _work_once)], ids=["say", "commit"])
def test_turning_dies_at_any_step_and_happens_once_or_not_at_all(
    tmp_path: Path, prepare: Callable[[Stores], Document], run: Callable[[Stores, Document], None], step: Step
) -> None:
    outcomes = []
    for stores, document in at_every_step(tmp_path, prepare=prepare, run=run, step=step):
        go_on(stores)
        after = now_of(stores, document)
        with stores.database.read() as connection:
            assert jobs.counts(connection) == {}
            assert revisions.open_for(connection, document.document_id) is None
            assert len(documents.list_documents(connection).items) == 1
        turns = [page["turn_deg"] for page in record_of(stores, after)["pages"]]
        assert (after.version, turns) in ((1, [0, 0]), (3, [0, 90]))
        assert (after.status, after.revision, after.wanted) == (DocumentStatus.ARCHIVED, None, None)
        identifiers = [one["eventIdentifier"]["eventIdentifierValue"] for one in events_of(stores, after)]
        assert len(set(identifiers)) == len(identifiers)
        assert list(stores.archive.objects.list("staging/")) == []
        assert assert_whole(stores.settings.folder_of("")) == {after.archived_in: after.version}
        outcomes.append(after.version == 3)
    assert len(outcomes) > 2
    assert outcomes[-1]
    assert outcomes == sorted(outcomes)


def _next(office: WorkedOffice) -> str | None:
    with office.stores.database.write() as connection:
        found = reviews.claim_next(
            connection, actor=Actor("person:thu"), now=office.clock.now(), lease_s=60, office="H02"
        )
    return None if found is None else found.document_id


def _found(stores: Stores, query: str) -> list[str]:
    with open_index(stores.settings, mode="write") as index:
        while index_outbox(stores.database, stores.archive, index, clock=stores.clock):
            pass
    with open_index(stores.settings, mode="read") as index:
        return [hit.document_id for hit in index.search(parse_query(query), office=None, limit=10).hits]
