"""Progress, on standard error."""

from __future__ import annotations

import sys
import time

_STARTED_S = time.monotonic()


def say(line: str) -> None:
    """One line with the time since the start."""
    sys.stderr.write(f"[{time.monotonic() - _STARTED_S:6.0f} s] {line}\n")
    sys.stderr.flush()
