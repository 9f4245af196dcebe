"""Reads a signature block again: sparse over the block where rows are missing, line by line where they are known."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from ocr_workers.boxes import mapped
from ocr_workers.engine import Engine, Grey, Layout
from ocr_workers.reading.signature_block import Cell, cut
from ocr_workers.reading.signature_views import Views
from sohoa.model import Box, Word

_LEAST_MARKS = 6  # letters that make a name's row
_PRINT_SHARE = 0.05  # of a row that is black print, dark pixels take at least so much

LineView = tuple[str, float]
"""Which view, and how much larger than it is."""


@dataclass(slots=True)
class Readings:
    """All that was read of one block so far, in the page frame; and the time it took."""

    views: Views
    engine: Engine
    spent_ms: float = 0.0
    cells: list[tuple[str, Cell]] = field(default_factory=list)

    def sparse(self, name: str, box: Box) -> list[Cell]:
        """The block, or what of it lies in `box` (page frame), in sparse mode."""
        left, top, right, bottom = self.views.here(box)
        if right - left < 40 or bottom - top < 20:
            return []
        piece = self._part(name, left, top, right, bottom)
        return self._read(f"sparse {name}", piece, (left, top), Layout.SPARSE, 1.0)

    def line(self, name: str, box: Box, larger: float = 1.0) -> list[Word]:
        """One row of the block (`box` in the page frame) as a single line; the words from left to right."""
        left, top, right, bottom = self.views.here(box)
        if right - left < 12 or bottom - top < 8:
            return []
        piece = self._part(name, left, top, right, bottom)
        cells = self._read(f"line {name}", piece, (left, top), Layout.LINE, larger)
        return sorted((word for cell in cells for word in cell.words), key=lambda word: word.box[0])

    def row_of_letters(self, name: str, box: Box) -> Box | None:
        """The row within `box` (page frame) in which most marks of a letter's size stand side by side; None without one."""
        left, top, right, bottom = self.views.here(box)
        if right - left < 40 or bottom - top < 20:
            return None
        mm = self.views.mm
        ink = (self.views.picture(name)[top:bottom, left:right] < 128).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
        sized = (stats[:, 3] > 1.3 * mm) & (stats[:, 3] < 5.5 * mm) & (stats[:, 2] < 10 * mm) & (stats[:, 2] > 0.4 * mm)
        marks = stats[sized]
        if len(marks) < _LEAST_MARKS:
            return None
        middle = marks[:, 1] + marks[:, 3] / 2
        level = np.abs(middle[:, None] - middle[None, :]) < 1.3 * mm
        row = marks[level[int(np.argmax(level.sum(axis=1)))]]
        if len(row) < _LEAST_MARKS:
            return None
        span = (row[:, 0].min(), row[:, 1].min(), (row[:, 0] + row[:, 2]).max(), (row[:, 1] + row[:, 3]).max())
        return self.views.on_page((int(span[0]) + left, int(span[1]) + top, int(span[2]) + left, int(span[3]) + top))

    def is_red(self, box: Box) -> bool:
        """Whether the print in the box is red: hardly any of its ink is left in the red channel."""
        left, top, right, bottom = self.views.here(box)
        stamp, red = (self.views.picture(name)[top:bottom, left:right] for name in ("stamp", "red"))
        ink, black = int(np.count_nonzero(stamp < 128)), int(np.count_nonzero(red < 128))
        return ink > 0 and black < 0.45 * ink and black < _PRINT_SHARE * stamp.size

    def _part(self, name: str, left: int, top: int, right: int, bottom: int) -> Grey:
        view = name.removesuffix("-dark")
        return _stretched(self.views.picture(view)[top:bottom, left:right], darker_only=view != name)

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
    dark = float(np.percentile(piece, 3))
    if dark > 215 or (dark < 8 and not darker_only):
        return piece
    reach = (255 - dark) * (0.62 if darker_only else 1.0)
    table = np.clip((np.arange(256) - dark) * (255 / reach), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(piece, table), np.uint8)
