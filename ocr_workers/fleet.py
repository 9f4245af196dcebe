"""Everything that works in the background of one command: the supervisor of the workers and the housekeeper."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from types import TracebackType

from ocr_workers.celery_app import CelerySupervisor
from ocr_workers.housekeeping import Housekeeper
from ocr_workers.local_worker import Supervisor
from sohoa.errors import SohoaError
from sohoa.settings import Settings
from sohoa.states import JobKind


class Fleet:
    """Workers and housekeeping, running from `with` to its end; leaving lets every worker finish the job in hand."""

    def __init__(
        self, settings: Settings, *, count: int | None = None, kinds: Collection[JobKind] = tuple(JobKind)
    ) -> None:
        self.hurry = threading.Event()
        """Set it to leave at once: jobs in hand are given back instead of being finished."""
        workers = count or settings.jobs or len(os.sched_getaffinity(0))
        supervisor = CelerySupervisor if settings.broker_url else Supervisor
        self._supervisor = supervisor(settings, count=workers, hurry=self.hurry, kinds=kinds)
        self._housekeeper = Housekeeper(settings)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def check(self) -> None:
        """Raise what ended the workers too early (SetupError: a model is missing, for example)."""
        if self._failure is not None:
            raise self._failure

    def index_trouble(self) -> SohoaError | None:
        """What keeps the index from being brought up to date just now."""
        return self._housekeeper.trouble

    def alive(self) -> bool:
        """Whether the workers' supervisor is still at it."""
        return self._thread.is_alive()

    def __enter__(self) -> Fleet:
        self._housekeeper.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._housekeeper.stop()

    def _supervise(self) -> None:
        try:
            self._supervisor.run(stop=self._stop)
        except BaseException as error:  # noqa: BLE001  handed to whoever calls `check`
            self._failure = error
