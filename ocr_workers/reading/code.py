"""The number and notation of a paper (Số: 138/QĐ-KHCN): taken from the line under the agency, never from running text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from ocr_workers.reading.gaps import Letters, as_digits, is_blank, is_coloured
from ocr_workers.reading.sight import Candidate, Sight
from ocr_workers.reading.spans import Span
from ocr_workers.reading.stamp_rows import is_stamp
from ocr_workers.reading.text import distance, fold, letters, without_tone
from ocr_workers.reading.zones import Head
from sohoa.model import Box, Evidence, nfc
from sohoa.paper_types import PaperType, type_of_abbreviation

_LABEL = re.compile(r"^[^a-z0-9]{0,3}[s5$](?:[oaeu60]|(?=[^a-z]))[^a-z0-9]{0,3}?\s*(?:hieu\s*)?[:;.,]?\s*")
_STATE = re.compile(r"[/⁄\\]\s*(?:((?:19|20)\d\d)\s*[/⁄\\]\s*)?(?=[^\W\d])")
_PARTY = re.compile(
    r"^\s*(?P<number>[^\-–—/]{0,12}?)\s*[-–—]\s*(?P<sign>[^\W\d][^\s/]{0,10}\s*[/⁄]\s*[^\W\d][\w.&\-]*)"
)
_TYPE_BEFORE_STROKE = re.compile(r"(\s*[-–—]\s*|\s+)([^\W\d_]{2,4})\s*$")
"""Số 123 QĐ/UB, as papers of before 2000 have it, or Số: 92-BC/HND: the stroke is the notation's own."""
_SIGN = re.compile(
    r"[^\W\d_][\w.&+]*(?:\s*[-–—/]\s*[^\W\d_][\w.&+]*){0,5}(?:(?<=[A-ZĐ]) [A-ZĐ]\w*-[A-ZĐ]{2}[\w.&+]*$)?"
)
"""The last part: of an agency that is counted (KV XIII-TH) or has a name of two words (VNPT QNh-KTĐT)."""
_DASHES = str.maketrans({"–": "-", "—": "-", "⁄": "/", "Ð": "Đ", "ð": "đ", "Ɖ": "Đ", "\\": "/", "_": ""})
_NOT_OF_AGENCY, _NOT_OF_TYPE, _TONED = 0.85, 0.8, 0.2
"""How much less sure a notation is that has no part shortened from the agency's name, not the abbreviation of the title's type,
or a tone mark, which no abbreviation has (BỌL)."""
_TONE = re.compile("[\u0300\u0301\u0303\u0308\u0309\u0323]")
_TWO_OF_ONE, _DOUBLED = re.compile("ĐÐ|ÐĐ"), 0.4
"""How much less sure a notation is in which an engine says Đ twice with two signs: where it is in doubt which of both one is."""
_ENDS_IN_STROKE, _LONGEST_PART, _DOUBTFUL_PART = re.compile(r"[A-ZĐ]{2}[I1l]$"), 9, 0.5
_SCRAP = 0.1  # how much less sure one letter is, which no notation is
_SMALL_BEFORE_LARGE = re.compile("[ckopsuvwxz](?=.*[A-ZĐ])|Ọ")
_AS_LARGE = str.maketrans("ckopsuvwxzỌ", "CKOPSUVWXZQ")
"""Small letters that look like the large ones; and Ọ, for no abbreviation has a mark below."""
_STRAY = re.compile(r"[^\W\dA-Za-zĐÐ_]\s*[/⁄]\s*(?=[A-ZĐÐ]{2})")
"""One letter that no abbreviation is, what is left of a number by hand (Ö/UBND-VX)."""
UNREAD = 0.002
"""How good the evidence is of a blank where there is ink: less than of any digits that may be read in it."""
_MOST_NUMBER, _LEAST_INITIALS = 6, 4
_MOST_STRAY = 3  # letters that digits by hand may be read as
_TAKEN_FOR = {"Đ": "BDPO0ĐEĎ", "Q": "O0GQC", "B": "8", "S": "5", "I": "1l", "O": "0", "G": "6", "T": "1"}


