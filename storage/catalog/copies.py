"""When the catalogue was last backed up and the archive last copied, whole and without a finding: for who watches, and nothing
else goes by it (search_api/metrics)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from sohoa.states import CopyOf
from storage.catalog.dialects import insert_new
from storage.catalog.tables import copies


def made(conn: Connection, of: CopyOf, place: str, *, now: datetime) -> None:
    """One was made just now. `place` is where to, "" where that is told anew each time (a backup's file)."""
    if not insert_new(conn, copies, {"of": of, "place": place, "made_at": now}):
        conn.execute(update(copies).where(copies.c.of == of, copies.c.place == place).values(made_at=now))


def forget(conn: Connection, of: CopyOf, place: str) -> bool:
    """None is made there any more. False where none was."""
    return conn.execute(delete(copies).where(copies.c.of == of, copies.c.place == place)).rowcount > 0


def last_made(conn: Connection) -> Mapping[tuple[CopyOf, str], datetime]:
    """The last one in each place."""
    return {(row.of, row.place): row.made_at for row in conn.execute(select(copies))}
