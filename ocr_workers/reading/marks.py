"""Vietnamese marks read wrongly (bồ sung, thú tục) put right where the words beside them leave no doubt.

Only marks and đ are ever changed, never a letter. Which word stands beside which is told by the list of office phrases, by
words of the same paper that were read surely, and by the names of provinces and districts. What was read stays in `raw`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from ocr_workers.reading.lists import lines_of, listed
from ocr_workers.reading.syllables import is_syllable, syllables
from ocr_workers.reading.text import fold, without_tone
from sohoa.model import Page, nfc
from storage.index.fold import key_of

_WORD = re.compile(r"^([^\w]*)([^\W\d_]+)([^\w]*)$")
_OF_PAIRS, _RARE = 0.6, 1.0
"""How much a word's chance hangs on the word before it; and how often a word that is in no phrase is taken to have been met."""
_WRONG, _WRONG_SURE, _SHAPE = 2.0, 3.5, 0.5
"""What it costs to take another word than was read: more the surer it was read, and for each letter of another shape (ă, đ)."""
_MISSPELT = 6.0  # and what to keep what is spelt as no syllable is
_OWN_PAIR, _MOST_OWN = 2.5, 5.0  # what a pair seen elsewhere on the paper is worth, each time and at most
_LIKELIER = 3.9  # logs of chances: so much likelier is a word than another that is in doubt beside it
_SURE = 0.9
_OF_PROVINCES = ("tỉnh", "phố", "tp")
_OF_DISTRICTS = ("huyện", "quận", "thị xã", "thành phố", "tp", "tx")
_OF_NAMES = frozenset(
    ("xã", "phường", "trấn", "huyện", "quận", "phố", "thôn", "bản", "ấp", "khóm", "buôn", "làng", "đường", "cầu", "sông", "suối",
     "hồ", "đảo", "mỏ", "chợ", "ông", "bà")
)  # fmt: skip
"""After which a word with a capital is a name, of which the lists know nothing."""

Pairs = Counter[tuple[str, str]]


@cache
def places() -> dict[str, str]:
    """The provinces and great cities, by folded name."""
    return {fold(name): name for name in lines_of("places.txt")}


@cache
def districts() -> dict[str, str]:
    """Names of districts and towns by folded name; of two that differ in their marks alone neither is here."""
    names: dict[str, set[str]] = {}
    for ones in listed("districts.txt").values():
        for name in ones:
            names.setdefault(fold(name), set()).add(name)
    return {folded: next(iter(found)) for folded, found in names.items() if len(found) == 1}


@dataclass(frozen=True, slots=True)
class _Phrases:
    """How often words, and pairs of neighbouring words, are met in the lists; exact keys."""

    pairs: Pairs
    words: Counter[str]
    before: Counter[str]
    total: float

    def chance(self, word: str, before: str | None) -> float:
        """The log of the chance of `word`, after `before`."""
        alone = (self.words[word] + _RARE) / self.total
        times = self.before[before] if before is not None else 0
        if not times:
            return math.log(alone)
        return math.log(_OF_PAIRS * self.pairs[before or "", word] / times + (1 - _OF_PAIRS) * alone)


@cache
def _phrases() -> _Phrases:
    pairs: Pairs = Counter()
    words: Counter[str] = Counter()
    before: Counter[str] = Counter()
    phrases = [phrase for line in lines_of("office_words.txt") for phrase in line.split(";")]
    for phrase in [*phrases, *places().values()]:
        own = [key_of(word).exact for word in re.findall(r"[^\W\d_]+", phrase)]
        words.update(own)
        before.update(own[:-1])
        pairs.update(pairwise(own))
    return _Phrases(pairs, words, before, words.total() + _RARE * len(syllables()))


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
        choices = choices[:1] if _is_short_for(words, at) else choices
        column: dict[str, tuple[float, str]] = {}
        opens = not best or _ends_phrase(words[at - 1])
        name = not opens and _is_a_name(words, at)
        for choice, cost in choices:
            column[choice] = max(
                (
                    score + (_worth(None if opens else _bare(before), choice, own, name=name) if shape else 0.0) - cost,
                    before,
                )
                for before, (score, _) in (best[-1] if best else {"": (0.0, "")}).items()
            )
        best.append(column)
    return _with_places(_told_back(best, words, shapes))


