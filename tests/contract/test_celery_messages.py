"""Messages through real brokers: told after the commit, dropped while the broker is away, caught up with by the sweeper."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.receive import Intake, receive
from ocr_workers.housekeeping import tell_what_is_due
from sohoa.cli.context import read_settings
from sohoa.errors import BadRequest, Conflict, SetupError, StoreUnavailable
from sohoa.settings import Settings
from sohoa.states import JobKind, Urgency
from storage.catalog import jobs
from storage.catalog.jobs import NewJob
from storage.dispatch import broker as broker_module
from storage.dispatch import messages
from storage.dispatch.broker import Broker
from storage.dispatch.messages import CONNECT_TIMEOUT_S
from storage.dispatch.work_queues import WorkQueue, queues_of
from storage.stores import Stores, open_stores
from tests.support import brokers
from tests.support.brokers import TestBroker
from tests.support.waiting import wait_until
from tests.support.worked import picture

OPEN_NOW = WorkQueue(JobKind.OPEN, Urgency.WAITING)
OPEN_LATER = WorkQueue(JobKind.OPEN, Urgency.BACKFILE)
AT_ONCE_S = 30.0
"""Far less than twenty thousand calls of a broker that is away."""


@pytest.fixture(scope="module", params=brokers.MARKED)
def broker(request: pytest.FixtureRequest) -> Iterator[TestBroker]:
    with brokers.running(request.param) as running:
        yield running


@pytest.fixture
def stores(broker: TestBroker, tmp_path: Path) -> Iterator[Stores]:
    broker.forget()
    with open_stores(Settings(home=tmp_path, broker_url=broker.url, min_free_bytes=0)) as opened:
        yield opened


def take_in(stores: Stores, number: int, *, priority: int = 0) -> str:
    """A paper that comes in as any does; its id."""
    intake = Intake(filename=f"{number}.png", office="H02", dossier=None, actor="person:lan", priority=priority)
    accepted = receive(
        io.BytesIO(picture(number)),
        intake,
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    )
    return accepted.document.document_id


def test_work_is_told_once_it_is_committed_and_not_when_it_is_rolled_back(stores: Stores, broker: TestBroker) -> None:
    take_in(stores, 1)
    document_id = take_in(stores, 2, priority=-1)
    wait_until(lambda: broker.waiting() == {OPEN_NOW: 1, OPEN_LATER: 1}, "nobody was told")

    pages = [NewJob(JobKind.RECOGNISE, document_id, page=number) for number in (1, 2, 3)]
    with suppress(Conflict), stores.database.write() as connection:
        jobs.enqueue(connection, pages, now=stores.clock.now())
        jobs.complete(connection, 999, owner="nobody")
    with stores.database.write() as connection:
        jobs.enqueue(connection, pages[:2], now=stores.clock.now())
        jobs.enqueue(connection, pages[:2], now=stores.clock.now())  # asked for already: nobody need be told again
    read = WorkQueue(JobKind.RECOGNISE, Urgency.WAITING)
    wait_until(lambda: broker.waiting().get(read) == 2, "nobody was told of the pages")
    stores.dispatch.close()
    assert broker.waiting() == {OPEN_NOW: 1, OPEN_LATER: 1, read: 2}


def test_sweeper_sees_that_a_message_waits_for_each_job_that_is_due(stores: Stores, broker: TestBroker) -> None:
    for number in range(5):
        take_in(stores, number, priority=-(number % 2))
    wait_until(lambda: broker.waiting() == {OPEN_NOW: 3, OPEN_LATER: 2}, "nobody was told")
    broker.forget()
    with stores.database.write_beside() as connection:
        assert jobs.claim(connection, owner="w", lease_s=30, now=stores.clock.now()) is not None

    for _ in range(2):  # no more than are due, however often it looks
        tell_what_is_due(stores)
        assert broker.waiting() == {OPEN_NOW: 2, OPEN_LATER: 2}


def test_broker_that_is_away_neither_fails_nor_delays_intake_and_is_caught_up_with(
    stores: Stores, broker: TestBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "AFTER_TROUBLE_S", 0.1)
    take_in(stores, 1)
    wait_until(lambda: broker.waiting() == {OPEN_NOW: 1}, "nobody was told")
    broker.stop()
    try:
        began_s = time.monotonic()
        for number in range(2, 6):
            take_in(stores, number)
        stores.dispatch.wake([OPEN_NOW] * 20_000)
        assert time.monotonic() - began_s < AT_ONCE_S
        with pytest.raises(StoreUnavailable) as away:
            stores.dispatch.check()
        assert away.value.code == "broker_away"
        tell_what_is_due(stores)
        wait_until(lambda: _has_nothing_to_send(stores), "what cannot be sent is not dropped")
    finally:
        broker.start()
    broker.forget()
    tell_what_is_due(stores)
    assert broker.waiting() == {OPEN_NOW: 5}
    wait_until(lambda: _is_told_again(stores, broker, 5), "the sender did not come back")


def _is_told_again(stores: Stores, broker: TestBroker, waited: int) -> bool:
    """Whether more waits than did, once one more is asked for. A sender that still keeps still after its last failure drops
    that one, as it should, and sends the next."""
    stores.dispatch.wake([OPEN_NOW])
    return broker.waiting().get(OPEN_NOW, 0) > waited


def _has_nothing_to_send(stores: Stores) -> bool:
    """Whether the sender has let go of all that it was told: what it sent once the broker is back would be too much."""
    assert isinstance(stores.dispatch, Broker)
    sender = stores.dispatch._sender
    return sender is None or (sender._waiting.empty() and not sender._unsent)


def test_health_names_the_broker_what_waits_and_who_listens_to_nothing(stores: Stores, broker: TestBroker) -> None:
    stores.dispatch.top_up({OPEN_NOW: 2, OPEN_LATER: 1})
    health = stores.dispatch.health()
    assert health is not None
    assert health.waiting == 3
    if broker.name == "redis":
        assert health.name.startswith("Redis 7")
        assert health.unheard is None
    else:
        assert health.name.startswith("RabbitMQ 3")
        assert health.unheard == queues_of(tuple(JobKind))


@pytest.mark.parametrize("broker", brokers.MARKED[:1], indirect=True)  # Redis knows no such right
def test_sweeper_is_told_where_the_broker_refuses_messages(stores: Stores, broker: TestBroker) -> None:
    # Messages go by the default exchange, `amq.default`.
    broker.control("set_permissions", "guest", ".*", "^sohoa.*", ".*")
    try:
        with pytest.raises(StoreUnavailable, match="ACCESS_REFUSED"):
            stores.dispatch.top_up({OPEN_NOW: 1})
    finally:
        broker.control("set_permissions", "guest", ".*", ".*", ".*")
    assert stores.dispatch.top_up({OPEN_NOW: 2}) == 2
    assert broker.waiting() == {OPEN_NOW: 2}


def test_silent_broker_is_given_up_soon_and_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers on 192.0.2.0/24 (RFC 5737); a packet there is lost, or refused where there is no network."""
    # Sohoa's own, whatever a broker beside made it.
    monkeypatch.setattr(messages, "CONNECT_TIMEOUT_S", CONNECT_TIMEOUT_S)
    for url in ("amqp://sohoa:geheim@192.0.2.1:5672//", "redis://:geheim@192.0.2.1:6379/0"):
        began_s = time.monotonic()
        with pytest.raises(StoreUnavailable) as away:
            Broker(url).check()
        assert time.monotonic() - began_s < 60  # the kernel would try for more than two minutes
        assert "geheim" not in away.value.detail
        assert "192.0.2.1" in away.value.detail


@pytest.mark.parametrize("url", ["http://host/", "amqp:host", "redis:///0", "sqs://geheim@"])
def test_what_is_no_broker_is_refused_in_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOHOA_BROKER_URL", url)
    with pytest.raises(BadRequest) as refused:
        read_settings()
    assert refused.value.code == "bad_setting"
    assert "SOHOA_BROKER_URL" in refused.value.detail
    assert "geheim" not in refused.value.detail
    assert "geheim" not in repr(Settings())


def test_broker_without_celery_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with (
        pytest.raises(SetupError, match=r"\.\[celery\]"),
        open_stores(Settings(home=tmp_path, broker_url="redis://x")),
    ):
        pass
