"""nginx, with the file that operators are given, before the API's real server: what Sohoa says still reaches who sends."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from search_api import lingering
from sohoa.settings import MEGABYTE, Settings
from tests.support import files, nginx
from tests.support.certificates import HOST
from tests.support.nginx import Proxy
from tests.support.served import Served, served_api
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

PNG = files.image_bytes("PNG")
WAIT_S = 2.0
"""How long a sender who is slow is waited for; any other test's sender may be held up for as long as the machine likes."""


@contextmanager
def proxied(home: Path, *, changed: dict[str, str] | None = None, **settings: Any) -> Iterator[tuple[Served, Proxy]]:
    with (
        served_api(Settings(home=home, min_free_bytes=0, **settings)) as api,
        nginx.before(api.address, **(changed or {})) as proxy,
    ):
        yield api, proxy


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Proxy]]:
    with proxied(tmp_path_factory.mktemp("office") / "home", body_wait_s=600) as both:
        yield both


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Proxy]]:
    home = tmp_path_factory.mktemp("impatient") / "home"
    with proxied(home, body_wait_s=WAIT_S, body_bytes_per_s=1000) as both:
        yield both


@pytest.fixture
def client(running: tuple[Served, Proxy]) -> Iterator[httpx.Client]:
    api, proxy = running
    with httpx.Client(base_url=proxy.address, headers=api.headers, verify=proxy.trust, timeout=60) as opened:
        yield opened


