"""Makers of original files, whole and odd, in code: what intake and the page openers are tried on."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
from PIL import Image, ImageDraw

A4_300 = (2480, 3508)


def drawing(size: tuple[int, int] = (620, 877), *, mode: str = "RGB") -> Image.Image:
    """A small sheet with a red bar along the top and a black block in the lower left corner: its orientation shows."""
    width, height = size
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((0, 0, width, height // 10), fill=(200, 20, 30))
    pen.rectangle((0, height - height // 5, width // 5, height), fill="black")
    return sheet.convert(mode)


def image_bytes(form: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """An image file in Pillow's format `form` (HEIF needs its opener registered)."""
    buffer = io.BytesIO()
    (image or drawing()).save(buffer, form, **options)
    return buffer.getvalue()


def heic_bytes(image: Image.Image | None = None) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    return image_bytes("HEIF", image, quality=90)


def exif_orientation(value: int) -> bytes:
    """An EXIF block that says nothing but the orientation."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def png_header(width: int, height: int) -> bytes:
    """A PNG of that size by its header, with hardly any data: a decompression bomb for whoever believes it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(9999))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def tiff_bytes(pages: int = 1, **options: Any) -> bytes:
    """A TIFF of so many small one-bit pages; page n has n black stripes."""
    sheets = []
    for number in range(1, pages + 1):
        pixels = np.full((351, 248), 255, np.uint8)
        for stripe in range(number):
            pixels[4 * stripe : 4 * stripe + 2] = 0
        sheets.append(Image.fromarray(pixels).convert("1"))
    return image_bytes("TIFF", sheets[0], save_all=True, append_images=sheets[1:], **options)


def looping_tiff() -> bytes:
    """A TIFF with two pages, the second of which names the first as the next one."""
    return bare_tiff(2, loop=True)


def bare_tiff(pages: int, *, loop: bool = False, tag_count: int = 1) -> bytes:
    """A TIFF whose pages all show the same 8 × 8 grey pixels; `tag_count` claims so many strip offsets a page."""
    pixels_at = 8
    size = 2 + 12 * 9 + 4
    first = pixels_at + 64
    out = bytearray(b"II*\0" + struct.pack("<I", first) + bytes(range(64)))
    for number in range(pages):
        last = number == pages - 1
        following = (first if loop else 0) if last else first + size * (number + 1)
        entries = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
        entries += [(273, 4, tag_count, pixels_at), (277, 3, 1, 1), (278, 3, 1, 8), (279, 4, 1, 64)]
        out += struct.pack("<H", len(entries))
        for entry in entries:
            out += struct.pack("<HHII", *entry)
        out += struct.pack("<I", following)
    return bytes(out)


def pdf_bytes(*sizes_pt: tuple[float, float], encryption: pikepdf.Encryption | None = None) -> bytes:
    """A PDF with one empty page for each size given."""
    buffer = io.BytesIO()
    with pikepdf.new() as pdf:
        for size in sizes_pt:
            pdf.add_blank_page().obj.MediaBox = pikepdf.Array([0, 0, *size])  # of any size, which pikepdf forbids
        pdf.save(buffer, encryption=encryption or False)
    return buffer.getvalue()


def unfolding_pdf(*, megabytes: int) -> bytes:
    """A PDF whose page tree lies in an object stream of so many megabytes, mostly blanks, packed a thousandfold."""
    packer = zlib.compressobj(9)
    packed = packer.compress(b"3 0 <</Type/Pages/Count 1/Kids[4 0 R]>>")
    packed += b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()
    out = bytearray(b"%PDF-1.5\n")
    offsets = {}
    for number, body in {
        1: b"<</Type/Catalog/Pages 3 0 R>>",
        2: b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed),
        4: b"<</Type/Page/Parent 3 0 R/MediaBox[0 0 595 842]>>",
    }.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    rows = [(0, 0, 0), (1, offsets[1], 0), (1, offsets[2], 0), (2, 2, 0), (1, offsets[4], 0), (1, len(out), 0)]
    table = b"".join(struct.pack(">BIH", *row) for row in rows)
    stream = b"<</Type/XRef/Size 6/W[1 4 2]/Root 1 0 R/Length %d>>stream\n%b\nendstream" % (len(table), table)
    return bytes(out) + b"5 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream, len(out))


def drawn_pdf(content: bytes) -> bytes:
    """A PDF of one A4 page that draws `content`."""
    buffer = io.BytesIO()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(595.2, 841.92))
        page.obj.Contents = pdf.make_stream(content)
        pdf.save(buffer)
    return buffer.getvalue()


def locked_pdf() -> bytes:
    """A PDF that needs the password `secret` to open."""
    return pdf_bytes((595, 842), encryption=pikepdf.Encryption(owner="owner", user="secret"))


def broken_xref_pdf() -> bytes:
    """A PDF whose cross-reference table is nowhere near where the trailer says."""
    whole = pdf_bytes((595, 842))
    return whole[: whole.rindex(b"startxref")] + b"startxref\n7\n%%EOF\n"


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
