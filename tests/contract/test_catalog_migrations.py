"""Filled catalogues of every older form, on both databases, brought to the newest: nothing is lost, and who runs goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, insert, text

from sohoa.clock import FixedClock
from sohoa.errors import StoreUnavailable
from sohoa.states import DocumentStatus, JobKind, Review
from storage.catalog import document_counts, documents, jobs, outbox, page_rows, tables, viewings
from storage.catalog import postgres as postgres_backend
from storage.catalog.backend import Kind
from storage.catalog.database import Database, alone
from storage.catalog.presence import try_lock
from tests.support import postgres
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

NOW = FixedClock().now()
OLDER = [f"{number:04}" for number in range(1, int(tables.HEAD))]
PAPERS = 300
_MICROS = 1_700_000_000_000_000


@pytest.fixture(params=OLDER)
def old(request: pytest.FixtureRequest, blank_url: str) -> Iterator[Database]:
    """A catalogue of an older form, with papers."""
    catalogue = Database(blank_url)
    migrate_to(catalogue, request.param)
    fill(catalogue)
    yield catalogue
    catalogue.close()


def migrate_to(catalogue: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "storage.catalog:migrations")
    with catalogue._backend.migrating():
        catalogue._open().set_up()
        with catalogue._open().begin(Kind.MIGRATE) as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, revision)


def fill(catalogue: Database, *, first: int = 1) -> None:
    """Write rows as the Sohoa of that form did: it knows no columns but those there were."""
    with catalogue._open().begin(Kind.MIGRATE) as conn:
        there = MetaData()
        there.reflect(conn)
        rows: dict[str, list[dict[str, Any]]] = {
            "documents": [_document(number) for number in range(first, first + PAPERS)],
            "pages": [{**_of(number), **_PAGE} for number in range(first, first + PAPERS)],
            "jobs": [{**_of(number), **_JOB} for number in range(first, first + PAPERS)],
            "outbox": [{**_of(number), "put_at": _MICROS} for number in range(first, first + PAPERS)],
            "leases": [{"name": f"lease {first}", "owner": "me", "leased_until": _MICROS}],
        }
        for name, values in rows.items():
            conn.execute(insert(_columns(there.tables[name], values[0])), values)
        conn.execute(text(f"UPDATE counters SET value = {first + PAPERS - 1}"))


def _columns(table: Table, values: dict[str, Any]) -> Table:
    return Table(table.name, MetaData(), *(table.c[name]._copy() for name in values))


def _of(number: int) -> dict[str, Any]:
    return {"document_id": f"01JGFJJZ{number:018d}"}


_PAGE = {"number": 1, "status": "recognised", "lane": "tesserocr", "recognise_ms": 700, "quality": {"dpi": 300}}
_JOB = {
    "kind": "read",
    "page": 0,
    "payload": {"dày": 1},
    "state": "ready",
    "priority": 0,
    "turn": 4,
    "attempts": 0,
    "run_after": _MICROS,
}


def _document(number: int) -> dict[str, Any]:
    return {
        **_of(number),
        "office": "H02",
        "source_name": "tờ trình.pdf",
        "source": {"original_sha256": f"{number:064x}", "pages": [[1, 1]]},
        "original_sha256": f"{number:064x}",
        "original_size_bytes": 123,
        "kind": "pdf",
        "media_type": "application/pdf",
        "status": "recognised",
        "review": "none",
        "pages_total": 1,
        "pages_pending": 0,
        "pages_failed": [],
        "warnings": ["page_failed"],
        "declared": {"số": 138},
        "actor": "person:lan",
        "received_at": _MICROS,
        "changed_seq": number,
        "changed_at": _MICROS,
    }


def test_filled_catalogue_of_each_older_form_is_brought_up_and_goes_on(old: Database) -> None:
    old.migrate()
    document_id = f"01JGFJJZ{7:018d}"
    with old.read() as conn:
        found = documents.list_documents(conn, limit=PAPERS + 1)
        document = documents.get(conn, document_id)
        assert len(found.items) == PAPERS
        assert (document.declared, document.fields, document.checks, document.revision) == ({"số": 138}, {}, (), None)
        assert page_rows.pages_of(conn, document_id)[0].quality == {"dpi": 300}
        assert outbox.pending_count(conn) == PAPERS
        assert viewings.take(conn, limit=9) == []
    with old.write() as conn:
        job = jobs.claim(conn, owner="w", lease_s=30, now=NOW, document_id=document_id)
        assert job is not None
        assert (job.kind, job.payload) == (JobKind.READ, {"dày": 1})
        jobs.complete(conn, job.job_id, owner="w")
        changed = documents.move(conn, document_id, DocumentStatus.ARCHIVED, now=NOW, review=Review.NEEDED)
        jobs.enqueue(conn, [jobs.NewJob(JobKind.DECIDE, document_id)], now=NOW)
    assert changed.changed_seq == PAPERS + 1


def test_older_version_goes_on_writing_while_and_after_the_tables_grow(old: Database) -> None:
    """Expand, contract: what an older process writes still fits (a rolling upgrade has both for a while)."""
    old.migrate()
    fill(old, first=PAPERS + 1)
    with old.read() as conn:
        assert document_counts.count_by_status(conn) == {DocumentStatus.RECOGNISED: 2 * PAPERS}


@pytest.mark.postgres
def test_migration_waits_a_moment_for_who_reads_and_then_lets_everybody_go_on(
    postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = f"lock_timeout = '{postgres_backend.DDL_LOCK_TIMEOUT_S}s'"
    monkeypatch.setitem(
        postgres_backend._BEGIN,
        Kind.MIGRATE,
        postgres_backend._BEGIN[Kind.MIGRATE].replace(limit, "lock_timeout = '1s'"),
    )
    name = postgres_server.create()
    catalogue = Database(postgres_server.url(name))
    migrate_to(catalogue, "0001")
    fill(catalogue)
    reading, written_s = threading.Event(), list[float]()

    def write_meanwhile() -> None:
        reading.wait()
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        wait_until(lambda: bool(postgres_server.run(waiting, database=name)), "the migration does not wait for a table")
        began_s = time.monotonic()
        with catalogue.write() as conn:
            conn.execute(text("UPDATE documents SET detail = 'x' WHERE changed_seq = 1"))
        written_s.append(time.monotonic() - began_s)

    writer = threading.Thread(target=write_meanwhile)
    writer.start()
    with catalogue.read() as conn:
        conn.execute(text("SELECT count(*) FROM documents"))
        reading.set()
        with pytest.raises(StoreUnavailable, match="locked"):
            catalogue.migrate()
        writer.join()
    assert written_s[0] < 1.5, "a migration that cannot begin kept a writer waiting"
    catalogue.migrate()
    with catalogue.read() as conn:
        assert documents.get(conn, f"01JGFJJZ{1:018d}").detail == "x"
    catalogue.close()
    postgres_server.drop(name)


@contextmanager
def _making_an_index(server: Postgres, name: str, catalogue: Database) -> Iterator[Future[None]]:
    """A catalogue of migration 0007 on its way up, held where its index is being made until the block ends: by a reader, for
    whom that waits."""
    migrate_to(catalogue, "0007")
    fill(catalogue)
    with ThreadPoolExecutor(1) as pool:
        with catalogue.read() as conn:
            conn.execute(text("SELECT count(*) FROM documents"))
            migrating = pool.submit(catalogue.migrate)
            half_made = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('ix_jobs_office') AND NOT indisvalid"
            wait_until(lambda: bool(server.run(half_made, database=name)), "the index is not made online")
            yield migrating
        wait([migrating])


@pytest.mark.postgres
def test_writers_go_on_while_a_large_table_gets_an_index(postgres_server: Postgres) -> None:
    with postgres.database(postgres_server) as name:
        catalogue = Database(postgres_server.url(name))
        with _making_an_index(postgres_server, name, catalogue) as migrating:
            with catalogue.write() as conn:
                job = jobs.claim(conn, owner="w", lease_s=30, now=NOW)
                assert job is not None
                jobs.complete(conn, job.job_id, owner="w")
            assert not migrating.done()
        migrating.result()
        assert catalogue._is_current()
        catalogue.close()


@pytest.mark.postgres
def test_index_whose_making_was_cut_off_is_made_by_the_next_to_open_the_catalogue(postgres_server: Postgres) -> None:
    with postgres.database(postgres_server) as name:
        catalogue = Database(postgres_server.url(name))
        with _making_an_index(postgres_server, name, catalogue) as migrating:
            making = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%'"
            postgres_server.run(making, database=name)
            with pytest.raises(StoreUnavailable):
                migrating.result()
        assert not catalogue._is_current()
        catalogue.migrate()
        assert catalogue._is_current()
        catalogue.close()


@pytest.mark.postgres
def test_who_has_an_empty_catalogue_alone_keeps_no_snapshot_that_an_index_would_wait_for(
    postgres_server: Postgres,
) -> None:
    held = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_xmin IS NOT NULL"
    others = f"{held} AND pid <> pg_backend_pid()"
    with postgres.database(postgres_server) as name, alone(postgres_server.url(name)):
        assert not postgres_server.run(others, database=name)  # else the next line would wait for ever
        catalogue = Database(postgres_server.url(name), alone=True)
        catalogue.migrate()
        assert catalogue._is_current()
        catalogue.close()


@pytest.mark.postgres
def test_who_starts_while_an_index_is_made_waits_for_it_and_does_not_hold_it_up(
    postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def ask(*told: Any, **how: Any) -> bool:
        asked.set()
        return try_lock(*told, **how)

    with postgres.database(postgres_server) as name, ThreadPoolExecutor(1) as pool:
        catalogue, other = Database(postgres_server.url(name)), Database(postgres_server.url(name))
        with _making_an_index(postgres_server, name, catalogue) as migrating:
            monkeypatch.setattr("storage.catalog.postgres.try_lock", ask)
            waiting = pool.submit(other.migrate)
            assert asked.wait(300)
            assert not waiting.done()
        migrating.result()
        waiting.result()
        catalogue.close()
        other.close()


def test_every_older_form_is_tried() -> None:
    config = Config()
    config.set_main_option("script_location", "storage.catalog:migrations")
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert sorted(known) == [*OLDER, tables.HEAD]
