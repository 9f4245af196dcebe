"""PDF originals: how each page will be read, and the pixels or the text of one page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ingest.sniff import Kind
from ocr_workers.pages import Colour, DocumentPlan, PageImage, PagePlan, Way
from ocr_workers.pdf_marks import Mark, PageMarks, full_page_image, image_dpi, visible_marks
from ocr_workers.pdf_open import (
    display_size,
    each_page,
    images_drawn_by,
    opened_page,
    opened_pdfium,
    opened_pikepdf,
    user_unit,
)
from ocr_workers.pdf_repair import check_readable, damage_of
from ocr_workers.pdf_signed import is_signed
from ocr_workers.pdf_text import is_believable, page_of_text
from sohoa.errors import Held, StageFailed
from sohoa.model import BORN_DIGITAL_DPI, Page
from sohoa.settings import Settings

LOWEST_DPI, HIGHEST_DPI = 150.0, 400.0
"""Between these a page is rendered at the resolution of its largest image."""
METRES_PER_INCH = 0.0254
EDGE_PX = 1.5
"""An image that misses the page's edges by no more than this is the page frame itself."""

Pixels = npt.NDArray[np.uint8]


def plan_pdf(original: Path, *, settings: Settings, accept_damage: bool) -> DocumentPlan:
    """Look at every page of a PDF and say how it will be read; nothing is recognised.

    Raises Held: encrypted (a user password is needed), damaged (pages are lost and `accept_damage` is not set).
    Raises StageFailed: no_pages, page_too_big, too_many_pages, page_unreadable.
    """
    with opened_pikepdf(original) as pdf:
        damage = damage_of(pdf)
        if damage.loses_pages and not accept_damage:
            raise Held(f"the PDF is damaged: {damage.detail}; send a good copy, or release it as it is", code="damaged")
        if len(pdf.pages) == 0:
            raise StageFailed("the PDF has no pages", code="no_pages")
        if len(pdf.pages) > settings.max_pages:
            raise StageFailed(
                f"the PDF has {len(pdf.pages)} pages, more than {settings.max_pages}", code="too_many_pages"
            )
        pages = tuple(
            _plan_page(page, pdf.pages[number - 1], number, settings=settings) for number, page in each_page(original)
        )
        return DocumentPlan(
            kind=Kind.PDF,
            pages=pages,
            signed=is_signed(pdf),
            repaired=damage.repaired,
            warnings=("damage_accepted",) if damage.loses_pages else (),
        )


def load_pdf_page(original: Path | BinaryIO, plan: PagePlan) -> PageImage:
    """The pixels of a page whose way is pdf_image or pdf_render. Raises StageFailed (page_unreadable)."""
    with _readable_page(original, plan) as page:
        pixels, colour = _image_pixels(page, plan) if plan.way == "pdf_image" else _rendered_pixels(page, plan)
    return PageImage(number=plan.number, pixels=pixels, dpi=plan.dpi, dpi_inferred=plan.dpi_inferred, colour=colour)


def read_text_layer(original: Path | BinaryIO, plan: PagePlan) -> Page:
    """The finished Page (kept, or blank where there is no text) of a born-digital page, from its own text."""
    turn_deg = plan.turn_deg or 0
    width_px, height_px = plan.turned_size_px
    with _readable_page(original, plan) as page:
        page.set_rotation((int(page.get_rotation()) + turn_deg) % 360)
        read = page_of_text(page, replace(plan, width_px=width_px, height_px=height_px))
    return replace(read, turn_deg=turn_deg)


@contextmanager
def _readable_page(original: Path | BinaryIO, plan: PagePlan) -> Iterator[pdfium.PdfPage]:
    with opened_pikepdf(original) as pdf:
        check_readable(pdf, plan.number)
    with opened_pdfium(original) as document, opened_page(document, plan.number) as page:
        yield page


