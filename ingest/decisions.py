"""What a person decides about a document that is in already: try it again, release it, withdraw it.

What people say of its fields is in reviewing.py.

A decision is a job (`decide`), done at once by whoever took it and, if that process dies, by any worker. It is committed to the
archive (record and PREMIS event, with who and why) and then told to the catalogue, in the transaction that ends the job.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pikepdf
from sqlalchemy import Connection

from sohoa.clock import Clock, process_owner
from sohoa.errors import BadRequest, Conflict
from sohoa.model import Actor
from sohoa.states import DocumentStatus, JobKind
from storage.archive import premis
from storage.archive.archive import Archive
from storage.archive.commit import Recorded
from storage.archive.description import read_events, record_to_follow, stage_description, with_events
from storage.archive.premis import EventType
from storage.catalog import documents, jobs, outbox, reviews, revisions
from storage.catalog.database import Database
from storage.catalog.documents import Document
from storage.catalog.jobs import Job, NewJob
from storage.stores import Stores

_VERBS = {
    EventType.UNQUARANTINE: ("released", DocumentStatus.HELD),
    EventType.RECOVERY: ("tried again", DocumentStatus.FAILED),
}
_ALLOWED = {"damaged": "accept_damage", "security_mark": "mark_released"}
"""What the `open` job of a released document is told, by why it was held."""


def release(stores: Stores, document: Document, *, actor: Actor, reason: str, password: str | None = None) -> Document:
    """Let a held document go on: an encrypted one opened with its password, a damaged one as far as it can be read.

    The password is used once, here; what is kept is an opened working copy in staging, until the document is archived.
    Raises Conflict where the document is not held or is being worked on, BadRequest (password_needed, wrong_password).
    """
    check_reason(reason)
    _check_status(document, EventType.UNQUARANTINE)
    if document.code == "encrypted":
        _stage_opened(stores, document, password)
    return _decide(
        stores,
        document,
        EventType.UNQUARANTINE,
        actor=actor,
        reason=reason,
        payload={allowed: True for code, allowed in _ALLOWED.items() if code == document.code},
    )


def retry(stores: Stores, document: Document, *, actor: Actor) -> Document:
    """Try a failed document again from the start, or its revision that the archive could not take.

    Raises Conflict where it has not failed or is being worked on.
    """
    with stores.database.read() as connection:
        revision = revisions.open_for(connection, document.document_id)
    if revision is not None and revision.status is DocumentStatus.FAILED:
        _decide(stores, revision, EventType.RECOVERY, actor=actor, reason="tried again", payload={})
        begun = None if revision.revision is None else replace(revision.revision, status=DocumentStatus.RECEIVED.value)
        with stores.database.write() as connection:
            return documents.amend(connection, document.document_id, now=stores.clock.now(), revision=begun)
    return _decide(stores, document, EventType.RECOVERY, actor=actor, reason="tried again", payload={})


def withdraw(stores: Stores, document: Document, *, actor: Actor, reason: str) -> Document:
    """Take a document out of use and out of the search; its files stay in the archive's versions.

    Raises Conflict while the document is being worked on, or where the archive could not take it yet.
    """
    check_reason(reason)
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
        each["eventDetailInformation"].get("eventDetailExtension", {})
        for each in read_events(stores.archive, document.archived_in, document_id)
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
        job = take(stores, connection, document_id, decision, owner=owner)
    if job is not None:
        carry_out(job, archive=stores.archive, database=stores.database, clock=clock, owner=owner)
    return True


def take(
    stores: Stores, connection: Connection, document_id: str, decision: dict[str, Any], *, owner: str
) -> Job | None:
    """Make a decision durable in the transaction that is open, to be carried out by whoever called."""
    now = stores.clock.now()
    jobs.enqueue(connection, [NewJob(JobKind.DECIDE, document_id, payload={"decision": decision})], now=now)
    return jobs.claim(connection, owner=owner, lease_s=stores.settings.lease_s, now=now, document_id=document_id)


def carry_out(job: Job, *, archive: Archive, database: Database, clock: Clock, owner: str) -> None:
    """Do a `decide` job. Doing it twice is doing it once: the event's identifier was drawn when the decision was taken."""
    decision = job.payload["decision"]
    status = DocumentStatus(decision["status"])
    with database.read() as connection:
        document = documents.get(connection, job.document_id)
    recorded = _commit(archive, document, decision)
    now = clock.now()
    changes = reviews.changes_of(decision.get("says", {}))
    changes |= {"object_id": recorded.commit.object_id, "version": recorded.commit.version}
    changes |= {"sequence": recorded.sequence}
    with database.write() as connection:
        document = documents.move(connection, document.document_id, status, now=now, **changes)
        if "says" in decision:
            reviews.end_claim(connection, document.document_id)
        if "revision" in changes:
            revisions.begin_turning(connection, document, now=now)
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
        revisions.check_idle(connection, document)
        if document.version is None:  # the archive could not take it: there is no record yet to write the decision to
            if status is not DocumentStatus.RECEIVED:
                raise Conflict(
                    f"the archive could not take document {document_id} yet: `sohoa retry {document_id}` first"
                )
            jobs.enqueue(connection, [NewJob(JobKind.OPEN, document_id, payload=payload)], now=now)
            return documents.move(connection, document_id, status, now=now)
        job = take(stores, connection, document_id, decision, owner=owner)
    if job is not None:
        carry_out(job, archive=stores.archive, database=stores.database, clock=clock, owner=owner)
    with stores.database.read() as connection:
        return documents.get(connection, document_id)


def _commit(archive: Archive, document: Document, decision: dict[str, Any]) -> Recorded:
    object_id, document_id, event = document.archived_in, document.document_id, decision["event"]
    events = with_events(read_events(archive, object_id, document_id), [event])
    changed = decision.get("says") or {
        "status": decision["status"],
        "error": None,
        "open_with": decision["payload"],  # what the `open` job is told, if it must be made anew from the archive
    }
    record = record_to_follow(archive, object_id, document_id, archived_at=document.archived_at) | changed
    files = stage_description(archive, document_id, record, events)
    if event["eventType"] == EventType.FIXITY_CHECK:  # which changes nothing about the document
        files = [file for file in files if file.logical_path.endswith("/premis.jsonl")]
    return archive.commit_and_record(
        object_id,
        files,
        actor=decision["actor"],
        message=f"{event['eventType']} {document_id}",
    )


def _stage_opened(stores: Stores, document: Document, password: str | None) -> None:
    if password is None:
        raise BadRequest(
            f"document {document.document_id} is encrypted; give its password (--password-file)", code="password_needed"
        )
    with (
        stores.archive.local_file(document.archived_in, f"documents/{document.document_id}/original.pdf") as path,
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


def check_reason(reason: str) -> None:
    """Raise BadRequest where nothing is said."""
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
