"""What a person decides about a document that is in already: try it again, release it, withdraw it.

A decision is a job (`decide`), done at once by whoever took it and, if that process dies, by any worker. It is committed to the
archive (record and PREMIS event, with who and why) and then told to the catalogue, in the transaction that ends the job.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from typing import Any

import pikepdf

from sohoa.clock import Clock, isoformat, process_owner
from sohoa.errors import BadRequest, Conflict, DigestMismatch
from sohoa.model import Actor
from sohoa.states import DocumentStatus, JobKind
from storage.archive import premis
from storage.archive.archive import Archive
from storage.archive.commit import Recorded
from storage.archive.layout import object_id_of, sha256_of, to_json
from storage.archive.premis import EventType
from storage.catalog import documents, jobs, outbox
from storage.catalog.database import Database
from storage.catalog.documents import Document
from storage.catalog.jobs import Job, NewJob
from storage.stores import Stores

_VERBS = {
    EventType.UNQUARANTINE: ("released", DocumentStatus.HELD),
    EventType.RECOVERY: ("tried again", DocumentStatus.FAILED),
}


def release(stores: Stores, document: Document, *, actor: Actor, reason: str, password: str | None = None) -> Document:
    """Let a held document go on: an encrypted one opened with its password, a damaged one as far as it can be read.

    The password is used once, here; what is kept is an opened working copy in staging, until the document is archived.
    Raises Conflict where the document is not held or is being worked on, BadRequest (password_needed, wrong_password).
    """
    _check_reason(reason)
    _check_status(document, EventType.UNQUARANTINE)
    if document.code == "encrypted":
        _stage_opened(stores, document, password)
    return _decide(
        stores,
        document,
        EventType.UNQUARANTINE,
        actor=actor,
        reason=reason,
        payload={"accept_damage": document.code == "damaged"},
    )


def retry(stores: Stores, document: Document, *, actor: Actor) -> Document:
    """Try a failed document again from the start. Raises Conflict where it has not failed or is being worked on."""
    return _decide(stores, document, EventType.RECOVERY, actor=actor, reason="tried again", payload={})


def withdraw(stores: Stores, document: Document, *, actor: Actor, reason: str) -> Document:
    """Take a document out of use and out of the search; its files stay in the archive's versions.

    Raises Conflict while the document is being worked on, or where the archive could not take it yet.
    """
    _check_reason(reason)
    if document.status is DocumentStatus.WITHDRAWN:
        return document
    return _decide(stores, document, EventType.DEACCESSION, actor=actor, reason=reason, payload={})


def note_failed_check(stores: Stores, document_id: str, detail: Mapping[str, Any]) -> bool:
    """Add a failed fixity check to a document's events, once for each `detail["finding"]`. Nothing else changes.

    False where the document is being worked on: try again later. Raises DigestMismatch where its events are damaged
    themselves (they are never copied into a new version then), NotFound where the archive does not have it.
    """
    clock, owner = stores.clock, process_owner()
    now = clock.now()
    event = premis.event(
        EventType.FIXITY_CHECK, at=now, actor=premis.software_agent(), clock=clock, outcome="failure", detail=detail
    )
    with stores.database.read() as connection:
        document = documents.get(connection, document_id)
    known = [
        each["eventDetailInformation"].get("eventDetailExtension", {}) for each in _events(stores.archive, document)
    ]
    if any(each.get("finding") == detail["finding"] for each in known):
        return True
    with stores.database.write() as connection:
        document = documents.get(connection, document_id)
        if document.status in (DocumentStatus.RECEIVED, DocumentStatus.RECOGNISED):
            return False
        if jobs.working_on(connection, [document_id]):
            return False
        decision = {"status": document.status, "actor": premis.software_agent(), "event": event, "payload": {}}
        jobs.enqueue(connection, [NewJob(JobKind.DECIDE, document_id, payload={"decision": decision})], now=now)
        job = jobs.claim(connection, owner=owner, lease_s=stores.settings.lease_s, now=now, document_id=document_id)
    if job is not None:
        carry_out(job, archive=stores.archive, database=stores.database, clock=clock, owner=owner)
    return True


def carry_out(job: Job, *, archive: Archive, database: Database, clock: Clock, owner: str) -> None:
    """Do a `decide` job. Doing it twice is doing it once: the event's identifier was drawn when the decision was taken."""
    decision = job.payload["decision"]
    status = DocumentStatus(decision["status"])
    with database.read() as connection:
        document = documents.get(connection, job.document_id)
    recorded = _commit(archive, document, decision)
    now = clock.now()
    with database.write() as connection:
        documents.move(
            connection,
            document.document_id,
            status,
            now=now,
            version=recorded.commit.version,
            sequence=recorded.sequence,
        )
        jobs.complete(connection, job.job_id, owner=owner)
        outbox.put(connection, document.document_id, now=now)
        if status is DocumentStatus.RECEIVED:
            again = NewJob(JobKind.OPEN, document.document_id, payload=decision["payload"], priority=job.priority)
            jobs.enqueue(connection, [again], now=now)


