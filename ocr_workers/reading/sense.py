"""Cross-checks between what was read: they raise or lower scores, and never make or change a value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ocr_workers.reading.code import initials, lacks_a_letter_of
from ocr_workers.reading.marks import is_doubtful
from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.spans import Sheet
from ocr_workers.reading.subject import STROKES_COUNTED, is_counted_in_strokes
from ocr_workers.reading.syllables import is_syllable
from ocr_workers.reading.text import fold, same
from sohoa.mandatory import mandatory_fields
from sohoa.paper_types import type_named, type_of_abbreviation

Candidates = dict[str, tuple[Candidate, ...]]
"""By field name, best first."""
_AGENCIES = ("organ_name", "parent_organ_name")
_HIGHLANDS = re.compile(r"(KR|KL|KP|PL|PR|RL|BL|BR|GR|ĐR|ML)|\w*Ă[KH]?$")
_CITED = re.compile(r"ngay\s*(\d{1,2})\s*(?:/|-|\.|thang)\s*(\d{1,2})\s*(?:/|-|\.|nam)\s*((?:19|20)\d\d)")
_STAMPED = re.compile(r"(?<!\d)(?:(\d{1,2})[./](\d{1,2})[./]((?:19|20)\d\d)|((?:19|20)\d\d)-(\d\d)-(\d\d)T)")
_TORN_YEARS = re.compile(r"\b(?:19|20)\d\d (?:19|20)\d\d\b")
_NO_LETTER = re.compile(r"[ÖöÏïÜüŠšŽžÇçÑñÅåØøÆæßŒœ€£¥§©®¢¿¡{}\[\]<>=|\\~]")
_OF_ANOTHER = 0.6  # how much less sure an agency is that the notation is not of
_UNLIKELY = 0.3  # how much less sure what has a word that with other marks would be far likelier there
_STRANGE = 0.5  # how much less sure what has a sign or letter that no Vietnamese text has
_IN_STROKES = re.compile(
    r"\b(?i:đợt|quý|lần|kỳ|khóa|khoá|phần|tập|cấp|hạng|loại|chương|giai đoạn|nhiệm kỳ)\s+(?:[IVX]*I|[A-ZĐ])\b"
)
_STROKES, _LABEL_IN_CAPITALS = 0.7, 0.7
"""How much less sure a subject is that counts in Roman strokes (quý II), of which engines lose some; and whose label is V/V."""
_TORN, _OTHER_MARKS = 0.7, 0.7
"""How much less sure two years are between which a dash was lost (2017 2022), and a name of which another part of the head says
other marks."""
_BEFORE_CITED, _CONTRADICTED = 0.3, 0.15
"""How much less sure a day is before one that the paper cites, either of which may be misread; and one that the number's year or
an electronic signature speak against. Neither is accepted."""
_ON_A_FORM, _OF_TWO_SIDES = 0.3, {"Biên bản": 0.6, "Hợp đồng": 0.3, "Bản thỏa thuận": 0.3, "Bản ghi nhớ": 0.3}
"""How much less sure it is who signed a form of the desk, which names clerks and citizens, too, and a paper of two sides."""
_HEADS = (
    (re.compile(r"bo truong"), re.compile(r"bo\b")),
    (re.compile(r"(pho )?(tong )?cuc truong"), re.compile(r"((tong )?cuc|bo)\b")),
    (
        re.compile(r"(pho )?vu truong"),
        re.compile(r"(vu|bo|tong cuc|van phong|ngan hang|vien|uy ban dan toc|ban|toa|kiem toan|thanh tra)\b"),
    ),
    (re.compile(r"(pho )?vien truong"), re.compile(r"(vien|vks\w*)\b")),
    (re.compile(r"(pho )?chanh (an|toa)"), re.compile(r"(toa|tand\w*)\b")),
    (re.compile(r"(pho )?hieu truong"), re.compile(r"(phan hieu )?truong\b")),
    (re.compile(r"(pho )?bi thu"), re.compile(r".*\b(uy|doan|chi bo|dang bo|thuong vu)\b")),
    (
        re.compile(r"(pho )?chu tich"),
        re.compile(
            r".*\b(ubnd|hdnd|(ub)?mttq\w*|uy ban|hoi dong|(?<!xa )hoi|lien doan|lien minh|cong doan|cong ty|mat tran|nuoc)\b"
        ),
    ),
    (
        re.compile(r"(pho )?giam doc"),
        re.compile(r"(?!ubnd|hdnd|uy ban|hoi dong|toa an|vien kiem sat|bo |vu |(tinh|thanh|huyen|quan|thi|dang) uy)"),
    ),
)
"""Heads of agencies (folded), and what the names of agencies match, from their beginning, that have such a head. A head that
many kinds of agencies have is not among them."""
_BY_ORDER = ("TL.", "TUQ.")  # who signs so heads a part of the agency, or none
_NOT_ITS_HEAD = 0.5
_HAS_NONE = 0.4  # how much less sure a subject is on a paper of a type that has none
_LONGEST_WAIT = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Days:
    """What other dates of the paper say: the latest one it cites as past, and when it was signed or copied electronically."""

    cited: date | None
    signed: date | None


def days_on(sheets: Sequence[Sheet]) -> Days:
    """Dates of page 1 that bound the day of issue."""
    cited: list[date] = []
    signed: list[date] = []
    for sheet in sheets[:1]:
        texts = [fold(sheet.span(row).text) for row in sheet.rows]
        for at, text in enumerate(texts):
            if re.match(r"^\W*(can cu|thuc hien|theo|xet|tiep theo)\b", text):
                cited += [
                    day for match in _CITED.finditer(" ".join(texts[at : at + 2])) if (day := _day(match.groups()))
                ]
            if "ky" in text or "sao y" in text or "+07" in text:
                for match in _STAMPED.finditer(" ".join(texts[at : at + 2])):
                    parts = match.groups()[:3] if match[1] else (match[6], match[5], match[4])
                    day = _day(parts)
                    signed += [day] if day else []
    return Days(max(cited, default=None), max(signed, default=None))


def weigh(found: Candidates, days: Days, code_year: str | None) -> Candidates:
    """The same candidates of a head with scores that the checks lower or raise, best first again."""
    weighed = dict(found)
    weighed["issued_date"] = tuple(
        _scaled(one, _date_sense(one.value, days, code_year)) for one in found.get("issued_date", ())
    )
    type_name = _first(found, "type_name")
    organ = _first(found, "organ_name")
    weighed["code_notation"] = tuple(
        _scaled(one, _notation_sense(one.value, type_name, organ)) for one in found.get("code_notation", ())
    )
    for name in ("subject", "organ_name", "parent_organ_name", "place"):
        weighed[name] = tuple(
            _scaled(one, (0.6 if name in _AGENCIES else 0.8) ** len(impossible_words(one.value or "")))
            for one in found.get(name, ())
        )
    for name in ("subject", "organ_name", "parent_organ_name"):
        weighed[name] = tuple(
            _scaled(one, _STRANGE if _NO_LETTER.search(one.value or "") else 1.0) for one in weighed[name]
        )
        weighed[name] = tuple(_scaled(one, _UNLIKELY if is_doubtful(one.value or "") else 1.0) for one in weighed[name])
    weighed["subject"] = tuple(_scaled(one, _subject_sense(one)) for one in weighed["subject"])
    kind = type_named(type_name) if type_name else None
    if kind is not None and kind.kind != "form" and "subject" not in mandatory_fields(kind.name):
        weighed["subject"] = tuple(_scaled(one, _HAS_NONE) for one in weighed["subject"])
    notation = _first(found, "code_notation")
    if notation is not None and (kind is None or kind.kind != "form"):
        weighed["organ_name"] = tuple(
            _scaled(one, _organ_sense(one.value or "", notation)) for one in weighed["organ_name"]
        )
    place = _first(found, "place")
    for name in _AGENCIES if place else ():
        weighed[name] = tuple(_scaled(one, _place_sense(one.value or "", place or "")) for one in weighed[name])
    return {name: tuple(sorted(ones, key=lambda one: -one.score)) for name, ones in weighed.items() if ones}


def weigh_received(found: Candidates) -> Candidates:
    """The same candidates; the day of receipt is told by the dossier's code as well."""
    code = _first(found, "dossier_code")
    if code is None or not found.get("received_date"):
        return found
    received = tuple(
        _scaled(one, 1.05 if one.value and one.value[2:].replace("-", "") == code.split("-")[1] else 0.8)
        for one in found["received_date"]
    )
    return found | {"received_date": received}


