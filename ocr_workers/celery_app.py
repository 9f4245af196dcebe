"""The Celery worker: a process that listens to the broker, with child processes that do the jobs, and who watches over it.

Nothing of Celery's is used that would be a second truth: no results, no events, no remote control, no ETA, no retries. It
starts children, hands them messages, ends those that take too long or have grown too large, and connects again.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Collection
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

from ocr_workers.local_worker import IDLE_S
from sohoa import logs
from sohoa.clock import process_owner
from sohoa.errors import SetupError
from sohoa.settings import Settings
from sohoa.states import JobKind

AFTER_TROUBLE_S = 5.0
"""How long until a worker that died is started again."""
HEARTBEAT_S = 30
"""How often RabbitMQ and a worker hear of each other, so that a cut network is noticed."""

log = structlog.get_logger()


class CelerySupervisor:
    """Keeps one Celery worker with `count` children running. Not thread-safe; `run` blocks and belongs to one thread."""

    def __init__(self, settings: Settings, *, count: int, hurry: threading.Event, kinds: Collection[JobKind]) -> None:
        self._settings = settings
        self._hurry = hurry
        self._count = count
        self._kinds = tuple(kinds)
        self._owner = f"{process_owner()}:celery"
        self._context = multiprocessing.get_context("spawn")

    def run(self, *, stop: threading.Event) -> None:
        """Work until `stop` is set; jobs in hand are finished first. Once `hurry` is set as well, they are given back.

        Raises SetupError when a worker cannot start (the model is missing, for example).
        """
        while not stop.is_set():
            ours, theirs = self._context.Pipe(duplex=False)
            process = self._context.Process(
                target=listen, args=(self._settings, self._kinds, self._count, self._owner, theirs)
            )
            process.start()
            theirs.close()
            try:
                while process.is_alive() and not stop.is_set():
                    process.join(IDLE_S)
                if not stop.is_set():
                    _raise_what_was_said(ours)
                    log.warning("worker.died", exit_code=process.exitcode)
            finally:
                self._end(process)
                ours.close()
            stop.wait(AFTER_TROUBLE_S)

    def _end(self, process: BaseProcess) -> None:
        from ocr_workers.tasks import give_back

        process.terminate()  # Celery's warm shutdown
        while process.is_alive():
            if self._hurry.is_set():
                process.kill()  # its children end with it
            process.join(IDLE_S)
        give_back(self._settings, self._owner, code="stopped")


def _raise_what_was_said(pipe: Pipe) -> None:
    if pipe.poll():
        try:
            code, detail = pipe.recv()
        except EOFError:
            return
        raise SetupError(detail, code=code)


def listen(settings: Settings, kinds: Collection[JobKind], count: int, owner: str, pipe: Pipe) -> None:
    """The life of the Celery worker's own process: until SIGTERM, or the process that started it is gone."""
    from celery.platforms import set_pdeathsig

    set_pdeathsig("SIGTERM")
    logs.set_up(settings.log_level)
    _speak_through_ours()
    from ocr_workers.recognise import Recogniser

    try:
        Recogniser(settings).close()
    except SetupError as error:
        pipe.send((error.code, error.detail))
        return
    worker = worker_of(settings, kinds, count=count, owner=owner)
    worker.start()
    raise SystemExit(worker.exitcode)


def worker_of(settings: Settings, kinds: Collection[JobKind], *, count: int, owner: str) -> Any:
    """A Celery worker with `count` children that listens to the queues of these kinds; not yet started."""
    from celery import signals

    from ocr_workers import tasks
    from storage.dispatch.messages import new_app, patient
    from storage.dispatch.work_queues import queues_of

    app = new_app(
        settings.broker_url,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_max_memory_per_child=settings.worker_recycle_bytes // 1024,
        worker_enable_remote_control=False,
        worker_enable_prefetch_count_reduction=False,  # with quorum queues it is never undone (celery issue 9512)
        worker_consumer=_without_delays(),
        worker_lost_wait=1.0,
        worker_proc_alive_timeout=60.0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,  # RabbitMQ's consumer_timeout would otherwise end the worker with all jobs in hand
        broker_heartbeat=HEARTBEAT_S,
        broker_transport_options=patient(settings.broker_url),
    )
    tasks.define(app, settings, owner=owner, kinds=kinds)

    queues = [queue.name for queue in queues_of(kinds)]

    def ready(**_: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's
        log.info("worker.ready", queues=queues, children=count)

    signals.setup_logging.connect(lambda **_: None, weak=False)  # without a listener, Celery sets up a log of its own
    signals.worker_ready.connect(ready, weak=False)
    return app.Worker(
        hostname=f"sohoa-{os.getpid()}@{os.uname().nodename}",
        concurrency=count,
        queues=queues,
        pool="prefork",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )


def _without_delays() -> type:
    """Celery's consumer without the step that makes 28 queues and as many exchanges for ETAs, which nothing here has."""
    from celery.worker.consumer import Consumer

    steps = [step for step in Consumer.Blueprint.default_steps if not step.endswith(":DelayedDelivery")]
    return type(
        "Consumer", (Consumer,), {"Blueprint": type("Blueprint", (Consumer.Blueprint,), {"default_steps": steps})}
    )


class _ThroughOurs(logging.Handler):
    """What Celery says, as an event of our log, on one line: why a connection was lost is in the message."""

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage().splitlines()
        log.log(record.levelno, "celery", said=said[0] if said else "", by=record.name)


def _speak_through_ours() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # Celery greets on standard output, where a command's results go
    os.close(nowhere)
    from celery.platforms import SecurityWarning

    warnings.simplefilter("ignore", SecurityWarning)  # root is a risk where messages are pickles
    from billiard.util import get_logger

    for logger in (logging.getLogger(), get_logger()):  # the pool's logger hands nothing on to the root
        logger.handlers[:] = [_ThroughOurs()]
        logger.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
