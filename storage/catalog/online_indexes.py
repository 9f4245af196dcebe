"""Indexes that PostgreSQL makes while others write: after the migrations, outside any transaction, and anew where cut off.

A table that may be large by the time it gets an index has it so: its `Index` in tables.py says `online`, and the migration makes
it on SQLite only (docs/decisions/0025).
"""

from __future__ import annotations

from sqlalchemy import Connection, Index, text
from sqlalchemy.schema import CreateIndex

from storage.catalog.form import form_of
from storage.catalog.tables import HEAD, metadata

_ONLINE = [index for table in metadata.sorted_tables for index in table.indexes if index.info.get("online")]
_IS_VALID = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def missing(conn: Connection) -> list[Index]:
    """Those that are not there, or only as an attempt that was cut off left them; none for a catalogue of another form."""
    return [index for index in _ONLINE if not _is_valid(conn, index)] if form_of(conn) == HEAD else []


def make(conn: Connection) -> None:
    """Make what is missing. `conn` is in no transaction, and no other process is at this.

    It waits for those that read or write already, and keeps nobody waiting. Cut off, it leaves an index that slows writers
    and serves no query: the next process to open the catalogue makes it anew.
    """
    for index in missing(conn):
        how = str(CreateIndex(index).compile(dialect=conn.dialect))
        conn.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}")
        conn.exec_driver_sql(how.replace(" INDEX ", " INDEX CONCURRENTLY ", 1))


def _is_valid(conn: Connection, index: Index) -> bool:
    return bool(conn.execute(_IS_VALID, {"name": index.name}).scalar())
