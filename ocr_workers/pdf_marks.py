"""What is drawn on a PDF page: its visible marks in drawing order, and the one image that fills it, if there is one.

Page coordinates are PDF units before /Rotate. Annotations count as marks once the page was opened by
:func:`ocr_workers.pdf_open.opened_page`, which draws their appearances onto it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

Rectangle = tuple[float, float, float, float]
"""(left, bottom, right, top) in page coordinates."""

FULL_PAGE = 0.5
"""The share of the page that its only mark, an image, must cover to be taken as it is; the rest of it is white."""
COVERING = 0.9
"""The share of the page from which an opaque image hides what was drawn before it."""
_INVISIBLE_MODES = {pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP}
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Mark:
    """One visible thing on the page. `kind` is text | path | image | shading; `matrix` maps the object to the page."""

    kind: str
    box: Rectangle
    matrix: pdfium.PdfMatrix
    raw: Any

    @property
    def address(self) -> int:
        """Tells this object from others on the page."""
        return object_address(self.raw)


@dataclass(frozen=True, slots=True)
class PageMarks:
    """The visible marks of one page, and its box as displayed before /Rotate (crop box within media box)."""

    box: Rectangle
    marks: tuple[Mark, ...]

    def of(self, kind: str) -> list[Mark]:
        return [mark for mark in self.marks if mark.kind == kind]

    def share(self, mark: Mark) -> float:
        """How much of the page `mark`'s box covers, in [0, 1]."""
        return area(intersection(mark.box, self.box)) / area(self.box)

    def largest_image(self) -> Mark | None:
        return max(self.of("image"), key=self.share, default=None)

    def image_share(self) -> float:
        """How much of the page all images cover together, told on a grid of 40 by 40 cells."""
        left, bottom, right, top = self.box
        boxes = [mark.box for mark in self.of("image")]
        cells = 40
        centres = [(n + 0.5) / cells for n in range(cells)]
        hits = sum(
            any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in boxes)
            for x in (left + (right - left) * at for at in centres)
            for y in (bottom + (top - bottom) * at for at in centres)
        )
        return hits / cells**2


def visible_marks(page: pdfium.PdfPage) -> PageMarks:
    """The marks of `page` that a reader can see.

    Left out: invisible and clipping text (render modes 3 and 7), fully transparent ink, paths that are not painted,
    what lies outside the page, white areas on bare paper, and everything that an opaque full-page image hides.
    """
    page_box: Rectangle = page.get_bbox()
    page_area = area(page_box)
    marks: list[Mark] = []
    for mark in _marks(page):
        if not overlaps(mark.box, page_box) or not _has_ink(mark, on_bare_paper=not marks):
            continue
        if mark.kind == "image" and _is_opaque(mark) and area(intersection(mark.box, page_box)) >= COVERING * page_area:
            marks.clear()
        marks.append(mark)
    return PageMarks(page_box, tuple(marks))


def full_page_image(marks: PageMarks) -> Mark | None:
    """The page's one mark, if that is an upright, unclipped image of even resolution over (nearly) the whole page."""
    if len(marks.marks) != 1 or marks.marks[0].kind != "image":
        return None
    image = marks.marks[0]
    if marks.share(image) < FULL_PAGE or not _is_upright(image.matrix) or not _is_opaque(image) or _is_clipped(image):
        return None
    across, up = image_dpi(image)
    return image if abs(across - up) <= 0.01 * max(across, up) else None


def image_dpi(image: Mark) -> tuple[float, float]:
    """Pixels per inch of an image as placed, across and up the unrotated page (user unit 1)."""
    width_px, height_px = pdfium.PdfImage.get_px_size(image.raw)
    if abs(image.matrix.b) > abs(image.matrix.a):
        width_px, height_px = height_px, width_px
    left, bottom, right, top = image.box
    return width_px * 72 / max(right - left, 1e-6), height_px * 72 / max(top - bottom, 1e-6)


def object_address(raw: Any) -> int:
    """The address of a pdfium page object, the same for every handle to it; 0 for none."""
    pointer = raw.raw if isinstance(raw, pdfium.PdfObject) else raw
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def area(box: Rectangle) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def intersection(one: Rectangle, other: Rectangle) -> Rectangle:
    return (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))


