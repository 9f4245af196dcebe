"""The statements that SQLAlchemy has no common form for, though both databases write them alike."""

from __future__ import annotations

from collections.abc import Callable, Collection
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


def insert_or_add(conn: Connection, table: Table, values: list[dict[str, Any]], *, sums: Collection[str]) -> None:
    """INSERT … ON CONFLICT DO UPDATE: where a row with the key is there, the columns `sums` are added to its own."""
    new = _INSERT[conn.dialect.name](table)
    added = {name: table.c[name] + new.excluded[name] for name in sums}
    conn.execute(new.on_conflict_do_update(index_elements=list(table.primary_key), set_=added), values)
