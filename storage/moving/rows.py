"""Every row of one catalogue into another, whichever databases the two lie on, and whether all of them are the same there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, text

from storage.catalog.dialects import give_above, last_given
from storage.catalog.tables import jobs, leases, metadata, moved, outbox

TABLES = [table for table in metadata.sorted_tables if table not in (leases, moved)]
"""What is moved: leases are of processes that run now, and marks are of places."""
_COUNTED = (jobs.c.job_id, outbox.c.outbox_id)
"""Keys that count up: none is ever given twice."""
_AT_ONCE = 1000
_MODULUS = 2**256


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows a table has, and the sum of their digests: the same for the same rows, in whatever order they come."""

    rows: int
    digest: str


def hold(conn: Connection) -> None:
    """Let nobody else write while the transaction lasts, and let it last: for who has the catalogue alone."""
    if conn.dialect.name != "postgresql":
        return  # BEGIN IMMEDIATE has done so already
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        conn.execute(text(f"SET LOCAL {name} = 0"))
    names = ", ".join(table.name for table in TABLES)
    conn.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))


def copy_rows(old: Connection, new: Connection, tell: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Make the rows of `new` those of `old`, with every number that they have, and let counting go on from there.

    Returns how many there are; `tell` is told how many of how many are done.
    """
    for table in reversed(TABLES):
        new.execute(delete(table))
    total = sum(old.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES)
    done = 0
    for table in TABLES:
        for rows in old.execute(_all(table)).mappings().partitions():
            new.execute(insert(table), [dict(row) for row in rows])
            done += len(rows)
            tell(done, total)
    for key in _COUNTED:
        give_above(new, key, max(last_given(old, key), last_given(new, key)))
    return done


def sums(conn: Connection) -> dict[str, Sum]:
    """By table, what :class:`Sum` says."""
    return {table.name: _sum(conn, table) for table in TABLES}


def _sum(conn: Connection, table: Table) -> Sum:
    count = total = 0
    for row in conn.execute(_all(table)).mappings():
        told = json.dumps(dict(row), sort_keys=True, default=str).encode()
        total += int.from_bytes(hashlib.sha256(told).digest())
        count += 1
    return Sum(count, f"{total % _MODULUS:064x}")


def _all(table: Table) -> Any:
    return select(table).execution_options(yield_per=_AT_ONCE)