def overlaps(one: Rectangle, other: Rectangle) -> bool:
    """Whether two boxes meet; a hairline without area counts."""
    left, bottom, right, top = intersection(one, other)
    return right >= left and top >= bottom


_KINDS = {
    pdfium_c.FPDF_PAGEOBJ_TEXT: "text",
    pdfium_c.FPDF_PAGEOBJ_PATH: "path",
    pdfium_c.FPDF_PAGEOBJ_IMAGE: "image",
    pdfium_c.FPDF_PAGEOBJ_SHADING: "shading",
}


def _marks(page: pdfium.PdfPage) -> Iterator[Mark]:
    for thing in page.get_objects():
        kind = _KINDS.get(thing.type)
        if kind is None:  # a form: its parts follow by themselves
            continue
        around = _matrix_around(thing)
        own = thing.get_matrix() if kind == "image" else pdfium.PdfMatrix()
        matrix = own.multiply(around)
        box = matrix.on_rect(0, 0, 1, 1) if kind == "image" else around.on_rect(*thing.get_bounds())
        yield Mark(kind, box, matrix, thing)


def _matrix_around(thing: pdfium.PdfObject) -> pdfium.PdfMatrix:
    """From the space of the form that `thing` lies in to the page."""
    matrix = pdfium.PdfMatrix()
    container = thing.container
    while container is not None:
        matrix = matrix.multiply(container.get_matrix())
        container = container.container
    return matrix


def _has_ink(mark: Mark, *, on_bare_paper: bool) -> bool:
    if mark.kind == "text":
        mode = pdfium_c.FPDFTextObj_GetTextRenderMode(mark.raw)
        return bool(mode not in _INVISIBLE_MODES and _fill_colour(mark)[3] > 0)
    if mark.kind != "path":
        return area(mark.box) > 0
    fill, stroke = ctypes.c_int(), pdfium_c.FPDF_BOOL()
    pdfium_c.FPDFPath_GetDrawMode(mark.raw, fill, stroke)
    if stroke.value:
        return True
    colour = _fill_colour(mark)
    return bool(fill.value) and colour[3] > 0 and not (on_bare_paper and colour[:3] == _WHITE)


def _fill_colour(mark: Mark) -> tuple[int, int, int, int]:
    """Red, green, blue, alpha; opaque black for a pattern, which has no one colour."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium_c.FPDFPageObj_GetFillColor(mark.raw, red, green, blue, alpha):
        return (0, 0, 0, 255)
    return (red.value, green.value, blue.value, alpha.value)


def _is_opaque(mark: Mark) -> bool:
    return bool(not pdfium_c.FPDFPageObj_HasTransparency(mark.raw))


def _is_upright(matrix: pdfium.PdfMatrix) -> bool:
    """Whether a unit square stays parallel to the page's edges (quarter turns and mirrors allowed)."""
    straight, crossed = max(abs(matrix.a), abs(matrix.d)), max(abs(matrix.b), abs(matrix.c))
    return bool(min(straight, crossed) <= 0.001 * max(straight, crossed))


def _is_clipped(mark: Mark) -> bool:
    """Whether a clip may cut the image: any clip path but a rectangle, which the page's own edge usually is."""
    clip = pdfium_c.FPDFPageObj_GetClipPath(mark.raw)
    paths = pdfium_c.FPDFClipPath_CountPaths(clip) if clip else 0
    return any(not _clip_contains(clip, path, mark.box) for path in range(max(paths, 0)))


def _clip_contains(clip: Any, path: int, box: Rectangle) -> bool:
    points: list[tuple[float, float]] = []
    for number in range(pdfium_c.FPDFClipPath_CountPathSegments(clip, path)):
        segment = pdfium_c.FPDFClipPath_GetPathSegment(clip, path, number)
        if pdfium_c.FPDFPathSegment_GetType(segment) == pdfium_c.FPDF_SEGMENT_BEZIERTO:
            return False
        x, y = ctypes.c_float(), ctypes.c_float()
        pdfium_c.FPDFPathSegment_GetPoint(segment, x, y)
        points.append((round(x.value, 2), round(y.value, 2)))
    xs, ys = sorted({x for x, _ in points}), sorted({y for _, y in points})
    if len(xs) != 2 or len(ys) != 2:
        return False
    slack = 1.0
    return xs[0] - slack <= box[0] and ys[0] - slack <= box[1] and xs[1] + slack >= box[2] and ys[1] + slack >= box[3]
