"""Finding a query's words in a document's pages: which pages, short pieces of text around them, and their boxes.

Works on the original text: pages are folded one at a time and only until enough was found, and boxes are unpacked only
for the pages a snippet is taken from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from sohoa.model import Box, nfc
from storage.index.fold import Key, fold, keys
from storage.index.protocol import IndexedPage, Snippet, WordTable, unpack_words
from storage.index.query import Query, Term

SNIPPET_LENGTH = 200
"""Characters a snippet has at most, unless one phrase alone is longer."""
MOST_PAGES = 20
"""Pages listed for one document; behind them only words not yet seen are looked for."""
_MOST_MATCHES = 50
"""Matches of one term looked at on one page."""
_MOST_ANCHORS = 8
"""Places of a page's rarest term around which a snippet is tried."""
_MARGIN = 20
"""Characters of a snippet left for what stands beside the outermost matches."""


def highlight(
    pages: Sequence[IndexedPage], query: Query, *, max_snippets: int = 2
) -> tuple[tuple[int, ...], tuple[Snippet, ...]]:
    """The numbers of the first pages that hold words of `query`, and the best snippets, best first.

    Where a word is found as typed, spellings that only fold to the same are left alone. Without any match in the pages
    (found by a field or by its name) the one snippet is the document's beginning, without highlights.
    """
    found = _scan(pages, query)
    if not found:
        return (), _beginning(pages) if max_snippets else ()
    windows = _best_windows(found, count=max_snippets)
    tables = {window.found.page.number: window.found.page.words for window in windows}
    words = {number: unpack_words(packed) for number, packed in tables.items()}
    snippets = tuple(_snippet(window, words[window.found.page.number]) for window in windows)
    return tuple(page.page.number for page in found[:MOST_PAGES]), snippets


class _Match(NamedTuple):
    """Characters `start` to `end` of a page hold term number `term`; `exact` where they are as typed."""

    start: int
    end: int
    term: int
    exact: bool


class _FoundPage(NamedTuple):
    """A page, its NFC text, and its matches in reading order."""

    page: IndexedPage
    text: str
    matches: list[_Match]


class _Window(NamedTuple):
    """Matches of one page that fit into one snippet, and how good a snippet that makes (higher is better)."""

    weight: tuple[int, int, int]
    terms: frozenset[int]
    found: _FoundPage
    matches: list[_Match]


def _scan(pages: Sequence[IndexedPage], query: Query) -> list[_FoundPage]:
    """The pages with matches, in order: the first MOST_PAGES with all, later ones only to show each term once."""
    patterns = [_pattern(term) for term in query.must]
    wanted = set(range(len(patterns)))
    seen: set[int] = set()
    found: list[_FoundPage] = []
    for number in range(len(pages) if patterns else 0):
        looked_for = wanted if len(found) < MOST_PAGES else wanted - seen
        if not looked_for:
            break
        page = pages[number]
        text = nfc(page.text)
        folded = fold(text)
        matches = [match for term in looked_for for match in _matches(patterns[term], term, text, folded)]
        if matches:
            found.append(_FoundPage(page, text, sorted(matches)))
            seen.update(match.term for match in matches)
    return _only_exact_where_any(found) if query.marked else found


def _only_exact_where_any(found: list[_FoundPage]) -> list[_FoundPage]:
    exact = {match.term for page in found for match in page.matches if match.exact}
    kept = [
        _FoundPage(page.page, page.text, [match for match in page.matches if match.exact or match.term not in exact])
        for page in found
    ]
    return [page for page in kept if page.matches]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """How one term is found in folded text: by `regex`, which needs `literal` to be there, else by `loose`."""

    literal: str
    regex: re.Pattern[str]
    loose: re.Pattern[str] | None
    exact: tuple[str, ...]


@lru_cache(maxsize=512)
def _pattern(term: Term) -> _Pattern:
    parts = [_part(key) for key in term.keys]
    between = r"[\W_]+" if term.quoted else r"[\W_]*"
    squashed = term.squashed
    loose = r"[\W_]{0,3}".join(map(re.escape, squashed)) if squashed and len(term.keys) == 1 else None
    return _Pattern(
        literal=max((key.folded for key in term.keys), key=len),
        regex=re.compile(f"{between.join(parts)}(?![^\\W_])"),
        loose=re.compile(f"0*{loose}(?![^\\W_])") if loose else None,
        exact=tuple(key.exact for key in term.keys),
    )


def _part(key: Key) -> str:
    padding = "0{0,3}" if key.folded.isdigit() and len(key.folded) < 4 else ""
    return padding + re.escape(key.folded)


def _matches(pattern: _Pattern, term: int, text: str, folded: str) -> Iterator[_Match]:
    spans: list[tuple[int, int]] = []
    if pattern.literal in folded:
        spans = _spans(pattern.regex, folded)
    if not spans and pattern.loose:
        spans = _spans(pattern.loose, folded)
    for start, end in spans:
        yield _Match(start, end, term, _is_exact(text[start:end], pattern.exact))


