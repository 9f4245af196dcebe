"""What kind of file some bytes are, told by the bytes and never by the name."""

from __future__ import annotations

from enum import StrEnum

from sohoa.errors import Refused

HEAD_BYTES = 2048
"""How many bytes from the start of a file :func:`sniff` wants to see (fewer only where the file is shorter)."""

TAKEN = "JPEG, PNG, TIFF, BMP, WebP, HEIC and PDF files are taken"

_PDF_HEADER_WITHIN = 1024
"""Readers accept junk before a header that starts within these bytes (PDF Reference 1.7, Appendix H, note 13)."""


class Kind(StrEnum):
    """The kinds of original that Sohoa takes in; the value is also the extension of the archived original."""

    JPEG = "jpg"
    PNG = "png"
    TIFF = "tif"
    BMP = "bmp"
    WEBP = "webp"
    HEIC = "heic"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        """The registered media type (IANA)."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Kind.JPEG: "image/jpeg",
    Kind.PNG: "image/png",
    Kind.TIFF: "image/tiff",
    Kind.BMP: "image/bmp",
    Kind.WEBP: "image/webp",
    Kind.HEIC: "image/heic",
    Kind.PDF: "application/pdf",
}

_TAKEN_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"II*\x00", Kind.TIFF),
    (b"MM\x00*", Kind.TIFF),
    (b"II+\x00\x08\x00\x00\x00", Kind.TIFF),  # BigTIFF: offsets of eight bytes
    (b"MM\x00+\x00\x08\x00\x00", Kind.TIFF),
    (b"%PDF-", Kind.PDF),
)

_OTHER_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF image"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word, Excel or Outlook file"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{\\rtf", "a rich text (RTF) file"),
    (b"%!PS", "a PostScript file"),
    (b"8BPS", "a Photoshop file"),
    (b"AT&TFORM", "a DjVu file"),
    (b"\x00\x00\x00\x0cjP  \r\n", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL \r\n", "a JPEG XL image"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
)

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
_HEIF_CONTAINERS = frozenset({b"mif1", b"msf1", b"mif2"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


def sniff(head: bytes) -> Kind:
    """The kind of the file that starts with `head` (its first HEAD_BYTES bytes, or all of a shorter file).

    Raises Refused: `empty`, or `unsupported_kind` with what the bytes look like.
    """
    if not head:
        raise Refused("the file is empty: scan or copy it again", code="empty")
    for magic, kind in _TAKEN_MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    if _is_bmp(head):
        return Kind.BMP
    brands = _iso_media_brands(head)
    if brands & _HEIC_BRANDS or (brands & _HEIF_CONTAINERS and not brands & _AVIF_BRANDS):
        return Kind.HEIC
    likeness = _other_likeness(head, brands)
    if likeness is None and 0 <= head.find(b"%PDF-") < _PDF_HEADER_WITHIN:
        return Kind.PDF
    raise Refused(f"this is {likeness or _plain_likeness(head)}; {TAKEN}", code="unsupported_kind")


def _is_bmp(head: bytes) -> bool:
    """`BM` alone also starts many a text: ask for a header of a known size (12 OS/2, 40 to 124 Windows) as well."""
    return (
        head[:2] == b"BM"
        and len(head) >= 18
        and int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 64, 108, 124}
    )


def _iso_media_brands(head: bytes) -> frozenset[bytes]:
    """Major and compatible brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`); none for other files."""
    if head[4:8] != b"ftyp":
        return frozenset()
    box = head[: int.from_bytes(head[:4], "big")]
    return frozenset({box[8:12], *(box[at : at + 4] for at in range(16, len(box) - 3, 4))})


def _other_likeness(head: bytes, brands: frozenset[bytes]) -> str | None:
    """The name of a known kind that Sohoa does not take."""
    if brands & _AVIF_BRANDS:
        return "an AVIF image"
    if brands:
        return "a video or another ISO media file"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_likeness(head)
    return next((name for magic, name in _OTHER_MAGIC if head.startswith(magic)), None)


def _zip_likeness(head: bytes) -> str:
    if b"word/" in head:
        return "a Word document (save it as PDF)"
    if b"xl/" in head:
        return "an Excel workbook (save it as PDF)"
    if b"ppt/" in head or b"[Content_Types].xml" in head or b"opendocument" in head:
        return "an office document (save it as PDF)"
    return "a ZIP archive (unpack it first)"


def _plain_likeness(head: bytes) -> str:
    """What to call bytes without a magic number."""
    if not head.strip(b"\x00"):
        return "a run of zero bytes, as a broken copy leaves behind"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if start.startswith(b"<?xml"):
        return "an XML file"
    if not any(byte < 0x20 and byte not in b"\t\n\f\r\x1b" for byte in head):
        return "text"
    return "of no kind that Sohoa knows"
