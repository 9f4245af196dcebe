"""How much offices and tokens may ask for: requests, uploads, bytes a day, downloads at once, papers that wait
(docs/operations/limits.md).

Each process counts in memory, so that a request costs no write; it tells the catalogue, which all processes share, each
time that a subject has used an eighth of its bucket here, and learns then what the others have told.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog

from search_api.places import Places
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
_What = Literal["requests", "uploads", "bytes"]


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a token or an office (`whose`, in words) may use, and under which name that is counted."""

    subject: str
    whose: str
    allowance: Allowance


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
        most, of_token = self._settings.max_downloads, self._settings.max_downloads_of_token
        self.downloads = Places("downloads", code="too_many_downloads", most=most, most_of_token=of_token)

    def count_request(self, token_id: str, office: str | None) -> None:
        """A request of this token, bound to this office. Raises Limited (rate_limited)."""
        self._count("requests", token_id, office)

    def count_upload(self, token_id: str, office: str | None) -> None:
        """An upload by this token, bound to this office, is about to begin. Raises Limited (rate_limited)."""
        self._count("uploads", token_id, office)

    def check_quota(self, token_id: str, office: str | None) -> None:
        """Raise Limited (quota_exceeded) where this token, or the office that it brings papers to (None: not known yet), has
        brought as much as it may for now."""
        for limit in self._limits("bytes", token_id, office):
            wait_s = self._wait_s(limit)
            if wait_s > 0:
                most = f"{limit.allowance.most:,}"
                detail = f"{limit.whose} has brought {most} bytes within a day: go on later, or raise its quota"
                raise Limited(detail, code="quota_exceeded", retry_after_s=wait_s)
        waiting = self._settings.office_waiting
        if office is not None and waiting and self._papers_waiting(office, waiting) >= waiting:
            detail = f"{waiting:,} papers of this office wait to be read: go on once some are archived"
            raise Limited(detail, code="quota_exceeded", retry_after_s=DRAINED_S)

    def count_paper(self, token_id: str, office: str, size_bytes: int) -> None:
        """This token has brought this office a paper of so many bytes; every process learns of it."""
        self._use(self._limits("bytes", token_id, office), size_bytes, untold_share=0)
        with self._lock:
            if office in self._waiting:
                self._waiting[office].papers += 1

    def _limits(self, what: _What, token_id: str, office: str | None) -> list[_Limit]:
        """Those that there are; 0 is none."""
        settings = self._settings
        of_token, of_office, period_s = {
            "requests": (settings.token_requests, settings.office_requests, _MINUTE_S),
            "uploads": (settings.token_uploads, settings.office_uploads, _MINUTE_S),
            "bytes": (settings.token_bytes_a_day, settings.office_bytes_a_day, _DAY_S),
        }[what]
        asked = [(f"token:{token_id}", "this token", of_token)]
        if office is not None:
            asked.append((f"office:{office}", "this office", of_office))
        return [_Limit(f"{what}:{who}", whose, Allowance(most, period_s)) for who, whose, most in asked if most]

    def _count(self, what: _What, token_id: str, office: str | None) -> None:
        """One more of what is counted by the minute."""
        limits = self._limits(what, token_id, office)
        for limit in limits:
            wait_s = self._wait_s(limit)
            if wait_s > 0:
                most = f"{limit.allowance.most:,.0f}"
                detail = f"{limit.whose} may make {most} {what} a minute: wait, then go on more slowly"
                raise Limited(detail, code="rate_limited", retry_after_s=wait_s)
        self._use(limits, 1, untold_share=UNTOLD_SHARE)

    def _wait_s(self, limit: _Limit) -> float:
        """How long until something is in the bucket again; 0 where something is."""
        with self._lock:
            return max(0.0, -self._filled(limit).remaining / limit.allowance.per_s)

    def _use(self, limits: list[_Limit], amount: float, *, untold_share: float) -> None:
        """So much of each is used; the catalogue is told of those of which more than this share of a bucket is untold."""
        told: list[tuple[_Limit, _Bucket, float]] = []
        with self._lock:
            for limit in limits:
                bucket = self._filled(limit)
                bucket.remaining -= amount
                bucket.untold += amount
                if bucket.untold >= limit.allowance.most * untold_share:
                    told.append((limit, bucket, bucket.untold))
                    bucket.untold = 0.0
        if not told:
            return
        now = self._stores.clock.now()
        try:
            with self._stores.database.write_beside() as connection:
                left = [
                    allowances.tell(connection, limit.subject, used, allowance=limit.allowance, now=now)
                    for limit, _, used in told  # a token's row before its office's: nobody waits in a circle
                ]
        except StoreUnavailable as error:  # no reason to turn anybody away; told the next time
            log.warning("limits.not_told", subjects=[limit.subject for limit, *_ in told], code=error.code)
            with self._lock:
                for _, bucket, used in told:
                    bucket.untold += used
            return
        with self._lock:
            for (_, bucket, _), remaining in zip(told, left, strict=True):
                bucket.remaining = min(bucket.remaining, remaining - bucket.untold)

    def _filled(self, limit: _Limit) -> _Bucket:
        """The bucket as of now; the lock is held."""
        now, allowance = self._stores.clock.now(), limit.allowance
        bucket = self._buckets.setdefault(limit.subject, _Bucket(allowance.most, now))
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
