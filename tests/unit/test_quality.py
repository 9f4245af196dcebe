"""What one look at a page tells: measures, warnings, and whether anything is on it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ocr_workers.deskew import skew_of
from ocr_workers.pages import Colour, PageImage
from ocr_workers.quality import is_blank, is_hard_to_see, is_nearly_blank, look_at, made_even, measure, on_white

Pixels = npt.NDArray[np.uint8]
WIDTH, HEIGHT, DPI = 1654, 2339, 200.0


def _sheet(paper: int = 250, *, seed: int = 1) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, 2, (HEIGHT, WIDTH))
    return np.clip(paper + noise, 0, 255).astype(np.uint8)


def _print(sheet: Pixels, text: str, *, x: int, y: int, ink: int = 20, height: float = 0.9) -> None:
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_COMPLEX, height, ink, 2, cv2.LINE_AA)


def _full_page(*, ink: int = 20) -> Pixels:
    sheet = _sheet()
    for row in range(200, 2100, 50):
        _print(sheet, "Can cu Luat To chuc chinh quyen dia phuong nam 2015", x=160, y=row, ink=ink)
    return sheet


def _image(pixels: Pixels, *, dpi: float = DPI, colour: Colour = "grey", inferred: bool = False) -> PageImage:
    return PageImage(1, np.ascontiguousarray(pixels), dpi, inferred, colour)


def test_an_empty_sheet_is_blank() -> None:
    assert is_blank(look_at(_image(_sheet())))


@pytest.mark.parametrize("ink", [20, 150, 185])
def test_a_single_short_line_is_not_blank_even_when_faint(ink: int) -> None:
    sheet = _sheet()
    _print(sheet, "Luu: VT, VP", x=200, y=1900, ink=ink, height=0.7)
    assert not is_blank(look_at(_image(sheet)))


def test_a_lone_page_number_is_not_blank() -> None:
    sheet = _sheet()
    _print(sheet, "2", x=820, y=160, height=0.8)
    look = look_at(_image(sheet))
    assert not is_blank(look)
    assert is_nearly_blank(look)


def test_punch_holes_dust_and_a_scanner_shadow_leave_a_page_blank() -> None:
    sheet = _sheet()
    for y in (900, 1500):
        cv2.circle(sheet, (90, y), 22, 40, thickness=-1)
    for x, y in np.random.default_rng(4).integers(200, 1500, (60, 2)):
        cv2.circle(sheet, (int(x), int(y)), 2, 60, thickness=-1)
    sheet[:, :9] = 30
    sheet[-6:, 300:1300] = 50
    assert is_blank(look_at(_image(sheet)))


def test_print_that_shines_through_leaves_a_page_blank() -> None:
    front = cv2.GaussianBlur(np.ascontiguousarray(_full_page()[:, ::-1]), (9, 9), 2.5)
    back = (250 - (250.0 - front) * 0.12).clip(0, 255).astype(np.uint8)
    assert is_blank(look_at(_image(back)))


@pytest.mark.parametrize("skew_deg", [-3.0, -0.6, 0.0, 0.4, 2.2])
def test_skew_is_told_to_a_tenth_of_a_degree_clockwise_positive(skew_deg: float) -> None:
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -skew_deg, 1.0)
    leaning = cv2.warpAffine(_full_page(), turn, (WIDTH, HEIGHT), borderValue=250)
    assert look_at(_image(np.asarray(leaning, np.uint8))).skew_deg == pytest.approx(skew_deg, abs=0.11)


def test_no_lines_no_skew() -> None:
    assert skew_of(np.zeros((1000, 700), np.bool_)) is None


def test_a_good_colour_scan_has_no_warnings() -> None:
    colour = np.repeat(_full_page()[:, :, None], 3, axis=2)
    quality = measure(_image(colour, colour="colour"), mean_confidence=0.9)
    assert quality.warnings == ()
    assert quality.mean_confidence == 0.9
    assert 0.01 < quality.ink_share < 0.2


def test_each_fault_has_its_warning() -> None:
    page = _full_page()
    assert measure(_image(page, colour="grey")).warnings == ("not_colour",)
    assert measure(_image(page, colour="bitonal", inferred=True)).warnings == ("not_colour", "dpi_inferred")
    assert "low_dpi" in measure(_image(page, dpi=150.0)).warnings
    assert "low_dpi" not in measure(_image(page, dpi=199.9)).warnings
    assert "cropped" in measure(_image(page[:, 200:])).warnings


def test_a_scanner_shadow_is_not_a_cropped_page() -> None:
    page = _full_page()
    page[:, :12] = 25
    page[:10] = 35
    assert "cropped" not in measure(_image(page)).warnings


def test_a_sharp_page_has_a_higher_sharpness_than_a_blurred_one() -> None:
    sharp = _full_page()
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 5), np.uint8)
    assert measure(_image(sharp)).sharpness > 3 * measure(_image(blurred)).sharpness


def test_pale_print_on_shaded_paper_is_made_even() -> None:
    page = _full_page(ink=185)
    shade = np.linspace(1.0, 0.6, WIDTH)[None, :]
    image = _image((page * shade).astype(np.uint8))
    look = look_at(image)
    assert is_hard_to_see(look)
    assert not is_hard_to_see(look_at(_image(_full_page())))
    even = made_even(image.pixels, look)
    corners = even[:100, :100], even[:100, -100:]
    assert all(np.median(corner) > 245 for corner in corners)
    assert np.percentile(even, 1) < 60


def test_torn_edges_holes_and_a_dark_table_round_the_sheet_are_not_a_cropped_page() -> None:
    page = _full_page()
    for y in range(40, 2300, 60):  # scraps of a shadow along two edges
        page[y : y + 14, :9] = 40
        page[y : y + 20, -7:] = 40
    for y in (700, 1700):
        cv2.circle(page, (4, y), 24, 40, thickness=-1)
    assert "cropped" not in measure(_image(page)).warnings
    on_table = cv2.copyMakeBorder(page, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=50)
    assert "cropped" not in measure(_image(np.asarray(on_table, np.uint8))).warnings


def test_pepper_of_a_fax_is_not_a_cropped_page() -> None:
    page = _full_page()
    page[np.random.default_rng(3).random(page.shape) > 0.999] = 0
    assert "cropped" not in measure(_image(page, colour="bitonal")).warnings


@pytest.mark.parametrize("side", ["left", "right", "top"])
def test_print_cut_on_any_side_is_a_cropped_page(side: str) -> None:
    page = _full_page()
    cut = {"left": page[:, 200:], "right": page[:, :863], "top": page[238:]}[side]
    assert "cropped" in measure(_image(cut)).warnings


def test_a_page_of_a_million_specks_is_looked_at_without_harm() -> None:
    noise = np.random.default_rng(9).integers(0, 2, (HEIGHT // 2, WIDTH // 2), dtype=np.uint8) * 255
    assert look_at(_image(np.kron(noise, np.ones((2, 2), np.uint8)))).contrast.max() > 0


def test_the_grain_of_the_paper_becomes_white_and_the_palest_print_stays() -> None:
    sheet = _sheet(235)
    _print(sheet, "Luu: VT, VP", x=200, y=1900, ink=205)
    look = look_at(_image(sheet))
    seen = on_white(look.sight, look)
    print_box = (slice(1870, 1910), slice(200, 420))
    assert np.count_nonzero(seen[:1800] != 255) == 0
    assert np.array_equal(seen[print_box] < 215, look.sight[print_box] < 215)
    assert np.count_nonzero(seen[print_box] < 215) > 500
