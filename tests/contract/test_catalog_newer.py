"""A catalogue that a newer Sohoa has brought on, on both databases: this one goes on with it where it only grew, and refuses it
where it no longer serves this one. What a newer one has written into values is passed over, and kept where it is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from sohoa.clock import FixedClock
from sohoa.errors import SetupError
from sohoa.states import DocumentStatus
from storage.archive import description, ledger, receipts
from storage.archive.layout import to_json
from storage.catalog import documents, form, tables
from storage.catalog.backend import Kind
from storage.catalog.database import Database, alone
from storage.catalog.filling import fill
from tests.support.postgres import Postgres
from tests.support.postgres import database as a_database
from tests.support.worked import LAN, MIXED, WHOLE, WorkedOffice, worked_office

NOW = FixedClock().now()
GROWN, SHRUNK = f"{int(tables.HEAD) + 1:04}", f"{int(tables.HEAD) + 2:04}"
_IMPORTS = "import sqlalchemy as sa\nfrom alembic import op\nfrom storage.catalog.form import serves_from\n"
_NEXT = {
    GROWN: """
def upgrade():
    with op.batch_alter_table("documents") as documents:
        documents.add_column(sa.Column("colour", sa.String(), nullable=False, server_default="white"))
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("region", sa.String()))
    op.create_table("folders", sa.Column("name", sa.String(), primary_key=True))
