"""Several readings of one printed name become one name: each syllable is voted on where it stands, with how likely it is.

What wins was read at least once, or is a common surname that differs from what was read by its marks alone. A reading's
mistakes are not independent of another's, so each counts for less than one.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, zip_longest
from typing import Final

import numpy as np
import numpy.typing as npt

from ocr_workers.reading.print_lines import PrintWord
from ocr_workers.reading.signature_likeness import names_like, unlike
from ocr_workers.reading.signature_words import COMMON_SURNAMES, FREQUENT, GIVEN, SURNAMES, fold, is_syllable
from sohoa.model import Box, Word, union

_PRINT_SHARE, _PRINT_MOST = 1.0, 2.0  # what a reading of the model for spoiled lines counts for, all of them together
_PRINT_LEAST, _PRINT_LEAST_NONE = 1e-5, 0.01
_SHARE = 0.6  # what a further reading of the same ink counts for
_LEAST_WEIGHT, _MOST_WEIGHT = 0.3, 2.0
_MISMARKED = 8e-6  # a syllable that no list of names holds but for its marks
_MISMARKED_MIDDLE = 3e-7  # and one that is Văn or Thị but for marks that no name has
_MIDDLE: Final = frozenset(map(fold, ("Văn", "Thị")))
_FOLDED_GIVEN: Final = frozenset(map(fold, GIVEN))
_HIGHLANDERS = 2e-5  # a syllable like K'Rang
_LOST = 0.05  # the chance of a name that leaves out print on one side; what shows print may have been a stroke
_BROKEN_OFF, _BEFORE_A_SURNAME = 0.5, 0.85  # and how far such a name may be believed
_MISSED, _MISSED_NOISE = 0.25, 0.75  # how often a reading has no word where a syllable, or where noise stands
SIGNS: Final = "".join(chr(at) for at in range(33, 0x2100) if not chr(at).isalnum())
_ODD_CASE = 0.6  # how far a syllable is believed that was read in capitals among others that were not
_TONE_LOST = 0.1  # how often engines lose a tone that stands on a capital's other mark (Ổn), in every reading alike
_SPACE = 0.2  # heights of a line: narrower than any space
_LENGTHS: Final = {2: 0.08, 3: 0.6, 4: 0.27, 5: 0.05}
_SURNAME_SHARES: Final = {
    "Nguyễn": 0.36, "Trần": 0.11, "Lê": 0.1, "Phạm": 0.07, "Hoàng": 0.045, "Huỳnh": 0.03, "Phan": 0.04, "Vũ": 0.03, "Võ": 0.025,
    "Đặng": 0.02, "Bùi": 0.02, "Đỗ": 0.015, "Hồ": 0.013, "Ngô": 0.013, "Dương": 0.01,
}  # fmt: skip
_DEGREES: Final = frozenset(
    ("ths", "ts", "tskh", "pgs", "gs", "pgsts", "gsts", "bs", "bscki", "bsckii", "cki", "ckii", "ds", "ks", "cn", "ls")
)
_RANKED: Final = ("THIEU", "TRUNG", "THUONG", "DAI")
_RANKS: Final = ("TUONG", "TA", "UY", "Y")
"""Folded; of úy hardly more than its mark is read at times."""
_FEW = 4  # tokens at a row's left that a rank may be among
_WITH_APOSTROPHE: Final = re.compile(r"[A-ZĐ]['’‘`´][A-ZĐ]\w+")  # K'Rang, H'Nhung
_STEMS: Final = str.maketrans("[|1", "lll")  # a letter's stem, read as a sign


@dataclass(frozen=True, slots=True)
class NameRead:
    """A name: as printed, its box in the page frame, the chance that it is right, and each syllable's; whether the model for
    spoiled lines by itself reads the same, None where it was not asked."""

    text: str
    box: Box
    chance: float
    syllables: tuple[float, ...]
    raw: str
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    box: Box
    confidence: float
    reading: int
    printed: PrintWord | None = None


def vote_on_name(
    readings: Sequence[Sequence[Word]],
    print_to: tuple[float, float] | None = None,
    *,
    prints: Sequence[Sequence[PrintWord]] = (),
) -> NameRead | None:
    """`readings`: each is the words one reading found along the name's row, in the page frame; `prints` the same of the model
    for spoiled lines. `print_to`: from where to where print is seen to stand in it, so that a name that begins later or ends
    earlier has lost a syllable."""
    read = [_tokens(words, number) for number, words in enumerate(readings)]
    read += [_printed_tokens(words, number) for number, words in enumerate(prints, len(read))]
    tokens = _in_one_case([token for words in read for token in _without_rank(words)])
    active = {token.reading for token in tokens}
    slots = _slots(tokens)
    if not slots:
        return None
    found: list[tuple[float, int, int]] = []
    noise = [_noise_evidence(slot, len(active)) for slot in slots]
    as_first = [_best(slot, len(active), opens=True) for slot in slots]
    as_later = [_best(slot, len(active), opens=False) for slot in slots]
    for first in range(len(slots)):
        for last in range(first + 1, min(first + 7, len(slots))):
            kept = _without_noise(slots, first, last, as_later, noise, len(active))
            if len(kept) not in _LENGTHS or not as_first[first][0] or not all(as_later[at][0] for at in kept[1:]):
                continue
            score = math.log(_LENGTHS[len(kept)]) + as_first[first][2] + sum(as_later[at][2] for at in kept[1:])
            score += sum(noise[at] for at in range(len(slots)) if at not in kept)
            score += math.log(_LOST) * _open_sides(slots[first], slots[last], print_to)
            found.append((score, first, last))
    nothing = sum(noise) + math.log(0.02)
    if not found:
        return None
    score, first, last = max(found)
    total = sum(math.exp(min(other - score, 0.0)) for other, _, _ in found) + math.exp(min(nothing - score, 50.0))
    places = _without_noise(slots, first, last, as_later, noise, len(active))
    chosen = [as_first[first], *(as_later[at] for at in places[1:])]
    inside = [slots[at] for at in places]
    syllables = tuple(chance for _, chance, _ in chosen)
    chance = math.prod(syllables) / total * _whole(slots, first, last)
    chance *= _as_far_as_print(slots[first], slots[last], chosen[0][0], print_to)
    box = union([token.box for slot in inside for token in slot])
    best_reading = max(
        active, key=lambda number: sum(t.confidence for slot in inside for t in slot if t.reading == number)
    )
    raw = " ".join(token.text for slot in inside for token in slot if token.reading == best_reading)
    texts = [text for text, _, _ in chosen]
    confirmed = (
        any(_says(slots, places, texts, number) for number in range(len(readings), len(read))) if prints else None
    )
    return NameRead(" ".join(texts), box, chance, syllables, raw, confirmed)


def _says(slots: list[list[_Token]], places: Sequence[int], texts: Sequence[str], number: int) -> bool:
    """Whether one reading has these syllables in these places."""
    said = [{_plainly(token.text) for token in slots[at] if token.reading == number} for at in places]
    return all(_plainly(text) in one for text, one in zip(texts, said, strict=True))


def _plainly(text: str) -> str:
    return shaped(text.replace("'", ""))


def _as_far_as_print(
    first: list[_Token], last: list[_Token], surname: str, print_to: tuple[float, float] | None
) -> float:
    """Less than 1 where print goes on beyond these syllables. Before what is a surname and nothing else hardly one is lost."""
    if print_to is None:
        return 1.0
    left, right = min(token.box[0] for token in first), max(token.box[2] for token in last)
    opens = surname in COMMON_SURNAMES and surname not in GIVEN
    before = (_BEFORE_A_SURNAME if opens else _BROKEN_OFF) if left > print_to[0] else 1.0
    return before * (_BROKEN_OFF if right < print_to[1] else 1.0)


def _open_sides(first: list[_Token], last: list[_Token], print_to: tuple[float, float] | None) -> int:
    """On how many sides print goes on beyond these syllables."""
    if print_to is None:
        return 0
    left, right = min(token.box[0] for token in first), max(token.box[2] for token in last)
    return (left > print_to[0]) + (right < print_to[1])


def _without_noise(
    slots: list[list[_Token]],
    first: int,
    last: int,
    later: list[tuple[str, float, float]],
    noise: list[float],
    active: int,
) -> list[int]:
    """The slots from first to last without strokes between them; what half of the readings saw is no stroke."""
    between = (at for at in range(first + 1, last) if later[at][2] > noise[at] or 2 * len(slots[at]) >= active)
    return [first, *between, last]


def _tokens(words: Iterable[Word], number: int) -> list[_Token]:
    """Words without signs around them; run-together syllables are parted, torn ones joined."""
    parts: list[_Token] = []
    for word in _side_by_side(words):
        at, (left, top, right, bottom) = 0, word.box
        for piece in _pieces(word.text):
            start = left + round((right - left) * at / len(word.text))
            at += len(piece)
            end = left + round((right - left) * at / len(word.text))
            parts.append(_Token(piece.strip(SIGNS), (start, top, end, bottom), word.confidence, number))
    joined: list[_Token] = []
    for part in parts:
        if joined and _goes_on(joined[-1], part):
            last = joined.pop()
            part = _Token(
                last.text + part.text, union([last.box, part.box]), min(last.confidence, part.confidence), number
            )
        joined.append(part)
    return joined


def _printed_tokens(words: Iterable[PrintWord], number: int) -> list[_Token]:
    named = ((word, word.text.strip(SIGNS)) for word in words)
    return [_Token(text, word.box, word.chance, number, word) for word, text in named if any(map(str.isalpha, text))]


def _without_rank(tokens: list[_Token]) -> list[_Token]:
    """Without degrees before a name, or Đại tá and the like, as soldiers and the police sign."""
    while tokens and "".join(filter(str.isalpha, tokens[0].text)).lower() in _DEGREES:
        tokens = tokens[1:]
    for at, (first, second) in enumerate(pairwise(tokens[:_FEW])):
        if fold(first.text) in _RANKED and fold(second.text) in _RANKS:
            return tokens[at + 2 :]
    return tokens


def _side_by_side(words: Iterable[Word]) -> list[Word]:
    """From left to right; a box that reaches over the next word, as a stroke or a seal can stretch it, ends where that begins."""
    row = sorted(words, key=lambda word: word.box[0])
    return [
        replace(word, box=(left, top, max(min(right, after.box[0]), left + 1), bottom)) if after is not None else word
        for word, after in zip_longest(row, row[1:])
        for left, top, right, bottom in [word.box]
    ]


def _in_one_case(tokens: list[_Token]) -> list[_Token]:
    """A name is set in capitals as a whole or not at all."""
    words = [token.text for token in tokens if len(token.text) > 1 and token.text.isalpha()]
    if 2 * sum(map(str.isupper, words)) > len(words):
        return tokens
    return [
        replace(token, text=token.text.capitalize(), confidence=_ODD_CASE * token.confidence)
        if token.text.isupper() and len(token.text) > 1
        else token
        for token in tokens
    ]


def _goes_on(last: _Token, part: _Token) -> bool:
    """Whether a syllable was torn here: small letters follow a capital alone, or closer than a space."""
    if not part.text.islower() or not last.text[:1].isupper():
        return False
    near = part.box[0] - last.box[2] < _SPACE * (last.box[3] - last.box[1])
    return len(last.text) == 1 or (near and is_syllable(last.text + part.text))


def _pieces(text: str) -> list[str]:
    """`LêHoàngAnh` as three, `Huỳnh-Đức` as two; together as long as the text."""
    if any(map(str.isalpha, text)):
        text = text.translate(_STEMS)
    if is_syllable(text):
        return [text]
    cuts = [at for at in range(1, len(text)) if text[at].isupper() and _may_end(text, at)]
    return [text[one:two] for one, two in pairwise([0, *cuts, len(text)])]


def _may_end(text: str, at: int) -> bool:
    """Whether a syllable may end before the capital at `at`: a letter that was read large within one has little after it."""
    if _WITH_APOSTROPHE.fullmatch(text):
        return False
    if not text[at - 1].isalnum():
        return at > 1
    return text[at - 1].islower() and (len(text) - at > 2 or is_syllable(text[:at]))


def _slots(tokens: list[_Token]) -> list[list[_Token]]:
    """Tokens of all readings that stand in the same place, from left to right."""
    slots: list[list[_Token]] = []
    for token in sorted(
        tokens, key=lambda token: -token.confidence * (len(token.text) > 1) * (1 + is_syllable(token.text))
    ):
        shares = [(_shared(token, slot), slot) for slot in slots]
        share, slot = max(shares, key=lambda pair: pair[0], default=(0.0, []))
        if share < 0.5:
            slots.append([token])
        elif all(other.reading != token.reading for other in slot):
            slot.append(token)
    return sorted(slots, key=lambda slot: sum(slot[0].box[::2]))


def _shared(token: _Token, slot: list[_Token]) -> float:
    """How much of the shorter one the token and the slot's surest share."""
    left, _, right, _ = slot[0].box
    shared = min(right, token.box[2]) - max(left, token.box[0])
    return shared / max(min(right - left, token.box[2] - token.box[0]), 1)


