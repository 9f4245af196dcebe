"""Opening PDF originals: for reading with pdfium, for rewriting with pikepdf, repaired where that is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from sohoa.errors import Held, StageFailed

POINTS_PER_INCH = 72.0
REOPEN_PAGES = 25


@contextmanager
def opened_pikepdf(original: Path | BinaryIO) -> Iterator[pikepdf.Pdf]:
    """The original as pikepdf reads it, with qpdf's repairs in memory where it is damaged.

    An owner password alone opens freely. Raises Held: encrypted where a user password is needed (a release puts an
    opened copy in its place), damaged where not even the list of pages can be found.
    """
    try:
        pdf = pikepdf.open(original, suppress_warnings=True)
    except pikepdf.PasswordError as error:
        raise Held(
            "the PDF is encrypted and needs a password to open: release it with --password-file", code="encrypted"
        ) from error
    except pikepdf.PdfError as error:
        raise Held(
            "the PDF is damaged so that no page can be read: send a good copy of the file", code="damaged"
        ) from error
    with pdf:
        yield pdf


@contextmanager
def opened_pdfium(original: Path | BinaryIO) -> Iterator[pdfium.PdfDocument]:
    """The original as pdfium reads it, with the pages that pikepdf finds in it.

    Where pdfium cannot open the file, or finds other pages, it gets pikepdf's repaired copy. Raises Held as
    :func:`opened_pikepdf` does.
    """
    with opened_pikepdf(original) as pdf:
        document = _direct(original, page_count=len(pdf.pages))
        if document is not None:
            with document:
                yield document
            return
        with tempfile.TemporaryDirectory(prefix="sohoa-repair-") as folder:
            repaired = Path(folder) / "repaired.pdf"
            pdf.save(repaired, encryption=False)
            try:
                document = pdfium.PdfDocument(repaired)
            except pdfium.PdfiumError as error:
                raise Held("the PDF is damaged and could not be repaired: send a good copy", code="damaged") from error
            with document:
                yield document


def _direct(original: Path | BinaryIO, *, page_count: int) -> pdfium.PdfDocument | None:
    try:
        document = pdfium.PdfDocument(original)
    except pdfium.PdfiumError:
        return None
    if len(document) != page_count:
        document.close()
        return None
    return document


@contextmanager
def opened_page(document: pdfium.PdfDocument, number: int) -> Iterator[pdfium.PdfPage]:
    """Page `number` (from 1) with the appearances of its annotations drawn onto it, as a reader sees it.

    Signature stamps and filled form fields are annotations; an e-office writes the paper's number and date as such.
    Raises StageFailed (page_unreadable).
    """
    page = _page(document, number)
    if pdfium_c.FPDFPage_GetAnnotCount(page) > 0:
        flattened = pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
        if flattened == pdfium_c.FLATTEN_SUCCESS:
            page.close()
            page = _page(document, number)
    try:
        yield page
    finally:
        page.close()


def each_page(path: Path, *, numbers: Sequence[int] | None = None) -> Iterator[tuple[int, pdfium.PdfPage]]:
    """Pages of a PDF (all, or those with these numbers), each closed when the next is asked for.

    pdfium keeps the streams of every page that it has met while the document is open: about the size of the file. So
    the document is opened anew every REOPEN_PAGES pages, and memory stays flat.
    """
    if numbers is None:
        with opened_pikepdf(path) as pdf:
            numbers = range(1, len(pdf.pages) + 1)
    for at in range(0, len(numbers), REOPEN_PAGES):
        with opened_pdfium(path) as document:
            for number in numbers[at : at + REOPEN_PAGES]:
                with opened_page(document, number) as page:
                    yield number, page


def _page(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    try:
        return document[number - 1]
    except pdfium.PdfiumError as error:
        raise StageFailed(f"page {number} of the PDF cannot be read", code="page_unreadable") from error


@dataclass(frozen=True, slots=True)
class DisplaySize:
    """The size of a page as displayed (crop box, /Rotate and user unit obeyed), in inches."""

    width_in: float
    height_in: float
    rotate_deg: int

    @property
    def turned(self) -> bool:
        return self.rotate_deg in (90, 270)


def display_size(page: pdfium.PdfPage, *, user_unit: float = 1.0) -> DisplaySize:
    """How large `page` is shown. pdfium knows nothing of /UserUnit (ISO 32000-1, table 30), so it is passed in."""
    left, bottom, right, top = page.get_bbox()
    width, height = ((right - left) * user_unit / POINTS_PER_INCH, (top - bottom) * user_unit / POINTS_PER_INCH)
    rotate = int(page.get_rotation())
    return DisplaySize(*((height, width) if rotate in (90, 270) else (width, height)), rotate_deg=rotate)


def images_drawn_by(page: pikepdf.Page) -> Iterator[pikepdf.Object]:
    """Every image in the page's resources and in those of its forms, stencils too, each once."""
    waiting = [page.obj.get(pikepdf.Name.Resources)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        resources = waiting.pop()
        objects = resources.get(pikepdf.Name.XObject) if isinstance(resources, pikepdf.Dictionary) else None
        if not isinstance(objects, pikepdf.Dictionary):
            continue
        for thing in objects.values():
            if not isinstance(thing, pikepdf.Stream) or thing.objgen in seen:
                continue
            seen.add(thing.objgen)
            if thing.get(pikepdf.Name.Subtype) == pikepdf.Name.Image:
                yield thing
            else:
                waiting.append(thing.get(pikepdf.Name.Resources))


def user_unit(page: pikepdf.Page) -> float:
    """How many points one unit of the page is (1 unless the page says otherwise)."""
    value = float(page.obj.get("/UserUnit", 1))
    return value if value > 0 else 1.0
