"""Marks stamped or printed alone on a paper: its secrecy, which stops all processing, and its urgency."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from ocr_workers.reading.sight import Candidate, Pixels, Sight
from ocr_workers.reading.spans import Sheet, Span, parted
from ocr_workers.reading.text import fold, is_capitals, same
from ocr_workers.reading.zones import secrecy, urgency
from sohoa.model import Box, Evidence

_ALONE = 1.1  # heights of room on both sides of a mark
_TOP_SHARE = 0.5
_LABELLED = re.compile(r"^\W*(do mat|muc do mat|che do mat)\W+(tuyet mat|toi mat|mat)\W*$")
SECRET = ("MẬT", "TỐI MẬT", "TUYỆT MẬT")
_NAMES = {"mat": "MẬT", "toi mat": "TỐI MẬT", "tuyet mat": "TUYỆT MẬT"}


Look = Callable[[Pixels], str]
"""Reads the print in a crop, a line of text each."""
_MM = 1 / 25.4
_COARSE_DPI = 100.0
_RED_HUES = ((0, 11), (166, 255))
_STAMP_MM = (7.0, 80.0, 3.2, 24.0)  # least and most width and height of a mark, whose box may be too pale to be seen
_BESIDE_MM = 3.3  # around a mark: of pale letters the last may not hang together with the others
_MOST_LOOKS = 24
_READ = 0.8  # where the engine read other words so surely, a mark may still lie over them, but is looked for last


def marks_unread(sheet: Sheet, sight: Sight) -> tuple[Box, ...]:
    """Boxes of red ink in the upper half of a page that may be a mark, what was read as other words last, wide ones first."""
    crop = sight.crop(sheet.page.number, (0, 0, sheet.width, round(_TOP_SHARE * sheet.page.height_px)))
    if crop is None or crop.ndim == 2:
        return ()
    step = max(round(sheet.page.dpi / _COARSE_DPI), 1)
    dpi = sheet.page.dpi / step
    hsv = cv2.cvtColor(np.ascontiguousarray(crop[::step, ::step]), cv2.COLOR_RGB2HSV)
    red = cv2.bitwise_or(*(cv2.inRange(hsv, (low, 71, 61), (high, 255, 255)) for low, high in _RED_HUES))
    if not red.any():
        return ()
    reach = max(round(1.6 * _MM * dpi), 3)
    whole = cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
    found = []
    for left, top, width, height, ink in stats[1:].tolist():
        wide, high = width / dpi / _MM, height / dpi / _MM
        fits = _STAMP_MM[0] <= wide <= _STAMP_MM[1] and _STAMP_MM[2] <= high <= _STAMP_MM[3] and wide > 1.4 * high
        if fits and ink > 0.12 * width * height:
            found.append((left * step, top * step, (left + width) * step, (top + height) * step))
    known = [word.box for word in sheet.page.words() if word.confidence >= _READ and len(word.text) > 2]
    found.sort(key=lambda box: (any(_lies_in(word, box) for word in known), box[0] - box[2]))
    return tuple(found[:_MOST_LOOKS])


def _lies_in(word: Box, box: Box) -> bool:
    return box[0] <= (word[0] + word[2]) / 2 <= box[2] and box[1] <= (word[1] + word[3]) / 2 <= box[3]


def look_at_marks(sheet: Sheet, sight: Sight, look: Look) -> tuple[Candidate, ...]:
    """Marks of secrecy and urgency in red, read by `look` from their crops; the longer before the shorter (TỐI MẬT, MẬT)."""
    found = []
    beside = round(_BESIDE_MM * _MM * sheet.page.dpi)
    for left, top, right, bottom in marks_unread(sheet, sight):
        crop = sight.crop(sheet.page.number, (left - beside, top - beside, right + beside, bottom + beside))
        for line in () if crop is None else look(crop).splitlines():
            said = " ".join(word for word in line.split() if sum(map(str.isalpha, word)) > 1)
            mark = secrecy(said) or urgency(said)
            if mark is not None:
                place = Evidence(sheet.page.number, (left, top, right, bottom))
                found.append(Candidate(mark, line, 0.85, (place,), "look"))
    return tuple(sorted(found, key=lambda one: -len(one.value or "")))


def read_security_mark(sheets: Sequence[Sheet], *, first: int = 0) -> Candidate | None:
    """MẬT, TỐI MẬT or TUYỆT MẬT standing alone in capitals at the head of a page; never the word within a sentence.

    Read so that one is rather found than missed: a person may lift it. `first`: how many pages stand before the first of
    `sheets`; page 1 is looked at further down.
    """
    found = []
    for number, sheet in enumerate(sheets, first):
        for piece in _pieces(sheet):
            share = _middle(piece) / sheet.page.height_px
            mark = secrecy(piece.text)
            if mark is not None and (share < _TOP_SHARE if number == 0 else share < 0.2):
                exact = piece.text.strip(" .:-_'\"!|[]()*") == mark
                tall = piece.height >= 0.9 * sheet.height
                score = (0.95 if exact else 0.75) * (1.0 if tall else 0.7) * (1.0 if number == 0 else 0.8)
                found.append(Candidate(mark, piece.text, score, (piece.evidence,)))
            labelled = _LABELLED.match(fold(piece.text))
            if labelled is not None and share < _TOP_SHARE and number == 0:
                found.append(Candidate(_NAMES[labelled[2]], piece.text, 0.9, (piece.evidence,)))
    return max(found, key=lambda one: (len(one.value or ""), one.score), default=None)


def read_priority(sheets: Sequence[Sheet]) -> Candidate | None:
    """HỎA TỐC, THƯỢNG KHẨN or KHẨN standing alone in capitals in the upper half of page 1."""
    for sheet in sheets[:1]:
        for piece in _pieces(sheet):
            mark = urgency(piece.text)
            if mark is not None and _middle(piece) < _TOP_SHARE * sheet.page.height_px and is_capitals(piece.text):
                printed = piece.text.strip(" .:-_'\"!|[]()*")
                alike = len(printed.split()) == len(mark.split()) and all(map(same, printed.split(), mark.split()))
                value = printed if alike else mark
                return Candidate(value, piece.text, 0.6 + 0.4 * piece.confidence, (piece.evidence,))
    return None


def _pieces(sheet: Sheet) -> Iterable[Span]:
    lines = [line.words for line in sheet.page.lines()]  # the engine parts what differs in size
    for row in [*sheet.rows, *lines]:
        for run in parted(row, _ALONE * sheet.height):
            span = sheet.span(run)
            if len(span.words) <= 6:
                yield span
                # a frame read as a stroke, or a speck, beside the mark
                solid = [word for word in run if any(map(str.isalpha, word.text))]
                if 0 < len(solid) < len(run):
                    yield sheet.span(solid)


def _middle(span: Span) -> float:
    return (span.box[1] + span.box[3]) / 2
