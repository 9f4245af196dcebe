"""What happened to a document, as PREMIS 3 events (https://www.loc.gov/standards/premis/v3/), one JSON object a line.

The keys are PREMIS's own names of semantic units; the event types are labels of the Library of Congress' vocabulary
http://id.loc.gov/vocabulary/preservation/eventType.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Literal, Protocol

from sohoa.clock import Clock, isoformat
from sohoa.model import Actor, Sha256, Source, source_to_dict

SOFTWARE = f"sohoa {version('sohoa')}"


class EventType(StrEnum):
    """The events that Sohoa records, by their labels in the vocabulary."""

    INGESTION = "ingestion"
    MESSAGE_DIGEST_CALCULATION = "message digest calculation"
    FORMAT_IDENTIFICATION = "format identification"
    VALIDATION = "validation"
    METADATA_EXTRACTION = "metadata extraction"
    """Recognising: words, boxes and confidences read from the page images."""
    NORMALIZATION = "normalization"
    """Making the PDF/A."""
    MODIFICATION = "modification"
    """Another original in place of the one before, or pages appended; content taken out that PDF/A forbids and nobody
    sees, or a damaged file repaired."""
    DELETION = "deletion"
    """A file that is in the document's newest version no longer; earlier versions keep it."""
    METADATA_MODIFICATION = "metadata modification"
    """A person corrected what was read."""
    FIXITY_CHECK = "fixity check"
    ACCESSION = "accession"
    """Committed to the archive."""
    DEACCESSION = "deaccession"
    """Withdrawn, or split into others: no longer shown, the bytes stay."""
    QUARANTINE = "quarantine"
    """Held: a person must act."""
    UNQUARANTINE = "unquarantine"
    """Released by a person."""
    TRANSFER = "transfer"
    """Moved from one object to another."""
    POLICY_ASSIGNMENT = "policy assignment"
    """A retention was given, a legal hold set or lifted."""
    RECOVERY = "recovery"
    """Tried again after a failure."""


Outcome = Literal["success", "warning", "failure"]


class Intake(Protocol):
    """What must be known of a document to tell how it came in (the catalogue's Document has all of it)."""

    @property
    def actor(self) -> Actor: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def media_type(self) -> str: ...
    @property
    def original_sha256(self) -> Sha256: ...
    @property
    def original_size_bytes(self) -> int: ...
    @property
    def source(self) -> Source: ...


def software_agent() -> Actor:
    """The actor of what the machine does by itself."""
    return Actor("system:sohoa")


def event(
    kind: str,
    *,
    at: datetime,
    actor: Actor,
    clock: Clock,
    outcome: Outcome = "success",
    detail: str | Mapping[str, Any] = "",
    software: str = SOFTWARE,
    identifier: str | None = None,
) -> dict[str, Any]:
    """One event as plain JSON values, its `identifier` a fresh ULID unless given.

    `kind` is a label of EventType (ValueError otherwise), `actor` who had it done, `software` name and version of the
    program that did it. `detail` is one line or a few JSON values, and never holds a citizen's text.
    """
    return {
        "eventIdentifier": {"eventIdentifierType": "ULID", "eventIdentifierValue": identifier or clock.new_ulid()},
        "eventType": EventType(kind).value,
        "eventDateTime": isoformat(at),
        "eventDetailInformation": (
            {"eventDetail": detail} if isinstance(detail, str) else {"eventDetailExtension": dict(detail)}
        ),
        "eventOutcomeInformation": {"eventOutcome": outcome},
        "linkingAgentIdentifier": [
            _agent(kind=actor.partition(":")[0], name=actor, role="implementer"),
            _agent(kind="software", name=software, role="executing program"),
        ],
    }


def intake_events(document: Intake, *, clock: Clock) -> list[dict[str, Any]]:
    """How a document came in: received from its sender, its digest taken, its format told by its bytes; and that this was
    the digest still when the bytes were read back for the version that brings them, without which there is no version."""
    at, machine = document.received_at, software_agent()
    digest = {"algorithm": "SHA-256", "digest": document.original_sha256}
    format_found = {"media_type": document.media_type}
    received: dict[str, Any] = {"size_bytes": document.original_size_bytes}
    if document.source.document_id is not None:
        received["split_from"] = source_to_dict(document.source)
    return [
        event(EventType.INGESTION, at=at, actor=document.actor, clock=clock, detail=received),
        event(EventType.MESSAGE_DIGEST_CALCULATION, at=at, actor=machine, clock=clock, detail=digest),
        event(EventType.FORMAT_IDENTIFICATION, at=at, actor=machine, clock=clock, detail=format_found),
        event(EventType.FIXITY_CHECK, at=clock.now(), actor=machine, clock=clock, detail=digest),
    ]


def to_jsonl(events: Iterable[dict[str, Any]]) -> bytes:
    """The bytes of premis.jsonl: one event a line, in the order given."""
    return b"".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for each in events)


def from_jsonl(data: bytes) -> list[dict[str, Any]]:
    """The events that :func:`to_jsonl` wrote, for adding to them."""
    return [json.loads(line) for line in data.splitlines()]


def _agent(*, kind: str, name: str, role: str) -> dict[str, str]:
    return {
        "linkingAgentIdentifierType": kind,
        "linkingAgentIdentifierValue": name,
        "linkingAgentRole": role,
    }
