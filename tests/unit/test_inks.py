"""Coloured ink is lifted off black print, stays where it stands alone, and its letters are told from signatures."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ocr_workers.inks import Lifted, ink_made_dark, lift_ink
from ocr_workers.pages import PageImage

Pixels = npt.NDArray[np.uint8]
BLACK, BLUE, VIOLET, RED = (25, 25, 25), (40, 60, 160), (150, 40, 110), (205, 40, 50)
PAPER = 245
BODY = np.s_[300:1500, 200:1400]


def _sheet() -> Pixels:
    """A page of black lines of print at 200 dpi."""
    sheet = np.full((2339, 1654, 3), PAPER, np.uint8)
    for y in range(400, 1500, 60):
        _write(sheet, "Giao Phong Ke hoach phoi hop voi Kho bac", 250, y, BLACK)
    return sheet


def _write(sheet: Pixels, text: str, x: int, y: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_COMPLEX, 1.0, colour, 2, cv2.LINE_AA)


def _stamped(sheet: Pixels, colour: tuple[int, int, int], x: int, y: int) -> Pixels:
    """The sheet with a framed stamp over what is there; black print shows through it as ink on ink does."""
    stamp = np.full_like(sheet, 255)
    cv2.rectangle(stamp, (x, y), (x + 500, y + 200), colour, 5)
    for row, text in enumerate(("CONG VAN DEN", "So: 8321", "Ngay: 9-12")):
        _write(stamp, text, x + 20, y + 50 + 60 * row, colour)
    return np.asarray(sheet.astype(np.float32) * stamp / 255, np.uint8)


def _lift(sheet: Pixels, dpi: float = 200.0) -> Lifted | None:
    return lift_ink(PageImage(1, np.ascontiguousarray(sheet), dpi, False, "colour"))


def _dark(channel: Pixels) -> npt.NDArray[np.bool_]:
    return channel < 0.55 * PAPER


@pytest.mark.parametrize("colour", [BLUE, VIOLET])
def test_a_stamp_over_print_is_gone_and_the_print_is_left(colour: tuple[int, int, int]) -> None:
    clean = _sheet()
    lifted = _lift(_stamped(clean, colour, 300, 700))
    assert lifted is not None
    before, after = _dark(clean[..., 0])[BODY], _dark(lifted.black)[BODY]
    assert np.count_nonzero(after & ~before) < 0.01 * np.count_nonzero(before)
    assert np.count_nonzero(before & ~after) < 0.05 * np.count_nonzero(before)
    stamp = _dark(_stamped(np.full_like(clean, PAPER), colour, 300, 700).min(axis=2))
    assert np.mean(lifted.black[stamp & (clean[..., 0] == PAPER)]) > 0.95 * PAPER


def test_letters_of_a_stamp_over_print_are_told_and_made_dark_alone() -> None:
    clean = _sheet()
    sheet = _stamped(clean, BLUE, 300, 700)
    lifted = _lift(sheet)
    assert lifted is not None
    (region,) = [box for box in lifted.regions if box[1] < 730 and box[3] > 745]
    left, top, right, bottom = region
    stamp = _dark(_stamped(np.full_like(clean, PAPER), BLUE, 300, 700)[..., 0])[top:bottom, left:right]
    print_ = _dark(clean[..., 0])[top:bottom, left:right]
    dark = ink_made_dark(sheet, region) < 128
    assert np.count_nonzero(dark & stamp) > 0.6 * np.count_nonzero(stamp)
    assert np.count_nonzero(dark & print_ & ~stamp) < 0.05 * np.count_nonzero(print_)


def test_a_stamp_on_clean_paper_stays_where_it_can_be_read() -> None:
    sheet = _stamped(_sheet(), BLUE, 300, 1900)
    assert _lift(sheet) is None
    both = _lift(_stamped(sheet, BLUE, 300, 700))
    assert both is not None
    assert np.array_equal(both.black[1850:], sheet[1850:, :, 0])
    assert all(box[3] < 1850 for box in both.regions)


def test_a_pen_is_lifted_and_is_no_text() -> None:
    sheet = _sheet()
    points = np.array([[400, 900], [500, 700], [600, 950], [700, 720], [1000, 880]], np.int32)
    cv2.polylines(sheet, [points], False, BLUE, 6, cv2.LINE_AA)
    lifted = _lift(sheet)
    assert lifted is not None
    assert lifted.regions == ()
    assert np.count_nonzero(_dark(lifted.black)[BODY] & ~_dark(_sheet()[..., 0])[BODY]) < 200


def test_a_number_by_pen_is_no_text() -> None:
    sheet = _sheet()
    _write(sheet, "867", 700, 690, BLUE)
    lifted = _lift(sheet)
    assert lifted is not None
    assert lifted.regions == ()


def test_a_red_seal_is_faded_and_print_under_it_is_untouched() -> None:
    clean, seal = _sheet(), np.full((2339, 1654, 3), 255, np.uint8)
    for radius in (140, 100):
        cv2.circle(seal, (700, 900), radius, (190, 90, 95), 5, cv2.LINE_AA)
    cv2.line(seal, (600, 880), (900, 950), BLUE, 6, cv2.LINE_AA)
    sheet = np.asarray(clean.astype(np.float32) * seal / 255, np.uint8)
    lifted = _lift(sheet)
    assert lifted is not None
    ring = (seal[..., 0] == 190) & (clean[..., 0] == PAPER)
    assert np.mean(sheet[ring, 0]) < 190
    assert np.mean(lifted.black[ring]) > 215
    before = _dark(clean[..., 0])[BODY]
    assert np.count_nonzero(before & ~_dark(lifted.black)[BODY]) < 0.001 * np.count_nonzero(before)


def test_a_paper_written_in_blue_keeps_its_ink() -> None:
    sheet = np.full((2339, 1654, 3), PAPER, np.uint8)
    _write(sheet, "Kinh gui: So Tai chinh", 250, 340, BLACK)
    for y in range(330, 900, 60):
        points = [[250 + 40 * step, y + 25 * (step % 2)] for step in range(15)]
        cv2.polylines(sheet, [np.array(points, np.int32)], False, BLUE, 4, cv2.LINE_AA)
    assert _lift(sheet) is None


def test_bluish_black_print_is_black() -> None:
    sheet = _sheet()
    bluish = sheet[900:1200]
    bluish[_dark(bluish[..., 0])] = (18, 22, 60)
    assert _lift(sheet) is None


def test_a_certificates_frame_is_no_reason_to_keep_the_ink() -> None:
    sheet = _stamped(_sheet(), VIOLET, 300, 700)
    cv2.rectangle(sheet, (40, 40), (1610, 2290), (150, 60, 50), 14)
    assert _lift(sheet) is not None


@pytest.mark.parametrize("dpi", [96.0, 129.0])
def test_coarse_scans_are_read_as_they_are(dpi: float) -> None:
    assert _lift(_stamped(_sheet(), BLUE, 300, 700), dpi) is None


def test_grey_pages_have_no_ink_to_lift() -> None:
    assert lift_ink(PageImage(1, np.ascontiguousarray(_sheet()[..., 0]), 200.0, False, "grey")) is None
