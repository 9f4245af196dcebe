"""Place and date of issue (Kiên Giang, ngày … tháng … năm …): of the head's right column, never of a stamp or running text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

from ocr_workers.reading.gaps import Letters, as_digits, is_blank, is_coloured
from ocr_workers.reading.marks import Pairs, places, put_right
from ocr_workers.reading.sight import Candidate, Sight
from ocr_workers.reading.spans import Sheet, Span
from ocr_workers.reading.syllables import is_syllable
from ocr_workers.reading.text import fold, letters, spaced
from ocr_workers.reading.zones import Head
from sohoa.model import Box, Evidence

_DATE = re.compile(
    r"n[gq9]a ?[yvjw](?P<day>[^a-z]{0,3}.{0,14}?)th? ?[aie4]n[gq](?P<month>.{0,12}?)"
    r"n[aie4]m(?P<year>[^a-z]{0,10}|\W{0,2}[a-z0-9]{4,5})"
)
_NAMES = ("day", "month", "year")
_NO_PLACE = re.compile(r"^(hom nay|cap (lan|lai|doi)|dang ky|so\b|luc |vao |(\d+ )?(gio|phut)\b)")
_NUMBERED_PLACE = re.compile(r"\b(Quận|Phường|Khu vực)\s+(\d{1,2})$")
_YEAR_ELSEWHERE = 0.1  # how sure it is that of a date the year alone was left out: it may stand on the next line
_RARE_ZERO = 0.4
_WORDS_OF_DATE = 6  # ngày … tháng … năm …
Part = list[tuple[str, float]]
"""Readings of one part of the date, best first; "" stands for a blank."""


@dataclass(frozen=True, slots=True)
class DateLine:
    """The line of the date, where its three parts stand, and the room left for each between the printed words."""

    line: Letters
    parts: dict[str, tuple[int, int]]
    gaps: dict[str, Box]
    place: tuple[int, int]
    score: float


def find_date(head: Head) -> DateLine | None:
    """The date of the head."""
    return (
        _first_date(head.right, 0.98)
        or _first_date(head.left, 0.9, placed=True)
        or _first_date(_near(head), 0.8, placed=True)
    )


def find_date_outside(feet: Sequence[Span], opening: Sequence[Span]) -> DateLine | None:
    """The date of a paper whose head has none: of `feet`, lines over a signature, which certificates have; or of its opening."""
    return _first_date(feet, 0.8, placed=True) or _first_date(opening, 0.98)


def dates_of_opening(sheet: Sheet) -> tuple[Span, ...]:
    """The dates of lines that begin with "Hôm nay": minutes, contracts and powers of attorney say there when they were made."""
    found = []
    for row in sheet.rows:
        texts = [fold(word.text).strip(" ,.;:") for word in row]
        if texts[:2] != ["hom", "nay"] or "thang" not in texts:
            continue
        days = [at for at in range(texts.index("thang")) if texts[at] == "ngay"]
        if days:
            found.append(sheet.span(row[days[-1] : days[-1] + _WORDS_OF_DATE]))
    return tuple(found)


def read_date(
    line: DateLine, sight: Sight, seen: dict[str, Part] | None = None, *, today: date
) -> tuple[Candidate, ...]:
    """Candidates for issued_date, best first; a value of None says that the day (or all) was left blank.

    `seen` holds readings of the parts from their pixels; they are weighed with what the words say.
    """
    page = line.line.span.page
    readings = {name: _weighed(name, read_part(line, name, sight), (seen or {}).get(name, [])) for name in _NAMES}
    raw = line.line.text[line.parts["day"][0] : line.parts["year"][1]].strip()
    whole = (line.line.evidence(_start_of_words(line), line.parts["year"][1]),)
    found = []
    for (day, p_day), (month, p_month), (year, p_year) in product(*(readings[name][:4] for name in _NAMES)):
        score = line.score * p_day * p_month * p_year
        blanks = [name for name, text in zip(_NAMES, (day, month, year), strict=True) if not text]
        if blanks:
            score *= _YEAR_ELSEWHERE if blanks == ["year"] else 1.0
            found.append(Candidate(None, raw, score, tuple(Evidence(page, line.gaps[name]) for name in blanks)))
            continue
        value = _iso(day, month, year)
        if value is not None:
            late = value > today.isoformat()
            found.append(Candidate(value, raw, score * (0.1 if late else 1.0), whole))
    best: dict[str | None, Candidate] = {}
    for candidate in sorted(found, key=lambda one: -one.score):
        best.setdefault(candidate.value, candidate)
    if not best:
        return (Candidate(None, raw, 0.03, whole),)
    return tuple(best.values())[:5]


def read_part(line: DateLine, name: str, sight: Sight) -> Part:
    """What the words say in one part's place; the empty text with a chance that it is blank."""
    start, end = line.parts[name]
    raw = line.line.text[start:end]
    page, gap = line.line.span.page, line.gaps[name]
    digits, plain = as_digits(raw)
    if not any(map(str.isalnum, raw)):
        blank = is_blank(sight, page, gap)
        return [("", {True: 0.93, None: 0.45, False: 0.1}[blank])]
    if not digits:
        return [("", 0.03)]
    sure = line.line.confidence(start, end)
    glued = line.line.text[start - 1 : start].isalpha() or line.line.text[end : end + 1].isalpha()
    score = (
        plain
        * sure
        * (0.8 if glued and name != "year" else 1.0)
        * (0.4 if is_coloured(sight, page, line.line.box(start, end)) else 1.0)
    )
    if not _possible(name, digits):
        return [("", 0.03)]
    return [(digits, score)]


_MISMARKED = 0.4  # a place that is a province's name but for its marks


