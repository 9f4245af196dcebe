"""The entry: every field of a paper from its pages, with evidence and raw confidence."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from ocr_workers.reading.by_hand import ByHand
from ocr_workers.reading.code import CodeLine, find_code, read_notation, read_number, unread_code
from ocr_workers.reading.foot import dates_at_foot, read_recipients
from ocr_workers.reading.gaps import ends_high
from ocr_workers.reading.header import find_agencies, read_agency
from ocr_workers.reading.issued import DateLine, Part, find_date, read_date, read_place
from ocr_workers.reading.labels import read_codes, read_labels, read_validity
from ocr_workers.reading.language import VIETNAMESE, read_language
from ocr_workers.reading.marks import Pairs, pairs_of
from ocr_workers.reading.sense import Candidates, days_on, weigh
from ocr_workers.reading.sight import Candidate, Sight
from ocr_workers.reading.spans import Sheet, Span, sheet_of
from ocr_workers.reading.splits import Split, propose_splits
from ocr_workers.reading.stamps import SECRET, Look, look_at_marks, read_priority, read_security_mark
from ocr_workers.reading.subject import find_about, find_subject, read_subject
from ocr_workers.reading.text import agency, fold, letters, name_of_person, sentence
from ocr_workers.reading.types import Title, read_type, title_in
from ocr_workers.reading.zones import Head, find_head, left_of_two, secrecy, urgency
from sohoa.model import Box, Evidence, Field, Page
from sohoa.paper_types import type_named
from sohoa.states import PageStatus

_AGENCIES = ("organ_name", "parent_organ_name")
_PERSONS = ("signer_name", "applicant_name")
_BODY = re.compile(r"^\W*(can cu|kinh gui|dieu 1\b)")
_FIRST_KEPT, _LAST_KEPT = 20, 20  # pages of a long paper that fields are looked for on
_FRESH = 0.5  # of the page's height: a title stands above


HandReader = Callable[[Page, Sight], ByHand]
"""Digits written or stamped between the printed words of a page's head."""
SignatureReader = Callable[[Sequence[Page], Sight], Candidates]
"""Candidates for signer_name, signer_position and signing_authority."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read of a paper.

    `fields` holds the best candidate of each field looked for, `candidates` all of them, best first, for who calibrates,
    compares or looks again. `splits` are only proposed. Where the paper bears a secret mark, `security_mark` is in
    `fields` and nothing else was read.
    """

    fields: dict[str, Field] = field(default_factory=dict)
    candidates: Candidates = field(default_factory=dict)
    splits: tuple[Split, ...] = ()

    @property
    def secret(self) -> bool:
        return "security_mark" in self.fields


def read_fields(
    pages: Sequence[Page],
    sight: Sight,
    *,
    today: date,
    digits: HandReader | None = None,
    signature: SignatureReader | None = None,
    known: Callable[[Candidates], Candidates] | None = None,
    calibrate: Callable[[str, Sequence[Candidate]], float] | None = None,
    look: Look | None = None,
    mark_released: bool = False,
) -> Reading:
    """Read `pages` of one document.

    `look` reads a crop of one line: red boxed marks at the head, which the page's own pass may have missed, are shown to it.
    `known` is the office's dictionary: it may change scores of candidates that have evidence, nothing else.
    `calibrate(name, candidates)` gives the chance that the first is right; without it, confidence is its raw score.
    `mark_released`: a person has seen that the paper bears no security mark.
    """
    through = _Through(pages)
    splits = propose_splits(through.sheets())
    sheets = through.ends
    looked = look_at_marks(sheets[0], sight, look) if look is not None and sheets else ()
    secret = through.secret or next((one for one in looked if one.value in SECRET), None)
    if secret is not None and not mark_released:
        return _reading({"security_mark": (secret,)}, calibrate, ())
    found = _whole([sheet.page for sheet in sheets], through.written)
    written = [sheet for sheet in sheets if sheet.rows]
    language = found.get("language")
    if not written or (language and language[0].value != VIETNAMESE):
        return _reading(found, calibrate, splits)
    own_end = next((split.page for split in splits if split.score >= 0.9), pages[-1].number + 1)
    written = [sheet for sheet in written if sheet.page.number < own_end or sheet is written[0]]
    found |= _of_paper(written, sight, today=today, digits=digits)
    if looked and "priority" not in found:
        found["priority"] = looked[:1]
    if signature is not None:
        found |= {name: ones for name, ones in signature([sheet.page for sheet in written], sight).items() if ones}
    if known is not None:
        found = known(found)
    return _reading(found, calibrate, splits)


