"""How all the work stands, read from the catalogue along its indexes: for `GET /metrics` and `sohoa status --watch`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sohoa.settings import Settings
from sohoa.states import CopyOf, DocumentStatus, JobKind
from storage.catalog import copies, document_counts, jobs, outbox, reviews, viewings, work_done
from storage.catalog.jobs import Depth
from storage.catalog.reviews import QueueDepth
from storage.catalog.work_done import Done, Work
from storage.dispatch.work_queues import WorkQueue
from storage.stores import Stores

MOST_COUNTED: Final = 100_000
"""Of what waits, no more is counted in each step of the order: what is read stays bounded, whatever waits."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits and what is being done, at the moment `at`; quick to read. `done` is since the catalogue was made."""

    at: datetime
    depths: Mapping[WorkQueue, Depth]
    in_hand: Mapping[JobKind, int]
    outbox: int
    outbox_oldest_at: datetime | None
    done: Mapping[Work, Done]


@dataclass(frozen=True, slots=True)
class Census:
    """What a look at every document tells, and what else need not be known of every moment. `stopped` counts held and failed
    ones by status, stage and code; `unaudited_at` is since when a viewing waits to be entered in the audit, None where none
    does; `copies` is when each was last made well."""

    at: datetime
    by_status: Mapping[DocumentStatus, int]
    stopped: Mapping[tuple[DocumentStatus, str, str], int]
    review: QueueDepth
    unaudited_at: datetime | None
    copies: Mapping[tuple[CopyOf, str], datetime]


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk that something of Sohoa's lies on."""

    size_bytes: int
    free_bytes: int


def read_backlog(stores: Stores) -> Backlog:
    """One short reading transaction. Raises StoreUnavailable."""
    now = stores.clock.now()
    with stores.database.read() as connection:
        return Backlog(
            at=now,
            depths=jobs.depths(connection, now=now, most=MOST_COUNTED),
            in_hand=jobs.in_hand(connection),
            outbox=outbox.waiting_count(connection, most=MOST_COUNTED),
            outbox_oldest_at=outbox.oldest_at(connection),
            done=work_done.so_far(connection),
        )


def take_census(stores: Stores) -> Census:
    """Reads an index of all documents; not for every moment. Raises StoreUnavailable."""
    now = stores.clock.now()
    with stores.database.read() as connection:
        return Census(
            at=now,
            by_status=document_counts.count_by_status(connection),
            stopped=document_counts.count_stopped(connection, most=MOST_COUNTED),
            review=reviews.depth(connection, now=now, most=MOST_COUNTED),
            unaudited_at=viewings.oldest_at(connection),
            copies=copies.last_made(connection),
        )


def disks_of(settings: Settings) -> dict[str, Disk]:
    """The disks of `home` and, where the archive is a folder, of `archive`. Raises OSError."""
    folders = {"home": settings.home}
    if not settings.archive_url.startswith("s3:"):
        folders["archive"] = settings.folder_of(settings.archive_url)
    return {name: _disk(folder.absolute()) for name, folder in folders.items()}


def _disk(folder: Path) -> Disk:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(there)
    return Disk(usage.total, usage.free)
