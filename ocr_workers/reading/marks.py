"""Vietnamese marks read wrongly (bồ sung, thú tục) put right where the words beside them leave no doubt.

Only marks and đ are ever changed, never a letter; a word changes only to one that stands with its neighbours in the list
of office phrases or in words of the same paper that were read surely. What was read stays in `raw`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise

from ocr_workers.reading.lists import lines_of
from ocr_workers.reading.syllables import is_syllable, syllables
from ocr_workers.reading.text import fold, without_tone
from sohoa.model import Page, nfc
from storage.index.fold import key_of

_WORD = re.compile(r"^([^\w]*)([^\W\d_]+)([^\w]*)$")
_PAIR, _MOST_PAIR = (1.6, 0.5), 3.2  # what a known pair is worth, in marks changed: more if it stands in more phrases
_KNOWN = 0.1
_MISSPELT = 1.2
_TONE, _SHAPE = 1.15, 1.3  # what it costs to take another tone, or another mark on a letter
_OWN_PAIR, _MOST_OWN = 0.9, 1.8  # what a pair seen elsewhere on the paper is worth, each time and at most
_SURE = 0.9

Pairs = Counter[tuple[str, str]]


@cache
def places() -> dict[str, str]:
    """The provinces and great cities, by folded name."""
    return {fold(name): name for name in lines_of("places.txt")}


@cache
def _phrases() -> tuple[Pairs, frozenset[str]]:
    """Pairs of neighbouring words, and single words, of the lists; exact keys."""
    pairs: Pairs = Counter()
    words: set[str] = set()
    phrases = [phrase for line in lines_of("office_words.txt") for phrase in line.split(";")]
    for phrase in [*phrases, *places().values()]:
        own = [key_of(word).exact for word in re.findall(r"[^\W\d_]+", phrase)]
        words.update(own)
        pairs.update(pairwise(own))
    return pairs, frozenset(words)


@cache
def _by_skeleton() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for syllable in sorted({key_of(syllable).exact for syllable in syllables()}):
        found.setdefault(fold(syllable), []).append(syllable)
    return {skeleton: tuple(words) for skeleton, words in found.items()}


def pairs_of(pages: Iterable[Page]) -> Pairs:
    """Pairs of neighbouring words of these pages that were read surely."""
    pairs: Pairs = Counter()
    for page in pages:
        for line in page.lines():
            for left, right in zip(line.words, line.words[1:], strict=False):
                if min(left.confidence, right.confidence) >= _SURE:
                    pair = _bare(left.text), _bare(right.text)
                    if is_syllable(pair[0]) and is_syllable(pair[1]):
                        pairs[key_of(pair[0]).exact, key_of(pair[1]).exact] += 1
    return pairs


def put_right(words: Sequence[str], own: Pairs | None = None, sure: Sequence[float] | None = None) -> list[str]:
    """`words` in the same number and letters, with the likeliest marks (Viterbi over pairs)."""
    own = _of_others(own or Counter(), words, sure)
    best: list[dict[str, tuple[float, str]]] = []
    shapes = [_WORD.match(nfc(word)) for word in words]
    for at, word in enumerate(words):
        shape = shapes[at]
        core = key_of(shape[2]).exact if shape else word
        choices = _choices(core, 1.0 if sure is None else sure[at]) if shape else ((word, 0.0),)
        column: dict[str, tuple[float, str]] = {}
        for choice, cost in choices:
            if not best:
                column[choice] = (-cost, "")
                continue
            broken = _ends_phrase(words[at - 1])
            name = _bare(words[at - 1]).istitle() and _bare(word).istitle()
            column[choice] = max(
                (score + (0.0 if broken else _worth(before, choice, own, name=name)) - cost, before)
                for before, (score, _) in best[-1].items()
            )
        best.append(column)
    return _with_provinces(_told_back(best, words, shapes))


def _with_provinces(words: list[str]) -> list[str]:
    """After "tỉnh" or "thành phố", or at the end of an agency in capitals, the whole name of a province as it is spelt."""
    for at in range(1, len(words)):
        after_kind = key_of(_bare(words[at - 1])).exact in ("tỉnh", "phố", "tp")
        for size in (4, 3, 2, 1):
            window = words[at : at + size]
            ends = at + size == len(words) and all(word.isupper() for word in words) and size > 1 and at > 1
            known = places().get(fold(" ".join(map(_bare, window)))) if len(window) == size else None
            if known is None or not (after_kind or ends) or len(known.split()) != size:
                continue
            for number, name in enumerate(known.split()):
                word = words[at + number]
                if _bare(word).lower() != name.lower() and key_of(_bare(word)).exact != key_of(name).exact:
                    words[at + number] = word.replace(_bare(word), _cased(name.lower(), _bare(word)))
            break
    return words


def in_words(texts: Sequence[str], sures: Sequence[float]) -> tuple[list[str], list[float]]:
    """Words run together parted and words torn in two (NH ÂN) joined, each with its confidence."""
    whole: list[str] = []
    sure: list[float] = []
    for text, confidence in zip(texts, sures, strict=True):
        torn = whole and whole[-1].isalpha() and len(whole[-1]) < 5 and not is_syllable(whole[-1])
        if torn and len(text.strip(".,;:")) < 5 and is_syllable(whole[-1] + text.strip(".,;:")) and not _is_short(text):
            whole[-1] += text
            sure[-1] = min(sure[-1], confidence)
            continue
        for part in parted(text):
            whole.append(part)
            sure.append(confidence)
    return whole, sure


def _is_short(text: str) -> bool:
    return is_syllable(_bare(text)) and fold(text) != text.lower() and key_of(_bare(text)).exact in _phrases()[1]


def parted(word: str) -> list[str]:
    """A word run together of syllables (XUYÊNHẠ, KHÁM,CHỮA) as those, where that can be in one way only."""
    joint = re.match(r"([^\W\d_]{2,})([,.;])(?=[^\W_]{2})", word)
    if joint is not None and is_syllable(joint[1]):
        rest = parted(word[joint.end() :])
        if is_syllable(rest[0].strip(".,;:)")) or (joint[2] == "." and rest[0].strip(".,;:)").isdigit()):
            return [joint[1] + ("" if joint[2] == "." else joint[2]), *rest]
    shape = _WORD.match(nfc(word))
    if shape is None or len(shape[2]) < 5 or fold(shape[2]) == shape[2].lower() or is_syllable(shape[2]):
        return [word]
    ways = _cut(shape[2], 4)
    if len(ways) > 1:
        ways = [way for way in ways if all(key_of(part).exact in _phrases()[1] for part in way)]
    if len(ways) != 1:
        return [word]
    ways[0][0] = shape[1] + ways[0][0]
    ways[0][-1] += shape[3]
    return ways[0]


def _cut(text: str, most: int) -> list[list[str]]:
    """All ways to cut `text` into at most so many syllables of two letters and more."""
    found = [[text]] if len(text) > 1 and is_syllable(text) else []
    if most > 1:
        for at in range(2, min(len(text) - 1, 8)):
            if is_syllable(text[:at]):
                found += [[text[:at], *rest] for rest in _cut(text[at:], most - 1)]
    return found


def worth(left: str, right: str) -> int:
    """How many office phrases have the two words side by side."""
    return _phrases()[0].get((key_of(_bare(left)).exact, key_of(_bare(right)).exact), 0)


def _of_others(own: Pairs, words: Sequence[str], sure: Sequence[float] | None) -> Pairs:
    """`own` without the pairs of these very words: they are no witnesses of themselves."""
    left = Counter(own)
    for at in range(len(words) - 1):
        if sure is None or min(sure[at], sure[at + 1]) >= _SURE:
            left[key_of(_bare(words[at])).exact, key_of(_bare(words[at + 1])).exact] -= 1
    return left


def _told_back(
    best: list[dict[str, tuple[float, str]]], words: Sequence[str], shapes: Sequence[re.Match[str] | None]
) -> list[str]:
    result: list[str] = []
    choice = max(best[-1], key=lambda word: best[-1][word][0]) if best else ""
    for at in range(len(best) - 1, -1, -1):
        shape = shapes[at]
        if shape is None or key_of(shape[2]).exact == choice:
            result.append(nfc(words[at]))
        else:
            result.append(shape[1] + _cased(choice, shape[2]) + shape[3])
        choice = best[at][choice][1]
    return result[::-1]


@lru_cache(maxsize=20_000)
def _choices(word: str, sure: float) -> tuple[tuple[str, float], ...]:
    """The syllables of the same letters with what it costs to read them for `word`."""
    known = _phrases()[1]
    spelt = is_syllable(word)
    found = [(word, (0.0 if spelt else _MISSPELT) - (_KNOWN if word in known else 0.0))]
    if not 1 < len(word) <= 7:
        return tuple(found)
    for other in _by_skeleton().get(fold(word), ()):
        if other != word and other in known:
            found.append((other, _cost(word, other) * (0.5 + 0.6 * sure) - _KNOWN))
    return tuple(found)


def _cost(word: str, other: str) -> float:
    """Marks that differ: a tone is mistaken for another more easily than one letter's mark for another's."""
    tone = _tone(word) != _tone(other)
    shape = sum(one != two for one, two in zip(without_tone(word), without_tone(other), strict=False))
    return _TONE * tone + _SHAPE * shape


@lru_cache(maxsize=20_000)
def _tone(word: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", word) if sign in "\u0300\u0301\u0303\u0309\u0323")


def _worth(left: str, right: str, own: Pairs, *, name: bool) -> float:
    """What a pair is worth; of two words in title case, which are a name, the list of phrases knows nothing but provinces."""
    left, right = _bare(left), _bare(right)
    times = _phrases()[0].get((left, right), 0)
    if times and (not name or fold(f"{left} {right}") in places()):
        return min(_PAIR[0] + _PAIR[1] * times, _MOST_PAIR)
    return min(_OWN_PAIR * max(own[left, right], 0), _MOST_OWN)


def _ends_phrase(word: str) -> bool:
    return word.endswith((".", ";", ":", "/"))


def _bare(word: str) -> str:
    return word.strip(".,;:()[]\"'“”-–/")


def _cased(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[:1].isupper() else word
