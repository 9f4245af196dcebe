"""`sohoa verify`: is the archive, or one dossier or document of it, what it promises to be."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sohoa.cli.context import identify, opened
from sohoa.cli.validate_ocfl import FOUND, sayable
from sohoa.clock import isoformat
from sohoa.errors import NotAllowed, NotFound, SohoaError
from storage.archive.fixity import Cover
from storage.archive.layout import object_id_of
from storage.archive.verify import VerifyReport, verify_archive, verify_one
from storage.archive.verify_findings import VerifyFinding, finding
from storage.catalog import documents
from storage.index import open_index
from storage.index.protocol import SearchIndex
from storage.stores import Stores


def run(what: str | None, *, sample: int, as_json: bool) -> int:
    """Check everything, or the object that a document or dossier is in; exit code 0 if it is clean, else 4."""
    from ocr_workers.pdfa import check_pdfa

    def check_pdf(path: Path, conformance: str) -> str | None:
        report = check_pdfa(path, flavour=conformance.removeprefix("PDF/A-"))
        return None if report.passed else f"not {conformance}: {report.findings[0]['rule']}"

    with opened() as stores, ExitStack() as stack:
        if identify(stores, None, scope="admin").office is not None:
            raise NotAllowed("verify reads the papers of every office: the token in SOHOA_TOKEN is bound to one")
        index: SearchIndex | None = None
        trouble = ""
        try:
            index = stack.enter_context(open_index(stores.settings))
        except SohoaError as error:  # the archive is checked all the same
            trouble = error.detail
        if what is None:
            chance = random.SystemRandom()
            report = verify_archive(stores, index, check_pdf=check_pdf, sample=sample, chance=chance)
        else:
            report = verify_one(stores, index, _object_of(stores, what), check_pdf=check_pdf)
        if index is None:
            report.findings.append(finding("index_unusable", "index", trouble))
    _print(report, as_json=as_json)
    return 0 if report.is_clean else FOUND


def _object_of(stores: Stores, what: str) -> str:
    """The OCFL object of a document's id or a dossier's code."""
    with stores.database.read() as connection:
        try:
            document = documents.get(connection, what.strip().upper())
        except NotFound:
            return object_id_of("", what)
    if document.version is None:
        raise NotFound(f"document {document.document_id} is {document.status}: the archive has no version of it yet")
    return document.archived_in


def _print(report: VerifyReport, *, as_json: bool) -> None:
    if as_json:
        told = {
            "clean": report.is_clean,
            "checked": dict(report.checked),
            "findings": findings_json(report.findings),
            "fixity": None if report.cover is None else cover_json(report.cover),
        }
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    show_findings(report.findings)
    if report.cover is not None:
        sys.stdout.write(f"rolling fixity check: {cover_text(report.cover)}\n")
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(report.checked.items()))
    sys.stdout.write(f"{'clean' if report.is_clean else 'NOT clean'}: {counted}\n")


def findings_json(findings: Sequence[VerifyFinding]) -> list[dict[str, str]]:
    """Findings as docs/cli.md has them."""
    return [
        {
            "code": each.code,
            "severity": each.severity,
            "where": sayable(each.where),
            "detail": sayable(each.detail),
            "do": each.do,
        }
        for each in findings
    ]


def show_findings(findings: Sequence[VerifyFinding]) -> None:
    """Findings as a table; nothing where there are none."""
    if not findings:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("", "CODE", "WHERE", "WHAT", "WHAT TO DO"):
        table.add_column(heading, overflow="fold")
    for each in findings:
        table.add_row(each.severity, each.code, sayable(each.where), sayable(each.detail), each.do)
    Console().print(table)


def cover_json(cover: Cover) -> dict[str, Any]:
    """How the rolling fixity check stands, as `verify` and `status` print it."""
    return {
        "every_object_read_since": None if cover.read_since is None else isoformat(cover.read_since),
        "round": cover.round,
        "round_started_at": isoformat(cover.round_started_at),
        "round_is_over": cover.round_is_over,
        "checked_at": isoformat(cover.checked_at),
        "failures": cover.failures_count,
        "failed": [
            {"code": each.code, "where": sayable(each.where), "detail": sayable(each.detail)} for each in cover.failures
        ],
    }


def cover_text(cover: Cover) -> str:
    """The same in a sentence."""
    if cover.read_since is None:
        said = f"the first round is under way since {isoformat(cover.round_started_at)}"
    else:
        said = f"every object read since {isoformat(cover.read_since)}"
    return said if cover.failures_count == 0 else f"{said}; {cover.failures_count} FAILED"
