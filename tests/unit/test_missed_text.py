"""Print that the first reading left without words is found, read once more, and put where it stands."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocr_workers.boxes import block_of, line_of, words_of
from ocr_workers.missed_text import TIGHT, find_missed, misses_much, new_lines
from ocr_workers.pages import PageImage
from ocr_workers.quality import Look, look_at
from ocr_workers.recognise import Recogniser
from ocr_workers.red_text import RedText
from sohoa.model import Word
from sohoa.settings import Settings

Pixels = npt.NDArray[np.uint8]
FONT = "/usr/share/fonts/truetype/liberation2/LiberationSerif-Regular.ttf"
LINES = (
    "Căn cứ Luật Tổ chức chính quyền địa phương",
    "Điều 1. Phê duyệt kế hoạch cải cách hành chính",
    "Điều 2. Quyết định này có hiệu lực từ ngày ký",
    "Nguyễn Trần Quốc Bảo",
)
DPI = 200
NO_RED = RedText(regions=(), seals=())
LINE_BOXES = [(150, 90 + 120 * number, 1250, 150 + 120 * number) for number in range(len(LINES))]


def _sheet(lines: tuple[str, ...] = LINES) -> Pixels:
    image = Image.new("L", (1400, 640), 250)
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(FONT, 42)
    for number, line in enumerate(lines):
        pen.text((160, 100 + 120 * number), line, font=font, fill=20)
    return np.asarray(image, np.uint8).copy()


def _image(pixels: Pixels) -> PageImage:
    return PageImage(1, pixels, float(DPI), False, "grey")


def _look(pixels: Pixels) -> Look:
    return look_at(_image(pixels))


def _words(*numbers: int, confidence: float = 0.9) -> list[Word]:
    """One word over each whole line."""
    return [Word("word", LINE_BOXES[number], confidence) for number in numbers]


def test_a_page_whose_print_is_all_covered_has_nothing_to_read_again() -> None:
    look = _look(_sheet())
    assert find_missed(look, _words(0, 1, 2, 3)) == ()
    assert not misses_much(look, _words(0, 1, 2, 3))


def test_a_line_without_words_is_found_where_it_stands() -> None:
    (region,) = find_missed(_look(_sheet()), _words(0, 1, 3))
    left, top, right, bottom = region
    assert left < 160
    assert right >= 990
    assert 290 < top < 350
    assert 370 < bottom < 460


def test_tight_regions_show_less_paper_than_a_wide_one() -> None:
    look = _look(_sheet())
    ((wide_left, wide_top, _, wide_bottom),) = find_missed(look, _words(0, 1, 3))
    for left, top, _, bottom in find_missed(look, _words(0, 1, 3), TIGHT):
        assert wide_left < left
        assert wide_top < top < bottom < wide_bottom


def test_words_that_the_engine_did_not_believe_cover_nothing() -> None:
    look = _look(_sheet())
    assert find_missed(look, [*_words(0, 1, 3), *_words(2, confidence=0.05)])


def test_rules_and_the_stroke_of_a_signature_are_not_letters() -> None:
    sheet = _sheet(LINES[:2])
    cv2.line(sheet, (160, 380), (1200, 380), 20, 3)
    strokes = np.array([[300, 560], [420, 420], [430, 600], [700, 430], [1100, 500]], np.int32)
    cv2.polylines(sheet, [strokes], False, 20, 4)
    assert find_missed(_look(sheet), _words(0, 1)) == ()


def test_a_name_that_hangs_on_a_seal_is_found() -> None:
    sheet = _sheet()
    cv2.circle(sheet, (420, 330), 150, 120, 5)  # its rim runs through the name
    regions = find_missed(_look(sheet), _words(0, 1, 2))
    assert any(top < 480 < bottom and right > 500 for _, top, right, bottom in regions)


def test_much_text_without_words_is_missed_and_a_line_is_not() -> None:
    look = _look(_sheet())
    assert misses_much(look, _words(0))
    assert not misses_much(look, _words(0, 1, 2))


def test_only_sure_whole_words_on_free_paper_join_the_page() -> None:
    read = [
        Word("cut", (100, 100, 160, 140), 0.95),
        Word("known", (170, 100, 240, 140), 0.95),
        Word("new", (250, 100, 320, 140), 0.95),
        Word("unsure", (330, 100, 400, 140), 0.3),
        Word("doubted", (410, 100, 480, 140), 0.9),
        Word("~", (490, 100, 500, 140), 0.9),
    ]
    page = [Word("first", (168, 98, 244, 142), 0.9), Word("guess", (408, 98, 484, 142), 0.05)]
    (line,) = new_lines([line_of(read)], page, (100, 90, 600, 150))
    assert line.text == "new doubted"


def test_a_line_of_scratches_joins_nothing() -> None:
    scratches = line_of([Word("1-.)", (200, 100, 240, 140), 0.9), Word("Z", (250, 100, 270, 140), 0.45)])
    assert new_lines([scratches], [], (100, 90, 600, 150)) == []


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    with Recogniser(Settings(_env_file=None)) as held:
        yield held


def test_a_lost_line_is_read_again_and_stands_between_its_neighbours(recogniser: Recogniser) -> None:
    image = _image(_sheet())
    page = recogniser.recognise(image)
    kept = [line for line in page.lines() if "hiệu lực" not in line.text]
    assert len(kept) == len(LINES) - 1
    blocks, spent_ms = recogniser._with_missed_text(image, look_at(image), (block_of(kept),), NO_RED)
    assert [line.text for block in blocks for line in block.lines] == [line.text for line in page.lines()]
    assert spent_ms > 0


def test_nothing_is_read_again_on_a_page_that_was_read_whole(recogniser: Recogniser) -> None:
    image = _image(_sheet())
    page = recogniser.recognise(image)
    assert recogniser._with_missed_text(image, look_at(image), page.blocks, NO_RED) == (page.blocks, 0.0)
    assert page.quality is not None
    assert "text_missed" not in page.quality.warnings
    assert len(list(words_of(page.blocks))) == len(" ".join(LINES).split())
