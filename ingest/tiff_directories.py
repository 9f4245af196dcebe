"""The page directories of a TIFF, walked without decoding anything and without trusting a single offset.

TIFF 6.0 section 2, and BigTIFF for offsets of eight bytes. A chain that loops, leaves the file or never ends is hostile
or damaged input that a decoder's own walk may follow for long; this walk visits each offset once, stops at a limit, and
reads no more tag data than the file has bytes, so pages that all name the same data cannot multiply it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_WIDTH, _LENGTH, _STRIPS, _ORIENTATION, _STRIP_COUNTS = 256, 257, 273, 274, 279
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_TILES, _TILE_COUNTS, _OLD_JPEG = 324, 325, 513
_WANTED = frozenset({_WIDTH, _LENGTH, _STRIPS, _ORIENTATION, _STRIP_COUNTS, _X_RESOLUTION, _Y_RESOLUTION, _UNIT})
_WANTED |= {_TILES, _TILE_COUNTS, _OLD_JPEG}

_TYPES = {1: "u1", 3: "u2", 4: "u4", 5: "u4", 13: "u4", 16: "u8", 18: "u8"}
_RATIONAL = 5

_Values = npt.NDArray[np.float64]  # exact for every offset below 2**53


@dataclass(frozen=True, slots=True)
class Directory:
    """One page of a TIFF as its directory tells it, before the orientation is obeyed.

    `offset` is where the directory starts in the file. `dpi` is (across, down), or None without an absolute unit.
    `orientation` is 1 to 8 as in EXIF. `data_end` is the first byte after the page's last strip or tile.
    """

    offset: int
    width_px: int
    height_px: int
    orientation: int
    dpi: tuple[float, float] | None
    data_end: int


@dataclass(frozen=True, slots=True)
class Directories:
    """The pages found, in order. `cut_short`: the chain loops or leaves the file. `more`: the limit ended the walk."""

    pages: tuple[Directory, ...]
    size_bytes: int
    cut_short: bool = False
    more: bool = False

    @property
    def whole(self) -> bool:
        """Whether every page, and all data of every page, lies within the file."""
        return not self.cut_short and all(page.data_end <= self.size_bytes for page in self.pages)


def read_directories(path: Path, *, limit: int) -> Directories:
    """The directories of the TIFF at `path`, at most `limit` of them. Raises OSError, never for what the bytes say."""
    with path.open("rb") as file:
        walk = _Walk(file)
        pages: list[Directory] = []
        visited: set[int] = set()
        try:
            offset = walk.first_directory()
            while offset:
                if offset in visited:
                    raise _DamagedError
                if len(pages) >= limit:
                    return Directories(tuple(pages), walk.size_bytes, more=True)
                visited.add(offset)
                page, offset = walk.directory(offset)
                pages.append(page)
        except _DamagedError:
            return Directories(tuple(pages), walk.size_bytes, cut_short=True)
    return Directories(tuple(pages), walk.size_bytes, cut_short=not pages)


def header_pointing_at(header: bytes, offset: int) -> bytes:
    """The file's first 8 (BigTIFF: 16) bytes, changed to name the directory at `offset` as the first one."""
    order = "little" if header[:2] == b"II" else "big"
    kept, width = (8, 8) if 43 in header[2:4] else (4, 4)
    return header[:kept] + offset.to_bytes(width, "little" if order == "little" else "big")


class _DamagedError(Exception):
    """The walk cannot go on."""


class _Walk:
    """An open TIFF: its byte order, the widths that BigTIFF doubles, and how much tag data may still be read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = os.fstat(file.fileno()).st_size
        self._tag_bytes_left = self.size_bytes
        head = file.read(4)
        self._order = "<" if head[:2] == b"II" else ">"
        self._big = 43 in head[2:4]
        self._offset_width = 8 if self._big else 4

    def first_directory(self) -> int:
        return self._number(self._read(8 if self._big else 4, self._offset_width))

    def directory(self, offset: int) -> tuple[Directory, int]:
        """The directory at `offset`, and the offset of the next one (0 after the last)."""
        count_width, entry_width = (8, 20) if self._big else (2, 12)
        count = self._number(self._read(offset, count_width))
        if count > 65535:
            raise _DamagedError
        entries = self._read(offset + count_width, count * entry_width)
        tags: dict[int, _Values] = {}
        for start in range(0, len(entries), entry_width):
            entry = entries[start : start + entry_width]
            tag = self._number(entry[:2])
            if tag in _WANTED:
                tags[tag] = self._values(entry)
        after = offset + count_width + len(entries)
        if after == self.size_bytes:
            return _directory(offset, tags), 0  # some writers leave out the closing zero
        return _directory(offset, tags), self._number(self._read(after, self._offset_width))

    def _values(self, entry: bytes) -> _Values:
        """The values of one entry (quotients for rationals), none for types that no wanted tag may have."""
        kind = self._number(entry[2:4])
        count = self._number(entry[4 : 4 + self._offset_width])
        field = entry[4 + self._offset_width :]
        if kind not in _TYPES:
            return np.empty(0)
        numbers = np.dtype(self._order + _TYPES[kind])
        length = count * numbers.itemsize * (2 if kind == _RATIONAL else 1)
        data = field[:length] if length <= len(field) else self._tag_data(self._number(field), length)
        values = np.frombuffer(data, numbers).astype(np.float64)
        if kind != _RATIONAL:
            return values
        return np.divide(values[::2], values[1::2], out=np.zeros(count), where=values[1::2] > 0)

    def _tag_data(self, offset: int, length: int) -> bytes:
        self._tag_bytes_left -= length
        if self._tag_bytes_left < 0:
            raise _DamagedError
        return self._read(offset, length)

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > self.size_bytes:
            raise _DamagedError
        self._file.seek(offset)
        return self._file.read(length)

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self._order == "<" else "big")


def _directory(offset: int, tags: dict[int, _Values]) -> Directory:
    width, height = _first(tags, _WIDTH), _first(tags, _LENGTH)
    starts = next((tags[tag] for tag in (_STRIPS, _TILES, _OLD_JPEG) if tag in tags), np.empty(0))
    lengths = next((tags[tag] for tag in (_STRIP_COUNTS, _TILE_COUNTS) if tag in tags), np.empty(0))
    if width < 1 or height < 1 or not starts.size:
        raise _DamagedError
    ends = starts + lengths if lengths.size == starts.size else starts + 1
    orientation = int(_first(tags, _ORIENTATION, default=1))
    return Directory(
        offset=offset,
        width_px=int(width),
        height_px=int(height),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        dpi=_dpi(tags),
        data_end=int(ends.max()),
    )


def _dpi(tags: dict[int, _Values]) -> tuple[float, float] | None:
    inches = {2: 1.0, 3: 2.54}.get(int(_first(tags, _UNIT, default=2)))
    across, down = _first(tags, _X_RESOLUTION), _first(tags, _Y_RESOLUTION)
    if inches is None or across <= 0 or down <= 0:
        return None
    return across * inches, down * inches


def _first(tags: dict[int, _Values], tag: int, *, default: float = 0.0) -> float:
    values = tags.get(tag)
    return float(values[0]) if values is not None and values.size else default
