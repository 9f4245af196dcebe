"""Committing: how long the stage `commit` needs in the store for a document of two pages, in a folder and on S3."""

from __future__ import annotations

import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, cast

from sohoa.clock import SystemClock
from storage.archive.archive import Archive
from storage.objects.protocol import Objects
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.staged_documents import PAGES, commit_staged, stage_document

ORIGINAL_BYTES = 4_000_000
MOST_MS = {"folder": 60.0, "seaweedfs": 200.0, "minio": 200.0}
_WARM_UP = 3
_FSYNCS = 200


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of each repetition, and what the store was asked in one commit (calls and ms by method)."""

    commit_ms: tuple[float, ...]
    calls: Counter[str]
    calls_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Committing:
    """The same commit in each store, by its name, and what a durable small file costs on this disk."""

    spent: Mapping[str, Spent]
    fsync_ms: tuple[float, ...]

    def figures(self) -> list[Figure]:
        return [
            Figure(
                f"commit-{name}",
                f"commit of a document of {PAGES} pages ({ORIGINAL_BYTES // 1_000_000} MB), {name}, p95",
                f"≤ {MOST_MS[name]:.0f} ms",
                f"{p95(spent.commit_ms):.0f} ms (p50 {median(spent.commit_ms):.0f} ms)",
                p95(spent.commit_ms) <= MOST_MS[name],
            )
            for name, spent in self.spent.items()
        ]

    def details(self) -> list[str]:
        count = len(next(iter(self.spent.values())).commit_ms)
        rows = [
            [name, f"{median(spent.commit_ms):.1f}", f"{p95(spent.commit_ms):.1f}", f"{max(spent.commit_ms):.1f}"]
            for name, spent in self.spent.items()
        ]
        methods = sorted({method for spent in self.spent.values() for method in spent.calls})
        called = [
            [method, *(f"{spent.calls[method]} ({spent.calls_ms.get(method, 0):.1f})" for spent in self.spent.values())]
            for method in methods
        ]
        return [
            (
                f"{count} documents, one after the other, each an object of its own: original {ORIGINAL_BYTES / 1e6:.0f} MB, "
                f"PDF {ORIGINAL_BYTES / 1e6:.0f} MB (the image passed through), text, ALTO, record, events, quality: 8 MB in 7 "
                "files. Timed is what the stage `commit` does in the store; the catalogue's transaction (some 3 ms) is not. "
                f"A small file made durable on this disk (write, fsync, link, fsync of the folder): p50 "
                f"{median(self.fsync_ms):.1f} ms, p95 {p95(self.fsync_ms):.1f} ms."
            ),
            "",
            *table(["store", "p50 ms", "p95 ms", "worst ms"], rows),
            "",
            (
                "Calls to the store in one such commit, and the milliseconds in them (in brackets; the bytes of `open` are read "
                "and hashed outside of it):"
            ),
            "",
            *table(["call", *self.spent], called),
        ]


def measure(stores: Mapping[str, Objects], work: Path, *, repeats: int) -> Committing:
    """Commit `repeats` documents in each store; `work` is a folder on the disk of the folder store."""
    temporary = work / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    fsync_ms = tuple(_durable_file_ms(work / "fsync", number) for number in range(_FSYNCS))
    spent = {}
    for name, objects in stores.items():
        say(f"{repeats} commits, {name}")
        spent[name] = _commits(objects, temporary, repeats=repeats)
    return Committing(spent, fsync_ms)


def p95(values: list[float] | tuple[float, ...]) -> float:
    return quantiles(values, n=20)[-1]


def _commits(objects: Objects, temporary: Path, *, repeats: int) -> Spent:
    clock = SystemClock()
    watched = _Watched(objects)
    archive = Archive(cast(Objects, watched), clock)
    archive.initialise()
    chance = random.Random(7)
    commit_ms = []
    for number in range(repeats + _WARM_UP):
        original, pdf = chance.randbytes(ORIGINAL_BYTES), chance.randbytes(ORIGINAL_BYTES)
        paper = stage_document(number, archive, clock, original=original, pdf=pdf, temporary=temporary)
        watched.calls.clear()
        watched.spent_s.clear()
        started_s = time.perf_counter()
        commit_staged(paper, archive)
        ended_s = time.perf_counter()
        archive.clear_staging(paper.document.document_id)
        if number >= _WARM_UP:
            commit_ms.append((ended_s - started_s) * 1000)
            calls, calls_ms = Counter(watched.calls), {k: v * 1000 for k, v in watched.spent_s.items()}
    return Spent(tuple(commit_ms), calls, calls_ms)


class _Watched:
    """A store that counts its calls and the seconds in them, but for those of reading a stream."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.calls: Counter[str] = Counter()
        self.spent_s: dict[str, float] = defaultdict(float)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._objects, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            started_s = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.calls[name] += 1
                self.spent_s[name] += time.perf_counter() - started_s

        return watched


def _durable_file_ms(folder: Path, number: int) -> float:
    folder.mkdir(exist_ok=True)
    started_s = time.perf_counter()
    private, named = folder / f"{number}.tmp", folder / f"{number}"
    descriptor = os.open(private, os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, b"x" * 2000)
    os.fsync(descriptor)
    os.close(descriptor)
    os.link(private, named)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    private.unlink()
    return (time.perf_counter() - started_s) * 1000
