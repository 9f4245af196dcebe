"""Workers of the version before this one and of this one on one queue and one catalogue, as while an upgrade goes on: whichever
stage of a paper either does, the paper is archived once, as if there were only one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from ingest import decisions
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, JobKind
from storage.catalog import documents, tables
from storage.stores import open_stores
from tests.support import brokers, postgres, previous
from tests.support.brokers import TestBroker
from tests.support.office import Office, dense_sheet, ended, letter, slip
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until
from tests.support.worked import LAN
from tests.support.working import DONE_WITHIN_S, Working

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.brokers]

FIRST = f"{JobKind.OPEN},{JobKind.READ},{JobKind.COMMIT}"
SECOND = f"{JobKind.RECOGNISE},{JobKind.COMPOSE},{JobKind.DECIDE},{JobKind.MOVE},{JobKind.SPLIT}"


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a command is told so that it is the older version's."""
    folder = previous.take_out(tmp_path_factory.mktemp("previous"))
    said = (
        "import ocr_workers, search_api, sohoa, storage; print(sohoa.__file__, storage.__file__, ocr_workers.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", said],
        env={"PYTHONPATH": str(folder)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.count(str(folder)) == 3, run.stdout
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def broker() -> Iterator[TestBroker]:
    with brokers.running("rabbitmq") as running:
        yield running


@contextmanager
def upgrading(
    root: Path, server: Postgres, broker: TestBroker, older: dict[str, str], *queues: str
) -> Iterator[tuple[Working, subprocess.Popen[str]]]:
    """An office whose catalogue the older version made, whose worker runs, before the newer one brings the catalogue on."""
    with postgres.database(server) as name:
        office = Office(root, {"SOHOA_CATALOG_URL": server.url(name), "SOHOA_BROKER_URL": broker.url})
        told = {name.removeprefix("SOHOA_").lower(): value for name, value in office.environment().items()}
        worker = office.start("work", "--jobs", "2", *queues, **older)
        try:
            assert worker.stderr is not None
            assert any("worker.ready" in line for line in worker.stderr), worker.wait()
            with open_stores(Settings.model_validate({**told, "token": None})) as stores:
                yield Working(office, broker, stores), worker
            office.assert_in_order()
        finally:
            office.close()


def papers(office: Working, count: int, *, first: int = 0) -> list[str]:
    """So many of each kind: born digital, a photo, a feeder's scan, a dense page."""
    root, taken_in = office.office.root, []
    for number in range(first, first + count):
        dense = root / f"dense-{number}.png"
        dense_sheet(f"Giấy phép xây dựng số {number}", lines=20).save(dense, dpi=(300, 300))
        taken_in += [
            letter(root / f"letter-{number}.pdf", [f"Giấy mời số {number}", "Trang hai"]),
            slip(root / f"slip-{number}.jpg", f"Thông báo số {number}"),
            slip(root / f"scan-{number}.tif", f"Trang một {number}", f"Trang hai {number}", form="TIFF"),
            dense,
        ]
    return [office.take_in(path) for path in taken_in]


def owners(office: Working) -> set[int]:
    """The workers that have a job in hand just now."""
    with office.stores.database.read() as connection:
        found = connection.execute(select(tables.jobs.c.owner).where(tables.jobs.c.owner.is_not(None))).scalars()
        return {int(owner.split(":")[1]) for owner in found}


def ends_well(process: subprocess.Popen[str]) -> None:
    process.terminate()
    run = ended(process)
    assert run.code == 0, run.err
    assert "job.error" not in run.err


def test_both_take_from_one_queue_and_each_paper_is_archived_once(
    postgres_server: Postgres, broker: TestBroker, older: dict[str, str], tmp_path: Path
) -> None:
    with upgrading(tmp_path, postgres_server, broker, older) as (office, old):
        with office.worker() as new:
            seen, ids = set[int](), papers(office, 4)

            def all_archived() -> bool:
                seen.update(owners(office))
                return office.archived(*ids) == len(ids)

            wait_until(all_archived, "not all were archived", within_s=DONE_WITHIN_S)
            while not {old.pid, new.pid} <= seen and len(ids) < 100:  # one looked too seldom to see both at work
                ids += papers(office, 1, first=len(ids))
                wait_until(all_archived, "not all were archived", within_s=DONE_WITHIN_S)
            assert {old.pid, new.pid} <= seen
            ends_well(old)
            office.until_archived(office.letter())  # the newer one goes on alone
        assert_each_was_archived_once(office, ids)


@pytest.mark.parametrize("stages", [FIRST, SECOND])
def test_whichever_stages_the_older_version_does_the_newer_one_goes_on_from_there(
    stages: str, postgres_server: Postgres, broker: TestBroker, older: dict[str, str], tmp_path: Path
) -> None:
    others = SECOND if stages == FIRST else FIRST
    with upgrading(tmp_path, postgres_server, broker, older, "--queues", stages) as (office, old):
        with office.worker("--queues", others):
            ids = papers(office, 1)
            office.until_archived(*ids)
            ends_well(old)
        with office.stores.database.read() as connection:
            withdrawn = documents.get(connection, ids[0])
        decided = decisions.withdraw(office.stores, withdrawn, actor=LAN, reason="quét nhầm")
        assert decided.status is DocumentStatus.WITHDRAWN
        assert_each_was_archived_once(office, ids)


def assert_each_was_archived_once(office: Working, ids: list[str]) -> None:
    """One version of its object that archived it, every page read, everything in its place."""
    archive = office.stores.archive
    with office.stores.database.read() as connection:
        found = [documents.get(connection, document_id) for document_id in ids]
    for document in found:
        assert document.object_id is not None
        said = [version.message for version in archive.inventory(document.object_id).versions]
        assert said.count(f"archived {document.document_id}") == 1, said
        assert document.pages_failed == ()
    verified = office.office.run("verify", "--json")
    assert verified.code == 0, verified.out
