"""What a receipt becomes in the catalogue: a document or, for a new original of one that is there, its revision.

At intake, after a crash (:func:`register_pending`), and when all is rebuilt.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from sohoa.clock import Clock, isoformat
from sohoa.errors import Conflict, DigestMismatch, NotFound
from sohoa.model import DossierCode, Revision, Source
from sohoa.states import JobKind, RevisionKind, check_revisable
from storage.archive.archive import Archive
from storage.archive.description import identifier_of, read_events
from storage.archive.receipts import Receipt, Revising
from storage.catalog import disposed, documents, jobs, revisions
from storage.catalog.database import Database
from storage.catalog.documents import Document, NewDocument
from storage.catalog.jobs import NewJob

log = structlog.get_logger()


def register_pending(archive: Archive, database: Database, clock: Clock) -> int:
    """Register the documents and revisions whose receipt is durable but whose catalogue row a crash prevented; returns
    how many.

    Where the same bytes came in again meanwhile, the receipt resolves to that document and its staging is dropped; so is
    that of a revision which the archive has. One whose document is being worked on, or damaged, waits for the next time.
    """
    registered = 0
    for receipt in archive.pending_receipts():
        if isinstance(receipt, DigestMismatch):
            log.error("receipt.damaged", code=receipt.code, detail=receipt.detail)
            continue
        with database.read() as conn:
            if find_registered(conn, receipt) is not None:
                continue
        try:
            with database.write() as conn:
                # Looked at again inside the writing transaction: whoever wrote the receipt may only now have committed.
                if find_registered(conn, receipt) is not None:
                    continue
                over = is_over(conn, receipt, archive=archive)
                if not over and not must_wait(conn, receipt):
                    register(conn, receipt, now=clock.now())
                    registered += 1
        except DigestMismatch as damage:
            log.error("receipt.waits", document_id=receipt.document_id, code=damage.code, detail=damage.detail)
            continue
        if over:
            archive.clear_staging(receipt.document_id)
    return registered


def find_registered(conn: Connection, receipt: Receipt) -> Document | None:
    """The document that a receipt became, or that it revises, where the catalogue has its row."""
    with suppress(NotFound):
        row = documents.get(conn, receipt.document_id)
        return row if row.revises is None else documents.get(conn, row.revises)
    return None


def find_duplicate(conn: Connection, receipt: Receipt) -> Document | None:
    """The document that has a receipt's bytes already, in the place that they would go to."""
    dossier = receipt.dossier
    if receipt.revising is not None:
        dossier = documents.get(conn, receipt.revising.document_id).dossier
    return documents.find_duplicate(conn, office=receipt.office, dossier=dossier, sha256=receipt.sha256)


def check_may_begin(conn: Connection, receipt: Receipt) -> None:
    """Raise Conflict where a receipt's bytes are to revise a document that is withdrawn, being worked on (`busy`), has
    these bytes already, or would become the same as another one (`duplicate`). NotFound where it is not there."""
    if receipt.revising is None:
        return
    base = documents.find(conn, receipt.revising.document_id)
    check_revisable(base.status, base.version, RevisionKind(receipt.revising.kind), base.document_id)
    revisions.check_idle(conn, base)
    there = find_duplicate(conn, receipt)
    if there is None and all(one.sha256 != receipt.sha256 for one in base.appended):
        return
    whose = f"document {base.document_id}" if there is None else f"document {there.document_id}"
    raise Conflict(
        f"document {base.document_id} stays as it is: these bytes are {whose} already; look whether it is the right file",
        code="duplicate",
    )


def must_wait(conn: Connection, receipt: Receipt) -> bool:
    """Whether a receipt's revision cannot begin yet: its document is being worked on, or is not in the catalogue."""
    try:
        check_may_begin(conn, receipt)
    except NotFound:
        return True
    except Conflict as conflict:  # anything else makes the revision fail, and its bytes are kept
        return conflict.code == "busy"
    return False


def is_over(conn: Connection, receipt: Receipt, *, archive: Archive) -> bool:
    """Whether nothing is left to do for a receipt without a row: its bytes are there, or the archive has its event, which
    has the receipt's id. Raises DigestMismatch where the events are damaged."""
    with suppress(NotFound):
        if find_duplicate(conn, receipt) is not None:
            return True
        if receipt.revising is None:
            return False
        base = documents.get(conn, receipt.revising.document_id)
        if disposed.is_gone(base):  # with all its originals
            return True
        events = read_events(archive, base.archived_in, base.document_id)
        return receipt.document_id in {identifier_of(event) for event in events}
    return False


def register(
    conn: Connection, receipt: Receipt, *, now: datetime, priority: int = 0, spool: str | None = None
) -> Document:
    """The catalogue row of a receipt, and its `open` job, which waits where the bytes are in a `spool` (its mark) until they
    are carried to the archive. Returns the document: of a revision, the one it revises.

    Raises AlreadyExists as documents.insert_document does.
    """
    revising = receipt.revising
    new = NewDocument(
        document_id=receipt.document_id,
        office=receipt.office,
        dossier=None if receipt.dossier is None else DossierCode(receipt.dossier),
        source_name=receipt.filename,
        source=_source(receipt),
        original_sha256=receipt.sha256,
        original_size_bytes=receipt.size_bytes,
        kind=receipt.kind,
        media_type=receipt.media_type,
        actor=receipt.actor,
        received_at=receipt.accepted_at,
        external_id=receipt.external_id,
        declared=receipt.declared,
    )
    if revising is None:
        document = documents.insert_document(conn, new, now=now)
    else:
        base = documents.get(conn, revising.document_id)
        revision = _revision(receipt, revising)
        new = replace(new, dossier=base.dossier, revises=base.document_id, revision=revision)
        documents.insert_document(conn, new, now=now)
        document = documents.amend(conn, base.document_id, now=now, revision=revision)
    job = NewJob(JobKind.OPEN, receipt.document_id, priority=priority)
    if spool is not None:
        job = replace(job, payload={"spool": spool}, run_after=jobs.WHEN_CARRIED)
    jobs.enqueue(conn, [job], now=now)
    return document


def _source(receipt: Receipt) -> Source:
    part = receipt.split_from
    if part is None:
        return Source(original_sha256=receipt.sha256, pages=())
    return Source(part.original_sha256, (part.pages,), part.document_id)


def _revision(receipt: Receipt, revising: Revising) -> Revision:
    return Revision(
        receipt=receipt.document_id,
        kind=revising.kind,
        actor=receipt.actor,
        at=isoformat(receipt.accepted_at),
        reason=revising.reason,
    )
