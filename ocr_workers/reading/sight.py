"""What the reading of a paper works with: candidates for its fields, and the pixels of its pages where words do not do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ocr_workers.orientation import turned
from ocr_workers.pages import DocumentPlan, PageImage, load_page
from sohoa.model import Box, Evidence, Page

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of one field.

    `value` is None where the paper leaves it blank; `evidence` is then the blank. `raw` is what was read there, `score` in
    [0, 1] how good the evidence is (not calibrated), `source` the part that read it, such as `words` or `digits`. Of `looks`
    readings of the same place, `votes` say this before all else; 0 where the file itself holds the text.
    """

    value: str | None
    raw: str
    score: float
    evidence: tuple[Evidence, ...]
    source: str = "words"
    votes: int = 1
    looks: int = 1


class Sight:
    """The pixels of a document's pages in the page frame; one page is kept."""

    def __init__(self, load: Callable[[int], Pixels | None]) -> None:
        """`load` gives a page turned as it was found to lie, None where it has no pixels (born digital)."""
        self._load = load
        self._number = 0
        self._pixels: Pixels | None = None

    @classmethod
    def of_document(cls, original: Path, plan: DocumentPlan, pages: Sequence[Page]) -> Self:
        """The pages of one original, read from it as they are asked for."""

        def load(number: int) -> Pixels | None:
            page = load_page(original, plan, number)
            return turned(page.pixels, pages[number - 1].turn_deg) if isinstance(page, PageImage) else None

        return cls(load)

    def pixels(self, number: int) -> Pixels | None:
        """Page `number`: uint8, (height, width) or (height, width, 3) RGB; None for a born-digital page."""
        if number != self._number:
            self._pixels = self._load(number)
            self._number = number
        return self._pixels

    def crop(self, number: int, box: Box) -> Pixels | None:
        """What lies within `box` of page `number`, cut at the page's edges; None where that is nothing."""
        pixels = self.pixels(number)
        if pixels is None:
            return None
        left, top, right, bottom = box
        piece = pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        return piece if piece.size else None


NO_SIGHT = Sight(lambda number: None)
"""For pages of which only the words are held."""
