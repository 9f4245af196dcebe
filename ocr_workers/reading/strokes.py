"""How many strokes a Roman numeral of I alone has (I, II, III), counted in its pixels: engines lose some of them."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.reading.levels import darkest, percentile
from ocr_workers.reading.sight import Sight
from sohoa.model import Box

_INK = 0.6  # of the paper's level
_BAND = (0.3, 0.7)  # of the height, where a stroke is nothing but upright
_UPRIGHT = 0.85  # of the band, dark from top to bottom
_THICKEST, _WIDEST_GAP = 0.4, 0.75  # heights: of a stroke, and between two of one numeral
_BENT = 0.09  # heights that a bracket's middle stands off its ends
_BESIDE = 0.3  # heights of a box, beside it: no other word stands so near
_MOST = 3
_LEAST_PX = 10

Flags = npt.NDArray[np.bool_]


def count_strokes(sight: Sight, page: int, box: Box) -> int | None:
    """The strokes in `box` (page frame), brackets not counted; None where it holds no such numeral, or no pixels are held."""
    beside = round(_BESIDE * (box[3] - box[1]))
    crop = sight.crop(page, (box[0] - beside, box[1], box[2] + beside, box[3]))
    if crop is None or crop.shape[0] < _LEAST_PX:
        return None
    grey = darkest(crop)
    ink = grey < _INK * percentile(grey, 95)
    own = slice(min(beside, box[0]), min(beside, box[0]) + box[2] - box[0])
    rows = np.flatnonzero(ink[:, own].any(axis=1))
    if len(rows) < _LEAST_PX or rows[-1] - rows[0] < _LEAST_PX:
        return None
    ink = ink[rows[0] : rows[-1] + 1]
    high = len(ink)
    band = ink[round(_BAND[0] * high) : round(_BAND[1] * high)]
    strokes = _runs(np.asarray(band.mean(axis=0) >= _UPRIGHT))
    if any(end <= own.start or start >= own.stop for start, end in strokes):
        return None  # the box has only a part of the numeral
    labels = np.asarray(cv2.connectedComponents(ink.astype(np.uint8), connectivity=8)[1], np.int32)
    strokes = [run for run in strokes if not _is_bracket(labels, run)]
    apart = [right[0] - left[1] for left, right in pairwise(strokes)]
    if not 1 <= len(strokes) <= _MOST or any(end - start > _THICKEST * high for start, end in strokes):
        return None
    if any(gap > _WIDEST_GAP * high for gap in apart) or (apart and max(apart) > 2 * min(apart) + 2):
        return None
    if any(band[:, one[1] : other[0]].any(axis=0).all() for one, other in pairwise(strokes)):
        return None  # the bar of an H
    left, right = strokes[0][0] - _THICKEST * high, strokes[-1][1] + _THICKEST * high
    others = [run for run in _runs(np.asarray(band.any(axis=0))) if left < run[0] and run[1] < right]
    return len(strokes) if len(others) <= len(strokes) + 1 else None


def _runs(columns: Flags) -> list[tuple[int, int]]:
    """From where to where (exclusive) columns are set."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], columns, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _is_bracket(labels: npt.NDArray[np.int32], run: tuple[int, int]) -> bool:
    """Whether the mark that this stroke is of is bent: its middle stands right or left of both its ends."""
    middle = labels[len(labels) // 2, run[0] : run[1]]
    mark = labels == middle[middle > 0][0] if (middle > 0).any() else np.zeros_like(labels, np.bool_)
    rows = np.flatnonzero(mark.any(axis=1))
    if len(rows) < _LEAST_PX:
        return False
    height = rows[-1] - rows[0] + 1
    part = max(height // 7, 1)
    ends = [_centre(mark[rows[0] : rows[0] + part]), _centre(mark[rows[-1] + 1 - part : rows[-1] + 1])]
    at = (rows[0] + rows[-1]) // 2
    off = [_centre(mark[at - part // 2 : at + part // 2 + 1]) - end for end in ends]
    return bool(min(off) > _BENT * height or max(off) < -_BENT * height)


def _centre(mark: Flags) -> float:
    return float(np.nonzero(mark)[1].mean())
