"""What a rebuild reads, in three steps: the ledger, the objects that it names, the receipts that are in no object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, func, or_, select

from sohoa.errors import DigestMismatch, NotFound, SohoaError, StoreUnavailable
from sohoa.states import DocumentStatus
from storage.archive.archive import Archive
from storage.archive.certificate import Certificate
from storage.archive.layout import INTENTS, object_id_of, sha256_of
from storage.archive.ledger import Entry
from storage.archive.receipts import Receipt, Revising
from storage.catalog.dialects import insert_new
from storage.catalog.documents import batched, find_duplicate, get
from storage.catalog.revisions import begin_turning
from storage.catalog.tables import documents
from storage.rebuild.beside import Beside, add, came_to, commits, disposed, findings, note, progress
from storage.rebuild.findings import UNUSABLE, Finding, why
from storage.rebuild.rows import Recorded, Rows, disposed_rows, rows_of
from storage.registration import is_over, must_wait, register

BATCH = 200
_NOWHERE = "a receipt was given, but its bytes are neither in an object nor staged: restore them from a copy"
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step has come; `total` is 0 while it is not known."""

    step: str
    done: int
    total: int


Tell = Callable[[Progress], None]


def ledger_head(archive: Archive) -> tuple[int, str]:
    """Number and digest of the newest entry, found by listing, for probing would stop at a gap; (0, "") of none."""
    numbers = (int(key.rpartition("/")[2].removesuffix(".json")) for key in archive.objects.list("ledger/"))
    head = max(numbers, default=0)
    entry = _entry(archive, head) if head else None
    return head, entry.sha256 if isinstance(entry, Entry) else ""


def read_ledger(made: Beside, archive: Archive, tell: Tell) -> None:
    """Step 1: sequence numbers of all versions. Entries that are missing, damaged or out of the chain are findings."""
    with made.database.read() as conn:
        at = conn.execute(select(progress)).one()
    before = _entry(archive, at.ledger_read) if at.ledger_read else None
    for numbers in _batches(range(at.ledger_read + 1, at.ledger_head + 1)):
        rows: list[dict[str, str | int]] = []
        found: list[Finding] = []
        certified: list[tuple[Certificate, int]] = []
        for number in numbers:
            entry = _entry(archive, number)
            if isinstance(entry, Finding):
                found.append(entry)
            else:
                if not isinstance(before, Finding) and entry.previous != (before and before.sha256):
                    found.append(Finding("ledger_damaged", f"entry {number} does not follow from the one before it"))
                rows += [
                    {"object_id": commit.object_id, "version": commit.version, "sequence": number}
                    for commit in entry.commits
                ]
                certified += [(certificate, number) for certificate in entry.disposals]
            before = entry
        with made.database.write() as conn:
            if rows:
                insert_new(conn, commits, rows)
            note(conn, found)
            _put_disposed(conn, certified, archive, now=at.began_at)
            came_to(conn, ledger_read=numbers[-1])
        tell(Progress("ledger", numbers[-1], at.ledger_head))


def read_objects(made: Beside, archive: Archive, tell: Tell) -> None:
    """Step 2: the documents in the newest version of every object that the ledger names."""
    with made.database.read() as conn:
        at = conn.execute(select(progress)).one()
        there = commits.c.object_id.not_in(select(disposed.c.object_id))
        total = conn.execute(select(func.count(commits.c.object_id.distinct())).where(there)).scalar_one()
        seen = commits.c.object_id <= at.object_read
        done = conn.execute(select(func.count(commits.c.object_id.distinct())).where(there, seen)).scalar_one()
    pending, last = _pending(archive), at.object_read
    while True:
        with made.database.read() as conn:
            following = select(commits.c.object_id).distinct().where(there, commits.c.object_id > last)
            some = conn.execute(following.order_by(commits.c.object_id).limit(BATCH)).scalars().all()
            sequences = _sequences(conn, some)
        if not some:
            return
        found = [
            each
            for object_id in some
            for each in rows_of(
                archive,
                object_id,
                Recorded(sequences[object_id], pending[sha256_of(object_id.encode())], at.ledger_head),
            )
        ]
        last, done = some[-1], done + len(some)
        with made.database.write() as conn:
            _put(conn, found, made)
            came_to(conn, object_read=last)
        tell(Progress("objects", done, total))


