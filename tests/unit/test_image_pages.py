"""Images as pages: planned from headers, decoded into the page frame, odd ones held or failed."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from ingest.sniff import Kind
from ocr_workers.image_pages import load_image_page, plan_image
from ocr_workers.pages import PageImage
from ocr_workers.resolution import frame_of, infer_dpi
from sohoa.errors import Held, StageFailed
from sohoa.settings import Settings
from tests.support import files

SETTINGS = Settings()


def _load(path: Path, kind: Kind, *, number: int = 1, accept_damage: bool = False) -> PageImage:
    plan = plan_image(path, kind, settings=SETTINGS, accept_damage=accept_damage)
    page = load_image_page(path, kind, plan.pages[number - 1])
    assert (page.width_px, page.height_px) == (plan.pages[number - 1].width_px, plan.pages[number - 1].height_px)
    assert page.pixels.dtype == np.uint8
    assert page.pixels.flags.c_contiguous
    return page


def _assert_upright(page: PageImage) -> None:
    """The sheet of files.drawing: red along the top, black in the lower left corner, white elsewhere."""
    height, width = page.pixels.shape[:2]
    corner, paper, top = (
        page.pixels[height - height // 10, width // 10],
        page.pixels[height // 2, width // 2],
        page.pixels[height // 20, width // 2],
    )
    assert corner.max() < 60
    assert paper.min() > 200
    if page.colour == "colour":
        assert top[0] > 150
        assert top[2] < 90


@pytest.mark.parametrize(
    ("kind", "form", "mode", "options", "colour"),
    [
        (Kind.JPEG, "JPEG", "RGB", {}, "colour"),
        (Kind.JPEG, "JPEG", "RGB", {"progressive": True}, "colour"),
        (Kind.JPEG, "JPEG", "L", {}, "grey"),
        (Kind.JPEG, "JPEG", "CMYK", {}, "colour"),
        (Kind.PNG, "PNG", "RGB", {}, "colour"),
        (Kind.PNG, "PNG", "L", {}, "grey"),
        (Kind.PNG, "PNG", "1", {}, "bitonal"),
        (Kind.PNG, "PNG", "P", {}, "colour"),
        (Kind.PNG, "PNG", "RGBA", {}, "colour"),
        (Kind.PNG, "PNG", "LA", {}, "grey"),
        (Kind.BMP, "BMP", "RGB", {}, "colour"),
        (Kind.BMP, "BMP", "L", {}, "grey"),
        (Kind.BMP, "BMP", "1", {}, "bitonal"),
        (Kind.WEBP, "WEBP", "RGB", {"quality": 90}, "colour"),
        (Kind.WEBP, "WEBP", "RGB", {"lossless": True}, "colour"),
        (Kind.TIFF, "TIFF", "1", {"compression": "group3"}, "bitonal"),
        (Kind.TIFF, "TIFF", "1", {"compression": "group4"}, "bitonal"),
        (Kind.TIFF, "TIFF", "1", {}, "bitonal"),
        (Kind.TIFF, "TIFF", "L", {"compression": "tiff_lzw"}, "grey"),
        (Kind.TIFF, "TIFF", "RGB", {"compression": "tiff_lzw"}, "colour"),
        (Kind.TIFF, "TIFF", "RGB", {"compression": "tiff_adobe_deflate"}, "colour"),
        (Kind.TIFF, "TIFF", "RGB", {"compression": "jpeg"}, "colour"),
        (Kind.TIFF, "TIFF", "RGB", {"compression": "packbits"}, "colour"),
        (Kind.TIFF, "TIFF", "RGB", {}, "colour"),
        (Kind.TIFF, "TIFF", "RGB", {"big_tiff": True}, "colour"),
        (Kind.TIFF, "TIFF", "P", {}, "colour"),
        (Kind.TIFF, "TIFF", "CMYK", {}, "colour"),
        (Kind.TIFF, "TIFF", "RGBA", {}, "colour"),
        (Kind.TIFF, "TIFF", "LAB", {}, "colour"),
    ],
)
def test_every_kind_of_image_comes_out_upright_in_its_own_colour(
    tmp_path: Path, kind: Kind, form: str, mode: str, options: dict[str, Any], colour: str
) -> None:
    sheet = _lab(files.drawing()) if mode == "LAB" else files.drawing(mode=mode)
    path = files.write(tmp_path / "page", files.image_bytes(form, sheet, **options))
    page = _load(path, kind)
    assert page.colour == colour
    assert page.pixels.ndim == (3 if colour == "colour" else 2)
    if colour == "bitonal":
        assert set(np.unique(page.pixels)) <= {0, 255}
    _assert_upright(page)


def test_heic_of_a_phone_is_read(tmp_path: Path) -> None:
    _assert_upright(_load(files.write(tmp_path / "page", files.heic_bytes()), Kind.HEIC))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.PNG, Kind.WEBP, Kind.TIFF])
def test_exif_orientation_is_obeyed(tmp_path: Path, kind: Kind, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    sheet = files.drawing()
    stored = sheet if orientation == 1 else sheet.transpose(undo[orientation])
    data = files.image_bytes(kind.name, stored, exif=files.exif_orientation(orientation))
    page = _load(files.write(tmp_path / "page", data), kind)
    assert (page.width_px, page.height_px) == sheet.size
    _assert_upright(page)


def test_heic_orientation_is_obeyed_once(tmp_path: Path) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    stored = files.drawing().transpose(Image.Transpose.ROTATE_90)
    data = files.image_bytes("HEIF", stored, exif=files.exif_orientation(6))
    page = _load(files.write(tmp_path / "page", data), Kind.HEIC)
    assert (page.width_px, page.height_px) == files.drawing().size
    _assert_upright(page)


def test_transparent_paper_is_white(tmp_path: Path) -> None:
    sheet = Image.new("RGBA", (200, 280), (0, 0, 0, 0))
    for form, kind in (("PNG", Kind.PNG), ("TIFF", Kind.TIFF), ("WEBP", Kind.WEBP)):
        page = _load(files.write(tmp_path / form, files.image_bytes(form, sheet)), kind)
        assert page.pixels.min() == 255


def test_sixteen_bit_grey_keeps_its_tones(tmp_path: Path) -> None:
    tones = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (100, 1))
    for form, kind in (("PNG", Kind.PNG), ("TIFF", Kind.TIFF)):
        page = _load(files.write(tmp_path / form, files.image_bytes(form, Image.fromarray(tones))), kind)
        assert page.colour == "grey"
        assert np.array_equal(page.pixels[0], np.arange(256))


@pytest.mark.parametrize(("mode", "white"), [("1", 255), ("L", 255)])
def test_tiff_in_which_zero_is_white_is_not_inverted(tmp_path: Path, mode: str, white: int) -> None:
    data = files.image_bytes("TIFF", files.drawing(mode=mode), tiffinfo={262: 0})
    page = _load(files.write(tmp_path / "page", data), Kind.TIFF)
    assert page.pixels[page.height_px // 2, page.width_px // 2] == white


def test_each_frame_of_a_tiff_is_its_own_page(tmp_path: Path) -> None:
    for name, options in (("g4", {"compression": "group4"}), ("raw", {}), ("big", {"big_tiff": True})):
        path = files.write(tmp_path / name, files.tiff_bytes(5, **options))
        plan = plan_image(path, Kind.TIFF, settings=SETTINGS, accept_damage=False)
        assert [page.number for page in plan.pages] == [1, 2, 3, 4, 5]
        for page in plan.pages:
            pixels = load_image_page(path, Kind.TIFF, page).pixels
            assert np.count_nonzero(pixels[::4, 100] == 0) == page.number


def test_fax_pages_come_out_in_square_pixels(tmp_path: Path) -> None:
    sheet = files.drawing((1728, 1143), mode="1")
    path = files.write(tmp_path / "fax", files.image_bytes("TIFF", sheet, compression="group3", dpi=(204, 98)))
    page = _load(path, Kind.TIFF)
    assert (page.width_px, page.height_px, page.dpi, page.dpi_inferred) == (1728, round(1143 * 204 / 98), 204.0, False)
    assert set(np.unique(page.pixels)) == {0, 255}


@pytest.mark.parametrize("keep", [0.9, 0.5])
@pytest.mark.parametrize(
    ("kind", "form", "options"),
    [
        (Kind.JPEG, "JPEG", {"quality": 95}),
        (Kind.JPEG, "JPEG", {"progressive": True}),
        (Kind.PNG, "PNG", {}),
        (Kind.BMP, "BMP", {}),
        (Kind.TIFF, "TIFF", {}),
    ],
)
def test_image_that_was_cut_short_is_held_and_once_released_read_as_far_as_it_goes(
    tmp_path: Path, kind: Kind, form: str, options: dict[str, Any], keep: float
) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (877, 620, 3), np.uint8)
    noise[:80] = (200, 20, 30)
    data = files.image_bytes(form, Image.fromarray(noise), **options)
    path = files.write(tmp_path / "page", data[: int(len(data) * keep)])
    with pytest.raises(Held) as caught:
        plan_image(path, kind, settings=SETTINGS, accept_damage=False)
    assert caught.value.code == "damaged"
    plan = plan_image(path, kind, settings=SETTINGS, accept_damage=True)
    assert plan.warnings == ("damaged",)
    page = _load(path, kind, accept_damage=True)
    if form != "BMP":  # stored from the bottom upwards
        assert abs(int(page.pixels[20, 300, 0]) - 200) < 20
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_cut_short_webp_is_held_and_fails_in_order_once_released(tmp_path: Path) -> None:
    data = files.image_bytes("WEBP")
    path = files.write(tmp_path / "page", data[: len(data) // 2])
    with pytest.raises(Held):
        plan_image(path, Kind.WEBP, settings=SETTINGS, accept_damage=False)
    with pytest.raises(StageFailed):
        _load(path, Kind.WEBP, accept_damage=True)


def test_cut_short_heic_is_held_and_once_released_read_as_far_as_it_goes(tmp_path: Path) -> None:
    data = files.heic_bytes()
    path = files.write(tmp_path / "page", data[: len(data) * 3 // 4])
    with pytest.raises(Held):
        plan_image(path, Kind.HEIC, settings=SETTINGS, accept_damage=False)
    assert _load(path, Kind.HEIC, accept_damage=True).colour == "colour"


def test_whole_images_with_bytes_after_their_end_are_not_held(tmp_path: Path) -> None:
    for form, kind in (("JPEG", Kind.JPEG), ("PNG", Kind.PNG), ("BMP", Kind.BMP), ("TIFF", Kind.TIFF)):
        path = files.write(tmp_path / form, files.image_bytes(form) + b"\0" * 5000)
        assert plan_image(path, kind, settings=SETTINGS, accept_damage=False).warnings == ()


def test_end_marker_of_an_embedded_thumbnail_does_not_hide_a_cut(tmp_path: Path) -> None:
    data = files.image_bytes("JPEG", comment=b"\xff\xd8 a picture in a picture \xff\xd9")
    plan_image(files.write(tmp_path / "whole", data), Kind.JPEG, settings=SETTINGS, accept_damage=False)
    with pytest.raises(Held):
        plan_image(files.write(tmp_path / "cut", data[:-40]), Kind.JPEG, settings=SETTINGS, accept_damage=False)


def test_looping_tiff_is_held_and_once_released_gives_each_page_once(tmp_path: Path) -> None:
    path = files.write(tmp_path / "loop", files.looping_tiff())
    with pytest.raises(Held):
        plan_image(path, Kind.TIFF, settings=SETTINGS, accept_damage=False)
    plan = plan_image(path, Kind.TIFF, settings=SETTINGS, accept_damage=True)
    assert len(plan.pages) == 2
    assert load_image_page(path, Kind.TIFF, plan.pages[1]).pixels[0, 3] == 3


def test_tiff_cut_before_its_directory_fails_once_released(tmp_path: Path) -> None:
    path = files.write(tmp_path / "cut", b"II*\0\xff\xff\xff\x00" + bytes(1000))
    with pytest.raises(StageFailed):
        plan_image(path, Kind.TIFF, settings=SETTINGS, accept_damage=True)


def test_chunk_that_claims_gigabytes_takes_no_gigabytes(tmp_path: Path) -> None:
    data = bytearray(files.image_bytes("PNG"))
    at = data.index(b"IDAT") - 4
    data[at : at + 4] = b"\xff\x00\x00\x00"
    path = files.write(tmp_path / "page", bytes(data))
    plan = plan_image(path, Kind.PNG, settings=SETTINGS, accept_damage=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _assert_upright(load_image_page(path, Kind.PNG, plan.pages[0]))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_wrong_bytes_in_the_middle_fail_that_page_alone(tmp_path: Path) -> None:
    data = bytearray(files.image_bytes("PNG", files.drawing(mode="LA")))
    middle = data.index(b"IDAT") + 30
    data[middle : middle + 40] = bytes(40)
    path = files.write(tmp_path / "page", bytes(data))
    plan = plan_image(path, Kind.PNG, settings=SETTINGS, accept_damage=False)
    with pytest.raises(StageFailed) as caught:
        load_image_page(path, Kind.PNG, plan.pages[0])
    assert caught.value.code == "undecodable"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP"])
def test_resolution_comes_from_the_file_where_it_is_credible(tmp_path: Path, form: str) -> None:
    kind = {"JPEG": Kind.JPEG, "PNG": Kind.PNG, "TIFF": Kind.TIFF, "BMP": Kind.BMP}[form]
    sheet = Image.new("1" if form != "JPEG" else "L", (1654, 2339), 1)
    plan = plan_image(
        files.write(tmp_path / "page", files.image_bytes(form, sheet, dpi=(200, 200))),
        kind,
        settings=SETTINGS,
        accept_damage=False,
    )
    assert plan.pages[0].dpi == pytest.approx(200, abs=0.05)
    assert not plan.pages[0].dpi_inferred


@pytest.mark.parametrize("claimed", [None, (0, 0), (1, 1), (72, 72), (96, 96), (30, 30), (4800, 4800), (300, 9)])
def test_missing_or_absurd_resolution_of_an_a4_scan_is_inferred(claimed: tuple[float, float] | None) -> None:
    frame = frame_of(*files.A4_300, claimed=claimed)
    assert (frame.dpi, frame.inferred) == (300.0, True)


def test_page_larger_than_a4_at_a_screens_resolution_is_not_believed() -> None:
    assert frame_of(827, 1169, claimed=(72.0, 72.0)).dpi == 100.0
    assert frame_of(750, 1069, claimed=(72.0, 72.0)).inferred


@pytest.mark.parametrize(
    ("size", "dpi"),
    [
        ((2480, 3508), 300),
        ((3508, 2480), 300),
        ((1654, 2339), 200),
        ((1240, 1754), 150),
        ((4961, 7016), 600),
        ((3508, 4961), 300),  # A3
        ((1748, 2480), 300),  # A5
        ((2550, 3300), 300),  # Letter
        ((2520, 3560), 300),  # A4 with a margin
        ((827, 1169), 100),
        ((3024, 4032), 344.8),  # a phone's photo: its long side is that of A4
    ],
)
def test_resolution_is_inferred_from_paper_sizes(size: tuple[int, int], dpi: float) -> None:
    assert infer_dpi(*size) == dpi


@pytest.mark.parametrize(
    ("size", "claimed"), [((794, 1123), 96.0), ((9933, 14043), 300.0), ((1011, 638), 300.0), ((2480, 3508), 240.0)]
)
def test_credible_resolution_is_believed(size: tuple[int, int], claimed: float) -> None:
    """A screen's A4 at 96 dpi, an A0 map, an identity card, an uncommon but possible paper."""
    frame = frame_of(*size, claimed=(claimed, claimed))
    assert (frame.dpi, frame.inferred) == (claimed, False)


def _lab(sheet: Image.Image) -> Image.Image:
    from PIL import ImageCms

    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    found = ImageCms.applyTransform(sheet, to_lab)
    assert found is not None
    return found
