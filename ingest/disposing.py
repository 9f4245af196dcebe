"""Disposing of whole objects whose time has run out: one person proposes, another approves, then it is run.

A proposal is for the object exactly as it is. `disposals/<object>/v<head>/proposed.json` and `approved.json` are created
once each; a new version of the object needs new ones. What remains is the certificate (storage/archive/disposal.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from ingest.keeping import Target
from sohoa.clock import isoformat, parse_moment
from sohoa.errors import AlreadyExists, BadRequest, Conflict, DigestMismatch, NotAllowed, NotFound, SohoaError
from sohoa.model import Actor, Sha256
from storage.archive.certificate import Certificate
from storage.archive.disposal import Disposed, certificates, check_not_disposed, read_certificate
from storage.archive.inventory import Inventory
from storage.archive.keeping import Keeping, guard_kept, read_keeping
from storage.archive.layout import DISPOSALS, disposal_prefix, dossier_of, object_root, sha256_of, to_json
from storage.archive.receipts import Receipt
from storage.catalog import disposed as disposed_rows
from storage.catalog import documents, revisions
from storage.stores import Stores

log = structlog.get_logger()

_PROPOSED, _APPROVED = "proposed.json", "approved.json"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An object proposed for disposal. `state`: proposed, approved, outdated (it has a new version since), disposed."""

    object_id: str
    version: int
    inventory_sha256: Sha256
    retention_class: str
    until: datetime
    reason: str
    proposed_by: Actor
    proposed_at: datetime
    approved_by: Actor | None
    approved_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class _Object:
    """An object as it is now."""

    inventory: Inventory
    inventory_sha256: Sha256
    keeping: Keeping

    def key(self, name: str) -> str:
        return f"{disposal_prefix(self.inventory.object_id)}v{self.inventory.head}/{name}"


def propose(stores: Stores, target: Target, *, actor: Actor, reason: str) -> Proposal:
    """Propose an object for disposal. Raises NotAllowed (`retained`, `on_hold`) where it may not go, Conflict where it was
    proposed already, was disposed of (`disposed`), is being worked on (`busy`), or is only a part of a dossier."""
    if not reason.strip():
        raise BadRequest("a reason is needed; it is kept in the certificate")
    found = _may_go(stores, target)
    about = {
        "object_id": found.inventory.object_id,
        "version": found.inventory.head,
        "inventory_sha256": found.inventory_sha256,
        "retention_class": found.keeping.retention_class,
        "until": isoformat(found.keeping.until or stores.clock.now()),
        "reason": reason,
        "by": actor,
        "at": isoformat(stores.clock.now()),
    }
    try:
        stores.archive.objects.create(found.key(_PROPOSED), to_json(about))
    except AlreadyExists:
        raise Conflict(f"{found.inventory.object_id} is proposed already; another person approves it") from None
    return _proposal(stores, found)


def approve(stores: Stores, target: Target, *, actor: Actor) -> Proposal:
    """Approve a proposal. Raises NotAllowed (`same_actor`) for who proposed it, and for whoever is no person; NotFound where
    nothing is proposed for the object as it is now; else as :func:`propose`."""
    if not actor.startswith("person:"):
        raise NotAllowed(f"{actor} is no person: only people approve what is disposed of")
    found = _may_go(stores, target)
    proposal = _proposal(stores, found)
    if _same(proposal.proposed_by, actor):
        raise NotAllowed(f"{actor} proposed it: another person has to approve", code="same_actor")
    about = {
        "by": actor,
        "at": isoformat(stores.clock.now()),
        "proposal_sha256": sha256_of(stores.archive.objects.read(found.key(_PROPOSED))),
    }
    try:
        stores.archive.objects.create(found.key(_APPROVED), to_json(about))
    except AlreadyExists:
        raise Conflict(f"{found.inventory.object_id} is approved already by {proposal.approved_by}") from None
    return _proposal(stores, found)


def run(stores: Stores, target: Target, *, actor: Actor) -> Disposed:
    """Dispose of an approved object. All is checked again; raises as :func:`propose`, NotAllowed where it is not approved."""
    archive = stores.archive
    found = _may_go(stores, target)
    proposal = _proposal(stores, found)
    if proposal.approved_by is None or proposal.approved_at is None:
        raise NotAllowed(f"{proposal.object_id} is not approved: another person than {proposal.proposed_by} has to")
    if _same(proposal.proposed_by, proposal.approved_by):  # whoever wrote these files by hand
        raise NotAllowed(f"{proposal.object_id} was proposed and approved by the same person", code="same_actor")
    receipts = _receipts(stores, found.keeping.documents)
    guard_kept(archive.objects, found.inventory)
    certificate = Certificate(
        object_id=proposal.object_id,
        inventories=tuple(_inventory_sha256s(stores, found.inventory)),
        documents=tuple(found.keeping.documents),
        retention_class=proposal.retention_class,
        until=proposal.until,
        reason=proposal.reason,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        approved_by=proposal.approved_by,
        approved_at=proposal.approved_at,
        run_by=actor,
        run_at=parse_moment(isoformat(stores.clock.now())),
    )
    disposed = archive.dispose(certificate)
    with stores.database.write() as connection:
        disposed_rows.tell(connection, certificate, disposed.sequence, receipts, now=stores.clock.now())
    return disposed


