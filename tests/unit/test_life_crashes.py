"""A paper whose process dies, or whose store or program fails, at any point of its life ends archived, once and whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.crash import count_points
from tests.support.life_deaths import WAYS


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("scenario", "at_least"), [("life", 30), ("sweep", 10)])
def test_whatever_happens_at_any_point_it_ends_archived_once(
    tmp_path: Path, scenario: str, at_least: int, way: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.life_deaths", str(tmp_path), scenario, way],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    count_points(int(run.stdout.splitlines()[-1]))
    assert int(run.stdout.splitlines()[-1]) >= at_least
