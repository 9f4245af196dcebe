"""A ledger held against a head that was given away shows every way of tampering with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sohoa.clock import FixedClock
from sohoa.errors import BadRequest
from sohoa.model import Sha256
from storage.archive.archive import Archive
from storage.archive.layout import ledger_key, sha256_of, to_json
from storage.archive.ledger import Commit
from storage.archive.published_head import PublishedHead, check_against, parse_head, published_head
from storage.objects import open_objects
from tests.support.crash import ACTOR

ENTRIES = 6


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive whose ledger has six entries."""
    clock = FixedClock()
    archive = Archive(open_objects(tmp_path / "archive"), clock)
    for number in range(ENTRIES):
        clock.advance(seconds=1)
        commit = Commit(f"urn:sohoa:document:{number}", 1, Sha256("0" * 64), clock.now(), ACTOR, "archived")
        archive.ledger.record(commit, after=number)
    return archive


def _codes(archive: Archive, published: PublishedHead) -> set[str]:
    return {found.code for found in check_against(archive.objects, published)[1]}


def _path(tmp_path: Path, sequence: int) -> Path:
    return tmp_path / "archive" / ledger_key(sequence)


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def _rechain(tmp_path: Path, start: int, end: int) -> None:
    """Write the entries from `start` on anew so that each follows from the one before: what one who may write can do."""
    for sequence in range(start, end + 1):
        entry: dict[str, Any] = json.loads(_path(tmp_path, sequence).read_bytes())
        entry["sequence"] = sequence
        entry["previous"] = sha256_of(_path(tmp_path, sequence - 1).read_bytes()) if sequence > 1 else None
        _write(_path(tmp_path, sequence), to_json(entry))


def change(tmp_path: Path) -> None:
    """Entry 3 names another actor."""
    _write(_path(tmp_path, 3), _path(tmp_path, 3).read_bytes().replace(b"system:test", b"person:evil"))


def drop(tmp_path: Path) -> None:
    """Entry 3 goes, those after it move up."""
    for sequence in range(3, ENTRIES):
        _write(_path(tmp_path, sequence), _path(tmp_path, sequence + 1).read_bytes())
    _path(tmp_path, ENTRIES).unlink()


def insert(tmp_path: Path) -> None:
    """A made-up entry comes between 2 and 3."""
    for sequence in range(ENTRIES, 2, -1):
        _write(_path(tmp_path, sequence + 1), _path(tmp_path, sequence).read_bytes())
    entry = json.loads(_path(tmp_path, 4).read_bytes())
    entry["commits"][0]["object_id"] = "urn:sohoa:document:forged"
    _write(_path(tmp_path, 3), to_json(entry))


def reorder(tmp_path: Path) -> None:
    """Entries 3 and 4 change places."""
    third, fourth = _path(tmp_path, 3).read_bytes(), _path(tmp_path, 4).read_bytes()
    _write(_path(tmp_path, 3), fourth)
    _write(_path(tmp_path, 4), third)


def truncate(tmp_path: Path) -> None:
    """The last two entries go."""
    for sequence in (ENTRIES - 1, ENTRIES):
        _path(tmp_path, sequence).unlink()


TAMPERINGS = [change, drop, insert, reorder, truncate]


def test_an_untouched_ledger_is_clean_and_may_have_grown_since(archive: Archive, tmp_path: Path) -> None:
    published = published_head(archive)
    assert published is not None
    assert _codes(archive, published) == set()
    entry = archive.ledger.entry(4)
    assert _codes(archive, PublishedHead(4, entry.sha256, "then")) == set()


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_each_way_of_tampering_is_found(archive: Archive, tmp_path: Path, tamper: Callable[[Path], None]) -> None:
    published = published_head(archive)
    assert published is not None
    tamper(tmp_path)
    assert _codes(archive, published)


@pytest.mark.parametrize("tamper", [change, drop, insert, reorder])
def test_a_chain_that_was_written_anew_is_found_by_the_published_head_alone(
    archive: Archive, tmp_path: Path, tamper: Callable[[Path], None]
) -> None:
    published = published_head(archive)
    assert published is not None
    tamper(tmp_path)
    end = len(list((tmp_path / "archive/ledger").rglob("*.json")))
    _rechain(tmp_path, 3, end)
    expected = {"head_missing"} if tamper is drop else {"head_differs"}
    assert _codes(archive, published) - {"ledger_damaged"} == expected


def test_a_head_missing_short_is_found_by_the_published_head_alone(archive: Archive, tmp_path: Path) -> None:
    published = published_head(archive)
    assert published is not None
    truncate(tmp_path)
    assert _codes(archive, published) == {"head_missing"}


def test_an_empty_ledger_has_no_head(tmp_path: Path) -> None:
    assert published_head(Archive(open_objects(tmp_path), FixedClock())) is None


def test_a_head_is_read_back_as_it_was_printed(archive: Archive) -> None:
    published = published_head(archive)
    assert published is not None
    assert parse_head(json.dumps(published.to_json())) == published


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"sequence": "x", "sha256": "", "recorded_at": ""}'])
def test_what_is_no_head_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadRequest, match="no published head"):
        parse_head(text)


def test_a_head_of_nothing_is_refused() -> None:
    with pytest.raises(BadRequest, match="not a number of an entry"):
        parse_head('{"sequence": 0, "sha256": "", "recorded_at": ""}')
