"""Carries papers from the spool to the archive as soon as its store answers, and lets their jobs begin.

A paper's original first, then its receipt, and only when the store has both durably does it leave the spool. Whoever dies
in between, or does it at the same time, does no harm: the same bytes go under the same keys.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import structlog

from sohoa.errors import AlreadyExists, DigestMismatch, NotFound
from storage.archive.layout import receipt_key
from storage.archive.receipts import receipt_bytes
from storage.catalog import jobs
from storage.spool import Spool
from storage.stores import Stores

log = structlog.get_logger()


def carry_spooled(stores: Stores, spool: Spool, *, may_go_on: Callable[[], bool]) -> int:
    """Carry what waits, the oldest first, while `may_go_on`; returns how many papers were carried.

    One that the spool's disk has damaged stays there, is told in the log, and does not keep the others waiting. Raises
    StoreUnavailable where the store is still away.
    """
    wake_carried(stores, spool)
    carried = 0
    for document_id in spool.document_ids():
        if not may_go_on():
            break
        try:
            _carry(document_id, stores, spool)
        except (DigestMismatch, NotFound) as error:
            if spool.has_receipt(document_id):  # else another process has carried it meanwhile
                log.error("spool.damaged", document_id=document_id, code=error.code, detail=error.detail)
            continue
        with stores.database.write() as connection:
            jobs.wake(connection, [document_id], now=stores.clock.now())
        carried += 1
        log.info("spool.carried", document_id=document_id)
    return carried


def wake_carried(stores: Stores, spool: Spool) -> None:
    """Let the jobs begin whose papers are no longer in this spool, whoever died before saying so. A paper's row is there
    only after its receipt. What waits in another machine's spool is for that machine."""
    with stores.database.read() as connection:
        asleep = [document_id for document_id, mark in jobs.spooled(connection).items() if mark == spool.mark]
    awake = [document_id for document_id in asleep if not spool.has_receipt(document_id)]
    if awake:
        with stores.database.write() as connection:
            jobs.wake(connection, awake, now=stores.clock.now())


def _carry(document_id: str, stores: Stores, spool: Spool) -> None:
    archive, receipt = stores.archive, spool.read_receipt(document_id)
    with spool.open_original(document_id) as original:
        name = receipt.staged_key.rpartition("/")[2]
        archive.stage(document_id, name, original, sha256=receipt.sha256, overwrite=True)
    with suppress(AlreadyExists):  # intake's own try, whose answer was lost, or another process
        archive.write_receipt(receipt)
    if archive.objects.read(receipt_key(document_id)) != receipt_bytes(receipt):
        raise DigestMismatch(f"the archive has another receipt for {document_id} than the spool")
    spool.clear_staging(document_id)
