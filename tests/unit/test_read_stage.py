"""The stage `read`: fields reach record, catalogue and answers; doubt calls a person; a security mark stops everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import decisions
from sohoa.states import DocumentStatus, Review
from storage.archive.description import read_record
from storage.catalog import documents
from storage.index import open_index
from storage.index.query import parse_query
from storage.presentation import document_json
from tests.support.set_pages import MIDDLE, body, set_page, state_head
from tests.support.worked import APPEND, MAI, MIXED, REPLACE, WHOLE, Paper, WorkedOffice, worked_office

_TITLE = [(5, MIDDLE, "QUYẾT ĐỊNH"), (6, MIDDLE, "Về việc thành lập Tổ công tác rà soát")]
DECISION = Paper(first_page=set_page(*state_head(), *_TITLE, *body(10)))
SECRET = Paper(first_page=set_page(*state_head(), (3, MIDDLE, "TỐI MẬT"), *_TITLE, *body(10)))


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path, monkeypatch) as made:
        yield made


def test_fields_are_in_the_record_the_catalogue_and_the_answer_alike(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    record = read_record(office.stores.archive, document.archived_in, document.document_id)
    answer = document_json(document, source="x", archive=None)
    assert record["fields"] == document.fields == answer["fields"]
    number = document.fields["code_number"]
    assert (number["value"], number["origin"]) == ("138", "machine")
    assert set(number) == {"value", "display", "raw", "confidence", "evidence", "origin", "accepted"}
    assert [place["page"] for place in number["evidence"]] == [1]


def test_a_paper_without_a_sure_mandatory_field_is_archived_and_waits_for_a_person(office: WorkedOffice) -> None:
    document = office.bring(WHOLE)
    assert (document.status, document.review) == (DocumentStatus.ARCHIVED, Review.NEEDED)


def test_a_security_mark_holds_the_paper_and_nothing_of_it_is_made_logged_or_found(
    office: WorkedOffice, capfd: pytest.CaptureFixture[str]
) -> None:
    document = office.bring(SECRET)
    assert (document.status, document.code, document.fields) == (DocumentStatus.HELD, "security_mark", {})
    record = read_record(office.stores.archive, document.archived_in, document.document_id)
    assert "rà soát" not in json.dumps(record, ensure_ascii=False)
    kept = {path.rpartition("/")[2] for path in office.stores.archive.inventory(document.archived_in).state}
    assert kept.isdisjoint({"document.pdf", "text.txt", "alto.xml.gz"})
    office.index()
    with open_index(office.stores.settings, mode="read") as index:
        assert index.search(parse_query("rà soát"), office=None, limit=5).total == 0
    out, err = capfd.readouterr()
    assert "rà soát" not in out + err


def test_a_mark_read_in_error_is_released_and_the_paper_goes_on(office: WorkedOffice) -> None:
    held = office.bring(SECRET)
    decisions.release(office.stores, held, actor=MAI, reason="a heading, no mark")
    document = office.work(held, SECRET)
    assert (document.status, document.fields["type_name"]["value"]) == (DocumentStatus.ARCHIVED, "Quyết định")


def test_a_better_scan_is_read_anew_but_for_what_a_person_confirmed(office: WorkedOffice) -> None:
    document = office.bring(DECISION)
    confirmed = {**document.fields["subject"], "value": "Tổ rà soát", "origin": "person", "accepted": True}
    with office.stores.database.write() as connection:
        fields = {**document.fields, "subject": confirmed}
        documents.amend(connection, document.document_id, now=office.clock.now(), fields=fields)
    other = set_page(*state_head(code="Số: 77/QĐ-SYT"), *_TITLE, *body(10))
    document = office.revise(document, REPLACE, then=replace(DECISION, first_page=other))
    assert document.fields["subject"] == {**confirmed, "evidence": []}
    assert document.fields["code_number"]["value"] == "77"


def test_appended_pages_change_no_field_but_the_number_of_pages(office: WorkedOffice) -> None:
    before = office.bring(DECISION)
    after = office.revise(before, APPEND, then=MIXED)
    assert after.fields.pop("page_amount")["value"] == "5"
    assert before.fields.pop("page_amount")["value"] == "1"
    assert after.fields == before.fields
