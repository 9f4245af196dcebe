"""A row of print is found by its letters' stems beneath pen and seal, and read without the strokes that cross it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from ocr_workers.engine import Grey
from ocr_workers.reading.signature_stems import PrintRow, row_of_print
from ocr_workers.reading.signature_strokes import levelled, without_lines, without_specks
from tests.support.press.fonts import LIBERATION, font

MM = 200 / 25.4
SIZE = (320, 720)
NAME_AT = (360, 220)


def _print(*lines: tuple[str, int, int], size_pt: float = 14.0) -> Grey:
    """Bold lines centred on (x, y), black on white at 200 dpi."""
    image = Image.new("L", SIZE[::-1], 255)
    for text, x, y in lines:
        face = font(LIBERATION.bold, size_pt / 72 * 200)
        ImageDraw.Draw(image).text((x, y), text, fill=0, font=face, anchor="mm")
    return np.array(image)


def _name() -> Grey:
    return _print(("Phạm Quang Tuyết", *NAME_AT))


def _line(picture: Grey, start: tuple[int, int], end: tuple[int, int], thick: int = 3) -> Grey:
    struck = picture.copy()
    cv2.line(struck, start, end, 0, thick, cv2.LINE_AA)
    return struck


def _edges(picture: Grey) -> tuple[int, int]:
    columns = np.flatnonzero((picture < 128).any(axis=0))
    return int(columns[0]), int(columns[-1])


def _found(picture: Grey, doubtful_to: int = 0) -> PrintRow:
    row = row_of_print(picture, MM, doubtful_to=doubtful_to)
    assert row is not None
    return row


def _ink(picture: Grey) -> int:
    return int(np.count_nonzero(picture < 128))


def test_a_name_is_found_from_its_first_to_its_last_letter() -> None:
    left, top, right, bottom = _found(_name()).box
    assert (left, right) == pytest.approx(_edges(_name()), abs=MM)
    assert top < NAME_AT[1] < bottom
    assert bottom - top < 6 * MM


def test_a_name_is_found_beneath_strokes_and_a_seal() -> None:
    signed = _line(_line(_name(), (150, 245), (600, 205)), (250, 60), (330, 300))
    for radius in (134, 80):
        cv2.circle(signed, (230, 150), radius, 60, 4, cv2.LINE_AA)
    box = _found(signed).box
    assert box[1] < NAME_AT[1] < box[3]
    assert box[0] < _edges(_name())[0] + MM
    assert box[2] > _edges(_name())[1] - MM


def test_how_a_stamped_row_falls_is_told() -> None:
    turned = cv2.warpAffine(
        _name(), cv2.getRotationMatrix2D(NAME_AT, -2.5, 1.0), SIZE[::-1], borderValue=255, flags=cv2.INTER_LINEAR
    )
    row = _found(np.asarray(turned, np.uint8))
    assert row.slope == pytest.approx(np.tan(np.radians(2.5)), abs=0.015)
    rows = np.flatnonzero((levelled(np.asarray(turned, np.uint8), row.slope) < 128).any(axis=1))
    straight = np.flatnonzero((_name() < 128).any(axis=1))
    assert len(rows) < len(straight) + MM


def test_a_line_of_the_text_is_no_name() -> None:
    text = ("Các đơn vị trực thuộc báo cáo kết quả thực hiện trước ngày mười lăm tháng", 360, 120)
    assert row_of_print(_print(text), MM) is None
    box = _found(_print(text, ("Lý Thu Khuê", *NAME_AT))).box
    assert box[1] < NAME_AT[1] < box[3]


def test_rows_close_below_a_title_give_way_to_a_name_further_down() -> None:
    both = _print(("HỌC VÀ CÔNG NGHỆ", 360, 60), ("Lý Thu Khuê", *NAME_AT))
    assert _found(both).box[3] < 120
    box = _found(both, doubtful_to=120).box
    assert box[1] < NAME_AT[1] < box[3]


def test_a_pen_alone_is_no_row() -> None:
    assert row_of_print(_line(np.full(SIZE, 255, np.uint8), (100, 250), (600, 200)), MM) is None
    assert row_of_print(np.full(SIZE, 255, np.uint8), MM) is None


def test_a_stroke_along_a_row_goes_and_the_letters_it_crosses_stay() -> None:
    struck = _line(_name(), (120, 235), (620, 205))
    free = without_lines(struck, MM)
    beside = np.ones(SIZE, bool)
    beside[:, _edges(_name())[0] - 5 : _edges(_name())[1] + 5] = False
    assert _ink(np.where(beside, free, 255).astype(np.uint8)) < 0.1 * _ink(
        np.where(beside, struck, 255).astype(np.uint8)
    )
    assert np.count_nonzero((free < 128) & (_name() < 128)) > 0.9 * _ink(_name())


def test_a_row_that_nothing_runs_along_is_left_as_it_is() -> None:
    assert without_lines(_name(), MM) is not None
    assert np.array_equal(without_lines(_name(), MM), _name())


def test_a_stroke_that_runs_down_through_a_row_goes_when_asked() -> None:
    down = _line(_name(), (300, 40), (330, 300))
    assert np.array_equal(without_lines(down, MM)[40:180], down[40:180])
    bare = without_lines(down, MM, steep=True)
    assert _ink(bare[40:180]) < 0.1 * _ink(down[40:180])
    assert np.count_nonzero((bare < 128) & (_name() < 128)) > 0.85 * _ink(_name())


def test_specks_go_and_the_dots_of_letters_stay() -> None:
    dotted = _print(("Thị Bích Phượng", *NAME_AT), size_pt=12)
    dirty = dotted.copy()
    for at in range(60, 700, 40):
        dirty[40:42, at : at + 3] = 0
    clean = without_specks(dirty, MM)
    assert _ink(clean[:100]) == 0
    assert np.array_equal(clean < 128, dotted < 128)