def _best(slot: list[_Token], active: int, *, opens: bool) -> tuple[str, float, float]:
    """The likeliest syllable of a slot, its chance among all, and the log evidence of the slot being a syllable.

    Known names that nobody read, but most letters of which were, may win, and lessen the chance of others.
    """
    reads = _weighed([token for token in slot if token.printed is None])
    options = {shaped(token.text) for token in slot if token.text.isalpha() or _WITH_APOSTROPHE.fullmatch(token.text)}
    options |= {name for token in slot for name in names_like(token.text, opens)}
    ordered = sorted(options)  # of equals always the same
    fits, nothing_fits = _fits(slot, ordered)

    def evidence(option: str) -> float:
        return math.log(_prior(option, opens)) + sum(
            weight * math.log(_read_as(text, sure, option)) for text, sure, weight in reads
        )

    missed = _weight_of(active - len(slot)) * math.log(_MISSED)
    unknown = math.log(0.03) + sum(weight * math.log(0.012) for _, _, weight in reads) + nothing_fits
    weighed = {option: evidence(option) + more for option, more in zip(ordered, fits, strict=True)}
    if not weighed:
        return "", 0.0, unknown + missed
    best = max(weighed, key=lambda option: weighed[option])
    top = max(weighed[best], unknown)
    total = sum(math.exp(value - top) for value in (*weighed.values(), unknown))
    return best, math.exp(weighed[best] - top) / total, top + math.log(total) + missed


