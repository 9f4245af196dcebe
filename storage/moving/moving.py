"""`sohoa migrate-store`: archive, catalogue and index to other places, in two acts.

copy_ahead   while everything runs on, again and again until little is left: mark the new place as not in use, copy the
             archive, fill the new index beside, rehearse the copying of the catalogue, and say how long `finish` will take
finish       with the catalogue to itself, so that nobody takes a paper in: copy what came since, compare, then switch

The switch marks the old store before it takes the last mark off the new one, so a paper is never taken in by the one after
it was copied, nor by the other before. Whoever is killed starts again. Until the old archive or catalogue is marked, the old
store is as it was; from then on until the end neither is in use, and `finish` has only to be started again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from sohoa.clock import Clock
from sohoa.errors import Conflict, SetupError
from storage.archive.archive import Archive
from storage.archive.layout import ROOT
from storage.catalog import jobs
from storage.catalog.database import Database, alone
from storage.index.beside import beside
from storage.moving import marks
from storage.moving.archive_copy import copy_staged_ahead, copy_the_rest
from storage.moving.index_copy import Filled, fill_ahead, fill_index, is_in_place
from storage.moving.marks import ArchiveMark
from storage.moving.places import Move, Part
from storage.moving.preparing import prepare, target_marks
from storage.moving.rows import copy_rows, hold, sums
from storage.objects import open_store
from storage.objects.protocol import Objects
from storage.rebuild.reading import Progress, Tell
from storage.replicate.copying import CopyFinding, Copying
from storage.replicate.replicate import Replicated, replicate
from storage.spool import open_spool
from storage.stores import Stores, open_stores

_LITTLE = 100
"""Files that may be left for the end: as many as come while they are copied."""
_MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was copied while everything ran on. `last_round_s`, `catalogue_s` and `index_s` are what the last round took:
    :func:`finish` will take a few times as long in all, for it compares as well, and the time for what comes until then."""

    rounds: int
    sent_files: int
    sent_bytes: int
    rows: int
    indexed: int
    last_round_s: float
    catalogue_s: float
    index_s: float
    findings: tuple[CopyFinding, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a finished moving did. `rows` are those of the catalogue by table, None where it stayed; `index` the same.

    `stood_s`: how long the store could not be used.
    """

    parts: tuple[tuple[str, str, str], ...]
    sent_files: int
    sent_bytes: int
    rows: dict[str, int] | None
    index: Filled | None
    stood_s: float


def copy_ahead(move: Move, clock: Clock, *, thorough: bool = False, tell: Tell = lambda _: None) -> Ahead:
    """Bring the new place near to the old one. Nothing of the old one changes, but that a catalogue that stays notes the
    new places of what moves.

    `thorough`: every byte at the new place is read again. Raises Conflict (`target_not_empty`, `not_a_copy`, `in_use`),
    SetupError (`store_moved` where that is done already), StoreUnavailable, after which the same call goes on.
    """
    _source(move)
    with open_stores(move.old, clock=clock) as stores:
        target = open_store(move.new)
        prepare(move, stores, target, clock)
        files = size_bytes = rounds = 0
        findings: tuple[CopyFinding, ...] = ()
        while True:
            began_s, rounds = time.monotonic(), rounds + 1
            sent = 0
            if Part.ARCHIVE in move.parts:
                copied = _copy_committed(move, stores.archive.objects, target, clock, thorough=thorough, tell=tell)
                ahead = Copying(stores.archive.objects, target)
                copy_staged_ahead(ahead)
                sent = copied.sent_files + ahead.sent_files
                files, size_bytes = files + sent, size_bytes + copied.sent_bytes + ahead.sent_bytes
                findings = tuple({*copied.findings, *ahead.findings})
            archived_s = time.monotonic()
            indexed = fill_ahead(stores, beside(move.new), tell) if Part.INDEX in move.parts else 0
            filled_s = time.monotonic()
            thorough = False
            if rounds > 1 and (sent <= _LITTLE or rounds == _MOST_ROUNDS):
                break  # and not after the first: what that took says nothing about the end
        rows = _rehearse(move, stores, tell) if Part.CATALOGUE in move.parts else 0
        return Ahead(
            rounds=rounds,
            sent_files=files,
            sent_bytes=size_bytes,
            rows=rows,
            indexed=indexed,
            last_round_s=archived_s - began_s,
            catalogue_s=time.monotonic() - filled_s,
            index_s=filled_s - archived_s,
            findings=findings,
        )


def finish(move: Move, clock: Clock, *, tell: Tell = lambda _: None) -> Moved:
    """Copy what came since, see that all is the same, and let the new place be the store.

    Raises Conflict: `in_use` while another process uses the old catalogue or the new one, `spooled` while papers wait
    that the archive's store has not got, `not_prepared` without :func:`copy_ahead` before, `not_whole` where something
    could not be copied or is not the same, naming it. SetupError (`store_moved`) where the moving is done already, or the
    old store was moved elsewhere. StoreUnavailable, after which the same call goes on.
    """
    with _alone(move, clock) as (stores, new_database):
        began_s = time.monotonic()
        target = open_store(move.new)
        _check_both(move, stores, new_database, target)
        files = size_bytes = 0
        if Part.ARCHIVE in move.parts:
            files, size_bytes = _finish_archive(move, stores, target, clock, tell)
        filled = _finish_index(move, stores, tell) if Part.INDEX in move.parts else None
        with stores.database.write() as old:
            hold(old)
            rows = _finish_catalogue(old, new_database, tell) if Part.CATALOGUE in move.parts else None
            final = _final_marks(move, old)
            if Part.ARCHIVE in move.parts:
                marks.mark_archive(stores.archive.objects, ArchiveMark(move.reaches[Part.ARCHIVE]))
            tell(Progress("switch", 1, 4))
            if Part.CATALOGUE in move.parts:
                left = {(Part.CATALOGUE, move.leaves[Part.CATALOGUE]): move.reaches[Part.CATALOGUE]}
                marks.write_marks(old, marks.read_marks(old) | left, now=clock.now())
                marks.count_move(old)
        tell(Progress("switch", 2, 4))
        if Part.ARCHIVE in move.parts:
            marks.mark_archive(target, None)
        tell(Progress("switch", 3, 4))
        with new_database.write() as new:
            marks.write_marks(new, final, now=clock.now())
            marks.count_move(new)
        tell(Progress("switch", 4, 4))
        stood_s = time.monotonic() - began_s
        if Part.INDEX in move.parts:
            beside(move.new).drop_old()
    parts = tuple((part.value, move.leaves[part], move.reaches[part]) for part in move.parts)
    return Moved(parts, files, size_bytes, rows, filled, stood_s)


# the archive


def _copy_committed(
    move: Move, source: Objects, target: Objects, clock: Clock, *, thorough: bool, tell: Tell
) -> Replicated:
    """Once all that was in the new place before is read again, a mark says so."""
    mark = marks.read_archive_mark(target)
    unchecked = mark is not None and not mark.checked
    copied = replicate(
        source,
        target,
        clock,
        thorough=thorough or unchecked,
        tell=lambda done, total: tell(Progress("archive", done, total)),
    )
    if unchecked and not copied.findings:
        marks.mark_archive(target, ArchiveMark(move.leaves[Part.ARCHIVE], checked=True))
    return copied


def _finish_archive(move: Move, stores: Stores, target: Objects, clock: Clock, tell: Tell) -> tuple[int, int]:
    """Files and bytes that were sent. The last look at both stores must find nothing to do."""
    source = stores.archive.objects
    if not _is_left(move, source):
        stores.archive.recover()
    copied = _copy_committed(move, source, target, clock, thorough=False, tell=tell)
    rest = Copying(source, target)
    copy_the_rest(rest, lambda done: tell(Progress("rest", done, 0)))
    compared = Copying(source, target)
    differing = copy_the_rest(compared) if not (copied.findings or rest.findings) else 0
    findings = (*copied.findings, *rest.findings, *compared.findings)
    if findings or differing:
        first = "; ".join(f"{each.code}: {each.key}: {each.detail}" for each in findings[:3])
        raise Conflict(
            f"the archive in the new place is not whole ({len(findings)} findings; {first or 'keys still differ'}): see "
            "docs/operations/moving.md; the old store is in use as before",
            code="not_whole",
        )
    return copied.sent_files + rest.sent_files, copied.sent_bytes + rest.sent_bytes


def _is_left(move: Move, source: Objects) -> bool:
    mark = marks.read_archive_mark(source)
    return mark is not None and mark.lies_at == move.reaches[Part.ARCHIVE]


# the index


def _finish_index(move: Move, stores: Stores, tell: Tell) -> Filled | None:
    """Put in place what an earlier try has not put there already."""
    made = beside(move.new)
    if is_in_place(stores, move):
        return None
    filled = fill_index(stores, made, tell)
    made.put_in_use(lambda: tell(Progress("switch", 0, 4)))
    return filled


# the catalogue


def _rehearse(move: Move, stores: Stores, tell: Tell) -> int:
    """Copy all rows as of now: they are not the last ones, but tell how long it takes, and that the new database takes
    them."""
    database = Database(move.new.catalog(), alone=True)
    try:
        with alone(move.new.catalog()), stores.database.read() as old, database.write() as new:
            hold(new)
            return copy_rows(old, new, lambda done, total: tell(Progress("catalogue", done, total)))
    finally:
        database.close()


def _finish_catalogue(old: Connection, database: Database, tell: Tell) -> dict[str, int]:
    """Rows by table, all of which are in both catalogues."""
    with database.write() as new:
        hold(new)
        copy_rows(old, new, lambda done, total: tell(Progress("catalogue", done, total)))
    with database.read() as new:
        wanted, found = sums(old), sums(new)
    differing = [name for name in wanted if wanted[name] != found[name]]
    if differing:
        raise Conflict(
            f"rows of {', '.join(differing)} are not the same in the new catalogue; the old store is in use as before",
            code="not_whole",
        )
    return {name: each.rows for name, each in found.items()}


# who may, and when


@contextmanager
def _alone(move: Move, clock: Clock) -> Iterator[tuple[Stores, Database]]:
    """The old store, and the catalogue that will be in use, both to oneself."""
    objects = _source(move)
    with ExitStack() as held:
        held.enter_context(alone(move.old.catalog()))
        old = new = Database(move.old.catalog(), alone=True)
        held.callback(old.close)
        old.migrate()
        if Part.CATALOGUE in move.parts:
            held.enter_context(alone(move.new.catalog()))
            new = Database(move.new.catalog(), alone=True)
            held.callback(new.close)
        yield Stores(move.old, clock, Archive(objects, clock), old, spool=open_spool(move.old)), new


def _source(move: Move) -> Objects:
    """Raises SetupError where the old settings name no archive: nothing must be made there."""
    objects = open_store(move.old)
    if not objects.exists(ROOT):
        raise SetupError("there is no archive where SOHOA_HOME or SOHOA_ARCHIVE_URL points: correct the setting")
    return objects


def _check_both(move: Move, stores: Stores, new_database: Database, target: Objects) -> None:
    """Raise what :func:`finish` says where this is not a moving that may be finished."""
    with stores.database.read() as conn:
        of_old = marks.read_marks(conn)
        spooled = len(jobs.spooled(conn))
    of_new = {}
    if new_database.exists():
        with new_database.read() as conn:
            of_new = marks.read_marks(conn)
    prepared = target_marks(move).items() <= of_new.items()
    for (part, place), lies_at in of_old.items():
        left = part is Part.CATALOGUE or place == move.leaves[part]
        if left and not (part is Part.CATALOGUE and prepared and lies_at == move.reaches[part]):
            raise _moved_already(part, lies_at)
    if Part.ARCHIVE in move.parts:
        source_mark, target_mark = marks.read_archive_mark(stores.archive.objects), marks.read_archive_mark(target)
        if source_mark is not None and source_mark.lies_at != move.reaches[Part.ARCHIVE]:
            raise _moved_already(Part.ARCHIVE, source_mark.lies_at)
        prepared = prepared and (source_mark is not None or target_mark is not None)
    elif (mark := marks.read_archive_mark(stores.archive.objects)) is not None:
        raise _moved_already(Part.ARCHIVE, mark.lies_at)
    if not prepared:
        raise Conflict("nothing was copied there yet: without --finish first, while all runs on", code="not_prepared")
    if stores.spool is not None:
        spooled = max(spooled, stores.spool.usage().papers)
    if spooled:
        raise Conflict(
            f"{spooled} papers wait in the spool for the archive's store: let `sohoa work` run until they are carried",
            code="spooled",
        )


def _moved_already(part: Part, lies_at: str) -> SetupError:
    return SetupError(f"the {part} was moved already, it lies at {lies_at}: use those settings", code="store_moved")


def _final_marks(move: Move, conn: Connection) -> marks.Lies:
    """What the catalogue says that is in use afterwards: where else each part was, and that it lies in the new place."""
    before = {
        (part, place): move.reaches[part] if lies_at == move.leaves[part] else lies_at
        for (part, place), lies_at in marks.read_marks(conn).items()
        if part is not Part.CATALOGUE and place != move.reaches[part]
    }
    return before | marks.marks_of(
        {part: move.leaves[part] for part in move.parts if part is not Part.CATALOGUE}, move.reaches
    )
