"""The head of page 1 read again, so that several readings of it can vote: column by column, scattered, without coloured ink.

The page's own pass reads head and body as one picture: a stamp over the number, a pen's digits between printed words or a
line that runs across both columns cost it words that it reads well when it sees them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import cv2
import numpy as np

from ocr_workers.boxes import block_of, line_of, mapped
from ocr_workers.engine import Engine, Layout
from ocr_workers.quality import sized
from ocr_workers.reading.line_frame import frame_of, usual_size
from ocr_workers.reading.print_lines import PrintReader
from ocr_workers.reading.sense import Candidates
from ocr_workers.reading.sight import Candidate, Sight
from ocr_workers.reading.signature_views import Views, views_of
from ocr_workers.reading.spans import Sheet, Span
from ocr_workers.reading.text import is_body
from ocr_workers.reading.top import Top
from sohoa.model import Block, Box, Page, Word, union

_ABOVE = 4.0  # middling heights over the first words of the columns that the head may take
_UNSEEN = 14.0  # and below them, where nothing ends it
_MORE = 3.2  # and below and beside the subject, of which lines or words may be missing
_SUBJECT = 14.0  # and below a title whose subject was not found
_ROOM = 0.9  # above and below the date's line, for what is written by hand
_NO_DOUBT = 0.94  # of every word: so sure were no two readings that the third told to share a fault (the surest 0.91)
_LOWEST = 0.55  # of the page: no head reaches further down
_SMALLER = 0.85  # a second size: the engine's slips differ with it, and it reads no worse
_CREDIBLE = 0.3  # readings that agree on less may share a fault
_LEAST = (40, 20)  # pixels of a part that is worth a look
_MOST_LINES = 60  # that the model for spoiled lines reads: a head and its subject have a third of that
_EDGE = 10  # white pixels that the engine wants around print


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read a part: in which view (without coloured ink; bare: strokes thinned, too), how laid out, how large."""

    bare: bool
    layout: Layout
    scale: float


_OF_COLUMNS = (Way(True, Layout.BLOCK, _SMALLER), Way(False, Layout.BLOCK, 1.0), Way(False, Layout.SPARSE, _SMALLER))
_OF_SUBJECT = (Way(False, Layout.BLOCK, 1.0), Way(False, Layout.SPARSE, _SMALLER))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of page 1, its box in the page frame, and how it is read again.

    `enough`: so many readings, the page's own among them, tell all where they agree, two where they agree and no word of
    them is in doubt; where they do not agree, every way is read.
    """

    box: Box
    ways: tuple[Way, ...]
    enough: int

    def is_told(self, readings: int, agreed: float | None, least: float = 0.0) -> bool:
        """Whether after so many readings no other is wanted: `agreed` is the score of what all say, None where they differ,
        `least` the engine's confidence in the worst word of it in any of them."""
        enough = 2 if least >= _NO_DOUBT else self.enough
        return readings > len(self.ways) + 1 or (readings >= enough and agreed is not None and agreed >= _CREDIBLE)

    @property
    def can_be_read(self) -> bool:
        """Whether it is large enough to hold print."""
        return self.box[2] - self.box[0] >= _LEAST[0] and self.box[3] - self.box[1] >= _LEAST[1]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of page 1 that are read again: the head's left column or, where the number under them is sure, its agencies;
    the date's line; and the subject."""

    left: Part
    agencies: Part
    date: Part
    subject: Part


Look = Callable[[Sequence[Part]], Page]
"""Gives page 1 with the words of some parts of it as they are read another way."""
Again = Callable[[Sequence[Part], Page, Sight], Sequence[Look]]
"""The looks at some parts of page 1, each at any of them."""


def parts_of(sheet: Sheet, first: Top) -> Parts:
    """The parts as a first reading tells them; about the upper third of the page where it tells little."""
    page, high, head, title = sheet.page, sheet.height, first.head, first.title
    columns = [span.box for span in (*head.left, *head.right)]
    lines = _places(first.found, "subject", page)
    top = round(min((box[1] for box in columns), default=0) - _ABOVE * high)
    end = max((box[3] for box in columns), default=page.height_px / 4) + _UNSEEN * high
    starts = [span.box[1] - 0.2 * high for span in head.below if is_body(span.text)]
    bottom = round(min([end, *starts[:1], _LOWEST * page.height_px]))
    gutter, width = round(head.gutter) or page.width_px, page.width_px
    about: Box = (0, 0, 0, 0)
    if title is not None:
        under = round(title.spans[-1].box[3] + 0.1 * high)
        last = max((box[3] for box in lines), default=under + (_SUBJECT - _MORE) * high) + _MORE * high
        ends = [start for start in starts if start > under]
        bottom = min(bottom, round(title.spans[0].box[1] - 0.3 * high))
        about = (0, under, width, round(min([last, *ends[:1]])))
    elif lines:
        found = union(lines)
        about = (0, round(found[1] - 0.3 * high), round(found[2] + _MORE * high), round(found[3] + _MORE * high))
        bottom = min(bottom, about[1])
    elif head.kind != "none":  # a title or a V/v that was not read
        under = max((span.box[3] for span in head.left), default=top)
        about = (0, under, width, round(min([under + _UNSEEN * high, *starts[:1]])))
    left: Box = (0, top, gutter, bottom)
    agencies, date = left, (gutter, top, width, bottom)
    if first.found.get("organ_name") and head.kind != "none":  # else who knows what is a column
        agencies = _above(left, _places(first.found, "code_number", page), head.left)
        date = _about(date, _places(first.found, "issued_date", page), head.right, high)
    return Parts(
        Part(_inside(left, page), _OF_COLUMNS, enough=2),
        Part(_inside(agencies, page), _OF_COLUMNS, enough=2),
        Part(_inside(date, page), _OF_COLUMNS, enough=2),
        Part(_inside(about, page), _OF_SUBJECT, enough=3),
    )


