"""A rebuild whose catalogue is on PostgreSQL: made in a file beside, taken over in one transaction, row for row as before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text

from sohoa.errors import Conflict, StoreUnavailable
from sohoa.model import Actor
from storage.catalog import documents, filling, outbox, presence, tables, tokens, viewings
from storage.catalog.viewings import Viewing
from tests.support import postgres
from tests.support.catalogue_rows import rows_of
from tests.support.postgres import Postgres
from tests.support.rebuilding import rebuild_in
from tests.support.worked import WHOLE, WorkedOffice, every_state, worked_office

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("no_power_cuts")]


@pytest.fixture
def url(postgres_server: Postgres, migrated_postgres: str) -> Iterator[str]:
    with postgres.database(postgres_server, template=migrated_postgres) as name:
        yield postgres_server.url(name)


@pytest.fixture
def office(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path, monkeypatch, catalog_url=url) as office:
        yield office


def close(office: WorkedOffice) -> None:
    office.stores.database.close()
    office.tools.close()


def test_papers_in_every_state_and_what_the_archive_does_not_know_are_as_before(office: WorkedOffice, url: str) -> None:
    database, home = office.stores.database, office.stores.settings.home
    every_state(office, 36)
    waiting = office.receive().document
    viewing = Viewing("0" * 26, office.clock.now(), Actor("person:lan"), "api", "pdf", None, ("x",), "given")
    with database.write() as conn:
        _, secret = tokens.create(conn, name="kiosk", scopes=["read"], actor="system:kiosk", now=office.clock.now())
        viewings.put(conn, viewing)
        last = conn.execute(select(tables.counters.c.value)).scalar_one()
    before = rows_of(database)
    with database.write() as conn:  # what a rebuild is for: documents that are gone, and one that says something else
        conn.execute(delete(tables.documents).where(tables.documents.c.document_id != waiting.document_id))
        conn.execute(text("UPDATE documents SET source_name = 'khác'"))
    close(office)
    shutil.rmtree(home / "index")

    rebuilt = rebuild_in(home, catalog_url=url)

    assert rebuilt.findings == ()
    assert rows_of(database) == before
    assert not list(home.glob("catalog*")), "a file of the rebuild was left"
    with database.write() as conn:
        assert tokens.authenticate(conn, secret, now=office.clock.now()).name == "kiosk"
        assert viewings.take(conn, limit=9) == [viewing]
        assert outbox.pending_count(conn) == 0
        numbers = conn.execute(select(tables.documents.c.changed_seq)).scalars().all()
    assert min(numbers) > last
    office.clock.advance(seconds=86_400)  # the rebuild's clock was a day ahead
    assert office.work(waiting, WHOLE).status == "archived", "jobs are numbered and worked on as ever"
    assert office.receive().duplicate_of is None


def test_rebuild_that_dies_while_the_server_takes_it_leaves_the_catalogue_as_it_was(
    office: WorkedOffice, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bring(WHOLE)
    office.index()
    with office.stores.database.read() as conn:
        before = documents.list_documents(conn).items
    close(office)
    real = filling._copy

    def copy_then_die(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(filling, "_copy", copy_then_die)
        with pytest.raises(KeyboardInterrupt):
            rebuild_in(office.stores.settings.home, catalog_url=url)
    with office.stores.database.read() as conn:
        assert documents.list_documents(conn).items == before
    close(office)
    assert rebuild_in(office.stores.settings.home, catalog_url=url).resumed


def test_nobody_uses_the_catalogue_while_it_is_rebuilt_and_it_is_not_rebuilt_while_used(
    office: WorkedOffice, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE_S", 0.05)
    office.bring(WHOLE)
    home = office.stores.settings.home
    with pytest.raises(Conflict) as caught:
        rebuild_in(home, catalog_url=url)
    assert caught.value.code == "in_use"
    close(office)
    refused = 0

    def look(_: object) -> None:
        nonlocal refused
        with pytest.raises(StoreUnavailable, match="rebuilt"), office.stores.database.read():
            pass
        refused += 1

    rebuild_in(home, catalog_url=url, tell=look)
    assert refused > 3
    assert office.receive().duplicate_of is None


def test_rebuild_whose_connection_was_lost_meanwhile_takes_nothing_over(
    office: WorkedOffice, url: str, postgres_server: Postgres
) -> None:
    """Others may use the catalogue again by then."""
    office.bring(WHOLE)
    close(office)
    name = url.partition("?")[0].rpartition("/")[2]

    def break_off(_: object) -> None:
        postgres_server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    with pytest.raises(StoreUnavailable, match="was lost"):
        rebuild_in(office.stores.settings.home, catalog_url=url, tell=break_off)
    assert office.stores.database.exists()
