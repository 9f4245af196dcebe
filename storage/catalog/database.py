"""Opens the catalogue: one writing transaction at a time, any number of readers, and the way to the newest tables."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sohoa.errors import SetupError, StoreUnavailable
from storage.catalog import in_use
from storage.catalog.tables import HEAD

BUSY_TIMEOUT_S = 30.0
_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs"})


@dataclass(frozen=True, slots=True)
class _Engines:
    """The two ways in, and the process that they belong to: a connection must not be used across a fork.

    `shared` is the descriptor that says that this process uses the catalogue; None where it has it alone already.
    """

    process_id: int
    writing: Engine
    reading: Engine
    shared: int | None


class Database:
    """The catalogue at one SQLAlchemy URL (`sqlite:////absolute/path`).

    Connections are made when first needed and anew in a forked child; pickling (spawn) carries the URL only. Safe to
    share between threads. Every method raises StoreUnavailable when the file is locked for longer than 30 s, cannot be
    read or written just now, or the disk is full; SetupError when it can never work like this.
    """

    def __init__(self, url: str, *, alone: bool = False) -> None:
        """`alone`: the caller has this catalogue for itself already (in_use.alone), or nobody else knows of it yet."""
        self._url = url
        self._alone = alone
        self._path = sqlite_path(url)
        self._engines: _Engines | None = None
        self._inherited: list[_Engines] = []

    def __reduce__(self) -> tuple[type[Database], tuple[str]]:
        return (Database, (self._url,))  # another process never has it alone

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One writing transaction (`BEGIN IMMEDIATE`): commits when the block ends, rolls back when it raises."""
        with _errors_named(self._path), self._open().writing.begin() as conn:
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One reading transaction: everything read in the block is of one moment. Writing in it fails."""
        with _errors_named(self._path), self._open().reading.begin() as conn:
            yield conn

    def migrate(self) -> None:
        """Bring the tables to the newest form; a catalogue that has it already costs one small read.

        Any number of processes may call this at once. Raises SetupError for a network file system (SQLite's locks do
        not hold there) and for a catalogue that a newer Sohoa wrote.
        """
        if self._path.exists() and self._is_current():
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_network_file_system(self._path.parent)
        with _only_process_in(self._path.parent), _errors_named(self._path):
            _switch_to_wal(self._open().writing)
            with self.write() as conn:
                _upgrade(conn)

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        engines, self._engines = self._engines, None
        if engines is not None and engines.process_id == os.getpid():
            engines.writing.dispose()
            engines.reading.dispose()
            if engines.shared is not None:
                os.close(engines.shared)

    def _open(self) -> _Engines:
        engines = self._engines
        if engines is None or engines.process_id != os.getpid():
            if engines is not None:
                self._inherited.append(engines)  # the parent's: closing them here would touch the parent's file locks
            engines = self._engines = _Engines(
                process_id=os.getpid(),
                writing=_engine(self._url, begin="BEGIN IMMEDIATE", query_only="OFF"),
                reading=_engine(self._url, begin="BEGIN DEFERRED", query_only="ON"),
                shared=None if self._alone else in_use.share(self._path),
            )
        return engines

    def _is_current(self) -> bool:
        with self.read() as conn:
            if conn.execute(text("PRAGMA journal_mode")).scalar_one() != "wal":
                return False
            if conn.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")).first() is None:
                return False
            return conn.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def _engine(url: str, *, begin: str, query_only: str) -> Engine:
    # isolation_level None: the driver starts no transaction by itself, the `begin` event below does.
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False},
        json_serializer=partial(json.dumps, ensure_ascii=False, separators=(",", ":")),
        pool_size=4,
        max_overflow=60,
        hide_parameters=True,  # an error's text goes to the log, and the values may be a citizen's
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        for pragma in ("synchronous=FULL", "foreign_keys=ON", f"query_only={query_only}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    return engine


def _switch_to_wal(engine: Engine) -> None:
    """Write-ahead logging, for good: readers go on while one writes. Not possible inside a transaction."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode=WAL").close()
    finally:
        connection.close()


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
        detail = f"the catalogue cannot be brought to version {HEAD} ({error}); if a newer Sohoa wrote it, use that one"
        raise SetupError(detail) from error


def sqlite_path(url: str) -> Path:
    """The file of a catalogue. Raises SetupError for a URL that names no file."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        shown = parsed.render_as_string(hide_password=True)
        raise SetupError(
            f"SOHOA_CATALOG_URL={shown!r} cannot be opened: this version knows sqlite:////absolute/path only"
        )
    return Path(str(parsed.database)).absolute()


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn what the driver says of a locked, full, damaged or unreachable file into Sohoa's errors; the rest passes."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable("too many requests wait for the catalogue; try again in a moment") from error
    except DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            detail = f"another process kept the catalogue locked for more than {BUSY_TIMEOUT_S:.0f} s; try again"
            raise StoreUnavailable(detail) from error
        if name.startswith("SQLITE_FULL"):
            raise StoreUnavailable(f"the disk of {path.parent} is full; free some space and try again") from error
        if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            raise StoreUnavailable(
                f"{path} cannot be read or written ({name}); look at the disk and its rights"
            ) from error
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            detail = f"{path} is damaged ({name}); move it away and restore a copy: the archive itself is not touched"
            raise SetupError(detail, code="catalog_damaged") from error
        raise


@contextmanager
def _only_process_in(folder: Path) -> Iterator[None]:
    """Hold the folder's advisory lock: switching a new file to WAL does not wait for others as transactions do."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refuse_network_file_system(folder: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> None:
    """Linux lists every mount and its file system in `mounts` (proc(5)); elsewhere nothing is checked."""
    if not mounts.exists():
        return
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.read_text(errors="replace").splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == wanted and source.split()[0] in _NETWORK_FILE_SYSTEMS:
            raise SetupError(
                f"{folder} is on a network file system ({source.split()[0]}), where SQLite's locks do not hold; "
                "put SOHOA_HOME on a local disk"
            )
