"""Opens what the settings name: the archive, the catalogue and the search index, for whoever works on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from sohoa.clock import Clock, SystemClock
from sohoa.errors import StoreAway
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.catalog.database import Database
from storage.dispatch import open_dispatch
from storage.dispatch.protocol import Dispatch, NoBroker
from storage.moving.marks import check_archive_in_use, check_in_use
from storage.objects import open_store
from storage.spool import Spool, open_spool

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stores:
    """The archive and the catalogue, open; both safe to use from several processes at once. `spool` is where intake keeps
    papers while the archive's store is away, None where it cannot be. `dispatch` tells workers that there is work."""

    settings: Settings
    clock: Clock
    archive: Archive
    database: Database
    spool: Spool | None = None
    dispatch: Dispatch = field(default_factory=NoBroker)


@contextmanager
def open_stores(settings: Settings, *, clock: Clock | None = None) -> Iterator[Stores]:
    """Open (and where it is new, set up) the archive and the catalogue. Raises StoreUnavailable, SetupError
    (`store_moved` where one of them, or the index, lies elsewhere now).

    An S3 server that does not answer is no reason not to begin: it is asked again when there is something for it.
    """
    clock = clock or SystemClock()
    try:
        archive = Archive(open_store(settings), clock)
        check_archive_in_use(archive.objects)
        archive.initialise()
    except StoreAway as away:
        log.warning("archive.away", code=away.code, detail=away.detail)
        archive = open_archive(settings, clock)
    dispatch = open_dispatch(settings)
    database = Database(settings.catalog(), wake=dispatch.wake)
    try:
        database.migrate()
        with database.read() as connection:
            check_in_use(settings, connection)
        yield Stores(settings, clock, archive, database, spool=open_spool(settings), dispatch=dispatch)
    finally:
        database.close()
        dispatch.close()


def open_archive(settings: Settings, clock: Clock) -> Archive:
    """The archive alone, as it is: nothing is set up. Raises StoreUnavailable."""
    return Archive(open_store(settings, probed=False), clock)
