"""Folding Vietnamese text for search: one character in, one character out, and the words with their two keys.

Both search engines get their terms from here and the highlighter finds them here, so all three always agree
(domain.md §5). An offset into a folded text is an offset into the NFC text it was made from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sohoa.model import nfc

_FOLDED_RANGES = (range(0x3000), range(0xFF00, 0xFFF0))
"""Latin, Greek, Cyrillic and general signs, and the full-width forms; every other character folds to itself."""
_STROKED_D = {"đ": "d", "Đ": "d", "ð": "d", "Ð": "d", "ɖ": "d", "Ɖ": "d"}
"""đ has no decomposition; eth and d with tail look the same in capitals, and old keyboards and OCR give them for Đ."""
_LOOSE = "\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff"
"""What may stand inside a word without being a letter: marks left over by NFC, soft hyphens, zero-width characters."""
WORD = re.compile(rf"[^\W_]+(?:[{_LOOSE}]+[^\W_]*)*")
_DROPPED = re.compile(f"[{_LOOSE}]+")
_MOVED_TONE = re.compile(
    "(?:(o)([àáảãạèéẻẽẹ])|(?<!q)(u)([ỳýỷỹỵ]))$"
)  # hoà, khoẻ, thuỷ: the tone is on the second vowel
_TONE_ON_QU = re.compile("^q([ùúủũụ])([aeoyâêôơă])$")  # qúy, qủa: u belongs to the consonant
_LONGEST_PADDED_NUMBER = 4


class Key(NamedTuple):
    """The two forms a word is found by.

    `exact` is lower case with every mark, tone placement brought to one style. `folded` has no marks, and a number of
    up to four digits no leading zeros (`05/BNV-VP` is found by 5); ids and telephone numbers keep theirs.
    """

    exact: str
    folded: str

    @property
    def marked(self) -> bool:
        """Whether the word as typed carries a Vietnamese mark or đ."""
        return fold(self.exact) != self.exact


class Token(NamedTuple):
    """A word of an NFC text: characters `start` to `end` (exclusive), with its keys."""

    start: int
    end: int
    exact: str
    folded: str


def fold(text: str) -> str:
    """NFC `text` in lower case without marks, đ as d, full-width forms as plain ones; as long as the NFC text is."""
    composed = nfc(text)
    if composed.isascii():
        return composed.lower()
    codes = np.frombuffer(composed.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    table = _table()
    if int(codes.max()) < len(table):
        folded = table[codes]
    else:
        folded = np.where(codes < len(table), table[np.minimum(codes, len(table) - 1)], codes)
    result = folded.tobytes().decode("utf-32-le", "surrogatepass")
    assert len(result) == len(composed), "folding moved an offset"
    return result


def tokens(text: str) -> Iterator[Token]:
    """The words of `text` in order: runs of letters and digits. Offsets count in the NFC form of `text`."""
    for match in WORD.finditer(nfc(text)):
        start, end = match.span()
        key = key_of(match.group())
        yield Token(start, end, key.exact, key.folded)


def keys(text: str) -> list[Key]:
    """The keys of the words of `text`, in order."""
    return [key for piece in nfc(text).split() for key in _keys_within(piece)]


@lru_cache(maxsize=65_536)
def _keys_within(piece: str) -> tuple[Key, ...]:
    """The keys of the words in a piece of text without white space, which no word reaches over."""
    return tuple(map(key_of, WORD.findall(piece)))


@lru_cache(maxsize=65_536)
def key_of(word: str) -> Key:
    """The keys of one word (a match of WORD)."""
    plain = unicodedata.normalize("NFKC", _DROPPED.sub("", word)).lower()
    exact = _one_tone_style(nfc(plain).replace("ð", "đ").replace("ɖ", "đ"))
    folded = _DROPPED.sub("", fold(exact))
    if len(folded) <= _LONGEST_PADDED_NUMBER and folded.isdigit():
        folded = folded.lstrip("0") or "0"
    return Key(exact, folded)


def _one_tone_style(word: str) -> str:
    """The tone of a final oa, oe, uy on the first vowel (hoà → hòa), of a syllable in qu- on the second (qúy → quý)."""
    misplaced = _TONE_ON_QU.match(word)
    if misplaced:
        tone = unicodedata.normalize("NFD", misplaced[1])[1]
        return nfc(f"qu{misplaced[2]}{tone}")
    moved = _MOVED_TONE.search(word)
    if moved is None:
        return word
    first, second = moved[1] or moved[3], moved[2] or moved[4]
    bare = unicodedata.normalize("NFD", second)
    return word[: moved.start()] + nfc(first + bare[1]) + bare[0]


@lru_cache(maxsize=1)
def _table() -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """What each code point of the Basic Multilingual Plane folds to."""
    table = np.arange(0x10000, dtype=np.uint32)
    for codes in _FOLDED_RANGES:
        for code in codes:
            table[code] = ord(_fold_character(chr(code)))
    return table


def _fold_character(character: str) -> str:
    if character in _STROKED_D:
        return _STROKED_D[character]
    bare = [c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)]
    if len(bare) != 1:
        bare = [character]
    lower = bare[0].lower()
    return lower if len(lower) == 1 else bare[0]
