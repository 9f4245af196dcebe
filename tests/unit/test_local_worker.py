"""The supervisor of worker processes, held up at the worst moment: it goes by what they have said by then."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ocr_workers import local_worker
from ocr_workers.local_worker import Supervisor
from sohoa.errors import SetupError
from sohoa.settings import Settings
from sohoa.states import JobKind
from storage.stores import open_stores
from tests.support.waiting import wait_until

LIMIT_S = 3600.0


class Clock:
    """The module `time` as the supervisor sees it."""

    sleep = staticmethod(time.sleep)

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_s


def cannot_work(settings: Settings, owner: str, kinds: Collection[JobKind], pipe: Connection) -> None:
    pipe.send(("setup", "model_missing", "the model is missing"))


def goes_on_late(settings: Settings, owner: str, kinds: Collection[JobKind], pipe: Connection) -> None:
    """Begins a job, and ends it when the supervisor does not look."""
    pipe.send(("ready",))
    pipe.send(("start", 1, LIMIT_S))
    (settings.home / "begun").touch()
    wait_until((settings.home / "looks-away").exists, "the supervisor never looked away", within_s=60)
    pipe.send(("end",))
    (settings.home / "ended").touch()
    pipe.recv()


def supervisor(home: Path) -> Supervisor:
    settings = Settings(home=home)
    with open_stores(settings):
        pass
    return Supervisor(settings, count=1, hurry=threading.Event(), kinds=tuple(JobKind))


def test_worker_that_said_why_it_ends_is_not_reported_as_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_its_end(things: list[Any], timeout: float) -> list[Any]:
        (_, sentinel) = things
        wait([sentinel])
        return wait(things, timeout)

    monkeypatch.setattr(local_worker, "work", cannot_work)
    monkeypatch.setattr(local_worker, "wait", after_its_end)
    with capture_logs() as said, pytest.raises(SetupError, match="the model is missing"):
        supervisor(tmp_path).run(stop=threading.Event())
    assert [line["event"] for line in said if line["event"].startswith("worker.")] == []


def test_worker_that_went_on_while_its_supervisor_was_held_up_is_not_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, clock = threading.Event(), Clock()

    def held_up(things: list[Any], timeout: float) -> list[Any]:
        has_begun = (tmp_path / "begun").exists()
        found = wait(things, timeout)
        if has_begun and not found and not stop.is_set():  # the start has been read
            (tmp_path / "looks-away").touch()
            wait_until((tmp_path / "ended").exists, "the worker did not go on", within_s=60)
            clock.ahead_s = LIMIT_S
            stop.set()
        return found

    monkeypatch.setattr(local_worker, "time", clock)
    monkeypatch.setattr(local_worker, "work", goes_on_late)
    monkeypatch.setattr(local_worker, "wait", held_up)
    with capture_logs() as said:
        supervisor(tmp_path).run(stop=stop)
    assert [line["event"] for line in said if line["event"].startswith("worker.")] == []
