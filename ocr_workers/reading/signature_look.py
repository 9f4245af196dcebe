"""One signature block while it is read: what was seen of it so far, and how rows of it are told apart, framed and looked at."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from ocr_workers.reading.line_frame import LineFrame, base_of, usual_size
from ocr_workers.reading.print_lines import PrintWord
from ocr_workers.reading.signature_block import Cell, SignatureBlock, cells_of, position_like, power_in
from ocr_workers.reading.signature_readings import Ink, LineView, Readings
from ocr_workers.reading.signature_stems import PrintRow
from ocr_workers.reading.signature_titles import is_title
from sohoa.model import Box, Page, Word, union

EDGE_MM = 3.0  # a capital
CLOSEST_MM, ROOM_MM = 6.0, 15.0  # from a title down to a name: never less, seldom less
_TITLE_LIKE = 0.6
_MOST_WORDS = 6  # of a name with a degree
_GREY: Final[tuple[LineView, ...]] = (
    ("grey", 1.0), ("grey-thin", 1.3), ("grey-all", 1.0), ("grey", 1.4), ("grey-thin", 1.0), ("grey-all", 1.4),
)  # fmt: skip
_BLACK: Final[tuple[LineView, ...]] = (
    ("red", 1.0), ("black", 1.3), ("grey", 1.0), ("red-thin", 1.0), ("black-dark", 1.0), ("red", 1.4), ("black-all", 1.0),
    ("stamp", 1.3),
)  # fmt: skip
_RED: Final[tuple[LineView, ...]] = (
    ("stamp", 1.0), ("grey", 1.3), ("stamp-dark", 1.0), ("stamp", 1.4), ("stain-dark", 1.0), ("stamp-dark", 1.3), ("stain", 1.0),
    ("grey-dark", 1.4),
)  # fmt: skip
UNDER_STROKES: Final[dict[Ink, tuple[LineView, ...]]] = {
    "grey": (
        ("grey-free-dark", 1.5), ("grey-free", 1.0), ("grey-dark", 1.25), ("grey-free-dark", 0.75), ("grey-free-dark", 1.0),
        ("grey-free", 1.5), ("grey-bare-dark", 1.25), ("grey-bare", 1.5),
    ),
    "black": (
        ("black-free-dark", 1.5), ("red-free", 1.0), ("black-dark", 1.25), ("red-free-dark", 0.75), ("black-free-dark", 1.0),
        ("grey-free-dark", 1.25), ("black-bare-dark", 1.25), ("red-bare", 1.5),
    ),
    "red": (
        ("stamp-free-dark", 1.5), ("reddish-free", 1.0), ("reddish-free-dark", 1.25), ("stamp-dark", 1.0), ("stain-dark", 1.5),
        ("stamp-free", 1.0), ("reddish-bare", 1.5), ("stamp-bare-dark", 1.25),
    ),
    "blue": (
        ("bluish-free", 1.5), ("grey-free-dark", 1.0), ("bluish-free-dark", 1.25), ("bluish", 1.5), ("red-free-dark", 1.0),
        ("bluish-free-dark", 0.75), ("bluish-bare", 1.25), ("grey-bare-dark", 1.5),
    ),
}  # fmt: skip
"""Views of a row whose place its stems show, by its ink: strokes taken out, paler ink left out."""
_PRINT_ROOM_MM = 5.0  # beside a row, where a word of it may stand that was not read
_PRINT_VIEWS: Final[dict[Ink, tuple[str, ...]]] = {
    "grey": ("grey", "grey-free"),
    "black": ("red", "grey", "black-free"),
    "red": ("stamp", "reddish"),
    "blue": ("grey", "bluish"),
}
"""Views that the model for spoiled lines is shown, by a row's ink."""


