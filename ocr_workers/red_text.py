"""Red text (stamped names, titles, HỎA TỐC), which the red channel hides: where it is, how it joins what was read."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.boxes import block_of, box_area, line_of
from ocr_workers.engine import Grey
from ocr_workers.quality import Look
from sohoa.model import Block, Box, Line, Word

_REDNESS = 36  # how far red stands above green and blue, on the small copy
_LEAST_PIXELS = 60
_RING_SHARE = 0.4
_SEAL_MM = (22.0, 50.0)
_SURE_IN_SEAL = 0.85
_SURE = 0.4
_SURE_LINE = 0.6


Circle = tuple[float, float, float]
"""Centre x, y and radius."""


@dataclass(frozen=True, slots=True)
class RedText:
    """Where red text stands: `regions` to read once more, and the round `seals` (x, y, radius); all in page pixels."""

    regions: tuple[Box, ...]
    seals: tuple[Circle, ...]


def find_red_text(look: Look) -> RedText:
    """Look for red print on the small copy; a page without any red costs next to nothing."""
    if look.colours is None:
        return RedText((), ())
    red = _red_mask(look.colours)
    if cv2.countNonZero(red) < _LEAST_PIXELS:
        return RedText((), ())
    seals = _seals(red, look.mm)
    outside = red.copy()
    for x, y, radius in seals:
        cv2.circle(outside, (round(x), round(y)), round(radius * 1.06), 0, thickness=-1)
    regions = tuple(_reach(box, seals, red.shape) for box in _runs_of_letters(outside, look.mm))
    return RedText(
        regions=tuple(_scaled(box, look.shrunk) for box in _joined(regions)),
        seals=tuple((x * look.shrunk, y * look.shrunk, radius * look.shrunk) for x, y, radius in seals),
    )


def red_made_dark(pixels: npt.NDArray[np.uint8], region: Box) -> Grey:
    """The region as the engine should see it: red print dark, all other ink gone."""
    left, top, right, bottom = region
    red, green, blue = cv2.split(np.ascontiguousarray(pixels[top:bottom, left:right]))
    other = cv2.max(green, blue)
    saturated = (cv2.subtract(red, other) > _REDNESS * 0.6).astype(np.uint8)
    near = cv2.dilate(saturated, np.ones((3, 3), np.uint8))
    return np.ascontiguousarray(np.where(near > 0, other, 255).astype(np.uint8))


def keep_text(lines: list[Line], found: RedText) -> list[Line]:
    """Of lines read in red regions, those that are text: sure enough, and not the lettering of a seal."""
    kept: list[Line] = []
    for line in lines:
        words = [word for word in line.words if word.confidence >= _SURE and _is_wordlike(word.text)]
        outside = [word for word in words if not _in_seal(word.box, found.seals)]
        words = [word for word in words if word in outside or (outside and word.confidence >= _SURE_IN_SEAL)]
        letters = sum(len(word.text) for word in words)
        if letters >= 3 and sum(len(word.text) * word.confidence for word in words) >= _SURE_LINE * letters:
            kept.append(line_of(words))
    return kept


def _is_wordlike(text: str) -> bool:
    return 2 * sum(map(str.isalnum, text)) > len(text)


def merge(blocks: tuple[Block, ...], lines: list[Line]) -> tuple[Block, ...]:
    """Put red lines where a reader comes upon them; of two readings of one place the surer one stays."""
    for line in lines:
        blocks = _with_line(blocks, line)
    return blocks


def _with_line(blocks: tuple[Block, ...], line: Line) -> tuple[Block, ...]:
    rivals = [word for block in blocks for old in block.lines for word in old.words if _same_place(word.box, line.box)]
    wins = [
        word for word in line.words if all(_beats(word, rival) for rival in rivals if _same_place(rival.box, word.box))
    ]
    if not wins:
        return blocks
    lost = {id(rival) for rival in rivals if any(_same_place(rival.box, word.box) for word in wins)}
    blocks = _without(blocks, lost)
    return _placed(blocks, line_of(wins))


def _beats(word: Word, rival: Word) -> bool:
    return word.text != rival.text and word.confidence > rival.confidence


def _without(blocks: tuple[Block, ...], lost: set[int]) -> tuple[Block, ...]:
    if not lost:
        return blocks
    left: list[Block] = []
    for block in blocks:
        lines: list[Line] = []
        for line in block.lines:
            words = [word for word in line.words if id(word) not in lost]
            if len(words) == len(line.words):
                lines.append(line)
            elif words:
                lines.append(line_of(words))
        if lines:
            left.append(block_of(lines))
    return tuple(left)


def _placed(blocks: tuple[Block, ...], line: Line) -> tuple[Block, ...]:
    """Into the line it stands in (a stamped number), else between the lines of its column, else a block of its own."""
    for at, block in enumerate(blocks):
        for row, old in enumerate(block.lines):
            if _same_row(old.box, line.box):
                words = sorted((*old.words, *line.words), key=lambda word: word.box[0])
                lines = [*block.lines[:row], line_of(words), *block.lines[row + 1 :]]
                return (*blocks[:at], block_of(lines), *blocks[at + 1 :])
    middle = (line.box[1] + line.box[3]) / 2
    for at, block in enumerate(blocks):
        if block.box[1] < middle < block.box[3] and _overlap(block.box, line.box, 0) > 0.5 * (
            line.box[2] - line.box[0]
        ):
            row = sum((old.box[1] + old.box[3]) / 2 < middle for old in block.lines)
            return (*blocks[:at], block_of([*block.lines[:row], line, *block.lines[row:]]), *blocks[at + 1 :])
    above = [at for at, block in enumerate(blocks) if block.box[3] <= middle and _overlap(block.box, line.box, 0) > 0]
    below = [at for at, block in enumerate(blocks) if block.box[1] >= middle and _overlap(block.box, line.box, 0) > 0]
    if above:
        at = max(above, key=lambda number: blocks[number].box[3]) + 1
    elif below:
        at = min(below, key=lambda number: blocks[number].box[1])
    else:
        at = len(blocks)
    return (*blocks[:at], block_of([line]), *blocks[at:])


def _same_row(old: Box, new: Box) -> bool:
    """Side by side on one line of print: of like height, level, and at most three heights apart."""
    height, taller = sorted((old[3] - old[1], new[3] - new[1]))
    gap = max(new[0] - old[2], old[0] - new[2])
    return _overlap(old, new, 1) > 0.6 * height and gap < 3 * height and taller < 1.8 * height


def _same_place(one: Box, other: Box) -> bool:
    shared = box_area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    return shared > 0.4 * min(box_area(one), box_area(other))


def _overlap(one: Box, other: Box, axis: int) -> int:
    """Shared pixels along x (axis 0) or y (axis 1); negative is a gap."""
    return min(one[2 + axis], other[2 + axis]) - max(one[axis], other[axis])


def _red_mask(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    red, green, blue = cv2.split(colours)
    mask = (cv2.subtract(red, cv2.max(green, blue)) > _REDNESS) & (red > 90)
    return mask.astype(np.uint8)


def _seals(red: npt.NDArray[np.uint8], mm: float) -> tuple[Circle, ...]:
    """Round seals: a ring of red, 22-50 mm across, also when the edge of the sheet cuts it."""
    thick = np.asarray(cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    if cv2.countNonZero(thick) < 3 * _SEAL_MM[0] * mm:
        return ()
    contours, _ = cv2.findContours(thick, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    seals: list[Circle] = []
    for contour in contours:
        _, _, wide, tall = cv2.boundingRect(contour)
        if max(wide, tall) < 0.5 * _SEAL_MM[0] * mm or len(contour) < 60:
            continue
        circle = _circle_through(_thinned(np.asarray(contour[:, 0, :], dtype=np.float64)), mm)
        if circle is not None and not any(np.hypot(circle[0] - x, circle[1] - y) < r * 0.5 for x, y, r in seals):
            seals.append(_grown_to_rim(thick, circle, mm))
    return tuple(seals)


def _circle_through(points: npt.NDArray[np.float64], mm: float) -> Circle | None:
    """The circle that most outline points lie on (the best of 60 seeded draws of three), None where it is no ring."""
    draws = np.random.default_rng(7).integers(0, len(points), size=(60, 3))
    best: Circle | None = None
    most = 0.0
    for a, b, c in points[draws]:
        cross = 2 * ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
        if abs(cross) < 1:
            continue
        bb, cc = np.sum((b - a) ** 2), np.sum((c - a) ** 2)
        x = a[0] + ((c[1] - a[1]) * bb - (b[1] - a[1]) * cc) / cross
        y = a[1] + ((b[0] - a[0]) * cc - (c[0] - a[0]) * bb) / cross
        radius = float(np.hypot(a[0] - x, a[1] - y))
        if not _SEAL_MM[0] * mm <= 2 * radius <= _SEAL_MM[1] * mm:
            continue
        share = _share_of_circle(points, (float(x), float(y), radius))
        if share > most:
            most, best = share, (float(x), float(y), radius)
    return best if most >= _RING_SHARE else None


def _share_of_circle(points: npt.NDArray[np.float64], circle: Circle) -> float:
    """How much of the way round the circle has points on it, in steps of 10 degrees."""
    x, y, radius = circle
    on_it = points[np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius) < 2.0]
    steps = (np.degrees(np.arctan2(on_it[:, 1] - y, on_it[:, 0] - x)) // 10).astype(np.int64) + 18
    return float(np.count_nonzero(np.bincount(steps, minlength=36)[:36])) / 36


def _thinned(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return points[:: max(len(points) // 400, 1)]


def _grown_to_rim(red: npt.NDArray[np.uint8], circle: Circle, mm: float) -> Circle:
    """A seal has rings within rings: the outermost one counts."""
    x, y, radius = circle
    reach = round(_SEAL_MM[1] * mm / 2)
    left, top = max(round(x) - reach, 0), max(round(y) - reach, 0)
    rows, columns = np.nonzero(red[top : round(y) + reach, left : round(x) + reach])
    points = np.stack([columns + left, rows + top], axis=1).astype(np.float64)
    widest = [r for r in np.arange(radius, _SEAL_MM[1] * mm / 2, 2.0) if _share_of_circle(points, (x, y, r)) >= 0.6]
    return (x, y, float(widest[-1]) if widest else radius)


def _runs_of_letters(red: npt.NDArray[np.uint8], mm: float) -> list[Box]:
    """Boxes of red letters grown together into words and lines, grown by a margin that the engine likes."""
    joined = cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((3, round(4 * mm) | 1), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    ink = np.bincount(labels[red > 0], minlength=count)
    boxes: list[Box] = []
    for number in range(1, count):
        left, top, wide, tall = (int(value) for value in stats[number, :4])
        if tall < 1.4 * mm or wide < 3 * mm or ink[number] < _LEAST_PIXELS:
            continue
        beside, above = round(2.5 * mm), round(1.3 * mm)
        boxes.append((left - beside, top - above, left + wide + beside, top + tall + above))
    return boxes


def _reach(box: Box, seals: tuple[Circle, ...], shape: tuple[int, ...]) -> Box:
    """A line of text that runs into a seal is read some way into it."""
    left, top, right, bottom = box
    for x, y, radius in seals:
        if top < y + radius and bottom > y - radius:
            if left < x + radius <= right:
                left = round(max(x - radius, left - radius))
            if left <= x - radius < right:
                right = round(min(x + radius, right + radius))
    return (max(left, 0), max(top, 0), min(right, shape[1]), min(bottom, shape[0]))


def _joined(boxes: tuple[Box, ...]) -> list[Box]:
    """Overlapping regions become one, so that nothing is read twice."""
    rest, whole = list(boxes), []
    while rest:
        box = rest.pop()
        touching = [other for other in rest if _overlap(box, other, 0) > 0 and _overlap(box, other, 1) > 0]
        if touching:
            rest = [other for other in rest if other not in touching]
            group = [box, *touching]
            rest.append(
                (min(b[0] for b in group), min(b[1] for b in group), max(b[2] for b in group), max(b[3] for b in group))
            )
        else:
            whole.append(box)
    return sorted(whole, key=lambda box: (box[1], box[0]))


def _in_seal(box: Box, seals: tuple[Circle, ...]) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(np.hypot(x - seal_x, y - seal_y) < radius for seal_x, seal_y, radius in seals)


def _scaled(box: Box, factor: int) -> Box:
    return (box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor)
