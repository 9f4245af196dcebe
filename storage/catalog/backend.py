"""What differs between the databases that a catalogue may lie on, as `database.py` sees it: SQLite and PostgreSQL."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sohoa.errors import SohoaError

json_text = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
"""How a JSON column is written."""


class Kind(Enum):
    """What a transaction is for.

    WRITE: one at a time in the whole catalogue. BESIDE: writes, with no more order among such than the rows that they touch
    give. READ: all of one moment, and writing fails. MIGRATE: one at a time, without limits of time on its statements.
    LOOK: as READ, for whoever does not use the catalogue yet.
    """

    WRITE = auto()
    BESIDE = auto()
    READ = auto()
    MIGRATE = auto()
    LOOK = auto()


@dataclass(frozen=True, slots=True)
class Health:
    """Which database it is, what it says of its own state, and what is to be done about that ("": nothing)."""

    name: str
    found: str
    do: str


class Opened(Protocol):
    """The connections of one process to a catalogue."""

    def begin(self, kind: Kind) -> AbstractContextManager[Connection]:
        """A transaction that commits when the block ends, and rolls back when it raises."""
        ...

    def is_set_up(self, conn: Connection) -> bool:
        """Whether what lasts besides the tables is as it must be."""
        ...

    def set_up(self) -> None:
        """Make it so, before there are tables. The caller is the only one to migrate."""
        ...

    def make_indexes(self) -> None:
        """Make what indexes are left to be made once the tables are as they must be, while others write."""
        ...

    def health(self, conn: Connection) -> Health:
        """How the database is, in a reading transaction."""
        ...

    def close(self) -> None:
        """Give back all that is held."""
        ...


class Backend(Protocol):
    """One catalogue on one database. Values only: nothing is opened before `open`."""

    def exists(self) -> bool:
        """Whether there is something to open; what cannot be told is there."""
        ...

    def open(self, *, alone: bool) -> Opened:
        """Connections for this process. `alone`: the caller has the catalogue for itself, and says so to nobody."""
        ...

    def migrating(self) -> AbstractContextManager[None]:
        """Held around :meth:`Opened.set_up` and the migration. Raises SetupError where the catalogue cannot lie there."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Have the catalogue for oneself. Raises Conflict (`in_use`) while any process uses it."""
        ...

    def explained(self, error: DBAPIError) -> SohoaError | None:
        """What the driver's error means to whoever runs Sohoa; None for one that is a defect of the caller."""
        ...
