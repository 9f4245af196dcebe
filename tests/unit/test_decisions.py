"""Decisions of people: one at a time, never half done, and never on a document that has changed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import decisions
from ocr_workers import pipeline, staged
from sohoa.errors import BadRequest, Conflict
from sohoa.model import Actor
from sohoa.states import DocumentStatus, JobKind
from storage.archive.layout import object_id_of
from storage.catalog import documents, jobs
from storage.catalog.documents import Document
from storage.stores import Stores
from tests.support.archived import Api, opened_api

LAN = Actor("person:lan")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path) as opened:
        yield opened


def record_of(stores: Stores, document: Document) -> dict[str, object]:
    object_id = object_id_of(document.document_id, document.dossier)
    with stores.archive.open_file(object_id, f"documents/{document.document_id}/record.json") as stream:
        found: dict[str, object] = json.load(stream)
        return found


def now_of(stores: Stores, document: Document) -> Document:
    with stores.database.read() as connection:
        return documents.get(connection, document.document_id)


def test_withdrawal_is_in_the_archive_with_who_and_why_and_in_the_catalogue(api: Api) -> None:
    document = api.archive(api.receive())
    withdrawn = decisions.withdraw(api.stores, document, actor=LAN, reason="wrong dossier")
    assert withdrawn.status is DocumentStatus.WITHDRAWN
    assert record_of(api.stores, document)["status"] == "withdrawn"
    object_id = object_id_of(document.document_id, document.dossier)
    with api.stores.archive.open_file(object_id, f"documents/{document.document_id}/premis.jsonl") as stream:
        last = json.loads(stream.read().splitlines()[-1])
    assert last["eventType"] == "deaccession"
    assert last["eventDetailInformation"] == {"eventDetailExtension": {"reason": "wrong dossier"}}
    assert LAN in [agent["linkingAgentIdentifierValue"] for agent in last["linkingAgentIdentifier"]]


def test_decision_on_a_document_that_changed_meanwhile_is_a_conflict_and_writes_nothing(api: Api) -> None:
    seen_by_both = api.stop(api.receive(), DocumentStatus.HELD, code="damaged")
    decisions.release(api.stores, seen_by_both, actor=LAN, reason="as far as it goes")
    version = now_of(api.stores, seen_by_both).version
    with pytest.raises(Conflict):
        decisions.release(api.stores, seen_by_both, actor=Actor("person:mai"), reason="me too")
    with pytest.raises(Conflict):
        decisions.withdraw(api.stores, seen_by_both, actor=Actor("person:mai"), reason="no")
    head = api.stores.archive.inventory(object_id_of(seen_by_both.document_id, None)).head
    assert now_of(api.stores, seen_by_both).version == version == head


def test_decision_whose_process_dies_after_the_archive_took_it_is_finished_by_a_worker(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = api.archive(api.receive())

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(documents, "move", die)
        with pytest.raises(KeyboardInterrupt):
            decisions.withdraw(api.stores, document, actor=LAN, reason="twice scanned")
    assert now_of(api.stores, document).status is DocumentStatus.ARCHIVED
    api.clock.advance(seconds=api.stores.settings.lease_s + 1)
    with api.stores.database.write() as connection:
        jobs.hand_out_again(connection, now=api.clock.now())
    work_off(api)
    after = now_of(api.stores, document)
    assert after.status is DocumentStatus.WITHDRAWN
    assert after.version == 2 == api.stores.archive.inventory(object_id_of(document.document_id, None)).head


def test_released_document_is_opened_again_with_the_damage_accepted(api: Api) -> None:
    held = api.stop(api.receive(), DocumentStatus.HELD, code="damaged")
    decisions.release(api.stores, held, actor=LAN, reason="nothing better to be had")
    with api.stores.database.write() as connection:
        job = jobs.claim(connection, owner="w", lease_s=30, now=api.clock.now())
    assert job is not None
    assert (job.kind, job.payload) == (JobKind.OPEN, {"accept_damage": True})


def test_decision_without_a_reason_is_refused_before_anything_is_done(api: Api) -> None:
    held = api.stop(api.receive(), DocumentStatus.HELD, code="encrypted")
    with pytest.raises(BadRequest):
        decisions.release(api.stores, held, actor=LAN, reason="  ", password="x")
    assert list(api.stores.archive.staged_documents()) == []


def test_page_whose_plan_is_gone_fails_its_document_instead_of_its_worker(api: Api) -> None:
    document = api.receive()
    work_off(api, most=1)  # open: the page is planned
    api.stores.archive.objects.delete(f"staging/{document.document_id}/plan.json")
    work_off(api)
    after = now_of(api.stores, document)
    assert (after.status, after.code) == (DocumentStatus.FAILED, "not_found")
    again = decisions.retry(api.stores, after, actor=LAN)
    assert again.status is DocumentStatus.RECEIVED


def test_full_disk_puts_the_work_off_and_counts_no_try(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document = api.receive()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(staged, "write_plan", full)
        for _ in range(api.stores.settings.max_attempts + 2):
            work_off(api, most=1)
            api.clock.advance(seconds=60)
    assert now_of(api.stores, document).status is DocumentStatus.RECEIVED
    with api.stores.database.write() as connection:
        job = jobs.claim(connection, owner="w", lease_s=30, now=api.clock.now())
    assert job is not None
    assert (job.attempts, job.last_code) == (1, "disk_full")


def work_off(api: Api, *, most: int = 100) -> None:
    """Do what waits, in this process, with this test's clock and no engine."""
    stores = api.stores
    tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "worker")
    for _ in range(most):
        if not pipeline.run_next(tools, started=lambda job, limit_s: None):
            return