def finish_told(stores: Stores, told: set[str]) -> int:
    """Tell the catalogue of disposals that it may not know of, for their process died; how many documents that were.

    `told` holds the certificates that need no look any more, and is added to. One that cannot be told is logged, and
    tried again the next time.
    """
    count = 0
    for key, certificate in certificates(stores.archive.objects, skip=told):
        with stores.database.read() as connection:
            known = disposed_rows.is_told(connection, certificate)
        if not known:
            try:
                receipts = _receipts(stores, certificate.documents)
            except SohoaError as error:
                log.error("disposal.not_told", object_id=certificate.object_id, code=error.code, detail=error.detail)
                continue
            sequence = stores.archive.ledger.record_disposal(certificate)
            with stores.database.write() as connection:
                count += disposed_rows.tell(connection, certificate, sequence, receipts, now=stores.clock.now())
        told.add(key)
    return count


def list_all(stores: Stores) -> Iterator[Proposal]:
    """Every proposal there ever was, whatever became of it, by object."""
    objects = stores.archive.objects
    for key in objects.list(DISPOSALS):
        if key.endswith(f"/{_PROPOSED}"):
            proposed = json.loads(objects.read(key))
            yield _read_proposal(
                stores, proposed, key.removesuffix(_PROPOSED) + _APPROVED, state=_state(stores, proposed)
            )


def _may_go(stores: Stores, target: Target) -> _Object:
    """The object of the target as it is now. Raises as :func:`propose` does."""
    object_id, archive = target.object_id, stores.archive
    code = dossier_of(object_id)
    if code is not None and target.document_id is not None:
        raise Conflict(
            f"{target.document_id} is part of dossier {code}: only the dossier as a whole can be disposed of"
        )
    check_not_disposed(archive.objects, object_id)
    inventory = archive.inventory(object_id)
    keeping = read_keeping(archive.objects, inventory)
    keeping.check_over(stores.clock.now())
    with stores.database.read() as connection:
        for some in documents.batched(keeping.documents):
            for document in documents.get_many(connection, some).values():
                revisions.check_idle(connection, document)
    return _Object(inventory, _inventory_sha256s(stores, inventory)[-1], keeping)


def _proposal(stores: Stores, found: _Object) -> Proposal:
    """The proposal for the object as it is now. Raises NotFound."""
    try:
        proposed = json.loads(stores.archive.objects.read(found.key(_PROPOSED)))
    except NotFound:
        raise NotFound(f"{found.inventory.object_id} is not proposed for disposal as it is now") from None
    if proposed["inventory_sha256"] != found.inventory_sha256:
        raise DigestMismatch(f"{found.inventory.object_id} is not what was proposed; the archive was altered")
    return _read_proposal(stores, proposed, found.key(_APPROVED), state="proposed")


def _read_proposal(stores: Stores, proposed: dict[str, Any], approval_key: str, *, state: str) -> Proposal:
    try:
        approved = json.loads(stores.archive.objects.read(approval_key))
    except NotFound:
        approved = None
    if approved is not None and approved["proposal_sha256"] != sha256_of(to_json(proposed)):
        raise DigestMismatch(f"{approval_key} approves something else than is proposed; the archive was altered")
    return Proposal(
        object_id=proposed["object_id"],
        version=proposed["version"],
        inventory_sha256=proposed["inventory_sha256"],
        retention_class=proposed["retention_class"],
        until=parse_moment(proposed["until"]),
        reason=proposed["reason"],
        proposed_by=Actor(proposed["by"]),
        proposed_at=parse_moment(proposed["at"]),
        approved_by=None if approved is None else Actor(approved["by"]),
        approved_at=None if approved is None else parse_moment(approved["at"]),
        state="approved" if state == "proposed" and approved is not None else state,
    )


def _state(stores: Stores, proposed: dict[str, Any]) -> str:
    try:
        certificate = read_certificate(stores.archive.objects, proposed["object_id"])
    except NotFound:
        head = stores.archive.inventory(proposed["object_id"]).head
        return "proposed" if head == proposed["version"] else "outdated"
    return "disposed" if certificate.head == proposed["version"] else "outdated"


def _receipts(stores: Stores, document_ids: Iterable[str]) -> dict[str, Receipt]:
    """The receipts of documents, of which the catalogue tells once their object is gone. Raises NotFound, DigestMismatch."""
    return {document_id: stores.archive.read_receipt(document_id) for document_id in document_ids}


def _inventory_sha256s(stores: Stores, inventory: Inventory) -> list[Sha256]:
    root, objects = object_root(inventory.object_id), stores.archive.objects
    keys = (f"{root}/v{number}/inventory.json" for number in range(1, inventory.head + 1))
    return [sha256_of(objects.read(key)) for key in keys]


def _same(one: Actor, other: Actor) -> bool:
    return one.strip().casefold() == other.strip().casefold()
