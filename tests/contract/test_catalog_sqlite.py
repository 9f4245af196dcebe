"""The catalogue as a SQLite file: its durability, its disk, its file system, and a process that has it alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from sohoa.clock import FixedClock
from sohoa.errors import SetupError, StoreUnavailable
from storage.catalog import sqlite_file, tables
from storage.catalog.database import Database
from tests.support.catalogues import on_sqlite


@pytest.fixture
def db(catalogue_url: str) -> Iterator[Database]:
    catalogue = Database(catalogue_url)
    yield catalogue
    catalogue.close()


@on_sqlite
def test_file_is_opened_for_durability_and_checked_references(db: Database) -> None:
    with db.write() as conn:
        pragmas = {
            name: conn.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


@on_sqlite
def test_second_writer_that_waits_too_long_is_told_so(
    db: Database, monkeypatch: pytest.MonkeyPatch, catalogue_url: str
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.05)
    impatient = Database(catalogue_url)
    for begin in (impatient.write, impatient.write_beside):
        with db.write(), pytest.raises(StoreUnavailable, match="locked") as caught, begin():
            pass
        assert caught.value.retryable


@on_sqlite
def test_full_disk_is_told_and_the_catalogue_stays_whole(db: Database) -> None:
    def write_too_much() -> None:
        with db.write() as conn:
            conn.execute(text("PRAGMA max_page_count = 1"))  # from here SQLite answers as it does when the disk is full
            row = {"owner": "x" * 4000, "leased_until": FixedClock().now()}
            conn.execute(insert(tables.leases), [{"name": f"{number}", **row} for number in range(1000)])

    with pytest.raises(StoreUnavailable, match="full") as caught:
        write_too_much()
    assert caught.value.code == "catalog_full"
    with db.read() as conn:
        assert conn.execute(select(tables.leases)).all() == []


def test_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"no database at all" * 500)
    with pytest.raises(SetupError) as caught:
        Database(f"sqlite:///{tmp_path / 'catalog.sqlite'}").migrate()
    assert caught.value.code == "catalog_damaged"


def test_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'absent' / 'catalog.sqlite'}")
    with pytest.raises(StoreUnavailable, match="cannot be opened"), db.read():
        pass


def test_network_file_system_is_refused(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    line = f"36 35 {os.major(device)}:{os.minor(device)} / /srv rw,noatime shared:1 - {{kind}} server:/srv rw\n"
    mounts.write_text(line.format(kind="ext4"))
    sqlite_file._refuse_network_file_system(tmp_path, mounts=mounts)
    mounts.write_text(line.format(kind="nfs4"))
    with pytest.raises(SetupError, match="nfs4"):
        sqlite_file._refuse_network_file_system(tmp_path, mounts=mounts)


@on_sqlite
def test_vietnamese_in_json_is_kept_readable(db: Database, catalogue_url: str) -> None:
    values = {"token_id": "t", "key": "k", "request_digest": "d", "response": {"nơi": "Đường"}}
    with db.write() as conn:
        conn.execute(insert(tables.idempotency_keys).values(**values, created_at=FixedClock().now()))
    with sqlite3.connect(catalogue_url.removeprefix("sqlite:///")) as plain:
        assert plain.execute("SELECT response FROM idempotency_keys").fetchone() == ('{"nơi":"Đường"}',)
    plain.close()
