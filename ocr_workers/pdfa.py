"""Saving a document as PDF/A: metadata set, saved, and the saved bytes validated (ISO 19005-1, -2, -3, level B)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Pdf, pdfa

from sohoa.clock import isoformat
from sohoa.errors import NotValidPdfA


@dataclass(frozen=True, slots=True)
class PdfMetadata:
    """What a PDF says about itself. `created_at` is aware; `language` is a BCP 47 tag."""

    title: str
    created_at: datetime
    producer: str
    creator: str = "Sohoa"
    language: str = "vi-VN"
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class PdfaReport:
    """The validator's verdict on the bytes that were written.

    `conformance` is for example `PDF/A-2b`. `findings` holds {rule, where, message, kind} of every reason against the
    file (none when it passed); `prepared` says in sentences what was changed to get there.
    """

    conformance: str
    passed: bool
    findings: tuple[dict[str, str], ...]
    prepared: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "conformance": self.conformance,
            "passed": self.passed,
            "validator": f"pikepdf {pikepdf.__version__}",
            "findings": list(self.findings),
            "prepared": list(self.prepared),
        }


def conformance_of(flavour: str) -> str:
    """`2b` → `PDF/A-2b`."""
    return f"PDF/A-{flavour}"


def save_pdfa(pdf: Pdf, target: Path, *, flavour: str, metadata: PdfMetadata) -> PdfaReport:
    """Write `pdf` to `target` as PDF/A of `flavour` (1b, 2b, 3b) and validate what was written.

    `pdf` is changed on the way (output intent, XMP, document information). The same document, metadata and versions
    give the same bytes. Raises NotValidPdfA, and leaves `target` as it was, where the validator does not pass the file.
    """
    _describe(pdf, metadata)
    prepared = pdfa.prepare(pdf, flavour)
    _stamp(pdf, metadata)
    try:
        report = pdfa.save(pdf, target, flavour, repair=False, deterministic_id=True)
    except pdfa.PdfaError as error:
        raise NotValidPdfA(_summary(error.report)) from error
    return PdfaReport(
        conformance=conformance_of(flavour),
        passed=report.passed,
        findings=_findings(report),
        prepared=tuple(prepared.describe()),
    )


def check_pdfa(path: Path, *, flavour: str) -> PdfaReport:
    """The validator's verdict on a file that exists already. Never raises for what is wrong with the file."""
    report = pdfa.validate_written(path, flavour)
    return PdfaReport(
        conformance=conformance_of(flavour), passed=report.passed, findings=_findings(report), prepared=()
    )


def _describe(pdf: Pdf, metadata: PdfMetadata) -> None:
    """Start from nothing: what the source said of itself is in the original, and half of it PDF/A does not allow."""
    pdf.Root.Lang = pikepdf.String(metadata.language)
    if "/Metadata" in pdf.Root:
        del pdf.Root.Metadata
    if "/Info" in pdf.trailer:
        del pdf.trailer.Info
    created = _whole_seconds(metadata.created_at)
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=True) as xmp:
        xmp["dc:title"] = _printable(metadata.title)
        xmp["dc:language"] = [metadata.language]
        if metadata.subject:
            xmp["dc:description"] = _printable(metadata.subject)
        xmp["xmp:CreateDate"] = created
        xmp["xmp:ModifyDate"] = created
        xmp["xmp:CreatorTool"] = metadata.creator
        xmp["pdf:Producer"] = metadata.producer


def _stamp(pdf: Pdf, metadata: PdfMetadata) -> None:
    """Undo the clock and the signature that pikepdf puts in, so that equal inputs give equal bytes."""
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=True) as xmp:
        xmp["xmp:MetadataDate"] = _whole_seconds(metadata.created_at)
        xmp["pdf:Producer"] = metadata.producer


def _whole_seconds(moment: datetime) -> str:
    """For XMP: the document information knows no fractions of a second, and in PDF/A-1 both must agree (6.7.3)."""
    return isoformat(moment.replace(microsecond=0))


def _printable(text: str) -> str:
    """`text` without what XML cannot hold."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else " " for c in text).split())


def _summary(report: pdfa.Report) -> str:
    """One line for the reader: which rules, and how often."""
    rules: dict[str, int] = {}
    for finding in report.findings:
        rules[finding.rule] = rules.get(finding.rule, 0) + 1
    listed = ", ".join(f"{rule} ({count} x)" for rule, count in list(rules.items())[:4])
    more = f" and {len(rules) - 4} more" if len(rules) > 4 else ""
    return f"the file is not PDF/A-{report.flavour}: {listed}{more}"


def _findings(report: pdfa.Report) -> tuple[dict[str, str], ...]:
    return tuple({"rule": f.rule, "where": f.where, "message": f.message, "kind": str(f.kind)} for f in report.findings)
