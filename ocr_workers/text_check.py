"""The proof that a finished PDF says what was read: its text, drawn back page by page, equals the recognised text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pypdfium2 as pdfium

from ocr_workers.pdf_open import REOPEN_PAGES
from sohoa.errors import TextMismatch
from sohoa.model import Page

_HYPHEN = re.compile("[-\xad\x02\ufffe]\\s*")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_PRESENTATION_FORM = re.compile("[\ufb00-\ufb4f]")


def normalise(text: str) -> str:
    """The one normalisation under which drawn and recognised text are compared.

    Unicode NFC; every run of white space is one space, none at the ends. And what pdfium does to text in drawing it
    back: a hyphen at a line's end comes back as U+FFFE or U+0002 and joined to the next line, so these (and U+00AD) are
    hyphens and white space after a hyphen does not count; ligatures and presentation forms (U+FB00 to U+FB4F) come back
    spelt out; control characters do not come back.
    """
    text = unicodedata.normalize("NFC", _PRESENTATION_FORM.sub(lambda found: _spelt_out(found[0]), text))
    return " ".join(_CONTROL.sub("", _HYPHEN.sub("-", text)).split())


def _spelt_out(character: str) -> str:
    """A presentation form as the characters it stands for."""
    parts = [part for part in unicodedata.decomposition(character).split() if not part.startswith("<")]
    return "".join(chr(int(part, 16)) for part in parts) or character


def assert_text_equal(pdf_path: Path, pages: Sequence[Page]) -> None:
    """Raise TextMismatch unless every page of the PDF draws the text of its Page, no more and no less.

    Blank and failed pages must draw none. pdfium keeps what it has read of every page while a document is open, so the
    file is opened anew every REOPEN_PAGES pages and memory stays flat.
    """
    numbers = range(len(pages))
    for first in numbers[::REOPEN_PAGES] or [0]:
        document = pdfium.PdfDocument(pdf_path)
        try:
            if len(document) != len(pages):
                raise TextMismatch(f"the finished PDF has {len(document)} pages, but {len(pages)} pages were read")
            for index in numbers[first : first + REOPEN_PAGES]:
                if normalise(_drawn_text(document, index)) != normalise(pages[index].text):
                    raise TextMismatch(
                        f"the text of page {index + 1} of the finished PDF is not the text that was read; "
                        "the document is not archived: report the page"
                    )
        finally:
            document.close()


def _drawn_text(document: pdfium.PdfDocument, index: int) -> str:
    page = document[index]
    try:
        text_page = page.get_textpage()
        try:
            text: str = text_page.get_text_range()
            return text
        finally:
            text_page.close()
    finally:
        page.close()