@dataclass(frozen=True, slots=True)
class CodeLine:
    """The line of the number: its letters, where the number stands (or is left blank), the year in between if any, the notation.

    `gap` is the room between "Số:" and what follows the number, for who reads digits from pixels.
    """

    line: Letters
    number: tuple[int, int]
    sign: tuple[int, int]
    year: str | None
    gap: Box
    score: float


def find_code(head: Head) -> CodeLine | None:
    """The line of the paper's own number: in the left column; else under the head, or in it, before the body."""
    found = [code for span in head.left if (code := _parse(span, head.kind)) is not None]
    if not found:
        near = [*head.right, *_before_body(head.below)]
        found = [code for span in near if (code := _parse(span, head.kind, strict=True)) is not None]
    return max(found, key=lambda code: code.score) if found else None


def unread_code(head: Head) -> Evidence | None:
    """Where a label "Số" stands whose line could not be read: to be looked at again, from the label to the gutter."""
    for span in head.left:
        label = re.match(r"^\W{0,2}s[oô06]\W*(\S{0,4})$|^\W{0,2}so\W*:", fold(span.text))
        if label is not None:
            left, top, right, bottom = span.box
            return Evidence(span.page, (left, top, max(right, round(head.gutter)), bottom))
    return None


def read_number(code: CodeLine, sight: Sight) -> Candidate:
    """The number as printed, leading zeros and a suffix letter kept; None where the paper leaves it blank."""
    start, end = code.number
    raw = code.line.text[start:end].strip(" :.;")
    page = code.line.span.page
    seen = sum(map(str.isalnum, raw))
    if not seen:
        blank = is_blank(sight, page, code.gap)
        score = {True: 0.9, None: 0.4, False: UNREAD}[blank] * code.score
        return Candidate(None, raw, score, (Evidence(page, code.gap),))
    place = _evidence(code.line, start, end)
    by_hand = is_coloured(sight, page, place[0].box)
    value, plain = _number(raw, with_year=code.year is not None)
    if value is None:
        return Candidate(None, raw, UNREAD, (Evidence(page, code.gap),))
    sure = code.line.confidence(start, end)
    return Candidate(value, raw, plain * sure * code.score * (0.35 if by_hand else 1.0) * _room(code, raw), place)


_NEARLY_ITS = 0.5  # where one letter differs from the agency's initials, one of the two was read wrongly
_CLEARLY_READ, _LETTER_ADDED = 0.85, 0.5  # of a notation that was read so surely hardly a letter was lost


