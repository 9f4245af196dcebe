"""When copies were last made well, on both databases: one row a place, the newest moment in it, gone once forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sohoa.cli.backup import run_backup
from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, NotFound, SetupError
from sohoa.states import CopyOf
from storage.catalog import copies
from storage.catalog.database import Database

NOW = FixedClock().now()


@pytest.fixture
def database(catalogue_url: str) -> Iterator[Database]:
    opened = Database(catalogue_url)
    yield opened
    opened.close()


def test_each_place_keeps_its_newest_moment_until_it_is_forgotten(database: Database) -> None:
    with database.write_beside() as conn:
        copies.made(conn, CopyOf.ARCHIVE, "/mnt/a", now=NOW)
        copies.made(conn, CopyOf.ARCHIVE, "/mnt/a", now=NOW + timedelta(hours=1))
        copies.made(conn, CopyOf.ARCHIVE, "/mnt/b", now=NOW)
        copies.made(conn, CopyOf.CATALOGUE, "", now=NOW)
    with database.read() as conn:
        assert copies.last_made(conn) == {
            (CopyOf.ARCHIVE, "/mnt/a"): NOW + timedelta(hours=1),
            (CopyOf.ARCHIVE, "/mnt/b"): NOW,
            (CopyOf.CATALOGUE, ""): NOW,
        }
    with database.write_beside() as conn:
        assert copies.forget(conn, CopyOf.ARCHIVE, "/mnt/b")
        assert not copies.forget(conn, CopyOf.ARCHIVE, "/mnt/b")
        assert copies.last_made(conn).keys() == {(CopyOf.ARCHIVE, "/mnt/a"), (CopyOf.CATALOGUE, "")}


def test_backup_by_other_means_is_noted_where_somebody_says_so(
    database: Database, catalogue_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOHOA_HOME", str(tmp_path / "other"))
    with pytest.raises(NotFound):
        run_backup(to=None, made=True, as_json=False)
    monkeypatch.setenv("SOHOA_CATALOG_URL", catalogue_url)
    run_backup(to=None, made=True, as_json=False)
    with database.read() as conn:
        assert [key for key, _ in copies.last_made(conn).items()] == [(CopyOf.CATALOGUE, "")]
    with database.write_beside() as conn:
        conn.exec_driver_sql("DROP TABLE copies")  # as before migration 0010
    with pytest.raises(SetupError):
        run_backup(to=None, made=True, as_json=False)
    for to, made in ((None, False), (tmp_path, True)):
        with pytest.raises(BadRequest):
            run_backup(to=to, made=made, as_json=False)
