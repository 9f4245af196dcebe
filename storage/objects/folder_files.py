"""What a store in a folder does with single files and folders: read, write and compare them, list them, and see whether their
file system is fit for it."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from sohoa.errors import SetupError
from sohoa.model import Sha256

CHUNK_BYTES = 1024 * 1024


class Window(io.RawIOBase):
    """The next `size_bytes` bytes of an open file, as a stream of its own."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._left = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._file.read(min(len(view), self._left))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def chunks(source: BinaryIO | bytes) -> Iterator[bytes]:
    """The bytes of a source, at most CHUNK_BYTES at a time."""
    if isinstance(source, bytes):
        yield source
        return
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def write_all(descriptor: int, chunk: bytes) -> None:
    """Write all of `chunk`; one write may take less. Raises OSError."""
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files hold the same. Raises OSError."""
    if one.samefile(other):
        return True
    with one.open("rb") as left, other.open("rb") as right:
        return hashlib.file_digest(left, "sha256").digest() == hashlib.file_digest(right, "sha256").digest()


def has_digest(path: Path, sha256: Sha256) -> bool:
    """Whether a file holds those bytes; False too where the disk cannot read it."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def etag(found: os.stat_result) -> str:
    """Differs with every file that was ever put under a name."""
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"


def etag_or_none(path: Path) -> str | None:
    """The :func:`etag` of a file, None where there is none."""
    try:
        return etag(path.stat())
    except FileNotFoundError:
        return None


def keys_below(root: Path, folder: str, prefix: str) -> Iterator[str]:
    """Keys in and below `folder` ("" or ending in "/") that start with `prefix`, in the order of the whole keys."""
    try:
        with os.scandir(root / folder) as entries:
            names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for key in (folder + name for name in names):
        if not key.startswith(prefix) and not prefix.startswith(key):
            continue
        if key.endswith("/"):
            yield from keys_below(root, key, prefix)
        else:
            yield key


def remove_if_empty(folder: Path) -> bool:
    """Whether the folder is gone: it was empty, or not there. Raises OSError."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
            return False
        raise
    return True


def check_file_system(private: Path) -> None:
    """Raise SetupError unless a hard link fails where the name is taken and a rename takes a name over in one step."""
    one, other = (private / f"probe-{os.getpid()}-{secrets.token_hex(8)}" for _ in range(2))
    try:
        one.write_bytes(b"1")
        linked = _fails_with(None, lambda: os.link(one, other)) and other.exists() and other.samefile(one)
        refused = linked and _fails_with(errno.EEXIST, lambda: os.link(one, other))
        other.unlink(missing_ok=True)
        other.write_bytes(b"2")
        replaced = _fails_with(None, lambda: other.replace(one)) and one.read_bytes() == b"2" and not other.exists()
    finally:
        one.unlink(missing_ok=True)
        other.unlink(missing_ok=True)
    if not (linked and refused and replaced):
        raise SetupError(
            f"{private.parent} is on a file system without hard links or atomic renames, where a paper could be lost: "
            "put the archive on ext4, XFS, Btrfs or ZFS, or on S3",
            code="store_unfit",
        )


def _fails_with(number: int | None, call: Callable[[], object]) -> bool:
    """Whether a call ends with this errno (None: well). A full or broken disk is no answer and passes through."""
    try:
        call()
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}:
            raise
        return error.errno == number
    return number is None
