"""Whatever happens at whichever call to the store, the archive comes out whole, with every version once."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from sohoa.clock import SystemClock
from sohoa.errors import NotFound, StoreUnavailable
from storage.archive import Archive, object_id_of
from storage.objects import open_objects
from tests.support.crash import (
    assert_whole,
    at_every_call,
    commit_in_own_process,
    commit_many_in_own_process,
    commit_staged,
    correct_in_own_process,
    crash,
    fill_disk,
    scan_of,
    stage_paper,
)

DOSSIER = "000.00.05.H02-230105-0001"
OBJECT = object_id_of("A", DOSSIER)
WRITES = frozenset({"create", "copy", "replace"})


pytestmark = pytest.mark.usefixtures("no_power_cuts")


def _stage_a(archive: Archive) -> None:
    stage_paper(archive, "A")


def _stage_both(archive: Archive) -> None:
    stage_paper(archive, "A")
    stage_paper(archive, "B")


def _commit_a(archive: Archive) -> None:
    commit_staged(archive, "A", DOSSIER)


def _commit_b(archive: Archive) -> None:
    commit_staged(archive, "B", DOSSIER)
    archive.clear_staging("B")


def _root(archive: Archive) -> Path:
    with archive.objects.local_file("ocfl/0=ocfl_1.1") as path:
        return path.parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_is_rolled_forward_by_recovery_or_left_no_trace(tmp_path: Path, after: bool) -> None:
    outcomes = set()
    for archive in at_every_call(tmp_path, prepare=_stage_a, run=_commit_a, action=crash, after=after):
        archive.recover()
        intents = list(archive.objects.list("intents/"))
        if (
            intents
        ):  # died while pinning: nothing is reserved, the retry that the pending receipt brings goes on from here
            assert all(key.count("/") == 3 for key in intents)
            _commit_a(archive)
            outcomes.add("pinned")
        versions = assert_whole(_root(archive))
        assert versions in ({}, {OBJECT: 1})
        outcomes.add("committed" if versions else "nothing")
    assert outcomes == {"nothing", "pinned", "committed"}


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_is_healed_by_the_same_commit_again(tmp_path: Path, after: bool) -> None:
    for archive in at_every_call(tmp_path, prepare=_stage_a, run=_commit_a, action=crash, after=after):
        recorded = commit_staged(archive, "A", DOSSIER)
        assert (recorded.commit.version, recorded.sequence) == (1, 1)
        assert assert_whole(_root(archive)) == {OBJECT: 1}


@pytest.mark.slow
def test_a_crash_at_any_call_does_not_keep_another_paper_out_of_the_dossier(tmp_path: Path) -> None:
    for archive in at_every_call(tmp_path, prepare=_stage_both, run=_commit_a, action=crash):
        commit_staged(archive, "B", DOSSIER)
        commit_staged(archive, "A", DOSSIER)
        assert assert_whole(_root(archive)) == {OBJECT: 2}


def test_a_disk_full_at_any_write_shows_nothing_half_done_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    for archive in at_every_call(tmp_path, prepare=_stage_a, run=_commit_a, action=fill_disk, only=WRITES):
        try:
            seen = archive.inventory(OBJECT).state
        except NotFound:
            pass
        else:
            assert {path.rpartition("/")[2] for path in seen} == {
                "dossier.json",
                "original.jpg",
                "text.txt",
                "record.json",
            }
        commit_staged(archive, "A", DOSSIER)
        assert assert_whole(_root(archive)) == {OBJECT: 1}


def test_a_full_disk_is_told_to_the_committer(tmp_path: Path) -> None:
    told = 0

    def run(archive: Archive) -> None:
        nonlocal told
        try:
            _commit_a(archive)
        except StoreUnavailable as error:
            told += error.code == "disk_full"

    rounds = sum(1 for _ in at_every_call(tmp_path, prepare=_stage_a, run=run, action=fill_disk, only=WRITES))
    assert told == rounds - 1 > 10  # the last round has no write left to fail


def test_recovery_at_any_moment_of_a_live_commit_does_no_harm(tmp_path: Path) -> None:
    for archive in at_every_call(tmp_path, prepare=_stage_a, run=_commit_a, action=_recover):
        assert assert_whole(_root(archive)) == {OBJECT: 1}


@pytest.mark.slow
def test_another_paper_committed_at_any_moment_of_a_commit_leaves_both_in_the_dossier(tmp_path: Path) -> None:
    for archive in at_every_call(tmp_path, prepare=_stage_both, run=_commit_a, action=_commit_b):
        commit_staged(archive, "A", DOSSIER)
        if "documents/B/text.txt" not in archive.inventory(OBJECT).state:  # the last round, in which nothing interposed
            _commit_b(archive)
        assert assert_whole(_root(archive)) == {OBJECT: 2}


@pytest.mark.slow
def test_the_same_paper_committed_by_two_workers_at_any_moment_is_one_version(tmp_path: Path) -> None:
    for archive in at_every_call(tmp_path, prepare=_stage_a, run=_commit_a, action=_commit_a):
        assert assert_whole(_root(archive)) == {OBJECT: 1}


@pytest.mark.slow
def test_staging_overwritten_and_cleared_after_the_reservation_cannot_stop_the_version(tmp_path: Path) -> None:
    def spoil_and_crash(rival: Archive) -> None:
        if any(key.endswith("v1.json") for key in rival.objects.list("intents/")):
            stage_paper(rival, "A", record=b'{"other": "bytes"}')
            rival.clear_staging("A")
        crash(rival)

    for archive in at_every_call(tmp_path, prepare=_stage_a, run=_commit_a, action=spoil_and_crash):
        archive.recover()
        if list(archive.staged_documents()):
            commit_staged(archive, "A", DOSSIER)
        assert assert_whole(_root(archive)) == {OBJECT: 1}


def test_threads_racing_into_one_dossier_all_land(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path), SystemClock())
    archive.initialise()
    papers = [f"P{number}" for number in range(12)]
    for paper in papers:
        stage_paper(archive, paper)
    with ThreadPoolExecutor(4) as pool:
        recorded = list(pool.map(lambda paper: commit_staged(archive, paper, DOSSIER), papers))
    assert sorted(each.commit.version for each in recorded) == list(range(1, 13))
    assert [each.sequence for each in sorted(recorded, key=lambda each: each.commit.version)] == list(range(1, 13))
    assert assert_whole(tmp_path) == {OBJECT: 12}


@pytest.mark.slow
def test_processes_racing_into_one_dossier_both_land(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path), SystemClock())
    archive.initialise()
    _stage_both(archive)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        races = [pool.submit(commit_in_own_process, tmp_path, paper, DOSSIER) for paper in "AB"]
        assert sorted(race.result() for race in races) == [1, 2]
    assert assert_whole(tmp_path) == {OBJECT: 2}


@pytest.mark.slow
def test_two_processes_that_put_twenty_papers_each_into_one_dossier_lose_none_and_leave_no_gap(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path), SystemClock())
    archive.initialise()
    papers = [f"P{number:02}" for number in range(40)]
    for paper in papers:
        stage_paper(archive, paper)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        halves = [pool.submit(commit_many_in_own_process, tmp_path, papers[half::2], DOSSIER) for half in (0, 1)]
        versions = sorted(version for half in halves for version in half.result())
    assert versions == list(range(1, 41))
    state = archive.inventory(OBJECT).state
    for paper in papers:
        with archive.open_file(OBJECT, f"documents/{paper}/original.jpg") as file:
            assert file.read() == scan_of(paper)
    assert len(state) == 1 + 3 * len(papers)
    assert archive.ledger.head() == 40
    assert assert_whole(tmp_path) == {OBJECT: 40}


@pytest.mark.slow
def test_versions_of_one_paper_from_two_processes_are_all_there_each_built_upon_the_one_before(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path), SystemClock())
    archive.initialise()
    _stage_a(archive)
    _commit_a(archive)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        racing = [pool.submit(correct_in_own_process, tmp_path, "A", DOSSIER, writer) for writer in (1, 2)]
        made = [race.result() for race in racing]
    assert sorted(made[0] + made[1]) == list(range(2, 22))
    assert made == [sorted(mine) for mine in made]
    states = [version.state for version in archive.inventory(OBJECT).versions]
    for before, after in pairwise(states):
        assert before.keys() <= after.keys(), "whoever lost the race took up what the winner had written"
        assert len([path for path in after if after[path] != before.get(path)]) == 1
    assert assert_whole(tmp_path) == {OBJECT: 21}


def _recover(archive: Archive) -> None:
    archive.recover()
