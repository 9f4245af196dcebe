"""Ends a process, or makes something fail, at every numbered point of a paper's life: intake, page work, commit, index, sweep.

A point is a call to the store or either side of a catalogue transaction. `python -m tests.support.life_deaths HOME SCENARIO
WAY` prints how many points there were. SCENARIO: `life`, all of it from the first byte on, or `sweep`, what the sweeper has to
put right. WAY: `exit` (`os._exit`), `error` (an error that nobody foresaw), or the store fails `before`, `during` or `after` a
write. Afterwards everything is started again, and must end as it always does. It is a process of its own, since it forks, and
whoever forks should have no threads.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from ingest.receive import Intake, receive
from ocr_workers.housekeeping import clear_finished_staging, finish_interrupted, hand_out_again
from sohoa.clock import FixedClock, SystemClock
from sohoa.errors import StoreUnavailable
from sohoa.states import DocumentStatus
from storage.archive import Archive
from storage.archive.layout import document_folder, object_id_of, sha256_of
from storage.catalog import documents, jobs
from storage.catalog.database import Database
from storage.objects.protocol import Objects
from storage.stores import Stores
from tests.support.crash import assert_whole
from tests.support.rebuild_deaths import KILLED, in_child
from tests.support.verified import verified
from tests.support.worked import BLANK, LAN, READ, Paper, WorkedOffice, picture, worked_office

WAYS = ("exit", "error", "before", "during", "after")
DOSSIER = "000.00.05.H02-230105-0001"
OBJECT = object_id_of("", DOSSIER)
PAPER = Paper(pages=(READ, BLANK, READ))
_WRITES = frozenset({"create", "replace", "copy", "delete"})


class Points:
    """Counts points, and at number `fatal` does what the way says."""

    def __init__(self, fatal: int, way: str) -> None:
        self._fatal, self._way, self.count = fatal, way, 0

    def reached(self) -> bool:
        """Whether the point is due and the store is to fail at it; dies, or raises, where that is the way."""
        self.count += 1
        if self.count != self._fatal:
            return False
        if self._way == "exit":
            os._exit(KILLED)
        if self._way == "error":
            raise RuntimeError("an error that nobody foresaw")
        return True

    def store(self, objects: Objects) -> Objects:
        """The store, each call of which (of a failing store: each write) is a point."""
        return cast(Objects, _Store(objects, self, self._way))

    def database(self, database: Database) -> Database:
        """The catalogue, either side of the end of each writing transaction of which is a point."""
        return database if self._way in ("before", "during", "after") else cast(Database, _Database(database, self))


class _Store:
    def __init__(self, objects: Objects, points: Points, way: str) -> None:
        self._objects, self._points, self._way = objects, points, way

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._objects, name)
        if not callable(method) or (self._way not in ("exit", "error") and name not in _WRITES):
            return method

        def call(*given: Any, **how: Any) -> Any:
            if not self._points.reached():
                return method(*given, **how)
            if self._way == "before":
                raise StoreUnavailable("the store is away")
            if self._way == "after":
                with suppress(Exception):
                    method(*given, **how)
                raise StoreUnavailable("the store's answer was lost")
            with _broken_disk():
                return method(*given, **how)

        return call


@contextmanager
def _broken_disk() -> Iterator[None]:
    """Everything is written, and then cannot be put in its place."""

    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("link", "replace", "rename"):
            patch.setattr(os, name, broken)
        yield


class _Database:
    def __init__(self, database: Database, points: Points) -> None:
        self._database, self._points = database, points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def write(self) -> AbstractContextManager[Connection]:
        return self._passing(self._database.write())

    def write_beside(self) -> AbstractContextManager[Connection]:
        return self._passing(self._database.write_beside())

    @contextmanager
    def _passing(self, transaction: AbstractContextManager[Connection]) -> Iterator[Connection]:
        with transaction as connection:
            yield connection
            self._points.reached()
        self._points.reached()


def main(base: Path, scenario: str, way: str) -> None:
    """Try every point."""
    template, tried = base / "template", 0
    with _office(
        base / "warm", minutes=0
    ) as office:  # what this process has learnt, no child has to; the index has threads
        _receive(office.stores)
        _work(office)
        _sweep_once(office)
    with _office(template, minutes=0):
        pass
    if scenario == "sweep":
        assert in_child(partial(_leave_work_for_the_sweeper, template)) == 0
    run = {"life": _live, "sweep": _sweep}[scenario]
    with tempfile.TemporaryDirectory(dir=base) as scratch:
        for number in range(1, 100_000):
            home = Path(scratch) / str(number)
            shutil.copytree(template, home)
            ended = in_child(partial(_until, home, run, number, way))
            assert ended in (0, KILLED), (number, ended)
            assert in_child(partial(_start_again, home)) == 0, f"point {number}"
            if ended == 0:
                break
            tried += 1
            shutil.rmtree(home)
    assert tried > 10
    print(tried)


def _until(home: Path, run: Callable[[WorkedOffice, Path], None], fatal: int, way: str) -> None:
    points = Points(fatal, way)
    with _office(home, minutes=10) as office:
        stores = office.stores
        watched = replace(
            stores,
            archive=Archive(points.store(stores.archive.objects), office.clock),
            database=points.database(stores.database),
        )
        office.stores = watched
        office.tools.archive, office.tools.database = watched.archive, watched.database
        run(office, home)
        if points.count >= fatal:  # it failed there, and the process lived on
            os._exit(KILLED)


def _live(office: WorkedOffice, home: Path) -> None:
    """A paper comes in, is worked on, indexed and swept up; a step that fails is followed by the next, as in a service."""
    accepted = None
    for _ in range(2):  # a clerk whose upload failed sends it again
        with suppress(RuntimeError, StoreUnavailable):
            accepted = _receive(office.stores)
            (home / "accepted").write_text(accepted)
            break
    for _ in range(3):
        office.clock.advance(seconds=1200)
        for step in (_work, _index, _sweep_once):
            with suppress(RuntimeError, StoreUnavailable):
                step(office)


def _sweep(office: WorkedOffice, home: Path) -> None:
    for _ in range(2):
        with suppress(RuntimeError, StoreUnavailable):
            _sweep_once(office)


def _receive(stores: Stores) -> str:
    intake = Intake(filename="giấy.png", office="H02", dossier=DOSSIER, actor=LAN)
    accepted = receive(
        io.BytesIO(picture(2)),
        intake,
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    )
    return accepted.document.document_id


def _work(office: WorkedOffice) -> None:
    with office.stores.database.read() as connection:
        [document] = documents.list_documents(connection).items
    office.work(document, PAPER)


def _index(office: WorkedOffice) -> None:
    office.index()


def _sweep_once(office: WorkedOffice) -> None:
    finish_interrupted(office.stores)
    hand_out_again(office.stores)
    two_days_on = FixedClock(SystemClock().now() + timedelta(days=2))  # files have the times of this machine
    clear_finished_staging(replace(office.stores, archive=Archive(office.stores.archive.objects, two_days_on)))


def _leave_work_for_the_sweeper(home: Path) -> None:
    """A paper that only has its receipt, and one in the same dossier whose commit stopped half-way."""
    with _office(home, minutes=0) as office:
        _receive(office.stores)
        _work(office)
        other = office.receive(picture(4), dossier=DOSSIER).document
        office.script = PAPER
        with office.stores.database.read() as connection:
            assert jobs.counts(connection, document_id=other.document_id)
        copies = 0
        objects = office.stores.archive.objects
        real = type(objects).copy

        def copy(*given: Any, **how: Any) -> Any:
            nonlocal copies
            copies += str(given[2]).startswith("ocfl/")
            if copies == 1:
                raise StoreUnavailable("the store is away")
            return real(*given, **how)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(objects), "copy", copy)
            office.work(other, PAPER)
        assert any(key.count("/") == 2 for key in objects.list("intents/"))
        with pytest.MonkeyPatch.context() as patch, suppress(RuntimeError):
            patch.setattr("ingest.receive.register", _die)
            office.receive(dossier=DOSSIER)


def _die(*_: object, **__: object) -> None:
    raise RuntimeError


def _start_again(home: Path) -> None:
    """The service starts again; everything ends as if nothing had happened."""
    with _office(home, minutes=600) as office:
        for _ in range(4):
            office.clock.advance(seconds=1200)
            _sweep_once(office)
            with office.stores.database.read() as connection:
                found = documents.list_documents(connection).items
            for document in found:
                office.work(document, PAPER)
        office.index()
        _sweep_once(office)
        _check(office, home)


def _check(office: WorkedOffice, home: Path) -> None:
    """Every receipt is one document, archived, with the receipt's bytes; nothing is left over; `verify` is clean."""
    archive, root = office.stores.archive, office.stores.settings.folder_of("")
    with office.stores.database.read() as connection:
        found = {document.document_id: document for document in documents.list_documents(connection).items}
        assert jobs.counts(connection) == {}
    receipts = [archive.read_receipt(Path(key).stem) for key in archive.objects.list("receipts/")]
    by_bytes = {document.original_sha256: document for document in found.values()}
    for receipt in receipts:
        document = by_bytes[receipt.sha256]
        assert document.status is DocumentStatus.ARCHIVED
        name = f"{document_folder(document.document_id)}original.png"
        with archive.open_file(document.archived_in, name) as stream:
            assert sha256_of(stream.read()) == receipt.sha256
    assert len(by_bytes) == len(found) == len({receipt.sha256 for receipt in receipts})
    told = home / "accepted"
    assert not told.exists() or told.read_text() in {receipt.document_id for receipt in receipts}
    assert list(archive.objects.list("staging/")) == []
    assert assert_whole(root) == ({OBJECT: len(found)} if found else {})
    assert [found.code for found in verified(office.stores).findings if found.code != "index_pending"] == []


@contextmanager
def _office(home: Path, *, minutes: float) -> Iterator[WorkedOffice]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)  # processes die here, not machines
        with worked_office(home, patch) as office:
            office.clock.advance(seconds=60 * minutes)
            yield office


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
