"""The catalogue on a PostgreSQL server: connections, what each transaction begins with, and what its errors mean.

Nothing outlives a transaction on a connection: limits of time are SET LOCAL, locks are of the transaction, no statement is
prepared on the server. So PgBouncer may stand between, with a server connection for each transaction (docs/decisions/0025).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from sohoa.clock import SystemClock
from sohoa.errors import SetupError, SohoaError, StoreUnavailable
from storage.catalog import postgres_errors
from storage.catalog.backend import Health, Kind, json_text
from storage.catalog.online_indexes import make, missing
from storage.catalog.presence import Presence, have_alone, try_lock

POOL_KEPT = 4
"""Connections that a process keeps open, once it has needed as many."""
POOL_MOST = 16
"""Connections that a process has at most; who needs one more waits, 30 s at most."""
LOCK_TIMEOUT_S = 30
"""How long a statement waits for what another transaction has."""
STATEMENT_TIMEOUT_S = 60
"""How long a statement takes, its waiting included."""
IDLE_TIMEOUT_S = 120
"""How long an open transaction waits for its process: longer than a store of the archive may keep intake waiting."""
DDL_LOCK_TIMEOUT_S = 3
"""A migration that waits for a table keeps everybody waiting behind it."""
CLOCKS_APART_S = 5.0
"""A lease is told by the clock of whoever takes it, and runs out by the clock of whoever sweeps."""
_CONNECT_TIMEOUT_S = 10
_OLDEST_VERSION = (13,)
SOHOA = 0x536F686F
"""The first half of the key of each advisory lock; the second says which."""
WRITING, _MIGRATING = 1, 2


@dataclass(frozen=True, slots=True, repr=False)
class PostgresServer:
    """A catalogue in one database of a server. Its repr shows no password."""

    url: URL

    @classmethod
    def of(cls, url: URL) -> PostgresServer:
        """Raises SetupError where the driver is not installed, or the URL names another one."""
        if url.drivername not in ("postgresql", "postgresql+psycopg"):
            raise SetupError(
                f"SOHOA_CATALOG_URL cannot be used: write postgresql+psycopg://…, not {url.drivername}://…"
            )
        if importlib.util.find_spec("psycopg") is None:
            raise SetupError(
                "PostgreSQL needs its driver: pip install '.[postgres]' in Sohoa's own folder", code="driver_missing"
            )
        return cls(url.set(drivername="postgresql+psycopg"))

    def __repr__(self) -> str:
        return f"PostgresServer({self.url!r})"  # SQLAlchemy's hides the password

    def exists(self) -> bool:
        return True

    def open(self, *, alone: bool) -> PostgresOpened:
        engine = _engine(self.url, pool_size=POOL_KEPT, max_overflow=POOL_MOST - POOL_KEPT, pool_pre_ping=True)
        return PostgresOpened(engine, None if alone else Presence(lambda: _begun(engine, Kind.BESIDE)))

    def migrating(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One transaction that holds a lock as long as the block lasts: it ends with its process, however that ends.

        Raises Conflict (`in_use`), naming who uses the catalogue.
        """
        with ExitStack() as held:
            with postgres_errors.named(self.url):
                conn = _engine(self.url, poolclass=NullPool).connect()
                held.callback(_let_go, conn)
                # READ COMMITTED: what is looked for is looked for after the lock is had, and no snapshot is kept for hours
                conn.execution_options(sohoa_kind=Kind.BESIDE).begin()
                have_alone(conn)
                # last: a query with parameters leaves a portal open, and with it the snapshot that an index made meanwhile
                # would wait for
                conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            yield

    def explained(self, error: DBAPIError) -> SohoaError | None:
        return postgres_errors.explained(error, self.url)


