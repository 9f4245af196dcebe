"""Search: indexing and asking 1,000, 10,000 and 100,000 made-up documents, 20 hits with snippets each time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from storage.index.query import parse_query
from storage.index.tantivy_index import TantivyIndex
from tests.benchmarks.corpus import MEAN_CHARACTERS, QUERIES, fill, papers
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.size import Size

MOST_MS = 20.0
LEAST_DOCUMENTS = 100_000
"""With fewer, the figure to reach is not measured."""
HITS = 20
_ROUNDS = 8
_NOTE = (
    f"made-up papers of {MEAN_CHARACTERS:,} characters on average: syllables by Zipf's law, codes, names, dates, word "
    "boxes. One process has the index open and asks. The seconds are those of indexing all documents so far."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """An index of `documents` and the milliseconds that each search of it took, by kind of query."""

    documents: int
    indexing_s: float
    size_bytes: int
    took_ms: dict[str, tuple[float, ...]]

    def percentile(self, share: float, kind: str | None = None) -> float:
        """Over one kind of query, or all."""
        took = self.took_ms[kind] if kind else [each for found in self.took_ms.values() for each in found]
        return float(np.percentile(took, share))


@dataclass(frozen=True, slots=True)
class Searching:
    """One index, measured as it grew."""

    asked: tuple[Asked, ...]

    def figures(self) -> list[Figure]:
        largest = self.asked[-1]
        p95_ms = largest.percentile(95)
        return [
            Figure(
                "search",
                f"search, {largest.documents:,} documents, {HITS} hits with snippets, p95",
                f"≤ {MOST_MS:.0f} ms",
                f"{p95_ms:.1f} ms (p50 {largest.percentile(50):.1f} ms)",
                p95_ms <= MOST_MS if largest.documents >= LEAST_DOCUMENTS else None,
            )
        ]

    def details(self) -> list[str]:
        growth = [
            (
                f"{each.documents:,}",
                f"{each.indexing_s:.1f}",
                f"{each.size_bytes / 1e6:.0f}",
                f"{each.percentile(50):.1f}",
                f"{each.percentile(95):.1f}",
                f"{each.percentile(100):.1f}",
            )
            for each in self.asked
        ]
        largest = self.asked[-1]
        by_kind = [
            (kind, f"{largest.percentile(50, kind):.1f}", f"{largest.percentile(95, kind):.1f}")
            for kind in largest.took_ms
        ]
        queries = sum(map(len, QUERIES.values()))
        return [
            f"{queries} queries of {len(QUERIES)} kinds, {_ROUNDS} times each, on {_NOTE}",
            "",
            *table(("Documents", "indexing s", "index MB", "p50 ms", "p95 ms", "worst ms"), growth),
            "",
            *table((f"Query, {largest.documents:,} documents", "p50 ms", "p95 ms"), by_kind),
        ]


def measure(work: Path, size: Size) -> Searching:
    """Grow one index and stop at each size to search it."""
    root = work / "index"
    entries = papers(size.indexed_documents[-1])
    writer = TantivyIndex(root, "write")
    asked: list[Asked] = []
    present, indexing_s = 0, 0.0
    for documents in size.indexed_documents:
        say(f"indexing up to {documents:,} documents")
        indexing_s += fill(writer, islice(entries, documents - present))
        present = documents
        asked.append(_ask(root, documents, indexing_s))
    writer.close()
    return Searching(tuple(asked))


def _ask(root: Path, documents: int, indexing_s: float) -> Asked:
    size_bytes = sum(path.stat().st_size for path in root.iterdir())
    reader = TantivyIndex(root)
    try:
        took = {
            kind: tuple(_took_ms(reader, query) for _ in range(_ROUNDS) for query in queries)
            for kind, queries in QUERIES.items()
        }
    finally:
        reader.close()
    return Asked(documents, indexing_s, size_bytes, took)


def _took_ms(index: TantivyIndex, query: str) -> float:
    started_s = time.perf_counter()
    index.search(parse_query(query), office=None, limit=HITS)
    return (time.perf_counter() - started_s) * 1000
