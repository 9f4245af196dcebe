"""A value that may take long to read: by one thread of its own, never twice at a time, and nobody waits for it for long."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

import structlog

from sohoa.clock import Clock
from sohoa.errors import SohoaError

KEPT = timedelta(minutes=2)
"""So much longer than its time a value is shown while a new one is being read; then it is none."""

_Value = TypeVar("_Value")
log = structlog.get_logger(__name__)


class Reading(Generic[_Value]):
    """The newest value of `read`, asked for again once it is `every` old. For any thread."""

    def __init__(self, name: str, read: Callable[[], _Value], *, every: timedelta, clock: Clock) -> None:
        self.name = name
        self._read, self._every, self._clock = read, every, clock
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"reading {name}")
        self._lock = Lock()
        self._running: Future[None] | None = None
        self._value: _Value | None = None
        self._read_at: datetime | None = None

    def begin(self) -> Future[None] | None:
        """Have it read again, if it is time; what to wait for, None where nothing is being read."""
        with self._lock:
            if self._running is not None and self._running.done():
                self._running = None
            if self._running is None and self._is_due():
                self._running = self._executor.submit(self._read_now)
            return self._running

    def value(self) -> _Value | None:
        """The newest value; None where there is none, or none that is new enough."""
        with self._lock:
            if self._read_at is None or self._clock.now() - self._read_at > self._every + KEPT:
                return None
            return self._value

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _is_due(self) -> bool:
        return self._read_at is None or self._clock.now() - self._read_at >= self._every

    def _read_now(self) -> None:
        at = self._clock.now()
        try:
            value = self._read()
        except Exception as error:  # noqa: BLE001 the edge of a thread: the other numbers are shown all the same
            self._note(error)
            with self._lock:
                self._value = self._read_at = None
            return
        with self._lock:
            self._value, self._read_at = value, at

    def _note(self, error: Exception) -> None:
        if isinstance(error, SohoaError):
            log.warning("metrics.not_read", part=self.name, code=error.code, detail=error.detail)
        else:
            log.error("metrics.bug", part=self.name, error=type(error).__qualname__)
