"""The jobs table: work in hand, claimed under leases, with the tries of each counted (ocr_workers/outcomes.py bounds them).

A job that is done is deleted in the transaction that commits its result: what it did is told by the document, its pages
and its PREMIS events, so the table is no longer than the work in hand and needs no purge. A job that failed for good
stays, as a trace for the operator, until work on its document is asked for again. There is one row at most per
(document, kind, page).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    Select,
    String,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.elements import ColumnElement

from sohoa.errors import Conflict
from sohoa.model import DocumentId
from sohoa.states import JobKind, JobState, Urgency
from storage.catalog.asked import ask
from storage.catalog.tables import Moment, constant, documents, jobs
from storage.dispatch.work_queues import WorkQueue, urgency_of

_STAGE_ORDER = {
    JobKind.DECIDE: 0,
    JobKind.MOVE: 1,
    JobKind.SPLIT: 2,
    JobKind.COMMIT: 3,
    JobKind.COMPOSE: 4,
    JobKind.READ: 5,
    JobKind.RECOGNISE: 6,
    JobKind.OPEN: 7,
}
"""What finishes a document comes first: papers leave early and little is half done at any time."""
_FIRST_BACKFILE_TURN = len(_STAGE_ORDER)
"""`turn` is a stage's place, less the number of stages for each step of priority: from here on nobody waits."""
_EARLIEST_TURN, _LATEST_TURN = -(2**31), 2**31 - 1
_TURNS_OF = {
    Urgency.WAITING: (_EARLIEST_TURN, _FIRST_BACKFILE_TURN),
    Urgency.BACKFILE: (_FIRST_BACKFILE_TURN, _LATEST_TURN),
    None: (_EARLIEST_TURN, _LATEST_TURN),
}
"""The first turn of each urgency (None: any), and the one after its last."""
_WHOLE_DOCUMENT = 0
WHEN_CARRIED = datetime(9999, 1, 1, tzinfo=UTC)
"""`run_after` of work on a paper that is still in the spool (storage/spool.py): `wake` sets the true one."""
_BACKOFF_BASE_S = 2.0
_BACKOFF_CAP_S = 300.0
_chance = random.SystemRandom()
_READY = jobs.c.state == constant(JobState.READY)


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done: a stage of a document or (with `page`) of one page. Higher `priority` is done first; below 0 nobody
    waits for it (a back-file)."""

    kind: JobKind
    document_id: str
    page: int | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    run_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sharer:
    """Whose jobs wait: an office ("" for jobs that an older version put there) and how urgently."""

    office: str
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class Job:
    """Work as claimed. `attempts` counts this one; `last_code` says how the attempt before ended."""

    job_id: int
    kind: JobKind
    document_id: DocumentId
    page: int | None
    payload: dict[str, Any]
    attempts: int
    priority: int
    last_code: str | None


def enqueue(conn: Connection, new_jobs: Iterable[NewJob], *, now: datetime) -> int:
    """Ask for work; returns how many jobs were added. Work that waits or is being done already is not added again."""
    by_document: dict[str, list[NewJob]] = defaultdict(list)
    for job in new_jobs:
        by_document[job.document_id].append(job)
    added = 0
    for document_id, wanted in by_document.items():
        conn.execute(delete(jobs).where(jobs.c.document_id == document_id, jobs.c.state == constant(JobState.FAILED)))
        known = conn.execute(
            select(documents.c.office, jobs.c.kind, jobs.c.page)
            .join_from(documents, jobs, isouter=True)
            .where(documents.c.document_id == document_id)
        ).all()
        there = {(kind, page) for _, kind, page in known}
        office = next((office for office, *_ in known), "")  # no such document: the insert says so
        rows = {(row["kind"], row["page"]): row for row in (_row(job, office, now) for job in wanted)}
        fresh = [row for work, row in rows.items() if work not in there]
        if fresh:
            conn.execute(insert(jobs), fresh)
            ask(conn, [WorkQueue(row["kind"], urgency_of(row["priority"])) for row in fresh if row["run_after"] <= now])
        added += len(fresh)
    return added


def claim(
    conn: Connection,
    *,
    owner: str,
    lease_s: float,
    now: datetime,
    kinds: Collection[JobKind] | None = None,
    document_id: str | None = None,
    of: Sharer | None = None,
    turns: Sequence[int] | None = None,
) -> Job | None:
    """Take the next job (of those named) for `lease_s` seconds: by priority, then the stage that finishes documents first,
    then age. Workers draw whose jobs go first: storage/catalog/shares.py. `turns` is what :func:`turns_of` has just told of
    these kinds, and is looked up where it is not given."""
    statement = _claiming(
        of_office=of is not None, kinds=None if kinds is None else tuple(kinds), of_document=document_id is not None
    )
    said = {
        "p_now": now,
        "p_owner": owner,
        "p_until": now + timedelta(seconds=lease_s),
        **({} if of is None else {"p_office": of.office}),
        **({} if document_id is None else {"p_document": document_id}),
    }
    begin, end = _TURNS_OF[None if of is None else of.urgency]
    stretches = [(begin, end)]
    if kinds is not None and document_id is None:
        wanted = turns_of(conn, kinds) if turns is None else turns
        stretches = [(turn, turn + 1) for turn in wanted if begin <= turn < end]
    for first, after in stretches:
        row = conn.execute(statement, said | {"p_first": first, "p_after": after}).one_or_none()
        if row is not None:
            return _job(row)
    return None


def turns_of(conn: Connection, kinds: Collection[JobKind]) -> list[int]:
    """The steps of the order in which jobs of these kinds wait: a claim that goes by them does not walk through all the
    jobs of other kinds that come before."""
    return [step.turn for step in _steps(conn) if step.kind in kinds]


def sharers(conn: Connection) -> list[Sharer]:
    """Who has jobs that wait, be they due or not. It costs a few steps along an index for each office, however many wait."""
    return [
        Sharer(office, urgency)
        for office, *turns in conn.execute(_who_waits())
        for urgency, turn in zip(Urgency, turns, strict=True)
        if turn is not None
    ]


def due(conn: Connection, *, now: datetime, most: int) -> dict[WorkQueue, int]:
    """How many jobs may be claimed just now, by queue; from each step of the order, so many are counted at most."""
    found: dict[WorkQueue, int] = defaultdict(int)
    for step in _steps(conn):
        some = select(jobs.c.job_id).where(_READY, jobs.c.turn == step.turn, jobs.c.run_after <= now).limit(most)
        count = conn.execute(select(func.count()).select_from(some.subquery())).scalar_one()
        if count:
            found[WorkQueue(step.kind, urgency_of(step.priority))] += count
    return dict(found)


@dataclass(frozen=True, slots=True)
class Depth:
    """Jobs of a work queue: `due` may be claimed just now, `put_off` not yet. `oldest_at` is since when the first of those
    that are due might have been."""

    due: int = 0
    put_off: int = 0
    oldest_at: datetime | None = None


def depths(conn: Connection, *, now: datetime, most: int) -> dict[WorkQueue, Depth]:
    """How much waits in each work queue that anything waits in; from each step of the order, so many are counted at most."""
    found: dict[WorkQueue, Depth] = {}
    for step in _steps(conn):
        first = select(jobs.c.run_after).where(_READY, jobs.c.turn == step.turn).order_by(jobs.c.job_id).limit(most)
        run_after = first.subquery().c.run_after
        is_due = run_after <= now
        count, due_count, oldest_at = conn.execute(
            select(
                func.count(),
                func.count(case((is_due, 1))),
                func.min(case((is_due, run_after)), type_=Moment),
            ).select_from(run_after.table)
        ).one()
        queue = WorkQueue(step.kind, urgency_of(step.priority))
        before = found.get(queue, Depth())
        found[queue] = Depth(
            before.due + due_count,
            before.put_off + count - due_count,
            min((at for at in (before.oldest_at, oldest_at) if at is not None), default=None),
        )
    return found


def in_hand(conn: Connection) -> dict[JobKind, int]:
    """How many jobs of each kind workers have in hand."""
    query = select(jobs.c.kind, func.count()).where(jobs.c.state == constant(JobState.LEASED)).group_by(jobs.c.kind)
    return {kind: count for kind, count in conn.execute(query)}  # noqa: C416


def renew(conn: Connection, job_ids: Collection[int], *, owner: str, lease_s: float, now: datetime) -> set[int]:
    """Lengthen leases to `lease_s` seconds from now and return the jobs that `owner` still holds."""
    held = update(jobs).where(jobs.c.job_id.in_(job_ids), *_held_by(owner))
    rows = conn.execute(held.values(leased_until=now + timedelta(seconds=lease_s)).returning(jobs.c.job_id))
    return set(rows.scalars())


def check_held(conn: Connection, job_id: int, *, owner: str) -> None:
    """Raise Conflict (`lease_lost`) where a job is not `owner`'s any more: let it roll all back."""
    held = select(func.count()).select_from(jobs).where(jobs.c.job_id == job_id, *_held_by(owner))
    _check_held(conn.execute(held).scalar_one(), job_id)


