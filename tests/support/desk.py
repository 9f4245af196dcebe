"""An archive and a catalogue on a temporary folder, with ways to bring papers in and to see that nothing is left."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import func, select

from ingest.receive import Accepted, Intake, receive, receive_path
from sohoa.clock import FixedClock
from sohoa.errors import Refused
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.catalog.database import Database
from storage.catalog.tables import documents, jobs
from storage.objects import open_objects

INTAKE = Intake(
    filename="giấy.png",
    office="H02",
    dossier="000.00.05.H02-230105-0001",
    actor="person:lan",
    external_id="case-7",
    declared={"type": "KH"},
)


@dataclass(frozen=True, slots=True)
class Desk:
    """An archive and a catalogue on a temporary folder, and how to bring something to them."""

    root: Path
    archive: Archive
    database: Database
    clock: FixedClock
    settings: Settings

    def bring(self, source: bytes | BinaryIO, intake: Intake = INTAKE, **limits: Any) -> Accepted:
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        settings = self.settings.model_copy(update=limits)
        return receive(
            stream, intake, archive=self.archive, database=self.database, settings=settings, clock=self.clock
        )

    def bring_path(self, path: Path) -> Accepted:
        return receive_path(
            path, INTAKE, archive=self.archive, database=self.database, settings=self.settings, clock=self.clock
        )

    def kept(self) -> list[str]:
        """Keys of everything in the store that an intake can have left."""
        store = self.archive.objects
        private = [path.name for path in (self.root / "archive" / ".tmp").iterdir()]
        return [*store.list("staging/"), *store.list("receipts/"), *private]

    def count(self) -> tuple[int, int]:
        """How many documents and jobs there are."""
        with self.database.read() as conn:
            return (
                conn.execute(select(func.count()).select_from(documents)).scalar_one(),
                conn.execute(select(func.count()).select_from(jobs)).scalar_one(),
            )

    def refuses(self, source: bytes | BinaryIO, intake: Intake = INTAKE, **limits: Any) -> str:
        with pytest.raises(Refused) as caught:
            self.bring(source, intake, **limits)
        self.nothing_is_left(caught.value)
        return caught.value.code

    def refuses_path(self, path: Path) -> str:
        with pytest.raises(Refused) as caught:
            self.bring_path(path)
        self.nothing_is_left(caught.value)
        return caught.value.code

    def nothing_is_left(self, refused: Refused) -> None:
        assert "\n" not in refused.detail
        assert self.kept() == []
        assert self.count() == (0, 0)


@contextmanager
def open_desk(tmp_path: Path) -> Iterator[Desk]:
    clock = FixedClock()
    archive = Archive(open_objects(tmp_path / "archive"), clock)
    archive.initialise()
    database = Database(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    database.migrate()
    yield Desk(tmp_path, archive, database, clock, Settings(min_free_bytes=0))
    database.close()
