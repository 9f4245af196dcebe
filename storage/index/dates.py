"""Days, months, years and ranges of them as clerks write them, as moments in UTC."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone

OFFICE_TIME = timezone(timedelta(hours=7))
"""Việt Nam, the year round; a day starts at its midnight."""

_SPAN = re.compile(
    r"(?P<year>\d{4})(?:[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?)?"
    r"|(?:(?P<day2>\d{1,2})[-/.])?(?P<month2>\d{1,2})[-/.](?P<year2>\d{4})"
)
_COMPARED = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)

Range = tuple[datetime | None, datetime | None]


def parse_date_range(text: str) -> Range | None:
    """The first moment in `text` and the first after it (None: open end); None where `text` is no date or range.

    A day is `2023-01-15` or `15/01/2023`, a month `2023-01` or `01/2023`, a year `2023`; `a..b` includes both, either
    may be missing; `>`, `>=`, `<`, `<=` compare.
    """
    first, dots, last = text.partition("..")
    if dots:
        last = last.lstrip(".")  # "…" comes here as three
        start, end = _span(first), _span(last)
        if (first and start is None) or (last and end is None) or not (first or last):
            return None
        return (start[0] if start else None, end[1] if end else None)
    match = _COMPARED.fullmatch(text)
    span = _span(match[2]) if match else None
    if match is None or span is None:
        return None
    start_of, end_of = span
    by_sign: dict[str | None, Range] = {
        ">=": (start_of, None),
        ">": (end_of, None),
        "<": (None, start_of),
        "<=": (None, end_of),
    }
    return by_sign.get(match[1], span)


def _span(text: str) -> tuple[datetime, datetime] | None:
    match = _SPAN.fullmatch(text.strip())
    if match is None or not match.group().isascii():
        return None
    year = int(match["year"] or match["year2"])
    month, day = match["month"] or match["month2"], match["day"] or match["day2"]
    try:
        first = date(year, int(month or 1), int(day or 1))
        if day:
            after = first + timedelta(days=1)
        elif month:
            after = date(year + first.month // 12, first.month % 12 + 1, 1)
        else:
            after = date(year + 1, 1, 1)
        return _midnight(first), _midnight(after)
    except (ValueError, OverflowError):  # no such day, or one past the end of the calendar
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=OFFICE_TIME)
