"""Marks on a store that is not in use: one that was left, and one that is still being filled. Who opens it is sent on.

A mark says where the part lies instead. The archive carries its own (`place.json`), so that it is refused whatever catalogue
comes with it; the catalogue's table `moved` names the places of all three parts. At no moment is more than one of the two
stores of a moving without a mark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from sohoa.errors import DigestMismatch, NotFound, SetupError
from sohoa.settings import Settings
from storage.archive.layout import PLACE, to_json
from storage.catalog.database import Database
from storage.catalog.dialects import insert_new
from storage.catalog.tables import counters, moved
from storage.moving.places import Part, places_of
from storage.objects.protocol import Objects

Lies = dict[tuple[Part, str], str]
"""By part and place, where it lies instead."""


@dataclass(frozen=True, slots=True)
class ArchiveMark:
    """The archive lies elsewhere. `checked`: every byte that was here before the moving began was read again in it."""

    lies_at: str
    checked: bool = False


def check_in_use(settings: Settings, conn: Connection) -> None:
    """Raise SetupError (`store_moved`) where the catalogue says that it, or what these settings name beside it, is not in use."""
    mine = places_of(settings)
    for (part, place), lies_at in read_marks(conn).items():
        if part is Part.CATALOGUE or mine[part] == place:
            raise _refusal(part, lies_at)


def check_archive_in_use(objects: Objects) -> None:
    """Raise SetupError (`store_moved`) where the archive's store says that the archive lies elsewhere."""
    mark = read_archive_mark(objects)
    if mark is not None:
        raise _refusal(Part.ARCHIVE, mark.lies_at)


def check_alone(settings: Settings, objects: Objects | None) -> None:
    """As both, for who has the catalogue alone, or does not use it. Without `objects` the catalogue only.

    One that is damaged says nothing: it is about to be made anew.
    """
    if objects is not None:
        check_archive_in_use(objects)
    database = Database(settings.catalog(), alone=True)
    try:
        if database.exists():
            with database.read() as conn:
                check_in_use(settings, conn)
    except SetupError as error:
        if error.code != "catalog_damaged":
            raise
    finally:
        database.close()


def _refusal(part: Part, lies_at: str) -> SetupError:
    return SetupError(
        f"the {part} is not in use here, it lies at {lies_at}: use the settings of that place "
        "(docs/operations/moving.md)",
        code="store_moved",
    )


# the archive's own


def read_archive_mark(objects: Objects) -> ArchiveMark | None:
    """The mark, None where the archive is in use. Raises DigestMismatch where it is damaged."""
    try:
        found = json.loads(objects.read(PLACE))
        return None if found["lies_at"] is None else ArchiveMark(str(found["lies_at"]), found["checked"] is True)
    except NotFound:
        return None
    except (ValueError, KeyError, TypeError):
        raise DigestMismatch(f"{PLACE} of the archive is damaged: see docs/operations/moving.md") from None


def mark_archive(objects: Objects, mark: ArchiveMark | None) -> None:
    """Say that the archive lies elsewhere, or (None) that it lies here."""
    data = to_json({"lies_at": None if mark is None else mark.lies_at, "checked": mark is not None and mark.checked})
    etag = objects.stat(PLACE).etag if objects.exists(PLACE) else None
    if etag is not None and objects.read(PLACE) == data:
        return
    objects.replace(PLACE, data, if_match=etag)


# the catalogue's


def read_marks(conn: Connection) -> Lies:
    """What a catalogue says of places; nothing where it has no tables yet, or those of an older Sohoa."""
    if not conn.dialect.has_table(conn, moved.name):
        return {}
    rows = conn.execute(select(moved.c.part, moved.c.place, moved.c.lies_at))
    return {(Part(part), place): lies_at for part, place, lies_at in rows}


def write_marks(conn: Connection, marks: Lies, *, now: datetime) -> None:
    """Make these the only marks of a catalogue."""
    conn.execute(delete(moved))
    if marks:
        rows = [
            {"part": part, "place": place, "lies_at": lies_at, "moved_at": now}
            for (part, place), lies_at in marks.items()
        ]
        conn.execute(insert(moved), rows)


def count_move(conn: Connection) -> None:
    """Let whoever used this catalogue before know that the store was moved (storage/catalog/presence.py)."""
    insert_new(conn, counters, {"name": "moves", "value": 0})
    conn.execute(update(counters).where(counters.c.name == "moves").values(value=counters.c.value + 1))


def marks_of(parts: Mapping[Part, str], lies: Mapping[Part, str]) -> Lies:
    """That each of these parts, at its place, lies elsewhere."""
    return {(part, place): lies[part] for part, place in parts.items()}
