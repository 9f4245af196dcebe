"""Each view of a signature block takes away one kind of ink and keeps the print."""

from __future__ import annotations

import cv2
import numpy as np

from ocr_workers.reading.signature_views import Pixels, Views, views_of, without_strokes
from sohoa.model import Box

BLACK, RED, BLUE = (20, 20, 20), (215, 60, 70), (40, 60, 190)
SEAL, PEN = 200, 300


def _block() -> Pixels:
    """Black bars of print, a red bar, a blue bar, at known heights."""
    page = np.full((600, 600, 3), 250, np.uint8)
    for top, colour in ((100, BLACK), (SEAL, RED), (PEN, BLUE)):
        page[top : top + 10, 60:560] = colour
    return page


def _views(page: Pixels, region: Box = (0, 0, 600, 600), dpi: float = 200.0) -> Views:
    return views_of(page, region, dpi=dpi)


def _dark(views: Views, name: str, top: int, below: int = 100) -> bool:
    return float(views.picture(name)[top + 2 : top + 8, 70:110].mean()) < below


def _seen(views: Views, name: str) -> tuple[bool, bool, bool]:
    return (_dark(views, name, 100), _dark(views, name, SEAL), _dark(views, name, PEN))


def test_a_red_seal_is_gone_in_the_red_view() -> None:
    assert _seen(_views(_block()), "red") == (True, False, True)


def test_seal_and_pen_are_gone_in_the_black_view() -> None:
    assert _seen(_views(_block()), "black") == (True, False, False)


def test_red_print_is_dark_and_a_blue_pen_pale_in_the_stamp_view() -> None:
    assert _seen(_views(_block()), "stamp") == (True, True, False)


def test_all_ink_is_dark_in_the_grey_view() -> None:
    views = _views(_block())
    assert all(_dark(views, "grey", top, below=170) for top in (100, SEAL, PEN))


def test_a_page_without_colour_has_one_view() -> None:
    grey = np.full((600, 600), 250, np.uint8)
    grey[100:110, 60:560] = 20
    views = _views(grey)
    assert not views.is_coloured
    assert _dark(views, "grey", 100)


def test_strokes_go_and_letters_stay() -> None:
    picture = np.full((400, 400), 255, np.uint8)
    picture[200:220, 50:62] = 0
    cv2.line(picture, (100, 20), (180, 380), 0, 2)
    wiped = without_strokes(picture, 200 / 25.4, thin_only=False)
    assert wiped[205:215, 52:60].max() == 0
    assert wiped[:, 90:200].min() == 255


def test_thick_print_that_a_thin_stroke_crosses_stays() -> None:
    picture = np.full((400, 400), 255, np.uint8)
    picture[200:224, 130:142] = 0
    cv2.line(picture, (100, 20), (180, 380), 0, 1)
    wiped = without_strokes(picture, 200 / 25.4, thin_only=True)
    assert wiped[206:218, 134:139].mean() < 60
    assert wiped[30:100, 90:130].min() == 255


def test_boxes_go_to_the_views_and_back() -> None:
    views = _views(_block(), region=(40, 80, 340, 380), dpi=300.0)
    assert abs(views.dpi - 200) < 1
    box = (64, 104, 124, 144)
    back = views.on_page(views.here(box))
    assert all(abs(one - other) <= 2 for one, other in zip(box, back, strict=True))
