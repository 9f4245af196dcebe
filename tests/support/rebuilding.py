"""Losing a home's catalogue and index, and rebuilding them a day later."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sohoa.clock import FixedClock
from sohoa.settings import Settings
from storage.rebuild.rebuild import Rebuilt, rebuild
from storage.stores import open_archive


def rebuild_in(home: Path, *, catalog_url: str = "", **how: Any) -> Rebuilt:
    """Rebuild `home`, whose archive is in it, by a clock that is a day ahead of the one its papers came by."""
    settings, clock = Settings(home=home, min_free_bytes=0, catalog_url=catalog_url), FixedClock()
    clock.advance(seconds=86_400)
    return rebuild(settings, open_archive(settings, clock), clock, **how)


def lose_everything_but_the_archive(home: Path) -> None:
    for path in home.iterdir():
        if path.name != "archive":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