def render_page(page: pdfium.PdfPage, *, width_px: int, height_px: int) -> Pixels:
    """The page as displayed, on white, as RGB pixels of exactly this size."""
    bitmap = pdfium.PdfBitmap.new_native(width_px, height_px, pdfium_c.FPDFBitmap_BGR)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width_px, height_px)
    pdfium_c.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width_px, height_px, 0, 0)
    return _uint8(cv2.cvtColor(bitmap.to_numpy(), cv2.COLOR_BGR2RGB))


# --- planning --------------------------------------------------------------------------------------------------------


def _plan_page(page: pdfium.PdfPage, source: pikepdf.Page, number: int, *, settings: Settings) -> PagePlan:
    size = display_size(page, user_unit=user_unit(source))
    if max(size.width_in, size.height_in) * METRES_PER_INCH > settings.max_page_side_m:
        raise StageFailed(
            f"page {number} is larger than {settings.max_page_side_m:g} m: no page of an office paper is",
            code="page_too_big",
        )
    marks = visible_marks(page)
    way, dpi = _way(page, marks, source)
    dpi = min(dpi / user_unit(source), (settings.max_page_pixels / (size.width_in * size.height_in)) ** 0.5)
    width_px = max(1, round(size.width_in * dpi))
    height_px = max(1, round(size.height_in * dpi))
    if way == "pdf_image":
        width_px, height_px = _image_frame(page, marks, default=(width_px, height_px))
    return PagePlan(number=number, way=way, width_px=width_px, height_px=height_px, dpi=round(dpi, 3))


def _way(page: pdfium.PdfPage, marks: PageMarks, source: pikepdf.Page) -> tuple[Way, float]:
    """How to read the page, and at which resolution (dots an inch at user unit 1)."""
    image = full_page_image(marks)
    if image is not None and not _may_be_masked(source, image):
        return "pdf_image", sum(image_dpi(image)) / 2
    if is_believable(page, marks):
        return "text_layer", BORN_DIGITAL_DPI
    largest = marks.largest_image()
    if largest is None or marks.share(largest) < 0.02:
        return "pdf_render", BORN_DIGITAL_DPI
    return "pdf_render", min(HIGHEST_DPI, max(LOWEST_DPI, *image_dpi(largest)))


def _may_be_masked(source: pikepdf.Page, image: Mark) -> bool:
    """Whether an image of these dimensions on the page is a stencil, has a mask or belongs to an optional layer."""
    size = pdfium.PdfImage.get_px_size(image.raw)
    odd = ("/ImageMask", "/SMask", "/Mask", "/OC")
    return any(
        any(bool(stream.get(key)) for key in odd)
        for stream in images_drawn_by(source)
        if (int(stream.get("/Width", 0)), int(stream.get("/Height", 0))) == size
    )


def _image_frame(page: pdfium.PdfPage, marks: PageMarks, *, default: tuple[int, int]) -> tuple[int, int]:
    """The image's own size (turned as displayed) where it fills the page, else the page's size at its resolution."""
    image = marks.marks[0]
    width_px, height_px = pdfium.PdfImage.get_px_size(image.raw)
    if (abs(image.matrix.b) > abs(image.matrix.a)) != (page.get_rotation() in (90, 270)):
        width_px, height_px = height_px, width_px
    units_per_px = (image.box[2] - image.box[0]) / pdfium.PdfImage.get_px_size(image.raw)[0]
    misses = max(abs(edge - page_edge) for edge, page_edge in zip(image.box, marks.box, strict=True))
    return (width_px, height_px) if misses <= EDGE_PX * units_per_px else default


# --- pixels ----------------------------------------------------------------------------------------------------------


