"""What stands at the foot of the last page: who receives the paper (Nơi nhận), and lines of place and date there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocr_workers.reading.marks import Pairs, put_right
from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.spans import Sheet, Span
from ocr_workers.reading.text import begins_with, fold, is_capitals, letters, spaced
from ocr_workers.reading.zones import DATE_WORDS

_LABEL = "Nơi nhận"
_ENTRY = re.compile(r"^\W*[-–—~+*•]|^\d[.)]")
_LAST = re.compile(r"^\W*l[uư]u\b")
_MOST_ENTRIES = 25


def read_recipients(sheets: Sequence[Sheet], own: Pairs) -> Candidate | None:
    """The entries under "Nơi nhận:", one a line as printed; those of the first page that has them."""
    for sheet in sheets:
        at, label = _label(sheet)
        if label is None:
            continue
        lines = _entries(sheet, at, label)
        entries = _joined(lines)
        if not entries:
            return Candidate(None, label.text, 0.2, (label.evidence,))
        values = [_as_entry(entry, own, sheet.page.lane == "text_layer") for entry in entries]
        values = [re.sub(r"[,:]$", ";", value) for value in values[:-1]] + [re.sub(r"[,:;]$", ".", values[-1])]
        sure = min(span.confidence for entry in entries for span in entry)
        ends = any(_LAST.match(fold(value)) for value in values)
        raw = "\n".join(span.text for span in lines)
        evidence = tuple(span.evidence for span in lines)
        return Candidate("\n".join(values), raw, (0.9 if ends else 0.6) * (0.3 + 0.7 * sure), evidence)
    return None


def dates_at_foot(sheet: Sheet) -> tuple[Span, ...]:
    """Lines "Place, ngày … tháng … năm …" in the right half of a page: over a signature, where certificates have them."""
    found = []
    for span in sheet.pieces():
        if DATE_WORDS.search(fold(span.text)) and span.box[0] > 0.3 * sheet.width and len(span.words) < 13:
            found.append(span)
    return tuple(found[::-1])


def _label(sheet: Sheet) -> tuple[int, Span | None]:
    for at, row in enumerate(sheet.rows):
        for start in range(min(len(row), 3)):
            words = row[start : start + 2]
            span = sheet.span(words)
            near = words[-1].box[2] - words[0].box[0] < 9 * sheet.height and words[0].box[0] < 0.5 * sheet.width
            if near and (begins_with(span.text, _LABEL) >= 0.84 and len(letters(span.text)) < 10):
                return at, span
    return 0, None


def _entries(sheet: Sheet, at: int, label: Span) -> list[Span]:
    """Rows under the label, of each what stands in the left column."""
    found: list[Span] = []
    last = label
    wall = 0.56 * sheet.width
    for row in sheet.rows[at:]:
        words = [word for word in row if (word.box[0] + word.box[2]) / 2 < wall and word not in label.words]
        cut = next(
            (n for n in range(1, len(words)) if words[n].box[0] - words[n - 1].box[2] > 2.2 * sheet.height), len(words)
        )
        words = words[:cut]
        if not words or words[0].box[0] > label.box[0] + 0.2 * sheet.width:
            continue
        span = sheet.span(words)
        if sheet.level(span.box) - sheet.level(last.box) > 3.2 * sheet.height or len(found) >= _MOST_ENTRIES:
            break
        if not found and not _ENTRY.match(span.text) and not span.text[:1].isupper():
            continue
        if is_capitals(span.text) and len(letters(span.text)) > 12:
            break
        found.append(span)
        last = span
        if _LAST.match(fold(span.text)) and span.text.rstrip().endswith("."):
            break
    return found


def _joined(lines: Sequence[Span]) -> list[list[Span]]:
    """Lines of one entry together: an entry begins with a dash, or where none has one, with a line that the last one ended."""
    dashed = any(_ENTRY.match(span.text) for span in lines)
    entries: list[list[Span]] = []
    for span in lines:
        begins = _ENTRY.match(span.text) or _LAST.match(fold(span.text)) if dashed else True
        if entries and not begins and not entries[-1][-1].text.rstrip().endswith((";", ".")):
            entries[-1].append(span)
        else:
            entries.append([span])
    return entries


def _as_entry(spans: Sequence[Span], own: Pairs, born_digital: bool) -> str:
    words = [word for span in spans for word in span.words]
    texts = [word.text for word in words]
    better = texts if born_digital else put_right(texts, own, [word.confidence for word in words])
    text = spaced(" ".join(better))
    text = re.sub(r"^\W*[-–—~+*•_]+\s*", "- ", text)
    return re.sub(r"\(để b\W?[íilc|1]?[ce]\)", "(để b/c)", text.rstrip(" _|~'\"-–—"))
