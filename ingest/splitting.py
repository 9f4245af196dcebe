"""Splitting a document: each part becomes one of its own in the same dossier, and the original stays, out of use.

The parts are cut first, so that what cannot be split is told before anything is decided. Then the decision is a job
(`split`) that only rolls forward, now or, after a crash, by any worker:

1. the version of the document that says into which parts it was split, and by whom: it is `withdrawn` with the code `split`;
2. a receipt for each part, whose bytes are staged, or cut once more from the original that the archive has;
3. in one transaction the parts are registered, to be read like any other paper, and the document is out of use.

All that it takes is in record.json (`split`), so a rebuild goes on with it where a receipt is missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from ingest.cutting import Range, cut
from ingest.reviewing import check_asked
from ingest.sniff import Kind
from sohoa.clock import Clock, isoformat, parse_moment, process_owner
from sohoa.errors import AlreadyExists, BadRequest, Conflict
from sohoa.fields import mask_ids
from sohoa.model import Actor, DocumentId, Part, Sha256, part_from_dict, part_to_dict
from sohoa.states import DocumentStatus, JobKind, Review
from storage.archive import premis
from storage.archive.archive import Archive
from storage.archive.commit import Recorded
from storage.archive.description import (
    read_events,
    read_record,
    record_to_follow,
    stage_description,
    with_events,
)
from storage.archive.layout import document_folder
from storage.archive.premis import EventType
from storage.archive.receipts import Receipt, SplitFrom
from storage.catalog import documents, jobs, outbox, reviews, revisions
from storage.catalog.database import Database
from storage.catalog.documents import Document
from storage.catalog.jobs import Job, NewJob
from storage.registration import find_duplicate, find_registered, register
from storage.stores import Stores

CODE = "split"
"""Why a document that was split is withdrawn."""


def split(stores: Stores, document: Document, *, begins: Sequence[int], actor: Actor, reason: str) -> Document:
    """Make each part of a document that begins on one of these pages (page 1 begins the first) a document of its own.

    Returns the document, whose `split_into` names the parts; of one that was split so already, the same again. `document` is
    as the actor saw it. Raises BadRequest: `one_page`, `no_such_page`; Conflict: not archived, changed since (`conflict`),
    being worked on (`busy`), before another (`claimed`, `same_actor`), `already_split` otherwise, `several_originals`,
    `encrypted`, `cannot_split`, or a part is another document there (`duplicate`).
    """
    check_asked(reason)
    with stores.database.read() as connection:
        current = documents.find(connection, document.document_id)
        if current.split_into:
            return _again(current, begins)
        _check_may(stores, connection, current, document.version, actor)
    ranges = _ranges(current, begins)
    read_record(stores.archive, current.archived_in, current.document_id)  # damage is told before anything is decided
    read_events(stores.archive, current.archived_in, current.document_id)
    parts = [Part(DocumentId(stores.clock.new_ulid()), pages) for pages in ranges]
    decided = False
    try:
        digests = _stage(stores.archive, current, parts, temporary=stores.settings.temporary_folder())
        decision = _decision(current, parts, actor=actor, reason=mask_ids(reason.strip()), clock=stores.clock)
        with stores.database.write() as connection:
            current = documents.get(connection, document.document_id)
            _check_may(stores, connection, current, document.version, actor)
            _check_new(connection, current, digests)
            now, owner = stores.clock.now(), process_owner()
            work = NewJob(JobKind.SPLIT, current.document_id, payload={"split": decision})
            jobs.enqueue(connection, [work], now=now)
            job = jobs.claim(
                connection, owner=owner, lease_s=stores.settings.lease_s, now=now, document_id=current.document_id
            )
        decided = True
    finally:
        if not decided:
            for part in parts:
                stores.archive.clear_staging(part.document_id)
    if job is not None:
        carry_out(
            job,
            archive=stores.archive,
            database=stores.database,
            clock=stores.clock,
            owner=owner,
            temporary=stores.settings.temporary_folder(),
        )
    with stores.database.read() as connection:
        return documents.get(connection, document.document_id)


def carry_out(job: Job, *, archive: Archive, database: Database, clock: Clock, owner: str, temporary: Path) -> None:
    """Do a `split` job, from wherever an earlier try stopped. Raises Conflict (lease_lost) where it is another's by now."""
    decision = job.payload["split"]
    parts = [part_from_dict(one) for one in decision["parts"]]
    with database.read() as connection:
        document = documents.get(connection, job.document_id)
    recorded = None if decision["event"] is None else _mark(archive, document, decision)
    missing = [part for part in parts if not archive.has_receipt(part.document_id)]
    whole = job.attempts == 1 and all(archive.objects.exists(_staged_key(document, part)) for part in missing)
    if missing and not whole:
        _stage(archive, document, missing, temporary=temporary)
    for part in missing:
        with suppress(AlreadyExists):  # by who did this job before
            archive.write_receipt(_receipt(archive, document, part, decision))
    receipts = [archive.read_receipt(part.document_id) for part in parts]
    now = clock.now()
    with database.write() as connection:
        jobs.complete(connection, job.job_id, owner=owner)
        _put_out_of_use(connection, document, parts, recorded, now=now)
        for receipt in receipts:
            if find_registered(connection, receipt) is None and find_duplicate(connection, receipt) is None:
                register(connection, receipt, now=now)


