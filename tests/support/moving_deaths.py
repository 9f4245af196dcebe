"""Kills a moving of the store (`os._exit`) at many numbered points, starts it again, and compares with one left alone.

A point is a change of an archive's store, each side of a catalogue's writing transaction, a report of progress, or a step
of putting files in place. `python -m tests.support.moving_deaths HOME KIND`, KIND `ahead`, `finish` or `back`, prints how
many points there were. It is a process of its own, since it forks, and whoever forks should have no threads.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sohoa.clock import FixedClock
from sohoa.errors import SetupError
from sohoa.settings import Settings
from storage.catalog import documents
from storage.catalog.database import Database
from storage.moving.moving import copy_ahead, finish
from storage.moving.places import move_between
from storage.objects.folder import FolderObjects
from storage.rebuild.reading import Progress
from storage.stores import open_stores
from tests.support.migrated import found_in, keys_in, rows_in
from tests.support.rebuild_deaths import KILLED, Points, in_child, watched_write

_CHANGES = ("create", "replace", "mend", "copy", "delete", "guard", "dispose")
State = tuple[str, str]
"""Whether the store that is left and the one that is reached can be opened: `open`, `empty`, or the code of the refusal."""
EVERY, LAST = 9, 25
"""Every ninth point is tried, and each of the last ones, where it is switched."""


def main(template: Path, kind: str) -> None:
    """Try the points; `template` has the two stores as they are before what is tried."""
    one, other = ("new", "old") if kind == "back" else ("old", "new")
    with tempfile.TemporaryDirectory(dir=template.parent) as scratch:
        wanted = _answer(template, _said, one)
        total = int(_answer(_copied(template, Path(scratch) / "undisturbed"), _count, kind))
        tried = [number for number in range(1, total + 1) if number % EVERY == 1 or number > total - LAST]
        for number in tried:
            root = _copied(template, Path(scratch) / f"{number:05}")
            assert in_child(partial(_try, root, kind, number)) == KILLED, number
            left, reached = _answer(root, _opens, one, other)
            if kind == "ahead":
                assert (left, reached) in (("open", "empty"), ("open", "store_moved")), (number, left, reached)
            else:
                assert "store_moved" in (left, reached), (number, left, reached)
            if reached != "open":
                assert in_child(partial(_try, root, kind, 0)) == 0, number
            if kind == "ahead":
                assert in_child(partial(_try, root, "finish", 0)) == 0, number
            assert _answer(root, _opens, one, other) == ("store_moved", "open"), number
            assert _answer(root, _said, other) == wanted, f"point {number}: not as if it had been left alone"
            shutil.rmtree(root)
    print(len(tried))


def _copied(template: Path, root: Path) -> Path:
    shutil.copytree(template, root, copy_function=_copy)
    _point_to(root, template)
    return root


def _count(root: Path, kind: str) -> int:
    return _try(root, kind, 0)


def _copy(source: str, target: str) -> object:
    """Files of an archive never change; all else does."""
    if "/archive/ocfl/" in source:
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


def _point_to(root: Path, template: Path) -> None:
    """Marks name places, and these are others now."""
    for path in root.glob("*/archive/place.json"):
        data = path.read_text().replace(template.as_uri(), root.as_uri())
        path.unlink()
        path.write_text(data)
    for path in root.glob("*/catalog.sqlite"):
        assert in_child(partial(_rename_places, path, str(template), str(root))) == 0


def _rename_places(catalogue: Path, before: str, after: str) -> None:
    database = Database(f"sqlite:///{catalogue}", alone=True)
    with database.write() as conn:
        for column in ("place", "lies_at"):
            conn.exec_driver_sql(f"UPDATE moved SET {column} = replace({column}, ?, ?)", (before, after))
    database.close()


def _settings(root: Path, name: str) -> Settings:
    return Settings(home=root / name, office="H02", min_free_bytes=0)


def _try(root: Path, kind: str, fatal: int) -> int:
    """How many points were passed."""
    points, clock = Points(fatal), FixedClock()
    for module, name in ((os, "link"), (Path, "rename"), (Path, "replace"), (shutil, "rmtree")):
        points.around(module, name, after=name != "link")
    for name in _CHANGES:
        points.around(FolderObjects, name)
    Database.write = watched_write(Database.write, points)  # type: ignore[method-assign]
    tell: Callable[[Progress], None] = points.reached
    one, other = ("new", "old") if kind == "back" else ("old", "new")
    move = move_between(_settings(root, one), _settings(root, other))
    if kind == "ahead":
        copy_ahead(move, clock, tell=tell)
    else:
        finish(move, clock, tell=tell)
    return points.count


def _opens(root: Path, *names: str) -> State:
    def state(name: str) -> str:
        if not (root / name / "catalog.sqlite").exists():
            return "empty"
        try:
            with open_stores(_settings(root, name), clock=FixedClock()) as stores, stores.database.read() as conn:
                return "open" if documents.by_id(conn, after="", limit=1) else "empty"
        except SetupError as error:
            return error.code

    one, other = names
    return state(one), state(other)


def _said(root: Path, name: str) -> Any:
    settings = _settings(root, name)
    keys = {key: each for key, each in keys_in(settings).items() if not key.startswith("damaged/")}
    return rows_in(settings), keys, found_in(settings)


def _answer(root: Path, ask: Callable[..., Any], *more: str) -> Any:
    """A child looks: what was open leaves threads behind, which must not be here."""
    answer = root.with_name(f"{root.name}.seen")

    def look() -> None:
        answer.write_bytes(pickle.dumps(ask(root, *more)))

    assert in_child(look) == 0
    return pickle.loads(answer.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