def complete(conn: Connection, job_id: int, *, owner: str) -> None:
    """End a job that is done. Raises Conflict (`lease_lost`) if it is not `owner`'s any more: let it roll all back."""
    _check_held(conn.execute(delete(jobs).where(jobs.c.job_id == job_id, *_held_by(owner))).rowcount, job_id)


def retry_later(conn: Connection, job_id: int, *, owner: str, code: str, delay_s: float, now: datetime) -> None:
    """Give a job back after a failed attempt, to be tried again in `delay_s` seconds (see :func:`backoff_s`).

    Raises Conflict (`lease_lost`).
    """
    again = _give_back(
        conn, jobs.c.job_id == job_id, *_held_by(owner), code=code, run_after=now + timedelta(seconds=delay_s)
    )
    _check_held(len(again), job_id)


def wait(conn: Connection, job_id: int, *, owner: str, code: str, delay_s: float, now: datetime) -> None:
    """Give a job back that could not be begun or ended for a reason outside it: the attempt does not count.

    Raises Conflict (`lease_lost`).
    """
    retry_later(conn, job_id, owner=owner, code=code, delay_s=delay_s, now=now)
    conn.execute(update(jobs).where(jobs.c.job_id == job_id).values(attempts=jobs.c.attempts - 1))


def waiting_for(conn: Connection, *, now: datetime) -> set[str]:
    """Why the jobs that are put off just now are put off."""
    put_off = select(jobs.c.last_code).distinct().where(jobs.c.state == JobState.READY, jobs.c.run_after > now)
    return {code for code in conn.execute(put_off).scalars() if code is not None}


