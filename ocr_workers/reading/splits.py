"""Where one scan seems to hold several documents. Only a proposal: annexes of other agencies carry heads of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ocr_workers.reading.code import find_code
from ocr_workers.reading.issued import find_date
from ocr_workers.reading.spans import Sheet
from ocr_workers.reading.text import fold, letters
from ocr_workers.reading.zones import find_head
from sohoa.states import PageStatus

_EDGE = 0.09


@dataclass(frozen=True, slots=True)
class Split:
    """Another document may begin on `page`: for `reason` quoc_hieu (a head of its own), blank_sheet or page_one."""

    page: int
    reason: str
    score: float


def propose_splits(sheets: Iterable[Sheet]) -> tuple[Split, ...]:
    """Pages after the first on which another document may begin, best reason each."""
    found: dict[int, Split] = {}
    before = 0
    last: Sheet | None = None
    for sheet in sheets:
        number = page_number(sheet)
        if last is not None:
            for split in _reasons(last, sheet, before=before, number=number):
                known = found.get(split.page)
                if known is None or split.score > known.score:
                    found[split.page] = split
        before = number or (before + 1 if before else 0)
        last = sheet
    return tuple(found[page] for page in sorted(found))


def page_number(sheet: Sheet) -> int | None:
    """The number printed alone at the top or bottom edge, None where there is none."""
    high = sheet.page.height_px
    for row in [*sheet.rows[:2], *sheet.rows[-2:]]:
        span = sheet.span(row)
        middle = (span.box[1] + span.box[3]) / 2
        plain = re.fullmatch(r"\W*(?:trang\s*)?(\d{1,3})\W*(?:/\s*\d{1,3})?\W*", fold(span.text))
        if plain is not None and (middle < _EDGE * high or middle > (1 - _EDGE) * high):
            return int(plain[1])
    return None


def _reasons(before_sheet: Sheet, sheet: Sheet, *, before: int, number: int | None) -> list[Split]:
    page = sheet.page.number
    head = find_head(sheet.page, sheet)
    found = []
    if head.kind != "none":
        own = (find_code(head) is not None) + (find_date(head) is not None)
        found.append(Split(page, "quoc_hieu", head.strength * (0.55, 0.8, 0.95)[own]))
    if before_sheet.page.status == PageStatus.BLANK.value and sheet.rows:
        found.append(Split(page, "blank_sheet", 0.45 if head.kind == "none" else 0.97))
    if number is not None and number <= 1 and before > 1 and len(letters(sheet.page.text)) > 40:
        found.append(Split(page, "page_one", 0.6))
    return found
