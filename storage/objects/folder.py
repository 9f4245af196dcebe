"""Objects in a folder of one local file system: whole or absent, fsynced, created once.

A write goes to a private file in `.tmp`, is fsynced there, and is published by a hard link, which fails where the name
is taken. A copy is a hard link too, so copies share their bytes: published files are read-only (0440) and never opened
for writing; replacing puts a new file in the old one's place. Where an fsync fails, the private file is thrown away, or the
name is in doubt (doubts.py) and written anew before anybody goes by it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from sohoa.clock import SystemClock, isoformat, parse_moment
from sohoa.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    DigestMismatch,
    NotAllowed,
    NotFound,
    StoreUnavailable,
)
from sohoa.model import Sha256
from storage.objects.doubts import Doubts
from storage.objects.folder_files import (
    Window,
    check_file_system,
    chunks,
    etag,
    etag_or_none,
    has_digest,
    keys_below,
    remove_if_empty,
    same_bytes,
    sync_folder,
    write_all,
)
from storage.objects.protocol import (
    DAMAGED,
    DELETABLE,
    ObjectStat,
    Stored,
    check_guard,
    check_key,
    damaged_key,
    object_digest,
)

LEFTOVER_AGE = timedelta(days=1)
"""A private file this old belongs to a process that was killed."""
_DURABLE_FOLDERS_KEPT = 20_000
_FOLDER_ATTEMPTS = 20


class FolderObjects:
    """The Objects protocol on the folder `root`, which threads and processes may share but machines may not."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._private = self._root / ".tmp"
        self._durable_folders: set[Path] = set()
        self._doubts = Doubts(self._root)
        try:
            self._private.mkdir(parents=True, exist_ok=True, mode=0o750)
            sync_folder(self._root)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise StoreUnavailable(
                f"{self._root} cannot be written ({why}): set SOHOA_HOME to a folder of yours"
            ) from error
        with _store_errors(".tmp"):
            check_file_system(self._private)
        self.drop_leftovers()

    def create(
        self, key: str, source: BinaryIO | bytes, *, sha256: Sha256 | None = None, overwrite: bool = False
    ) -> Stored:
        target = self._sure(key)
        if overwrite and not key.startswith(DELETABLE):
            raise NotAllowed(f"{key} is kept for ever and never overwritten")
        with self._written(key, source) as (private, stored):
            if sha256 is not None and stored.sha256 != sha256:
                raise DigestMismatch(f"{key}: the bytes are not those announced (SHA-256 differs); send them again")
            with _store_errors(key):
                if overwrite:
                    self._put(private, target, private.replace)
                    return stored
                try:
                    self._put(private, target, partial(os.link, private))
                except FileExistsError:
                    with suppress(FileNotFoundError):  # it was there, and has been deleted since, with its folder
                        self._sync_name(target)
                    raise AlreadyExists(f"{key} exists already and is never overwritten") from None
        return stored

    def copy(self, source: str, target: str) -> None:
        source_path, target_path = self._sure(source), self._sure(target)
        with _store_errors(source):
            try:
                self._put(source_path, target_path, partial(os.link, source_path))
            except FileExistsError:
                if not same_bytes(source_path, target_path):
                    raise AlreadyExists(f"{target} exists already with other bytes") from None
                self._sync_name(target_path)

    def replace(self, key: str, data: bytes, *, if_match: str | None) -> None:
        target = self._sure(key)
        with self._written(key, data) as (private, _), _store_errors(key):
            self._make_folder(target.parent)
            with self._lock():
                if etag_or_none(target) != if_match:
                    raise Conflict(f"{key} was changed by somebody else meanwhile; read it again")
                private.replace(target)
                self._sync_name(target)

    def mend(self, key: str, source: BinaryIO | bytes, *, sha256: Sha256) -> Stored:
        target = self._sure(key)
        with self._written(key, source) as (private, stored), _store_errors(key):
            if stored.sha256 != sha256:
                raise DigestMismatch(f"{key}: the bytes given are not those of its digest; it stays as it is")
            with self._lock():
                if target.exists():
                    if has_digest(target, sha256):
                        return stored
                    aside = self._path(damaged_key(key, etag(target.stat())))
                    with suppress(FileExistsError):  # set aside by somebody who was killed then
                        self._put(target, aside, partial(os.link, target))
                self._put(private, target, private.replace)
        return stored

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> BinaryIO:
        path = self._sure(key)
        with _store_errors(key):
            file = path.open("rb")
            file.seek(start)
            return file if end is None else io.BufferedReader(Window(file, max(0, end - start)))

    def read(self, key: str) -> bytes:
        path = self._sure(key)
        with _store_errors(key):
            return path.read_bytes()

    def stat(self, key: str) -> ObjectStat:
        path = self._sure(key)
        with _store_errors(key):
            found = path.stat()
        return ObjectStat(
            size_bytes=found.st_size,
            etag=etag(found),
            modified_at=datetime.fromtimestamp(found.st_mtime, UTC),
        )

    def exists(self, key: str) -> bool:
        return self._sure(key).is_file()

    def list(self, prefix: str) -> Iterator[str]:
        folder = prefix.rpartition("/")[0]
        if folder:
            self._path(folder)
        for key in keys_below(self._root, f"{folder}/" if folder else "", prefix):
            if not key.startswith("."):
                yield key

    def delete(self, key: str) -> None:
        path = self._path(key)
        if not key.startswith(DELETABLE):
            raise NotAllowed(f"{key} may not be deleted: only staging/ and intents/ are ever emptied")
        with _store_errors(key):
            path.unlink(missing_ok=True)
            self._doubts.drop(path)
            for folder in path.parents:
                if folder.parent == self._root or not remove_if_empty(folder):
                    break
                self._durable_folders.discard(folder)

    def guard(self, root: str, *, until: datetime | None, hold: bool, below: str = "") -> bool:
        path = self._guard_path(root)
        with self._lock():
            known, _ = _read_guard(path)
            latest = max((each for each in (until, known) if each is not None), default=None)
            data = json.dumps({"until": None if latest is None else isoformat(latest), "hold": hold}).encode()
            with self._written(root, data) as (private, _), _store_errors(root):
                self._put(private, path, private.replace)
        return True

    def check_disposable(self, root: str) -> None:
        path = self._guard_path(root)
        if not path.exists():
            raise NotAllowed(f"{root} was never given a time to be kept for", code="retained")
        until, hold = _read_guard(path)
        check_guard(root, until=until, hold=hold, now=SystemClock().now())

    def dispose(self, root: str, *, first: Sequence[str]) -> None:
        guard, folder = self._guard_path(root), self._path(root)
        if folder.exists():
            self.check_disposable(root)
        with _store_errors(root):
            for name in first:
                (folder / name).unlink(missing_ok=True)
                if (folder / name).parent.exists():
                    sync_folder((folder / name).parent)
            for whole in (self._path(DAMAGED + root), folder):
                if whole.exists():
                    shutil.rmtree(whole)
            for above in folder.parents:
                if above.parent == self._root or not above.exists() or not remove_if_empty(above):
                    break
            self._durable_folders.clear()
            guard.unlink(missing_ok=True)

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        if not self.exists(key):
            raise NotFound(f"{key} is not in the store")
        yield self._path(key)

    def seekable(self, key: str) -> AbstractContextManager[Path | BinaryIO]:
        return self.local_file(key)

    def address(self, key: str) -> str:
        return str(self._path(key))

    def free_bytes(self) -> int:
        with _store_errors(".tmp"):
            return shutil.disk_usage(self._root).free

    def several_at_once(self) -> int:
        return 1

    def is_away(self) -> bool:
        return False

    def drop_leftovers(self) -> None:
        oldest = (SystemClock().now() - LEFTOVER_AGE).timestamp()
        with _store_errors(".tmp"):
            for leftover in self._private.iterdir():
                with suppress(FileNotFoundError):
                    if leftover.stat().st_mtime < oldest:
                        leftover.unlink()

    def _guard_path(self, root: str) -> Path:
        return self._root / ".guards" / f"{object_digest(root)}.json"

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*check_key(key))

    def _sure(self, key: str) -> Path:
        """The path of a key that is not in doubt: one that was is written anew here, or StoreUnavailable is raised."""
        path = self._path(key)
        if self._doubts.about(path):
            with _store_errors(key), self._lock():
                self._write_anew(key, path)
        return path

    def _write_anew(self, key: str, path: Path) -> None:
        if not self._doubts.about(path):  # somebody else was quicker
            return
        if path.exists():
            with path.open("rb") as source, self._written(key, source) as (private, _):
                self._durable_folders.clear()
                self._put(private, path, private.replace)
        self._doubts.drop(path)

    @contextmanager
    def _written(self, key: str, source: BinaryIO | bytes) -> Iterator[tuple[Path, Stored]]:
        """The bytes of `source` in a private, durable, read-only file that is gone afterwards unless it was moved away.

        Errors in reading `source` are its own and pass through as they are.
        """
        private = self._private / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with _store_errors(key):
                descriptor = os.open(private, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                digest, size_bytes = hashlib.sha256(), 0
                for chunk in chunks(source):
                    digest.update(chunk)
                    size_bytes += len(chunk)
                    with _store_errors(key):
                        write_all(descriptor, chunk)
                with _store_errors(key):
                    os.fchmod(descriptor, 0o440)
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            yield private, Stored(sha256=Sha256(digest.hexdigest()), size_bytes=size_bytes)
        finally:
            with suppress(OSError):  # a disk that fails now has told so before; what is left goes after a day
                private.unlink(missing_ok=True)

    def _put(self, source: Path, target: Path, put: Callable[[Path], object]) -> None:
        """Give `source` the name `target`, durably. Raises FileExistsError where a link finds the name taken.

        The folder may be removed (emptied by `delete`) between making it and putting into it: then it is made again.
        """
        for _ in range(_FOLDER_ATTEMPTS):
            try:
                self._make_folder(target.parent)
                put(target)
                self._sync_name(target)
                return
            except FileNotFoundError:
                if not source.exists():
                    raise
                self._durable_folders.clear()
        raise StoreUnavailable(f"{target.parent.relative_to(self._root)} is removed as often as it is made; try again")

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it. Each name is fsynced once a process: who made it may not have yet."""
        if folder in self._durable_folders or folder == self._root:
            return
        self._make_folder(folder.parent)
        try:
            folder.mkdir(exist_ok=True, mode=0o750)
        except FileExistsError:  # it was there, and when mkdir looked what it is, it had been removed
            raise FileNotFoundError(errno.ENOENT, "removed while it was made", str(folder)) from None
        try:
            sync_folder(folder.parent)
        except OSError:
            with suppress(OSError):  # not empty: somebody else has found it on the disk
                folder.rmdir()
            raise
        if len(self._durable_folders) >= _DURABLE_FOLDERS_KEPT:
            self._durable_folders.clear()
        self._durable_folders.add(folder)

    def _sync_name(self, name: Path) -> None:
        """Make a name durable; where that fails it is in doubt."""
        try:
            sync_folder(name.parent)
        except FileNotFoundError:
            raise
        except OSError:
            self._doubts.add(name)
            raise

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Exclusive among all threads and processes that replace something here; the kernel frees it on death."""
        descriptor = os.open(self._root / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


@contextmanager
def _store_errors(key: str) -> Iterator[None]:
    """Turn what the operating system says about a key into what the protocol promises."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise NotFound(f"{key} is not in the store") from None
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StoreUnavailable(
                f"the disk is full: {key} was not written; free some space", code="disk_full"
            ) from error
        if error.errno == errno.EROFS:
            raise StoreUnavailable(
                f"the archive's disk is read-only: {key} was not written; see why (dmesg), then mount it writable again"
            ) from error
        if error.errno == errno.ENAMETOOLONG:  # the folder's own path and the key together
            raise BadRequest(f"{key[:60]}… is too long for a key") from error
        raise StoreUnavailable(
            f"the archive's disk cannot be used ({os.strerror(error.errno or 0)}) at {key}"
        ) from error


def _read_guard(path: Path) -> tuple[datetime | None, bool]:
    """Until when, and whether on hold. Raises StoreUnavailable for one that cannot be read: then nothing may go."""
    try:
        found = json.loads(path.read_bytes())
        return None if found["until"] is None else parse_moment(found["until"]), bool(found["hold"])
    except FileNotFoundError:
        return None, False
    except (OSError, ValueError, KeyError) as error:
        raise StoreUnavailable(f"{path} cannot be read: nothing is disposed of; set the retention again") from error