def _fits(slot: list[_Token], options: Sequence[str]) -> tuple[list[float], float]:
    """The log evidence of the model for spoiled lines for each option, and for none of them."""
    prints = [token.printed for token in slot if token.printed is not None]
    if not prints or not options:
        return [0.0] * len(options), 0.0
    weight = min(_PRINT_SHARE, _PRINT_MOST / len(prints))
    total, none = np.zeros(len(options)), 0.0
    for word in prints:
        chances = _chances(word, options)
        total += weight * np.log(np.maximum(chances, _PRINT_LEAST))
        none += weight * math.log(max(1.0 - float(chances.sum()), _PRINT_LEAST_NONE))
    return total.tolist(), none


def _chances(word: PrintWord, options: Sequence[str]) -> npt.NDArray[np.float64]:
    """How probable each option is, with the signs that stand around the word, too; of K'Rang its apostrophe is easily lost."""
    core = word.text.strip(SIGNS)
    before, after = word.text.split(core, 1) if core else ("", "")
    ways = [list(options)]
    if any("'" in option for option in options):
        ways.append([option.replace("'", "") for option in options])
    if before or after:
        ways.append([f"{before}{option}{after}" for option in options])
    return np.asarray(np.max([word.chances(way) for way in ways], axis=0), np.float64)


