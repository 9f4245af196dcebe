"""The entry: every field of a paper from its pages, with evidence and raw confidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from ocr_workers.reading.foot import read_recipients
from ocr_workers.reading.labels import read_codes, read_labels, read_validity
from ocr_workers.reading.language import VIETNAMESE, read_language
from ocr_workers.reading.marks import pairs_of
from ocr_workers.reading.second_look import Again, Part, least_sure, parts_of
from ocr_workers.reading.sense import Candidates, days_on, weigh_received, weigh_signed
from ocr_workers.reading.sight import Candidate, Sight
from ocr_workers.reading.spans import Sheet, sheet_of
from ocr_workers.reading.splits import Split, propose_splits
from ocr_workers.reading.stamps import SECRET, Look, look_at_marks, read_priority, read_security_mark
from ocr_workers.reading.text import agency, name_of_person, sentence
from ocr_workers.reading.top import DIGITS, HandReader, Top, read_top
from ocr_workers.reading.votes import agree, voted
from ocr_workers.reading.zones import left_of_two
from sohoa.model import Field, Page
from sohoa.paper_types import type_named
from sohoa.states import PageStatus

_AGENCIES = ("organ_name", "parent_organ_name")
_LEFT = (*_AGENCIES, "code_number", "code_notation")
_RIGHT = ("issued_date", "place")
_PERSONS = ("signer_name", "applicant_name")
_FIRST_KEPT, _LAST_KEPT = 20, 20  # pages of a long paper that fields are looked for on
_PAGES_COUNTED, _PAGES_IN_DOUBT = 0.97, 0.1

Sure = Callable[[str, Sequence[Candidate]], bool]
"""Whether a field's candidates need no second look."""
SignatureReader = Callable[[Sequence[Page], Sight], Candidates]
"""Candidates for signer_name, signer_position and signing_authority."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read of a paper.

    `fields` holds the best candidate of each field looked for, `candidates` all of them, best first, for who calibrates or
    compares; `alone` those of the page's own pass, before other readings of the head voted. `splits` are only proposed.
    Where the paper bears a secret mark, `security_mark` is in `fields` and nothing else was read.
    """

    fields: dict[str, Field] = field(default_factory=dict)
    candidates: Candidates = field(default_factory=dict)
    splits: tuple[Split, ...] = ()
    alone: Candidates = field(default_factory=dict)

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
    again: Again | None = None,
    sure: Sure | None = None,
    mark_released: bool = False,
) -> Reading:
    """Read `pages` of one document.

    `look` reads a crop: red marks at the head, which the page's own pass may have missed, are shown to it.
    `again` gives other readings of parts of page 1's head, for a vote, unless their fields are `sure`.
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
    found = _whole([sheet.page for sheet in sheets], through, splits)
    written = [sheet for sheet in sheets if sheet.rows]
    language = found.get("language")
    if not written or (language and language[0].value != VIETNAMESE):
        return _reading(found, calibrate, splits)
    own_end = next((split.page for split in splits if split.score >= 0.9), pages[-1].number + 1)
    written = [sheet for sheet in written if sheet.page.number < own_end or sheet is written[0]]
    of_paper, alone = _of_paper(written, sight, today=today, digits=digits, again=again, sure=sure or _never)
    found |= of_paper
    urgent = tuple(one for one in looked if one.value not in SECRET)
    if urgent and "priority" not in found:
        found["priority"] = urgent[:1]
    if signature is not None:
        signed = signature([sheet.page for sheet in written], sight)
        weighed = weigh_signed(
            signed, found["type_name"][0].value, found["organ_name"][0].value if "organ_name" in found else None
        )
        found |= {name: ones for name, ones in weighed.items() if ones}
    found = _typed(found, {sheet.page.number for sheet in sheets if sheet.page.lane == "text_layer"})
    if known is not None:
        found = known(found)
    return replace(_reading(found, calibrate, splits), alone=alone)


def _typed(found: Candidates, pages: Set[int]) -> Candidates:
    """The same; candidates that stand on `pages`, whose text the file itself holds, say that no engine read them."""
    return {
        name: tuple(
            replace(one, votes=0, looks=0) if one.evidence and {place.page for place in one.evidence} <= pages else one
            for one in ones
        )
        for name, ones in found.items()
    }


class _Through:
    """One way through all pages, of which only the first and the last stay in memory."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages
        self._first: list[Sheet] = []
        self._last: deque[Sheet] = deque(maxlen=_LAST_KEPT)
        self.secret: Candidate | None = None
        self.written = 0
        self.doubled = False

    @property
    def count(self) -> int:
        return len(self._pages)

    @property
    def ends(self) -> list[Sheet]:
        return [*self._first, *self._last]

    def sheets(self) -> Iterator[Sheet]:
        for at, page in enumerate(self._pages):
            own = left_of_two(page)
            sheet = sheet_of(own)
            self.doubled = self.doubled or own is not page
            self.written += page.status != PageStatus.BLANK.value
            self.secret = self.secret or read_security_mark([sheet], first=at)
            (self._first if at < _FIRST_KEPT else self._last).append(sheet)
            yield sheet


