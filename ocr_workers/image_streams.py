"""One frame of an image file as a PDF image: its own bytes wherever PDF knows them, else the least that must change.

Passed through: JPEG (baseline and progressive, grey and colour), Group 4 and JPEG inside TIFF, the deflated rows of a
PNG. Without loss: one-bit images as Group 4, all others deflated. With loss, and recorded: HEIC and lossy WebP become
JPEG, CMYK becomes sRGB, transparency is laid on white, 16 bits a channel become 8.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import img2pdf
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin

from ingest.sniff import Kind
from ocr_workers.image_pages import load_image_page
from ocr_workers.jpeg_bytes import join_strips, read_header
from ocr_workers.pages import DocumentPlan
from sohoa.errors import StageFailed
from sohoa.model import Page
from sohoa.states import PageStatus

JPEG_QUALITY = 92
"""For images that were coded with loss before, in a way that PDF does not know; always without chroma subsampling."""

_ORIENTATION = 274
_FILL_ORDER = 266
_JPEG_TABLES = 347
_REVERSED_BITS = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_PDF_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive Huffman coding: what DCTDecode knows (ISO 32000-1, 7.4.8)."""
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError)
"""What Pillow and our own reading of headers raise for bytes that are not what they promise."""


@dataclass(frozen=True, slots=True)
class ImageStream:
    """The bytes of a PDF image and what its dictionary says.

    `orientation` is the EXIF value (1-8) that still has to be applied. `changes` says in a few words each what was done
    to the image; empty where the file's own bytes are used. `lossless` is about the pixels' values.
    """

    data: bytes
    filter: Literal["DCTDecode", "FlateDecode", "CCITTFaxDecode"]
    width_px: int
    height_px: int
    bits: int
    channels: Literal[1, 3]
    parameters: dict[str, int | bool] = field(default_factory=dict)
    palette: bytes | None = None
    profile: bytes | None = None
    orientation: int = 1
    lossless: bool = True
    changes: tuple[str, ...] = ()


def read_frames(original: Path, plan: DocumentPlan, pages: Sequence[Page]) -> Iterator[ImageStream | None]:
    """The image of each of `pages` (in rising order), one at a time; None for one that nobody can decode."""
    if plan.kind is Kind.HEIC:
        import pillow_heif  # late: only phones' photos need it

        pillow_heif.register_heif_opener()
    with original.open("rb") as file, Image.open(file) as image:
        for page in pages:
            try:
                if plan.kind is Kind.TIFF:
                    image.seek(page.number - 1)
            except _BROKEN:
                yield None
                continue
            yield _own_bytes(file, image, plan, page) or _coded_anew(original, image, plan, page)


def _own_bytes(file: BinaryIO, image: Any, plan: DocumentPlan, page: Page) -> ImageStream | None:
    """The frame's coded bytes as they are, or None where PDF has no such coding or they are known to be broken."""
    undecodable = page.status == PageStatus.FAILED and page.code == "undecodable"
    try:
        if plan.kind is Kind.JPEG:
            return _own_jpeg(file, image)  # viewers show what a broken JPEG still holds
        if undecodable or "damaged" in plan.warnings:
            return None
        if plan.kind is Kind.PNG:
            return _own_png(file, image)
        if plan.kind is Kind.TIFF:
            return _own_tiff(file, image)
    except _BROKEN:
        return None  # decoding it says what is wrong
    return None


# --- the file's own bytes --------------------------------------------------------------------------------------------


def _own_jpeg(file: BinaryIO, image: Any) -> ImageStream | None:
    file.seek(0)
    # A phone's MPO holds further pictures behind the first: previews, gain maps.
    data = file.read(image.mpinfo[0xB002][0]["Size"] if image.format == "MPO" else -1)
    if b"\xff\xd9" not in data[-4096:]:
        data += b"\xff\xd9"  # cut short: decoders want an end
    header = read_header(data)
    if header.frame not in _PDF_JPEG_FRAMES or header.bits != 8 or image.mode not in ("L", "RGB"):
        return None
    return _jpeg(data, profile=image.info.get("icc_profile"), orientation=_orientation(image))


