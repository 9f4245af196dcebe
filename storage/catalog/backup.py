"""A copy of the catalogue for what the archive does not know (tokens, keys, decisions under way), and the way back.

A backup that was forgotten loses no paper: the archive tells all documents again (storage/rebuild). Secrets of tokens are in
it as digests only, as in the catalogue itself.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from sohoa.errors import AlreadyExists, BadRequest, Conflict, DigestMismatch, NotFound, SetupError, StoreUnavailable
from sohoa.model import Sha256
from storage.catalog import in_use
from storage.catalog.carrying import carry_viewings, highest_number
from storage.catalog.database import Database, sqlite_path
from storage.catalog.replacing import replace_catalogue, sync
from storage.catalog.tables import counters, documents, tokens

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup: its file, the digest that `<file>.sha256` holds as well, and how much is in it."""

    path: Path
    sha256: Sha256
    size_bytes: int
    documents: int
    tokens: int


def back_up(url: str, to: Path, *, now: datetime) -> Backup:
    """Copy the catalogue at `url`, as of one moment, while others go on working with it.

    `to` is a new file or a folder, in which a file named by the moment is made; both are for their owner's eyes only. It
    is complete or it is not there. Leases are left out: they are of processes that run now.

    Raises AlreadyExists, never overwriting; NotFound where there is no catalogue; StoreUnavailable where the file cannot
    be written; BadRequest (`use_pg_dump`) for a catalogue on a server.
    """
    source = _file_of(url, instead="pg_dump -Fc -f FILE DATABASE copies it while everything runs")
    if not source.exists():
        raise NotFound(f"there is no catalogue at {source}: nothing to back up")
    target = to / f"sohoa-catalogue-{now:%Y%m%dT%H%M%SZ}.sqlite" if to.is_dir() else to
    digest_file = _digest_file(target)
    if target.exists():
        raise AlreadyExists(f"{target} exists already; name another file")
    with _written_beside(target) as part:
        shared = in_use.share(source)
        try:
            _copy(source, part)
        finally:
            os.close(shared)
        counts = _counts(part)
        backup = Backup(target, _sha256_of(part), part.stat().st_size, *counts)
        _write_private(digest_file, f"{backup.sha256}  {target.name}\n")
        try:
            os.link(part, target)
        except FileExistsError:
            raise AlreadyExists(f"{target} exists already; name another file") from None
        sync(target.parent)
    return backup


def restore(url: str, source: Path, *, now: datetime, force: bool) -> Backup:
    """Put a backup in the catalogue's place; the catalogue that was there is kept as `<name>.before`.

    Raises DigestMismatch or NotFound where the backup is not, or cannot be proven to be, what was backed up; BadRequest
    where it is no catalogue; Conflict where the catalogue in place has documents and `force` is not given, or where it is
    in use (`in_use`); SetupError for a backup that serves newer versions only; BadRequest (`use_pg_dump`) for a catalogue on a
    server.
    """
    catalogue = _file_of(url, instead="pg_restore into an empty database, then `sohoa rebuild --from-storage`")
    sha256 = _check_digest(source)
    with in_use.alone(catalogue):
        if not force and (count := _documents_in(url)):
            raise Conflict(
                f"the catalogue in place has {count} documents: with --force it is set aside and the backup takes its place"
            )
        new = catalogue.with_name(f"{catalogue.name}.restore")
        try:
            _write_private(new, source)
            counts = _take_in(
                new, in_place=url, above=max(highest_number(url), (now - _EPOCH) // timedelta(microseconds=1))
            )
            replace_catalogue(new, catalogue)
        finally:
            for suffix in ("", "-wal", "-shm"):
                new.with_name(new.name + suffix).unlink(missing_ok=True)
    return Backup(source, sha256, source.stat().st_size, *counts)


def _file_of(url: str, *, instead: str) -> Path:
    path = sqlite_path(url)
    if path is None:
        raise BadRequest(f"the catalogue is on a PostgreSQL server: {instead}", code="use_pg_dump")
    return path


def _copy(source: Path, part: Path) -> None:
    """VACUUM INTO reads in one transaction, waits for no writer and lets every writer go on."""
    try:
        with closing(sqlite3.connect(source, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.execute("DELETE FROM leases")
            if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise SetupError("the catalogue is damaged and was not backed up", code="catalog_damaged")
    except sqlite3.DatabaseError as error:
        raise StoreUnavailable(f"the backup could not be written ({error}): see whether the disk is full") from error
    sync(part)


def _take_in(new: Path, *, in_place: str, above: int) -> tuple[int, int]:
    """Make a copied backup a catalogue of today: newest tables, and no number that was given before is given again.

    Viewings that only the catalogue in place knows are taken over: nobody can tell them again.
    """
    database = Database(f"sqlite:///{new}", alone=True)
    try:
        database.migrate()
        with database.write() as conn:
            row = update(counters).where(counters.c.name == "documents")
            conn.execute(row.values(value=func.max(counters.c.value, above)))
            carry_viewings(in_place, into=conn)
    except SetupError as error:
        if error.code == "catalog_damaged":
            raise BadRequest("the backup is no catalogue of Sohoa: name the file that `sohoa backup` wrote") from error
        raise
    finally:
        database.close()
    return _counts(new)


def _counts(catalogue: Path) -> tuple[int, int]:
    database = Database(f"sqlite:///{catalogue}", alone=True)
    try:
        with database.read() as conn:
            return (
                conn.execute(select(func.count()).select_from(documents)).scalar_one(),
                conn.execute(select(func.count()).select_from(tokens)).scalar_one(),
            )
    finally:
        database.close()


def _documents_in(url: str) -> int:
    """How many documents the catalogue in place has; none where it cannot be read: it is set aside all the same."""
    database = Database(url, alone=True)
    if not database.exists():
        return 0
    try:
        database.migrate()
        with database.read() as conn:
            return conn.execute(select(func.count()).select_from(documents)).scalar_one()
    except SetupError:
        return 0
    finally:
        database.close()


def _check_digest(source: Path) -> Sha256:
    """The digest of the backup, which must be the one that was written beside it."""
    try:
        told = _digest_file(source).read_text().split()
        sha256 = _sha256_of(source)
    except FileNotFoundError as error:
        raise NotFound(f"{error.filename} is missing: a backup is two files, both are needed") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{source} cannot be read: look at its rights and its disk") from error
    if told[:1] != [sha256]:
        raise DigestMismatch(f"{source} is not what was backed up (its SHA-256 differs): use another backup")
    return sha256


@contextmanager
def _written_beside(target: Path) -> Iterator[Path]:
    """An empty private file beside `target` that is gone afterwards."""
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    _write_private(part, "")
    try:
        yield part
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)


def _write_private(path: Path, content: str | Path) -> None:
    """Write a file, durably, that only its owner may read."""
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(content, str):
                file.write(content.encode())
            else:
                with content.open("rb") as source:
                    while chunk := source.read(1024 * 1024):
                        file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise StoreUnavailable(f"{path} cannot be written ({why}): free some space or choose another place") from error


def _sha256_of(path: Path) -> Sha256:
    with path.open("rb") as file:
        return Sha256(hashlib.file_digest(file, "sha256").hexdigest())


def _digest_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