def weigh_signed(found: Candidates, type_name: str | None, organ: str | None) -> Candidates:
    """The same candidates for who signed, less sure where others than the signer have their names on such a paper, and a
    position where an agency like `organ` has no such head."""
    by_order = _first(found, "signing_authority") in _BY_ORDER
    weighed = {
        name: tuple(_scaled(one, _head_sense(one.value, organ)) for one in ones)
        if name == "signer_position" and not by_order
        else ones
        for name, ones in found.items()
    }
    kind = type_named(type_name) if type_name else None
    if kind is None or (kind.kind != "form" and kind.name not in _OF_TWO_SIDES):
        return weighed
    factor = _ON_A_FORM if kind.kind == "form" else _OF_TWO_SIDES[kind.name]
    return {name: tuple(_scaled(one, factor) for one in ones) for name, ones in weighed.items()}


def impossible_words(text: str) -> list[str]:
    """Words in small letters, or in capitals of a length or with marks that no code has, that no Vietnamese syllable is spelt
    like."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 1]
    spelt = [word for word in words if word.islower() or len(word) > 7 or (word.isupper() and _is_marked(word))]
    return [word for word in spelt if not is_syllable(word)]


def _is_marked(word: str) -> bool:
    """Whether a letter but Đ has a mark, and the word is none of the highlands' (KRÔNG, ĐĂK), which are spelt otherwise."""
    return fold(word) != word.lower().replace("đ", "d") and _HIGHLANDS.match(word) is None


