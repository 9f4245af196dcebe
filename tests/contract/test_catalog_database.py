"""The catalogue on both databases: transactions, other processes, and the way to the newest tables."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from sohoa.clock import FixedClock
from sohoa.errors import Conflict, SetupError, StoreUnavailable
from storage.catalog import database, leases, presence, tables
from storage.catalog.database import Database, alone

spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def db(catalogue_url: str) -> Iterator[Database]:
    catalogue = Database(catalogue_url)
    yield catalogue
    catalogue.close()


def test_tables_and_migrations_agree(db: Database) -> None:
    with db.read() as conn:
        context = MigrationContext.configure(conn, opts={"target_metadata": tables.metadata, "compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_partial_indexes_and_counted_keys_are_the_same_in_tables_and_migrations(blank_url: str) -> None:
    # alembic does not compare the conditions of indexes, so the two schemas are compared as the database tells them
    db = Database(blank_url, alone=True)
    db.migrate()
    migrated = _schema(db)
    with db.write() as conn:
        conn.execute(text("DROP TABLE alembic_version"))
        tables.metadata.drop_all(conn)
        tables.metadata.create_all(conn)
    assert _schema(db) == migrated
    db.close()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "storage.catalog:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == tables.HEAD


def test_migrating_again_changes_nothing(db: Database) -> None:
    db.migrate()
    with db.read() as conn:
        assert conn.execute(select(tables.counters.c.value)).scalars().all() == [0]


def _schema(db: Database) -> set[str]:
    queries = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND (type = 'index' OR sql LIKE '%AUTOINCREMENT%')",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' UNION ALL"
        " SELECT table_name || column_name || column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_default IS NOT NULL",
    }
    with db.read() as conn:
        return {" ".join(str(row[0]).split()) for row in conn.execute(text(queries[conn.dialect.name]))}


def test_migration_that_fails_leaves_no_tables(blank_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = database._upgrade

    def upgrade_then_fail(conn: Connection) -> None:
        real(conn)
        raise RuntimeError("killed here")

    monkeypatch.setattr(database, "_upgrade", upgrade_then_fail)
    db = Database(blank_url, alone=True)
    with pytest.raises(RuntimeError):
        db.migrate()
    assert _schema(db) == set()
    db.close()


def test_catalogue_that_others_migrated_is_refused(db: Database, catalogue_url: str) -> None:
    with db.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = 'f00d'"))
    again = Database(catalogue_url)
    with pytest.raises(SetupError, match="is it Sohoa's"):
        again.migrate()
    again.close()


@pytest.mark.slow
def test_processes_that_migrate_at_once_all_succeed(blank_url: str) -> None:
    processes = [spawn.Process(target=Database(blank_url).migrate) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    there = Database(blank_url)
    assert there._is_current()
    there.close()


def test_row_without_its_document_is_refused(db: Database) -> None:
    values = {"document_id": "nobody", "put_at": FixedClock().now()}
    with pytest.raises(IntegrityError), db.write() as conn:
        conn.execute(insert(tables.outbox).values(values))


def test_block_that_raises_leaves_nothing(db: Database) -> None:
    def write_then_raise(beside: bool) -> None:
        with db.write_beside() if beside else db.write() as conn:
            _take_lease(conn)
            raise ValueError("on purpose")

    for beside in (False, True):
        with pytest.raises(ValueError, match="on purpose"):
            write_then_raise(beside)
    assert _lease_names(db) == []


def test_reading_transaction_cannot_write(db: Database) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), db.read() as conn:
        _take_lease(conn)


def test_reading_transaction_sees_one_moment_while_another_writes(db: Database) -> None:
    with db.read() as conn:
        assert _names(conn) == []
        with db.write() as other:
            _take_lease(other)
        assert _names(conn) == []
    assert _lease_names(db) == ["here"]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://sohoa:secret@db/sohoa",
        "postgresql+asyncpg://sohoa:secret@db/sohoa",
        "sohoa:secret@db",
        "postgresql://sohoa:secret@db:port/sohoa",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_url_of_another_kind_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SetupError, match="SOHOA_CATALOG_URL") as caught:
        Database(url)
    assert "secret" not in caught.value.detail


def test_process_killed_inside_a_transaction_leaves_nothing_and_no_lock(db: Database) -> None:
    here, there = spawn.Pipe()
    process = spawn.Process(target=_write_and_wait, args=(db, there))
    process.start()
    assert here.recv() == "written"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert _lease_names(db) == []
    with db.write() as conn:
        _take_lease(conn)
    assert _lease_names(db) == ["here"]


def _write_and_wait(db: Database, pipe: Pipe) -> None:
    with db.write() as conn:
        _take_lease(conn)
        pipe.send("written")
        pipe.recv()


def test_forked_child_opens_its_own_connections(db: Database) -> None:
    with db.write() as conn:
        child = os.fork()
        if child == 0:
            with db.read() as mine:
                found = _names(mine)
            db.close()
            os._exit(0 if found == [] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        _take_lease(conn)  # the parent's transaction and its lock have outlived the child
    assert _lease_names(db) == ["here"]


def test_catalogue_goes_to_other_processes_by_its_url_alone(db: Database) -> None:
    copy = pickle.loads(pickle.dumps(db))
    with db.write() as conn:
        _take_lease(conn)
    assert _lease_names(copy) == ["here"]
    copy.close()


def test_closed_catalogue_opens_again_when_used(db: Database) -> None:
    db.close()
    db.close()
    assert _lease_names(db) == []


def test_moments_come_back_aware_and_to_the_microsecond(db: Database) -> None:
    moment = FixedClock().now().replace(microsecond=123_457)
    with db.write() as conn:
        conn.execute(insert(tables.leases).values(name="x", owner="y", leased_until=moment))
        back = conn.execute(select(tables.leases.c.leased_until).where(tables.leases.c.name == "x")).scalar_one()
    assert back == moment
    assert back.utcoffset() is not None


def test_whoever_uses_the_catalogue_keeps_others_from_having_it_alone(
    db: Database, catalogue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE_S", 0.1)
    with db.read():
        pass
    with pytest.raises(Conflict) as caught, alone(catalogue_url):
        pass
    assert caught.value.code == "in_use"
    db.close()
    with alone(catalogue_url):
        with pytest.raises(Conflict), alone(catalogue_url):
            pass
        late = Database(catalogue_url)
        with pytest.raises(StoreUnavailable, match="rebuilt"), late.read():
            pass
        mine = Database(catalogue_url, alone=True)
        with mine.write() as conn:
            _take_lease(conn)
        mine.close()
    assert _lease_names(late) == ["here"]
    late.close()


def _take_lease(conn: Connection) -> None:
    assert leases.acquire(conn, "here", owner="me", ttl_s=60, now=FixedClock().now())


def _lease_names(db: Database) -> list[str]:
    with db.read() as conn:
        return _names(conn)


def _names(conn: Connection) -> list[str]:
    query = select(tables.leases.c.name).where(tables.leases.c.name.not_like("use:%"))
    return list(conn.execute(query).scalars())
