"""What has to be done besides the jobs: hand out lost work again, finish half-done commits, keep the index up to date.

Whichever running process holds the lease does it; `serve`, `work` and `archive` all offer themselves.
"""

from __future__ import annotations

import threading
import time

import structlog

from ingest.receive import register_pending
from sohoa.clock import process_owner
from sohoa.errors import SohoaError
from sohoa.settings import Settings
from storage.catalog import documents, jobs, leases, outbox
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.stores import Stores, open_stores

LEASE_NAME = "housekeeping"
LEASE_S = 15.0
INDEX_EVERY_S = 0.25
SWEEP_EVERY_S = 5.0
RECOVER_EVERY_S = 60.0
AFTER_TROUBLE_S = 5.0
SETTLED_AFTER_S = 60.0
ORPHANED_AFTER_S = 3600.0

log = structlog.get_logger()


class Housekeeper:
    """A thread that keeps house while it holds the lease. `stop` lets it index what is left, then ends it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._owner = process_owner()
        self.trouble: SohoaError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=LEASE_S)

    def _run(self) -> None:
        with open_stores(self._settings) as stores:
            pause_s = INDEX_EVERY_S
            while not self._stop.wait(pause_s):
                try:
                    if self._has_lease(stores):
                        self._keep_house(stores)
                    pause_s = INDEX_EVERY_S
                except SohoaError as error:
                    log.error("housekeeping.error", code=error.code, detail=error.detail)
                    self.trouble, pause_s = error, AFTER_TROUBLE_S
                except Exception:
                    log.exception("housekeeping.bug")
                    pause_s = AFTER_TROUBLE_S

    def _keep_house(self, stores: Stores) -> None:
        finish_interrupted(stores)
        sweep(stores)
        with open_index(self._settings, mode="write") as index:
            if index.count() == 0:
                refill_outbox(stores)
            self.trouble = None
            swept_s = recovered_s = time.monotonic()
            while True:
                now_s = time.monotonic()
                if now_s - recovered_s > RECOVER_EVERY_S:
                    finish_interrupted(stores)
                    recovered_s = now_s
                if now_s - swept_s > SWEEP_EVERY_S:
                    sweep(stores)
                    swept_s = now_s
                indexed = index_outbox(stores.database, stores.archive, index, clock=stores.clock)
                if not self._has_lease(stores) or (self._stop.is_set() and indexed == 0):
                    break
                if indexed == 0:
                    self._stop.wait(INDEX_EVERY_S)
        with stores.database.write() as connection:
            leases.release(connection, LEASE_NAME, owner=self._owner)

    def _has_lease(self, stores: Stores) -> bool:
        with stores.database.write() as connection:
            return leases.acquire(connection, LEASE_NAME, owner=self._owner, ttl_s=LEASE_S, now=stores.clock.now())


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


def sweep(stores: Stores) -> None:
    """Hand out again the jobs of workers that are gone, and clear staging that nobody needs any more."""
    with stores.database.write() as connection:
        taken = jobs.hand_out_again(connection, now=stores.clock.now())
    for job in taken:
        log.info("job.handed_out_again", job_id=job.job_id, kind=job.kind, document_id=job.document_id)
    clear_finished_staging(stores)


def clear_finished_staging(stores: Stores) -> None:
    """Drop the staging of documents that are over, and stagings that never became a document and are an hour old."""
    for staged in stores.archive.staged_documents():
        if staged.age_s < SETTLED_AFTER_S:
            continue
        with stores.database.read() as connection:
            needed = documents.needs_staging(connection, staged.document_id)
        orphaned = (
            needed is None and staged.age_s > ORPHANED_AFTER_S and not stores.archive.has_receipt(staged.document_id)
        )
        if needed is False or orphaned:
            stores.archive.clear_staging(staged.document_id)
