"""A large object of which only what is asked for comes over the network, in blocks that processes on one machine share.

The blocks lie in a sparse file, as long as the object, and behind them a byte for each says that it has come. Block before byte:
whoever sees the byte reads what was written. A power cut may keep one without the other, so what was there before it is not
used again (local_copies.py).
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from typing import Final

from sohoa.errors import StoreUnavailable

BLOCK_BYTES: Final = 64 * 1024
"""A page of a PDF is described in some hundred bytes beside its picture, so more would be fetched for nothing."""
MOST_AHEAD: Final = 64
"""Blocks in one request, where they are read one after the other."""
_COME: Final = b"\1"

Fetch = Callable[[int, int], bytes]
"""The object's bytes from one up to, without, another. Raises StoreUnavailable, NotFound."""


class Ranges(io.RawIOBase):
    """The object as a stream in which one may go back and forth.

    Libraries take a read that fails for a damaged file, or lose what was raised. So no read raises: what went wrong stays in
    `trouble`, from then on nothing more is read, and whoever lent the stream raises it.
    """

    def __init__(self, descriptor: int, size_bytes: int, fetch: Fetch) -> None:
        """`descriptor` is of a file as :func:`length_of` says, zeros where nothing has come; it stays the caller's."""
        self.trouble: BaseException | None = None
        self._file = descriptor
        self._size_bytes = size_bytes
        self._fetch = fetch
        self._at = 0
        self._expected, self._ahead = 0, 1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        size = min(len(view), self._size_bytes - self._at)
        if size <= 0 or self.trouble is not None:
            return 0
        try:
            self._bring(self._at // BLOCK_BYTES, (self._at + size - 1) // BLOCK_BYTES)
            read = os.preadv(self._file, [view[:size]], self._at)
        except OSError as error:
            self.trouble = StoreUnavailable(
                f"a local copy cannot be written or read ({os.strerror(error.errno or 0)}): free some space",
                code="disk_full",
            )
            return 0
        except BaseException as error:  # noqa: BLE001 a worker's time limit, too, must get past the library
            self.trouble = error
            return 0
        self._at += read
        return read

    def _bring(self, first: int, last: int) -> None:
        """Have these blocks, and some more where one goes on reading where the last request ended."""
        known = os.pread(self._file, min(last + MOST_AHEAD, self._count()) - first, self._size_bytes + first)
        number = first
        while number <= last:
            if known[number - first]:
                number += 1
                continue
            self._ahead = min(self._ahead * 2, MOST_AHEAD) if number == self._expected else 1
            end = number + 1
            while end - number < MOST_AHEAD and end <= max(last, number + self._ahead - 1):
                if end - first >= len(known) or known[end - first]:
                    break
                end += 1
            start, stop = number * BLOCK_BYTES, min(end * BLOCK_BYTES, self._size_bytes)
            data = self._fetch(start, stop)
            if len(data) != stop - start:
                raise StoreUnavailable(f"the store gave {len(data):,} bytes of {stop - start:,} that were asked for")
            _write(self._file, data, start)
            _write(self._file, _COME * (end - number), self._size_bytes + number)
            number = self._expected = end

    def _count(self) -> int:
        return length_of(self._size_bytes) - self._size_bytes


def _write(descriptor: int, data: bytes, at: int) -> None:
    """All of it. Raises OSError, also where the disk took only a part: that alone is no error to the system."""
    if os.pwrite(descriptor, data, at) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def length_of(size_bytes: int) -> int:
    """How long the sparse file of an object is."""
    return size_bytes + -(-size_bytes // BLOCK_BYTES)
