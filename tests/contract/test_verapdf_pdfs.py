"""veraPDF agrees with our validator on the PDF/A of every kind of PDF original, in every part of the standard."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.sniff import Kind
from ocr_workers.compose import compose
from ocr_workers.pages import DocumentPlan, PagePlan, plan_document
from ocr_workers.pdf_pages import read_text_layer
from ocr_workers.pdfa import PdfMetadata
from sohoa.errors import NotValidPdfA
from sohoa.model import Page
from sohoa.settings import Settings
from tests.support.image_samples import read_page
from tests.support.pdf_samples import PdfSample, pdf_samples
from tests.support.verapdf import Verdict, jars, judge

pytestmark = [pytest.mark.verapdf, pytest.mark.slow]

_METADATA = PdfMetadata(
    title="Quyết định về việc phê duyệt kế hoạch",
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    producer="Sohoa",
)
_REFUSED_BY_US = {
    "scan_user_unit-1b": "PDF 1.4 has no /UserUnit, so PDF/A-1 cannot say how large such a page is",
    "text_user_unit-1b": "PDF 1.4 has no /UserUnit, so PDF/A-1 cannot say how large such a page is",
}
"""Samples (`name-flavour`) that we do not make, and why: such a paper is kept as failed, never called archived."""


def _read(original: Path, plan: DocumentPlan, page: PagePlan, sample: PdfSample) -> Page:
    """The page's own text where it is kept, else words as recognition would find them."""
    if page.way == "text_layer":
        return read_text_layer(original, page)
    size = (page.width_px, page.height_px) if sample.turn_deg % 180 == 0 else (page.height_px, page.width_px)
    read = read_page(page.number, turn_deg=sample.turn_deg)
    return replace(read, width_px=size[0], height_px=size[1], dpi=page.dpi)


def _composed(name: str, sample: PdfSample, folder: Path, flavour: str) -> Path:
    folder.mkdir(parents=True)
    original = sample.make(folder / f"{name}.pdf")
    plan = plan_document(original, Kind.PDF, settings=Settings())
    pages = [_read(original, plan, page, sample) for page in plan.pages]
    target = folder / "document.pdf"
    compose(
        original,
        plan,
        pages,
        target,
        metadata=_METADATA,
        flavour=flavour,
        settings=Settings(),
    )
    return target


def test_verapdf_passes_every_kind_of_pdf_that_we_pass(tmp_path: Path) -> None:
    jars()
    made: dict[Path, str] = {}
    refused: dict[str, str] = {}
    for name, sample in pdf_samples().items():
        for flavour in ("1b", "2b", "3b"):
            label = f"{name}-{flavour}"
            try:
                made[_composed(name, sample, tmp_path / label, flavour)] = flavour
            except NotValidPdfA as error:
                refused[label] = error.detail

    verdicts = judge(list(made))

    assert refused.keys() == _REFUSED_BY_US.keys(), refused
    assert verdicts.keys() == made.keys()
    assert _failures(verdicts) == {}
    assert all(f"PDF/A-{made[path].upper()}" in verdict.profile for path, verdict in verdicts.items())


def _failures(verdicts: dict[Path, Verdict]) -> dict[str, tuple[str, ...]]:
    return {path.parent.name: verdict.failures for path, verdict in verdicts.items() if not verdict.compliant}
