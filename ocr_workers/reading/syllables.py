"""The closed set of Vietnamese syllables: initials x rimes x tones, and a syllable taken apart into letters and marks."""

from __future__ import annotations

import unicodedata
from functools import cache

from ocr_workers.reading.lists import listed
from sohoa.model import nfc

_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")  # none, huyền, sắc, ngã, hỏi, nặng
_STOPPED = ("", "\u0301", "\u0323")  # a rime that ends in a stop has sắc or nặng; "" only so that codes are not flagged
_BEFORE_FRONT = {"gh", "ngh", "k"}
_NOT_BEFORE_FRONT = {"c", "g", "ng"}
_FRONT = tuple("eêiy")


@cache
def syllables() -> frozenset[str]:
    """Every syllable that Vietnamese spelling allows, lower case, NFC, in both styles of placing the tone."""
    found = set()
    for initial in ("", *listed("syllables.txt")["initial"]):
        for rime in (*listed("syllables.txt")["rime"], *listed("syllables.txt")["rime after q"]):
            if not _agree(initial, rime):
                continue
            stopped = rime.endswith(("c", "ch", "k", "p", "t"))
            for tone in _STOPPED[1:] if stopped else _TONES:
                found.update(_toned(initial, rime, tone))
    return frozenset(found)


def is_syllable(word: str) -> bool:
    """Whether `word`, in any case, is spelt as a Vietnamese syllable may be."""
    return nfc(word).lower() in syllables()


def _agree(initial: str, rime: str) -> bool:
    front = rime.startswith(_FRONT)
    if initial == "q":
        return rime.startswith("u") and len(rime) > 1 and rime not in ("uôi", "uôn", "uông", "uôm", "uôt")
    if initial in _BEFORE_FRONT:
        return front or (initial == "k" and rime in ("a", "ông", "ha"))  # Đắk Kông and the like
    if initial in _NOT_BEFORE_FRONT:
        return not front or (initial == "g" and rime in ("i", "in", "im", "iêng", "iêt", "ia"))
    if initial == "gi":
        return not rime.startswith("i") or rime in ("i", "in")
    return not (rime.startswith("u") and rime in listed("syllables.txt")["rime after q"])


def _toned(initial: str, rime: str, tone: str) -> list[str]:
    if not tone:
        return [initial + rime]
    found = []
    for at, letter in enumerate(rime):
        if unicodedata.normalize("NFD", letter)[0] in "aeiouy" and at in _seats(initial, rime):
            found.append(nfc(initial + rime[:at] + letter + tone + rime[at + 1 :]))
    return found


def _seats(initial: str, rime: str) -> tuple[int, ...]:
    """Where the tone may stand in a rime: on the marked vowel, else on the last but one or, as newer style, the last."""
    vowels = [at for at, letter in enumerate(rime) if unicodedata.normalize("NFD", letter)[0] in "aeiouy"]
    if initial == "q":
        vowels = vowels[1:]
    if not vowels:
        return ()
    marked = [at for at in vowels if rime[at] in "ăâêôơư"]
    if marked:
        return (marked[-1],)
    if len(vowels) == 1:
        return (vowels[0],)
    if rime[vowels[-1] + 1 :]:  # closed: the last vowel
        return (vowels[-1],)
    if len(vowels) == 3:
        return (vowels[1],)
    both = rime[:2] in ("oa", "oe", "uy") and initial != "q"
    return (vowels[0], vowels[1]) if both else (vowels[0],)
