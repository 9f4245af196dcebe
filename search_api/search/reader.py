"""The search index as the API reads it: opened when first asked, shared by all threads, opened anew after it failed."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Lock

from sohoa.errors import SetupError, StoreUnavailable
from sohoa.model import OfficeId
from sohoa.settings import Settings
from storage.index import open_index, parse_query
from storage.index.protocol import SearchIndex, SearchPage


class IndexReader:
    """Raises SetupError or StoreUnavailable where the index cannot be read; the next call opens it again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._open = ExitStack()
        self._index: SearchIndex | None = None

    def search(self, typed: str, *, office: OfficeId | None, limit: int, cursor: str | None) -> SearchPage:
        """The documents that match what was typed. Raises BadQuery."""
        query = parse_query(typed)
        index = self._opened()
        try:
            return index.search(query, office=office, limit=limit, cursor=cursor)
        except (SetupError, StoreUnavailable):
            self._forget(index)
            raise

    def check(self) -> None:
        """Look into the index once."""
        index = self._opened()
        try:
            index.count()
        except (SetupError, StoreUnavailable):
            self._forget(index)
            raise

    def close(self) -> None:
        """Let go of the index."""
        with self._lock:
            self._index = None
            self._open.close()

    def _opened(self) -> SearchIndex:
        with self._lock:
            if self._index is None:
                self._index = self._open.enter_context(open_index(self._settings, mode="read"))
            return self._index

    def _forget(self, failed: SearchIndex) -> None:
        with self._lock:
            if self._index is failed:
                self._index = None
                self._open.close()
