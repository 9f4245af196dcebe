"""The text that a PDF page carries: whether it can be believed, and the Page it makes where it can."""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ocr_workers.legacy_text import looks_legacy
from ocr_workers.pages import PagePlan
from ocr_workers.pdf_marks import PageMarks, Rectangle, object_address
from sohoa.model import Block, Box, Line, Page, Word, nfc, union
from sohoa.states import PageStatus

LANE = "text_layer"
BACKGROUND_TEXT = 600
"""Visible letters that a page must have before an image that fills it counts as its background, not as a scan."""
PICTURE_SHARE = 0.5
"""From this share of the page on, images are taken for the page and not for pictures in it."""
OUTLINE_PATHS = 40
"""Curved or many-cornered paths a letter from which a page's letters are taken for outlines, not for text."""
UNMAPPED_SHARE = 0.05
"""The share of letters without a Unicode value above which the text is not believed."""

_HYPHENS = {"\x02", "\ufffe"}
"""How pdfium gives back a hyphen at a line's end."""
_LINE_BREAKS = {"\r", "\n"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A character of pdfium's text of a page; `box` in page coordinates, `source` the object that drew it (0: none)."""

    text: str
    box: Rectangle
    source: int
    mapped: bool


def is_believable(page: pdfium.PdfPage, marks: PageMarks) -> bool:
    """Whether the page is born digital: it has real, visible, Unicode-mapped text that is more than a stamp on a scan.

    A page without any marks is born digital and empty.
    """
    if not marks.marks:
        return True
    seen = {mark.address for mark in marks.of("text")}
    letters = [letter for letter in letters_of(page) if letter.source in seen and not letter.text.isspace()]
    if not letters:
        return False
    if marks.image_share() >= PICTURE_SHARE and len(letters) < BACKGROUND_TEXT:
        return False
    if len(marks.of("path")) > OUTLINE_PATHS * len(letters):
        return False
    if sum(not letter.mapped for letter in letters) > UNMAPPED_SHARE * len(letters):
        return False
    return not looks_legacy(page_text(page), font_names(marks))


def font_names(marks: PageMarks) -> set[str]:
    """The base names of the fonts that visible text is drawn in."""
    names: set[str] = set()
    for mark in marks.of("text"):
        try:
            names.add(mark.raw.get_font().get_base_name())
        except pdfium.PdfiumError:  # a font without a name says nothing about its encoding
            continue
    return names


def page_text(page: pdfium.PdfPage) -> str:
    """All text of the page as pdfium draws it back."""
    text_page = page.get_textpage()
    try:
        text: str = text_page.get_text_range()
        return text
    finally:
        text_page.close()


def letters_of(page: pdfium.PdfPage) -> list[Letter]:
    """Every character of the page's text in pdfium's order, generated spaces and line breaks among them."""
    text_page = page.get_textpage()
    try:
        return list(_letters(text_page))
    finally:
        text_page.close()


def _letters(text_page: pdfium.PdfTextPage) -> Iterator[Letter]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    for index in range(text_page.count_chars()):
        code = pdfium_c.FPDFText_GetUnicode(text_page, index)
        text = chr(code) if code and not 0xD800 <= code <= 0xDFFF else ""
        pdfium_c.FPDFText_GetCharBox(text_page, index, left, right, bottom, top)
        yield Letter(
            text="-" if text in _HYPHENS else text,
            box=(left.value, bottom.value, right.value, top.value),
            source=object_address(pdfium_c.FPDFText_GetTextObject(text_page, index)),
            mapped=_is_mapped(text) and not pdfium_c.FPDFText_HasUnicodeMapError(text_page, index),
        )


def _is_mapped(text: str) -> bool:
    """Whether a character means something by itself: assigned, not private, not a control, not the replacement sign."""
    if not text or text == "\ufffd":
        return False
    return text in _LINE_BREAKS or text in _HYPHENS or unicodedata.category(text) not in {"Co", "Cn", "Cc"}


def page_of_text(page: pdfium.PdfPage, plan: PagePlan) -> Page:
    """The Page that the page's own text makes, in the frame that `plan` states, in pdfium's reading order.

    Its text equals what pdfium draws, but for white space; a page without any text is blank.
    """
    to_frame = _Frame.of(page, plan)
    lines = [line for letters in _lines(letters_of(page)) if (line := _line(letters, to_frame))]
    blocks = tuple(Block(lines=tuple(group), box=union([line.box for line in group])) for group in _paragraphs(lines))
    status = PageStatus.KEPT if blocks else PageStatus.BLANK
    return Page(
        number=plan.number,
        width_px=plan.width_px,
        height_px=plan.height_px,
        dpi=plan.dpi,
        status=status.value,
        blocks=blocks,
        lane=LANE,
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """From page coordinates to pixels of the page frame."""

    box: Rectangle
    rotate_deg: int
    width_px: int
    height_px: int

    @classmethod
    def of(cls, page: pdfium.PdfPage, plan: PagePlan) -> _Frame:
        return cls(page.get_bbox(), int(page.get_rotation()), plan.width_px, plan.height_px)

    def pixels(self, box: Rectangle) -> Box:
        left, bottom, right, top = self.box
        width, height = right - left, top - bottom
        x0, x1 = (box[0] - left) / width, (box[2] - left) / width
        y0, y1 = (top - box[3]) / height, (top - box[1]) / height
        x0, y0, x1, y1 = {
            0: (x0, y0, x1, y1),
            90: (1 - y1, x0, 1 - y0, x1),
            180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
            270: (y0, 1 - x1, y1, 1 - x0),
        }[self.rotate_deg]
        x0_px, y0_px = int(x0 * self.width_px), int(y0 * self.height_px)
        return (
            max(0, min(x0_px, self.width_px - 1)),
            max(0, min(y0_px, self.height_px - 1)),
            max(1, min(max(round(x1 * self.width_px), x0_px + 1), self.width_px)),
            max(1, min(max(round(y1 * self.height_px), y0_px + 1), self.height_px)),
        )


def _lines(letters: list[Letter]) -> Iterator[list[Letter]]:
    line: list[Letter] = []
    for letter in letters:
        if letter.text in _LINE_BREAKS:
            if line:
                yield line
            line = []
        else:
            line.append(letter)
    if line:
        yield line


def _line(letters: list[Letter], frame: _Frame) -> Line | None:
    words = [word for group in _words(letters) if (word := _word(group, frame))]
    return Line(words=tuple(words), box=union([word.box for word in words])) if words else None


def _words(letters: list[Letter]) -> Iterator[list[Letter]]:
    word: list[Letter] = []
    for letter in letters:
        if letter.text.isspace():
            if word:
                yield word
            word = []
        else:
            word.append(letter)
    if word:
        yield word


def _word(letters: list[Letter], frame: _Frame) -> Word | None:
    """A word that a hyphen breaks over two lines is one word, and its box is that of the part on the first line."""
    text = nfc("".join(letter.text for letter in letters))
    if not text:
        return None
    boxes = [frame.pixels(letter.box) for letter in letters if letter.box[2] > letter.box[0]]
    if not boxes:
        boxes = [frame.pixels(letters[0].box)]
    first_line = [box for box in boxes if min(box[3], boxes[0][3]) > max(box[1], boxes[0][1])]
    return Word(text=text, box=union(first_line or boxes), confidence=1.0)


def _paragraphs(lines: list[Line]) -> Iterator[list[Line]]:
    """Lines that follow one another closely, overlap sideways and are of like height belong together."""
    group: list[Line] = []
    for line in lines:
        if group and not _continues(group[-1], line):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _continues(above: Line, below: Line) -> bool:
    height, next_height = above.box[3] - above.box[1], below.box[3] - below.box[1]
    gap = below.box[1] - above.box[3]
    beside = min(above.box[2], below.box[2]) <= max(above.box[0], below.box[0])
    return not beside and -0.5 * height <= gap <= 1.2 * max(height, next_height)
