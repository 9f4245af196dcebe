"""The zones of page 1 (Nghị định 30/2020, PL I): the two columns of its head, what stands below, and where the body begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ocr_workers.boxes import block_of, line_of
from ocr_workers.reading.spans import Sheet, Span, levelled, parted, sheet_of, widest_gap
from ocr_workers.reading.stamp_rows import apart_from_stamps, stamps_among, without_stamps_beside
from ocr_workers.reading.text import fold, is_body, is_capitals, letters, likeness
from sohoa.model import Page, Word

REPUBLIC = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"
PARTY = "ĐẢNG CỘNG SẢN VIỆT NAM"
_OLD_REPUBLIC = "VIỆT NAM DÂN CHỦ CỘNG HÒA"
_UNION = "ĐOÀN TNCS HỒ CHÍ MINH"
_ANCHORS = ((REPUBLIC, "state"), (PARTY, "party"), (_UNION, "party"), (_OLD_REPUBLIC, "state"))
_LIKE = 0.72
_CLEAR = 0.97  # nothing further down is a better anchor
_ALIKE_PAIRS = 0.4  # of an anchor's pairs of letters: a row with fewer is not looked at closely
_REACH_UP, _REACH_UP_FROM_MOTTO, _REACH_DOWN = (
    1.6,
    3.6,
    20.0,
)  # heights above and below the anchor that the head may take
_PAGE_OF_WORDS = 25
_CENTRED, _TITLE_WIDTH = 0.06, 0.5  # of the sheet's width: further from its middle, or wider, are a head's columns
_HEAD_SHARE = 0.5  # of the page: nothing below is looked at for a head
_URGENT = {"hoa toc": "HỎA TỐC", "thuong khan": "THƯỢNG KHẨN", "khan": "KHẨN", "hoa toc hen gio": "HỎA TỐC HẸN GIỜ"}
_SECRET = {"mat": "MẬT", "toi mat": "TỐI MẬT", "tuyet mat": "TUYỆT MẬT"}
DATE_WORDS = re.compile(r"nga ?y\W*.{0,12}?thang\W*.{0,10}?nam")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a page.

    `kind`: state or party (the youth union's too), after the words at its right; none where neither was found and the
    columns are only guessed.
    `strength` in [0, 1] says how surely those words were read, `gutter` where the columns part. `left` and `right` are
    rows of the two columns, `below` the rows under it over the whole width, all top to bottom; stamps are in none of them.
    """

    kind: str
    strength: float
    gutter: float
    left: tuple[Span, ...]
    right: tuple[Span, ...]
    below: tuple[Span, ...]
    stamps: tuple[Span, ...] = ()


def left_of_two(page: Page) -> Page:
    """Of two pages that were copied side by side onto one sheet, the left one; any other page as it is."""
    words = list(page.words())
    middle, reach = page.width_px / 2, 0.01 * page.width_px
    sides = [sum(word.box[2] < middle + reach for word in words), sum(word.box[0] > middle - reach for word in words)]
    if page.width_px < 1.2 * page.height_px or min(sides) < _PAGE_OF_WORDS or sum(sides) < len(words):
        return page
    blocks = []
    for block in page.blocks:
        lines = [[word for word in line.words if word.box[2] < middle + reach] for line in block.lines]
        if any(lines):
            blocks.append(block_of([line_of(kept) for kept in lines if kept]))
    return replace(page, width_px=round(middle), blocks=tuple(blocks))


def find_head(page: Page, sheet: Sheet | None = None) -> Head:
    """The head of `page`; of kind none, with empty columns, where there is nothing like one."""
    sheet = sheet or sheet_of(page)
    anchor, kind, strength = _anchor(sheet)
    top = 0.0
    if anchor is not None:
        by_motto = likeness(anchor.text, MOTTO) > _LIKE
        top = sheet.level(anchor.box) - (_REACH_UP_FROM_MOTTO if by_motto else _REACH_UP) * anchor.height
    bottom = _bottom(sheet, anchor)
    rows = [row for row in sheet.rows if top <= _level(sheet, row) <= bottom]
    if anchor is None:
        start = _start_of_date(sheet, rows)
        if start is None and not any(_is_number(sheet.span(row)) for row in rows):
            return Head("none", 0.0, 0.0, (), (), tuple(sheet.span(row) for row in sheet.rows))
        gutter = sheet.width * 0.48 if start is None else start - 0.5 * sheet.height
    else:
        level = sheet.level(anchor.box) - 0.6 * anchor.height
        gutter = _gutter(
            sheet, [row for row in rows if _level(sheet, row) >= level and not _is_centred(sheet, row)], anchor
        )
    if anchor is not None and gutter:
        rows = _above_title(sheet, rows, sheet.level(anchor.box) + 2.5 * anchor.height)
    left, right = _columns(sheet, rows, gutter)
    ends = _level(sheet, rows[-1]) if rows else top
    below = [span for row in sheet.rows if _level(sheet, row) > ends and (span := _unmarked(sheet, row)) is not None]
    below = without_stamps_beside(sheet, below)
    below = apart_from_stamps(sheet, below)
    stamps = [*stamps_among(left), *stamps_among(right), *stamps_among(below[:8])]
    below = [span for span in below if span not in stamps]
    keep = [_without(side, stamps) for side in (left, right)]
    return Head(kind, strength, gutter, keep[0], keep[1], tuple(below), tuple(stamps))


