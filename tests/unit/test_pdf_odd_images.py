"""Scans whose image is stored in an unusual way are read as they are seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pikepdf import Array, Dictionary, Name, Object, Pdf

from ocr_workers.pages import PagePlan
from ocr_workers.pdf_open import opened_page, opened_pdfium
from ocr_workers.pdf_pages import load_pdf_page, plan_pdf, render_page
from sohoa.settings import Settings
from tests.support import pdf_files

SIZE = (827, 1170)
"""A4 at 100 dpi."""


def _planned(path: Path) -> PagePlan:
    return plan_pdf(path, settings=Settings(), accept_damage=False).pages[0]


def _written(path: Path, data: bytes, **entries: Object | int) -> Path:
    """A page that is one unfiltered image with these entries."""
    with Pdf.new() as pdf:
        page = pdf_files.add_scan(pdf, pdf_files.drawn_page(SIZE), dpi=100)
        page.obj.Resources.XObject.Im0 = pdf.make_stream(
            data, Type=Name.XObject, Subtype=Name.Image, Width=SIZE[0], Height=SIZE[1], **entries
        )
        pdf.save(path)
    return path


def _equals_rendering(path: Path, plan: PagePlan) -> bool:
    read = load_pdf_page(path, plan).pixels.astype(int)
    with opened_pdfium(path) as document, opened_page(document, 1) as page:
        drawn = render_page(page, width_px=plan.width_px, height_px=plan.height_px).astype(int)
    if read.ndim == 2:
        drawn = drawn[:, :, 1]
    return bool(np.abs(read - drawn).mean() < 3)


def test_cmyk_is_read_in_its_colours(tmp_path: Path) -> None:
    data = pdf_files.drawn_page(SIZE).convert("CMYK").tobytes()
    path = _written(tmp_path / "cmyk.pdf", data, ColorSpace=Name.DeviceCMYK, BitsPerComponent=8)
    plan = _planned(path)
    assert plan.way == "pdf_image"
    assert _equals_rendering(path, plan)
    assert load_pdf_page(path, plan).colour == "colour"


def test_palette_is_read_in_its_colours(tmp_path: Path) -> None:
    image = pdf_files.drawn_page(SIZE).quantize(4)
    palette = bytes(image.getpalette() or [])[:12].ljust(12, b"\0")
    path = tmp_path / "palette.pdf"
    with Pdf.new() as pdf:
        space = Array([Name.Indexed, Name.DeviceRGB, 3, pdf.make_stream(palette)])
        page = pdf_files.add_scan(pdf, pdf_files.drawn_page(SIZE), dpi=100)
        page.obj.Resources.XObject.Im0 = pdf.make_stream(
            image.tobytes(),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=SIZE[0],
            Height=SIZE[1],
            ColorSpace=space,
            BitsPerComponent=8,
        )
        pdf.save(path)
    plan = _planned(path)
    assert plan.way == "pdf_image"
    assert _equals_rendering(path, plan)


def test_inverted_decode_is_obeyed(tmp_path: Path) -> None:
    packed = np.packbits(~np.asarray(pdf_files.drawn_page(SIZE, mode="1"), dtype=bool), axis=1).tobytes()
    path = _written(
        tmp_path / "decode.pdf", packed, ColorSpace=Name.DeviceGray, BitsPerComponent=1, Decode=Array([1, 0])
    )
    plan = _planned(path)
    assert _equals_rendering(path, plan)
    image = load_pdf_page(path, plan)
    assert image.colour == "bitonal"
    assert image.pixels[0, 0] == 255


def test_stencil_is_rendered(tmp_path: Path) -> None:
    packed = np.packbits(np.asarray(pdf_files.drawn_page(SIZE, mode="1"), dtype=bool), axis=1).tobytes()
    path = _written(tmp_path / "stencil.pdf", packed, ImageMask=True, BitsPerComponent=1)
    plan = _planned(path)
    assert (plan.way, plan.dpi) == ("pdf_render", 150.0)
    assert load_pdf_page(path, plan).pixels[0, 0] == 255


def test_layers_of_a_mixed_raster_page_are_rendered_together(tmp_path: Path) -> None:
    path = tmp_path / "mrc.pdf"
    with Pdf.new() as pdf:
        page = pdf_files.add_scan(pdf, pdf_files.drawn_page(SIZE), dpi=100)
        ink = pdf_files.image_stream(pdf, pdf_files.drawn_page((1654, 2339), mode="L"))
        ink.SMask = pdf_files.image_stream(pdf, pdf_files.drawn_page((1654, 2339), mode="L"))
        page.obj.Resources.XObject.Im1 = ink
        page.obj.Contents = pdf.make_stream(b"q 595.44 0 0 842.4 0 0 cm /Im0 Do Q q 595.44 0 0 842.4 0 0 cm /Im1 Do Q")
        pdf.save(path)
    plan = _planned(path)
    assert plan.way == "pdf_render"
    assert plan.dpi == pytest.approx(200, abs=1)


def test_redaction_over_a_scan_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "redacted.pdf"
    with Pdf.new() as pdf:
        pdf_files.add_scan(pdf, pdf_files.drawn_page(SIZE), dpi=100, after=b"1 g 0 700 600 150 re f\n")
        pdf.save(path)
    plan = _planned(path)
    assert plan.way == "pdf_render"
    pixels = load_pdf_page(path, plan).pixels
    assert (pixels[: plan.height_px // 9] > 250).all()


def test_image_inside_forms_is_found(tmp_path: Path) -> None:
    path = tmp_path / "nested.pdf"
    with Pdf.new() as pdf:
        page = pdf_files.add_scan(pdf, pdf_files.drawn_page(SIZE), dpi=100)
        form = pdf.make_stream(
            b"q 595.44 0 0 842.4 0 0 cm /Im0 Do Q",
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, 595.44, 842.4]),
            Resources=page.obj.Resources,
        )
        page.obj.Resources = Dictionary(XObject=Dictionary(Fm0=form))
        page.obj.Contents = pdf.make_stream(b"q 1 0 0 1 0 0 cm /Fm0 Do Q")
        pdf.save(path)
    plan = _planned(path)
    assert plan.way == "pdf_image"
    assert _equals_rendering(path, plan)


@pytest.mark.parametrize("user_unit", [1, 2])
def test_user_unit_counts_into_the_resolution(tmp_path: Path, user_unit: int) -> None:
    path = pdf_files.scan(tmp_path / "scan.pdf")
    with Pdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].obj.UserUnit = user_unit
        pdf.save(path)
    plan = _planned(path)
    assert plan.dpi == pytest.approx(200 / user_unit, abs=0.1)
    assert (plan.width_px, plan.height_px) == pdf_files.A4_200_DPI
