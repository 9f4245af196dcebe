"""What dispatch is to whoever asks for work, and the one where nobody needs to be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from storage.dispatch.work_queues import WorkQueue


@dataclass(frozen=True, slots=True)
class BrokerHealth:
    """Which broker it is, how many messages wait in it, and the queues that no worker listens to (None: it cannot tell)."""

    name: str
    waiting: int
    unheard: tuple[WorkQueue, ...] | None


class Dispatch(Protocol):
    """Tells workers that there is work. Safe to share between threads."""

    def wake(self, queues: Iterable[WorkQueue]) -> None:
        """There is a new job in each of these queues. Never waits and never fails: it is a hint."""
        ...

    def top_up(self, due: Mapping[WorkQueue, int]) -> int:
        """So many jobs may be claimed: see that as many messages wait, and return how many were missing. Raises
        StoreUnavailable (`broker_away`)."""
        ...

    def health(self) -> BrokerHealth | None:
        """How the broker is, None where there is none. Raises StoreUnavailable (`broker_away`)."""
        ...

    def check(self) -> None:
        """Raises StoreUnavailable (`broker_away`) where the broker does not answer."""
        ...

    def close(self) -> None:
        """Give back what is held, after a moment for what is on its way."""
        ...


class NoBroker:
    """Local workers look into the jobs table several times a second: nobody has to be told."""

    def wake(self, queues: Iterable[WorkQueue]) -> None:
        return

    def top_up(self, due: Mapping[WorkQueue, int]) -> int:
        return 0

    def health(self) -> BrokerHealth | None:
        return None

    def check(self) -> None:
        return

    def close(self) -> None:
        return
