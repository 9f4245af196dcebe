"""veraPDF, the independent judge of PDF/A in tests: found, run once over many files, its verdicts read."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_MAIN = "org.verapdf.apps.GreenfieldCliWrapper"
_TIME_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """veraPDF's word on one file; `profile` names the part and level that the file says it is."""

    compliant: bool
    profile: str
    failures: tuple[str, ...]


def jars() -> Path:
    """The folder with veraPDF's jars (SOHOA_VERAPDF_JARS, or where `make` puts them).

    Skips the test where there is none, and fails it where SOHOA_REQUIRE names verapdf.
    """
    usual = Path(__file__).parents[2] / ".tools" / "verapdf"
    folder = Path(os.environ.get("SOHOA_VERAPDF_JARS") or usual)
    if any(folder.glob("greenfield-apps-*.jar")):
        return folder
    message = f"no veraPDF in {folder}: run tests/support/fetch_verapdf.sh FOLDER and set SOHOA_VERAPDF_JARS=FOLDER"
    if "verapdf" in os.environ.get("SOHOA_REQUIRE", "").split(","):
        pytest.fail(message)
    pytest.skip(message)


def judge(files: Sequence[Path]) -> dict[Path, Verdict]:
    """Validate each file against the part of PDF/A that it says it is, all in one run of the Java machine."""
    command = ["java", "-cp", f"{jars()}/*", _MAIN, "--format", "json", "--flavour", "0", *map(str, files)]
    # The exit status is 1 where a file does not comply; the report says which.
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIME_LIMIT_S)
    assert run.stdout, run.stderr
    verdicts = {}
    for job in json.loads(run.stdout)["report"]["jobs"]:
        path = Path(job["itemDetails"]["name"])
        results = job.get("validationResult")
        assert results, f"veraPDF could not read {path.name}: {job.get('taskException')}"
        result = results[0]
        verdicts[path] = Verdict(
            compliant=result["compliant"],
            profile=result["profileName"],
            failures=tuple(f"{rule['clause']} {rule['description']}" for rule in result["details"]["ruleSummaries"]),
        )
    return verdicts