def read_notation(code: CodeLine, paper_type: PaperType | None, organ: str | None) -> Candidate | None:
    """What follows the number's stroke, letters put right where type and agency leave no doubt."""
    start, end = code.sign
    stray = _STRAY.match(code.line.text, start, end)
    start = stray.end() if stray else start
    raw = code.line.text[start:end]
    parts = _split(raw)
    if not parts:
        return None
    fixed = [_in_capitals(part) for part in parts]
    fixed[0] = _without_scraps(fixed[0])
    at_type = 0
    if paper_type is not None and paper_type.abbreviations:
        fixed[at_type] = _as_known(fixed[at_type], paper_type.abbreviations, loosely=True)
    elif fixed[at_type] not in type_of_abbreviation():
        fixed[at_type] = _as_known(fixed[at_type], tuple(one for one in ("QĐ", "NQ", "TTr", "CTr", "NĐ", "HĐ", "CĐ")))
    if organ is not None:
        own = [short for short in initials(organ) if len(short) > 2]
        fixed = [part if part in type_of_abbreviation() else _as_known(part, own) for part in fixed]
    fixed = [_as_known(part, ("UBND", "HĐND", "TU", "VPCP", "NHNN", "BHXH", "MTTQ")) for part in fixed]
    text = _tidy(raw)
    for part, better in zip(parts, fixed, strict=True):
        text = text.replace(part, better, 1)
    sure = code.line.confidence(start, end)
    known = fixed[0] in type_of_abbreviation() or (organ is not None and fixed[0] in initials(organ))
    by_organ = organ is not None and any(part in initials(organ) for part in fixed)
    score = code.score * (0.55 + 0.45 * sure) * (1.0 if known and by_organ else 0.94 if known or by_organ else 0.8)
    score *= 0.9 ** sum(part != better for part, better in zip(parts, fixed, strict=True))
    if sure > _CLEARLY_READ and any(len(better) > len(part) for part, better in zip(parts, fixed, strict=True)):
        score *= _LETTER_ADDED
    if organ is not None and not by_organ:
        score *= _NOT_OF_AGENCY * _NEARLY_ITS ** any(map(partial(_is_nearly_of, initials(organ)), fixed))
    if paper_type is not None and paper_type.abbreviations and fixed[at_type] not in paper_type.abbreviations:
        score *= _NOT_OF_TYPE
    if _TONE.search(unicodedata.normalize("NFD", text)):
        score *= _TONED
    if not _is_sign(text):
        score *= 0.2
    if len(letters(text)) < 2:
        score *= _SCRAP
    if _TWO_OF_ONE.search(raw):
        score *= _DOUBLED
    score *= _DOUBTFUL_PART ** any(_is_doubtful(part, organ) for part in fixed)
    return Candidate(text, raw, score, _evidence(code.line, start, end))


def _is_doubtful(part: str, organ: str | None) -> bool:
    """Whether a part ends in what may be a stroke or a one (KT1, KTI), or is so long that a sign in it may have been lost (&)."""
    if organ is not None and part in initials(organ):
        return False
    return _ENDS_IN_STROKE.search(part) is not None or sum(map(str.isalpha, part)) > _LONGEST_PART


def _is_nearly_of(shorts: Sequence[str], part: str) -> bool:
    """Whether a part is an agency's initials but for one letter of four or more."""
    return any(len(short) > 3 and len(part) == len(short) and distance(part, short) == 1 for short in shorts)


def lacks_a_letter_of(organ: str, notation: str) -> bool:
    """Whether a part of the notation is the agency's initials and one letter more: a word of the agency was not read."""
    shorts = initials(organ)
    return any(
        len(part) > _LEAST_INITIALS
        and part not in shorts
        and any(len(part) == len(short) + 1 and distance(part, short) == 1 for short in shorts[:2])
        for part in _split(notation)
    )


def initials(organ: str) -> tuple[str, ...]:
    """How an agency's name may be shortened: the first letters of its words, with and without those of places and "và"."""
    words = re.findall(r"[^\W\d_]+", nfc(organ))
    if not words:
        return ()
    short = [without_tone(word[0]).upper() for word in words]  # CTHADS for Thi hành án, but BVNTƯ for Trung ương
    if words[0].upper() == "UBND" or fold(" ".join(words[:4])) == "uy ban nhan dan":
        return ("UBND",)
    all_of = "".join(short)
    without = "".join(
        letter for letter, word in zip(short, words, strict=True) if fold(word) not in ("va", "cua", "nhan", "dan")
    )
    found = {
        all_of,
        without,
        *(all_of[:size] for size in range(2, len(all_of))),
        *(without[:size] for size in range(2, len(without))),
    }
    whole = [word for word in words if word.isupper() and len(word) <= 5]
    return (*sorted(found, key=len, reverse=True), *whole)


