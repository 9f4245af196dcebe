"""How large a line's print is and where its base line runs, told from the boxes of its words and the letters in them."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sohoa.model import Line, Page, Word

USUAL_PT = 14.0
"""The size of an official paper's print (Nghị định 30/2020, annex I)."""
_BELOW = re.compile(r"[gyqpjQ,;/()]")
_DESCENT = 0.22  # sizes of print that letters reach below the base line
_STEEPEST = 0.05
_SMALLEST, _LARGEST = 0.8, 1.2  # of a page's usual print: what a line's words tell beyond is their strokes and marks


@dataclass(frozen=True, slots=True)
class LineFrame:
    """Where a line of print stands in a picture: from `left` to `right`, its base line at y `base` at `left`, falling by `slope`
    a pixel; `em` is the size of the print. All in pixels of the picture."""

    left: float
    right: float
    base: float
    slope: float
    em: float


def usual_size(lines: Sequence[Line], dpi: float) -> float:
    """The print's size in pixels that most words of `lines` tell."""
    return statistics.median([em for line in lines for em in sizes(line.words)] or [dpi * USUAL_PT / 72])


def size_of(words: Sequence[Word], usual: float) -> float:
    """The size of the print of words of one line, near the `usual` of their page."""
    return min(max(statistics.median(sizes(words) or [usual]), _SMALLEST * usual), _LARGEST * usual)


def sizes(words: Sequence[Word]) -> list[float]:
    """The print's size by each word that has letters enough to tell."""
    reaches = ((word, _reach(word.text)) for word in words)
    return [max(8.0, (word.box[3] - word.box[1]) / reach) for word, reach in reaches if reach is not None]


def base_of(words: Sequence[Word], em: float) -> float:
    """Where the base line of words of one line is, at their middle."""
    return statistics.median([word.box[3] - _DESCENT * em * bool(_BELOW.search(word.text)) for word in words])


def slope_of(line: Line) -> float:
    """How far a line falls to the right for each pixel."""
    slope = line.baseline[0] if line.baseline else 0.0
    return slope if abs(slope) < _STEEPEST else 0.0


def frame_of(line: Line, page: Page, usual: float) -> LineFrame:
    """A line of `page` in its frame, half a letter wider at either end."""
    em, slope = size_of(line.words, usual), slope_of(line)
    left, right = min(word.box[0] for word in line.words), max(word.box[2] for word in line.words)
    start, end = max(left - 0.5 * em, 0.0), min(right + 0.5 * em, float(page.width_px))
    return LineFrame(start, end, base_of(line.words, em) + slope * (start - (left + right) / 2), slope, em)


@lru_cache(maxsize=16384)
def _reach(text: str) -> float | None:
    """How high a word's box is, in sizes of its print: up to a capital's mark, a capital or an x, and down to the line or on.
    None where it has hardly any letters."""
    letters = [char for char in text if char.isalnum()]
    if len(letters) < 2:
        return None
    plain = [plain_letter(char) for char in letters]
    marked = [char.lower() != low for char, low in zip(letters, plain, strict=True)]
    if any(char.isupper() and mark for char, mark in zip(letters, marked, strict=True)):
        top = 0.9
    else:
        tall = any(
            char.isupper() or char.isdigit() or low in "bdfhklt" for char, low in zip(letters, plain, strict=True)
        )
        top = 0.68 if tall or any(marked) else 0.46
    below = 0.21 if re.search(r"[gyqpj]", "".join(plain)) else 0.14 if re.search(r"[,;()]", text) else 0.0
    return top + below


@lru_cache(maxsize=16384)
def plain_letter(text: str) -> str:
    """Lower case without marks, one character in, one out."""
    return "".join((unicodedata.normalize("NFD", "d" if char in "đĐÐð" else char)[0].lower() + " ")[0] for char in text)
