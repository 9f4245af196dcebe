"""What a catalogue that is replaced gives on to the new one: all that the archive does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from sohoa.errors import SetupError
from sohoa.states import JobKind, JobState
from storage.catalog.database import Database, sqlite_path
from storage.catalog.tables import audit_head, constant, counters, documents, idempotency_keys, jobs, tokens, viewings

_DECIDED = jobs.c.kind.in_([constant(JobKind.DECIDE), constant(JobKind.MOVE)])


@dataclass(frozen=True, slots=True)
class Carried:
    """How much was given on; decisions are those taken by a person and not yet carried out."""

    tokens: int
    idempotency_keys: int
    decisions: int


def carry_over(url: str, *, into: Connection) -> Carried | None:
    """Copy what the catalogue at `url` alone knows; None where there is none that can be read. Twice is as once.

    The caller has that catalogue alone. Raises StoreUnavailable where it cannot be read just now.
    """
    if not sqlite_path(url).exists():
        return None
    old = Database(url, alone=True)
    try:
        old.migrate()
        with old.read() as conn:
            kept = {table: [dict(row._mapping) for row in conn.execute(select(table))] for table in _WHOLE}
            decided = [dict(row._mapping) for row in conn.execute(select(jobs).where(_DECIDED))]
    except SetupError:  # damaged, or written by a newer Sohoa
        return None
    finally:
        old.close()
    for table, rows in kept.items():
        into.execute(delete(table))
        if rows:
            into.execute(insert(table), rows)
    known = set(into.execute(select(documents.c.document_id)).scalars()) if decided else set()
    again = [_free(job) for job in decided if job["document_id"] in known]
    for job in again:
        into.execute(delete(jobs).where(_DECIDED, jobs.c.document_id == job["document_id"]))
        if job["kind"] is JobKind.MOVE:
            _point_to_target(into, job)
    if again:
        into.execute(insert(jobs), again)
    return Carried(len(kept[tokens]), len(kept[idempotency_keys]), len(again))


def carry_viewings(url: str, *, into: Connection) -> None:
    """Add what the audit in the archive does not have yet and only the catalogue at `url` may know. As
    :func:`carry_over`."""
    if not sqlite_path(url).exists():
        return
    old = Database(url, alone=True)
    try:
        old.migrate()
        with old.read() as conn:
            kept = {
                table: [dict(row._mapping) for row in conn.execute(select(table))] for table in (viewings, audit_head)
            }
    except SetupError:
        return
    finally:
        old.close()
    for table, rows in kept.items():
        key = next(iter(table.primary_key))
        for row in rows:
            into.execute(delete(table).where(key == row[key.name]))
            into.execute(insert(table).values(row))


def highest_number(url: str) -> int:
    """The last changed_seq that the catalogue at `url` gave out, 0 where it cannot be told. As :func:`carry_over`."""
    if not sqlite_path(url).exists():
        return 0
    old = Database(url, alone=True)
    try:
        old.migrate()
        with old.read() as conn:
            return int(conn.execute(select(counters.c.value).where(counters.c.name == "documents")).scalar_one())
    except SetupError:
        return 0
    finally:
        old.close()


_WHOLE = (tokens, idempotency_keys, viewings, audit_head)


def _point_to_target(into: Connection, job: dict[str, Any]) -> None:
    """A document that was to be moved and has not arrived belongs to the dossier it goes to already (ingest/moving.py)."""
    decision = job["payload"]["move"]
    there = update(documents).where(documents.c.document_id == job["document_id"])
    into.execute(there.where(documents.c.object_id == decision["from_object"]).values(dossier=decision["to"]))


def _free(job: dict[str, Any]) -> dict[str, Any]:
    """The job as it is before anybody claims it; its number is given anew."""
    kept = {name: value for name, value in job.items() if name != "job_id"}
    return kept | {"state": JobState.READY, "owner": None, "leased_until": None}