def _jpeg(
    data: bytes, *, profile: bytes | None, orientation: int, parameters: dict[str, int | bool] | None = None
) -> ImageStream:
    header = read_header(data)
    return ImageStream(
        data=data,
        filter="DCTDecode",
        width_px=header.width_px,
        height_px=header.height_px,
        bits=8,
        channels=1 if header.channels == 1 else 3,
        parameters=parameters or {},
        profile=profile,
        orientation=orientation,
    )


def _own_png(file: BinaryIO, image: Any) -> ImageStream | None:
    file.seek(0)
    data = file.read()
    bits, colour_type, interlaced = data[24], data[25], data[28]
    if interlaced or bits > 8 or colour_type not in (0, 2, 3) or "transparency" in image.info:
        return None
    channels: Literal[1, 3] = 3 if colour_type == 2 else 1
    rows, palette = img2pdf.parse_png(data)
    return replace(
        _deflated(rows, width_px=image.width, height_px=image.height, bits=bits, channels=channels),
        palette=palette if colour_type == 3 else None,
        profile=image.info.get("icc_profile"),
        orientation=_orientation(image),
    )


def _deflated(rows: bytes, *, width_px: int, height_px: int, bits: int, channels: Literal[1, 3]) -> ImageStream:
    """Rows as a PNG's IDAT chunks hold them."""
    return ImageStream(
        data=rows,
        filter="FlateDecode",
        width_px=width_px,
        height_px=height_px,
        bits=bits,
        channels=channels,
        parameters={"Predictor": 15, "Colors": channels, "BitsPerComponent": bits, "Columns": width_px},
    )


def _own_tiff(file: BinaryIO, image: Any) -> ImageStream | None:
    tags = image.tag_v2
    offsets, lengths = tags.get(TiffImagePlugin.STRIPOFFSETS), tags.get(TiffImagePlugin.STRIPBYTECOUNTS)
    if not offsets or not lengths or len(offsets) != len(lengths):
        return None
    orientation = tags.get(_ORIENTATION, 1)
    compression = image.info.get("compression")
    if compression == "group4" and len(offsets) == 1 and tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) in (0, 1):
        (data,) = _strips(file, offsets, lengths)
        if tags.get(_FILL_ORDER, 1) == 2:
            data = data.translate(_REVERSED_BITS)
        white_is_zero = tags[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] == 0
        return _group4(
            data,
            width_px=tags[TiffImagePlugin.IMAGEWIDTH],
            height_px=tags[TiffImagePlugin.IMAGELENGTH],
            black_is_one=not white_is_zero,
            orientation=orientation,
        )
    if compression == "jpeg" and image.mode in ("L", "RGB", "YCbCr"):
        joined = join_strips(
            _strips(file, offsets, lengths), tables=tags.get(_JPEG_TABLES), height_px=tags[TiffImagePlugin.IMAGELENGTH]
        )
        if joined is None:
            return None
        # Photometric 6 is YCbCr; in TIFF nothing inside the JPEG says so.
        transform = int(tags[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] == 6)
        parameters: dict[str, int | bool] = {} if image.mode == "L" else {"ColorTransform": transform}
        return _jpeg(joined, profile=image.info.get("icc_profile"), orientation=orientation, parameters=parameters)
    return None


def _strips(file: BinaryIO, offsets: tuple[int, ...], lengths: tuple[int, ...]) -> list[bytes]:
    strips = []
    for offset, length in zip(offsets, lengths, strict=True):
        file.seek(offset)
        strips.append(file.read(length))
    return strips


