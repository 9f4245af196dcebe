"""Documents in the catalogue: registering, moving from status to status, finding and listing them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sohoa.errors import AlreadyExists, NotFound
from sohoa.model import (
    Actor,
    Appended,
    DocumentId,
    DossierCode,
    OfficeId,
    Part,
    Revision,
    Sha256,
    Source,
    own_keys,
    part_from_dict,
    part_to_dict,
    source_from_dict,
    source_to_dict,
)
from sohoa.reviews import Check, Wanted, check_to_dict, checks_from, wanted_from, wanted_to_dict
from sohoa.states import FINAL, DocumentStatus, JobKind, Review, check_move
from storage.archive.layout import object_id_of
from storage.catalog.tables import constant, counters, documents


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What is known of a document when its bytes have become durable. `original_sha256` is their digest, where that is not
    the one of `source`: they were cut out of another document's original."""

    document_id: DocumentId
    office: OfficeId
    dossier: DossierCode | None
    source_name: str
    source: Source
    original_size_bytes: int
    kind: str
    media_type: str
    actor: Actor
    received_at: datetime
    external_id: str | None = None
    declared: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    revises: DocumentId | None = None
    revision: Revision | None = None
    original_sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One paper as the catalogue knows it.

    `source_name` is the file name as given; `kind` a sniff.Kind value; `code`, `stage` and `detail` say why a document
    is held or failed; `pages_pending` counts the pages that are not finished; `object_id`, `version` and `sequence`
    name its newest archive commit; `changed_seq` is greater than that of every change before. `fields` are those read from
    it, by name, as model.field_to_dict writes them. `appended` are its further originals. `revision` is one that is on its
    way, or the last one where it did not get through (revisions.py); a row with `revises` is such a revision itself, and no
    document to anybody but the pipeline. `checks` are all looks of people at its fields, oldest first; `wanted` is what is
    still to be done about it. `split_into` are the documents that it was split into.
    """

    document_id: DocumentId
    office: OfficeId
    dossier: DossierCode | None
    source_name: str
    source: Source
    original_sha256: Sha256
    original_size_bytes: int
    kind: str
    media_type: str
    status: DocumentStatus
    code: str | None
    stage: str | None
    detail: str | None
    review: Review
    pages_total: int | None
    pages_pending: int
    pages_failed: tuple[int, ...]
    warnings: tuple[str, ...]
    external_id: str | None
    declared: dict[str, Any]
    actor: Actor
    received_at: datetime
    archived_at: datetime | None
    searchable_at: datetime | None
    object_id: str | None
    version: int | None
    sequence: int | None
    pdf_sha256: Sha256 | None
    pdf_size_bytes: int | None
    conformance: str | None
    changed_seq: int
    changed_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    appended: tuple[Appended, ...] = ()
    revision: Revision | None = None
    revises: DocumentId | None = None
    checks: tuple[Check, ...] = ()
    wanted: Wanted | None = None
    split_into: tuple[Part, ...] = ()

    @property
    def archived_in(self) -> str:
        """The OCFL object that has the document's files or, before its first commit, is going to: its dossier's or its
        own. While a document is being moved `dossier` is where it goes and this is where its files are."""
        return self.object_id or object_id_of(self.document_id, self.dossier)


class Changes(TypedDict, total=False):
    """What may change about a document besides its status."""

    dossier: str | None
    source: Source
    source_name: str
    original_sha256: str
    original_size_bytes: int
    kind: str
    media_type: str
    appended: tuple[Appended, ...]
    revision: Revision | None
    code: str | None
    stage: str | None
    detail: str | None
    review: Review
    pages_total: int | None
    pages_pending: int
    pages_failed: tuple[int, ...]
    warnings: tuple[str, ...]
    fields: dict[str, Any]
    checks: tuple[Check, ...]
    wanted: Wanted | None
    split_into: tuple[Part, ...]
    archived_at: datetime | None
    searchable_at: datetime | None
    object_id: str | None
    version: int | None
    sequence: int | None
    pdf_sha256: str | None
    pdf_size_bytes: int | None
    conformance: str | None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents of a list, and the cursor to ask for those after them (None: there are no more now)."""

    items: tuple[Document, ...]
    next_cursor: int | None


def find_duplicate(conn: Connection, *, office: str, dossier: str | None, sha256: str) -> Document | None:
    """The document that these bytes already are in that dossier or, without one, among the office's loose papers, or
    that they are about to become the new original of.

    A withdrawn document does not count.
    """
    row = conn.execute(
        select(documents).where(
            documents.c.office == office,
            documents.c.dossier.is_(None) if dossier is None else documents.c.dossier == dossier,
            documents.c.original_sha256 == sha256,
            documents.c.status != constant(DocumentStatus.WITHDRAWN),
        )
    ).one_or_none()
    if row is None:
        return None
    found = _document(row)
    return found if found.revises is None else get(conn, found.revises)


