"""Print that the first reading left without words: where on the page it stands, and which words read there may join."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.boxes import box_area, line_of
from ocr_workers.quality import Look
from sohoa.model import Box, Line, Word

Marks = npt.NDArray[np.int32]
"""Rows of `Look.marks`: left, top, right, bottom, mean contrast."""
Run = tuple[int, int, int, int, float]
"""The box of letters side by side, and how wide their ink is together."""
Flags = npt.NDArray[np.bool_]

Margins = tuple[float, float]
"""What is read beside and above a line, in heights of its letters."""
WIDE: Final[Margins] = (3.0, 0.8)  # shows the engine whole words and lines
TIGHT: Final[Margins] = (0.5, 0.3)  # keeps signatures and seals round a name out of its sight

_COVERED = 0.3  # share of a mark inside words, from which it counts as read
_LETTER_MM = 2.5  # a letter's height where no word tells
_LOW, _TALL = 0.5, 2.4  # of that height: marks that may be letters
_WIDEST_MM = 40.0
_PALE = 0.45  # of the contrast of read marks: paler ones shine through from the back
_LEAST_RUN = 2.0  # letter heights of ink side by side that make a word
_MOST_REGIONS = 6
_TANGLE_MM = 60.0  # higher than any signature with its seal
_INK_CONTRAST = 28
_DARKEST = 0.6
_BELIEVED = 0.2
_SURE, _SURE_LINE = 0.4, 0.65
_LEAST_LETTERS = 2
_OVERLAP = 0.25
_MANY = 12
_MISSED_SHARE, _MISSED_RUN = 0.04, 25.0


def find_missed(look: Look, words: Iterable[Word], margins: Margins = WIDE) -> tuple[Box, ...]:
    """Regions, in pixels of `look.sight`, of letter-like ink in lines that no word covers; at most six, the largest.

    `words` are in page pixels; those that the engine itself did not believe cover nothing. A page whose print is all
    covered costs a few milliseconds.
    """
    runs, height = _runs_of(look, [word for word in words if word.confidence >= _BELIEVED])
    if not runs:
        return ()
    beside, above = (round(margin * height) for margin in margins)
    grown = [(left - beside, top - above, right + beside, bottom + above) for left, top, right, bottom, _ in runs]
    regions = sorted(_joined(grown), key=box_area, reverse=True)[:_MOST_REGIONS]
    tall, wide = (side * look.shrunk for side in look.contrast.shape)
    return tuple(
        (max(left, 0), max(top, 0), min(right, wide), min(bottom, tall))
        for left, top, right, bottom in (
            tuple(side * look.shrunk for side in box) for box in sorted(regions, key=lambda box: (box[1], box[0]))
        )
    )


def misses_much(look: Look, words: Iterable[Word]) -> bool:
    """Lines of letter-like ink stay without words: several, and a good part of what the page holds."""
    missed, height = _letters_without_words(look, list(words))
    runs = _side_by_side(missed, look.contrast.shape, height) if len(missed) > _MANY else []
    length = sum(ink for *_, ink in runs)
    all_print = float((look.marks[:, 2] - look.marks[:, 0]).sum())
    return length > _MISSED_RUN * height and length > _MISSED_SHARE * all_print


def new_lines(lines: Iterable[Line], words: Iterable[Word], region: Box) -> list[Line]:
    """Of lines read in `region`, what is sure enough to be text and stands where the page has no word that is believed.

    All are in page pixels. A word at the left or right end of the region may be cut, so it is left out.
    """
    known = np.array([word.box for word in words if word.confidence >= _BELIEVED], dtype=np.int64).reshape(-1, 4)
    kept: list[Line] = []
    for line in lines:
        inside = [word for word in line.words if word.box[0] > region[0] + 1 and word.box[2] < region[2] - 1]
        sound = [word for word in inside if word.confidence >= _SURE and _says_something(word.text)]
        fresh = [word for word in sound if not _overlaps(word.box, known)]
        letters = sum(sum(map(str.isalnum, word.text)) for word in fresh)
        signs = sum(len(word.text) for word in fresh)
        sure = sum(len(word.text) * word.confidence for word in fresh)
        if letters >= _LEAST_LETTERS and 2 * letters > signs and sure >= _SURE_LINE * signs:
            kept.append(line_of(fresh))
    return kept


def _says_something(text: str) -> bool:
    return text == "-" or any(map(str.isalnum, text))


def _runs_of(look: Look, words: list[Word]) -> tuple[list[Run], float]:
    """Words and lines without a reading, in pixels of the small copy, and a letter's height there."""
    letters, height = _letters_without_words(look, words)
    wide, tall = (look.marks[:, side + 2] - look.marks[:, side] for side in (0, 1))
    is_tangle = (tall > _TALL * height) & (wide > height) & (tall < _TANGLE_MM * look.mm)
    tangles = look.marks[is_tangle & ~_covered(look, words, look.marks)]
    if len(tangles):
        parts = np.concatenate([_parts_of(look, tangle) for tangle in tangles[:_MOST_REGIONS]])
        letters = np.concatenate([letters, _of_letter_size(parts[~_covered(look, words, parts)], look, height)])
    if int((letters[:, 2] - letters[:, 0]).sum()) < _LEAST_RUN * height:
        return [], height
    return _side_by_side(letters, look.contrast.shape, height), height


