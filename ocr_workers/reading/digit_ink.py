"""Digits by hand told from the print around them: lifted onto its line where they hang below, set apart where they touch it.

The model sees no more than a line's height. And a pen's 1 that leans on the printed slash is read as one stroke with it; on a
colour scan the two have colours of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.reading.levels import darkest, percentile

Pixels = npt.NDArray[np.uint8]

_COLOURED, _PALE = 30, 16  # how far the channels of coloured ink part, and those of its paler pixels
_COLOURED_SHARE = 0.15  # of paler pixels side by side that are coloured: fewer are the noise of black print
_INK = 0.78  # of the paper's level
_TALL = 0.2  # of the crop's height: what is as high is a letter, a digit or a stroke
_LEAST_INK = 30  # pixels of a crop that may be a digit
_REACH = 0.12  # of the crop's height, at either end of the room, where print of the labels may stand
_LOWEST, _HANGS, _SITS, _TALLEST = 0.8, 0.45, 0.1, 1.3
"""Print sizes below the base line: where the middle of a digit stands at most, where one ends that the model would see a part of,
where one ends that is lifted; and how tall it then is at most."""
_HIGHEST = 2.3  # print sizes: no digit is taller
_WIDEST = 2.2  # of its height: four digits that hang together
_NEXT = 0.4  # of its height: how far the next digit stands at most
_MOST_PRINT = 0.3  # of the digits' ink, what is printed over and under them: more is a digit half in colour
_APART = 5  # columns of a crop between digits and print


@dataclass(frozen=True, slots=True)
class Layers:
    """A cut of a page in two: what is printed in black, and what is written or stamped in the colour most of the other ink has;
    grey, alike in size."""

    printed: Pixels
    inked: Pixels


def layers_of(cut: Pixels) -> Layers | None:
    """The two layers of an RGB cut; None of a grey one, and where hardly any ink is coloured."""
    if cut.ndim == 2:
        return None
    grey = darkest(cut)
    paper = percentile(grey, 80)
    red, green, blue = (_on_white(channel) for channel in cv2.split(cut))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    coloured = _with_paler((spread > _COLOURED) & (grey < _INK * paper), (spread > _PALE) & (grey < _INK * paper))
    of_pen = coloured & (blue >= red)
    ink = of_pen if 2 * int(of_pen.sum()) >= int(coloured.sum()) else coloured & ~of_pen
    if int(ink.sum()) < _LEAST_INK:
        return None
    near = np.ones((5, 5), np.uint8)
    is_ink, is_coloured = (cv2.dilate(mask.astype(np.uint8), near) > 0 for mask in (ink, coloured))
    black = (grey < _INK * paper) & (spread <= _PALE) & ~cv2.erode(is_ink.astype(np.uint8), near).astype(np.bool_)
    level = np.uint8(round(paper))
    printed = np.where(is_coloured & ~black, level, grey)
    return Layers(printed.astype(np.uint8), np.where(is_ink & ~black, grey, level).astype(np.uint8))


def lifted(line: Pixels, room: tuple[float, float], *, base: float, em: float) -> Pixels:
    """A level crop of a line, `base` the row of its print's base line and `em` the print's size in pixels: what hangs from the
    line into `room` (columns) is set upon it, made smaller where it is too tall; the rest as it is."""
    paper = percentile(line, 80)
    labels, stats = cv2.connectedComponentsWithStats((line < _INK * paper).astype(np.uint8), connectivity=8)[1:3]
    own = []
    for number, (x, y, wide, tall, _) in enumerate(stats[1:].tolist(), 1):
        is_digit = 2 * _TALL * em <= tall <= _HIGHEST * em and wide <= _WIDEST * 2 * em
        if is_digit and room[0] < x + wide / 2 < room[1] and -1.1 * em < y + tall / 2 - base < _LOWEST * em:
            own.append((number, x, y, x + wide, y + tall))
    if not own or max(bottom for *_, bottom in own) <= base + _HANGS * em:
        return line
    left, top = (min(one[at] for one in own) for at in (1, 2))
    right, bottom = (max(one[at] for one in own) for at in (3, 4))
    mask = cv2.dilate(np.isin(labels, [one[0] for one in own]).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    level = np.uint8(round(paper))
    digits = np.where(mask, line, level)[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
    out = np.where(mask, level, line)
    smaller = min(1.0, _TALLEST * em / (bottom - top))
    digits = np.asarray(cv2.resize(digits, None, fx=smaller, fy=smaller, interpolation=cv2.INTER_AREA), np.uint8)
    high, wide = digits.shape
    y = max(round(base + _SITS * em) - high, 0)
    x = max(round((left + right - wide) / 2), 0)
    place = out[y : y + high, x : x + wide]
    place[:] = np.minimum(place, digits[: place.shape[0], : place.shape[1]])
    return out


def runs_across(line: Pixels, room: tuple[float, float], row: int) -> bool:
    """Whether ink in the room goes on from above `row` to below it, as the lower half of a digit that touches other ink."""
    left, right = (max(round(edge), 0) for edge in room)
    ink = line[row - 2 : row + 2, left:right] < _INK * percentile(line, 80)
    return bool(ink.all(axis=0).any())


def _with_paler(coloured: npt.NDArray[np.bool_], paler: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Those of the `paler` pixels that hang together with enough `coloured` ones."""
    labels = cv2.connectedComponents(paler.astype(np.uint8), connectivity=8)[1]
    sizes = np.bincount(labels.ravel())
    shares = np.bincount(labels[coloured], minlength=len(sizes)) / sizes
    shares[0] = 0.0
    return np.asarray(shares[labels] >= _COLOURED_SHARE)


