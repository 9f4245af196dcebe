"""The search index on one machine: tantivy in a folder, one writer, any number of reading processes."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import tantivy

from sohoa.errors import BadQuery, SetupError, StoreUnavailable
from sohoa.model import DocumentId, OfficeId
from storage.index.highlight import highlight
from storage.index.protocol import Hit, IndexEntry, SearchPage
from storage.index.query import Query
from storage.index.stored_pages import StoredPages, pack_pages
from storage.index.tantivy_query import build_query, count_query, document_query
from storage.index.terms import Terms, issued_or_received, terms_of

Mode = Literal["read", "write"]

MOST_RESULTS = 10_000
"""How far a cursor goes; who has read so many hits should narrow the search."""
_WRITER_MEMORY_BYTES = 64_000_000
_MOMENTS = ("date", "received", "archived")


class TantivyIndex:
    """An index in the folder `root`. `write` mode holds tantivy's writer lock until :meth:`close`; threads may share one.

    A search sees every commit that any process has made before it. Raises SetupError (`index_damaged`) where the files
    cannot be read, and StoreUnavailable where they cannot be written just now or another process is the writer.
    """

    def __init__(self, root: Path, mode: Mode = "read") -> None:
        self._root = root
        self._schema = _schema()
        with _errors_named():
            self._index = _open(root, self._schema)
            self._index.config_reader(reload_policy="manual")
            self._index.reload()
        self._seen = self._meta_state()
        self._writer = self._new_writer() if mode == "write" else None
        self._damaged = False

    def write(self, entries: Sequence[IndexEntry]) -> None:
        """Make `entries` searchable, durably, before returning; repeating it, or writing an older sequence, changes nothing."""
        if self._writer is None:
            raise StoreUnavailable("the search index was opened for reading", code="index_read_only")
        searcher = self._fresh_searcher()
        newest: dict[str, IndexEntry] = {}
        for entry in sorted(entries, key=lambda entry: entry.sequence):
            if entry.sequence >= self._indexed_sequence(searcher, entry.document_id):
                newest[entry.document_id] = entry
        documents = [(entry, _document(entry)) for entry in newest.values()]
        try:
            for entry, document in documents:
                self._writer.delete_documents_by_query(document_query(self._schema, entry.document_id))
                self._writer.add_document(document)
            self._writer.commit()
        except (ValueError, OSError) as error:
            self._writer.rollback()
            raise StoreUnavailable(f"the search index could not be written: {error}", code="index_not_written") from error

    def search(self, query: Query, *, office: OfficeId | None, limit: int = 20, cursor: str | None = None) -> SearchPage:
        """The documents that match, best first; without words to rank by, newest first. Raises BadQuery for a wrong cursor."""
        offset = _offset(cursor)
        limit = min(limit, MOST_RESULTS - offset)
        with _errors_named():
            searcher = self._fresh_searcher()
            order = {} if query.must else {"order_by_field": "received"}
            found = searcher.search(build_query(self._schema, query, office=office), limit=limit, offset=offset, count=False, **order)
            total = searcher.search(count_query(self._schema, query, office=office), limit=1, count=True).count
            hits = tuple(
                _hit(searcher.doc(address), score if query.must else 0.0, query) for score, address in found.hits
            )
        after = offset + len(hits)
        return SearchPage(total, hits, str(after) if hits and after < min(total, MOST_RESULTS) else None)

    def count(self) -> int:
        """The number of documents that can be found (without tombstones)."""
        with _errors_named():
            return int(self._fresh_searcher().search(count_query(self._schema, Query(), office=None), limit=1).count)

    def close(self) -> None:
        """Let go of files and locks."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait_merging_threads()
