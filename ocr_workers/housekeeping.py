"""What has to be done besides the jobs: hand out lost work again, finish half-done commits, keep the index up to date.

Whichever running process holds a duty's lease does it; `serve`, `work` and `archive` all offer themselves.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import structlog

from ingest.disposing import finish_told
from ocr_workers.fixity_duty import FixityDuty, Interrupted
from ocr_workers.spool_duty import carry_spooled
from sohoa.clock import process_owner
from sohoa.errors import SohoaError, StoreUnavailable
from sohoa.settings import Settings
from storage.archive.audit import audit_chain, enter_waiting
from storage.catalog import documents, jobs, leases, outbox, reviews
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.registration import register_pending
from storage.spool import open_spool
from storage.stores import Stores, open_stores

LEASE_S = 15.0
INDEX_EVERY_S = 0.25
SWEEP_EVERY_S = 5.0
RECOVER_EVERY_S = 60.0
NOTE_EVERY_S = 60.0
ENTER_EVERY_S = 60.0
AFTER_TROUBLE_S = 5.0
SETTLED_AFTER_S = 60.0
ORPHANED_AFTER_S = 3600.0
MOST_DUE = 500
"""Jobs of a queue for which the sweeper sees that messages wait: enough for every worker until it sweeps again."""
LEFT_OVER_AFTER_S = 86_400.0

log = structlog.get_logger()


class Housekeeper:
    """Threads for indexing, sweeping, fixity, auditing and, on S3, carrying from the spool, each at work while it holds its
    lease. `stop` waits for what each has in hand. `carries_only`: all but the last is left to others, which on no other
    machine can be done."""

    def __init__(self, settings: Settings, *, carries_only: bool = False) -> None:
        self.trouble: SohoaError | None = None
        """What keeps the index from being brought up to date just now."""
        self._settings = settings
        self._owner = process_owner()
        self._stop = threading.Event()
        duties: dict[str, Callable[[str, Stores], None]] = {}
        if not carries_only:
            duties["indexing"] = self._index
            duties["sweeping"] = self._sweep
            duties["fixity"] = self._check_fixity
            duties["auditing"] = self._enter_viewings
        spool = open_spool(settings)
        if spool is not None:  # each machine carries what waits in its own
            duties[f"carrying:{spool.mark}"] = self._carry
        self._threads = [
            threading.Thread(target=self._keep, args=duty, name=duty[0], daemon=True) for duty in duties.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=LEASE_S)

    def _keep(self, name: str, duty: Callable[[str, Stores], None]) -> None:
        stores, pause_s = None, INDEX_EVERY_S
        with ExitStack() as held:
            while not self._stop.wait(pause_s):
                try:
                    if stores is None:
                        stores = held.enter_context(open_stores(self._settings))
                    if self._has_lease(name, stores):
                        duty(name, stores)
                        with stores.database.write_beside() as connection:
                            leases.release(connection, name, owner=self._owner)
                    pause_s = INDEX_EVERY_S
                except SohoaError as error:
                    log.error("housekeeping.error", duty=name, code=error.code, detail=error.detail)
                    pause_s = AFTER_TROUBLE_S
                except Exception:
                    log.exception("housekeeping.bug", duty=name)
                    pause_s = AFTER_TROUBLE_S

    def _index(self, name: str, stores: Stores) -> None:
        try:
            with open_index(self._settings, mode="write") as index:
                if index.count() == 0:
                    refill_outbox(stores)
                self.trouble = None
                while self._has_lease(name, stores):
                    indexed = index_outbox(stores.database, stores.archive, index, clock=stores.clock)
                    if indexed == 0 and self._stop.wait(INDEX_EVERY_S):
                        return
        except SohoaError as error:
            self.trouble = error
            raise

    def _sweep(self, name: str, stores: Stores) -> None:
        stores.archive.initialise()  # for a store that was away at the start
        recovered_s, told = -RECOVER_EVERY_S, set[str]()
        while self._has_lease(name, stores):
            if time.monotonic() - recovered_s > RECOVER_EVERY_S:
                finish_interrupted(stores)
                finish_told(stores, told)
                clear_finished_staging(stores)
                clear_old_temporaries(self._settings)
                stores.archive.objects.drop_leftovers()
                recovered_s = time.monotonic()
            hand_out_again(stores)
            tell_what_is_due(stores)
            if self._stop.wait(SWEEP_EVERY_S):
                return

    def _carry(self, name: str, stores: Stores) -> None:
        spool = stores.spool
        assert spool is not None, "this duty is for stores with a spool"
        while self._has_lease(name, stores):
            spool.drop_orphans()
            carry_spooled(stores, spool, may_go_on=lambda: self._has_lease(name, stores) and not self._stop.is_set())
            if self._stop.wait(SWEEP_EVERY_S):
                return

    def _check_fixity(self, name: str, stores: Stores) -> None:
        duty = FixityDuty(stores, stop=self._stop, has_lease=partial(self._has_lease, name, stores))
        noted_s = -NOTE_EVERY_S
        while self._has_lease(name, stores):
            if time.monotonic() - noted_s > NOTE_EVERY_S:
                duty.note_failures()
                noted_s = time.monotonic()
            if duty.is_due():
                try:
                    duty.run()
                except Interrupted:
                    return
            if self._stop.wait(SWEEP_EVERY_S):
                return

    def _enter_viewings(self, name: str, stores: Stores) -> None:
        chain, entered_s = audit_chain(stores), -ENTER_EVERY_S
        while self._has_lease(name, stores):
            if time.monotonic() - entered_s >= ENTER_EVERY_S:
                enter_waiting(stores, chain, has_lease=partial(self._has_lease, name, stores))
                entered_s = time.monotonic()
            if self._stop.wait(SWEEP_EVERY_S):
                return

    def _has_lease(self, name: str, stores: Stores) -> bool:
        with stores.database.write_beside() as connection:
            return leases.acquire(connection, name, owner=self._owner, ttl_s=LEASE_S, now=stores.clock.now())


def finish_interrupted(stores: Stores) -> None:
    """Roll half-done archive commits forward and register papers whose receipt was given just before a crash."""
    try:
        for commit in stores.archive.recover():
            log.info("archive.rolled_forward", object_id=commit.object_id, version=commit.version)
    except (
        SohoaError
    ) as error:  # a commit that cannot be finished is for the operator; papers still have to be registered
        log.error("archive.not_rolled_forward", code=error.code, detail=error.detail)
    registered = register_pending(stores.archive, stores.database, stores.clock)
    if registered:
        log.info("intake.registered_from_receipts", count=registered)


def refill_outbox(stores: Stores) -> None:
    """A new, empty index (the first, or one whose damaged folder was deleted) learns of every document there is."""
    with stores.database.write() as connection:
        documents_told = outbox.put_all(connection, now=stores.clock.now())
    if documents_told:
        log.info("index.refilled", documents=documents_told)


def hand_out_again(stores: Stores) -> None:
    """Hand out again the jobs of workers that are gone, and papers that people took for review and left."""
    with stores.database.write() as connection:
        taken = jobs.hand_out_again(connection, now=stores.clock.now())
        reviews.return_expired(connection, now=stores.clock.now())
    for job in taken:
        log.info("job.handed_out_again", job_id=job.job_id, kind=job.kind, document_id=job.document_id)


def tell_what_is_due(stores: Stores) -> None:
    """See that a message waits in the broker for every job that may be claimed: those sent when the work was asked for may
    be lost. A broker that is away has no share in the rest of the sweeping."""
    if not stores.settings.broker_url:
        return
    with stores.database.read() as connection:
        due = jobs.due(connection, now=stores.clock.now(), most=MOST_DUE)
    try:
        told = stores.dispatch.top_up(due) if due else 0
    except StoreUnavailable as error:
        log.warning("dispatch.broker_away", code=error.code, detail=error.detail)
        return
    if told:
        log.info("dispatch.topped_up", messages=told)


def clear_finished_staging(stores: Stores) -> None:
    """Drop the staging of documents that are over, and stagings that never became a document and are an hour old."""
    settled = {
        staged.document_id: staged.age_s
        for staged in stores.archive.staged_documents()
        if staged.age_s >= SETTLED_AFTER_S
    }
    with stores.database.read() as connection:
        needed = documents.needing_staging(connection, settled)
    for document_id, age_s in settled.items():
        orphaned = (
            document_id not in needed and age_s > ORPHANED_AFTER_S and not stores.archive.has_receipt(document_id)
        )
        if orphaned or needed.get(document_id) is False:
            stores.archive.clear_staging(document_id)


def clear_old_temporaries(settings: Settings) -> None:
    """Drop what killed workers left in the temporary folder a day ago or longer."""
    for left in settings.temporary_folder().iterdir():
        if time.time() - left.stat().st_mtime > LEFT_OVER_AFTER_S:
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
