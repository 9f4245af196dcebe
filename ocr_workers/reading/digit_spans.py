"""Finds where on a page the number and the parts of the date stand, by the printed labels around them.

The labels ("Số", "/", "ngày", "tháng", "năm") are printed even where the digits are not, so the engine nearly always has them,
if spelt oddly or glued to what it made of the digits. What it missed is placed by the others, or by the line's other half.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ocr_workers.reading.line_frame import base_of, plain_letter, size_of, slope_of, usual_size
from sohoa.model import Box, Line, Page, Word, union
from sohoa.paper_types import type_of_abbreviation

HEADER_SHARE = 0.5
"""The upper part of a page in which a header's number and date are looked for."""
COLUMN_GAP_EM = 1.6
"""A gap as wide parts two columns that the engine read as one line."""
_NARROW = set(" .,:;!|'`ilIjtfr()[]/1-")
_WIDE = set("mwMWQĐDOGNHUVYK&%€")


@dataclass(frozen=True, slots=True)
class Span:
    """The room between two labels, in the page frame.

    `box` reaches from the start of the label on the left to the end of the label on the right; what is written stands between
    `left` and `right` (about: labels may be glued to digits). `baseline` is y at `box`'s left, rising by `slope` a pixel.
    `em_px` is the print's size. `labels_seen` counts the labels that words told of; with fewer than two the reader looks for
    the labels itself.
    """

    box: Box
    left: float
    right: float
    baseline: float
    slope: float
    em_px: float
    labels_seen: int
    words: tuple[Word, ...] = ()

    @property
    def evidence(self) -> Box:
        """The box to show a person: between the labels, as high as handwriting is."""
        middle = self.baseline + self.slope * ((self.left + self.right) / 2 - self.box[0])
        top, bottom = middle - 1.1 * self.em_px, middle + 0.4 * self.em_px
        return (max(0, round(self.left)), max(0, round(top)), max(1, round(self.right)), max(1, round(bottom)))


@dataclass(frozen=True, slots=True)
class DateSpans:
    """The rooms of a date line. A part of which a label was not seen is the whole line (`labels_seen` 0)."""

    day: Span
    month: Span
    year: Span


@dataclass(frozen=True, slots=True)
class _Text:
    """A stretch of a line without a column's gap: its characters folded, one in one out, with each one's left and right."""

    folded: str
    raw: str
    lefts: tuple[float, ...]
    rights: tuple[float, ...]
    words: tuple[Word, ...]
    baseline: float
    slope: float
    em_px: float

    def at(self, index: int) -> float:
        return self.lefts[index] if index < len(self.lefts) else self.rights[-1]

    @property
    def box(self) -> Box:
        return union([word.box for word in self.words])


_Dated = tuple[dict[str, tuple[int, int]], _Text]
"""The labels of a date (day, month, year: from and to in the text), and the stretch that has them."""


def locate_spans(page: Page) -> tuple[Span | None, DateSpans | None]:
    """The room for the number, between "Số" and "/", and the rooms for day, month and year.

    None where neither label nor the date line tells where the number is; where no date line is seen and the number tells of none.
    """
    texts = list(_stretches(page))
    date = _date_text(page, texts)
    return _number_span(page, texts, date), _date_spans(page, texts, date)


def _number_span(page: Page, texts: list[_Text], date: _Dated | None) -> Span | None:
    if date is not None:  # digits by hand stretch the words of the number's own line
        size = date[1].em_px
        texts = [replace(text, em_px=min(max(text.em_px, 0.9 * size), 1.1 * size)) for text in texts]
    best: tuple[float, Span] | None = None
    for text in texts:
        found = _number_in(page, text)
        if found is None:
            continue
        score, span = found
        if date is not None:
            score += 2.0 if abs(_y(date[1], span.left) - span.baseline) < 2.2 * span.em_px else 0.0
        score -= 3.0 * span.box[1] / page.height_px
        if best is None or score > best[0]:
            best = (score, span)
    if best is not None and best[0] > 1.0:
        return best[1]
    return None if date is None else _beside(page, texts, date[1])


def _date_spans(page: Page, texts: list[_Text], date: _Dated | None) -> DateSpans | None:
    if date is None:
        return _date_beside_number(page, texts)
    labels, text = date
    day, month, year = (labels.get(name) for name in ("day", "month", "year"))
    em_px = text.em_px
    left = text.at(day[0]) if day else max(0.0, text.at(min(mark[0] for mark in labels.values())) - 6 * em_px)
    right = text.rights[-1] + 0.3 * em_px
    if year is None:
        right = min(
            float(page.width_px), max(right, text.rights[max(mark[1] for mark in labels.values()) - 1] + 8 * em_px)
        )
    line = _span(page, text, left, left, right, right, 0)
    return DateSpans(
        _between(page, text, day, month) if day and month else line,
        _between(page, text, month, year) if month and year else line,
        _year(page, text, year) if year else line,
    )


