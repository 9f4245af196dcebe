"""The Celery tasks, one for each kind of job, all the same: a message wakes this process, which claims the next job and does it.

What a message says is not needed for that. One that finds nothing to do ends quietly: another was quicker, the work was
withdrawn, or it came twice.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Collection
from types import FrameType, TracebackType
from typing import Any

import structlog
from celery import Celery, Task, signals
from celery.exceptions import WorkerLostError
from celery.worker.request import Request

from ocr_workers import outcomes, pipeline
from ocr_workers.pipeline import SECOND_CHANCE_GRACE_S, Tools
from sohoa import logs
from sohoa.clock import SystemClock
from sohoa.errors import StoreUnavailable
from sohoa.settings import Settings
from sohoa.states import JobKind
from storage.catalog import jobs
from storage.catalog.database import Database
from storage.catalog.jobs import Job
from storage.dispatch.messages import VERSION, task_name

NICENESS = 10
"""As local workers: who waits for an answer goes first."""
SOFT_TO_HARD_S = 15.0
"""How long a stage that was told that its time is over may take to end before its process is killed."""

log = structlog.get_logger()


def define(app: Celery, settings: Settings, *, owner: str, kinds: Collection[JobKind]) -> None:
    """Define the tasks of these kinds on `app`. Whatever its child processes claim belongs to `owner:<process id>`."""
    held: list[Tools] = []

    def begin(**_: Any) -> None:
        held[:] = [_in_child(settings, owner)]

    def end(**_: Any) -> None:
        for tools in held:
            tools.close()

    signals.worker_process_init.connect(begin, weak=False)
    signals.worker_process_shutdown.connect(end, weak=False)
    request = type("WatchedRequest", (_Watched,), {"settings": settings, "owner": owner})
    for kind in kinds:
        limit_s = time_limit_s(kind, settings)
        app.task(
            _work_on(kind, held),
            name=task_name(kind),
            base=type("Wake", (Task,), {"Request": request}),
            soft_time_limit=limit_s,
            time_limit=limit_s + SOFT_TO_HARD_S,
        )


def time_limit_s(kind: JobKind, settings: Settings) -> float:
    """The longest that a job of this kind may take; a page's first try has a shorter limit of its own."""
    if kind is JobKind.RECOGNISE:
        return max(settings.page_timeout_s, settings.second_chance_timeout_s + SECOND_CHANCE_GRACE_S)
    return settings.stage_timeout_s


def _work_on(kind: JobKind, held: list[Tools]) -> Any:
    def work(version: int = VERSION, **_: Any) -> None:
        (tools,) = held
        with _InHand(tools) as in_hand:
            try:
                pipeline.run_next(tools, started=in_hand.hold, kinds=(kind,))
            except StoreUnavailable as error:  # in vain: the lease runs out, and another try begins
                log.warning("worker.store_unavailable", code=error.code, detail=error.detail)

    return work


def _in_child(settings: Settings, owner: str) -> Tools:
    """A child process of Celery's makes itself ready. The engine is loaded when it is first needed, once."""
    logs.set_up(settings.log_level)
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (settings.worker_memory_bytes, settings.worker_memory_bytes))
    return pipeline.open_tools(settings, owner=f"{owner}:{os.getpid()}")


class _InHand:
    """The job in hand: its lease is renewed as long as it lasts, and its time limits watched."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def hold(self, job: Job, limit_s: float) -> None:
        """Told by :func:`pipeline.run_next` once it has claimed a job."""
        signal.signal(signal.SIGUSR1, _time_is_over)  # Celery's soft limit
        if limit_s < time_limit_s(job.kind, self._tools.settings):
            # Ended by the kernel, whatever C code it is in: the engine asks for no signal.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, limit_s)
        self._thread = threading.Thread(target=self._renew, args=(job,), name="lease", daemon=True)
        self._thread.start()

    def __enter__(self) -> _InHand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _renew(self, job: Job) -> None:
        tools = self._tools
        while not self._over.wait(tools.settings.lease_s / 3):
            try:
                with tools.database.write_beside() as connection:
                    jobs.renew(
                        connection,
                        [job.job_id],
                        owner=tools.owner,
                        lease_s=tools.settings.lease_s,
                        now=tools.clock.now(),
                    )
            except StoreUnavailable as error:
                log.warning("worker.lease_not_renewed", job_id=job.job_id, code=error.code)


def _time_is_over(_number: int, _frame: FrameType | None) -> None:
    raise outcomes.OutOfTime


class _Watched(Request):  # type: ignore[misc]  # Celery has no types
    """A message in the main process, which sees how the child that works for it ends: what that child had claimed is handed
    out again at once, saying why, instead of when its lease runs out."""

    settings: Settings
    owner: str

    def on_timeout(self, soft: bool, timeout: float) -> None:
        super().on_timeout(soft, timeout)
        if not soft:
            self._give_back("timeout")

    def on_failure(self, exc_info: Any, *how: Any, **more: Any) -> Any:
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        if isinstance(error, WorkerLostError):
            self._give_back("timeout" if "SIGALRM" in str(error) else "engine_killed")
        return super().on_failure(exc_info, *how, **more)

    def _give_back(self, code: str) -> None:
        log.warning("worker.died", process_id=self.worker_pid, reason=code)
        give_back(self.settings, f"{self.owner}:{self.worker_pid}", code=code)


def give_back(settings: Settings, owner: str, *, code: str) -> None:
    """Hand out again whatever a worker, or those under it, had. Where that cannot be told just now, leases run out."""
    database = Database(settings.catalog())
    try:
        with database.write_beside() as connection:
            jobs.release_owner(connection, owner, code=code, now=SystemClock().now())
    except StoreUnavailable as error:
        log.warning("worker.not_given_back", code=error.code, detail=error.detail)
    finally:
        database.close()
