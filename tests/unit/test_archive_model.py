"""Everything that can be done to papers, in any order, with processes that die at any call to the store, against a model that
only counts: which documents there are, where, with which digests, in how many versions."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ocr_workers import pipeline
from ocr_workers.housekeeping import clear_finished_staging, finish_interrupted, hand_out_again
from sohoa.clock import FixedClock, SystemClock
from sohoa.errors import Conflict
from sohoa.states import DocumentStatus, RevisionKind
from storage.archive import Archive
from storage.archive.layout import object_id_of, sha256_of
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.objects.protocol import Objects
from tests.support.crash import Crash, Interposed, assert_whole
from tests.support.verified import verified
from tests.support.worked import LOCKED, MIXED, NOT_PDFA, WHOLE, Paper, WorkedOffice, picture, worked_office

ARCHIVED, HELD, FAILED, WITHDRAWN = (
    DocumentStatus.ARCHIVED,
    DocumentStatus.HELD,
    DocumentStatus.FAILED,
    DocumentStatus.WITHDRAWN,
)
ENDINGS = {
    "whole": (WHOLE, ARCHIVED),
    "mixed": (MIXED, ARCHIVED),
    "locked": (LOCKED, HELD),
    "no PDF/A": (NOT_PDFA, FAILED),
}

dossiers = st.sampled_from([None, "D-1", "D-2"])
endings = st.sampled_from(list(ENDINGS))
deaths = st.lists(st.integers(1, 90), max_size=3)
"""At which call to the store the process dies, and the next one that goes on, and the next."""
which = st.integers(0, 99)


_IN_MEMORY = Path("/dev/shm")
"""Nobody cuts the power here, and SQLite's own fsyncs would be most of the time."""


@dataclass
class Known:
    """A document as the model has it: the digests of its original and of what was appended."""

    dossier: str | None
    status: DocumentStatus
    original: str
    appended: list[str] = field(default_factory=list)


