"""The one source of time and of new ids, so that a test can hold both still."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ulid import ULID


class Clock(Protocol):
    """Tells the time in aware UTC and makes ids that sort by it."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def new_ulid(self) -> str:
        """A fresh ULID: 26 characters of Crockford base 32, sorting by the time it was made."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock and randomness.

    Whole milliseconds, which is what :func:`isoformat` writes: what the catalogue says of a moment can so be read back from
    the archive to the last digit.
    """

    def now(self) -> datetime:
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def new_ulid(self) -> str:
        return str(ULID())


@dataclass(slots=True)
class FixedClock:
    """A clock that moves only when told to; its ULIDs count up. For tests and reproducible runs."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    _made: int = 0

    def now(self) -> datetime:
        return self.moment

    def advance(self, *, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def new_ulid(self) -> str:
        self._made += 1
        milliseconds = int(self.moment.timestamp() * 1000)
        return str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + self._made.to_bytes(10, "big")))


def isoformat(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and a Z, the form used in JSON, receipts, PREMIS and logs."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """The aware moment that :func:`isoformat` wrote."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a moment without a time zone: {text!r}")
    return moment.astimezone(UTC)


def process_owner() -> str:
    """A name for this process that no other process has had: used to own leases."""
    return f"{os.uname().nodename}:{os.getpid()}:{time.monotonic_ns():x}"
