"""JPEG files as bytes (ITU T.81): what the header says, and the strips of a TIFF joined into one without decoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_START, _END, _SCAN, _RESTART_INTERVAL = 0xD8, 0xD9, 0xDA, 0xDD
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, _START, _END, *range(0xD0, 0xD8)))
"""Markers without a length."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """`frame` is the SOF marker's second byte (0xC0 baseline, 0xC2 progressive); `mcu_px` the size of a coded unit."""

    frame: int
    bits: int
    width_px: int
    height_px: int
    channels: int
    mcu_px: tuple[int, int]


def read_header(data: bytes) -> JpegHeader:
    """The frame header of a JPEG file. Raises ValueError where there is none."""
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            segment = data[start:end]
            factors = [segment[7 + 3 * channel] for channel in range(segment[5])]
            mcu = (8 * max(f >> 4 for f in factors), 8 * max(f & 15 for f in factors)) if len(factors) > 1 else (8, 8)
            return JpegHeader(
                frame=marker,
                bits=segment[0],
                height_px=int.from_bytes(segment[1:3], "big"),
                width_px=int.from_bytes(segment[3:5], "big"),
                channels=segment[5],
                mcu_px=mcu,
            )
    raise ValueError("a JPEG without a frame header")


def join_strips(strips: Sequence[bytes], *, tables: bytes | None, height_px: int) -> bytes | None:
    """One JPEG file of the strips of a TIFF, bit for bit the same samples; None where they do not fit together.

    `tables` is the TIFF's JPEGTables. Every strip is a JPEG whose coding starts afresh, so the strips follow each other
    with restart markers between, each strip one restart interval long (T.81, B.2.1).
    """
    if not strips or height_px > 0xFFFF:
        return None
    bodies = [_split_scan(strip) for strip in strips]
    first = read_header(strips[0])
    if first.frame not in (0xC0, 0xC1):
        return None
    head = bytearray(b"\xff\xd8")
    if tables:
        head += tables[2:-2]
    interval = 0
    if len(strips) > 1:
        if first.height_px % first.mcu_px[1] or any(_RESTART_INTERVAL in markers for markers, _, _ in bodies):
            return None
        interval = -(-first.width_px // first.mcu_px[0]) * (first.height_px // first.mcu_px[1])
        if interval > 0xFFFF or len(set(map(_frame_but_height, strips))) > 1:
            return None
    head += _with_height(bodies[0][1], height_px)
    if interval:
        # The interval must be known before the scan starts.
        scan = head.rindex(b"\xff\xda")
        head[scan:scan] = b"\xff\xdd\x00\x04" + interval.to_bytes(2, "big")
    out = bytes(head)
    for number, (_, _, coded) in enumerate(bodies):
        out += coded
        if number < len(bodies) - 1:
            out += bytes((0xFF, 0xD0 + number % 8))
    return out + b"\xff\xd9"


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of every segment's payload, up to and with the start of the first scan."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("not a JPEG")
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ValueError("a JPEG segment does not start with a marker")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, at + 4, end
        if marker == _SCAN:
            return
        at = end


def _split_scan(strip: bytes) -> tuple[set[int], bytes, bytes]:
    """A strip's markers, its header segments with the scan header, and its coded bytes without the end marker."""
    markers = set()
    end = 2
    for marker, _, stop in _segments(strip):
        markers.add(marker)
        end = stop
    if _SCAN not in markers:
        raise ValueError("a JPEG strip without a scan")
    coded = strip[end:]
    last = coded.rfind(b"\xff\xd9")
    return markers, strip[2:end], coded[:last] if last >= 0 else coded


def _frame_but_height(strip: bytes) -> bytes:
    for marker, start, end in _segments(strip):
        if marker in _FRAMES:
            return strip[start : start + 1] + strip[start + 3 : end]
    return b""


def _with_height(header: bytes, height_px: int) -> bytes:
    """Header segments (without the start marker) whose frame header tells this height."""
    for marker, start, _ in _segments(b"\xff\xd8" + header):
        if marker in _FRAMES:
            at = start - 2 + 1
            return header[:at] + height_px.to_bytes(2, "big") + header[at + 2 :]
    return header
