"""A chain of daily files is one line whoever appends, and shows where it was touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from sohoa.clock import FixedClock
from sohoa.errors import DigestMismatch
from storage.archive.chain import Break, Chain, Link, read_chain
from storage.archive.layout import to_json
from storage.objects import open_objects
from tests.support.verified import overwrite

NAME = "fixity"


pytestmark = pytest.mark.usefixtures("no_power_cuts")


def _filled(root: Path, *, days: int = 3, a_day: int = 3) -> FixedClock:
    clock = FixedClock()
    chain = Chain(open_objects(root), clock, NAME)
    for day in range(days):
        for number in range(a_day):
            chain.append({"said": f"{day}.{number}"})
        clock.advance(seconds=86_400)
    return clock


def _read(root: Path) -> tuple[list[Link], list[str]]:
    found = list(read_chain(open_objects(root), NAME))
    return [each for each in found if isinstance(each, Link)], [each.key for each in found if isinstance(each, Break)]


def _keys(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in (root / NAME).rglob("*.json"))


def test_entries_lie_by_day_and_each_day_is_closed_by_the_next(tmp_path: Path) -> None:
    _filled(tmp_path, days=2, a_day=2)
    assert _keys(tmp_path) == [
        *(f"{NAME}/2026/01/02/00000{number}.json" for number in (1, 2, 3)),
        *(f"{NAME}/2026/01/03/00000{number}.json" for number in (1, 2)),
        f"{NAME}/first.json",
    ]
    links, broken = _read(tmp_path)
    assert broken == []
    assert [link.sequence for link in links] == [1, 2, 3, 4, 5]
    assert [link.next_day for link in links] == [None, None, "2026/01/03", None, None]


def test_what_was_appended_comes_back_newest_first_whoever_asks(tmp_path: Path) -> None:
    clock = _filled(tmp_path)
    said = [f"{day}.{number}" for day in (2, 1, 0) for number in (2, 1, 0)]
    for later in (0, 3, 300, -30):
        asked = FixedClock(clock.moment + timedelta(days=later))
        chain = Chain(open_objects(tmp_path), asked, NAME)
        assert [link.body["said"] for link in chain.newest_first()] == said
    assert list(Chain(open_objects(tmp_path), clock, "audit").newest_first()) == []


def test_an_appender_whose_clock_is_behind_adds_to_the_newest_day_and_no_moment_goes_back(tmp_path: Path) -> None:
    clock = _filled(tmp_path)
    behind = Chain(open_objects(tmp_path), FixedClock(clock.moment - timedelta(days=9)), NAME)
    link = behind.append({"said": "late"})
    assert link.key == f"{NAME}/2026/01/04/000004.json"
    links, broken = _read(tmp_path)
    assert broken == []
    assert [each.recorded_at for each in links] == sorted(each.recorded_at for each in links)


def test_an_appender_that_died_between_closing_a_day_and_opening_the_next_is_gone_on_from(tmp_path: Path) -> None:
    clock = _filled(tmp_path, days=1)
    Chain(open_objects(tmp_path), clock, NAME).append({"said": "next day"})
    (tmp_path / NAME / "2026/01/03/000001.json").unlink()
    clock.advance(seconds=86_400)
    link = Chain(open_objects(tmp_path), clock, NAME).append({"said": "again"})
    assert _read(tmp_path)[1] == []
    assert link.key.startswith(f"{NAME}/2026/01/0")


@pytest.mark.parametrize("days_apart", [0, 1])
def test_appenders_racing_at_midnight_make_one_line(tmp_path: Path, days_apart: int) -> None:
    clock = FixedClock()
    clocks = [clock, FixedClock(clock.moment + timedelta(days=days_apart))]
    objects = open_objects(tmp_path)

    def append(number: int) -> None:
        Chain(objects, clocks[number % 2], NAME).append({"said": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(40)))
    links, broken = _read(tmp_path)
    assert broken == []
    assert sorted(link.body["said"] for link in links if link.next_day is None) == list(range(40))


def _change(root: Path, place: int, **values: object) -> None:
    path = root / _keys(root)[place]
    overwrite(path, to_json(json.loads(path.read_bytes()) | values))


def _insert(root: Path) -> None:
    """An entry put in behind the second of a day, with all numbers after it moved up."""
    for number in (4, 3):
        shutil.move(root / NAME / f"2026/01/02/00000{number}.json", root / NAME / f"2026/01/02/00000{number + 1}.json")
    shutil.copy(root / NAME / "2026/01/02/000002.json", root / NAME / "2026/01/02/000003.json")


def _swap(root: Path) -> None:
    one, other = (root / NAME / f"2026/01/03/00000{number}.json" for number in (1, 2))
    first, second = one.read_bytes(), other.read_bytes()
    overwrite(one, second)
    overwrite(other, first)


TAMPERS: dict[str, Callable[[Path], object]] = {
    "change": lambda root: _change(root, 4, said="x"),
    "change the moment": lambda root: _change(root, 4, recorded_at="2026-01-03T03:04:06.000Z"),
    "drop": lambda root: (root / _keys(root)[4]).unlink(),
    "drop a day": lambda root: shutil.rmtree(root / NAME / "2026/01/03"),
    "drop the first day": lambda root: shutil.rmtree(root / NAME / "2026/01/02"),
    "drop a closing": lambda root: (root / NAME / "2026/01/02/000004.json").unlink(),
    "drop the beginning": lambda root: (root / NAME / "first.json").unlink(),
    "change the beginning": lambda root: overwrite(root / NAME / "first.json", to_json({"day": "2026/01/03"})),
    "insert": _insert,
    "reorder": _swap,
    "spell otherwise": lambda root: overwrite(root / _keys(root)[4], (root / _keys(root)[4]).read_bytes() + b" "),
    "add a file": lambda root: (root / NAME / "2026/01/03/notes.txt").touch(),
    "number anew": lambda root: _change(root, 4, sequence=99),
}


@pytest.mark.parametrize("how", TAMPERS)
def test_every_way_of_tampering_shows(tmp_path: Path, how: str) -> None:
    _filled(tmp_path)
    assert _read(tmp_path)[1] == []
    TAMPERS[how](tmp_path)
    assert _read(tmp_path)[1]


def test_going_back_over_a_broken_link_is_refused(tmp_path: Path) -> None:
    clock = _filled(tmp_path)
    _change(tmp_path, 4, said="x")
    with pytest.raises(DigestMismatch, match="altered"):
        list(Chain(open_objects(tmp_path), clock, NAME).newest_first())


def test_a_damaged_newest_entry_is_told(tmp_path: Path) -> None:
    clock = _filled(tmp_path)
    overwrite(tmp_path / _keys(tmp_path)[-2], b"{")
    with pytest.raises(DigestMismatch, match="damaged"):
        Chain(open_objects(tmp_path), clock, NAME).head()
