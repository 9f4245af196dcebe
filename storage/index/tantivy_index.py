"""The search index on one machine: tantivy in a folder, one writer, any number of reading processes."""

from __future__ import annotations

import fcntl
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import tantivy

from sohoa.errors import BadQuery, SetupError, StoreUnavailable
from sohoa.model import OfficeId
from storage.index.protocol import FACETS, MOST_OF_A_FACET, Hit, IndexEntry, SearchPage, Sort
from storage.index.query import Query
from storage.index.stored_hit import head_of, hit_of
from storage.index.stored_pages import pack_pages
from storage.index.tantivy_query import counted, document_query, tiers
from storage.index.terms import MOMENTS, facet_values, moments_of, terms_of

Mode = Literal["read", "write"]

MOST_RESULTS = 10_000
"""How far a cursor goes; who has read so many hits should narrow the search."""
_WRITER_MEMORY_BYTES = 64_000_000
_CURSOR = re.compile("[0-9]{1,6}")
_LOCK_NAME = ".create.lock"
TIER_SCORE = 10_000.0
"""Put on top of the scores of a better tier, so that scores fall from hit to hit; far above any sum of BM25."""
_TEXT_FIELDS = {
    "exact": "position",
    "folded": "position",
    "pairs": "freq",
    "codes": "basic",
    "title": "position",
    "attributes": "position",
}
"""The fields of terms.Terms and how much tantivy keeps of each."""


class TantivyIndex:
    """An index in the folder `root`; mode `write` holds tantivy's writer lock until :meth:`close`. Threads may share.

    A search sees every commit that any process has made before it. Raises SetupError (`index_damaged`) where the files
    cannot be read, and StoreUnavailable where they cannot be written just now or another process is the writer.
    """

    def __init__(self, root: Path, mode: Mode = "read") -> None:
        self._root = root
        self._mode = mode
        self._schema = _schema()
        with _errors_named():
            self._index = _open(root, self._schema)
            self._index.config_reader(reload_policy="manual")
            self._index.reload()
        self._seen = self._meta_state()
        self._writer = self._new_writer() if mode == "write" else None

    def write(self, entries: Sequence[IndexEntry]) -> None:
        """Make `entries` searchable and durable; repeating that, or writing an older sequence, changes nothing."""
        if self._mode != "write":
            raise StoreUnavailable("the search index was opened for reading", code="index_read_only")
        with _errors_named():
            searcher = self._fresh_searcher()
            newest = {
                entry.document_id: entry
                for entry in sorted(entries, key=lambda entry: entry.sequence)
                if entry.sequence >= self._indexed_sequence(searcher, entry.document_id)
            }
        writer, self._writer = self._writer or self._new_writer(), None
        try:
            for document_id, entry in newest.items():
                writer.delete_documents_by_query(document_query(self._schema, document_id))
                writer.add_document(_document(entry))
            writer.commit()
        except (ValueError, OSError) as error:  # this writer is of no more use; the next call makes a new one
            raise StoreUnavailable(
                "the search index could not be written: see whether its disk is full", code="index_not_written"
            ) from error
        self._writer = writer

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
        """The documents that match, best first; without words to rank by, those received last first.

        A cursor counts hits, so a commit between two pages can shift what is on the second. Raises BadQuery for one
        that no search gave, and for a facet that there is not.
        """
        if unknown := set(facets) - set(FACETS):
            raise BadQuery(f"there is no facet {', '.join(sorted(unknown))}: use {', '.join(FACETS)}")
        if limit < 1:
            raise BadQuery("the limit must be at least 1")
        offset = _offset(cursor)
        ranked = tiers(self._schema, query, office=office)
        everything = counted(self._schema, query, office=office)
        with _errors_named():
            searcher = self._fresh_searcher()
            wanted = min(limit, MOST_RESULTS - offset)
            if sort == "relevance":
                found, total = _best(searcher, ranked, offset=offset, limit=wanted, by_age=not query.must)
            else:
                found, total = _by_day(searcher, everything, offset=offset, limit=wanted, sort=sort)
            counts = _counts(searcher, everything, facets)
            if total is None:
                total = int(searcher.search(everything, limit=1, count=True).count)
            hits = tuple(_hit(searcher.doc(address), score, query) for score, address in found)
        after = offset + len(hits)
        return SearchPage(total, hits, str(after) if hits and after < min(total, MOST_RESULTS) else None, counts)

    def count(self) -> int:
        """The number of documents that can be found (without tombstones)."""
        everything = counted(self._schema, Query(), office=None)
        with _errors_named():
            return int(self._fresh_searcher().search(everything, limit=1).count)

    def sequences(self, document_ids: Iterable[str]) -> dict[str, int]:
        """The sequence that each of these documents was last written with, tombstones too; unknown ones are left out."""
        with _errors_named():
            searcher = self._fresh_searcher()
            found = {document_id: self._indexed_sequence(searcher, document_id) for document_id in document_ids}
        return {document_id: sequence for document_id, sequence in found.items() if sequence >= 0}

    def close(self) -> None:
        """Let go of files and locks."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait_merging_threads()

    def _new_writer(self) -> Any:
        try:
            return self._index.writer(heap_size=_WRITER_MEMORY_BYTES, num_threads=1)
        except ValueError as error:
            raise StoreUnavailable(
                "another process is writing to the search index; it takes over what this one would do",
                code="index_busy",
            ) from error

    def _indexed_sequence(self, searcher: Any, document_id: str) -> int:
        found = searcher.search(document_query(self._schema, document_id), limit=1, count=False).hits
        if not found:
            return -1
        (sequence,) = searcher.fast_field_values("sequence", [found[0][1]])
        return int(sequence)

    def _fresh_searcher(self) -> Any:
        """A view of the newest commit. What it costs to look again is spent only when the commit file has changed."""
        state = self._meta_state()
        if state != self._seen:
            self._index.reload()
            self._seen = state
        return self._index.searcher()

    def _meta_state(self) -> tuple[int, int, int]:
        try:
            found = (self._root / "meta.json").stat()
        except FileNotFoundError as error:
            raise _damaged() from error
        return found.st_ino, found.st_mtime_ns, found.st_size


def _best(
    searcher: Any, ranked: Sequence[tantivy.Query], *, offset: int, limit: int, by_age: bool
) -> tuple[list[tuple[float, Any]], int | None]:
    """Scores and addresses of hits `offset` to `offset + limit`, tier after tier; `by_age`: newest first, unscored.

    With them how many documents there are in all, None where not every tier had to be looked at.
    """
    if by_age:
        (clause,) = ranked
        newest = searcher.search(clause, limit=limit, offset=offset, count=True, order_by_field="received")
        return [(0.0, address) for _, address in newest.hits], int(newest.count)
    found: list[tuple[float, Any]] = []
    total = 0
    for lower_tiers, clause in zip(reversed(range(len(ranked))), ranked, strict=True):
        result = searcher.search(clause, limit=limit - len(found), offset=offset, count=True)
        found += [(lower_tiers * TIER_SCORE + score, address) for score, address in result.hits]
        total += int(result.count)
        if len(found) == limit and lower_tiers:
            return found, None
        offset = max(0, offset - result.count)
    return found, total


def _by_day(
    searcher: Any, everything: tantivy.Query, *, offset: int, limit: int, sort: Sort
) -> tuple[list[tuple[float, Any]], int]:
    """As :func:`_best`, by the paper's date, unscored."""
    order = tantivy.Order.Desc if sort == "newest" else tantivy.Order.Asc
    found = searcher.search(everything, limit=limit, offset=offset, count=True, order_by_field="day", order=order)
    return [(0.0, address) for _, address in found.hits], int(found.count)


