"""What many do at once on real connections, on both databases: each thing is done once, and nobody waits for ever.

SQLite lets one write at a time. PostgreSQL does not, so that what rests on it is held together by a lock: here by racing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import select

from sohoa.clock import FixedClock
from sohoa.errors import AlreadyExists, Conflict
from sohoa.model import Actor, DocumentId, OfficeId, Sha256, Source
from sohoa.states import DocumentStatus, JobKind, PageStatus, Review
from storage.catalog import documents, idempotency, jobs, leases, outbox, page_rows, reviews, revisions, tables
from storage.catalog.database import Database
from storage.catalog.documents import NewDocument
from storage.catalog.idempotency import Keyed
from storage.catalog.jobs import NewJob

NOW = FixedClock().now()
RACERS = 8
_Given = TypeVar("_Given")


@pytest.fixture
def db(catalogue_url: str) -> Iterator[Database]:
    catalogue = Database(catalogue_url)
    yield catalogue
    catalogue.close()


def new_document(number: int, *, sha256: str | None = None) -> NewDocument:
    return NewDocument(
        document_id=DocumentId(f"01JGFJJZ{number:018d}"),
        office=OfficeId("local"),
        dossier=None,
        source_name="tờ trình.pdf",
        source=Source(Sha256(sha256 or f"{number:064x}"), ((1, 1),)),
        original_size_bytes=1,
        kind="pdf",
        media_type="application/pdf",
        actor=Actor("person:lan"),
        received_at=NOW,
    )


def store(db: Database, number: int) -> str:
    with db.write() as conn:
        return documents.insert_document(conn, new_document(number), now=NOW).document_id


def race(what: Callable[[int], _Given], *, racers: int = RACERS) -> list[_Given]:
    """What each gives, all having begun together."""
    together = threading.Barrier(racers)

    def run(number: int) -> _Given:
        together.wait()
        return what(number)

    with ThreadPoolExecutor(racers) as pool:
        return list(pool.map(run, range(racers)))


def test_same_bytes_that_come_at_once_become_one_document(db: Database) -> None:
    def receive(number: int) -> str:
        with db.write() as conn:
            there = documents.find_duplicate(conn, office="local", dossier=None, sha256="a" * 64)
            if there is not None:
                return there.document_id
            return documents.insert_document(conn, new_document(number, sha256="a" * 64), now=NOW).document_id

    assert len(set(race(receive))) == 1


def test_numbers_of_changes_become_visible_in_their_order(db: Database) -> None:
    ids = [store(db, number) for number in range(RACERS)]
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        ended = False
        while not ended:
            ended = done.is_set()  # asked before the look: what is committed before it is set, this look sees
            with db.read() as conn:
                page = documents.list_documents(conn, after=max(seen, default=RACERS), limit=100)
            seen.extend(item.changed_seq for item in page.items)

    follower = threading.Thread(target=follow)
    follower.start()

    def change(number: int) -> list[int]:
        given = []
        for _ in range(10):
            with db.write() as conn:
                given.append(documents.amend(conn, ids[number], now=NOW, detail="x").changed_seq)
        return given

    given = [number for numbers in race(change) for number in numbers]
    done.set()
    follower.join()
    assert sorted(given) == list(range(RACERS + 1, RACERS * 11 + 1))
    assert seen == sorted(seen)
    with db.read() as conn:
        last = {item.changed_seq for item in documents.list_documents(conn, limit=100).items}
    assert last <= set(seen), "a follower has missed a change that is the document's last"


def test_outbox_rows_become_visible_in_their_order(db: Database) -> None:
    ids = [store(db, number) for number in range(RACERS)]
    taken: list[int] = []

    def put_or_take(number: int) -> None:
        for _ in range(10):
            if number == 0:
                with db.read() as conn:
                    rows = outbox.take(conn, limit=1000)
                with db.write() as conn:
                    outbox.remove(conn, rows)
                taken.extend(row.outbox_id for row in rows)
            else:
                with db.write() as conn:
                    outbox.put(conn, ids[number], now=NOW)

    race(put_or_take)
    with db.read() as conn:
        taken += [row.outbox_id for row in outbox.take(conn, limit=1000)]
    assert len(taken) == (RACERS - 1) * 10
    assert taken == sorted(taken), "word was left under a lower number after a higher one had been taken"


def test_one_decision_is_taken_on_a_document_however_many_take_one(db: Database) -> None:
    document_id = store(db, 1)

    def decide(_: int) -> str:
        try:
            with db.write() as conn:
                revisions.check_idle(conn, documents.get(conn, document_id))
                jobs.enqueue(conn, [NewJob(JobKind.DECIDE, document_id)], now=NOW)
                documents.amend(conn, document_id, now=NOW, detail="decided")
        except Conflict as conflict:
            return conflict.code
        return "decided"

    assert Counter(race(decide)) == {"decided": 1, "busy": RACERS - 1}


def test_one_person_gets_a_paper_that_all_ask_for(db: Database) -> None:
    document_id = store(db, 1)
    with db.write() as conn:
        documents.move(conn, document_id, DocumentStatus.RECOGNISED, now=NOW)
        documents.move(conn, document_id, DocumentStatus.ARCHIVED, now=NOW, review=Review.NEEDED, version=1)

    def take(number: int) -> str:
        try:
            with db.write() as conn:
                reviews.claim(conn, document_id, actor=Actor(f"person:{number}"), now=NOW, lease_s=60)
        except Conflict as conflict:
            return conflict.code
        return "taken"

    assert Counter(race(take)) == {"taken": 1, "claimed": RACERS - 1}


def test_request_sent_many_times_at_once_reserves_every_id_and_gets_one_answer(db: Database) -> None:
    asked = Keyed("k", token_id="t", digest="d")

    def begin(number: int) -> int:
        with db.write() as conn:
            return len(idempotency.begin(conn, asked, document_id=DocumentId(f"d{number}"), now=NOW).reserved)

    assert sorted(race(begin)) == list(range(1, RACERS + 1))

    def answer(number: int) -> str:
        with db.write() as conn:
            return str(idempotency.remember(conn, asked, response={"n": number}, now=NOW))

    assert len(set(race(answer))) == 1


def test_lease_is_one_owners_whether_it_is_new_or_has_run_out(db: Database) -> None:
    def acquire(now_s: int) -> Callable[[int], bool]:
        def one(number: int) -> bool:
            with db.write_beside() as conn:
                now = NOW + timedelta(seconds=now_s)
                return leases.acquire(conn, "sweeping", owner=f"o{number}", ttl_s=10, now=now)

        return one

    assert sum(race(acquire(0))) == 1
    assert sum(race(acquire(11))) == 1


def test_each_job_is_claimed_once_and_the_claimers_do_not_wait_for_each_other(db: Database) -> None:
    document_id = store(db, 1)
    with db.write() as conn:
        jobs.enqueue(conn, [NewJob(JobKind.RECOGNISE, document_id, page=n) for n in range(1, 81)], now=NOW)

    def work(number: int) -> list[int]:
        found: list[int] = []
        while True:
            with db.write_beside() as conn:
                job = jobs.claim(conn, owner=f"w{number}", lease_s=30, now=NOW)
            if job is None:
                return found
            found.append(job.page or 0)

    assert Counter(page for pages in race(work) for page in pages) == Counter(range(1, 81))


def test_exactly_one_finishes_the_last_page_when_the_others_finish_beside_each_other(db: Database) -> None:
    document_id = store(db, 1)
    with db.write() as conn:
        page_rows.plan_pages(conn, document_id, RACERS)
        jobs.enqueue(conn, [NewJob(JobKind.RECOGNISE, document_id, page=n + 1) for n in range(RACERS)], now=NOW)

    def finish(number: int) -> bool:
        """As ocr_workers/outcomes.py does."""
        with db.write_beside() as conn:
            if page_rows.hold_pending(conn, document_id) > 1:
                page_rows.finish_page(
                    conn, document_id, number + 1, status=PageStatus.BLANK, lane="none", recognise_ms=1
                )
                return False
        with db.write() as conn:
            left = page_rows.finish_page(
                conn, document_id, number + 1, status=PageStatus.BLANK, lane="none", recognise_ms=1
            )
            if left == 0:
                documents.move(conn, document_id, DocumentStatus.RECOGNISED, now=NOW)
        return left == 0

    assert sum(race(finish)) == 1
    with db.read() as conn:
        assert documents.get(conn, document_id).pages_pending == 0
        assert documents.get(conn, document_id).status is DocumentStatus.RECOGNISED


def test_pages_that_finish_and_changes_of_their_document_do_not_keep_each_other_waiting_for_ever(db: Database) -> None:
    """Beside each other they take the same rows: in an order that never makes two wait for one another."""
    document_id = store(db, 1)
    with db.write() as conn:
        page_rows.plan_pages(conn, document_id, 61)
        jobs.enqueue(conn, [NewJob(JobKind.RECOGNISE, document_id, page=n) for n in range(1, 61)], now=NOW)

    def act(number: int) -> int:
        if number < 2:
            for turn in range(20):
                with db.write() as conn:
                    documents.amend(conn, document_id, now=NOW, detail=f"{turn}")
                    jobs.enqueue(conn, [NewJob(JobKind.DECIDE, document_id, page=number + 1)], now=NOW)
                    jobs.counts(conn, document_id=document_id)
            return 0
        done = 0
        while True:
            with db.write_beside() as conn:
                job = jobs.claim(conn, owner=f"w{number}", lease_s=30, now=NOW, kinds=[JobKind.RECOGNISE])
            if job is None or job.page is None:
                return done
            with db.write_beside() as conn:
                assert page_rows.hold_pending(conn, document_id) > 1
                jobs.complete(conn, job.job_id, owner=f"w{number}")
                page_rows.finish_page(conn, document_id, job.page, status=PageStatus.BLANK, lane="none", recognise_ms=1)
            done += 1

    assert sum(race(act)) == 60
    with db.read() as conn:
        assert documents.get(conn, document_id).pages_pending == 1


def test_sweeper_and_worker_agree_who_has_a_job_whose_lease_runs_out_as_it_ends(db: Database) -> None:
    document_id = store(db, 1)
    late = NOW + timedelta(seconds=31)
    for _ in range(10):
        with db.write() as conn:
            jobs.enqueue(conn, [NewJob(JobKind.READ, document_id)], now=NOW)
            job = jobs.claim(conn, owner="slow", lease_s=30, now=NOW)
        assert job is not None
        job_id = job.job_id

        def act(number: int, job_id: int = job_id) -> bool:
            if number == 0:
                with db.write() as conn:
                    return bool(jobs.hand_out_again(conn, now=late))
            try:
                with db.write_beside() as conn:
                    jobs.complete(conn, job_id, owner="slow")
            except Conflict:
                return False
            return True

        assert sum(race(act, racers=2)) == 1
        with db.write() as conn:
            jobs.drop_document(conn, document_id)


def test_withdrawn_document_keeps_no_work_that_was_asked_for_meanwhile(db: Database) -> None:
    """A worker that asks for the next stage and a person who withdraws: whoever is second sees what the first did."""
    for number in range(10):
        document_id = store(db, number)
        with db.write() as conn:
            jobs.enqueue(conn, [NewJob(JobKind.READ, document_id)], now=NOW)
            job = jobs.claim(conn, owner="w", lease_s=30, now=NOW, document_id=document_id)
            documents.move(conn, document_id, DocumentStatus.HELD, now=NOW)
        assert job is not None
        job_id = job.job_id

        def act(racer: int, document_id: str = document_id, job_id: int = job_id) -> None:
            with db.write() as conn:
                if racer == 0:
                    jobs.drop_document(conn, document_id)
                    documents.move(conn, document_id, DocumentStatus.WITHDRAWN, now=NOW)
                    return
                try:
                    jobs.complete(conn, job_id, owner="w")
                except Conflict:
                    return
                jobs.enqueue(conn, [NewJob(JobKind.COMPOSE, document_id)], now=NOW)

        race(act, racers=2)
        with db.read() as conn:
            assert jobs.counts(conn, document_id=document_id) == {}


def test_second_document_of_the_same_bytes_is_refused_by_the_index_even_unlooked_for(db: Database) -> None:
    def insert(number: int) -> bool:
        try:
            with db.write() as conn:
                documents.insert_document(conn, new_document(number, sha256="b" * 64), now=NOW)
        except AlreadyExists:
            return False
        return True

    assert sum(race(insert)) == 1
    with db.read() as conn:
        assert len(conn.execute(select(tables.documents.c.document_id)).all()) == 1
