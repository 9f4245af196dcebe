"""`GET /metrics`: what it tells is what the catalogue, the archive and the process know, and no part holds up the others."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from search_api.metrics import monitor
from sohoa.states import CopyOf, DocumentStatus, JobKind, Review
from storage.archive.audit import audit_chain, enter_waiting
from storage.archive.chain import Chain
from storage.archive.fixity import NAME, Failure, Stretch, load_progress, record
from storage.catalog import copies, jobs, work_done
from storage.catalog.work_done import Done, End, Work
from tests.support import files
from tests.support.archived import Api, opened_api
from tests.support.waiting import wait_until

MINUTE = 61.0


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """With time enough to read every part, however busy the machine is."""
    monkeypatch.setattr(monitor, "WAIT_S", 60.0)
    with opened_api(tmp_path / "home") as opened:
        yield opened


class Scraped:
    """One answer, parsed by Prometheus' own parser."""

    def __init__(self, api: Api) -> None:
        answer = api.client.get("/metrics", headers=api.token("metrics", actor="system:prometheus"))
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        self.text = answer.text
        self.families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        found = [each for each in self.samples if each.name == name and each.labels == labels]
        assert len(found) == 1, f"{name}{labels} comes {len(found)} times"
        return float(found[0].value)

    def has(self, name: str) -> bool:
        return any(sample.name == name for sample in self.samples)


def test_what_waits_is_counted_with_its_age_by_kind_and_urgency(api: Api) -> None:
    api.receive()
    api.clock.advance(seconds=30)
    api.receive()
    backfile = api.receive()
    with api.stores.database.write() as connection:
        jobs.drop_document(connection, backfile.document_id)
        new = jobs.NewJob(JobKind.RECOGNISE, backfile.document_id, page=1, priority=-1)
        later = jobs.NewJob(
            JobKind.READ, backfile.document_id, priority=-1, run_after=api.clock.now() + timedelta(hours=1)
        )
        jobs.enqueue(connection, [new, later], now=api.clock.now())
    api.clock.advance(seconds=10)
    scraped = Scraped(api)
    assert scraped("sohoa_jobs_due", kind="open", urgency="waiting") == 2
    assert scraped("sohoa_jobs_oldest_seconds", kind="open", urgency="waiting") == 40
    assert scraped("sohoa_jobs_due", kind="recognise", urgency="backfile") == 1
    assert scraped("sohoa_jobs_oldest_seconds", kind="recognise", urgency="backfile") == 10
    assert scraped("sohoa_jobs_due", kind="read", urgency="backfile") == 0
    assert scraped("sohoa_jobs_put_off", kind="read", urgency="backfile") == 1
    assert scraped("sohoa_jobs_oldest_seconds", kind="read", urgency="backfile") == 0
    with api.stores.database.write() as connection:
        assert jobs.claim(connection, owner="w", lease_s=30, now=api.clock.now()) is not None
    scraped = Scraped(api)
    assert scraped("sohoa_jobs_due", kind="open", urgency="waiting") == 1
    assert scraped("sohoa_jobs_in_hand", kind="open") == 1


def test_the_outbox_tells_documents_and_seconds_and_is_empty_once_indexed(api: Api) -> None:
    api.archive(api.receive())
    api.clock.advance(seconds=7)
    api.archive(api.receive())
    scraped = Scraped(api)
    assert scraped("sohoa_outbox_documents") == 2
    assert scraped("sohoa_outbox_oldest_seconds") == 7
    api.index()
    scraped = Scraped(api)
    assert (scraped("sohoa_outbox_documents"), scraped("sohoa_outbox_oldest_seconds")) == (0, 0)


def test_documents_are_counted_by_status_and_those_that_stopped_by_code_once_a_minute(api: Api) -> None:
    api.archive(api.receive())
    api.archive(api.receive(office="H56"), review=Review.NEEDED)
    api.stop(api.receive(), DocumentStatus.HELD, code="encrypted")
    api.stop(api.receive(office="H56"), DocumentStatus.FAILED, code="not_valid_pdfa")
    api.stop(api.receive(), DocumentStatus.FAILED, code="not_valid_pdfa")
    api.receive()
    scraped = Scraped(api)
    counted = {
        status: scraped("sohoa_documents", status=status) for status in ("received", "archived", "held", "failed")
    }
    assert counted == {"received": 1, "archived": 2, "held": 1, "failed": 2}
    told = {
        (s.labels["status"], s.labels["code"]): s.value for s in scraped.families["sohoa_documents_stopped"].samples
    }
    assert told == {("held", "encrypted"): 1, ("failed", "not_valid_pdfa"): 2}
    assert scraped("sohoa_review_waiting") == 1
    api.receive()
    assert Scraped(api)("sohoa_documents", status="received") == 1
    api.clock.advance(seconds=MINUTE)
    scraped = Scraped(api)
    assert scraped("sohoa_documents", status="received") == 2
    assert scraped("sohoa_review_oldest_seconds") == MINUTE


