"""The rolling fixity check as a duty of the housekeeper: paced, under a lease, written down stretch by stretch."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO, cast

import structlog

from ingest.decisions import note_failed_check
from sohoa.errors import SohoaError, StoreUnavailable
from storage.archive.chain import Chain
from storage.archive.disposal import certificate_in_ledger
from storage.archive.fixity import (
    NAME,
    Failure,
    Progress,
    Stretch,
    Unit,
    failures_of,
    load_progress,
    read_units,
    record,
    unit_of,
)
from storage.archive.layout import ledger_key, sha256_of
from storage.archive.verify_documents import receipt_findings
from storage.objects.protocol import Objects
from storage.stores import Stores

RECORD_EVERY = timedelta(hours=1)
"""What a crash makes the check read again at most."""
FAILURES_AFTER = timedelta(minutes=1)
"""A failed check is written down this soon, but not each one by itself where a whole disk fails."""
MOST_TOLD = 50
"""So many findings in one object are told in its event."""
MEGABYTE = 1_000_000
_LEASE_EVERY_S = 3.0

log = structlog.get_logger()


class Interrupted(Exception):
    """Told to stop, or the lease is another's now: what is half read does not count."""


class FixityDuty:
    """Goes on with the rolling check. One object belongs to one holder of the lease, for as long as it holds it."""

    def __init__(self, stores: Stores, *, stop: threading.Event, has_lease: Callable[[], bool]) -> None:
        self._stores, self._stop, self._has_lease = stores, stop, has_lease
        self._chain = Chain(stores.archive.objects, stores.clock, NAME)
        self._progress = load_progress(self._chain, now=stores.clock.now())
        self._noted: set[tuple[str, int]] = set()
        self._objects = cast(Objects, _Paced(stores.archive.objects, self._pace))
        self._leased_at_s = time.monotonic()
        self._read_bytes, self._read_from_s = 0, time.monotonic()

    def is_due(self) -> bool:
        """Whether there is something to read now: a round under way, or one that has to begin to keep the period.

        A round begins half a period after the one before, which leaves as long for reading.
        """
        if self._stores.settings.fixity_rate_mb_s == 0 or self._stores.archive.ledger.head() == 0:
            return False
        period = timedelta(days=self._stores.settings.fixity_period_days)
        begins_at = self._progress.round_started_at + period / 2
        return not self._progress.is_over or self._progress.round == 0 or self._stores.clock.now() >= begins_at

    def run(self) -> None:
        """Read to the end of the round. Raises Interrupted, StoreUnavailable; what was read until then is written down."""
        progress, now = self._progress, self._stores.clock.now()
        if progress.is_over:
            stretch = Stretch(progress.round + 1, now, now, after="", upto="")
        else:
            stretch = _next_stretch(progress, self._stores)
        head = self._stores.archive.ledger.head()
        try:
            for unit in read_units(
                self._objects,
                after=stretch.after,
                ledger_head=head,
                anchors=progress.anchors,
                check_receipt=partial(receipt_findings, self._stores),
                disposed=partial(certificate_in_ledger, self._objects, self._stores.archive.ledger),
            ):
                stretch = _with_unit(stretch, unit)
                if self._is_time_to_record(stretch):
                    stretch = self._record(stretch)
        except (Interrupted, StoreUnavailable):
            if stretch.units and self._has_lease():
                self._record(stretch)
            raise
        self._record(replace(stretch, ends_round=True))

    def note_failures(self) -> None:
        """Tell the events of each object of the failed checks in it, those found at the same time as one event."""
        together: dict[tuple[str, int], list[Failure]] = defaultdict(list)
        for failure in self._progress.failures():
            together[unit_of(failure.where), failure.since].append(failure)
        for identity, failures in together.items():
            if identity not in self._noted and _is_noted(self._stores, failures):
                self._noted.add(identity)

    def _record(self, stretch: Stretch) -> Stretch:
        """Write a stretch down; the empty one that follows it."""
        if not self._has_lease():
            raise Interrupted
        ledger = self._stores.archive.ledger.head()
        anchor = (ledger, sha256_of(self._stores.archive.objects.read(ledger_key(ledger)))) if ledger else None
        written = record(self._chain, self._progress, stretch, anchor=anchor)
        for failure in written.failures:
            log.error("fixity.failed", code=failure.code, key=failure.where, object_id=failure.object_id)
        self.note_failures()
        return _next_stretch(self._progress, self._stores)

    def _is_time_to_record(self, stretch: Stretch) -> bool:
        age = self._stores.clock.now() - stretch.started_at
        return age >= RECORD_EVERY or (bool(stretch.failures) and age >= FAILURES_AFTER)

    def _pace(self, size_bytes: int) -> None:
        """Called with what is about to be read: waits until that is due by the rate, and keeps the lease meanwhile."""
        self._read_bytes += size_bytes
        rate = self._stores.settings.fixity_rate_mb_s * MEGABYTE
        due_s = self._read_from_s + self._read_bytes / rate
        while True:
            now_s = time.monotonic()
            if now_s - self._leased_at_s > _LEASE_EVERY_S:
                if not self._has_lease():
                    raise Interrupted
                self._leased_at_s = now_s
            if self._stop.wait(max(0.0, min(due_s - now_s, _LEASE_EVERY_S))):
                raise Interrupted
            if time.monotonic() >= due_s:
                break
        if now_s - due_s > 1.0:  # it was idle, or the disk is slower than the rate: nothing is caught up at a run
            self._read_bytes, self._read_from_s = 0, now_s


class _Paced:
    """A store whose bytes come no faster than they may."""

    def __init__(self, objects: Objects, pace: Callable[[int], None]) -> None:
        self._objects, self._pace = objects, pace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def read(self, key: str) -> bytes:
        data = self._objects.read(key)
        self._pace(len(data))
        return data

    def open(self, key: str) -> BinaryIO:
        return cast(BinaryIO, _PacedStream(self._objects.open(key), self._pace))


class _PacedStream:
    def __init__(self, stream: BinaryIO, pace: Callable[[int], None]) -> None:
        self._stream, self._pace = stream, pace

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._pace(len(data))
        return data

    def __enter__(self) -> _PacedStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _next_stretch(progress: Progress, stores: Stores) -> Stretch:
    now = stores.clock.now()
    return Stretch(progress.round, progress.round_started_at, now, after=progress.position, upto=progress.position)


def _with_unit(stretch: Stretch, unit: Unit) -> Stretch:
    return replace(
        stretch,
        upto=unit.key,
        units=stretch.units + 1,
        objects=stretch.objects + (unit.checked is not None),
        size_bytes=stretch.size_bytes + unit.size_bytes,
        failures=(*stretch.failures, *failures_of(unit)),
    )


def _is_noted(stores: Stores, failures: Sequence[Failure]) -> bool:
    """Whether some document of the object has the event of what failed in it now, or none ever can."""
    first = failures[0]
    detail = {
        "finding": f"{first.since}:{unit_of(first.where)}",
        "failed": [{"code": each.code, "where": each.where, "detail": each.detail} for each in failures[:MOST_TOLD]],
    }
    later = False
    for document_id in dict.fromkeys(document_id for each in failures for document_id in each.documents):
        try:
            if note_failed_check(stores, document_id, detail):
                return True
            later = True
        except StoreUnavailable:
            raise
        except SohoaError as error:  # its events are damaged too: another document of the object takes it
            log.warning("fixity.not_noted", document_id=document_id, key=first.where, code=error.code)
    return not later
