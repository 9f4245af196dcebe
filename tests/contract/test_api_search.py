"""`GET /v1/search` over HTTP: hits with places, an office's own counts, and an answer to whatever is typed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest.decisions import withdraw
from search_api.search.routes import HitOut
from sohoa.model import Actor, Box
from storage.catalog import viewings
from storage.catalog.viewings import Viewing
from tests.support import servers
from tests.support.archived import TEXT, Api, opened_api
from tests.support.indexes import ELASTIC, INDEXES, elastic_url


@pytest.fixture(scope="module", params=INDEXES)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with ExitStack() as held:
        url = held.enter_context(elastic_url(servers.wanted(ELASTIC))) if request.param == ELASTIC else ""
        opened = held.enter_context(opened_api(tmp_path_factory.mktemp("home"), index_url=url))
        for office in ("H02", "H02", "H02", "H56"):
            opened.archive(opened.receive(office=office, dossier=f"{office}-1"), texts=("bìa", TEXT))
        opened.index()
        READ.update(opened.token("read"))
        yield opened


READ: dict[str, str] = {}


def test_a_hit_names_the_document_its_page_and_where_the_words_are(api: Api) -> None:
    found = api.client.get("/v1/search", params={"q": "hoa giai"}, headers=READ).json()
    assert found["total"] == 4
    hit = found["hits"][0]
    assert set(hit) == set(HitOut.model_fields)
    assert (hit["pages"], hit["page_count"]) == ([2], 2)
    snippet = hit["snippets"][0]
    assert [snippet["text"][start:end] for start, end in snippet["highlights"]] == ["hòa", "giải"]
    word: Box = (900, 100, 1080, 150)
    assert snippet["boxes"][0] == list(word)


def test_an_office_finds_and_counts_only_its_own(api: Api) -> None:
    for office, count in (("H02", 3), ("H56", 1), ("H99", 0)):
        headers = api.token("read", office=office)
        found = api.client.get("/v1/search", params={"q": "quyết định"}, headers=headers).json()
        assert (found["total"], {hit["office"] for hit in found["hits"]}) == (count, {office} if count else set())
        asked = api.client.get("/v1/search", params={"q": "định office:H02"}, headers=headers).json()
        assert asked["total"] == (3 if office == "H02" else 0)


def test_hits_are_counted_and_sorted_as_asked(api: Api) -> None:
    asked = {"q": "định", "facet": ["office", "status"], "sort": "newest"}
    found = api.client.get("/v1/search", params=asked, headers=READ).json()
    assert found["facets"] == {
        "office": [{"value": "H02", "count": 3}, {"value": "H56", "count": 1}],
        "status": [{"value": "archived", "count": 4}],
    }
    oldest = api.client.get("/v1/search", params=asked | {"sort": "oldest"}, headers=READ).json()
    ids = [[hit["document_id"] for hit in page["hits"]] for page in (found, oldest)]
    assert sorted(ids[0]) == sorted(ids[1])
    bound = api.client.get("/v1/search", params=asked, headers=api.token("read", office="H56")).json()
    assert bound["facets"]["office"] == [{"value": "H56", "count": 1}]
    unknown = api.client.get("/v1/search", params={"q": "định", "facet": "colour"}, headers=READ)
    assert (unknown.status_code, unknown.json()["code"]) == (400, "bad_query")
    assert api.client.get("/v1/search", params={"q": "định", "sort": "best"}, headers=READ).status_code == 422


def test_the_cursor_reaches_every_hit_once(api: Api) -> None:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = api.client.get("/v1/search", params={"q": "định", "limit": 3, **more}, headers=READ).json()
        found += [hit["document_id"] for hit in page["hits"]]
        cursor = page["next_cursor"]
    assert len(found) == len(set(found)) == 4


@pytest.mark.servers
def test_a_cursor_into_an_index_of_many_shards_is_taken(tmp_path: Path) -> None:
    with elastic_url(servers.wanted(ELASTIC)) as url, opened_api(tmp_path, index_url=f"{url}?shards=30") as api:
        for _ in range(3):
            api.archive(api.receive(), texts=(TEXT,))
        api.index()
        read, found = api.token("read"), list[str]()
        asked: dict[str, str | int | None] = {"q": "định", "limit": 1}
        for _ in range(3):
            answer = api.client.get("/v1/search", params=asked, headers=read)
            assert answer.status_code == 200, answer.text
            found += [hit["document_id"] for hit in answer.json()["hits"]]
            asked["cursor"] = answer.json()["next_cursor"]
        assert len(set(found)) == 3
        assert asked["cursor"] is None


@pytest.mark.parametrize("engine", INDEXES)
def test_a_paper_that_was_withdrawn_is_not_shown_though_the_index_still_has_it(tmp_path: Path, engine: str) -> None:
    with ExitStack() as held:
        url = held.enter_context(elastic_url(servers.wanted(ELASTIC))) if engine == ELASTIC else ""
        api = held.enter_context(opened_api(tmp_path, index_url=url))
        papers = [api.archive(api.receive(), texts=(TEXT,)) for _ in range(2)]
        api.index()
        withdraw(api.stores, papers[0], actor=Actor("person:mai"), reason="sai hồ sơ")
        assert _shown(api, {"q": "định"}, api.token("read"))[0] == [papers[1].document_id]
        shown = [viewing.documents for viewing in _viewings(api)]
        assert shown == [(papers[1].document_id,)]


@pytest.mark.servers
def test_who_walks_on_is_not_shown_what_was_withdrawn_meanwhile(tmp_path: Path) -> None:
    with elastic_url(servers.wanted(ELASTIC)) as url, opened_api(tmp_path, index_url=url) as api:
        papers = {paper.document_id: paper for paper in [api.archive(api.receive(), texts=(TEXT,)) for _ in range(6)]}
        api.index()
        read, seen = api.token("read"), list[str]()
        asked: dict[str, Any] = {"q": "định", "limit": 2}
        for _ in range(2):
            found, asked["cursor"] = _shown(api, asked, read)
            seen += found
        gone, left = papers.keys() - seen
        withdraw(api.stores, papers[gone], actor=Actor("person:mai"), reason="sai hồ sơ")
        api.index()
        assert _shown(api, asked, read) == ([left], None)


def _shown(api: Api, asked: dict[str, Any], headers: dict[str, str]) -> tuple[list[str], Any]:
    """The ids of a page's hits, and its cursor."""
    page = api.client.get("/v1/search", params=asked, headers=headers).json()
    return [hit["document_id"] for hit in page["hits"]], page["next_cursor"]


