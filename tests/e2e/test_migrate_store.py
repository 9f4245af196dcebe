"""`sohoa migrate-store` as it is typed: beside a running `work`, refused to finish beside it, then the switch."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.catalog.tables import leases
from tests.support.office import Office, letter
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

WORDS = ("Giấy mời dự lễ khánh thành trường mẫu giáo",)


def test_a_store_moves_while_work_runs_and_is_switched_when_it_is_stopped(office: Office, tmp_path: Path) -> None:
    file, there = tmp_path / "new.env", tmp_path / "there"
    file.write_text(f'# the new place\nSOHOA_HOME="{there}"\nSOHOA_ARCHIVE_URL=file://{there}/archive\n')
    (paper,) = office.archive(letter(tmp_path / "letter.pdf", WORDS))
    work = office.start("work")
    wait_until(lambda: _worked(office), "work did not begin")

    ahead = office.run("migrate-store", "--to", file, "--json")
    assert ahead.code == 0, ahead.err
    (told,) = ahead.lines
    assert (told["parts"], told["findings"], told["indexed"]) == (["archive", "catalogue", "index"], [], 1)
    refused = office.run("migrate-store", "--to", file, "--finish")
    assert (refused.code, refused.err.rstrip().endswith("[in_use]")) == (2, True)
    moved_office = office.with_settings(SOHOA_HOME=str(there), SOHOA_ARCHIVE_URL=f"file://{there}/archive")
    assert "[store_moved]" in moved_office.run("status").err

    work.send_signal(signal.SIGTERM)
    work.communicate(timeout=240)
    finished = office.run("migrate-store", "--to", file, "--finish", "--json")
    assert finished.code == 0, finished.err
    (moved,) = finished.lines
    assert [part["part"] for part in moved["parts"]] == told["parts"]
    assert moved["rows"]["documents"] == 1
    for command in (["status"], ["work"], ["archive", str(tmp_path / "letter.pdf")], ["rebuild", "--from-storage"]):
        left = office.run(*command)
        assert left.code == 2, command
        (line,) = filter(None, left.err.splitlines())  # an empty bar
        assert line.endswith("[store_moved]")
        assert there.as_uri() in line or str(there) in line
    copied = office.run("replicate", "--to", f"file://{tmp_path}/copy")
    assert "[store_moved]" in copied.err
    (hit,) = moved_office.search("khánh thành trường mẫu giáo")
    assert hit["document_id"] == paper["document_id"]
    verified = moved_office.run("verify", "--json")
    assert (verified.code, json.loads(verified.out)["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SOHOA_CATALOGUE_URL=sqlite:////x\n", "there is no setting SOHOA_CATALOGUE_URL"),
        ("", "has no line SOHOA_"),
        ("SOHOA_ARCHIVE_URL=s3://b?endpoint=http://h:1\n", "keys"),
        ("SOHOA_SECRETS_DIR=/nowhere/at/all\n", "no folder"),
    ],
)
def test_a_file_that_names_no_place_is_refused_in_one_line(
    office: Office, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "new.env"
    file.write_text(text)
    run = office.run("migrate-store", "--to", file)
    (line,) = run.err.splitlines()
    assert (run.code, said in line) == (2, True), line
    assert not (office.home / "archive").exists()


def _worked(office: Office) -> bool:
    with office.stores() as stores, stores.database.read() as conn:
        return bool(conn.execute(select(leases)).all())
