"""Makers of PDF originals for tests: scans, born digital, signed, encrypted, damaged and old ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pikepdf
from fpdf import FPDF
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image, ImageDraw

SERIF = Path("/usr/share/fonts/truetype/liberation2/LiberationSerif-Regular.ttf")
FALLBACK = Path("/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf")
A4_200_DPI = (1654, 2339)
A4 = (595.44, 842.04)
VIETNAMESE = (
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "Độc lập - Tự do - Hạnh phúc",
    "Căn cứ Luật Tổ chức chính quyền địa phương",
    "Điều 1. Quyết định này có hiệu lực kể từ ngày ký.",
)
TCVN3 = ("Céng hßa x· héi chñ nghÜa ViÖt Nam", "§éc lËp - Tù do - H¹nh phóc")
VNI = ("Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam", "Ñoäc laäp - Töï do - Haïnh phuùc")


def born_digital(path: Path, pages: Sequence[Sequence[str]] = (VIETNAMESE,)) -> Path:
    """Pages of real text in an embedded font, as LibreOffice or Word write them."""
    pdf = FPDF(format="A4")
    pdf.add_font("serif", fname=str(SERIF if SERIF.exists() else FALLBACK))
    for lines in pages:
        pdf.add_page()
        pdf.set_font("serif", size=13)
        for line in lines:
            pdf.cell(0, 9, line, new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(path))
    return path


def unembedded(path: Path, lines: Sequence[str], *, font: str = "Helvetica") -> Path:
    """A page in a font that is not embedded, WinAnsi-encoded; a font called .VnTime makes it an old TCVN3 paper."""
    with Pdf.new() as pdf:
        pdf.add_blank_page(page_size=A4)
        resource = Dictionary(
            Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/" + font), Encoding=Name.WinAnsiEncoding
        )
        pdf.pages[0].obj.Resources = Dictionary(Font=Dictionary(F1=pdf.make_indirect(resource)))
        shown = b"".join(
            b"1 0 0 1 60 %d Tm (%s) Tj\n" % (760 - 24 * number, line.encode("cp1252"))
            for number, line in enumerate(lines)
        )
        pdf.pages[0].obj.Contents = pdf.make_stream(b"BT /F1 13 Tf\n" + shown + b"ET")
        pdf.save(path)
    return path


def drawn_page(size: tuple[int, int] = A4_200_DPI, *, mode: str = "RGB") -> Image.Image:
    """A picture that is different in every corner, so that a turn or a mirror shows: bar on top, block at left."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    width, height = size
    pen.rectangle((0.1 * width, 0.05 * height, 0.9 * width, 0.1 * height), fill="black")
    pen.rectangle((0.1 * width, 0.2 * height, 0.3 * width, 0.3 * height), fill="red" if mode == "RGB" else "black")
    return image.convert(mode, dither=Image.Dither.NONE)


def add_scan(
    pdf: Pdf,
    image: Image.Image,
    *,
    dpi: float = 200.0,
    matrix: str | None = None,
    before: bytes = b"",
    after: bytes = b"",
    resources: Dictionary | None = None,
) -> pikepdf.Page:
    """Add a page that is one image; `before` and `after` are content around it, `matrix` places it otherwise."""
    width, height = image.width * 72 / dpi, image.height * 72 / dpi
    pdf.add_blank_page(page_size=(width, height))
    page = pdf.pages[-1]
    page.obj.Resources = resources or Dictionary()
    page.obj.Resources[Name.XObject] = Dictionary(Im0=image_stream(pdf, image))
    placed = matrix or f"{width:.4f} 0 0 {height:.4f} 0 0"
    page.obj.Contents = pdf.make_stream(before + b"q %s cm /Im0 Do Q\n" % placed.encode() + after)
    return page


def image_stream(pdf: Pdf, image: Image.Image) -> pikepdf.Object:
    """Black and white as Flate, grey and colour as JPEG."""
    common: dict[str, Any] = {
        "Type": Name.XObject,
        "Subtype": Name.Image,
        "Width": image.width,
        "Height": image.height,
    }
    if image.mode == "1":
        pixels: npt.NDArray[np.bool_] = np.asarray(image, dtype=bool)
        packed = np.packbits(pixels, axis=1).tobytes()
        return pdf.make_stream(packed, ColorSpace=Name.DeviceGray, BitsPerComponent=1, **common)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=90)
    space = Name.DeviceGray if image.mode == "L" else Name.DeviceRGB
    return pdf.make_stream(data.getvalue(), ColorSpace=space, BitsPerComponent=8, Filter=Name.DCTDecode, **common)


