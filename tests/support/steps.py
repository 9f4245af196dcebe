"""Death at each step that an act takes, in the archive and in the catalogue alike, and the stores as they are found after."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from ocr_workers import pipeline
from ocr_workers.housekeeping import clear_finished_staging, finish_interrupted, hand_out_again
from sohoa.clock import FixedClock, SystemClock
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.catalog.database import Database
from storage.objects.protocol import Objects
from storage.stores import Stores, open_stores
from tests.support.crash import Crash, Interposed

Found = TypeVar("Found")
Step = Callable[[Stores, int], "Counted"]
BEGINNING = FixedClock().now()


def at_every_step(
    base: Path, *, prepare: Callable[[Stores], Found], run: Callable[[Stores, Found], object], step: Step
) -> Iterator[tuple[Stores, Found]]:
    """Like :func:`at_every_call`, for what works on archive and catalogue: dies at call n of the store, or at the end of
    the nth writing transaction of the catalogue, until `run` has fewer steps than n. `prepare` is done once; every round
    begins with a copy of what it left, with a clock an hour on, as if whatever was begun had been given up.
    """
    template = base / "template"
    with open_stores(_settings(template), clock=FixedClock()) as stores:
        found = prepare(stores)
    number = 0
    while True:
        number += 1
        home = base / f"{number:04d}"
        shutil.copytree(template, home)
        with open_stores(_settings(home), clock=FixedClock(BEGINNING + timedelta(minutes=10))) as stores:
            counted = step(stores, number)
            with suppress(Crash):
                run(counted.stores, found)
        with open_stores(_settings(home), clock=FixedClock(BEGINNING + timedelta(hours=1))) as stores:
            yield stores, found
        shutil.rmtree(home)
        if counted.calls() < number:
            return


@dataclass(frozen=True, slots=True)
class Counted:
    """Stores that die at one step, and how many steps they saw."""

    stores: Stores
    calls: Callable[[], int]


def dies_before_call(stores: Stores, number: int) -> Counted:
    return _dies_at_call(stores, number, after=False)


def dies_after_call(stores: Stores, number: int) -> Counted:
    return _dies_at_call(stores, number, after=True)


def _dies_at_call(stores: Stores, number: int, *, after: bool) -> Counted:
    interposed = Interposed(stores.archive.objects, at=number, action=_die, after=after, only=frozenset())
    archive = Archive(cast(Objects, interposed), stores.clock)
    return Counted(replace(stores, archive=archive), lambda: interposed.calls)


def dies_before_transaction_ends(stores: Stores, number: int) -> Counted:
    return _dies_at_transaction(stores, number, after=False)


def dies_after_transaction_ended(stores: Stores, number: int) -> Counted:
    return _dies_at_transaction(stores, number, after=True)


def _dies_at_transaction(stores: Stores, number: int, *, after: bool) -> Counted:
    database = stores.database
    ended = 0

    class Dying:
        def __getattr__(self, name: str) -> Any:
            return getattr(database, name)

        def write(self) -> AbstractContextManager[Connection]:
            return self._dying(database.write())

        def write_beside(self) -> AbstractContextManager[Connection]:
            return self._dying(database.write_beside())

        @contextmanager
        def _dying(self, transaction: AbstractContextManager[Connection]) -> Iterator[Connection]:
            nonlocal ended
            with transaction as connection:
                yield connection
                ended += 1
                if ended == number and not after:
                    _die()
            if ended == number and after:
                _die()

    return Counted(replace(stores, database=cast(Database, Dying())), lambda: ended)


STEPS = (dies_before_call, dies_after_call, dies_before_transaction_ends, dies_after_transaction_ended)


def _settings(home: Path) -> Settings:
    return Settings(home=home, office="H02", min_free_bytes=0)


def _die() -> None:
    raise Crash


def go_on(stores: Stores) -> None:
    """What the sweeper and a worker do after a crash, until nothing waits."""
    finish_interrupted(stores)
    hand_out_again(stores)
    tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "worker")
    while pipeline.run_next(tools, started=lambda job, limit_s: None):
        pass
    two_days_on = FixedClock(SystemClock().now() + timedelta(days=2))  # files have the times of this machine
    clear_finished_staging(replace(stores, archive=Archive(stores.archive.objects, two_days_on)))