def test_copies_tell_how_old_they_are_and_never_where_there_is_none(api: Api) -> None:
    scraped = Scraped(api)
    assert scraped("sohoa_copy_age_seconds", of="catalogue", place="") == math.inf
    assert scraped("sohoa_copy_age_seconds", of="archive", place="") == math.inf
    with api.stores.database.write_beside() as connection:
        copies.made(connection, CopyOf.CATALOGUE, "", now=api.clock.now() - timedelta(days=2))
        copies.made(connection, CopyOf.CATALOGUE, "", now=api.clock.now())
        for place in ("/mnt/copy", "s3://copy"):
            copies.made(connection, CopyOf.ARCHIVE, place, now=api.clock.now())
    api.clock.advance(seconds=MINUTE)
    scraped = Scraped(api)
    ages = {tuple(s.labels.values()): s.value for s in scraped.families["sohoa_copy_age_seconds"].samples}
    assert ages == {("catalogue", ""): MINUTE, ("archive", "/mnt/copy"): MINUTE, ("archive", "s3://copy"): MINUTE}


def test_viewings_tell_how_long_they_wait_for_the_audit(api: Api) -> None:
    document = api.archive(api.receive())
    assert Scraped(api)("sohoa_audit_oldest_seconds") == 0
    api.client.get(f"/v1/documents/{document.document_id}/text", headers=api.token("read"))
    api.clock.advance(seconds=MINUTE)
    assert Scraped(api)("sohoa_audit_oldest_seconds") == MINUTE
    enter_waiting(api.stores, audit_chain(api.stores), has_lease=lambda: True)
    api.clock.advance(seconds=MINUTE)
    assert Scraped(api)("sohoa_audit_oldest_seconds") == 0


def test_what_workers_did_is_a_histogram_and_two_counters(api: Api) -> None:
    page = Work(JobKind.RECOGNISE, End.DONE, "", 1000)
    done = {
        page: Done(3, 2400),
        Work(JobKind.RECOGNISE, End.DONE, "", 2000): Done(1, 1600),
        Work(JobKind.RECOGNISE, End.DONE, "", work_done.OVER_MS): Done(1, 700_000),
        Work(JobKind.RECOGNISE, End.FAILED, "timeout", 60_000): Done(1, 59_000),
        Work(JobKind.RECOGNISE, End.FAILED, "timeout", 120_000): Done(1, 61_000),
        Work(JobKind.OPEN, End.HELD, "encrypted", 100): Done(1, 5),
        Work(JobKind.RECOGNISE, End.AGAIN, "engine_killed", work_done.OVER_MS): Done(4, 0),
    }
    for _ in range(2):
        with api.stores.database.write_beside() as connection:
            work_done.add(connection, done)
    scraped = Scraped(api)
    kind = {"kind": "recognise"}
    assert scraped("sohoa_job_seconds_bucket", le="0.5", **kind) == 0
    assert scraped("sohoa_job_seconds_bucket", le="1.0", **kind) == 6
    assert scraped("sohoa_job_seconds_bucket", le="600.0", **kind) == 8
    assert scraped("sohoa_job_seconds_bucket", le="+Inf", **kind) == 10
    assert scraped("sohoa_job_seconds_count", **kind) == 10
    assert scraped("sohoa_job_seconds_sum", **kind) == pytest.approx(1408)
    assert scraped("sohoa_jobs_ended_total", ending="failed", code="timeout", **kind) == 4
    assert scraped("sohoa_jobs_ended_total", kind="open", ending="held", code="encrypted") == 2
    assert scraped("sohoa_jobs_again_total", code="engine_killed", **kind) == 8


def test_requests_go_by_template_and_class_of_status_whatever_was_asked(api: Api) -> None:
    headers = api.token("ingest", "read")
    picture = files.image_bytes("PNG")
    document_id = api.client.post("/v1/documents", content=picture, headers=headers).json()["document_id"]
    form = {"file": ("Nguyễn Văn A.png", picture)}
    api.client.post("/v1/documents?dossier=D-1", files=form, headers=headers)
    for _ in range(3):
        api.client.get(f"/v1/documents/{document_id}", headers=headers)
    api.client.get(f"/v1/documents/{document_id}")
    api.client.get("/012345678901", headers=headers)
    api.client.request("NGUYEN", "/healthz")
    scraped = Scraped(api)
    one = {"method": "GET", "route": "/v1/documents/{document_id}"}
    assert scraped("sohoa_http_request_seconds_count", status="2xx", **one) == 3
    assert scraped("sohoa_http_request_seconds_count", status="4xx", **one) == 1
    assert scraped("sohoa_http_request_seconds_count", method="GET", route="none", status="4xx") == 1
    assert scraped("sohoa_http_request_seconds_count", method="other", route="/healthz", status="4xx") == 1
    assert scraped("sohoa_upload_bytes_total") == 2 * len(picture)
    assert scraped("sohoa_http_requests_in_progress") == 1, "this scrape itself"
    for said in (document_id, "012345678901", "NGUYEN", "Nguy", "H02", "D-1"):
        assert said not in scraped.text


