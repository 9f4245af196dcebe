"""A catalogue as rows to compare: what the archive must be able to tell again, and what it must not be asked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from storage.catalog.database import Database
from storage.catalog.tables import documents, pages

TOLD_ANEW = ("changed_seq", "changed_at", "searchable_at")
"""What a catalogue has told whom, and when (storage/rebuild/rebuild.py); of `searchable_at`, whether there is one counts."""


def rows_of(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of `documents` and `pages`, in every column but those that are told anew."""
    with database.read() as conn:
        found = [dict(row._mapping) for row in conn.execute(select(documents).order_by(documents.c.document_id))]
        told = conn.execute(select(pages).order_by(pages.c.document_id, pages.c.number))
        page_rows = [dict(row._mapping) for row in told]
    for row in found:
        row["searchable"] = row["searchable_at"] is not None
        for name in TOLD_ANEW:
            del row[name]
    return {"documents": found, "pages": page_rows}
