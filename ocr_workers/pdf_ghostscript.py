"""The second rung: OCRmyPDF's PDF/A conversion, where the Ghostscript that it needs is there and sound."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from pikepdf import Pdf

SOUND_VERSION = (10, 2, 1)
"""Older releases lose text when they make PDF/A, and OCRmyPDF refuses them (so OCRmyPDF's own check)."""
_VERSION_TIMEOUT_S = 20.0


@cache
def sound_ghostscript() -> bool:
    """Whether this machine has a Ghostscript that OCRmyPDF trusts for PDF/A."""
    program = shutil.which("gs")
    if program is None:
        return False
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return _version(answer.stdout) >= SOUND_VERSION


def convert_with_ocrmypdf(pdf: Pdf, folder: Path, *, flavour: str, timeout_s: float) -> Path | None:
    """`pdf` converted by OCRmyPDF without any recognition; None where it could not be done."""
    prepared, converted = folder / "prepared.pdf", folder / "converted.pdf"
    pdf.save(prepared, encryption=False)
    command = [
        sys.executable,
        "-m",
        "ocrmypdf",
        "--quiet",
        "--skip-text",
        "--tesseract-timeout",
        "0",
        "--optimize",
        "0",
    ]
    try:
        subprocess.run(
            [*command, "--output-type", f"pdfa-{flavour[0]}", prepared, converted],
            capture_output=True,
            timeout=timeout_s,
            check=True,
        )
    except subprocess.SubprocessError:
        return None
    return converted


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
