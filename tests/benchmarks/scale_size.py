"""How much `make bench-scale` measures: all of it, a quick look, or just enough to see that it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """`documents` are in each index, `timed` of them indexed against the clock; `queued` are depths of the jobs table, of which
    `claimed` are worked off at each; papers of two and of ten pages are read."""

    name: str
    documents: int
    timed: int
    queued: tuple[int, ...]
    claimed: int
    short_papers: int
    long_papers: int


FULL = Size("full", 1_000_000, 20_000, (1_000, 10_000, 100_000, 1_000_000), 3_000, 20, 6)
QUICK = Size("quick", 100_000, 10_000, (1_000, 100_000), 2_000, 20, 4)
SMOKE = Size("smoke", 2_000, 500, (1_000,), 200, 4, 2)
