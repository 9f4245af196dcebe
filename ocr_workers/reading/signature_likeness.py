"""How unlike a syllable is to what was read of it, in letters: marks count for less, and letters that strokes make alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

from ocr_workers.reading.signature_words import COMMON_SURNAMES, GIVEN, SURNAMES, fold
from ocr_workers.reading.text import distance

_MARKS = 0.65  # the same letter with other marks
_ALIKE = 0.55  # letters of one shape but for a stroke
_UNLIKE = 1.0
_OTHER_MARKS = 0.2  # letters that differ, and their marks as well
_MOST_SHARE = 0.4  # of a syllable's letters that may be wrong
_SHAPES: Final = ("ILTJ1Y", "IHLK", "HNMU", "CGOQD", "EC", "UVY", "BRPE", "FPT")
_SHAPED_ALIKE: Final = frozenset(one + other for shape in _SHAPES for one in shape for other in shape)


@lru_cache(maxsize=65536)
def unlike(read: str, name: str) -> float:
    """Edits from `name` to what was read of it; case does not count."""
    letters, others = _letters(read), _letters(name)
    costs = [float(at) for at in range(len(others) + 1)]
    for at, letter in enumerate(letters, 1):
        before, costs[0] = costs[0], float(at)
        for to, other in enumerate(others, 1):
            before, costs[to] = (
                costs[to],
                min(before + _between(letter, other), costs[to] + _UNLIKE, costs[to - 1] + _UNLIKE),
            )
    return costs[-1]


@lru_cache(maxsize=8192)
def names_like(read: str, opens: bool) -> tuple[str, ...]:
    """Surnames (`opens`) or name syllables that may stand where this was read: most of their letters were."""
    plain = fold(read)
    if not plain:
        return ()
    found, seen = [], _letter_bits(plain)
    for known, (letters, names) in (_SURNAMES if opens else _GIVEN).items():
        most = max(_MOST_SHARE * max(len(known), len(plain)), 1.0)
        if abs(len(known) - len(plain)) > most or (letters & ~seen).bit_count() > most + 1:
            continue
        if distance(plain, known) <= most + 1:
            found += [name for name in names if unlike(read, name) <= most]
    return tuple(found)


def _letter_bits(text: str) -> int:
    """The letters of a folded text, a bit each."""
    bits = 0
    for letter in text:
        bits |= 1 << ord(letter)
    return bits


def _by_letters(names: Iterable[str]) -> dict[str, tuple[int, list[str]]]:
    """Names by their folded form, with its letters' bits: many differ in marks alone."""
    found: dict[str, tuple[int, list[str]]] = {}
    for name in sorted(names):
        found.setdefault(fold(name), (_letter_bits(fold(name)), []))[1].append(name)
    return found


_SURNAMES: Final = _by_letters(SURNAMES | COMMON_SURNAMES)
_GIVEN: Final = _by_letters(GIVEN)


@lru_cache(maxsize=8192)
def _letters(word: str) -> tuple[tuple[str, str], ...]:
    """Each letter as (plain capital, its marks)."""
    parts = unicodedata.normalize("NFD", word.upper().replace("Đ", "D"))
    starts = [at for at, sign in enumerate(parts) if not unicodedata.combining(sign)]
    return tuple((parts[start], parts[start + 1 : end]) for start, end in pairwise([*starts, len(parts)]))


def _between(one: tuple[str, str], other: tuple[str, str]) -> float:
    if one[0] == other[0]:
        return 0.0 if one[1] == other[1] else _MARKS
    return (_ALIKE if one[0] + other[0] in _SHAPED_ALIKE else _UNLIKE) + _OTHER_MARKS * (one[1] != other[1])