def _is_exact(found: str, exact: tuple[str, ...]) -> bool:
    if len(exact) == 1 and found.lower() == exact[0]:  # the common case, without splitting into words
        return True
    return tuple(key.exact for key in keys(found)) == exact


def _spans(regex: re.Pattern[str], folded: str) -> list[tuple[int, int]]:
    """Matches that begin a word. (A look-behind would keep the engine from skipping to the first letters.)"""
    spans = []
    for match in regex.finditer(folded):
        start, end = match.span()
        if start and folded[start - 1].isalnum():
            continue
        spans.append((start, end))
        if len(spans) == _MOST_MATCHES:
            break
    return spans


def _best_windows(found: list[_FoundPage], *, count: int) -> list[_Window]:
    """Up to `count` windows that do not overlap, each time the one that shows most terms not shown yet."""
    terms_on = {page.page.number: {match.term for match in page.matches} for page in found}
    pages = sorted(found, key=lambda page: -len(terms_on[page.page.number]))[:count]
    for term in set().union(*terms_on.values()) - set().union(*(terms_on[page.page.number] for page in pages)):
        pages.append(next(page for page in found if term in terms_on[page.page.number]))
    windows = [window for page in pages for window in _windows(page)]
    chosen: list[_Window] = []
    shown: set[int] = set()
    while windows and len(chosen) < count:
        best = max(windows, key=lambda window: (len(window.terms - shown), window.weight))
        chosen.append(best)
        shown |= best.terms
        windows = [window for window in windows if not _overlap(window, best)]
    return chosen


def _windows(found: _FoundPage) -> Iterator[_Window]:
    """What lies around each of the first places of the page's rarest term."""
    places: dict[int, list[_Match]] = {}
    for match in found.matches:
        places.setdefault(match.term, []).append(match)
    rarest = min(places.values(), key=len)
    for anchor in rarest[:_MOST_ANCHORS]:
        room = max(0, SNIPPET_LENGTH - _MARGIN - (anchor.end - anchor.start)) // 2
        begin, end = anchor.start - room, anchor.end + room
        inside = [match for match in found.matches if begin <= match.start and match.end <= end] or [anchor]
        nearest: dict[int, int] = {}
        for match in inside:
            distance = abs(match.start - anchor.start)
            nearest[match.term] = min(distance, nearest.get(match.term, distance))
        exact = sum(match.exact for match in inside)
        yield _Window((len(nearest), -sum(nearest.values()), exact), frozenset(nearest), found, inside)


def _overlap(first: _Window, second: _Window) -> bool:
    if first.found.page.number != second.found.page.number:
        return False
    (a, b), (c, d) = _extent(first.matches), _extent(second.matches)
    return a < d + SNIPPET_LENGTH // 2 and c < b + SNIPPET_LENGTH // 2


def _extent(matches: list[_Match]) -> tuple[int, int]:
    return matches[0].start, max(match.end for match in matches)


def _snippet(window: _Window, words: WordTable) -> Snippet:
    text = window.found.text
    start, end = _cut(text, *_extent(window.matches))
    spans = _merged(window.matches)
    return Snippet(
        page=window.found.page.number,
        text=text[start:end],
        highlights=tuple((first - start, last - start) for first, last in spans),
        boxes=_boxes(words, spans),
    )


def _merged(matches: list[_Match]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for match in matches:
        if spans and match.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], match.end))
        else:
            spans.append((match.start, match.end))
    return spans


def _cut(text: str, first: int, last: int) -> tuple[int, int]:
    """A piece of about SNIPPET_LENGTH around characters `first` to `last`, cut between words."""
    room = max(0, SNIPPET_LENGTH - (last - first))
    start = max(0, min(first - room // 2, len(text) - (last - first) - room))
    end = min(len(text), max(last, start + (last - first) + room))
    if start and not text[start - 1].isspace():
        start = _skip_word(text, start, first)
    if end < len(text) and not text[end].isspace():
        end = next((place for place in range(end, last, -1) if text[place - 1].isspace()), last)
    while start < first and text[start].isspace():
        start += 1
    while end > last and text[end - 1].isspace():
        end -= 1
    return start, end


def _skip_word(text: str, start: int, limit: int) -> int:
    return next((place for place in range(start, limit) if text[place].isspace()), limit)


def _boxes(words: WordTable, spans: list[tuple[int, int]]) -> tuple[Box, ...]:
    """The boxes of the words that `spans` touch, in reading order."""
    starts, ends = words[:, 0], words[:, 1]
    boxes: list[Box] = []
    for start, end in spans:
        for row in words[ends.searchsorted(start, side="right") : starts.searchsorted(end, side="left")].tolist():
            box = (row[2], row[3], row[4], row[5])
            if not boxes or boxes[-1] != box:
                boxes.append(box)
    return tuple(boxes)


def _beginning(pages: Sequence[IndexedPage]) -> tuple[Snippet, ...]:
    """The first words of the first page that has any."""
    for page in islice(pages, MOST_PAGES):
        text = nfc(page.text)
        if text.strip():
            first = len(text) - len(text.lstrip())
            start, end = _cut(text, first, first)
            return (Snippet(page.number, text[start:end], (), ()),)
    return ()
