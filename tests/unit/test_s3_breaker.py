"""A server that gave no answer is left alone for a while; then one call asks it, for all."""

from __future__ import annotations

import threading
from typing import cast

import pytest
import urllib3
from pydantic import SecretStr

from sohoa.errors import StoreAway, StoreUnavailable
from storage.breaker import REST_S, Breaker
from storage.objects import s3_client
from storage.objects.s3_client import S3Client
from storage.objects.s3_place import Keys, parse_place
from tests.support import servers

TIMED_OUT = -1


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_it_lets_all_through_until_a_call_gets_no_answer() -> None:
    clock = _Clock()
    breaker = Breaker(now_s=clock)
    assert [breaker.admit() for _ in range(3)] == [True, True, True]
    breaker.gave_no_answer()
    assert breaker.is_open()
    assert not breaker.admit()


def test_after_its_rest_one_call_may_ask_and_its_answer_counts_for_all() -> None:
    clock = _Clock()
    breaker = Breaker(now_s=clock)
    breaker.gave_no_answer()
    clock.now_s += REST_S
    assert not breaker.is_open()
    assert [breaker.admit() for _ in range(3)] == [True, False, False]
    breaker.answered()
    assert [breaker.admit() for _ in range(3)] == [True, True, True]


def test_a_call_that_asks_in_vain_lets_it_rest_again() -> None:
    clock = _Clock()
    breaker = Breaker(now_s=clock)
    for _ in range(3):
        breaker.gave_no_answer()
        assert not breaker.admit()
        clock.now_s += REST_S
        assert breaker.admit()


def test_one_of_many_threads_is_let_through_at_a_time() -> None:
    clock = _Clock()
    breaker = Breaker(now_s=clock)
    breaker.gave_no_answer()
    clock.now_s += REST_S
    admitted: list[bool] = []
    threads = [threading.Thread(target=lambda: admitted.append(breaker.admit())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1


def _client(monkeypatch: pytest.MonkeyPatch, *statuses: int) -> tuple[S3Client, list[int]]:
    """A client whose server gives these statuses one after the other (0: the connection breaks; TIMED_OUT: silence)."""
    monkeypatch.setattr(s3_client, "_FIRST_PAUSE_S", 0.0)
    place = parse_place(f"s3://b?endpoint=http://127.0.0.1:{servers.free_ports(1)[0]}")
    client, left = S3Client(place, Keys("a", SecretStr("b"))), list(statuses)

    class Pool:
        def urlopen(self, method: str, url: str, **rest: object) -> urllib3.HTTPResponse:
            status = left.pop(0)
            if status == 0:
                raise urllib3.exceptions.ProtocolError("gone")
            if status == TIMED_OUT:
                raise urllib3.exceptions.ReadTimeoutError(cast(urllib3.HTTPConnectionPool, self), url, "silence")
            return urllib3.HTTPResponse(b"", {}, status, preload_content=True)

        def clear(self) -> None:
            """The library closes its pool at the end."""

    client._minio._http = client._patient._http = Pool()  # type: ignore[assignment]
    return client, left


@pytest.mark.parametrize("status", [0, 502, 503, 504])
def test_no_answer_to_the_last_try_spares_the_next_call_the_wait(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    client, left = _client(monkeypatch, *[status] * s3_client.TRIES, 200)
    with pytest.raises(StoreAway):
        client.send("GET", "b", "k")
    assert client.breaker.is_open()
    with pytest.raises(StoreAway):
        client.send("GET", "b", "k")
    assert left == [200], "the second call asked nobody"


@pytest.mark.parametrize(("status", "told"), [(500, StoreAway), (403, StoreUnavailable)])
def test_a_refusal_shows_that_the_server_is_there(
    monkeypatch: pytest.MonkeyPatch, status: int, told: type[StoreUnavailable]
) -> None:
    client, _ = _client(monkeypatch, *[status] * s3_client.TRIES)
    with pytest.raises(StoreUnavailable) as refused:
        client.send("GET", "b", "k")
    assert type(refused.value) is told
    assert not client.breaker.is_open()


@pytest.mark.parametrize(("trouble", "tries"), [(TIMED_OUT, 1), (0, s3_client.TRIES)])
def test_no_further_try_begins_once_the_budget_was_spent_on_silence(
    monkeypatch: pytest.MonkeyPatch, trouble: int, tries: int
) -> None:
    """A connection that broke after much was sent is another matter."""
    client, left = _client(monkeypatch, *[trouble] * s3_client.TRIES)
    monkeypatch.setattr(s3_client, "BUDGET_S", -1.0)
    with pytest.raises(StoreAway):
        client.send("GET", "b", "k")
    assert len(left) == s3_client.TRIES - tries