def _with_places(words: list[str]) -> list[str]:
    """After "tỉnh" or "thành phố", or at the end of an agency in capitals, the whole name of a province as it is spelt; after
    "huyện", "quận" and the like that of a district."""
    for at in range(1, len(words)):
        kind = key_of(_bare(words[at - 1])).exact
        whole = f"{key_of(_bare(words[at - 2])).exact} {kind}" if at > 1 else kind
        names = places() if kind in _OF_PROVINCES else {}
        if (kind in _OF_DISTRICTS or whole in _OF_DISTRICTS) and words[at][:1].isupper():
            names = names | districts()
        for size in (4, 3, 2, 1):
            window = words[at : at + size]
            ends = at + size == len(words) and all(word.isupper() for word in words) and size > 1 and at > 1
            known = (names or (places() if ends else {})).get(fold(" ".join(map(_bare, window))))
            if known is None or len(window) != size or len(known.split()) != size:
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
    return is_syllable(_bare(text)) and fold(text) != text.lower() and key_of(_bare(text)).exact in _phrases().words


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
        ways = [way for way in ways if all(key_of(part).exact in _phrases().words for part in way)]
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
    return _phrases().pairs[key_of(_bare(left)).exact, key_of(_bare(right)).exact]


def is_doubtful(text: str) -> bool:
    """Whether a word of `text` is one that hardly stands between its neighbours, while with other marks it often does."""
    words = text.split()
    return any(_gain(words, at) > _LIKELIER for at in range(len(words)))


def _gain(words: Sequence[str], at: int) -> float:
    """How much likelier than a word its likeliest other reading is, as the log of the two chances; no such reading: 0."""
    if _WORD.match(nfc(words[at])) is None or _is_short_for(words, at):
        return 0.0
    word, before, after = key_of(_bare(words[at])).exact, _beside(words, at, -1), _beside(words, at, 1)
    if before is not None and _is_a_name(words, at):
        return 0.0

    def worth_of(one: str) -> float:
        return _phrases().chance(one, before) + (0.0 if after is None else _phrases().chance(after, one))

    others = [one for one in _by_skeleton().get(fold(word), ()) if one != word and one in _phrases().words]
    return max(map(worth_of, others), default=worth_of(word)) - worth_of(word)


def _beside(words: Sequence[str], at: int, step: int) -> str | None:
    """The word before or after, where it is one and no phrase ends between the two."""
    other = at + step
    if not 0 <= other < len(words) or _WORD.match(nfc(words[other])) is None or _ends_phrase(words[min(at, other)]):
        return None
    return key_of(_bare(words[other])).exact


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
    found = [(word, 0.0 if is_syllable(word) else _MISSPELT)]
    if not 1 < len(word) <= 7:
        return tuple(found)
    for other in _by_skeleton().get(fold(word), ()):
        if other != word and other in _phrases().words:
            found.append((other, _WRONG + _WRONG_SURE * sure + _SHAPE * _other_shapes(word, other)))
    return tuple(found)


def _other_shapes(word: str, other: str) -> int:
    """How many letters have another mark of their own (ă, ô, đ); tones are mistaken for each other more easily."""
    return sum(one != two for one, two in zip(without_tone(word), without_tone(other), strict=False))


def _worth(left: str | None, right: str, own: Pairs, *, name: bool) -> float:
    """The log of a word's chance after another, and what the paper's own words say; of a `name` the lists know nothing."""
    here = 0.0 if left is None else min(_OWN_PAIR * max(own[left, right], 0), _MOST_OWN)
    return here if name else here + _phrases().chance(right, left)


def _is_short_for(words: Sequence[str], at: int) -> bool:
    """Whether a word in capitals without a mark stands among others that are not in capitals (CAT, HS)."""
    word = _bare(words[at])
    beside = map(_bare, (*words[max(at - 1, 0) : at], *words[at + 1 : at + 2]))
    alone = not any(other.isupper() and other.isalpha() for other in beside)
    return word.isupper() and alone and fold(word) == word.lower()


def _is_a_name(words: Sequence[str], at: int) -> bool:
    """Whether a word with a capital stands after another such, or as first or second word after what has a name."""
    first, before, word = ("", "", *map(_bare, words[max(at - 2, 0) : at + 1]))[-3:]
    if not word[:1].isupper():
        return False
    is_second = before[:1].isupper() and first.lower() in _OF_NAMES
    return (word.istitle() and before.istitle()) or before.lower() in _OF_NAMES or is_second


def _ends_phrase(word: str) -> bool:
    return word.endswith((".", ";", ":", "/"))


def _bare(word: str) -> str:
    return word.strip(".,;:()[]\"'“”-–/")


def _cased(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[:1].isupper() else word