def insert_document(conn: Connection, new: NewDocument, *, now: datetime) -> Document:
    """Register a document, received maybe a while ago: its first change is `now`.

    Raises AlreadyExists where :func:`find_duplicate` finds one, or for its id.
    """
    values = {
        "document_id": new.document_id,
        "office": new.office,
        "dossier": new.dossier,
        "source_name": new.source_name,
        "source": _plain("source", new.source),
        "original_sha256": new.original_sha256 or new.source.original_sha256,
        "original_size_bytes": new.original_size_bytes,
        "kind": new.kind,
        "media_type": new.media_type,
        "status": DocumentStatus.RECEIVED,
        "review": Review.NONE,
        "pages_pending": 0,
        "pages_failed": [],
        "warnings": list(new.warnings),
        "external_id": new.external_id,
        "declared": new.declared,
        "actor": new.actor,
        "received_at": new.received_at,
        "revises": new.revises,
        "revision": _plain("revision", new.revision),
        "changed_seq": _next_change(conn),
        "changed_at": now,
    }
    try:
        row = conn.execute(insert(documents).values(values).returning(documents)).one()
    except IntegrityError as error:
        raise AlreadyExists(
            "these bytes are in that dossier or office already; use the document that is there"
        ) from error
    return _document(row)


def get(conn: Connection, document_id: str, *, office: str | None = None) -> Document:
    """The document, or the revision of one. Raises NotFound, for another office's too when `office` is given."""
    query = select(documents).where(documents.c.document_id == document_id)
    if office is not None:
        query = query.where(documents.c.office == office)
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no document {document_id}")
    return _document(row)


def find(conn: Connection, document_id: str, *, office: str | None = None) -> Document:
    """The document that a person named: like :func:`get`, but a revision is none."""
    document = get(conn, document_id, office=office)
    if document.revises is not None:
        raise NotFound(f"there is no document {document_id}")
    return document


def move(
    conn: Connection, document_id: str, status: DocumentStatus, *, now: datetime, **changes: Unpack[Changes]
) -> Document:
    """Take a document to `status` with what changes about it. Raises NotFound, or Conflict for a move that may not be.

    Why it was held or failed (`code`, `stage`, `detail`) is forgotten by a move elsewhere that does not state it again.
    """
    # Taking a number comes before the look at the old status: until this transaction ends nobody else can change it.
    changed = _next_change(conn)
    before = get(conn, document_id).status
    check_move(before, status)
    why: Changes = {} if status is before else {"code": None, "stage": None, "detail": None}
    return _update(conn, document_id, changed=changed, now=now, values={"status": status, **why, **changes})


def amend(conn: Connection, document_id: str, *, now: datetime, **changes: Unpack[Changes]) -> Document:
    """Change something about a document and leave its status as it is. Raises NotFound."""
    return _update(conn, document_id, changed=_next_change(conn), now=now, values=dict(changes))


def list_documents(
    conn: Connection,
    *,
    office: str | None = None,
    dossier: str | None = None,
    status: DocumentStatus | None = None,
    external_id: str | None = None,
    changed_since: datetime | None = None,
    after: int | None = None,
    limit: int = 50,
) -> DocumentPage:
    """Documents that fit every filter given, in the order of their last change, from after the cursor `after`.

    The order is what makes the cursor safe while documents change: one that changes moves behind it and comes (again)
    later, so following the cursors to the end misses nothing.
    """
    query = _filtered(select(documents), office=office, dossier=dossier, status=status, external_id=external_id)
    if changed_since is not None:
        recent = documents.c.changed_at >= changed_since
        first = select(func.min(documents.c.changed_seq)).where(recent).scalar_subquery()
        query = query.where(recent, documents.c.changed_seq >= first)
    if after is not None:
        query = query.where(documents.c.changed_seq > after)
    rows = conn.execute(query.order_by(documents.c.changed_seq).limit(limit + 1)).all()
    items = tuple(_document(row) for row in rows[:limit])
    return DocumentPage(items=items, next_cursor=items[-1].changed_seq if len(rows) > limit else None)


def get_many(conn: Connection, document_ids: Collection[str]) -> dict[str, Document]:
    """Those of these documents that there are, by id."""
    found: dict[str, Document] = {}
    for some in batched(document_ids):
        for row in conn.execute(select(documents).where(documents.c.document_id.in_(some))):
            document = _document(row)
            found[document.document_id] = document
    return found