def test_a_token_of_one_office_is_refused_for_the_numbers_are_everybodys(api: Api) -> None:
    answer = api.client.get("/metrics", headers=api.token("metrics", office="H02"))
    assert (answer.status_code, answer.json()["code"]) == (403, "other_office")


def _stretch(api: Api, **how: Any) -> Stretch:
    return Stretch(how.pop("round"), how.pop("began"), api.clock.now(), **how)


def test_fixity_tells_the_share_that_was_read_within_the_period_and_failures(api: Api) -> None:
    assert not Scraped(api).has("sohoa_fixity_oldest_read_seconds"), "nothing was read yet"
    chain = Chain(api.stores.archive.objects, api.clock, NAME)
    progress = load_progress(chain, now=api.clock.now())
    began = api.clock.now()
    first = _stretch(api, round=1, began=began, after="", upto="ocfl/4", objects=3, size_bytes=300)
    record(chain, progress, first, anchor=None)
    api.clock.advance(seconds=86_400)
    scraped = Scraped(api)
    assert scraped("sohoa_fixity_oldest_read_seconds") == 86_400
    assert not scraped.has("sohoa_fixity_cover_bytes_ratio"), "nobody knows how much there is"
    failure = Failure("digest_mismatch", "ocfl/5/x", "cut short", None, (), since=0)
    rest = _stretch(
        api, round=1, began=began, after="ocfl/4", upto="receipts/9", objects=1, size_bytes=900, failures=(failure,),
        ends_round=True,
    )  # fmt: skip
    record(chain, progress, rest, anchor=None)
    api.clock.advance(seconds=30.5 * 86_400)
    scraped = Scraped(api)
    assert scraped("sohoa_fixity_cover_objects_ratio") == 0.25
    assert scraped("sohoa_fixity_cover_bytes_ratio") == 0.75
    assert scraped("sohoa_fixity_failures") == 1
    assert scraped("sohoa_fixity_last_entry_seconds") == 30.5 * 86_400
    assert scraped("sohoa_fixity_period_seconds") == 31 * 86_400


def test_a_part_that_can_no_longer_be_read_is_left_out_and_told_of(api: Api) -> None:
    chain = Chain(api.stores.archive.objects, api.clock, NAME)
    progress = load_progress(chain, now=api.clock.now())
    api.receive()
    began = api.clock.now()
    record(chain, progress, _stretch(api, round=1, began=began, after="", upto="x", ends_round=True), anchor=None)
    assert Scraped(api)("sohoa_fixity_failures") == 0
    record(chain, progress, _stretch(api, round=2, began=began, after="", upto="x", ends_round=True), anchor=None)
    entry = next(path for path in (api.stores.settings.home / "archive" / NAME).rglob("000002.json"))
    entry.chmod(0o600)
    entry.write_bytes(b"{}")
    api.clock.advance(seconds=MINUTE)
    scraped = Scraped(api)
    assert scraped("sohoa_scrape_ok", part="fixity") == 0
    assert not scraped.has("sohoa_fixity_failures")
    assert scraped("sohoa_scrape_ok", part="backlog") == 1
    assert scraped("sohoa_jobs_due", kind="open", urgency="waiting") == 1


def test_a_part_that_hangs_holds_up_no_scrape_and_is_not_asked_twice(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    hung, asked = threading.Event(), []

    def hang(_: object) -> object:
        asked.append(1)
        hung.wait(600)
        return {"home": _disk}

    from storage.standing import Disk

    _disk = Disk(2, 1)
    monkeypatch.setattr(monitor, "WAIT_S", 0.2)
    monkeypatch.setattr(monitor, "disks_of", hang)
    try:
        for _ in range(3):

            def is_told() -> bool:
                scraped = Scraped(api)
                assert scraped("sohoa_scrape_ok", part="disks") == 0
                return scraped("sohoa_scrape_ok", part="backlog") == 1

            wait_until(is_told, "what hangs holds up the others")
        assert len(asked) == 1
    finally:
        hung.set()
    wait_until(lambda: Scraped(api).has("sohoa_disk_free_bytes"), "the disks are told of")
    assert Scraped(api)("sohoa_disk_free_bytes", where="home") == 1
    assert len(asked) == 1, "more were lined up behind it"


def test_the_disks_the_spool_and_readiness_are_told(api: Api) -> None:
    scraped = Scraped(api)
    for where in ("home", "archive"):
        size, free = scraped("sohoa_disk_size_bytes", where=where), scraped("sohoa_disk_free_bytes", where=where)
        assert size > free > 0
    assert scraped("sohoa_spool_documents") == 0
    assert scraped("sohoa_spool_limit_bytes") == api.stores.settings.spool_max_bytes
    assert {scraped("sohoa_ready", part=part) for part in ("catalogue", "archive", "index", "dispatch")} == {1}
    assert scraped("process_resident_memory_bytes") > 10_000_000
