"""What was read, as families of metrics (docs/operations/monitoring.md lists them all). None is a part that was not read.

Labels are kinds, statuses, codes and the like: never an office, a document, or anything that a paper says.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from search_api.health import State
from sohoa.settings import Settings
from sohoa.states import CopyOf, DocumentStatus, JobKind
from storage.archive.fixity import Cover
from storage.archive.fixity_share import Share
from storage.catalog.work_done import BOUNDS_MS, Done, End, Work
from storage.dispatch.work_queues import queues_of
from storage.spool import Usage
from storage.standing import Backlog, Census, Disk


@dataclass(frozen=True, slots=True)
class Fixity:
    """How the rolling check stands at a moment; `found` is None before it has begun."""

    found: tuple[Cover, Share | None] | None
    period: timedelta
    at: datetime


@dataclass(frozen=True, slots=True)
class Spooled:
    """What waits in the spool; `usage` is None where there is none, for the archive is a folder."""

    usage: Usage | None
    settings: Settings


def of_backlog(backlog: Backlog | None) -> Iterator[Metric]:
    """Work queues, the outbox, and what workers have done."""
    queue = ("kind", "urgency")
    due = GaugeMetricFamily("sohoa_jobs_due", "Jobs that a worker may take now.", labels=queue)
    put_off = GaugeMetricFamily(
        "sohoa_jobs_put_off", "Jobs to be tried again later, or waiting for the spool to be carried.", labels=queue
    )
    age = GaugeMetricFamily(
        "sohoa_jobs_oldest_seconds", "How long the job that is due longest has been due; 0: none is.", labels=queue
    )
    in_hand = GaugeMetricFamily("sohoa_jobs_in_hand", "Jobs that workers have in hand.", labels=("kind",))
    waiting = GaugeMetricFamily("sohoa_outbox_documents", "Documents that the search index has yet to learn of.")
    lag = GaugeMetricFamily("sohoa_outbox_oldest_seconds", "How long the first of them has waited; 0: none does.")
    if backlog is not None:
        for each in queues_of(tuple(JobKind)):
            depth, labels = backlog.depths.get(each), (each.kind.value, each.urgency.value)
            due.add_metric(labels, depth.due if depth else 0)
            put_off.add_metric(labels, depth.put_off if depth else 0)
            age.add_metric(labels, _age_s(depth.oldest_at if depth else None, backlog.at))
        for kind in JobKind:
            in_hand.add_metric((kind.value,), backlog.in_hand.get(kind, 0))
        waiting.add_metric((), backlog.outbox)
        lag.add_metric((), _age_s(backlog.outbox_oldest_at, backlog.at))
    yield from (due, put_off, age, in_hand, waiting, lag)
    yield from _of_work({} if backlog is None else backlog.done)


def of_census(census: Census | None) -> Iterator[Metric]:
    """Documents, the review queue, the read audit, and copies."""
    by_status = GaugeMetricFamily("sohoa_documents", "Documents by status.", labels=("status",))
    stopped = GaugeMetricFamily(
        "sohoa_documents_stopped",
        "Documents that are held or failed now, by the stage and code that say why.",
        labels=("status", "stage", "code"),
    )
    waiting = GaugeMetricFamily("sohoa_review_waiting", "Papers that wait for a person's review.")
    claimed = GaugeMetricFamily("sohoa_review_claimed", "Of these, those that somebody has before them.")
    age = GaugeMetricFamily("sohoa_review_oldest_seconds", "How long ago the oldest of them came in; 0: none waits.")
    audit = GaugeMetricFamily(
        "sohoa_audit_oldest_seconds", "How long a viewing has waited to be entered in the audit; 0: none waits."
    )
    copied = GaugeMetricFamily(
        "sohoa_copy_age_seconds",
        "How long ago the catalogue was last backed up, the archive last copied, well; +Inf: never.",
        labels=("of", "place"),
    )
    if census is not None:
        for status in DocumentStatus:
            if status is not DocumentStatus.REFUSED:
                by_status.add_metric((status.value,), census.by_status.get(status, 0))
        for (status, stage, code), count in sorted(census.stopped.items()):
            stopped.add_metric((status.value, stage, code), count)
        waiting.add_metric((), census.review.waiting)
        claimed.add_metric((), census.review.claimed)
        age.add_metric((), _age_s(census.review.oldest_at, census.at))
        audit.add_metric((), _age_s(census.unaudited_at, census.at))
        for of in CopyOf:
            ages = {place: _age_s(at, census.at) for (what, place), at in census.copies.items() if what is of}
            for place, age_s in sorted((ages or {"": math.inf}).items()):
                copied.add_metric((of.value, place), age_s)
    yield from (by_status, stopped, waiting, claimed, age, audit, copied)


def of_fixity(fixity: Fixity | None) -> Iterator[Metric]:
    """The rolling fixity check."""
    period = GaugeMetricFamily("sohoa_fixity_period_seconds", "Within this, every byte is to be read again.")
    age = GaugeMetricFamily(
        "sohoa_fixity_oldest_read_seconds",
        "Every object was read within this time; before the first round is over, how long that has taken so far.",
    )
    last = GaugeMetricFamily("sohoa_fixity_last_entry_seconds", "How long ago the check last wrote down what it read.")
    failures = GaugeMetricFamily("sohoa_fixity_failures", "Checks that failed and were not followed by a success.")
    objects = GaugeMetricFamily(
        "sohoa_fixity_cover_objects_ratio", "Share of the objects read so far that was read within the period."
    )
    size = GaugeMetricFamily(
        "sohoa_fixity_cover_bytes_ratio", "Share of the bytes read so far that was read within the period."
    )
    if fixity is not None:
        period.add_metric((), fixity.period.total_seconds())
    if fixity is not None and fixity.found is not None:
        cover, share = fixity.found
        age.add_metric((), _age_s(cover.read_since or cover.round_started_at, fixity.at))
        last.add_metric((), _age_s(cover.checked_at, fixity.at))
        failures.add_metric((), cover.failures_count)
        if share is not None:
            objects.add_metric((), share.objects_within / share.objects if share.objects else 1)
            size.add_metric((), share.size_bytes_within / share.size_bytes if share.size_bytes else 1)
    yield from (period, age, last, failures, objects, size)


def of_disks(disks: Mapping[str, Disk] | None) -> Iterator[Metric]:
    """The disks of this machine."""
    size = GaugeMetricFamily("sohoa_disk_size_bytes", "Size of the disk that this lies on.", labels=("where",))
    free = GaugeMetricFamily("sohoa_disk_free_bytes", "What is left on it.", labels=("where",))
    for where, disk in (disks or {}).items():
        size.add_metric((where,), disk.size_bytes)
        free.add_metric((where,), disk.free_bytes)
    yield from (size, free)


def of_spool(spooled: Spooled | None) -> Iterator[Metric]:
    """What waits on this machine for an S3 server that is away, and the limits of intake."""
    papers = GaugeMetricFamily("sohoa_spool_documents", "Papers in this machine's spool.")
    size = GaugeMetricFamily("sohoa_spool_bytes", "Bytes in this machine's spool.")
    most = GaugeMetricFamily("sohoa_spool_limit_bytes", "SOHOA_SPOOL_MAX_BYTES: with more, nothing is taken in.")
    least = GaugeMetricFamily("sohoa_disk_limit_bytes", "SOHOA_MIN_FREE_BYTES: with less free, nothing is taken in.")
    if spooled is not None:
        usage = spooled.usage or Usage(0, 0)
        papers.add_metric((), usage.papers)
        size.add_metric((), usage.size_bytes)
        most.add_metric((), spooled.settings.spool_max_bytes)
        least.add_metric((), spooled.settings.min_free_bytes)
    yield from (papers, size, most, least)


def of_readiness(parts: Mapping[str, State] | None) -> Iterator[Metric]:
    """What /readyz says."""
    ready = GaugeMetricFamily("sohoa_ready", "1: this part of /readyz is ok; 0: degraded or failed.", labels=("part",))
    for part, state in (parts or {}).items():
        ready.add_metric((part,), 1 if state == "ok" else 0)
    yield ready


def _of_work(done: Mapping[Work, Done]) -> Iterator[Metric]:
    seconds = HistogramMetricFamily(
        "sohoa_job_seconds",
        "Time of jobs that ended with their result, of all workers together; a `recognise` job is a page.",
        labels=("kind",),
    )
    ended = CounterMetricFamily(
        "sohoa_jobs_ended", "Jobs that ended as held or failed, by code.", labels=("kind", "ending", "code")
    )
    again = CounterMetricFamily(
        "sohoa_jobs_again", "Tries of jobs that had to be made again, by why.", labels=("kind", "code")
    )
    times: dict[JobKind, dict[int, Done]] = {kind: {} for kind in JobKind}
    others: dict[tuple[JobKind, End, str], int] = defaultdict(int)
    for work, count in done.items():
        if work.ending is End.DONE:
            times[work.kind][work.upto_ms] = count
        else:
            others[work.kind, work.ending, work.code] += count.jobs
    for kind, by_bound in times.items() if done else ():
        so_far, buckets = 0, []
        for bound in BOUNDS_MS:
            so_far += by_bound.get(bound, Done()).jobs
            buckets.append((str(bound / 1000), so_far))
        buckets.append(("+Inf", sum(each.jobs for each in by_bound.values())))
        seconds.add_metric((kind.value,), buckets, sum(each.total_ms for each in by_bound.values()) / 1000)
    for (kind, ending, code), jobs in sorted(others.items()):
        if ending is End.AGAIN:
            again.add_metric((kind.value, code), jobs)
        else:
            ended.add_metric((kind.value, ending.value, code), jobs)
    yield from (seconds, ended, again)


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
