"""How much each section measures: all of it, a quick look, or just enough to see that it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """`pages` are those of the speed sample, `kinds` the papers read at each level, the others what they name."""

    name: str
    pages: int
    kinds: int
    long_documents: tuple[int, ...]
    indexed_documents: tuple[int, ...]
    uploads: int
    born_digital: int


FULL = Size("full", 96, 10, (2, 50, 200, 800), (1_000, 10_000, 100_000), 100, 8)
QUICK = Size("quick", 24, 10, (2, 50), (1_000, 10_000), 100, 8)
SMOKE = Size("smoke", 4, 2, (2, 4), (200, 400), 8, 2)
