"""Revisions in the catalogue: an original on its way to replace or continue a document's.

A revision is a row of `documents` that names the document in `revises`: it goes through the same stages as a document,
with jobs, pages and a staging of its own, while the document's row stays as it was. One that only turns pages brings no
original: it is begun by the decision that asks for it (ingest/reviewing.py). When the archive has it, the document's
row takes over what came of it and the revision's row is gone; then only the archive remembers it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

from sqlalchemy import Connection, delete, select, update

from sohoa.errors import Conflict, NotFound
from sohoa.model import Sha256, Source
from sohoa.states import DocumentStatus, JobKind
from storage.archive.layout import sha256_of
from storage.catalog import documents as rows
from storage.catalog import jobs
from storage.catalog.documents import Changes, Document, NewDocument
from storage.catalog.jobs import NewJob
from storage.catalog.tables import documents, pages


def open_for(conn: Connection, document_id: str) -> Document | None:
    """The revision that is on its way to a document, None where there is none."""
    query = select(documents.c.document_id).where(documents.c.revises == document_id)
    revision_id = conn.execute(query).scalar_one_or_none()
    return None if revision_id is None else rows.get(conn, revision_id)


def check_idle(conn: Connection, document: Document) -> None:
    """Raise Conflict (`busy`) where a document has work waiting or under way, or a revision."""
    if jobs.counts(conn, document_id=document.document_id) or open_for(conn, document.document_id) is not None:
        raise Conflict(f"document {document.document_id} is being worked on; try again in a moment", code="busy")


def base_of(conn: Connection, revision: Document) -> Document:
    """The document that a revision is on its way to. Raises NotFound."""
    if revision.revises is None:
        raise NotFound(f"document {revision.document_id} revises no other")
    return rows.get(conn, revision.revises)


def begin_turning(conn: Connection, base: Document, /, *, now: datetime) -> None:
    """Begin the turning of pages that a document's row tells of, once.

    It has no original of its own: where its row needs the digest of one stands that of its id, which is no other's.
    """
    if base.revision is None or open_for(conn, base.document_id) is not None:
        return
    receipt = base.revision.receipt
    new = NewDocument(
        document_id=receipt,
        office=base.office,
        dossier=base.dossier,
        source_name=base.source_name,
        source=Source(Sha256(sha256_of(receipt.encode())), ()),
        original_size_bytes=0,
        kind=base.kind,
        media_type=base.media_type,
        actor=base.revision.actor,
        received_at=base.received_at,
        revises=base.document_id,
        revision=base.revision,
    )
    rows.insert_document(conn, new, now=now)
    jobs.enqueue(conn, [NewJob(JobKind.OPEN, receipt)], now=now)


def take_over(
    conn: Connection, revision: Document, /, *, now: datetime, after_page: int, **changes: Unpack[Changes]
) -> Document:
    """The revision got through: the document is archived, with `changes` and the revision's pages, which follow the
    first `after_page` of its own (0: they take their place)."""
    base = base_of(conn, revision)
    conn.execute(delete(pages).where(pages.c.document_id == base.document_id, pages.c.number > after_page))
    moved = update(pages).where(pages.c.document_id == revision.document_id)
    conn.execute(moved.values(document_id=base.document_id, number=pages.c.number + after_page))
    _forget(conn, revision)
    return rows.move(conn, base.document_id, DocumentStatus.ARCHIVED, now=now, **changes)


def end(conn: Connection, revision: Document, /, *, now: datetime, **changes: Unpack[Changes]) -> Document:
    """The revision did not get through: the document stays as it was and says so in `changes`' revision."""
    base = base_of(conn, revision)
    _forget(conn, revision)
    return rows.amend(conn, base.document_id, now=now, **changes)


def _forget(conn: Connection, revision: Document) -> None:
    conn.execute(delete(documents).where(documents.c.document_id == revision.document_id))
