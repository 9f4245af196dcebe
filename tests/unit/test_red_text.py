"""Red print is found by its colour, apart from seals, and joins what was read in its place."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.boxes import block_of, line_of
from ocr_workers.pages import PageImage
from ocr_workers.red_text import RedText, find_red_text, keep_text, merge, outside_seals, red_made_dark, without_seals
from sohoa.model import Block, Box, Line, Word

Pixels = npt.NDArray[np.uint8]
RED = (205, 40, 50)
BLACK = (25, 25, 25)
BLUE = (30, 50, 170)


def _sheet() -> Pixels:
    return np.full((2339, 1654, 3), 250, np.uint8)


def _write(sheet: Pixels, text: str, x: int, y: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_COMPLEX, 1.0, colour, 2, cv2.LINE_AA)


def _seal(sheet: Pixels, x: int, y: int) -> None:
    for radius, thickness in ((140, 5), (130, 2), (95, 2)):
        cv2.circle(sheet, (x, y), radius, RED, thickness, cv2.LINE_AA)


def _find(sheet: Pixels) -> RedText:
    return find_red_text(PageImage(1, sheet, 200.0, False, "colour"))


def _inside(inner: Box, outer: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def _line(text: str, *, x: int, y: int, confidence: float = 0.9) -> Line:
    words = []
    for word in text.split():
        words.append(Word(word, (x, y, x + 20 * len(word), y + 30), confidence))
        x += 20 * len(word) + 15
    return line_of(words)


def _page(*lines: Line) -> tuple[Block, ...]:
    return tuple(block_of([line]) for line in lines)


def _texts(blocks: tuple[Block, ...]) -> list[str]:
    return [line.text for block in blocks for line in block.lines]


def test_a_page_without_red_has_no_regions() -> None:
    sheet = _sheet()
    _write(sheet, "NGUYEN VAN AN", 900, 1800, BLACK)
    _write(sheet, "Ky ten", 900, 1700, BLUE)
    assert _find(sheet) == RedText((), ())


def test_a_stamped_name_is_one_region_round_its_letters() -> None:
    sheet = _sheet()
    _write(sheet, "NGUYEN VAN AN", 900, 1800, RED)
    (region,) = _find(sheet).regions
    assert _inside((902, 1778, 1136, 1800), region)
    assert region[3] - region[1] < 90


def test_a_seal_is_a_seal_and_no_region() -> None:
    sheet = _sheet()
    _seal(sheet, 1000, 1500)
    found = _find(sheet)
    assert found.regions == ()
    ((x, y, radius),) = found.seals
    assert abs(x - 1000) < 6
    assert abs(y - 1500) < 6
    assert abs(radius - 141) < 8


def test_a_seal_cut_by_the_edge_of_the_sheet_is_still_a_seal() -> None:
    sheet = _sheet()
    _seal(sheet, 1620, 1000)
    found = _find(sheet)
    assert len(found.seals) == 1
    assert found.regions == ()


def test_a_red_border_round_the_page_is_no_text_and_hides_no_seal() -> None:
    sheet = _sheet()
    cv2.rectangle(sheet, (60, 60), (1594, 2279), RED, 6)
    _seal(sheet, 1000, 1500)
    _write(sheet, "NGUYEN VAN AN", 900, 1800, RED)
    found = _find(sheet)
    assert len(found.seals) == 1
    (region,) = found.regions
    assert region[3] - region[1] < 90


def test_a_pale_seal_in_pieces_is_a_seal() -> None:
    sheet = _sheet()
    _seal(sheet, 1000, 1500)
    for angle in range(0, 360, 120):
        end = (round(1000 + 160 * np.cos(np.radians(angle))), round(1500 + 160 * np.sin(np.radians(angle))))
        cv2.line(sheet, (1000, 1500), end, (250, 250, 250), 12)
    found = _find(sheet)
    assert len(found.seals) == 1
    assert found.regions == ()


def test_red_text_beside_a_seal_is_found() -> None:
    sheet = _sheet()
    _seal(sheet, 900, 1500)
    _write(sheet, "PHO GIAM DOC", 1060, 1400, RED)
    found = _find(sheet)
    assert len(found.seals) == 1
    (region,) = found.regions
    assert _inside((1062, 1378, 1270, 1400), region)


def test_in_the_second_channel_red_is_dark_and_black_and_blue_are_gone() -> None:
    sheet = _sheet()
    _write(sheet, "DO", 100, 60, RED)
    _write(sheet, "DEN", 100, 160, BLACK)
    _write(sheet, "XANH", 100, 260, BLUE)
    dark = red_made_dark(sheet, (50, 0, 400, 300))
    assert dark[:100].min() < 80
    assert dark[100:].min() == 255


def test_noise_of_a_seal_is_dropped_and_a_name_is_kept() -> None:
    found = RedText((), ((500.0, 500.0, 140.0),))
    ring = line_of([Word("ỘNGH", (420, 470, 480, 500), 0.7), Word("⁄2", (700, 470, 740, 500), 0.8)])
    name = line_of([Word("=xÈ", (420, 600, 480, 630), 0.1), Word("Hà", (700, 600, 740, 630), 0.7)])
    name = line_of([*name.words, Word("Văn", (750, 600, 800, 630), 0.97)])
    assert [line.text for line in keep_text([ring, name], found)] == ["Hà Văn"]


def test_a_title_that_the_rim_of_a_seal_runs_into_keeps_its_first_word() -> None:
    found = RedText(regions=(), seals=((400.0, 400.0, 130.0),))
    title = [Word("__PHÓ", (360, 265, 440, 295), 0.57), Word("GIÁM", (460, 265, 540, 295), 0.9)]
    assert [line.text for line in keep_text([line_of(title)], found)] == ["PHÓ GIÁM"]


def test_the_lettering_of_a_seal_is_no_missed_text() -> None:
    found = RedText(regions=(), seals=((400.0, 400.0, 130.0),))
    line = line_of([Word("Sở", (380, 385, 430, 415), 0.97), Word("Hà", (700, 385, 740, 415), 0.97)])
    assert [kept.text for kept in outside_seals([line], found)] == ["Hà"]


def test_a_seal_is_wiped_off_a_region_that_it_reaches_into() -> None:
    found = RedText(regions=(), seals=((50.0, 80.0, 40.0),))
    dark = np.zeros((100, 300), np.uint8)
    (wiped,) = without_seals(dark, (0, 0, 300, 100), found)
    assert wiped[80, 50] == 255
    assert wiped[50, 200] == 0
    assert without_seals(dark, (0, 400, 300, 500), found) == ()


def test_what_is_signed_comes_after_the_short_last_line_of_the_text() -> None:
    blocks = _page(
        _line("Trường yêu cầu toàn bộ thực hiện đợt cao điểm", x=100, y=1000), _line("hiệu quả.", x=100, y=1050)
    )
    merged = merge(blocks, [_line("BAN", x=500, y=1150)])
    assert _texts(merged)[-1] == "BAN"


def test_a_red_title_comes_between_what_stands_above_and_below_it() -> None:
    blocks = _page(
        _line("Nơi nhận:", x=100, y=1000), _line("KT. GIÁM ĐỐC", x=900, y=1000), _line("Hà Văn A", x=900, y=1300)
    )
    merged = merge(blocks, [_line("PHÓ GIÁM ĐỐC", x=900, y=1050)])
    assert _texts(merged) == ["Nơi nhận:", "KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC", "Hà Văn A"]


def test_a_red_number_joins_the_line_it_is_stamped_into() -> None:
    blocks = _page(line_of([*_line("Số:", x=100, y=200).words, *_line("/QĐ-UBND", x=260, y=200).words]))
    assert _texts(merge(blocks, [_line("123", x=180, y=202)])) == ["Số: 123 /QĐ-UBND"]


def test_the_surer_of_two_readings_of_one_place_stays_and_nothing_is_said_twice() -> None:
    sure = _page(_line("HỎA TỐC", x=100, y=300, confidence=0.95))
    assert _texts(merge(sure, [_line("HÒA TÓC", x=102, y=301, confidence=0.6)])) == ["HỎA TỐC"]
    assert _texts(merge(sure, [_line("HỎA TỐC", x=102, y=301, confidence=0.99)])) == ["HỎA TỐC"]
    unsure = _page(_line("HÒA TÓC", x=100, y=300, confidence=0.4))
    assert _texts(merge(unsure, [_line("HỎA TỐC", x=102, y=301, confidence=0.95)])) == ["HỎA TỐC"]
