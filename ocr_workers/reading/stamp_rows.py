"""Rows of stamps on page 1: told from the paper's own, and cut from the rows that engines run together with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ocr_workers.reading.spans import Sheet, Span, parted
from ocr_workers.reading.text import fold, is_body, is_capitals
from ocr_workers.reading.types import title_in
from sohoa.model import Word

_TITLE_AMONG, _STAMP_REACH = 8, 5.0  # rows under a head; heights of print that a stamp beside the title reaches over
_MIDDLE = (0.28, 0.72)
_DOUBTFUL = 0.6  # how far the engine believes what it makes of a stamp
_AFTER_SIGNS = re.compile(r"[^\w\s]([^\W\d_]{2,})$")
_STAMP = re.compile(
    r"^(nguoi ky|ky boi|email|co quan\W*:|thoi gian ky|ngay ky|sao y|sao luc|trich sao|van ban den|cong van den|cv den|den$|"
    r"ngay den|so den|chuyen\W*([:.…]|$)|luu ho so|ho so so|kinh chuyen)"
)
_ARRIVAL = re.compile(r"^\W*((cong van|van ban|cv|vb)\W*)?den\W*$")
_OF_ARRIVAL = re.compile(r"^\W*(so|ngay|chuyen|luu|gio|den)\b")


def is_stamp(span: Span) -> bool:
    """Lines of an e-signature, of a copy's or an arrival stamp: they say when the paper came or was signed, not what it is."""
    return _STAMP.match(fold(span.text).strip(" :.-'\"_")) is not None


def stamps_among(spans: Sequence[Span]) -> list[Span]:
    """The lines of stamps among `spans`; those of an arrival stamp go on under its first (ĐẾN, Số: …, Ngày: …)."""
    found: list[Span] = []
    arrival: Span | None = None
    before: Span | None = None
    for span in spans:
        begins, follows = _opens_arrival(span), _goes_on(arrival, span)
        if begins or follows:
            arrival = span
        if begins and before is not None and before not in found and _under(before, span) and _aligned(before, span):
            found.append(before)  # the registry's own agency
        before = span
        if begins or follows or is_stamp(span):
            found.append(span)
    return found


def apart_from_stamps(sheet: Sheet, spans: Sequence[Span]) -> list[Span]:
    """The same rows; one that begins with a line of the arrival stamp above it is two."""
    found: list[Span] = []
    arrival: Span | None = None
    for span in spans:
        first, *others = parted(span.words, 0.9 * sheet.height)
        line = sheet.span(first)
        follows = _goes_on(arrival, line)
        if follows or _opens_arrival(line):
            arrival = line
        rest = [sheet.span([word for run in others for word in run])] if others else []
        found += [line, *rest] if follows else [span]
    return found


def _opens_arrival(span: Span) -> bool:
    return _ARRIVAL.match(fold(span.text)) is not None and is_capitals(span.text)


def _goes_on(arrival: Span | None, span: Span) -> bool:
    """Whether a line goes on with an arrival stamp whose last line is `arrival`."""
    return arrival is not None and _OF_ARRIVAL.match(fold(span.text)) is not None and _under(arrival, span)


def without_stamps_beside(sheet: Sheet, spans: Sequence[Span]) -> list[Span]:
    """Rows under a head without what is stamped left and right of the title."""
    return _without_stamp_right(sheet, _without_stamp_left(sheet, spans))


def _without_stamp_left(sheet: Sheet, spans: Sequence[Span]) -> list[Span]:
    """Rows under a head without what is stamped left of the title, where an arrival stamp stands as a rule: its lines come out
    as the beginnings of the title's and the subject's."""
    for at, span in enumerate(spans[:_TITLE_AMONG]):
        runs = [sheet.span(run) for run in parted(span.words, 0.9 * sheet.height)]
        first = next((n for n, run in enumerate(runs) if _opens_title(sheet, run)), None)
        if is_body(span.text) or first == 0:
            break
        if first is None:
            continue
        title = sheet.span([word for run in runs[first:] for word in run.words])
        zone = (min(run.box[0] for run in runs[:first]), max(run.box[2] for run in runs[:first]))
        others = (
            _beside(sheet, other, zone, runs[first].middle) if _may_be_beside(sheet, span, other) else other
            for other in (*spans[:at], *spans[at + 1 :])
        )
        kept = [other for other in others if other is not None]
        above = [other for other in kept if sheet.level(other.box) < sheet.level(title.box)]
        return [*above, title, *(other for other in kept if other not in above)]
    return list(spans)


