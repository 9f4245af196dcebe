"""What the stages know of a document's pages before they are read: the plan of a document and the pixels of one page.

`plan_document` and `load_page` choose between image originals (image_pages.py) and PDF originals (pdf_pages.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from ingest.sniff import Kind
from ocr_workers.specks import without_specks
from sohoa.model import Page
from sohoa.settings import Settings

Way = Literal["image", "pdf_image", "pdf_render", "text_layer"]
Colour = Literal["colour", "grey", "bitonal"]


@dataclass(frozen=True, slots=True)
class PagePlan:
    """How one page will be read.

    `way`: `image` (a frame of an image file), `pdf_image` (the page's one full-page image as it is), `pdf_render` (a rendering
    by pypdfium2 at `dpi`), `text_layer` (born digital: its own text is taken, nothing is recognised).
    Width and height are in pixels of the page frame (displayed: EXIF orientation or /Rotate obeyed). `turn_deg` is the
    clockwise quarter turn on top of that which a person has said, so that none is looked for; None: nobody has.
    """

    number: int
    way: Way
    width_px: int
    height_px: int
    dpi: float
    dpi_inferred: bool = False
    turn_deg: int | None = None

    @property
    def turned_size_px(self) -> tuple[int, int]:
        """Width and height once it is turned."""
        lies = self.turn_deg in (90, 270)
        return (self.height_px, self.width_px) if lies else (self.width_px, self.height_px)


@dataclass(frozen=True, slots=True)
class DocumentPlan:
    """All pages of one document, and what was seen of the document as a whole.

    `signed`: carries an electronic signature, so it is never rewritten, only a rendition is made beside it. `repaired`: the
    PDF was damaged and pikepdf could repair it without losing a page. `mark_released`: a person has seen that what was read
    as a security mark is none. `warnings`: codes for the document.
    """

    kind: Kind
    pages: tuple[PagePlan, ...]
    signed: bool = False
    repaired: bool = False
    mark_released: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageImage:
    """The pixels of one page in the page frame (before any quarter turn is found).

    `pixels` is uint8, (height, width) for grey and bitonal (0 black, 255 white), (height, width, 3) RGB for colour; C-contiguous.
    """

    number: int
    pixels: npt.NDArray[np.uint8]
    dpi: float
    dpi_inferred: bool
    colour: Colour

    @property
    def width_px(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height_px(self) -> int:
        return int(self.pixels.shape[0])


def plan_document(original: Path, kind: Kind, *, settings: Settings, accept_damage: bool = False) -> DocumentPlan:
    """Look at every page of `original` without recognising any.

    Raises Held (encrypted, damaged) where a person must act, StageFailed where the file cannot be worked on at all.
    `accept_damage` is set once a person has released a damaged document: what can be read is then planned, with a warning.
    """
    if kind is Kind.PDF:
        from ocr_workers.pdf_pages import plan_pdf

        return plan_pdf(original, settings=settings, accept_damage=accept_damage)
    from ocr_workers.image_pages import plan_image

    return plan_image(original, kind, settings=settings, accept_damage=accept_damage)


def load_page(original: Path | BinaryIO, plan: DocumentPlan, number: int) -> PageImage | Page:
    """The pixels of page `number` for reading, or, for a page whose way is `text_layer`, the finished Page with status `kept`.

    A PDF may be a stream in which one may go back and forth; an image is a file. A bitonal page comes without its specks.
    """
    loaded = _load(original, plan, plan.pages[number - 1])
    if isinstance(loaded, PageImage) and loaded.colour == "bitonal":
        return replace(loaded, pixels=without_specks(loaded.pixels, loaded.dpi))
    return loaded


def _load(original: Path | BinaryIO, plan: DocumentPlan, page: PagePlan) -> PageImage | Page:
    if plan.kind is Kind.PDF:
        from ocr_workers.pdf_pages import load_pdf_page, read_text_layer

        if page.way == "text_layer":
            return read_text_layer(original, page)
        return load_pdf_page(original, page)
    from ocr_workers.image_pages import load_image_page

    assert isinstance(original, Path)
    return load_image_page(original, plan.kind, page)


def plan_to_dict(plan: DocumentPlan) -> dict[str, Any]:
    """A plan as plain JSON values, for the job that follows."""
    return {
        "kind": plan.kind.value,
        "signed": plan.signed,
        "repaired": plan.repaired,
        "mark_released": plan.mark_released,
        "warnings": list(plan.warnings),
        "pages": [[p.number, p.way, p.width_px, p.height_px, p.dpi, p.dpi_inferred, p.turn_deg] for p in plan.pages],
    }


def plan_from_dict(data: dict[str, Any]) -> DocumentPlan:
    """The plan that :func:`plan_to_dict` wrote."""
    return DocumentPlan(
        kind=Kind(data["kind"]),
        signed=data["signed"],
        repaired=data["repaired"],
        mark_released=data["mark_released"],
        warnings=tuple(data["warnings"]),
        pages=tuple(PagePlan(*row) for row in data["pages"]),
    )
