"""A moving that dies at any point loses nothing, leaves never two stores in use, and ends when it is started again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sohoa.clock import FixedClock
from sohoa.settings import Settings
from storage.moving.moving import copy_ahead
from storage.moving.places import move_between
from tests.support.crash import count_points
from tests.support.migrated import close, dispose, move_store
from tests.support.worked import HOPELESS, MIXED, WHOLE, WorkedOffice, worked_office


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at_least"), [("ahead", 40), ("finish", 40), ("back", 40)])
def test_a_moving_that_dies_somewhere_ends_the_same_when_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, at_least: int
) -> None:
    root = tmp_path / "root"
    old, new = (Settings(home=root / name, office="H02", min_free_bytes=0) for name in ("old", "new"))
    with worked_office(old.home, monkeypatch, settings=old) as office:
        fill(office)
        if kind != "ahead":
            copy_ahead(move_between(old, new), FixedClock())
            fill(office, more="-2")
        close(office)
    if kind == "back":
        move_store(old, new)
        with worked_office(new.home, monkeypatch, settings=new) as office:
            office.clock.advance(seconds=5000)
            dispose(office, "D-1-2")
            office.receive(dossier="D-3")
            copy_ahead(move_between(new, old), FixedClock())
            office.bring(WHOLE, dossier="D-4")
            office.index()
            close(office)
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.moving_deaths", str(root), kind],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    count_points(int(run.stdout))
    assert int(run.stdout) >= at_least


def fill(office: WorkedOffice, more: str = "") -> None:
    """Papers archived, failed, withdrawn, half read and only received."""
    office.bring(WHOLE, dossier=f"D-1{more}")
    office.bring(HOPELESS)
    office.withdraw(office.bring(WHOLE))
    office.index()
    office.work(office.receive().document, MIXED, most=2)
    office.receive(dossier=f"D-2{more}")
