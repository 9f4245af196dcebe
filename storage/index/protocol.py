"""What a search index is: the entries it takes, the hits it gives, and the protocol both engines keep.

A hit is a document, indexed whole; pages, snippets and boxes are found inside it by highlight.py over the stored text.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

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
    `status` a DocumentStatus value. `fields` are what is known of the paper by name (those of sohoa.fields, dates as
    ISO 8601): each can be asked for by name, and all but owner_id are found as words.
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


Sort = Literal["relevance", "newest", "oldest"]
"""By date means the paper's own or, where nobody has read it, the day it was received."""
SORTS: tuple[Sort, ...] = ("relevance", "newest", "oldest")
FACETS = ("type", "organ", "parent", "signer", "place", "priority", "year", "office", "status", "kind")
"""What hits can be counted by."""
MOST_OF_A_FACET = 20
MOST_CURSOR_CHARACTERS = 8000
"""No search gives a longer cursor, and none takes one: it must fit into a URL."""
Facets = Mapping[str, Sequence[tuple[str, int]]]
"""By the name of a facet its most frequent values, with how many of all documents found have each."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of results. `total` counts all documents found; `next_cursor` is None on the last page. `facets` are those
    asked for."""

    total: int
    hits: tuple[Hit, ...]
    next_cursor: str | None
    facets: Facets = field(default_factory=dict)


class SearchIndex(Protocol):
    """A search engine behind the seam. Raises only errors of sohoa.errors."""

    def write(self, entries: Sequence[IndexEntry]) -> None:
        """Make `entries` searchable and durable; repeating that, or writing an older sequence, changes nothing.

        Raises EntriesRefused where all are written but those that it names, and these would be refused again.
        """
        ...

    def search(
        self,
        query: Query,
        *,
        office: OfficeId | None,
        limit: int = 20,
        cursor: str | None = None,
        sort: Sort = "relevance",
        facets: Sequence[str] = (),
    ) -> SearchPage:
        """The documents that match, best first or by date; with `office`, others are neither returned nor counted.

        Raises BadQuery for a cursor that no search gave, and for a facet that there is not.
        """
        ...

    def count(self) -> int:
        """The number of documents that can be found (without tombstones)."""
        ...

    def sequences(self, document_ids: Iterable[str]) -> dict[str, int]:
        """The sequence that each of these documents was last written with, tombstones too; unknown ones are left out."""
        ...

    def close(self) -> None:
        """Let go of files and locks."""
        ...


WordTable = npt.NDArray[np.int64]
"""One row a word: start and end offset in the page's text, left, top, right, bottom."""
_COMPRESSION = 6


def indexed_page(page: Page) -> IndexedPage:
    """`page` as the index keeps it."""
    return IndexedPage(
        page.number, page.text, pack_words((start, word.text, word.box) for start, word in page.words_with_offsets())
    )


def pack_words(words: Iterable[tuple[int, str, Box]]) -> bytes:
    """Words as (offset in the page's text, text, box), in reading order, in about four bytes each."""
    rows = np.array([(start, len(text), *box) for start, text, box in words], dtype=np.int64).reshape(-1, 6)
    if not len(rows):
        return b""
    start, length, left, top, right, bottom = rows.T
    columns = np.stack([start, left, top, length, right - left, bottom - top])
    steps = np.diff(columns[:3], axis=1, prepend=0)
    steps[:2, 1:] -= columns[3:5, :-1]  # from the end of the word before: small numbers, mostly the same
    columns[:3] = steps
    width = 2 if rows.max() < 2**16 else 4  # differences wrap around, so the places alone decide
    planes = columns.astype(f"<u{width}").view(np.uint8).reshape(6, -1, width).transpose(0, 2, 1)
    return zlib.compress(bytes([width]) + planes.tobytes(), _COMPRESSION)  # byte by byte: the high ones are all zero


def unpack_words(data: bytes) -> WordTable:
    """The table that :func:`pack_words` wrote, one row a word: start, end, left, top, right, bottom."""
    if not data:
        return np.zeros((0, 6), dtype=np.int64)
    packed = zlib.decompress(data)
    width = packed[0]
    planes = np.frombuffer(packed, dtype=np.uint8, offset=1).reshape(6, width, -1).transpose(0, 2, 1)
    columns = planes.copy(order="C").view(f"<u{width}")[..., 0]
    columns[:2, 1:] += columns[3:5, :-1]
    np.cumsum(columns[:3], axis=1, dtype=columns.dtype, out=columns[:3])
    columns[3:] += columns[:3]
    return columns[[0, 3, 1, 2, 4, 5]].T.astype(np.int64)