def hidden(conn: Connection, document_ids: Collection[str], *, office: str | None) -> set[str]:
    """Those of these documents that are withdrawn or, where `office` is given, another office's."""
    out_of_sight = documents.c.status == constant(DocumentStatus.WITHDRAWN)
    if office is not None:
        out_of_sight |= documents.c.office != office
    query = select(documents.c.document_id).where(out_of_sight)
    return {
        document_id
        for some in batched(document_ids)
        for document_id in conn.execute(query.where(documents.c.document_id.in_(some))).scalars()
    }


def by_id(conn: Connection, *, after: str, limit: int) -> list[Document]:
    """Documents in the order of their ids, from after `after` ("" for the first)."""
    query = select(documents).where(documents.c.document_id > after).order_by(documents.c.document_id).limit(limit)
    return [_document(row) for row in conn.execute(query)]


def confirmed_values(conn: Connection, office: str, *, most: int) -> list[dict[str, str]]:
    """Of an office's papers that a person has confirmed, newest first: the values of their accepted fields by name."""
    query = (
        select(documents.c.fields)
        .where(
            documents.c.office == office,
            documents.c.review == constant(Review.DONE),
            documents.c.status == constant(DocumentStatus.ARCHIVED),
        )
        .order_by(documents.c.document_id.desc())
        .limit(most)
    )
    return [
        {name: one["value"] for name, one in fields.items() if one["accepted"] and one["value"] is not None}
        for fields in conn.execute(query).scalars()
    ]


def finished(conn: Connection, document_ids: Collection[str]) -> list[Document]:
    """Those of `document_ids` at which the machine has nothing more to do."""
    done = select(documents).where(documents.c.status.in_(FINAL))
    return [
        _document(row)
        for some in batched(document_ids)
        for row in conn.execute(done.where(documents.c.document_id.in_(some)))
    ]


def needing_staging(conn: Connection, document_ids: Collection[str]) -> dict[str, bool]:
    """Whether what is staged for each of these documents is still needed; those that are no documents are left out.

    It is needed while there is work to do and, where the archive could not take it, until somebody tries again.
    """
    columns = select(documents.c.document_id, documents.c.status, documents.c.stage)
    return {
        document_id: status not in FINAL or (status is DocumentStatus.FAILED and stage == JobKind.COMMIT)
        for some in batched(document_ids)
        for document_id, status, stage in conn.execute(columns.where(documents.c.document_id.in_(some)))
    }


def _filtered(query: Select[Any], **equal: Any) -> Select[Any]:
    for name, value in equal.items():
        if value is not None:
            query = query.where(documents.c[name] == value)
    return query.where(documents.c.revises.is_(None))


def batched(values: Collection[str]) -> Iterator[list[str]]:
    """`values` in pieces that fit into one statement."""
    remaining = list(values)
    for start in range(0, len(remaining), 500):
        yield remaining[start : start + 500]


def _next_change(conn: Connection) -> int:
    query = update(counters).where(counters.c.name == "documents").values(value=counters.c.value + 1)
    return int(conn.execute(query.returning(counters.c.value)).scalar_one())


def _update(conn: Connection, document_id: str, *, changed: int, now: datetime, values: dict[str, Any]) -> Document:
    query = update(documents).where(documents.c.document_id == document_id)
    try:
        plain = {name: _plain(name, value) for name, value in values.items()}
        changing = query.values(**plain, changed_seq=changed, changed_at=now).returning(documents)
        row = conn.execute(changing).one_or_none()
    except IntegrityError as error:
        raise AlreadyExists(f"the bytes of document {document_id} are in that dossier or office already") from error
    if row is None:
        raise NotFound(f"there is no document {document_id}")
    return _document(row)


def _plain(name: str, value: Any) -> Any:
    """A value as its column has it."""
    if name == "source":
        return source_to_dict(value)
    if name == "revision":
        return None if value is None else asdict(value)
    if name == "appended":
        return [asdict(one) for one in value] or None
    if name == "checks":
        return [check_to_dict(one) for one in value] or None
    if name == "wanted":
        return wanted_to_dict(value)
    if name == "split_into":
        return [part_to_dict(one) for one in value] or None
    return value


def _document(row: Row[Any]) -> Document:
    values = dict(row._mapping)
    values["source"] = source_from_dict(values["source"])
    values["pages_failed"] = tuple(values["pages_failed"])
    values["warnings"] = tuple(values["warnings"])
    values["appended"] = tuple(Appended(**own_keys(Appended, one)) for one in values["appended"] or ())
    values["revision"] = None if values["revision"] is None else Revision(**own_keys(Revision, values["revision"]))
    values["checks"] = checks_from(values["checks"])
    values["wanted"] = wanted_from(values["wanted"])
    values["split_into"] = tuple(part_from_dict(one) for one in values["split_into"] or ())
    return Document(**values)
