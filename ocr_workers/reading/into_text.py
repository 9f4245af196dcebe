"""What was read again goes into the page's text: a name under a seal or a number by hand is then found, copied and kept like
any other word.

A page's own pass reads little of what pen and seal lie over; the fields of the paper are read again there, several ways. Where
a field is believed, its words stand in the page's text in the place of those that the pass had within the field's evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise

from ocr_workers.boxes import baseline_of, block_of, line_of, on_one_line
from ocr_workers.reading.text import fold
from sohoa.model import Block, Box, Field, Line, Page, Word, union

_BELIEVED = 0.5
_LABEL = re.compile(r"^\W*s(?:\W?[o0]\W*[:.]?|\w{1,2}\s?[:.])\s*")  # Số, read as Sá: or sø: as well
_YEAR = re.compile(r"[/-]((?:19|20)\d\d)[/-]")
_SLASH = re.compile(r"\d\s*/")
_DAY = re.compile(r"(\d+)-(\d+)-(\d+)")


def with_fields(page: Page, fields: Mapping[str, Field]) -> Page:
    """The page with the words of its `fields` where they stand; what a file's own text says stays as it is."""
    if page.lane == "text_layer":
        return page
    for place, text, confidence in _printed(page, fields):
        page = _with_text(page, place, text.split(), confidence)
    return page


def _printed(page: Page, fields: Mapping[str, Field]) -> Iterator[tuple[Box, str, float]]:
    """Where a line of print stands on this page, what it says, and how sure that is."""
    told = {
        name: one
        for name, one in fields.items()
        if one.value and one.confidence >= _BELIEVED and one.origin == "machine"
    }
    for name in ("organ_name", "parent_organ_name", "subject"):
        if name in told:
            yield from _lines(page, told[name])
    if "code_number" in told and "code_notation" in told:
        yield from _code(page, told["code_number"], told["code_notation"])
    if "issued_date" in told:
        yield from _date(page, told["issued_date"])
    for name in ("signer_position", "signer_name"):
        for place in _places(page, told.get(name)):
            yield place, told[name].value or "", told[name].confidence
    if "signing_authority" in told:
        power = told["signing_authority"]
        line = next((line for line in power.raw.split(" / ") if line.startswith(power.value or "")), "")
        for place in _places(page, power) if line else ():
            yield place, line, power.confidence


def _places(page: Page, one: Field | None) -> list[Box]:
    return [] if one is None else [place.box for place in one.evidence if place.page == page.number]


def _lines(page: Page, one: Field) -> Iterator[tuple[Box, str, float]]:
    """The lines of a value that stands on several, parted as they were read."""
    read, words = one.raw.split("\n"), (one.value or "").split()
    if len(read) != len(one.evidence) or sum(len(line.split()) for line in read) != len(words):
        return
    for line, place in zip(read, one.evidence, strict=True):
        count = len(line.split())
        if place.page == page.number:
            yield place.box, " ".join(words[:count]), one.confidence
        words = words[count:]


def _code(page: Page, number: Field, notation: Field) -> Iterator[tuple[Box, str, float]]:
    places = [*_places(page, number)[:1], *_places(page, notation)[:1]]
    if len(places) < 2 or not on_one_line(*places):
        return
    place = union(places)
    said = " ".join(word.text for word in _within(page, place))
    label = _LABEL.match(fold(said))
    year = _YEAR.search(said)
    mark = "-" if "/" in (notation.value or "") and not _SLASH.search(said) else "/"
    text = f"{'Số:' if label else ''}{number.value}{f'/{year[1]}' if year else ''}{mark}{notation.value}"
    yield place, text, min(number.confidence, notation.confidence)