def _between(page: Page, text: _Text, label: tuple[int, int], following: tuple[int, int]) -> Span:
    left, right = text.rights[label[1] - 1], text.at(following[0])
    return _span(page, text, text.at(label[0]), left, right, text.rights[following[1] - 1], 2)


def _year(page: Page, text: _Text, label: tuple[int, int]) -> Span:
    left = text.rights[label[1] - 1]
    last = left + 3.4 * text.em_px
    seen = [right for right in text.rights[label[1] :] if right <= last]
    right = min(float(page.width_px), max([*seen, left + 2.2 * text.em_px]) + 0.2 * text.em_px)
    return _span(page, text, text.at(label[0]), left, right, right, 2)


def _stretches(page: Page) -> Iterator[_Text]:
    lines = [line for line in page.lines() if line.words and line.box[1] <= page.height_px * HEADER_SHARE]
    usual = usual_size(lines, page.dpi)
    for line in lines:
        em_px = size_of(line.words, usual)
        start = 0
        for n in range(1, len(line.words) + 1):
            if n == len(line.words) or line.words[n].box[0] - line.words[n - 1].box[2] > COLUMN_GAP_EM * em_px * (
                1.0 if not _may_hold_room(line.words[n - 1], line.words[n]) else 4.0
            ):
                yield _text(line, line.words[start:n], em_px)
                start = n


def _may_hold_room(before: Word, after: Word) -> bool:
    """Whether the gap between two words may be left for a number or a day: it is not then a column's."""
    left, right = plain_letter(before.text), plain_letter(after.text)
    return bool(
        re.search(r"(s[o0]|ngay|th[ao]ng|nam)\W*$", left)
        or right.startswith(("/", "thang", "nam"))
        or re.match(r"\d+$", right)
    )


def _text(line: Line, words: tuple[Word, ...], em_px: float) -> _Text:
    folded, raw, lefts, rights = [], [], [], []
    for n, word in enumerate(words):
        if n:
            folded.append(" ")
            raw.append(" ")
            lefts.append(float(words[n - 1].box[2]))
            rights.append(float(word.box[0]))
        weights = [0.55 if char in _NARROW else 1.4 if char in _WIDE or char.isupper() else 1.0 for char in word.text]
        unit = (word.box[2] - word.box[0]) / sum(weights)
        x = float(word.box[0])
        for char, weight in zip(word.text, weights, strict=True):
            folded.append(plain_letter(char))
            raw.append(char)
            lefts.append(x)
            x += weight * unit
            rights.append(x)
    columns = ("".join(folded), "".join(raw), tuple(lefts), tuple(rights))
    return _Text(*columns, words, base_of(words, em_px), slope_of(line), em_px)


_NUMBER_LABEL = re.compile(r"(?:^|(?<=[^\w]))[s5$][oa06ée](?:\s?[:.;,](?!\d{2}:))?")
_DAY_LABEL = re.compile(r"ngay|n[gq]a[yvj7]|n.ay|nga.|[mrhu]gay|ng.y")
_MONTH_LABEL = re.compile(r"thang|th[aáoưu]n[gq9s]|t.ang|th.ng|tha.g|than.|[il]hang")
_YEAR_LABEL = re.compile(r"n[aăo]m|nam|[mrhu]am|n.m(?=\s?[12])|na.(?=\s?[12]\d)")


def _number_in(page: Page, text: _Text) -> tuple[float, Span] | None:
    """The room after "Số" at the stretch's start, and how much speaks for its being the paper's number."""
    match = _NUMBER_LABEL.search(text.folded)
    if match is None or match.start() > 3 or text.box[0] > page.width_px * 0.6:
        return None
    label = text.raw[match.start() : match.end()]
    marked = re.search(r"[:.;]", label) is not None
    if not marked and (label[:2].isupper() or label[1] in "ởơ"):  # "SỞ Y TẾ" is an agency
        return None
    score = (2.0 if label[0].isupper() else 1.0 if marked else 0.5) + (1.0 if marked else 0.0)
    start, stop = text.at(match.start()), text.rights[match.end() - 1]
    end = _number_end(text.raw, match.end())
    if end is not None and text.at(end) - stop < 7 * text.em_px:
        score += 1.0 if re.match(r"[/-]\s?[A-ZĐÐ0-9]", text.raw[end:]) else 0.3
        score -= 2.0 if sum(char.islower() for char in text.raw[match.end() : end]) > 3 else 0.0
        return score, _span(page, text, start, stop, text.at(end), text.rights[end] + 1.6 * text.em_px, 2)
    if len(text.words) > 5 or re.search(r"[a-z]{4}", _marks_off(text.raw[match.end() :])):
        return None
    tail = re.compile("[A-ZĐÐ]{2}").search(text.raw, match.end())
    right = text.at(tail.start()) if tail is not None else stop + 4.5 * text.em_px
    beyond = max(right, stop + 3 * text.em_px)  # digits by hand make the word that follows begin too early
    return score - 0.5, _span(page, text, start, stop, right, beyond + 1.6 * text.em_px, 1)


