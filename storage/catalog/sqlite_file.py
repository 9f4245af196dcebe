"""The catalogue as a SQLite file: write-ahead log, `BEGIN IMMEDIATE`, a lock file beside it, and what goes wrong with disks."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from sohoa.errors import SetupError, SohoaError, StoreUnavailable
from storage.catalog import in_use
from storage.catalog.backend import Health, Kind, json_text

BUSY_TIMEOUT_S = 30.0
_NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs"})
_READING = frozenset({Kind.READ, Kind.LOOK})


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A catalogue in the file `path`."""

    path: Path

    @classmethod
    def of(cls, url: URL) -> SqliteFile:
        """The file that a URL names. Raises SetupError for one that names none."""
        if url.database in (None, "", ":memory:"):
            shown = url.render_as_string(hide_password=True)
            raise SetupError(f"SOHOA_CATALOG_URL={shown!r} cannot be opened: write sqlite:////absolute/path")
        return cls(Path(str(url.database)).absolute())

    def exists(self) -> bool:
        return self.path.exists()

    def open(self, *, alone: bool) -> SqliteOpened:
        return SqliteOpened(
            writing=_engine(self.path, begin="BEGIN IMMEDIATE", query_only="OFF"),
            reading=_engine(self.path, begin="BEGIN DEFERRED", query_only="ON"),
            shared=None if alone else in_use.share(self.path),
        )

    @contextmanager
    def migrating(self) -> Iterator[None]:
        """Raises SetupError for a network file system: SQLite's locks do not hold there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_network_file_system(self.path.parent)
        with _only_process_in(self.path.parent):
            yield

    def alone(self) -> AbstractContextManager[None]:
        return in_use.alone(self.path)

    def explained(self, error: DBAPIError) -> SohoaError | None:
        """A locked, full, damaged or unreachable file."""
        name = getattr(error.orig, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return StoreUnavailable(
                f"another process kept the catalogue locked for more than {BUSY_TIMEOUT_S:.0f} s; try again"
            )
        if name.startswith("SQLITE_FULL"):
            return StoreUnavailable(
                f"the disk of {self.path.parent} is full; free some space and try again", code="catalog_full"
            )
        if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return StoreUnavailable(f"{self.path} cannot be read or written ({name}); look at the disk and its rights")
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return SetupError(
                f"{self.path} is damaged ({name}); move it away and restore a copy: the archive itself is not touched",
                code="catalog_damaged",
            )
        return None


@dataclass(frozen=True, slots=True)
class SqliteOpened:
    """The two ways in. `shared` is the descriptor that says that this process uses the catalogue; None for who has it
    alone."""

    writing: Engine
    reading: Engine
    shared: int | None

    def begin(self, kind: Kind) -> AbstractContextManager[Connection]:
        return (self.reading if kind in _READING else self.writing).begin()

    def is_set_up(self, conn: Connection) -> bool:
        return bool(conn.execute(text("PRAGMA journal_mode")).scalar_one() == "wal")

    def set_up(self) -> None:
        """Write-ahead logging, for good: readers go on while one writes. Not possible inside a transaction."""
        connection = self.writing.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL").close()
        finally:
            connection.close()

    def make_indexes(self) -> None:
        """The migrations have made all: here there is one writer at a time in any case."""

    def health(self, conn: Connection) -> Health:
        check = str(conn.execute(text("PRAGMA quick_check")).scalar_one())
        return Health(f"SQLite {sqlite3.sqlite_version}", check, "" if check == "ok" else "restore a copy")

    def close(self) -> None:
        self.writing.dispose()
        self.reading.dispose()
        if self.shared is not None:
            os.close(self.shared)


def _engine(path: Path, *, begin: str, query_only: str) -> Engine:
    # isolation_level None: the driver starts no transaction by itself, the `begin` event below does.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False},
        json_serializer=json_text,
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
