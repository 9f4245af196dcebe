"""The pages of a document in the catalogue: which are finished, how, and how many are still to come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from sohoa.errors import NotFound
from sohoa.states import PageStatus
from storage.catalog.tables import documents, pages


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page. `code` says why it failed; `quality` is model.quality_to_dict; `lane` who read it (model.Page)."""

    number: int
    status: PageStatus
    code: str | None
    lane: str
    recognise_ms: int
    quality: dict[str, Any] | None


def plan_pages(conn: Connection, document_id: str, count: int) -> None:
    """Set down that the document has `count` pages (at least one), all pending; what was known of them is forgotten."""
    conn.execute(delete(pages).where(pages.c.document_id == document_id))
    conn.execute(
        insert(pages),
        [{"document_id": document_id, "number": number, **_PENDING} for number in range(1, count + 1)],
    )
    _store_counts(conn, document_id, pages_total=count, pages_pending=count)


def finish_page(
    conn: Connection,
    document_id: str,
    number: int,
    *,
    status: PageStatus,
    lane: str,
    recognise_ms: int,
    quality: dict[str, Any] | None = None,
    code: str | None = None,
) -> int:
    """Set down what became of a page and return how many pages of the document are still pending.

    A page that is finished already stays as it is. The count is kept on the document's row, whose update makes two
    workers that finish at the same time wait for each other: exactly one call that finishes a page returns 0. Raises
    NotFound.
    """
    finished = conn.execute(
        update(pages)
        .where(pages.c.document_id == document_id, pages.c.number == number, pages.c.status == PageStatus.PENDING)
        .values(status=status, code=code, lane=lane, recognise_ms=recognise_ms, quality=quality)
    ).rowcount
    if finished:
        row = update(documents).where(documents.c.document_id == document_id)
        fewer = row.values(pages_pending=documents.c.pages_pending - 1).returning(documents.c.pages_pending)
        return int(conn.execute(fewer).scalar_one())
    pending = conn.execute(
        select(documents.c.pages_pending)
        .join(pages, pages.c.document_id == documents.c.document_id)
        .where(pages.c.document_id == document_id, pages.c.number == number)
    ).scalar_one_or_none()
    if pending is None:
        raise NotFound(f"document {document_id} has no page {number}")
    return int(pending)


def hold_pending(conn: Connection, document_id: str) -> int:
    """How many pages of the document are pending; until this transaction ends no other makes it fewer. Raises NotFound."""
    row = select(documents.c.pages_pending).where(documents.c.document_id == document_id)
    # FOR NO KEY UPDATE: who gives the document a job, or a page, need not wait
    pending = conn.execute(row.with_for_update(key_share=True)).scalar_one_or_none()
    if pending is None:
        raise NotFound(f"there is no document {document_id}")
    return int(pending)


def pages_of(conn: Connection, document_id: str) -> list[PageRow]:
    """Every planned page in order; none before the document was opened."""
    columns = (pages.c.number, pages.c.status, pages.c.code, pages.c.lane, pages.c.recognise_ms, pages.c.quality)
    rows = conn.execute(select(*columns).where(pages.c.document_id == document_id).order_by(pages.c.number))
    return [PageRow(*row) for row in rows]


def reset_pages(conn: Connection, document_id: str, *, numbers: Collection[int] | None = None) -> int:
    """Make pages pending again (all of them, unless `numbers` says which) and return how many are now."""
    chosen = update(pages).where(pages.c.document_id == document_id)
    if numbers is not None:
        chosen = chosen.where(pages.c.number.in_(numbers))
    conn.execute(chosen.values(_PENDING))
    pending = conn.execute(
        select(func.count()).where(pages.c.document_id == document_id, pages.c.status == PageStatus.PENDING)
    ).scalar_one()
    _store_counts(conn, document_id, pages_pending=pending)
    return pending


_PENDING: dict[str, Any] = {
    "status": PageStatus.PENDING,
    "code": None,
    "lane": "none",
    "recognise_ms": 0,
    "quality": None,
}


def _store_counts(conn: Connection, document_id: str, **counts: int) -> None:
    conn.execute(update(documents).where(documents.c.document_id == document_id).values(**counts))
