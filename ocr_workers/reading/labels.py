"""Fields that stand behind a printed label, on desk forms, licences and certificates; and codes known by their grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest

from ocr_workers.reading.gaps import Letters
from ocr_workers.reading.lists import listed
from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.spans import Sheet, Span
from ocr_workers.reading.text import begins_with, fold, is_capitals, letters, spaced
from sohoa.model import Evidence, nfc

_KINDS = {
    "cccd": "CCCD",
    "cancuoc": "CCCD",
    "dinhdanh": "CCCD",
    "cmnd": "CMND",
    "chungminh": "CMND",
    "thue": "MST",
    "mst": "MST",
    "doanhnghiep": "MSDN",
    "hochieu": "HC",
}
_DOSSIER = re.compile(
    r"(?<![\w.])((?:\d{3}\. ?\d{2}\. ?\d{2}\. ?[GH]\d{2}|[GH]\d{2}(?:\.\d{1,3}){0,5})-(\d{6})-\d{4,5})(?!\d)"
)
_PROCEDURE = re.compile(r"(?<![\d.])([123]\.\d{6}(?:\.\d{3}\.\d{2}\.\d{2})?(?:\.[GH]\d{2})?)(?!\d)")
_DAY = re.compile(r"(?<!\d)(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*((?:19|20)\d\d)(?!\d)")
_DAY_IN_WORDS = re.compile(r"(?:ngay\s*)?(?<!\d)(\d{1,2})\s*thang\s*(\d{1,2})\s*nam\s*((?:19|20)\d\d)")
_UNTIL = re.compile(r"(?:gia tri|hieu luc|su dung|thoi han)\b[^.]{0,40}?\bden\s*(?:het\s*)?(?:ngay)?")
_FROM = re.compile(r"(?:gia tri|hieu luc)\b[^.]{0,30}?\b(?:ke )?tu\s*ngay")
_NUMBERED = re.compile(r"^\W*(?:\d{1,2}|[a-zđ])\s*[.)/]\s*|^\s*[-+–•]\s*")
_AGAIN = re.compile(r"\bhen lai\b")  # the day that a desk now promises, said after the one it did not keep
_LIKE = 0.87
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a form: its span, and the label it begins with (field, how like, where its value begins)."""

    span: Span
    field: str | None
    start: int
    like: float


def read_labels(sheets: Sequence[Sheet], *, form: bool) -> dict[str, Candidate]:
    """Candidates behind labels, the first of each field. `form`: the desk's own forms, where the applicant is named."""
    rows = [row for sheet in sheets for row in _rows(sheet)]
    found: dict[str, Candidate] = {}
    for at, row in enumerate(rows):
        if (
            row.field in (None, _OTHER)
            or (row.field in found and not _AGAIN.search(fold(row.span.text)))
            or (row.field == "owner_name" and form and "applicant_name" in found)
        ):
            continue
        candidate = _behind(rows, at)
        if candidate is None:
            continue
        found[row.field] = candidate
        if row.field == "owner_id":
            kind = next((name for sign, name in _KINDS.items() if sign in letters(row.span.text)), None)
            if kind is not None:
                found["owner_id_kind"] = Candidate(
                    kind, row.span.text[: row.start], candidate.score, candidate.evidence
                )
    again = _promised_again(rows)
    return found if again is None else found | {"due_date": again}


def _promised_again(rows: Sequence[Row]) -> Candidate | None:
    """The day of a sentence "… hẹn lại thời gian trả kết quả: ngày …", which may end in the next line."""
    for row, after in zip_longest(rows, rows[1:]):
        text = fold(row.span.text)
        said = _AGAIN.search(text)
        if said is None or is_capitals(row.span.text) or text.lstrip().startswith(("v/v", "ve viec")):
            continue
        found = day_in(Letters.of(row.span), said.end())
        goes_on = after is not None and re.match(r"\W*(ngay\b|\d)", fold(after.span.text)) is not None
        if found is None and after is not None and goes_on:
            found = day_in(Letters.of(after.span), 0)
        if found is not None:
            return found
    return None


def read_codes(sheets: Sequence[Sheet]) -> dict[str, Candidate]:
    """dossier_code and procedure_code, by grammar alone: nothing else on a paper looks like them."""
    found: dict[str, Candidate] = {}
    for sheet in sheets:
        for row in sheet.rows:
            line = Letters.of(sheet.span(row))
            for name, pattern in (("dossier_code", _DOSSIER), ("procedure_code", _PROCEDURE)):
                seen = pattern.search(line.text)
                if seen is not None and name not in found:
                    sure = line.confidence(*seen.span(1))
                    value = seen[1].replace(" ", "")
                    found[name] = Candidate(value, seen[1], 0.5 + 0.48 * sure, (line.evidence(*seen.span(1)),))
    return found


