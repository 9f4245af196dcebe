"""What intake refuses before accepting it, what it lets in for a person to release, and that nothing makes it hang."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from ingest.image_headers import image_size, is_cut_short
from ingest.inspect_original import inspect
from ingest.sniff import Kind
from ingest.tiff_directories import read_directories
from sohoa.errors import Refused
from sohoa.settings import Settings
from tests.support import files

SETTINGS = Settings()


def _code(path: Path, kind: Kind, **limits: float) -> str:
    with pytest.raises(Refused) as caught:
        inspect(path, kind, settings=Settings(**limits))  # type: ignore[arg-type]
    assert "\n" not in caught.value.detail
    return caught.value.code


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Of processor time, for others may be at work on this machine."""
    started = time.process_time()
    yield
    assert time.process_time() - started < seconds


def test_png_of_30000_by_30000_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    path = files.write(tmp_path / "bomb", files.png_header(30_000, 30_000))
    with _within(1):
        assert _code(path, Kind.PNG) == "too_many_pixels"


def test_pages_up_to_the_pixel_limit_pass(tmp_path: Path) -> None:
    path = files.write(tmp_path / "large", files.png_header(10_000, 20_000))
    inspect(path, Kind.PNG, settings=SETTINGS)
    assert _code(path, Kind.PNG, max_page_pixels=199_999_999) == "too_many_pixels"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP"])
def test_header_tells_the_size_of_every_kind(tmp_path: Path, form: str) -> None:
    kind = {"JPEG": Kind.JPEG, "PNG": Kind.PNG, "BMP": Kind.BMP, "WEBP": Kind.WEBP}[form]
    variants: dict[str, list[dict[str, Any]]] = {
        "JPEG": [{}, {"progressive": True}, {"exif": files.exif_orientation(6)}],
        "WEBP": [{"quality": 80}, {"lossless": True}, {"exif": files.exif_orientation(6)}],
    }
    for number, options in enumerate(variants.get(form, [{}])):
        path = files.write(tmp_path / str(number), files.image_bytes(form, **options))
        assert image_size(path, kind) == (620, 877)
        assert not is_cut_short(path, kind)


def test_header_tells_the_size_of_a_heic(tmp_path: Path) -> None:
    path = files.write(tmp_path / "heic", files.heic_bytes(files.drawing((640, 880))))
    assert image_size(path, Kind.HEIC) == (640, 880)
    assert not is_cut_short(path, Kind.HEIC)


@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.PNG, Kind.BMP, Kind.WEBP, Kind.HEIC])
def test_image_that_ends_within_its_header_is_refused_as_unreadable(tmp_path: Path, kind: Kind) -> None:
    data = files.heic_bytes() if kind is Kind.HEIC else files.image_bytes(kind.name)
    for length in (4, 13, 20, 22):
        assert _code(files.write(tmp_path / "start", data[:length]), kind) == "unreadable"


