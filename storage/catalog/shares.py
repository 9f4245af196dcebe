"""Whose job a worker does next: by lot, weighted, so that neither an office nor a back-file waits for all of another's.

A lot and not a count, for many short-lived processes draw without knowing of each other, and each is right on average
(docs/decisions/0030). Among an office's jobs the order is that of `jobs.claim`.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sohoa.states import JobKind, Urgency
from storage.catalog import jobs
from storage.catalog.jobs import Job, Sharer

BACKFILE_SHARE = 0.2
"""Of the claims, as long as somebody waits for other papers: so a back-file moves on, and delays them by a quarter at most."""
LOOK_AGE = timedelta(seconds=1)
"""How long a process goes by what it saw of who waits: an office that just came may wait so long for its first lot."""
_chance = random.SystemRandom()


class Shares:
    """The lots of one process, one thread at a time. `weights` are by office, 1 for one that is not there."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._looked_at: datetime | None = None
        self._seen: list[Sharer] = []
        self._in_vain: set[tuple[Sharer, frozenset[JobKind] | None]] = set()

    def claim(
        self,
        conn: Connection,
        *,
        owner: str,
        lease_s: float,
        now: datetime,
        kinds: Collection[JobKind] | None = None,
    ) -> Job | None:
        """Take the next job (of these kinds) for `lease_s` seconds, of whoever the lot falls on; None where none is due."""
        if self._looked_at is None or not timedelta() <= now - self._looked_at < LOOK_AGE:
            self._seen, self._looked_at = jobs.sharers(conn), now
            self._in_vain.clear()
        asked = None if kinds is None else frozenset(kinds)
        turns = None if asked is None else jobs.turns_of(conn, asked)
        for urgency in _urgencies():
            while (drawn := self._draw(urgency, asked)) is not None:
                job = jobs.claim(conn, owner=owner, lease_s=lease_s, now=now, kinds=kinds, of=drawn, turns=turns)
                if job is not None:
                    return job
                self._in_vain.add((drawn, asked))
        job = jobs.claim(conn, owner=owner, lease_s=lease_s, now=now, kinds=kinds, turns=turns)
        if job is not None:
            self._looked_at = None  # somebody has come whom we have not seen
        return job

    def _draw(self, urgency: Urgency, kinds: frozenset[JobKind] | None) -> Sharer | None:
        drawn = [one for one in self._seen if one.urgency is urgency and (one, kinds) not in self._in_vain]
        if len(drawn) > 1:
            return _chance.choices(drawn, weights=[self._weights.get(one.office, 1.0) for one in drawn])[0]
        return drawn[0] if drawn else None


def _urgencies() -> tuple[Urgency, ...]:
    if _chance.random() < BACKFILE_SHARE:
        return Urgency.BACKFILE, Urgency.WAITING
    return Urgency.WAITING, Urgency.BACKFILE
