"""Reading order: running text that the engine tore apart is joined, columns that it read across are parted.

Official papers have two columns at the head (agency | Quốc hiệu, Nghị định 30/2020) and at the foot (Nơi nhận |
signature). Both are found by their gutter: a wide gap, clear over consecutive lines. Rows of a table have several
gaps, or too many rows, and stay rows. All lengths are in heights of the page's words. Lines must be level, so this
works on what was read from the page set upright.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from ocr_workers.boxes import baseline_of, block_of, line_of, words_of
from sohoa.model import Block, Box, Line, union

_WIDE = 1.5  # a gap that may be a gutter
_GUTTER = 1.0  # what must stay clear between the columns
_TORN = 0.7  # a gap that parts words, not columns
_NEXT_LINE = 2.2
_NEXT_PAIR = 9.0  # names stand this far under the titles of those who sign
_MIDDLE = 0.06  # of the width of the text: a title stands that near its middle, a column does not
_RUNNING = 0.4  # of the width of the text: a torn line is longer than the cells of a table
_MOST_PAIRS = 7
_DEBRIS = 3  # letters of a row that is only marks and scratches
_RECEIVERS = "nhận"  # "Nơi nhận:" alone tells that who signs stands beside it
_LEAST_LETTERS = 6


def in_reading_order(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The same words, the left column of each head or foot before the right one; all else in the order it came."""
    words = list(words_of(blocks))
    if not words:
        return blocks
    text = _Text(
        height=median(word.box[3] - word.box[1] for word in words),
        left=min(word.box[0] for word in words),
        right=max(word.box[2] for word in words),
    )
    rows = _rejoined([_row(line, at, text) for at, block in enumerate(blocks) for line in block.lines], text)
    pairs = _column_pairs(rows, text)
    if not pairs and sum(len(block.lines) for block in blocks) == len(rows):
        return blocks
    return _put_together(rows, pairs)


