"""The numbers that the catalogue, the archive and the disks tell, read when they are asked for, and for no longer than WAIT_S.

What is quick to read is as it is at the scrape; what takes a look at every document, or at the archive's store, is read once
in a while. A part that cannot be read is left out, and `sohoa_scrape_ok` says so: no number is shown that may be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import wait
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric

from search_api.health import readiness
from search_api.metrics import families
from search_api.metrics.reading import Reading
from search_api.search.reader import IndexReader
from storage.archive.fixity_share import FixityWatch
from storage.standing import disks_of, read_backlog, take_census
from storage.stores import Stores

WAIT_S: Final = 2.0
"""A scrape waits so long for all its parts together; what is not read by then is shown at a later one."""
_AT_ONCE, _SOON, _SELDOM = timedelta(0), timedelta(seconds=15), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Part:
    reading: Reading[Any]
    families: Callable[[Any], Iterator[Metric]]


class Monitor:
    """A collector for Prometheus' registry, over open stores. `close` lets its threads go."""

    def __init__(self, stores: Stores, index: IndexReader) -> None:
        settings, clock = stores.settings, stores.clock
        period = timedelta(days=settings.fixity_period_days)
        fixity = FixityWatch(stores.archive.objects, clock)

        def part(
            name: str, read: Callable[[], Any], shown: Callable[[Any], Iterator[Metric]], every: timedelta
        ) -> _Part:
            return _Part(Reading(name, read, every=every, clock=clock), shown)

        self._parts = (
            part("backlog", lambda: read_backlog(stores), families.of_backlog, _AT_ONCE),
            part("documents", lambda: take_census(stores), families.of_census, _SELDOM),
            part(
                "fixity",
                lambda: families.Fixity(fixity.look(period), period, clock.now()),
                families.of_fixity,
                _SELDOM,
            ),
            part("disks", lambda: disks_of(settings), families.of_disks, _SOON),
            part(
                "spool",
                lambda: families.Spooled(None if stores.spool is None else stores.spool.usage(), settings),
                families.of_spool,
                _SOON,
            ),
            part("readiness", lambda: readiness(stores, index), families.of_readiness, _SOON),
        )

    def collect(self) -> Iterator[Metric]:
        """Every family, those of parts that cannot be read just now without values."""
        running = [part.reading.begin() for part in self._parts]
        wait([each for each in running if each is not None], timeout=WAIT_S)
        ok = GaugeMetricFamily(
            "sohoa_scrape_ok", "Whether this part of the numbers could be read; 0: it is left out.", labels=("part",)
        )
        for part in self._parts:
            value = part.reading.value()
            ok.add_metric((part.reading.name,), 0 if value is None else 1)
            yield from part.families(value)
        yield ok

    def describe(self) -> Iterator[Metric]:
        """The families without values: nothing is read."""
        for part in self._parts:
            yield from part.families(None)

    def close(self) -> None:
        for part in self._parts:
            part.reading.close()
