"""Reads a signature block again: sparse over the block where rows are missing, line by line where they are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np

from ocr_workers.boxes import mapped
from ocr_workers.engine import Engine, Grey, Layout
from ocr_workers.reading.levels import percentile
from ocr_workers.reading.line_frame import LineFrame
from ocr_workers.reading.print_lines import PrintReader, PrintWord
from ocr_workers.reading.signature_block import Cell, cut
from ocr_workers.reading.signature_stems import PrintRow, row_of_print
from ocr_workers.reading.signature_strokes import levelled, without_lines, without_specks
from ocr_workers.reading.signature_views import Views
from sohoa.model import Box, Word

_DARK = 120
_TINTED = 22  # how far the channels of red and blue print part
_STROKE_ROOM_MM = 4.0  # around a row, where strokes go on that run through it
_PRINT_SHARE = 0.05  # of a row that is black print, dark pixels take at least so much

Ink = Literal["grey", "black", "red", "blue"]
LineView = tuple[str, float]
"""Which view, and how much larger than it is."""


@dataclass(slots=True)
class Readings:
    """All that was read of one block so far, in the page frame; and the time it took."""

    views: Views
    engine: Engine
    prints: PrintReader
    spent_ms: float = 0.0
    cells: list[tuple[str, Cell]] = field(default_factory=list)

    def sparse(self, name: str, box: Box) -> list[Cell]:
        """The block, or what of it lies in `box` (page frame), in sparse mode."""
        left, top, right, bottom = self.views.here(box)
        if right - left < 40 or bottom - top < 20:
            return []
        piece = self._part(name, left, top, right, bottom)
        return self._read(f"sparse {name}", piece, (left, top), Layout.SPARSE, 1.0)

    def line(self, name: str, box: Box, larger: float = 1.0, slope: float = 0.0) -> list[Word]:
        """One row of the block (`box` in the page frame) as a single line, made level where it falls by `slope` to the
        right; the words from left to right, their boxes a little off then."""
        left, top, right, bottom = self.views.here(box)
        if right - left < 12 or bottom - top < 8:
            return []
        piece = levelled(self._part(name, left, top, right, bottom), slope)
        cells = self._read(f"line {name}", piece, (left, top), Layout.LINE, larger)
        return sorted((word for cell in cells for word in cell.words), key=lambda word: word.box[0])

    def print_line(self, name: str, frame: LineFrame) -> list[PrintWord]:
        """One line of print (`frame` and what comes back in the page frame) as the model for spoiled lines reads it."""
        views = self.views
        high, start = 1.4 * frame.em, frame.base + frame.slope * (frame.right - frame.left) / 2
        left, top, right, bottom = views.here(
            (round(frame.left), round(start - high), round(frame.right), round(start + high))
        )
        if right - left < 12 or bottom - top < 8:
            return []
        started = time.thread_time()
        here = views.frame_here(frame)
        here = replace(here, left=here.left - left, right=here.right - left, base=here.base - top)
        words = self.prints.read(self._part(name, left, top, right, bottom), here)
        self.spent_ms += (time.thread_time() - started) * 1000

        def on_page(box: Box) -> Box:
            one, two, three, four = box
            return views.on_page((one + left, two + top, three + left, four + top))

        return [replace(word, box=on_page(word.box)) for word in words]

    def row_of_print(self, box: Box, *, doubtful_to: float = 0.0, without: Iterable[Box] = ()) -> PrintRow | None:
        """The row of print within `box` that its letters' stems show, whatever runs over it; None without one. Above
        `doubtful_to` on the page they count half, in the boxes `without` not at all. All in the page frame."""
        left, top, right, bottom = self.views.here(box)
        if right - left < 40 or bottom - top < 20:
            return None
        ink = self.views.picture("grey")[top:bottom, left:right].copy()
        for known in without:
            one, two, three, four = self.views.here(known)
            ink[max(two - top, 0) : max(four - top, 0), max(one - left, 0) : max(three - left, 0)] = 255
        doubtful = round((doubtful_to - box[1]) * self.views.factor)
        row = row_of_print(ink, self.views.mm, doubtful_to=doubtful)
        if row is None:
            return None
        one, two, three, four = row.box
        return replace(row, box=self.views.on_page((one + left, two + top, three + left, four + top)))

    def ink_of(self, box: Box) -> Ink:
        """The colour of most ink in a box of print."""
        if not self.views.is_coloured:
            return "grey"
        left, top, right, bottom = self.views.here(box)
        ink = self.views.picture("grey")[top:bottom, left:right] < _DARK
        if not ink.any():
            return "black"
        red, green, blue = self.views.crop[top:bottom, left:right][ink].astype(np.int16).T
        if float(np.median(red - np.maximum(green, blue))) > _TINTED:
            return "red"
        return "blue" if float(np.median(blue - red)) > _TINTED else "black"

    def is_red(self, box: Box) -> bool:
        """Whether the print in the box is red: hardly any of its ink is left in the red channel."""
        left, top, right, bottom = self.views.here(box)
        stamp, red = (self.views.picture(name)[top:bottom, left:right] for name in ("stamp", "red"))
        ink, black = int(np.count_nonzero(stamp < 128)), int(np.count_nonzero(red < 128))
        return ink > 0 and black < 0.45 * ink and black < _PRINT_SHARE * stamp.size

    def _part(self, name: str, left: int, top: int, right: int, bottom: int) -> Grey:
        """A piece of a view; with `-free` without the strokes that run along it, with `-bare` without those through it as
        well; with `-dark` its darker ink alone."""
        view = name.removesuffix("-dark")
        plain = view.removesuffix("-free").removesuffix("-bare")
        picture = self.views.picture(plain)
        piece = picture[top:bottom, left:right]
        if view != plain:
            room = round(_STROKE_ROOM_MM * self.views.mm)
            x, y = max(left - room, 0), max(top - room, 0)
            around = np.ascontiguousarray(picture[y : bottom + room, x : right + room])
            free = without_lines(around, self.views.mm, steep=view.endswith("-bare"))
            piece = without_specks(free, self.views.mm)[top - y : bottom - y, left - x : right - x]
        return _stretched(piece, darker_only=view != name)

    def _read(self, source: str, picture: Grey, corner: tuple[int, int], layout: Layout, larger: float) -> list[Cell]:
        started = time.thread_time()
        piece = np.ascontiguousarray(picture)
        if larger != 1.0:
            piece = np.asarray(cv2.resize(piece, None, fx=larger, fy=larger, interpolation=cv2.INTER_CUBIC), np.uint8)
        piece = np.asarray(cv2.copyMakeBorder(piece, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=255), np.uint8)
        reading = self.engine.read(piece, dpi=self.views.dpi * larger, layout=layout)
        blocks = mapped(reading.blocks, self._back(corner, larger), lambda x, y: (x, y))
        cells = [cell for block in blocks for line in block.lines for cell in cut(line.words)]
        self.cells += [(source, cell) for cell in cells]
        self.spent_ms += (time.thread_time() - started) * 1000
        return cells

    def _back(self, corner: tuple[int, int], larger: float) -> Callable[[Box], Box]:
        def to_page(box: Box) -> Box:
            left, top, right, bottom = ((side - 8) / larger for side in box)
            here = (
                round(left) + corner[0],
                round(top) + corner[1],
                round(right) + corner[0],
                round(bottom) + corner[1],
            )
            return self.views.on_page(here)

        return to_page


def _stretched(piece: Grey, *, darker_only: bool) -> Grey:
    """The row's own ink made black: a stamp is often paler than the pen and the seal around it.

    `darker_only`: ink that is not at least half as dark as the darkest becomes paper, as a seal over a stamped name.
    """
    dark = percentile(piece, 3)
    if dark > 215 or (dark < 8 and not darker_only):
        return piece
    reach = (255 - dark) * (0.62 if darker_only else 1.0)
    table = np.clip((np.arange(256) - dark) * (255 / reach), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(piece, table), np.uint8)