def _decide(
    stores: Stores, document: Document, kind: EventType, *, actor: Actor, reason: str, payload: dict[str, Any]
) -> Document:
    """Take the decision (in one transaction, on the document as it is then) and carry it out."""
    clock, owner, document_id = stores.clock, process_owner(), document.document_id
    status = DocumentStatus.WITHDRAWN if kind is EventType.DEACCESSION else DocumentStatus.RECEIVED
    now = clock.now()
    event = premis.event(kind, at=now, actor=actor, clock=clock, detail={"reason": reason})
    decision = {"status": status, "actor": actor, "event": event, "payload": payload}
    with stores.database.write() as connection:
        document = documents.get(connection, document_id)
        _check_status(document, kind)
        if jobs.counts(connection, document_id=document_id):
            raise Conflict(f"document {document_id} is being worked on; try again in a moment", code="busy")
        if document.version is None:  # the archive could not take it: there is no record yet to write the decision to
            if status is not DocumentStatus.RECEIVED:
                raise Conflict(
                    f"the archive could not take document {document_id} yet: `sohoa retry {document_id}` first"
                )
            jobs.enqueue(connection, [NewJob(JobKind.OPEN, document_id, payload=payload)], now=now)
            return documents.move(connection, document_id, status, now=now)
        jobs.enqueue(connection, [NewJob(JobKind.DECIDE, document_id, payload={"decision": decision})], now=now)
        job = jobs.claim(connection, owner=owner, lease_s=stores.settings.lease_s, now=now, document_id=document_id)
    if job is not None:
        carry_out(job, archive=stores.archive, database=stores.database, clock=clock, owner=owner)
    with stores.database.read() as connection:
        return documents.get(connection, document_id)


def _commit(archive: Archive, document: Document, decision: dict[str, Any]) -> Recorded:
    object_id = object_id_of(document.document_id, document.dossier)
    event = decision["event"]
    events = _events(archive, document)
    if event["eventIdentifier"] not in [known["eventIdentifier"] for known in events]:
        events.append(event)
    changed = {"premis.jsonl": premis.to_jsonl(events)}
    if event["eventType"] != EventType.FIXITY_CHECK:  # which changes nothing about the document
        record = json.loads(_read_sound(archive, object_id, f"documents/{document.document_id}/record.json"))
        changed["record.json"] = to_json(
            {
                **record,
                "status": decision["status"],
                "error": None,
                "archived_at": None if document.archived_at is None else isoformat(document.archived_at),
                "open_with": decision[
                    "payload"
                ],  # what the `open` job is told, if it must be made anew from the archive
            }
        )
    return archive.commit_and_record(
        object_id,
        [archive.stage(document.document_id, name, data, overwrite=True) for name, data in sorted(changed.items())],
        actor=decision["actor"],
        message=f"{event['eventType']} {document.document_id}",
    )


def _events(archive: Archive, document: Document) -> list[dict[str, Any]]:
    object_id = object_id_of(document.document_id, document.dossier)
    return premis.from_jsonl(_read_sound(archive, object_id, f"documents/{document.document_id}/premis.jsonl"))


def _read_sound(archive: Archive, object_id: str, path: str) -> bytes:
    """A small file that is to be written on in a new version: damage must not come in under a new digest."""
    expected = archive.inventory(object_id).state.get(path)
    with archive.open_file(object_id, path) as stream:
        data = stream.read()
    if sha256_of(data) != expected:
        raise DigestMismatch(f"{path} of {object_id} is damaged: restore it from a copy, then try again")
    return data


def _stage_opened(stores: Stores, document: Document, password: str | None) -> None:
    if password is None:
        raise BadRequest(
            f"document {document.document_id} is encrypted; give its password (--password-file)", code="password_needed"
        )
    object_id = object_id_of(document.document_id, document.dossier)
    with (
        stores.archive.local_file(object_id, f"documents/{document.document_id}/original.pdf") as path,
        tempfile.TemporaryFile(dir=stores.settings.temporary_folder()) as opened,
    ):
        try:
            with pikepdf.open(path, password=password) as pdf:
                pdf.save(opened, encryption=False)
        except pikepdf.PasswordError as error:
            raise BadRequest(
                f"the password does not open document {document.document_id}", code="wrong_password"
            ) from error
        except pikepdf.PdfError as error:
            raise BadRequest(
                f"document {document.document_id} is damaged as well as encrypted and cannot be opened: scan it again",
                code="damaged",
            ) from error
        opened.seek(0)
        stores.archive.stage(document.document_id, "working.pdf", opened, overwrite=True)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise BadRequest("a reason is needed; it is kept in the archive")


def _check_status(document: Document, kind: EventType) -> None:
    if kind is EventType.DEACCESSION:
        if document.status in (DocumentStatus.RECEIVED, DocumentStatus.RECOGNISED):
            raise Conflict(f"document {document.document_id} is being worked on; try again in a moment", code="busy")
        return
    verb, wanted = _VERBS[kind]
    if document.status is not wanted:
        raise Conflict(f"document {document.document_id} is {document.status}, only a {wanted} one can be {verb}")
