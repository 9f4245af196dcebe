"""Images in the PDF: the file's own bytes where PDF knows them, equal pixels where not, upright, at their size."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image

from ingest.sniff import Kind
from ocr_workers import image_pdf as image_pdf_module
from ocr_workers.compose import Composition, compose
from ocr_workers.image_pdf import fits_pdfa
from ocr_workers.jpeg_bytes import join_strips
from ocr_workers.pages import DocumentPlan, PagePlan, plan_document
from ocr_workers.pdfa import PdfMetadata
from sohoa.model import Page
from sohoa.settings import Settings
from tests.support.image_samples import DPI, HEIGHT_PX, WIDTH_PX, Sample, drawn_page, read_page, samples

_METADATA = PdfMetadata(title="Tờ trình", created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), producer="Sohoa")


def _compose(
    sample: Sample, folder: Path, *, pages: list[Page] | None = None, flavour: str = "2b"
) -> tuple[Path, Composition]:
    original = sample.write(folder)
    plan = plan_document(original, sample.kind, settings=Settings())
    pages = pages or [
        replace(read_page(planned.number), width_px=planned.width_px, height_px=planned.height_px, dpi=planned.dpi)
        for planned in plan.pages
    ]
    target = folder / "document.pdf"
    composition = compose(original, plan, pages, target, metadata=_METADATA, flavour=flavour, settings=Settings())
    return target, composition


def _rendered(path: Path, index: int = 0) -> Image.Image:
    document = pdfium.PdfDocument(path)
    page = document[index]
    image: Image.Image = page.render(scale=WIDTH_PX / page.get_width()).to_pil()
    page.close()
    document.close()
    return image.convert("RGB").crop((0, 0, WIDTH_PX, HEIGHT_PX))


def _samples_of(image: Image.Image) -> npt.NDArray[np.int16]:
    return np.asarray(image.convert("RGB")).astype(np.int16)


@contextmanager
def _image_of(path: Path, index: int = 0) -> Iterator[Any]:
    with pikepdf.open(path) as pdf:
        yield pdf.pages[index].Resources.XObject.Im


@pytest.mark.parametrize("name", sorted(samples()))
def test_every_kind_of_image_shows_upright_with_its_text_on_it(tmp_path: Path, name: str) -> None:
    sample = samples()[name]()

    target, composition = _compose(sample, tmp_path)

    assert composition.conformance == "PDF/A-2b"
    assert composition.report["passed"]
    assert (composition.transformations == []) is sample.kept
    assert all(change["lossless"] is sample.lossless for change in composition.transformations)
    for index in range(sample.frames):
        with _image_of(target, index) as image:
            bitonal = image.BitsPerComponent == 1
        expected = drawn_page().convert("1", dither=Image.Dither.NONE) if bitonal else drawn_page()
        shown = _samples_of(_rendered(target, index).convert("L"))
        assert np.abs(shown - _samples_of(expected.convert("L"))).mean() < 3.0


@pytest.mark.parametrize("name", ["jpeg", "jpeg_grey", "jpeg_progressive", "jpeg_exif_6"])
def test_a_jpeg_is_in_the_pdf_byte_for_byte(tmp_path: Path, name: str) -> None:
    sample = samples()[name]()

    target, _ = _compose(sample, tmp_path)

    with _image_of(target) as image:
        assert image.read_raw_bytes() == sample.data


@pytest.mark.parametrize(
    "name", ["png_interlaced", "tiff_lzw", "tiff_deflate", "tiff_raw", "tiff_palette", "bmp", "webp_lossless", "png"]
)
def test_pixels_of_images_without_loss_are_equal(tmp_path: Path, name: str) -> None:
    sample = samples()[name]()
    with Image.open(io.BytesIO(sample.data)) as original:
        expected = _samples_of(original)

    target, _ = _compose(sample, tmp_path)

    with _image_of(target) as image:
        assert np.array_equal(_samples_of(pikepdf.PdfImage(image).as_pil_image()), expected)


@pytest.mark.parametrize("name", ["tiff_group4", "tiff_group4_strips", "tiff_group3", "bmp_bitonal"])
def test_one_bit_images_are_group_4_with_equal_pixels(tmp_path: Path, name: str) -> None:
    target, _ = _compose(samples()[name](), tmp_path)

    with _image_of(target) as image:
        assert image.Filter == "/CCITTFaxDecode"
        shown = np.asarray(pikepdf.PdfImage(image).as_pil_image().convert("L"))
    assert np.array_equal(shown, np.asarray(drawn_page().convert("1", dither=Image.Dither.NONE).convert("L")))


def test_the_strips_of_a_jpeg_in_tiff_are_joined_without_decoding(tmp_path: Path) -> None:
    sample = samples()["tiff_jpeg"]()
    with Image.open(io.BytesIO(sample.data)) as tiff:
        assert len(tiff.tag_v2[273]) > 1  # type: ignore[attr-defined]
        expected = _samples_of(tiff)

    target, composition = _compose(sample, tmp_path)

    assert composition.transformations == []
    with _image_of(target) as image:
        assert image.Filter == "/DCTDecode"
        joined = Image.open(io.BytesIO(image.read_raw_bytes()))
        assert joined.size == (WIDTH_PX, HEIGHT_PX)
    assert np.abs(_samples_of(_rendered(target)) - expected).mean() < 1.0


def test_strips_that_do_not_share_their_form_are_not_joined() -> None:
    buffers = []
    for width in (64, 72):
        buffer = io.BytesIO()
        Image.new("L", (width, 16)).save(buffer, "JPEG")
        buffers.append(buffer.getvalue())

    assert join_strips(buffers, tables=None, height_px=32) is None


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turn_that_was_found_is_written_as_rotate_and_the_text_lies_on_the_turned_page(
    tmp_path: Path, turn: int
) -> None:
    method = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}[turn]
    buffer = io.BytesIO()
    drawn_page().transpose(method).save(buffer, "JPEG", dpi=(DPI, DPI))

    target, composition = _compose(Sample(Kind.JPEG, buffer.getvalue()), tmp_path, pages=[read_page(turn_deg=turn)])

    assert composition.transformations == []
    with _image_of(target) as image:
        assert image.read_raw_bytes() == buffer.getvalue()
    with pikepdf.open(target) as pdf:
        assert pdf.pages[0].obj.Rotate == turn
    assert np.abs(_samples_of(_rendered(target)) - _samples_of(drawn_page())).mean() < 3.0


def test_the_page_is_as_large_as_the_paper(tmp_path: Path) -> None:
    target, _ = _compose(samples()["jpeg"](), tmp_path)

    with pikepdf.open(target) as pdf:
        box = [float(value) for value in pdf.pages[0].mediabox]
    assert box == pytest.approx([0, 0, WIDTH_PX * 72 / DPI, HEIGHT_PX * 72 / DPI], abs=0.01)


@pytest.mark.parametrize(("size", "dpi"), [((1, 1), 300.0), ((2, 9000), 300.0), ((400, 400), 1.0)])
def test_pages_too_small_or_too_large_for_pdf_are_brought_to_its_limits(
    tmp_path: Path, size: tuple[int, int], dpi: float
) -> None:
    original = tmp_path / "original.png"
    Image.new("L", size, 255).save(original)
    plan = DocumentPlan(kind=Kind.PNG, pages=(PagePlan(1, "image", *size, dpi),))
    pages = [Page(1, *size, dpi, "blank")]

    composition = compose(
        original, plan, pages, tmp_path / "a.pdf", metadata=_METADATA, flavour="2b", settings=Settings()
    )

    assert composition.report["passed"]


@pytest.mark.parametrize("status", ["blank", "failed"])
def test_blank_and_failed_pages_have_their_image_and_no_text(tmp_path: Path, status: str) -> None:
    sample = samples()["jpeg"]()
    page = Page(1, WIDTH_PX, HEIGHT_PX, DPI, status)

    target, _ = _compose(sample, tmp_path, pages=[page])

    with _image_of(target) as image:
        assert image.read_raw_bytes() == sample.data


def test_a_page_that_nobody_can_decode_is_left_empty_and_the_document_says_so(tmp_path: Path) -> None:
    sample = samples()["tiff_pages"]()
    folder = tmp_path
    original = sample.write(folder)
    with Image.open(original) as tiff:
        tiff.seek(1)
        start = tiff.tag_v2[273][0]  # type: ignore[attr-defined]
    plan = plan_document(original, sample.kind, settings=Settings())
    data = bytearray(sample.data)
    data[start : start + 2000] = b"\xa5" * 2000
    original.write_bytes(data)
    pages = [read_page(1), Page(2, WIDTH_PX, HEIGHT_PX, DPI, "failed", code="undecodable")]

    composition = compose(
        original, plan, pages, folder / "a.pdf", metadata=_METADATA, flavour="2b", settings=Settings()
    )

    assert composition.warnings == ("page_not_shown",)
    with pikepdf.open(folder / "a.pdf") as pdf:
        assert ["/XObject" in page.Resources for page in pdf.pages] == [True, False]


def test_a_profile_that_pdfa_forbids_is_left_out_and_one_it_allows_is_kept(tmp_path: Path) -> None:
    spaces = {}
    for name in ("jpeg_srgb_profile", "jpeg_broken_profile"):
        (tmp_path / name).mkdir()
        target, _ = _compose(samples()[name](), tmp_path / name)
        with _image_of(target) as image:
            spaces[name] = image.ColorSpace.unparse().decode()

    assert spaces["jpeg_srgb_profile"].startswith("[ /ICCBased")
    assert spaces["jpeg_broken_profile"] == "/DeviceRGB"


def test_a_version_4_profile_does_not_fit_part_1() -> None:
    with Image.open(io.BytesIO(samples()["jpeg_srgb_profile"]().data)) as image:
        profile = bytearray(image.info["icc_profile"])
    profile[8] = 4

    assert fits_pdfa(bytes(profile), channels=3, flavour="2b")
    assert not fits_pdfa(bytes(profile), channels=3, flavour="1b")
    assert not fits_pdfa(bytes(profile), channels=1, flavour="2b")


def test_many_pages_are_written_in_parts_and_share_one_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_pdf_module, "CHUNK_PAGES", 2)
    frames = [Image.new("1", (WIDTH_PX, HEIGHT_PX), 1) for _ in range(5)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "TIFF", compression="group4", save_all=True, append_images=frames[1:], dpi=(DPI, DPI))

    target, composition = _compose(Sample(Kind.TIFF, buffer.getvalue(), frames=5), tmp_path)

    assert composition.size_bytes == target.stat().st_size
    with pikepdf.open(target) as pdf:
        assert len(pdf.pages) == 5
        assert len({page.Resources.Font.SohoaText.objgen for page in pdf.pages}) == 1
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == []


def test_a_fax_page_of_pixels_that_are_not_square_keeps_its_pixels_and_its_shape(tmp_path: Path) -> None:
    fax = Image.new("1", (1728, 1143), 1)
    fax.paste(0, (100, 100, 500, 300))
    buffer = io.BytesIO()
    fax.save(buffer, "TIFF", compression="group3", dpi=(204, 98))

    target, composition = _compose(
        Sample(Kind.TIFF, buffer.getvalue()), tmp_path, pages=[Page(1, 1728, 2379, 204.0, "blank")]
    )

    assert composition.transformations[0]["lossless"] is True
    with _image_of(target) as image:
        assert (image.Width, image.Height) == (1728, 1143)


@pytest.mark.parametrize("name", ["jpeg", "tiff_group4"])
def test_the_same_original_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    digests = set()
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        digests.add(_compose(samples()[name](), folder)[1].pdf_sha256)

    assert len(digests) == 1