def proposed(archive: Archive, document: Document) -> list[dict[str, Any]]:
    """Where the machine believes that another paper begins: `[{page, reason, score}, …]`, for a person to decide."""
    if "split_proposed" not in document.warnings or document.version is None:
        return []
    found: list[dict[str, Any]] = read_record(archive, document.archived_in, document.document_id).get("splits", [])
    return found


def _again(document: Document, begins: Sequence[int]) -> Document:
    if sorted(set(begins) - {1}) == [part.pages[0] for part in document.split_into[1:]]:
        return document
    parts = ", ".join(part.document_id for part in document.split_into)
    raise Conflict(f"document {document.document_id} was split already, into {parts}", code="already_split")


def _check_may(stores: Stores, connection: Connection, document: Document, version: int | None, actor: Actor) -> None:
    if document.status is not DocumentStatus.ARCHIVED:
        raise Conflict(f"document {document.document_id} is {document.status}: only an archived one can be split")
    revisions.check_idle(connection, document)
    if document.version != version:
        raise Conflict(f"document {document.document_id} has changed since you looked at it: look again")
    reviews.check_may(connection, document, actor=actor, now=stores.clock.now())
    if document.appended:
        raise Conflict(
            f"document {document.document_id} has pages that were appended to it, so its parts are no parts of one file: "
            "bring them in one by one, then withdraw it",
            code="several_originals",
        )


def _ranges(document: Document, begins: Sequence[int]) -> list[Range]:
    total = document.pages_total or 0
    if total < 2:
        raise BadRequest("it has one page only, which is one paper: there is nothing to split", code="one_page")
    later = sorted(set(begins) - {1})
    if not later or any(not 2 <= page <= total for page in later):
        raise BadRequest(f"say on which pages, of 2 to {total}, another paper begins", code="no_such_page")
    return list(zip([1, *later], [*(page - 1 for page in later), total], strict=True))


def _check_new(connection: Connection, document: Document, digests: Sequence[str]) -> None:
    """No part may be a document that is there, nor the same as another part."""
    for sha256 in digests:
        there = documents.find_duplicate(connection, office=document.office, dossier=document.dossier, sha256=sha256)
        if there is not None:
            raise Conflict(f"a part is document {there.document_id}, which is there already", code="duplicate")
    if len(set(digests)) < len(digests):
        raise Conflict("two parts are the same, byte for byte: withdraw what was scanned twice", code="duplicate")