def _date(page: Page, one: Field) -> Iterator[tuple[Box, str, float]]:
    """The day, month and year between their printed words, where all of these were read."""
    day = _DAY.fullmatch(one.value or "")
    for place in _places(page, one)[:1] if day else ():
        words = _within(page, place)
        at = [
            next((n for n, word in enumerate(words) if fold(word.text) == mark), None)
            for mark in ("ngay", "thang", "nam")
        ]
        if day is None or None in at:
            return
        begin, middle, end = (each for each in at if each is not None)
        if not begin < middle < end:
            return
        year, month, date = (int(part) for part in day.groups())
        for first, last, value, text in (
            (begin, middle, date, f"{date:02d}"),
            (middle, end, month, f"{month:02d}" if month < 3 else str(month)),
            (end, len(words), year, str(year)),
        ):
            between = words[first + 1 : last]
            said = "".join(word.text for word in between)
            if said.strip(" .,;").isdigit() and int(said.strip(" .,;")) == value:
                continue
            left, right = words[first].box, words[last].box if last < len(words) else place
            room = (
                left[2] + 1,
                min(left[1], right[1]),
                right[0] - 1 if last < len(words) else place[2],
                max(left[3], right[3]),
            )
            if room[2] > room[0]:
                yield room, text, one.confidence


def _within(page: Page, place: Box) -> list[Word]:
    return sorted((word for word in page.words() if _is_in(word.box, place)), key=lambda word: word.box[0])


def _is_in(box: Box, place: Box) -> bool:
    """Whether a word stands in a place: by its middle, on the same line."""
    return place[0] <= (box[0] + box[2]) / 2 < place[2] and on_one_line(box, place)


def _with_text(page: Page, place: Box, texts: Sequence[str], confidence: float) -> Page:
    """The page with `texts` in a `place`, instead of the words that it has there."""
    old = _within(page, place)
    if [word.text for word in old] == list(texts):
        return page
    new = _placed(old, union([place, *(word.box for word in old)]) if old else place, texts, confidence)
    gone = {id(word) for word in old}
    if not old and (beside := _line_around(page, place)) is not None:
        gone = {id(beside)}
        new = [beside, *new]
    blocks: list[Block] = []
    is_put = False
    for block in page.blocks:
        lines: list[Line] = []
        for line in block.lines:
            words = [word for word in line.words if id(word) not in gone]
            if len(words) < len(line.words) and not is_put:
                at = next(n for n, word in enumerate(line.words) if id(word) in gone)
                words[at:at] = new
                is_put = True
            if words:
                lines.append(line if words == list(line.words) else line_of(words, baseline_of(line)))
        if lines:
            blocks.append(block_of(lines))
    return replace(page, blocks=tuple(blocks) if is_put else _with_line(blocks, line_of(new)))


def _line_around(page: Page, place: Box) -> Word | None:
    """The word before a `place` in a line that goes on behind it."""
    for line in page.lines():
        if line.box[0] < place[0] and place[2] < line.box[2] and on_one_line(line.box, place):
            return max((word for word in line.words if word.box[0] < place[0]), key=lambda word: word.box[0])
    return None


def _with_line(blocks: Sequence[Block], line: Line) -> tuple[Block, ...]:
    """The blocks with one more line, after the block that ends last over it."""
    above = [
        (block.box[3], number)
        for number, block in enumerate(blocks)
        if block.box[1] < line.box[1] and block.box[0] < line.box[2] and line.box[0] < block.box[2]
    ]
    at = max(above)[1] + 1 if above else 0
    return (*blocks[:at], block_of([line]), *blocks[at:])


def _placed(old: Sequence[Word], place: Box, texts: Sequence[str], confidence: float) -> list[Word]:
    """`texts` as words within a `place`: what was read so before keeps its box, the others share the room between."""
    same = SequenceMatcher(None, [word.text for word in old], texts, autojunk=False)
    kept = {b + n: old[a + n] for a, b, size in same.get_matching_blocks() for n in range(size)}
    words: list[Word] = []
    ends = [-1, *sorted(kept), len(texts)]
    for first, last in pairwise(ends):
        if first >= 0:
            words.append(kept[first])
        left = kept[first].box[2] if first >= 0 else place[0]
        right = kept[last].box[0] if last < len(texts) else place[2]
        words += _shared(
            (left, place[1], max(right, left + last - first), place[3]), texts[first + 1 : last], confidence
        )
    return words


def _shared(room: Box, texts: Sequence[str], confidence: float) -> Iterator[Word]:
    """Words side by side, each as wide as it has letters, and a space between."""
    step = (room[2] - room[0]) / max(sum(map(len, texts)) + len(texts) - 1, 1)
    at = float(room[0])
    for text in texts:
        end = at + step * len(text)
        yield Word(text, (round(at), room[1], max(round(end), round(at) + 1), room[3]), confidence)
        at = end + step
