"""Named leases: which process does the housekeeping (sweeper, indexer, fixity) just now."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, update

from storage.catalog.dialects import insert_new
from storage.catalog.tables import leases


def acquire(conn: Connection, name: str, *, owner: str, ttl_s: float, now: datetime) -> bool:
    """Take or lengthen the lease to `ttl_s` seconds from now; False while another owner has it."""
    until = now + timedelta(seconds=ttl_s)
    free = or_(leases.c.owner == owner, leases.c.leased_until <= now)
    taken = update(leases).where(leases.c.name == name, free).values(owner=owner, leased_until=until)
    if conn.execute(taken).rowcount:
        return True
    return insert_new(conn, leases, {"name": name, "owner": owner, "leased_until": until}) == 1


def release(conn: Connection, name: str, *, owner: str) -> None:
    """Give the lease up, if `owner` has it."""
    conn.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))
