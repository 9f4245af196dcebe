"""The outbox: which committed documents the search index has yet to learn of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, insert, literal, select

from sohoa.states import DocumentStatus
from storage.catalog.tables import Moment, documents, outbox

LATE_S = 60.0
"""After so long in the outbox something is wrong: what is archived is searchable within two seconds."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Word that a document has changed; the newest state is read from the catalogue, not from here."""

    outbox_id: int
    document_id: str
    put_at: datetime


def put(conn: Connection, document_id: str, *, now: datetime) -> None:
    """Leave word that the document must be indexed anew, in the transaction that changed it."""
    conn.execute(insert(outbox).values(document_id=document_id, put_at=now))


def put_all(conn: Connection, *, now: datetime) -> int:
    """Leave word of every document that can be found and of which none waits yet, in the order of their changes; returns
    how many.

    These are all that the archive has a version of. A new index has no use for word of those that were withdrawn. An
    index that takes nothing is filled anew every few seconds: the outbox must not grow by it.
    """
    told = exists().where(outbox.c.document_id == documents.c.document_id)
    found = documents.c.sequence.is_not(None), documents.c.status != DocumentStatus.WITHDRAWN, ~told
    archived = select(documents.c.document_id, literal(now, Moment)).where(*found)
    in_order = archived.order_by(documents.c.changed_seq)
    return conn.execute(insert(outbox).from_select(["document_id", "put_at"], in_order)).rowcount


def take(conn: Connection, *, limit: int) -> list[OutboxRow]:
    """The oldest rows, left where they are; a document may come more than once."""
    columns = (outbox.c.outbox_id, outbox.c.document_id, outbox.c.put_at)
    return [OutboxRow(*row) for row in conn.execute(select(*columns).order_by(outbox.c.outbox_id).limit(limit))]


def remove(conn: Connection, rows: Iterable[OutboxRow]) -> None:
    """Take rows out once the index has them durably. Word left since they were taken stays."""
    conn.execute(delete(outbox).where(outbox.c.outbox_id.in_([row.outbox_id for row in rows])))


def pending_count(conn: Connection) -> int:
    """How many rows wait."""
    return conn.execute(select(func.count()).select_from(outbox)).scalar_one()


def waiting_count(conn: Connection, *, most: int) -> int:
    """How many documents wait to be indexed; `most` where there are more."""
    first = select(outbox.c.document_id).order_by(outbox.c.outbox_id).limit(most).subquery()
    return conn.execute(select(func.count(first.c.document_id.distinct()))).scalar_one()


def waiting(conn: Connection, document_ids: Iterable[str]) -> set[str]:
    """Those of these documents (at most a few hundred) of which word waits."""
    query = select(outbox.c.document_id).where(outbox.c.document_id.in_(list(document_ids)))
    return set(conn.execute(query).scalars())


def oldest_at(conn: Connection) -> datetime | None:
    """When the row that waits longest was put in; None if none waits."""
    return conn.execute(select(outbox.c.put_at).order_by(outbox.c.outbox_id).limit(1)).scalar_one_or_none()


def is_late(conn: Connection, *, now: datetime) -> bool:
    """Whether a row waits for longer than LATE_S: nobody indexes, or the index takes nothing."""
    oldest = oldest_at(conn)
    return oldest is not None and (now - oldest).total_seconds() > LATE_S
