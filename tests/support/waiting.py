"""Waits for what another process or thread does, as long as it takes and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN_S = 120.0


def wait_until(true: Callable[[], bool], message: str, *, within_s: float = WITHIN_S) -> None:
    """Look every 50 ms until it is so. Raises AssertionError with the message when it takes too long."""
    until_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until_s, message
        time.sleep(0.05)