def _unmarked(sheet: Sheet, row: Sequence[Word]) -> Span | None:
    """A row without a mark, or half of one, stamped beside its words (KHẨN   QUYẾT ĐỊNH); the mark where it stands alone."""
    if len(row) > 3 and not is_capitals(" ".join(word.text for word in row[2:])):
        at = next((at for at, word in enumerate(row) if not _is_mark(sheet.span([word]))), 0)
        row = row[at:]
    runs = parted(row, 0.9 * sheet.height)
    rest = [run for run in runs if not _is_mark(sheet.span(run))]
    if not rest or len(rest) == len(runs):
        return sheet.span(row)
    return sheet.span([word for run in rest for word in run])


def _is_mark(span: Span) -> bool:
    half = fold(span.text).strip(" .:-_'|[]") in ("hoa", "toc", "thuong", "hen gio", "tuyet", "toi")
    return is_capitals(span.text) and (half or urgency(span.text) is not None or secrecy(span.text) is not None)


@lru_cache(maxsize=8192)
def urgency(text: str) -> str | None:
    """The urgent mark that a whole piece of text is, as printed, None where it is none."""
    if not is_capitals(text):
        return None
    bare = fold(text).strip(" .:-_'\"!|[]()")
    like = max(_URGENT, key=lambda mark: likeness(bare, mark))
    return _URGENT[like] if bare == like or (len(like) > 5 and likeness(bare, like) > 0.8) else None


@lru_cache(maxsize=8192)
def secrecy(text: str) -> str | None:
    """The secret mark that a whole piece of text is, None where it is none."""
    if not is_capitals(text):
        return None
    bare = fold(text).strip(" .:-_'\"!|[]()*")
    return _SECRET.get(bare) or next(
        (mark for like, mark in _SECRET.items() if len(like) > 5 and likeness(bare, like) > 0.8), None
    )


def _anchor(sheet: Sheet) -> tuple[Span | None, str, float]:
    """The words at the head's right: Quốc hiệu, its motto or the Party's name, with kind and likeness."""
    best: tuple[Span | None, str, float] = (None, "none", 0.0)
    limit = _HEAD_SHARE * sheet.page.height_px
    for row in sheet.rows:
        if best[2] > _CLEAR or _level(sheet, row) > limit:
            break
        words = [letters(word.text) for word in row]
        pairs = _pairs("".join(words))
        for text, kind in (*_ANCHORS, (MOTTO, "state")):
            wanted = _pairs(letters(text))
            if len(pairs & wanted) < _ALIKE_PAIRS * len(wanted):
                continue
            start, end, like = _run_like(words, letters(text))
            like *= 0.9 if text == MOTTO else 1.0
            if like > best[2]:
                best = (sheet.span(row[start:end]), kind, like)
    return best if best[2] >= _LIKE else (None, "none", 0.0)


def _run_like(words: Sequence[str], wanted: str) -> tuple[int, int, float]:
    """The run of words that is most like `wanted`, all of them letters only: its first, its end, and how like it is."""
    best = (0, 0, 0.0)
    for start in range(len(words)):
        if not words[start]:
            continue  # a rule or a speck before it is no part of it
        run = ""
        for end in range(start, len(words)):
            run += words[end]
            if len(run) > 1.3 * len(wanted):
                break
            if len(run) >= 0.75 * len(wanted) and (like := likeness(run, wanted)) > best[2]:
                best = (start, end + 1, like)
    return best


@lru_cache(maxsize=4096)
def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 2] for at in range(len(text) - 1))


def _level(sheet: Sheet, row: Sequence[Word]) -> float:
    return sheet.level(sheet.span(row).box)


def _bottom(sheet: Sheet, anchor: Span | None) -> float:
    """The level of the last row of the head: that of the date or number, and of V/v lines that go on under it.

    Where neither is found, that of the last row before a title or the body.
    """
    limit = _HEAD_SHARE * sheet.page.height_px
    top = 0.0
    if anchor is not None:
        top = sheet.level(anchor.box) - anchor.height
        limit = min(limit, top + _REACH_DOWN * max(anchor.height, sheet.height))
    last = top
    seen = (False, False)
    for row in sheet.rows:
        level = _level(sheet, row)
        if level < top:
            continue
        if level > limit:
            break
        text = fold(" ".join(word.text for word in row))
        if is_body(text) and not _is_number(sheet.span(row)) and "can cu" in text[:10]:
            break
        if _quotes(sheet, row) or text.startswith("hom nay"):
            continue
        is_date, is_number = DATE_WORDS.search(text) is not None, _is_number(sheet.span(row))
        if is_date or is_number:
            last = level
            seen = (seen[0] or is_date, seen[1] or is_number)
            limit = min(limit, level + (1.2 if all(seen) else 4.5) * sheet.height)
    if last == top and anchor is not None:
        last = sheet.level(anchor.box) + 2.2 * anchor.height
    return last + 0.2 * sheet.height


