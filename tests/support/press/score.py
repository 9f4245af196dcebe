"""How far a reading is from the truth."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from sohoa.model import Box
from tests.support.press.paper import DrawnPage


def character_error_rate(truth: str, read: str) -> float:
    """Edits (insert, delete, replace) that make `read` the truth, for each of the truth's characters.

    Both sides in NFC, white space counted as one space. Raises ValueError for an empty truth.
    """
    wanted, got = (" ".join(unicodedata.normalize("NFC", text).split()) for text in (truth, read))
    if not wanted:
        raise ValueError("an empty truth has no error rate")
    return _edits([ord(letter) for letter in wanted], [ord(letter) for letter in got]) / len(wanted)


def word_error_rate(truth: str, read: str) -> float:
    """The same for words, parted by white space."""
    wanted, got = (unicodedata.normalize("NFC", text).split() for text in (truth, read))
    if not wanted:
        raise ValueError("an empty truth has no error rate")
    numbers = {word: number for number, word in enumerate({*wanted, *got})}
    return _edits([numbers[word] for word in wanted], [numbers[word] for word in got]) / len(wanted)


def placed_error_rate(page: DrawnPage, read: Iterable[tuple[str, Box]]) -> float:
    """The character error rate with what was read put into the truth's order by where it stands on the page.

    Two columns read line by line, or a table by columns, then cost nothing; only letters do. `read`: words with their
    boxes in the page's pixels. Raises ValueError for a blank page.
    """
    return character_error_rate(page.text, placed_text(page, read))


def placed_text(page: DrawnPage, read: Iterable[tuple[str, Box]]) -> str:
    """What was read, in the truth's order by where it stands. Raises ValueError for a blank page."""
    if not page.words:
        raise ValueError("a blank page has no error rate")
    truth = np.array([word.box for word in page.words], np.float64)
    placed = []
    for text, box in read:
        across = np.minimum(truth[:, 2], box[2]) - np.maximum(truth[:, 0], box[0])
        down = np.minimum(truth[:, 3], box[3]) - np.maximum(truth[:, 1], box[1])
        # Overlap where there is some; otherwise the gaps, negative, so that the nearest word wins.
        nearness = np.where((across > 0) & (down > 0), across * down, np.minimum(across, 0) + np.minimum(down, 0))
        placed.append((int(nearness.argmax()), box[0], text))
    return " ".join(text for _, _, text in sorted(placed))


def _edits(wanted: Sequence[int], got: Sequence[int]) -> float:
    """The fewest insertions, deletions and replacements that make `got` into `wanted`."""
    columns = np.arange(len(got) + 1)
    items = np.array(got, np.int64)
    row = columns.copy()
    for number, item in enumerate(wanted, 1):
        new = np.empty_like(row)
        new[0] = number
        new[1:] = np.minimum(row[1:] + 1, row[:-1] + (items != item))
        # Insertions run along the row: new[j] = min over i <= j of new[i] + (j - i).
        row = np.minimum.accumulate(new - columns) + columns
    return float(row[-1])
