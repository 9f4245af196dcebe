"""Several readings of one head put together: what most of them say stands first, and how many say so is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ocr_workers.reading.sense import Candidates
from ocr_workers.reading.sight import Candidate


def voted(ways: Sequence[Candidates]) -> Candidates:
    """For each field every value that was read, best first: by the sum of its scores over all readings.

    Each candidate's score becomes the mean over the readings, 0 where a reading does not have it; `votes` counts the readings
    that have it first. One reading alone is returned as it is.
    """
    if len(ways) == 1:
        return ways[0]
    names = dict.fromkeys(name for way in ways for name in way)
    return {name: _voted([way.get(name, ()) for way in ways]) for name in names}


def is_settled(ways: Sequence[Candidates], names: Sequence[str]) -> bool:
    """Whether of each field all readings say the same."""
    return all(len({_value(way.get(name, ())) for way in ways}) == 1 for name in names)


def _value(ones: Sequence[Candidate]) -> tuple[bool, str | None]:
    return (True, ones[0].value) if ones else (False, None)


def _voted(ways: Sequence[Sequence[Candidate]]) -> tuple[Candidate, ...]:
    totals: dict[str | None, float] = {}
    best: dict[str | None, Candidate] = {}
    firsts: dict[str | None, int] = {}
    for ones in ways:
        seen: dict[str | None, Candidate] = {}
        for one in ones:
            seen.setdefault(one.value, one)
        for at, (value, one) in enumerate(seen.items()):
            totals[value] = totals.get(value, 0.0) + one.score
            firsts[value] = firsts.get(value, 0) + (at == 0)
            if value not in best or one.score > best[value].score + 0.02:  # the page's own pass has the truest boxes
                best[value] = one
    ranked = sorted(totals, key=lambda value: (-totals[value], -firsts[value]))
    return tuple(
        replace(best[value], score=totals[value] / len(ways), votes=firsts[value], looks=len(ways)) for value in ranked
    )