def _letters_without_words(look: Look, words: list[Word]) -> tuple[Marks, float]:
    """Marks of a letter's size and strength outside of all words, and a letter's height."""
    covered = _covered(look, words, look.marks)
    height, strength = _LETTER_MM * look.mm, 0.0
    if covered.any():
        read = look.marks[covered]
        height, strength = float(np.median(read[:, 3] - read[:, 1])), float(np.median(read[:, 4]))
    rest = look.marks[~covered]
    return _of_letter_size(rest[rest[:, 4] >= _PALE * strength], look, height), height


def _of_letter_size(marks: Marks, look: Look, height: float) -> Marks:
    wide, tall = marks[:, 2] - marks[:, 0], marks[:, 3] - marks[:, 1]
    return marks[(tall >= _LOW * height) & (tall <= _TALL * height) & (wide <= _WIDEST_MM * look.mm)]


def _parts_of(look: Look, tangle: npt.NDArray[np.int32]) -> Marks:
    """Letters that hang together with a signature or the rim of a seal come apart where only the darkest ink counts."""
    left, top, right, bottom, _ = tangle.tolist()
    contrast = look.contrast[top:bottom, left:right]
    dark = float(np.percentile(contrast[contrast > _INK_CONTRAST], 95))
    ink = (contrast > _DARKEST * dark).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=4)
    boxes = stats[1:, :4]
    rows = [boxes[:, 0] + left, boxes[:, 1] + top, boxes[:, :3:2].sum(1) + left, boxes[:, 1::2].sum(1) + top]
    return np.stack([*rows, np.full(len(boxes), round(dark))], axis=1).astype(np.int32)


def _covered(look: Look, words: list[Word], marks: Marks) -> Flags:
    """Which marks lie in the boxes of words."""
    map_of = np.zeros(look.contrast.shape, np.uint8)
    scale = look.factor / look.shrunk
    boxes = np.array([word.box for word in words], dtype=np.float64).reshape(-1, 4)
    for left, top, right, bottom in np.rint(boxes * scale).astype(int).tolist():
        map_of[top : bottom + 1, left : right + 1] = 1
    total = cv2.integral(map_of)
    left, top, right, bottom = marks[:, :4].T
    inside = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return np.asarray(inside > _COVERED * (right - left) * (bottom - top), dtype=np.bool_)


def _side_by_side(letters: Marks, shape: tuple[int, ...], height: float) -> list[Run]:
    """Letters grown together to words and lines; what is too short to be a word is left out."""
    canvas = np.zeros(shape, np.uint8)
    reach = round(0.5 * height)
    for left, top, right, bottom, _ in letters.tolist():
        canvas[top:bottom, max(left - reach, 0) : right + reach] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(canvas, ltype=cv2.CV_16U)
    run = labels[letters[:, 1], letters[:, 0]]
    lengths = np.bincount(run, weights=letters[:, 2] - letters[:, 0], minlength=len(stats))
    return [
        (left + reach, top, left + across - reach, top + down, length)
        for (left, top, across, down, _), length in zip(stats[1:].tolist(), lengths[1:].tolist(), strict=True)
        if length >= _LEAST_RUN * height
    ]


def _joined(boxes: list[Box]) -> list[Box]:
    """Boxes that overlap become one."""
    rest, whole = list(boxes), []
    while rest:
        box = rest.pop()
        touching = [other for other in rest if _meet(box, other)]
        if touching:
            rest = [other for other in rest if not _meet(box, other)]
            lefts, tops, rights, bottoms = zip(box, *touching, strict=True)
            rest.append((min(lefts), min(tops), max(rights), max(bottoms)))
        else:
            whole.append(box)
    return whole


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _overlaps(box: Box, known: npt.NDArray[np.int64]) -> bool:
    across = np.minimum(known[:, 2], box[2]) - np.maximum(known[:, 0], box[0])
    down = np.minimum(known[:, 3], box[3]) - np.maximum(known[:, 1], box[1])
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    least = np.minimum((known[:, 2] - known[:, 0]) * (known[:, 3] - known[:, 1]), box_area(box))
    return bool((shared > _OVERLAP * least).any())
