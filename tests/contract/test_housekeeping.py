"""The housekeeper checks fixity beside its other duties, one process at a time, and lets go at once when told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from ocr_workers import housekeeping
from ocr_workers.housekeeping import Housekeeper
from sohoa.cli import app
from sohoa.errors import StoreUnavailable
from sohoa.model import Actor
from sohoa.settings import Settings
from storage.archive.audit import read_audit
from storage.archive.chain import read_chain
from storage.archive.fixity import NAME, read_cover
from storage.archive.layout import object_id_of, object_root
from storage.catalog.tables import leases
from storage.stores import Stores, open_stores
from storage.viewing import record_viewing
from tests.support.archived import Api, opened_api
from tests.support.verified import DOSSIER, fill, flip

_PROMPTLY_S = 120.0


def _wait_until(true: Callable[[], bool]) -> None:
    until_s, pause = time.monotonic() + _PROMPTLY_S, threading.Event()
    while not true():
        assert time.monotonic() < until_s, "it never happened"
        pause.wait(0.02)


def _fill(home: Path, **settings: float) -> Api:
    with opened_api(home, **settings) as api:
        fill(api)
        return api


def test_a_round_is_kept_by_whoever_runs_and_status_tells_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _fill(tmp_path).stores.settings
    (text,) = settings.folder_of("").glob(f"ocfl/*/*/*/{_dossier_folder()}/v1/content/documents/*/text.txt")
    flip(text, 3)
    keepers = [Housekeeper(settings) for _ in range(2)]
    for keeper in keepers:
        keeper.start()
    with open_stores(settings) as stores:
        _wait_until(
            lambda: (cover := read_cover(stores.archive.objects, stores.clock)) is not None and cover.round_is_over
        )
        for keeper in keepers:
            keeper.stop()
        assert len(list(read_chain(stores.archive.objects, NAME))) == 1
    monkeypatch.setenv("SOHOA_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["status"]).stdout
    assert "rolling fixity check: every object read since" in shown
    assert "1 FAILED" in shown
    assert "E092" in shown
    told = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["fixity"]
    assert (told["failures"], told["round_is_over"]) == (1, True)
    assert told["failed"][0]["where"] == text.relative_to(settings.folder_of("")).as_posix()


def test_a_slow_round_stops_at_once_and_what_it_read_is_kept(tmp_path: Path) -> None:
    settings = _fill(tmp_path, fixity_rate_mb_s=0.0001).stores.settings  # the round would take hours
    keeper = Housekeeper(settings)
    keeper.start()
    with open_stores(settings) as stores:
        _wait_until(lambda: any(_leases(stores)))
        keeper.stop()
        _wait_until(lambda: not any(thread.is_alive() for thread in keeper._threads))
        assert not (cover := read_cover(stores.archive.objects, stores.clock)) or not cover.round_is_over


def test_duties_begin_once_the_stores_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _fill(tmp_path).stores.settings
    refused: list[str] = []

    def open_at_last(settings: Settings) -> AbstractContextManager[Stores]:
        if len(refused) < 8:
            refused.append("away")
            raise StoreUnavailable("the catalogue's server is away", code="catalog_away")
        return open_stores(settings)

    monkeypatch.setattr(housekeeping, "open_stores", open_at_last)
    monkeypatch.setattr(housekeeping, "AFTER_TROUBLE_S", 0.05)
    keeper = Housekeeper(settings)
    keeper.start()
    with open_stores(settings) as stores:
        _wait_until(lambda: read_cover(stores.archive.objects, stores.clock) is not None)
    keeper.stop()


def _leases(stores: Stores) -> list[str]:

    with stores.database.read() as connection:
        return [name for name in connection.execute(select(leases.c.name)).scalars() if name == "fixity"]


def _dossier_folder() -> str:

    return object_root(object_id_of("", DOSSIER)).rpartition("/")[2]


def test_viewings_are_entered_by_whoever_runs(tmp_path: Path) -> None:
    settings = _fill(tmp_path, fixity_rate_mb_s=0).stores.settings
    with open_stores(settings) as stores:
        for _ in range(3):
            record_viewing(stores, Actor("person:lan"), "0" * 26, through="api", what="pdf")
        keepers = [Housekeeper(settings) for _ in range(2)]
        for keeper in keepers:
            keeper.start()
        _wait_until(lambda: [entered for _, entered in read_audit(stores)] == [True] * 3)
        for keeper in keepers:
            keeper.stop()
        assert len(list(read_chain(stores.archive.objects, "audit"))) == 1
