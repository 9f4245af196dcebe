"""The ledger: one hash-chained, gapless line of entries that names every committed object version exactly once.

Who appends names its own commit, and those of the other threads that wait for this ledger in its process. Who loses the
race for a number to another process names, the next time, all commits that wait as well, so that sixteen who commit at once
need two or three entries and not sixteen (docs/decisions/0009).

`ledger/NNN/NNN/<12 digits>.json` holds {sequence, previous (SHA-256 of the entry before, null in the first),
recorded_at, commits: [{object_id, version, inventory_sha256, committed_at, actor, message}]}, and in an entry that tells of
objects that were disposed of, disposals: [certificate] (certificate.py). Entries are create-only,
so the sequence number is the lock: who loses the race for a number reads the winner's entry and tries the next one.

`recorded_at` never goes back along the line and is never before the commits it records, whatever the clocks say. That
makes the entry of any commit findable by bisection, without a marker file for each version and without a scan of the
whole line.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sohoa.clock import Clock, isoformat, parse_moment
from sohoa.errors import AlreadyExists, DigestMismatch
from sohoa.model import Actor, Sha256, own_keys
from storage.archive.certificate import Certificate, certificate_from_dict, certificate_to_dict
from storage.archive.layout import ledger_key, sha256_of, to_json
from storage.objects.protocol import Objects

_NEAR = 32
"""Up to this many entries are read one after the other; beyond, bisection finds the place first."""
_MOST_COMMITS = 500
"""What one entry names at the most."""
_ENTRIES_KEPT = 128


@dataclass(frozen=True, slots=True)
class Commit:
    """One committed version of one object. `inventory_sha256` is the digest of its vN/inventory.json."""

    object_id: str
    version: int
    inventory_sha256: Sha256
    committed_at: datetime
    actor: Actor
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry, counted from 1. `sha256` is the digest of its own bytes."""

    sequence: int
    previous: Sha256 | None
    recorded_at: datetime
    commits: tuple[Commit, ...]
    sha256: Sha256
    disposals: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A commit that is not dropped from the intents yet, so perhaps not recorded; no entry up to `after` names it."""

    commit: Commit
    after: int


@dataclass(slots=True, eq=False)
class _Asking:
    """A thread that wants its commit recorded; `sequence` once an entry names it."""

    waiting: Waiting
    sequence: int | None = None


def nobody() -> Iterable[Waiting]:
    """No commit waits."""
    return ()


class Ledger:
    """Appends to and reads the ledger. Threads may share one; any number of processes may append at the same time."""

    def __init__(self, objects: Objects, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock
        self._newest: Entry | None = None
        self._kept: dict[int, Entry] = {}
        self._appending = threading.Lock()
        self._asking: list[_Asking] = []

    def head(self) -> int:
        """Sequence number of the newest entry, 0 before the first. Probes upward from the newest entry known."""
        low, step = (self._newest.sequence if self._newest else 0), 1
        while self._has(low + step):
            low, step = low + step, step * 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._has(middle) else (low, middle)
        return low

    def record(self, commit: Commit, *, after: int, waiting: Callable[[], Iterable[Waiting]] = nobody) -> int:
        """Make sure that exactly one entry names `commit`, and return its sequence number.

        `after` is a sequence number that was the head before the commit was made, so no entry up to it can name the
        commit. `waiting` tells which other commits may want recording; it is asked once others append at the same time.
        """
        asking = _Asking(Waiting(commit, after))
        self._asking.append(asking)
        try:
            with self._appending:  # whoever has it appends for all that wait for it
                return self._record(asking, waiting) if asking.sequence is None else asking.sequence
        finally:
            self._asking.remove(asking)

    def _record(self, asking: _Asking, waiting: Callable[[], Iterable[Waiting]]) -> int:
        commit, after = asking.waiting.commit, asking.waiting.after
        head = self.head()
        start = after + 1 if head - after <= _NEAR else max(after + 1, self._first_since(commit.committed_at))
        outside: Iterable[Waiting] = ()
        while True:
            for sequence in range(start, head + 1):
                if _names(self.entry(sequence), commit):
                    return sequence
            inside = list(self._asking)
            together = self._unnamed(chain((each.waiting for each in inside), outside), commit, head)
            try:
                sequence = self._append([commit, *together], head)
            except AlreadyExists:
                start, head = head + 1, self.head()
                outside = waiting()
                continue
            named = {_place(each) for each in together}
            for each in inside:
                if _place(each.waiting.commit) in named:
                    each.sequence = sequence
            return sequence

    def record_disposal(self, certificate: Certificate, *, after: int | None = None) -> int:
        """Make sure that exactly one entry holds the certificate, and return its sequence number.

        `after` is as in :meth:`record`; without it, bisection finds where the entry must be.
        """
        head = self.head()
        start = self._first_since(certificate.run_at) if after is None else after + 1
        while True:
            for sequence in range(start, head + 1):
                if any(each.object_id == certificate.object_id for each in self.entry(sequence).disposals):
                    return sequence
            try:
                return self._append([], head, disposals=[certificate])
            except AlreadyExists:
                start, head = head + 1, self.head()

    def find_or_record(self, commit: Commit) -> int:
        """Like :meth:`record`, for a commit of which nothing else is known: bisection finds where its entry must be."""
        return self.record(commit, after=self._first_since(commit.committed_at) - 1)

    def find_disposal(self, certificate: Certificate) -> int | None:
        """Sequence number of the entry that holds this very certificate, None where there is none."""
        for sequence in range(self._first_since(certificate.run_at), self.head() + 1):
            if certificate in self.entry(sequence).disposals:
                return sequence
        return None

    def find(self, commit: Commit) -> Entry | None:
        """The entry that names this version, None where there is none. Nothing is written."""
        for sequence in range(self._first_since(commit.committed_at), self.head() + 1):
            if _names(entry := self.entry(sequence), commit):
                return entry
        return None

    def entry(self, sequence: int) -> Entry:
        """One entry. Raises NotFound, DigestMismatch where it is damaged or not the entry its name says."""
        newest = self._newest
        if newest is not None and newest.sequence == sequence:
            return newest
        try:
            entry = parse_entry(self._objects.read(ledger_key(sequence)))
        except (ValueError, KeyError, TypeError):
            raise DigestMismatch(f"{ledger_key(sequence)} is damaged: restore it from a copy") from None
        if entry.sequence != sequence:
            raise DigestMismatch(f"{ledger_key(sequence)} holds entry {entry.sequence}: the ledger was altered")
        return entry

    def _recent(self, sequence: int) -> Entry:
        """An entry near the head, kept for a while: whoever appends together with others looks at each several times."""
        kept = self._kept.get(sequence)
        if kept is None:
            if len(self._kept) >= _ENTRIES_KEPT:
                self._kept.clear()
            kept = self._kept[sequence] = self.entry(sequence)
        return kept

    def _unnamed(self, waiting: Iterable[Waiting], own: Commit, head: int) -> list[Commit]:
        """Of the commits that wait, those that no entry up to `head` names. One from long ago is left to the sweeper."""
        found: dict[tuple[str, int], Commit] = {}
        for each in waiting:
            place = _place(each.commit)
            if place == _place(own) or place in found or head - each.after > _NEAR or len(found) == _MOST_COMMITS - 1:
                continue
            if not any(_names(self._recent(number), each.commit) for number in range(each.after + 1, head + 1)):
                found[place] = each.commit
        return list(found.values())

    def entries(self, *, start: int = 1) -> Iterator[Entry]:
        """Entries from `start` on, each checked against the one before. Raises DigestMismatch for a broken chain."""
        before = self.entry(start - 1).sha256 if start > 1 else None
        for sequence in range(start, self.head() + 1):
            entry = self.entry(sequence)
            if entry.previous != before:
                raise DigestMismatch(
                    f"{ledger_key(sequence)} does not follow from the entry before it: the ledger was altered"
                )
            before = entry.sha256
            yield entry

    def _append(self, commits: list[Commit], head: int, *, disposals: Sequence[Certificate] = ()) -> int:
        previous = self.entry(head) if head else None
        moments = [commit.committed_at for commit in commits] + [each.run_at for each in disposals]
        entry = Entry(
            sequence=head + 1,
            previous=previous.sha256 if previous else None,
            recorded_at=max(self._clock.now(), *moments, *([previous.recorded_at] if previous else [])),
            commits=tuple(sorted(commits, key=_place)),
            sha256=Sha256(""),
            disposals=tuple(disposals),
        )
        data = to_json(entry_to_dict(entry))
        self._objects.create(ledger_key(head + 1), data)
        self._newest = parse_entry(data)
        return head + 1

    def _first_since(self, moment: datetime) -> int:
        """Sequence number of the first entry recorded at `moment` or later; one past the head where there is none."""
        low, high = 1, self.head() + 1
        while low < high:
            middle = (low + high) // 2
            if self.entry(middle).recorded_at < moment:
                low = middle + 1
            else:
                high = middle
        return low

    def _has(self, sequence: int) -> bool:
        return self._objects.exists(ledger_key(sequence))


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    """An entry as plain JSON values: `to_json` of it gives the entry's bytes. `disposals` is left out where there are none."""
    plain: dict[str, Any] = {
        "sequence": entry.sequence,
        "previous": entry.previous,
        "recorded_at": isoformat(entry.recorded_at),
        "commits": [commit_to_dict(commit) for commit in entry.commits],
    }
    if entry.disposals:
        plain["disposals"] = [certificate_to_dict(certificate) for certificate in entry.disposals]
    return plain


def commit_to_dict(commit: Commit) -> dict[str, str | int]:
    """A commit as plain JSON values."""
    return {
        "object_id": commit.object_id,
        "version": commit.version,
        "inventory_sha256": commit.inventory_sha256,
        "committed_at": isoformat(commit.committed_at),
        "actor": commit.actor,
        "message": commit.message,
    }


def _place(commit: Commit) -> tuple[str, int]:
    """Versions of one object stand in an entry in the order of their numbers."""
    return commit.object_id, commit.version


def _names(entry: Entry, commit: Commit) -> bool:
    return any((named.object_id, named.version) == (commit.object_id, commit.version) for named in entry.commits)


def parse_entry(data: bytes) -> Entry:
    """The entry in the bytes of one. Raises ValueError, KeyError or TypeError where they are something else."""
    found = json.loads(data)
    return Entry(
        sequence=found["sequence"],
        previous=found["previous"],
        recorded_at=parse_moment(found["recorded_at"]),
        commits=tuple(
            Commit(**{**own_keys(Commit, commit), "committed_at": parse_moment(commit["committed_at"])})
            for commit in found["commits"]
        ),
        sha256=sha256_of(data),
        disposals=tuple(certificate_from_dict(each) for each in found.get("disposals", ())),
    )
