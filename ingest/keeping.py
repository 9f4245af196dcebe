"""What a person decides about how long papers are kept: a retention class, a legal hold, its lifting.

Each is a version of the object with who, when and why, and is told to the store, which then refuses by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sohoa.errors import BadRequest, Conflict, NotFound
from sohoa.model import Actor, DossierCode, OfficeId
from storage.archive import premis
from storage.archive.keeping import (
    FOREVER,
    HOLD,
    LIFTED,
    Keeping,
    Kept,
    event_path,
    guard_kept,
    read_keeping,
    retention_detail,
)
from storage.archive.layout import object_id_of, to_json
from storage.archive.premis import EventType
from storage.catalog import disposed, documents
from storage.stores import Stores


@dataclass(frozen=True, slots=True)
class Target:
    """What a decision is about: all of an object, or one document in it."""

    object_id: str
    document_id: str | None

    def of(self, keeping: Keeping) -> Kept:
        return keeping.whole if self.document_id is None else keeping.documents.get(self.document_id, Kept())


@dataclass(frozen=True, slots=True)
class Decided:
    """What holds for the target now, and whether the store refuses by itself to let go of it."""

    target: Target
    kept: Kept
    guarded: bool


def find_target(stores: Stores, named: str, *, office: OfficeId | None) -> Target:
    """The document or dossier of that name in the archive. Raises NotFound, also for another office's; Conflict for a
    document that is not in the archive yet, or was disposed of (`disposed`)."""
    with stores.database.read() as connection:
        try:
            document = documents.get(connection, named.strip().upper(), office=office)
        except NotFound:
            code = DossierCode(named.strip())
            found = documents.list_documents(connection, office=office, dossier=code, limit=1).items
            if not found:
                raise NotFound(f"there is no document and no dossier {named!r}") from None
            return Target(object_id_of(found[0].document_id, code), None)
    if disposed.is_gone(document):
        raise Conflict(f"document {document.document_id} was {document.detail}", code=disposed.CODE)
    if document.version is None:
        raise Conflict(f"document {document.document_id} is not in the archive yet; try again once it is")
    return Target(document.object_id or object_id_of(document.document_id, document.dossier), document.document_id)


def show(stores: Stores, target: Target) -> Keeping:
    """Everything that was decided about the object of the target. Raises NotFound."""
    return read_keeping(stores.archive.objects, stores.archive.inventory(target.object_id))


def set_retention(
    stores: Stores, target: Target, retention_class: str, *, starting: date | None, actor: Actor, reason: str
) -> Decided:
    """Have the target kept for the years of a class from `starting` on (today unless told).

    Raises BadRequest for a class that the settings do not have, Conflict where that would be shorter than what was given
    before: a time that was promised is not taken back.
    """
    classes = stores.settings.retention_terms()
    if retention_class not in classes:
        names = ", ".join(classes)
        raise BadRequest(f"there is no retention class {retention_class!r}; SOHOA_RETENTION_CLASSES has {names}")
    first = (
        stores.clock.now() if starting is None else datetime(starting.year, starting.month, starting.day, tzinfo=UTC)
    )
    first = first.replace(hour=0, minute=0, second=0, microsecond=0)
    until = _years_later(first, classes[retention_class])
    known = target.of(show(stores, target)).until
    if known is not None and until < known:
        raise Conflict(f"it is to be kept until {known:%Y-%m-%d} already; that is not made shorter", code="retained")
    detail = retention_detail(retention_class, starting=first, until=until, reason=reason)
    return _decide(stores, target, detail, actor=actor, reason=reason)


def set_hold(stores: Stores, target: Target, *, actor: Actor, reason: str) -> Decided:
    """Have the target kept, whatever its retention says, until the hold is lifted."""
    return _decide(stores, target, {"decision": HOLD, "reason": reason}, actor=actor, reason=reason)


def lift_hold(stores: Stores, target: Target, *, actor: Actor, reason: str) -> Decided:
    """End a hold. Raises Conflict where there is none on just this document, or on the dossier as a whole."""
    if not target.of(show(stores, target)).on_hold:
        raise Conflict(f"there is no hold on {target.document_id or target.object_id} itself")
    return _decide(stores, target, {"decision": LIFTED, "reason": reason}, actor=actor, reason=reason)


def _decide(stores: Stores, target: Target, detail: dict[str, Any], *, actor: Actor, reason: str) -> Decided:
    if not reason.strip():
        raise BadRequest("a reason is needed; it is kept in the archive")
    archive, clock = stores.archive, stores.clock
    event = premis.event(EventType.POLICY_ASSIGNMENT, at=clock.now(), actor=actor, clock=clock, detail=detail)
    event_id = str(event["eventIdentifier"]["eventIdentifierValue"])
    archive.stage(event_id, "keeping.json", to_json(event))
    file = archive.staged_file(event_id, "keeping.json", event_path(event_id, target.document_id))
    message = f"{detail['decision']} of {target.document_id or 'all of it'}"
    archive.commit_and_record(target.object_id, [file], actor=actor, message=message)
    archive.clear_staging(event_id)
    inventory = archive.inventory(target.object_id)
    keeping = read_keeping(archive.objects, inventory)
    return Decided(target, target.of(keeping), guard_kept(archive.objects, inventory))


def _years_later(first: datetime, years: int | None) -> datetime:
    if years is None:
        return FOREVER
    try:
        return first.replace(year=first.year + years)
    except ValueError:  # 29 February
        return first.replace(year=first.year + years, month=3, day=1)
