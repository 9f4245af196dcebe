"""The one statement that SQLAlchemy has no common form for, though both databases write it alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_INSERT: dict[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


def insert_new(conn: Connection, table: Table, values: dict[str, Any] | list[dict[str, Any]]) -> int:
    """INSERT … ON CONFLICT DO NOTHING: puts in the rows whose keys are new, and returns how many.

    On PostgreSQL it waits for a transaction that has put in such a key already.
    """
    new = _INSERT[conn.dialect.name](table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(conn.execute(new, values).all())