def _parse(span: Span, kind: str, *, strict: bool = False) -> CodeLine | None:
    line = Letters.of(span)
    label = _LABEL.match(line.folded)
    if label is None or is_stamp(span):
        return None
    start = label.end()
    weight = 0.97 if re.match(r"\W*so\W", line.folded) else 0.85
    party = _of_party(line, start, weight) if kind == "party" else None
    if party is not None:
        return party
    stroke = _stroke(line.text, start)
    if stroke is None:
        return None if strict else _without_stroke(line, start, weight)
    sign = _SIGN.match(line.text, stroke.end())
    if sign is None:
        return None
    if strict and (
        len(line.text) > sign.end() + 8 or stroke.start() - start > _MOST_NUMBER + 4 or not _is_sign(_tidy(sign[0]))
    ):
        return None  # running text
    end = _end_of_sign(line, sign)
    weight *= 0.85 if strict else 1.0
    before = _TYPE_BEFORE_STROKE.search(line.text, start, stroke.start())
    follows = _split(sign[0])[:1]
    is_type = before is not None and before[2].translate(_DASHES) in type_of_abbreviation()
    if before is not None and is_type and stroke[1] is None and not set(follows) & set(type_of_abbreviation()):
        number, begin = (start, before.start()), before.start(2)
        return CodeLine(line, number, (begin, end), None, line.between(*number), 0.95 * weight)
    gap = line.between(start, stroke.start())
    return CodeLine(line, (start, stroke.start()), (stroke.end(), end), stroke[1], gap, weight)


def _of_party(line: Letters, start: int, weight: float) -> CodeLine | None:
    """Số 125-TB/HU: the dash parts number and notation; where it was lost, a known type before the stroke does."""
    found = _PARTY.match(line.text[start:])
    if found is not None:
        begin, end = start + found.start("sign"), start + found.end("sign")
        number = (start + found.start("number"), start + found.end("number"))
        return CodeLine(line, number, (begin, end), None, line.between(start, number[1]), weight)
    torn = re.search(r"([A-ZĐÐ][^\W\d_]{1,3})\s*[/⁄]\s*[^\W\d_][\w.&\-]*", line.text[start:])
    if torn is None or torn[1].translate(_DASHES) not in type_of_abbreviation():
        return None
    begin, end = start + torn.start(), start + torn.end()
    return CodeLine(line, (start, begin), (begin, end), None, line.between(start, begin), 0.6 * weight)


def _without_stroke(line: Letters, start: int, weight: float) -> CodeLine | None:
    """A line whose stroke was lost or read as a digit or letter (Số: 1230KH-UBND): a known type tells where it stood."""
    found = re.search(r"(\S*?)\s*[-–—]\s*([^\W\d_][\w.&]*(?:[-–—][^\W\d_][\w.&]*)?)\W*$", line.text[start:])
    if found is None or found.start() > 3 * _MOST_NUMBER:
        return None
    first = found[1].translate(_DASHES)
    short = max((one for one in type_of_abbreviation() if len(one) > 1 and first.endswith(one)), key=len, default=None)
    if short is None and not (first[-2:].isalnum() and any(map(str.isalpha, first[-2:]))):
        return None
    at = start + found.end(1) - (len(short) if short else 2)
    if sum(map(str.isalpha, line.text[start:at])) > _MOST_STRAY:
        return None  # an agency's name (SỞ LAO ĐỘNG - THƯƠNG BINH …)
    weight *= 0.6 if short else 0.4
    return CodeLine(line, (start, at), (at, start + found.end(2)), None, line.between(start, at), weight)


def _stroke(text: str, start: int) -> re.Match[str] | None:
    """The stroke before the notation: the first that a known type follows, else the first that letters follow."""
    found = [match for match in _STATE.finditer(text, start) if match.start() - start <= 3 * _MOST_NUMBER]
    for match in found:
        first = re.match(r"[^\W\d_]+", text[match.end() :])
        if first is not None and len(first[0]) > 1 and _tidy(first[0]) in type_of_abbreviation():
            return match
    return found[0] if found else None


