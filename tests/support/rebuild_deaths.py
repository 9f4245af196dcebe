"""Kills a rebuild (`os._exit`) at every numbered point, starts it again, and compares with one that was left alone.

A point is a call to the store, each side of a catalogue transaction, a report of progress, or a step of putting files in
place. `python -m tests.support.rebuild_deaths HOME KIND`, KIND `all` or `swap`, prints how many points there were. It is a
process of its own, since it forks, and whoever forks should have no threads.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from sohoa.clock import FixedClock
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.catalog.database import Database
from storage.catalog.tables import documents, jobs, pages, tokens
from storage.index import open_index
from storage.objects import open_objects
from storage.objects.protocol import Objects
from storage.rebuild import reading
from storage.rebuild.reading import Progress
from storage.rebuild.rebuild import rebuild

KILLED = 77


class Points:
    """Counts points and ends the process at number `fatal`."""

    def __init__(self, fatal: int) -> None:
        self._fatal, self.count = fatal, 0

    def reached(self, *_: object) -> None:
        self.count += 1
        if self.count == self._fatal:
            os._exit(KILLED)

    def around(self, owner: Any, name: str, *, after: bool = False) -> None:
        """Make a point of each call of a function, just before it and, if wanted, just after."""
        plain = getattr(owner, name)

        def call(*given: Any, **how: Any) -> Any:
            self.reached()
            result = plain(*given, **how)
            if after:
                self.reached()
            return result

        setattr(owner, name, call)


def main(template: Path, kind: str) -> None:
    """Try every point, from a home that lost its catalogue and from one that has it still."""
    tried = 0
    with tempfile.TemporaryDirectory(dir=template.parent) as scratch:
        for lost in (True, False):
            undisturbed = _home(template, Path(scratch) / f"undisturbed-{lost}", lost=lost)
            assert in_child(partial(_rebuild, undisturbed, template, 0, kind)) == 0
            wanted, before = _seen(undisturbed), (None, None) if lost else _seen(template)
            for number in range(1, 100_000):
                home = _home(template, Path(scratch) / f"{number}-{lost}", lost=lost)
                killed = in_child(partial(_rebuild, home, template, number, kind))
                if killed == 0:
                    assert number > 10
                    break
                assert killed == KILLED, (number, killed)
                rows, found = _seen(Path(shutil.copytree(home, Path(scratch) / f"{number}-{lost}-as-left")))
                assert rows in (before[0], wanted[0]), f"point {number}: a half-made catalogue is in use"
                assert found in (None, wanted[1]), f"point {number}: a half-made index is in use"
                assert in_child(partial(_rebuild, home, template, 0, kind)) == 0, number
                assert _seen(home) == wanted, f"point {number}: not as if it had been left alone"
                left = sorted(path.name for path in home.iterdir() if "rebuild" in path.name or "index." in path.name)
                assert left == [], f"point {number}: {left}"
                tried += 1
    print(tried)


def _rebuild(home: Path, template: Path, fatal: int, kind: str) -> None:
    points, clock = Points(fatal), FixedClock()
    clock.advance(seconds=86_400)
    reading.BATCH = 2
    objects: Any = open_objects(template / "archive")
    points.around(os, "link")
    points.around(Path, "rename", after=True)
    points.around(Path, "replace", after=True)
    points.around(Path, "unlink")
    points.around(shutil, "rmtree")
    if kind == "all":
        objects = _Watched(objects, points)
        Database.write = watched_write(Database.write, points)  # type: ignore[method-assign]
    settings = Settings(home=home, min_free_bytes=0)
    tell: Callable[[Progress], None] = points.reached
    rebuild(settings, Archive(cast(Objects, objects), clock), clock, tell=tell)


class _Watched:
    """A store each call of which is a point."""

    def __init__(self, objects: Any, points: Points) -> None:
        self._objects, self._points = objects, points

    def __getattr__(self, name: str) -> Any:
        self._points.reached()
        return getattr(self._objects, name)


def watched_write(write: Any, points: Points) -> Any:
    @contextmanager
    def watched(database: Database) -> Iterator[Any]:
        with write(database) as conn:
            yield conn
            points.reached()
        points.reached()

    return watched


def _home(template: Path, home: Path, *, lost: bool) -> Path:
    home.mkdir()
    if not lost:
        shutil.copytree(template / "index", home / "index")
        for path in template.glob("catalog.sqlite*"):
            shutil.copy(path, home / path.name)
    return home


def in_child(do: Callable[[], object]) -> int:
    """The exit code of a child that does it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            do()
        except BaseException:  # noqa: BLE001  the child must end here, whatever happens
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _seen(home: Path) -> tuple[Any, int | None]:
    """All that the catalogue says, and how many documents the index finds; None for what is not there.

    A child looks: an index that was open leaves threads behind, which must not be here.
    """
    answer = home.with_name(f"{home.name}.seen")
    assert in_child(partial(_look, home, answer)) == 0
    found: tuple[Any, int | None] = pickle.loads(answer.read_bytes())
    return found


def _look(home: Path, answer: Path) -> None:
    count = None
    if (home / "index").exists():
        with open_index(Settings(home=home)) as index:
            count = index.count()
    answer.write_bytes(pickle.dumps((_rows(home), count)))


def _rows(home: Path) -> list[list[tuple[Any, ...]]] | None:
    """Numbers of changes count by their order: who dies after all is in place rebuilds once more, with higher ones."""
    if not (home / "catalog.sqlite").exists():
        return None
    told = [column for column in documents.c if column.name != "changed_seq"]
    work = [column for column in jobs.c if column.name != "job_id"]
    queries = (
        select(*told).order_by(documents.c.changed_seq),
        select(pages).order_by(pages.c.document_id, pages.c.number),
        select(tokens),
        select(*work).order_by(jobs.c.document_id),
    )
    database = Database(f"sqlite:///{home / 'catalog.sqlite'}")
    with database.read() as conn:
        found = [[tuple(row) for row in conn.execute(query)] for query in queries]
    database.close()
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
