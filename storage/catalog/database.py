"""Opens the catalogue, on SQLite or PostgreSQL: writing and reading transactions, and the way to the newest tables."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sohoa.errors import SetupError, StoreUnavailable
from storage.catalog.asked import listen
from storage.catalog.backend import Backend, Health, Kind, Opened
from storage.catalog.form import is_served
from storage.catalog.postgres import PostgresServer
from storage.catalog.sqlite_file import SqliteFile
from storage.catalog.tables import HEAD
from storage.dispatch.work_queues import WorkQueue


@dataclass(frozen=True, slots=True)
class _InProcess:
    """Connections, and the process that they belong to: one must not be used across a fork."""

    process_id: int
    opened: Opened


class Database:
    """The catalogue at one SQLAlchemy URL (`sqlite:////absolute/path`, `postgresql+psycopg://user@host/database`).

    Connections are made when first needed and anew in a forked child; pickling (spawn) carries the URL only. Safe to
    share between threads. Every method raises StoreUnavailable when the catalogue is locked for longer than 30 s, cannot
    be reached, read or written just now, or its disk is full (`catalog_full`); SetupError when it can never work like this.
    """

    def __init__(
        self, url: str, *, alone: bool = False, wake: Callable[[Iterable[WorkQueue]], None] | None = None
    ) -> None:
        """`alone`: the caller has this catalogue for itself already (:func:`alone`), or nobody else knows of it yet.
        `wake` is told where work was asked for, after each commit that asked (storage/dispatch)."""
        self._url = url
        self._alone = alone
        self._wake = wake
        self._backend = _backend_of(url)
        self._current: _InProcess | None = None
        self._inherited: list[_InProcess] = []
        self._opening = threading.Lock()

    def __reduce__(self) -> tuple[type[Database], tuple[str]]:
        return (Database, (self._url,))  # another process never has it alone, and has its own connection to a broker

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One writing transaction, with no other such beside it: commits when the block ends, rolls back when it raises."""
        with self._transaction(Kind.WRITE) as conn:
            asked = listen(conn)
            yield conn
        if asked and self._wake is not None:
            self._wake(asked)

    @contextmanager
    def write_beside(self) -> Iterator[Connection]:
        """As :meth:`write`, but on PostgreSQL others write at the same time: for what is right whatever they do meanwhile
        (docs/decisions/0025). It takes no `changed_seq`, puts nothing into the outbox, and asks for no work."""
        with self._transaction(Kind.BESIDE) as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One reading transaction: everything read in the block is of one moment. Writing in it fails."""
        with self._transaction(Kind.READ) as conn:
            yield conn

    def migrate(self) -> None:
        """Bring the tables to the newest form; a catalogue that has it already costs one small read.

        Any number of processes may call this at once. A catalogue that a newer Sohoa only added to is left as it is.
        Raises SetupError for a network file system (SQLite's locks do not hold there) and for a catalogue that serves
        newer versions only (`catalog_newer`).
        """
        if self._backend.exists() and self._is_current():
            return
        with self._backend.migrating(), self._errors_named():
            opened = self._open()
            opened.set_up()
            with opened.begin(Kind.MIGRATE) as conn:
                if not is_served(conn):
                    _upgrade(conn)
            opened.make_indexes()

    def exists(self) -> bool:
        """Whether there is a catalogue, as far as can be told without opening it."""
        return self._backend.exists()

    def health(self) -> Health:
        """Which database it is, and what it says of its own state."""
        with self._transaction(Kind.READ) as conn:
            return self._open().health(conn)

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        current, self._current = self._current, None
        if current is not None and current.process_id == os.getpid():
            current.opened.close()

    def _open(self) -> Opened:
        current = self._current
        if current is None or current.process_id != os.getpid():
            with self._opening:
                current = self._current
                if current is not None and current.process_id != os.getpid():
                    self._inherited.append(current)  # the parent's: closing them here would touch the parent's locks
                    current = None
                if current is None:
                    current = self._current = _InProcess(os.getpid(), self._backend.open(alone=self._alone))
        return current.opened

    @contextmanager
    def _transaction(self, kind: Kind) -> Iterator[Connection]:
        with self._errors_named(), self._open().begin(kind) as conn:
            yield conn

    def _is_current(self) -> bool:
        with self._transaction(Kind.LOOK) as conn:
            return self._open().is_set_up(conn) and is_served(conn)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        """Turn what the driver says of a catalogue that cannot be used into Sohoa's errors; the rest passes."""
        try:
            yield
        except PoolTimeout as error:
            raise StoreUnavailable("too many requests wait for the catalogue; try again in a moment") from error
        except DBAPIError as error:
            explained = self._backend.explained(error)
            if explained is None:
                raise
            raise explained from error


def alone(url: str) -> AbstractContextManager[None]:
    """Have the catalogue for oneself. Raises Conflict (`in_use`) while any process uses it."""
    return _backend_of(url).alone()


def sqlite_path(url: str) -> Path | None:
    """The file of a catalogue, None for one on a server. Raises SetupError for a URL that names no catalogue."""
    backend = _backend_of(url)
    return backend.path if isinstance(backend, SqliteFile) else None


def _backend_of(url: str) -> Backend:
    """Raises SetupError, which never shows a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _refused("it") from None
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteFile.of(parsed)
        case "postgresql":
            return PostgresServer.of(parsed)
    raise _refused(_shown(parsed))


def _shown(url: URL) -> str:
    return repr(URL.create(url.drivername, host=url.host, database=url.database).render_as_string())


def _refused(what: str) -> SetupError:
    return SetupError(
        f"SOHOA_CATALOG_URL cannot be used: {what} is neither sqlite:////absolute/path nor "
        "postgresql+psycopg://user@host/database"
    )


def _upgrade(conn: Connection) -> None:
    """Run the migrations that are missing, inside the transaction that is open."""
    from alembic import command  # late: alembic takes long to import and is seldom needed
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "storage.catalog:migrations")
    config.attributes["connection"] = conn
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        detail = f"the catalogue cannot be brought to version {HEAD} ({error}): is it Sohoa's?"
        raise SetupError(detail) from error
