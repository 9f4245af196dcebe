"""What the archive keeps to say about a document: record.json (everything known of it) and its PREMIS events.

The catalogue is a function of these and of quality.json (storage/rebuild/rows.py reads them), so whatever it must be able to
say again has to be here. A record cannot know when its own version is committed; one that follows it says it (`archived_at`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

from ocr_workers.compose import Composition
from ocr_workers.pages import DocumentPlan
from sohoa.clock import Clock, isoformat
from sohoa.errors import NotFound
from sohoa.model import own_keys, source_to_dict
from sohoa.reviews import check_to_dict, wanted_to_dict
from sohoa.states import DocumentStatus
from storage.archive import premis
from storage.archive.archive import Archive
from storage.archive.premis import EventType
from storage.catalog.documents import Document
from storage.catalog.jobs import Job
from storage.catalog.page_rows import PageRow

SOFTWARE = {"name": "sohoa", "version": version("sohoa")}
FORMAT = 1
"""The version of record.json's form."""

Description = tuple[dict[str, Any], list[dict[str, Any]]]
"""record.json and the events of premis.jsonl, oldest first."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a document leaves the pipeline; carried by its commit job. `code`, `stage`, `detail` say why it did not get through."""

    status: DocumentStatus = DocumentStatus.ARCHIVED
    code: str | None = None
    stage: str | None = None
    detail: str | None = None

    @classmethod
    def of(cls, job: Job) -> Ending:
        """The ending in a commit job's payload; without one the document is archived."""
        found = job.payload.get("ending", {})
        return cls(**{**own_keys(cls, found), "status": DocumentStatus(found["status"])}) if found else cls()

    def payload(self) -> dict[str, Any]:
        return {"ending": asdict(self)}


def composed(
    document: Document,
    plan: DocumentPlan,
    composition: Composition,
    *,
    pages: Sequence[Mapping[str, Any]],
    engine: Mapping[str, Any],
    splits: Sequence[Mapping[str, Any]],
    archive: Archive,
    clock: Clock,
    so_far: Description | None = None,
) -> Description:
    """The description of a document whose renditions are made and validated. `splits` are where another paper may begin.

    `so_far` is what it says without them, and the events up to here, where that is not as for any other (a revision).
    """
    now = clock.now()
    described = {
        **(known(document) if so_far is None else so_far[0]),
        "status": DocumentStatus.ARCHIVED.value,
        "error": None,
        "software": SOFTWARE,
        "pages": list(pages),
        "pages_failed": list(document.pages_failed),
        "pdf": {
            "sha256": composition.pdf_sha256,
            "size_bytes": composition.size_bytes,
            "conformance": composition.conformance,
            "route": composition.route,
            "validation": composition.report,
        },
        "engine": dict(engine),
        "signed": plan.signed or (so_far is not None and so_far[0].get("signed", False)),
    }
    described["splits"] = [*described.get("splits", []), *splits]
    made = partial(premis.event, at=now, actor=premis.software_agent(), clock=clock)
    pdf = {"conformance": composition.conformance, "sha256": composition.pdf_sha256}
    read_by = f"{engine['engine']} {engine['engine_version']}"
    events = [
        *(_events_so_far(document, archive, clock=clock) if so_far is None else so_far[1]),
        made(
            EventType.METADATA_EXTRACTION,
            software=read_by,
            detail={"language": engine["language"], "models": engine["models"]},
        ),
        *(made(EventType.MODIFICATION, detail=change) for change in composition.transformations),
        made(EventType.NORMALIZATION, detail={**pdf, "route": composition.route}),
        made(EventType.VALIDATION, detail=pdf),
        made(EventType.ACCESSION),
    ]
    return described, events


def stopped(
    document: Document, ending: Ending, *, pages: Sequence[PageRow], archive: Archive, clock: Clock
) -> Description:
    """The description of a document that is held or failed: what is known of it and of its pages, and why it stopped."""
    described = {
        **known(document),
        "status": ending.status.value,
        "error": {"code": ending.code, "stage": ending.stage, "detail": ending.detail},
        "pages": [
            {
                "number": page.number,
                "status": page.status.value,
                "code": page.code,
                "lane": page.lane,
                "recognise_ms": page.recognise_ms,
            }
            for page in pages
        ],
        "pages_failed": list(document.pages_failed),
    }
    kind = EventType.QUARANTINE if ending.status is DocumentStatus.HELD else EventType.NORMALIZATION
    why = {"status": ending.status, "stage": ending.stage, "code": ending.code}
    stopped_now = premis.event(
        kind, at=clock.now(), actor=premis.software_agent(), clock=clock, outcome="failure", detail=why
    )
    events = [*_events_so_far(document, archive, clock=clock), stopped_now]
    return described, events


def known(document: Document) -> dict[str, Any]:
    """What is known of a document before its pages are read, as record.json says it."""
    revision = document.revision
    return {
        "format": FORMAT,
        "document_id": document.document_id,
        "office": document.office,
        "dossier": document.dossier,
        "status": DocumentStatus.ARCHIVED.value,
        "review": document.review.value,
        "source": source_to_dict(document.source),
        "original": original_json(document),
        "appended": [asdict(one) for one in document.appended],
        "replaced": [],
        "revision": None if revision is None or revision.status == DocumentStatus.RECEIVED else asdict(revision),
        "external_id": document.external_id,
        "declared": document.declared,
        "actor": document.actor,
        "received_at": isoformat(document.received_at),
        "warnings": list(document.warnings),
        "fields": document.fields,
        "checks": [check_to_dict(one) for one in document.checks],
        "wanted": wanted_to_dict(document.wanted),
        "error": None,
        "software": SOFTWARE,
    }


def original_json(document: Document) -> dict[str, Any]:
    """The original that a document or a revision came in as, and the receipt that it came in under."""
    return {
        "path": f"original.{document.kind}",
        "filename": document.source_name,
        "media_type": document.media_type,
        "sha256": document.original_sha256,
        "size_bytes": document.original_size_bytes,
        "receipt": document.document_id,
    }


def _events_so_far(document: Document, archive: Archive, *, clock: Clock) -> list[dict[str, Any]]:
    """What the archive has of the document already or, at its first commit, how it came in."""
    try:
        with archive.open_file(document.archived_in, f"documents/{document.document_id}/premis.jsonl") as stream:
            return premis.from_jsonl(stream.read())
    except NotFound:
        return premis.intake_events(document, clock=clock)