def _end_of_sign(line: Letters, sign: re.Match[str]) -> int:
    """Without a last word that hangs on by a wide gap or is no part of a notation."""
    return sign.end() - (len(sign[0]) - len(sign[0].rstrip(" .,-–—&")))


def _number(raw: str, *, with_year: bool) -> tuple[str | None, float]:
    bare = re.sub(r"\s+", "", raw)
    plain = re.fullmatch(r"(\d{1,6})([A-Za-zĐđ]?)", bare)
    if plain is not None and bare.isascii():
        return bare, 0.5 if " " in raw else 1.0
    if with_year and re.fullmatch(r"\d{1,4}-\d{1,6}", bare):  # 52-118/2023/GP, as licences of some trades have it
        return bare, 0.9
    digits, score = as_digits(raw)
    return (digits, 0.6 * score) if 0 < len(digits) <= _MOST_NUMBER else (None, 0.0)


def _room(code: CodeLine, raw: str) -> float:
    """Less than 1 where the digits read fill too little of the gap: some were missed."""
    wide = code.gap[2] - code.gap[0]
    a_letter = code.line.span.height * 0.62
    return 1.0 if wide < (len(raw) + 2.2) * a_letter else 0.6


def _split(raw: str) -> list[str]:
    return [part for part in re.split(r"[-/]", _tidy(raw)) if part]


def _in_capitals(part: str) -> str:
    """`part`, small letters that look like capitals taken for such where at least half of it is in capitals (GTvT)."""
    if 2 * sum(map(str.isupper, part)) < len(part):
        return part
    return _SMALL_BEFORE_LARGE.sub(lambda found: found[0].translate(_AS_LARGE), part)


def _without_scraps(part: str) -> str:
    """The known type that `part` ends with, where what stands before it is no abbreviation's, but digits by hand (ZđŠQĐ)."""
    known = max((one for one in type_of_abbreviation() if len(one) > 1 and part.endswith(one)), key=len, default="")
    return part if re.fullmatch("[A-ZĐƯ0-9.&]*", part.removesuffix(known)) else known or part


def _as_known(part: str, known: Iterable[str], *, loosely: bool = False) -> str:
    """`part`, or the known form that it shows but for a mark or a letter often taken for another.

    `loosely`: the title says that it must be one of these, so one letter more or less will do as well.
    """
    forms = tuple(known)
    if part in forms:
        return part
    for form in forms:
        if letters(part) == letters(form) and (len(part) == len(form) or "Đ" in form):
            return form
    for form in forms:
        if (
            loosely
            and len(form) > 1
            and distance(letters(part), letters(form)) <= 1
            and part not in type_of_abbreviation()
        ):
            return form
        if len(part) == len(form) > 1 and distance(part, form) == 1:
            wrong = next((one, two) for one, two in zip(part, form, strict=True) if one != two)
            if wrong[0] in _TAKEN_FOR.get(wrong[1], ""):
                return form
        if "Đ" in form and part.replace("ĐĐ", "Đ").replace("ĐD", "Đ") == form:
            return form
    return part


def _tidy(sign: str) -> str:
    return re.sub(r"\s*([-/&+])\s*", r"\1", sign.translate(_DASHES)).strip()


def _is_sign(text: str) -> bool:
    parts = _split(text)
    return bool(parts) and all(sum(map(str.isupper, part)) >= 0.5 * sum(map(str.isalpha, part)) for part in parts)


def _evidence(line: Letters, start: int, end: int) -> tuple[Evidence, ...]:
    text = line.text[start:end]
    lead = len(text) - len(text.lstrip(" :.;"))
    return (line.evidence(start + lead, max(start + len(text.rstrip()), start + lead + 1)),)


def _before_body(below: Sequence[Span]) -> Iterable[Span]:
    for span in below[:14]:
        text = fold(span.text)
        if text.startswith(("can cu", "dieu 1", "kinh gui")):
            return
        yield span
