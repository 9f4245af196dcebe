"""Setting text page by page: paragraphs that flow over sheets, page numbers, tables, and the room that is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from tests.support.press.fonts import Family
from tests.support.press.hands import STROKES, Hands
from tests.support.press.sheet import BLACK, MM_PER_PT, Run, Sheet, Type, gap_to_fill, wrap

LEFT_MM, RIGHT_MM, TOP_MM, BOTTOM_MM = 30.0, 192.0, 20.0, 277.0
"""The type area: Nghị định 30/2020, PL I gives margins of 20-25, 30-35, 15-20 and 20-25 mm."""
MIDDLE_MM = (LEFT_MM + RIGHT_MM) / 2


@dataclass(slots=True)
class Book:
    """The sheets of one paper being set, and where the next line goes. `wanted` is how many pages it must have.

    `page_number`: top | dashed | foot | none; `spread`: leading over the size of the letters.
    """

    dpi: int
    rng: np.random.Generator
    family: Family
    body_pt: float
    wanted: int
    shaky_mm: float = 0.0
    top_mm: float = TOP_MM
    left_mm: float = LEFT_MM
    right_mm: float = RIGHT_MM
    page_number: str = "top"
    hands: Hands = STROKES
    spread: float = 1.24
    sheets: list[Sheet] = field(init=False)
    y_mm: float = field(init=False)
    zones: list[tuple[str, int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sheets = [Sheet(self.dpi, self.rng, self.hands)]
        self.y_mm = self.top_mm

    @contextmanager
    def zone(self, name: str) -> Iterator[None]:
        """Whatever is printed within is the zone `name`: (name, sheet, first word, word after the last) is kept."""
        first_sheet, first = len(self.sheets) - 1, len(self.sheet.words)
        yield
        for number in range(first_sheet, len(self.sheets)):
            start = first if number == first_sheet else 0
            if len(self.sheets[number].words) > start:
                self.zones.append((name, number, start, len(self.sheets[number].words)))

    @property
    def middle_mm(self) -> float:
        return (self.left_mm + self.right_mm) / 2

    @property
    def sheet(self) -> Sheet:
        return self.sheets[-1]

    @property
    def body(self) -> Type:
        return Type(self.family.regular, self.body_pt, BLACK, self.shaky_mm)

    @property
    def bold(self) -> Type:
        return Type(self.family.bold, self.body_pt, BLACK, self.shaky_mm)

    @property
    def italic(self) -> Type:
        return Type(self.family.italic, self.body_pt, BLACK, self.shaky_mm)

    @property
    def leading_mm(self) -> float:
        return self.body_pt * MM_PER_PT * self.spread

    def turn_page(self) -> None:
        """A new sheet, its number above the text as Nghị định 30 has it."""
        self.sheets.append(Sheet(self.dpi, self.rng, self.hands))
        number = f"- {len(self.sheets)} -" if self.page_number == "dashed" else str(len(self.sheets))
        if self.page_number != "none":
            self.sheet.centred(Run(number, self.body), self.middle_mm, 288.0 if self.page_number == "foot" else 14.0)
        self.y_mm = TOP_MM + 2

    def space(self, mm: float) -> None:
        self.y_mm += mm

    def need(self, mm: float) -> None:
        """Turn the page where less than `mm` is left."""
        if self.y_mm + mm > BOTTOM_MM:
            self.turn_page()

    def next_baseline(self, leading_mm: float | None = None) -> float:
        self.need(leading_mm or self.leading_mm)
        self.y_mm += leading_mm or self.leading_mm
        return self.y_mm

    def paragraph(self, runs: Sequence[Run] | Run, *, indent_mm: float = 10.0, after_mm: float = 2.1) -> None:
        """Justified text between the margins."""
        runs = [runs] if isinstance(runs, Run) else list(runs)
        width = self.right_mm - self.left_mm
        lines = wrap(self.sheet, runs, width, first_indent_mm=indent_mm)
        for number, line in enumerate(lines):
            inset = indent_mm if number == 0 else 0.0
            baseline = self.next_baseline()
            gap = None if number == len(lines) - 1 or self.shaky_mm else gap_to_fill(self.sheet, line, width - inset)
            self.sheet.line(line, self.left_mm + inset, baseline, gap_mm=gap)
        self.space(after_mm)

    def centred(self, text: str, type_: Type, *, width_mm: float = 130.0, after_mm: float = 0.0) -> float:
        """Text in the middle, broken at `width_mm`; returns the width of its last line."""
        left = right = self.middle_mm
        for line in wrap(self.sheet, [Run(text, type_)], width_mm):
            left, right = self.sheet.centred(line, self.middle_mm, self.next_baseline())
        self.space(after_mm)
        return right - left

    def height_mm(self, runs: Sequence[Run]) -> float:
        return len(wrap(self.sheet, runs, self.right_mm - self.left_mm, first_indent_mm=10.0)) * self.leading_mm + 2.1

    def flow(self, paragraphs: Iterator[Sequence[Run]], *, tail_mm: float) -> None:
        """Print endless `paragraphs` until what is left of the last wanted page just holds the tail."""
        for runs in paragraphs:
            if len(self.sheets) >= self.wanted and self.y_mm + self.height_mm(runs) > BOTTOM_MM - tail_mm:
                return
            self.paragraph(runs)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], widths_mm: Sequence[float]) -> None:
        """A ruled table between the margins; its text is read row by row, a cell's lines together."""
        small = self.body.at(self.body_pt - 1.5)
        edges = [self.left_mm]
        for width in widths_mm:
            edges.append(edges[-1] + width)
        step = small.size_pt * MM_PER_PT * 1.2
        for row_number, row in enumerate((heads, *rows)):
            type_ = self.bold.at(small.size_pt) if row_number == 0 else small
            cells = [
                wrap(self.sheet, [Run(text, type_)], width - 3) for text, width in zip(row, widths_mm, strict=True)
            ]
            height = max(len(cell) for cell in cells) * step + 2.5
            self.need(height)
            top, bottom = self.y_mm, self.y_mm + height
            for number, cell in enumerate(cells):
                for line_number, line in enumerate(cell):
                    baseline = top + step * (line_number + 1)
                    if row_number == 0 or number == 0:
                        self.sheet.centred(line, (edges[number] + edges[number + 1]) / 2, baseline)
                    else:
                        self.sheet.line(line, edges[number] + 1.5, baseline)
            for edge in edges:
                self.sheet.rule((edge, top), (edge, bottom))
            for y in (top, bottom):
                self.sheet.rule((edges[0], y), (edges[-1], y))
            self.y_mm = bottom
        self.space(3.0)