def _pieces(size_bytes: int) -> Iterator[bytes]:
    yield PNG
    for _ in range((size_bytes - len(PNG)) // 65536):
        yield bytes(65536)


def _upload(api: Served, proxy: Proxy, *, size_bytes: int, path: str = "/v1/documents") -> ssl.SSLSocket:
    """A connection through the proxy on which the head of an upload was sent."""
    connection = proxy.connect()
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {api.headers['Authorization']}\r\n"
    connection.sendall(f"{head}Content-Length: {size_bytes}\r\n\r\n".encode())
    return connection


def _head_of(connection: socket.socket) -> str:
    """All of an answer that comes before the connection ends."""
    found = b""
    with suppress(ConnectionResetError, TimeoutError):
        while part := connection.recv(65536):
            found += part
    return found.decode()


def _answer_of(connection: socket.socket) -> str:
    """A refusal with all of its body, which may come behind its head."""
    found = b""
    while b'"code":' not in found and (part := connection.recv(65536)):
        found += part
    return found.decode()


def _coming(api: Served) -> list[int]:
    """The sizes of the bodies under way, from a megabyte on: files without a name, open in the API's process (proc(5))."""
    sizes = []
    for path in Path(f"/proc/{api.process_id}/fd").iterdir():
        with suppress(FileNotFoundError):
            if str(path.readlink()).endswith(" (deleted)"):
                sizes.append(path.stat().st_size)
    return [size for size in sizes if size >= MEGABYTE]


def test_large_body_goes_through_in_both_directions_and_nothing_of_it_is_kept(
    running: tuple[Served, Proxy], client: httpx.Client
) -> None:
    _, proxy = running
    expected = hashlib.sha256(b"".join(_pieces(40 * MEGABYTE))).hexdigest()
    answer = client.post("/v1/documents", params={"filename": "lớn.png"}, content=_pieces(40 * MEGABYTE))
    assert answer.status_code == 202, answer.text
    assert answer.json()["original"]["sha256"] == expected
    digest = hashlib.sha256()
    with client.stream("GET", answer.json()["links"]["original"]) as streamed:
        for chunk in streamed.iter_bytes():
            digest.update(chunk)
    assert digest.hexdigest() == expected
    assert proxy.kept() == []


def test_body_is_passed_on_while_it_still_comes(running: tuple[Served, Proxy]) -> None:
    """The API has some of it before the sender has sent the rest."""
    api, proxy = running
    with _upload(api, proxy, size_bytes=4 * MEGABYTE) as connection:
        connection.sendall(PNG + bytes(2 * MEGABYTE))
        wait_until(lambda: _coming(api) != [], "nothing came through")
    assert proxy.kept() == []


def test_search_and_every_header_that_protects_come_through(client: httpx.Client) -> None:
    answer = client.get("/v1/search", params={"q": "giấy phép"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] in ("nginx", "uvicorn")
    refused = client.get("/v1/documents/nothing")
    assert refused.headers["Strict-Transport-Security"]
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_one_upload_too_many_is_told_so_before_all_of_it_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lingering, "LINGER_S", 60.0)  # as long as this machine needs to send all of it
    with (
        proxied(tmp_path / "home", max_uploads_of_token=3, body_wait_s=600) as (api, proxy),
        httpx.Client(base_url=proxy.address, headers=api.headers, verify=proxy.trust, timeout=60) as client,
    ):
        with ExitStack() as opened:
            for _ in range(3):
                opened.enter_context(_upload(api, proxy, size_bytes=8 * MEGABYTE)).sendall(PNG + bytes(4 * MEGABYTE))
            wait_until(lambda: len(_coming(api)) == 3, "not all have begun")
            with _upload(api, proxy, size_bytes=8 * MEGABYTE) as late:
                late.sendall(PNG)
                answer = _answer_of(late)
            assert answer.startswith("HTTP/1.1 429"), answer
            assert "retry-after: 5" in answer.lower()
            assert '"code":"too_many_uploads"' in answer
            for _ in range(10):  # one that sends as fast as it can hears it as well, and is not cut off before
                refused = client.post("/v1/documents", content=_pieces(8 * MEGABYTE))
                assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5"), refused.text
        wait_until(lambda: client.post("/v1/documents", content=PNG).status_code == 202, "no place was given back")


@pytest.mark.parametrize("dripping", [True, False])
def test_slow_sender_is_cut_off_by_the_api_which_says_why(impatient: tuple[Served, Proxy], dripping: bool) -> None:
    api, proxy = impatient
    over, began = threading.Event(), time.monotonic()
    with _upload(api, proxy, size_bytes=100_000) as connection:
        connection.sendall(PNG[:100])

        def drip() -> None:
            with suppress(OSError):
                while not over.wait(0.1):
                    connection.sendall(b"x")

        if dripping:
            threading.Thread(target=drip, daemon=True).start()
        answer = _answer_of(connection)
        over.set()
    assert answer.startswith("HTTP/1.1 408"), answer
    assert '"code":"too_slow"' in answer
    assert WAIT_S <= time.monotonic() - began < 60


def test_sender_that_goes_away_leaves_nothing(running: tuple[Served, Proxy], client: httpx.Client) -> None:
    api, proxy = running
    receipts = len(list((api.home / "archive/receipts").glob("*")))
    with _upload(api, proxy, size_bytes=4 * MEGABYTE) as connection:
        connection.sendall(PNG + bytes(2 * MEGABYTE))
        wait_until(lambda: _coming(api) != [], "it has not begun")
    wait_until(lambda: _coming(api) == [], "what had come of it is kept")
    assert len(list((api.home / "archive/receipts").glob("*"))) == receipts
    assert client.get("/healthz").status_code == 200


def test_plain_http_is_sent_to_https_and_nothing_else(running: tuple[Served, Proxy]) -> None:
    _, proxy = running
    for host in (HOST, "elsewhere.example"):
        address = f"http://127.0.0.1:{proxy.http_port}/v1/search?q=a"
        answer = httpx.get(address, headers={"Host": host}, timeout=30)
        assert (answer.status_code, answer.headers["Location"]) == (308, f"{proxy.address}/v1/search?q=a")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/v1/../metrics", "/metrics?x=1"])
def test_metrics_are_not_to_be_had_from_outside(running: tuple[Served, Proxy], path: str) -> None:
    api, proxy = running
    with proxy.connect() as connection:
        asked = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {api.headers['Authorization']}\r\n"
        connection.sendall(f"{asked}Connection: close\r\n\r\n".encode())
        answer = _head_of(connection)
    assert answer.startswith("HTTP/1.1 404"), answer
    assert "insufficient_scope" not in answer
    assert httpx.get(f"{api.address}/metrics", headers=api.headers, timeout=30).status_code == 403  # there it is


def test_what_a_client_says_of_addresses_and_schemes_goes_no_further() -> None:
    """What the proxy sends on, seen by who takes it."""
    lies = (
        "X-Forwarded-Proto: http\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Request-ID: one-stop.42\r\n"
    )
    with (
        socket.create_server(("127.0.0.1", 0)) as api,
        nginx.before(f"http://127.0.0.1:{api.getsockname()[1]}") as proxy,
        proxy.connect() as connection,
    ):
        connection.sendall(f"GET /v1/documents HTTP/1.1\r\nHost: {HOST}\r\n{lies}\r\n".encode())
        api.settimeout(30)
        taken, _ = api.accept()
        with taken:
            told = taken.recv(65536).decode().lower().splitlines()
    assert "x-forwarded-for: 127.0.0.1" in told
    assert "x-forwarded-proto: https" in told
    assert "x-request-id: one-stop.42" in told
    assert [line for line in told if "1.2.3.4" in line or line.startswith("forwarded:")] == []


def _paths(links: dict[str, Any]) -> Iterator[str]:
    for value in links.values():
        yield from [value] if isinstance(value, str) else value or []


def test_every_link_is_a_path_and_so_https_where_the_page_is(client: httpx.Client) -> None:
    answer = client.post("/v1/documents", content=PNG)
    links = {answer.headers["Location"], *_paths(answer.json()["links"])}
    assert {str(answer.url.join(link))[:8] for link in links} == {"https://"}
    assert all(link.startswith("/") for link in links)


def test_request_keeps_its_id_and_its_log_line_has_no_query(
    running: tuple[Served, Proxy], client: httpx.Client
) -> None:
    _, proxy = running
    told = client.get("/v1/search", params={"q": "Nguyễn"}, headers={"X-Request-ID": "one-stop.42"})
    assert told.headers["X-Request-ID"] == "one-stop.42"
    made = client.get("/healthz", headers={"X-Request-ID": "no such id!"}).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    wait_until(lambda: made in proxy.logged(), "the line is not there")
    (line,) = [line for line in proxy.logged().splitlines() if "one-stop.42" in line]
    assert line.startswith("127.0.0.1 ")
    assert '"GET /v1/search" 200' in line
    assert "Nguy" not in proxy.logged()


def test_old_tls_is_refused(running: tuple[Served, Proxy]) -> None:
    _, proxy = running
    for version, is_taken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        old = proxy.trust
        old.set_ciphers("DEFAULT:@SECLEVEL=0")  # or our own side refuses it
        with warnings.catch_warnings(action="ignore"):
            old.minimum_version = old.maximum_version = version
        with socket.create_connection(("127.0.0.1", proxy.https_port), timeout=30) as plain:
            if is_taken:
                with old.wrap_socket(plain, server_hostname=HOST) as taken:
                    assert taken.version() == "TLSv1.2"
            else:
                with pytest.raises(ssl.SSLError):
                    old.wrap_socket(plain, server_hostname=HOST)


def test_body_that_is_too_large_is_refused_in_the_apis_words(tmp_path: Path) -> None:
    with (
        proxied(tmp_path / "home", changed={"client_max_body_size": "1m"}) as (api, proxy),
        httpx.Client(base_url=proxy.address, headers=api.headers, verify=proxy.trust, timeout=30) as client,
    ):
        answer = client.post("/v1/documents", content=bytes(2 * MEGABYTE))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_api_that_is_away_is_a_503_to_try_again() -> None:
    with nginx.before("http://127.0.0.1:9") as proxy:
        answer = httpx.get(f"{proxy.address}/v1/documents", verify=proxy.trust, timeout=30)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Strict-Transport-Security"]
    assert json.loads(answer.text)["code"] == "store_unavailable"


def test_too_much_from_one_address_is_told_to_wait(tmp_path: Path) -> None:
    slower = {
        "limit_req_zone": "$binary_remote_addr zone=sohoa_requests:1m rate=1r/m",
        "limit_req": "zone=sohoa_requests burst=4 nodelay",
    }
    with (
        proxied(tmp_path / "home", changed=slower) as (_, proxy),
        httpx.Client(base_url=proxy.address, verify=proxy.trust, timeout=30) as client,
    ):
        answers = [client.get("/healthz") for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200, 429}
    told = next(answer for answer in answers if answer.status_code == 429)
    assert (told.headers["Retry-After"], told.json()["code"]) == ("1", "rate_limited")
    assert told.headers["Content-Type"] == "application/problem+json"


def test_the_largest_file_is_the_same_for_both() -> None:
    said = re.search(r"client_max_body_size (\d+)m;", nginx.CONF.read_text())
    assert said is not None
    assert int(said[1]) * MEGABYTE == Settings.model_fields["max_file_bytes"].default + MEGABYTE
