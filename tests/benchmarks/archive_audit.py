"""The read audit: what recording a viewing costs a reader, alone and beside writers, and how fast viewings are entered."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sohoa.clock import SystemClock
from sohoa.model import Actor
from sohoa.settings import Settings
from storage.archive.audit import audit_chain, enter_waiting
from storage.catalog import leases
from storage.catalog.database import Database
from storage.stores import open_stores
from storage.viewing import record_viewing
from tests.benchmarks.archive_commit import p95
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say

_WRITERS = 2
_WRITE_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Auditing:
    """Milliseconds of one recording, by who writes besides; and how long entering all of them took."""

    recorded_ms: dict[str, tuple[float, ...]]
    entered: int
    entered_s: float

    def figures(self) -> list[Figure]:
        alone = self.recorded_ms["nobody"]
        measured = f"p50 {median(alone):.1f} ms, p95 {p95(alone):.1f} ms"
        return [Figure("audit", "recording a viewing before a paper is given", "told", measured, None)]

    def details(self) -> list[str]:
        rows = [
            [name, f"{median(values):.1f}", f"{p95(values):.1f}", f"{max(values):.1f}"]
            for name, values in self.recorded_ms.items()
        ]
        return [
            (
                f"One transaction of the catalogue, as each read by API or command line makes; beside it nobody, or {_WRITERS} "
                f"who write a row every {_WRITE_EVERY_S * 1000:.0f} ms, as busy workers do. {self.entered} viewings were entered "
                f"in the chain at {self.entered / self.entered_s:,.0f}/s."
            ),
            "",
            *table(["writing besides", "p50 ms", "p95 ms", "worst ms"], rows),
        ]


def measure(home: Path, *, viewings: int) -> Auditing:
    """Record `viewings` in a new catalogue twice, then enter all of them in a folder."""
    say(f"{viewings} viewings, twice")
    with open_stores(Settings(home=home, min_free_bytes=0)) as stores:
        recorded_ms = {}
        for name, writers in (("nobody", 0), (f"{_WRITERS} writers", _WRITERS)):
            stop = threading.Event()
            threads = [
                threading.Thread(target=_write, args=(stores.settings.catalog(), number, stop))
                for number in range(writers)
            ]
            for thread in threads:
                thread.start()
            times = []
            for number in range(viewings):
                started_s = time.perf_counter()
                record_viewing(stores, Actor("person:lan"), f"{number:026d}", through="api", what="pdf")
                times.append((time.perf_counter() - started_s) * 1000)
            stop.set()
            for thread in threads:
                thread.join()
            recorded_ms[name] = tuple(times)
        started_s = time.perf_counter()
        entered = enter_waiting(stores, audit_chain(stores), has_lease=lambda: True)
        return Auditing(recorded_ms, entered, time.perf_counter() - started_s)


def _write(url: str, number: int, stop: threading.Event) -> None:
    database, clock = Database(url), SystemClock()
    while not stop.wait(_WRITE_EVERY_S):
        with database.write() as connection:
            leases.acquire(connection, f"bench-{number}", owner="bench", ttl_s=60, now=clock.now())
    database.close()
