"""What the catalogue still says of a document that was disposed of: that there was one, and which ledger entry tells of it.

Everything here follows from its receipt and the certificate, so a rebuild says the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from sohoa.errors import NotFound
from sohoa.states import DocumentStatus, Review
from storage.archive.certificate import Certificate
from storage.catalog import documents, jobs, outbox
from storage.catalog.tables import documents as documents_table
from storage.catalog.tables import pages

CODE = "disposed"


def columns(certificate: Certificate, sequence: int) -> dict[str, Any]:
    """The columns of a document's row that its certificate decides; all others are as its receipt has them."""
    return {
        "status": DocumentStatus.WITHDRAWN,
        "code": CODE,
        "stage": None,
        "detail": f"disposed of with {certificate.object_id}: the certificate is ledger entry {sequence}",
        "review": Review.NONE,
        "pages_total": None,
        "pages_pending": 0,
        "pages_failed": [],
        "warnings": [],
        "archived_at": None,
        "searchable_at": None,
        "object_id": certificate.object_id,
        "version": certificate.head,
        "sequence": sequence,
        "pdf_sha256": None,
        "pdf_size_bytes": None,
        "conformance": None,
    }


def tell(conn: Connection, certificate: Certificate, sequence: int, *, now: datetime) -> int:
    """Take the documents of a certificate out of use and out of the search; how many were still in it."""
    told = 0
    for document_id in certificate.documents:
        try:
            document = documents.get(conn, document_id)
        except NotFound:
            continue
        if document.code == CODE or document.object_id not in (certificate.object_id, None):
            continue  # told already, or it has gone to another object
        documents.amend(conn, document_id, now=now)
        jobs.drop_document(conn, document_id)
        conn.execute(delete(pages).where(pages.c.document_id == document_id))
        row = update(documents_table).where(documents_table.c.document_id == document_id)
        conn.execute(row.values(**columns(certificate, sequence)))
        outbox.put(conn, document_id, now=now)
        told += 1
    return told


def is_told(conn: Connection, certificate: Certificate) -> bool:
    """Whether no document of the certificate is in use any more."""
    in_use = select(documents_table.c.document_id).where(
        documents_table.c.object_id == certificate.object_id,
        documents_table.c.code.is_distinct_from(CODE),
    )
    return conn.execute(in_use.limit(1)).first() is None
