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
from storage.catalog import documents, jobs, leases
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.stores import Stores, open_stores
from sohoa.settings import Settings

LEASE_NAME = "housekeeping"
LEASE_S = 15.0
INDEX_EVERY_S = 0.25
SWEEP_EVERY_S = 5.0
RECOVER_EVERY_S = 60.0
SETTLED_AFTER_S = 60.0
ORPHANED_AFTER_S = 3600.0

log = structlog.get_logger()


class Housekeeper:
    """A thread that keeps house while it holds the lease. `stop` lets it index what is left, then ends it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._owner = process_owner()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=LEASE_S)

    def _run(self) -> None:
        with open_stores(self._settings) as stores:
            while not self._stop.wait(INDEX_EVERY_S):
                try:
                    if self._has_lease(stores):
                        self._keep_house(stores)
                except SohoaError as error:
                    log.warning("housekeeping.error", code=error.code, detail=error.detail)
                except Exception:
                    log.exception("housekeeping.bug")

    def _keep_house(self, stores: Stores) -> None:
        with open_index(self._settings, mode="write") as index:
            swept_s = recovered_s = 0.0
            while True:
                now_s = time.monotonic()
                if now_s - recovered_s > RECOVER_EVERY_S:
                    finish_interrupted(stores)
                    recovered_s = now_s
                if now_s - swept_s > SWEEP_EVERY_S:
                    sweep(stores)
                    swept_s = now_s
                index_outbox(stores.database, stores.archive, index, clock=stores.clock)
                if self._stop.is_set() or not self._has_lease(stores):
                    break
                self._stop.wait(INDEX_EVERY_S)
        with stores.database.write() as connection:
            leases.release(connection, LEASE_NAME, owner=self._owner)

    def _has_lease(self, stores: Stores) -> bool:
        with stores.database.write() as connection:
            return leases.acquire(
                connection, LEASE_NAME, owner=self._owner, ttl_s=LEASE_S, now=stores.clock.now()
            )


def finish_interrupted(stores: Stores) -> None:
    """Roll half-done archive commits forward and register papers whose receipt was given just before a crash."""
    for commit in stores.archive.recover():
        log.info("archive.rolled_forward", object_id=commit.object_id, version=commit.version)
    registered = register_pending(stores.archive, stores.database, stores.clock)
    if registered:
        log.info("intake.registered_from_receipts", count=registered)


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
        orphaned = needed is None and staged.age_s > ORPHANED_AFTER_S and not stores.archive.has_receipt(staged.document_id)
        if needed is False or orphaned:
            stores.archive.clear_staging(staged.document_id)
