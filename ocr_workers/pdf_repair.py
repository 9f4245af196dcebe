"""What is broken in a PDF, and whether repairing it loses a page."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from ocr_workers.pdf_open import images_drawn_by
from sohoa.errors import StageFailed

_STRUCTURE = re.compile(r"is damaged|reconstruct|recover|startxref|treating as empty|page tree|expected end", re.I)
"""Warnings of qpdf that speak of the file's structure, not of small faults in an object."""


@dataclass(frozen=True, slots=True)
class Damage:
    """`repaired`: the file's structure was broken and pikepdf mended it. `pages_lost`: how many cannot be had back."""

    repaired: bool
    pages_lost: int
    detail: str

    @property
    def loses_pages(self) -> bool:
        return self.pages_lost > 0


def damage_of(pdf: Pdf) -> Damage:
    """Compare the pages that an opened PDF claims to have with those that can be read.

    A whole file is not looked into further. In a broken one a page counts as lost when it is missing from the page
    tree, or its content or an image that it draws cannot be read.
    """
    claimed = _claimed(pdf)
    opened = len(pdf.pages)
    repaired = is_broken(pdf)
    if not repaired and claimed <= opened:
        return Damage(repaired=False, pages_lost=0, detail="")
    loose = sum(_is_page(thing) for thing in pdf.objects)
    missing = max(claimed, loose) - opened if repaired else claimed - opened
    unreadable = [number for number, page in enumerate(pdf.pages, start=1) if not _is_readable(page)]
    lost = max(0, missing) + len(unreadable)
    parts = [f"{missing} of {opened + missing} pages are missing"] if missing > 0 else []
    if unreadable:
        parts.append(f"the content of page {', '.join(map(str, unreadable[:10]))} cannot be read")
    return Damage(repaired=repaired and not lost, pages_lost=lost, detail=" and ".join(parts))


def is_broken(pdf: Pdf) -> bool:
    """Whether qpdf had to mend the structure of the file to open it."""
    return _STRUCTURE.search(" ".join(map(str, pdf.get_warnings()))) is not None


def check_readable(pdf: Pdf, number: int) -> None:
    """Raise StageFailed for a page of a broken file that is lost: it must not pass for a blank one."""
    if is_broken(pdf) and not _is_readable(pdf.pages[number - 1]):
        raise StageFailed(f"page {number} is lost: its part of the PDF is damaged", code="page_unreadable")


def _claimed(pdf: Pdf) -> int:
    """What the root of the page tree says, before anybody counts. A missing or silly count claims nothing."""
    pages = pdf.Root.get(Name.Pages)
    count = pages.get(Name.Count) if isinstance(pages, Dictionary) else None
    return count if isinstance(count, int) and count > 0 else 0


def _is_page(thing: pikepdf.Object) -> bool:
    return isinstance(thing, Dictionary) and thing.get(Name.Type) == Name.Page


def _is_readable(page: pikepdf.Page) -> bool:
    contents = page.obj.get(Name.Contents)
    streams = list(contents) if isinstance(contents, Array) else [contents] if contents is not None else []
    if any(not isinstance(stream, Stream) for stream in streams):
        return False
    try:
        for stream in streams:
            stream.read_bytes()
        return _has_all_it_draws(page) and all(_is_whole(image) for image in images_drawn_by(page))
    except (pikepdf.PdfError, pikepdf.DataDecodingError):
        return False


def _has_all_it_draws(page: pikepdf.Page) -> bool:
    """Whether every image or form that the content asks for is there: a reference into a cut-off part leads nowhere."""
    resources = page.obj.get(Name.Resources)
    objects = resources.get(Name.XObject) if isinstance(resources, Dictionary) else None
    asked = {str(step.operands[0]) for step in pikepdf.parse_content_stream(page, "Do") if len(step.operands) > 0}
    return not asked or (
        isinstance(objects, Dictionary) and all(isinstance(objects.get(name), Stream) for name in asked)
    )


def _is_whole(image: pikepdf.Object) -> bool:
    """Whether the image has data, and a JPEG its end marker (viewers draw the missing part of a cut one grey)."""
    data = image.read_raw_bytes()
    filters = image.get(Name.Filter)
    last = filters[-1] if isinstance(filters, Array) and len(filters) == 1 else filters
    return bool(data) and (last != Name.DCTDecode or b"\xff\xd9" in data[-64:])
