"""Red text (stamped names, titles, HỎA TỐC), which the red channel hides: where it is, how it joins what was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.boxes import block_of, box_area, line_of
from ocr_workers.engine import Grey
from ocr_workers.pages import PageImage
from ocr_workers.quality import SMALL_DPI, shrink
from sohoa.model import Block, Box, Line, Word

_REDNESS = 36  # how far red stands above green and blue, on the small copy
_LEAST_PIXELS = 60
_RING_SHARE, _PIECE_SHARE, _BROKEN_RING_SHARE = 0.4, 0.25, 0.75
_SEAL_MM = (22.0, 50.0)
_FRAME_MM = 100.0
_SURE_IN_SEAL = 0.85
_BOX_LEVEL, _BOX_SHARE = 190, (0.6, 0.45)  # of a region's width and height
_RIM = 0.85  # of the radius: further out print and rim overlap
_SURE = 0.4
_SURE_LINE = 0.6


Circle = tuple[float, float, float]
"""Centre x, y and radius."""
Points = npt.NDArray[np.float64]
"""One row a point: x, y."""


@dataclass(frozen=True, slots=True)
class RedText:
    """Where red text stands: `regions` to read once more, and the round `seals` (x, y, radius); all in page pixels."""

    regions: tuple[Box, ...]
    seals: tuple[Circle, ...]


def find_red_text(image: PageImage) -> RedText:
    """Look for red print on a small copy; a page without any red costs next to nothing."""
    if image.pixels.ndim == 2 or not _may_hold_red(image.pixels, image.dpi):
        return RedText((), ())
    shrunk = max(round(image.dpi / SMALL_DPI), 1)
    red, mm = _red_mask(shrink(image.pixels, shrunk)), image.dpi / shrunk / 25.4
    if cv2.countNonZero(red) < _LEAST_PIXELS:
        return RedText((), ())
    left, top, wide, tall = cv2.boundingRect(red)
    red = without_frames(red[top : top + tall, left : left + wide], mm)
    seals = _seals(red, mm)
    outside = red.copy()
    for x, y, radius in seals:
        cv2.circle(outside, (round(x), round(y)), round(radius * 1.06), 0, thickness=-1)
    regions = tuple(_reach(box, seals) for box in runs_of_letters(outside, mm))
    return RedText(
        regions=tuple(
            in_page((box[0] + left, box[1] + top, box[2] + left, box[3] + top), shrunk, image)
            for box in joined(regions)
        ),
        seals=tuple(((x + left) * shrunk, (y + top) * shrunk, radius * shrunk) for x, y, radius in seals),
    )


def _may_hold_red(pixels: npt.NDArray[np.uint8], dpi: float) -> bool:
    """Every so many pixels one is looked at: about 50 an inch."""
    step = max(round(dpi / 50), 1)
    size = (max(pixels.shape[1] // step, 1), max(pixels.shape[0] // step, 1))
    sample = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    return cv2.countNonZero(_red_mask(sample)) >= _LEAST_PIXELS // 8


def red_made_dark(pixels: npt.NDArray[np.uint8], region: Box) -> Grey:
    """The region as the engine should see it: red print dark, all other ink gone."""
    left, top, right, bottom = region
    red, green, blue = cv2.split(np.ascontiguousarray(pixels[top:bottom, left:right]))
    other = cv2.max(green, blue)
    saturated = (cv2.subtract(red, other) > _REDNESS * 0.6).astype(np.uint8)
    near = cv2.dilate(saturated, np.ones((3, 3), np.uint8))
    return np.ascontiguousarray(np.where(near > 0, other, 255).astype(np.uint8))


def without_seals(dark: Grey, region: Box, found: RedText) -> tuple[Grey, ...]:
    """The region once more with the seals that reach into it wiped off, for words beside their rims; () without any."""
    left, top, right, bottom = region
    wiped = dark.copy()
    for x, y, radius in found.seals:
        if left < x + radius and right > x - radius and top < y + radius and bottom > y - radius:
            cv2.circle(wiped, (round(x - left), round(y - top)), round(radius), 255, thickness=-1)
    return () if np.array_equal(wiped, dark) else (wiped,)


def without_box(dark: Grey) -> tuple[Grey, ...]:
    """The region once more without the frame round a stamped word, which the engine takes for a picture; () without any."""
    tall, wide = dark.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats((dark < _BOX_LEVEL).view(np.uint8), connectivity=8)
    is_box = (stats[:, 2] > _BOX_SHARE[0] * wide) & (stats[:, 3] > _BOX_SHARE[1] * tall)
    is_box[0] = False
    if not is_box.any():
        return ()
    box = cv2.dilate(is_box[labels].view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return (np.where(box, np.uint8(255), dark),)


def keep_text(lines: list[Line], found: RedText) -> list[Line]:
    """Of lines read in red regions, those that are text: sure enough, and not the lettering of a seal."""
    kept: list[Line] = []
    for line in lines:
        words = [_trimmed(word) for word in line.words if word.confidence >= _SURE]
        words = [word for word in words if _is_wordlike(word.text)]
        outside = [word for word in words if not _in_seal(word.box, found.seals)]
        on_rim = [word for word in words if outside and not _in_seal(word.box, found.seals, _RIM)]
        words = [word for word in words if word in on_rim or (outside and word.confidence >= _SURE_IN_SEAL)]
        letters = sum(len(word.text) for word in words)
        if letters >= 3 and sum(len(word.text) * word.confidence for word in words) >= _SURE_LINE * letters:
            kept.append(line_of(words))
    return kept


def outside_seals(lines: list[Line], found: RedText) -> list[Line]:
    """The lines without the lettering of seals."""
    left = ([word for word in line.words if not _in_seal(word.box, found.seals, _RIM)] for line in lines)
    return [line_of(words) for words in left if words]


def _trimmed(word: Word) -> Word:
    """Without the dashes that pieces of a seal's rim are read as."""
    return Word(word.text.strip("_—¬|"), word.box, word.confidence)


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
        at = _past_what_is_above(blocks, max(above, key=lambda number: blocks[number].box[3]), line) + 1
    elif below:
        at = min(below, key=lambda number: blocks[number].box[1])
    else:
        at = len(blocks)
    return (*blocks[:at], block_of([line]), *blocks[at:])


