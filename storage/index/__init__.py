"""The search index: open it, ask it. Nothing of an engine is imported before one is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sohoa.settings import Settings
from storage.index.protocol import SearchIndex
from storage.index.query import parse_query

__all__ = ["check_url", "examine", "is_served", "open_index", "parse_query"]


@contextmanager
def open_index(settings: Settings, *, mode: Literal["read", "write"] = "read") -> Iterator[SearchIndex]:
    """The index that the settings name; `write` for the one process that indexes. Raises SetupError, StoreUnavailable."""
    index = _served(settings) if is_served(settings) else _embedded(settings, mode)
    try:
        yield index
    finally:
        index.close()


def is_served(settings: Settings) -> bool:
    """Whether the index lies on an Elasticsearch cluster, not in a folder of this machine."""
    return settings.index_url.startswith(("http:", "https:"))


def check_url(settings: Settings) -> None:
    """Raise ValueError or SetupError where SOHOA_INDEX_URL or what lets us in cannot be used as they are written."""
    if is_served(settings):
        from storage.index.elastic_place import parse_place, read_credentials

        parse_place(settings.index_url)
        read_credentials(settings)
    else:
        settings.index_root()


def examine(settings: Settings) -> tuple[str, str]:
    """What the index is, and what an operator should do about it ("": nothing). Raises SetupError, StoreUnavailable."""
    with open_index(settings) as index:
        found = f"{index.count()} documents"
    if not is_served(settings):
        return f"{found}, in {settings.index_root()}", ""
    from storage.index.elastic_health import look

    return look(settings, found)


def _embedded(settings: Settings, mode: Literal["read", "write"]) -> SearchIndex:
    from storage.index.tantivy_index import TantivyIndex

    return TantivyIndex(settings.index_root(), mode)


def _served(settings: Settings) -> SearchIndex:
    from storage.index.elastic import ElasticIndex, connect

    cluster, place = connect(settings)
    index = ElasticIndex(cluster, place, place.alias)
    try:
        index.make_ready()
    except BaseException:
        index.close()
        raise
    return index