def _quotes(sheet: Sheet, row: Sequence[Word]) -> bool:
    """Whether a row tells of another paper: its number with "ngày" right behind (số 44/QĐ-UBND ngày …)."""
    runs = [fold(sheet.span(run).text) for run in parted(row, 2.0 * sheet.height)]
    return any(re.search(r"[/⁄][a-z0-9][\w.&\-–]*,?\s+ngay\b", run) is not None for run in runs)


def _is_number(span: Span) -> bool:
    text = fold(span.text)
    signed = "/" in text.replace("⁄", "/") or re.search(r"[a-z]\s?[-–—]\s?[a-z]", text) is not None
    return re.match(r"^\W{0,2}s[oae6](\W*:|\s?[^a-z\s]|\s+\S{0,6}[/⁄])", text) is not None and signed


def _start_of_date(sheet: Sheet, rows: Iterable[Sequence[Word]]) -> float | None:
    """Where the line "Place, ngày … tháng … năm …" begins, if it stands to the right."""
    for row in rows:
        if not DATE_WORDS.search(fold(" ".join(word.text for word in row))):
            continue
        runs = parted(row, 1.8 * sheet.height)
        for run in runs:
            if DATE_WORDS.search(fold(" ".join(word.text for word in run))) and run[0].box[0] > 0.3 * sheet.width:
                return float(run[0].box[0])
        gap, at = widest_gap(row, (0.3 * sheet.width, 0.6 * sheet.width))
        if at and gap > 0.8 * sheet.height:
            return float(row[at].box[0])
    return None


def _gutter(sheet: Sheet, rows: Sequence[Sequence[Word]], anchor: Span) -> float:
    """The x that cuts fewest words of the head's rows, somewhat left of the anchor; in the middle of the widest such gap."""
    start = anchor.box[0]
    words = [word for row in rows for word in row]
    step = max(sheet.width // 300, 1)
    spots = range(max(int(start - 0.28 * sheet.width), 0), int(start + 0.02 * sheet.width), step)
    if start < 0.25 * sheet.width or not words:
        return 0.0  # the anchor is centred: there is one column
    cuts = [sum(word.box[0] < x < word.box[2] for word in words) for x in spots]
    least = min(cuts)
    runs: list[tuple[int, int]] = []
    for at, cut in enumerate(cuts):
        if cut == least:
            runs.append((runs[-1][0], at) if runs and runs[-1][1] == at - 1 else (at, at))
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return float(spots[first] + spots[last]) / 2


def _above_title(sheet: Sheet, rows: list[tuple[Word, ...]], top: float) -> list[tuple[Word, ...]]:
    """The rows of a head of two columns: from the first on that stands in the middle below `top` it is over, but for a date."""

    def is_title(row: Sequence[Word]) -> bool:
        span = sheet.span(row)
        return (
            _level(sheet, row) > top
            and _is_centred(sheet, row)
            and is_capitals(span.text)
            and not DATE_WORDS.search(fold(span.text))
            and not _is_number(span)
            and not _is_mark(span)
        )

    at = next((at for at, row in enumerate(rows) if is_title(row)), len(rows))
    after = [sheet.span(row) for row in rows[at:]]
    is_whole = any(map(_is_number, after)) and any(DATE_WORDS.search(fold(span.text)) for span in after)
    return rows if is_whole else rows[:at]  # number and date stand under it: a word stamped or printed between


def _is_centred(sheet: Sheet, row: Sequence[Word]) -> bool:
    """Whether a row stands in the middle of the sheet alone, as a title over the number of a certificate; two columns that
    nearly touch are wider."""
    span = sheet.span(row)
    is_narrow = span.box[2] - span.box[0] < _TITLE_WIDTH * sheet.width
    return is_narrow and abs(span.middle - sheet.width / 2) < _CENTRED * sheet.width


def _columns(sheet: Sheet, rows: Sequence[Sequence[Word]], gutter: float) -> tuple[list[Span], list[Span]]:
    """The words of each row left and right of the gutter; a row that runs across it is cut at its widest gap nearby."""
    left: list[list[Word]] = []
    right: list[list[Word]] = []
    for row in rows:
        at = sum((word.box[0] + word.box[2]) / 2 < gutter for word in row)
        gap, cut = widest_gap(row, (gutter - 0.18 * sheet.width, gutter + 0.12 * sheet.width))
        if 0 < at < len(row) and row[at].box[0] - row[at - 1].box[2] < 0.8 * sheet.height < gap:
            at = cut
        left += parted(row[:at], 1.2 * sheet.height)
        right += parted(row[at:], 1.2 * sheet.height)
    return ([sheet.span(row) for row in levelled(left, sheet)], [sheet.span(row) for row in levelled(right, sheet)])


def _without(spans: Sequence[Span], stamps: Sequence[Span]) -> tuple[Span, ...]:
    """Spans that are no stamp and not squeezed among a stamp's lines."""
    return tuple(span for span in spans if span not in stamps)