def _past_what_is_above(blocks: tuple[Block, ...], at: int, line: Line) -> int:
    """A short last line of a paragraph does not reach over the line, and yet is read before it."""
    while (
        at + 1 < len(blocks) and blocks[at].box[3] <= _middle(blocks[at + 1]) and blocks[at + 1].box[3] <= line.box[1]
    ):
        at += 1
    return at


def _middle(block: Block) -> float:
    return (block.box[1] + block.box[3]) / 2


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
    return mask.view(np.uint8)


def without_frames(red: npt.NDArray[np.uint8], mm: float) -> npt.NDArray[np.uint8]:
    """The red border of a certificate or a form holds everything and is no text."""
    if max(red.shape) < _FRAME_MM * mm:
        return red
    _, labels, stats, _ = cv2.connectedComponentsWithStats(red, connectivity=8)
    is_frame = stats[:, 2:4].max(axis=1) >= _FRAME_MM * mm
    if not is_frame[1:].any():
        return red
    is_frame[0] = True
    return np.where(is_frame[labels], np.uint8(0), np.uint8(1))


def _seals(red: npt.NDArray[np.uint8], mm: float) -> tuple[Circle, ...]:
    """Round seals: a ring of red, 22-50 mm across, also when the edge of the sheet cuts it."""
    thick = np.asarray(cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    if cv2.countNonZero(thick) < 3 * _SEAL_MM[0] * mm:
        return ()
    contours, _ = cv2.findContours(thick, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found: list[tuple[float, Circle]] = []
    for contour in contours:
        _, _, wide, tall = cv2.boundingRect(contour)
        if max(wide, tall) >= 0.5 * _SEAL_MM[0] * mm and len(contour) >= 60:
            found += _circle_through(_thinned(np.asarray(contour[:, 0, :], dtype=np.float64)), mm)
    rows, columns = np.nonzero(thick)
    everything = np.stack([columns, rows], axis=1).astype(np.float64)
    seals: list[Circle] = []
    for share, circle in sorted(found, reverse=True):  # the clearest first
        apart = not any(np.hypot(circle[0] - x, circle[1] - y) < radius * 0.7 for x, y, radius in seals)
        # A pale ring falls to pieces: one is enough where all that is red goes round with it.
        if apart and (share >= _RING_SHARE or _share_of_circle(everything, circle) >= _BROKEN_RING_SHARE):
            seals.append(_grown_to_rim(thick, circle, mm))
    return tuple(seals)


def _circle_through(points: Points, mm: float) -> list[tuple[float, Circle]]:
    """The circle of a seal's size that outline points lie on, the best of 200 seeded draws of three, with its share.

    Empty where the points go less than a quarter of the way round any.
    """
    draws = np.random.default_rng(7).integers(0, len(points), size=(200, 3))
    a, b, c = points[draws].transpose(1, 2, 0)
    ab, ac = b - a, c - a
    cross = 2 * (ab[0] * ac[1] - ab[1] * ac[0])
    sound = np.abs(cross) >= 1
    a, ab, ac, cross = a[:, sound], ab[:, sound], ac[:, sound], cross[sound]
    ab_square, ac_square = np.square(ab).sum(axis=0), np.square(ac).sum(axis=0)
    x = a[0] + (ac[1] * ab_square - ab[1] * ac_square) / cross
    y = a[1] + (ab[0] * ac_square - ac[0] * ab_square) / cross
    radius = np.hypot(a[0] - x, a[1] - y)
    fits = (2 * radius >= _SEAL_MM[0] * mm) & (2 * radius <= _SEAL_MM[1] * mm)
    circles = np.stack([x[fits], y[fits], radius[fits]], axis=1)
    if not len(circles):
        return []
    distance = np.hypot(points[:, 0] - circles[:, :1], points[:, 1] - circles[:, 1:2])
    on_it = np.count_nonzero(np.abs(distance - circles[:, 2:]) < 2.0, axis=1)
    likely = [_fitted(points, tuple(circle)) for circle in circles[np.argsort(on_it)[-3:]].tolist()]
    share, best = max((_share_of_circle(points, circle), circle) for circle in likely)
    is_seal = share >= _PIECE_SHARE and _SEAL_MM[0] * mm <= 2 * best[2] <= _SEAL_MM[1] * mm
    return [(share, best)] if is_seal else []


def _fitted(points: Points, circle: Circle) -> Circle:
    """The circle moved to where the points near it lie (least squares)."""
    x, y, radius = circle
    near = points[np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius) < 3.0]
    terms = np.column_stack([2 * near, np.ones(len(near))])
    (x, y, rest), *_ = np.linalg.lstsq(terms, np.square(near).sum(axis=1), rcond=None)
    return (float(x), float(y), float(np.sqrt(max(rest + x * x + y * y, 0.0))))


def _share_of_circle(points: Points, circle: Circle) -> float:
    """How much of the way round the circle has points on it, in steps of 10 degrees."""
    x, y, radius = circle
    on_it = points[np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius) < 2.0]
    return _round_share(np.arctan2(on_it[:, 1] - y, on_it[:, 0] - x))


