"""The jobs table on PostgreSQL as dispatcher: claims and completions a second, with few and very many jobs queued."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from sohoa.clock import SystemClock
from sohoa.model import Actor, DocumentId, OfficeId, Sha256, Source
from sohoa.states import JobKind, JobState
from storage.catalog import documents, jobs, tables
from storage.catalog.database import Database
from storage.catalog.documents import NewDocument
from storage.catalog.jobs import NewJob
from storage.catalog.shares import Shares
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.scale_size import Size
from tests.support import postgres

LEAST_PER_S = 500.0
FLAT_TO = 0.8
"""What the rate at the greatest depth may fall to, of that at the smallest, and still be called flat."""
DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}
"""Settings of PostgreSQL's that the tests' own server leaves out."""
PROCESSES = 2
_OFFICES = 12
_PAGES = 1_000
_LEASE_S = 300.0
_WARMING = 50
_MOST_CLAIMED = 0.4
"""Of what is queued, by each of two processes."""


@dataclass(frozen=True, slots=True)
class Dispatching:
    """Jobs a second at each depth."""

    per_s: dict[int, float]

    def figures(self) -> list[Figure]:
        depths = sorted(self.per_s)
        shallow, deep = self.per_s[depths[0]], self.per_s[depths[-1]]
        return [
            Figure(
                "dispatch",
                f"jobs without work claimed and completed, {PROCESSES} processes, PostgreSQL, {depths[0]:,} to "
                f"{depths[-1]:,} queued",
                f"≥ {LEAST_PER_S:.0f}/s, flat",
                f"{min(self.per_s.values()):.0f}/s at least, {deep / shallow:.2f} × from the smallest to the greatest depth",
                min(self.per_s.values()) >= LEAST_PER_S and deep >= FLAT_TO * shallow,
            )
        ]

    def details(self) -> list[str]:
        note = (
            f"Pages of {_OFFICES} offices wait to be recognised; {PROCESSES} processes each claim one by lot and complete it, in "
            "two transactions that are on the disk (fsync), again and again."
        )
        return [
            note,
            "",
            *table(("Queued", "jobs/s"), ((f"{depth:,}", f"{rate:.0f}") for depth, rate in self.per_s.items())),
        ]


def measure(work: Path, size: Size) -> Dispatching:
    """Queue up to each depth, then work off some."""
    with postgres.running(**DURABLE) as server, postgres.database(server) as name:
        url = server.url(name)
        database = Database(url)
        database.migrate()
        per_s = {}
        for depth in size.queued:
            say(f"queueing up to {depth:,} jobs")
            _queue(database, depth)
            per_s[depth] = _rate(url, min(size.claimed, int(depth * _MOST_CLAIMED)))
        database.close()
        return Dispatching(per_s)


def _queue(database: Database, depth: int) -> None:
    """Add jobs, document by document, until `depth` wait."""
    now = SystemClock().now()
    while True:
        with database.write() as connection:
            waiting = jobs.counts(connection).get(JobKind.RECOGNISE, {}).get(JobState.READY, 0)
            if waiting >= depth:
                return
            number = connection.execute(select(func.count()).select_from(tables.documents)).scalar_one()
            document_id = DocumentId(f"01JGFJJZ{number:018d}")
            documents.insert_document(connection, _new(document_id, number, now), now=now)
            pages = range(1, min(_PAGES, depth - waiting) + 1)
            jobs.enqueue(connection, [NewJob(JobKind.RECOGNISE, document_id, page=page) for page in pages], now=now)


def _new(document_id: DocumentId, number: int, now: datetime) -> NewDocument:
    return NewDocument(
        document_id=document_id,
        office=OfficeId(f"office-{number % _OFFICES}"),
        dossier=None,
        source_name="scan.pdf",
        source=Source(Sha256(f"{number:064x}"), ((1, _PAGES),)),
        original_size_bytes=1,
        kind="pdf",
        media_type="application/pdf",
        actor=Actor("system:benchmark"),
        received_at=now,
    )


def _rate(url: str, claimed: int) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES) as pool:
        return sum(pool.starmap(work_off, [(url, claimed)] * PROCESSES, chunksize=1))


def work_off(url: str, count: int) -> float:
    """Claim and complete so many jobs; how many a second, once its connection is open and its statements are compiled."""
    database = Database(url)
    clock, lots = SystemClock(), Shares({})
    started_s = 0.0
    for number in range(_WARMING + count):
        if number == _WARMING:
            started_s = time.perf_counter()
        with database.write_beside() as connection:
            job = lots.claim(connection, owner="bench", lease_s=_LEASE_S, now=clock.now())
        assert job is not None
        with database.write_beside() as connection:
            jobs.complete(connection, job.job_id, owner="bench")
    took_s = time.perf_counter() - started_s
    database.close()
    return count / took_s
