"""The index on Elasticsearch made anew, alone, while everything runs on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from ingest.decisions import withdraw
from sohoa.errors import BadRequest, SohoaError
from sohoa.model import Actor
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.catalog.documents import Document
from storage.index import open_index, parse_query
from storage.index.indexer import Loaded, load_entry
from storage.rebuild import index_alone
from storage.rebuild.index_alone import IndexRebuilt, rebuild_index
from storage.rebuild.reading import Progress
from tests.support import servers
from tests.support.archived import Api, opened_api
from tests.support.indexes import ELASTIC, elastic_url
from tests.support.verified import verified
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers

LAN = Actor("person:lan")


@pytest.fixture
def url() -> Iterator[str]:
    with elastic_url(servers.wanted(ELASTIC)) as url:
        yield url


@pytest.fixture
def api(url: str, tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path / "home", index_url=url) as opened:
        yield opened


class Stopped(BaseException):
    """The process dies here."""


def found_ids(settings: Settings, typed: str) -> list[str]:
    with open_index(settings) as index:
        return sorted(hit.document_id for hit in index.search(parse_query(typed), office=None, limit=1000).hits)


def make_anew(api: Api, **how: object) -> IndexRebuilt:
    return rebuild_index(api.stores, **{"wait": lambda _: None, **how})  # type: ignore[arg-type]


def assert_all_agrees(api: Api) -> None:
    """What `sohoa verify` has to say of the index: nothing."""
    about_index = {"not_in_index", "index_behind", "index_pending", "not_searchable"}
    assert [found for found in verified(api.stores).findings if found.code in about_index] == []


def test_a_new_index_has_all_that_is_archived_and_none_that_was_withdrawn(api: Api, url: str) -> None:
    kept = [api.archive(api.receive(), texts=("kế hoạch",)) for _ in range(5)]
    gone = api.archive(api.receive(), texts=("kế hoạch",))
    api.index()
    withdraw(api.stores, gone, actor=LAN, reason="scanned twice")
    api.index()
    with Elasticsearch(servers.wanted(ELASTIC).endpoint) as library:
        rebuilt = make_anew(api)
        assert list(library.indices.get(index=f"{url.rpartition('/')[2]}-*")) == [f"{url.rpartition('/')[2]}-000002"]
    assert rebuilt == IndexRebuilt(documents=5, by_name_only=(), missing=())
    assert found_ids(api.stores.settings, "kế hoạch") == sorted(document.document_id for document in kept)
    with open_index(api.stores.settings) as index:
        assert gone.document_id in index.sequences([gone.document_id])  # a tombstone: a late write finds it
    assert_all_agrees(api)


def test_papers_that_come_and_go_while_it_is_made_are_found_as_they_are(api: Api) -> None:
    papers = [api.archive(api.receive(), texts=("kế hoạch",)) for _ in range(30)]
    api.index()
    coming, going = list(papers), list[str]()
    stop, wrong = threading.Event(), list[SohoaError]()

    def work() -> None:
        """What an office does meanwhile: a paper more, one less, the outbox emptied, again and again."""
        try:
            while not stop.is_set():
                withdrawn = papers.pop()
                withdraw(api.stores, withdrawn, actor=LAN, reason="scanned twice")
                going.append(withdrawn.document_id)
                coming.append(api.archive(api.receive(), texts=("kế hoạch",)))
                papers.insert(0, coming[-1])  # there is always one to withdraw, however long this goes on
                api.index()
        except SohoaError as error:
            wrong.append(error)

    working = threading.Thread(target=work)

    def begin(progress: Progress) -> None:
        if not working.is_alive() and not stop.is_set():
            working.start()
            wait_until(lambda: len(going) > 1 or bool(wrong), "nothing happens meanwhile")

    def end(_: float) -> None:
        stop.set()
        working.join()

    batch, index_alone._BATCH = index_alone._BATCH, 4
    try:
        make_anew(api, tell=begin, wait=end)
    finally:
        index_alone._BATCH = batch
        stop.set()
    assert wrong == []
    assert len(going) > 1
    expected = sorted({document.document_id for document in coming} - set(going))
    wait_until(lambda: found_ids(api.stores.settings, "kế hoạch") == expected, "what came last is not found")
    assert_all_agrees(api)


def test_who_is_killed_goes_on_with_what_is_missing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(9):
        api.archive(api.receive(), texts=("kế hoạch",))
    api.index()
    loaded: list[str] = []

    def counted(document: Document, archive: Archive) -> Loaded:
        loaded.append(document.document_id)
        return load_entry(document, archive)

    def die(progress: Progress) -> None:
        if progress.done == 6:
            raise Stopped

    monkeypatch.setattr(index_alone, "load_entry", counted)
    monkeypatch.setattr(index_alone, "_BATCH", 3)
    with pytest.raises(Stopped):
        make_anew(api, tell=die)
    assert len(loaded) == 6
    assert make_anew(api).documents == 9
    assert len(loaded) == len(set(loaded)) == 9
    assert_all_agrees(api)


def test_who_walks_through_the_old_index_comes_to_its_end(api: Api) -> None:
    for _ in range(9):
        api.archive(api.receive(), texts=("kế hoạch",))
    api.index()
    query, waits = parse_query("kế hoạch"), list[float]()
    with open_index(api.stores.settings) as index:
        first = index.search(query, office=None, limit=3)
        page = index.search(query, office=None, limit=3, cursor=first.next_cursor)
        seen = {hit.document_id for hit in (*first.hits, *page.hits)}

        def wait(time_s: float) -> None:
            waits.append(time_s)
            if len(waits) == 3:
                last = index.search(query, office=None, limit=3, cursor=page.next_cursor)
                assert last.next_cursor is None
                seen.update(hit.document_id for hit in last.hits)

        make_anew(api, wait=wait)
    assert len(seen) == 9
    assert len(waits) == 3


def test_an_index_of_another_form_is_left_behind(api: Api, url: str) -> None:
    document = api.archive(api.receive(), texts=("kế hoạch",))
    api.index()
    with Elasticsearch(servers.wanted(ELASTIC).endpoint) as library:
        library.indices.put_mapping(index=url.rpartition("/")[2], meta={"form": 0})
    with pytest.raises(SohoaError, match="rebuild --index"):
        found_ids(api.stores.settings, "kế hoạch")
    make_anew(api)
    assert found_ids(api.stores.settings, "kế hoạch") == [document.document_id]


def test_an_index_in_a_folder_is_made_anew_otherwise(tmp_path: Path) -> None:
    with opened_api(tmp_path / "home") as api, pytest.raises(BadRequest, match="delete it"):
        make_anew(api)
