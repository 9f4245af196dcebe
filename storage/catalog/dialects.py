"""The statements that SQLAlchemy has no common form for, though both databases write them alike."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Column, Connection, Table, func, select, text
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


def last_given(conn: Connection, key: Column[Any]) -> int:
    """The highest number that a key that counts up was ever given, 0 where none was."""
    if conn.dialect.name == "sqlite":
        asked = text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = :name")
        return int(conn.execute(asked, {"name": key.table.name}).scalar_one())
    sequence = conn.execute(select(func.pg_get_serial_sequence(key.table.name, key.name))).scalar_one()
    asked = text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608  the server's own name
    return int(conn.execute(asked).scalar_one())


def give_above(conn: Connection, key: Column[Any], number: int) -> None:
    """Have a key that counts up go on above `number`, which is no lower than any that it has."""
    if conn.dialect.name == "sqlite":
        name = key.table.name
        conn.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
        conn.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :n)"), {"name": name, "n": number})
        return
    sequence = func.pg_get_serial_sequence(key.table.name, key.name)
    conn.execute(select(func.setval(sequence, max(number, 1), number > 0)))
