"""The language a paper is written in, told by its commonest small words and by how its words are spelt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.syllables import is_syllable
from sohoa.model import Page, nfc
from storage.index.fold import fold

VIETNAMESE = "Tiếng Việt"
_FOREIGN = "Tiếng nước ngoài"
_SMALL_WORDS = {
    "Tiếng Anh": "the of and to in is that for with by this be are on from as at or which shall has been hereby its",
    "Tiếng Pháp": "le la les des du et dans pour que qui sur par une est avec aux ce cette sont au ne pas il",
    "Tiếng Đức": "der die das und zu den von mit ist im für auf des ein eine dem nicht als auch",
    "Tiếng Nga": "и в на с по не что для от из к как это",
}
_LEAST = 8


def read_language(pages: Sequence[Page]) -> Candidate | None:
    """The language of most of the words; None where there are too few to tell."""
    words = [nfc(word.text).strip(".,;:()\"'").lower() for page in pages for word in page.words()]
    words = [word for word in words if word.isalpha()]
    if len(words) < _LEAST:
        return None
    marked = sum(fold(word) != word and is_syllable(word) for word in words) / len(words)
    if marked >= 0.35:
        return Candidate(VIETNAMESE, "", min(0.6 + marked, 0.99), ())
    common = Counter(words)
    shares = {name: sum(common[small] for small in text.split()) / len(words) for name, text in _SMALL_WORDS.items()}
    best = max(shares, key=lambda name: shares[name])
    if shares[best] > 0.14 and marked < 0.2:
        return Candidate(best, "", min(0.5 + 2 * shares[best], 0.97), ())
    if marked >= 0.15:
        return Candidate(VIETNAMESE, "", 0.5 + marked, ())
    return Candidate(_FOREIGN, "", 0.5, ())