def _weighed(slot: list[_Token]) -> list[tuple[str, float, float]]:
    """Each reading's text, confidence and weight. What is read wrongly once is read so again: together they count for
    two readings at most."""
    weights = [_SHARE * max(token.confidence, _LEAST_WEIGHT) for token in slot]
    scale = min(1.0, _MOST_WEIGHT / max(sum(weights), _LEAST_WEIGHT))
    return [(token.text, token.confidence, scale * weight) for token, weight in zip(slot, weights, strict=True)]


def _weight_of(readings: int) -> float:
    """What so many readings that saw nothing count for: what is missed once is missed again."""
    return min(_SHARE * readings, _MOST_WEIGHT)


def _noise_evidence(slot: list[_Token], active: int) -> float:
    """The log evidence of a slot being a stroke, a seal's rim or a neighbour's print."""
    evidence = 0.0
    for text, sure, weight in _weighed(slot):
        real = is_syllable(text) and text[:1].isupper() and len(text) > 1
        evidence += weight * math.log(2e-4 * (1.2 - sure) if real else 2e-2 if len(text) < 3 else 3e-3)
    return evidence + _weight_of(active - len(slot)) * math.log(_MISSED_NOISE)


def shaped(text: str) -> str:
    """A syllable with its first letter large and the others small, as names are set; capitals stay capitals."""
    if _WITH_APOSTROPHE.fullmatch(text) and not text.isupper():
        return f"{text[0]}'{text[2]}{text[3:].lower()}"
    return text if text.isupper() and len(text) > 1 else text[:1].upper() + text[1:].lower()


