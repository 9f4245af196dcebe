"""Looks at the place that a store is to be moved to, and marks it as not in use before anything is copied there."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from sohoa.clock import Clock
from sohoa.errors import Conflict
from storage.archive.layout import root_files
from storage.catalog.database import Database, alone
from storage.catalog.documents import batched
from storage.catalog.tables import documents, jobs, tokens
from storage.index import open_index
from storage.moving.marks import (
    ArchiveMark,
    Lies,
    mark_archive,
    marks_of,
    read_archive_mark,
    read_marks,
    write_marks,
)
from storage.moving.places import Move, Part
from storage.objects.protocol import Objects
from storage.stores import Stores

_ELSE = "name an empty place, or one that this store was moved from"


def prepare(move: Move, stores: Stores, target: Objects, clock: Clock) -> None:
    """Mark each part of the new place that is empty, was left by this store, or was prepared before; twice is as once.

    Raises Conflict: `target_not_empty` where something is there that this store does not know, `in_use` where somebody
    works with it.
    """
    with stores.database.read() as conn:
        known = read_marks(conn)
    if Part.CATALOGUE in move.parts:
        with alone(move.new.catalog()):
            _mark_catalogue(move, stores, Database(move.new.catalog(), alone=True), known, clock)
    else:
        _mark_catalogue(move, stores, stores.database, known, clock)
    if Part.ARCHIVE in move.parts:
        _mark_archive(move, target)


def target_marks(move: Move) -> Lies:
    """What the catalogue of the new place says until it is in use: every part that moves lies where it was."""
    return marks_of({part: move.reaches[part] for part in move.parts}, move.leaves)


def _mark_catalogue(move: Move, stores: Stores, database: Database, known: Lies, clock: Clock) -> None:
    """The index is looked at here too, for only marks of a catalogue tell whether one that is there may go."""
    try:
        if Part.CATALOGUE in move.parts:
            database.migrate()
        with database.read() as conn:
            there = read_marks(conn)
            if Part.CATALOGUE in move.parts:
                _check_catalogue(move, stores, conn, there)
        index = (Part.INDEX, move.reaches[Part.INDEX])
        if Part.INDEX in move.parts and index not in known and index not in there:
            _check_index_empty(move)
        kept = {} if Part.CATALOGUE in move.parts else there
        with database.write() as conn:
            write_marks(conn, kept | target_marks(move), now=clock.now())
    finally:
        if database is not stores.database:
            database.close()


def _check_catalogue(move: Move, stores: Stores, conn: Connection, there: Lies) -> None:
    """One without a mark must be empty; one with a mark must have nothing that this store does not know."""
    if not any(part is Part.CATALOGUE for part, _ in there):
        counted = [
            conn.execute(select(func.count()).select_from(each)).scalar_one() for each in (documents, tokens, jobs)
        ]
        if any(counted):
            raise Conflict(
                f"the catalogue at {move.reaches[Part.CATALOGUE]} has {counted[0]} documents and {counted[1]} tokens, and "
                f"may be in use: {_ELSE}",
                code="target_not_empty",
            )
        return
    there_ids = conn.execute(select(documents.c.document_id).execution_options(yield_per=1000)).scalars()
    with stores.database.read() as old:
        for some in batched(list(there_ids)):
            known = select(func.count()).where(documents.c.document_id.in_(some))
            if old.execute(known).scalar_one() != len(some):
                raise Conflict(
                    f"the catalogue at {move.reaches[Part.CATALOGUE]} is of another archive: {_ELSE}",
                    code="target_not_empty",
                )


def _check_index_empty(move: Move) -> None:
    with open_index(move.new) as index:
        count = index.count()
    if count:
        raise Conflict(
            f"the index at {move.reaches[Part.INDEX]} has {count} documents and may be in use: {_ELSE}",
            code="target_not_empty",
        )


def _mark_archive(move: Move, target: Objects) -> None:
    mark = read_archive_mark(target)
    empty = all(key in root_files() for key in target.list(""))
    if mark is None and not empty:
        raise Conflict(
            f"there is an archive or something else at {move.reaches[Part.ARCHIVE]}, and it may be in use: {_ELSE}",
            code="target_not_empty",
        )
    if mark is None or mark.lies_at != move.leaves[Part.ARCHIVE]:
        mark_archive(target, ArchiveMark(move.leaves[Part.ARCHIVE], checked=empty))