def _of_paper(
    sheets: Sequence[Sheet], sight: Sight, *, today: date, digits: HandReader | None, again: Again | None, sure: Sure
) -> tuple[Candidates, Candidates]:
    """All that stands on the paper itself: its head, read as often as it takes, its foot, and what has labels; and what the
    page's own pass says of the head alone."""
    own = pairs_of([sheet.page for sheet in sheets[:4]])
    days = days_on(sheets)
    read = partial(read_top, last=sheets[-1], sight=sight, own=own, today=today, days=days)
    first = read(sheets[0], digits=digits)
    found = dict(first.found) if again is None else _voted_head(first, sheets[0], sight, read, digits, again, sure)
    found["recipients"] = _one(read_recipients(sheets[::-1], own))
    found["priority"] = _one(read_priority(sheets))
    found |= _labelled(sheets, found["type_name"][0])
    return weigh_received({name: ones for name, ones in found.items() if ones}), first.found


def _voted_head(
    first: Top,
    sheet: Sheet,
    sight: Sight,
    read: Callable[..., Top],
    digits: HandReader | None,
    again: Again,
    sure: Sure,
) -> Candidates:
    """The head's fields that are not sure, each after as many readings of its part as it takes. What they agreed on stays as
    it is, whatever later ones make of it."""
    parts = parts_of(sheet, first)
    weak: dict[Part, list[str]] = {}
    about = ("subject",) if first.title is not None or first.found.get("subject") else ("subject", "type_name")
    for part, names in ((parts.left, _LEFT), (parts.date, _RIGHT), (parts.subject, about)):
        doubtful = [name for name in names if not sure(name, first.found.get(name, ()))]
        if not set(doubtful).difference(_AGENCIES):
            part = parts.agencies
        if doubtful and part.can_be_read:
            weak[part] = doubtful
    found, ways, pages = dict(first.found), [first.found], [sheet.page]
    for look in again(list(weak), sheet.page, sight):
        by_hand = DIGITS.intersection(name for names in weak.values() for name in names)
        pages.append(look(list(weak)))
        ways.append(read(sheet_of(pages[-1]), digits=digits if by_hand else None, by_hand=by_hand).found)
        now = voted(ways, [name for names in weak.values() for name in names])
        agreed = {name: ones[0].score for name, ones in now.items() if agree(ways, name)}
        least = {
            name: min(least_sure(page, way[name][0]) for page, way in zip(pages, ways, strict=True)) for name in agreed
        }
        weak = {
            part: left
            for part, names in weak.items()
            if (left := [n for n in names if not part.is_told(len(ways), agreed.get(n), least.get(n, 0.0))])
        }
        found |= now
        if not weak:
            break
    return found


def _labelled(sheets: Sequence[Sheet], type_name: Candidate) -> Candidates:
    kind = type_named(type_name.value or "")
    found: dict[str, Candidate] = read_codes(sheets[:2]) if kind is None or kind.kind != "act" else {}
    if kind is not None and kind.kind in ("form", "certificate"):
        found |= read_labels(sheets[:3], form=kind.kind == "form")
    if kind is not None and kind.kind == "certificate":
        found |= read_validity(sheets)
    return {name: (one,) for name, one in found.items()}


def _whole(pages: Sequence[Page], through: _Through, splits: Sequence[Split]) -> Candidates:
    """What is told by all pages together. How many there are is in doubt where one seems blank, where two were copied onto one
    sheet, and where there may be several documents."""
    language = read_language(pages)
    doubtful = through.doubled or splits or through.written < through.count
    score = _PAGES_IN_DOUBT if doubtful else _PAGES_COUNTED
    found: Candidates = {"page_amount": (Candidate(str(through.written), "", score, ()),)}
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


def _never(name: str, ones: Sequence[Candidate]) -> bool:
    return False


def _one(candidate: Candidate | None) -> tuple[Candidate, ...]:
    return () if candidate is None else (candidate,)
