"""`sohoa rebuild --from-storage`: the catalogue and the index out of the archive, in five steps on one screen.

1 ledger: which object versions there are, and their sequence numbers
2 objects: the documents in each object's newest version
3 receipts: papers that were accepted and are in no object yet, to be read from the start
4 index: filled from the new catalogue's outbox, by the indexer that always does it
5 swap: the index, then the catalogue, each by a rename (on a server: by one change of aliases, by one transaction)

All is made beside what is in use (beside.py): whoever is killed starts again and goes on, and nothing is in use before step 5.
Three columns are no functions of the archive but say what this catalogue has told whom, and are given anew: changed_seq and
changed_at (the cursor of those who follow changes; every number is above all given before, so nobody misses one) and
searchable_at (when this index learnt of the document).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from sohoa.clock import Clock
from sohoa.errors import SetupError, SohoaError
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.archive.archive import Archive
from storage.catalog import document_counts, outbox
from storage.catalog.carrying import Carried, carry_over, highest_number
from storage.catalog.database import Database, alone, sqlite_path
from storage.catalog.filling import fill
from storage.catalog.replacing import replace_catalogue
from storage.catalog.tables import documents as documents_table
from storage.catalog.tables import pages
from storage.index.beside import beside
from storage.index.indexer import index_outbox
from storage.index.protocol import SearchIndex
from storage.moving.marks import check_alone
from storage.rebuild.beside import Beside, came_to, drop_traces, note, noted, number_anew, progress
from storage.rebuild.findings import UNUSABLE, Finding, why
from storage.rebuild.reading import Progress, Tell, ledger_head, read_ledger, read_objects, read_receipts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it.

    `carried` is what the catalogue in use gave on, None where there was none that could be read. `resumed`: an earlier
    rebuild was gone on with. The times are of this run: the catalogue's (steps 1 to 3) and the index's (step 4).
    """

    documents: dict[DocumentStatus, int]
    pages: int
    resumed: bool
    carried: Carried | None
    findings: tuple[Finding, ...]
    catalogue_s: float
    index_s: float


def rebuild(settings: Settings, archive: Archive, clock: Clock, *, tell: Tell = lambda _: None) -> Rebuilt:
    """Make catalogue and index anew and put them in use.

    Nothing in the archive is changed but that commits which a crash cut short are finished, where it can be written.
    Raises Conflict (`in_use`) while another process uses the catalogue, SetupError where there is no archive, and
    StoreUnavailable where something cannot be read or written just now: the same call then goes on where this one stopped.
    """
    if not archive.objects.exists("ocfl/0=ocfl_1.1"):
        raise SetupError("there is no archive where SOHOA_HOME or SOHOA_ARCHIVE_URL points: correct the setting")
    catalogue = sqlite_path(settings.catalog())
    with alone(settings.catalog()):
        check_alone(settings, archive.objects)
        made = Beside(catalogue or settings.home / "catalog", beside(settings))
        try:
            rebuilt = _make(made, settings, archive, clock, tell)
        finally:
            made.database.close()
        _swap(made, catalogue, settings, tell)
    return rebuilt


def _make(made: Beside, settings: Settings, archive: Archive, clock: Clock, tell: Tell) -> Rebuilt:
    started_s = time.monotonic()
    unfinished = _finish_commits(archive)
    head, sha256 = ledger_head(archive)
    resumed = made.open(ledger_head=head, ledger_sha256=sha256, now=clock.now())
    with made.database.write() as conn:
        note(conn, unfinished)
    read_ledger(made, archive, tell)
    read_objects(made, archive, tell)
    read_receipts(made, archive, tell)
    _number(made, settings)
    catalogue_s = time.monotonic() - started_s
    _fill_index(made, archive, clock, tell)
    with made.database.write() as conn:
        return Rebuilt(
            documents=document_counts.count_by_status(conn),
            pages=conn.execute(select(func.count()).select_from(pages)).scalar_one(),
            resumed=resumed,
            carried=carry_over(settings.catalog(), into=conn),
            findings=tuple(noted(conn)),
            catalogue_s=catalogue_s,
            index_s=time.monotonic() - started_s - catalogue_s,
        )


def _finish_commits(archive: Archive) -> list[Finding]:
    """Roll half-done commits forward. Where that cannot be, their versions are left out as if they had not begun."""
    try:
        archive.recover()
    except (SohoaError, *UNUSABLE) as error:
        return [Finding("commit_unfinished", why(error))]
    return []


def _number(made: Beside, settings: Settings) -> None:
    """Give the documents their numbers, above all that any catalogue of this archive has given: a clock's microseconds."""
    with made.database.write() as conn:
        at = conn.execute(select(progress)).one()
        if at.numbered:
            return
        above = max((at.began_at - _EPOCH) // timedelta(microseconds=1), highest_number(settings.catalog()))
        number_anew(conn, above=above)
        outbox.put_all(conn, now=at.began_at)
        came_to(conn, numbered=1)


def _fill_index(made: Beside, archive: Archive, clock: Clock, tell: Tell) -> None:
    """Step 4. Where the half-made index has lost what it was told (its folder was deleted), it is told all again."""
    with made.database.read() as conn:
        if conn.execute(select(progress.c.indexed)).scalar_one():
            return
        in_archive = documents_table.c.sequence.is_not(None)
        found = documents_table.c.status != DocumentStatus.WITHDRAWN
        total = conn.execute(select(func.count()).where(in_archive, found)).scalar_one()
    with made.index.open() as index:
        _index_all(made, archive, index, clock, tell, total)
        if index.count() != total:
            with made.database.write() as conn:
                outbox.put_all(conn, now=clock.now())
            _index_all(made, archive, index, clock, tell, total)
    with made.database.write() as conn:
        came_to(conn, indexed=1)


def _index_all(made: Beside, archive: Archive, index: SearchIndex, clock: Clock, tell: Tell, total: int) -> None:
    with made.database.read() as conn:
        done = total - outbox.pending_count(conn)
    while more := index_outbox(made.database, archive, index, clock=clock):
        done += more
        tell(Progress("index", done, total))


def _swap(made: Beside, catalogue: Path | None, settings: Settings, tell: Tell) -> None:
    """Step 5. The index first: whichever of the two catalogues is in use when this is cut short, it holds all of it.

    A catalogue on a server (`catalogue` None) takes all rows in one transaction in place of the rename.
    """
    made.index.put_in_use(lambda: tell(Progress("swap", 1, 4)))
    tell(Progress("swap", 2, 4))
    if catalogue is None:
        fill(settings.catalog(), made.path)
    else:
        replace_catalogue(made.path, catalogue)
    tell(Progress("swap", 3, 4))
    made.index.drop_old()
    if catalogue is None:
        made.discard()
    else:
        in_place = Database(settings.catalog(), alone=True)
        with in_place.write() as conn:
            drop_traces(conn)
        in_place.close()
    tell(Progress("swap", 4, 4))
