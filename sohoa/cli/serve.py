"""`sohoa serve` and `sohoa work`: the processes that stay."""

from __future__ import annotations

import signal
import sys
import threading
import time

import uvicorn

from ocr_workers.fleet import Fleet
from ocr_workers.housekeeping import Housekeeper
from sohoa import logs, traces
from sohoa.cli.context import read_settings
from sohoa.errors import BadRequest
from sohoa.settings import Settings
from sohoa.states import JobKind
from storage.stores import open_stores

CHECK_S = 0.5


def run_work(*, jobs: int | None, queues: str | None) -> None:
    """Work on whatever waits until SIGINT or SIGTERM; jobs in hand are finished first. Raises BadRequest."""
    kinds = _kinds_of(queues)
    settings = _talkative(read_settings())
    with traces.sent(settings, part="work"), open_stores(settings):
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        with Fleet(settings, count=jobs, kinds=kinds) as fleet:
            sys.stderr.write("sohoa: working; Ctrl-C to stop\n")
            while not stop.wait(CHECK_S):
                fleet.check()


def run_serve(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the HTTP API, with workers unless `workers` is 0, until SIGINT or SIGTERM."""
    from search_api.app import create_app

    settings = _talkative(read_settings())
    with traces.sent(settings, part="api"), open_stores(settings) as stores:
        app = create_app(stores)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=host or settings.host,
                port=settings.port if port is None else port,
                proxy_headers=False,  # nothing here goes by the client's address or scheme, so nobody is believed about them
                log_level="warning",
            )
        )
        if workers == 0:
            keeper = Housekeeper(settings, carries_only=True)  # nobody else can see what this machine has spooled
            keeper.start()
            try:
                server.run()
            finally:
                keeper.stop()
            return
        with Fleet(settings, count=workers) as fleet:
            watch = threading.Thread(target=_stop_when_workers_cannot, args=(fleet, server), daemon=True)
            watch.start()
            server.run()
            fleet.check()


def _kinds_of(queues: str | None) -> tuple[JobKind, ...]:
    if queues is None:
        return tuple(JobKind)
    named = [name.strip() for name in queues.split(",")]
    unknown = [name for name in named if name not in set(JobKind)]
    if unknown:
        raise BadRequest(f"--queues: there is no {', '.join(map(repr, unknown))}; choose of {', '.join(JobKind)}")
    return tuple(kind for kind in JobKind if kind in named)


def _talkative(settings: Settings) -> Settings:
    """A process that stays tells what it does, unless the operator has said how much it should tell."""
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "info"})
    logs.set_up(settings.log_level)
    return settings


def _stop_when_workers_cannot(fleet: Fleet, server: uvicorn.Server) -> None:
    """A missing model must not leave an API up that accepts papers which nobody can ever read."""
    while fleet.alive():
        time.sleep(CHECK_S)
    server.should_exit = True
