"""The last rung: pages of a PDF replaced by their own rendering, for a page that cannot be made PDF/A otherwise."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image

from ocr_workers.pages import DocumentPlan, PagePlan
from ocr_workers.pdf_marks import Rectangle
from ocr_workers.pdf_open import each_page
from ocr_workers.pdf_pages import Pixels, render_page
from ocr_workers.pdf_strip import Transformation

JPEG_QUALITY = 92
_PAGE_KEYS = {"/Type", "/Parent", "/MediaBox", "/CropBox", "/Rotate", "/UserUnit", "/Annots", "/Resources", "/Contents"}
CHUNK_PAGES = 50
"""Drawn pages go to disk in parts of this many: pikepdf holds in memory what was not yet saved."""


def draw_pages(
    original: Path,
    plan: DocumentPlan,
    pdf: Pdf,
    *,
    numbers: Sequence[int],
    folder: Path,
    stack: ExitStack,
) -> list[Transformation]:
    """Replace the content of these pages of `pdf` by renderings of the original's pages; links and turns stay.

    The parts written to `folder` stay open on `stack` until `pdf` was saved. Text is left to the caller.
    """
    changes: list[Transformation] = []
    for at in range(0, len(numbers), CHUNK_PAGES):
        part_path = folder / f"drawn-{at:06}.pdf"
        chunk = numbers[at : at + CHUNK_PAGES]
        boxes: list[Rectangle] = []
        with Pdf.new() as part:
            part.Root.Drawn = Array()
            for number, page in each_page(original, numbers=chunk):
                page_plan = plan.pages[number - 1]
                pixels = render_page(page, width_px=page_plan.width_px, height_px=page_plan.height_px)
                upright = np.rot90(pixels, int(page.get_rotation()) // 90)
                boxes.append(page.get_bbox())
                part.Root.Drawn.append(_image_stream(part, np.ascontiguousarray(upright)))
                changes.append(_change(page_plan))
            part.save(part_path)
        saved = stack.enter_context(pikepdf.open(part_path))
        for number, box, image in zip(chunk, boxes, saved.Root.Drawn, strict=True):
            _replace_content(pdf, pdf.pages[number - 1], pdf.copy_foreign(image), box)
    return changes


def _change(plan: PagePlan) -> Transformation:
    return {"page": plan.number, "lossless": False, "detail": f"drawn at {plan.dpi:.0f} dpi: not PDF/A otherwise"}


def _replace_content(pdf: Pdf, page: pikepdf.Page, image: pikepdf.Object, box: Rectangle) -> None:
    left, bottom, right, top = box
    placed = f"q {right - left:.4f} 0 0 {top - bottom:.4f} {left:.4f} {bottom:.4f} cm /Drawn Do Q"
    page.obj.Contents = pdf.make_stream(placed.encode())
    page.obj.Resources = Dictionary(XObject=Dictionary(Drawn=image))
    for key in set(page.obj.keys()) - _PAGE_KEYS:
        del page.obj[key]


def _image_stream(pdf: Pdf, pixels: Pixels) -> pikepdf.Object:
    """Grey or colour as JPEG without chroma subsampling; black and white, packed, without loss."""
    height, width = pixels.shape[:2]
    red, green, blue = cv2.split(pixels)
    grey = np.array_equal(red, green) and np.array_equal(green, blue)
    entries = {"Type": Name.XObject, "Subtype": Name.Image, "Width": width, "Height": height}
    if grey and not np.any((red != 0) & (red != 255)):
        packed = np.packbits(red > 0, axis=1).tobytes()
        return pdf.make_stream(packed, ColorSpace=Name.DeviceGray, BitsPerComponent=1, **entries)
    encoded = io.BytesIO()
    Image.fromarray(red if grey else pixels).save(encoded, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    space = Name.DeviceGray if grey else Name.DeviceRGB
    return pdf.make_stream(encoded.getvalue(), ColorSpace=space, BitsPerComponent=8, Filter=Name.DCTDecode, **entries)
