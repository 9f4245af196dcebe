"""How many documents there are: by status, by why they stopped, waiting, and how far their pages are."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from sohoa.states import DocumentStatus
from storage.catalog.documents import batched
from storage.catalog.tables import constant, documents


def count_by_status(conn: Connection, *, office: str | None = None) -> dict[DocumentStatus, int]:
    """How many documents are in each status that any is in.

    Counted in the index of offices and statuses, which is a fraction of the table; revisions are in it, and taken off.
    """
    query = select(documents.c.status, func.count()).group_by(documents.c.status)
    if office is not None:
        query = query.where(documents.c.office == office)
    revisions = {status: count for status, count in conn.execute(query.where(documents.c.revises.is_not(None)))}  # noqa: C416
    counts = {status: count - revisions.get(status, 0) for status, count in conn.execute(query)}
    return {status: count for status, count in counts.items() if count}


def count_stopped(conn: Connection, *, most: int) -> dict[tuple[DocumentStatus, str, str], int]:
    """How many documents are held or failed, by status, stage and code ("" where there is none); of more, `most`."""
    stopped = [constant(status) for status in (DocumentStatus.HELD, DocumentStatus.FAILED)]
    which = select(documents.c.changed_seq).where(documents.c.status.in_(stopped)).limit(most)
    columns = (documents.c.status, func.coalesce(documents.c.stage, ""), func.coalesce(documents.c.code, ""))
    query = select(*columns, func.count()).where(documents.c.changed_seq.in_(which), documents.c.revises.is_(None))
    query = query.group_by(*columns)
    return {(status, stage, code): count for status, stage, code, count in conn.execute(query)}


def count_waiting(conn: Connection, office: str, *, most: int) -> int:
    """How many documents of an office the machine has still to archive, counted up to `most`."""
    waiting = [constant(DocumentStatus.RECEIVED), constant(DocumentStatus.RECOGNISED)]
    some = select(documents.c.office).where(documents.c.office == office, documents.c.status.in_(waiting)).limit(most)
    return conn.execute(select(func.count()).select_from(some.subquery())).scalar_one()


def count_without_version(conn: Connection) -> int:
    """How many documents the archive has no version of yet, so that the index cannot have them; withdrawn ones aside."""
    query = select(func.count()).where(
        documents.c.sequence.is_(None),
        documents.c.status != constant(DocumentStatus.WITHDRAWN),
        documents.c.revises.is_(None),
    )
    return conn.execute(query.select_from(documents)).scalar_one()


def page_progress(conn: Connection, document_ids: Collection[str]) -> tuple[int, int]:
    """Of the pages of `document_ids` that are known by now: how many are over, and how many there are."""
    done = total = 0
    counted = select(func.sum(documents.c.pages_total), func.sum(documents.c.pages_pending))
    for some in batched(document_ids):
        pages, pending = conn.execute(counted.where(documents.c.document_id.in_(some))).one()
        total += pages or 0
        done += (pages or 0) - (pending or 0)
    return done, total