class ArchiveMachine(RuleBasedStateMachine):
    """A real folder store, a real catalogue, the real stages with an engine that reads from a script."""

    def __init__(self) -> None:
        super().__init__()
        self._closing = ExitStack()
        home = Path(tempfile.mkdtemp(prefix="model-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None))
        self._closing.callback(shutil.rmtree, home)
        patch = self._closing.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("os.fsync", lambda descriptor: None)
        self._office: WorkedOffice = self._closing.enter_context(worked_office(home, patch))
        self._office.tools.settings = self._office.stores.settings.model_copy(update={"max_attempts": 50})
        self._objects = self._office.stores.archive.objects
        self._documents: dict[str, Known] = {}
        self._receipts: dict[str, tuple[str, str]] = {}
        """Receipt → the document it resolves to, and its digest."""
        self._versions: Counter[str] = Counter()
        self._fresh = 100

    def teardown(self) -> None:
        self._closing.close()

    @rule(number=st.integers(0, 5), dossier=dossiers, ending=endings, deaths=deaths)
    def receive(self, number: int, dossier: str | None, ending: str, deaths: list[int]) -> None:
        data, (paper, status) = picture(number), ENDINGS[ending]
        there = self._same(dossier, sha256_of(data))
        self._do(lambda: self._office.receive(data, dossier=dossier), deaths, paper)
        new = self._new_receipts()
        assert len(new) == 0 if there else len(new) == 1 or (deaths and not new)
        for receipt in new:
            self._documents[receipt] = Known(dossier, status, sha256_of(data))
            self._receipts[receipt] = (receipt, sha256_of(data))
            self._versions[object_id_of(receipt, dossier)] += 1

    @precondition(lambda self: self._usable())
    @rule(which=which, deaths=deaths)
    def withdraw(self, which: int, deaths: list[int]) -> None:
        document_id, known = self._pick(which)
        self._do(lambda: self._office.withdraw(self._row(document_id)), deaths, WHOLE)
        if not deaths or self._row(document_id).status is WITHDRAWN:
            known.status = WITHDRAWN
            self._versions[object_id_of(document_id, known.dossier)] += 1

    @precondition(lambda self: self._usable())
    @rule(which=which, to=dossiers, deaths=deaths)
    def move(self, which: int, to: str | None, deaths: list[int]) -> None:
        document_id, known = self._pick(which)
        if to == known.dossier:
            deaths = []
        if to != known.dossier and self._same(to, known.original):
            with pytest.raises(Conflict):
                self._office.move(self._row(document_id), to)
            return
        self._do(lambda: self._office.move(self._row(document_id), to), deaths, WHOLE)
        if to != known.dossier and (not deaths or self._row(document_id).dossier == to):
            self._versions[object_id_of(document_id, known.dossier)] += 1
            self._versions[object_id_of(document_id, to)] += 1
            known.dossier = to

    @precondition(lambda self: self._usable())
    @rule(which=which, kind=st.sampled_from([RevisionKind.REPLACE, RevisionKind.APPEND]), ending=endings, deaths=deaths)
    def revise(self, which: int, kind: RevisionKind, ending: str, deaths: list[int]) -> None:
        document_id, known = self._pick(which)
        self._fresh += 1
        data, (paper, status) = picture(self._fresh), ENDINGS[ending]
        if kind is RevisionKind.APPEND and known.status is not ARCHIVED:
            with pytest.raises(Conflict):
                self._office.revise(self._row(document_id), kind, then=None, data=data)
            return
        self._do(lambda: self._office.revise(self._row(document_id), kind, then=None, data=data), deaths, paper)
        new = self._new_receipts()
        assert len(new) == 1 or (deaths and not new)
        for receipt in new:
            self._receipts[receipt] = (document_id, sha256_of(data))
            self._versions[object_id_of(document_id, known.dossier)] += 1
            if status is ARCHIVED and kind is RevisionKind.APPEND:
                known.appended.append(sha256_of(data))
            elif status is ARCHIVED:
                known.status, known.original, known.appended = ARCHIVED, sha256_of(data), []

    @precondition(lambda self: self._usable(FAILED))
    @rule(which=which, ending=endings, deaths=deaths)
    def retry(self, which: int, ending: str, deaths: list[int]) -> None:
        document_id, known = self._pick(which, FAILED)
        paper, status = ENDINGS[ending]
        place = object_id_of(document_id, known.dossier)
        self._do(lambda: self._office.retry(self._row(document_id), then=None), deaths, paper)
        if not deaths or self._archive().inventory(place).head != self._versions[place]:
            known.status = status
            self._versions[place] += 2  # what was decided, and what came of it

    @invariant()
    def everything_is_as_the_model_has_it(self) -> None:
        archive = self._archive()
        receipts = [archive.read_receipt(Path(key).stem) for key in self._objects.list("receipts/")]
        assert {each.document_id: each.sha256 for each in receipts} == {
            receipt: sha256 for receipt, (_, sha256) in self._receipts.items()
        }
        with self._office.stores.database.read() as connection:
            rows = {each.document_id: each for each in documents.list_documents(connection, limit=500).items}
        assert {
            document_id: Known(row.dossier, row.status, row.original_sha256, [one.sha256 for one in row.appended])
            for document_id, row in rows.items()
        } == self._documents
        if not self._documents:
            return
        homes = defaultdict(set)
        ever = defaultdict(set)
        for object_id in self._versions:
            inventory = archive.inventory(object_id)
            for path in inventory.state:
                if path.startswith("documents/"):
                    homes[path.split("/")[1]].add(object_id)
            for version in inventory.versions:
                for path, sha256 in version.state.items():
                    ever[path.split("/")[1] if "/" in path else ""].add(sha256)
        assert homes == {each: {object_id_of(each, known.dossier)} for each, known in self._documents.items()}
        for document_id, promised in self._receipts.values():
            assert promised in ever[document_id]
        assert assert_whole(self._office.stores.settings.folder_of("")) == self._versions
        seen: Counter[str] = Counter()
        for entry in archive.ledger.entries():
            for commit in entry.commits:
                seen[commit.object_id] += 1
                assert commit.version == seen[commit.object_id], "the ledger names versions in their order"
        wrong = [found for found in verified(self._office.stores).findings if found.severity != "pending"]
        assert wrong == []

    def _do(self, act: Callable[[], object], deaths: list[int], paper: Paper) -> None:
        """Do it, with a process that dies at the first of `deaths`; another goes on and dies at the next; the last one
        comes to the end."""
        self._office.script = paper
        self._office.clock.advance(seconds=1)
        with self._dying(deaths[0] if deaths else None):
            act()
        for call in deaths[1:]:
            with self._dying(call):
                self._go_on(swept=call % 3 > 0)
        with self._dying(None):
            self._go_on(swept=True)
            self._office.index()
        two_days_on = FixedClock(SystemClock().now() + timedelta(days=2))  # files have the times of this machine
        clear_finished_staging(replace(self._office.stores, archive=Archive(self._objects, two_days_on)))
        assert list(self._objects.list("staging/")) == []

    def _go_on(self, *, swept: bool) -> None:
        """A worker, after the sweeper or before it."""
        self._office.clock.advance(seconds=3600)  # whoever had a lease is gone
        if swept:
            finish_interrupted(self._office.stores)
        hand_out_again(self._office.stores)
        while pipeline.run_next(self._office.tools, started=lambda job, limit_s: None):
            pass

    @contextmanager
    def _dying(self, call: int | None) -> Iterator[None]:
        """A new process, which dies at this call to the store."""

        def die() -> None:
            raise Crash

        objects = self._objects
        if call is not None:
            objects = cast(Objects, Interposed(objects, at=call, action=die, after=call % 2 == 0, only=frozenset()))
        archive = Archive(objects, self._office.clock)
        self._office.stores = replace(self._office.stores, archive=archive)
        self._office.tools.archive = archive
        try:
            with suppress(Crash):
                yield
        finally:
            archive = self._archive()
            self._office.stores = replace(self._office.stores, archive=archive)
            self._office.tools.archive = archive

    def _archive(self) -> Archive:
        return Archive(self._objects, self._office.clock)

    def _usable(self, *statuses: DocumentStatus) -> list[str]:
        wanted = statuses or (ARCHIVED, HELD, FAILED)
        return sorted(document_id for document_id, known in self._documents.items() if known.status in wanted)

    def _pick(self, which: int, *statuses: DocumentStatus) -> tuple[str, Known]:
        usable = self._usable(*statuses)
        document_id = usable[which % len(usable)]
        return document_id, self._documents[document_id]

    def _row(self, document_id: str) -> Document:
        with self._office.stores.database.read() as connection:
            return documents.get(connection, document_id)

    def _same(self, dossier: str | None, sha256: str) -> bool:
        """Whether a document with these bytes is there already."""
        return any(
            (known.dossier, known.original) == (dossier, sha256) and known.status is not WITHDRAWN
            for known in self._documents.values()
        )

    def _new_receipts(self) -> list[str]:
        here = [Path(key).stem for key in self._objects.list("receipts/")]
        return [receipt for receipt in here if receipt not in self._receipts]


@pytest.mark.slow
def test_whatever_is_done_in_whatever_order_and_whoever_dies_the_archive_is_as_the_model_has_it() -> None:
    bounded = settings(
        max_examples=6,
        stateful_step_count=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ArchiveMachine, settings=bounded)
