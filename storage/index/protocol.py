"""What a search index is: the entries it takes, the hits it gives, and the protocol both engines keep.

A hit is a document, indexed whole; pages, snippets and boxes are found inside it by highlight.py over the stored text.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sohoa.model import Box, DocumentId, OfficeId, Page
from storage.index.query import Query

NO_OFFICE = OfficeId("")


@dataclass(frozen=True, slots=True)
class IndexedPage:
    """One page as the index keeps it: its NFC text and, packed by :func:`pack_words`, where its words are."""

    number: int
    text: str
    words: bytes = b""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A document as the index is told of it.

    `sequence` is the external version: of two entries for one document the one with the higher sequence stays.
    `deleted` makes a tombstone, which is kept with its sequence and never returned. `kind` is the original's extension,
    `status` a DocumentStatus value. `fields` are what is known of the paper by name: type, number, organ, subject,
    signer, issued_date (ISO 8601) can be asked for by name, the values of all others are found as words.
    """

    document_id: DocumentId
    sequence: int
    deleted: bool = False
    office: OfficeId = NO_OFFICE
    dossier: str | None = None
    filename: str = ""
    external_id: str | None = None
    kind: str = ""
    status: str = ""
    received_at: datetime | None = None
    archived_at: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    pages: Sequence[IndexedPage] = ()


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a page's text around what was found.

    `highlights` are (start, end) in `text`, end exclusive; `boxes` are those of the highlighted words, in the page
    frame.
    """

    page: int
    text: str
    highlights: tuple[tuple[int, int], ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found. `pages` are the numbers of the first pages with a match (highlight.MOST_PAGES)."""

    document_id: DocumentId
    score: float
    office: OfficeId
    dossier: str | None
    filename: str
    received_at: datetime | None
    archived_at: datetime | None
    pages: tuple[int, ...]
    page_count: int
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of results. `total` counts all documents found; `next_cursor` is None on the last page."""

    total: int
    hits: tuple[Hit, ...]
    next_cursor: str | None


class SearchIndex(Protocol):
    """A search engine behind the seam. Raises only errors of sohoa.errors."""

    def write(self, entries: Sequence[IndexEntry]) -> None:
        """Make `entries` searchable and durable; repeating that, or writing an older sequence, changes nothing."""
        ...

    def search(
        self, query: Query, *, office: OfficeId | None, limit: int = 20, cursor: str | None = None
    ) -> SearchPage:
        """The documents that match, best first; with `office`, others are neither returned nor counted.

        Raises BadQuery for a cursor that no search gave.
        """
        ...

    def count(self) -> int:
        """The number of documents that can be found (without tombstones)."""
        ...

    def close(self) -> None:
        """Let go of files and locks."""
        ...


WordTable = npt.NDArray[np.int32]
"""One row a word: start and end offset in the page's text, left, top, right, bottom."""
Column = npt.NDArray[np.int32]
_COMPRESSION = 6


def indexed_page(page: Page) -> IndexedPage:
    """`page` as the index keeps it."""
    return IndexedPage(
        page.number, page.text, pack_words((start, word.text, word.box) for start, word in page.words_with_offsets())
    )


def pack_words(words: Iterable[tuple[int, str, Box]]) -> bytes:
    """Words as (offset in the page's text, text, box), in reading order, in about four bytes each."""
    rows = np.array([(start, len(text), *box) for start, text, box in words], dtype=np.int32).reshape(-1, 6)
    if not len(rows):
        return b""
    start, length, left, top, right, bottom = rows.T
    width, height = right - left, bottom - top
    columns = np.stack([_gaps(start, length), length, _gaps(left, width), np.diff(top, prepend=0), width, height])
    return zlib.compress(_byte_planes(columns), _COMPRESSION)


def unpack_words(data: bytes) -> WordTable:
    """The table that :func:`pack_words` wrote, one row a word: start, end, left, top, right, bottom."""
    if not data:
        return np.zeros((0, 6), dtype=np.int32)
    start_gap, length, left_gap, top_step, width, height = _from_byte_planes(zlib.decompress(data))
    start, left, top = _fill_gaps(start_gap, length), _fill_gaps(left_gap, width), np.cumsum(top_step)
    return np.stack([start, start + length, left, top, left + width, top + height], axis=1).astype(np.int32)


def _gaps(start: Column, extent: Column) -> Column:
    """What lies between the end of each item and the start of the next: small numbers, mostly the same."""
    return start - np.concatenate(([0], (start + extent)[:-1])).astype(np.int32)


def _fill_gaps(gap: Column, extent: Column) -> Column:
    return np.cumsum(gap) + np.concatenate(([0], np.cumsum(extent)[:-1])).astype(np.int32)


def _byte_planes(columns: npt.NDArray[np.int32]) -> bytes:
    """First the low bytes of a column, then the next: long runs of zeros, which deflate takes away."""
    return np.ascontiguousarray(columns.astype("<i4")).view(np.uint8).reshape(6, -1, 4).transpose(0, 2, 1).tobytes()


def _from_byte_planes(data: bytes) -> npt.NDArray[np.int32]:
    planes = np.frombuffer(data, dtype=np.uint8).reshape(6, 4, -1).transpose(0, 2, 1)
    return np.ascontiguousarray(planes).view("<i4").reshape(6, -1).astype(np.int32)
