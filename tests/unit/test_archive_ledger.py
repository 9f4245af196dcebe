"""The ledger names every version once, in a chain that shows where it was touched."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from sohoa.clock import FixedClock, SystemClock
from sohoa.errors import DigestMismatch, NotFound
from sohoa.model import Sha256
from storage.archive.archive import Archive
from storage.archive.layout import ledger_key
from storage.archive.ledger import Commit, Entry, Ledger, Waiting
from storage.objects import open_objects
from tests.support.crash import ACTOR, assert_whole, commit_staged, stage_paper

pytestmark = pytest.mark.usefixtures("no_power_cuts")


def _commit(name: str, clock: FixedClock) -> Commit:
    return Commit(f"urn:sohoa:document:{name}", 1, Sha256("0" * 64), clock.now(), ACTOR, f"archived {name}")


def _ledger(root: Path, clock: FixedClock) -> Ledger:
    return Ledger(open_objects(root), clock)


def _fill(ledger: Ledger, clock: FixedClock, count: int) -> list[Commit]:
    commits = []
    for number in range(count):
        clock.advance(seconds=1)
        commits.append(_commit(str(number), clock))
        assert ledger.record(commits[-1], after=number) == number + 1
    return commits


def test_entries_lie_a_thousand_to_a_folder() -> None:
    assert ledger_key(1) == "ledger/000/000/000000000001.json"
    assert ledger_key(12_345_678) == "ledger/012/345/000012345678.json"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 50])
def test_a_ledger_opened_anew_finds_its_head(tmp_path: Path, count: int) -> None:
    clock = FixedClock()
    _fill(_ledger(tmp_path, clock), clock, count)
    assert _ledger(tmp_path, clock).head() == count
    assert [entry.sequence for entry in _ledger(tmp_path, clock).entries()] == list(range(1, count + 1))


def test_a_version_recorded_again_keeps_its_number_however_long_ago_it_was(tmp_path: Path) -> None:
    clock = FixedClock()
    commits = _fill(_ledger(tmp_path, clock), clock, 120)
    for sequence in (1, 2, 60, 119, 120):
        assert _ledger(tmp_path, clock).find_or_record(commits[sequence - 1]) == sequence
        assert _ledger(tmp_path, clock).record(commits[sequence - 1], after=0) == sequence
    assert _ledger(tmp_path, clock).head() == 120


def test_finding_an_old_entry_reads_few_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FixedClock()
    commits = _fill(_ledger(tmp_path, clock), clock, 500)
    ledger = _ledger(tmp_path, clock)
    reads: list[int] = []
    entry = ledger.entry

    def watched(sequence: int) -> Entry:
        reads.append(sequence)
        return entry(sequence)

    monkeypatch.setattr(ledger, "entry", watched)
    assert ledger.find_or_record(commits[122]) == 123
    assert len(reads) < 25


def test_a_clock_that_goes_back_cannot_make_a_version_appear_twice(tmp_path: Path) -> None:
    clock = FixedClock()
    ledger = _ledger(tmp_path, clock)
    commits = []
    for number in range(100):
        clock.moment += timedelta(seconds=-7 if number % 3 else 5)
        commits.append(_commit(str(number), clock))
        ledger.record(commits[-1], after=number)
    for number, commit in enumerate(commits, start=1):
        assert _ledger(tmp_path, clock).find_or_record(commit) == number
    moments = [entry.recorded_at for entry in ledger.entries()]
    assert moments == sorted(moments)
    assert ledger.head() == 100


def test_two_who_record_the_same_version_get_the_same_number(tmp_path: Path) -> None:
    clock = FixedClock()
    ledgers = [_ledger(tmp_path, clock) for _ in range(4)]
    commits = [_commit(str(number // 4), clock) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda pair: ledgers[pair[0] % 4].record(pair[1], after=0), enumerate(commits)))
    assert all(len(set(numbers[start : start + 4])) == 1 for start in range(0, 40, 4))
    named = [commit.object_id for entry in _ledger(tmp_path, clock).entries() for commit in entry.commits]
    assert len(named) == len(set(named)) == 10


def test_an_altered_or_moved_or_missing_entry_is_noticed(tmp_path: Path) -> None:
    clock = FixedClock()
    _fill(_ledger(tmp_path, clock), clock, 6)
    path = tmp_path / ledger_key(3)
    right = path.read_bytes()

    path.unlink()
    path.write_bytes(right.replace(b"system:test", b"person:evil"))
    with pytest.raises(DigestMismatch, match="altered"):
        list(_ledger(tmp_path, clock).entries())

    path.write_bytes((tmp_path / ledger_key(2)).read_bytes())
    with pytest.raises(DigestMismatch, match="altered"):
        list(_ledger(tmp_path, clock).entries())

    path.write_bytes(right)
    assert len(list(_ledger(tmp_path, clock).entries(start=3))) == 4
    with pytest.raises(NotFound):
        _ledger(tmp_path, clock).entry(7)


def test_an_entry_can_be_read_without_this_program(tmp_path: Path) -> None:
    clock = FixedClock()
    (commit,) = _fill(_ledger(tmp_path, clock), clock, 1)
    assert json.loads((tmp_path / ledger_key(1)).read_bytes()) == {
        "sequence": 1,
        "previous": None,
        "recorded_at": "2026-01-02T03:04:06.000Z",
        "commits": [
            {
                "object_id": commit.object_id,
                "version": 1,
                "inventory_sha256": "0" * 64,
                "committed_at": "2026-01-02T03:04:06.000Z",
                "actor": "system:test",
                "message": "archived 0",
            }
        ],
    }


def test_who_loses_the_race_for_a_number_names_all_that_wait_and_none_twice(tmp_path: Path) -> None:
    clock = FixedClock()
    ledger, rival = _ledger(tmp_path, clock), _ledger(tmp_path, clock)
    mine, theirs, late, told = (_commit(name, clock) for name in ("mine", "theirs", "late", "told"))
    rival.record(told, after=0)

    def waiting() -> list[Waiting]:
        return [Waiting(each, after=0) for each in (mine, told, late, theirs)]

    head = ledger.head
    monkey_heads = iter([head()])  # what the head was before the rival came
    ledger.head = lambda: next(monkey_heads, None) or head()  # type: ignore[method-assign]
    assert rival.record(theirs, after=0) == 2
    assert ledger.record(mine, after=0, waiting=waiting) == 3
    named = [[commit.object_id.rpartition(":")[2] for commit in entry.commits] for entry in rival.entries()]
    assert named == [["told"], ["theirs"], ["late", "mine"]]
    assert rival.record(late, after=0) == 3


def test_sixteen_who_commit_at_once_need_fewer_entries_than_commits_and_each_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sixteen, each with a ledger of its own, go for the same number at the same moment."""
    together, append, waited = Barrier(16, timeout=120), Ledger._append, set[int]()

    def append_together(ledger: Ledger, *given: Any, **how: Any) -> int:
        if id(ledger) not in waited:
            waited.add(id(ledger))
            together.wait()
        return append(ledger, *given, **how)

    monkeypatch.setattr(Ledger, "_append", append_together)
    archive = Archive(open_objects(tmp_path), SystemClock())
    archive.initialise()
    ids = [f"01J{number:023d}" for number in range(64)]
    for document_id in ids:
        stage_paper(archive, document_id)
    archives = [Archive(open_objects(tmp_path), SystemClock()) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        recorded = list(pool.map(lambda pair: commit_staged(archives[pair[0] % 16], pair[1]), enumerate(ids)))
    versions = assert_whole(tmp_path)
    assert set(versions.values()) == {1}
    assert len(versions) == 64
    entries = {entry.sequence: entry for entry in archive.ledger.entries()}
    assert len(entries) < 64
    for each in recorded:
        assert each.commit in entries[each.sequence].commits
