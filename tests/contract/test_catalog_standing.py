"""How all the work stands, on both databases: counted right, along indexes, and never without bound."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from sohoa.clock import FixedClock
from sohoa.states import DocumentStatus, JobKind, Review, Urgency
from storage.catalog import document_counts, jobs, outbox, reviews, tables
from storage.catalog.database import Database
from storage.catalog.jobs import Depth, NewJob
from storage.dispatch.work_queues import WorkQueue
from tests.support.catalogues import on_sqlite

NOW = FixedClock().now()
PAPERS = 60
STATUSES = [status for status in DocumentStatus if status is not DocumentStatus.REFUSED]


def document_id(number: int) -> str:
    return f"01JGFJJZ{number:018d}"


def row(number: int) -> dict[str, Any]:
    """Offices, statuses, codes and reviews go by the number; each tenth is a revision of the one before."""
    status = STATUSES[number % len(STATUSES)]
    stopped = status in (DocumentStatus.HELD, DocumentStatus.FAILED)
    return {
        "document_id": document_id(number),
        "office": f"H{number % 4}",
        "source_name": "a.pdf",
        "source": {"original_sha256": f"{number:064d}", "pages": [[1, 1]]},
        "original_sha256": f"{number:064d}",
        "original_size_bytes": 1,
        "kind": "pdf",
        "media_type": "application/pdf",
        "status": status,
        "code": f"code_{number % 2}" if stopped else None,
        "stage": "open" if stopped else None,
        "review": Review.NEEDED if status is DocumentStatus.ARCHIVED and number % 4 == 0 else Review.NONE,
        "pages_pending": 0,
        "pages_failed": [],
        "warnings": [],
        "declared": {},
        "fields": {},
        "actor": "person:lan",
        "received_at": NOW - timedelta(seconds=number),
        "changed_seq": number + 1,
        "changed_at": NOW,
        "revises": document_id(number - 1) if number % 10 == 9 else None,
    }


ROWS = [row(number) for number in range(PAPERS)]
PAPERS_ALONE = [one for one in ROWS if one["revises"] is None]


@pytest.fixture
def filled(catalogue_url: str) -> Iterator[Connection]:
    database = Database(catalogue_url)
    with database.write() as conn:
        conn.execute(insert(tables.documents), ROWS)
    with database.read() as conn:
        yield conn
    database.close()


def test_documents_are_counted_by_status_without_revisions(filled: Connection) -> None:
    expected = {status: sum(one["status"] is status for one in PAPERS_ALONE) for status in STATUSES}
    assert document_counts.count_by_status(filled) == {status: count for status, count in expected.items() if count}
    of_office = [one["status"] for one in PAPERS_ALONE if one["office"] == "H1"]
    assert document_counts.count_by_status(filled, office="H1") == {one: of_office.count(one) for one in set(of_office)}
    assert document_counts.count_by_status(filled, office="none") == {}


def test_stopped_papers_are_counted_by_why_without_revisions_and_no_more_than_asked(filled: Connection) -> None:
    stopped = [(one["status"], one["stage"], one["code"]) for one in PAPERS_ALONE if one["code"] is not None]
    assert document_counts.count_stopped(filled, most=1000) == {one: stopped.count(one) for one in set(stopped)}
    assert 0 < sum(document_counts.count_stopped(filled, most=5).values()) <= 5


def test_the_review_queue_is_as_long_as_its_list_says(filled: Connection) -> None:
    depth = reviews.depth(filled, now=NOW, most=1000)
    listed = reviews.waiting(filled, now=NOW)
    assert depth.waiting == listed.total > 0
    assert depth.oldest_at == listed.items[0][0].received_at
    assert reviews.depth(filled, now=NOW, most=2).waiting == 2


def test_each_queue_tells_what_is_due_what_is_put_off_and_since_when(catalogue_url: str) -> None:
    database = Database(catalogue_url)
    with database.write() as conn:
        conn.execute(insert(tables.documents), ROWS)
        for number in range(20):
            run_after = NOW + timedelta(seconds=number - 15)
            priority = -1 if number % 2 else 0
            new = NewJob(JobKind.READ, document_id(number), priority=priority, run_after=run_after)
            jobs.enqueue(conn, [new], now=NOW)
        urgent = NewJob(JobKind.READ, document_id(30), priority=3, run_after=NOW - timedelta(hours=1))
        jobs.enqueue(conn, [urgent], now=NOW)
    with database.read() as conn:
        found = jobs.depths(conn, now=NOW, most=1000)
        assert jobs.depths(conn, now=NOW, most=3)[WorkQueue(JobKind.READ, Urgency.BACKFILE)].due == 3
    assert found == {
        WorkQueue(JobKind.READ, Urgency.WAITING): Depth(9, 2, NOW - timedelta(hours=1)),
        WorkQueue(JobKind.READ, Urgency.BACKFILE): Depth(8, 2, NOW - timedelta(seconds=14)),
    }
    with database.write() as conn:
        assert jobs.claim(conn, owner="w", lease_s=30, now=NOW) is not None
    with database.read() as conn:
        assert jobs.in_hand(conn) == {JobKind.READ: 1}
        oldest_at = jobs.depths(conn, now=NOW, most=9)[WorkQueue(JobKind.READ, Urgency.WAITING)].oldest_at
    assert oldest_at == NOW - timedelta(seconds=15)
    database.close()


def test_the_outbox_counts_documents_not_words_of_them(catalogue_url: str) -> None:
    database = Database(catalogue_url)
    with database.write() as conn:
        conn.execute(insert(tables.documents), ROWS)
        for number in (1, 2, 1, 3):
            outbox.put(conn, document_id(number), now=NOW)
    with database.read() as conn:
        assert outbox.waiting_count(conn, most=100) == 3
        assert outbox.waiting_count(conn, most=2) == 2
    database.close()


@on_sqlite
def test_no_count_reads_a_table_of_papers_or_jobs_whole(filled: Connection) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(filled, "before_cursor_execute", lambda *of: asked.append((of[2], of[3])))
    document_counts.count_by_status(filled)
    document_counts.count_stopped(filled, most=1000)
    reviews.depth(filled, now=NOW, most=1000)
    jobs.depths(filled, now=NOW, most=1000)
    jobs.in_hand(filled)
    statements = list(asked)
    assert len(statements) >= 7
    for statement, values in statements:
        for step in filled.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
            assert not (step[3].startswith("SCAN ") and "INDEX" not in step[3] and "anon" not in step[3]), (
                f"{step[3]}: {statement}"
            )
