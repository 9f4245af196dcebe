"""The review queue: papers that wait for a person, oldest first, and who has which before them under a lease.

A claim is no part of the archive: while it lives the document's `review` is `claimed`, and afterwards what it was before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, or_, select

from sohoa.errors import BadRequest, Conflict
from sohoa.model import Actor, Revision, own_keys
from sohoa.reviews import Check, checks_from, wanted_from
from sohoa.states import DocumentStatus, Review, WantedKind
from storage.catalog import documents as rows
from storage.catalog.documents import Changes, Document
from storage.catalog.tables import Moment, claims, constant, documents, jobs

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a paper before them, and until when nobody else gets it."""

    document_id: str
    actor: Actor
    claimed_at: datetime
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Some of the queue, oldest first. `next_cursor` is None at its end; `total` counts the whole of it."""

    items: tuple[tuple[Document, Claim | None], ...]
    next_cursor: str | None
    total: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of how many second checks of one actor's papers a field was looked at, and how often it was left as it was."""

    actor: str
    field: str
    checked: int
    agreed: int

    @property
    def share(self) -> float:
        return self.agreed / self.checked


def waiting(
    conn: Connection,
    *,
    now: datetime,
    office: str | None = None,
    type_name: str | None = None,
    wanted: WantedKind | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Waiting:
    """The queue, of one office or type, or of what is wanted, if told; those that somebody has claimed too.

    Raises BadRequest (bad_cursor).
    """
    query = _queue(select(documents.c.document_id, documents.c.received_at), office=office, type_name=type_name)
    if wanted is not None:
        query = query.where(documents.c.wanted["kind"].as_string() == wanted.value)
    total = conn.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    if cursor is not None:
        at, document_id = _place(cursor)
        same = and_(documents.c.received_at == at, documents.c.document_id > document_id)
        query = query.where(or_(documents.c.received_at > at, same))
    found = conn.execute(query.order_by(documents.c.received_at, documents.c.document_id).limit(limit + 1)).all()
    known = rows.get_many(conn, [row.document_id for row in found[:limit]])
    held = _living(conn, list(known), now=now)
    items = tuple((document, held.get(document.document_id)) for document in known.values())
    items = tuple(sorted(items, key=lambda item: (item[0].received_at, item[0].document_id)))
    last = items[-1][0] if items else None
    after = None if last is None or len(found) <= limit else f"{_micros(last.received_at)}-{last.document_id}"
    return Waiting(items, after, total)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many papers wait for review, how many of them somebody has before them, and since when the first has waited."""

    waiting: int
    claimed: int
    oldest_at: datetime | None


def depth(conn: Connection, *, now: datetime, most: int) -> QueueDepth:
    """How long the queue is; of a longer one, `most`."""
    query = _queue(select(documents.c.received_at), office=None, type_name=None)
    received_at = query.order_by(documents.c.received_at).limit(most).subquery().c.received_at
    count, oldest_at = conn.execute(select(func.count(), func.min(received_at, type_=Moment))).one()
    living = select(func.count()).select_from(claims).where(claims.c.claimed_until > now)
    return QueueDepth(count, conn.execute(living).scalar_one(), oldest_at)


def claim_next(
    conn: Connection, *, actor: Actor, now: datetime, lease_s: float, office: str | None, type_name: str | None = None
) -> Document | None:
    """Take the oldest paper that nobody has, that can be confirmed now and that this actor may: None where none is left."""
    living = exists().where(claims.c.document_id == documents.c.document_id, claims.c.claimed_until > now)
    at_work = exists().where(jobs.c.document_id == documents.c.document_id)
    others = documents.alias("revision")
    revised = exists().where(others.c.revises == documents.c.document_id)
    kind, asked_by = (documents.c.wanted[name].as_string() for name in ("kind", "actor"))
    theirs = or_(
        documents.c.wanted.is_(None), and_(kind == WantedKind.SECOND_CHECK.value, asked_by != actor)
    )  # what is to be scanned, turned or split first is nothing to confirm
    free = or_(documents.c.review == constant(Review.NEEDED), ~living)
    query = _queue(select(documents.c.document_id), office=office, type_name=type_name)
    query = query.where(free, ~at_work, ~revised, theirs).order_by(documents.c.received_at, documents.c.document_id)
    document_id = conn.execute(query.limit(1).with_for_update(skip_locked=True)).scalar_one_or_none()
    return None if document_id is None else claim(conn, document_id, actor=actor, now=now, lease_s=lease_s)


def claim(conn: Connection, document_id: str, *, actor: Actor, now: datetime, lease_s: float) -> Document:
    """Take a paper, or keep one longer. Raises NotFound; Conflict where another has it (`claimed`), or looked at it first
    (`same_actor`), or where it does not wait for anybody."""
    document = rows.find(conn, document_id)
    check_may(conn, document, actor=actor, now=now)
    if document.review not in (Review.NEEDED, Review.CLAIMED) or document.status is not DocumentStatus.ARCHIVED:
        raise Conflict(f"document {document_id} waits for nobody: it is {document.status}, review {document.review}")
    end_claim(conn, document_id)
    until = now + timedelta(seconds=lease_s)
    conn.execute(insert(claims).values(document_id=document_id, actor=actor, claimed_at=now, claimed_until=until))
    return rows.amend(conn, document_id, now=now, review=Review.CLAIMED)


def check_may(conn: Connection, document: Document, *, actor: Actor, now: datetime) -> None:
    """Raise Conflict where another has the paper (`claimed`), or this actor has made the check that a second one is to
    follow (`same_actor`)."""
    held = claim_of(conn, document, now=now)
    if held is not None and held.actor != actor:
        raise Conflict(f"document {document.document_id} is before {held.actor} just now", code="claimed")
    wanted = document.wanted
    if wanted is not None and wanted.kind == WantedKind.SECOND_CHECK and wanted.actor == actor:
        raise Conflict(
            f"you have checked document {document.document_id} already: another person makes the second check",
            code="same_actor",
        )


def claim_of(conn: Connection, document: Document, *, now: datetime) -> Claim | None:
    """The claim that lives on a document."""
    if document.review is not Review.CLAIMED:
        return None
    return _living(conn, [document.document_id], now=now).get(document.document_id)


def claim_shown(conn: Connection, document_id: str, *, now: datetime) -> tuple[Document, Claim | None]:
    """A document and the claim that lives on it. Raises NotFound."""
    document = rows.find(conn, document_id)
    return document, claim_of(conn, document, now=now)


def give_back(conn: Connection, document_id: str, *, actor: Actor, now: datetime) -> Document:
    """End one's own claim; the paper is in the queue again. Raises NotFound, Conflict where it is another's (`claimed`)."""
    document = rows.find(conn, document_id)
    held = claim_of(conn, document, now=now)
    if held is not None and held.actor != actor:
        raise Conflict(f"document {document_id} is before {held.actor} just now", code="claimed")
    end_claim(conn, document_id)
    if document.review is not Review.CLAIMED:
        return document
    return rows.amend(conn, document_id, now=now, review=Review.NEEDED)


def end_claim(conn: Connection, document_id: str) -> None:
    """Forget the claim on a document, if any."""
    conn.execute(delete(claims).where(claims.c.document_id == document_id))


def return_expired(conn: Connection, *, now: datetime) -> int:
    """Put back what nobody has in time; how many papers."""
    expired = conn.execute(
        delete(claims).where(claims.c.claimed_until <= now).returning(claims.c.document_id)
    ).scalars()
    back = [document for document in rows.get_many(conn, list(expired)).values() if document.review is Review.CLAIMED]
    for document in back:
        rows.amend(conn, document.document_id, now=now, review=Review.NEEDED)
    return len(back)


def agreement(conn: Connection, *, office: str | None = None) -> list[Agreement]:
    """What second checks left as first checks had it, by the first check's actor and field."""
    checked: Counter[tuple[str, str]] = Counter()
    agreed: Counter[tuple[str, str]] = Counter()
    for said in _checks(conn, office=office):
        for first, second in _pairs(said):
            for name in {*first.fields, *second.changed}:
                checked[first.actor, name] += 1
                agreed[first.actor, name] += name not in second.changed
    return [Agreement(*key, checked[key], agreed[key]) for key in sorted(checked)]


def reviewed(conn: Connection, *, offices: list[str]) -> Iterator[Document]:
    """Papers of these offices that people are done with, in the order of their ids."""
    after = ""
    while True:
        query = (
            select(documents.c.document_id)
            .where(
                documents.c.office.in_(offices),
                documents.c.review == constant(Review.DONE),
                documents.c.status == constant(DocumentStatus.ARCHIVED),
                documents.c.document_id > after,
            )
            .order_by(documents.c.document_id)
        )
        some = list(conn.execute(query.limit(500)).scalars())
        if not some:
            return
        known = rows.get_many(conn, some)
        yield from (known[document_id] for document_id in some)
        after = some[-1]


def changes_of(says: Mapping[str, Any]) -> Changes:
    """What a decision says of a document in record.json, as changes of its row."""
    if not says:
        return {}
    changes: Changes = {
        "fields": says["fields"],
        "review": Review(says["review"]),
        "checks": checks_from(says["checks"]),
        "wanted": wanted_from(says["wanted"]),
    }
    if says.get("revision") is not None:
        changes["revision"] = Revision(**own_keys(Revision, says["revision"]))
    return changes


def _queue(query: Select[Any], *, office: str | None, type_name: str | None) -> Select[Any]:
    """Those that wait. Status and office are looked at through a function, so that the index of what waits is read, in its
    order, and not that of an office's hundred thousand papers."""
    query = query.where(
        documents.c.review.in_([constant(Review.NEEDED), constant(Review.CLAIMED)]),
        func.coalesce(documents.c.status, "") == constant(DocumentStatus.ARCHIVED),
        documents.c.revises.is_(None),
    )
    if office is not None:
        query = query.where(func.coalesce(documents.c.office, "") == office)
    if type_name is not None:
        query = query.where(documents.c.fields["type_name"]["value"].as_string() == type_name)
    return query


def _living(conn: Connection, document_ids: list[str], *, now: datetime) -> dict[str, Claim]:
    query = select(claims).where(claims.c.document_id.in_(document_ids), claims.c.claimed_until > now)
    return {row.document_id: Claim(**row._mapping) for row in conn.execute(query)}


def _checks(conn: Connection, *, office: str | None) -> Iterator[tuple[Check, ...]]:
    query = select(documents.c.checks).where(documents.c.checks.is_not(None))
    if office is not None:
        query = query.where(documents.c.office == office)
    for said in conn.execute(query).scalars():
        yield checks_from(said)


def _pairs(said: tuple[Check, ...]) -> Iterator[tuple[Check, Check]]:
    return (pair for pair in pairwise(said) if pair[1].check == 2)


def _micros(moment: datetime) -> int:
    return (moment - _FIRST) // _MICROSECOND


def _place(cursor: str) -> tuple[datetime, str]:
    micros, dash, document_id = cursor.partition("-")
    if not (dash and micros.isascii() and micros.isdigit() and len(micros) <= 17 and len(document_id) == 26):
        raise BadRequest("the cursor is not one that a list gave: start again without it", code="bad_cursor")
    return _FIRST + int(micros) * _MICROSECOND, document_id
