"""Work queues: the kinds of jobs by whether somebody waits for them; in a broker, each is a queue of messages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sohoa.states import JobKind, Urgency


@dataclass(frozen=True, slots=True, order=True)
class WorkQueue:
    """Where a job waits, and who is to be woken for it."""

    kind: JobKind
    urgency: Urgency

    @property
    def name(self) -> str:
        """The queue's name in the broker. Another version of Sohoa may share it: a name never changes its meaning."""
        return f"sohoa.{self.kind}.{self.urgency}"


def queues_of(kinds: Collection[JobKind]) -> tuple[WorkQueue, ...]:
    """The queues of these kinds, those for which somebody waits before the others."""
    return tuple(WorkQueue(kind, urgency) for urgency in Urgency for kind in JobKind if kind in kinds)


def urgency_of(priority: int) -> Urgency:
    """Below 0 nobody waits."""
    return Urgency.BACKFILE if priority < 0 else Urgency.WAITING


def priority_of(urgency: Urgency) -> int:
    """The priority of jobs on a paper of this urgency."""
    return -1 if urgency is Urgency.BACKFILE else 0
