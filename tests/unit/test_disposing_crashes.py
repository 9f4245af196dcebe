"""A disposal that dies at any call to the store, or inside its deletes, is finished by recovery or has not begun."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sohoa.clock import SystemClock
from sohoa.errors import Conflict, NotFound
from sohoa.model import Actor
from storage.archive import Archive, object_id_of
from storage.archive.certificate import Certificate
from storage.archive.disposal import certificate_key, dispose_of
from storage.archive.layout import object_root, sha256_of
from storage.objects import open_objects
from tests.support.crash import Crash, at_every_call, commit_staged, crash, stage_paper

DOSSIER = "000.00.05.H02-230105-0001"
OBJECT = object_id_of("A", DOSSIER)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


pytestmark = pytest.mark.usefixtures("no_power_cuts")


def _prepare(archive: Archive) -> None:
    """A dossier of two versions whose time is over, another object, and a paper that would like to join the dossier."""
    for document_id, dossier in (("A", DOSSIER), ("B", DOSSIER), ("C", None)):
        stage_paper(archive, document_id)
        commit_staged(archive, document_id, dossier)
        archive.clear_staging(document_id)
    stage_paper(archive, "D")
    archive.objects.guard(object_root(OBJECT), until=LONG_AGO, hold=False)


def _certificate(archive: Archive) -> Certificate:
    root = object_root(OBJECT)
    return Certificate(
        object_id=OBJECT,
        inventories=tuple(sha256_of(archive.objects.read(f"{root}/v{n}/inventory.json")) for n in (1, 2)),
        documents=("A", "B"),
        retention_class="5y",
        until=LONG_AGO,
        reason="hết thời hạn",
        proposed_by=Actor("person:lan"),
        proposed_at=LONG_AGO,
        approved_by=Actor("person:mai"),
        approved_at=LONG_AGO,
        run_by=Actor("person:hoa"),
        run_at=LONG_AGO,
    )


def _dispose(archive: Archive) -> None:
    dispose_of(archive.objects, archive.ledger, _certificate(archive))


def _join(archive: Archive) -> None:
    commit_staged(archive, "D", DOSSIER)


def _assert_gone(archive: Archive) -> None:
    assert list(archive.objects.list(f"{object_root(OBJECT)}/")) == []
    assert list(archive.objects.list("intents/")) == []
    found = [each for entry in archive.ledger.entries() for each in entry.disposals]
    assert [each.object_id for each in found] == [OBJECT]
    assert archive.objects.exists(certificate_key(OBJECT))
    assert archive.inventory(object_id_of("C", None)).head == 1
    with pytest.raises(Conflict) as caught:
        _join(archive)
    assert caught.value.code == "disposed"
    assert list(archive.objects.list("intents/")) == []
    with pytest.raises(NotFound):
        archive.inventory(OBJECT)


def _assert_whole(archive: Archive, head: int) -> None:
    inventory = archive.inventory(OBJECT)
    assert inventory.head == head
    for digest, paths in inventory.manifest.items():
        for path in paths:
            assert sha256_of(archive.objects.read(f"{object_root(OBJECT)}/{path}")) == digest
    assert not archive.objects.exists(certificate_key(OBJECT))


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_is_finished_by_recovery_or_nothing_was_begun(tmp_path: Path, after: bool) -> None:
    outcomes, points = set(), 0
    for archive in at_every_call(tmp_path, prepare=_prepare, run=_dispose, action=crash, after=after):
        points += 1
        begun = any(key.count("/") == 2 for key in archive.objects.list("intents/"))
        archive.recover()
        if begun or archive.objects.exists(certificate_key(OBJECT)):
            _assert_gone(archive)
            outcomes.add("gone")
        else:
            _assert_whole(archive, 2)
            outcomes.add("whole")
    print(f"{points - 1} points at which a disposal was killed")
    assert outcomes == {"gone", "whole"}
    assert points > 10


@pytest.mark.slow
def test_a_crash_at_any_delete_inside_the_store_is_finished_by_recovery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 0
    while True:
        points += 1
        archive = Archive(open_objects(tmp_path / f"{points:04}"), SystemClock())
        archive.initialise()
        _prepare(archive)
        deleted = 0

        def dying(plain: Any, *, fatal: int = points) -> Any:
            def call(*given: Any, **how: Any) -> Any:
                nonlocal deleted
                deleted += 1
                if deleted == fatal:
                    raise Crash
                return plain(*given, **how)

            return call

        with monkeypatch.context() as patch:
            for owner, name in ((os, "unlink"), (os, "rmdir"), (Path, "unlink"), (Path, "rmdir"), (shutil, "rmtree")):
                patch.setattr(owner, name, dying(getattr(owner, name)))
            try:
                _dispose(archive)
                died = False
            except Crash:
                died = True
        other = Archive(open_objects(tmp_path / f"{points:04}"), SystemClock())
        if not died:
            break
        if any(key.count("/") == 2 for key in other.objects.list("intents/")):
            with pytest.raises(Conflict):  # who would join the dossier meanwhile finishes its disposal first
                _join(other)
        other.recover()
        if other.objects.exists(certificate_key(OBJECT)):
            _assert_gone(other)
        else:
            _assert_whole(other, 2)
    print(f"{points - 1} deletes at which a disposal was killed")
    assert points > 15


@pytest.mark.slow
def test_a_paper_that_joins_at_any_moment_is_in_a_whole_dossier_or_refused(tmp_path: Path) -> None:
    outcomes = set()

    def join(rival: Archive) -> None:
        try:
            _join(rival)
            outcomes.add("joined")
        except Conflict as error:
            outcomes.add(error.code)

    def run(archive: Archive) -> None:
        try:
            _dispose(archive)
        except Conflict as error:
            assert error.code == "busy"  # noqa: PT017  the paper was first

    for archive in at_every_call(tmp_path, prepare=_prepare, run=run, action=join):
        if archive.objects.exists(certificate_key(OBJECT)):
            _assert_gone(archive)
        else:
            _assert_whole(archive, 3)
    assert outcomes == {"joined", "disposed"}


def test_an_archive_that_knew_the_object_before_does_not_bring_it_back(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path), SystemClock())
    archive.initialise()
    _prepare(archive)
    stale = Archive(open_objects(tmp_path), SystemClock())
    assert stale.inventory(OBJECT).head == 2
    _dispose(archive)
    with pytest.raises(Conflict):
        _join(stale)
    _assert_gone(Archive(open_objects(tmp_path), SystemClock()))


def test_store_that_keeps_the_object_lets_nothing_begin(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path), SystemClock())
    archive.initialise()
    _prepare(archive)
    archive.objects.guard(object_root(OBJECT), until=None, hold=True)
    with pytest.raises(Exception, match="legal hold"):
        _dispose(archive)
    _assert_whole(archive, 2)
    assert list(archive.objects.list("intents/")) == []
