"""`sohoa validate-ocfl`: is this folder an OCFL object or storage root, by the specification's own codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sohoa.errors import BadRequest
from storage.archive.ocfl_root import RootReport, validate_folder
from storage.archive.ocfl_rules import Finding

FOUND = 4
"""The exit code of a check that found something wrong."""


def run(path: Path, *, as_json: bool) -> int:
    """Check a folder; exit code 0 where it is valid (there may be warnings), 4 where it is not."""
    if not path.is_dir():
        raise BadRequest(f"{path} is not a folder: name the folder of an OCFL object or storage root")
    if not any(path.glob("0=*")) and any(path.glob("ocfl/0=ocfl_*")):
        raise BadRequest(f"{path} holds a storage root and more: name {path / 'ocfl'}")
    objects = files = size_bytes = 0
    root: RootReport | None = None
    specs: set[str] = set()
    findings: list[Finding] = []
    for report in validate_folder(path):
        findings += report.findings
        specs |= {report.spec} if report.spec is not None else set()
        if isinstance(report, RootReport):
            root = report
        else:
            objects, files, size_bytes = objects + 1, files + report.files, size_bytes + report.size_bytes
    valid = not any(finding.is_error for finding in findings)
    summary = {
        "path": str(path),
        "kind": "object" if root is None else "root",
        "valid": valid,
        "spec": max(specs, default=None),
        "layout": None if root is None else root.layout,
        "objects": objects,
        "files": files,
        "size_bytes": size_bytes,
        "findings": [
            {
                "code": finding.code,
                "severity": "error" if finding.is_error else "warning",
                "where": sayable(finding.where),
                "detail": sayable(finding.detail),
            }
            for finding in findings
        ],
    }
    if as_json:
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    else:
        for finding in findings:
            sys.stdout.write(f"{finding.code} {sayable(finding.where) or '.'}: {sayable(finding.detail)}\n")
        counted = f"{objects} object{'s' * (objects != 1)}, {files} files"
        sys.stdout.write(f"{path} is {'valid' if valid else 'NOT valid'} OCFL ({counted})\n")
    return 0 if valid else FOUND


def sayable(text: str) -> str:
    """A name that somebody else chose, without what would upset a terminal or cannot be written."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
