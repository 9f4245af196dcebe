"""Tells text in an old Vietnamese font encoding (TCVN3, VNI) from real Unicode text: such a layer is not believed.

Old fonts draw Vietnamese letters at Latin-1 codes: what a PDF then hands over reads "Céng hßa x· héi" (TCVN3, fonts
called .Vn…) or "Coäng hoøa xaõ hoäi" (VNI, fonts called VNI-…). The test is statistical: read each marked word as it is
and as either encoding, and count the words that are well-formed Vietnamese syllables only when decoded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from sohoa.model import nfc

MIN_WORDS = 4
"""Words that make sense only when decoded before the text alone is evidence; with a font's name that says so, one."""
MIN_SHARE = 0.2
"""The share of all marked words that those must be: a page may be old in part."""

_LEGACY_FONT = re.compile(r"^(?:[A-Z]{6}\+)?(?:\.Vn|VNI[-_ ])")
_TOKEN = re.compile(r"[A-Za-z\u00a1-\u024f\u1e00-\u1eff]{2,}")
_MARKED = re.compile(r"[^\x00-\x7f]")
_LETTER = re.compile(r"[A-Za-z]")

# TCVN 5712:1993, set VN3, as its bytes look in Latin-1.
_TCVN3 = str.maketrans(
    "¡¢£¤¥¦§¨©ª«¬\u00ad®µ¶·¸¹»¼½¾ÆÇÈÉÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞßáâãäåæçèéêëìíîïñòóôõö÷øùúûüýþ",
    "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
)

# VNI: a base letter followed by a letter that stands for its marks, and a few letters of their own.
_GRAVE, _ACUTE, _TILDE, _HOOK, _DOT, _CIRCUMFLEX, _BREVE = "\u0300\u0301\u0303\u0309\u0323\u0302\u0306"
_VNI_MARKS = {
    **dict(zip("ùøûõï", (_ACUTE, _GRAVE, _HOOK, _TILDE, _DOT), strict=True)),
    **dict(zip("âáàåãä", (_CIRCUMFLEX + tone for tone in ("", _ACUTE, _GRAVE, _HOOK, _TILDE, _DOT)), strict=True)),
    **dict(zip("êéèúüë", (_BREVE + tone for tone in ("", _ACUTE, _GRAVE, _HOOK, _TILDE, _DOT)), strict=True)),
}
_VNI_LETTERS = str.maketrans("ñôöíìæóòî", "đơưíìỉĩịỵ")
_VNI_PAIR = re.compile(f"([aeouyôö])([{''.join(_VNI_MARKS)}])")

_ONSET = "(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnprstvx])?"
_RHYMES = (
    "(?:(?:a|ă|â|e|ê|i|o|ô|ơ|u|ư|y|iê|yê|uô|ươ|oa|oă|oe|oo|uâ|uê|uy|uyê|ua)(?:ch|nh|ng|[cmnpt])"
    "|(?:a|e|ê|i|o|ô|ơ|u|ư|y|ia|ya|ua|ưa|oa|oe|uê|uy|uơ|uya)"
    "|(?:ai|ao|au|ay|âu|ây|eo|êu|iu|oi|ôi|ơi|ui|ưi|ưu|iêu|yêu|uôi|ươi|ươu|oai|oay|oao|oeo|uây|uyu))"
)
_SYLLABLE = re.compile(f"{_ONSET}{_RHYMES}")
_TONES = re.compile(f"[{_GRAVE}{_ACUTE}{_TILDE}{_HOOK}{_DOT}]")


def looks_legacy(text: str, font_names: Iterable[str] = ()) -> bool:
    """Whether `text` was drawn with an old font encoding and so means something else than it says.

    `font_names` are the base font names that drew it, with or without a subset prefix. Text in a real language other
    than Vietnamese, and text too short to tell, is not legacy.
    """
    words = [word for word in _TOKEN.findall(text) if _MARKED.search(word) and _LETTER.search(word)]
    only_decoded = sum(not is_syllable(word) and _decodes(word) for word in words)
    if any(_LEGACY_FONT.match(name) for name in font_names):
        return only_decoded > 0
    return only_decoded >= max(MIN_WORDS, MIN_SHARE * len(words))


def from_tcvn3(text: str) -> str:
    """`text` read as TCVN3, NFC."""
    return nfc(text.translate(_TCVN3))


def from_vni(text: str) -> str:
    """`text` read as VNI, NFC and in lower case (the marks of capitals are capitals in VNI; case is of no use here)."""

    def composed(pair: re.Match[str]) -> str:
        return pair[1].translate(_VNI_LETTERS) + _VNI_MARKS[pair[2]]

    lower = text.lower()
    pieces: list[str] = []
    end = 0
    for pair in _VNI_PAIR.finditer(lower):
        pieces += [lower[end : pair.start()].translate(_VNI_LETTERS), composed(pair)]
        end = pair.end()
    return nfc("".join(pieces) + lower[end:].translate(_VNI_LETTERS))


@lru_cache(maxsize=4096)
def is_syllable(word: str) -> bool:
    """Whether `word` can be one Vietnamese syllable by its spelling: onset, rhyme, at most one tone mark."""
    decomposed = unicodedata.normalize("NFD", word.lower())
    bare, tones = _TONES.subn("", decomposed)
    return tones <= 1 and _SYLLABLE.fullmatch(nfc(bare)) is not None


def _decodes(word: str) -> bool:
    return is_syllable(from_tcvn3(word)) or is_syllable(from_vni(word))
