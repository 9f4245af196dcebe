"""Roman numerals of strokes are counted in their pixels; what is no such numeral is not."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ocr_workers.reading.sight import NO_SIGHT, Sight
from ocr_workers.reading.spans import Span
from ocr_workers.reading.strokes import count_strokes
from ocr_workers.reading.subject import STROKES_COUNTED, read_subject
from sohoa.model import Box, Word
from tests.support.press.fonts import LIBERATION, font

SIZES = (26, 40, 58)  # pixels an em: 14 points at 130, 200 and 300 dpi


def _drawn(*texts: str, size: int, bold: bool = False) -> tuple[Sight, list[Box]]:
    """The texts side by side on a white page, and the box of each one's ink."""
    image = Image.new("L", (900, 120), 245)
    face = font(LIBERATION.bold if bold else LIBERATION.regular, size)
    boxes, x = [], 20.0
    for text in texts:
        ImageDraw.Draw(image).text((x, 80), text, fill=30, font=face, anchor="ls")
        left, top, right, bottom = ImageDraw.Draw(image).textbbox((x, 80), text, font=face, anchor="ls")
        boxes.append((int(left), int(top), int(right) + 1, int(bottom) + 1))
        x += face.getlength(text) + 0.3 * size
    pixels = np.asarray(image, np.uint8)
    return Sight(lambda number: pixels), boxes


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("numeral", ["I", "II", "III", "I)", "II)", "III)"])
def test_strokes_are_counted_and_brackets_are_none(numeral: str, size: int, bold: bool) -> None:
    sight, [box] = _drawn(numeral, size=size, bold=bold)
    assert count_strokes(sight, 1, box) == numeral.count("I")


@pytest.mark.parametrize("text", ["4", "XX", "nội", "IIII"])
def test_what_is_no_numeral_of_up_to_three_strokes_is_not_counted(text: str) -> None:
    sight, [box] = _drawn(text, size=40)
    assert count_strokes(sight, 1, box) is None


def test_a_box_that_has_only_a_part_of_a_numeral_counts_nothing() -> None:
    sight, [(left, top, right, bottom)] = _drawn("III", size=40)
    assert count_strokes(sight, 1, (left, top, left + 2 * (right - left) // 3, bottom)) is None


def test_the_bar_of_an_h_is_no_two_strokes() -> None:
    sight, [box] = _drawn("H", size=40)
    assert count_strokes(sight, 1, box) is None


@pytest.mark.parametrize(
    ("before", "printed", "read", "value"),
    [("(đợt", "1", "l", "giao (đợt l"), ("số", "1", "l", "giao số l"), ("loại", "H", "H", "giao loại II")],
)
def test_what_one_stroke_or_a_letter_shows_is_not_counted(before: str, printed: str, read: str, value: str) -> None:
    sight, boxes = _drawn("giao", before, printed, size=40)
    words = [Word(text, box, 0.9) for text, box in zip(("giao", before, read), boxes, strict=True)]
    got = read_subject([Span(1, tuple(words))], Counter(), sight, born_digital=False)
    assert got is not None
    assert (got.value, got.source) == (value, "words")


def test_without_pixels_nothing_is_counted() -> None:
    assert count_strokes(NO_SIGHT, 1, (0, 0, 40, 40)) is None


@pytest.mark.parametrize(
    ("printed", "read"), [("III)", "ID)"), ("II)", "HI)"), ("III)", "II)"), ("I)", "T)"), ("II)", "IID")]
)
def test_a_subject_has_the_strokes_that_the_paper_has(printed: str, read: str) -> None:
    sight, boxes = _drawn("giao ban", "(đợt", printed, size=40)
    words = [Word(text, box, 0.9) for text, box in zip(("giao", "(đợt", read), boxes, strict=True)]
    got = read_subject([Span(1, tuple(words))], Counter(), sight, born_digital=False)
    assert got is not None
    assert got.value == f"giao (đợt {printed}"
    assert got.source == STROKES_COUNTED


def test_a_number_stays_a_number() -> None:
    sight, boxes = _drawn("(đợt", "1)", size=40)
    words = [Word(text, box, 0.9) for text, box in zip(("(đợt", "1)"), boxes, strict=True)]
    got = read_subject([Span(1, tuple(words))], Counter(), sight, born_digital=False)
    assert got is not None
    assert (got.value, got.source) == ("(đợt 1)", "words")
