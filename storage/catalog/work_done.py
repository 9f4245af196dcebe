"""What all workers together have done: how many jobs, how they ended, how long they took. For who watches, not for the work.

Workers add to it every few seconds (ocr_workers/tally.py); `GET /metrics` reads it. A catalogue made anew begins at nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, select

from sohoa.states import JobKind
from storage.catalog.dialects import insert_or_add
from storage.catalog.tables import work_done

BOUNDS_MS: Final = (100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 600_000)
OVER_MS: Final = 2**31 - 1
"""Stands for any time above the last bound."""


class End(StrEnum):
    """How a job's try ended: with its result, with a paper that a person must look at, for good, or to be tried again."""

    DONE = "done"
    HELD = "held"
    FAILED = "failed"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, order=True)
class Work:
    """What is counted together. `code` says why, where it was not done; `upto_ms` is one of BOUNDS_MS, or OVER_MS."""

    kind: JobKind
    ending: End
    code: str
    upto_ms: int


@dataclass(frozen=True, slots=True)
class Done:
    """How many jobs, and how long they took together."""

    jobs: int = 0
    total_ms: int = 0

    def __add__(self, more: Done) -> Done:
        return Done(self.jobs + more.jobs, self.total_ms + more.total_ms)


def bound_of(took_ms: int) -> int:
    """The bound that a time is counted under."""
    return next((bound for bound in BOUNDS_MS if took_ms <= bound), OVER_MS)


def add(conn: Connection, done: Mapping[Work, Done]) -> None:
    """Add to what is there. In one order, so that two who add at the same time wait for each other and never for ever."""
    rows = [
        {
            "kind": work.kind,
            "ending": work.ending.value,
            "code": work.code[:64],
            "upto_ms": work.upto_ms,
            "jobs": done[work].jobs,
            "total_ms": done[work].total_ms,
        }
        for work in sorted(done)
    ]
    if rows:
        insert_or_add(conn, work_done, rows, sums=("jobs", "total_ms"))


def so_far(conn: Connection) -> dict[Work, Done]:
    """All that was done since the catalogue was made: some hundred rows at most."""
    return {
        Work(row.kind, End(row.ending), row.code, row.upto_ms): Done(row.jobs, row.total_ms)
        for row in conn.execute(select(work_done))
    }