def spooled(conn: Connection, *, document_id: str | None = None) -> dict[str, str]:
    """The documents (or that one) whose work waits until they are carried from a spool to the archive, each with that
    spool's mark ("" where an older version put it there)."""
    waiting = (jobs.c.state == constant(JobState.READY), jobs.c.run_after >= WHEN_CARRIED)
    query = select(jobs.c.document_id, jobs.c.payload).where(*waiting).order_by(jobs.c.document_id)
    found = conn.execute(query if document_id is None else query.where(jobs.c.document_id == document_id))
    return {document_id: payload.get("spool", "") for document_id, payload in found}


def wake(conn: Connection, document_ids: Collection[str], *, now: datetime) -> None:
    """Let the work on these documents begin that waited for them to be carried."""
    waiting = (jobs.c.state == constant(JobState.READY), jobs.c.run_after >= WHEN_CARRIED)
    for document_id in document_ids:
        conn.execute(update(jobs).where(jobs.c.document_id == document_id, *waiting).values(run_after=now))


def fail(conn: Connection, job_id: int, *, owner: str, code: str) -> None:
    """End a job that cannot be done. Raises Conflict (`lease_lost`)."""
    held = update(jobs).where(jobs.c.job_id == job_id, *_held_by(owner))
    ended = held.values(state=JobState.FAILED, owner=None, leased_until=None, last_code=code)
    _check_held(conn.execute(ended).rowcount, job_id)


