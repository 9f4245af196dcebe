"""The PDF/A of a PDF original looks like it, says what was read and nothing else, and never claims to be signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from ocr_workers.compose import Composition, compose
from ocr_workers.pages import DocumentPlan
from ocr_workers.pdf_ghostscript import sound_ghostscript
from ocr_workers.pdf_open import opened_page, opened_pdfium
from ocr_workers.pdf_pages import plan_pdf, read_text_layer, render_page
from ocr_workers.pdf_text import page_text
from ocr_workers.pdfa import PdfMetadata, check_pdfa
from ocr_workers.text_check import normalise
from sohoa.model import Block, Line, Page, Word, union
from sohoa.settings import Settings
from tests.support import pdf_files

METADATA = PdfMetadata(title="Quyết định", created_at=datetime(2026, 1, 2, tzinfo=UTC), producer="Sohoa test")
READ = ("Đã", "đọc", "được", "138/QĐ-UBND")


def _composed(original: Path, *, flavour: str = "2b", turn_deg: int = 0) -> tuple[Composition, Path, tuple[Page, ...]]:
    plan = plan_pdf(original, settings=Settings(), accept_damage=False)
    pages = tuple(
        read_text_layer(original, page)
        if page.way == "text_layer"
        else _recognised(plan, page.number, turn_deg=turn_deg)
        for page in plan.pages
    )
    target = original.with_name("out.pdf")
    made = compose(original, plan, pages, target, metadata=METADATA, flavour=flavour, settings=Settings())
    assert check_pdfa(target, flavour=flavour).passed
    return made, target, pages


def _recognised(plan: DocumentPlan, number: int, *, turn_deg: int = 0) -> Page:
    page = plan.pages[number - 1]
    width, height = page.width_px, page.height_px
    if turn_deg in (90, 270):
        width, height = height, width
    words = tuple(
        Word(text, (100 + 300 * n, 150, 380 + 300 * n, 200), 0.9)
        for n, text in enumerate(READ)
        if 380 + 300 * n < width
    )
    line = Line(words, union([word.box for word in words]))
    return Page(
        number=number,
        width_px=width,
        height_px=height,
        dpi=page.dpi,
        status="recognised",
        blocks=(Block((line,), line.box),),
        turn_deg=turn_deg,
        lane="tesserocr",
    )


def _pixels(path: Path, number: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with opened_pdfium(path) as document, opened_page(document, number) as page:
        width, height = page.get_size()
        return render_page(page, width_px=round(width), height_px=round(height))


def _text(path: Path, number: int = 1) -> str:
    document = pdfium.PdfDocument(path)
    try:
        page = document[number - 1]
        try:
            return normalise(page_text(page))
        finally:
            page.close()
    finally:
        document.close()


def _word_box(path: Path, text: str) -> tuple[float, float, float, float]:
    """Where `text` is found on the displayed page, as shares of its width and height from the top left."""
    document = pdfium.PdfDocument(path)
    page = document[0]
    text_page = page.get_textpage()
    found = text_page.search(text).get_next()
    assert found is not None
    boxes = [text_page.get_charbox(found[0] + n) for n in range(found[1])]
    x0, y0 = min(b[0] for b in boxes), min(b[1] for b in boxes)
    x1, y1 = max(b[2] for b in boxes), max(b[3] for b in boxes)
    left, bottom, right, top = page.get_bbox()
    across = ((x0 - left) / (right - left), (x1 - left) / (right - left))
    down = ((top - y1) / (top - bottom), (top - y0) / (top - bottom))
    turns = page.get_rotation() // 90
    for _ in range(turns):
        across, down = (1 - down[1], 1 - down[0]), across
    text_page.close()
    page.close()
    document.close()
    return across[0], down[0], across[1], down[1]


def _same_look(original: Path, target: Path, *, number: int = 1) -> bool:
    before, after = _pixels(original, number).astype(int), _pixels(target, number).astype(int)
    return before.shape == after.shape and bool(np.abs(before - after).mean() < 0.5)


@pytest.mark.parametrize("flavour", ["1b", "2b", "3b"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_scan_keeps_its_image_bytes_and_gets_the_text(tmp_path: Path, mode: str, flavour: str) -> None:
    original = pdf_files.scan(tmp_path / "scan.pdf", mode=mode)
    made, target, _ = _composed(original, flavour=flavour)
    assert (made.route, made.warnings) == ("kept", ())
    assert _text(target) == " ".join(READ)
    assert _same_look(original, target)
    with pikepdf.open(original) as before, pikepdf.open(target) as after:
        images = [next(iter(pdf.pages[0].get_images().values())) for pdf in (before, after)]
        if mode != "1":
            assert images[0].read_raw_bytes() == images[1].read_raw_bytes()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("turn_deg", [0, 90])
def test_words_lie_where_they_were_read_on_turned_pages(tmp_path: Path, rotate: int, turn_deg: int) -> None:
    original = pdf_files.scan(tmp_path / "scan.pdf", mode="L", rotate=rotate)
    with pikepdf.open(original, allow_overwriting_input=True) as pdf:
        pdf.pages[0].obj.MediaBox = Array([-10, -20, 700, 900])
        pdf.pages[0].obj.CropBox = Array([0, 0, 595.44, 842.04])
        pdf.save(original)
    _, target, pages = _composed(original, turn_deg=turn_deg)
    word = next(pages[0].words())
    shares = (
        word.box[0] / pages[0].width_px,
        word.box[1] / pages[0].height_px,
        word.box[2] / pages[0].width_px,
        word.box[3] / pages[0].height_px,
    )
    assert _word_box(target, READ[0]) == pytest.approx(shares, abs=0.01)


def test_foreign_ocr_layer_is_gone(tmp_path: Path) -> None:
    original = pdf_files.scan_with_foreign_ocr(tmp_path / "ocr.pdf")
    made, target, _ = _composed(original)
    assert made.route == "kept"
    assert _text(target) == " ".join(READ)
    assert _same_look(original, target)


def test_born_digital_document_is_kept_with_its_text(tmp_path: Path) -> None:
    original = pdf_files.born_digital(tmp_path / "word.pdf")
    made, target, _ = _composed(original)
    assert (made.route, made.warnings) == ("kept", ())
    assert _text(target) == _text(original)
    assert _same_look(original, target)


def test_scripts_and_attachments_are_removed_and_listed(tmp_path: Path) -> None:
    made, target, _ = _composed(pdf_files.with_scripts_and_attachments(tmp_path / "js.pdf"))
    assert made.route == "kept"
    details = " ".join(change["detail"] for change in made.transformations)
    assert "OpenAction" in details
    assert "JavaScript" in details
    assert "1 attachments" in details
    with pikepdf.open(target) as pdf:
        assert len(pdf.attachments) == 0
        assert Name.OpenAction not in pdf.Root


@pytest.mark.parametrize("scanned", [True, False])
def test_signed_original_gives_an_unsigned_rendition_with_its_stamp(tmp_path: Path, scanned: bool) -> None:
    original = pdf_files.signed(tmp_path / "signed.pdf", scanned=scanned)
    before = original.read_bytes()
    made, target, _ = _composed(original)
    assert (made.route, made.warnings) == ("kept", ("signed_original_kept",))
    assert _same_look(original, target)
    assert original.read_bytes() == before
    with pikepdf.open(target) as pdf:
        assert Name.AcroForm not in pdf.Root
        assert Name.Annots not in pdf.pages[0].obj


def test_font_that_is_not_embedded_leads_to_a_drawn_page_with_the_same_text(tmp_path: Path) -> None:
    if sound_ghostscript():
        pytest.skip("OCRmyPDF embeds the font here")
    original = pdf_files.unembedded(tmp_path / "plain.pdf", ["Plain words of an old program"])
    made, target, _ = _composed(original)
    assert (made.route, made.warnings) == ("rasterised", ("rasterised",))
    assert _text(target) == "Plain words of an old program"
    assert [change["lossless"] for change in made.transformations] == [False]
    assert np.abs(_pixels(original).astype(int) - _pixels(target)).mean() < 2


def test_only_the_page_that_needs_it_is_drawn(tmp_path: Path) -> None:
    if sound_ghostscript():
        pytest.skip("OCRmyPDF embeds the font here")
    original = pdf_files.unembedded(tmp_path / "mixed.pdf", ["Plain words"])
    with pikepdf.open(original, allow_overwriting_input=True) as pdf:
        pdf_files.add_scan(pdf, pdf_files.drawn_page())
        pdf.save(original)
    made, target, _ = _composed(original)
    assert [change["page"] for change in made.transformations if not change["lossless"]] == [1]
    assert _same_look(original, target, number=2)


def test_old_encoding_stays_drawn_but_only_the_new_text_is_read(tmp_path: Path) -> None:
    original = pdf_files.born_digital(tmp_path / "old.pdf", [pdf_files.TCVN3 * 3])
    assert "héi" in _text(original)
    made, target, _ = _composed(original)
    assert made.route == "kept"
    assert _text(target) == " ".join(READ)
    assert _same_look(original, target)


@pytest.mark.parametrize("make", [pdf_files.opened_copy, partial(pdf_files.encrypted, user="")])
def test_encrypted_original_gives_an_open_rendition(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    made, target, _ = _composed(make(tmp_path / "locked.pdf"))
    assert made.route == "kept"
    with pikepdf.open(target) as pdf:
        assert not pdf.is_encrypted


def test_stamp_text_in_an_annotation_is_part_of_a_kept_page(tmp_path: Path) -> None:
    original = pdf_files.born_digital(tmp_path / "word.pdf")
    with pikepdf.open(original, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        stamp = pdf.make_stream(
            b"BT /F1 12 Tf 2 4 Td <0001> Tj ET", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 60, 20])
        )
        fonts = page.obj.Resources.Font
        stamp.Resources = Dictionary(Font=Dictionary(F1=fonts[next(iter(fonts.keys()))]))
        page.obj.Annots = Array(
            [
                pdf.make_indirect(
                    Dictionary(
                        Type=Name.Annot,
                        Subtype=Name.Stamp,
                        Rect=Array([300, 400, 360, 420]),
                        F=4,
                        AP=Dictionary(N=stamp),
                    )
                )
            ]
        )
        pdf.save(original)
    made, target, pages = _composed(original)
    assert made.route == "kept"
    assert len(pages[0].text) > len(_text(original))
    assert normalise(pages[0].text) == _text(target)


def test_pages_without_links_lose_empty_annotation_lists_and_links_stay(tmp_path: Path) -> None:
    original = pdf_files.born_digital(tmp_path / "link.pdf")
    with pikepdf.open(original, allow_overwriting_input=True) as pdf:
        link = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Link,
            Rect=Array([10, 10, 50, 20]),
            F=4,
            A=Dictionary(S=Name.URI, URI=pikepdf.String("https://example.org/")),
        )
        pdf.pages[0].obj.Annots = Array([link])
        pdf.save(original)
    _, target, _ = _composed(original)
    with Pdf.open(target) as pdf:
        assert pdf.pages[0].obj.Annots[0].A.S == Name.URI
