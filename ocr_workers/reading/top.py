"""What one reading of page 1 says of its head: type, number, notation, date, place, agencies and subject."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ocr_workers.reading.by_hand import ByHand
from ocr_workers.reading.code import UNREAD, CodeLine, find_code, read_notation, read_number, unread_code
from ocr_workers.reading.foot import dates_at_foot
from ocr_workers.reading.gaps import ends_high
from ocr_workers.reading.header import find_agencies, read_agency
from ocr_workers.reading.issued import (
    DateLine,
    Part,
    dates_of_opening,
    find_date,
    find_date_outside,
    read_date,
    read_place,
)
from ocr_workers.reading.marks import Pairs
from ocr_workers.reading.sense import Candidates, Days, weigh
from ocr_workers.reading.sight import Candidate, Sight
from ocr_workers.reading.spans import Sheet, Span
from ocr_workers.reading.subject import find_about, find_subject, is_labelled, is_of_the_title, read_subject
from ocr_workers.reading.text import fold, letters
from ocr_workers.reading.types import Title, is_title, read_type, title_in
from ocr_workers.reading.zones import Head, find_head, secrecy, urgency
from sohoa.model import Box, Evidence, Page

_BODY = re.compile(r"^\W*(can cu|kinh gu|dieu 1\b)")
_D_OR_DD = 0.5  # a suffix D may be a Đ, which digit readers do not know
_STROKE_FOR_LETTER = 0.7  # a suffix that the words lack is rather the stroke behind the number
_READ_AS_PRINT, _DENIED = (
    0.5,
    0.7,
)  # print that two readers read differently is never sure: a frame's line made 726 a 226
_SIDE = 0.3
_UNLABELLED = 0.4  # a subject whose V/v was not read
_OF_THE_TITLE = 0.3  # one that may be more of the type's name
_FRESH = 0.5  # of the page's height: a title stands above

HandReader = Callable[[Page, Sight, Container[str]], ByHand]
"""Digits written or stamped between the printed words of a page's head, of the fields that are wanted."""
DIGITS = frozenset({"code_number", "issued_date"})
"""The fields that may be written by hand."""


@dataclass(frozen=True, slots=True)
class Top:
    """Where one reading found head and title, and its candidates by field."""

    head: Head
    title: Title | None
    found: Candidates


def read_top(
    sheet: Sheet,
    *,
    last: Sheet,
    sight: Sight,
    own: Pairs,
    days: Days,
    today: date,
    digits: HandReader | None,
    by_hand: Container[str] = DIGITS,
) -> Top:
    """Read the head of page 1. `last` is the paper's last page, where certificates have their date; `own` and `days` are what
    the whole paper tells of its words and dates; of the fields `by_hand` the pixels are asked as well."""
    hand = ByHand() if digits is None else digits(sheet.page, sight, by_hand)
    head = find_head(sheet.page, sheet)
    title = title_in(_near_top(sheet, head))
    code, day = find_code(head), find_date(head)
    kind = title.type if title is not None else None
    if day is None:
        is_act = kind is not None and kind.kind == "act"
        day = find_date_outside(() if is_act else dates_at_foot(last), dates_of_opening(sheet))
    place = None if day is None else read_place(day, own)
    agencies = _agencies(head, title, code, own, place=place.value if place is not None else None)
    organ = agencies.get("organ_name")
    notation = None if code is None else read_notation(code, kind, organ[0].value if organ else None)
    bottom = None if code is None else sheet.level(code.line.span.box)
    about = () if head.kind == "none" and code is None else find_about(sheet, head, title, bottom)
    found: Candidates = dict(agencies)
    found["type_name"] = read_type(title, notation, [line for line in about[:1] if is_labelled(line)])
    unread = unread_code(head) if code is None else None
    if unread is not None:
        found["code_number"] = (Candidate(None, "", UNREAD, (unread,)),)
        found["code_notation"] = (Candidate(None, "", UNREAD, (unread,)),)
    if code is not None:
        found["code_number"] = tuple(
            replace(one, score=_D_OR_DD * one.score) if (one.value or "").endswith("D") else one
            for one in _number(code, sight, hand)
        )
    if notation is not None:
        found["code_notation"] = (notation,)
    if day is not None:
        found["issued_date"] = read_date(day, sight, _parts(day, hand), today=today)
        found["place"] = () if place is None else (place,)
    found["subject"] = _subjects(sheet, head, title, about, own, sight, agencies)
    return Top(head, title, weigh(found, days, code.year if code else None))


def _near_top(sheet: Sheet, head: Head) -> list[Span]:
    """Rows that may hold the type's name: under the head, in the upper part of the page."""
    spans = [span for span in head.below if span.box[1] < _FRESH * sheet.page.height_px]
    end = next((at for at, span in enumerate(spans) if _BODY.match(fold(span.text))), len(spans))
    spans = [span for span in spans[:end] if not (urgency(span.text) or secrecy(span.text))]
    inner = [span for span in spans if not _at_a_side(span, sheet)]
    spans = inner if any(map(is_title, inner)) else spans
    return spans or [span for span in head.right if len(letters(span.text)) < 60]