def hand_out_again(conn: Connection, *, now: datetime, code: str = "lease_lost") -> list[Job]:
    """Take back every job whose lease has run out, whoever had it."""
    expired = (jobs.c.state == constant(JobState.LEASED), jobs.c.leased_until <= now)
    return _give_back(conn, *expired, code=code, run_after=now)


def release_owner(conn: Connection, owner: str, *, code: str, now: datetime) -> list[Job]:
    """Take back every job of a worker that is known to be dead, and of those under it (`owner:…`), saying why
    (`engine_killed`, `timeout`, …)."""
    theirs = or_(jobs.c.owner == owner, jobs.c.owner.startswith(f"{owner}:", autoescape=True))
    return _give_back(conn, jobs.c.state == constant(JobState.LEASED), theirs, code=code, run_after=now)


def drop_document(conn: Connection, document_id: str) -> None:
    """Forget all work on a document, for one that is withdrawn; a worker that is at it finds its lease lost."""
    conn.execute(delete(jobs).where(jobs.c.document_id == document_id))


def backoff_s(attempts: int) -> float:
    """Seconds to wait after the given number of attempts: 2, 4, 8 … at most 300, of which a random half is left out at
    most, so that what failed together does not come back together."""
    full = min(_BACKOFF_CAP_S, _BACKOFF_BASE_S * 2.0 ** min(max(attempts, 1) - 1, 30))
    return full * _chance.uniform(0.5, 1.0)


def counts(conn: Connection, *, document_id: str | None = None) -> dict[JobKind, dict[JobState, int]]:
    """How many jobs of each kind are in each state (of one document, if named); what is none is left out."""
    query = select(jobs.c.kind, jobs.c.state, func.count()).group_by(jobs.c.kind, jobs.c.state)
    if document_id is not None:
        query = query.where(jobs.c.document_id == document_id)
    found: dict[JobKind, dict[JobState, int]] = defaultdict(dict)
    for kind, state, count in conn.execute(query):
        found[kind][state] = count
    return dict(found)


def working_on(conn: Connection, document_ids: Iterable[str]) -> set[str]:
    """Those of these documents (at most a few hundred) that have work waiting or being done."""
    live = (jobs.c.state != constant(JobState.FAILED), jobs.c.document_id.in_(list(document_ids)))
    return set(conn.execute(select(jobs.c.document_id).where(*live)).scalars())


def next_run_after(conn: Connection, *, now: datetime) -> datetime | None:
    """When the next waiting job may be claimed: `now` if one may at once, None if none waits."""
    first = conn.execute(
        select(func.min(jobs.c.run_after, type_=Moment)).where(jobs.c.state == constant(JobState.READY))
    ).scalar()
    return None if first is None else max(first, now)


_COLUMNS = (
    jobs.c.job_id,
    jobs.c.kind,
    jobs.c.document_id,
    jobs.c.page,
    jobs.c.payload,
    jobs.c.attempts,
    jobs.c.priority,
    jobs.c.last_code,
)


@cache
def _claiming(
    *, of_office: bool, kinds: tuple[JobKind, ...] | None, of_document: bool
) -> ReturningUpdate[tuple[Any, ...]]:
    """Take the next job that is due, in a stretch of turns. Made once: that takes longer than the server needs."""
    due = (jobs.c.state == constant(JobState.READY), jobs.c.run_after <= bindparam("p_now", type_=Moment))
    first = select(jobs.c.job_id).where(*due)
    if kinds is not None:
        first = first.where(jobs.c.kind.in_(kinds))
    if of_document:
        first = first.where(jobs.c.document_id == bindparam("p_document"))
    begin, end = bindparam("p_first", type_=Integer), bindparam("p_after", type_=Integer)
    if of_office:
        within = _within(bindparam("p_office", type_=String), begin, end)
        first = first.where(*within).order_by(jobs.c.office, jobs.c.turn, jobs.c.job_id)
    else:
        first = first.where(jobs.c.turn >= begin, jobs.c.turn < end).order_by(jobs.c.turn, jobs.c.job_id)
    return (
        update(jobs)
        .where(jobs.c.job_id == first.limit(1).with_for_update(skip_locked=True).scalar_subquery())
        .values(
            state=JobState.LEASED,
            owner=bindparam("p_owner"),
            leased_until=bindparam("p_until", type_=Moment),
            attempts=jobs.c.attempts + 1,
        )
        .returning(*_COLUMNS)
    )


