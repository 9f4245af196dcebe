"""PDF/A: metadata as given, the saved bytes validated, equal inputs giving equal bytes, and no lenience."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest

from ocr_workers.pdfa import PdfMetadata, check_pdfa, save_pdfa
from sohoa.errors import NotValidPdfA

_TITLE = "Quyết định 138/QĐ-KHCN"
_METADATA = PdfMetadata(
    title=_TITLE,
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    producer="Sohoa 1",
    subject="V/v phê duyệt",
)


def _blank_document() -> pikepdf.Pdf:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(595, 842))
    return pdf


def _with_visible_unembedded_font() -> pikepdf.Pdf:
    pdf = _blank_document()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page = pdf.pages[0]
    page.add_resource(font, pikepdf.Name.Font, pikepdf.Name.F1)
    page.contents_add(b"BT /F1 12 Tf 72 720 Td (text) Tj ET")
    return pdf


@pytest.mark.parametrize("flavour", ["1b", "2b", "3b"])
def test_a_document_is_saved_and_passes(tmp_path: Path, flavour: str) -> None:
    with _blank_document() as pdf:
        report = save_pdfa(pdf, tmp_path / "document.pdf", flavour=flavour, metadata=_METADATA)

    assert (report.conformance, report.passed, report.findings) == (f"PDF/A-{flavour}", True, ())
    assert check_pdfa(tmp_path / "document.pdf", flavour=flavour).passed


def test_title_language_and_dates_are_set_in_both_places(tmp_path: Path) -> None:
    with _blank_document() as pdf:
        save_pdfa(pdf, tmp_path / "document.pdf", flavour="2b", metadata=_METADATA)

    with pikepdf.open(tmp_path / "document.pdf") as pdf:
        assert str(pdf.Root.Lang) == "vi-VN"
        assert str(pdf.docinfo["/Title"]) == _TITLE
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20260102030405")
        with pdf.open_metadata() as xmp:
            assert xmp["dc:title"] == _TITLE
            assert xmp["dc:description"] == "V/v phê duyệt"
            assert xmp["xmp:CreateDate"] == xmp["xmp:ModifyDate"] == "2026-01-02T03:04:05.000Z"
            assert xmp["pdf:Producer"] == "Sohoa 1"
            assert (xmp["pdfaid:part"], xmp["pdfaid:conformance"]) == ("2", "B")


def test_what_the_source_said_of_itself_does_not_survive(tmp_path: Path) -> None:
    with _blank_document() as pdf:
        pdf.docinfo["/Author"] = "a person"
        with pdf.open_metadata() as xmp:
            xmp["dc:creator"] = ["a person"]
        save_pdfa(pdf, tmp_path / "document.pdf", flavour="1b", metadata=_METADATA)

    with pikepdf.open(tmp_path / "document.pdf") as pdf:
        assert "/Author" not in pdf.docinfo
        assert b"a person" not in pdf.Root.Metadata.read_bytes()


def test_a_title_with_characters_that_xml_cannot_hold_is_cleaned(tmp_path: Path) -> None:
    metadata = PdfMetadata(title="Quyết\x00 định\n\x0b 1 \ufffe", created_at=_METADATA.created_at, producer="Sohoa")
    with _blank_document() as pdf:
        assert save_pdfa(pdf, tmp_path / "document.pdf", flavour="2b", metadata=metadata).passed

    with pikepdf.open(tmp_path / "document.pdf") as pdf:
        assert str(pdf.docinfo["/Title"]) == "Quyết định 1"


@pytest.mark.parametrize("flavour", ["1b", "2b"])
def test_equal_inputs_give_equal_bytes(tmp_path: Path, flavour: str) -> None:
    for name in ("a.pdf", "b.pdf"):
        with _blank_document() as pdf:
            save_pdfa(pdf, tmp_path / name, flavour=flavour, metadata=_METADATA)

    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_a_document_that_breaks_the_standard_is_refused_in_one_line_and_not_written(tmp_path: Path) -> None:
    target = tmp_path / "document.pdf"
    with _with_visible_unembedded_font() as pdf, pytest.raises(NotValidPdfA) as caught:
        save_pdfa(pdf, target, flavour="2b", metadata=_METADATA)

    assert "PDF/A-2b" in caught.value.detail
    assert "\n" not in caught.value.detail
    assert not target.exists()


def test_a_file_that_is_no_pdfa_does_not_pass_the_check(tmp_path: Path) -> None:
    with _with_visible_unembedded_font() as pdf:
        pdf.save(tmp_path / "plain.pdf")

    report = check_pdfa(tmp_path / "plain.pdf", flavour="2b")

    assert not report.passed
    assert {"rule", "where", "message", "kind"} == set(report.findings[0])
    assert report.to_dict()["passed"] is False
