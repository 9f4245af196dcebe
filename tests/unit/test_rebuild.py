"""The catalogue and the index come back from the archive alone, row for row, whatever state a paper was in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sohoa.clock import FixedClock
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.index import open_index, parse_query
from storage.rebuild.rebuild import Rebuilt, rebuild
from storage.stores import open_archive, open_stores
from tests.support.catalogue_rows import rows_of
from tests.support.worked import every_state, worked_office


@pytest.fixture(autouse=True)
def _no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about losing power, so fsyncs would only cost time."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.mark.parametrize("count", [45, pytest.param(1000, marks=pytest.mark.slow)])
def test_papers_in_every_state_are_row_for_row_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        every_state(office, count)
        before, found_before = rows_of(office.stores.database), searches(office.stores.settings)
    statuses = {row["status"] for row in before["documents"]}
    assert statuses == {DocumentStatus.ARCHIVED, DocumentStatus.HELD, DocumentStatus.FAILED, DocumentStatus.WITHDRAWN}
    lose_everything_but_the_archive(tmp_path)
    rebuilt = rebuild_in(tmp_path)
    assert rebuilt.findings == ()
    with open_stores(Settings(home=tmp_path)) as stores:
        assert rows_of(stores.database) == before
    assert searches(Settings(home=tmp_path)) == found_before
    assert sum(rebuilt.documents.values()) == len(before["documents"]) >= count
    assert rebuilt.pages == len(before["pages"])


def rebuild_in(home: Path, **how: Any) -> Rebuilt:
    settings, clock = Settings(home=home), FixedClock()
    clock.advance(seconds=86_400)
    return rebuild(settings, open_archive(settings, clock), clock, **how)


def lose_everything_but_the_archive(home: Path) -> None:
    for path in home.iterdir():
        if path.name != "archive":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


QUERIES = ("hòa giải", "hoa giai", '"hợp đồng thuê"', "trang -đồng", "office:so-khcn", "name:giấy", "Đỗ", "archived:2026")


def searches(settings: Settings) -> list[tuple[int, list[Any]]]:
    """What is found, with pages, snippets and boxes; scores are left out, for an index counts deleted entries in them."""
    with open_index(settings) as index:
        found = [index.search(parse_query(query), office=None, limit=2000) for query in QUERIES]
    assert all(page.total for page in found)
    return [
        (page.total, sorted((replace(hit, score=0.0) for hit in page.hits), key=lambda hit: hit.document_id))
        for page in found
    ]
