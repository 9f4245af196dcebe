"""The finished PDF/A of a document: composed from its original, validated, its text proven equal to what was read."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.sniff import Kind
from ocr_workers.image_pdf import image_pdf
from ocr_workers.pages import DocumentPlan
from ocr_workers.pdfa import PdfMetadata, save_pdfa
from ocr_workers.text_check import assert_text_equal
from ocr_workers.text_layer import lay_text
from sohoa.model import Page, Sha256
from sohoa.settings import Settings


@dataclass(frozen=True, slots=True)
class Composition:
    """A finished PDF/A file.

    `conformance` is for example `PDF/A-2b`; `report` is the validator's, as JSON values. `route` says how it was made:
    `image` here, other names from PDF originals. `transformations` are {page, lossless, detail} for PREMIS. `warnings`
    are codes for the document: `page_not_shown` where a page is empty because nobody can decode its image.
    """

    pdf_sha256: Sha256
    size_bytes: int
    conformance: str
    report: dict[str, Any]
    route: str
    transformations: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()


def compose(
    original: Path,
    plan: DocumentPlan,
    pages: Sequence[Page],
    target: Path,
    *,
    metadata: PdfMetadata,
    flavour: str,
    settings: Settings,
) -> Composition:
    """Write the document's PDF/A of `flavour` (1b, 2b, 3b) to `target`, overwriting it.

    `pages` are all pages of the plan, in order; blank and failed ones get their image and no text. Nothing is fsynced:
    the archive does that. Raises NotValidPdfA and TextMismatch; what then is at `target` is not to be archived.
    """
    if plan.kind is Kind.PDF:
        from ocr_workers.pdf_compose import compose_pdf

        composition = compose_pdf(original, plan, pages, target, metadata=metadata, flavour=flavour, settings=settings)
    else:
        composition = _compose_images(original, plan, pages, target, metadata=metadata, flavour=flavour)
    assert_text_equal(target, pages)
    return composition


def _compose_images(
    original: Path,
    plan: DocumentPlan,
    pages: Sequence[Page],
    target: Path,
    *,
    metadata: PdfMetadata,
    flavour: str,
) -> Composition:
    with (
        tempfile.TemporaryDirectory(dir=target.parent, prefix="parts-") as work,
        image_pdf(original, plan, pages, flavour=flavour, work=Path(work)) as made,
    ):
        lay_text(made.pdf, lambda: enumerate(pages))
        report = save_pdfa(made.pdf, target, flavour=flavour, metadata=metadata)
    return composition_of(
        target,
        report=report.to_dict(),
        route="image",
        transformations=made.transformations,
        warnings=("page_not_shown",) if made.not_shown else (),
    )


def composition_of(
    target: Path,
    *,
    report: dict[str, Any],
    route: str,
    transformations: list[dict[str, Any]],
    warnings: tuple[str, ...] = (),
) -> Composition:
    """The Composition of a finished file: its digest and size are read from it."""
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Composition(
        pdf_sha256=Sha256(digest),
        size_bytes=target.stat().st_size,
        conformance=report["conformance"],
        report=report,
        route=route,
        transformations=transformations,
        warnings=warnings,
    )