@dataclass(slots=True)
class Look:
    """A block while it is read: cells by reading, the page pass's first; which line views each row has had."""

    page: Page
    block: SignatureBlock
    readings: Readings
    until: float
    seen: list[list[Cell]]
    had: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    above_read: bool = False
    below_read: bool = False
    seen_titles: bool = False
    printed: PrintRow | None = None
    print_sought: bool = False
    unread_below: Box | None = None
    prints: dict[tuple[str, LineFrame], list[PrintWord]] = field(default_factory=dict)
    printed_titles: list[str] = field(default_factory=list)
    fits: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def mm(self) -> float:
        return self.page.dpi / 25.4

    @property
    def time_is_up(self) -> bool:
        return time.thread_time() > self.until

    def sparse(self, view: str) -> None:
        """Read the whole block in one view."""
        below_titles = self.block.titles and self.seen_titles
        top = max(cell.box[3] for cell in self.block.titles) if below_titles else self.block.region[1]
        left, _, right, bottom = self.block.region
        self.seen.append(self.readings.sparse(view, (left, round(top), right, bottom)))
        self.reads += 1

    def print_line(self, view: str, frame: LineFrame) -> list[PrintWord]:
        """One line of print in one view, by the model for spoiled lines; each is read once."""
        if (view, frame) not in self.prints:
            self.prints[view, frame] = self.readings.print_line(view, frame)
        return self.prints[view, frame]

    def line(self, view: str, box: Box, larger: float, slope: float = 0.0) -> None:
        """Read one row in one view; what stands in it joins what was seen."""
        self.reads += 1
        words = self.readings.line(view, box, larger, slope)
        if words:
            self.seen.append([Cell(tuple(words), union([word.box for word in words]))])


def title_rows(seen: list[list[Cell]], name_row: Box | None) -> list[list[Cell]]:
    """Cells of all readings that are titles, row by row from the top."""
    rows: list[list[Cell]] = []
    for cells in seen:
        for cell in cells:
            if name_row is not None and cell.box[3] > name_row[1]:
                continue
            power, rest = power_in(cell.text)
            if not is_title(cell.text) or (power is None and position_like(rest)[1] < _TITLE_LIKE):
                continue
            for row in rows:
                if any(level(cell.box, other.box) for other in row):
                    row.append(cell)
                    break
            else:
                rows.append([cell])
    return sorted(rows, key=lambda row: sum(cell.box[1] for cell in row) / len(row))


def text_lines(page: Page) -> list[Box]:
    """What the page pass read that is longer than a name or a title."""
    return [cell.box for cell in cells_of(page) if len(cell.words) > _MOST_WORDS]


def frame_of_words(look: Look, box: Box, words: Sequence[Word]) -> LineFrame:
    """A level row in `box` with room beside it, its base line told by words in it, or by the box where there are none."""
    usual = usual_size(tuple(look.page.lines()), look.page.dpi)
    room, inside = _PRINT_ROOM_MM * look.mm, look.block.region
    start, end = max(box[0] - room, float(inside[0])), min(box[2] + room, float(inside[2]))
    spelt = [word for word in words if sum(map(str.isalpha, word.text)) > 1]
    return LineFrame(start, end, base_of(spelt, usual) if spelt else float(box[3]), 0.0, usual)


def print_views(look: Look, row: Box, printed: PrintRow | None) -> tuple[str, ...]:
    """The views of a row, by its ink, that the model for spoiled lines is shown."""
    ink = look.readings.ink_of(row if printed is None else printed.box)
    return _PRINT_VIEWS["black" if ink == "grey" and look.readings.views.is_coloured else ink]


def row_box(cells: Sequence[Cell]) -> Box:
    """As wide as any reading saw the row, as high as most did: a stroke that touches a letter makes its box tall."""
    box = union([cell.box for cell in cells])
    words = [word for cell in cells for word in cell.words if sum(map(str.isalpha, word.text)) >= 2]
    boxes = [word.box for word in words] or [cell.box for cell in cells]
    return (box[0], round(median(one[1] for one in boxes)), box[2], round(median(one[3] for one in boxes)))


def line_views(look: Look, box: Box) -> tuple[LineView, ...]:
    if not look.readings.views.is_coloured:
        return _GREY
    return _RED if look.readings.is_red(box) else _BLACK


def grown(box: Box, *, beside: float, above: float, inside: Box) -> Box:
    return (
        max(round(box[0] - beside), inside[0]),
        max(round(box[1] - above), inside[1]),
        min(round(box[2] + beside), inside[2]),
        min(round(box[3] + above), inside[3]),
    )


def level(one: Box, other: Box) -> bool:
    """In one row: the middle of each lies well within the other."""
    apart = abs(one[1] + one[3] - other[1] - other[3]) / 2
    heights = (one[3] - one[1], other[3] - other[1])
    return apart < 0.5 * min(heights) or (apart < 0.3 * max(heights) and 2.2 * min(heights) > max(heights))
