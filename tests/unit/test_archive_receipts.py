"""Receipts, staging, and the events told of a document."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sohoa.clock import FixedClock, SystemClock
from sohoa.errors import AlreadyExists, DigestMismatch, NotFound
from sohoa.model import Actor, DocumentId, OfficeId, Sha256, Source
from storage.archive import Archive, Receipt, premis
from storage.archive.layout import sha256_of
from storage.objects import open_objects


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(open_objects(tmp_path), SystemClock())


def _receipt(document_id: str) -> Receipt:
    return Receipt(
        document_id=DocumentId(document_id),
        office=OfficeId("so-khcn"),
        dossier=None,
        filename="đơn\nđề nghị.jpg",
        kind="jpg",
        media_type="image/jpeg",
        sha256=Sha256("0" * 64),
        size_bytes=9,
        actor=Actor("person:lan"),
        accepted_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        external_id=None,
        declared={"fields": {"số": "138"}},
        staged_key=f"staging/{document_id}/original",
    )


def test_a_receipt_is_read_back_as_it_was_written_and_never_changes(archive: Archive) -> None:
    assert not archive.has_receipt("A")
    archive.write_receipt(_receipt("A"))
    assert archive.has_receipt("A")
    assert archive.read_receipt("A") == _receipt("A")
    with pytest.raises(AlreadyExists):
        archive.write_receipt(_receipt("A"))
    with pytest.raises(NotFound):
        archive.read_receipt("B")


def test_pending_receipts_are_those_with_something_staged(archive: Archive) -> None:
    for document_id in "ABC":
        archive.stage(document_id, "original", b"scan")
    for document_id in "AC":
        archive.write_receipt(_receipt(document_id))
    assert [receipt.document_id for receipt in archive.pending_receipts() if isinstance(receipt, Receipt)] == ["A", "C"]
    archive.clear_staging("A")
    assert [receipt.document_id for receipt in archive.pending_receipts() if isinstance(receipt, Receipt)] == ["C"]


def test_staged_documents_tell_how_long_nothing_was_added_to_them(archive: Archive, tmp_path: Path) -> None:
    archive.stage("A", "original", b"scan")
    archive.stage("A", "pages/000001.json", b"{}")
    archive.stage("B", "original", b"scan")
    an_hour_ago = SystemClock().now().timestamp() - 3600
    os.utime(tmp_path / "staging/A/original", (an_hour_ago, an_hour_ago))
    os.utime(tmp_path / "staging/B/original", (an_hour_ago, an_hour_ago))
    ages = {staged.document_id: staged.age_s for staged in archive.staged_documents()}
    assert list(ages) == ["A", "B"]
    assert -1 < ages[DocumentId("A")] < 60
    assert 3599 < ages[DocumentId("B")] < 3660


def test_staging_keeps_what_is_there_unless_told_to_overwrite(archive: Archive) -> None:
    first = archive.stage("A", "text.txt", io.BytesIO(b"one"))
    assert first == archive.staged_file("A", "text.txt")
    assert first.logical_path == "documents/A/text.txt"
    assert archive.staged_file("A", "text.txt", "documents/A/other.txt").logical_path == "documents/A/other.txt"
    with pytest.raises(AlreadyExists):
        archive.stage("A", "text.txt", b"two")
    archive.stage("A", "text.txt", b"two", overwrite=True)
    assert archive.staged_file("A", "text.txt").sha256 == sha256_of(b"two")


def test_bytes_that_are_not_those_announced_are_not_staged(archive: Archive) -> None:
    with pytest.raises(DigestMismatch):
        archive.stage("A", "original", b"scan", sha256=sha256_of(b"other"))
    assert list(archive.staged_documents()) == []


def test_clearing_a_staging_leaves_others_and_takes_the_original_last(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("original", "pages/000001.json", "text.txt"):
        archive.stage("A", name, b"")
        archive.stage("AB", name, b"")
    deleted: list[str] = []
    delete = archive.objects.delete

    def watched(key: str) -> None:
        deleted.append(key)
        delete(key)

    monkeypatch.setattr(archive.objects, "delete", watched)
    archive.clear_staging("A")
    archive.clear_staging("A")
    assert deleted == ["staging/A/pages/000001.json", "staging/A/text.txt", "staging/A/original"]
    assert [staged.document_id for staged in archive.staged_documents()] == ["AB"]


def test_an_event_names_who_and_what_did_it_when_and_how_it_ended() -> None:
    clock = FixedClock()
    told = premis.event(
        "normalization",
        at=clock.now(),
        actor=Actor("person:lan"),
        clock=clock,
        outcome="warning",
        detail={"route": "rasterised"},
        software="pikepdf 10.17",
    )
    assert told["eventType"] == "normalization"
    assert told["eventDateTime"] == "2026-01-02T03:04:05.000Z"
    assert told["eventOutcomeInformation"] == {"eventOutcome": "warning"}
    assert told["eventDetailInformation"] == {"eventDetailExtension": {"route": "rasterised"}}
    assert len(told["eventIdentifier"]["eventIdentifierValue"]) == 26
    agents = [agent["linkingAgentIdentifierValue"] for agent in told["linkingAgentIdentifier"]]
    assert agents == ["person:lan", "pikepdf 10.17"]


def test_an_event_outside_the_vocabulary_is_refused() -> None:
    clock = FixedClock()
    with pytest.raises(ValueError, match="embellishment"):
        premis.event("embellishment", at=clock.now(), actor=premis.software_agent(), clock=clock)


def test_events_are_one_a_line_and_come_back(tmp_path: Path) -> None:
    @dataclass
    class Paper:
        actor: Actor
        received_at: datetime
        media_type: str
        original_sha256: Sha256
        original_size_bytes: int
        source: Source

    clock = FixedClock()
    paper = Paper(Actor("person:lan"), clock.now(), "image/jpeg", Sha256("0" * 64), 9, Source(Sha256("0" * 64), ()))
    events = premis.intake_events(paper, clock=clock)
    assert [event["eventType"] for event in events] == [
        "ingestion",
        "message digest calculation",
        "format identification",
        "fixity check",
    ]
    events.append(
        premis.event("deaccession", at=clock.now(), actor=Actor("person:lan"), clock=clock, detail="1\n2 \u2028")
    )
    data = premis.to_jsonl(events)
    assert data.count(b"\n") == len(events)
    assert premis.from_jsonl(data) == events
