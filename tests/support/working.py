"""An office with its catalogue on PostgreSQL whose papers wait for Celery's workers, which run as a command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from ingest.receive import Intake, receive_path
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, JobKind, JobState
from storage.catalog import documents, page_rows, tables
from storage.stores import Stores, open_stores
from tests.support import postgres
from tests.support.brokers import TestBroker
from tests.support.office import Office, ended, letter
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

DONE_WITHIN_S = 240.0


def take_in(stores: Stores, path: Path, *, priority: int = 0) -> str:
    """A paper that comes in as any does; its id."""
    intake = Intake(path.name, office="local", dossier=None, actor="person:lan", priority=priority)
    accepted = receive_path(
        path,
        intake,
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    )
    assert accepted.duplicate_of is None
    return accepted.document.document_id


@dataclass(slots=True)
class Working:
    """An office whose papers wait for Celery's workers."""

    office: Office
    broker: TestBroker
    stores: Stores
    taken_in: int = 0
    said: str = ""

    def take_in(self, path: Path, *, priority: int = 0) -> str:
        return take_in(self.stores, path, priority=priority)

    def letter(self, *, priority: int = 0) -> str:
        """The quickest paper there is, one that never came before."""
        self.taken_in += 1
        path = self.office.root / f"{self.taken_in}.pdf"
        return self.take_in(letter(path, [f"Phiếu tiếp nhận hồ sơ số {self.taken_in}"]), priority=priority)

    def archived(self, *document_ids: str) -> int:
        """How many of these are archived."""
        with self.stores.database.read() as connection:
            found = [documents.get(connection, document_id).status for document_id in document_ids]
        return sum(status is DocumentStatus.ARCHIVED for status in found)

    def archived_at(self, *document_ids: str) -> list[datetime]:
        """When each of these, which are archived, became so."""
        with self.stores.database.read() as connection:
            found = [documents.get(connection, document_id).archived_at for document_id in document_ids]
        return [at for at in found if at is not None]

    def until_archived(self, *document_ids: str) -> None:
        wait_until(
            lambda: self.archived(*document_ids) == len(document_ids),
            "not all were archived",
            within_s=DONE_WITHIN_S,
        )

    @contextmanager
    def busy_with(self, kind: JobKind) -> Iterator[int]:
        """Wait until a worker does such a job; its process, which cannot end the job as long as the block lasts."""
        leased = select(tables.jobs.c.owner).where(tables.jobs.c.kind == kind, tables.jobs.c.state == JobState.LEASED)
        with ExitStack() as held:
            owners: list[str] = []

            def is_held() -> bool:
                with ExitStack() as looking:
                    connection = looking.enter_context(self.stores.database.write_beside())
                    owners.extend(connection.execute(leased.limit(1).with_for_update()).scalars())
                    if owners:
                        held.push(looking.pop_all())
                return bool(owners)

            wait_until(is_held, "no worker took it", within_s=DONE_WITHIN_S)
            yield int(owners[0].rpartition(":")[2])

    def lanes(self, document_id: str) -> list[str]:
        """Who read each page."""
        with self.stores.database.read() as connection:
            return [page.lane for page in page_rows.pages_of(connection, document_id)]

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """`sohoa work`, once it listens."""
        process = self.office.start("work", "--jobs", "2", *arguments, **settings)
        assert process.stderr is not None
        assert any("worker.ready" in line for line in process.stderr), process.wait()
        return process

    @contextmanager
    def worker(self, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
        """The same for as long as the block lasts; it must end well. `said` is its log then."""
        process = self.start(*arguments, **settings)
        yield process
        process.terminate()
        run = ended(process)
        assert run.code == 0, run.err
        self.said = run.err


@contextmanager
def working_office(root: Path, server: Postgres, broker: TestBroker) -> Iterator[Working]:
    with postgres.database(server) as name:
        office = Office(root, {"SOHOA_CATALOG_URL": server.url(name), "SOHOA_BROKER_URL": broker.url})
        told = {name.removeprefix("SOHOA_").lower(): value for name, value in office.environment().items()}
        try:
            with open_stores(Settings.model_validate({**told, "token": None})) as stores:
                yield Working(office, broker, stores)
                office.assert_in_order()
        finally:
            office.close()