def _viewings(api: Api) -> list[Viewing]:
    with api.stores.database.read() as connection:
        return viewings.take(connection, limit=10)


@pytest.mark.parametrize("cursor", ["x", "-1", "1e3", "99999999999999999999", "１", "0x1"])
def test_a_cursor_that_no_search_gave_is_refused(api: Api, cursor: str) -> None:
    answer = api.client.get("/v1/search", params={"q": "định", "cursor": cursor}, headers=READ)
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_search_that_is_too_long_or_none_at_all_is_a_problem(api: Api) -> None:
    assert api.client.get("/v1/search", headers=READ).json()["code"] == "invalid"
    long = api.client.get("/v1/search", params={"q": "quyết " * 300}, headers=READ)
    assert (long.status_code, long.json()["code"]) == (400, "bad_query")
    huge = api.client.get("/v1/search", params={"q": "x" * 20_000}, headers=READ)
    assert (huge.status_code, huge.json()["code"]) == (414, "query_too_long")


@hypothesis_settings(max_examples=80, deadline=None)
@given(q=st.text(max_size=60), cursor=st.none() | st.text(max_size=25), limit=st.text(max_size=4) | st.integers())
def test_whatever_is_typed_is_answered(api: Api, q: str, cursor: str | None, limit: str | int) -> None:
    query = {"q": q.encode("utf-8", "replace").decode(), "limit": str(limit).encode("utf-8", "replace").decode()}
    if cursor is not None:
        query["cursor"] = cursor.encode("utf-8", "replace").decode()
    answer = api.client.get("/v1/search", params=query, headers=READ)
    assert answer.status_code in (200, 400, 422), answer.text
    if answer.status_code != 200:
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_search_is_logged_with_what_it_showed_and_not_what_was_typed(api: Api) -> None:
    with structlog.testing.capture_logs() as events:
        api.client.get("/v1/search", params={"q": "hòa giải"}, headers=READ)
    (found,) = (event for event in events if event["event"] == "documents.found")
    assert (found["actor"], len(found["document_ids"]), found["total"]) == ("person:lan", 4, 4)
    assert "giải" not in str(events)


def test_what_is_indexed_later_and_an_index_built_anew_are_found(api: Api) -> None:
    before = api.client.get("/v1/search", params={"q": "mới toanh"}, headers=READ).json()
    document = api.archive(api.receive(office="H77"), texts=("văn bản mới toanh",))
    api.index()
    after = api.client.get("/v1/search", params={"q": "mới toanh"}, headers=READ).json()
    assert (before["total"], [hit["document_id"] for hit in after["hits"]]) == (0, [document.document_id])


def test_a_lost_index_degrades_search_alone_until_it_is_back(tmp_path: Path) -> None:
    with opened_api(tmp_path) as api:
        api.archive(api.receive(), texts=(TEXT,))
        api.index()
        read, root = api.token("read"), api.stores.settings.index_root()
        assert api.client.get("/v1/search", params={"q": "định"}, headers=read).json()["total"] == 1
        shutil.copytree(root, root.with_name("copy"))
        (root / "meta.json").unlink()
        broken = api.client.get("/v1/search", params={"q": "định"}, headers=read)
        assert (broken.status_code, broken.json()["code"]) == (503, "index_damaged")
        ready = api.client.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["index"]) == (200, "degraded", "degraded")
        assert api.client.get("/v1/documents", headers=read).status_code == 200
        shutil.rmtree(root)
        root.with_name("copy").rename(root)
        assert api.client.get("/v1/search", params={"q": "định"}, headers=read).json()["total"] == 1
        assert api.client.get("/readyz").json()["status"] == "ok"


def test_an_index_that_is_behind_is_said_to_be(tmp_path: Path) -> None:
    with opened_api(tmp_path) as api:
        api.archive(api.receive(), texts=(TEXT,))
        assert api.client.get("/readyz").json()["index"] == "ok"
        api.clock.advance(seconds=61)
        assert api.client.get("/readyz").json() == {
            "status": "degraded",
            "catalogue": "ok",
            "archive": "ok",
            "index": "degraded",
            "dispatch": "ok",
        }
        api.index()
        assert api.client.get("/readyz").json()["index"] == "ok"
