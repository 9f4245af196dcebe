"""Opens what the settings name: the archive, the catalogue and the search index, for whoever works on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sohoa.clock import Clock, SystemClock
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.catalog.database import Database
from storage.objects import open_store


@dataclass(frozen=True, slots=True)
class Stores:
    """The archive and the catalogue, open; both safe to use from several processes at once."""

    settings: Settings
    clock: Clock
    archive: Archive
    database: Database


@contextmanager
def open_stores(settings: Settings, *, clock: Clock | None = None) -> Iterator[Stores]:
    """Open (and where it is new, set up) the archive and the catalogue. Raises StoreUnavailable, SetupError."""
    clock = clock or SystemClock()
    archive = Archive(open_store(settings), clock)
    archive.initialise()
    database = Database(settings.catalog())
    try:
        database.migrate()
        yield Stores(settings=settings, clock=clock, archive=archive, database=database)
    finally:
        database.close()


def open_archive(settings: Settings, clock: Clock) -> Archive:
    """The archive alone, as it is: nothing is set up. Raises StoreUnavailable."""
    return Archive(open_store(settings, probed=False), clock)
