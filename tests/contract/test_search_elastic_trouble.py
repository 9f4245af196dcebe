"""An Elasticsearch that is busy, full, away or frozen, and documents that it does not take: each told apart, nothing lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elastic_transport import ConnectionTimeout
from elasticsearch import Elasticsearch

from sohoa.errors import EntriesRefused, IndexAway, SetupError, SohoaError
from sohoa.model import OfficeId
from sohoa.settings import Settings
from storage import breaker
from storage.index import check_url, open_index
from storage.index.elastic import ElasticIndex, connect
from storage.index.elastic_bulk import LEAST_BYTES, MOST_BYTES, TRIES, Bulk
from storage.index.elastic_cursor import SEARCH_TIMEOUT_S
from storage.index.protocol import IndexEntry, SearchIndex
from tests.support import servers
from tests.support.faulty_proxy import Fault, FaultyProxy, between
from tests.support.indexes import ELASTIC, elastic_url, entry, names, search
from tests.support.waiting import wait_until

TIGHT_BYTES = 3_000_000
"""What the server of the backpressure tests takes at once."""


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    with between(servers.wanted(ELASTIC).endpoint) as proxy:
        yield proxy


@pytest.fixture
def behind(proxy: FaultyProxy, tmp_path: Path) -> Iterator[Settings]:
    """An index that the proxy stands before."""
    with elastic_url(servers.wanted(ELASTIC), endpoint=proxy.endpoint) as url:
        yield Settings(home=tmp_path, index_url=url)


@pytest.fixture(scope="module")
def tight() -> Iterator[servers.S3Server]:
    """A server that says 429 to more than TIGHT_BYTES at once."""
    with servers.own(ELASTIC, f"-Eindexing_pressure.memory.limit={TIGHT_BYTES}b") as server:
        yield server


def large(name: str, size: int) -> IndexEntry:
    """A document of about `size` bytes as it is sent."""
    return entry(name, " ".join(f"{name}w{number}" for number in range(size // 60)))


@pytest.mark.servers
@pytest.mark.slow
def test_a_cluster_that_has_too_much_to_do_is_sent_less_until_all_is_in(
    tight: servers.S3Server, tmp_path: Path
) -> None:
    with elastic_url(tight) as url:
        settings, pauses = Settings(home=tmp_path, index_url=url), list[float]()
        with open_index(settings, mode="write") as index:
            bulk = Bulk(connect(settings)[0], pause=pauses.append)
            entries = [large(f"d{number:02}", 300_000) for number in range(20)]
            assert bulk.send(url.rpartition("/")[2], entries) == frozenset()
            assert bulk.chunk_bytes < MOST_BYTES
            assert pauses
            assert isinstance(index, ElasticIndex)
            index.refresh()
            assert index.count() == len(entries)


@pytest.mark.servers
@pytest.mark.slow
def test_a_document_that_is_more_than_the_cluster_ever_takes_is_refused_alone(
    tight: servers.S3Server, tmp_path: Path
) -> None:
    with elastic_url(tight) as url:
        settings = Settings(home=tmp_path, index_url=url)
        with open_index(settings, mode="write") as index:
            bulk = Bulk(connect(settings)[0], pause=lambda _: None)
            entries = [entry("before"), large("giant", 2 * MOST_BYTES), entry("after")]
            assert bulk.send(url.rpartition("/")[2], entries) == {"giant"}
            assert isinstance(index, ElasticIndex)
            index.refresh()
            assert set(index.sequences(["before", "giant", "after"])) == {"before", "after"}


@pytest.mark.servers
def test_what_comes_next_is_made_ready_while_the_cluster_works(
    behind: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, requests, most = list[str](), list[int](), 8

    def papers() -> Iterator[IndexEntry]:
        for number in range(most):
            taken.append(f"{number}")
            yield entry(f"{number}", "kế hoạch")

    with open_index(behind, mode="write"):
        bulk = Bulk(connect(behind)[0])
        bulk.chunk_bytes, ask = 1, bulk._ask  # a document a request; the one after it is known not to fit

        def busy(*asked: Any) -> Any:
            requests.append(len(requests) + 1)
            wait_until(
                lambda: len(taken) >= min(most, requests[-1] + 2), "what comes next waits until the cluster is done"
            )
            return ask(*asked)

        monkeypatch.setattr(bulk, "_ask", busy)
        assert bulk.send(behind.index_url.rpartition("/")[2], papers()) == frozenset()
    assert len(requests) == most


@pytest.mark.servers
def test_a_cluster_that_stays_busy_is_left_alone_after_some_tries(behind: Settings, proxy: FaultyProxy) -> None:
    with open_index(behind, mode="write") as index:
        pauses: list[float] = []
        bulk = Bulk(connect(behind)[0], pause=pauses.append)
        alias = behind.index_url.rpartition("/")[2]
        proxy.faults.append(Fault("refuse", "PUT", "_bulk", times=TRIES))
        with pytest.raises(IndexAway) as told:
            bulk.send(alias, [entry("it", "kế hoạch")])
        assert told.value.code == "index_overloaded"
        assert pauses == sorted(pauses)
        assert len(pauses) == TRIES - 1
        assert bulk.chunk_bytes < MOST_BYTES / 8
        assert bulk.send(alias, [entry(f"{n}", "kế hoạch") for n in range(20)]) == frozenset()
        for _ in range(20):  # and trusted again, bit by bit
            bulk.send(alias, [entry("it", "kế hoạch")])
        assert bulk.chunk_bytes == MOST_BYTES > LEAST_BYTES
        index.write([entry("it", "kế hoạch", sequence=2)])
        assert search(index, "kế hoạch").total == 21


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The cluster is done in time with two documents and no more; the numbers of documents that it was sent, in order."""
    sent, bulk = list[int](), Elasticsearch.bulk

    def slow_bulk(library: Elasticsearch, **asked: Any) -> Any:
        sent.append(asked["operations"][0].count(b"\n") // 2 + 1)
        if sent[-1] > 2:
            raise ConnectionTimeout("not done in time")
        return bulk(library, **asked)

    monkeypatch.setattr(Elasticsearch, "bulk", slow_bulk)
    return sent


@pytest.mark.servers
def test_a_slow_cluster_is_sent_half_as_much_until_it_is_done_in_time(behind: Settings, slow: list[int]) -> None:
    with open_index(behind, mode="write") as index:
        index.write([entry(f"{number}", "kế hoạch") for number in range(13)])
        assert len(names(index, "kế hoạch")) == 13
        assert slow[0] == 13
        assert min(slow) < 3


@pytest.mark.servers
def test_a_cluster_that_is_not_done_with_one_document_in_time_is_given_up(
    behind: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list[int]()

    def never(library: Elasticsearch, **asked: Any) -> Any:
        sent.append(asked["operations"][0].count(b"\n") // 2 + 1)
        raise ConnectionTimeout("not done in time")

    monkeypatch.setattr(Elasticsearch, "bulk", never)
    with open_index(behind, mode="write") as index, pytest.raises(IndexAway) as told:
        index.write([entry(f"{number}", "kế hoạch") for number in range(8)])
    assert told.value.code == "index_timeout"
    assert sent == sorted(sent, reverse=True)
    assert (sent[0], sent[-1], len(sent)) == (8, 1, len(set(sent)))


@pytest.mark.servers
def test_a_cluster_that_went_away_over_a_request_is_not_sent_less(
    behind: Settings, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list[Any]()

    def last(library: Elasticsearch, **asked: Any) -> Any:
        sent.append(asked)
        proxy.down()
        raise ConnectionTimeout("not done in time")

    monkeypatch.setattr(Elasticsearch, "bulk", last)
    with open_index(behind, mode="write") as index, pytest.raises(IndexAway) as told:
        index.write([entry(f"{number}", "kế hoạch") for number in range(8)])
    assert (told.value.code, len(sent)) == ("index_away", 1)


@pytest.mark.servers
def test_a_bad_document_is_refused_and_the_others_are_found(behind: Settings) -> None:
    unfit = replace(entry("unfit", "kế hoạch"), office=OfficeId("x" * 40_000))
    with open_index(behind, mode="write") as index:
        with pytest.raises(EntriesRefused) as told:
            index.write([entry("first", "kế hoạch"), unfit, entry("last", "kế hoạch")])
        assert told.value.document_ids == {"unfit"}
        assert sorted(names(index, "kế hoạch")) == ["first", "last"]


@pytest.mark.servers
def test_a_full_disk_keeps_writes_out_and_searches_going(behind: Settings) -> None:
    alias = behind.index_url.rpartition("/")[2]
    with open_index(behind, mode="write") as index, Elasticsearch(servers.wanted(ELASTIC).endpoint) as library:
        index.write([entry("it", "kế hoạch")])
        # what Elasticsearch does by itself where a disk is fuller than cluster.routing.allocation.disk.watermark.flood_stage
        library.indices.put_settings(index=alias, settings={"index.blocks.read_only_allow_delete": True})
        with pytest.raises(IndexAway, match="disk is full") as told:
            index.write([entry("more", "kế hoạch")])
        assert told.value.code == "index_blocked"
        assert names(index, "kế hoạch") == ["it"]
        library.indices.put_settings(index=alias, settings={"index.blocks.read_only_allow_delete": None})
        index.write([entry("more", "kế hoạch")])
        assert sorted(names(index, "kế hoạch")) == ["it", "more"]


@pytest.mark.servers
def test_a_server_that_is_away_is_said_to_be_and_not_asked_by_everybody(behind: Settings, proxy: FaultyProxy) -> None:
    with open_index(behind, mode="write") as index:
        index.write([entry("it", "kế hoạch")])
        proxy.down()
        for _ in range(3):
            with pytest.raises(IndexAway) as told:
                search(index, "kế hoạch")
            assert told.value.code == "index_away"
        with pytest.raises(IndexAway):
            index.write([entry("it", "kế hoạch")])
        with pytest.raises(IndexAway), open_index(behind):
            pass
        proxy.up()
    with open_index(behind) as index:
        assert names(index, "kế hoạch") == ["it"]


@pytest.mark.servers
@pytest.mark.slow
def test_a_frozen_server_keeps_nobody_waiting_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine itself may stand still meanwhile, so that the shortest of a few waits is taken; who is told `index_away` did
    not wait at all."""
    monkeypatch.setattr(breaker, "REST_S", 3600.0)
    with (
        servers.own(ELASTIC) as server,
        elastic_url(server, answers_within_s=SEARCH_TIMEOUT_S) as url,
        ExitStack() as held,
    ):
        settings = Settings(home=tmp_path, index_url=url)
        indexes = [held.enter_context(open_index(settings, mode="write")) for _ in range(3)]
        indexes[0].write([entry("it", "kế hoạch")])
        os.killpg(server.pid, signal.SIGSTOP)
        try:
            took_s = [_refusal(index, "index_timeout") for index in indexes]
            spared_s = [_refusal(index, "index_away") for index in indexes for _ in range(7)]
        finally:
            os.killpg(server.pid, signal.SIGCONT)
        assert min(took_s) < SEARCH_TIMEOUT_S + 1
        assert min(spared_s) < 0.05
        again = held.enter_context(open_index(settings))
        assert names(again, "kế hoạch") == ["it"]


def _refusal(index: SearchIndex, code: str) -> float:
    began_s = time.monotonic()
    with pytest.raises(IndexAway) as told:
        search(index, "kế hoạch")
    assert told.value.code == code
    return time.monotonic() - began_s


@pytest.mark.servers
def test_a_node_that_is_gone_is_passed_over_for_another(tmp_path: Path) -> None:
    (nobody,) = servers.free_ports(1)
    with elastic_url(servers.wanted(ELASTIC), endpoint=f"http://127.0.0.1:{nobody}") as url:
        both = url.replace(f":{nobody}/", f":{nobody},{servers.wanted(ELASTIC).endpoint.removeprefix('http://')}/")
        with open_index(Settings(home=tmp_path, index_url=both), mode="write") as index:
            for sequence in range(4):
                index.write([entry("it", "kế hoạch", sequence=sequence)])
            assert names(index, "kế hoạch") == ["it"]


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "https://u:p@es:9200/sohoa",
        "http://es/Sohoa",
        "http://es/so-hoa",
        "http://es/a/b",
        "http://es/sohoa?shards=0",
        "http://es/sohoa?shards=x",
        "http://es/sohoa?verify=no",
        "http://es:99999/sohoa",
    ],
)
def test_a_url_that_names_no_index_is_refused_before_anything_is_asked(tmp_path: Path, url: str) -> None:
    with pytest.raises(SetupError, match="SOHOA_INDEX_URL") as told:
        check_url(Settings(home=tmp_path, index_url=url))
    assert told.value.code == "bad_setting"


@pytest.mark.parametrize("text", ["", "[default]\nuser = a\n", "[other]\napi_key = a\n", None])
def test_a_file_without_credentials_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SohoaError, match="api_key"):
        check_url(Settings(home=tmp_path, index_url="http://es", index_credentials_file=file))
