"""Where a row of print stands, found without reading it: by its letters' stems, which end on one line side by side.

Pen and seal have few upright strokes of a letter's height, and these end anywhere: a name is found beneath them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.engine import Grey
from ocr_workers.reading.signature_strokes import without_lines
from sohoa.model import Box

_INK = 140
_STEM_MM = (1.2, 5.0)  # upright parts of small and large letters of 11 to 16 points
_THIN_MM, _THICK_MM = 0.2, 2.2
_LEAST_STEMS = 5
_LEVEL_MM = 0.5  # how far stems of one row end apart
_APART_MM = 6.0  # between stems of one row: V, A and a space have none
_SLOPES: Final = tuple(math.tan(math.radians(degrees)) for degrees in (0.0, -1.5, 1.5, -3.0, 3.0))
_ABOVE_MM, _BELOW_MM, _BESIDE_MM = 6.0, 4.0, 16.0  # of a row, where more of it may stand beneath strokes
_LETTER_MM = (1.2, 6.0)
_WIDE_MM = 12.0  # letters that touch
_OFF_LINE_MM = (0.8, 2.0)  # above the base line, where a letter may end, and below it, with its tail
_STEEPEST = 0.09
_GAP_MM = 3.0  # between two words
_WIDEST_MM = 62.0  # of a person's name; a text's lines are longer
_RIVALS = 6  # lines tried for each slope
_TRIES = 4  # rows looked at before it is said that there is none

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PrintRow:
    """A row of print: its box from the top of its tallest letters to its base line, how far it falls to the right for each
    pixel, and how many stems it has."""

    box: Box
    slope: float
    stems: int


def row_of_print(picture: Grey, mm: float, *, doubtful_to: int = 0) -> PrintRow | None:
    """The row of most stems in `picture` (ink on white, `mm` pixels a millimetre), no wider than a name. Above
    `doubtful_to` stems count half."""
    stems, width = _stems(picture, mm), picture.shape[1]
    for _ in range(_TRIES):
        best = _best_row(stems, mm, width, doubtful_to)
        if best is None:
            return None
        row = _whole_row(picture, best, mm)
        left, top, right, bottom = row.box
        if left >= mm and right <= width - mm and right - left <= _WIDEST_MM * mm:
            return row
        stems = stems[(stems[:, 1] > bottom) | (stems[:, 1] + stems[:, 3] < top)]  # a part of a line of the text
    return None


def _whole_row(picture: Grey, stems: Ints, mm: float) -> PrintRow:
    """The row that these stems stand in, from its first letter to its last."""
    line = np.polyfit(stems[:, 0] + stems[:, 2] / 2, stems[:, 1] + stems[:, 3], 1)
    if abs(line[0]) > _STEEPEST:
        line = np.array([0.0, float(np.median(stems[:, 1] + stems[:, 3]))])
    left, top, right, bottom = _around(stems)
    x, y = max(round(left - _BESIDE_MM * mm), 0), max(round(top - _ABOVE_MM * mm), 0)
    band = picture[y : round(bottom + _BELOW_MM * mm), x : round(right + _BESIDE_MM * mm)]
    free = without_lines(np.ascontiguousarray(band), mm)
    return PrintRow(_with_neighbours(free, (left, top, right, bottom), line, (x, y), mm), float(line[0]), len(stems))


def _stems(picture: Grey, mm: float) -> Ints:
    """Boxes of upright strokes of a letter's height: (n, 4) of left, top, width, height."""
    kernel = np.ones((max(round(_STEM_MM[0] * mm), 2), max(round(_THIN_MM * mm), 1)), np.uint8)
    upright = cv2.morphologyEx(np.asarray(picture < _INK, np.uint8), cv2.MORPH_OPEN, kernel)
    found = cv2.connectedComponentsWithStats(upright, connectivity=8)[2][1:, :4]
    return np.asarray(found[(found[:, 3] <= _STEM_MM[1] * mm) & (found[:, 2] <= _THICK_MM * mm)], np.int32)


def _best_row(stems: Ints, mm: float, width: int, doubtful_to: int) -> Ints | None:
    """Of the stems those of the likeliest row, from left to right."""
    middle, ends = stems[:, 0] + stems[:, 2] / 2, stems[:, 1] + stems[:, 3]
    most, best = 0.0, None
    for slope in _SLOPES:
        level = ends - slope * middle
        near = np.abs(level[:, None] - level[None, :]) < _LEVEL_MM * mm
        for one in np.argsort(-near.sum(axis=1))[:_RIVALS]:
            row = np.flatnonzero(near[one])
            row = row[np.argsort(middle[row])]
            for part in np.split(row, np.flatnonzero(np.diff(middle[row]) > _APART_MM * mm) + 1):
                if len(part) < _LEAST_STEMS:
                    continue
                left, _, right, bottom = _around(stems[part])
                cut_off = left < mm or right > width - mm  # a line of the text beside or above
                weight = len(part) * (0.5 if bottom < doubtful_to else 1.0) - 0.5 * (slope != 0)
                if weight > most and not cut_off and right - left <= _WIDEST_MM * mm:
                    most, best = weight, stems[part]
    return best


def _around(boxes: Ints) -> Box:
    return (
        int(boxes[:, 0].min()),
        int(boxes[:, 1].min()),
        int((boxes[:, 0] + boxes[:, 2]).max()),
        int((boxes[:, 1] + boxes[:, 3]).max()),
    )


def _with_neighbours(free: Grey, row: Box, line: npt.NDArray[np.float64], corner: tuple[int, int], mm: float) -> Box:
    """The row as wide as marks of a letter's size go on along its base line; `free` is a band that lies at `corner`."""
    left, top, right, bottom = row
    marks = cv2.connectedComponentsWithStats(np.asarray(free < _INK, np.uint8), connectivity=8)[2][1:, :4]
    marks = marks + np.array([corner[0], corner[1], 0, 0], np.int32)
    high = marks[:, 3] / mm
    below = (marks[:, 1] + marks[:, 3] - np.polyval(line, marks[:, 0] + marks[:, 2] / 2)) / mm
    sized = (high > _LETTER_MM[0]) & (high < _LETTER_MM[1]) & (marks[:, 2] < _WIDE_MM * mm)
    letters = marks[sized & (below > -_OFF_LINE_MM[0]) & (below < _OFF_LINE_MM[1])]
    for x, y, wide, tall in sorted(letters.tolist(), reverse=True):
        if x < left and left - (x + wide) < _GAP_MM * mm:
            left, top, bottom = x, min(top, y), max(bottom, y + tall)
    for x, y, wide, tall in sorted(letters.tolist()):
        if x + wide > right and x - right < _GAP_MM * mm:
            right, top, bottom = x + wide, min(top, y), max(bottom, y + tall)
    return left, top, right, bottom