class _Through:
    """One way through all pages, of which only the first and the last stay in memory."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages
        self._first: list[Sheet] = []
        self._last: deque[Sheet] = deque(maxlen=_LAST_KEPT)
        self.secret: Candidate | None = None
        self.written = 0

    @property
    def ends(self) -> list[Sheet]:
        return [*self._first, *self._last]

    def sheets(self) -> Iterator[Sheet]:
        for at, page in enumerate(self._pages):
            sheet = sheet_of(left_of_two(page))
            self.written += page.status != PageStatus.BLANK.value
            self.secret = self.secret or read_security_mark([sheet], first=at)
            (self._first if at < _FIRST_KEPT else self._last).append(sheet)
            yield sheet


def _of_paper(sheets: Sequence[Sheet], sight: Sight, *, today: date, digits: HandReader | None) -> Candidates:
    """All that stands on the paper itself: the head of its first page, title and subject, its foot, what has labels."""
    first = sheets[0]
    hand = ByHand() if digits is None else digits(first.page, sight)
    own = pairs_of([sheet.page for sheet in sheets[:4]])
    head = find_head(first.page, first)
    title = title_in(_near_top(first, head))
    code, day = find_code(head), find_date(head)
    kind = title.type if title is not None else None
    if day is None and (kind is None or kind.kind != "act"):
        day = find_date(Head("none", 0.0, 0.0, (), (), ()), dates_at_foot(sheets[-1]))
    place = None if day is None else read_place(day, own)
    agencies = _agencies(head, title, code, own, place=place.value if place is not None else None)
    organ = agencies.get("organ_name")
    notation = None if code is None else read_notation(code, kind, organ[0].value if organ else None)
    about = () if head.kind == "none" and code is None else find_about(first, head, title, _bottom(first, code))
    found: Candidates = dict(agencies)
    found["type_name"] = read_type(title, notation, about)
    unread = unread_code(head) if code is None else None
    if unread is not None:
        found["code_number"] = (Candidate(None, "", 0.02, (unread,)),)
        found["code_notation"] = (Candidate(None, "", 0.02, (unread,)),)
    if code is not None:
        found["code_number"] = _number(code, sight, hand)
    if notation is not None:
        found["code_notation"] = (notation,)
    if day is not None:
        found["issued_date"] = read_date(day, sight, _parts(day, hand), today=today)
        found["place"] = _one(place)
    found["subject"] = _subjects(first, head, title, about, own, sight, agencies)
    found["recipients"] = _one(read_recipients(sheets[::-1], own))
    found["priority"] = _one(read_priority(sheets))
    found |= _labelled(sheets, found["type_name"][0])
    return weigh({name: ones for name, ones in found.items() if ones}, days_on(sheets), code.year if code else None)


def _near_top(sheet: Sheet, head: Head) -> list[Span]:
    """Rows that may hold the type's name: under the head, in the upper part of the page."""
    spans = [span for span in head.below if span.box[1] < _FRESH * sheet.page.height_px]
    end = next((at for at, span in enumerate(spans) if _BODY.match(fold(span.text))), len(spans))
    spans = [span for span in spans[:end] if not (urgency(span.text) or secrecy(span.text))]
    return spans or [span for span in head.right if len(letters(span.text)) < 60]


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
        read_subject(lines, own, born_digital=born_digital, capitals=_labelled_high(lines[0], sight))
        for lines in ways
        if lines
    ]
    return tuple(one for one in read if one is not None and one.value)


def _labelled_high(line: Span, sight: Sight) -> bool:
    """Whether the line begins with V/V and not V/v."""
    label = line.words[0]
    return label.text.upper() in ("V/V", "V⁄V") and ends_high(sight, line.page, label.box)


def _number(code: CodeLine, sight: Sight, hand: ByHand) -> tuple[Candidate, ...]:
    """From words and from pixels: what agrees is strengthened, what does not is weakened by its rival."""
    words = read_number(code, sight)
    if hand.room is None or not _meet(hand.room, code.gap):
        return (words,)
    page = code.line.span.page
    found: dict[str | None, Candidate] = {}
    for text, chance in hand.number:
        place = words.evidence if text and words.value is not None else (Evidence(page, code.gap),)
        alike = words.value == (text or None)
        score = 1 - (1 - chance) * (1 - words.score) if alike else chance * (1 - 0.5 * words.score * (1 - chance))
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


def _labelled(sheets: Sequence[Sheet], type_name: Candidate) -> Candidates:
    kind = type_named(type_name.value or "")
    found: dict[str, Candidate] = read_codes(sheets[:2]) if kind is None or kind.kind != "act" else {}
    if kind is not None and kind.kind in ("form", "certificate"):
        found |= read_labels(sheets[:3], form=kind.kind == "form")
    if kind is not None and kind.kind == "certificate":
        found |= read_validity(sheets)
    return {name: (one,) for name, one in found.items()}


def _whole(pages: Sequence[Page], written: int) -> Candidates:
    """What is told by all pages together, of which `written` are not blank."""
    language = read_language(pages)
    found: Candidates = {"page_amount": (Candidate(str(written), "", 0.97, ()),)}
    return found | ({"language": (language,)} if language is not None else {})


def _reading(
    found: Candidates, calibrate: Callable[[str, Sequence[Candidate]], float] | None, splits: tuple[Split, ...]
) -> Reading:
    fields = {}
    for name, ones in found.items():
        if not ones:
            continue
        best = ones[0]
        confidence = best.score if calibrate is None else calibrate(name, ones)
        fields[name] = Field(best.value, round(confidence, 4), best.evidence, best.raw, _display(name, best.value))
    return Reading(fields, {name: ones for name, ones in found.items() if ones}, splits)


def _display(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    if name in _AGENCIES:
        return agency(value)
    if name in _PERSONS:
        return name_of_person(value)
    return sentence(value) if name in ("subject", "signer_position", "priority", "security_mark") else value


def _bottom(sheet: Sheet, code: CodeLine | None) -> float | None:
    return None if code is None else sheet.level(code.line.span.box)


def _one(candidate: Candidate | None) -> tuple[Candidate, ...]:
    return () if candidate is None else (candidate,)