@dataclass(frozen=True, slots=True)
class _Text:
    """The height of a middling word, and how far the page's words reach to the left and right."""

    height: float
    left: int
    right: int

    @property
    def width(self) -> int:
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class _Row:
    """One line as it was read: the block it came in, and `split`, how many words stand left of its one wide gap.

    `split` is 0 where no gap is wide, and -1 where several are, as in a row of a table. `box` is round the words that say
    something; specks beside them do not count.
    """

    line: Line
    block: int
    split: int
    box: Box = field(init=False)

    def __post_init__(self) -> None:
        solid = [word.box for word in self.line.words if any(map(str.isalnum, word.text))]
        object.__setattr__(self, "box", union(solid) if solid else self.line.box)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Rows (by number) that stand side by side, and the gutter between them."""

    members: frozenset[int]
    gutter: tuple[int, int]


def _row(line: Line, block: int, text: _Text) -> _Row:
    solid = [at for at, word in enumerate(line.words) if any(map(str.isalnum, word.text))]  # not specks in the gutter
    gaps = sorted(((line.words[b].box[0] - line.words[a].box[2], b) for a, b in pairwise(solid)), reverse=True)
    if not gaps or gaps[0][0] < _WIDE * text.height:
        return _Row(line, block, 0)
    rival = gaps[1][0] if len(gaps) > 1 else 0
    return _Row(line, block, gaps[0][1] if rival < max(_WIDE * text.height, gaps[0][0] / 2) else -1)


def _rejoined(rows: list[_Row], text: _Text) -> list[_Row]:
    """A line that goes on in another block, a mere word space further right, is one line."""
    whole: list[_Row] = []
    for row in rows:
        for at, left in enumerate(whole):
            gap = row.box[0] - left.box[2]
            running = left.box[2] - left.box[0] > _RUNNING * text.width and left.block != row.block
            if running and -0.3 * text.height < gap < _TORN * text.height and _level(left.box, row.box):
                words = [*left.line.words, *row.line.words]
                whole[at] = _row(line_of(words, baseline_of(left.line)), left.block, text)
                break
        else:
            whole.append(row)
    return whole


def _level(one: Box, other: Box) -> bool:
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return shared > 0.5 * min(one[3] - one[1], other[3] - other[1])


def _column_pairs(rows: list[_Row], text: _Text) -> list[_Columns]:
    by_height = sorted(range(len(rows)), key=lambda number: rows[number].box[1] + rows[number].box[3])
    found: list[_Columns] = []
    taken: set[int] = set()
    for at, seed in enumerate(by_height):
        if rows[seed].split > 0 and seed not in taken:
            columns = _grown(rows, by_height, at, text)
            if not columns.members & taken and _is_central(columns, text) and _is_clear(rows, columns):
                found.append(columns)
                taken |= columns.members
    return found


def _grown(rows: list[_Row], by_height: list[int], at: int, text: _Text) -> _Columns:
    """The rows above and below that leave the gutter of the row at `at` clear."""
    first = rows[by_height[at]]
    gutter = _gap(first)
    members = {by_height[at]}
    for way, numbers in (("up", by_height[:at][::-1]), ("down", by_height[at + 1 :])):
        edge = first.box[1] if way == "up" else first.box[3]
        for number in numbers:
            row = rows[number]
            if row.split < 0 and _letters(row.line) <= _DEBRIS:
                continue
            away = edge - row.box[3] if way == "up" else row.box[1] - edge
            if away > (_NEXT_PAIR if row.split > 0 else _NEXT_LINE) * text.height:
                break
            narrowed = _narrowed(gutter, row, text)
            beside = any(other != number and _level(rows[other].box, row.box) for other in by_height)
            alone_above = way == "up" and row.box[2] <= gutter[1] and not beside
            if narrowed is None or alone_above:
                break
            gutter = narrowed
            members.add(number)
            edge = min(edge, row.box[1]) if way == "up" else max(edge, row.box[3])
    return _Columns(frozenset(members), gutter)


def _gap(row: _Row) -> tuple[int, int]:
    before = [word for word in row.line.words[: row.split] if any(map(str.isalnum, word.text))]
    return before[-1].box[2], row.line.words[row.split].box[0]


def _narrowed(gutter: tuple[int, int], row: _Row, text: _Text) -> tuple[int, int] | None:
    """What of the gutter `row` leaves clear, None where that is too little."""
    left, right = gutter
    middle = (row.box[0] + row.box[2] - text.left - text.right) / 2
    if row.split < 0 or (row.split == 0 and abs(middle) < _MIDDLE * text.width):
        return None
    if row.split > 0:
        gap = _gap(row)
        left, right = max(left, gap[0]), min(right, gap[1])
    elif row.box[0] + row.box[2] < left + right:
        left = max(left, row.box[2])
    else:
        right = min(right, row.box[0])
    return (left, right) if right - left >= _GUTTER * text.height else None


def _is_central(columns: _Columns, text: _Text) -> bool:
    """The gutter of a head or foot reaches near the middle of the sheet; that of a column of figures does not."""
    left, right = ((edge - text.left) / text.width for edge in columns.gutter)
    return left < 0.6 and right > 0.4


def _is_clear(rows: list[_Row], columns: _Columns) -> bool:
    """Lines stand side by side, not as many as in a table, and both columns say something."""
    left, right = _sides(rows, columns)
    if any("|" in line.text for side in (left, right) for line in side):
        return False  # the rules of a table
    if any(_are_cells(one, other) for side in (left, right) for one, other in pairwise(side)):
        return False
    level = sum(any(_level(one.box, other.box) for other in right) for one in left)
    letters = [sum(map(_letters, side)) for side in (left, right)]
    least = 1 if _RECEIVERS in left[0].text.lower() else 2
    return least <= level <= _MOST_PAIRS and min(letters) >= _LEAST_LETTERS


def _are_cells(one: Line, other: Line) -> bool:
    """Level and beside each other: a column has no columns of its own."""
    apart = max(one.box[0], other.box[0]) >= min(one.box[2], other.box[2])
    return apart and _level(one.box, other.box) and min(_letters(one), _letters(other)) > _DEBRIS


def _letters(line: Line) -> int:
    return sum(map(str.isalnum, line.text))


def _sides(rows: list[_Row], columns: _Columns) -> tuple[list[Line], list[Line]]:
    middle = sum(columns.gutter) / 2
    sides: tuple[list[Line], list[Line]] = ([], [])
    for row in sorted((rows[number] for number in columns.members), key=lambda row: row.box[1] + row.box[3]):
        for is_right, words in groupby(row.line.words, key=lambda word: word.box[0] > middle):
            sides[is_right].append(line_of(list(words), baseline_of(row.line)))
    return sides


def _put_together(rows: list[_Row], pairs: list[_Columns]) -> tuple[Block, ...]:
    """Each pair of columns where the first of its rows came; the other rows in the blocks they came in."""
    home = {number: columns for columns in pairs for number in columns.members}
    done: set[frozenset[int]] = set()
    blocks: list[Block] = []
    run: list[Line] = []
    block_before = -1
    for number, row in enumerate(rows):
        columns = home.get(number)
        if run and (columns is not None or row.block != block_before):
            blocks.append(block_of(run))
            run = []
        if columns is None:
            run.append(row.line)
        elif columns.members not in done:
            done.add(columns.members)
            blocks += [block_of(side) for side in _sides(rows, columns)]
        block_before = row.block
    return tuple([*blocks, block_of(run)] if run else blocks)
