"""The model for spoiled lines, as it comes with this version, on lines drawn here: what stands there is read where it stands."""

from __future__ import annotations

from functools import cache
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from ocr_workers.boxes import block_of
from ocr_workers.reading.line_frame import LineFrame, base_of, frame_of, size_of, usual_size
from ocr_workers.reading.print_lines import ALPHABET, PrintReader, PrintWord, fit
from ocr_workers.reading.text import distance
from sohoa.model import Line, Page, Word
from tests.training.digit_hands import font_of
from tests.training.print_lines import draw_line
from tests.unit.digit_pages import FONT

Grey = npt.NDArray[np.uint8]
EM = 40


@cache
def _reader() -> PrintReader:
    return PrintReader()


def _line(text: str, *, size: int = EM, slope: float = 0.0) -> tuple[Grey, LineFrame]:
    """Black print on a white sheet, from x 60 on, its base line at y 100 there."""
    font = font_of(FONT, size)
    width = round(font.getlength(text))
    sheet = Image.new("L", (width + 160, 200), 255)
    ImageDraw.Draw(sheet).text((60, 100), text, fill=0, font=font, anchor="ls")
    turn = np.array([[1.0, 0.0, 0.0], [slope, 1.0, -slope * 60]])
    picture = cv2.warpAffine(np.asarray(sheet), turn, sheet.size, borderValue=255)
    return np.asarray(picture, np.uint8), LineFrame(40, width + 80, 100 - 20 * slope, slope, size)


def _text(words: list[PrintWord]) -> str:
    return " ".join(word.text for word in words)


@pytest.mark.parametrize("text", ["Nguyễn Ổn", "ỦY BAN NHÂN DÂN XÃ VẠN THỦY", "Số: 827/PB-SGDĐT", "Về việc cấp phép"])
def test_print_is_read_with_marks_signs_and_case(text: str) -> None:
    words = _reader().read(*_line(text))
    assert _text(words) == text
    assert min(word.chance for word in words) > 0.5


def test_each_word_has_its_place_in_the_picture_however_large_the_print_is() -> None:
    for size in (24, 40, 72):
        picture, frame = _line("Hồ Khắc Nghĩa", size=size)
        left = 60.0
        for word, printed in zip(_reader().read(picture, frame), ("Hồ", "Khắc", "Nghĩa"), strict=True):
            assert word.text == printed
            width = font_of(FONT, size).getlength(printed)
            assert word.box[0] == pytest.approx(left, abs=0.35 * size)
            assert word.box[2] == pytest.approx(left + width, abs=0.35 * size)
            assert word.box[1] < 100 - 0.6 * size < 100 <= word.box[3]
            left += font_of(FONT, size).getlength(f"{printed} ")


def test_a_line_that_falls_is_read_along_its_slope() -> None:
    picture, frame = _line("TRƯỞNG PHÒNG NGHIỆP VỤ", slope=0.04)
    words = _reader().read(picture, frame)
    assert _text(words) == "TRƯỞNG PHÒNG NGHIỆP VỤ"
    assert words[-1].box[3] > words[0].box[3] + 8


def test_paper_without_print_has_no_words() -> None:
    picture, frame = _line("")
    assert _reader().read(picture, frame) == []


def test_most_lines_are_read_through_strokes_seals_and_wear() -> None:
    rng, wrong, letters = np.random.default_rng(7), 0, 0
    for _ in range(60):
        line = draw_line(rng, ())
        width = line.pixels.shape[1]
        read = _text(_reader().read(line.pixels, LineFrame(0, width, 0.715 * 48, 0.0, 48 / 1.9)))
        wrong += distance(read, line.text)
        letters += len(line.text)
    assert wrong < 0.08 * letters


def test_the_fit_of_a_text_is_the_sum_over_all_ways_to_write_it() -> None:
    rng = np.random.default_rng(3)
    columns = rng.random((5, len(ALPHABET) + 1)).astype(np.float32)
    columns /= columns.sum(axis=1, keepdims=True)
    for text in ("ab", "aa", "a", "", "abc"):
        classes = [ALPHABET.index(char) + 1 for char in text]
        ways = (way for way in product({0, *classes}, repeat=5) if _collapsed(way) == classes)
        whole = sum(float(np.prod([columns[at, one] for at, one in enumerate(way)])) for way in ways)
        assert fit(columns, [text, "b"])[0] == pytest.approx(whole, rel=1e-4)
    assert fit(columns, ["aaaa"])[0] == 0.0  # four of a kind want three gaps between them
    assert fit(columns, ["漢"])[0] == 0.0


def _collapsed(way: tuple[int, ...]) -> list[int]:
    return [one for one, before in zip(way, (0, *way[:-1]), strict=True) if one and one != before]


def test_the_printed_word_fits_better_than_one_with_other_marks() -> None:
    for printed, other in (("Cẩn", "Cần"), ("Ổn", "Ôn"), ("Tường", "Tưởng"), ("Duệ", "Đuệ")):
        word = _reader().read(*_line(f"Lê {printed}"))[1]
        right, wrong = word.chances([printed, other])
        assert right > 10 * wrong, printed


def test_a_line_is_framed_by_its_words() -> None:
    def word(text: str, left: int, top: int, bottom: int) -> Word:
        return Word(text, (left, top, left + 100, bottom), 0.9)

    plain, tailed = word("Nam", 100, 73, 100), word("Giang", 220, 73, 109)
    line = Line((plain, tailed), (100, 73, 320, 109), (0.0, 100.0))
    assert size_of(line.words, 40.0) == pytest.approx(40, rel=0.1)
    assert base_of(line.words, 40.0) == pytest.approx(100, abs=1.5)
    frame = frame_of(line, _page(line), 40.0)
    assert frame.left < 100 < 320 < frame.right
    assert frame.base == pytest.approx(100, abs=2)
    assert usual_size((), 200.0) == pytest.approx(200 * 14 / 72)
    assert size_of((word("Nam", 0, 0, 200),), 40.0) == pytest.approx(48)  # a stroke made it tall


def _page(line: Line) -> Page:
    return Page(number=1, width_px=1000, height_px=1400, dpi=200.0, status="recognised", blocks=(block_of([line]),))
