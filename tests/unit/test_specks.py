"""Specks are taken from a bitonal page that has many, and nothing that anyone wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from ingest.sniff import Kind
from ocr_workers.pages import PageImage, load_page, plan_document
from ocr_workers.specks import without_specks
from sohoa.settings import Settings
from tests.support.press.fonts import LIBERATION, font

Pixels = npt.NDArray[np.uint8]
TEXT = "Ủy ban nhân dân xã Đạ Ròn, ngày 12/7/2021: mẫu số 1.2; (kèm theo)."


def _page(dpi: int, size_pt: float = 11.0) -> Pixels:
    image = Image.new("L", (6 * dpi, 3 * dpi), 255)
    face = font(LIBERATION.regular, size_pt / 72 * dpi)
    for line in range(4):
        ImageDraw.Draw(image).text((dpi // 2, dpi // 2 + line * dpi // 2), TEXT, fill=0, font=face)
    return np.where(np.asarray(image) < 128, 0, 255).astype(np.uint8)


def _peppered(page: Pixels, dpi: int, *, to_in2: float) -> Pixels:
    """With so many specks of one to three pixels to a square inch, none that touches print."""
    random = np.random.default_rng(5)
    worn, (height, width) = page.copy(), page.shape
    for _ in range(round(to_in2 * page.size / dpi**2)):
        y, x = int(random.integers(2, height - 3)), int(random.integers(2, width - 4))
        long = int(random.integers(1, 4))
        if (page[y - 2 : y + 3, x - 2 : x + long + 2] == 255).all():
            worn[y, x : x + long] = 0
    return worn


@pytest.mark.parametrize("dpi", [200, 300])
def test_specks_go_and_stops_dots_and_marks_stay(dpi: int) -> None:
    page = _page(dpi)
    assert (without_specks(_peppered(page, dpi, to_in2=60), dpi) == page).all()


def test_a_page_with_few_is_left_as_it_is() -> None:
    worn = _peppered(_page(300), 300, to_in2=3)
    assert without_specks(worn, 300) is worn


@pytest.mark.parametrize("mode", ["1", "L"])
def test_only_bitonal_pages_are_cleaned_and_only_for_reading(tmp_path: Path, mode: str) -> None:
    worn = _peppered(_page(200), 200, to_in2=60)
    scan = tmp_path / "scan.png"
    grey = np.where(worn == 0, 30, 240).astype(np.uint8)
    Image.fromarray(worn if mode == "1" else grey).convert(mode).save(scan, dpi=(200, 200))
    kept = scan.read_bytes()
    loaded = load_page(scan, plan_document(scan, Kind.PNG, settings=Settings(home=tmp_path)), 1)
    assert isinstance(loaded, PageImage)
    assert ((loaded.pixels < 128) == ((_page(200) if mode == "1" else worn) == 0)).all()
    assert scan.read_bytes() == kept
