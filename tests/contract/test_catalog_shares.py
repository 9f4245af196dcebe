"""Offices share the workers: by weight, whatever waits; and a claim costs the same however much that is."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select

from sohoa.clock import FixedClock
from sohoa.model import Actor, DocumentId, OfficeId, Sha256, Source
from sohoa.settings import Settings
from sohoa.states import JobKind, JobState, Urgency
from storage.catalog import documents, jobs, tables
from storage.catalog.database import Database
from storage.catalog.jobs import NewJob, Sharer
from storage.catalog.shares import LOOK_AGE, Shares

NOW = FixedClock().now()


@pytest.fixture
def db(catalogue_url: str) -> Iterator[Database]:
    catalogue = Database(catalogue_url)
    yield catalogue
    catalogue.close()


def bring(conn: Connection, office: str, pages: int, *, priority: int = 0, kind: JobKind = JobKind.RECOGNISE) -> str:
    """A new document of this office with so many jobs."""
    number = conn.execute(select(tables.counters.c.value)).scalar_one()
    document_id = DocumentId(f"01JGFJJZ{number:018d}")
    new = documents.NewDocument(
        document_id=document_id,
        office=OfficeId(office),
        dossier=None,
        source_name="scan.pdf",
        source=Source(Sha256(f"{number:064x}"), ((1, 1),)),
        original_size_bytes=1,
        kind="pdf",
        media_type="application/pdf",
        actor=Actor("person:lan"),
        received_at=NOW,
    )
    documents.insert_document(conn, new, now=NOW)
    wanted = [NewJob(kind, document_id, page=n, priority=priority) for n in range(1, pages + 1)]
    jobs.enqueue(conn, wanted, now=NOW)
    return document_id


def offices_of(conn: Connection, lots: Shares, claims: int, **asked: Any) -> list[str]:
    """Whose jobs so many claims get."""
    found = list[str]()
    for _ in range(claims):
        job = lots.claim(conn, owner="w", lease_s=30, now=NOW, **asked)
        if job is not None:
            found.append(documents.get(conn, job.document_id).office)
    return found


def test_office_with_few_papers_does_not_wait_for_one_with_very_many(db: Database) -> None:
    with db.write() as conn:
        bring(conn, "H01", 3000)
        bring(conn, "H02", 5, kind=JobKind.OPEN)  # behind every page of H01, by stage and by age
        assert offices_of(conn, Shares({}), 60).count("H02") == 5  # in vain less than once in 10^11 runs


def test_offices_get_their_weights_of_the_claims(db: Database) -> None:
    with db.write() as conn:
        for office in ("H01", "H02", "H10"):
            bring(conn, office, 400)
        got = Counter(offices_of(conn, Shares({"H02": 4, "H10": 0.01}), 400))
    assert 280 < got["H02"] < 352  # 319 on average; further off less than once in a million runs
    assert got["H10"] < 12


def test_what_nobody_waits_for_does_not_overtake_by_being_of_another_office(db: Database) -> None:
    with db.write() as conn:
        bring(conn, "H01", 300, priority=-1)
        bring(conn, "H02", 300)
        got = Counter(offices_of(conn, Shares({"H01": 100}), 200))
    assert got["H01"] < 80  # one in five by lot


def test_office_whose_jobs_are_put_off_or_of_another_kind_costs_no_other_its_turn(db: Database) -> None:
    with db.write() as conn:
        bring(conn, "H01", 2)
        put_off = bring(conn, "H02", 2)
        conn.execute(
            tables.jobs.update().where(tables.jobs.c.document_id == put_off).values(run_after=NOW + LOOK_AGE / 2)
        )
        bring(conn, "H03", 2, kind=JobKind.COMMIT)
        lots = Shares({})
        assert offices_of(conn, lots, 9, kinds=[JobKind.RECOGNISE]) == ["H01", "H01"]
        assert offices_of(conn, lots, 9, kinds=[JobKind.COMMIT]) == ["H03", "H03"]
        soon, kinds = NOW + LOOK_AGE / 2, [JobKind.RECOGNISE]
        later = lots.claim(conn, owner="w", lease_s=30, now=soon, kinds=kinds)
        assert later is not None, (
            "a job that has become due waited for the next look, though nothing else was to be done"
        )
        assert later.document_id == put_off


def test_office_that_comes_later_gets_its_lot_after_a_look(db: Database) -> None:
    with db.write() as conn:
        bring(conn, "H01", 200)
        lots = Shares({"H02": 100})
        offices_of(conn, lots, 1)
        bring(conn, "H02", 5)
        for _ in range(20):
            lots.claim(conn, owner="w", lease_s=30, now=NOW + LOOK_AGE)
        assert {sharer.office for sharer in jobs.sharers(conn)} == {"H01"}


def test_idle_worker_takes_what_comes_at_once(db: Database) -> None:
    lots = Shares({})
    with db.write() as conn:
        assert offices_of(conn, lots, 1) == []
        bring(conn, "H01", 1)
        assert offices_of(conn, lots, 1) == ["H01"]


def test_jobs_that_an_older_version_put_there_are_shared_too(db: Database) -> None:
    with db.write() as conn:
        document_id = bring(conn, "H01", 2)
        conn.execute(tables.jobs.update().values(office=""))
        bring(conn, "H02", 1, priority=-1)
        assert set(jobs.sharers(conn)) == {Sharer("", Urgency.WAITING), Sharer("H02", Urgency.BACKFILE)}
        assert sorted(offices_of(conn, Shares({}), 5)) == ["H01", "H01", "H02"]
        assert jobs.counts(conn, document_id=document_id) == {JobKind.RECOGNISE: {JobState.LEASED: 2}}


def test_each_job_is_drawn_once_by_many_at_once(db: Database) -> None:
    with db.write() as conn:
        for office in ("H01", "H02", "H03", "H04"):
            bring(conn, office, 20)
            bring(conn, office, 5, priority=-1)
    together = threading.Barrier(8)

    def work(number: int) -> list[tuple[str, int | None]]:
        lots, found = Shares({}), list[tuple[str, int | None]]()
        together.wait()
        while True:
            with db.write_beside() as conn:
                job = lots.claim(conn, owner=f"w{number}", lease_s=30, now=NOW)
            if job is None:
                return found
            found.append((job.document_id, job.page))

    with ThreadPoolExecutor(8) as pool:
        drawn = Counter(job for found in pool.map(work, range(8)) for job in found)
    assert len(drawn) == 100
    assert set(drawn.values()) == {1}


def test_claim_and_look_walk_the_index_of_offices_and_sort_nothing(db: Database) -> None:
    """Also where the planner's statistics say that nearly all jobs are of this office."""
    seen: list[tuple[str, Any]] = []
    with db.write() as conn:
        document_id = bring(conn, "H01", 1)
        rows = [
            {
                "page": page,
                "kind": JobKind.RECOGNISE,
                "document_id": document_id,
                "payload": {},
                "state": JobState.READY,
            }
            | {"priority": 0, "turn": 6, "attempts": 0, "run_after": NOW, "office": "H01"}
            for page in range(2, 5000)
        ]
        conn.execute(insert(tables.jobs), rows)
        conn.exec_driver_sql("ANALYZE")

        @event.listens_for(conn, "before_cursor_execute")
        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
            seen.append((statement, parameters))

        Shares({}).claim(conn, owner="w", lease_s=30, now=NOW)
        event.remove(conn, "before_cursor_execute", note)
        assert len(seen) == 2
        for statement, values in seen:
            prefix = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
            # PostgreSQL is not forbidden any way here: what it chooses by itself is asked.
            steps = [str(row[-1]) for row in conn.exec_driver_sql(f"{prefix} {statement}", values)]
            assert any("ix_jobs_office" in step for step in steps), steps
            assert not any("ix_jobs_ready" in step or "Seq Scan" in step for step in steps), steps
            assert not any("TEMP B-TREE" in step or "Sort" in step for step in steps), steps


