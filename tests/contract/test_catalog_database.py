"""The catalogue's file: transactions, migrations, other processes, and what goes wrong with disks."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sqlite3
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from sohoa.clock import FixedClock
from sohoa.errors import SetupError, StoreUnavailable
from storage.catalog import database, leases, tables
from storage.catalog.database import Database

spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'catalog.sqlite'}"


@pytest.fixture
def db(url: str) -> Database:
    catalogue = Database(url)
    catalogue.migrate()
    return catalogue


def test_tables_and_migrations_agree(db: Database) -> None:
    with db.read() as conn:
        context = MigrationContext.configure(conn, opts={"target_metadata": tables.metadata, "compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_partial_indexes_and_counted_keys_are_the_same_in_tables_and_migrations(db: Database, tmp_path: Path) -> None:
    # alembic does not compare the conditions of indexes, so the two schemas are compared as SQLite tells them
    direct = Database(f"sqlite:///{tmp_path / 'direct.sqlite'}")
    with direct.write() as conn:
        tables.metadata.create_all(conn)
    assert _schema(direct) == _schema(db)


def _schema(db: Database) -> set[str]:
    with db.read() as conn:
        query = "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND (type = 'index' OR sql LIKE '%AUTOINCREMENT%')"
        return {" ".join(row.sql.split()) for row in conn.execute(text(query))}


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "storage.catalog:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == tables.HEAD


def test_migrating_again_changes_nothing(db: Database, url: str) -> None:
    Database(url).migrate()
    with db.read() as conn:
        assert conn.execute(select(tables.counters.c.value)).scalars().all() == [0]


def test_migration_that_fails_leaves_no_tables(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = database._upgrade

    def upgrade_then_fail(conn: Connection) -> None:
        real(conn)
        raise RuntimeError("killed here")

    monkeypatch.setattr(database, "_upgrade", upgrade_then_fail)
    with pytest.raises(RuntimeError):
        Database(url).migrate()
    assert _schema(Database(url)) == set()


def test_catalogue_of_a_newer_version_is_refused(db: Database, url: str) -> None:
    with db.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SetupError, match="newer Sohoa"):
        Database(url).migrate()


@pytest.mark.slow
def test_processes_that_migrate_at_once_all_succeed(url: str) -> None:
    processes = [spawn.Process(target=Database(url).migrate) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert Database(url)._is_current()


def test_file_is_opened_for_durability_and_checked_references(db: Database) -> None:
    with db.write() as conn:
        pragmas = {
            name: conn.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_row_without_its_document_is_refused(db: Database) -> None:
    values = {"document_id": "nobody", "put_at": FixedClock().now()}
    with pytest.raises(IntegrityError), db.write() as conn:
        conn.execute(insert(tables.outbox).values(values))


def test_block_that_raises_leaves_nothing(db: Database) -> None:
    def write_then_raise() -> None:
        with db.write() as conn:
            _take_lease(conn)
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        write_then_raise()
    assert _lease_names(db) == []


def test_reading_transaction_cannot_write(db: Database) -> None:
    with pytest.raises(OperationalError, match="readonly"), db.read() as conn:
        _take_lease(conn)


def test_reading_transaction_sees_one_moment_while_another_writes(db: Database) -> None:
    with db.read() as conn:
        assert conn.execute(select(tables.leases)).all() == []
        with db.write() as other:
            _take_lease(other)
        assert conn.execute(select(tables.leases)).all() == []
    assert _lease_names(db) == ["here"]


def test_second_writer_that_waits_too_long_is_told_so(db: Database, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    impatient = Database(url)
    with db.write(), pytest.raises(StoreUnavailable, match="locked") as caught, impatient.write():
        pass
    assert caught.value.retryable


def test_full_disk_is_told_and_the_catalogue_stays_whole(db: Database) -> None:
    def write_too_much() -> None:
        with db.write() as conn:
            conn.execute(text("PRAGMA max_page_count = 1"))  # from here SQLite answers as it does when the disk is full
            _take_lease(conn)
            row = {"owner": "x" * 4000, "leased_until": FixedClock().now()}
            conn.execute(insert(tables.leases), [{"name": f"{number}", **row} for number in range(1000)])

    with pytest.raises(StoreUnavailable, match="full"):
        write_too_much()
    assert _lease_names(db) == []


def test_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"no database at all" * 500)
    with pytest.raises(SetupError) as caught:
        Database(f"sqlite:///{tmp_path / 'catalog.sqlite'}").migrate()
    assert caught.value.code == "catalog_damaged"


def test_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'absent' / 'catalog.sqlite'}")
    with pytest.raises(StoreUnavailable, match="cannot be opened"), db.read():
        pass


@pytest.mark.parametrize("url", ["postgresql://sohoa:secret@db/sohoa", "sqlite://", "sqlite:///:memory:"])
def test_url_of_another_kind_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SetupError) as caught:
        Database(url)
    assert "secret" not in caught.value.detail


def test_network_file_system_is_refused(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    line = f"36 35 {os.major(device)}:{os.minor(device)} / /srv rw,noatime shared:1 - {{kind}} server:/srv rw\n"
    mounts.write_text(line.format(kind="ext4"))
    database._refuse_network_file_system(tmp_path, mounts=mounts)
    mounts.write_text(line.format(kind="nfs4"))
    with pytest.raises(SetupError, match="nfs4"):
        database._refuse_network_file_system(tmp_path, mounts=mounts)


def test_process_killed_inside_a_transaction_leaves_nothing_and_no_lock(db: Database) -> None:
    here, there = spawn.Pipe()
    process = spawn.Process(target=_write_and_wait, args=(db, there))
    process.start()
    assert here.recv() == "written"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
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
                found = mine.execute(select(tables.leases)).all()
            os._exit(0 if found == [] and db._open().process_id == os.getpid() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        _take_lease(conn)  # the parent's transaction and its lock have outlived the child
    assert _lease_names(db) == ["here"]


def test_catalogue_goes_to_other_processes_by_its_url_alone(db: Database) -> None:
    copy = pickle.loads(pickle.dumps(db))
    with db.write() as conn:
        _take_lease(conn)
    assert _lease_names(copy) == ["here"]


def test_closed_catalogue_opens_again_when_used(db: Database) -> None:
    db.close()
    db.close()
    assert _lease_names(db) == []


def test_moments_come_back_aware_and_to_the_microsecond(db: Database) -> None:
    moment = FixedClock().now().replace(microsecond=123_457)
    with db.write() as conn:
        conn.execute(insert(tables.leases).values(name="x", owner="y", leased_until=moment))
        back = conn.execute(select(tables.leases.c.leased_until)).scalar_one()
    assert back == moment
    assert back.utcoffset() is not None


def test_vietnamese_in_json_is_kept_readable(db: Database, url: str) -> None:
    values = {"token_id": "t", "key": "k", "request_digest": "d", "response": {"nơi": "Đường"}}
    with db.write() as conn:
        conn.execute(insert(tables.idempotency_keys).values(**values, created_at=FixedClock().now()))
    with sqlite3.connect(url.removeprefix("sqlite:///")) as plain:
        assert plain.execute("SELECT response FROM idempotency_keys").fetchone() == ('{"nơi":"Đường"}',)
    plain.close()


def _take_lease(conn: Connection) -> None:
    assert leases.acquire(conn, "here", owner="me", ttl_s=60, now=FixedClock().now())


def _lease_names(db: Database) -> list[str]:
    with db.read() as conn:
        return list(conn.execute(select(tables.leases.c.name)).scalars())
