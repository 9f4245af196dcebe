"""The main job with the catalogue on PostgreSQL: papers go in, local workers read them, they are found, and all is rebuilt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ingest.receive import Intake, receive_path
from sohoa.states import DocumentStatus
from tests.support import postgres, press
from tests.support.catalogue_rows import rows_of
from tests.support.office import Office, letter, wait_until
from tests.support.postgres import PASSWORD, Postgres

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
SECRET = quote(PASSWORD, safe="")
SETTLED_WITHIN_S = 200.0


@pytest.fixture
def on_postgres(office: Office, postgres_server: Postgres) -> Iterator[Office]:
    """A database that has no tables yet, and belongs to a user with a password."""
    with postgres.database(postgres_server) as name:
        postgres_server.run(f"ALTER DATABASE {name} OWNER TO guarded")
        yield office.with_settings(SOHOA_CATALOG_URL=postgres_server.url(name, user="guarded", password=SECRET))


def test_drawn_papers_are_archived_found_and_all_is_rebuilt(on_postgres: Office, tmp_path: Path) -> None:
    drawn = [
        press.write(press.draw(kind, seed=seed, level="clean", dpi=200, pages=1), tmp_path / "in", fmt="jpg")[0]
        for kind, seed in (("quyet_dinh", 11), ("thong_bao", 12))
    ]
    invitation = letter(tmp_path / "letter.pdf", ["Giấy mời dự lễ khánh thành trường mẫu giáo"])
    results = on_postgres.archive(*drawn, invitation, dossier="000.00.05.H02-230105-0001")
    assert [result["status"] for result in results] == ["archived"] * 3
    ids = {Path(result["source"]).name: result["document_id"] for result in results}
    assert not (on_postgres.home / "catalog.sqlite").exists()
    (hit,) = on_postgres.search("khánh thành trường mẫu giáo")
    assert hit["document_id"] == ids["letter.pdf"]
    assert ids[drawn[0].name] in {hit["document_id"] for hit in on_postgres.search("quyết định")}
    assert on_postgres.run("doctor", "--json").out.count("PostgreSQL") == 1
    with on_postgres.stores() as stores:
        before = rows_of(stores.database)
    shutil.rmtree(on_postgres.home / "index")

    rebuilt = on_postgres.run("rebuild", "--from-storage", "--json")  # at once: whoever ended has said so

    assert rebuilt.code == 0, rebuilt.err
    assert json.loads(rebuilt.out)["documents"] == {"archived": 3}
    with on_postgres.stores() as stores:
        assert rows_of(stores.database) == before
    assert [hit["document_id"] for hit in on_postgres.search("khánh thành")] == [ids["letter.pdf"]]
    assert len(on_postgres.assert_in_order()) == 3


def test_server_that_crashes_while_papers_are_read_keeps_nobody_from_the_end(office: Office, tmp_path: Path) -> None:
    with postgres.running(fsync="on", full_page_writes="on") as server:
        many = {"SOHOA_MAX_ATTEMPTS": "30"}  # each crash costs one, and a lease that runs out meanwhile another
        ours = office.with_settings(SOHOA_CATALOG_URL=server.url(server.create()), **many)
        with ours.stores() as stores:
            for number in range(6):
                accepted = receive_path(
                    letter(tmp_path / f"{number}.pdf", [f"Phiếu tiếp nhận hồ sơ số {number}"]),
                    Intake(filename=f"{number}.pdf", office="local", dossier=None, actor="person:lan"),
                    archive=stores.archive,
                    database=stores.database,
                    settings=stores.settings,
                    clock=stores.clock,
                )
                assert accepted.duplicate_of is None
        working = ours.start("work", "--jobs", "2")
        assert working.stderr is not None
        assert any("working" in line for line in working.stderr)

        def archived() -> int:
            return sum(document.status is DocumentStatus.ARCHIVED for document in ours.documents())

        for crashes in range(3):
            wait_until(lambda many=crashes: archived() > many, running=working, within_s=SETTLED_WITHIN_S)  # type: ignore[misc]
            server.stop(how="immediate")
            server.start(fsync="on", full_page_writes="on")
        wait_until(lambda: archived() == 6, running=working, within_s=SETTLED_WITHIN_S)
        working.terminate()
        working.communicate()
        assert working.returncode == 0
        assert len(ours.assert_in_order()) == 6


def test_what_is_wrong_with_the_server_is_told_in_one_line_without_the_password(
    on_postgres: Office, tmp_path: Path
) -> None:
    url = on_postgres.settings["SOHOA_CATALOG_URL"]
    wrong = {
        "store_denied": url.replace(SECRET, SECRET + "x"),
        "catalog_missing": url.replace("/t_", "/elsewhere_"),
        "catalog_away": url.replace("?host=", "?host=/nowhere"),
        "setup": url.replace("postgresql+psycopg", "mysql"),
    }
    for code, bad in wrong.items():
        run = on_postgres.run("status", SOHOA_CATALOG_URL=bad, SOHOA_LOG_LEVEL="debug")
        assert run.code != 0
        assert run.err.strip().splitlines()[-1].endswith(f"[{code}]"), run.err
        assert SECRET not in run.err + run.out
        assert PASSWORD not in run.err + run.out
    for command, option in (("backup", "--to"), ("restore", "--from")):
        run = on_postgres.run(command, option, tmp_path)
        assert run.err.endswith("[use_pg_dump]\n"), run.err
