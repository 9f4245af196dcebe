"""Moving a document to another dossier, or out of any: a version of the object it goes to, then one of the object it leaves.

The decision is taken in one transaction, in which the document's `dossier` becomes the one it goes to (so that nobody brings
the same bytes there meanwhile); the `move` job does the rest, now or, after a crash, by any worker, and only rolls forward:

1. commit in the target: all files, copied inside the store and read back, the record and a `transfer` event;
2. the catalogue looks for the document there, and the index is told;
3. commit in the source, in whose newest version the files are no longer. The bytes stay in the versions before.
"""

from __future__ import annotations

from typing import Any

from ingest.decisions import check_reason
from ingest.receive import check_dossier
from sohoa.clock import Clock, isoformat, process_owner
from sohoa.errors import Conflict, DigestMismatch
from sohoa.model import Actor, DocumentId
from sohoa.states import JobKind, check_settled
from storage.archive import premis
from storage.archive.archive import Archive
from storage.archive.commit import Recorded, StagedFile
from storage.archive.description import read_events, record_to_follow, stage_description, with_events
from storage.archive.disposal import check_not_disposed
from storage.archive.layout import MOVED, document_folder, dossier_of, object_id_of, to_json
from storage.archive.premis import EventType
from storage.catalog import documents, jobs, outbox, revisions
from storage.catalog.database import Database
from storage.catalog.documents import Document
from storage.catalog.jobs import Job, NewJob
from storage.stores import Stores

_DESCRIPTION = ("record.json", "premis.jsonl")


def move(stores: Stores, document: Document, *, to: str | None, actor: Actor, reason: str) -> Document:
    """Take a document to the dossier `to`, or (None) out of any. Where it is there already, nothing is done.

    Raises Conflict where it is withdrawn, is being worked on (`busy`), was never taken by the archive, or where the
    dossier has the same bytes as another document (`duplicate`) or was disposed of (`disposed`); Refused (bad_dossier);
    BadRequest without a reason.
    """
    check_reason(reason)
    dossier = check_dossier(to)
    owner, now = process_owner(), stores.clock.now()
    if dossier != document.dossier:
        check_not_disposed(stores.archive.objects, object_id_of(document.document_id, dossier))
    with stores.database.write() as connection:
        document = documents.get(connection, document.document_id)
        check_settled(document.status, document.document_id)
        revisions.check_idle(connection, document)
        if document.dossier == dossier:
            return document
        _check_archived(document)
        duplicate = documents.find_duplicate(
            connection, office=document.office, dossier=dossier, sha256=document.original_sha256
        )
        if duplicate is not None:
            raise Conflict(
                f"document {document.document_id} cannot be moved: {_named(dossier)} has the same bytes already, "
                f"as document {duplicate.document_id}; withdraw one of the two",
                code="duplicate",
            )
        payload = {"move": _decision(document, dossier, actor=actor, reason=reason, clock=stores.clock)}
        documents.amend(
            connection, document.document_id, now=now, dossier=dossier, object_id=payload["move"]["from_object"]
        )
        jobs.enqueue(connection, [NewJob(JobKind.MOVE, document.document_id, payload=payload)], now=now)
        job = jobs.claim(
            connection,
            owner=owner,
            lease_s=stores.settings.lease_s,
            now=now,
            document_id=document.document_id,
        )
    if job is not None:
        carry_out(job, archive=stores.archive, database=stores.database, clock=stores.clock, owner=owner)
    with stores.database.read() as connection:
        return documents.get(connection, document.document_id)


def carry_out(job: Job, *, archive: Archive, database: Database, clock: Clock, owner: str) -> None:
    """Do a `move` job, from wherever an earlier try stopped. Raises Conflict (lease_lost) where it is another's by now."""
    decision = job.payload["move"]
    with database.read() as connection:
        document = documents.get(connection, job.document_id)
    if document.object_id != decision["to_object"]:
        recorded = _arrive(archive, document, decision)
        with database.write() as connection:
            jobs.check_held(connection, job.job_id, owner=owner)
            documents.amend(
                connection,
                document.document_id,
                now=clock.now(),
                object_id=recorded.commit.object_id,
                version=recorded.commit.version,
                sequence=recorded.sequence,
            )
            outbox.put(connection, document.document_id, now=clock.now())
    _leave(archive, document.document_id, decision)
    with database.write() as connection:
        jobs.complete(connection, job.job_id, owner=owner)


