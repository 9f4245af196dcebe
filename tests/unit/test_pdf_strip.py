"""What surrounds the pages of a PDF and what nobody sees goes; layers are drawn as a viewer shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from pikepdf import Dictionary, Name

from ingest.sniff import Kind
from ocr_workers.compose import Composition, compose
from ocr_workers.pages import plan_document
from ocr_workers.pdf_open import opened_page, opened_pdfium
from ocr_workers.pdf_pages import Pixels, read_text_layer, render_page
from ocr_workers.pdf_strip import strip_forbidden, strip_to_pages
from ocr_workers.pdfa import PdfMetadata
from sohoa.settings import Settings
from tests.support.pdf_samples import pdf_samples

_METADATA = PdfMetadata(title="Quyết định", created_at=datetime(2026, 1, 2, tzinfo=UTC), producer="Sohoa test")


def _original(tmp_path: Path, name: str) -> Path:
    return pdf_samples()[name].make(tmp_path / "original.pdf")


def _composed(original: Path) -> tuple[Composition, Path]:
    """The PDF/A-2b of a born-digital original."""
    plan = plan_document(original, Kind.PDF, settings=Settings())
    pages = [read_text_layer(original, page) for page in plan.pages]
    target = original.with_name("document.pdf")
    made = compose(original, plan, pages, target, metadata=_METADATA, flavour="2b", settings=Settings())
    return made, target


def _pixels(path: Path) -> Pixels:
    with opened_pdfium(path) as document, opened_page(document, 1) as page:
        return render_page(page, width_px=595, height_px=842)


def test_layer_that_is_off_stays_unseen(tmp_path: Path) -> None:
    original = _original(tmp_path, "text_layers")
    made, target = _composed(original)
    assert (made.route, made.warnings) == ("rasterised", ("rasterised",))
    assert np.abs(_pixels(original).astype(int) - _pixels(target)).mean() < 1
    with pikepdf.open(target) as pdf:
        assert Name.OCProperties not in pdf.Root


def test_links_out_and_inside_stay_and_those_that_do_something_go(tmp_path: Path) -> None:
    with pikepdf.open(_original(tmp_path, "linked")) as pdf:
        changes = strip_forbidden(pdf, flavour="2b")
        kinds = [str(link.A.S) if Name.A in link else None for link in pdf.pages[0].obj.Annots]
    assert kinds == ["/URI", "/GoTo", None, None]
    assert "Launch actions, Named/Print actions" in changes[0]["detail"]


def test_named_action_that_turns_the_page_stays(tmp_path: Path) -> None:
    with pikepdf.open(_original(tmp_path, "linked")) as pdf:
        pdf.pages[0].obj.Annots[3].A.N = Name.NextPage
        strip_forbidden(pdf, flavour="2b")
        assert str(pdf.pages[0].obj.Annots[3].A.N) == "/NextPage"


@pytest.mark.parametrize("name", ["text_described_oddly", "text_furnished"])
def test_what_the_validator_does_not_know_and_nobody_sees_is_listed_and_gone(tmp_path: Path, name: str) -> None:
    with pikepdf.open(_original(tmp_path, name)) as pdf:
        detail = strip_forbidden(pdf, flavour="2b")[0]["detail"]
        gone = {"text_described_oddly": {"Threads"}, "text_furnished": {"Thumb", "Trans", "PresSteps", "PieceInfo"}}[
            name
        ]
        assert all(key in detail for key in gone)
        assert not gone & {key.removeprefix("/") for key in [*pdf.Root.keys(), *pdf.pages[0].obj.keys()]}


def test_bookmarks_that_are_not_pdfa_do_not_cost_the_document(tmp_path: Path) -> None:
    original = _original(tmp_path, "text_described_oddly")
    with pikepdf.open(original, allow_overwriting_input=True) as pdf:
        pdf.Root.PageLabels = Dictionary(Nums=7)
        pdf.save(original)
    made, target = _composed(original)
    assert (made.route, made.warnings) == ("kept", ())
    assert made.transformations[-1]["detail"].startswith("removed around the pages: ")
    with pikepdf.open(target) as pdf:
        assert not {"/PageLabels", "/Outlines"} & set(pdf.Root.keys())


def test_stripping_to_pages_leaves_a_plain_document_as_it_is(tmp_path: Path) -> None:
    with pikepdf.open(_original(tmp_path, "born_digital")) as pdf:
        strip_to_pages(pdf)
        assert strip_to_pages(pdf) == []
