"""The main job with the index on Elasticsearch: uploaded, archived, found; the index made anew; the server killed, frozen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from elasticsearch import Elasticsearch

from sohoa.clock import parse_moment
from tests.support import servers
from tests.support.crash import count_points
from tests.support.indexes import ELASTIC, elastic_url
from tests.support.office import Office, ended, letter
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.servers]

SEARCHABLE_WITHIN_S = 2.0
SETTLED_WITHIN_S = 240.0


@dataclass(slots=True)
class Served:
    """An office with `sohoa serve` at work, and who sends it papers over HTTP."""

    office: Office
    papers: Path
    address: str
    headers: dict[str, str]
    process: subprocess.Popen[str]
    sent: list[str] = field(default_factory=list)

    def send(self) -> str:
        """A new paper, which must be accepted; its id."""
        number = len(self.sent)
        data = letter(self.papers / f"{number}.pdf", [f"Giấy mời số {number} dự lễ khánh thành"]).read_bytes()
        url = f"{self.address}/v1/documents?filename={number}.pdf"
        answer = httpx.post(url, content=data, headers=self.headers, timeout=60)
        assert answer.status_code == 202, answer.text
        self.sent.append(answer.json()["document_id"])
        return self.sent[-1]

    def get(self, path: str) -> Any:
        return httpx.get(self.address + path, headers=self.headers, timeout=60).json()

    def found(self) -> list[str]:
        """The ids of all papers that a search finds; [] where it says that it cannot."""
        return sorted(hit["document_id"] for hit in self.get("/v1/search?q=khanh+thanh&limit=100").get("hits", []))

    def wait_until_archived(self, document_id: str) -> None:
        archived = f"{document_id} was not archived"
        wait_until(
            lambda: self.get(f"/v1/documents/{document_id}")["status"] == "archived",
            archived,
            within_s=SETTLED_WITHIN_S,
        )

    def wait_until_all_are_found(self) -> None:
        wait_until(lambda: self.found() == sorted(self.sent), "not every paper is found", within_s=SETTLED_WITHIN_S)

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        ended(self.process)


@contextmanager
def serving(office: Office, url: str, papers: Path) -> Iterator[Served]:
    office = office.with_settings(SOHOA_INDEX_URL=url, SOHOA_LOG_LEVEL="error")
    papers.mkdir()
    made = office.run("token", "create", "t", "--scope", "ingest", "--scope", "read", "--actor", "person:lan", "--json")
    headers = {"Authorization": f"Bearer {json.loads(made.out)['secret']}"}
    address = f"http://127.0.0.1:{servers.free_ports(1)[0]}"
    process = office.start("serve", "--port", address.rpartition(":")[2])
    served = Served(office, papers, address, headers, process)

    def answers() -> bool:
        assert process.poll() is None, ended(process)
        try:
            return httpx.get(f"{address}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, "serve does not answer")
    yield served


def test_papers_are_uploaded_archived_and_found_also_in_an_index_made_anew(office: Office, tmp_path: Path) -> None:
    server = servers.wanted(ELASTIC)
    with (
        elastic_url(server) as url,
        serving(office, url, tmp_path / "papers") as served,
        Elasticsearch(server.endpoint) as library,
    ):
        served.send()
        served.send()
        served.wait_until_all_are_found()
        wait_until(lambda: _brought_is_soon_found(served), f"none is found within {SEARCHABLE_WITHIN_S} s")
        count = len(served.sent)
        (hit, *_) = served.get("/v1/search?q=%22khánh thành%22+số")["hits"]
        assert "khánh thành" in hit["snippets"][0]["text"]
        assert served.get("/readyz")["status"] == "ok"

        failed: list[Any] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                answer = served.get("/v1/search?q=khanh+thanh")
                if answer.get("total", 0) < count:
                    failed.append(answer)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            rebuilt = served.office.run("rebuild", "--index", "--json")
        finally:
            stop.set()
            asking.join()
        assert rebuilt.code == 0, rebuilt.err
        assert json.loads(rebuilt.out) == {"documents": count, "by_name_only": [], "missing": []}
        assert failed == []
        name = url.rpartition("/")[2]
        assert list(library.indices.get(index=f"{name}-*")) == [f"{name}-000002"]
        served.send()
        served.wait_until_all_are_found()
        served.stop()

        told = served.office.run("rebuild", "--from-storage", "--json")
        assert told.code == 0, told.err
        assert list(library.indices.get(index=f"{name}-*")) == [f"{name}-000003"]
        assert sorted(hit["document_id"] for hit in served.office.search("khánh thành")) == sorted(served.sent)
        verified = served.office.run("verify", "--json")
        assert (verified.code, json.loads(verified.out)["findings"]) == (0, [])
        assert len(served.office.assert_in_order()) == count + 1
        assert not (served.office.home / "index").exists()


def _brought_is_soon_found(served: Served) -> bool:
    """Whether it took no longer than it may from the archive to the index with one of the papers; another one is brought
    where it did, for the machine may have stood still just then."""
    for told in (served.get(f"/v1/documents/{document_id}") for document_id in served.sent):
        took_s = (parse_moment(told["searchable_at"]) - parse_moment(told["archived_at"])).total_seconds()
        if took_s < SEARCHABLE_WITHIN_S:
            return True
    served.send()
    served.wait_until_all_are_found()
    return False


def test_a_server_that_freezes_and_dies_keeps_no_paper_from_the_archive(office: Office, tmp_path: Path) -> None:
    with servers.own(ELASTIC) as server, serving(office, f"{server.endpoint}/sohoa", tmp_path / "papers") as served:
        served.send()
        served.wait_until_all_are_found()

        count_points()
        os.killpg(server.pid, signal.SIGSTOP)
        try:
            served.wait_until_archived(served.send())
            assert served.get("/v1/search?q=khanh+thanh")["code"] in {"index_timeout", "index_away"}
            assert served.get("/readyz") == {
                "status": "degraded",
                "catalogue": "ok",
                "archive": "ok",
                "index": "degraded",
                "dispatch": "ok",
            }
            said = served.office.run("search", "khánh thành")
            assert said.code != 0
            assert said.err.endswith("[index_timeout]\n"), said.err
            checks = {each["check"]: each for each in json.loads(served.office.run("doctor", "--json").out)}
            assert not checks["search index"]["ok"]
            assert "outbox waits" in checks["search index"]["do"]
        finally:
            os.killpg(server.pid, signal.SIGCONT)
        served.wait_until_all_are_found()

        count_points()
        servers.stop(server, how=signal.SIGKILL)
        served.wait_until_archived(served.send())
        assert served.get("/v1/search?q=khanh+thanh")["code"] == "index_away"
        assert served.get("/readyz")["index"] == "degraded"
        back = servers.again(server)
        try:
            served.wait_until_all_are_found()
            wait_until(lambda: served.get("/readyz")["status"] == "ok", "it does not say that all is well again")
            served.stop()
            verified = served.office.run("verify", "--json")
            assert (verified.code, json.loads(verified.out)["findings"]) == (0, [])
        finally:
            servers.stop(back)
    assert len(served.office.assert_in_order()) == 3
