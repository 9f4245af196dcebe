"""Words put together to lines and blocks, and moved from one picture's pixels to another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from sohoa.model import Block, Box, Line, Word, union

Points = tuple[tuple[float, float], tuple[float, float]]
"""Two points (x, y), left one first."""
Pixels = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

_OUT_INCHES, _IN_INCHES = 0.02, 0.05
_INK_SHARE = 0.3  # of the way from paper to ink: where the eye sees a blurred stroke end


def line_of(words: list[Word], baseline: Points | None = None) -> Line:
    """A line around `words`, with the baseline through two points (page pixels) where there is one."""
    box = union([word.box for word in words])
    if baseline is None or baseline[1][0] == baseline[0][0]:
        return Line(words=tuple(words), box=box)
    (x1, y1), (x2, y2) = baseline
    slope = (y2 - y1) / (x2 - x1)
    return Line(words=tuple(words), box=box, baseline=(slope, y1 + slope * (box[0] - x1) - box[3]))


def block_of(lines: list[Line]) -> Block:
    """A block around `lines`."""
    return Block(lines=tuple(lines), box=union([line.box for line in lines]))


def words_of(blocks: tuple[Block, ...]) -> Iterator[Word]:
    """All words in reading order."""
    for block in blocks:
        for line in block.lines:
            yield from line.words


def mapped(
    blocks: tuple[Block, ...], box_to: Callable[[Box], Box], point_to: Callable[[float, float], tuple[float, float]]
) -> tuple[Block, ...]:
    """The same words in another picture: boxes by `box_to`, both ends of each baseline by `point_to`."""

    def line_to(line: Line) -> Line:
        words = [Word(text=word.text, box=box_to(word.box), confidence=word.confidence) for word in line.words]
        ends = baseline_of(line)
        return line_of(words, None if ends is None else (point_to(*ends[0]), point_to(*ends[1])))

    return tuple(block_of([line_to(line) for line in block.lines]) for block in blocks)


def moved(blocks: tuple[Block, ...], x: int, y: int) -> tuple[Block, ...]:
    """The same words `x` pixels to the right and `y` down."""
    return mapped(
        blocks, lambda box: (box[0] + x, box[1] + y, box[2] + x, box[3] + y), lambda at_x, at_y: (at_x + x, at_y + y)
    )


def baseline_of(line: Line) -> Points | None:
    """Both ends of a line's baseline in pixels, None where it has none."""
    if line.baseline is None:
        return None
    slope, offset = line.baseline
    left, _, right, bottom = line.box
    right = max(right, left + 1)
    return (left, bottom + offset), (right, bottom + offset + slope * (right - left))


def box_area(box: Box) -> int:
    """Pixels inside `box`, 0 where it is empty."""
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def on_one_line(one: Box, other: Box) -> bool:
    """Whether the lower of two boxes, one of which may be tilted, shares half of its height with the other."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return 2 * shared > min(one[3] - one[1], other[3] - other[1])


def snapped(blocks: tuple[Block, ...], *, page: Pixels, paper: Pixels, dpi: float) -> tuple[Block, ...]:
    """The same words, each side of their boxes moved to where the ink of `page` ends.

    `page` is 8-bit in the pixels of the boxes, `paper` the same page without its print, at any size. A side that cuts
    ink goes out to its end, at most half a millimetre; a longer stroke (rule, underline, signature, the next word) is
    not followed. A side that stands off goes in to the first ink, at most 1.3 mm.
    """
    boxes = np.array([word.box for word in words_of(blocks)], dtype=np.int64).reshape(-1, 4)
    if not len(boxes):
        return blocks
    out, into = max(round(_OUT_INCHES * dpi), 1), max(round(_IN_INCHES * dpi), 2)
    sides = _profiles(boxes, page, out, into)
    dark = np.percentile(sides[:, ::2, out:].reshape(len(boxes), -1), 20, axis=1)
    white = paper[_at(boxes, 1, page, paper), _at(boxes, 0, page, paper)]
    limit = white - _INK_SHARE * (white - dark)
    steps = _steps(sides < limit[:, None, None], out)
    steps[:, 2:] *= -1
    new = boxes + steps
    kept = (new[:, 2] - new[:, 0] < 2) | (new[:, 3] - new[:, 1] < 2)
    new[kept] = boxes[kept]
    found = iter(new.tolist())

    def line_to(line: Line) -> Line:
        words = [Word(word.text, _box(next(found)), word.confidence) for word in line.words]
        return line_of(words, baseline_of(line))

    return tuple(block_of([line_to(line) for line in block.lines]) for block in blocks)


def _profiles(boxes: Numbers, page: Pixels, out: int, into: int) -> Pixels:
    """The darkest pixel of each column or row round each side, (words, left top right bottom, `out` + `into`).

    They begin `out` pixels outside. A word that stands closer to the edge of the page than that gets white ones.
    """
    height, width = page.shape
    span = out + into
    sides = np.full((len(boxes), 4, span), 255, np.uint8)
    inside = (boxes[:, :2] >= out).all(axis=1) & (boxes[:, 2] <= width - out) & (boxes[:, 3] <= height - out)
    solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    for number in np.flatnonzero(inside & solid).tolist():
        left, top, right, bottom = boxes[number].tolist()
        columns = page[top:bottom, left - out : right + out].min(axis=0)
        rows = page[top - out : bottom + out, left:right].min(axis=1)
        side, wide, tall = sides[number], min(len(columns), span), min(len(rows), span)
        side[0, :wide], side[2, :wide] = columns[:wide], columns[: -wide - 1 : -1]
        side[1, :tall], side[3, :tall] = rows[:tall], rows[: -tall - 1 : -1]
    return sides


def _steps(ink: npt.NDArray[np.bool_], out: int) -> Numbers:
    """How far each side goes in (negative: out), from flags of ink that begin `out` pixels outside of it."""
    outward = np.cumprod(ink[..., out - 1 :: -1], axis=-1, dtype=np.int64).sum(axis=-1)
    inward = np.argmax(ink[..., out:], axis=-1)
    return np.asarray(np.where(ink[..., out], np.where(outward == out, 0, -outward), inward), dtype=np.int64)


def _at(boxes: Numbers, axis: int, page: Pixels, paper: Pixels) -> Numbers:
    """Where the middle of each box lies along x (axis 0) or y (axis 1) of the smaller picture."""
    middle = (boxes[:, axis] + boxes[:, axis + 2]) // 2
    size, full = paper.shape[1 - axis], page.shape[1 - axis]
    return np.asarray(np.minimum(middle * size // full, size - 1), dtype=np.int64)


def _box(sides: list[int]) -> Box:
    return (sides[0], sides[1], sides[2], sides[3])