def scan(path: Path, *, pages: int = 1, mode: str = "RGB", rotate: int = 0) -> Path:
    """Full-page images without any text."""
    with Pdf.new() as pdf:
        for _ in range(pages):
            page = add_scan(pdf, drawn_page(mode=mode))
            if rotate:
                page.obj.Rotate = rotate
        pdf.save(path)
    return path


def helvetica(pdf: Pdf) -> Dictionary:
    """Resources with one font that is not embedded."""
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    return Dictionary(Font=Dictionary(F1=pdf.make_indirect(font)))


def scan_with_foreign_ocr(path: Path) -> Path:
    """A scan with another program's invisible (and wrong) text."""
    with Pdf.new() as pdf:
        words = b"BT /F1 12 Tf 3 Tr 60 700 Td (UY BAN MAN DAN wrong words) Tj ET\n"
        add_scan(pdf, drawn_page(), before=words, resources=helvetica(pdf))
        pdf.save(path)
    return path


def signed(path: Path, *, scanned: bool = True) -> Path:
    """A paper with a signature field whose stamp is seen on its page (nothing is really signed)."""
    if not scanned:
        born_digital(path)
    with pikepdf.open(path, allow_overwriting_input=True) if not scanned else Pdf.new() as pdf:
        page = add_scan(pdf, drawn_page()) if scanned else pdf.pages[0]
        stamp = pdf.make_stream(
            b"q 1 0 0 RG 2 w 2 2 146 46 re S Q",
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, 150, 50]),
        )
        value = Dictionary(
            Type=Name.Sig,
            Filter=Name("/Adobe.PPKLite"),
            SubFilter=Name("/adbe.pkcs7.detached"),
            ByteRange=Array([0, 10, 20, 10]),
            Contents=pikepdf.String(b"\0" * 16),
        )
        field = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Sig,
                T=pikepdf.String("Signature1"),
                Rect=Array([380, 700, 530, 750]),
                F=4,
                AP=Dictionary(N=stamp),
                V=pdf.make_indirect(value),
                P=page.obj,
            )
        )
        page.obj.Annots = Array([field])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3)
        pdf.save(path)
    return path


def with_scripts_and_attachments(path: Path) -> Path:
    """Born digital, with what PDF/A forbids and nobody sees."""
    born_digital(path)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        script = Dictionary(S=Name.JavaScript, JS=pikepdf.String("app.alert('hello')"))
        pdf.Root.OpenAction = script
        pdf.pages[0].obj.AA = Dictionary(O=script)
        pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([pikepdf.String("a"), script])))
        pdf.attachments["notes.txt"] = b"not part of the paper"
        pdf.save(path)
    return path


def encrypted(path: Path, *, user: str, owner: str = "owner-secret") -> Path:
    """Born digital and encrypted; an empty `user` password opens for everybody."""
    born_digital(path)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(user=user, owner=owner, R=6))
    return path


def opened_copy(path: Path) -> Path:
    """An encrypted paper as a release leaves it for the worker: opened with its password, saved without one."""
    encrypted(path, user="secret")
    with pikepdf.open(path, password="secret", allow_overwriting_input=True) as pdf:
        pdf.save(path, encryption=False)
    return path


def changed(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """The file at `path` with its bytes changed."""
    path.write_bytes(change(path.read_bytes()))
    return path


def without_pages(path: Path) -> Path:
    with Pdf.new() as pdf:
        pdf.save(path)
    return path


def of_side(path: Path, *, metres: float) -> Path:
    """One page whose side is that long, told by a large user unit."""
    with Pdf.new() as pdf:
        points = metres / 0.0254 * 72
        pdf.add_blank_page(page_size=(points / 4, points / 4))
        pdf.pages[0].obj.UserUnit = 4
        pdf.save(path, min_version="1.6")
    return path
