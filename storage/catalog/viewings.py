"""Viewings: who looked at which paper, kept here until they are entered in the audit (storage/archive/audit.py)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, delete, insert, select

from sohoa.model import Actor, Sha256
from storage.catalog.tables import audit_head
from storage.catalog.tables import viewings as table

Through = Literal["api", "cli"]
Outcome = Literal["given", "unchanged", "refused"]
"""`unchanged`: the client has these bytes already. `refused`: the document is another office's than the viewer's."""

_AUDIT = "audit"
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Viewing:
    """One look at papers: `what` of which `documents` (a search shows several, or none), never what they say."""

    viewing_id: str
    viewed_at: datetime
    actor: Actor
    through: Through
    what: str
    page: int | None
    documents: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Entered:
    """The entry of the audit that was written last."""

    key: str
    sha256: Sha256


def put(conn: Connection, viewing: Viewing) -> None:
    """Keep a viewing until the audit has it."""
    conn.execute(insert(table).values(**asdict(viewing)))


def take(conn: Connection, *, limit: int) -> list[Viewing]:
    """The oldest that wait, left where they are."""
    rows = conn.execute(select(table).order_by(table.c.viewing_id).limit(limit))
    return [Viewing(**{**row._mapping, "documents": tuple(row.documents)}) for row in rows]


def oldest_at(conn: Connection) -> datetime | None:
    """When the one that waits longest was; None where none waits."""
    return conn.execute(select(table.c.viewed_at).order_by(table.c.viewing_id).limit(1)).scalar_one_or_none()


def entered(conn: Connection, viewing_ids: Iterable[str], *, entry: Entered) -> None:
    """The audit has these, the last of them in `entry`: they wait no longer."""
    ids = list(viewing_ids)
    for start in range(0, len(ids), _IDS_AT_ONCE):
        conn.execute(delete(table).where(table.c.viewing_id.in_(ids[start : start + _IDS_AT_ONCE])))
    conn.execute(delete(audit_head).where(audit_head.c.chain == _AUDIT))
    conn.execute(insert(audit_head).values(chain=_AUDIT, key=entry.key, sha256=entry.sha256))


def last_entered(conn: Connection) -> Entered | None:
    """The entry of the audit that was written last, as far as this catalogue knows."""
    row = conn.execute(select(audit_head.c.key, audit_head.c.sha256).where(audit_head.c.chain == _AUDIT)).one_or_none()
    return None if row is None else Entered(*row)