def _counts(searcher: Any, everything: tantivy.Query, facets: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    """Each facet's most frequent values, the alphabet deciding between those that are alike."""
    if not facets:
        return {}
    asked = {name: {"terms": {"field": f"facet_{name}", "size": MOST_OF_A_FACET}} for name in facets}
    found = searcher.aggregate(everything, asked)
    return {
        name: sorted(
            ((bucket["key"], int(bucket["doc_count"])) for bucket in found[name]["buckets"]),
            key=lambda pair: (-pair[1], pair[0]),
        )
        for name in facets
    }


def _open(root: Path, schema: tantivy.Schema) -> tantivy.Index:
    """The index in `root`; a new one where there is nothing yet."""
    if not (root / "meta.json").exists():
        root.mkdir(parents=True, exist_ok=True)
        with _only_process_in(root):  # else the later of two could write an empty index over the other's first commit
            if not (root / "meta.json").exists():
                if any(path.name != _LOCK_NAME for path in root.iterdir()):
                    raise _damaged()
                return tantivy.Index(schema, path=str(root))
    return tantivy.Index(schema, path=str(root), reuse=True)


@contextmanager
def _only_process_in(root: Path) -> Iterator[None]:
    with (root / _LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _errors_named() -> Iterator[None]:
    """tantivy says ValueError for all that is wrong with files; queries cannot be the reason, we build them."""
    try:
        yield
    except (ValueError, zlib.error) as error:
        raise _damaged() from error
    except OSError as error:
        raise StoreUnavailable(
            f"the search index cannot be opened: {error.strerror}", code="index_unavailable"
        ) from error


def _damaged() -> SetupError:
    return SetupError(
        "the search index is damaged or of another version: delete its folder (SOHOA_HOME/index), "
        "it is then made anew from the archive",
        code="index_damaged",
    )


def _schema() -> tantivy.Schema:
    build = tantivy.SchemaBuilder()
    build.add_text_field("id", tokenizer_name="raw", index_option="basic")
    build.add_text_field("office", tokenizer_name="raw", index_option="basic")
    build.add_boolean_field("live", indexed=True)
    build.add_unsigned_field("sequence", fast=True)
    for moment in MOMENTS:
        build.add_integer_field(moment, fast=True)
    for facet in FACETS:
        build.add_text_field(f"facet_{facet}", tokenizer_name="raw", index_option="basic", fast=True)
    for field, detail in _TEXT_FIELDS.items():
        build.add_text_field(field, tokenizer_name="whitespace", index_option=detail)
    build.add_bytes_field("head", stored=True)
    build.add_bytes_field("pages", stored=True)
    return build.build()


def _document(entry: IndexEntry) -> tantivy.Document:
    document = tantivy.Document()
    document.add_text("id", entry.document_id)
    document.add_unsigned("sequence", entry.sequence)
    if entry.deleted:
        return document
    document.add_boolean("live", True)
    document.add_text("office", entry.office)
    terms = terms_of(entry)
    for field in _TEXT_FIELDS:
        document.add_text(field, getattr(terms, field))
    for field, seconds in moments_of(entry).items():
        document.add_integer(field, seconds)
    for facet, value in facet_values(entry).items():
        document.add_text(f"facet_{facet}", value)
    document.add_bytes("head", head_of(entry))
    document.add_bytes("pages", pack_pages(entry.pages))
    return document


def _hit(document: Any, score: float, query: Query) -> Hit:
    return hit_of(document.get_first("head"), document.get_first("pages"), score, query)


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not _CURSOR.fullmatch(cursor) or int(cursor) >= MOST_RESULTS:
        raise BadQuery(
            f"the cursor is not one that a search gave, or beyond the first {MOST_RESULTS} hits: start again without it"
        )
    return int(cursor)