@dataclass(frozen=True, slots=True)
class PostgresOpened:
    """The pool of a process, and its row among those who use the catalogue; None for who has it alone."""

    engine: Engine
    presence: Presence | None

    @contextmanager
    def begin(self, kind: Kind) -> Iterator[Connection]:
        if self.presence is not None and kind not in (Kind.MIGRATE, Kind.LOOK):
            self.presence.check()
        with _begun(self.engine, kind) as conn:
            if (
                self.presence is not None and kind is Kind.WRITE
            ):  # what is promised in it must not be to a store left behind
                self.presence.check_not_moved(conn)
            yield conn

    def is_set_up(self, conn: Connection) -> bool:
        return not missing(conn)

    def set_up(self) -> None:
        """Nothing is done before there are tables. Raises SetupError for a server that is too old or cannot keep Vietnamese."""
        with _begun(self.engine, Kind.LOOK) as conn:
            version = conn.dialect.server_version_info or ()
            if version < _OLDEST_VERSION:
                raise SetupError(f"PostgreSQL {'.'.join(map(str, version))} is too old: 13 or newer is needed")
            encoding = conn.execute(text("SHOW server_encoding")).scalar_one()
            if encoding != "UTF8":
                raise SetupError(
                    f"the database's encoding is {encoding}: make one with `createdb -E UTF8 -T template0`"
                )

    def make_indexes(self) -> None:
        """One process at a time, told by the lock of a transaction that touches no table: what is made here waits for those
        that do."""
        with _begun(self.engine, Kind.MIGRATE) as alone:
            alone.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            with self.engine.connect().execution_options(sohoa_kind=None) as conn:
                make(conn)

    def health(self, conn: Connection) -> Health:
        version = conn.execute(text("SHOW server_version")).scalar_one()
        used = conn.execute(text("SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL")).scalar_one()
        most = int(conn.execute(text("SHOW max_connections")).scalar_one())
        told_s = conn.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
        apart_s = abs(float(told_s) - SystemClock().now().timestamp())
        found, do = f"{used} of {most} connections in use", []
        if used >= most * 0.9:
            do.append("raise max_connections, or put PgBouncer between")
        if apart_s > CLOCKS_APART_S:
            found += f"; its clock and this machine's are {apart_s:,.0f} s apart"
            do.append("keep all clocks by NTP: jobs of a machine that is behind are taken from it and papers fail")
        return Health(f"PostgreSQL {version.split()[0]}", found, "; ".join(do))

    def close(self) -> None:
        if self.presence is not None:
            self.presence.leave()
        self.engine.dispose()


def _let_go(conn: Connection) -> None:
    with suppress(DBAPIError):  # a lost connection has let go already
        conn.close()


@contextmanager
def _begun(engine: Engine, kind: Kind) -> Iterator[Connection]:
    with engine.connect().execution_options(sohoa_kind=kind) as conn, conn.begin():
        if kind is Kind.MIGRATE:
            _migrate_alone(conn)
        yield conn


def _migrate_alone(conn: Connection) -> None:
    """Asked for again and again: who waits in one statement has a snapshot, and an index that is made meanwhile would wait
    for that."""
    if not try_lock(conn, f"{SOHOA}, {_MIGRATING}", patience_s=LOCK_TIMEOUT_S):
        raise StoreUnavailable("another process brings the catalogue's tables to a newer form: try again in a moment")


def _engine(url: URL, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        connect_args=_connect_args(url.query),
        json_serializer=json_text,
        use_native_hstore=False,  # saves a query a connection
        hide_parameters=True,  # an error's text goes to the log, and the values may be a citizen's
        **pool,
    )

    @event.listens_for(engine, "begin")
    def begin_transaction(conn: Connection) -> None:
        kind = conn.get_execution_options().get("sohoa_kind", Kind.LOOK)
        if kind is None:  # each statement by itself: what cannot be done in a transaction
            return
        conn.exec_driver_sql(_BEGIN[kind])  # several statements, one message: without parameters psycopg sends them so

    @event.listens_for(engine, "handle_error")
    def hide_values(context: ExceptionContext) -> None:
        """PostgreSQL's DETAIL quotes keys and whole rows, and the values may be a citizen's."""
        said = getattr(getattr(context.original_exception, "diag", None), "message_primary", None)
        if said is not None:
            context.original_exception.args = (said,)
            if context.sqlalchemy_exception is not None:
                context.sqlalchemy_exception.args = (said,)

    return engine


def _connect_args(said: Mapping[str, Any]) -> dict[str, Any]:
    """What libpq and psycopg are told, unless the URL says otherwise.

    The driver starts no transaction by itself, the `begin` event does. prepare_threshold None: what is prepared on one of
    PgBouncer's connections is not there on the next.
    """
    ours = {
        "application_name": "sohoa",
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": LOCK_TIMEOUT_S * 1000 + 30_000,
    }
    left = {name: value for name, value in ours.items() if name not in said}
    return {**left, "autocommit": True, "prepare_threshold": None}


def _begin(
    how: str, *, lock: int | None = None, lock_s: int = LOCK_TIMEOUT_S, statement_s: int = STATEMENT_TIMEOUT_S
) -> str:
    limits = {"lock_timeout": lock_s, "statement_timeout": statement_s}
    limits["idle_in_transaction_session_timeout"] = IDLE_TIMEOUT_S
    steps = [f"BEGIN ISOLATION LEVEL {how}", *(f"SET LOCAL {name} = '{limit_s}s'" for name, limit_s in limits.items())]
    if lock is not None:
        steps.append(f"SELECT pg_advisory_xact_lock({SOHOA}, {lock})")
    return "; ".join(steps)


_BEGIN = {
    Kind.WRITE: _begin("READ COMMITTED READ WRITE", lock=WRITING),
    Kind.BESIDE: _begin("READ COMMITTED READ WRITE"),
    Kind.READ: _begin("REPEATABLE READ READ ONLY"),
    Kind.LOOK: _begin("REPEATABLE READ READ ONLY"),
    Kind.MIGRATE: _begin("READ COMMITTED READ WRITE", lock_s=DDL_LOCK_TIMEOUT_S, statement_s=0),
}
