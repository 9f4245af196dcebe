"""`sohoa status --watch`: in a terminal, without one, as JSON; it ends with Ctrl-C, and a catalogue that is away ends nothing."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest

from sohoa.cli.watching import View
from sohoa.errors import StoreUnavailable
from sohoa.states import JobKind
from storage.catalog import jobs, tokens, work_done
from storage.catalog.work_done import Done, End, Work
from tests.support import files
from tests.support.archived import bring, opened_api
from tests.support.office import COMMAND, PROMPTLY_S, Office, ended

pytestmark = pytest.mark.slow


def read_until(descriptor: int, *wanted: str) -> str:
    """What a terminal is sent, up to where all of `wanted` has come."""
    seen, until_s = "", time.monotonic() + PROMPTLY_S
    while not all(one in seen for one in wanted):
        left_s = until_s - time.monotonic()
        assert left_s > 0, f"{wanted} did not come: {seen!r}"
        if select.select([descriptor], [], [], left_s)[0]:
            seen += os.read(descriptor, 65536).decode(errors="replace")
    return seen


def brought(office: Office) -> None:
    with office.stores() as stores:
        bring(stores)
        bring(stores)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_in_a_terminal_it_stays_in_its_place_and_ends_quietly(office: Office, how: signal.Signals) -> None:
    brought(office)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "status", "--watch", "--every", "0.2"],
        env=office.environment(TERM="xterm", COLUMNS="100", LINES="40"),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    office.started.append(process)
    os.close(theirs)
    seen = read_until(ours, "open (waiting)", "documents received", "Ctrl-C to stop")
    brought(office)
    seen += read_until(ours, "open (waiting)", "4 ")
    assert "\x1b[?25l" in seen, "the cursor is hidden meanwhile"
    assert "\x1b[1A" in seen, "it is drawn over itself"
    os.killpg(process.pid, how)
    seen = read_until(ours, "\x1b[?25h")
    assert process.wait(PROMPTLY_S) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert "Traceback" not in seen
    os.close(ours)


def test_without_a_terminal_it_is_told_again_and_again_in_plain_text(office: Office) -> None:
    brought(office)
    process = office.start("status", "--watch", "--every", "0.1")
    assert process.stdout is not None
    told = 0
    while told < 3:
        line = process.stdout.readline()
        assert "\x1b" not in line
        told += "documents received" in line
    process.send_signal(signal.SIGINT)
    run = ended(process)
    assert (run.code, run.err) == (0, "")


def test_as_json_it_is_one_object_a_line_and_its_reader_may_leave(office: Office) -> None:
    brought(office)
    process = office.start("status", "--watch", "--every", "0.1", "--json")
    assert process.stdout is not None
    first, second = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
    assert first["at"] < second["at"]
    assert second["documents"] == {"received": 2}
    assert [(each["kind"], each["urgency"], each["due"]) for each in second["jobs"]] == [("open", "waiting", 2)]
    process.stdout.close()
    process.wait(PROMPTLY_S)
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stdout = None


def test_wrong_use_is_refused_in_one_line(office: Office) -> None:
    run = office.run("status", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--watch")
    assert (run.code, run.err.count("\n")) == (2, 1)
    with office.stores() as stores, stores.database.write() as connection:
        _, secret = tokens.create(
            connection, name="t", scopes=["read"], actor="person:lan", office="H02", now=stores.clock.now()
        )
    run = office.run("status", "--watch", SOHOA_TOKEN=secret)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "[not_allowed]" in run.err


def test_what_real_workers_did_is_told_though_they_are_gone(office: Office, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(files.image_bytes("PNG", files.drawing((600, 400))))
    office.archive(picture, SOHOA_LEASE_S="300")  # nothing is done twice for a machine that stood still
    with office.stores() as stores, stores.database.read() as connection:
        done = work_done.so_far(connection)
    assert {(work.kind.value, work.ending.value): count.jobs for work, count in done.items()} == {
        (kind, "done"): 1 for kind in ("open", "recognise", "read", "compose", "commit")
    }
    (page,) = (count for work, count in done.items() if work.kind is JobKind.RECOGNISE)
    assert page.total_ms > 0


def test_pages_a_second_are_those_of_the_last_minute(tmp_path: Path) -> None:
    with opened_api(tmp_path / "home") as api:
        view, page = View(api.stores), Work(JobKind.RECOGNISE, End.DONE, "", 1000)
        view.look()
        assert view.pages_s is None
        for second in range(1, 91):
            api.clock.advance(seconds=1)
            pages = 1 if second <= 30 else 3
            with api.stores.database.write_beside() as connection:
                work_done.add(connection, {page: Done(pages, 900), Work(JobKind.READ, End.DONE, "", 100): Done(9, 9)})
            view.look()
        assert view.pages_s == 3
        assert view.as_json()["pages_s"] == 3


def test_a_catalogue_that_is_away_is_a_line_and_then_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_api(tmp_path / "home") as api:
        view = View(api.stores)
        view.look()

        def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("it does not answer", code="catalog_away")

        with monkeypatch.context() as failing:
            failing.setattr(jobs, "depths", away)
            api.clock.advance(seconds=2)
            view.look()
            assert view.as_json() == {"error": "it does not answer [catalog_away]"}
        api.clock.advance(seconds=timedelta(minutes=2).total_seconds())
        view.look()
        assert view.trouble is None
        assert view.as_json()["jobs"] == []