def _places(found: Candidates, name: str, page: Page) -> list[Box]:
    """Where the first candidate for a field stands on the page."""
    return [one.box for one in found[name][0].evidence if one.page == page.number] if found.get(name) else []


def _above(column: Box, number: list[Box], spans: Sequence[Span]) -> Box:
    """The column above the number's line; all of it where that line is not in it."""
    if not number or not _stands_in(union(number), column):
        return column
    return (*column[:3], _cut(spans, union(number)))


def _about(column: Box, date: list[Box], spans: Sequence[Span], high: float) -> Box:
    """The line of the column that the date is in, with room for what is written by hand; all of it where it is not in it."""
    if not date or not _stands_in(union(date), column):
        return column
    top, bottom = max(_cut(spans, union(date)), union(date)[1] - _ROOM * high), union(date)[3] + _ROOM * high
    return (column[0], max(column[1], round(top)), column[2], min(column[3], round(bottom)))


def _stands_in(line: Box, column: Box) -> bool:
    return column[1] < line[1] < line[3] <= column[3] and column[0] <= (line[0] + line[2]) / 2 <= column[2]


def _cut(spans: Sequence[Span], line: Box) -> int:
    """Half way between a line and the one above it."""
    above = [span.box[3] for span in spans if span.box[1] + span.box[3] < 2 * line[1]]
    return round((min([line[1], *above[-1:]]) + line[1]) / 2)


def _inside(box: Box, page: Page) -> Box:
    return (max(box[0], 0), max(box[1], 0), min(box[2], page.width_px), min(box[3], page.height_px))


def least_sure(page: Page, one: Candidate) -> float:
    """The engine's confidence in the worst word of what a reading of the page has for a field."""
    boxes = [place.box for place in one.evidence]
    return min((word.confidence for word in page.words() if _within(word.box, boxes)), default=0.0)


def look_again(
    parts: Sequence[Part], page: Page, sight: Sight, *, engine: Engine, prints: PrintReader
) -> Sequence[Look]:
    """The looks at `parts`, each of which `can_be_read`; none where they have no pixels. First the model for spoiled lines
    reads the lines that are known, then the engine reads the parts anew."""
    pixels = sight.pixels(page.number)
    if pixels is None or not parts:
        return ()
    views = views_of(pixels, union([part.box for part in parts]), dpi=page.dpi)

    def look_at_lines(again: Sequence[Part]) -> Page:
        boxes = [part.box for part in again]
        return _with(page, boxes, _read_lines(views, page, boxes, prints))

    def look(number: int, again: Sequence[Part]) -> Page:
        read = [block for part in again for block in _read(views, part.box, part.ways[number], engine)]
        return _with(page, [part.box for part in again], read)

    return [look_at_lines, *(partial(look, number) for number in range(max(len(part.ways) for part in parts)))]


def _read_lines(views: Views, page: Page, parts: Sequence[Box], prints: PrintReader) -> list[Block]:
    """The lines of the page that stand in `parts`, each read by itself; one without a word is left out."""
    picture = views.picture("black" if views.is_coloured else "grey")
    usual = usual_size(tuple(page.lines()), page.dpi)
    in_parts = (
        (line, [word for word in line.words if _within(word.box, [part])]) for part in parts for line in page.lines()
    )
    found = []
    for line, words in islice((pair for pair in in_parts if pair[1]), _MOST_LINES):
        frame = views.frame_here(frame_of(replace(line, words=tuple(words)), page, usual))
        read = [
            Word(word.text, _inside(views.on_page(word.box), page), word.chance) for word in prints.read(picture, frame)
        ]
        if read:
            found.append(block_of([line_of(read)]))
    return found


def _read(views: Views, box: Box, way: Way, engine: Engine) -> tuple[Block, ...]:
    """One part in one way; the words in the page frame."""
    left, top, right, bottom = views.here(box)
    name = ("red" if way.bare else "black") if views.is_coloured else ("grey-thin" if way.bare else "grey")
    scale = way.scale
    piece = views.picture(name)[top:bottom, left:right]
    if scale != 1.0:
        piece = sized(piece, scale)
    piece = np.asarray(cv2.copyMakeBorder(piece, _EDGE, _EDGE, _EDGE, _EDGE, cv2.BORDER_CONSTANT, value=255), np.uint8)
    read = engine.read(np.ascontiguousarray(piece), dpi=views.dpi * scale, layout=way.layout)

    def point_back(x: float, y: float) -> tuple[float, float]:
        whole = (((x - _EDGE) / scale + left) / views.factor, ((y - _EDGE) / scale + top) / views.factor)
        return whole[0] + views.region[0], whole[1] + views.region[1]

    def box_back(box: Box) -> Box:
        one, two = point_back(box[0], box[1]), point_back(box[2], box[3])
        return round(one[0]), round(one[1]), round(two[0]), round(two[1])

    return mapped(read.blocks, box_back, point_back)


def _with(page: Page, parts: Sequence[Box], read: Sequence[Block]) -> Page:
    """The page, what was read in `parts` before replaced by `read`."""
    blocks = list(read)
    for block in page.blocks:
        lines = [[word for word in line.words if not _within(word.box, parts)] for line in block.lines]
        if any(lines):
            blocks.append(block_of([line_of(words) for words in lines if words]))
    return replace(page, blocks=tuple(blocks))


def _within(box: Box, parts: Sequence[Box]) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(part[0] <= x < part[2] and part[1] <= y < part[3] for part in parts)