def _steps(conn: Connection) -> Iterator[Row[Any, Any, Any]]:
    """Turn, kind and priority of each step of the order in which anything waits, found along the index, step by step."""
    steps = select(jobs.c.turn, jobs.c.kind, jobs.c.priority).where(_READY)
    steps = steps.order_by(jobs.c.turn, jobs.c.job_id).limit(1)
    step = conn.execute(steps).one_or_none()
    while step is not None:
        yield step
        step = conn.execute(steps.where(jobs.c.turn > step.turn)).one_or_none()


@cache
def _who_waits() -> Select[Any]:
    """Each office with waiting jobs, and of each urgency the turn of one of these or null; from office to office along the
    index."""
    ready = jobs.c.state == constant(JobState.READY)
    seen = select(func.min(jobs.c.office).label("office")).where(ready).cte("seen", recursive=True)
    following = select(func.min(jobs.c.office)).where(ready, jobs.c.office > seen.c.office).scalar_subquery()
    seen = seen.union_all(select(following).where(seen.c.office.is_not(None)))
    some = [
        select(jobs.c.turn)
        .where(ready, *_within(seen.c.office, *(literal(turn, Integer) for turn in _TURNS_OF[urgency])))
        .order_by(jobs.c.office, jobs.c.turn, jobs.c.job_id)
        .limit(1)
        .scalar_subquery()
        for urgency in Urgency
    ]
    return select(seen.c.office, *some).where(seen.c.office.is_not(None))


def _within(
    office: ColumnElement[Any], begin: ColumnElement[int], end: ColumnElement[int]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """An office's jobs from one turn up to, without, another one, as a stretch of `ix_jobs_office`. Written so, and not as
    `office = …`, for then a planner whose statistics are of a minute ago may walk another index, through all the jobs of
    others."""
    place = tuple_(jobs.c.office, jobs.c.turn)
    return place >= tuple_(office, begin), place < tuple_(office, end)


def _row(job: NewJob, office: str, now: datetime) -> dict[str, Any]:
    return {
        "office": office,
        "kind": job.kind,
        "document_id": job.document_id,
        "page": _WHOLE_DOCUMENT if job.page is None else job.page,
        "payload": job.payload,
        "state": JobState.READY,
        "priority": job.priority,
        "turn": _STAGE_ORDER[job.kind] - len(_STAGE_ORDER) * job.priority,
        "attempts": 0,
        "run_after": now if job.run_after is None else job.run_after,
    }


def _job(row: Row[Any]) -> Job:
    values = dict(row._mapping)
    values["page"] = None if values["page"] == _WHOLE_DOCUMENT else values["page"]
    return Job(**values)


def _held_by(owner: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return jobs.c.state == constant(JobState.LEASED), jobs.c.owner == owner


def _check_held(found: int, job_id: int) -> None:
    if not found:
        raise Conflict(f"job {job_id} was handed to another worker; its result is thrown away", code="lease_lost")


def _give_back(conn: Connection, *lost: ColumnElement[bool], code: str, run_after: datetime) -> list[Job]:
    """Free the leased jobs that fit, to be claimed again from `run_after` on."""
    ready = (
        update(jobs)
        .where(*lost)
        .values(state=JobState.READY, run_after=run_after, owner=None, leased_until=None, last_code=code)
    )
    return [_job(row) for row in conn.execute(ready.returning(*_COLUMNS))]