def _decision(document: Document, parts: Sequence[Part], *, actor: Actor, reason: str, clock: Clock) -> dict[str, Any]:
    """What the job needs to know, with the event drawn once so that every try writes the same bytes."""
    at, told = clock.now(), [part_to_dict(part) for part in parts]
    event = premis.event(
        EventType.DEACCESSION, at=at, actor=actor, clock=clock, detail={"reason": reason, "split_into": told}
    )
    return {"actor": actor, "at": isoformat(at), "parts": told, "event": event}


def _mark(archive: Archive, document: Document, decision: dict[str, Any]) -> Recorded:
    """The version that says what the document was split into; its files stay."""
    object_id, document_id = document.archived_in, document.document_id
    events = with_events(read_events(archive, object_id, document_id), [decision["event"]])
    parts = [part_from_dict(one) for one in decision["parts"]]
    record = {
        **record_to_follow(archive, object_id, document_id, archived_at=document.archived_at),
        "status": DocumentStatus.WITHDRAWN.value,
        "review": Review.NONE.value,
        "wanted": None,
        "error": {"code": CODE, "stage": None, "detail": _detail(parts)},
        "split": {name: decision[name] for name in ("actor", "at", "parts")},
    }
    return archive.commit_and_record(
        object_id,
        stage_description(archive, document_id, record, events),
        actor=decision["actor"],
        message=f"split {document_id}",
    )


def _put_out_of_use(
    connection: Connection, document: Document, parts: Sequence[Part], recorded: Recorded | None, *, now: datetime
) -> None:
    changes: documents.Changes = {"code": CODE, "stage": None, "detail": _detail(parts), "split_into": tuple(parts)}
    changes |= {"review": Review.NONE, "wanted": None}
    if recorded is not None:
        changes |= {"object_id": recorded.commit.object_id, "version": recorded.commit.version}
        changes |= {"sequence": recorded.sequence}
    documents.move(connection, document.document_id, DocumentStatus.WITHDRAWN, now=now, **changes)
    reviews.end_claim(connection, document.document_id)
    outbox.put(connection, document.document_id, now=now)


def _stage(archive: Archive, document: Document, parts: Sequence[Part], *, temporary: Path) -> list[Sha256]:
    """Cut these parts out of the document's original, and stage each; their digests."""
    original = f"{document_folder(document.document_id)}original.{document.kind}"
    digests = []
    with (
        archive.local_file(document.archived_in, original) as path,
        tempfile.TemporaryDirectory(prefix="split-", dir=temporary) as folder,
    ):
        targets = [Path(folder) / part.document_id for part in parts]
        ranges = [part.pages for part in parts]
        cut(path, Kind(document.kind), ranges, targets, pages=document.pages_total or 0)
        for part, target in zip(parts, targets, strict=True):
            with target.open("rb") as stream:
                staged = archive.stage(part.document_id, f"original.{document.kind}", stream, overwrite=True)
            digests.append(staged.sha256)
    return digests


def _receipt(archive: Archive, document: Document, part: Part, decision: dict[str, Any]) -> Receipt:
    staged = archive.staged_file(part.document_id, f"original.{document.kind}")
    name, (first, last) = Path(document.source_name), part.pages
    return Receipt(
        document_id=part.document_id,
        office=document.office,
        dossier=document.dossier,
        filename=f"{name.stem}_p{first}-{last}{name.suffix}",
        kind=document.kind,
        media_type=document.media_type,
        sha256=staged.sha256,
        size_bytes=staged.size_bytes,
        actor=decision["actor"],
        accepted_at=parse_moment(decision["at"]),
        external_id=None,
        declared={},
        staged_key=staged.key,
        split_from=SplitFrom(document.document_id, document.original_sha256, part.pages),
    )


def _staged_key(document: Document, part: Part) -> str:
    return f"staging/{part.document_id}/original.{document.kind}"


def _detail(parts: Sequence[Part]) -> str:
    return f"split into {', '.join(part.document_id for part in parts)}"
