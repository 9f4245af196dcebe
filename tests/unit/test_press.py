"""The press draws what it says it draws: seeded, with truth that fits the ink, in files that an office would have."""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageOps

from sohoa.errors import BadRequest, SetupError
from sohoa.model import Box
from tests.support.press import (
    KINDS,
    LEVELS,
    DrawnPage,
    batch,
    character_error_rate,
    draw,
    fonts,
    placed_error_rate,
    with_blank_back,
    write,
)
from tests.support.press.files import Format

DPI = 100
"""Low, so that a page is drawn in some ten milliseconds."""


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_the_text_in_order_and_lie_within_the_page(kind: str) -> None:
    paper = draw(kind, seed=11, dpi=DPI)
    for page in paper.pages:
        assert [word.text for word in page.words] == page.text.split()
        assert unicodedata.is_normalized("NFC", page.text)
        for word in page.words:
            left, top, right, bottom = word.box
            assert 0 <= left < right <= page.image.width
            assert 0 <= top < bottom <= page.image.height


@pytest.mark.parametrize("kind", KINDS)
def test_every_mandatory_field_stands_on_the_paper(kind: str) -> None:
    paper = draw(kind, seed=12, level="clean", dpi=DPI)
    text = " ".join(paper.text.split())
    for name in ("code_notation", "organ_name", "parent_organ_name", "place", "signer_name", "signer_position"):
        value = paper.fields[name]
        assert value is None or value in text, name
    issued = paper.fields["issued_date"]
    assert issued is not None
    assert f"năm {date.fromisoformat(issued).year}" in text
    assert paper.fields["page_amount"] == str(len(paper.pages))
    assert paper.type_name == paper.fields["type_name"]


def test_same_seed_draws_the_same_pixels_and_truth() -> None:
    first, again = (draw("cong_van", seed=5, level="poor", dpi=DPI) for _ in range(2))
    assert first.fields == again.fields
    for one, other in zip(first.pages, again.pages, strict=True):
        assert one.words == other.words
        assert one.image.tobytes() == other.image.tobytes()


@pytest.mark.parametrize("fmt", ["jpg", "png", "tif", "pdf"])
def test_same_paper_is_written_as_the_same_bytes(tmp_path: Path, fmt: Format) -> None:
    paper = draw("ke_hoach", seed=5, dpi=50, pages=1)
    [first], [again] = (write(paper, tmp_path / side, fmt=fmt) for side in ("one", "other"))
    assert first.read_bytes() == again.read_bytes()


def test_another_seed_draws_another_paper() -> None:
    assert draw("cong_van", seed=5, dpi=DPI).text != draw("cong_van", seed=6, dpi=DPI).text


def test_levels_of_one_seed_say_the_same() -> None:
    texts = {draw("to_trinh", seed=3, level=level, dpi=DPI, pages=1).text for level in LEVELS}
    assert len(texts) == 1


@pytest.mark.parametrize("level", ["clean", "typical", "poor"])
def test_word_boxes_are_within_two_pixels_of_the_ink_at_300_dpi(level: str) -> None:
    page = draw("giay_chung_nhan", seed=8, level=level, pages=1).pages[0]
    red = np.array(page.image.getchannel(0))
    off = []
    for word in page.words:
        left, top, right, bottom = word.box
        around = red[top - 8 : bottom + 8, left - 8 : right + 8]
        dark = around < np.percentile(around, 99) * 0.7
        ys, xs = np.nonzero(dark)
        if dark[[0, 1, -2, -1]].any() or dark[:, [0, 1, -2, -1]].any() or not len(xs):
            continue  # a rule, the seal or a neighbour's ink reaches into the surroundings
        found = (left - 8 + xs.min(), top - 8 + ys.min(), left - 7 + xs.max(), top - 7 + ys.max())
        off.append(np.abs(np.subtract(found, word.box)).max())
    assert len(off) > 60
    assert np.percentile(off, 95) <= 2, sorted(off)[
        -10:
    ]  # the rest have a speck or a mark of the line above in their box


@pytest.mark.parametrize("kind", KINDS)
def test_a_paper_has_as_many_pages_as_asked_for(kind: str) -> None:
    for pages in (1, 3):
        assert len(draw(kind, seed=21, level="clean", dpi=50, pages=pages).pages) == pages


def test_print_under_the_red_seal_stays_dark_in_the_red_channel() -> None:
    page = draw("quyet_dinh", seed=2, level="clean", dpi=200, pages=1).pages[0]
    pixels = np.array(page.image).astype(int)
    seal = (pixels[..., 0] > 190) & (pixels[..., 1] < 150)
    assert seal.sum() > 2000
    assert ink_share(page, page.words[-1].box) > 0.1


def test_fax_is_bitonal_at_200_dpi() -> None:
    page = draw("cong_van", seed=1, level="fax").pages[0]
    assert (page.image.mode, page.dpi) == ("1", 200)
    assert page.image.size == (1654, 2339)


def test_a_blank_back_has_no_words_and_hardly_any_ink() -> None:
    paper = with_blank_back(draw("thong_bao", seed=4, dpi=DPI, pages=1), seed=4)
    back = paper.pages[-1]
    assert back.blank
    assert (back.text, back.words) == ("", ())
    assert ink_share(back, (0, 0, *back.image.size)) < 0.002