@lru_cache(maxsize=4096)
def _prior(option: str, opens: bool) -> float:
    if _WITH_APOSTROPHE.fullmatch(option):
        return 1e-7 if opens else _HIGHLANDERS
    name = option.capitalize()
    if not is_syllable(name) and name not in SURNAMES:
        return 1e-7
    if opens:
        return _SURNAME_SHARES.get(name) or (0.005 if name in COMMON_SURNAMES else 4e-4 if name in SURNAMES else 1e-6)
    if name in FREQUENT or name in GIVEN:
        return 0.012 if name in FREQUENT else 0.003
    if name in SURNAMES:
        return 4e-4
    if fold(name) in _MIDDLE:
        return _MISMARKED_MIDDLE
    return _MISMARKED if fold(name) in _FOLDED_GIVEN else 8e-5


@lru_cache(maxsize=65536)
def _read_as(text: str, confidence: float, option: str) -> float:
    """The chance that a printed syllable is read as this."""
    right = 0.3 + 0.65 * confidence
    if shaped(text) == option:
        return right
    if _lost_a_tone(shaped(text), option):
        return _TONE_LOST
    return max((1 - right) * 0.5 * float(0.12 ** unlike(text, option)), 1e-5)


def _lost_a_tone(read: str, option: str) -> bool:
    """Ôn for Ổn: the tone stood on top of the capital's own mark, where a line's letters seldom reach."""
    if read[1:] != option[1:] or read[:1] == option[:1]:
        return False
    one, other = (unicodedata.normalize("NFD", text[:1]) for text in (read, option))
    return len(one) == 2 and len(other) == 3 and one[0] == other[0] and one[1] in other


def _whole(slots: list[list[_Token]], first: int, last: int) -> float:
    """Less than 1 where the name may go on: something right beside it was read as no syllable, or it ends on Văn or Thị."""
    inside = slots[first : last + 1]
    height = max(token.box[3] - token.box[1] for slot in inside for token in slot)
    whole = 1.0
    if first and slots[first][0].box[0] - slots[first - 1][0].box[2] < 1.2 * height and _stands_in(slots[first - 1]):
        whole *= 0.5
    if (
        last + 1 < len(slots)
        and slots[last + 1][0].box[0] - slots[last][0].box[2] < 1.2 * height
        and _stands_in(slots[last + 1])
    ):
        whole *= 0.6
    if len(inside) == 2:
        whole *= 0.7
    if inside[-1][0].text in ("Văn", "Thị", "Hữu", "Đình"):
        whole *= 0.3
    return whole


def _stands_in(slot: list[_Token]) -> bool:
    """Several readings saw letters there."""
    return sum(any(map(str.isalpha, token.text)) for token in slot) >= 2