def _group4(data: bytes, *, width_px: int, height_px: int, black_is_one: bool, orientation: int) -> ImageStream:
    return ImageStream(
        data=data,
        filter="CCITTFaxDecode",
        width_px=width_px,
        height_px=height_px,
        bits=1,
        channels=1,
        parameters={"K": -1, "Columns": width_px, "Rows": height_px, "BlackIs1": black_is_one},
        orientation=orientation,
    )


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; asking a PNG without EXIF for it would decode the PNG."""
    return int(image.getexif().get(_ORIENTATION, 1)) if "exif" in image.info else 1


# --- coded anew ------------------------------------------------------------------------------------------------------


def _coded_anew(original: Path, image: Image.Image, plan: DocumentPlan, page: Page) -> ImageStream | None:
    """The frame decoded, upright, and coded in a way that PDF knows."""
    kind, changes = plan.kind, list(_losses(image, plan.kind))
    width, height = image.size
    if kind is not Kind.TIFF and _orientation(image) > 4:  # Pillow tells a TIFF's size upright
        width, height = height, width
    try:
        # As the recogniser decodes it, but for fax pages, whose pixels stay as they are.
        own_frame = replace(plan.pages[page.number - 1], width_px=width, height_px=height)
        loaded = load_image_page(original, kind, own_frame)
        pixels = _cmyk_to_srgb(image) or Image.fromarray(loaded.pixels)
    except (StageFailed, *_BROKEN):
        return None
    if loaded.colour == "bitonal":
        return _bitonal(Image.fromarray(loaded.pixels > 0), changes)
    profile = image.info.get("icc_profile") if image.mode != "CMYK" else None
    buffer = io.BytesIO()
    lossy = kind in (Kind.HEIC, Kind.JPEG) or (kind is Kind.WEBP and not _is_lossless_webp(original))
    if lossy:
        pixels.save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
        coded = f"coded as JPEG of quality {JPEG_QUALITY} without chroma subsampling"
        stream = _jpeg(buffer.getvalue(), profile=profile, orientation=1)
        return replace(stream, lossless=False, changes=(*changes, coded))
    pixels.save(buffer, format="PNG")
    rows, _ = img2pdf.parse_png(buffer.getvalue())
    return replace(
        _deflated(
            rows, width_px=pixels.width, height_px=pixels.height, bits=8, channels=3 if pixels.mode == "RGB" else 1
        ),
        profile=profile,
        lossless=not changes,
        changes=(*changes, "deflated"),
    )


def _bitonal(image: Image.Image, changes: list[str]) -> ImageStream:
    stream = _group4(
        img2pdf.transcode_monochrome(image),
        width_px=image.width,
        height_px=image.height,
        black_is_one=True,  # Pillow writes white as 1, which the coding calls black
        orientation=1,
    )
    return replace(stream, lossless=not changes, changes=(*changes, "coded as CCITT Group 4"))


def _losses(image: Any, kind: Kind) -> Iterator[str]:
    """What decoding to a mode that PDF/A allows will take from the pixels."""
    if image.has_transparency_data:
        yield "transparency laid on white"
    if image.mode == "CMYK":
        yield "CMYK converted to sRGB"
    deep_tiff = kind is Kind.TIFF and max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) > 8
    if deep_tiff or image.mode.startswith("I") or (kind is Kind.PNG and _is_deep_png(image)):
        yield "16 bits a channel reduced to 8"


def _cmyk_to_srgb(image: Image.Image) -> Image.Image | None:
    """A CMYK image, upright, through the profile it carries; None where it carries none that is of use."""
    profile = image.info.get("icc_profile")
    if image.mode != "CMYK" or not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            ImageOps.exif_transpose(image), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except ImageCms.PyCMSError:
        return None
    if converted is not None:
        converted.info.clear()
    return converted


def _is_deep_png(image: Any) -> bool:
    """Whether a PNG holds 16 bits a channel (Pillow's RGB mode does not tell, its raw mode does)."""
    return any(";16" in str(tile.args) for tile in image.tile)


def _is_lossless_webp(original: Path) -> bool:
    """Whether the picture is in a VP8L chunk (WebP container specification)."""
    with original.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if name in (b"VP8L", b"VP8 ", b"ANMF"):
                return name == b"VP8L"
            file.seek(size + size % 2, io.SEEK_CUR)
    return False
