"""Takes a pen's long strokes out of a row of print; letters that they cross stay, as a staff's lines are taken from notes."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.engine import Grey

_INK = 150  # of a picture on white paper, below: ink and its grey edge
_LONG_MM = 6.0  # no letter's level part is so long
_THICK_MM = 1.3  # no pen is so thick
_CROSSED = 1.6  # thicknesses of the stroke: a column of ink that is higher is a letter's
_SPECK_MM2 = 0.15  # the dot under a letter of 11 points is larger
_STEEPEST, _STEP = 0.42, 0.07
_SLOPES: Final = tuple(float(slope) for slope in np.arange(-_STEEPEST, _STEEPEST + _STEP / 2, _STEP))


def without_lines(picture: Grey, mm: float, *, steep: bool = False) -> Grey:
    """`picture`: a band of print on white, `mm` pixels a millimetre. The same picture where no stroke runs along it.
    `steep`: without the strokes that run down through it as well."""
    ink = np.asarray(picture < _INK, np.uint8)
    gone = _strokes(ink, mm)
    if steep:
        gone |= _strokes(np.ascontiguousarray(ink.T), mm).T
    if not gone.any():
        return picture
    wiped = picture.copy()
    wiped[cv2.dilate(gone, np.ones((3, 3 if steep else 1), np.uint8)) > 0] = 255
    return wiped


def _strokes(ink: npt.NDArray[np.uint8], mm: float) -> npt.NDArray[np.uint8]:
    """The ink of long strokes that run along, but for what a letter shares with them."""
    lines = _lines(ink, max(round(_LONG_MM * mm), 3))
    high = _runs(ink)
    on_lines = high[(lines > 0) & (high < _THICK_MM * mm)]
    if not on_lines.size:
        return np.zeros_like(ink)
    beside = cv2.dilate(lines, np.ones((3, 3), np.uint8))
    return np.asarray((beside > 0) & (ink > 0) & (high <= _CROSSED * float(np.median(on_lines))), np.uint8)


def without_specks(picture: Grey, mm: float) -> Grey:
    """Without what is smaller than a letter's dot: dirt, print that shines through, what is left of a stroke."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(picture < _INK, np.uint8), connectivity=8)
    small = np.asarray(stats[:, 4] < _SPECK_MM2 * mm * mm, np.uint8)
    wiped = picture.copy()
    wiped[cv2.dilate(small[labels], np.ones((3, 3), np.uint8)) > 0] = 255
    return wiped


def _lines(ink: npt.NDArray[np.uint8], length: int) -> npt.NDArray[np.uint8]:
    """What lies on straight runs of ink of that length, level or not too steep."""
    height, width = ink.shape
    found, run = np.zeros_like(ink), np.ones((1, length), np.uint8)
    for slope in _SLOPES:
        room = round(abs(slope) * width / 2) + 1
        tall = (width, height + 2 * room)
        kept = cv2.erode(cv2.warpAffine(ink, _sheared(-slope, width, room), tall, flags=cv2.INTER_NEAREST), run)
        if kept.any():
            back = _sheared(slope, width, -room)
            lines = cv2.warpAffine(cv2.dilate(kept, run), back, (width, height), flags=cv2.INTER_NEAREST)
            found |= np.asarray(lines, np.uint8)
    return found


def _sheared(slope: float, width: int, down: int = 0) -> npt.NDArray[np.float32]:
    """Columns moved down by `slope` times how far right of the middle they stand, and all by `down`."""
    return np.array([[1, 0, 0], [slope, 1, down - slope * width / 2]], np.float32)


def levelled(picture: Grey, slope: float) -> Grey:
    """A row of print that falls by `slope` to the right, level: columns move, the middle one stays."""
    if slope == 0:
        return picture
    height, width = picture.shape
    moved = cv2.warpAffine(
        picture, _sheared(-slope, width), (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=255
    )
    return np.asarray(moved, np.uint8)


def _runs(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """How high the unbroken column of ink is that each pixel of ink stands in; 0 on paper."""
    height = ink.shape[0]
    rows = np.arange(height, dtype=np.int32)[:, None]
    above = np.maximum.accumulate(np.where(ink, np.int32(-1), rows), axis=0)
    below = np.minimum.accumulate(np.where(ink, np.int32(height), rows)[::-1], axis=0)[::-1]
    return np.asarray(np.maximum(below - above - 1, 0), np.int32)