def _without_stamp_right(sheet: Sheet, spans: Sequence[Span]) -> list[Span]:
    """The same for what is stamped right of the title."""
    for span in spans[:_TITLE_AMONG]:
        runs = [sheet.span(run) for run in parted(span.words, 0.9 * sheet.height)]
        if is_body(span.text):
            break
        if not _opens_title(sheet, runs[0]):
            continue
        aside = [run for run in runs[1:] if run.middle > _MIDDLE[1] * sheet.width and _is_stamped(run.words)]
        if not aside:
            break
        edge = min(run.box[0] for run in aside) - 2 * sheet.height
        kept = [_left_of(sheet, other, edge) if _may_be_beside(sheet, span, other) else other for other in spans]
        return [other for other in kept if other is not None]
    return list(spans)


def _may_be_beside(sheet: Sheet, title: Span, row: Span) -> bool:
    """Whether a stamp beside the title's row reaches as far as another row of the head."""
    apart = abs(row.box[1] + row.box[3] - title.box[1] - title.box[3]) / 2
    return apart < _STAMP_REACH * sheet.height + title.height / 2 and not is_body(row.text)


def _left_of(sheet: Sheet, span: Span, edge: float) -> Span | None:
    """A row without its runs right of `edge` that look like a stamp's; None where nothing is left."""
    runs = [sheet.span(run) for run in parted(span.words, 0.9 * sheet.height)]
    kept = [word for run in runs if run.box[0] < edge or not _is_stamped(run.words) for word in run.words]
    return sheet.span(kept) if kept else None


def _opens_title(sheet: Sheet, run: Span) -> bool:
    """Whether a run in the middle begins with a type's name."""
    return _in_the_middle(sheet, run) and title_in([run]) is not None


def _beside(sheet: Sheet, span: Span, zone: tuple[int, int], middle: float) -> Span | None:
    """What of a row stands right of a stamp that reaches over `zone`; of a word that has grown together with it what follows
    its last sign. None where nothing is left; all of a row that is better centred under the title's `middle` as it is, or
    whose words in the zone look like no stamp's."""
    edge = zone[1] + 0.5 * sheet.height
    kept = [word for word in span.words if word.box[0] >= zone[1] - 0.3 * sheet.height or word.box[2] < zone[0]]
    cut = [word for word in span.words if word not in kept]
    if not kept:
        return None if _is_stamped(cut) else span
    parts = parted(span.words, 0.9 * sheet.height)
    apart = any(part[0] == kept[0] for part in parts)
    for word in cut:
        if word.box[2] > edge and (tail := _AFTER_SIGNS.search(word.text)):
            left = word.box[2] - (word.box[2] - word.box[0]) * len(tail[1]) // len(word.text)
            kept.insert(0, replace(word, text=tail[1], box=(left, *word.box[1:]), confidence=0.0))
    rest = sheet.span(kept)
    is_cut = abs(rest.middle - middle) < abs(span.middle - middle) and (apart or _is_stamped(cut))
    return rest if is_cut else span


def _is_stamped(words: Sequence[Word]) -> bool:
    """Whether words look like those of an arrival stamp, or of nothing."""
    text = " ".join(word.text for word in words)
    doubtful = sum(len(word.text) * word.confidence for word in words) < _DOUBTFUL * sum(
        len(word.text) for word in words
    )
    folded = fold(text)
    return doubtful or is_capitals(text) or bool(_STAMP.match(folded) or _OF_ARRIVAL.match(folded) or ".." in text)


def _in_the_middle(sheet: Sheet, span: Span) -> bool:
    """Whether a row may be a title: none stands wholly at a side."""
    return _MIDDLE[0] * sheet.width < span.middle < _MIDDLE[1] * sheet.width


def _under(above: Span, below: Span) -> bool:
    beside = min(above.box[2], below.box[2]) - max(above.box[0], below.box[0])
    return beside > 0 and below.box[1] - above.box[3] < 2.2 * max(above.height, below.height)


def _aligned(above: Span, below: Span) -> bool:
    left, middle = abs(above.box[0] - below.box[0]), abs(above.middle - below.middle)
    return min(left, middle) < 0.6 * max(above.height, below.height)
