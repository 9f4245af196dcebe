"""Words put together to lines and blocks, and moved from one picture's pixels to another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sohoa.model import Block, Box, Line, Word, union

Points = tuple[tuple[float, float], tuple[float, float]]
"""Two points (x, y), left one first."""


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
