"""A paper with a security mark: only who may lets it go on, with a reason; until then nothing of its text is anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from ingest import decisions, reviewing
from ocr_workers.housekeeping import clear_finished_staging
from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, Conflict
from sohoa.states import DocumentStatus, Review
from storage.archive.archive import Archive
from storage.archive.description import read_events, read_record
from storage.catalog import jobs
from storage.index import open_index
from storage.index.query import parse_query
from tests.support.archived import opened_api
from tests.support.rebuilding import lose_everything_but_the_archive, rebuild_in
from tests.support.set_pages import MIDDLE, body, set_page, state_head
from tests.support.verified import verified
from tests.support.worked import MAI, REPLACE, Paper, WorkedOffice, worked_office

TITLE = [(5.0, MIDDLE, "QUYẾT ĐỊNH"), (6.0, MIDDLE, "Về việc thành lập Tổ công tác rà soát")]
PLAIN = Paper(first_page=set_page(*state_head(), *TITLE, *body(10)))
SECRET = Paper(first_page=set_page(*state_head(), (3.0, MIDDLE, "TỐI MẬT"), *TITLE, *body(10)))
WORDS = ("rà soát", "138/QĐ", "Sông Hồng", "quyết định", "Căn cứ")


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path, monkeypatch) as made:
        yield made


def test_nothing_of_its_text_is_indexed_logged_kept_or_in_the_queue(
    office: WorkedOffice, capfd: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs() as events:
        held = office.bring(SECRET, dossier="D-1")
        office.index()
    assert (held.status, held.code, held.review) == (DocumentStatus.HELD, "security_mark", Review.NONE)
    record = read_record(office.stores.archive, held.archived_in, held.document_id)
    told = json.dumps([record, read_events(office.stores.archive, held.archived_in, held.document_id)])
    told += str(events) + str(held) + "".join(capfd.readouterr())
    assert [word for word in WORDS if word.lower() in told.lower()] == []
    with open_index(office.stores.settings, mode="read") as index:
        for typed in ("rà soát", "số:138", 'type:"quyết định"', "organ:sở", "căn cứ"):
            assert index.search(parse_query(typed), office=None, facets=("type", "organ")).total == 0, typed
        assert index.search(parse_query("status:held"), office=None).total == 1
    later = FixedClock()
    later.advance(seconds=10**9)
    clear_finished_staging(replace(office.stores, archive=Archive(office.stores.archive.objects, later)))
    assert list(office.stores.archive.objects.list("staging/")) == []
    assert list(verified(office.stores).findings) == []


def test_it_cannot_be_confirmed_and_is_released_only_with_a_reason(office: WorkedOffice) -> None:
    held = office.bring(SECRET)
    with pytest.raises(Conflict):
        reviewing.confirm(office.stores, held, actor=MAI)
    with pytest.raises(BadRequest):
        decisions.release(office.stores, held, actor=MAI, reason="  ")
    assert office.now(held) == held
    decisions.release(office.stores, held, actor=MAI, reason="tên của một cột, không phải dấu mật")
    done = office.work(held, SECRET)
    assert (done.status, done.fields["code_number"]["value"]) == (DocumentStatus.ARCHIVED, "138")
    assert "security_mark" not in done.fields
    last = [
        event
        for event in read_events(office.stores.archive, done.archived_in, done.document_id)
        if event["eventType"] == "unquarantine"
    ]
    assert last[0]["eventDetailInformation"]["eventDetailExtension"]["reason"] == "tên của một cột, không phải dấu mật"
    office.index()
    with open_index(office.stores.settings, mode="read") as index:
        assert index.search(parse_query("số:138"), office=None).total == 1


def test_release_outlives_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        held = office.bring(SECRET)
        office.release(held, then=None)
    lose_everything_but_the_archive(tmp_path)
    assert rebuild_in(tmp_path).findings == ()
    with worked_office(tmp_path, monkeypatch) as office:
        with office.stores.database.write() as connection:
            now = office.clock.now()
            job = jobs.claim(connection, owner="x", lease_s=0.001, now=max(now, FixedClock().now()))
            assert job is None or job.payload == {"mark_released": True}
        office.clock.advance(seconds=100_000)
        with office.stores.database.write() as connection:
            jobs.hand_out_again(connection, now=office.clock.now())
        assert office.work(held, SECRET).status is DocumentStatus.ARCHIVED


def test_better_scan_that_bears_a_mark_changes_nothing_about_the_document(office: WorkedOffice) -> None:
    document = office.bring(PLAIN)
    after = office.revise(document, REPLACE, then=SECRET)
    assert after.revision is not None
    assert (after.status, after.revision.status, after.revision.code) == (
        DocumentStatus.ARCHIVED, "held", "security_mark",
    )  # fmt: skip
    assert after.fields == document.fields


def test_only_an_admin_releases_over_http(tmp_path: Path) -> None:
    with opened_api(tmp_path) as api:
        held = api.stop(api.receive(), DocumentStatus.HELD, code="security_mark")
        address = f"/v1/documents/{held.document_id}/release"
        reason = {"reason": "nhầm"}
        for scopes in (("read", "ingest", "review"), ("review",)):
            assert api.client.post(address, headers=api.token(*scopes), json=reason).status_code == 403
        other = api.token("admin", office="H56")
        assert api.client.post(address, headers=other, json=reason).status_code == 404
        assert api.client.post(address, headers=api.token("admin"), json={}).status_code == 422
        assert api.client.post(address, headers=api.token("admin"), json=reason).status_code == 202
        for path in ("claim", "accept", "rescan"):
            body = {"version": 1, "reason": "x"} if path == "rescan" else {"version": 1}
            refused = api.client.post(f"/v1/review/{held.document_id}/{path}", headers=api.token("review"), json=body)
            assert refused.status_code == 409, path
