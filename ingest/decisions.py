"""What a person decides about a document that is in already: try it again, release it, withdraw it.

Each decision is first committed to the archive (record and PREMIS event, with who and why), then told to the catalogue.
"""

from __future__ import annotations

import json
import tempfile
from typing import Any

import pikepdf

from sohoa.errors import BadRequest, Conflict
from sohoa.model import Actor
from sohoa.states import DocumentStatus, JobKind
from storage.archive import premis
from storage.archive.commit import Recorded
from storage.archive.layout import object_id_of, to_json
from storage.archive.premis import EventType
from storage.catalog import documents, jobs, outbox
from storage.catalog.documents import Document
from storage.catalog.jobs import NewJob
from storage.stores import Stores


def release(stores: Stores, document: Document, *, actor: Actor, reason: str, password: str | None = None) -> Document:
    """Let a held document go on: an encrypted one opened with its password, a damaged one as far as it can be read.

    The password is used once, here; what is kept is an opened working copy in staging, until the document is archived.
    Raises Conflict where the document is not held, BadRequest (password_needed, wrong_password).
    """
    _check_status(document, DocumentStatus.HELD, verb="released")
    if document.code == "encrypted":
        _stage_opened(stores, document, password)
    return _back_to_work(
        stores,
        document,
        actor=actor,
        event=EventType.UNQUARANTINE,
        reason=reason,
        payload={"accept_damage": document.code == "damaged"},
    )


def retry(stores: Stores, document: Document, *, actor: Actor) -> Document:
    """Try a failed document again from the start. Raises Conflict where it has not failed."""
    _check_status(document, DocumentStatus.FAILED, verb="tried again")
    return _back_to_work(stores, document, actor=actor, event=EventType.RECOVERY, reason="tried again", payload={})


def withdraw(stores: Stores, document: Document, *, actor: Actor, reason: str) -> Document:
    """Take a document out of use and out of the search; its files stay in the archive's versions.

    Raises Conflict while the document is still being worked on.
    """
    if document.status is DocumentStatus.WITHDRAWN:
        return document
    _check_settled(document)
    recorded = _commit_decision(
        stores, document, status=DocumentStatus.WITHDRAWN, actor=actor, event=EventType.DEACCESSION, reason=reason
    )
    with stores.database.write() as connection:
        now = stores.clock.now()
        jobs.drop_document(connection, document.document_id)
        outbox.put(connection, document.document_id, now=now)
        return documents.move(
            connection,
            document.document_id,
            DocumentStatus.WITHDRAWN,
            now=now,
            version=recorded.commit.version,
            sequence=recorded.sequence,
        )


def _back_to_work(
    stores: Stores, document: Document, *, actor: Actor, event: EventType, reason: str, payload: dict[str, Any]
) -> Document:
    version, sequence = document.version, document.sequence
    if version is not None:  # else the archive could not take it: what is there of it is staged, and goes on from there
        recorded = _commit_decision(
            stores, document, status=DocumentStatus.RECEIVED, actor=actor, event=event, reason=reason
        )
        version, sequence = recorded.commit.version, recorded.sequence
    now = stores.clock.now()
    with stores.database.write() as connection:
        moved = documents.move(
            connection,
            document.document_id,
            DocumentStatus.RECEIVED,
            now=now,
            version=version,
            sequence=sequence,
        )
        jobs.enqueue(connection, [NewJob(JobKind.OPEN, document.document_id, payload=payload)], now=now)
    return moved


def _commit_decision(
    stores: Stores, document: Document, *, status: DocumentStatus, actor: Actor, event: EventType, reason: str
) -> Recorded:
    _check_settled(document)
    if not reason.strip():
        raise BadRequest("a reason is needed; it is kept in the archive")
    archive = stores.archive
    object_id = object_id_of(document.document_id, document.dossier)
    folder = f"documents/{document.document_id}"
    with archive.open_file(object_id, f"{folder}/record.json") as stream:
        record = json.load(stream)
    with archive.open_file(object_id, f"{folder}/premis.jsonl") as stream:
        events = premis.from_jsonl(stream.read())
    record = {**record, "status": status.value, "error": None}
    events.append(
        premis.event(event, at=stores.clock.now(), actor=actor, clock=stores.clock, detail={"reason": reason})
    )
    return archive.commit_and_record(
        object_id,
        [
            archive.stage(document.document_id, "record.json", to_json(record), overwrite=True),
            archive.stage(document.document_id, "premis.jsonl", premis.to_jsonl(events), overwrite=True),
        ],
        actor=actor,
        message=f"{event} {document.document_id}",
    )


def _stage_opened(stores: Stores, document: Document, password: str | None) -> None:
    if password is None:
        raise BadRequest(
            f"document {document.document_id} is encrypted; give its password (--password-file)", code="password_needed"
        )
    object_id = object_id_of(document.document_id, document.dossier)
    with (
        stores.archive.local_file(object_id, f"documents/{document.document_id}/original.pdf") as path,
        tempfile.TemporaryFile() as opened,
    ):
        try:
            with pikepdf.open(path, password=password) as pdf:
                pdf.save(opened, encryption=False)
        except pikepdf.PasswordError as error:
            raise BadRequest(
                f"the password does not open document {document.document_id}", code="wrong_password"
            ) from error
        opened.seek(0)
        stores.archive.stage(document.document_id, "working.pdf", opened, overwrite=True)


def _check_status(document: Document, wanted: DocumentStatus, *, verb: str) -> None:
    if document.status is not wanted:
        raise Conflict(f"document {document.document_id} is {document.status}, only a {wanted} one can be {verb}")


def _check_settled(document: Document) -> None:
    if document.version is None or document.status in (DocumentStatus.RECEIVED, DocumentStatus.RECOGNISED):
        raise Conflict(f"document {document.document_id} is still being worked on; try again in a moment", code="busy")