""",
    SHRUNK: f'''
def upgrade():
    with op.batch_alter_table("documents") as documents:
        documents.drop_column("conformance")
    serves_from(op.get_bind(), "{GROWN}")
''',
}


def bring(catalogue: Database, revision: str, folder: Path) -> None:
    """Have a newer Sohoa migrate a catalogue: to one more table and column, or to one column less as well."""
    folder.mkdir()
    for before, (number, upgrade) in zip((tables.HEAD, GROWN), _NEXT.items(), strict=True):
        chain = f"revision, down_revision = {number!r}, {before!r}\n"
        (folder / f"v{number}.py").write_text(f"{_IMPORTS}{chain}{upgrade}")
    config = Config()
    config.set_main_option("script_location", "storage.catalog:migrations")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"storage.catalog:migrations/versions\n{folder}")
    with catalogue._backend.migrating(), catalogue._open().begin(Kind.MIGRATE) as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, revision)


@pytest.fixture
def office(catalogue_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "home", monkeypatch, catalog_url=catalogue_url) as opened:
        yield opened


def test_catalogue_that_only_grew_is_opened_and_every_stage_goes_on(
    office: WorkedOffice, catalogue_url: str, tmp_path: Path
) -> None:
    before = office.bring(WHOLE)
    bring(office.stores.database, GROWN, tmp_path / "next")
    fresh = Database(catalogue_url)
    fresh.migrate()
    with fresh.read() as conn:
        assert form.form_of(conn) == GROWN
        assert documents.get(conn, before.document_id) == before
    fresh.close()
    after = office.bring(MIXED)
    assert after.status is DocumentStatus.ARCHIVED
    assert office.withdraw(before).status is DocumentStatus.WITHDRAWN
    office.index()
    with office.stores.database.read() as conn:
        colours = "SELECT colour FROM documents WHERE document_id = :id"
        assert conn.execute(text(colours), {"id": after.document_id}).scalar() == "white"


def test_catalogue_that_no_longer_serves_this_version_is_refused_and_left_alone(
    catalogue_url: str, tmp_path: Path
) -> None:
    newer = Database(catalogue_url)
    newer.migrate()
    bring(newer, SHRUNK, tmp_path / "next")
    older = Database(catalogue_url)
    with pytest.raises(SetupError, match=f"no longer serves versions before migration {GROWN}") as refused:
        older.migrate()
    assert refused.value.code == "catalog_newer"
    with newer.read() as conn:
        assert form.form_of(conn) == SHRUNK
    older.close()
    newer.close()


def test_the_highest_of_what_migrations_ask_for_is_what_counts(catalogue_url: str) -> None:
    catalogue = Database(catalogue_url)
    with catalogue.write() as conn:
        _call_it(conn, "9999")
        form.serves_from(conn, tables.HEAD)
        assert form.is_served(conn)
        form.serves_from(conn, GROWN)
        with pytest.raises(SetupError):
            form.is_served(conn)
    catalogue.close()


def _call_it(conn: Connection, revision: str) -> None:
    conn.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.mark.postgres
def test_rebuild_writes_nothing_over_a_newer_catalogue_on_a_server(
    postgres_server: Postgres, migrated_postgres: str, migrated_sqlite: Path, tmp_path: Path
) -> None:
    made = Path(shutil.copy(migrated_sqlite, tmp_path / "made.sqlite"))
    with a_database(postgres_server, template=migrated_postgres) as name:
        server = Database(postgres_server.url(name))
        with server.write() as conn:
            conn.execute(text("UPDATE counters SET value = 77"))
            _call_it(conn, GROWN)
        server.close()
        with alone(postgres_server.url(name)), pytest.raises(SetupError, match="would lack") as refused:
            fill(postgres_server.url(name), made)
        assert refused.value.code == "catalog_newer"
        assert postgres_server.run("SELECT value FROM counters", database=name) == [(77,)]


def test_job_and_values_with_more_in_them_than_this_version_knows_are_worked_with(office: WorkedOffice) -> None:
    document = office.receive().document
    with office.stores.database.write() as conn:
        conn.execute(tables.jobs.update().values(payload={"later": {"than": "this"}}))
    document = office.work(document, WHOLE)
    assert document.status is DocumentStatus.ARCHIVED
    check = {
        "check": 1,
        "actor": LAN,
        "at": "2026-01-02T03:04:05Z",
        "fields": ["subject"],
        "changed": [],
        "unreadable": [],
    }
    said = {
        "checks": [{**check, "took_s": 4}],
        "wanted": {
            "kind": "rescan",
            "actor": LAN,
            "at": "2026-01-02T03:04:05Z",
            "reason": "",
            "pages": [1],
            "till": "?",
        },
    }
    with office.stores.database.write() as conn:
        conn.execute(tables.documents.update().values(**said))
    found = office.now(document)
    assert [check.fields for check in found.checks] == [("subject",)]
    assert found.wanted is not None
    assert found.wanted.pages == (1,)


def test_what_lies_in_the_archive_may_say_more_than_this_version_knows(office: WorkedOffice) -> None:
    document = office.bring(WHOLE)
    objects = office.stores.archive.objects
    receipt = json.loads(objects.read(f"receipts/{document.document_id}.json"))
    assert (
        receipts.parse_receipt(json.dumps({**receipt, "scanner": "K-2"}).encode()).document_id == document.document_id
    )
    key = f"ledger/000/000/{document.sequence:012}.json"
    entry = json.loads(objects.read(key))
    entry["commits"][0]["later"] = 1
    assert ledger.parse_entry(json.dumps({**entry, "later": 2}).encode()).commits[0].object_id == document.object_id


def test_decision_leaves_in_the_record_what_a_newer_version_had_put_there(office: WorkedOffice) -> None:
    document = office.bring(WHOLE)
    archive = office.stores.archive
    assert document.object_id is not None
    record = description.read_record(archive, document.object_id, document.document_id)
    said = to_json({**record, "later": {"than": ["this"]}})
    staged = archive.stage(document.document_id, "record.json", said, overwrite=True)
    archive.commit_and_record(document.object_id, [staged], actor=LAN, message="newer")
    office.work(office.withdraw(document), WHOLE)
    now = description.read_record(archive, document.object_id, document.document_id)
    assert (now["status"], now["later"]) == ("withdrawn", {"than": ["this"]})
