"""The archive's own promises over both real S3 servers: many machines on one object, and every change a document may see."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import SecretStr

from sohoa.clock import SystemClock
from sohoa.errors import StoreUnavailable
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, RevisionKind
from storage.archive import Archive, object_id_of
from storage.archive.disposal import read_certificate
from storage.archive.layout import object_root
from storage.objects import open_store
from storage.objects.protocol import Objects
from tests.support.crash import commit_staged, stage_paper
from tests.support.object_stores import url_of
from tests.support.servers import S3Server
from tests.support.verified import verified
from tests.support.worked import MIXED, WHOLE, WorkedOffice, worked_office
from tests.unit.test_disposing import dispose

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.usefixtures("few_racers")]

DOSSIER, OTHER = "000.00.05.H02-230105-0001", "000.00.05.H02-230105-0002"
MACHINES = 16


def _opened(server: S3Server, url: str, home: Path) -> Objects:
    return open_store(
        Settings(home=home, s3_access_key=SecretStr(server.access_key), s3_secret_key=SecretStr(server.secret_key)),
        url=url,
    )


def test_many_machines_on_one_object_lose_no_version(server: S3Server, tmp_path: Path) -> None:
    """Each has its own connections and knows nothing of the others; who is pushed out tries again, as its job would be."""
    url = url_of(server)
    machines = [
        Archive(_opened(server, url, tmp_path / f"home-{number % 2}"), SystemClock()) for number in range(MACHINES)
    ]
    machines[0].initialise()
    together = Barrier(MACHINES, timeout=120)

    def commit(number: int) -> int:
        archive, document_id = machines[number], f"P{number:02}"
        stage_paper(archive, document_id)
        together.wait()
        while True:
            with suppress(StoreUnavailable):
                return commit_staged(archive, document_id, DOSSIER).commit.version

    with ThreadPoolExecutor(MACHINES) as pool:
        versions = list(pool.map(commit, range(MACHINES)))
    assert sorted(versions) == list(range(1, MACHINES + 1))
    alone = Archive(_opened(server, url, tmp_path / "home-0"), SystemClock())
    inventory = alone.inventory(object_id_of("", DOSSIER))
    assert {path.split("/")[1] for path in inventory.state if path.startswith("documents/")} == {
        f"P{number:02}" for number in range(MACHINES)
    }
    named = [commit.version for entry in alone.ledger.entries() for commit in entry.commits]
    assert named == list(range(1, MACHINES + 1))
    assert list(alone.objects.list("intents/")) == []


@pytest.fixture
def office(tmp_path: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "home", monkeypatch) as office:
        archive = Archive(_opened(server, url_of(server), tmp_path / "home"), office.clock)
        archive.initialise()
        office.stores = replace(office.stores, archive=archive)
        office.tools.archive = archive
        yield office


def test_every_change_that_a_document_may_see_leaves_an_archive_that_verifies(office: WorkedOffice) -> None:
    moved = office.move(office.bring(WHOLE), to=DOSSIER)
    replaced = office.revise(office.bring(MIXED, dossier=DOSSIER), RevisionKind.REPLACE, then=WHOLE)
    appended = office.revise(office.bring(WHOLE, dossier=OTHER), RevisionKind.APPEND, then=MIXED)
    stays = office.bring(WHOLE)
    office.withdraw(office.bring(WHOLE, dossier=OTHER))
    office.move(appended, to=DOSSIER)
    office.index()
    assert verified(office.stores).findings == []
    for document in (moved, replaced, appended):
        now = office.now(document)
        assert (now.status, now.dossier) == (DocumentStatus.ARCHIVED, DOSSIER)
    dispose(office, DOSSIER)
    office.index()
    assert verified(office.stores).findings == []
    archive = office.stores.archive
    assert office.now(stays).status is DocumentStatus.ARCHIVED
    assert list(archive.objects.list(f"{object_root(object_id_of('', DOSSIER))}/")) == []
    assert set(read_certificate(archive.objects, object_id_of("", DOSSIER)).documents) == {
        document.document_id for document in (moved, replaced, appended)
    }
