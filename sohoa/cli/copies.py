"""Lets who watches know of a backup or copy that was made well (storage/catalog/copies.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sohoa.clock import SystemClock
from sohoa.errors import NotFound, SetupError, SohoaError
from sohoa.settings import Settings
from sohoa.states import CopyOf
from storage.catalog import copies
from storage.catalog.database import Database

log = structlog.get_logger(__name__)


def note(settings: Settings, of: CopyOf, place: str = "") -> None:
    """It was made just now. Raises NotFound where there is no catalogue, SetupError for an older one, StoreUnavailable."""
    with _catalogue(settings) as connection:
        copies.made(connection, of, place, now=SystemClock().now())


def try_to_note(settings: Settings, of: CopyOf, place: str = "") -> None:
    """As :func:`note`; but a copy is no worse for a catalogue that is away, or of an older form: the log says so, and the alert
    comes."""
    try:
        note(settings, of, place)
    except SohoaError as error:
        log.warning("copies.not_noted", of=of.value, error=type(error).__name__)


def forget(settings: Settings, of: CopyOf, place: str) -> None:
    """None is made there any more. Raises NotFound where none was, SetupError, StoreUnavailable."""
    with _catalogue(settings) as connection:
        if not copies.forget(connection, of, place):
            raise NotFound(f"no copy was made to {place}")


@contextmanager
def _catalogue(settings: Settings) -> Iterator[Connection]:
    database = Database(settings.catalog())
    if not database.exists():
        raise NotFound("there is no catalogue yet: start `sohoa serve` or `sohoa status` once")
    try:
        with database.write_beside() as connection:
            yield connection
    except OperationalError as error:
        raise SetupError("the catalogue does not know of copies yet: start `sohoa serve` once, then again") from error
    finally:
        database.close()
