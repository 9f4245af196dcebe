"""One small page written as every kind of image file that Sohoa takes in, for tests of what becomes of it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageDraw

from ingest.sniff import Kind
from sohoa.model import Block, Line, Page, Word, union

WIDTH_PX, HEIGHT_PX, DPI = 1240, 1754, 150.0
_WORDS = ("Cộng", "hòa", "xã", "hội", "chủ", "nghĩa", "Việt", "Nam")


@dataclass(frozen=True, slots=True)
class Sample:
    """An image file; `frames` of it are pages, and `kept` says whether PDF takes its bytes as they are."""

    kind: Kind
    data: bytes
    frames: int = 1
    kept: bool = False
    lossless: bool = True

    def write(self, folder: Path) -> Path:
        path = folder / f"original.{self.kind.value}"
        path.write_bytes(self.data)
        return path


def drawn_page() -> Image.Image:
    """An A4 page at 150 dpi, unlike itself however it is turned or mirrored: a black corner, bars, word boxes."""
    page = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 200, 120), fill="black")
    draw.rectangle((1100, 300, 1239, 700), fill=(200, 16, 46))
    draw.rectangle((300, 1600, 900, 1753), fill=(0, 60, 160))
    for word in drawn_words():
        left, top, right, bottom = word.box
        draw.rectangle((left, top, right - 1, bottom - 1), fill="black")
    return page


def drawn_words() -> list[Word]:
    """Words whose ink is a black bar as large as their box."""
    words = []
    for row in range(3):
        left = 150
        for text in _WORDS:
            words.append(Word(text, (left, 400 + row * 60, left + 16 * len(text), 430 + row * 60), 0.9))
            left += 16 * len(text) + 12
    return words


def read_page(number: int = 1, *, turn_deg: int = 0) -> Page:
    """What reading the drawn page gives."""
    words = drawn_words()
    lines = tuple(
        Line(tuple(row), union([word.box for word in row]), (0.0, 0.0))
        for row in (words[start : start + len(_WORDS)] for start in range(0, len(words), len(_WORDS)))
    )
    block = Block(lines, union([line.box for line in lines]))
    return Page(number, WIDTH_PX, HEIGHT_PX, DPI, "recognised", (block,), turn_deg=turn_deg)


def samples() -> dict[str, Callable[[], Sample]]:
    """Every kind of image file by name; each is drawn when called."""
    rgb = drawn_page
    return {
        "jpeg": lambda: Sample(Kind.JPEG, _saved(rgb(), "JPEG", quality=80), kept=True),
        "jpeg_grey": lambda: Sample(Kind.JPEG, _saved(rgb().convert("L"), "JPEG"), kept=True),
        "jpeg_progressive": lambda: Sample(Kind.JPEG, _saved(rgb(), "JPEG", progressive=True), kept=True),
        "jpeg_srgb_profile": lambda: Sample(Kind.JPEG, _saved(rgb(), "JPEG", icc_profile=_srgb_profile()), kept=True),
        "jpeg_broken_profile": lambda: Sample(
            Kind.JPEG, _saved(rgb(), "JPEG", icc_profile=b"not a profile" * 20), kept=True
        ),
        "jpeg_cmyk": lambda: Sample(Kind.JPEG, _saved(rgb().convert("CMYK"), "JPEG"), lossless=False),
        **{f"jpeg_exif_{value}": partial(_turned_sample, value) for value in range(2, 9)},
        "png": lambda: Sample(Kind.PNG, _saved(rgb(), "PNG"), kept=True),
        "png_grey": lambda: Sample(Kind.PNG, _saved(rgb().convert("L"), "PNG"), kept=True),
        "png_bitonal": lambda: Sample(Kind.PNG, _saved(_bitonal(), "PNG"), kept=True),
        "png_palette": lambda: Sample(Kind.PNG, _saved(rgb().quantize(16), "PNG"), kept=True),
        "png_alpha": lambda: Sample(Kind.PNG, _saved(_transparent(), "PNG"), lossless=False),
        "png_deep_grey": lambda: Sample(Kind.PNG, _saved(_deep_grey(), "PNG"), lossless=False),
        "png_interlaced": lambda: Sample(Kind.PNG, _interlaced_png()),
        "tiff_group4": lambda: Sample(Kind.TIFF, _group4(), kept=True),
        "tiff_group4_strips": lambda: Sample(
            Kind.TIFF, _saved(_bitonal(), "TIFF", compression="group4", strip_size=8192)
        ),
        "tiff_group3": lambda: Sample(Kind.TIFF, _saved(_bitonal(), "TIFF", compression="group3")),
        "tiff_lzw": lambda: Sample(Kind.TIFF, _saved(rgb(), "TIFF", compression="tiff_lzw")),
        "tiff_deflate": lambda: Sample(Kind.TIFF, _saved(rgb().convert("L"), "TIFF", compression="tiff_adobe_deflate")),
        "tiff_jpeg": lambda: Sample(Kind.TIFF, _saved(rgb(), "TIFF", compression="jpeg"), kept=True),
        "tiff_raw": lambda: Sample(Kind.TIFF, _saved(rgb(), "TIFF")),
        "tiff_palette": lambda: Sample(Kind.TIFF, _saved(rgb().quantize(16), "TIFF", compression="tiff_lzw")),
        "tiff_cmyk": lambda: Sample(
            Kind.TIFF, _saved(rgb().convert("CMYK"), "TIFF", compression="tiff_lzw"), lossless=False
        ),
        "tiff_deep_grey": lambda: Sample(Kind.TIFF, _saved(_deep_grey(), "TIFF"), lossless=False),
        "tiff_pages": lambda: Sample(
            Kind.TIFF,
            _saved(_bitonal(), "TIFF", compression="tiff_lzw", save_all=True, append_images=[rgb()]),
            frames=2,
        ),
        "bmp": lambda: Sample(Kind.BMP, _saved(rgb(), "BMP")),
        "bmp_bitonal": lambda: Sample(Kind.BMP, _saved(_bitonal(), "BMP")),
        "webp": lambda: Sample(Kind.WEBP, _saved(rgb(), "WEBP", quality=90), lossless=False),
        "webp_lossless": lambda: Sample(Kind.WEBP, _saved(rgb(), "WEBP", lossless=True)),
        "heic": lambda: Sample(Kind.HEIC, _heic(), lossless=False),
    }


def _saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, dpi=(DPI, DPI), **options)
    return buffer.getvalue()


def _bitonal() -> Image.Image:
    return drawn_page().convert("1", dither=Image.Dither.NONE)


def _group4() -> bytes:
    """Group 4 in one strip, as scanners write it."""
    return _saved(_bitonal(), "TIFF", compression="group4", tiffinfo={278: HEIGHT_PX})


def _transparent() -> Image.Image:
    page = drawn_page().convert("RGBA")
    alpha = page.convert("L").point(lambda value: 0 if value == 255 else 255)
    page.putalpha(alpha)
    return page


def _deep_grey() -> Image.Image:
    return Image.fromarray(np.asarray(drawn_page().convert("L")).astype(np.uint16) * 257)


def _turned_sample(orientation: int) -> Sample:
    return Sample(Kind.JPEG, _turned_jpeg(orientation), kept=True)


def _turned_jpeg(orientation: int) -> bytes:
    """The page stored so that this EXIF orientation shows it upright."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    return _saved(drawn_page().transpose(undo), "JPEG", exif=exif)


def _interlaced_png() -> bytes:
    """An interlaced PNG (Adam7, no row filters), which Pillow reads but does not write."""
    pixels = np.asarray(drawn_page())
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b"".join(
        b"\0" + row.tobytes() for x, y, dx, dy in passes for row in np.ascontiguousarray(pixels[y::dy, x::dx])
    )
    per_metre = round(DPI / 0.0254)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", WIDTH_PX, HEIGHT_PX, 8, 2, 0, 0, 1)),
        (b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _heic() -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(drawn_page()).save(buffer, quality=85)
    return buffer.getvalue()
