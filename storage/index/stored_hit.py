"""What an index stores of a document beside its terms, and the hit that comes of it: the same bytes in both engines."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sohoa.model import DocumentId, OfficeId
from storage.index.highlight import highlight
from storage.index.protocol import Hit, IndexEntry
from storage.index.query import Query
from storage.index.stored_pages import StoredPages


def head_of(entry: IndexEntry) -> bytes:
    """What a hit says of its document; its pages are in stored_pages.pack_pages."""
    moments = [None if moment is None else moment.timestamp() for moment in (entry.received_at, entry.archived_at)]
    return json.dumps([entry.document_id, entry.office, entry.dossier, entry.filename, *moments]).encode()


def hit_of(head: bytes, pages: bytes, score: float, query: Query) -> Hit:
    """The hit for what :func:`head_of` and `pack_pages` wrote, with the places where `query` is found in it."""
    document_id, office, dossier, filename, received, archived = json.loads(head)
    stored = StoredPages(pages)
    found, snippets = highlight(stored, query)
    return Hit(
        document_id=DocumentId(document_id),
        score=round(score, 4),
        office=OfficeId(office),
        dossier=dossier,
        filename=filename,
        received_at=_moment(received),
        archived_at=_moment(archived),
        pages=found,
        page_count=len(stored),
        snippets=snippets,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
