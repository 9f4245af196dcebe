"""A store moved from folders to S3, PostgreSQL and Elasticsearch and back, on the real servers, and each of them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from sohoa.clock import FixedClock
from sohoa.errors import SohoaError
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
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
    """The settings of the office, with every part on a server of its own."""
    s3 = servers.wanted(request.param)
    with elastic_url(servers.wanted(ELASTIC)) as index_url, postgres.database(postgres_server) as database:
        yield office.stores.settings.model_copy(
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


def refused(settings: Settings) -> str:
    with pytest.raises(SohoaError) as caught, open_stores(settings, clock=FixedClock()):
        pass
    assert "s3_secret" not in caught.value.detail
    return caught.value.code
