"""Copies of objects in a local folder, whole or in parts: a document's pages are read one by one, and its original should not
come over the network for each."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from sohoa.errors import StoreUnavailable
from storage.objects.ranges import length_of

KEEP_BYTES = 2 * 1024 * 1024 * 1024
"""The copies used longest ago go beyond this much; a file in use goes when it no longer is."""


_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_SECTOR_BYTES: Final = 512


class LocalCopies:
    """Copies, known by key and etag, that processes on one machine share. For any thread. None is used again once the machine
    was started anew: they are not fsynced, and a power cut may have left holes in them."""

    def __init__(self, folder: Path, *, keep_bytes: int = KEEP_BYTES) -> None:
        self._folder = folder
        self._keep_bytes = keep_bytes

    def find(self, key: str, etag: str) -> Path | None:
        """A link of the caller's own to the copy, where there is one."""
        mine = self._mine()
        try:
            os.link(self._kept(key, etag), mine)
        except FileNotFoundError:
            return None
        os.utime(mine)
        return mine

    def keep(self, key: str, etag: str, source: BinaryIO) -> Path:
        """Copy the object's bytes here; the answer is a link of the caller's own. Raises StoreUnavailable."""
        mine = self._mine()
        try:
            with mine.open("xb") as file:
                shutil.copyfileobj(source, file, 1024 * 1024)
            mine.chmod(0o440)
            with suppress(FileExistsError):
                os.link(mine, self._kept(key, etag))
        except OSError as error:
            mine.unlink(missing_ok=True)
            raise _no_copy(self._folder, error) from error
        except BaseException:
            mine.unlink(missing_ok=True)
            raise
        self._trim()
        return mine

    @contextmanager
    def in_parts(self, key: str, etag: str, *, size_bytes: int) -> Iterator[int]:
        """The descriptor of what has come of an object, for storage/objects/ranges.py. Raises StoreUnavailable."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._kept(key, etag).with_suffix(".parts")
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(descriptor, length_of(size_bytes))
                os.utime(descriptor)
            except OSError:
                os.close(descriptor)
                raise
        except OSError as error:
            raise _no_copy(self._folder, error) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)
            self._trim()

    def free_bytes(self) -> int:
        """What is free on the disk of the copies. Raises StoreUnavailable."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return shutil.disk_usage(self._folder).free
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} cannot be used ({os.strerror(error.errno or 0)})") from error

    def drop_leftovers(self, *, before: datetime) -> None:
        """Drop links that killed processes held, unless their copy was used since."""
        for path in self._folder.glob("*-*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()

    def _kept(self, key: str, etag: str) -> Path:
        return self._folder / f"{hashlib.sha256(f'{key} {etag} {_boot()}'.encode()).hexdigest()}.kept"

    def _mine(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / f"{os.getpid()}-{secrets.token_hex(8)}"

    def _trim(self) -> None:
        kept: list[tuple[float, int, Path]] = []
        for path in (*self._folder.glob("*.kept"), *self._folder.glob("*.parts")):
            with suppress(FileNotFoundError):
                found = path.stat()
                kept.append((found.st_mtime, min(found.st_size, found.st_blocks * _SECTOR_BYTES), path))
        total_bytes = sum(size_bytes for _, size_bytes, _ in kept)
        for _, size_bytes, path in sorted(kept):
            if total_bytes <= self._keep_bytes:
                return
            path.unlink(missing_ok=True)
            total_bytes -= size_bytes


@cache
def _boot() -> str:
    """Another one each time that the machine starts (proc_sys_kernel(5)); "" where that cannot be told."""
    return _BOOT.read_text().strip() if _BOOT.exists() else ""


def _no_copy(folder: Path, error: OSError) -> StoreUnavailable:
    detail = f"{folder} cannot take a copy ({os.strerror(error.errno or 0)}): free some space"
    return StoreUnavailable(detail, code="disk_full")


@contextmanager
def lent(copy: Path) -> Iterator[Path]:
    """The caller's own link, gone afterwards; the bytes stay as long as the copies keep them."""
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)
