"""A receipt becomes a document of the catalogue, with its first job: at intake, after a crash, and when all is rebuilt."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from sohoa.model import Actor, DocumentId, DossierCode, OfficeId, Source
from sohoa.states import JobKind
from storage.archive.receipts import Receipt
from storage.catalog import documents, jobs
from storage.catalog.documents import Document, NewDocument
from storage.catalog.jobs import NewJob


def register(conn: Connection, receipt: Receipt, *, now: datetime, priority: int = 0) -> Document:
    """The catalogue row of a receipt, and its `open` job. Raises AlreadyExists as documents.insert_document does."""
    document = documents.insert_document(
        conn,
        NewDocument(
            document_id=DocumentId(receipt.document_id),
            office=OfficeId(receipt.office),
            dossier=None if receipt.dossier is None else DossierCode(receipt.dossier),
            source_name=receipt.filename,
            source=Source(original_sha256=receipt.sha256, pages=()),
            original_size_bytes=receipt.size_bytes,
            kind=receipt.kind,
            media_type=receipt.media_type,
            actor=Actor(receipt.actor),
            received_at=receipt.accepted_at,
            external_id=receipt.external_id,
            declared=receipt.declared,
        ),
        now=now,
    )
    jobs.enqueue(conn, [NewJob(JobKind.OPEN, receipt.document_id, priority=priority)], now=now)
    return document
