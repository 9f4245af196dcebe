"""Real Celery workers on real brokers, the catalogue on PostgreSQL: whatever happens to a message or a worker, each paper is
read once and archived."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from search_api.app import create_app
from sohoa.states import JobKind
from storage.catalog import jobs, work_done
from storage.catalog.work_done import End
from storage.dispatch.broker import Broker
from storage.dispatch.work_queues import queues_of
from tests.support import brokers
from tests.support.archived import TestClient
from tests.support.brokers import TestBroker
from tests.support.office import dense_sheet, kill_group, letter, slip
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until
from tests.support.working import DONE_WITHIN_S, Working, working_office

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


@pytest.fixture(scope="module", params=brokers.MARKED)
def broker(request: pytest.FixtureRequest) -> Iterator[TestBroker]:
    with brokers.running(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def at_work(
    broker: TestBroker, postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Working]:
    """An office with `sohoa work` running as it is started by default."""
    with (
        working_office(tmp_path_factory.mktemp("office"), postgres_server, broker) as working,
        working.worker(),
    ):
        yield working


@pytest.fixture
def alone(postgres_server: Postgres, tmp_path: Path) -> Iterator[Working]:
    """An office on Redis, which starts soonest, without any worker yet."""
    with brokers.running("redis") as broker, working_office(tmp_path, postgres_server, broker) as working:
        yield working


def test_papers_that_are_uploaded_are_read_archived_and_found(at_work: Working) -> None:
    office = at_work.office
    made = office.run("token", "create", "t", "--scope", "ingest", "--scope", "read", "--actor", "system:t", "--json")
    headers = {"Authorization": f"Bearer {json.loads(made.out)['secret']}"}
    born_digital = letter(office.root / "letter.pdf", ["Giấy mời dự lễ khánh thành trường mẫu giáo"])
    scanned = slip(office.root / "slip.jpg", "Thông báo nghỉ lễ")
    with TestClient(create_app(at_work.stores)) as client:
        ids = []
        for path in (born_digital, scanned):
            answer = client.post("/v1/documents", files={"file": (path.name, path.read_bytes())}, headers=headers)
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["document_id"])
        assert client.get("/readyz").json()["dispatch"] == "ok"
    at_work.until_archived(*ids)
    assert at_work.lanes(ids[0]) == ["text_layer"]
    assert at_work.lanes(ids[1]) == ["tesserocr"]
    wait_until(lambda: bool(office.search("khánh thành trường mẫu giáo")), "it is not found")


def test_what_the_children_did_reaches_the_catalogue_by_itself(at_work: Working) -> None:
    def done() -> Counter[str]:
        found: Counter[str] = Counter()
        with at_work.stores.database.read() as connection:
            for work, count in work_done.so_far(connection).items():
                found[work.kind.value] += count.jobs if work.ending is End.DONE else 0
        return found

    before = done()
    at_work.until_archived(at_work.letter())
    wait_until(lambda: done()["commit"] > before["commit"], "no child told what it did")
    wait_until(lambda: done()["recognise"] > before["recognise"], "no child told of a page")


def test_every_queue_has_a_consumer_and_messages_that_find_nothing_or_are_of_another_version_end_quietly(
    at_work: Working, broker: TestBroker
) -> None:
    health = Broker(broker.url).health()
    assert health.unheard in ((), None)  # Redis cannot tell
    document_id = at_work.letter()
    for queue in queues_of(tuple(JobKind)):
        broker.send(queue)
        broker.send(queue, version=1)
        broker.send(queue, version=99, document_id="0" * 26, added={"in": "a later version"})
    wait_until(lambda: broker.waiting() == {}, f"nobody listens: {broker.waiting()}")
    at_work.until_archived(document_id)


def test_broker_that_crashes_keeps_no_paper_out_and_the_work_is_done_when_it_is_back(
    at_work: Working, broker: TestBroker
) -> None:
    broker.stop()
    try:
        ids = [at_work.letter() for _ in range(3)]
        with TestClient(create_app(at_work.stores)) as client:
            ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["dispatch"]) == (200, "degraded", "degraded")
        (found,) = [
            each for each in json.loads(at_work.office.run("doctor", "--json").out) if "broker" in each["check"]
        ]
        assert not found["ok"]
        assert "does not answer" in found["found"]
    finally:
        broker.start()
    broker.forget()  # what was kept for later may be lost as well
    at_work.until_archived(*ids)


@pytest.mark.brokers
def test_urgent_paper_overtakes_a_back_file_that_moves_on_all_the_same(alone: Working) -> None:
    back_file = [alone.letter(priority=-1) for _ in range(2)]
    with alone.worker():
        wait_until(lambda: alone.archived(*back_file) >= 1, "the back-file does not begin", within_s=DONE_WITHIN_S)
    back_file += [alone.letter(priority=-1) for _ in range(22)]
    urgent = [alone.letter() for _ in range(2)]
    with alone.worker():
        alone.until_archived(*urgent, *back_file)
    last = max(alone.archived_at(*urgent))
    assert 1 <= sum(at <= last for at in alone.archived_at(*back_file)) < len(back_file) - 4


@pytest.mark.brokers
def test_worker_that_is_killed_over_a_page_costs_one_try_at_it_and_its_successor_goes_on(alone: Working) -> None:
    dense_sheet("Giấy phép xây dựng nhà ở riêng lẻ").save(alone.office.root / "dense.png", dpi=(300, 300))
    document_id = alone.take_in(alone.office.root / "dense.png")
    with alone.worker(SOHOA_LEASE_S="300"):  # nobody waits for a lease to run out
        with alone.busy_with(JobKind.RECOGNISE) as child:
            os.kill(child, signal.SIGKILL)
        alone.until_archived(document_id)
    assert alone.lanes(document_id) == ["pytesseract"]
    assert '"reason": "engine_killed"' in alone.said


@pytest.mark.brokers
def test_page_that_takes_too_long_is_ended_by_the_kernel_and_read_in_a_subprocess(alone: Working) -> None:
    dense_sheet("Quyết định về việc giao đất").save(alone.office.root / "dense.png", dpi=(300, 300))
    document_id = alone.take_in(alone.office.root / "dense.png")
    with alone.worker(SOHOA_PAGE_TIMEOUT_S="0.1"):
        alone.until_archived(document_id)
    assert alone.lanes(document_id) == ["pytesseract"]
    assert '"reason": "timeout"' in alone.said


@pytest.mark.brokers
def test_work_of_a_machine_that_is_gone_is_done_by_another_whose_children_are_replaced_as_they_grow(
    alone: Working,
) -> None:
    dense_sheet("Biên bản bàn giao").save(alone.office.root / "dense.png", dpi=(300, 300))
    ids = [alone.take_in(alone.office.root / "dense.png")]  # alone: who dies while it archives leaves a private file
    gone = alone.start()
    with alone.busy_with(JobKind.RECOGNISE):
        family = psutil.Process(gone.pid).children(recursive=True)
        kill_group(gone)
    gone.communicate()
    psutil.wait_procs(family, timeout=DONE_WITHIN_S)
    assert not any(each.is_running() for each in family)
    with alone.worker(SOHOA_WORKER_RECYCLE_BYTES="1000000") as successor:  # each child is replaced after each job
        (celery,) = [each for each in psutil.Process(successor.pid).children() if each.children()]
        first: list[psutil.Process] = []

        def both_are_there() -> bool:
            """At times one has ended, and who is to replace it has not begun."""
            first[:] = celery.children()
            return len(first) == 2

        wait_until(both_are_there, "there are not two children")
        ids += [alone.letter() for _ in range(3)]  # these have seen nothing of it yet: there is a job for each child
        alone.until_archived(*ids)
        _, living = psutil.wait_procs(first, timeout=DONE_WITHIN_S)
        assert living == []
        assert celery.is_running()
        with alone.stores.database.read() as connection:
            assert jobs.counts(connection) == {}


@pytest.mark.brokers
def test_job_that_lasts_longer_than_rabbitmq_waits_for_a_message_is_finished_by_the_worker_that_has_it(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    impatient = "-rabbit consumer_timeout 2000 -rabbit channel_tick_interval 1000"
    with (
        brokers.running("rabbitmq", told=impatient) as broker,
        working_office(tmp_path, postgres_server, broker) as working,
    ):
        dense_sheet("Quyết định phê duyệt").save(working.office.root / "dense.png", dpi=(300, 300))
        document_id = working.take_in(working.office.root / "dense.png")
        with working.worker():
            with working.busy_with(JobKind.RECOGNISE):
                wait_until(lambda: _has_lost_patience(broker), "RabbitMQ waits for longer")
            working.until_archived(document_id)
        assert "PRECONDITION_FAILED" in working.said  # the connection was made anew
        assert "worker.died" not in working.said
        assert "job.lease_lost" not in working.said


def _has_lost_patience(broker: TestBroker) -> bool:
    return any("timed out waiting" in log.read_text() for log in (broker.folder / "log").glob("*.log"))


@pytest.mark.brokers
def test_worker_listens_to_the_queues_that_it_is_told_and_to_no_other(alone: Working) -> None:
    document_id = alone.letter()
    with alone.worker("--queues", "open,recognise"):
        wait_until(lambda: alone.lanes(document_id) == ["text_layer"], "it was not read", within_s=DONE_WITHIN_S)
    with alone.stores.database.read() as connection:
        assert jobs.counts(connection) == {JobKind.READ: {"ready": 1}}
    refused = alone.office.run("work", "--queues", "index")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert refused.err.endswith("[bad_request]\n")
    missing = alone.office.run("work", SOHOA_TESSDATA=str(alone.office.root))
    assert missing.code == 2
    assert missing.err.endswith("[model_missing]\n")
    with alone.worker("--queues", "read,compose,commit"):
        alone.until_archived(document_id)
