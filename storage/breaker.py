"""Spares everybody the wait for a server that has just not answered: for a few seconds it counts as away, unasked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

REST_S = 5.0
"""How long a server is left alone after it did not answer."""


class Breaker:
    """Closed while the server answers. Open for REST_S after it did not; then one call may ask it, and the others go on
    as before for another REST_S. For any thread."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._open_until_s: float | None = None

    def is_open(self) -> bool:
        """Whether nobody is to ask the server just now."""
        return self._open_until_s is not None and self._now_s() < self._open_until_s

    def admit(self) -> bool:
        """Whether this call may be made. The first one after the rest may, and stands for all."""
        with self._lock:
            if self.is_open():
                return False
            if self._open_until_s is not None:
                self._open_until_s = self._now_s() + REST_S
            return True

    def answered(self) -> None:
        """The server is there."""
        self._open_until_s = None

    def gave_no_answer(self) -> None:
        """The server let a call and its further tries down."""
        self._open_until_s = self._now_s() + REST_S