def _place_sense(agency: str, place: str) -> float:
    """Less than 1 where the agency is named after the place of the date in the same letters but with other marks: one of the
    two was read wrongly."""
    words = [word.strip(".,;:") for word in agency.split()]
    size = len(place.split())
    for at in range(len(words) - size + 1):
        part = " ".join(words[at : at + size])
        if fold(part) == fold(place) and not all(map(same, part.split(), place.split())):
            return _OTHER_MARKS
    return 1.0


def _organ_sense(organ: str, notation: str) -> float:
    """Less than 1 where the notation tells that a word of the agency, or the agency below it, was not read."""
    is_committee = fold(organ).startswith(("uy ban nhan dan", "ubnd"))
    of_another = is_committee and not any(part.startswith("UB") for part in re.split(r"[-/]", notation))
    return _OF_ANOTHER if of_another or lacks_a_letter_of(organ, notation) else 1.0


def _subject_sense(one: Candidate) -> float:
    value = one.value or ""
    factor = _TORN if _TORN_YEARS.search(value) else 1.0
    in_strokes = [found[0] for found in _IN_STROKES.finditer(value)]
    are_counted = one.source == STROKES_COUNTED and all(map(is_counted_in_strokes, in_strokes))
    factor *= _STROKES if in_strokes and not are_counted else 1.0
    return factor * (_LABEL_IN_CAPITALS if re.match(r"\W*V?/V\b", value) else 1.0)


def _head_sense(position: str | None, organ: str | None) -> float:
    if position is None or organ is None:
        return 1.0
    agencies = next((agencies for head, agencies in _HEADS if head.fullmatch(fold(position))), None)
    if agencies is None or any(agencies.match(one) for one in fold(organ).split(" - ")):  # several issue a joint paper
        return 1.0
    return _NOT_ITS_HEAD


def _date_sense(value: str | None, days: Days, code_year: str | None) -> float:
    if value is None:
        return 1.0
    day = date.fromisoformat(value)
    factor = 1.0
    if days.cited is not None and days.cited > day:
        factor *= _BEFORE_CITED
    if days.signed is not None:
        factor *= 1.04 if day <= days.signed <= day + _LONGEST_WAIT else _CONTRADICTED
    if code_year is not None and int(code_year) != day.year:
        factor *= _CONTRADICTED
    return factor


def _notation_sense(value: str | None, type_name: str | None, organ: str | None) -> float:
    if value is None:
        return 1.0
    parts = re.split(r"[-/]", value)
    kind = type_named(type_name) if type_name else None
    factor = 1.0
    said = type_of_abbreviation().get(parts[0])
    if kind is not None and kind.abbreviations and said is not None and kind.name != said.name:
        factor *= 0.6
    if organ is not None and any(part in initials(organ) for part in parts):
        factor *= 1.03
    return factor


def _first(found: Candidates, name: str) -> str | None:
    return found[name][0].value if found.get(name) else None


def _scaled(candidate: Candidate, factor: float) -> Candidate:
    return replace(candidate, score=min(candidate.score * factor, 0.99))


def _day(parts: Sequence[str | None]) -> date | None:
    try:
        return date(int(parts[2] or 0), int(parts[1] or 0), int(parts[0] or 0))
    except ValueError:
        return None
