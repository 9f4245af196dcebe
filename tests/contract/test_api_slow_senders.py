"""Who sends or reads slowly, or sends too much at once, through real sockets: cut off or told to wait; nobody else notices."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sohoa.settings import Settings
from tests.support import files
from tests.support.served import Served, served_api
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

PNG = files.image_bytes("PNG")
WAIT_S = 1.5
ENDED_WITHIN_S = 60.0
"""Who is cut off after WAIT_S learns of it by then, though the machine is busy."""
MANY = 60
"""More than there are threads for requests (40)."""


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, body_wait_s=WAIT_S, body_bytes_per_s=1000) as api:
        yield api


@contextmanager
def served(tmp_path: Path, **limits: Any) -> Iterator[Served]:
    with served_api(Settings(home=tmp_path / "home", min_free_bytes=0, **limits)) as api:
        with httpx.Client(base_url=api.address, timeout=30) as client:
            client.get("/healthz")
        yield api


@contextmanager
def taking(api: Served, path: str, headers: dict[str, str]) -> Iterator[socket.socket]:
    """A download of which no more than the head of the answer is read."""
    host, port = api.address.removeprefix("http://").split(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(120)
        connection.connect((host, int(port)))
        said = f"Authorization: {headers['Authorization']}"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{said}\r\n\r\n".encode())
        assert connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 200"
        yield connection


def answered(connection: socket.socket) -> str:
    """The answer, once the server has closed the connection; "" where that reached us first, as it may while we send."""
    found = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found.decode()


def drip(connection: socket.socket, over: threading.Event, *, every_s: float) -> None:
    """A byte at a time, as long as anybody takes them."""
    try:
        while not over.wait(every_s):
            connection.sendall(b"x")
    except OSError:
        over.set()


@pytest.mark.parametrize("dripping", [True, False])
def test_sender_of_a_byte_a_moment_or_of_nothing_is_cut_off(impatient: Served, dripping: bool) -> None:
    began, over = time.monotonic(), threading.Event()
    with impatient.upload(size_bytes=100_000) as connection:
        connection.sendall(PNG[:100])
        if dripping:
            threading.Thread(target=drip, args=(connection, over), kwargs={"every_s": 0.1}, daemon=True).start()
        answer = answered(connection)
        over.set()
    if not (dripping and answer == ""):
        assert answer.startswith("HTTP/1.1 408"), answer
        assert '"code":"too_slow"' in answer
    assert WAIT_S <= time.monotonic() - began < ENDED_WITHIN_S
    listed = httpx.get(f"{impatient.address}/v1/documents", headers=impatient.headers, timeout=30).json()["items"]
    assert listed == []


def test_sender_that_keeps_the_pace_may_take_longer_than_a_wait(tmp_path: Path) -> None:
    """A wait is long enough that a sender whom the machine holds up for some seconds does not lose his pace."""
    body, wait_s = PNG + bytes(60_000), 10.0
    with served(tmp_path, body_wait_s=wait_s, body_bytes_per_s=1000) as api:
        began = time.monotonic()
        with api.upload(size_bytes=len(body), more="Connection: close\r\n") as connection:
            for at in range(0, len(body), len(body) // 5):
                time.sleep(wait_s / 5)  # the sender's own pace, not waiting for anything
                connection.sendall(body[at : at + len(body) // 5])
            answer = answered(connection)
        assert time.monotonic() - began > wait_s
    assert answer.startswith("HTTP/1.1 202"), answer


def test_many_slow_senders_hold_no_thread_of_others_and_are_gone_after_a_while(impatient: Served) -> None:
    over = threading.Event()
    with ExitStack() as opened, httpx.Client(base_url=impatient.address, timeout=ENDED_WITHIN_S) as client:
        slow = [opened.enter_context(impatient.upload(size_bytes=100_000)) for _ in range(MANY)]
        for connection in slow:
            threading.Thread(target=drip, args=(connection, over), kwargs={"every_s": 0.2}, daemon=True).start()
        assert client.post("/v1/documents", content=PNG, headers=impatient.headers).status_code == 202
        assert client.get("/v1/documents", headers=impatient.headers).status_code == 200
        assert {answered(connection)[:12] for connection in slow} <= {"HTTP/1.1 408", ""}
        over.set()


@pytest.mark.parametrize("gone", [True, False])
def test_who_goes_away_or_does_not_read_holds_no_file(tmp_path: Path, gone: bool) -> None:
    original = PNG + bytes(30_000_000)  # more than the buffers of both ends take
    with served(tmp_path, body_wait_s=600 if gone else WAIT_S, body_bytes_per_s=10_000_000) as api:
        sent = httpx.post(f"{api.address}/v1/documents", content=original, headers=api.headers, timeout=60)
        path = sent.json()["links"]["original"]
        with taking(api, path, api.headers) as connection:
            process = psutil.Process(api.process_id)

            def has_it_open() -> bool:
                return any("original" in file.path for file in process.open_files())

            wait_until(has_it_open, "the answer does not begin")
            if gone:
                connection.close()
            wait_until(lambda: not has_it_open(), "the file is held for nobody", within_s=ENDED_WITHIN_S)
        whole = httpx.get(f"{api.address}{path}", headers=api.headers, timeout=60)
        assert whole.content == original


def test_one_upload_too_many_is_told_to_wait_before_it_sends_and_taken_once_there_is_room(tmp_path: Path) -> None:
    asks_first = "Expect: 100-continue\r\n"
    with (
        served(tmp_path, max_uploads_of_token=3, body_wait_s=600) as api,
        httpx.Client(base_url=api.address, timeout=30, headers=api.headers) as client,
    ):
        with ExitStack() as opened:
            for _ in range(3):
                connection = opened.enter_context(api.upload(size_bytes=100_000, more=asks_first))
                assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it has its place
            refused = client.post("/v1/documents", content=PNG)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_uploads"), refused.text
            assert refused.headers["Retry-After"] == "5"
            with api.upload(size_bytes=100_000, more=asks_first) as late:
                assert late.recv(100).startswith(b"HTTP/1.1 429")
            assert client.get("/v1/documents").status_code == 200
        wait_until(
            lambda: client.post("/v1/documents", content=PNG).status_code == 202,
            "the places of uploads that were broken off are not given back",
        )


@pytest.mark.parametrize(("most", "refused"), [(3, [429, 200]), (2, [429, 429])])
def test_one_download_too_many_is_told_to_wait_and_given_once_another_is_over(
    tmp_path: Path, most: int, refused: list[int]
) -> None:
    original = PNG + bytes(30_000_000)  # more than the buffers of both ends take
    with served(tmp_path, max_downloads=most, max_downloads_of_token=2, body_wait_s=600) as api:
        mine, other = api.headers, api.token()
        path = httpx.post(f"{api.address}/v1/documents", content=original, headers=mine, timeout=60).json()["links"][
            "original"
        ]
        with httpx.Client(base_url=api.address, timeout=60) as client, ExitStack() as opened:
            for _ in range(2):
                opened.enter_context(taking(api, path, mine))
            answers = [client.get(path, headers=headers) for headers in (mine, other)]
            assert [answer.status_code for answer in answers] == refused
            assert answers[0].json()["code"] == "too_many_downloads"
            assert answers[0].headers["Retry-After"] == "5"
            assert client.get("/v1/documents", headers=mine).status_code == 200
            opened.close()
            wait_until(
                lambda: client.get(path, headers=mine).status_code == 200,
                "the places of downloads that were broken off are not given back",
            )


def test_requests_through_two_servers_are_counted_together(tmp_path: Path) -> None:
    """120 a minute, of which each of the two lets an eighth through before it tells."""
    with served(tmp_path, token_requests=120) as first, served(tmp_path, token_requests=120) as second:
        began, found = time.monotonic(), list[int]()
        with httpx.Client(headers=first.headers, timeout=30) as client:
            while found.count(429) < 20 and len(found) < 1000:
                found += [client.get(f"{api.address}/v1/documents").status_code for api in (first, second)]
        took_s = time.monotonic() - began
    assert set(found) == {200, 429}
    assert 120 <= found.count(200) <= 120 + 2 * took_s + 2 * (120 / 8 + 1)
