"""Pages taken out of TIFFs and PDFs as they are: the same pixels and the same coded bytes, and nothing of other pages."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image, TiffImagePlugin

from ingest.cutting import cut
from ingest.sniff import Kind
from sohoa.errors import Conflict
from tests.support import files, pdf_files
from tests.support.revised import letter_bytes


def sheets(mode: str, *, count: int = 3) -> list[Image.Image]:
    """Pictures of which no two are alike."""
    chance = np.random.default_rng(7)
    made = []
    for number in range(count):
        noise = chance.integers(0, 256, (60 + number, 81, 3), dtype=np.uint8)
        made.append(Image.fromarray(noise).convert(mode))
    return made


def tiff(pictures: list[Image.Image], **options: Any) -> bytes:
    out = io.BytesIO()
    pictures[0].save(out, "TIFF", save_all=True, append_images=pictures[1:], dpi=(300, 300), **options)
    return out.getvalue()


def parts_of(folder: Path, data: bytes, kind: Kind, *ranges: tuple[int, int], pages: int = 3) -> list[bytes]:
    original = files.write(folder / f"original.{kind}", data)
    targets = [folder / f"part-{number}" for number in range(len(ranges))]
    cut(original, kind, ranges, targets, pages=pages)
    assert original.read_bytes() == data
    return [target.read_bytes() for target in targets]


def strips(data: bytes) -> list[list[bytes]]:
    """The coded bytes of every page."""
    found = []
    with Image.open(io.BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            assert isinstance(image, TiffImagePlugin.TiffImageFile)
            starts, lengths = image.tag_v2[273], image.tag_v2[279]
            found.append([data[start : start + length] for start, length in zip(starts, lengths, strict=True)])
    return found


def tags(data: bytes, number: int) -> dict[int, Any]:
    with Image.open(io.BytesIO(data)) as image:
        image.seek(number)
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        return {tag: value for tag, value in dict(image.tag_v2).items() if tag not in (273, 34665)}


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("1", {"compression": "group4"}),
        ("L", {"compression": "tiff_lzw"}),
        ("RGB", {"compression": "jpeg", "quality": 80}),
        ("RGB", {"compression": "tiff_adobe_deflate"}),
        ("RGB", {}),
        ("P", {}),
        ("L", {"big_tiff": True}),
        ("L", {"tiffinfo": {270: "một tờ", 33432: "x" * 40, 34665: {36867: "2023:01:15 00:00:00"}}}),
    ],
    ids=["G4", "LZW", "JPEG", "Deflate", "plain", "palette", "BigTIFF", "EXIF"],
)
def test_pages_of_a_tiff_keep_their_coded_bytes_and_all_that_is_said_of_them(
    tmp_path: Path, mode: str, options: dict[str, Any]
) -> None:
    whole = tiff(sheets(mode), **options)
    first, rest = parts_of(tmp_path, whole, Kind.TIFF, (1, 1), (2, 3))
    assert strips(first) + strips(rest) == strips(whole)
    assert len(first) + len(rest) < len(whole) + 2000
    for data, number, of in ((first, 0, 0), (rest, 0, 1), (rest, 1, 2)):
        assert tags(data, number) == tags(whole, of)
        with Image.open(io.BytesIO(data)) as part, Image.open(io.BytesIO(whole)) as original:
            part.seek(number)
            original.seek(of)
            assert part.tobytes() == original.tobytes()
            assert part.getexif().get_ifd(34665) == original.getexif().get_ifd(34665)


def test_a_big_endian_tiff_is_cut_in_its_own_byte_order(tmp_path: Path) -> None:
    whole = tiff(sheets("L"))
    turned = bytearray(_big_endian(sheets("L")))
    parts = parts_of(tmp_path, bytes(turned), Kind.TIFF, (1, 2), (3, 3))
    assert [part[:2] for part in parts] == [b"MM", b"MM"]
    with Image.open(io.BytesIO(parts[1])) as part, Image.open(io.BytesIO(whole)) as original:
        original.seek(2)
        assert part.tobytes() == original.tobytes()


def test_tiff_that_cannot_be_cut_as_it_is_says_why(tmp_path: Path) -> None:
    whole = tiff(sheets("L"))
    for spoilt, pages in ((whole, 4), (whole[:-200], 3), (files.looping_tiff(), 5)):
        with pytest.raises(Conflict, match="cannot be split") as refused:
            parts_of(tmp_path, spoilt, Kind.TIFF, (1, 1), (2, pages), pages=pages)
        assert refused.value.code == "cannot_split"
    with pytest.raises(Conflict, match="one picture"):
        parts_of(tmp_path, files.image_bytes("PNG"), Kind.PNG, (1, 1), pages=1)


def test_pages_of_a_pdf_keep_their_images_and_look_and_say_the_same(tmp_path: Path) -> None:
    pictures = [picture.resize((400, 560)) for picture in sheets("RGB")]
    out = io.BytesIO()
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:], resolution=72)
    with pikepdf.open(io.BytesIO(out.getvalue())) as pdf:
        pdf.Root.Pages.Rotate = 90  # said once for all of them
        saved = io.BytesIO()
        pdf.save(saved)
    for whole in (saved.getvalue(), letter_bytes("Trang một", "Trang hai", "Trang ba")):
        first, rest = parts_of(tmp_path, whole, Kind.PDF, (1, 1), (2, 3))
        assert _images(first) + _images(rest) == _images(whole)
        shown = _shown(first) + _shown(rest)
        for (picture, text), (before, said) in zip(shown, _shown(whole), strict=True):
            assert np.array_equal(picture, before)
            assert text == said


def test_layers_that_are_not_shown_stay_hidden_and_nothing_of_other_pages_comes_along(tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(letter_bytes("Trang một", "Bí mật", "Trang ba"))) as pdf:
        layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="ẩn"))
        pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=[layer], D=pikepdf.Dictionary(OFF=[layer], Order=[layer]))
        page = pdf.pages[2]
        page.obj.Resources.Properties = pikepdf.Dictionary(L=layer)
        page.contents_add(b"/OC /L BDC 0 0 300 300 re f EMC", prepend=False)
        link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9])
        link.Dest = pikepdf.Array([pdf.pages[1].obj, pikepdf.Name.Fit])
        page.obj.Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(link)]))
        saved = io.BytesIO()
        pdf.save(saved)
    (part,) = parts_of(tmp_path, saved.getvalue(), Kind.PDF, (3, 3))
    assert np.array_equal(_shown(part)[0][0], _shown(saved.getvalue())[2][0])
    with pikepdf.open(io.BytesIO(part)) as pdf:
        pages = [one for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and one.get("/Type") == "/Page"]
        assert len(pages) == 1


def test_pdf_that_needs_a_password_or_is_another_says_so(tmp_path: Path) -> None:
    locked = pdf_files.encrypted(tmp_path / "locked.pdf", user="bí mật").read_bytes()
    for data, pages, code in (
        (locked, 1, "encrypted"),
        (letter_bytes("Một"), 3, "cannot_split"),
        (b"%PDF-", 1, "cannot_split"),
    ):
        with pytest.raises(Conflict) as refused:
            parts_of(tmp_path, data, Kind.PDF, (1, 1), pages=pages)
        assert refused.value.code == code


def _big_endian(pictures: list[Image.Image]) -> bytes:
    """The pictures as plain TIFF pages in the other byte order."""
    import struct

    data, link = bytearray(b"MM\x00*\0\0\0\0"), 4
    for picture in pictures:
        at = len(data)
        data += picture.tobytes() + b"\0" * (len(picture.tobytes()) % 2)
        width, height = picture.size
        entries = [(256, 4, width), (257, 4, height), (258, 3, 8 << 16), (259, 3, 1 << 16), (262, 3, 1 << 16),
                   (273, 4, at), (277, 3, 1 << 16), (278, 4, height), (279, 4, width * height)]  # fmt: skip
        data[link : link + 4] = struct.pack(">I", len(data))
        data += struct.pack(">H", len(entries)) + b"".join(
            struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in entries
        )
        link = len(data)
        data += b"\0\0\0\0"
    return bytes(data)


def _images(data: bytes) -> list[bytes]:
    """The coded bytes of every image, page by page."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return [image.read_raw_bytes() for page in pdf.pages for image in page.get_images().values()]


def _shown(data: bytes) -> list[tuple[Any, str]]:
    """Every page as pixels and text."""
    document = pdfium.PdfDocument(data)
    try:
        return [(page.render(scale=0.5).to_numpy().copy(), page.get_textpage().get_text_range()) for page in document]
    finally:
        document.close()
