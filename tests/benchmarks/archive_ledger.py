"""The ledger: how many commits a second can be entered by sixteen at once, and how long one waits for its entry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from unittest import mock

from sohoa.clock import SystemClock
from sohoa.model import Actor
from storage.archive.commit import Intent, StagedFile, _reserve, commit_files, finish
from storage.archive.ledger import Commit, Ledger, Waiting, nobody
from storage.archive.versions import Heads
from storage.objects.folder import FolderObjects
from storage.objects.protocol import Objects
from tests.benchmarks.archive_commit import p95
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say

LEAST_COMMITS_S = 500
_WRITERS = (1, 4, 16)


@dataclass(frozen=True, slots=True)
class Entered:
    """So many threads that enter commits as fast as they can. `record_ms` is what each commit waited for its entry."""

    writers: int
    whole: bool
    """Whether all that finishes a commit was timed, or the ledger alone."""
    commits: int
    wall_s: float
    entries: int
    record_ms: tuple[float, ...]

    @property
    def commits_a_s(self) -> float:
        return self.commits / self.wall_s


@dataclass(frozen=True, slots=True)
class Entering:
    """The same with more and more writers."""

    entered: tuple[Entered, ...]

    def figures(self) -> list[Figure]:
        most = [each for each in self.entered if not each.whole][-1]
        return [
            Figure(
                "ledger",
                f"commits entered in the ledger by {most.writers} at once, folder",
                f"≥ {LEAST_COMMITS_S} commits/s",
                f"{most.commits_a_s:.0f} commits/s ({most.commits / most.entries:.0f} an entry; each waits "
                f"{median(most.record_ms):.0f} ms, p95 {p95(most.record_ms):.0f} ms)",
                most.commits_a_s >= LEAST_COMMITS_S,
            )
        ]

    def details(self) -> list[str]:
        rows = [
            [
                "all of finishing" if each.whole else "the ledger alone",
                each.writers,
                each.commits,
                f"{each.commits_a_s:.0f}",
                each.entries,
                f"{each.commits / each.entries:.1f}",
                f"{median(each.record_ms):.1f}",
                f"{p95(each.record_ms):.1f}",
            ]
            for each in self.entered
        ]
        return [
            (
                "Versions that are committed already (v1/inventory.json is there) are entered by threads of one process, each as "
                "soon as it can: the ledger alone, which must keep up with all committers; then all of finishing them: intent "
                "written, inventory checked, root files looked at, ledger entry, intent dropped, which is bound by one "
                "process's Python. In a folder on the disk above."
            ),
            "",
            *table(
                [
                    "timed",
                    "writers",
                    "commits",
                    "commits/s",
                    "entries",
                    "commits an entry",
                    "wait p50 ms",
                    "wait p95 ms",
                ],
                rows,
            ),
        ]


def measure(work: Path, *, commits: int) -> Entering:
    """Enter `commits` versions into a new ledger with each number of writers."""
    return Entering(
        tuple(
            _entered(work / f"ledger-{whole}-{writers}", writers, commits, whole=whole)
            for whole in (False, True)
            for writers in _WRITERS
        )
    )


def _entered(folder: Path, writers: int, commits: int, *, whole: bool) -> Entered:
    say(f"{commits} commits into the ledger by {writers}{', all of finishing them' if whole else ''}")
    clock, objects = SystemClock(), FolderObjects(folder / "archive")
    with mock.patch("os.fsync"):  # only making the versions is helped by that
        intents = [_committed(number, objects, FolderObjects(folder / "other"), clock) for number in range(commits)]
    ledger = _Timed(objects, clock)

    def enter(intent: Intent) -> None:
        intent = replace(intent, ledger_head=ledger.head())
        if not whole:
            ledger.record(intent.commit, after=intent.ledger_head)
            return
        assert _reserve(objects, intent)
        assert finish(objects, ledger, intent) is not None

    started_s = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(enter, intents))
    wall_s = time.perf_counter() - started_s
    named = [commit.object_id for entry in Ledger(objects, clock).entries() for commit in entry.commits]
    assert len(named) == len(set(named)) == commits
    return Entered(writers, whole, commits, wall_s, ledger.head(), tuple(ledger.record_ms))


def _committed(number: int, objects: Objects, other: Objects, clock: SystemClock) -> Intent:
    """An object with one version that only another store's ledger names, and an intent as its committer had."""
    object_id = f"urn:sohoa:document:{number:026d}"
    key = f"staging/{number:026d}/record.json"
    stored = objects.create(key, b"{}%d" % number)
    files = [StagedFile("documents/x/record.json", key, stored.sha256, stored.size_bytes)]
    heads, ledger = Heads(objects), Ledger(other, clock)
    commit_files(
        objects, ledger, heads, clock, object_id=object_id, files=files, actor=Actor("system:bench"), message="archived"
    )
    inventory = heads.read(object_id)
    assert inventory is not None
    return Intent(inventory, inventory.to_json(), 0)


class _Timed(Ledger):
    """A ledger that keeps how long each commit waited."""

    def __init__(self, objects: Objects, clock: SystemClock) -> None:
        super().__init__(objects, clock)
        self.record_ms: list[float] = []

    def record(self, commit: Commit, *, after: int, waiting: Callable[[], Iterable[Waiting]] = nobody) -> int:
        started_s = time.perf_counter()
        sequence = super().record(commit, after=after, waiting=waiting)
        self.record_ms.append((time.perf_counter() - started_s) * 1000)
        return sequence
