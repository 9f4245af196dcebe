"""The catalogue and index that a rebuild makes, beside those in use, and in the same file how far it has come.

Everything that is read in one batch is written in one transaction together with how far that is, so a rebuild that was
killed goes on from its last batch. The `rebuild_…` tables go when all is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, func, insert, select, update

from sohoa.errors import SetupError
from storage.catalog import jobs
from storage.catalog.database import Database
from storage.catalog.dialects import insert_new
from storage.catalog.documents import batched
from storage.catalog.tables import Moment, counters, documents, pages
from storage.index.beside import IndexBeside
from storage.rebuild.findings import Finding
from storage.rebuild.rows import Rows

_metadata = MetaData()
progress = Table(
    "rebuild_progress",
    _metadata,
    Column("began_at", Moment, nullable=False),
    Column("ledger_head", Integer, nullable=False),
    Column("ledger_sha256", String, nullable=False),
    Column("ledger_read", Integer, nullable=False),
    Column("object_read", String, nullable=False),
    Column("numbered", Integer, nullable=False),
    Column("indexed", Integer, nullable=False),
)
"""One row. `ledger_head` and `ledger_sha256` say which archive this is a rebuild of, the others how far it has come."""
commits = Table(
    "rebuild_commits",
    _metadata,
    Column("object_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False),
)
disposed = Table("rebuild_disposed", _metadata, Column("object_id", String, primary_key=True))
"""Objects of which nothing is to be read: a certificate in the ledger tells of them."""
findings = Table(
    "rebuild_findings",
    _metadata,
    Column("code", String, primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("document_id", String, primary_key=True),
    Column("detail", String, primary_key=True),
)


class Beside:
    """The half-made catalogue, a file beside `catalogue` (the one in use may be on a server), and the half-made index."""

    def __init__(self, catalogue: Path, index: IndexBeside) -> None:
        self.path = catalogue.with_name(f"{catalogue.name}.rebuild")
        self.index = index
        self.database = Database(f"sqlite:///{self.path}", alone=True)

    def open(self, *, ledger_head: int, ledger_sha256: str, now: datetime) -> bool:
        """Go on with what is there (True), or begin anew where it is of another state of the archive or of no use."""
        if self._is_of(ledger_head, ledger_sha256):
            return True
        self.discard()
        self.database.migrate()
        with self.database.write() as conn:
            _metadata.create_all(conn)
            conn.execute(
                insert(progress).values(
                    began_at=now,
                    ledger_head=ledger_head,
                    ledger_sha256=ledger_sha256,
                    ledger_read=0,
                    object_read="",
                    numbered=0,
                    indexed=0,
                )
            )
        return False

    def discard(self) -> None:
        """Throw away what an earlier rebuild left."""
        self.database.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self.index.discard()

    def _is_of(self, ledger_head: int, ledger_sha256: str) -> bool:
        if not self.path.exists():
            return False
        try:
            self.database.migrate()
        except SetupError:
            return False  # damaged, or for newer versions only
        with self.database.read() as conn:
            there = conn.dialect.has_table(conn, progress.name)
            found = conn.execute(select(progress)).one_or_none() if there else None
        return found is not None and (found.ledger_head, found.ledger_sha256) == (ledger_head, ledger_sha256)


def came_to(conn: Connection, **how_far: int | str) -> None:
    """Write down how far the rebuild has come."""
    conn.execute(update(progress).values(**how_far))


def note(conn: Connection, found: Iterable[Finding]) -> None:
    """Keep findings; one that is known is kept once."""
    rows = [asdict(finding) for finding in found]
    if rows:
        insert_new(conn, findings, rows)


def noted(conn: Connection) -> list[Finding]:
    """Every finding kept so far, by code, then where."""
    order = (findings.c.code, findings.c.object_id, findings.c.document_id)
    return [Finding(**row._mapping) for row in conn.execute(select(findings).order_by(*order))]


def add(conn: Connection, found: Sequence[Rows], *, now: datetime) -> None:
    """Put documents in, with their pages and the jobs of those that are to be worked on.

    Of a document that two objects have (a move between them was cut short) the newer commit counts, and its job finishes
    the move. Where two documents
    are the same bytes in the same place, which no catalogue lets happen, the first stays and the other is a finding.
    """
    fresh = {rows.document["document_id"]: rows for rows in sorted(found, key=lambda rows: rows.document["sequence"])}
    known = select(documents.c.document_id, documents.c.sequence)
    for some in batched(list(fresh)):
        for document_id, sequence in conn.execute(known.where(documents.c.document_id.in_(some))).all():
            if sequence is not None and sequence > fresh[document_id].document["sequence"]:
                del fresh[document_id]
            else:
                conn.execute(delete(documents).where(documents.c.document_id == document_id))
    if not fresh:
        return
    first = _take_numbers(conn, len(fresh))
    rows = [
        {**each.document, "changed_seq": number, "changed_at": now}
        for number, each in enumerate(fresh.values(), start=first)
    ]
    insert_new(conn, documents, rows)
    kept = {
        document_id
        for some in batched(list(fresh))
        for document_id in conn.execute(
            select(documents.c.document_id).where(documents.c.document_id.in_(some))
        ).scalars()
    }
    note(conn, (_same_bytes(fresh[document_id]) for document_id in fresh.keys() - kept))
    if page_rows := [page for document_id in kept for page in fresh[document_id].pages]:
        conn.execute(insert(pages), page_rows)
    work = [job for document_id in sorted(kept) if (job := fresh[document_id].job) is not None]
    jobs.enqueue(conn, work, now=now)


def number_anew(conn: Connection, *, above: int) -> None:
    """Number the documents from `above` on in the order of the ledger, those it does not name last, as they came in."""
    order = (documents.c.sequence.is_(None), documents.c.sequence, documents.c.received_at, documents.c.document_id)
    ranked = select(documents.c.document_id, func.row_number().over(order_by=order).label("place")).subquery()
    placed = update(documents).where(documents.c.document_id == ranked.c.document_id)
    conn.execute(placed.values(changed_seq=above + ranked.c.place))
    count = conn.execute(select(func.count()).select_from(documents)).scalar_one()
    conn.execute(update(counters).where(counters.c.name == "documents").values(value=above + count))


def drop_traces(conn: Connection) -> None:
    """Take the tables of the rebuild out again: what is left is a catalogue like any other."""
    _metadata.drop_all(conn)


def _take_numbers(conn: Connection, count: int) -> int:
    """The first of `count` numbers in a row, good until :func:`number_anew` gives the right ones."""
    more = update(counters).where(counters.c.name == "documents").values(value=counters.c.value + count)
    return int(conn.execute(more.returning(counters.c.value)).scalar_one()) - count + 1


def _same_bytes(rows: Rows) -> Finding:
    document = rows.document
    return Finding(
        "same_bytes_twice",
        "another document of its office and dossier has the same bytes: withdraw one of the two",
        object_id=document["object_id"],
        document_id=document["document_id"],
    )
