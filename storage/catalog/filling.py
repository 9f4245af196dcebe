"""Takes a finished catalogue out of a file into one on a server, in one transaction: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from storage.catalog.database import Database
from storage.catalog.form import check_own
from storage.catalog.presence import check_alone
from storage.catalog.tables import jobs, leases, metadata, outbox

_AT_ONCE = 1000
_GIVEN_ANEW = {jobs: "job_id", outbox: "outbox_id"}
"""Numbers that were given before are not given again, and the server counts them itself."""
_TABLES = [table for table in metadata.sorted_tables if table is not leases]


def fill(url: str, source: Path) -> None:
    """Make the catalogue on the server at `url` what the one in the file is; leases stay.

    The caller has that catalogue alone (database.alone). Raises StoreUnavailable where it has it no longer, or where the
    server cannot take it just now, SetupError (`catalog_newer`) where it is a newer Sohoa's: then the server's catalogue is
    as it was.
    """
    made, server = Database(f"sqlite:///{source}", alone=True), Database(url, alone=True)
    try:
        server.migrate()
        with made.read() as old, server.write() as new:
            new.execute(text("SET LOCAL statement_timeout = 0"))
            check_alone(new)
            check_own(new)
            for table in reversed(_TABLES):
                new.execute(delete(table))
            _copy(old, new)
    finally:
        made.close()
        server.close()


def _copy(old: Connection, new: Connection) -> None:
    for table in _TABLES:
        anew = _GIVEN_ANEW.get(table)
        query = select(table).order_by(*table.primary_key).execution_options(yield_per=_AT_ONCE)
        for rows in old.execute(query).mappings().partitions():
            values: list[dict[str, Any]] = [{name: row[name] for name in row if name != anew} for row in rows]
            new.execute(insert(table), values)
