"""What one worker process has done and not yet told the catalogue: counted in memory, told every few seconds, for who watches.

A worker that is killed takes the last seconds with it. What it was killed for is counted all the same: by the next try of
its job, which knows how the one before ended.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from sohoa.errors import SohoaError, StoreUnavailable
from storage.catalog import work_done
from storage.catalog.database import Database
from storage.catalog.jobs import Job
from storage.catalog.work_done import Done, End, Work, bound_of

TELL_EVERY_S = 5.0

log = structlog.get_logger()


class Tally:
    """Counts of one process. Work is counted by one thread; told by that or by the one that `start` begins."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._untold: dict[Work, Done] = defaultdict(Done)
        self._counting = threading.Lock()
        self._over = threading.Event()
        self._end: tuple[End, str] | None = None

    def start(self) -> None:
        """Tell the catalogue every few seconds from now on, in the process that calls this."""
        threading.Thread(target=self._keep_telling, name="tally", daemon=True).start()

    @contextmanager
    def counted(self, job: Job) -> Iterator[None]:
        """A try at a job: done, unless `ends` says otherwise in the block; what raises out of it is not counted."""
        if job.last_code is not None:
            self._add(Work(job.kind, End.AGAIN, job.last_code, work_done.OVER_MS), took_ms=0)
        self._end, started_s = (End.DONE, ""), time.monotonic()
        yield
        if self._end is not None:
            took_ms = round((time.monotonic() - started_s) * 1000)
            self._add(Work(job.kind, *self._end, bound_of(took_ms)), took_ms=took_ms)

    def ends(self, end: End | None, code: str = "") -> None:
        """How the try in hand ends; None: it is to be tried again, and then counted, or another worker has it."""
        self._end = None if end is None else (end, code)

    @property
    def ending(self) -> dict[str, str]:
        """How the try in hand ends, as it was said last."""
        end, code = self._end or (End.AGAIN, "")
        return {"ending": end.value, **({"code": code} if code else {})}

    def tell(self) -> None:
        """Add what was counted to the catalogue. Raises StoreUnavailable: it is told another time."""
        with self._counting:
            told, self._untold = self._untold, defaultdict(Done)
        if not told:
            return
        try:
            with self._database.write_beside() as connection:
                work_done.add(connection, told)
        except SohoaError:
            with self._counting:
                for work, done in told.items():
                    self._untold[work] += done
            raise

    def close(self) -> None:
        """Tell what is left, if the catalogue is there."""
        self._over.set()
        self._try_to_tell()

    def _add(self, work: Work, *, took_ms: int) -> None:
        with self._counting:
            self._untold[work] += Done(1, took_ms)

    def _keep_telling(self) -> None:
        while not self._over.wait(TELL_EVERY_S):
            self._try_to_tell()

    def _try_to_tell(self) -> None:
        try:
            self.tell()
        except StoreUnavailable as error:
            log.info("tally.not_told", code=error.code)
