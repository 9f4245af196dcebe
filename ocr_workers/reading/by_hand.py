"""The number and the parts of the date as the digit reader sees them in the pixels of page 1."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from ocr_workers.reading.digits import DigitReader, Grammar, Reading, Span, locate_spans
from ocr_workers.reading.issued import Part
from ocr_workers.reading.sight import Sight
from sohoa.model import Box, Page

_PARTS = (("day", Grammar.DAY), ("month", Grammar.MONTH), ("year", Grammar.YEAR))


@dataclass(frozen=True, slots=True)
class ByHand:
    """Readings with their chances, best first, "" for a blank; `room` is the box that the number was looked for in."""

    number: Part = field(default_factory=list)
    room: Box | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    rooms: dict[str, Box] = field(default_factory=dict)


def read_by_hand(page: Page, sight: Sight, wanted: Container[str], *, reader: DigitReader) -> ByHand:
    """The digits of the head, of the `wanted` fields; nothing where the page has no pixels or its labels are not found."""
    pixels = sight.pixels(page.number)
    if pixels is None:
        return ByHand()
    asked: list[tuple[Span, Grammar]] = []
    number, dates = locate_spans(page)
    number = number if "code_number" in wanted else None
    dates = dates if "issued_date" in wanted else None
    if number is not None:
        asked.append((number, Grammar.NUMBER))
    if dates is not None:
        asked += [(getattr(dates, name), grammar) for name, grammar in _PARTS]
    answers = iter(reader.read_all(pixels, asked))
    found: Part = [] if number is None else _part(next(answers))
    parts = {} if dates is None else {name: _part(next(answers)) for name, _ in _PARTS}
    rooms = {} if dates is None else {name: getattr(dates, name).evidence for name, _ in _PARTS}
    return ByHand(found, None if number is None else number.evidence, parts, rooms)


def _part(readings: Sequence[Reading]) -> Part:
    return [(reading.text, reading.probability) for reading in readings[:5]]
