"""The version before this one, taken out of git: whoever upgrades has both at work for a while.

Which one that is stands in `.ci/previous`: a commit, which whoever makes a release moves on
(docs/operations/upgrading.md).
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

NAME = "history"
_ROOT = Path(__file__).parents[2]
_PACKAGES = ("sohoa", "ingest", "ocr_workers", "storage", "search_api")


def revision() -> str:
    """The commit of the version before this one."""
    return (_ROOT / ".ci/previous").read_text().strip()


def take_out(folder: Path) -> Path:
    """Put its packages into `folder`, to be the PYTHONPATH of what is to run it. Skips the test where git does not have that
    commit (a shallow clone, an unpacked release), and fails it where SOHOA_REQUIRE names `history`."""
    try:
        command = ["git", "-C", str(_ROOT), "archive", revision(), *_PACKAGES]
        packed = subprocess.run(command, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode().strip() or str(error)
        message = f"{NAME}: commit {revision()} is not in this checkout ({said}): git fetch --unshallow"
        (pytest.fail if NAME in os.environ.get("SOHOA_REQUIRE", "").split(",") else pytest.skip)(message)
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder
