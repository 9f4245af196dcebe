"""What people confirmed on an office's earlier papers, held against what was read on this one.

It changes how sure a reading is and may name a known value that a poor reading comes near to; it never makes one of
nothing. A value that was not read letter by letter on this page is never accepted without a person (`NEAR`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ocr_workers.reading.sense import Candidates
from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.signature_words import POSITIONS
from ocr_workers.reading.text import distance, letters, same
from sohoa.model import nfc

NEAR = "dictionary"
"""The source of a candidate that was only near to what was read."""
FIELDS = ("organ_name", "parent_organ_name", "place", "code_notation", "signer_name", "signer_position")
_MISREAD = ("organ_name", "parent_organ_name", "place", "signer_name")
"""Long enough that what comes near to a known value is one misread; another notation or position differs as little."""
_LIKE = 0.84
_CLEAR = 0.1  # what the nearest known value must be ahead of the next
_NEAR_MOST = 0.8
_LOOKED_AT = 4
_HALF = 2.0  # so many papers make a known value half as sure as many would


class Dictionary:
    """The values of an office's confirmed papers, and which of them go together."""

    def __init__(self, papers: Iterable[Mapping[str, str]]) -> None:
        """`papers`: of each confirmed paper its fields' values by name, as printed."""
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._signs_for: dict[str, set[str]] = defaultdict(set)
        self._holds: dict[str, set[str]] = defaultdict(set)
        for paper in papers:
            for name in FIELDS:
                if value := paper.get(name):
                    self._counts[name][nfc(value)] += 1
            signer, organ, position = (paper.get(name) for name in ("signer_name", "organ_name", "signer_position"))
            if signer and organ:
                self._signs_for[nfc(signer)].add(_key(organ))
            if signer and position:
                self._holds[nfc(signer)].add(_key(position))

    def weigh(self, found: Candidates) -> Candidates:
        """The same candidates, known ones raised, and known values that poor readings come near to; best first again.

        A known value that was read less surely than another one stays behind it: which of two readings is right is told by
        the page alone.
        """
        weighed = dict(found)
        for name in FIELDS:
            if found.get(name) and self._counts.get(name):
                best, *others = (self._raised(name, one, found) for one in found[name])
                ones = [best, *(replace(one, score=min(one.score, best.score)) for one in others)]
                ones += self._near(name, found[name]) if name in _MISREAD else []
                weighed[name] = tuple(sorted(ones, key=lambda one: -one.score))
        return weighed

    def _raised(self, name: str, one: Candidate, found: Candidates) -> Candidate:
        count = self._counts[name][one.value or ""]
        if not count:
            return one
        if name == "signer_position" and _has_deputy(one.value or ""):
            return one
        support = count / (count + _HALF)
        if name == "signer_name":
            support *= self._belonging(one.value or "", found)
        return replace(one, score=1 - (1 - one.score) * (1 - 0.6 * support))

    def _belonging(self, signer: str, found: Candidates) -> float:
        """Less than 1 where this signer is known, but not for this agency or not in this position."""
        factor = 1.0
        for name, known in (("organ_name", self._signs_for), ("signer_position", self._holds)):
            values = {_key(one.value) for one in found.get(name, ())[:1] if one.value}
            if values and known[signer] and not values & known[signer]:
                factor *= 0.3
        return factor

    def _near(self, name: str, ones: Sequence[Candidate]) -> list[Candidate]:
        """Known values that readings come near to, sure at most as much as the readings were not."""
        read = {one.value for one in ones}
        doubt: dict[str, float] = {}
        evidence: dict[str, Candidate] = {}
        for one in ones[:_LOOKED_AT]:
            if not one.value or any(_alike(one.value, known) for known in self._counts[name]):
                continue  # Ủy ban and Uỷ ban are both right: the paper's own way of writing it stays
            likest = sorted(((_likeness(one.value, known), known) for known in self._counts[name]), reverse=True)[:2]
            like, known = likest[0]
            if like < _LIKE or known in read or (len(likest) > 1 and like - likest[1][0] < _CLEAR):
                continue
            count = self._counts[name][known]
            chance = (1 - one.score) * like * count / (count + _HALF)
            doubt[known] = doubt.get(known, 1.0) * (1 - chance)
            evidence.setdefault(known, one)
        return [
            replace(evidence[known], value=known, score=min(1 - left, _NEAR_MOST), source=NEAR)
            for known, left in doubt.items()
        ]


EMPTY = Dictionary(())


def _has_deputy(position: str) -> bool:
    """Whether a deputy's position ends so (GIÁM ĐỐC, PHÓ GIÁM ĐỐC): that an office has a head does not tell him from a deputy
    whose first word was not read."""
    return any(other != position and other.endswith(position) for other in POSITIONS)


def _key(value: str) -> str:
    return letters(value)


def _alike(one: str, other: str) -> bool:
    """The same but for case and the place of tones."""
    words, others = one.split(), other.split()
    return len(words) == len(others) and all(map(same, words, others))


def _likeness(one: str, other: str) -> float:
    """In [0, 1], marks counted, case not."""
    left, right = nfc(one).lower(), nfc(other).lower()
    longest = max(len(left), len(right))
    return 0.0 if abs(len(left) - len(right)) > 0.4 * longest else 1 - distance(left, right) / longest
