"""Pages of a TIFF as a TIFF of their own, every strip and tile byte for byte as it was: nothing is decoded.

TIFF 6.0 section 2, and BigTIFF. A new file needs new offsets, so the directories are written anew; their entries stay as they
are but for those that say where something lies. Smaller pictures of a page (SubIFDs) and lists of free space are left out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

_COMPRESSION, _OLD_JPEG = 259, 6
_SEGMENTS = {273: 279, 324: 325}
"""Where strips or tiles lie, and how long each is."""
_NESTED = frozenset({34665, 34853, 40965})
"""Directories of EXIF, GPS and interoperability, which hold values only."""
_LEFT_OUT = frozenset({288, 289, 330})
_SHORT, _LONG, _LONG8 = 3, 4, 16
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MOST_ENTRIES = 4096
_CHUNK_BYTES = 1024 * 1024


class CannotCutError(Exception):
    """The file has a form, or damage, that does not let its pages be taken out as they are."""


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    value: bytes


def cut_tiff(original: Path, offsets: Sequence[int], target: Path) -> None:
    """Write the pages whose directories lie at `offsets` of `original` to `target`. Raises CannotCutError."""
    with original.open("rb") as file, target.open("wb") as out:
        cut = _Cut(file, out)
        link = cut.begin()
        for offset in offsets:
            link = cut.page(offset, link)


class _Cut:
    """An original and the file that is made of it, both in the original's byte order and widths."""

    def __init__(self, file: BinaryIO, out: BinaryIO) -> None:
        self._file, self._out = file, out
        self._size_bytes = os.fstat(file.fileno()).st_size
        head = self._read(0, 4)
        self._little = head[:2] == b"II"
        self._big = 43 in head[2:4]
        self._width = 8 if self._big else 4
        self._copied_bytes = 0

    def begin(self) -> int:
        """Write the header; where it says which directory is the first."""
        head = self._read(0, 16 if self._big else 8)
        self._out.write(head[: -self._width] + bytes(self._width))
        return len(head) - self._width

    def page(self, offset: int, link: int) -> int:
        """Write a page and name it at `link`; where it says which one is next."""
        entries = {entry.tag: entry for entry in self._entries(offset) if entry.tag not in _LEFT_OUT}
        if self._number(entries[_COMPRESSION].value[:2] if _COMPRESSION in entries else b"") == _OLD_JPEG:
            raise CannotCutError("its pages are old-style JPEG")
        found = [tag for tag in _SEGMENTS if tag in entries]
        if len(found) != 1 or _SEGMENTS[found[0]] not in entries:
            raise CannotCutError("it does not say where the strips of a page lie and how long they are")
        entries[found[0]] = self._with_segments(entries[found[0]], entries[_SEGMENTS[found[0]]])
        for tag in _NESTED & entries.keys():
            nested = self._write(self._entries(self._values(entries[tag])[0]), nests=False)[0]
            entries[tag] = replace(entries[tag], value=self._bytes(nested, _SIZES[entries[tag].kind]))
        start, end = self._write(list(entries.values()), nests=True)
        self._out.seek(link)
        self._out.write(self._bytes(start, self._width))
        self._out.seek(0, os.SEEK_END)
        return end

    def _with_segments(self, where: _Entry, lengths: _Entry) -> _Entry:
        starts, counts = self._values(where), self._values(lengths)
        if len(starts) != len(counts):
            raise CannotCutError("it does not say how long each strip of a page is")
        placed = []
        for start, count in zip(starts, counts, strict=True):
            self._copied_bytes += count
            if self._copied_bytes > self._size_bytes:
                raise CannotCutError("its pages would have more bytes than the file")
            placed.append(self._align())
            self._copy(start, count)
        kind = _LONG8 if self._big else _LONG
        return _Entry(where.tag, kind, len(placed), b"".join(self._bytes(each, _SIZES[kind]) for each in placed))

    def _write(self, entries: Sequence[_Entry], *, nests: bool) -> tuple[int, int]:
        """Write a directory after its values; where it lies, and where it says which one is next."""
        rows = []
        for entry in sorted(entries, key=lambda entry: entry.tag):
            if not nests and entry.tag in _NESTED:
                continue
            value = entry.value
            if len(value) > self._width:
                at = self._align()
                self._out.write(value)
                value = self._bytes(at, self._width)
            numbers = self._bytes(entry.tag, 2) + self._bytes(entry.kind, 2) + self._bytes(entry.count, self._width)
            rows.append(numbers + value.ljust(self._width, b"\0"))
        start = self._align()
        self._out.write(self._bytes(len(rows), 8 if self._big else 2) + b"".join(rows))
        end = self._out.tell()
        self._out.write(bytes(self._width))
        return start, end

    def _entries(self, offset: int) -> list[_Entry]:
        count_width, entry_width = (8, 20) if self._big else (2, 12)
        count = self._number(self._read(offset, count_width))
        if count > _MOST_ENTRIES:
            raise CannotCutError("a directory is damaged")
        rows = self._read(offset + count_width, count * entry_width)
        return [self._entry(rows[start : start + entry_width]) for start in range(0, len(rows), entry_width)]

    def _entry(self, row: bytes) -> _Entry:
        tag, kind, count = self._number(row[:2]), self._number(row[2:4]), self._number(row[4 : 4 + self._width])
        field = row[4 + self._width :]
        if kind not in _SIZES:
            raise CannotCutError("it has values of an unknown type")
        length = count * _SIZES[kind]
        value = field[:length] if length <= len(field) else self._read(self._number(field), length)
        return _Entry(tag, kind, count, value)

    def _values(self, entry: _Entry) -> list[int]:
        size = _SIZES[entry.kind]
        if entry.kind not in (_SHORT, _LONG, 13, _LONG8, 18) or not entry.value:
            raise CannotCutError("a directory is damaged")
        return [self._number(entry.value[at : at + size]) for at in range(0, len(entry.value), size)]

    def _copy(self, start: int, length: int) -> None:
        while length > 0:
            chunk = self._read(start, min(length, _CHUNK_BYTES))
            self._out.write(chunk)
            start, length = start + len(chunk), length - len(chunk)

    def _align(self) -> int:
        """The next even offset of the new file."""
        if self._out.tell() % 2:
            self._out.write(b"\0")
        return self._out.tell()

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > self._size_bytes:
            raise CannotCutError("it names bytes that it does not have")
        self._file.seek(offset)
        return self._file.read(length)

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self._little else "big")

    def _bytes(self, number: int, width: int) -> bytes:
        try:
            return number.to_bytes(width, "little" if self._little else "big")
        except OverflowError:
            raise CannotCutError("it is too large for its form") from None
