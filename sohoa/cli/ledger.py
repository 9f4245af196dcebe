"""`sohoa ledger`: give the ledger's head away, and hold the ledger against a head given away earlier."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sohoa.cli.context import opened
from sohoa.cli.validate_ocfl import FOUND
from sohoa.cli.verify import findings_json, show_findings
from sohoa.errors import BadRequest
from storage.archive.published_head import check_against, parse_head, published_head


def show_head(*, as_json: bool) -> None:
    """The newest entry's number, digest and moment."""
    with opened() as stores:
        head = published_head(stores.archive)
    if as_json:
        found = {"sequence": None, "sha256": None, "recorded_at": None} if head is None else head.to_json()
        sys.stdout.write(json.dumps(found) + "\n")
    elif head is None:
        sys.stdout.write("the ledger is empty: nothing was archived yet\n")
    else:
        sys.stdout.write(f"{head.sequence} {head.sha256} {head.recorded_at}\n")


def check(file: Path, *, as_json: bool) -> int:
    """Read the whole chain and compare it with the head in `file`; exit code 0 if it is clean, else 4."""
    try:
        published = parse_head(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"the published head {file} cannot be read: {error}") from None
    with opened() as stores:
        ledger, findings = check_against(stores.archive.objects, published)
    if as_json:
        told = {"clean": not findings, "entries": ledger.entries, "findings": findings_json(findings)}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        show_findings(findings)
        state = "NOT clean" if findings else f"clean, and entry {published.sequence} is as it was published"
        sys.stdout.write(f"{ledger.entries} entries: {state}\n")
    return FOUND if findings else 0