def read_place(line: DateLine, own: Pairs) -> Candidate | None:
    """The place before ", ngày": marks put right against the list of provinces and the paper's own words."""
    start, end = line.place
    raw = line.line.text[start:end].strip(" ,.;:-–—_'\"“”·*|")
    numbered_ward = _NUMBERED_PLACE.search(raw)
    words = [word for word in raw.split() if any(map(str.isalpha, word))]
    words = [word.rstrip(".") if is_syllable(word.rstrip(".")) else word for word in words]  # Hà. Nội, but TP.
    numbered = [at for at, word in enumerate(words) if any(map(str.isdigit, word)) or word.endswith(":")]
    words = words[numbered[-1] + 1 :] if numbered else words  # the number's line, set beside it
    if words and _NO_PLACE.match(fold(" ".join(words))):
        return None
    while words and not words[0][0].isupper() and not (is_syllable(words[0]) and len(words[0]) > 1):
        words.pop(0)
    if not words or len(words) > 6:
        return None
    if words[0] == "la" and len(words) > 1:
        words[0] = "Ia"  # as places of the highlands begin; no name begins with a small letter
    value = spaced(" ".join(put_right([words[0][0].upper() + words[0][1:], *words[1:]], own)))
    same = next((name for name in places().values() if letters(name) == letters(value)), None)
    known = same is not None
    if same is not None and "-" in same:
        value = same  # the dash in Bà Rịa - Vũng Tàu is easily lost
    elif same is not None and same.casefold() != value.casefold():
        return Candidate(value, raw, _MISMARKED, (_place_evidence(line, raw),))
    if numbered_ward is not None and value.endswith(numbered_ward[1]):
        value = f"{value} {numbered_ward[2]}"
    sure = line.line.confidence(start, end)
    return Candidate(value, raw, (0.97 if known else 0.8) * (0.5 + 0.5 * sure), (_place_evidence(line, raw),))


def _place_evidence(line: DateLine, raw: str) -> Evidence:
    at = line.line.text.index(raw)
    return line.line.evidence(at, at + len(raw))


def _first_date(spans: Sequence[Span], weight: float, *, placed: bool = False) -> DateLine | None:
    """The first date in `spans`; `placed`: with a place before it, without which it may be of another paper."""
    dates = (_parse(span, weight) for span in spans)
    return next((date for date in dates if date is not None and (not placed or _is_placed(date))), None)


def _is_placed(date: DateLine) -> bool:
    """Whether a place stands before the date, and not what else was done on it (Đăng ký lần đầu, ngày …)."""
    before = date.line.text[: date.place[1]]
    return date.place[1] > 1 and _NO_PLACE.match(fold(before).strip()) is None


def _parse(span: Span, weight: float) -> DateLine | None:
    line = Letters.of(span)
    found = _DATE.search(line.folded)
    if found is None:
        return None
    before = line.text[: found.start()]
    if fold(before).strip().startswith(("can cu", "theo", "thuc hien", "gia tri")) or len(before.split()) > 9:
        return None
    parts = {name: _trimmed(line.text, *found.span(name)) for name in _NAMES}
    gaps = {name: line.between(*found.span(name)) for name in ("day", "month")}
    start = found.start("year")
    left, top, _, bottom = line.between(start, len(line.text))
    high = bottom - top
    printed = line.edges[max(parts["year"][1] - 1, 0)][1] if parts["year"][1] > start else left + 2.4 * high
    gaps["year"] = (left, top, round(max(printed, left + 1.2 * high)), bottom)
    no_comma = "," not in before[-4:] and "." not in before[-4:]
    return DateLine(line, parts, gaps, (0, found.start()), weight * (0.97 if before.strip() and not no_comma else 0.9))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum() and text[start] not in "|!/[]":
        start += 1
    while end > start and not text[end - 1].isalnum() and text[end - 1] not in "|!/[]":
        end -= 1
    return start, end


def _as_written(name: str, part: Part) -> Part:
    """Months from March on seldom have a zero before them (Nghị định 30/2020 wants it of January and February only)."""
    if name != "month":
        return part
    return [(text, chance * (_RARE_ZERO if text[:1] == "0" and int(text) > 2 else 1.0)) for text, chance in part]


def _weighed(name: str, words: Part, pixels: Part) -> Part:
    """Readings from words and from pixels as one: alike they strengthen, unlike they weaken each other."""
    if not pixels:
        return words
    chances: dict[str, float] = {}
    sure = dict(_plain(words))
    for text, chance in _plain(_as_written(name, pixels)):
        other = sure.get(text, 0.0)
        rival = max((score for said, score in sure.items() if said != text), default=0.0)
        chances[text] = (1 - (1 - chance) * (1 - other)) * (1 - 0.5 * rival * (1 - chance))
    for text, score in sure.items():
        if text not in chances:
            chances[text] = score * (1 - 0.9 * max((chance for _, chance in pixels), default=0.0))
    return sorted(((text, chance) for text, chance in chances.items()), key=lambda one: -one[1])


def _plain(part: Part) -> Part:
    """The same without leading zeros: 6 and 06 are one reading, as sure as both together."""
    together: dict[str, float] = {}
    for text, chance in part:
        plain = text.lstrip("0") or text
        together[plain] = min(together.get(plain, 0.0) + chance, 1.0)
    return list(together.items())


def _possible(name: str, digits: str) -> bool:
    number = int(digits)
    if name == "year":
        return len(digits) == 4 and 1945 <= number <= 2099
    return 1 <= number <= (31 if name == "day" else 12) and len(digits) <= 2


def _iso(day: str, month: str, year: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _start_of_words(line: DateLine) -> int:
    return line.place[1]


def _near(head: Head) -> tuple[Span, ...]:
    return tuple(span for span in head.below[:3] if len(span.words) < 14)
