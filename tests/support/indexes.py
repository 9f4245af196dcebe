"""A fresh, empty search index of each kind for the contract suite, and documents and searches in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sohoa.model import DocumentId, OfficeId
from sohoa.settings import Settings
from storage.index import open_index
from storage.index.protocol import IndexedPage, IndexEntry, SearchIndex, SearchPage
from storage.index.query import parse_query
from tests.support import servers

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

ELASTIC = "elasticsearch"
INDEXES = ("tantivy", pytest.param(ELASTIC, marks=pytest.mark.servers))
"""What the contract suite runs over."""
KHCN, NOI_VU = OfficeId("so-khcn"), OfficeId("so-noi-vu")
JANUARY = datetime(2023, 1, 15, 2, tzinfo=UTC)


@pytest.fixture(params=INDEXES)
def index_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings with an index of their own, which is not there yet."""
    if request.param == ELASTIC:
        with elastic_url(servers.wanted(ELASTIC)) as url:
            yield Settings(home=tmp_path, index_url=url)
    else:
        yield Settings(home=tmp_path)


@pytest.fixture
def index(index_settings: Settings) -> Iterator[SearchIndex]:
    """A new index, open for writing."""
    with open_index(index_settings, mode="write") as opened:
        yield opened


@contextmanager
def elastic_url(
    server: servers.S3Server, *, endpoint: str | None = None, answers_within_s: float = 60.0
) -> Iterator[str]:
    """The URL of an index that is not there yet, dropped afterwards; `endpoint` is another way to the server. A search from
    this process may take longer than anybody would wait: a busy machine is no fault of Sohoa's."""
    from elasticsearch import Elasticsearch  # here, for every test process reads this file

    from storage.index import elastic_search
    from storage.index.elastic_client import Cluster

    name = f"t{secrets.token_hex(6)}"
    with pytest.MonkeyPatch.context() as patience:
        patience.setitem(vars(Cluster.asked)["__wrapped__"].__kwdefaults__, "timeout_s", answers_within_s)
        patience.setattr(elastic_search, "SEARCH_BUDGET_S", answers_within_s)
        try:
            yield f"{endpoint or server.endpoint}/{name}"
        finally:
            with Elasticsearch(server.endpoint, request_timeout=120) as library:
                drop(library, name)


def drop(library: Elasticsearch, name: str) -> None:
    """Drop every index of that name, whatever it goes by."""
    for one in library.indices.get(index=f"{name}-*"):
        library.indices.delete(index=one)


def entry(name: str, *texts: str, sequence: int = 1, office: OfficeId = KHCN) -> IndexEntry:
    return IndexEntry(
        document_id=DocumentId(name),
        sequence=sequence,
        office=office,
        filename=f"{name}.pdf",
        kind="pdf",
        status="archived",
        received_at=JANUARY,
        archived_at=JANUARY + timedelta(minutes=2),
        pages=[IndexedPage(number, text) for number, text in enumerate(texts, start=1)],
    )


def search(index: SearchIndex, typed: str, *, office: OfficeId | None = None, limit: int = 20) -> SearchPage:
    return index.search(parse_query(typed), office=office, limit=limit)


def names(index: SearchIndex, typed: str) -> list[str]:
    found = search(index, typed)
    assert found.total == len(found.hits)
    return [hit.document_id for hit in found.hits]
