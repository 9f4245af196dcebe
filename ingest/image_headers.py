"""What the header of an image file says about its size, and whether the file was cut short, without decoding it.

Intake runs this on hostile bytes, so nothing here reads more than a bounded part of the file, or loops without bound.
TIFF is in tiff_directories.py, for it has pages.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ingest.sniff import Kind

_MAX_SEGMENTS = 20_000
"""JPEG segments looked at; a phone's photo with depth maps has some hundreds."""
_MAX_META_BYTES = 4 * 1024 * 1024
"""Bytes of a HEIC file's `meta` box looked at; a 200-megapixel grid needs some tens of kilobytes."""
_MAX_BOXES = 1000

_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # not stuffing, not TEM, not a restart, not a fill byte
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_PNG_END = b"IEND\xaeB\x60\x82"


def image_size(path: Path, kind: Kind) -> tuple[int, int] | None:
    """Width and height in pixels as stored (EXIF orientation not obeyed), or None where the header cannot be read.

    For every kind but TIFF and PDF.
    """
    try:
        with path.open("rb") as file:
            if kind is Kind.JPEG:
                width, height = _jpeg_size(file)
            elif kind is Kind.HEIC:
                width, height = _heic_size(file)
            elif kind is Kind.WEBP:
                width, height = _webp_size(file.read(30))
            elif kind is Kind.PNG:
                width, height = struct.unpack(">II", file.read(24)[16:])
            else:
                width, height = _bmp_size(file.read(26))
    except (struct.error, _NoHeaderError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def is_cut_short(path: Path, kind: Kind) -> bool:
    """Whether the file ends before its image does: no end marker, or less data than the header promises.

    For every kind but TIFF and PDF. Bytes that are wrong in the middle are found only by decoding.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if kind is Kind.JPEG:
            return not _jpeg_ends(file)
        if kind is Kind.PNG:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return data.rfind(_PNG_END) < 0
        if kind is Kind.WEBP:
            return size < 8 + int.from_bytes(file.read(8)[4:], "little")
        if kind is Kind.HEIC:
            return any(end > size for _, _, end in _boxes(file, size_bytes=size))
        try:
            return size < _bmp_end(file.read(54))
        except _NoHeaderError:
            return True


class _NoHeaderError(Exception):
    """The bytes end, or stop making sense, before the size is told."""


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    for marker, start in _jpeg_segments(file):
        if marker in _JPEG_FRAMES:
            file.seek(start + 5)
            height, width = struct.unpack(">HH", file.read(4))
            return width, height
        if marker == _SOS:
            break
    raise _NoHeaderError


def _jpeg_ends(file: BinaryIO) -> bool:
    return any(marker == _EOI for marker, _ in _jpeg_segments(file))


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Each marker with the offset of its 0xFF, up to the end of the (first) image (ITU-T T.81, Annex B)."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 2
        for _ in range(_MAX_SEGMENTS):
            found = _JPEG_MARKER.search(data, at)
            if found is None:
                return
            start, marker = found.start(), data[found.start() + 1]
            yield marker, start
            if marker == _EOI:
                return
            length = 0 if marker == _SOI else int.from_bytes(data[start + 2 : start + 4], "big")
            at = start + 2 + length


def _webp_size(head: bytes) -> tuple[int, int]:
    """RFC 9649, sections 2.5 to 2.7."""
    chunk = head[12:16]
    if chunk == b"VP8X" and len(head) == 30:
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if chunk == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 " and len(head) == 30:
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise _NoHeaderError


def _bmp_size(head: bytes) -> tuple[int, int]:
    if head[14:18] == b"\x0c\0\0\0":
        width, height = struct.unpack("<HH", head[18:22])
    else:
        width, height = struct.unpack("<ii", head[18:26])
    return abs(width), abs(height)  # a negative height: rows from the top


def _bmp_end(head: bytes) -> int:
    """Where the pixels end (a run-length coded bitmap is as long as it says, if it says)."""
    try:
        width, height = _bmp_size(head)
        pixels_at = int.from_bytes(head[10:14], "little")
        if head[14:18] == b"\x0c\0\0\0":
            (bits,), compression, length = struct.unpack("<H", head[24:26]), 0, 0
        else:
            bits, compression, length = struct.unpack("<HII", head[28:38])
    except struct.error:
        raise _NoHeaderError from None
    if compression in {1, 2}:
        return pixels_at + length
    return int(pixels_at + (width * bits + 31) // 32 * 4 * height)


def _heic_size(file: BinaryIO) -> tuple[int, int]:
    """The largest `ispe` property (ISO/IEC 23008-12, 6.5.3): a grid states its own size beside its tiles'."""
    size = os.fstat(file.fileno()).st_size
    for name, start, end in _boxes(file, size_bytes=size):
        if name == b"meta":
            file.seek(start)
            meta = file.read(min(end - start, _MAX_META_BYTES))
            spans = [
                struct.unpack(">II", meta[at + 8 : at + 16])
                for at in (found.start() for found in re.finditer(b"ispe", meta))
                if at + 16 <= len(meta)
            ]
            if spans:
                return max(spans, key=lambda span: span[0] * span[1])
    raise _NoHeaderError


def _boxes(file: BinaryIO, *, size_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each top-level box (ISO/IEC 14496-12, 4.2); the last may end beyond the file."""
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size_bytes - at
        if length < 8:
            return
        yield head[4:8], at, at + length
        at += length
