"""The public OCFL fixtures (../shared/ocfl-fixtures beside the repository): 156 objects, each judged by its folder's name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "ocfl-fixtures"


@dataclass(frozen=True, slots=True)
class Fixture:
    """An object of the fixtures: `kind` is good, warn or bad, `codes` those that its name gives."""

    path: Path
    kind: str
    codes: frozenset[str]


def fixtures() -> list[Fixture]:
    """All of them; skips the test where they are not there, and fails it where SOHOA_REQUIRE names ocfl-fixtures."""
    if not FOLDER.is_dir():
        message = f"no OCFL fixtures in {FOLDER}: clone github.com/OCFL/fixtures and put its 1.0 and 1.1 there"
        if "ocfl-fixtures" in os.environ.get("SOHOA_REQUIRE", "").split(","):
            pytest.fail(message)
        pytest.skip(message)
    return [
        Fixture(path, path.parent.name.partition("-")[0], frozenset(re.findall(r"[EW]\d{3}", path.name)))
        for path in sorted(FOLDER.glob("*/*-objects/*"))
    ]
