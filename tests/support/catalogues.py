"""Empty catalogues on both databases, for tests that say what holds on either (fixtures, known to all tests)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from storage.catalog.database import Database
from tests.support import postgres
from tests.support.postgres import Postgres

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
on_sqlite = pytest.mark.parametrize("catalogue_url", ["sqlite"], indirect=True)
"""Of a test of what SQLite alone does or tells."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One server for the whole run of a process; each test has a database of its own."""
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres) -> str:
    return postgres.migrated(postgres_server)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated catalogue's file, for each test to copy: migrating writes to the disk many times."""
    path = tmp_path_factory.mktemp("empty") / "catalog.sqlite"
    catalogue = Database(f"sqlite:///{path}")
    catalogue.migrate()
    catalogue.close()
    return path


@pytest.fixture(params=BOTH)
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A catalogue with the newest tables and no rows."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), tmp_path / 'catalog.sqlite')}"
        return
    server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("migrated_postgres")
    with postgres.database(server, template=template) as name:
        yield server.url(name)


@pytest.fixture(params=BOTH)
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a catalogue may be made: no file, or a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'catalog.sqlite'}"
        return
    server = request.getfixturevalue("postgres_server")
    with postgres.database(server) as name:
        yield server.url(name)


def plan_of(conn: Connection, statement: str, values: Any) -> list[str]:
    """How the database goes about a statement, step by step. PostgreSQL is told to read an empty table as if it were large."""
    if conn.dialect.name == "sqlite":
        return [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    for way in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
        conn.execute(text(f"SET LOCAL {way} = off"))
    return [row[0] for row in conn.exec_driver_sql(f"EXPLAIN {statement}", values)]