def read_validity(sheets: Sequence[Sheet]) -> dict[str, Candidate]:
    """valid_from and valid_until of a licence or certificate; "vĩnh viễn" and "vô thời hạn" give no date."""
    found: dict[str, Candidate] = {}
    for sheet in sheets:
        for row in sheet.rows:
            line = Letters.of(sheet.span(row))
            for name, pattern in (("valid_until", _UNTIL), ("valid_from", _FROM)):
                label = pattern.search(line.folded)
                if label is not None and name not in found:
                    candidate = day_in(line, label.end())
                    if candidate is not None:
                        found[name] = candidate
    return found


def day_in(line: Letters, start: int) -> Candidate | None:
    """The first date behind letter `start`, as ISO."""
    for pattern, text in ((_DAY, line.text), (_DAY_IN_WORDS, line.folded)):
        seen = pattern.search(text, start)
        if seen is not None:
            try:
                value = date(int(seen[3]), int(seen[2]), int(seen[1])).isoformat()
            except ValueError:
                continue
            sure = line.confidence(*seen.span())
            return Candidate(
                value, line.text[seen.start() : seen.end()], 0.5 + 0.47 * sure, (line.evidence(*seen.span()),)
            )
    return None


def _rows(sheet: Sheet) -> Iterator[Row]:
    for words in sheet.rows:
        span = sheet.span(words)
        line = nfc(span.text)
        lead = _NUMBERED.match(line)
        start = lead.end() if lead else 0
        colon = line.find(":", start)
        head = line[start : colon if 0 < colon - start < 60 else start + 40]
        best: tuple[float, int, str | None] = (0.0, 0, None)
        for field, names in listed("labels.txt").items():
            for name in names:
                whole = 0 < colon - start < 60 and letters(head)[: len(letters(name)) + 2]
                like = begins_with(head, name) if whole else begins_with(head, name) * (0.95 if len(name) > 9 else 0.0)
                if like >= _LIKE and (round(like, 1), len(name)) > (round(best[0], 1), best[1]):
                    best = (like, len(name), field)
        after = colon + 1 if 0 < colon - start < 60 else start + best[1]
        yield Row(span, best[2], after, best[0])


def _behind(rows: Sequence[Row], at: int) -> Candidate | None:
    row = rows[at]
    line = Letters.of(row.span)
    if row.field == "components":
        return _components(rows, at)
    if row.field in ("received_date", "due_date"):
        candidate = day_in(line, row.start)
        if candidate is None and at + 1 < len(rows) and rows[at + 1].field is None:
            candidate = day_in(Letters.of(rows[at + 1].span), 0)
        return candidate
    if row.field == "owner_id":
        seen = re.search(r"(?<!\d)(\d{12}|\d{10}(?:-\d{3})?|\d{9}|[A-Z]\d{7,8})(?!\d)", line.text[row.start :])
        if seen is None:
            return None
        start, end = row.start + seen.start(1), row.start + seen.end(1)
        kind_agrees = len(seen[1]) == 12 or "cccd" not in letters(line.text[: row.start])
        score = line.confidence(start, end) * row.like * (0.97 if kind_agrees else 0.4)
        return Candidate(seen[1], seen[1], score, (line.evidence(start, end),))
    return _text_behind(rows, at, line)


def _text_behind(rows: Sequence[Row], at: int, line: Letters) -> Candidate | None:
    row = rows[at]
    raw = line.text[row.start :].strip(" :.…_")
    if not any(map(str.isalpha, raw)):
        return None
    begin = line.text.index(raw, row.start)
    places = [line.evidence(begin, begin + len(raw))]
    sure = line.confidence(begin, begin + len(raw))
    for before, after in zip(rows[at:], rows[at + 1 : at + 4], strict=False):
        if after.field is not None or ":" in after.span.text[:45] or _NUMBERED.match(after.span.text):
            break
        full = (
            before.span.box[2]
            > max(r.span.box[2] for r in rows if r.span.page == before.span.page) - 3 * before.span.height * 2
        )
        near = after.span.box[1] - before.span.box[3] < 1.2 * before.span.height and after.span.page == before.span.page
        if not (full and near):
            break
        raw += " " + after.span.text
        places.append(after.span.evidence)
        sure = min(sure, after.span.least)
    value = spaced(raw).rstrip(" .;,")
    value = re.split(r"\s*[;,]?\s+(?:Điện thoại|Giới tính|Sinh ngày|Ngày sinh|CCCD|CMND)\b", value)[0]
    return Candidate(value, raw, (0.4 + 0.6 * sure) * row.like, tuple(places))


def _components(rows: Sequence[Row], at: int) -> Candidate | None:
    entries: list[str] = []
    places: list[Evidence] = []
    sure = 1.0
    for row in rows[at + 1 : at + 30]:
        lead = _NUMBERED.match(row.span.text)
        if row.field is not None and not lead:
            break
        if lead is None and (not entries or ":" in row.span.text[:40]):
            break
        text = spaced(row.span.text[lead.end() if lead else 0 :])
        if lead or not entries:
            entries.append(text)
        else:
            entries[-1] += f" {text}"
        places.append(row.span.evidence)
        sure = min(sure, row.span.least)
    if not entries:
        return None
    return Candidate("\n".join(entries), "\n".join(fold(entry) for entry in entries), 0.35 + 0.6 * sure, tuple(places))
