"""How much offices and tokens may ask for: requests, uploads, bytes a day, papers that wait (docs/operations/limits.md).

Each process counts in memory, so that a request costs no write; it tells the catalogue, which all processes share, each
time that a subject has used an eighth of its bucket here, and learns then what the others have told.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from search_api.uploads import Uploads
from sohoa.errors import Limited, StoreUnavailable
from storage.catalog import allowances, document_counts
from storage.catalog.allowances import Allowance
from storage.stores import Stores

log = structlog.get_logger(__name__)

UNTOLD_SHARE = 1 / 8
"""Of a bucket, what a process lets through before it tells: so many processes can let through so much too much, once."""
COUNTED_AGE = timedelta(seconds=10)
"""How long the number of an office's waiting papers is gone by before it is counted again."""
DRAINED_S = 60.0
"""When to ask again where the workers must catch up first."""
_MINUTE_S, _DAY_S = 60.0, 86_400.0


@dataclass(slots=True)
class _Bucket:
    remaining: float
    at: datetime
    untold: float = 0.0


@dataclass(slots=True)
class _Counted:
    papers: int
    at: datetime


class Limits:
    """The limits of one process that serves the API. Safe to share between threads."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._settings = stores.settings
        self._buckets: dict[str, _Bucket] = {}
        self._waiting: dict[str, _Counted] = {}
        self._lock = threading.Lock()
        self.uploads = Uploads(stores)

    def count_request(self, token_id: str, office: str | None) -> None:
        """A request of this token, bound to this office. Raises Limited (rate_limited)."""
        self._count("requests", token_id, office, self._settings.token_requests, self._settings.office_requests)

    def count_upload(self, token_id: str, office: str | None) -> None:
        """An upload by this token, bound to this office, is about to begin. Raises Limited (rate_limited)."""
        self._count("uploads", token_id, office, self._settings.token_uploads, self._settings.office_uploads)

    def check_quota(self, office: str) -> None:
        """Raise Limited (quota_exceeded) where this office has brought as much as it may for now."""
        if most := self._settings.office_bytes_a_day:
            wait_s = self._wait_s(f"bytes:office:{office}", Allowance(most, _DAY_S))
            if wait_s > 0:
                detail = f"this office has brought {most:,} bytes within a day: go on later, or raise its quota"
                raise Limited(detail, code="quota_exceeded", retry_after_s=wait_s)
        if (most := self._settings.office_waiting) and self._papers_waiting(office, most) >= most:
            detail = f"{most:,} papers of this office wait to be read: go on once some are archived"
            raise Limited(detail, code="quota_exceeded", retry_after_s=DRAINED_S)

    def count_paper(self, office: str, size_bytes: int) -> None:
        """This office has brought a paper of so many bytes; every process learns of it."""
        if most := self._settings.office_bytes_a_day:
            self._use(f"bytes:office:{office}", Allowance(most, _DAY_S), size_bytes, most_untold=0)
        with self._lock:
            if office in self._waiting:
                self._waiting[office].papers += 1

    def _count(self, what: str, token_id: str, office: str | None, of_token: int, of_office: int) -> None:
        """One more of what is counted by the minute; 0 is no limit."""
        asked = [(f"token:{token_id}", "this token", of_token)]
        if office is not None:
            asked.append((f"office:{office}", "this office", of_office))
        limits = [(f"{what}:{whose}", name, Allowance(most, _MINUTE_S)) for whose, name, most in asked if most]
        for subject, name, allowance in limits:
            wait_s = self._wait_s(subject, allowance)
            if wait_s > 0:
                detail = f"{name} may make {allowance.most:,.0f} {what} a minute: wait, then go on more slowly"
                raise Limited(detail, code="rate_limited", retry_after_s=wait_s)
        for subject, _, allowance in limits:
            self._use(subject, allowance, 1, most_untold=allowance.most * UNTOLD_SHARE)

    def _wait_s(self, subject: str, allowance: Allowance) -> float:
        """How long until something is in the bucket again; 0 where something is."""
        with self._lock:
            return max(0.0, -self._filled(subject, allowance).remaining / allowance.per_s)

    def _use(self, subject: str, allowance: Allowance, amount: float, *, most_untold: float) -> None:
        with self._lock:
            bucket = self._filled(subject, allowance)
            bucket.remaining -= amount
            bucket.untold += amount
            if bucket.untold < most_untold:
                return
            told, bucket.untold = bucket.untold, 0.0
        now = self._stores.clock.now()
        try:
            with self._stores.database.write_beside() as connection:
                remaining = allowances.tell(connection, subject, told, allowance=allowance, now=now)
        except StoreUnavailable as error:  # no reason to turn anybody away; told the next time
            log.warning("limits.not_told", subject=subject, code=error.code)
            with self._lock:
                bucket.untold += told
            return
        with self._lock:
            bucket.remaining = min(bucket.remaining, remaining - bucket.untold)

    def _filled(self, subject: str, allowance: Allowance) -> _Bucket:
        """The bucket as of now; the lock is held."""
        now = self._stores.clock.now()
        bucket = self._buckets.setdefault(subject, _Bucket(allowance.most, now))
        waited_s = max(0.0, (now - bucket.at).total_seconds())
        bucket.remaining = min(allowance.most, bucket.remaining + waited_s * allowance.per_s)
        bucket.at = now
        return bucket

    def _papers_waiting(self, office: str, most: int) -> int:
        now = self._stores.clock.now()
        with self._lock:
            counted = self._waiting.get(office)
            if counted is not None and now - counted.at < COUNTED_AGE:
                return counted.papers
        with self._stores.database.read() as connection:
            papers = document_counts.count_waiting(connection, office, most=most)
        with self._lock:
            self._waiting[office] = _Counted(papers, now)
        return papers