@pytest.mark.parametrize("kind", [Kind.JPEG, Kind.PNG, Kind.TIFF, Kind.BMP, Kind.WEBP, Kind.HEIC])
def test_image_that_was_cut_short_is_let_in(tmp_path: Path, kind: Kind) -> None:
    data = files.heic_bytes() if kind is Kind.HEIC else files.image_bytes(kind.name)
    path = files.write(tmp_path / "cut", data[: len(data) * 2 // 3])
    inspect(path, kind, settings=SETTINGS)
    if kind is not Kind.TIFF:
        assert is_cut_short(path, kind)


def test_jpeg_of_nothing_but_markers_does_not_hang_intake(tmp_path: Path) -> None:
    path = files.write(tmp_path / "markers", b"\xff\xd8" + b"\xff\xe1\x00\x02" * 2_000_000)
    with _within(1):
        assert _code(path, Kind.JPEG) == "unreadable"


def test_looping_tiff_is_let_in_with_each_page_counted_once(tmp_path: Path) -> None:
    path = files.write(tmp_path / "loop", files.looping_tiff())
    inspect(path, Kind.TIFF, settings=SETTINGS)
    found = read_directories(path, limit=2000)
    assert (len(found.pages), found.cut_short, found.whole) == (2, True, False)


def test_tiff_of_more_pages_than_allowed_is_refused_without_reading_them_all(tmp_path: Path) -> None:
    path = files.write(tmp_path / "many", files.bare_tiff(50_000))
    with _within(2):
        assert _code(path, Kind.TIFF) == "too_many_pages"
    inspect(files.write(tmp_path / "three", files.bare_tiff(3)), Kind.TIFF, settings=Settings(max_pages=3))
    assert _code(tmp_path / "three", Kind.TIFF, max_pages=2) == "too_many_pages"


def test_tiff_pages_that_all_name_the_same_large_tag_do_not_multiply_it(tmp_path: Path) -> None:
    data = files.bare_tiff(1500, tag_count=1_000_000)
    path = files.write(tmp_path / "shared", data + bytes(4_000_000))
    with _within(2):
        assert read_directories(path, limit=2000).cut_short


def test_tiff_whose_tag_claims_more_than_the_file_holds_is_damaged(tmp_path: Path) -> None:
    path = files.write(tmp_path / "claim", files.bare_tiff(1, tag_count=0xFFFFFFFF))
    assert read_directories(path, limit=10).cut_short


def test_one_huge_page_among_a_tiffs_pages_is_named(tmp_path: Path) -> None:
    data = bytearray(files.bare_tiff(2))
    second = 8 + 64 + 2 + 12 * 9 + 4
    for entry in (0, 1):
        struct.pack_into("<HHII", data, second + 2 + 12 * entry, 256 + entry, 4, 1, 30_000)
    path = files.write(tmp_path / "huge", bytes(data))
    with pytest.raises(Refused, match="page 2") as caught:
        inspect(path, Kind.TIFF, settings=SETTINGS)
    assert caught.value.code == "too_many_pixels"


def test_pdf_without_pages_is_refused(tmp_path: Path) -> None:
    assert _code(files.write(tmp_path / "none", files.pdf_bytes()), Kind.PDF) == "no_pages"


def test_pdf_with_a_page_of_14_m_is_refused(tmp_path: Path) -> None:
    size_pt = 14 / 0.0254 * 72
    path = files.write(tmp_path / "long", files.pdf_bytes((595, 842), (595, size_pt)))
    with pytest.raises(Refused, match=r"page 2 is 14\.00 m") as caught:
        inspect(path, Kind.PDF, settings=SETTINGS)
    assert caught.value.code == "page_too_big"
    inspect(files.write(tmp_path / "most", files.pdf_bytes((595, 14_400))), Kind.PDF, settings=SETTINGS)


def test_user_unit_counts_towards_the_size_of_a_page(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(595, 842)).obj.UserUnit = 75
        pdf.save(tmp_path / "unit")
    assert _code(tmp_path / "unit", Kind.PDF) == "page_too_big"


def test_pdf_of_more_pages_than_allowed_is_refused(tmp_path: Path) -> None:
    path = files.write(tmp_path / "four", files.pdf_bytes(*[(595, 842)] * 4))
    inspect(path, Kind.PDF, settings=Settings(max_pages=4))
    assert _code(path, Kind.PDF, max_pages=3) == "too_many_pages"


def test_pdf_whose_page_tree_loops_does_not_hang_intake(tmp_path: Path) -> None:
    data = (
        b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
        b"2 0 obj\n<</Type/Pages/Count 2/Kids[2 0 R 3 0 R]>>\nendobj\n"
        b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>\nendobj\n"
        b"trailer\n<</Root 1 0 R/Size 4>>\n%%EOF\n"
    )
    with _within(1):
        inspect(files.write(tmp_path / "loop", data), Kind.PDF, settings=SETTINGS)


def test_pdf_that_needs_a_password_is_let_in(tmp_path: Path) -> None:
    inspect(files.write(tmp_path / "locked", files.locked_pdf()), Kind.PDF, settings=SETTINGS)


def test_pdf_with_a_broken_cross_reference_is_let_in(tmp_path: Path) -> None:
    inspect(files.write(tmp_path / "broken", files.broken_xref_pdf()), Kind.PDF, settings=SETTINGS)


def test_pdf_that_was_cut_short_is_let_in(tmp_path: Path) -> None:
    data = files.pdf_bytes(*[(595, 842)] * 30)
    for share in (0.3, 0.6, 0.9):
        inspect(files.write(tmp_path / "cut", data[: int(len(data) * share)]), Kind.PDF, settings=SETTINGS)


def test_text_that_starts_like_a_pdf_is_refused(tmp_path: Path) -> None:
    path = files.write(tmp_path / "text.pdf", b"%PDF-1.7 is what a PDF starts with; this is only a note.\n" * 20)
    assert _code(path, Kind.PDF) == "unreadable"


def test_file_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    path = files.write(tmp_path / "page", files.image_bytes("PNG"))
    assert _code(path, Kind.PNG, max_file_bytes=path.stat().st_size - 1) == "too_large"
    inspect(path, Kind.PNG, settings=Settings(max_file_bytes=path.stat().st_size))
