"""What the catalogue still says of a document that was disposed of: that there was one, and which ledger entry tells of it.

Everything here follows from its receipt and the certificate, so a rebuild says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from sohoa.errors import NotFound
from sohoa.states import DocumentStatus, Review
from storage.archive.certificate import Certificate
from storage.archive.layout import dossier_of
from storage.archive.receipts import Receipt
from storage.catalog import documents, jobs, outbox
from storage.catalog.documents import Document
from storage.catalog.tables import documents as documents_table
from storage.catalog.tables import pages

CODE = "disposed"


def columns(certificate: Certificate, sequence: int, receipt: Receipt) -> dict[str, Any]:
    """The columns of a document's row once its object was disposed of, `sequence` being the ledger entry that says so."""
    return {
        "office": receipt.office,
        "dossier": dossier_of(certificate.object_id),
        "source_name": receipt.filename,
        "source": {"original_sha256": receipt.sha256, "pages": []},
        "original_sha256": receipt.sha256,
        "original_size_bytes": receipt.size_bytes,
        "kind": receipt.kind,
        "media_type": receipt.media_type,
        "external_id": receipt.external_id,
        "declared": receipt.declared,
        "actor": receipt.actor,
        "received_at": receipt.accepted_at,
        "fields": {},
        "checks": None,
        "wanted": None,
        "split_into": None,
        "appended": None,
        "revision": None,
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


def is_gone(document: Document) -> bool:
    """Whether a document's object was disposed of. A paper that came too late to join it `failed` with the same code."""
    return document.status is DocumentStatus.WITHDRAWN and document.code == CODE


def tell(
    conn: Connection, certificate: Certificate, sequence: int, receipts: Mapping[str, Receipt], *, now: datetime
) -> int:
    """Take the documents of a certificate out of use and out of the search, each with its receipt; how many were still in
    use. KeyError where a receipt is not among `receipts`."""
    told = 0
    for document_id in certificate.documents:
        try:
            document = documents.get(conn, document_id)
        except NotFound:
            continue
        if is_gone(document) or document.object_id not in (certificate.object_id, None):
            continue  # told already, or it has gone to another object
        documents.amend(conn, document_id, now=now)
        jobs.drop_document(conn, document_id)
        conn.execute(delete(pages).where(pages.c.document_id == document_id))
        row = update(documents_table).where(documents_table.c.document_id == document_id)
        conn.execute(row.values(**columns(certificate, sequence, receipts[document_id])))
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
