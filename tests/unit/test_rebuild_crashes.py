"""A rebuild that dies at any point leaves what was in use in use and, started again, ends as if it had not died."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storage.catalog import tokens
from tests.support.crash import count_points
from tests.support.worked import HOPELESS, MIXED, NOT_PDFA, WHOLE, worked_office


@pytest.mark.slow
@pytest.mark.parametrize(("points", "at_least"), [("swap", 40), ("all", 200)])
def test_a_rebuild_that_dies_at_any_point_ends_the_same_when_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str, at_least: int
) -> None:
    home = tmp_path / "home"
    with worked_office(home, monkeypatch) as office:
        office.bring(MIXED, dossier="D-1")
        office.bring(HOPELESS, dossier="D-1")
        office.withdraw(office.bring(WHOLE))
        office.retry(office.bring(NOT_PDFA), then=WHOLE)
        office.index()
        office.receive()
        with office.stores.database.write() as conn:
            tokens.create(conn, name="kiosk", scopes=["read"], actor="system:kiosk", now=office.clock.now())
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.rebuild_deaths", str(home), points],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    count_points(int(run.stdout))
    assert int(run.stdout) >= at_least