def _round_share(angles: npt.NDArray[np.float64]) -> float:
    steps = np.floor(np.degrees(angles) / 10).astype(np.int64) % 36
    return float(np.count_nonzero(np.bincount(steps, minlength=36))) / 36


def _thinned(points: Points) -> Points:
    return points[:: max(len(points) // 400, 1)]


def _grown_to_rim(red: npt.NDArray[np.uint8], circle: Circle, mm: float) -> Circle:
    """A seal has rings within rings: the outermost one counts."""
    x, y, radius = circle
    reach = round(_SEAL_MM[1] * mm / 2)
    left, top = max(round(x) - reach, 0), max(round(y) - reach, 0)
    rows, columns = np.nonzero(red[top : round(y) + reach, left : round(x) + reach])
    across, down = columns + left - x, rows + top - y
    distance = np.hypot(across, down)
    outer = distance > radius - 2
    distance, angle = distance[outer], np.arctan2(down[outer], across[outer])
    rims = np.arange(radius, _SEAL_MM[1] * mm / 2, 2.0)
    widest = [rim for rim in rims.tolist() if _round_share(angle[np.abs(distance - rim) < 2.0]) >= 0.6]
    return (x, y, widest[-1] if widest else radius)


def runs_of_letters(red: npt.NDArray[np.uint8], mm: float) -> list[Box]:
    """Boxes of red letters grown together into words and lines, grown by a margin that the engine likes."""
    joined = cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((3, round(4 * mm) | 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    tall_enough = stats[1:][(stats[1:, 3] >= 1.4 * mm) & (stats[1:, 2] >= 3 * mm)]
    beside, above = round(2.5 * mm), round(1.3 * mm)
    return [
        (left - beside, top - above, left + wide + beside, top + tall + above)
        for left, top, wide, tall, _ in tall_enough.tolist()
        if cv2.countNonZero(red[top : top + tall, left : left + wide]) >= _LEAST_PIXELS
    ]


def _reach(box: Box, seals: tuple[Circle, ...]) -> Box:
    """A line of text that runs into a seal is read some way into it."""
    left, top, right, bottom = box
    for x, y, radius in seals:
        if top < y + radius and bottom > y - radius:
            if left < x + radius <= right:
                left = round(max(x - radius, left - radius))
            if left <= x - radius < right:
                right = round(min(x + radius, right + radius))
    return (left, top, right, bottom)


def joined(boxes: Sequence[Box]) -> list[Box]:
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


def _in_seal(box: Box, seals: tuple[Circle, ...], share: float = 1.0) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(np.hypot(x - seal_x, y - seal_y) < share * radius for seal_x, seal_y, radius in seals)


def in_page(box: Box, shrunk: int, image: PageImage) -> Box:
    """From a copy `shrunk` times smaller to the page's pixels, of those that there are."""
    left, top, right, bottom = (side * shrunk for side in box)
    return (max(left, 0), max(top, 0), min(right, image.width_px), min(bottom, image.height_px))
