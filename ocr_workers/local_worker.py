"""Worker processes on this machine: one a core, watched, killed when a page takes too long, replaced when one dies.

The supervisor is the parent. A worker claims a job, tells the parent which one and for how long it may take, does it and
commits. The parent renews the leases of running jobs, so a worker busy inside the engine needs no heartbeat of its own.
A worker that the engine kills or that is killed for taking too long costs one attempt at one job. Workers are forked
from a server process that has imported everything and loaded nothing, so each starts in milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import structlog

from sohoa import logs
from sohoa.clock import SystemClock, process_owner
from sohoa.errors import SetupError, StoreUnavailable
from sohoa.settings import Settings
from sohoa.states import JobKind
from storage.catalog import jobs
from storage.catalog.database import Database

IDLE_S = 0.2
"""How long an idle worker waits before it asks for work again, and the supervisor's longest nap."""
NICENESS = 10
"""Workers give way to whoever waits for an answer: an upload's receipt, a search."""
GRACE_S = 10.0
"""How long a worker without a job may take to leave."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Pipe
    owner: str
    ready: bool = False
    job_id: int | None = None
    deadline_s: float | None = None
    has_said_why: bool = False
    """That it cannot work, and ends."""


class Supervisor:
    """Runs `count` worker processes until told to stop. Not thread-safe; `run` blocks and belongs to one thread."""

    def __init__(self, settings: Settings, *, count: int, hurry: threading.Event, kinds: Collection[JobKind]) -> None:
        self._settings = settings
        self._kinds = tuple(kinds)
        self._hurry = hurry
        self._count = count
        self._database = Database(settings.catalog())
        self._clock = SystemClock()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["ocr_workers.pipeline"])
        self._workers: list[_Worker] = []
        self._failure: SetupError | None = None
        self._renewed_s = time.monotonic()

    def run(self, *, stop: threading.Event, on_tick: Callable[[], None] | None = None) -> None:
        """Work until `stop` is set; jobs in hand are finished first (within their time limits), then workers leave.

        Once `hurry` is set as well, nothing is waited for: jobs in hand are given back and done again another time.

        Raises SetupError when a worker cannot start (the model is missing, for example).
        """
        try:
            while not stop.is_set():
                while len(self._workers) < self._count:
                    self._workers.append(self._start())
                self._watch(code="engine_killed")
                if self._failure is not None:
                    raise self._failure
                if on_tick is not None:
                    on_tick()
        finally:
            self._leave()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        owner = f"{process_owner()}:{len(self._workers)}"
        process = self._context.Process(target=work, args=(self._settings, owner, self._kinds, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process=process, pipe=ours, owner=owner)

    def _watch(self, *, code: str) -> None:
        """Wait a moment for news. `code` is why a worker that has ended ended."""
        self._listen(code=code)
        self._kill_overdue()
        if time.monotonic() - self._renewed_s > self._settings.lease_s / 3:
            self._renew()
            self._renewed_s = time.monotonic()

    def _listen(self, *, code: str) -> None:
        ready = set(
            wait([*(w.pipe for w in self._workers), *(w.process.sentinel for w in self._workers)], timeout=IDLE_S)
        )
        for worker in list(self._workers):
            if worker.pipe in ready:
                self._read(worker)
            if worker.process.sentinel in ready and not worker.process.is_alive():
                self._bury(worker, code=code)

    def _read(self, worker: _Worker) -> None:
        try:
            while worker.pipe.poll():
                message = worker.pipe.recv()
                if message[0] == "ready":
                    worker.ready = True
                elif message[0] == "start":
                    worker.job_id, worker.deadline_s = message[1], time.monotonic() + message[2]
                elif message[0] == "end":
                    worker.job_id = worker.deadline_s = None
                else:
                    worker.has_said_why = True
                    self._failure = SetupError(message[2], code=message[1])
        except (EOFError, ConnectionResetError):
            return  # it is dead; its sentinel says so too

    def _kill_overdue(self) -> None:
        for worker in list(self._workers):
            if not _is_overdue(worker):
                continue
            self._read(worker)  # it may have gone on while this process was held up
            if _is_overdue(worker):
                log.warning("worker.killed", job_id=worker.job_id, reason="timeout")
                worker.process.kill()
                self._bury(worker, code="timeout")

    def _bury(self, worker: _Worker, *, code: str) -> None:
        worker.process.join()
        self._read(worker)
        if worker.has_said_why:
            code = "stopped"
        if code == "engine_killed":
            log.warning("worker.died", job_id=worker.job_id, exit_code=worker.process.exitcode)
        worker.pipe.close()
        self._workers.remove(worker)
        with _store_may_be_away(), self._database.write_beside() as connection:
            jobs.release_owner(connection, worker.owner, code=code, now=self._clock.now())
        if not worker.ready and code == "engine_killed":
            time.sleep(IDLE_S)  # a worker that dies before its first job must not be started in a tight loop

    def _renew(self) -> None:
        for worker in self._workers:
            if worker.job_id is not None:
                with _store_may_be_away(), self._database.write_beside() as connection:
                    jobs.renew(
                        connection,
                        [worker.job_id],
                        owner=worker.owner,
                        lease_s=self._settings.lease_s,
                        now=self._clock.now(),
                    )

    def _leave(self) -> None:
        for worker in self._workers:
            self._read(worker)
            if worker.ready:
                _ask_to_leave(worker.pipe)
            else:
                worker.process.kill()  # it has claimed nothing yet
        patient_until_s = time.monotonic() + GRACE_S
        while self._workers:
            self._watch(code="stopped")
            for worker in self._workers:
                if self._hurry.is_set() or (worker.deadline_s is None and time.monotonic() > patient_until_s):
                    worker.process.kill()
        self._database.close()


def _is_overdue(worker: _Worker) -> bool:
    return worker.deadline_s is not None and time.monotonic() > worker.deadline_s


@contextmanager
def _store_may_be_away() -> Iterator[None]:
    """A lease that cannot be renewed or given back just now runs out by itself: no reason to stop working."""
    try:
        yield
    except StoreUnavailable as error:
        log.warning("supervisor.store_unavailable", code=error.code, detail=error.detail)


def _ask_to_leave(pipe: Pipe) -> None:
    """Ask a worker to leave after the job in hand; one that is gone already needs no asking."""
    try:
        pipe.send("stop")
    except (BrokenPipeError, OSError):
        log.debug("worker.already_gone")


def work(settings: Settings, owner: str, kinds: Collection[JobKind], pipe: Pipe) -> None:
    """The life of one worker process: claim, tell the parent, do, commit, until told to stop or the parent is gone."""
    logs.set_up(settings.log_level)
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from ocr_workers import pipeline  # here: the parent has no use for the engine and all that comes with it

    resource.setrlimit(resource.RLIMIT_AS, (settings.worker_memory_bytes, settings.worker_memory_bytes))
    try:
        tools = pipeline.open_tools(settings, owner=owner)
        tools.recogniser()
    except SetupError as error:
        pipe.send(("setup", error.code, error.detail))
        return
    try:
        pipe.send(("ready",))
        while not _told_to_stop(pipe, wait_s=0.0):
            try:
                did = pipeline.run_next(
                    tools, started=lambda job, limit_s: pipe.send(("start", job.job_id, limit_s)), kinds=kinds
                )
            except StoreUnavailable as error:
                log.warning("worker.store_unavailable", code=error.code, detail=error.detail)
                pipe.send(("end",))  # in vain: the lease runs out, and another try begins
                did = False
            if did:
                pipe.send(("end",))
            elif _told_to_stop(pipe, wait_s=IDLE_S):
                break
    except (BrokenPipeError, ConnectionResetError):
        log.warning("worker.orphaned")  # the parent is gone; the lease of a job just claimed runs out
    finally:
        tools.close()


def _told_to_stop(pipe: Pipe, *, wait_s: float) -> bool:
    try:
        return pipe.poll(wait_s) and pipe.recv() == "stop"
    except (EOFError, OSError):
        return True
