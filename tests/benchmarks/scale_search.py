"""Both search engines at the size of a province: indexing, and searches under a token bound to an office."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np

from sohoa.model import DocumentId, OfficeId
from sohoa.settings import Settings
from storage.index import open_index, parse_query
from storage.index.protocol import IndexEntry, SearchIndex
from tests.benchmarks.corpus import MEAN_CHARACTERS, QUERIES, fill, papers
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.scale_size import Size
from tests.support import servers
from tests.support.indexes import ELASTIC

HITS = 20
OFFICE = OfficeId("office-3")
MOST_MS = {"tantivy": 20.0, ELASTIC: 50.0}
LEAST_PER_S = 1_500.0
_ROUNDS = 8
_BATCH = 10_000
"""Of the copies: fewer, larger pieces of an index are made in less time. What is timed comes in corpus.fill's batches."""
_TEXTS = 50_000
"""Papers that differ; of more than that, each stands in the index under several ids."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What one engine did: documents/s of texts that it had not seen, and the milliseconds of each search, by kind."""

    name: str
    documents: int
    per_s: float
    filling_s: float
    took_ms: dict[str, tuple[float, ...]]

    def percentile(self, share: float, kind: str | None = None) -> float:
        took = self.took_ms[kind] if kind else list(chain.from_iterable(self.took_ms.values()))
        return float(np.percentile(took, share))


@dataclass(frozen=True, slots=True)
class ScaleSearch:
    """Both engines, one after the other, on the same documents."""

    engines: tuple[Engine, ...]
    at_full_size: bool

    def figures(self) -> list[Figure]:
        found = []
        for engine in self.engines:
            most_ms, p95_ms = MOST_MS[engine.name], engine.percentile(95)
            found += [
                Figure(
                    f"search-{engine.name}",
                    f"{engine.name}, {engine.documents:,} documents, token of one office, {HITS} hits with highlights, p95",
                    f"≤ {most_ms:.0f} ms",
                    f"{p95_ms:.1f} ms (p50 {engine.percentile(50):.1f} ms)",
                    p95_ms <= most_ms if self.at_full_size else None,
                ),
                Figure(
                    f"indexing-{engine.name}",
                    f"bulk indexing into {engine.name}, documents of {MEAN_CHARACTERS:,} characters on average",
                    f"≥ {LEAST_PER_S:,.0f}/s",
                    f"{engine.per_s:,.0f}/s",
                    engine.per_s >= LEAST_PER_S if self.at_full_size else None,
                ),
            ]
        return found

    def details(self) -> list[str]:
        kinds = [
            (kind, *(f"{engine.percentile(share, kind):.1f}" for engine in self.engines for share in (50, 95)))
            for kind in QUERIES
        ]
        heads = [f"{engine.name} {name} ms" for engine in self.engines for name in ("p50", "p95")]
        filled = [(engine.name, f"{engine.documents:,}", f"{engine.filling_s:.0f}") for engine in self.engines]
        note = (
            f"Made-up papers as in docs/benchmarks.md, of {_TEXTS:,} different texts at most; indexing speed is read on texts "
            "that come for the first time, in an index that has as many already. One process asks, its office named by "
            "its token; engine, client and disk share this machine."
        )
        return [
            note,
            "",
            *table(("Query", *heads), kinds),
            "",
            *table(("Engine", "documents", "seconds to fill"), filled),
        ]


def measure(work: Path, size: Size) -> ScaleSearch:
    """Fill each engine, then ask it. Raises CommandFailed, StoreUnavailable."""
    return ScaleSearch(
        tuple(_engine(name, work, size) for name in (ELASTIC, "tantivy")), at_full_size=size.name == "full"
    )


def _engine(name: str, work: Path, size: Size) -> Engine:
    with ExitStack() as held:
        if name == ELASTIC:
            url = f"{held.enter_context(servers.own(ELASTIC)).endpoint}/scale"
            settings = Settings(home=work, index_url=url)
        else:
            settings = Settings(home=work)
        index = held.enter_context(open_index(settings, mode="write"))
        say(f"filling {name} with {size.documents:,} documents")
        started_s, half = time.perf_counter(), (size.documents - size.timed) // 2
        fill_with_copies(index, half)
        timed_s = fill(index, (_as(entry, half + number) for number, entry in enumerate(papers(size.timed, seed=8))))
        fill_with_copies(index, size.documents, there=half + size.timed)
        filling_s = time.perf_counter() - started_s
        assert index.count() == size.documents
        say(f"asking {name}")
        engine = Engine(name, size.documents, size.timed / timed_s, filling_s, ask(index))
        say(
            f"{name}: {engine.per_s:,.0f} documents/s, p50 {engine.percentile(50):.1f} ms, p95 {engine.percentile(95):.1f} ms"
        )
        return engine


def ask(index: SearchIndex) -> dict[str, tuple[float, ...]]:
    """The milliseconds of each search, by kind, one after the other."""
    for queries in QUERIES.values():  # as a service that has been running
        for query in queries:
            _took_ms(index, query)
    return {
        kind: tuple(_took_ms(index, query) for _ in range(_ROUNDS) for query in queries)
        for kind, queries in QUERIES.items()
    }


def _took_ms(index: SearchIndex, query: str) -> float:
    started_s = time.perf_counter()
    index.search(parse_query(query), office=OFFICE, limit=HITS)
    return (time.perf_counter() - started_s) * 1000


def fill_with_copies(index: SearchIndex, documents: int, *, there: int = 0) -> None:
    """Add papers under ids of their own until there are `documents`."""
    texts = list(papers(min(_TEXTS, documents)))
    numbered = zip(range(there, documents), cycle(texts))
    while chunk := [_as(entry, number) for number, entry in islice(numbered, _BATCH)]:
        index.write(chunk)


def _as(entry: IndexEntry, number: int) -> IndexEntry:
    return replace(entry, document_id=DocumentId(f"01HZ{number:022d}"), sequence=number + 1)
