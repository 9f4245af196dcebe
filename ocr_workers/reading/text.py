"""Text as papers print it: likeness for anchors that were read badly, and the house's capitals undone."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ocr_workers.reading.lists import listed
from sohoa.model import nfc
from storage.index.fold import fold as fold_marks
from storage.index.fold import key_of

_BODY = re.compile(
    r"^\W*(can cu|kinh gu|thuc hien|theo |xet |dieu \d|phan (thu|[ivx\d])|chuong |i[.\-/]|1[.\-/]|a[.\-/]|"
    r"de nghi|trong thoi|ngay |noi nhan|nham|tiep theo|hien nay)"
)
_SMALL = frozenset({"và", "của", "về", "tại", "cho", "các", "trong", "thuộc"})
_PLACE_KINDS = ("thành phố", "tỉnh", "huyện", "quận", "thị xã", "thị trấn", "xã", "phường", "khu vực", "đặc khu")
_PROPER = frozenset({"việt", "nam", "hồ", "chí", "minh", "trung", "ương"})


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """Lower case without marks, runs of white space as one space: for comparing what may have been read badly."""
    return " ".join(fold_marks(text).split())


@lru_cache(maxsize=16384)
def letters(text: str) -> str:
    """The folded letters and digits alone."""
    return re.sub(r"[^a-z0-9]+", "", fold(text))


@lru_cache(maxsize=65536)
def distance(one: str, other: str) -> int:
    """Edits from one to the other (Levenshtein's distance; Myers' bit-parallel way, in Hyyrö's wording)."""
    if not one or not other:
        return len(one) + len(other)
    places, all_ones, last = _places(one), (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, edits = all_ones, 0, len(one)
    for letter in other:
        here = places.get(letter, 0)
        level = here | down
        across = (((here & up) + up) ^ up) | here
        more, fewer = down | (all_ones & ~(across | up)), up & across
        edits += bool(more & last) - bool(fewer & last)
        more, fewer = ((more << 1) | 1) & all_ones, (fewer << 1) & all_ones
        up, down = fewer | (all_ones & ~(level | more)), more & level
    return edits


@lru_cache(maxsize=4096)
def _places(text: str) -> dict[str, int]:
    """For each letter the bits of where it stands."""
    places: dict[str, int] = {}
    for at, letter in enumerate(text):
        places[letter] = places.get(letter, 0) | 1 << at
    return places


def likeness(one: str, other: str) -> float:
    """In [0, 1], of the letters alone, marks aside: 1 where they are the same."""
    left, right = letters(one), letters(other)
    longest = max(len(left), len(right))
    if not longest or abs(len(left) - len(right)) > 0.5 * longest:
        return 0.0
    return 1.0 - distance(left, right) / longest


def begins_with(text: str, anchor: str) -> float:
    """How well `text` begins with `anchor`, marks aside, in [0, 1]."""
    have, want = letters(text), letters(anchor)
    if not have or not want:
        return 0.0
    return max(likeness(have[:size], want) for size in range(max(len(want) - 1, 1), len(want) + 2))


@lru_cache(maxsize=20_000)
def without_tone(text: str) -> str:
    """Without the five tones; marks that make another letter (ư, ơ, ă, â, ê, ô, đ) stay."""
    kept = (sign for sign in unicodedata.normalize("NFD", text) if sign not in "\u0300\u0301\u0303\u0309\u0323")
    return nfc("".join(kept))


def same(one: str, other: str) -> bool:
    """Whether two words are the same but for case and the place of the tone (hòa, hoà)."""
    return key_of(one).exact == key_of(other).exact


@lru_cache(maxsize=16384)
def is_capitals(text: str) -> bool:
    """Whether all but a stray letter are capitals."""
    cased = [letter for letter in nfc(text) if letter.isalpha() and letter.lower() != letter.upper()]
    return len(cased) > 1 and sum(letter.isupper() for letter in cased) >= 0.85 * len(cased)


def spaced(text: str) -> str:
    """NFC, white space collapsed, none before a comma or inside brackets; the eth that engines give for Đ made Đ."""
    text = " ".join(nfc(text).replace("Ð", "Đ").replace("⁄", "/").split())
    return re.sub(r"\s+([,;:!?)\]])", r"\1", re.sub(r"([(\[])\s+", r"\1", text))


def name_of_person(text: str) -> str:
    """A person's name in title case; what has large and small letters stays as it is (K'Rang)."""
    return " ".join(word.capitalize() if word.isupper() or word.islower() else word for word in nfc(text).split())


def sentence(text: str) -> str:
    """Capitals undone: only the first letter stays. Abbreviations that are no syllables stay as they are."""
    if not is_capitals(text):
        return nfc(text)
    from ocr_workers.reading.syllables import is_syllable

    words = [word.lower() if is_syllable(word.strip(".,;:()")) else word for word in nfc(text).split()]
    joined = " ".join(words)
    return joined[:1].upper() + joined[1:]


def agency(text: str) -> str:
    """An agency's name as running text has it: Sở Y tế, Ủy ban nhân dân tỉnh Kiên Giang, Bệnh viện Đa khoa khu vực …

    Where a name ends in places, they are written in title case, their kind (tỉnh, huyện) small.
    """
    if not is_capitals(text):
        return nfc(text)
    from ocr_workers.reading.syllables import is_syllable

    words = nfc(text).split()
    low = [word.lower() if is_syllable(word.strip(".,;:()-")) else word for word in words]
    joined = " ".join(low)
    head = _head_of(joined)
    rest = joined[len(head) :].split()
    out = [head[:1].upper() + head[1:]] if head else []
    at, first = 0, True
    while at < len(rest):
        kind = next((kind for kind in _PLACE_KINDS if rest[at : at + len(kind.split())] == kind.split()), None)
        if kind is not None:
            out.append(kind)
            out += [word.capitalize() if word.islower() else word for word in rest[at + len(kind.split()) :]]
            break
        word = rest[at]
        proper = first or word in _PROPER or not word.islower() or _in_known_place(rest[at:])
        if proper and _in_known_place(rest[at:]):
            out += [word.capitalize() for word in rest[at:]]
            break
        out.append(word.capitalize() if proper and word.islower() and word not in _SMALL else word)
        first = word in ("-", "và")
        at += 1
    return " ".join(out)


def _head_of(text: str) -> str:
    best = ""
    for head in listed("agencies.txt")["head"]:
        folded = " ".join(key_of(word).exact for word in head.split())
        own = " ".join(key_of(word).exact for word in text.split()[: len(head.split())])
        if folded == own and len(head) > len(best):
            best = " ".join(text.split()[: len(head.split())])
    return best


def _in_known_place(words: list[str]) -> bool:
    from ocr_workers.reading.marks import places

    return fold(" ".join(words)) in places()


def is_body(text: str) -> bool:
    """Whether a line begins as bodies do (Căn cứ, Kính gửi, Điều 1, I., 1.)."""
    return _BODY.match(fold(text)) is not None
