"""Who uses a catalogue on PostgreSQL: a lease each, kept while its process lives; and how one has it alone.

A lock of a session would be simpler, but PgBouncer gives sessions to others after each transaction. So whoever uses the
catalogue keeps a row in `leases`, by the server's clock; whoever wants it alone holds an advisory lock in one long transaction
and finds no such row. Rows are made and kept under the same lock, shared, so neither can miss the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from ulid import ULID

from sohoa.clock import process_owner
from sohoa.errors import Conflict, SetupError, SohoaError, StoreUnavailable

TTL_S = 60.0
"""How long a process that was killed still counts as using the catalogue."""
RENEW_S = 15.0
PATIENCE_S = 5.0
"""How long one who enters waits for another who looks around, and holds the lock no longer."""
_PAUSE_S = 0.05
_KEY = f"{0x536F686F}, 3"
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_ENTER = text(
    f"INSERT INTO leases (name, owner, leased_until) VALUES (:name, :owner, {_NOW} + :ttl_us)"  # noqa: S608
    " ON CONFLICT (name) DO UPDATE SET leased_until = excluded.leased_until"
)
_LEAVE = text("DELETE FROM leases WHERE name = :name")
_FORGET = text(
    "DELETE FROM leases WHERE name IN (SELECT name FROM leases"  # noqa: S608
    f" WHERE name LIKE 'use:%' AND leased_until <= {_NOW} FOR UPDATE SKIP LOCKED)"
)
_USERS = text(f"SELECT owner FROM leases WHERE name LIKE 'use:%' AND leased_until > {_NOW} ORDER BY owner")  # noqa: S608
_MOVES = text("SELECT coalesce(max(value), 0) FROM counters WHERE name = 'moves'")

log = structlog.get_logger()


class Presence:
    """This process's row. `transaction` opens a writing one; a thread keeps the row while nothing else happens."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction
        self._name, self._owner = f"use:{ULID()}", process_owner()
        self._good_until_s = 0.0
        self._moves: int | None = None
        self._entering = threading.Lock()
        self._left = threading.Event()
        self._keeper: threading.Thread | None = None

    def check(self) -> None:
        """Say that this process uses the catalogue, unless that was said a moment ago. Raises StoreUnavailable while
        somebody has it alone."""
        if time.monotonic() < self._good_until_s:
            return
        with self._entering:
            if time.monotonic() >= self._good_until_s:
                self._enter()
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="catalogue-presence", daemon=True)
                self._keeper.start()

    def check_not_moved(self, conn: Connection) -> None:
        """Raise SetupError (`store_moved`) where the store was moved since this process began to use it.

        Its row had run out then, for whoever moves the store has the catalogue alone: the process was stopped, or cut off.
        """
        moves = conn.execute(_MOVES).scalar_one()
        if self._moves is None:
            self._moves = moves
        if moves != self._moves:
            raise SetupError(
                "the store was moved while this process stood still: stop it, and start it with the new settings",
                code="store_moved",
            )

    def leave(self) -> None:
        """Take the row out. Where that cannot be, it runs out by itself."""
        self._left.set()
        with self._entering:
            if self._keeper is None:
                return
            self._good_until_s = 0.0
            try:
                with self._transaction() as conn:
                    conn.execute(_LEAVE, {"name": self._name})
            except (DBAPIError, SohoaError) as error:
                log.info("catalogue.not_left", error=type(error).__name__)

    def _keep(self) -> None:
        while not self._left.wait(RENEW_S):
            with self._entering:
                if self._left.is_set():
                    return
                try:
                    self._enter()
                except (DBAPIError, SohoaError) as error:  # whoever needs the catalogue next is told
                    log.info("catalogue.presence_not_renewed", error=type(error).__name__)

    def _enter(self) -> None:
        began_s = time.monotonic()
        with self._transaction() as conn:
            if not try_lock(conn, _KEY, patience_s=PATIENCE_S, function="pg_try_advisory_xact_lock_shared"):
                raise StoreUnavailable("the catalogue is being rebuilt just now: wait until that is finished")
            self.check_not_moved(conn)
            conn.execute(_FORGET)
            conn.execute(_ENTER, {"name": self._name, "owner": self._owner, "ttl_us": int(TTL_S * 1_000_000)})
        self._good_until_s = began_s + TTL_S / 2


def have_alone(conn: Connection) -> None:
    """Have the catalogue alone until this transaction ends. Raises Conflict (`in_use`), naming who uses it."""
    if not try_lock(conn, _KEY, patience_s=PATIENCE_S):
        raise Conflict("another process has the catalogue to itself: wait until it is done", code="in_use")
    if not conn.dialect.has_table(conn, "leases"):
        return
    users = sorted(set(conn.execute(_USERS).scalars()))
    if users:
        where = ", ".join(owner.rpartition(":")[0] for owner in users[:5])
        raise Conflict(
            f"the catalogue is in use by another sohoa command (host:process {where}): stop it, then try again; "
            f"one that was killed counts for {TTL_S:.0f} s more",
            code="in_use",
        )


def check_alone(conn: Connection) -> None:
    """Raise StoreUnavailable where nobody has the catalogue alone any more: the connection that held it was lost."""
    if conn.execute(text(f"SELECT pg_try_advisory_xact_lock({_KEY})")).scalar_one():
        raise StoreUnavailable("the connection to the catalogue's server was lost meanwhile: start again")


def try_lock(conn: Connection, key: str, *, patience_s: float, function: str = "pg_try_advisory_xact_lock") -> bool:
    """Have an advisory lock until this transaction ends; False where others held it for all of `patience_s` seconds.

    Asked again and again, for whoever waits in the server's own queue for the lock keeps out all who come after.
    """
    until_s = time.monotonic() + patience_s
    while not conn.execute(text(f"SELECT {function}({key})")).scalar_one():
        if time.monotonic() > until_s:
            return False
        time.sleep(_PAUSE_S)
    return True