def give_up(job: Job, *, archive: Archive, database: Database, clock: Clock, owner: str) -> bool:
    """End a move that the archive cannot take: the document stays where it was. False where it has arrived already, or a
    version that has it is reserved, so that nothing but going on will do."""
    decision = job.payload["move"]
    try:
        if archive.holds(decision["to_object"], document_folder(job.document_id)):
            return False
    except DigestMismatch:
        return False
    with database.write() as connection:
        documents.amend(connection, job.document_id, now=clock.now(), dossier=decision["from"])
        jobs.complete(connection, job.job_id, owner=owner)
    return True


def _decision(document: Document, dossier: str | None, *, actor: Actor, reason: str, clock: Clock) -> dict[str, Any]:
    """What the job needs to know, with the event drawn once so that every try writes the same bytes."""
    places = {
        "from_object": document.archived_in,
        "to_object": object_id_of(document.document_id, dossier),
    }
    at = clock.now()
    read_back = premis.event(
        EventType.FIXITY_CHECK,
        at=at,
        actor=premis.software_agent(),
        clock=clock,
        detail={"algorithm": "SHA-256", "object_id": places["to_object"], "files": "all, read back before the version"},
    )
    transfer = premis.event(EventType.TRANSFER, at=at, actor=actor, clock=clock, detail={**places, "reason": reason})
    return {
        **places,
        "from": document.dossier,
        "to": dossier,
        "actor": actor,
        "at": isoformat(at),
        "events": [read_back, transfer],
    }


def _arrive(archive: Archive, document: Document, decision: dict[str, Any]) -> Recorded:
    """The version of the target that has the document's files."""
    document_id, source, target = document.document_id, decision["from_object"], decision["to_object"]
    folder = document_folder(document_id)
    record = {
        **record_to_follow(archive, source, document_id, archived_at=document.archived_at),
        "dossier": decision["to"],
        "moved": {"from_object": source, "actor": decision["actor"], "at": decision["at"]},
    }
    events = with_events(read_events(archive, source, document_id), decision["events"])
    files = [
        StagedFile(file.logical_path, file.key, file.sha256, file.size_bytes)
        for file in archive.files(source, below=folder).values()
        if file.logical_path.removeprefix(folder) not in _DESCRIPTION
    ]
    return archive.commit_and_record(
        target,
        [*files, *stage_description(archive, document_id, record, events)],
        removed=[folder, MOVED],
        actor=decision["actor"],
        message=f"transfer {document_id} from {source}",
    )


def _leave(archive: Archive, document_id: DocumentId, decision: dict[str, Any]) -> Recorded:
    """The version of the source that has them no longer. An object of its own then only says where the document went."""
    source, target = decision["from_object"], decision["to_object"]
    left: list[StagedFile] = []
    if dossier_of(source) is None:
        note = {"document_id": document_id, "moved_to": target, "moved_at": decision["at"]}
        staged = archive.stage(document_id, MOVED, to_json(note), overwrite=True)
        left = [StagedFile(MOVED, staged.key, staged.sha256, staged.size_bytes)]
    return archive.commit_and_record(
        source,
        left,
        removed=[document_folder(document_id)],
        actor=decision["actor"],
        message=f"transfer {document_id} to {target}",
    )


def _check_archived(document: Document) -> None:
    if document.version is None:
        raise Conflict(
            f"the archive could not take document {document.document_id} yet: `sohoa retry {document.document_id}` first"
        )


def _named(dossier: str | None) -> str:
    return "the office" if dossier is None else f"dossier {dossier}"
