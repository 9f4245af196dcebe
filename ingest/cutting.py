"""Ranges of an original's pages as files of their own, of the same kind, with nothing coded anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pikepdf
from pikepdf import Name, Pdf

from ingest.sniff import Kind
from ingest.tiff_cut import CannotCutError, cut_tiff
from ingest.tiff_directories import read_directories
from sohoa.errors import Conflict

Range = tuple[int, int]
"""The first and the last page, counted from 1."""


def cut(original: Path, kind: Kind, ranges: Sequence[Range], targets: Sequence[Path], *, pages: int) -> None:
    """Write each range of an original of so many pages to its target.

    A PDF's pages come with all that they draw and with its layers; what is of the file as a whole (bookmarks, a signature)
    is in the original only. Raises Conflict: `encrypted`, or `cannot_split` where the form of the file does not let its
    pages be taken out as they are.
    """
    try:
        if kind is Kind.PDF:
            _cut_pdf(original, ranges, targets, pages=pages)
        elif kind is Kind.TIFF:
            _cut_tiff(original, ranges, targets, pages=pages)
        else:
            raise CannotCutError("it is one picture")
    except pikepdf.PasswordError:
        raise Conflict(
            "its original needs a password: replace it by a copy without one, then split that", code="encrypted"
        ) from None
    except (CannotCutError, pikepdf.PdfError) as error:
        why = str(error) if isinstance(error, CannotCutError) else "the PDF is damaged"
        raise Conflict(
            f"this {kind.name} file cannot be split without loss ({why}): scan its papers one by one",
            code="cannot_split",
        ) from error


def _cut_pdf(original: Path, ranges: Sequence[Range], targets: Sequence[Path], *, pages: int) -> None:
    with pikepdf.open(original) as whole:
        _check_count(len(whole.pages), pages)
        for (first, last), target in zip(ranges, targets, strict=True):
            with Pdf.new() as part:
                part.pages.extend(whole.pages[first - 1 : last])
                if Name.OCProperties in whole.Root:  # which layers are shown
                    layers = whole.make_indirect(whole.Root.OCProperties)
                    part.Root.OCProperties = part.copy_foreign(layers)
                part.save(target, deterministic_id=True)


def _cut_tiff(original: Path, ranges: Sequence[Range], targets: Sequence[Path], *, pages: int) -> None:
    found = read_directories(original, limit=pages + 1)
    _check_count(len(found.pages), pages)
    for (first, last), target in zip(ranges, targets, strict=True):
        cut_tiff(original, [page.offset for page in found.pages[first - 1 : last]], target)
        made = read_directories(target, limit=pages + 1)
        if not made.whole or len(made.pages) != last - first + 1:
            raise CannotCutError("its pages are not all there")


def _check_count(found: int, wanted: int) -> None:
    if found != wanted:
        raise CannotCutError(f"it has {found} pages, and {wanted} were read")