def _number_end(raw: str, start: int) -> int | None:
    """The slash before the notation, not one that the engine made of a digit; or a party paper's hyphen ("04-NQ/TU")."""
    old = re.compile(r"(?<=\d)\s([A-ZĐÐ]{2,4})\s?/\s?[A-ZĐÐ]{2}").search(raw, start)  # Số 27 CV/XN
    if old is not None and old[1].replace("Ð", "Đ") in type_of_abbreviation():
        return old.start()
    clear = re.compile(r"/\s?[A-ZĐÐ]{2}|/\s?(?:19|20)\d\d\s?/|(?<=\d)\s?-\s?[A-ZĐÐ]{2,4}/").search(raw, start)
    if clear is not None:
        return clear.start()
    return raw.index("/", start) if "/" in raw[start:] else None


def _marks_off(text: str) -> str:
    return "".join(unicodedata.normalize("NFD", char)[0] for char in text)


def _date_text(page: Page, texts: list[_Text]) -> _Dated | None:
    best: tuple[float, dict[str, tuple[int, int]], _Text] | None = None
    numbers = [item[1] for text in texts if (item := _number_in(page, text)) is not None and item[0] >= 3.0]
    for text in texts:
        labels = _date_labels(text)
        if len(labels) < 2:
            continue
        first = min(mark[0] for mark in labels.values())
        after_year = len(text.folded) - labels["year"][1] if "year" in labels else 4
        before = text.folded[:first]
        x = text.at(first)
        score = len(labels) - 6.0 * max(0, after_year - 9) / 9 - 2.0 * text.box[1] / page.height_px
        score += 1.0 if x > 0.45 * page.width_px else -1.5 if x < 0.3 * page.width_px else 0.0
        place = before.rpartition("/")[2]
        score -= 3.0 if text.box[0] < 0.35 * page.width_px and place == before else 0.0
        score -= 2.0 if len(place.split()) > 7 else 0.0
        if numbers:
            near = min(abs(_y(text, number.left) - number.baseline) / number.em_px for number in numbers)
            score += 1.0 if near < 2.5 else -1.0
        score -= 2.5 if re.search(r"can cu|so \d|\d/|theo|kem|quyet dinh|ky:", before) else 0.0
        if best is None or score > best[0]:
            best = (score, labels, text)
    return None if best is None or best[0] < 1.0 else (best[1], best[2])


def _date_labels(text: _Text) -> dict[str, tuple[int, int]]:
    labels: dict[str, tuple[int, int]] = {}
    at = 0
    for name, label in (("day", _DAY_LABEL), ("month", _MONTH_LABEL), ("year", _YEAR_LABEL)):
        if name == "year" and not labels:
            break
        match = label.search(text.folded, at)
        if name == "day" and match is not None:
            month = _MONTH_LABEL.search(text.folded)
            matches = [m for m in label.finditer(text.folded) if month is None or m.end() <= month.start()]
            match = matches[-1] if matches else None
        if match is None or (name == "month" and labels and match.start() - labels["day"][1] > 14):
            continue
        labels[name] = (match.start(), match.end())
        at = match.end()
    return labels


def _span(page: Page, text: _Text, start: float, left: float, right: float, stop: float, labels_seen: int) -> Span:
    pad = 0.2 * text.em_px
    low, high = max(0, round(start - pad)), min(page.width_px, round(stop + pad))
    baseline = _y(text, low)
    box = (low, max(0, round(baseline - 1.4 * text.em_px)), max(low + 1, high), round(baseline + 0.6 * text.em_px))
    right = max(right, left + 1.0)
    words = tuple(
        word
        for word in page.words()
        if left - pad < (word.box[0] + word.box[2]) / 2 < right + pad
        and box[1] < (word.box[1] + word.box[3]) / 2 < box[3]
    )
    return Span(box, left, right, baseline, text.slope, text.em_px, labels_seen, words)


def _y(text: _Text, x: float) -> float:
    return text.baseline + text.slope * (x - (text.lefts[0] + text.rights[-1]) / 2)


def _beside(page: Page, texts: list[_Text], date: _Text) -> Span | None:
    """Where the number should be, left of the date: under the agency's name."""
    left_column = [text.box for text in texts if text.box[2] < date.at(0) and text.box[1] < date.box[1]]
    if not left_column:
        return None
    left, _, right, _ = union(left_column)
    return _span(page, date, left, left, right, right, 0)


def _date_beside_number(page: Page, texts: list[_Text]) -> DateSpans | None:
    found = [item for text in texts if (item := _number_in(page, text)) is not None and item[0] >= 3.0]
    if not found:
        return None
    number = max(found, key=lambda item: item[0])[1]
    text = next(
        text
        for text in texts
        if text.box[0] <= number.left <= text.box[2] and abs(_y(text, number.left) - number.baseline) < 2
    )
    right = max(other.box[2] for other in texts)
    left = max(page.width_px * 0.42, text.rights[-1] + text.em_px)
    if right - left < 8 * text.em_px:
        return None
    line = _span(page, text, left, left, right, right, 0)
    return DateSpans(line, line, line)