@pytest.mark.parametrize("waits", [True, False])
def test_claim_of_a_kind_does_not_walk_through_all_jobs_of_the_others(db: Database, waits: bool) -> None:
    """As a broker's workers claim: behind the pages of a large back-file an `open` is last, and a `compose` is not there."""
    pages, looked_at = 5_000, 0
    with db.write() as conn:
        bring(conn, "H01", pages)
        if waits:
            bring(conn, "H01", 1, kind=JobKind.OPEN)
        conn.exec_driver_sql("ANALYZE")

        def count_steps() -> int:
            nonlocal looked_at
            looked_at += 10
            return 0

        @event.listens_for(conn, "before_cursor_execute")
        def count_rows(_conn: Any, cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
            nonlocal looked_at
            if conn.dialect.name == "postgresql":
                cursor.execute("SAVEPOINT looked")
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {statement}", parameters)
                looked_at += sum(map(int, re.findall(r"Rows Removed by Filter: (\d+)", str(cursor.fetchall()))))
                cursor.execute("ROLLBACK TO SAVEPOINT looked")

        if conn.dialect.name == "sqlite":
            conn.connection.dbapi_connection.set_progress_handler(count_steps, 10)  # type: ignore[union-attr]
        job = Shares({}).claim(conn, owner="w", lease_s=30, now=NOW, kinds=[JobKind.OPEN])
        event.remove(conn, "before_cursor_execute", count_rows)
    assert (job is not None) is waits
    assert looked_at < pages


@pytest.mark.parametrize("written", ["H02", "H02=x", "=2", "H02=0", "H02=-1", "H02=nan", "H02=2,H10"])
def test_weights_that_cannot_be_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="SOHOA_OFFICE_WEIGHTS"):
        Settings(office_weights=written).weights_of_offices()


def test_weights_are_read() -> None:
    assert Settings(office_weights=" H02=2, 000.00.05.H02=0.5,").weights_of_offices() == {
        "H02": 2,
        "000.00.05.H02": 0.5,
    }
    assert Settings().weights_of_offices() == {}
