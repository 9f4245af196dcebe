"""A PDF of the pages of an image file: each image as it is, sized and turned as the page is displayed; no text yet."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image, ImageCms

from ocr_workers.image_streams import ImageStream, read_frames
from ocr_workers.pages import DocumentPlan
from sohoa.model import Page

CHUNK_PAGES = 50
CHUNK_BYTES = 48 * 1024 * 1024
"""A part is written to disk when it has this many pages or bytes: pikepdf holds in memory what was not yet saved."""

_SIDE_PT = (3.0, 14400.0)
"""The shortest and longest side of a page (ISO 32000-1, Annex C; ISO 19005-2, 6.1.13)."""

_TURNED: dict[int, tuple[int, bool]] = {
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (270, True),
    6: (90, False),
    7: (90, True),
    8: (270, False),
}
"""EXIF orientation as (clockwise turn, mirrored left to right before it)."""


_Pair = tuple[Page, ImageStream | None]


@dataclass(slots=True)
class ImagePdf:
    """The pages as a PDF that is open as long as its context, and what was done to pixels on the way.

    `transformations` are {page, lossless, detail} for each page whose image is not the file's own bytes; `not_shown`
    are the numbers of the pages whose image cannot be decoded.
    """

    pdf: Pdf
    transformations: list[dict[str, Any]] = field(default_factory=list)
    not_shown: list[int] = field(default_factory=list)


@contextlib.contextmanager
def image_pdf(
    original: Path, plan: DocumentPlan, pages: Sequence[Page], *, flavour: str, work: Path
) -> Iterator[ImagePdf]:
    """The frames of an image file as pages of a PDF, in the order and with the sizes and turns of `pages`.

    A page is `width_px * 72 / dpi` points wide as displayed; EXIF orientation and `turn_deg` become /Rotate. A frame
    that nobody can decode is an empty page of its size. Parts are written to the folder `work`.
    """
    Image.MAX_IMAGE_PIXELS = None  # intake has held every page to Settings.max_page_pixels
    with contextlib.ExitStack() as opened:
        made = ImagePdf(opened.enter_context(Pdf.new()))
        pairs = _noted(zip(pages, read_frames(original, plan, pages), strict=True), made)
        for number, first in enumerate(pairs):
            path = work / f"part-{number:04d}.pdf"
            _write_part(chain([first], pairs), path, flavour=flavour)
            part = opened.enter_context(Pdf.open(path))
            made.pdf.pages.extend(part.pages)
        yield made


def _noted(pairs: Iterator[_Pair], made: ImagePdf) -> Iterator[_Pair]:
    for page, stream in pairs:
        if stream is None:
            made.not_shown.append(page.number)
        elif stream.changes:
            detail = ", ".join(stream.changes)
            made.transformations.append({"page": page.number, "lossless": stream.lossless, "detail": detail})
        yield page, stream


def _write_part(pairs: Iterator[_Pair], path: Path, *, flavour: str) -> None:
    """Take pages from `pairs` until the part is full, and write them."""
    profiles: dict[str, pikepdf.Object] = {}
    size_bytes = 0
    with Pdf.new() as part:
        for page, stream in pairs:
            _add_page(part, page, stream, profiles=profiles, flavour=flavour)
            size_bytes += len(stream.data) if stream else 0
            if len(part.pages) >= CHUNK_PAGES or size_bytes >= CHUNK_BYTES:
                break
        part.save(path, static_id=True)


def _add_page(
    part: Pdf, page: Page, stream: ImageStream | None, *, profiles: dict[str, pikepdf.Object], flavour: str
) -> None:
    turn, mirrored = _TURNED.get(stream.orientation, (0, False)) if stream else (0, False)
    turn = (turn + page.turn_deg) % 360
    width, height = (
        min(max(side_px * 72 / page.dpi, _SIDE_PT[0]), _SIDE_PT[1]) for side_px in (page.width_px, page.height_px)
    )
    if turn in (90, 270):
        width, height = height, width
    target = Dictionary(Type=Name.Page, MediaBox=Array([0, 0, round(width, 4), round(height, 4)]))
    if stream:
        place = (-width, 0, 0, height, width, 0) if mirrored else (width, 0, 0, height, 0, 0)
        content = f"q {' '.join(f'{value:.4f}'.rstrip('0').rstrip('.') for value in place)} cm /Im Do Q"
        image = _image(part, stream, profiles=profiles, flavour=flavour)
        target.Contents = part.make_stream(content.encode())
        target.Resources = Dictionary(XObject=Dictionary(Im=image))
    else:
        target.Resources = Dictionary()
    if turn:
        target.Rotate = turn
    part.pages.append(pikepdf.Page(part.make_indirect(target)))


def _image(part: Pdf, stream: ImageStream, *, profiles: dict[str, pikepdf.Object], flavour: str) -> pikepdf.Stream:
    base: pikepdf.Object = Name.DeviceRGB if stream.channels == 3 or stream.palette else Name.DeviceGray
    channels = 3 if base == Name.DeviceRGB else 1
    if stream.profile and fits_pdfa(stream.profile, channels=channels, flavour=flavour):
        digest = hashlib.sha256(stream.profile).hexdigest()
        if digest not in profiles:
            profiles[digest] = part.make_indirect(part.make_stream(stream.profile, N=channels))
        base = Array([Name.ICCBased, profiles[digest]])
    space = base
    if stream.palette is not None:
        space = Array([Name.Indexed, base, len(stream.palette) // 3 - 1, pikepdf.String(stream.palette)])
    image = part.make_stream(
        stream.data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=stream.width_px,
        Height=stream.height_px,
        BitsPerComponent=stream.bits,
        ColorSpace=space,
        Filter=Name("/" + stream.filter),
    )
    if stream.parameters:
        image.DecodeParms = Dictionary({f"/{name}": value for name, value in stream.parameters.items()})
    return image


def fits_pdfa(profile: bytes, *, channels: int, flavour: str) -> bool:
    """Whether an ICC profile may describe an image of so many channels (ISO 19005-1, 6.2.3.2; 19005-2, 6.2.4.2)."""
    if len(profile) < 132 or profile[36:40] != b"acsp":
        return False
    newest = 2 if flavour == "1b" else 4
    spaces = {1: b"GRAY", 3: b"RGB "}
    if profile[8] > newest or profile[12:16] not in (b"scnr", b"mntr", b"prtr", b"spac"):
        return False
    if profile[16:20] != spaces[channels]:
        return False
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError):
        return False
    return True
