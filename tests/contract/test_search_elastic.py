"""The index on Elasticsearch alone: tombstones, walking far, swapping a new index for the old, indices of another form."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from sohoa.errors import BadQuery, IndexAway, SetupError, SohoaError
from sohoa.model import DocumentId
from sohoa.settings import Settings
from storage.index import open_index
from storage.index.beside import beside
from storage.index.elastic import ElasticIndex
from storage.index.elastic_cursor import Cursor
from storage.index.elastic_form import FORM
from storage.index.protocol import Hit, IndexEntry, SearchIndex
from storage.index.query import parse_query
from storage.index.tantivy_index import MOST_RESULTS
from tests.support import servers
from tests.support.indexes import ELASTIC, KHCN, NOI_VU, elastic_url, entry, names, search
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def server() -> servers.S3Server:
    return servers.wanted(ELASTIC)


@pytest.fixture
def library(server: servers.S3Server) -> Iterator[Elasticsearch]:
    with Elasticsearch(server.endpoint) as opened:
        yield opened


@pytest.fixture
def index_settings(server: servers.S3Server, tmp_path: Path) -> Iterator[Settings]:
    with elastic_url(server) as url:
        yield Settings(home=tmp_path, index_url=url)


@pytest.fixture
def alias(index_settings: Settings) -> str:
    return index_settings.index_url.rpartition("/")[2]


def test_a_late_write_does_not_bring_back_what_elasticsearch_would_have_forgotten(
    library: Elasticsearch, index: SearchIndex, alias: str
) -> None:
    library.indices.put_settings(index=alias, settings={"index.gc_deletes": "0s"})
    index.write([entry("it", "kế hoạch", sequence=1)])
    index.write([IndexEntry(DocumentId("it"), sequence=5, deleted=True)])
    for sequence in (1, 4):
        index.write([entry("it", "kế hoạch", sequence=sequence)])
    assert names(index, "kế hoạch") == []
    assert index.sequences(["it"]) == {"it": 5}
    # What a plain delete of the same version would have come to:
    library.delete(index=alias, id="it", version=6, version_type="external")

    def forgotten() -> bool:
        index.write([entry("it", "kế hoạch", sequence=4)])
        return names(index, "kế hoạch") == ["it"]

    wait_until(forgotten, "the control shows nothing: Elasticsearch remembers the delete")


def test_more_hits_than_any_offset_reaches_are_walked_through(index: SearchIndex) -> None:
    count = MOST_RESULTS + 500
    for first in range(0, count, 2_000):
        index.write([entry(f"{n:05}", "đường") for n in range(first, min(first + 2_000, count))])
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        page = index.search(parse_query("đường"), office=None, limit=1_000, cursor=cursor)
        assert page.total == count
        assert not seen & {hit.document_id for hit in page.hits}
        seen |= {hit.document_id for hit in page.hits}
        if (cursor := page.next_cursor) is None:
            break
    assert len(seen) == count


@pytest.mark.parametrize("typed", ["đường", '"con đường"', "đường con -khác", "duong"])
def test_pages_full_of_the_best_tier_are_parts_of_what_one_request_finds(index: SearchIndex, typed: str) -> None:
    texts = ("con đường", "con đương", "con đường này đường kia", "con đường " * 7, "đương con", "khác con đường")
    index.write([entry(f"{number:02}", texts[number % len(texts)] + " x" * number) for number in range(40)])
    query, facets = parse_query(typed), ("office", "status")
    whole = index.search(query, office=KHCN, limit=100, facets=facets)
    assert whole.total == len(whole.hits) > 20
    for limit in (3, 4):
        walked, cursor = list[Hit](), None
        while len(walked) < whole.total:
            page = index.search(query, office=KHCN, limit=limit, cursor=cursor, facets=facets)
            assert (page.total, page.facets) == (whole.total, whole.facets)
            walked += page.hits
            cursor = page.next_cursor
        assert cursor is None
        assert walked == list(whole.hits)


@pytest.mark.parametrize("typed", ["đường", "-khác"])
def test_who_walks_on_sees_the_index_as_it_was(index: SearchIndex, typed: str) -> None:
    index.write([entry(f"{number:02}", "đường") for number in range(9)])
    first = index.search(parse_query(typed), office=None, limit=3)
    second = index.search(parse_query(typed), office=None, limit=3, cursor=first.next_cursor)
    index.write([entry(f"new {number}", "đường") for number in range(9)])
    index.write([IndexEntry(DocumentId(f"{number:02}"), sequence=2, deleted=True) for number in range(9)])
    third = index.search(parse_query(typed), office=None, limit=3, cursor=second.next_cursor)
    assert (second.total, third.total, third.next_cursor) == (9, 9, None)
    seen = [hit.document_id for page in (first, second, third) for hit in page.hits]
    assert sorted(seen) == [f"{number:02}" for number in range(9)]


def test_a_cursor_whose_time_is_over_or_of_another_order_is_refused(index: SearchIndex, library: Elasticsearch) -> None:
    index.write([entry(f"{number:02}", "đường") for number in range(9)])
    query = parse_query("đường")
    first = index.search(query, office=None, limit=3)
    second = index.search(query, office=None, limit=3, cursor=first.next_cursor)
    with pytest.raises(BadQuery, match="cursor"):
        index.search(query, office=None, limit=3, cursor=first.next_cursor, sort="newest")
    for point in ("", "not-a-point", "xYz" * 40):
        made_up = str(Cursor("_score desc", 1.0, "00", 3, point))
        if point:
            with pytest.raises(BadQuery, match="cursor"):
                index.search(query, office=None, limit=3, cursor=made_up)
        else:
            index.search(query, office=None, limit=3, cursor=made_up)
    with pytest.raises(BadQuery, match="cursor"):
        index.search(query, office=None, limit=3, cursor=str(Cursor("day desc", float("inf"), "00", 3)), sort="newest")
    index.search(query, office=None, limit=3, cursor=second.next_cursor)  # the last page, which ends the point in time
    with pytest.raises(BadQuery, match="its time is over"):
        index.search(query, office=None, limit=3, cursor=second.next_cursor)


def test_a_cursor_shows_nobody_another_offices_papers(index: SearchIndex) -> None:
    index.write([entry(f"{number:02}", "đường") for number in range(9)])
    query = parse_query("đường")
    cursor = index.search(query, office=None, limit=3).next_cursor
    theirs = index.search(query, office=NOI_VU, limit=3, cursor=cursor)
    assert (theirs.total, theirs.hits) == (0, ())


def test_words_longer_than_the_analyser_allows_are_found_whole(index: SearchIndex) -> None:
    long = "ố" * 300
    index.write([entry("it", f"đây {long} đó"), entry("other", f"đây {'ố' * 301} đó")])
    for typed in (long, f'"đây {long} đó"', "ô" * 300, f"{long} đó"):
        assert names(index, typed) == (["it"] if len(typed) >= 300 else []), typed


def test_an_index_of_another_form_is_not_used(
    index: SearchIndex, index_settings: Settings, library: Elasticsearch
) -> None:
    alias = index_settings.index_url.rpartition("/")[2]
    library.indices.put_mapping(index=alias, meta={"form": FORM + 1})
    with pytest.raises(SetupError, match="rebuild --index") as told, open_index(index_settings):
        pass
    assert told.value.code == "index_outdated"


def test_an_index_that_somebody_deleted_is_named_and_made_anew(
    index: SearchIndex, index_settings: Settings, library: Elasticsearch
) -> None:
    index.write([entry("it", "kế hoạch")])
    library.indices.delete(index=f"{index_settings.index_url.rpartition('/')[2]}-000001")
    for ask in (lambda: search(index, "kế"), lambda: index.write([entry("it")]), index.count):
        with pytest.raises(IndexAway) as told:
            ask()
        assert told.value.code == "index_missing"
    with open_index(index_settings, mode="write") as anew:
        assert anew.count() == 0


def test_a_new_index_takes_the_place_of_the_old_and_nothing_written_meanwhile_is_lost(
    index: SearchIndex, index_settings: Settings, library: Elasticsearch, alias: str
) -> None:
    index.write([entry(name, "kế hoạch") for name in ("kept", "changed", "withdrawn", "dropped")])
    made = beside(index_settings)
    with made.open() as half_made:
        assert half_made.count() == 0
        index.write([entry("changed", "kế hoạch mới", sequence=2), entry("new", "kế hoạch")])
        index.write([IndexEntry(DocumentId("withdrawn"), sequence=2, deleted=True)])
        half_made.write(
            [entry(name, "kế hoạch") for name in ("kept", "changed", "withdrawn")]
        )  # what is older gives way
        assert sorted(names(half_made, "kế hoạch")) == ["changed", "kept", "new"]
        assert sorted(names(index, "kế hoạch")) == ["changed", "dropped", "kept", "new"]
    made.put_in_use(lambda: None)
    assert sorted(names(index, "kế hoạch")) == ["changed", "kept", "new"]
    assert names(index, "mới") == ["changed"]
    made.put_in_use(lambda: None)  # done already
    index.write([entry("after", "kế hoạch")])
    made.drop_old()
    assert sorted(names(index, "kế hoạch")) == ["after", "changed", "kept", "new"]
    assert list(library.indices.get(index=f"{alias}-*")) == [f"{alias}-000002"]


def test_a_write_that_meets_the_swap_is_in_the_index_that_is_in_use_then(
    index: SearchIndex, index_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(index, ElasticIndex)
    made = beside(index_settings)
    with made.open():
        pass
    send = index._bulk.send

    def swapped_after(alias: str, entries: object) -> frozenset[str]:
        monkeypatch.setattr(index._bulk, "send", send)
        done = send(alias, entries)  # type: ignore[arg-type]
        made.put_in_use(lambda: None)
        return done

    monkeypatch.setattr(index._bulk, "send", swapped_after)
    index.write([entry("it", "kế hoạch")])
    assert names(index, "kế hoạch") == ["it"]


def test_searches_never_fail_while_indices_are_swapped_again_and_again(
    index: SearchIndex, index_settings: Settings
) -> None:
    index.write([entry("it", "kế hoạch")])
    stop, wrong, asked = threading.Event(), list[str](), list[int]()

    def ask() -> None:
        while not stop.is_set():
            try:
                found = names(index, "kế hoạch")
                asked.append(len(found))
            except SohoaError as error:
                wrong.append(repr(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(5):
            made = beside(index_settings)
            with made.open() as half_made:
                half_made.write([entry("it", "kế hoạch")])
            made.put_in_use(lambda: None)
            wait_until(lambda before=len(asked): len(asked) > before + 2 or bool(wrong), "nobody searches")  # type: ignore[misc]
    finally:
        stop.set()
        asking.join()
    beside(index_settings).drop_old()
    assert wrong == []
    assert len(asked) > 10
    assert set(asked) == {1}


def test_a_half_made_index_of_another_form_or_nobody_is_begun_anew(
    index: SearchIndex, index_settings: Settings, library: Elasticsearch, alias: str
) -> None:
    made = beside(index_settings)
    with made.open() as half_made:
        half_made.write([entry("it", "kế hoạch")])
    with made.open() as again:
        assert again.count() == 1
    library.indices.put_mapping(index=f"{alias}-next", meta={"form": FORM + 1})
    with made.open() as anew:
        assert anew.count() == 0
    made.discard()
    assert not library.indices.exists_alias(name=f"{alias}-next")
    made.discard()


def test_other_indices_of_the_cluster_are_left_alone(
    index: SearchIndex, index_settings: Settings, library: Elasticsearch, alias: str
) -> None:
    others = [f"{alias}-metrics", f"{alias}-000009-old", f"{alias}-prod-000001"]
    for other in others:
        library.indices.create(index=other)
    made = beside(index_settings)
    with made.open():
        pass
    made.put_in_use(lambda: None)
    made.drop_old()
    assert sorted(library.indices.get(index=f"{alias}-*")) == sorted([*others, f"{alias}-000002"])


def test_an_offices_papers_lie_together(index: SearchIndex, library: Elasticsearch, alias: str) -> None:
    index.write([IndexEntry(DocumentId("gone"), sequence=1, deleted=True)])
    index.write([entry(f"{number:02}", "kế hoạch", office=(KHCN, NOI_VU)[number % 2]) for number in range(6)])
    library.indices.forcemerge(index=alias, max_num_segments=1)
    stored = library.search(index=alias, sort="_doc", docvalue_fields=[{"field": "office"}], source=False)["hits"][
        "hits"
    ]
    offices = [found.get("fields", {}).get("office", [""])[0] for found in stored]
    assert offices == [KHCN] * 3 + [NOI_VU] * 3 + [""]


def test_what_is_known_of_a_paper_does_not_lie_in_the_index_in_plain(
    index: SearchIndex, library: Elasticsearch, alias: str
) -> None:
    """Terms are indexed; the stored text is packed, and Elasticsearch keeps no copy of what it was sent."""
    index.write([replace(entry("it", "kế hoạch"), fields={"subject": "Về việc cấp phép"})])
    stored = library.get(index=alias, id="it", stored_fields=["head", "pages", "exact", "folded", "attributes"])
    assert "_source" not in stored
    assert set(stored["fields"]) == {"head", "pages"}
