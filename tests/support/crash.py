"""Crashes, full disks and rivals at a chosen call to the store, and the look at an archive whole after them."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

from ocfl.validator import Validator

from sohoa.clock import SystemClock
from sohoa.errors import StoreUnavailable
from sohoa.model import Actor
from storage.archive import Archive, Recorded, object_id_of
from storage.archive.commit import StagedFile
from storage.archive.ocfl_root import validate_root
from storage.archive.ocfl_tree import FolderTree
from storage.objects import open_objects
from storage.objects.protocol import Objects

ACTOR = Actor("system:test")


POINTS: Counter[str] = Counter()
"""How often a test file has had something happen at a chosen point so far; said at the end of the suite."""


def count_points(number: int = 1) -> None:
    """Add to the points of the test file that runs."""
    POINTS[os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0].rpartition("/")[2]] += number


class Crash(BaseException):
    """The process dies here: nothing may catch this."""


class Interposed:
    """A store that does something of its own just before or just after its call number `at`, counted from 1."""

    def __init__(
        self, objects: Objects, *, at: int, action: Callable[[], None], after: bool, only: frozenset[str]
    ) -> None:
        self._objects, self._at, self._action, self._after, self._only = objects, at, action, after, only
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._objects, name)
        if self._only and name not in self._only:
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            due = self.calls == self._at
            if due:
                count_points()
            if due and not self._after:
                self._action()
            result = method(*args, **kwargs)
            if due and self._after:
                if isinstance(result, io.IOBase):
                    result.close()  # nobody will, where the action is to die
                self._action()
            return result

        return call


def at_every_call(
    base: Path,
    *,
    prepare: Callable[[Archive], None],
    run: Callable[[Archive], object],
    action: Callable[[Archive], None],
    after: bool = False,
    only: frozenset[str] = frozenset(),
) -> Iterator[Archive]:
    """For n = 1, 2, … until `run` makes fewer than n calls: a new archive in which `action` happened at call n.

    `action` gets an archive of its own on the same store, as another process would have. An error that `action` raises
    ends `run`; Crash and StoreUnavailable are caught here.
    """
    number = 0
    while True:
        number += 1
        objects = open_objects(base / f"{number:04d}")
        rival = Archive(objects, SystemClock())
        rival.initialise()
        prepare(rival)
        interposed = Interposed(objects, at=number, action=partial(action, rival), after=after, only=only)
        with suppress(Crash, StoreUnavailable):
            run(Archive(cast(Objects, interposed), SystemClock()))
        yield Archive(objects, SystemClock())
        if interposed.calls < number:
            return


def interposed(archive: Archive, *, at: int) -> Archive:
    """An archive on the same store in which the process dies at call number `at`, counted from 1."""

    def die() -> None:
        raise Crash

    store = Interposed(archive.objects, at=at, action=die, after=False, only=frozenset())
    return Archive(cast(Objects, store), SystemClock())


def crash(_: Archive) -> None:
    """Die."""
    raise Crash


def fill_disk(_: Archive) -> None:
    """Say what the store says when there is no room."""
    raise StoreUnavailable("the disk is full", code="disk_full")


def scan_of(document_id: str) -> bytes:
    """The original of a paper: too large to travel in an intent, so it is pinned."""
    return b"scan of %s, " % document_id.encode() * 7_000


def stage_paper(archive: Archive, document_id: str, *, record: bytes = b"{}") -> list[StagedFile]:
    """Stage a paper: an original, its text (the same bytes in every paper) and a record."""
    return [
        archive.stage(document_id, "original.jpg", scan_of(document_id), overwrite=True),
        archive.stage(document_id, "text.txt", b"the same words", overwrite=True),
        archive.stage(document_id, "record.json", record, overwrite=True),
    ]


def commit_staged(archive: Archive, document_id: str, dossier: str | None = None) -> Recorded:
    """Commit a paper that :func:`stage_paper` staged, as any process would that knows only its id."""
    names = ("original.jpg", "text.txt", "record.json")
    return archive.commit_and_record(
        object_id_of(document_id, dossier),
        [archive.staged_file(document_id, name) for name in names],
        actor=ACTOR,
        message=f"archived {document_id}",
    )


def commit_in_own_process(root: Path, document_id: str, dossier: str) -> int:
    """Commit a staged paper from a process that shares nothing but the folder; the version it became."""
    archive = Archive(open_objects(root), SystemClock())
    return commit_staged(archive, document_id, dossier).commit.version


def commit_many_in_own_process(root: Path, document_ids: Sequence[str], dossier: str) -> list[int]:
    """Like :func:`commit_in_own_process` for several papers, one after the other; the versions they became."""
    archive = Archive(open_objects(root), SystemClock())
    return [commit_staged(archive, document_id, dossier).commit.version for document_id in document_ids]


def correct_in_own_process(root: Path, document_id: str, dossier: str, writer: int) -> list[int]:
    """Correct the record of one paper ten times, beside others who do the same; the versions that these became."""
    archive = Archive(open_objects(root), SystemClock())
    made = []
    for number in range(10):
        name, data = f"record-{writer}.json", b'{"writer": %d, "number": %d}' % (writer, number)
        staged = archive.stage(f"{document_id}{writer}", name, data, overwrite=True)
        file = StagedFile(f"documents/{document_id}/{name}", staged.key, staged.sha256, staged.size_bytes)
        recorded = archive.commit_and_record(
            object_id_of(document_id, dossier), [file], actor=ACTOR, message=f"correction {number} of {writer}"
        )
        made.append(recorded.commit.version)
    return made


def assert_whole(root: Path) -> Counter[str]:
    """Assert that a store at rest is right in everything that is promised of it; the number of versions of each object.

    No intent, pin or private file is left; ocfl-py finds every object valid, down to each digest; ledger entries follow
    from each other and name each version exactly once, with the digest of its inventory.
    """
    archive = Archive(open_objects(root), SystemClock())
    assert list(archive.objects.list("intents/")) == []
    assert list((root / ".tmp").iterdir()) == []
    versions: Counter[str] = Counter()
    digests = {}
    for declaration in sorted(root.glob("ocfl/*/*/*/*/0=ocfl_object_1.1")):
        validator = Validator(log_warnings=True)
        assert validator.validate_object(str(declaration.parent)), validator.status_str()
        assert {line.split("]")[0] for line in validator.status_str().splitlines()} == {"[W004"}, validator.status_str()
        inventory = json.loads((declaration.parent / "inventory.json").read_bytes())
        versions[inventory["id"]] = len(inventory["versions"])
        for name in inventory["versions"]:
            data = (declaration.parent / name / "inventory.json").read_bytes()
            digests[inventory["id"], int(name[1:])] = hashlib.sha256(data).hexdigest()
    assert len(list(root.glob("ocfl/*/*/*/*"))) == len(versions)
    assert {found.code for report in validate_root(FolderTree(root / "ocfl")) for found in report.findings} <= {"W004"}
    named = [commit for entry in archive.ledger.entries() for commit in entry.commits]
    assert {(commit.object_id, commit.version): commit.inventory_sha256 for commit in named} == digests
    assert len(named) == len(digests)
    return versions