def _marks(ink: npt.NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """The left, right and height of each mark."""
    stats = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)[2][1:]
    return [(x, x + wide, tall) for x, _, wide, tall, _ in stats.tolist()]


def _on_white(channel: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """A channel as it were on white paper, its noise smoothed."""
    smooth = cv2.GaussianBlur(channel, (0, 0), 1.0).astype(np.float32)
    white = 255 / max(percentile(np.asarray(channel, np.uint8), 80), 1.0)
    return np.asarray(np.clip(smooth * white, 0, 255), np.int16)


@dataclass(frozen=True, slots=True)
class Apart:
    """A level crop of a line with its coloured digits set apart from the print at both ends; from where to where in it the room
    for them is, and they themselves, in columns."""

    crop: Pixels
    room: tuple[float, float]
    ink: tuple[float, float]


def set_apart(layers: Layers, room: tuple[float, float]) -> Apart | None:
    """`room` is in columns of the layers, which are level. None where the room holds no coloured ink, or print as well."""
    high, width = layers.inked.shape
    paper = percentile(layers.printed, 80)
    left, right = room
    marks = _marks(layers.inked < _INK * paper)
    if any(stop - start > _WIDEST * high for start, stop, _ in marks):  # a line, a stamp's frame
        return None
    digits = [mark for mark in marks if mark[2] >= _TALL * high]
    own = [mark for mark in digits if left - 0.25 * high < (mark[0] + mark[1]) / 2 < right]
    if not own:
        return None
    begin, end = min(mark[0] for mark in own), max(mark[1] for mark in own)
    for start, stop, _ in sorted(digits):
        end = max(end, stop) if start < end + _NEXT * high else end
    for start, stop, _ in sorted(digits, reverse=True):
        begin = min(begin, start) if stop > begin - _NEXT * high else begin
    print_ink, digit_ink = (layer[:, begin:end] < _INK * paper for layer in (layers.printed, layers.inked))
    if int(print_ink.sum()) > _MOST_PRINT * int(digit_ink.sum()):
        return None
    letters = [
        (start, stop, (start + stop) / 2)
        for start, stop, tall in _marks(layers.printed < _INK * paper)
        if tall >= _TALL * high
    ]
    if any(
        left + _REACH * high < middle < begin or (end < middle and start < right - _REACH * high)
        for start, _, middle in letters
    ):
        return None  # a digit that is printed, or one too pale
    half = (begin + end) / 2
    if not any(middle < half for _, _, middle in letters):
        return None  # the label is no black print either: all of the paper is in that colour
    before = max((stop for _, stop, middle in letters if middle < half), default=0)
    after = min((start for start, _, middle in letters if middle >= half), default=width)
    shift = max(before + _APART - begin, 0)
    more = max(end + shift + _APART - after, 0)
    cut = min(max(after - 1, 0), width)
    out = np.full((high, width + more), round(paper), np.uint8)
    out[:, :cut] = layers.printed[:, :cut]
    out[:, cut + more :] = layers.printed[:, cut:]
    place = out[:, begin + shift : end + shift]
    place[:] = np.minimum(place, layers.inked[:, begin:end])
    return Apart(out, (min(left, begin + shift), max(right, after) + more), (begin + shift, end + shift))
