"""What a worker's process counts of its work, and how it reaches the catalogue that all workers share."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocr_workers.tally import Tally
from sohoa.errors import StoreUnavailable
from sohoa.states import JobKind
from storage.catalog import jobs, work_done
from storage.catalog.database import Database
from storage.catalog.work_done import Done, End, Work
from tests.support.worked import HOPELESS, LOCKED, MIXED, WHOLE, WorkedOffice, worked_office


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "home", monkeypatch) as opened:
        yield opened


def told(office: WorkedOffice) -> Counter[tuple[str, str, str]]:
    """Jobs by kind, ending and code, as the catalogue has them once all was told."""
    office.tools.tally.tell()
    return in_catalogue(office.stores.database)


def in_catalogue(database: Database) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    with database.read() as connection:
        for work, done in work_done.so_far(connection).items():
            found[work.kind.value, work.ending.value, work.code] += done.jobs
    return found


def test_every_job_that_is_done_is_counted_once(office: WorkedOffice) -> None:
    office.bring(WHOLE)
    office.bring(MIXED)
    expected = {"open": 2, "recognise": 5, "read": 2, "compose": 2, "commit": 2}
    assert told(office) == {(kind, "done", ""): count for kind, count in expected.items()}
    assert told(office) == {(kind, "done", ""): count for kind, count in expected.items()}, "told twice"


def test_papers_that_stop_are_counted_with_their_code(office: WorkedOffice) -> None:
    office.bring(LOCKED)
    office.bring(HOPELESS)
    found = told(office)
    assert found["open", "held", "encrypted"] == 1
    assert found["open", "failed", "unreadable"] == 1
    assert found["open", "done", ""] == 0
    assert found["commit", "done", ""] == 2


def test_a_try_whose_worker_was_killed_is_counted_by_the_next_one(office: WorkedOffice) -> None:
    document = office.receive().document
    with office.stores.database.write() as connection:
        assert jobs.claim(connection, owner="other", lease_s=30, now=office.clock.now()) is not None
        jobs.release_owner(connection, "other", code="engine_killed", now=office.clock.now())
    office.work(document, WHOLE)
    found = told(office)
    assert found["open", "again", "engine_killed"] == 1
    assert found["open", "done", ""] == 1


def test_a_try_that_is_to_be_made_again_is_not_done(office: WorkedOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    from ocr_workers import pipeline

    document = office.receive().document

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(pipeline, "plan_document", full)
        office.work(document, WHOLE)
    assert told(office) == {}
    office.clock.advance(seconds=60)
    office.work(document, WHOLE)
    found = told(office)
    assert found["open", "again", "disk_full"] == 1
    assert found["open", "done", ""] == 1


def test_what_could_not_be_told_is_told_later(office: WorkedOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    office.bring(WHOLE)

    def away(*_: object) -> None:
        raise StoreUnavailable("the catalogue is locked")

    with monkeypatch.context() as failing:
        failing.setattr(work_done, "add", away)
        with pytest.raises(StoreUnavailable):
            office.tools.tally.tell()
    office.bring(WHOLE)
    assert told(office)["commit", "done", ""] == 2


def test_many_who_tell_at_once_lose_nothing_and_wait_for_nobody_for_ever(catalogue_url: str) -> None:
    """On both databases: rows of the same keys, in whatever order they were counted."""
    database = Database(catalogue_url)
    works = [Work(kind, End.DONE, "", bound) for kind in JobKind for bound in work_done.BOUNDS_MS]

    def tell(backwards: bool) -> None:
        mine = dict.fromkeys(reversed(works) if backwards else works, Done(1, 10))
        for _ in range(5):
            with database.write_beside() as connection:
                work_done.add(connection, mine)

    threads = [threading.Thread(target=tell, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as connection:
        assert work_done.so_far(connection) == dict.fromkeys(works, Done(20, 200))
    database.close()


def test_a_started_tally_tells_by_itself_and_the_rest_when_it_is_closed(
    office: WorkedOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ocr_workers import tally
    from tests.support.waiting import wait_until

    monkeypatch.setattr(tally, "TELL_EVERY_S", 0.05)
    office.tools.tally = Tally(office.stores.database)
    office.tools.tally.start()
    office.bring(WHOLE)
    wait_until(lambda: in_catalogue(office.stores.database)["commit", "done", ""] == 1, "it was told of nothing")
    office.tools.tally.close()
    monkeypatch.setattr(tally, "TELL_EVERY_S", 3600.0)
    office.tools.tally = Tally(office.stores.database)
    office.tools.tally.start()
    office.bring(WHOLE)
    office.tools.tally.close()
    assert in_catalogue(office.stores.database)["commit", "done", ""] == 2