def _image_pixels(page: pdfium.PdfPage, plan: PagePlan) -> tuple[Pixels, Colour]:
    """The page's one image decoded as it is and turned as displayed; a rendering where pdfium cannot hand it out."""
    marks = visible_marks(page)
    image = full_page_image(marks)
    if image is None:
        raise StageFailed(f"page {plan.number} is not the image that it was planned as", code="page_unreadable")
    try:
        bitmap = image.raw.get_bitmap()
    except pdfium.PdfiumError as error:
        raise StageFailed(
            f"the image of page {plan.number} cannot be decoded: scan the page again", code="page_unreadable"
        ) from error
    decoded = _decoded(bitmap)
    if decoded is None:
        return _rendered_pixels(page, plan)
    bits = image.raw.get_metadata().bits_per_pixel
    if bits < 24 and decoded.ndim == 3 and _is_grey(decoded):  # a palette or a Decode array of greys
        decoded = _uint8(decoded[:, :, 0])
    bitonal = decoded.ndim == 2 and bits == 1
    turned = _as_displayed(decoded, image.matrix, rotate_deg=int(page.get_rotation()))
    pixels = _in_frame(turned, image, marks, plan, rotate_deg=int(page.get_rotation()))
    return pixels, "bitonal" if bitonal else "grey" if pixels.ndim == 2 else "colour"


def _decoded(bitmap: pdfium.PdfBitmap) -> Pixels | None:
    """A copy of pdfium's bitmap as grey or RGB; None for a format that carries alpha or is a stencil."""
    array = bitmap.to_numpy()
    if bitmap.format == pdfium_c.FPDFBitmap_Gray:
        return _uint8(array.reshape(bitmap.height, bitmap.width).copy())
    if bitmap.format == pdfium_c.FPDFBitmap_BGR:
        return _uint8(cv2.cvtColor(array, cv2.COLOR_BGR2RGB))
    if bitmap.format == pdfium_c.FPDFBitmap_BGRx:
        return _uint8(cv2.cvtColor(array, cv2.COLOR_BGRA2RGB))
    return None


def _as_displayed(pixels: Pixels, matrix: pdfium.PdfMatrix, *, rotate_deg: int) -> Pixels:
    """`pixels` turned and mirrored as the matrix that places the image and the page's /Rotate say."""
    if abs(matrix.b) > abs(matrix.a):
        pixels = pixels.swapaxes(0, 1)
        pixels = pixels[::-1] if matrix.b > 0 else pixels
        pixels = pixels[:, ::-1] if matrix.c > 0 else pixels
    else:
        pixels = pixels[::-1] if matrix.d < 0 else pixels
        pixels = pixels[:, ::-1] if matrix.a < 0 else pixels
    return np.ascontiguousarray(np.rot90(pixels, -rotate_deg // 90))


def _in_frame(image: Pixels, mark: Mark, marks: PageMarks, plan: PagePlan, *, rotate_deg: int) -> Pixels:
    """`image` (as displayed) on a white page frame where it does not fill the page to the pixel."""
    if image.shape[:2] == (plan.height_px, plan.width_px):
        return image
    page, box = marks.box, mark.box
    gaps = [box[0] - page[0], page[3] - box[3], page[2] - box[2], box[1] - page[1]]  # left, top, right, bottom
    turns = rotate_deg // 90
    left, top = (gaps[-turns:] + gaps[:-turns])[:2] if turns else gaps[:2]
    scale = image.shape[0 if turns % 2 else 1] / (box[2] - box[0])
    frame = np.full((plan.height_px, plan.width_px, *image.shape[2:]), 255, dtype=np.uint8)
    x, y = round(left * scale), round(top * scale)
    cut = image[max(0, -y) : plan.height_px - y, max(0, -x) : plan.width_px - x]
    frame[max(0, y) : max(0, y) + cut.shape[0], max(0, x) : max(0, x) + cut.shape[1]] = cut
    return frame


def _rendered_pixels(page: pdfium.PdfPage, plan: PagePlan) -> tuple[Pixels, Colour]:
    pixels = render_page(page, width_px=plan.width_px, height_px=plan.height_px)
    return (_uint8(pixels[:, :, 0]), "grey") if _is_grey(pixels) else (pixels, "colour")


def _is_grey(pixels: Pixels) -> bool:
    red, green, blue = cv2.split(pixels)
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _uint8(array: npt.NDArray[np.generic] | cv2.typing.MatLike) -> Pixels:
    return np.ascontiguousarray(array, dtype=np.uint8)
