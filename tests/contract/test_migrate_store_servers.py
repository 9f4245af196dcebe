"""A store moved from folders to S3, PostgreSQL and Elasticsearch and back, on the real servers, and each of them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from sohoa.clock import FixedClock
from sohoa.errors import SohoaError
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.catalog import documents
from storage.moving.moving import copy_ahead, finish
from storage.moving.places import Part, move_between
from storage.stores import open_stores
from tests.support import postgres, servers
from tests.support.indexes import ELASTIC, elastic_url
from tests.support.migrated import answers_of, busy_office, close, found_in, keys_in, move_store, rows_in, settle
from tests.support.object_stores import S3_SERVERS, url_of
from tests.support.postgres import Postgres
from tests.support.verified import codes, verified
from tests.support.worked import MIXED, WHOLE, WorkedOffice, worked_office

pytestmark = [pytest.mark.servers, pytest.mark.postgres, pytest.mark.usefixtures("no_power_cuts")]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "home", monkeypatch) as office:
        yield office


@pytest.fixture(params=S3_SERVERS)
def big(request: pytest.FixtureRequest, office: WorkedOffice, postgres_server: Postgres) -> Iterator[Settings]:
    with settings_on_servers(office.stores.settings, request.param, postgres_server) as settings:
        yield settings


@pytest.fixture
def seaweedfs_big(office: WorkedOffice, postgres_server: Postgres) -> Iterator[Settings]:
    with settings_on_servers(office.stores.settings, "seaweedfs", postgres_server) as settings:
        yield settings


@contextmanager
def settings_on_servers(small: Settings, s3_name: str, postgres_server: Postgres) -> Iterator[Settings]:
    """The settings of an office, with every part on a server."""
    s3 = servers.wanted(s3_name)
    with elastic_url(servers.wanted(ELASTIC)) as index_url, postgres.database(postgres_server) as database:
        yield small.model_copy(
            update={
                "archive_url": url_of(s3),
                "s3_access_key": SecretStr(s3.access_key),
                "s3_secret_key": SecretStr(s3.secret_key),
                "catalog_url": postgres_server.url(database),
                "index_url": index_url,
            }
        )


def test_there_and_back_with_papers_of_every_state(
    office: WorkedOffice, big: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = office.stores.settings
    known = busy_office(office)
    move = move_between(small, big)
    copy_ahead(move, FixedClock())
    late = [office.bring(WHOLE, dossier="D-muộn"), office.receive(dossier="D-muộn-2").document]
    office.index()
    answers = answers_of(small, known, office.clock)
    close(office)
    rows, keys, found = rows_in(small), keys_in(small), found_in(small)
    moved = finish(move, FixedClock())
    assert [Part(part) for part, _, _ in moved.parts] == list(Part)
    assert rows_in(big) == rows
    assert keys_in(big) == keys
    assert found_in(big) == found
    assert refused(small) == "store_moved"
    assert answers_of(big, known, office.clock) == answers

    with worked_office(small.home, monkeypatch, settings=big) as there:
        there.clock.advance(seconds=86_400)
        done = [there.work(known.half_read, MIXED), there.now(known.received), *(there.now(each) for each in late)]
        assert [document.status for document in done] == [DocumentStatus.ARCHIVED] * 4
        settle(there)
        assert codes(verified(there.stores)) == []
        waiting = there.receive().document
        close(there)
    rows, keys, found = rows_in(big), keys_in(big), found_in(big)
    move_store(big, small)
    assert rows_in(small) == rows
    assert keys_in(small) == keys
    assert found_in(small) == found
    assert refused(big) == "store_moved"
    with worked_office(small.home, monkeypatch) as back:
        back.clock.advance(seconds=2 * 86_400)
        assert back.work(waiting, WHOLE).status is DocumentStatus.ARCHIVED
        settle(back)
        assert codes(verified(back.stores)) == []


@pytest.mark.parametrize("left", ["catalogue", "archive"])
def test_a_process_that_stood_still_meanwhile_promises_nothing_to_the_store_that_was_left(
    tmp_path: Path, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    with postgres.database(postgres_server) as name:
        old = Settings(home=tmp_path / "old", office="H02", min_free_bytes=0, catalog_url=postgres_server.url(name))
        new = old.model_copy(
            update={"catalog_url": f"sqlite:///{tmp_path}/c.sqlite"}
            if left == "catalogue"
            else {"archive_url": f"file://{tmp_path}/elsewhere"}
        )
        with worked_office(old.home, monkeypatch, settings=old) as office:
            office.bring(WHOLE)
            postgres_server.run("DELETE FROM leases", database=name)  # as if it had stood still for a minute
            move_store(old, new)
            with pytest.raises(SohoaError) as caught:
                office.receive()
            assert caught.value.code == "store_moved"
            assert [key for key in keys_in(old) if key.startswith(("staging/", "intents/"))] == []
        with open_stores(new, clock=FixedClock()) as stores, stores.database.read() as conn:
            assert len(documents.by_id(conn, after="", limit=10)) == 1


@pytest.mark.parametrize("part", list(Part))
def test_one_part_goes_to_its_server_and_back(
    office: WorkedOffice, seaweedfs_big: Settings, monkeypatch: pytest.MonkeyPatch, part: Part
) -> None:
    small = office.stores.settings
    name = {Part.ARCHIVE: "archive_url", Part.CATALOGUE: "catalog_url", Part.INDEX: "index_url"}[part]
    mixed = seaweedfs_big.model_copy(
        update={each: "" for each in ("archive_url", "catalog_url", "index_url") if each != name}
    )
    office.bring(WHOLE)
    office.receive()
    office.index()
    close(office)
    before = rows_in(small), keys_in(small), found_in(small)
    move_store(small, mixed)
    assert (rows_in(mixed), keys_in(mixed), found_in(mixed)) == before
    assert refused(small) == "store_moved"
    move_store(mixed, small)
    assert (rows_in(small), keys_in(small), found_in(small)) == before
    assert refused(mixed) == "store_moved"


def refused(settings: Settings) -> str:
    with pytest.raises(SohoaError) as caught, open_stores(settings, clock=FixedClock()):
        pass
    return caught.value.code
