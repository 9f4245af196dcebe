"""The PDF/A of a PDF original: its pages as they are, with the recognised text laid under those that were recognised.

The ladder: (1) strip what PDF/A forbids and nobody sees, save and validate; (2) OCRmyPDF, where its Ghostscript is
sound; (3) draw the pages that no other way makes valid, with the warning `rasterised`; (4) leave out what is around the
pages (bookmarks, names, tags), for a document that is not valid because of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pikepdf
from pikepdf import Array, Name, Pdf, pdfa

from ocr_workers.pages import DocumentPlan
from ocr_workers.pdf_ghostscript import convert_with_ocrmypdf, sound_ghostscript
from ocr_workers.pdf_mend import mend
from ocr_workers.pdf_mute import mute_text
from ocr_workers.pdf_open import each_page, opened_pikepdf
from ocr_workers.pdf_raster import draw_pages
from ocr_workers.pdf_strip import Transformation, strip_forbidden, strip_to_pages
from ocr_workers.pdf_text import page_text
from ocr_workers.pdfa import PdfaReport, PdfMetadata, save_pdfa
from ocr_workers.text_check import normalise
from ocr_workers.text_layer import lay_text
from sohoa.errors import NotValidPdfA
from sohoa.model import Page
from sohoa.settings import Settings
from sohoa.states import PageStatus

if TYPE_CHECKING:
    from ocr_workers.compose import Composition


def compose_pdf(
    original: Path,
    plan: DocumentPlan,
    pages: Sequence[Page],
    target: Path,
    *,
    metadata: PdfMetadata,
    flavour: str,
    settings: Settings,
) -> Composition:
    """Write the PDF/A of a PDF original to `target`; the text drawn from it equals that of `pages`.

    `route` of the result is kept, ocrmypdf or rasterised (some pages were drawn; a warning of that name goes with it).
    A signed original gives an unsigned rendition and the warning `signed_original_kept`; an encrypted one, an open one.
    Raises NotValidPdfA when even the last rung does not hold; the caller asserts the text once more.
    """
    from ocr_workers.compose import composition_of

    warnings = ("signed_original_kept",) if plan.signed else ()
    with opened_pikepdf(original) as pdf, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=target.parent, prefix="parts-")))
        changes = _prepare(pdf, pages, flavour=flavour)
        route, report = "kept", _attempt(pdf, pages, target, flavour=flavour, metadata=metadata)
        if report is None and sound_ghostscript():
            converted = convert_with_ocrmypdf(pdf, folder, flavour=flavour, timeout_s=settings.stage_timeout_s)
            if converted is not None:
                with pikepdf.open(converted) as other:
                    route, report = "ocrmypdf", _attempt(other, pages, target, flavour=flavour, metadata=metadata)
        if report is None and (numbers := _refused(pdf, pages, folder, flavour=flavour)):
            route = "rasterised"
            changes += draw_pages(original, plan, pdf, numbers=numbers, folder=folder, stack=stack)
            lay_text(pdf, lambda: ((number - 1, pages[number - 1]) for number in numbers))
            report = _attempt(pdf, pages, target, flavour=flavour, metadata=metadata)
        if report is None:
            changes += strip_to_pages(pdf)
            report = save_pdfa(pdf, target, flavour=flavour, metadata=metadata)
    if route == "rasterised":
        warnings = (*warnings, "rasterised")
    return composition_of(target, report=report.to_dict(), route=route, transformations=changes, warnings=warnings)


def _prepare(pdf: Pdf, pages: Sequence[Page], *, flavour: str) -> list[Transformation]:
    """Strip, turn, silence the old text of pages that were recognised anew, and lay the recognised text under them."""
    changes = strip_forbidden(pdf, flavour=flavour)
    mend(pdf, flavour=flavour)
    for source, page in zip(pdf.pages, pages, strict=True):
        _tidy_boxes(source)
        if page.turn_deg:
            source.rotate(page.turn_deg, relative=True)
        if page.status != PageStatus.KEPT and mute_text(pdf, source):
            changes.append(
                {"page": page.number, "lossless": True, "detail": "silenced the text layer that the page came with"}
            )
    lay_text(pdf, lambda: ((page.number - 1, page) for page in pages if page.status != PageStatus.KEPT))
    return changes


def _tidy_boxes(page: pikepdf.Page) -> None:
    """Cut the crop box to the media box, as viewers do, so that the page frame is what it says."""
    if Name.CropBox not in page.obj:
        return
    media, crop = (sorted_box(page.obj[name]) for name in (Name.MediaBox, Name.CropBox))
    cut = (max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3]))
    if cut[2] <= cut[0] or cut[3] <= cut[1]:
        del page.obj[Name.CropBox]
    elif cut != crop:
        page.obj.CropBox = Array(cut)


def sorted_box(box: pikepdf.Object) -> tuple[float, float, float, float]:
    """A rectangle as (left, bottom, right, top), whichever corners it was written with (ISO 32000-1, 7.9.5)."""
    x0, y0, x1, y1 = (float(value) for value in box)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _attempt(
    pdf: Pdf, pages: Sequence[Page], target: Path, *, flavour: str, metadata: PdfMetadata
) -> PdfaReport | None:
    """Save and validate; None where the file is not valid or does not say what was read."""
    try:
        report = save_pdfa(pdf, target, flavour=flavour, metadata=metadata)
    except NotValidPdfA:
        return None
    return None if _unequal(target, pages) else report


def _unequal(path: Path, pages: Sequence[Page]) -> list[int]:
    """The numbers of the pages that draw another text than was read."""
    return [
        number for number, drawn in each_page(path) if normalise(page_text(drawn)) != normalise(pages[number - 1].text)
    ]


def _refused(pdf: Pdf, pages: Sequence[Page], folder: Path, *, flavour: str) -> list[int]:
    """The pages that are not PDF/A by themselves, or that draw another text than was read."""
    invalid = {
        page.number for page, source in zip(pages, pdf.pages, strict=True) if not _valid_alone(source, flavour=flavour)
    }
    plain = folder / "not-valid-yet.pdf"
    pdf.save(plain, encryption=False)
    return sorted(invalid.union(_unequal(plain, pages)))


def _valid_alone(page: pikepdf.Page, *, flavour: str) -> bool:
    with Pdf.new() as single:
        single.pages.append(page)
        pdfa.prepare(single, flavour)
        return pdfa.check(single, flavour).passed
