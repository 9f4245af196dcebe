"""What a catalogue that is replaced gives on to the new one: all that the archive does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, delete, insert, select, update

from sohoa.errors import SetupError
from sohoa.states import JobKind, JobState
from storage.catalog.database import Database
from storage.catalog.tables import (
    audit_head,
    constant,
    copies,
    counters,
    documents,
    idempotency_keys,
    jobs,
    moved,
    tokens,
    viewings,
)

_Found = TypeVar("_Found")
_DECIDED = jobs.c.kind.in_([constant(JobKind.DECIDE), constant(JobKind.MOVE), constant(JobKind.SPLIT)])


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
    found = _read(url, lambda conn: (_rows(conn, _WHOLE), _dicts(conn, select(jobs).where(_DECIDED))))
    if found is None:
        return None
    kept, decided = found
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
    kept = _read(url, lambda conn: _rows(conn, (viewings, audit_head)))
    for table, rows in (kept or {}).items():
        key = next(iter(table.primary_key))
        for row in rows:
            into.execute(delete(table).where(key == row[key.name]))
            into.execute(insert(table).values(row))


def highest_number(url: str) -> int:
    """The last changed_seq that the catalogue at `url` gave out, 0 where it cannot be told. As :func:`carry_over`."""
    last = select(counters.c.value).where(counters.c.name == "documents")
    return int(_read(url, lambda conn: conn.execute(last).scalar_one()) or 0)


_WHOLE = (tokens, idempotency_keys, viewings, audit_head, moved, copies)


def _read(url: str, what: Callable[[Connection], _Found]) -> _Found | None:
    """What is found in the catalogue in place; None where there is none, or it is damaged or serves newer versions only."""
    old = Database(url, alone=True)
    try:
        if not old.exists():
            return None
        old.migrate()
        with old.read() as conn:
            return what(conn)
    except SetupError:
        return None
    finally:
        old.close()


def _rows(conn: Connection, tables: Iterable[Table]) -> dict[Table, list[dict[str, Any]]]:
    return {table: _dicts(conn, select(table)) for table in tables}


def _dicts(conn: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in conn.execute(query)]


def _point_to_target(into: Connection, job: dict[str, Any]) -> None:
    """A document that was to be moved and has not arrived belongs to the dossier it goes to already (ingest/moving.py)."""
    decision = job["payload"]["move"]
    there = update(documents).where(documents.c.document_id == job["document_id"])
    into.execute(there.where(documents.c.object_id == decision["from_object"]).values(dossier=decision["to"]))


def _free(job: dict[str, Any]) -> dict[str, Any]:
    """The job as it is before anybody claims it; its number is given anew."""
    kept = {name: value for name, value in job.items() if name != "job_id"}
    return kept | {"state": JobState.READY, "owner": None, "leased_until": None}
