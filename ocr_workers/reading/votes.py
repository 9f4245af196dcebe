"""Several readings of one head put together: what most of them say stands first, and how many say so is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain, pairwise, repeat

from ocr_workers.reading.marks import worth
from ocr_workers.reading.sense import Candidates
from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.syllables import is_syllable
from ocr_workers.reading.text import fold

_BY_WORDS = ("subject", "organ_name", "parent_organ_name")
"""Long enough that readings go wrong in different words."""
_IMPOSSIBLE = 0.5  # what a word weighs that no Vietnamese syllable is spelt like
_KNOWN = 0.25  # and what more where office phrases have it beside its neighbour
_WEIGHTS = (1.9, 1.8)
"""What a word of the first reading weighs, the page's own pass, which reads running text best, and of the second, that of the
model for spoiled lines, which reads marks best; two of the others outweigh either."""
_FEWEST = 3
_YEAR, _DASHES = re.compile(r"(?:19|20)\d\d"), ("-", "–")
_ROMAN = re.compile(r"I{1,3}\)?")


def voted(ways: Sequence[Candidates], names: Iterable[str]) -> Candidates:
    """Of each field in `names` every value that any reading has, best first: by the sum of its scores.

    Each such candidate's score becomes the mean over the readings, 0 where a reading does not have it; `votes` counts the
    readings that have it first. Of long fields the words are voted on one by one, and what that gives stands first.
    """
    found = {}
    for name in names:
        readings = [way.get(name, ()) for way in ways]
        found[name] = _by_words(_voted(readings), readings) if name in _BY_WORDS else _voted(readings)
    return found


def agree(ways: Sequence[Candidates], name: str) -> bool:
    """Whether all readings say the same of a field; not where any has nothing of it."""
    return all(way.get(name) for way in ways) and len({way[name][0].value for way in ways}) == 1


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


def _by_words(found: tuple[Candidate, ...], ways: Sequence[Sequence[Candidate]]) -> tuple[Candidate, ...]:
    """`found` with what the words' vote gives in front; a value that no reading has as a whole has no votes."""
    texts = [
        (ones[0].value, weight)
        for ones, weight in zip(ways, chain(_WEIGHTS, repeat(1.0)), strict=False)
        if ones and ones[0].value
    ]
    if len(texts) < _FEWEST or len({text for text, _ in texts}) == 1:
        return found
    value = word_by_word([text.split() for text, _ in texts], [weight for _, weight in texts])
    own = next((one for one in found if one.value == value), None)
    if own is None:
        own = replace(found[0], value=value, score=0.9 * found[0].score, votes=0, source="vote")
    others = [replace(one, score=min(one.score, own.score)) for one in found if one.value != value]
    return (own, *others)


def word_by_word(readings: Sequence[Sequence[str]], weights: Sequence[float]) -> str:
    """One text out of several readings of it: each word as most of them have it, sense weighing in; of the weight that its
    reading has.

    The words are lined up with those of the reading that is most like all others.
    """
    folded = [[fold(word) for word in words] for words in readings]
    likeness = [sum(SequenceMatcher(None, one, other, autojunk=False).ratio() for other in folded) for one in folded]
    pivot = likeness.index(max(likeness))
    slots: list[dict[str, float]] = [{} for _ in range(2 * len(readings[pivot]) + 1)]  # gap, word, gap, word, gap
    for number, words in enumerate(readings):
        said = [""] * len(slots)
        for kind, a, b, c, d in SequenceMatcher(None, folded[pivot], folded[number], autojunk=False).get_opcodes():
            if kind == "equal" or b - a == d - c:
                for at in range(b - a):
                    said[2 * (a + at) + 1] = words[c + at]
            elif a == b:
                said[2 * a] = " ".join(words[c:d])
            elif c < d:
                said[2 * a + 1] = " ".join(words[c:d])
        for at, text in enumerate(said):
            more = weights[number] if text else 1.0
            slots[at][text] = slots[at].get(text, 0.0) + more * _weight(said, at) + 0.01 * (number == pivot)
    chosen = [_chosen(slot) for slot in slots]
    for at in range(2, len(slots) - 2, 2):  # the gaps between words
        dash = next((text for text in slots[at] if text in _DASHES), None)
        if dash is not None and not chosen[at] and _YEAR.fullmatch(chosen[at - 1]) and _YEAR.match(chosen[at + 1]):
            chosen[at] = dash  # engines lose it between two years and make none up there
    return " ".join(filter(None, chosen))


def _chosen(slot: Mapping[str, float]) -> str:
    """The word of most weight; of Roman numerals the longest, for engines lose strokes (III) and make none up."""
    best = max(slot, key=lambda one: slot[one])
    if _ROMAN.fullmatch(best):
        return max((one for one in slot if _ROMAN.fullmatch(one)), key=lambda one: (len(one), slot[one]))
    return best


def _weight(said: Sequence[str], at: int) -> float:
    """How much one reading's word weighs, after its spelling and its neighbours."""
    text = said[at]
    words = text.split()
    if not words:
        return 1.0
    plain = [word.strip('.,;:()"“”') for word in words]
    if any(word.isalpha() and word.islower() and not is_syllable(word) for word in plain):
        return _IMPOSSIBLE
    before = next((one for one in reversed(said[:at]) if one), "").split()[-1:]
    after = next((one for one in said[at + 1 :] if one), "").split()[:1]
    whole = [*before, *words, *after]
    return 1.0 + _KNOWN * sum(worth(left, right) > 0 for left, right in pairwise(whole))
