"""Kinds are told by the bytes, and what is not taken is named."""

from __future__ import annotations

import io
import zipfile

import pytest

from ingest.sniff import HEAD_BYTES, Kind, sniff
from sohoa.errors import Refused
from tests.support import files


def _refusal(head: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        sniff(head[:HEAD_BYTES])
    assert "\n" not in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    ("form", "kind"),
    [("JPEG", Kind.JPEG), ("PNG", Kind.PNG), ("TIFF", Kind.TIFF), ("BMP", Kind.BMP), ("WEBP", Kind.WEBP)],
)
def test_images_are_told_by_their_first_bytes(form: str, kind: Kind) -> None:
    assert sniff(files.image_bytes(form)[:HEAD_BYTES]) is kind


def test_big_endian_and_big_tiffs_are_tiffs() -> None:
    assert sniff(b"MM\x00*\x00\x00\x00\x08") is Kind.TIFF
    assert sniff(b"II+\x00\x08\x00\x00\x00" + b"\x10" + bytes(7)) is Kind.TIFF
    assert sniff(b"MM\x00+\x00\x08\x00\x00" + bytes(7) + b"\x10") is Kind.TIFF


def test_heic_is_taken_and_avif_is_not() -> None:
    assert sniff(files.heic_bytes()[:HEAD_BYTES]) is Kind.HEIC
    assert sniff(b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic") is Kind.HEIC
    assert "AVIF" in _refusal(b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf").detail


def test_brands_beyond_the_brand_box_do_not_count() -> None:
    assert _refusal(b"\x00\x00\x00\x14ftypmp42\x00\x00\x00\x00isomheic").code == "unsupported_kind"


def test_pdf_header_may_start_within_the_first_1024_bytes_only() -> None:
    assert sniff(b"%PDF-1.7\n") is Kind.PDF
    assert sniff(b"\n" * 1023 + b"%PDF-1.7\n") is Kind.PDF
    assert _refusal(b"\n" * 1024 + b"%PDF-1.7\n").code == "unsupported_kind"


def test_empty_file_is_refused_as_empty() -> None:
    assert _refusal(b"").code == "empty"


def test_zip_that_holds_a_pdf_is_not_a_pdf() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("scan.pdf", files.pdf_bytes((595, 842)))
    refused = _refusal(packed.getvalue())
    assert refused.code == "unsupported_kind"
    assert "ZIP" in refused.detail


@pytest.mark.parametrize(
    ("head", "likeness"),
    [
        ("Biên bản họp\nngày 5\n".encode(), "text"),
        ("BMW và các loại xe khác, danh sách kèm theo\n".encode(), "text"),
        ("Biên bản".encode("utf-16"), "text"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?>", "an XML file"),
        (b"GIF89a", "a GIF image"),
        (b"PK\x03\x04....[Content_Types].xml....word/document.xml", "a Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word"),
        (bytes(600), "zero bytes"),
        (b"\x01\x02\x03\x04\x9a", "no kind that Sohoa knows"),
    ],
)
def test_refusal_says_what_the_bytes_look_like_and_what_is_taken(head: bytes, likeness: str) -> None:
    refused = _refusal(head)
    assert refused.code == "unsupported_kind"
    assert likeness in refused.detail
    assert "JPEG" in refused.detail


@pytest.mark.parametrize("length", [1, 2, 3, 4, 8, 12, 17])
def test_heads_of_a_few_bytes_are_refused_in_order(length: int) -> None:
    for whole in (b"RIFF\x10\x00\x00\x00WAVEfmt xxxx", b"\x00\x00\x00\x18ftypmp42xxxxxxx", b"BM" + bytes(18)):
        assert _refusal(whole[:length]).code == "unsupported_kind"