def test_a_phone_photo_is_shown_upright_by_its_exif_orientation(tmp_path: Path) -> None:
    paper = draw("phone_photo", seed=2, dpi=DPI, pages=1)
    [file] = write(paper, tmp_path)
    with Image.open(file) as stored:
        assert stored.size == paper.pages[0].image.size[::-1]
        assert stored.info["dpi"] == (72, 72)
        shown = ImageOps.exif_transpose(stored)
    difference = np.abs(np.array(shown).astype(int) - np.array(paper.pages[0].image).astype(int))
    assert difference.mean() < 4


@pytest.mark.parametrize("fmt", ["jpg", "png", "tif"])
def test_image_files_carry_the_resolution_and_all_pages(tmp_path: Path, fmt: Format) -> None:
    paper = draw("ke_hoach", seed=6, dpi=DPI, pages=2)
    files = write(paper, tmp_path, fmt=fmt)
    frames = 0
    for file in files:
        with Image.open(file) as image:
            frames += getattr(image, "n_frames", 1)
            assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
    assert frames == 2


def test_a_fax_is_written_as_group_4(tmp_path: Path) -> None:
    paper = draw("cong_van", seed=1, level="fax", pages=2)
    [tif] = write(paper, tmp_path, fmt="tif")
    with Image.open(tif) as image:
        assert image.info["compression"] == "group4"
    [file] = write(paper, tmp_path, fmt="pdf")
    with pikepdf.open(file) as pdf:
        filters = [str(image.Filter) for page in pdf.pages for image in page.get_images().values()]
    assert len(filters) == 2
    assert all("/CCITTFaxDecode" in name for name in filters)


def test_a_scan_pdf_has_one_full_page_jpeg_a_page(tmp_path: Path) -> None:
    [file] = write(draw("to_trinh", seed=9, dpi=DPI, pages=2), tmp_path, fmt="pdf")
    with pikepdf.open(file) as pdf:
        for page in pdf.pages:
            [image] = page.get_images().values()
            assert "/DCTDecode" in str(image.Filter)
            assert [float(side) for side in page.MediaBox] == pytest.approx([0, 0, 595.4, 841.7], abs=1)


def test_a_phone_photo_as_pdf_is_turned_by_rotate(tmp_path: Path) -> None:
    [file] = write(draw("phone_photo", seed=2, dpi=DPI, pages=1), tmp_path, fmt="pdf")
    with pikepdf.open(file) as pdf:
        assert pdf.pages[0].Rotate == 90


def test_the_truth_beside_a_paper_is_complete(tmp_path: Path) -> None:
    paper = draw("form_01", seed=7, dpi=DPI, pages=1)
    [file] = write(paper, tmp_path)
    truth = json.loads((tmp_path / f"{paper.name}.truth.json").read_text(encoding="utf-8"))
    assert truth["files"] == [file.name]
    assert truth["fields"] == paper.fields
    assert truth["pages"][0]["words"] == [[word.text, *word.box] for word in paper.pages[0].words]


@pytest.mark.slow
def test_a_batch_mixes_kinds_and_formats_with_one_blank_back(tmp_path: Path) -> None:
    files = batch(tmp_path, count=10, seed=1, level="fax")
    truths = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(tmp_path.glob("*.truth.json"))]
    assert {file.suffix for file in files} == {".jpg", ".pdf", ".tif", ".png"}
    assert len(truths) == 10
    assert len({truth["type_name"] for truth in truths}) >= 7
    assert sum(page["blank"] for truth in truths for page in truth["pages"]) == 1


def test_unknown_kinds_and_levels_are_told_with_what_there_is() -> None:
    with pytest.raises(BadRequest, match="quyet_dinh"):
        draw("sach", seed=1)
    with pytest.raises(BadRequest, match="typical"):
        draw("cong_van", seed=1, level="spotless")
    with pytest.raises(BadRequest, match="at least one page"):
        draw("cong_van", seed=1, pages=0)


def test_a_missing_font_is_told_with_the_packages_to_install() -> None:
    with pytest.raises(SetupError, match="fonts-liberation2"):
        fonts.font("NoSuchFont-Regular.ttf", 20)


def test_error_rate_counts_edits_for_each_true_character() -> None:
    assert character_error_rate("Quyết định", "Quyết  định\n") == 0
    assert character_error_rate("Quyết định", "Quyêt đinh") == pytest.approx(0.2)
    assert character_error_rate("abcd", "") == 1
    assert character_error_rate("abcd", "abxcd") == pytest.approx(0.25)


def test_placed_error_rate_forgives_the_order_of_columns() -> None:
    page = draw("quyet_dinh", seed=2, dpi=DPI, pages=1).pages[0]
    by_height = sorted(((word.text, word.box) for word in page.words), key=lambda word: word[1][1] // 12)
    assert placed_error_rate(page, by_height) == 0
    assert placed_error_rate(page, by_height[:-4]) > 0


def ink_share(page: DrawnPage, box: Box) -> float:
    """The share of dark pixels in the red channel within `box`."""
    red = np.array(page.image.convert("RGB").getchannel(0).crop(box))
    return float((red < 100).mean())
