"""The search index: open it, ask it. Nothing of an engine is imported before one is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sohoa.settings import Settings
from storage.index.protocol import SearchIndex
from storage.index.query import parse_query

__all__ = ["open_index", "parse_query"]


@contextmanager
def open_index(settings: Settings, *, mode: Literal["read", "write"] = "read") -> Iterator[SearchIndex]:
    """The index that the settings name; `write` for the one process that indexes. Raises as TantivyIndex does."""
    from storage.index.tantivy_index import TantivyIndex

    index = TantivyIndex(settings.index_root(), mode)
    try:
        yield index
    finally:
        index.close()
