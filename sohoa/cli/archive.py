"""`sohoa archive`: take files in, work until each is archived, held, failed or refused, and say what became of them."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

from ingest.batches import expand
from ingest.receive import Intake, check_dossier, receive_path
from ocr_workers.fleet import Fleet
from sohoa.cli.context import identify, opened, warn_of_spool
from sohoa.cli.progress import Progress, show_table
from sohoa.errors import BadRequest, Refused
from sohoa.model import Actor, DocumentId, OfficeId
from sohoa.states import FINAL, DocumentStatus, Urgency
from storage.catalog import documents, jobs, outbox
from storage.catalog.documents import Document
from storage.dispatch.work_queues import priority_of
from storage.presentation import document_json, refusal_json
from storage.stores import Stores

POLL_S = 0.1
NOTICE_EVERY_S = 5.0
WAITS = frozenset({"disk_full", "store_unavailable"})
SEARCHABLE_WITHIN_S = 30.0
"""How long to wait at the end for the index to take in what was archived."""


def run(
    paths: Sequence[str],
    *,
    dossier: str | None,
    office: str | None,
    urgency: str,
    workers: int | None,
    as_json: bool,
    as_actor: str | None,
) -> int:
    """Exit code: 0 when all are archived, 3 when some were held, failed or refused, 130 when stopped by Ctrl-C."""
    if urgency not in set(Urgency):
        raise BadRequest(f"--urgency {urgency!r} is neither {' nor '.join(Urgency)}")
    with opened() as stores:
        identity = identify(stores, as_actor, scope="ingest")
        check_dossier(dossier)
        batch = Batch(
            stores,
            office=identity.office_for(office, stores.settings),
            dossier=dossier,
            urgency=Urgency(urgency),
            actor=identity.actor,
            emit=_print_line if as_json else _stay_silent,
        )
        stop = threading.Event()
        fleet = Fleet(stores.settings, count=workers)
        with _ctrl_c_sets(stop, then=fleet.hurry), fleet:
            intake = threading.Thread(target=batch.take_in, args=(paths, stop))
            intake.start()
            notice = WaitingNotice(stores)
            try:
                with nullcontext() if as_json else Progress(stores) as progress:
                    while not stop.is_set() and not batch.over():
                        fleet.check()
                        batch.follow()
                        notice.show()
                        if progress is not None:
                            progress.show(batch.document_ids)
                        stop.wait(POLL_S)
            except BaseException:
                stop.set()
                raise
            finally:
                intake.join()
            _wait_until_searchable(stores, fleet, stop)
    if not as_json:
        show_table(batch.results)
    if batch.failure is not None:
        raise batch.failure
    if not batch.over():
        _say_how_to_go_on(batch)
        return 130
    return 0 if all(result["status"] == DocumentStatus.ARCHIVED for result in batch.results) else 3


class Batch:
    """The files of one call: which documents are awaited, and what became of the others. Shared by two threads."""

    def __init__(
        self,
        stores: Stores,
        *,
        office: OfficeId,
        dossier: str | None,
        urgency: Urgency,
        actor: Actor,
        emit: Callable[[dict[str, Any]], None],
    ) -> None:
        self.results: list[dict[str, Any]] = []
        self.document_ids: list[DocumentId] = []
        self.failure: BaseException | None = None
        self._stores = stores
        self._office = office
        self._dossier = dossier
        self._priority = priority_of(urgency)
        self._actor = actor
        self._emit = emit
        self._awaited: dict[DocumentId, list[tuple[str, DocumentId | None]]] = {}
        self._all_taken_in = False
        self._warned_of_spool = False
        self._lock = threading.RLock()

    def over(self) -> bool:
        """Whether every file was taken in (or refused) and every document is final."""
        with self._lock:
            return self._all_taken_in and not self._awaited

    @property
    def waiting(self) -> int:
        with self._lock:
            return len(self._awaited)

    def take_in(self, paths: Sequence[str], stop: threading.Event) -> None:
        """Receive every file that `paths` name; a file that is refused does not stop the others."""
        try:
            for found in expand(paths, settings=self._stores.settings):
                if stop.is_set():
                    return
                if isinstance(found, Path):
                    self._take_in_file(found)
                else:
                    self._refused(*found)
            self._all_taken_in = True
        except BaseException as error:  # noqa: BLE001  raised again by the main thread
            self.failure = error
            stop.set()

    def follow(self) -> None:
        """Say of each awaited document that has become final what became of it."""
        with self._lock:
            awaited = list(self._awaited)
        with self._stores.database.read() as connection:
            finished = documents.finished(connection, awaited)
        for document in finished:
            with self._lock:
                sources = self._awaited.pop(document.document_id)
            for source, duplicate_of in sources:
                self._over(source, document, duplicate_of)

    def _take_in_file(self, path: Path) -> None:
        stores = self._stores
        try:
            accepted = receive_path(
                path,
                Intake(path.name, self._office, self._dossier, self._actor, priority=self._priority),
                archive=stores.archive,
                database=stores.database,
                settings=stores.settings,
                clock=stores.clock,
                spool=stores.spool,
            )
        except Refused as refused:
            self._refused(str(path), refused)
            return
        if accepted.spooled and not self._warned_of_spool:
            warn_of_spool()
            self._warned_of_spool = True
        document = accepted.document
        with self._lock:
            self.document_ids.append(document.document_id)
        if document.status in FINAL:
            self._over(str(path), document, accepted.duplicate_of)
            return
        with self._lock:
            self._awaited.setdefault(document.document_id, []).append((str(path), accepted.duplicate_of))

    def _refused(self, source: str, refused: Refused) -> None:
        self._say(refusal_json(refused, source=source, office=self._office, dossier=self._dossier))

    def _over(self, source: str, document: Document, duplicate_of: DocumentId | None) -> None:
        self._say(document_json(document, source=source, archive=self._stores.archive, duplicate_of=duplicate_of))

    def _say(self, result: dict[str, Any]) -> None:
        with self._lock:
            self.results.append(result)
            self._emit(result)


def _wait_until_searchable(stores: Stores, fleet: Fleet, stop: threading.Event) -> None:
    """What the command said is archived can be searched for when it ends; where the index is in trouble, say so instead."""
    until = time.monotonic() + SEARCHABLE_WITHIN_S
    while not stop.is_set() and time.monotonic() < until:
        with stores.database.read() as connection:
            if outbox.pending_count(connection) == 0:
                return
        if (trouble := fleet.index_trouble()) is not None:
            sys.stderr.write(f"sohoa: archived, but not yet searchable: {trouble.detail} [{trouble.code}]\n")
            return
        stop.wait(POLL_S)
    if not stop.is_set():
        sys.stderr.write("sohoa: archived, but not all can be searched for yet: `sohoa status` says how much waits\n")


class WaitingNotice:
    """Says, once for each reason, that work is put off because of something outside it."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._said: set[str] = set()
        self._looked_s = time.monotonic()

    def show(self) -> None:
        if time.monotonic() - self._looked_s < NOTICE_EVERY_S:
            return
        self._looked_s = time.monotonic()
        with self._stores.database.read() as connection:
            reasons = jobs.waiting_for(connection, now=self._stores.clock.now()) & WAITS
        for code in sorted(reasons - self._said):
            sys.stderr.write(
                f"sohoa: waiting, the archive or the catalogue cannot be written just now [{code}]; "
                "it goes on by itself when that is mended, and Ctrl-C loses nothing\n"
            )
        self._said |= reasons


@contextmanager
def _ctrl_c_sets(stop: threading.Event, *, then: threading.Event) -> Iterator[None]:
    """The first Ctrl-C sets `stop` (pages in hand are finished), the second `then` (they are given back)."""

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        (then if stop.is_set() else stop).set()

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _say_how_to_go_on(batch: Batch) -> None:
    sys.stderr.write(
        f"sohoa: stopped; {batch.waiting} accepted documents are not finished and nothing is lost. "
        "Run the same command again to take in the rest, or `sohoa work` to finish what was accepted.\n"
    )


def _print_line(result: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _stay_silent(_result: dict[str, Any]) -> None:
    """A person gets the table at the end."""
