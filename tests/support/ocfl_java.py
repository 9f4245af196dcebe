"""ocfl-java, the second judge of the archive in tests: run once over a whole storage root, its verdicts read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

_MAIN = Path(__file__).with_name("ValidateRoot.java")
_TIME_LIMIT_S = 300.0


def jars() -> Path:
    """The folder with ocfl-java's jars (SOHOA_OCFL_JAVA_JARS, or where `make` puts them).

    Skips the test where there is none, and fails it where SOHOA_REQUIRE names ocfl-java.
    """
    usual = Path(__file__).parents[2] / ".tools" / "ocfl-java"
    folder = Path(os.environ.get("SOHOA_OCFL_JAVA_JARS") or usual)
    if any(folder.glob("ocfl-java-core-*.jar")):
        return folder
    message = f"no ocfl-java in {folder}: run tests/support/fetch_ocfl_java.sh FOLDER, set SOHOA_OCFL_JAVA_JARS=FOLDER"
    if "ocfl-java" in os.environ.get("SOHOA_REQUIRE", "").split(","):
        pytest.fail(message)
    pytest.skip(message)


def judge_root(root: Path, work: Path) -> dict[str, set[str]]:
    """Every object of a storage root, by id, with the codes of the errors and warnings that ocfl-java has for it."""
    work.mkdir(exist_ok=True)
    command = ["java", "-cp", f"{jars()}/*", str(_MAIN), str(root), str(work)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIME_LIMIT_S)
    assert run.returncode == 0, run.stderr
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    return {object_id: {issue.partition(" ")[0] for issue in issues} for object_id, *issues in lines}
