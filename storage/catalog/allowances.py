"""What an office or a token may still ask for: buckets that fill evenly, shared by all processes that serve the API.

A process counts by itself and tells here now and then (search_api/limits.py), so a bucket may be found overdrawn: what is
below nothing is filled first, and over time nobody gets more than the bucket's rate (docs/decisions/0030).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Float, case, literal, update

from storage.catalog.dialects import insert_new
from storage.catalog.tables import allowances


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `most` at once, filled again evenly within `period_s` seconds."""

    most: float
    period_s: float

    @property
    def per_s(self) -> float:
        return self.most / self.period_s


def tell(conn: Connection, subject: str, used: float, *, allowance: Allowance, now: datetime) -> float:
    """Take off what `subject` has used since this process told last, and return what remains for all; below 0: overdrawn.

    Told by clocks that differ, it goes by the one that is ahead.
    """
    most = float(allowance.most)
    now_s = literal(now.timestamp(), Float)
    later = now_s > allowances.c.told_s
    filled = allowances.c.remaining + (now_s - allowances.c.told_s) * allowance.per_s
    there = case((later, filled), else_=allowances.c.remaining)
    told = (
        update(allowances)
        .where(allowances.c.subject == subject)
        .values(
            remaining=case((there > most, most), else_=there) - float(used),
            told_s=case((later, now_s), else_=allowances.c.told_s),
        )
        .returning(allowances.c.remaining)
    )
    remaining: float | None = conn.execute(told).scalar()
    if remaining is None:  # never told of before, here or (the insert waits for it) just now by another
        insert_new(conn, allowances, {"subject": subject, "remaining": most, "told_s": now.timestamp()})
        remaining = conn.execute(told).scalar_one()
    return remaining
