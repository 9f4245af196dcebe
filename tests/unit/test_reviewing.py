"""What people say of fields: a version each, never half done, never over what another said, and no value in its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ingest import decisions, reviewing
from ingest.reviewing import Correction, is_drawn
from sohoa.errors import BadRequest, Conflict
from sohoa.model import Actor, Evidence
from sohoa.states import DocumentStatus, Review, WantedKind
from storage.archive.description import read_events, read_record
from storage.catalog import documents, jobs, reviews
from storage.catalog.documents import Changes, Document
from storage.index import open_index
from storage.index.query import parse_query
from tests.support.reviewed import DECISION, MISSING, unreadable
from tests.support.verified import verified
from tests.support.worked import APPEND, LAN, LOCKED, MAI, REPLACE, WHOLE, WorkedOffice, worked_office

THU = Actor("person:thu")
CITIZEN = "024190001234"


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path, monkeypatch) as made:
        yield made


def confirm(office: WorkedOffice, document: Document, actor: Actor = LAN, **values: str | None) -> Document:
    office.clock.advance(seconds=0.021)
    corrections = {name: Correction(value) for name, value in values.items()}
    return reviewing.confirm(office.stores, document, actor=actor, corrections=unreadable() | corrections)


def found(office: WorkedOffice, typed: str) -> list[str]:
    office.index()
    with open_index(office.stores.settings, mode="read") as index:
        return [hit.document_id for hit in index.search(parse_query(typed), office=None).hits]


def test_confirming_keeps_what_was_read_and_accepts_it(office: WorkedOffice) -> None:
    before = office.bring(DECISION)
    after = confirm(office, before)
    assert (after.review, after.version) == (Review.DONE, 2)
    number = after.fields["code_number"]
    assert number == before.fields["code_number"] | {"accepted": True}
    assert number["origin"] == "machine"
    (check,) = after.checks
    assert (check.check, check.actor, check.changed, check.unreadable) == (1, LAN, (), MISSING)
    record = read_record(office.stores.archive, after.archived_in, after.document_id)
    assert record["fields"] == after.fields
    assert record["review"] == "done"
    assert_all_agrees(office)


def test_correction_keeps_where_and_what_was_read_and_is_found_at_once(office: WorkedOffice) -> None:
    before = office.bring(DECISION)
    after = confirm(office, before, subject="Về việc thành lập Hội đồng  thẩm định", issued_date="2024-04-05")
    subject = after.fields["subject"]
    assert subject["value"] == subject["display"] == "Về việc thành lập Hội đồng thẩm định"
    assert (subject["origin"], subject["accepted"], subject["confidence"]) == ("person", True, 1.0)
    assert (subject["raw"], subject["evidence"]) == tuple(before.fields["subject"][key] for key in ("raw", "evidence"))
    assert set(after.checks[0].changed) == {"subject", "issued_date"}
    assert found(office, '"hội đồng thẩm định"') == [after.document_id]
    assert found(office, "date:2024-04-05") == [after.document_id]


def test_new_place_of_a_value_is_kept_and_must_be_on_the_paper(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    there = Correction("Nguyễn Văn An", (Evidence(1, (10, 20, 300, 60)),))
    after = reviewing.confirm(office.stores, document, actor=LAN, corrections=unreadable() | {"signer_name": there})
    assert after.fields["signer_name"]["evidence"] == [{"page": 1, "box": [10, 20, 300, 60]}]
    for page, box in ((2, (10, 20, 300, 60)), (0, (1, 1, 2, 2)), (1, (300, 20, 10, 60)), (1, (-1, 20, 10, 60))):
        wrong = {"signer_name": Correction("Nguyễn Văn An", (Evidence(page, box),))}
        with pytest.raises(BadRequest):
            reviewing.confirm(office.stores, after, actor=LAN, corrections=wrong)


def test_capitals_are_undone_as_they_were_in_what_was_read(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    assert (document.fields["organ_name"]["value"], document.fields["organ_name"]["display"]) == ("SỞ Y TẾ", "Sở Y tế")
    after = confirm(office, document, organ_name="SỞ Y TÊ", signer_name="ĐỖ THỊ ÁNH")
    assert after.fields["organ_name"]["display"] == "Sở Y tê"
    assert after.fields["signer_name"]["display"] == "Đỗ Thị Ánh"


def test_unreadable_field_is_empty_and_asks_nobody_again(office: WorkedOffice) -> None:
    before = office.bring(DECISION)
    after = confirm(office, before, code_number=None)
    number = after.fields["code_number"]
    assert (number["value"], number["accepted"], number["origin"]) == (None, True, "person")
    assert number["evidence"] == before.fields["code_number"]["evidence"]
    assert set(after.checks[0].unreadable) == {"code_number", *MISSING}


def test_mandatory_field_that_nobody_read_must_be_said_or_called_unreadable(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    with pytest.raises(BadRequest) as refused:
        reviewing.confirm(office.stores, document, actor=LAN)
    assert refused.value.code == "incomplete"
    assert all(name in refused.value.detail for name in MISSING)
    assert office.now(document) == document


def test_another_type_asks_for_other_fields(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    with pytest.raises(BadRequest, match="owner_name"):
        confirm(office, document, type_name="Giấy phép")
    after = confirm(office, document, type_name="Giấy phép", owner_name="Công ty TNHH Một thành viên")
    assert found(office, 'loai:"giấy phép"') == [after.document_id]
    assert found(office, 'loai:"quyết định"') == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("issued_date", "2023-02-30"), ("type_name", "Quyết định lạ"), ("soos", "1"), ("subject", "  ")],
)
def test_value_that_cannot_be_changes_nothing(office: WorkedOffice, name: str, value: str) -> None:
    document = office.bring(DECISION)
    with pytest.raises(BadRequest) as refused:
        confirm(office, document, LAN, **{name: value})
    assert refused.value.code == "bad_value"
    assert office.now(document) == document
    assert office.stores.archive.inventory(document.archived_in).head == 1


def test_change_meanwhile_is_told_and_the_first_one_stays(office: WorkedOffice) -> None:
    seen_by_both = office.bring(DECISION)
    confirm(office, seen_by_both, LAN, code_number="139")
    with pytest.raises(Conflict) as refused:
        confirm(office, seen_by_both, MAI, code_number="140")
    assert refused.value.code == "conflict"
    assert office.now(seen_by_both).fields["code_number"]["value"] == "139"
    again = confirm(office, office.now(seen_by_both), MAI, code_number="140")
    assert (again.fields["code_number"]["value"], [check.check for check in again.checks]) == ("140", [1, 3])


def test_of_many_who_say_something_at_once_one_is_heard_and_the_others_are_told(office: WorkedOffice) -> None:
    document = office.bring(DECISION)

    def say(number: int) -> str:
        said = unreadable() | {"code_number": Correction(str(number))}
        try:
            reviewing.confirm(office.stores, document, actor=Actor(f"person:{number}"), corrections=said)
        except Conflict as conflict:
            return conflict.code
        return str(number)

    with ThreadPoolExecutor(6) as people:
        outcomes = list(people.map(say, range(1, 7)))
    (heard,) = [outcome for outcome in outcomes if outcome.isdigit()]
    assert set(outcomes) - {heard} <= {"busy", "conflict"}
    after = office.now(document)
    assert (after.version, after.fields["code_number"]["value"]) == (2, heard)
    assert [check.actor for check in after.checks] == [f"person:{heard}"]
    assert_all_agrees(office)


def test_paper_that_is_being_revised_or_not_archived_is_not_confirmed(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    office.revise(document, REPLACE, then=None)
    with pytest.raises(Conflict) as refused:
        confirm(office, document)
    assert refused.value.code == "busy"
    with pytest.raises(Conflict):
        confirm(office, office.bring(LOCKED))


@pytest.mark.parametrize("kind", [WantedKind.SPLIT, WantedKind.ROTATE, WantedKind.RESCAN])
def test_what_must_be_done_first_is_in_the_record_and_the_paper_waits_as_that(
    office: WorkedOffice, kind: WantedKind
) -> None:
    document = office.revise(office.bring(DECISION), APPEND, then=WHOLE)
    reason = f"trang 2 của {CITIZEN}"
    asked = reviewing.ask_for(office.stores, document, kind, actor=LAN, reason=reason, pages=[2])
    assert asked.review is Review.NEEDED
    assert asked.wanted is not None
    assert (asked.wanted.kind, asked.wanted.actor, asked.wanted.pages) == (kind, LAN, (2,))
    record = read_record(office.stores.archive, asked.archived_in, asked.document_id)
    assert record["wanted"]["reason"] == "trang 2 của *********234"
    assert_all_agrees(office)
    for pages in ([3], [0], [1] if kind is WantedKind.SPLIT else [9]):
        with pytest.raises(BadRequest):
            reviewing.ask_for(office.stores, asked, kind, actor=LAN, reason="x", pages=pages)
    done = confirm(office, asked)
    assert (done.review, done.wanted) == (Review.DONE, None)


def test_another_scan_is_what_a_rescan_asked_for(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    checked = confirm(office, document, code_number="77")
    asked = reviewing.ask_for(office.stores, checked, WantedKind.RESCAN, actor=LAN, reason="mờ")
    after = office.revise(asked, REPLACE, then=DECISION)
    assert (after.review, after.wanted, after.checks) == (Review.NEEDED, None, checked.checks)
    assert after.fields["code_number"]["value"] == "77"
    assert_all_agrees(office)


def test_appended_pages_leave_done_what_is_done(office: WorkedOffice) -> None:
    after = office.revise(confirm(office, office.bring(DECISION)), APPEND, then=WHOLE)
    assert (after.review, len(after.checks)) == (Review.DONE, 1)
    assert_all_agrees(office)


def test_events_name_the_fields_and_never_say_their_values(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    after = confirm(office, document, owner_id=CITIZEN, owner_name="Đỗ Thị Ánh")
    last = read_events(office.stores.archive, after.archived_in, after.document_id)[-1]
    assert last["eventType"] == "metadata modification"
    told = last["eventDetailInformation"]["eventDetailExtension"]
    assert {"owner_id", "owner_name"} <= set(told["changed"])
    assert LAN in [agent["linkingAgentIdentifierValue"] for agent in last["linkingAgentIdentifier"]]
    assert CITIZEN not in json.dumps(last)
    assert "Ánh" not in json.dumps(last, ensure_ascii=False)


def test_drawn_paper_goes_back_for_another_person(office: WorkedOffice) -> None:
    drawing(office, 1.0)
    first = confirm(office, office.bring(DECISION), LAN, code_number="139")
    assert first.review is Review.NEEDED
    assert first.wanted is not None
    assert first.wanted.kind == "second_check"
    with pytest.raises(Conflict) as refused:
        confirm(office, first, LAN)
    assert refused.value.code == "same_actor"
    second = confirm(office, first, MAI, code_number="140", subject="Khác")
    assert (second.review, second.wanted) == (Review.DONE, None)
    assert [(check.check, check.actor) for check in second.checks] == [(1, LAN), (2, MAI)]
    assert second.checks[1].changed == ("code_number", "subject")
    assert_all_agrees(office)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"review": Review.DONE}, "review"),
        ({"checks": ()}, "checks"),
        ({"fields": {}}, "fields"),
        ({"wanted": None}, "wanted"),
    ],
)
def test_catalogue_that_says_otherwise_than_the_record_is_found(
    office: WorkedOffice, changed: Changes, name: str
) -> None:
    drawing(office, 1.0)
    document = confirm(office, office.bring(DECISION))
    with office.stores.database.write() as connection:
        reviews.claim(connection, document.document_id, actor=MAI, now=office.clock.now(), lease_s=900)
    assert_all_agrees(office)  # a claim is no part of what the archive says
    with office.stores.database.write() as connection:
        documents.amend(connection, document.document_id, now=office.clock.now(), **changed)
    (found,) = verified(office.stores).findings
    assert (found.code, found.detail) == ("record_disagrees", f"they differ in: {name}")


def test_share_of_second_checks_is_as_set_and_the_same_each_time() -> None:
    ids = [f"01JGFJJZ{number:018}" for number in range(20_000)]
    drawn = {one for one in ids if is_drawn(one, 0.05)}
    assert 850 < len(drawn) < 1150
    assert {one for one in ids if is_drawn(one, 0.05)} == drawn
    assert drawn <= {one for one in ids if is_drawn(one, 0.1)}
    assert not any(is_drawn(one, 0.0) for one in ids)
    assert all(is_drawn(one, 1.0) for one in ids)


def test_correction_whose_process_dies_is_finished_by_a_worker(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = office.bring(DECISION)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(documents, "move", die)
        with pytest.raises(KeyboardInterrupt):
            confirm(office, document, code_number="139")
    assert office.now(document).review is Review.NEEDED
    office.clock.advance(seconds=office.stores.settings.lease_s + 1)
    with office.stores.database.write() as connection:
        jobs.hand_out_again(connection, now=office.clock.now())
    after = office.work(document, DECISION)
    assert (after.review, after.fields["code_number"]["value"], after.version) == (Review.DONE, "139", 2)
    assert len(after.checks) == 1
    assert_all_agrees(office)


def test_withdrawn_paper_keeps_what_people_said(office: WorkedOffice) -> None:
    done = confirm(office, office.bring(DECISION))
    after = decisions.withdraw(office.stores, done, actor=MAI, reason="nhầm")
    assert (after.status, after.checks, after.fields) == (DocumentStatus.WITHDRAWN, done.checks, done.fields)


def assert_all_agrees(office: WorkedOffice) -> None:
    office.index()
    assert list(verified(office.stores).findings) == []


def drawing(office: WorkedOffice, share: float) -> None:
    changed: dict[str, Any] = {"second_check_share": share}
    office.stores.settings.__dict__.update(changed)