def read_receipts(made: Beside, archive: Archive, tell: Tell) -> None:
    """Step 3: papers that are in no object yet become `received`, to be read from the start, then revisions likewise; what
    people said to turn is begun again, which needs no receipt.

    The newest first: where the same bytes have two receipts, the first of them was not registered when the second came,
    and resolves to the document of the second; likewise of two revisions of a document.
    """
    missing: list[Receipt] = []
    found: list[Finding] = []
    for keys in _batches(archive.objects.list("receipts/")):
        ids = [key.removeprefix("receipts/").removesuffix(".json") for key in keys]
        with made.database.read() as conn:
            there = set(conn.execute(select(documents.c.document_id).where(documents.c.document_id.in_(ids))).scalars())
        for document_id in ids:
            if document_id not in there:
                receipt = _receipt(archive, document_id)
                (found if isinstance(receipt, Finding) else missing).append(receipt)  # type: ignore[arg-type]
    with made.database.write() as conn:
        note(conn, found)
        _begin_turnings(conn)
    pending, done = _pending(archive), 0
    missing.sort(key=lambda each: (each.revising is None, each.accepted_at, each.document_id), reverse=True)
    for receipts in _batches(missing):
        with made.database.write() as conn:
            for receipt in receipts:
                if receipt.revising is None:
                    _resolve(conn, receipt, made, archive, pending)
                else:
                    _resolve_revision(conn, receipt, receipt.revising, archive)
        done += len(receipts)
        tell(Progress("receipts", done, len(missing)))


def _begin_turnings(conn: Connection) -> None:
    """A record that names a revision as under way is one that asks for pages to be turned: nothing else is archived before
    it is over."""
    now = conn.execute(select(progress.c.began_at)).scalar_one()
    under_way = documents.c.revision["status"].as_string() == DocumentStatus.RECEIVED.value
    those = select(documents.c.document_id).where(under_way, documents.c.revises.is_(None))
    for document_id in conn.execute(those).scalars().all():
        begin_turning(conn, get(conn, document_id), now=now)


def _resolve(
    conn: Connection, receipt: Receipt, made: Beside, archive: Archive, pending: Mapping[str, set[int]]
) -> None:
    """What became of a paper that step 2 did not find."""
    at = conn.execute(select(progress)).one()
    object_id = object_id_of(receipt.document_id, receipt.dossier)
    visited = conn.execute(select(commits.c.version).where(commits.c.object_id == object_id).limit(1)).first()
    if visited is None:  # the entry that named the object may be lost
        _put(conn, _unrecorded(archive, object_id, pending, head=at.ledger_head), made)
    if _is_told(conn, receipt.document_id, object_id):
        return
    if find_duplicate(conn, office=receipt.office, dossier=receipt.dossier, sha256=receipt.sha256) is not None:
        return
    if archive.objects.exists(receipt.staged_key):
        register(conn, receipt, now=at.began_at)
        return
    note(conn, [Finding("original_missing", _NOWHERE, object_id, receipt.document_id)])


def _resolve_revision(conn: Connection, receipt: Receipt, revising: Revising, archive: Archive) -> None:
    """What became of bytes that were to revise a document: the archive has them, or they are worked on again.

    Where their document cannot be revised just now they stay staged, and the sweeper comes back to them.
    """
    at = conn.execute(select(progress)).one()
    object_id = object_id_of(revising.document_id, receipt.dossier)
    try:
        if is_over(conn, receipt, archive=archive) or _is_told(conn, receipt.document_id, object_id):
            return
    except (DigestMismatch, *UNUSABLE) as error:
        note(conn, [Finding("document_damaged", why(error), object_id, revising.document_id)])
        return
    if archive.objects.exists(receipt.staged_key):
        if not must_wait(conn, receipt):
            register(conn, receipt, now=at.began_at)
    elif not _has_finding(conn, revising.document_id, object_id):
        note(conn, [Finding("original_missing", _NOWHERE, object_id, receipt.document_id)])


