"""The search index as the API reads it: opened when it is first asked, then shared by all threads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from threading import Lock

from sohoa.model import OfficeId
from sohoa.settings import Settings
from storage.index import open_index, parse_query
from storage.index.protocol import SearchIndex, SearchPage, Sort


class IndexReader:
    """Raises SetupError or StoreUnavailable where the index cannot be read; a later call tries again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._open = ExitStack()
        self._index: SearchIndex | None = None

    def search(
        self,
        typed: str,
        *,
        office: OfficeId | None,
        limit: int,
        cursor: str | None,
        sort: Sort = "relevance",
        facets: Sequence[str] = (),
    ) -> SearchPage:
        """The documents that match what was typed. Raises BadQuery."""
        query = parse_query(typed)
        opened = self._opened()
        return opened.search(query, office=office, limit=limit, cursor=cursor, sort=sort, facets=facets)

    def check(self) -> None:
        """Look into the index once."""
        self._opened().count()

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