def _at_a_side(span: Span, sheet: Sheet) -> bool:
    """Whether a row stands at one side of the page, as a stamp's lines do."""
    return span.box[2] < _SIDE * sheet.width or span.box[0] > (1 - _SIDE) * sheet.width


def _agencies(head: Head, title: Title | None, code: CodeLine | None, own: Pairs, *, place: str | None) -> Candidates:
    above = []
    for span in head.below:
        if title is not None and span.box[1] >= title.spans[0].box[1]:
            break
        above.append(span)
    over_title = above if title is not None else []
    at = None if code is None else (code.line.span.box[1] + code.line.span.box[3]) / 2 - 0.3 * code.line.span.height
    joint = code is not None and code.line.text[code.sign[0] : code.sign[1]].count("-") > 1
    groups = find_agencies(head, over_title, at, place=place, joint=joint)
    if not groups:
        return {}
    organ = read_agency(groups[-1], own)
    weaker = (1.0 if head.kind != "none" else 0.8) * 0.7 ** _torn(head, groups, at)
    found: Candidates = {"organ_name": (replace(organ, score=organ.score * weaker),)}
    if len(groups) > 1:
        found["parent_organ_name"] = (read_agency(groups[-2], own),)
    else:
        found["parent_organ_name"] = (Candidate(None, "", organ.score * 0.9, organ.evidence),)
    return found


def _torn(head: Head, groups: Sequence[Sequence[Span]], code_at: float | None) -> int:
    """Lines over the number that are no agency's: a stamp or a scratch may have eaten a part of the name."""
    used = {word.box for lines in groups for span in lines for word in span.words}
    above = [span for span in head.left if code_at is None or (span.box[1] + span.box[3]) / 2 < code_at]
    return sum(len(letters(span.text)) > 4 and not used & {word.box for word in span.words} for span in above)


def _subjects(
    sheet: Sheet,
    head: Head,
    title: Title | None,
    about: Sequence[Span],
    own: Pairs,
    sight: Sight,
    agencies: Candidates,
) -> tuple[Candidate, ...]:
    names = [ones[0].value for ones in agencies.values() if ones[0].value]
    born_digital = sheet.page.lane == "text_layer"
    ways = [find_subject(sheet, head, title, names), tuple(about)]
    read = [
        read_subject(lines, own, sight, born_digital=born_digital, capitals=_labelled_high(lines[0], sight))
        for lines in ways
        if lines
    ]
    labelled = title is not None or not about or is_labelled(about[0])
    doubt = (1.0 if labelled else _UNLABELLED) * (_OF_THE_TITLE if is_of_the_title(ways[0], title) else 1.0)
    return tuple(replace(one, score=doubt * one.score) for one in read if one is not None and one.value)


def _labelled_high(line: Span, sight: Sight) -> bool:
    """Whether the line begins with V/V and not V/v."""
    label = line.words[0]
    return label.text.upper() in ("V/V", "V⁄V") and ends_high(sight, line.page, label.box)


def _number(code: CodeLine, sight: Sight, hand: ByHand) -> tuple[Candidate, ...]:
    """From words and from pixels: what agrees is strengthened, what does not is weakened by its rival."""
    words = read_number(code, sight)
    if hand.room is None or not _meet(hand.room, code.gap) or "-" in (words.value or ""):
        return (words,)
    page = code.line.span.page
    found: dict[str | None, Candidate] = {}
    for text, chance in hand.number:
        place = words.evidence if text and words.value is not None else (Evidence(page, code.gap),)
        alike = words.value == (text or None)
        score = 1 - (1 - chance) * (1 - words.score) if alike else chance * (1 - 0.5 * words.score * (1 - chance))
        if text[-1:].isalpha() and text[:-1] == words.value:
            score *= _STROKE_FOR_LETTER
        if not alike and words.value is not None and words.score >= _READ_AS_PRINT:
            score *= _DENIED
        found[text or None] = Candidate(
            text or None, words.raw, score * code.score, place, "words+digits" if alike else "digits"
        )
    if words.value not in found and words.score > 0:
        best = max((one.score for one in found.values()), default=0.0)
        found[words.value] = replace(words, score=words.score * (1 - 0.9 * best))
    return tuple(sorted(found.values(), key=lambda one: -one.score))


def _parts(day: DateLine, hand: ByHand) -> dict[str, Part]:
    """What the pixels say in the gaps of the date."""
    return {name: part for name, part in hand.parts.items() if part and _meet(hand.rooms[name], day.gaps[name])}


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]
