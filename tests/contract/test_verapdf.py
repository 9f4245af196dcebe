"""veraPDF agrees with our validator on the PDF/A of every kind of image, in every part of the standard."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest

from ocr_workers.compose import compose
from ocr_workers.pages import plan_document
from ocr_workers.pdfa import PdfMetadata
from sohoa.settings import Settings
from tests.support.image_samples import Sample, read_page, samples
from tests.support.verapdf import jars, judge

pytestmark = [pytest.mark.verapdf, pytest.mark.slow]

_FLAVOURS = ("1b", "2b", "3b")
_METADATA = PdfMetadata(
    title="Quyết định về việc phê duyệt kế hoạch",
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    producer="Sohoa",
)


def _composed(sample: Sample, folder: Path, flavour: str) -> Path:
    folder.mkdir()
    original = sample.write(folder)
    plan = plan_document(original, sample.kind, settings=Settings())
    pages = [
        replace(read_page(number + 1), width_px=page.width_px, height_px=page.height_px, dpi=page.dpi)
        for number, page in enumerate(plan.pages)
    ]
    target = folder / "document.pdf"
    compose(original, plan, pages, target, metadata=_METADATA, flavour=flavour, settings=Settings())
    return target


def test_verapdf_passes_every_kind_of_image_in_every_part(tmp_path: Path) -> None:
    jars()
    files = {
        _composed(make(), tmp_path / f"{name}-{flavour}", flavour): flavour
        for name, make in samples().items()
        for flavour in _FLAVOURS
    }

    verdicts = judge(list(files))

    assert verdicts.keys() == files.keys()
    refused = {path.parent.name: verdict.failures for path, verdict in verdicts.items() if not verdict.compliant}
    assert refused == {}
    assert all(f"PDF/A-{files[path].upper()}" in verdict.profile for path, verdict in verdicts.items())


def test_verapdf_refuses_a_file_that_only_claims_to_be_pdfa(tmp_path: Path) -> None:
    good = _composed(samples()["jpeg"](), tmp_path / "good", "2b")
    bad = tmp_path / "bad.pdf"
    with pikepdf.open(good) as pdf:
        del pdf.Root.OutputIntents
        pdf.save(bad)

    verdicts = judge([good, bad])

    assert [verdicts[good].compliant, verdicts[bad].compliant] == [True, False]
