"""The digit reader, with its real model, on lines drawn here: what is written is read, a blank stays blank, nonsense unsure."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import ImageFont

from ocr_workers.reading.digit_ink import Layers, set_apart
from ocr_workers.reading.digits import (
    BLANK,
    DigitReader,
    Grammar,
    Reading,
    Span,
    locate_spans,
)
from ocr_workers.reading.line_model import CROP_HEIGHT
from tests.training.digit_hands import Hands
from tests.training.digit_lines import DrawnCrop, draw_crop
from tests.training.pen import written
from tests.unit.digit_pages import FONT, SIZE_PX, Sheet

SURE = 0.9


@cache
def _reader() -> DigitReader:
    return DigitReader()


def _read(crops: list[DrawnCrop], grammar: Grammar) -> list[tuple[Reading, ...]]:
    rooms = [(crop.left, crop.right) for crop in crops]
    return _reader().read_crops([crop.pixels for crop in crops], grammar, rooms)


def _drawn(kind: str, texts: list[str], *, seed: int) -> list[DrawnCrop]:
    rng = np.random.default_rng(seed)
    return [draw_crop(rng, Hands(), kind=kind, text=text, whole=True) for text in texts]


def _right(readings: list[tuple[Reading, ...]], texts: list[str]) -> int:
    return sum(bool(found) and found[0].text == text for found, text in zip(readings, texts, strict=True))


def _sure_and_wrong(readings: list[tuple[Reading, ...]], texts: list[str]) -> list[tuple[str, Reading]]:
    pairs = [(text, found[0]) for found, text in zip(readings, texts, strict=True) if found]
    return [(text, top) for text, top in pairs if top.text != text and top.probability >= SURE]


def test_most_worn_numbers_are_read_and_none_surely_wrong() -> None:
    texts = ["03", "29", "125", "308", "189", "440", "2082", "1983", "4366", "5065", "2193", "12345"] * 4
    readings = _read(_drawn("number", texts, seed=71), Grammar.NUMBER)
    assert _right(readings, texts) >= 0.75 * len(texts)
    assert len(_sure_and_wrong(readings, texts)) <= 2  # of one the ink is lost, of one two strokes are one


@pytest.mark.parametrize(
    ("kind", "texts"),
    [("day", ["06", "9", "17", "24", "31"]), ("month", ["02", "7", "11"]), ("year", ["2017", "2025"])],
)
def test_most_parts_of_worn_dates_are_read_and_none_surely_wrong(kind: str, texts: list[str]) -> None:
    texts = texts * (30 // len(texts))
    readings = _read(_drawn(kind, texts, seed=72), Grammar(kind))
    assert _right(readings, texts) >= 0.85 * len(texts)
    assert _sure_and_wrong(readings, texts) == []


@pytest.mark.parametrize("kind", ["number", "day", "month"])
def test_room_left_empty_is_blank_and_no_digits(kind: str) -> None:
    texts = [BLANK] * 25
    readings = _read(_drawn(kind, texts, seed=73), Grammar(kind))
    assert _right(readings, texts) >= 24
    assert _sure_and_wrong(readings, texts) == []


def test_what_is_written_is_never_surely_a_blank() -> None:
    texts = ["7", "11", "125", "4366"] * 10
    readings = _read(_drawn("number", texts, seed=74), Grammar.NUMBER)
    assert [found[0] for found in readings if found and found[0].text == BLANK and found[0].probability >= 0.5] == []


def test_suffix_letter_is_part_of_the_number() -> None:
    texts = ["3176B", "12A", "45a", "208A", "9B"] * 5
    readings = _read(_drawn("number", texts, seed=75), Grammar.NUMBER)
    assert _right(readings, texts) >= 0.56 * len(texts)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [("day", ["32", "38", "00", "45", "7B"]), ("month", ["13", "00", "29"]), ("year", ["1817", "217"])],
)
def test_what_no_calendar_has_is_not_read(kind: str, texts: list[str]) -> None:
    for found in _read(_drawn(kind, texts * 4, seed=76), Grammar(kind)):
        assert not {reading.text for reading in found} & set(texts)
        assert all(reading.probability < SURE for reading in found)


def test_words_scribbles_and_bare_paper_give_nothing_sure() -> None:
    rng = np.random.default_rng(77)
    crops = [draw_crop(rng, Hands(), kind="words").pixels for _ in range(20)]
    for _ in range(10):
        scribble = np.full((CROP_HEIGHT, 150), 245, np.uint8)
        points = np.array([75, 24]) + np.cumsum(rng.normal(0, 14, (30, 2)), axis=0)
        cv2.polylines(scribble, [points.astype(np.int32)], False, 30, 2, cv2.LINE_AA)
        crops.append(scribble)
    crops += [np.full((CROP_HEIGHT, 140), 250, np.uint8), np.zeros((CROP_HEIGHT, 140), np.uint8)]
    crops.append(rng.integers(0, 255, (CROP_HEIGHT, 140), np.uint8))
    for grammar in Grammar:
        readings = _reader().read_crops(crops, grammar, [(30.0, 110.0)] * len(crops))
        assert [found[0] for found in readings if found and found[0].probability >= SURE] == []


def _all(sheet: Sheet) -> dict[str, str]:
    page = sheet.page()
    number, date = locate_spans(page)
    assert number is not None
    assert date is not None
    asked = [(number, Grammar.NUMBER), (date.day, Grammar.DAY), (date.month, Grammar.MONTH), (date.year, Grammar.YEAR)]
    found = _reader().read_all(sheet.pixels, asked)
    return {grammar.value: readings[0].text for (_, grammar), readings in zip(asked, found, strict=True) if readings}


WRITTEN = {"number": "2082", "day": "06", "month": "11", "year": "2017"}


def test_header_is_read_from_words_and_pixels() -> None:
    assert _all(Sheet.of("2082", "06")) == WRITTEN


@pytest.mark.parametrize("unread", ["Số:", "ngày", "tháng", "năm", "number line", "date line"])
def test_label_or_line_that_the_engine_missed_is_placed_by_the_others(unread: str) -> None:
    assert _all(Sheet.of("2082", "06").without(unread)) == WRITTEN


def test_labels_glued_to_what_the_engine_made_of_the_digits_are_still_found() -> None:
    sheet = Sheet.of("2082", "06").with_words({"Số:": "Sá:20€2}/SYT-NVY", "/SYT-NVY": "", "ngày": "ngày(Ê"})
    assert _all(sheet) == WRITTEN


def test_blank_number_and_day_on_a_page_are_blank() -> None:
    assert _all(Sheet.of("", "")) == WRITTEN | {"number": BLANK, "day": BLANK}


def test_date_and_number_of_a_quoted_paper_are_not_taken() -> None:
    sheet = Sheet.of("2082", "06").without("number line").without("date line")
    sheet.write("Căn cứ Quyết định số 1675/QĐ-UBND ngày 09 tháng 8 năm 2016", 300, 900)
    page = sheet.page()
    assert locate_spans(page) == (None, None)


def _room_of_number(number_line: str) -> Span:
    sheet = Sheet()
    sheet.write("Lâm Sơn, ngày 06 tháng 11 năm 2017", 820, 300)
    sheet.write(number_line, 320, 300)
    span, _ = locate_spans(sheet.page())
    assert span is not None
    return span


@pytest.mark.parametrize("number_line", ["Số: 04-NQ/TU", "Số 17 /2025/QĐ-UBND", "Số: //42/UBND-KSTTHC"])
def test_room_ends_where_the_notation_begins(number_line: str) -> None:
    span = _room_of_number(number_line)
    notation = {"04": "-NQ", "17": "/2025", "//": "/UBND"}[number_line.split()[1][:2]]
    font = ImageFont.truetype(str(FONT), SIZE_PX)
    expected = 320 + font.getlength(number_line[: number_line.index(notation)])
    assert abs(span.right - expected) < 12


@pytest.mark.parametrize("number_line", ["Số: Z8HD-CAT", "Số: HD-CAT"])
def test_room_is_wide_enough_where_the_notation_is_glued_to_the_digits(number_line: str) -> None:
    span = _room_of_number(number_line)
    assert span.labels_seen == 1
    assert span.box[2] - span.left > 4.5 * span.em_px  # four digits by hand take about two


def test_a_room_beyond_the_page_is_blank_or_unread_and_no_fault() -> None:
    sheet = Sheet.of("2082", "06")
    span, _ = locate_spans(sheet.page())
    assert span is not None
    beyond = replace(span, box=(5000, 300, 5200, 400), left=5020, right=5100)
    colours = np.repeat(sheet.pixels[:, :, None], 3, axis=2) if sheet.pixels.ndim == 2 else sheet.pixels
    assert [one for one in _reader().read(colours, beyond, Grammar.NUMBER) if one.text] == []


def test_page_without_a_header_has_no_rooms() -> None:
    sheet = Sheet()
    sheet.write("SỞ Y TẾ", 300, 200)
    sheet.write("Danh sách kèm theo", 500, 400)
    assert locate_spans(sheet.page()) == (None, None)


def test_grey_and_colour_pixels_read_alike() -> None:
    sheet = Sheet.of("2082", "06")
    span, _ = locate_spans(sheet.page())
    assert span is not None
    colour: npt.NDArray[np.uint8] = np.repeat(sheet.pixels[:, :, None], 3, axis=2)
    assert _reader().read(colour, span, Grammar.NUMBER) == _reader().read(sheet.pixels, span, Grammar.NUMBER)


def _by_pen(texts: tuple[str, str], *, drop: int = 0, colour: tuple[int, int, int] | None = None) -> dict[str, str]:
    """A header whose number and day a pen wrote, `drop` pixels too low; in `colour`, and then close to the slash."""
    sheet = Sheet.of("", "")
    rng = np.random.default_rng(11)
    pixels = np.repeat(sheet.pixels[:, :, None], 3, axis=2)
    for text, x in zip(texts, (378, 1062), strict=True):
        ink = written(text, 44 if drop else 34, rng)
        x = 498 - ink.shape[1] if colour is not None and x == 378 else x
        part = pixels[308 + drop - ink.shape[0] : 308 + drop, x : x + ink.shape[1]]
        paler = np.array(colour or (25, 25, 25), np.float32) / 250
        part[:] = np.minimum(part, (250 * (1 - ink[..., None] / 255 * (1 - paler))).astype(np.uint8))
    sheet.pixels = pixels if colour is not None else np.ascontiguousarray(pixels[..., 0])
    return _all(sheet)


def test_digits_that_hang_below_the_line_are_read_whole() -> None:
    assert _by_pen(("1403", "30"), drop=22) == WRITTEN | {"number": "1403", "day": "30"}


def test_digits_cut_off_below_by_other_ink_are_not_sure() -> None:
    sheet = Sheet.of("", "03")
    whole = _sureness(sheet)
    cv2.rectangle(sheet.pixels, (980, 318), (1200, 360), 30, -1)  # a stamp's frame into which the digits reach
    sheet.pixels[300:320, 1075:1085] = 30
    assert whole > 0.8
    assert _sureness(sheet) <= 0.5


def _sureness(sheet: Sheet) -> float:
    _, date = locate_spans(sheet.page())
    assert date is not None
    return max((one.probability for one in _reader().read(sheet.pixels, date.day, Grammar.DAY)), default=0.0)


def test_coloured_digits_that_touch_the_slash_are_set_apart_from_it() -> None:
    assert _by_pen(("9091", "06"), colour=(40, 55, 150)) == WRITTEN | {"number": "9091"}


def test_a_last_digit_in_another_ink_is_no_slash() -> None:
    paper = np.full((CROP_HEIGHT, 160), 250, np.uint8)
    digits, label = paper.copy(), paper.copy()
    digits[12:34, 60:64] = digits[12:34, 74:78] = 60
    label[12:34, 10:14] = label[12:34, 88:92] = 30  # a digit in black before the slash
    label[10:36, 96:99] = 30
    assert set_apart(Layers(label, digits), (40.0, 95.0)) is None


@pytest.mark.parametrize(
    ("printed", "end"), [("Số: IZOB/QĐ-UBND", "/QĐ"), ("Số: IAB/QĐ-UBND", "/QĐ"), ("Số 27 CV/XN", " CV")]
)
def test_digits_read_as_capitals_are_within_the_room(printed: str, end: str) -> None:
    span = _room_of_number(printed)
    font = ImageFont.truetype(str(FONT), SIZE_PX)
    assert abs(span.right - 320 - font.getlength(printed[: printed.index(end)])) < 14


def test_digits_of_a_paper_that_is_all_in_one_colour_are_not_set_apart() -> None:
    paper = np.full((CROP_HEIGHT, 160), 250, np.uint8)
    digits, label = paper.copy(), paper.copy()
    digits[12:34, 60:64] = digits[12:34, 74:78] = 60
    label[12:34, 10:14] = 30
    assert set_apart(Layers(label, digits), (40.0, 110.0)) is not None
    assert set_apart(Layers(paper, np.minimum(digits, label)), (40.0, 110.0)) is None


def test_a_coloured_line_or_a_stamp_over_printed_digits_is_no_pens() -> None:
    sheet = Sheet.of("", "")
    sheet.write("2082", 384, 300, line="number line")
    pixels = np.repeat(sheet.pixels[:, :, None], 3, axis=2)
    cv2.line(pixels, (300, 306), (700, 300), (170, 60, 120), 4)
    sheet.pixels = pixels
    assert _all(sheet)["number"] == "2082"
