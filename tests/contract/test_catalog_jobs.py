"""Jobs: claimed once, leased, given back, tried a bounded number of times, finished documents first."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text

from sohoa.clock import FixedClock
from sohoa.errors import Conflict
from sohoa.model import Actor, DocumentId, OfficeId, Sha256, Source
from sohoa.states import JobKind, JobState, Urgency
from storage.catalog import documents, jobs, tables
from storage.catalog.database import Database
from storage.catalog.jobs import Job, NewJob
from storage.catalog.shares import Shares
from storage.dispatch.work_queues import WorkQueue
from tests.support.catalogues import on_sqlite, plan_of

spawn = multiprocessing.get_context("spawn")
DOCUMENT = "01JGFJJZ000000000000000001"
OTHER = "01JGFJJZ000000000000000002"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def db(catalogue_url: str, clock: FixedClock) -> Iterator[Database]:
    catalogue = Database(catalogue_url)
    with catalogue.write() as conn:
        for number, document_id in enumerate((DOCUMENT, OTHER)):
            new = documents.NewDocument(
                document_id=DocumentId(document_id),
                office=OfficeId("local"),
                dossier=None,
                source_name="scan.pdf",
                source=Source(Sha256(f"{number:064x}"), ((1, 1),)),
                original_size_bytes=1,
                kind="pdf",
                media_type="application/pdf",
                actor=Actor("person:lan"),
                received_at=clock.now(),
            )
            documents.insert_document(conn, new, now=clock.now())
    yield catalogue
    catalogue.close()


def page_jobs(count: int, *, document_id: str = DOCUMENT) -> list[NewJob]:
    numbers = range(1, count + 1)
    return [NewJob(JobKind.RECOGNISE, document_id, page=n) for n in numbers]


def claim(conn: Connection, clock: FixedClock, owner: str = "worker") -> Job | None:
    return jobs.claim(conn, owner=owner, lease_s=30, now=clock.now())


def claimed(conn: Connection, clock: FixedClock, owner: str = "worker") -> Job:
    job = claim(conn, clock, owner)
    assert job is not None
    return job


def test_claimed_job_carries_what_was_asked(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        wanted = NewJob(JobKind.OPEN, DOCUMENT, payload={"dày": [1, 2]}, priority=5)
        assert jobs.enqueue(conn, [wanted], now=clock.now()) == 1
        job = claimed(conn, clock)
    assert (job.kind, job.document_id, job.page, job.payload) == (JobKind.OPEN, DOCUMENT, None, {"dày": [1, 2]})
    assert (job.attempts, job.priority, job.last_code) == (1, 5, None)


def test_same_work_is_not_asked_for_twice_while_it_is_open(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        assert jobs.enqueue(conn, [*page_jobs(2), *page_jobs(2)], now=clock.now()) == 2
        job = claimed(conn, clock)
        assert jobs.enqueue(conn, page_jobs(3), now=clock.now()) == 1
        jobs.complete(conn, job.job_id, owner="worker")
        assert jobs.enqueue(conn, page_jobs(3), now=clock.now()) == 1


def test_failed_work_can_be_asked_for_again_and_starts_afresh(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        jobs.fail(conn, claimed(conn, clock).job_id, owner="worker", code="timeout")
        assert jobs.counts(conn) == {JobKind.RECOGNISE: {JobState.FAILED: 1}}
        assert claim(conn, clock) is None
        assert jobs.enqueue(conn, page_jobs(1), now=clock.now()) == 1
        again = claimed(conn, clock)
    assert (again.attempts, again.last_code) == (1, None)


def test_done_jobs_leave_no_row(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        jobs.complete(conn, claimed(conn, clock).job_id, owner="worker")
        assert jobs.counts(conn) == {}


def test_priority_goes_first_then_what_finishes_a_document_then_age(db: Database, clock: FixedClock) -> None:
    kinds = [JobKind.OPEN, JobKind.RECOGNISE, JobKind.COMPOSE, JobKind.COMMIT]
    with db.write() as conn:
        jobs.enqueue(conn, [NewJob(kind, DOCUMENT) for kind in kinds], now=clock.now())
        jobs.enqueue(conn, [NewJob(kind, OTHER) for kind in kinds], now=clock.now())
        jobs.enqueue(conn, [NewJob(JobKind.OPEN, OTHER, page=9, priority=1)], now=clock.now())
        jobs.enqueue(conn, [NewJob(JobKind.COMMIT, OTHER, page=9, priority=-1)], now=clock.now())
        order = [claimed(conn, clock) for _ in range(10)]
    assert [(job.kind, job.document_id, job.priority) for job in order] == [
        (JobKind.OPEN, OTHER, 1),
        *[(kind, document_id, 0) for kind in reversed(kinds) for document_id in (DOCUMENT, OTHER)],
        (JobKind.COMMIT, OTHER, -1),
    ]


def test_back_file_gets_its_share_of_the_claims_and_no_more_while_others_wait(db: Database, clock: FixedClock) -> None:
    each = 150
    with db.write() as conn:
        papers = {0: DOCUMENT, -1: OTHER}
        for priority, document_id in papers.items():
            pages = [NewJob(JobKind.RECOGNISE, document_id, page=n, priority=priority) for n in range(1, each + 1)]
            jobs.enqueue(conn, pages, now=clock.now())
        order, lots = [], Shares({})
        while (job := lots.claim(conn, owner="w", lease_s=30, now=clock.now())) is not None:
            order.append(job.priority)
    assert len(order) == 2 * each
    both_wait = order[: len(order) - order[::-1].index(0)]
    share = both_wait.count(-1) / len(both_wait)
    assert 0.08 < share < 0.36  # by lot, one in five: further off less than once in a million runs
    assert set(order[len(both_wait) :]) == {-1}


def test_what_is_due_is_counted_by_queue_up_to_a_bound(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        assert jobs.due(conn, now=clock.now(), most=3) == {}
        jobs.enqueue(conn, [*page_jobs(5), NewJob(JobKind.OPEN, DOCUMENT)], now=clock.now())
        backfile = [NewJob(JobKind.COMMIT, OTHER, priority=-1), NewJob(JobKind.COMPOSE, OTHER, priority=-1)]
        later = clock.now() + timedelta(seconds=1)
        jobs.enqueue(conn, [*backfile, NewJob(JobKind.READ, OTHER, run_after=later)], now=clock.now())
        claimed(conn, clock)  # a page
        assert jobs.due(conn, now=clock.now(), most=3) == {
            WorkQueue(JobKind.RECOGNISE, Urgency.WAITING): 3,
            WorkQueue(JobKind.OPEN, Urgency.WAITING): 1,
            WorkQueue(JobKind.COMMIT, Urgency.BACKFILE): 1,
            WorkQueue(JobKind.COMPOSE, Urgency.BACKFILE): 1,
        }
        assert WorkQueue(JobKind.READ, Urgency.WAITING) in jobs.due(conn, now=later, most=1)


def test_what_a_dead_worker_and_those_under_it_had_is_handed_out_again(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(4), now=clock.now())
        held = {owner: claimed(conn, clock, owner).job_id for owner in ("h:1_", "h:1_:7", "h:1_:77", "h:1x:7")}
        given = jobs.release_owner(conn, "h:1_:7", code="engine_killed", now=clock.now())
        assert [job.job_id for job in given] == [held["h:1_:7"]]
        given = jobs.release_owner(conn, "h:1_", code="stopped", now=clock.now())
        assert {job.job_id for job in given} == {held["h:1_"], held["h:1_:77"]}


def test_claim_can_be_narrowed_to_kinds_and_a_document(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, [NewJob(JobKind.COMMIT, DOCUMENT), NewJob(JobKind.OPEN, OTHER)], now=clock.now())
        opening = jobs.claim(conn, owner="w", lease_s=1, now=clock.now(), kinds=[JobKind.OPEN, JobKind.RECOGNISE])
        assert opening is not None
        assert opening.kind is JobKind.OPEN
        assert jobs.claim(conn, owner="w", lease_s=1, now=clock.now(), document_id=OTHER) is None
        assert jobs.claim(conn, owner="w", lease_s=1, now=clock.now(), document_id=DOCUMENT) is not None


def test_job_waits_until_its_time(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        assert jobs.next_run_after(conn, now=clock.now()) is None
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        assert jobs.next_run_after(conn, now=clock.now()) == clock.now()
        due = clock.now().replace(second=50)
        jobs.retry_later(
            conn, claimed(conn, clock).job_id, owner="worker", code="disk_full", delay_s=45, now=clock.now()
        )
        assert jobs.next_run_after(conn, now=clock.now()) == due
        assert claim(conn, clock) is None
        clock.advance(seconds=45)
        again = claimed(conn, clock)
    assert (again.attempts, again.last_code) == (2, "disk_full")


def test_lease_that_runs_out_is_handed_out_again_and_the_first_worker_is_turned_away(
    db: Database, clock: FixedClock
) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        first = claimed(conn, clock, "slow")
        clock.advance(seconds=29)
        assert jobs.hand_out_again(conn, now=clock.now()) == []
        clock.advance(seconds=1)
        assert [job.job_id for job in jobs.hand_out_again(conn, now=clock.now())] == [first.job_id]
        second = claimed(conn, clock, "quick")
        assert (second.job_id, second.attempts, second.last_code) == (first.job_id, 2, "lease_lost")
        with pytest.raises(Conflict) as caught:
            jobs.complete(conn, first.job_id, owner="slow")
        assert caught.value.code == "lease_lost"
        with pytest.raises(Conflict):
            jobs.fail(conn, first.job_id, owner="slow", code="x")
        with pytest.raises(Conflict):
            jobs.retry_later(conn, first.job_id, owner="slow", code="x", delay_s=0, now=clock.now())
        jobs.complete(conn, second.job_id, owner="quick")


def test_lost_lease_rolls_back_the_result_committed_with_it(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        job = claimed(conn, clock, "slow")
        jobs.release_owner(conn, "slow", code="timeout", now=clock.now())

    def commit_result() -> None:
        with db.write() as conn:
            jobs.enqueue(conn, [NewJob(JobKind.COMPOSE, DOCUMENT)], now=clock.now())
            jobs.complete(conn, job.job_id, owner="slow")

    with pytest.raises(Conflict):
        commit_result()
    with db.read() as conn:
        assert jobs.counts(conn) == {JobKind.RECOGNISE: {JobState.READY: 1}}


def test_renewed_lease_is_kept_and_only_the_holder_can_renew_it(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(2), now=clock.now())
        mine, theirs = claimed(conn, clock, "me"), claimed(conn, clock, "them")
        clock.advance(seconds=20)
        both = [mine.job_id, theirs.job_id, 999]
        assert jobs.renew(conn, both, owner="me", lease_s=30, now=clock.now()) == {mine.job_id}
        clock.advance(seconds=20)
        assert [job.job_id for job in jobs.hand_out_again(conn, now=clock.now())] == [theirs.job_id]


def test_tries_of_a_job_that_kills_its_workers_are_counted(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        for attempt, code in enumerate([None, "engine_killed", "timeout"], start=1):
            job = claimed(conn, clock, f"w{attempt}")
            assert (job.attempts, job.last_code) == (attempt, code)
            next_code = "engine_killed" if attempt == 1 else "timeout"
            assert [
                back.job_id for back in jobs.release_owner(conn, f"w{attempt}", code=next_code, now=clock.now())
            ] == [job.job_id]


def test_releasing_a_dead_worker_touches_no_other(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(2), now=clock.now())
        claimed(conn, clock, "dead")
        alive = claimed(conn, clock, "alive")
        assert len(jobs.release_owner(conn, "dead", code="engine_killed", now=clock.now())) == 1
        jobs.complete(conn, alive.job_id, owner="alive")


def test_dropped_document_has_no_work_left(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, [*page_jobs(2), NewJob(JobKind.OPEN, OTHER)], now=clock.now())
        held = claimed(conn, clock)
        jobs.drop_document(conn, DOCUMENT)
        with pytest.raises(Conflict):
            jobs.complete(conn, held.job_id, owner="worker")
        assert jobs.counts(conn, document_id=DOCUMENT) == {}
        assert jobs.counts(conn) == {JobKind.OPEN: {JobState.READY: 1}}


def test_id_of_a_done_job_is_never_given_to_another(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        done = claimed(conn, clock)
        jobs.complete(conn, done.job_id, owner="worker")
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
        assert claimed(conn, clock).job_id > done.job_id


def test_claiming_looks_at_waiting_jobs_only(db: Database, clock: FixedClock) -> None:
    seen: list[tuple[str, Any]] = []
    with db.write() as conn:

        @event.listens_for(conn, "before_cursor_execute")
        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
            seen.append((statement, parameters))

        claim(conn, clock)
        query, values = seen[0]
        steps = plan_of(conn, query, values)
    assert any("ix_jobs_ready" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step or "Sort" in step for step in steps), steps


@pytest.mark.slow
@on_sqlite
def test_claiming_costs_the_same_beside_many_failed_jobs(db: Database, clock: FixedClock) -> None:
    over = {
        "kind": JobKind.RECOGNISE,
        "document_id": OTHER,
        "payload": {},
        "state": JobState.FAILED,
        "priority": 9,
        "turn": -9,
        "attempts": 4,
        "run_after": clock.now(),
    }
    with db.write() as conn:
        conn.execute(insert(tables.jobs), [{**over, "page": page} for page in range(100_000)])
        jobs.enqueue(conn, page_jobs(1), now=clock.now())
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with db.write() as conn:
        raw = conn.connection.driver_connection
        assert raw is not None
        raw.set_progress_handler(count, 100)  # called after every 100 instructions of SQLite's machine
        assert claimed(conn, clock).document_id == DOCUMENT
        raw.set_progress_handler(None, 100)
    assert steps < 10


@pytest.mark.slow
def test_two_processes_claim_each_job_exactly_once(db: Database, clock: FixedClock) -> None:
    with db.write() as conn:
        jobs.enqueue(conn, page_jobs(200), now=clock.now())
    pipes = []
    for owner in ("one", "two"):
        here, there = spawn.Pipe()
        spawn.Process(target=_work, args=(db, owner, there)).start()
        pipes.append(here)
    assert [pipe.recv() for pipe in pipes] == ["ready", "ready"]
    for pipe in pipes:
        pipe.send("go")
    shares: list[list[int]] = [pipe.recv() for pipe in pipes]
    assert sorted(shares[0] + shares[1]) == list(range(1, 201))
    with db.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 0


def _work(db: Database, owner: str, pipe: Pipe) -> None:
    clock = FixedClock()
    with db.read():
        pipe.send("ready")
    pipe.recv()
    done: list[int] = []
    while True:
        with db.write_beside() as conn:
            job = claim(conn, clock, owner)
        if job is None or job.page is None:
            break
        with db.write_beside() as conn:
            jobs.complete(conn, job.job_id, owner=owner)
        done.append(job.page)
    pipe.send(done)


def test_backoff_grows_to_a_cap_and_is_spread() -> None:
    for attempts, full in [(1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (1000, 300)]:
        waits = [jobs.backoff_s(attempts) for _ in range(50)]
        assert full / 2 <= min(waits) < max(waits) <= full
