"""Refuses, before it is accepted, what can never be worked on; everything here is bounded in time and memory.

What a person could still release (a PDF that needs a password, a damaged PDF, a truncated image, a TIFF whose directory
loops) is let in: the worker holds it, with the original safe. So is a PDF that cannot be inspected within the memory and
the time that there are for it (a few kilobytes may unfold to gigabytes): the worker has more of both, and fails the
document, saying why, where that is too little.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pikepdf
import structlog

from ingest.confined import Confined, OutOfBoundsError
from ingest.image_headers import image_size
from ingest.sniff import Kind
from ingest.tiff_directories import read_directories
from sohoa.errors import Refused
from sohoa.settings import Settings

log = structlog.get_logger(__name__)

_POINT_M = 0.0254 / 72
_REPAIR_UP_TO_BYTES = 64 * 1024 * 1024
"""Up to this size a broken cross-reference table is rebuilt here, which takes a scan of the whole file."""
_MAX_NODES = 100_000
"""Nodes of a PDF's page tree looked at; a tree of 2,000 pages has some hundreds beside its pages."""
_MEMORY_BYTES = 512 * 1024 * 1024
_TIMEOUT_S = 10.0
"""For one PDF: by far most need less than 100 MB and 50 ms."""


def inspect(path: Path, kind: Kind, *, settings: Settings) -> None:
    """Raise Refused if the original at `path` is outside the limits in `settings` or holds nothing that can be read.

    Codes: too_large, too_many_pages, too_many_pixels, page_too_big, no_pages, unreadable. Raises OSError if the file
    itself cannot be read.
    """
    check_size(path.stat().st_size, settings=settings)
    if kind is Kind.PDF:
        _inspect_pdf(path, settings=settings)
    elif kind is Kind.TIFF:
        _inspect_tiff(path, settings=settings)
    else:
        _inspect_image(path, kind, settings=settings)


def get_ready() -> None:
    """Begin to start what inspects PDFs, for a process that will take some in: the first one then need not wait."""
    _confined.start()


def check_size(size_bytes: int, *, settings: Settings) -> None:
    """Raise Refused(too_large) above the limit."""
    if size_bytes > settings.max_file_bytes:
        raise Refused(
            f"the file has more than {settings.max_file_bytes:,} bytes: split it, or raise SOHOA_MAX_FILE_BYTES",
            code="too_large",
        )


def _inspect_image(path: Path, kind: Kind, *, settings: Settings) -> None:
    size = image_size(path, kind)
    if size is None:
        raise Refused(
            f"this {kind.name} file breaks off or is damaged before it says how large its picture is: "
            "scan or copy it again",
            code="unreadable",
        )
    _check_pixels(*size, page=1, settings=settings)


def _inspect_tiff(path: Path, *, settings: Settings) -> None:
    directories = read_directories(path, limit=settings.max_pages)
    if directories.more:
        raise _too_many_pages(settings)
    for number, page in enumerate(directories.pages, start=1):
        _check_pixels(page.width_px, page.height_px, page=number, settings=settings)


def _check_pixels(width: int, height: int, *, page: int, settings: Settings) -> None:
    if width * height > settings.max_page_pixels:
        raise Refused(
            f"page {page} has {width:,} × {height:,} pixels, more than {settings.max_page_pixels:,} in all: "
            "scan it at a lower resolution, or raise SOHOA_MAX_PAGE_PIXELS",
            code="too_many_pixels",
        )


def _inspect_pdf(path: Path, *, settings: Settings) -> None:
    try:
        _confined(path, settings)
    except OutOfBoundsError as error:
        log.warning("inspection.out_of_bounds", reason=str(error))


def _inspect_pdf_here(path: Path, settings: Settings) -> None:
    try:
        with pikepdf.open(path, attempt_recovery=path.stat().st_size <= _REPAIR_UP_TO_BYTES) as pdf:
            _check_pdf_pages(pdf, settings=settings)
    except pikepdf.PasswordError:
        return  # held(encrypted) later: a person may have the password
    except (pikepdf.PdfError, pikepdf.DataDecodingError, RuntimeError, ValueError, TypeError):
        if not _has_pdf_objects(path):
            raise Refused(
                "this starts like a PDF but holds nothing of one: make or copy it again", code="unreadable"
            ) from None
        # held(damaged) later


_confined = Confined(_inspect_pdf_here, memory_bytes=_MEMORY_BYTES, timeout_s=_TIMEOUT_S)
"""One for the process; it starts with its first call."""


def _check_pdf_pages(pdf: pikepdf.Pdf, *, settings: Settings) -> None:
    count = 0
    for count, box in enumerate(_page_boxes(pdf), start=1):
        if count > settings.max_pages:
            raise _too_many_pages(settings)
        side_m = max(box) * _POINT_M
        if side_m > settings.max_page_side_m + 1e-6:
            raise Refused(
                f"page {count} is {side_m:.2f} m long, more than {settings.max_page_side_m:g} m: "
                "print it to a smaller page, or raise SOHOA_MAX_PAGE_SIDE_M",
                code="page_too_big",
            )
    if count == 0:
        raise Refused("this PDF has no pages: make it again", code="no_pages")


def _page_boxes(pdf: pikepdf.Pdf) -> Iterator[tuple[float, float]]:
    """Width and height in points of each page's MediaBox, user unit included; nodes are visited once each.

    Walks the tree itself (ISO 32000-1, 7.7.3): `pdf.pages` would first build all pages of a tree that has millions.
    """
    root = pdf.Root.get("/Pages")
    pending: list[tuple[pikepdf.Object, pikepdf.Object | None]] = []
    if isinstance(root, pikepdf.Dictionary):
        pending.append((root, None))
    visited: set[tuple[int, int]] = set()
    for _ in range(_MAX_NODES):
        if not pending:
            return
        node, inherited = pending.pop()
        if node.is_indirect:
            if node.objgen in visited:
                continue
            visited.add(node.objgen)
        box = node.get("/MediaBox", inherited)
        kids = node.get("/Kids")
        if not isinstance(kids, pikepdf.Array):
            yield _box_size(box, node.get("/UserUnit", 1))
            continue
        room = _MAX_NODES - len(pending)
        first_kids = [kids[index] for index in range(min(len(kids), room))]
        pending.extend((kid, box) for kid in reversed(first_kids) if isinstance(kid, pikepdf.Dictionary))


def _box_size(box: object, unit: object) -> tuple[float, float]:
    """Zero for a box that is none: what a page without a size is, is for the worker to find out."""
    if not isinstance(box, pikepdf.Array) or len(box) != 4:
        return 0.0, 0.0
    sides = [float(side) for side in box.as_list() if isinstance(side, int | float | Decimal)]
    if len(sides) != 4:
        return 0.0, 0.0
    scale = float(unit) if isinstance(unit, int | float | Decimal) else 1.0
    return abs(sides[2] - sides[0]) * scale, abs(sides[3] - sides[1]) * scale


def _has_pdf_objects(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b" obj") >= 0


def _too_many_pages(settings: Settings) -> Refused:
    return Refused(
        f"the file has more than {settings.max_pages:,} pages: split it, or raise SOHOA_MAX_PAGES",
        code="too_many_pages",
    )