def _unrecorded(
    archive: Archive, object_id: str, pending: Mapping[str, set[int]], *, head: int
) -> list[Rows | Finding]:
    """The documents of an object that the ledger does not name, if it is there."""
    try:
        archive.inventory(object_id)
    except NotFound:
        return []
    except (SohoaError, *UNUSABLE):
        pass  # said by what comes next
    return list(rows_of(archive, object_id, Recorded({}, pending[sha256_of(object_id.encode())], head)))


def _is_told(conn: Connection, document_id: str, object_id: str) -> bool:
    """Whether the document has a row by now, or a finding that says why not."""
    row = conn.execute(select(documents.c.document_id).where(documents.c.document_id == document_id)).first()
    return row is not None or _has_finding(conn, document_id, object_id)


def _has_finding(conn: Connection, document_id: str, object_id: str) -> bool:
    of_it = findings.c.document_id == document_id
    of_its_object = (findings.c.object_id == object_id) & (findings.c.document_id == "")
    return conn.execute(select(findings.c.code).where(or_(of_it, of_its_object))).first() is not None


def _put(conn: Connection, found: Iterable[Rows | Finding], made: Beside) -> None:
    now = conn.execute(select(progress.c.began_at)).scalar_one()
    rows = [each for each in found if isinstance(each, Rows)]
    note(conn, [each for each in found if isinstance(each, Finding)])
    add(conn, rows, now=now)


def _put_disposed(
    conn: Connection, certified: Iterable[tuple[Certificate, int]], archive: Archive, *, now: datetime
) -> None:
    """Documents of objects that were disposed of: what their receipts say, and which entry holds the certificate."""
    for certificate, sequence in certified:
        insert_new(conn, disposed, {"object_id": certificate.object_id})
        for document_id in certificate.documents:
            receipt = _receipt(archive, document_id)
            if isinstance(receipt, Finding):
                note(conn, [receipt])
            else:
                add(conn, [disposed_rows(receipt, certificate, sequence)], now=now)


def _sequences(conn: Connection, object_ids: Iterable[str]) -> dict[str, dict[int, int]]:
    """Version → sequence number of each object."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for some in batched(list(object_ids)):
        for object_id, version, sequence in conn.execute(select(commits).where(commits.c.object_id.in_(some))):
            found[object_id][version] = sequence
    return found


def _pending(archive: Archive) -> Mapping[str, set[int]]:
    """The reserved versions whose commit is not finished, by the digest of their object's id."""
    found: dict[str, set[int]] = defaultdict(set)
    for key in archive.objects.list(INTENTS):
        if key.count("/") == 2:  # intents/<digest>/vN.json
            _, digest, name = key.split("/")
            found[digest].add(int(name.removeprefix("v").removesuffix(".json")))
    return found


def _entry(archive: Archive, number: int) -> Entry | Finding:
    try:
        return archive.ledger.entry(number)
    except StoreUnavailable:
        raise
    except NotFound:
        return Finding("ledger_damaged", f"entry {number} is missing")
    except (SohoaError, *UNUSABLE) as error:
        return Finding("ledger_damaged", f"entry {number} cannot be used: {why(error)}")


def _receipt(archive: Archive, document_id: str) -> Receipt | Finding:
    try:
        return archive.read_receipt(document_id)
    except StoreUnavailable:
        raise
    except (SohoaError, *UNUSABLE) as error:
        return Finding("receipt_damaged", why(error), document_id=document_id)


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while some := list(islice(remaining, BATCH)):
        yield some
