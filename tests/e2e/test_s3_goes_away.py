"""An S3 server that restarts, freezes or goes away for a minute under load: intake spools, work waits, nothing is lost."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from sohoa.settings import Settings
from storage.objects import open_s3
from tests.support import servers
from tests.support.crash import count_points
from tests.support.object_stores import S3_SERVERS, url_of
from tests.support.office import Office, ended, kill_group, letter

pytestmark = [pytest.mark.slow, pytest.mark.servers]

AWAY_S = 60.0
FROZEN_S = 20.0
RESTARTS = (signal.SIGKILL, signal.SIGTERM)
"""How the server is ended each time. SeaweedFS is back after some 17 s, MinIO after half a second."""
FIRST_PAPERS = 4
EVERY_S = 2.0
"""A paper so often."""
SETTLED_WITHIN_S = 240.0
LONGEST_ANSWER_S = 60.0
"""No sender waits longer for a receipt, whatever the store does: one time limit of 15 s, another beside it, the spool, and what
a busy machine adds."""
SPOOLED = 10


@dataclass(frozen=True, slots=True)
class Sent:
    """A paper that was accepted, and how long its receipt took."""

    document_id: str
    sha256: str
    spooled: bool
    took_s: float


@dataclass(slots=True)
class Served:
    """An office on S3 with `sohoa serve` at work, and a sender who brings papers one after the other."""

    office: Office
    server: servers.S3Server
    papers: Path
    address: str
    headers: dict[str, str]
    process: subprocess.Popen[str]
    sent: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def send(self) -> None:
        """Bring a new paper; it must be accepted."""
        number = len(self.sent) + len(self.refused)
        data = letter(self.papers / f"{number}.pdf", [f"Phiếu tiếp nhận hồ sơ số {number}"]).read_bytes()
        began_s = time.monotonic()
        answer = httpx.post(
            f"{self.address}/v1/documents?filename={number}.pdf", content=data, headers=self.headers, timeout=120
        )
        took_s = time.monotonic() - began_s
        if answer.status_code != 202:
            self.refused.append(answer.text)
            return
        receipt = answer.json()
        assert receipt["original"]["sha256"] == hashlib.sha256(data).hexdigest()
        self.sent.append(Sent(receipt["document_id"], receipt["original"]["sha256"], receipt["spooled"], took_s))

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Papers keep coming until the block ends."""
        stop = threading.Event()

        def go_on() -> None:
            while not stop.wait(EVERY_S):
                self.send()

        sender = threading.Thread(target=go_on)
        sender.start()
        try:
            yield
        finally:
            stop.set()
            sender.join()

    def get(self, path: str) -> Any:
        return httpx.get(self.address + path, headers=self.headers, timeout=60).json()

    def documents(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        cursor = ""
        while True:
            page = self.get(f"/v1/documents?limit=200{cursor}")
            found |= {one["document_id"]: one for one in page["items"]}
            if page["next_cursor"] is None or not page["items"]:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def assert_all_archived(self) -> None:
        """Every receipt is exactly one document, archived, with the receipt's digest; the spool is empty; all agrees."""
        assert self.refused == []
        _wait_until(
            lambda: not {one["status"] for one in self.documents().values()} & {"received", "recognised"},
            within_s=SETTLED_WITHIN_S,
        )
        here = self.documents()
        assert [(one["status"], one["stage"], one["error"]) for one in here.values() if one["error"]] == []
        assert {sent.document_id: sent.sha256 for sent in self.sent} == {
            name: one["original"]["sha256"] for name, one in here.items()
        }
        assert len(here) == len(self.sent)
        _wait_until(lambda: self.get("/readyz")["status"] == "ok", within_s=120)
        os.killpg(self.process.pid, signal.SIGTERM)
        ended(self.process)
        status = self.office.status()
        assert status["spool"] == {"papers": 0, "size_bytes": 0}
        assert status["documents"] == {"archived": len(self.sent)}
        receipts = [Path(key).stem for key in self._objects().list("receipts/")]
        assert sorted(receipts) == sorted(here)
        verified = self.office.run("verify", "--json")
        assert verified.code == 0, verified.out
        assert [found for found in json.loads(verified.out)["findings"] if found["severity"] != "pending"] == []
        spooled = sum(sent.spooled for sent in self.sent)
        longest_s = max(sent.took_s for sent in self.sent)
        print(f"{self.server.name}: {len(here)} papers, {spooled} spooled, the longest receipt took {longest_s:.1f} s")

    def _objects(self) -> Any:
        environment = self.office.environment()
        settings = Settings(
            home=self.papers / "reader",
            s3_access_key=environment["SOHOA_S3_ACCESS_KEY"],
            s3_secret_key=environment["SOHOA_S3_SECRET_KEY"],
        )
        return open_s3(settings, url=environment["SOHOA_ARCHIVE_URL"])

    def restart(self) -> None:
        """Kill our own process with all its workers, and start it again."""
        count_points()
        kill_group(self.process)
        self.process.communicate()
        self.process = _serve(self.office, self.address)


@pytest.fixture(params=S3_SERVERS)
def served(request: pytest.FixtureRequest, office: Office, tmp_path: Path) -> Iterator[Served]:
    """`serve` over a server of its own, a few papers already on their way through."""
    with servers.own(request.param) as server:
        office = office.with_settings(
            SOHOA_ARCHIVE_URL=url_of(server),
            SOHOA_S3_ACCESS_KEY=server.access_key,
            SOHOA_S3_SECRET_KEY=server.secret_key,
            SOHOA_LOG_LEVEL="error",
        )
        made = office.run(
            "token", "create", "t", "--scope", "ingest", "--scope", "read", "--actor", "person:lan", "--json"
        )
        address = f"http://127.0.0.1:{servers.free_ports(1)[0]}"
        papers = tmp_path / "papers"
        papers.mkdir()
        headers = {"Authorization": f"Bearer {json.loads(made.out)['secret']}"}
        opened = Served(office, server, papers, address, headers, _serve(office, address))
        for _ in range(FIRST_PAPERS):
            opened.send()
        assert not any(sent.spooled for sent in opened.sent)
        try:
            yield opened
        finally:
            servers.stop(opened.server)  # the one started last


def test_a_server_that_goes_away_for_a_minute_is_waited_for_while_papers_keep_coming(served: Served) -> None:
    """Our own process is killed in the middle of it as well, and starts without the store."""
    with served.sending():
        count_points()
        servers.stop(served.server, how=signal.SIGKILL)
        gone_s = time.monotonic()
        _wait_until(lambda: any(sent.spooled for sent in served.sent), within_s=120)
        assert served.get("/readyz") | {"index": "ok"} == {
            "status": "degraded",
            "catalogue": "ok",
            "archive": "degraded",
            "index": "ok",
            "dispatch": "ok",
        }
        [spooled] = [sent for sent in served.sent if sent.spooled][:1]
        kept = httpx.get(
            f"{served.address}/v1/documents/{spooled.document_id}/original", headers=served.headers, timeout=60
        )
        assert hashlib.sha256(kept.content).hexdigest() == spooled.sha256
        assert served.office.status()["spool"]["papers"] >= 1
    served.restart()
    with served.sending():
        _pass_s(gone_s + AWAY_S - time.monotonic())
        _wait_until(lambda: sum(sent.spooled for sent in served.sent) >= SPOOLED, within_s=SETTLED_WITHIN_S)
        served.server = servers.again(served.server)
        came_back_with = len(served.sent)
        _wait_until(lambda: len(served.sent) > came_back_with + 1, within_s=120)
    assert sum(sent.spooled for sent in served.sent) >= SPOOLED
    assert max(sent.took_s for sent in served.sent) < LONGEST_ANSWER_S
    served.assert_all_archived()


def test_a_server_that_is_frozen_keeps_no_sender_waiting_for_long_and_no_page_from_its_tries(served: Served) -> None:
    with served.sending():
        count_points()
        os.killpg(served.server.pid, signal.SIGSTOP)
        try:
            _pass_s(FROZEN_S)
            _wait_until(lambda: any(sent.spooled for sent in served.sent), within_s=120)
        finally:
            os.killpg(served.server.pid, signal.SIGCONT)
        came_back_with = len(served.sent)
        _wait_until(lambda: len(served.sent) > came_back_with + 1, within_s=120)
    assert max(sent.took_s for sent in served.sent) < LONGEST_ANSWER_S
    served.assert_all_archived()


def test_a_server_that_restarts_again_and_again_loses_no_paper(served: Served) -> None:
    with served.sending():
        server = served.server
        for how in RESTARTS:
            sent = len(served.sent)
            _wait_until(lambda sent=sent: len(served.sent) > sent + 1, within_s=120)  # type: ignore[misc]
            count_points()
            servers.stop(server, how=how)
            served.server = server = servers.again(server)
    served.assert_all_archived()


def _serve(office: Office, address: str) -> subprocess.Popen[str]:
    process = office.start("serve", "--port", address.rpartition(":")[2])

    def answers() -> bool:
        assert process.poll() is None, process.communicate()
        try:
            return httpx.get(f"{address}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    _wait_until(answers, within_s=120)
    return process


def _wait_until(true: Callable[[], bool], *, within_s: float) -> None:
    until_s, pause = time.monotonic() + within_s, threading.Event()
    while not true():
        assert time.monotonic() < until_s, "it never happened"
        pause.wait(0.1)


def _pass_s(seconds: float) -> None:
    """Let real time pass: how long the server is away is what is tested."""
    threading.Event().wait(max(0.0, seconds))
