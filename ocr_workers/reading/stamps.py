"""Marks stamped or printed alone on a paper: its secrecy, which stops all processing, and its urgency."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.spans import Sheet, Span, parted
from ocr_workers.reading.text import fold, is_capitals, same
from ocr_workers.reading.zones import secrecy, urgency

_ALONE = 1.1  # heights of room on both sides of a mark
_TOP_SHARE = 0.5
_LABELLED = re.compile(r"^\W*(do mat|muc do mat|che do mat)\W+(tuyet mat|toi mat|mat)\W*$")
_NAMES = {"mat": "MẬT", "toi mat": "TỐI MẬT", "tuyet mat": "TUYỆT MẬT"}


def read_security_mark(sheets: Sequence[Sheet]) -> Candidate | None:
    """MẬT, TỐI MẬT or TUYỆT MẬT standing alone in capitals at the head of a page; never the word within a sentence.

    Read so that one is rather found than missed: a person may lift it.
    """
    found = []
    for number, sheet in enumerate(sheets):
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
