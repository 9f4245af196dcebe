"""How a job ends: with its result, with a failed page, with a document held or failed, or to be tried again.

Each ending is one catalogue transaction that also enqueues what follows; it rolls back whole if the job's lease was lost.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection

from ingest import moving
from ocr_workers import record, revised, staged
from ocr_workers.pages import DocumentPlan
from ocr_workers.record import Ending
from sohoa.errors import Conflict, DigestMismatch, Held, NotFound, SohoaError, StageFailed, StoreUnavailable
from sohoa.model import Page, quality_to_dict
from sohoa.states import DocumentStatus, JobKind, PageStatus, RevisionKind
from storage.archive.commit import Recorded
from storage.catalog import documents, jobs, outbox, page_rows, revisions
from storage.catalog.documents import Document
from storage.catalog.jobs import Job, NewJob, backoff_s
from storage.catalog.work_done import End

if TYPE_CHECKING:
    from ocr_workers.pipeline import Tools

ENGINE_FAULTS = frozenset({"timeout", "engine_killed", "out_of_memory"})
"""Why a worker died over a page: the page's next try is in a subprocess."""
WAIT_S = 15.0
"""How long a job is put off when the archive or the catalogue cannot be used just now."""
_ENGINE_TRIES = 2
_VANISHED = frozenset({None, "lease_lost", "stopped"})
"""Nobody saw how the worker ended."""

log = structlog.get_logger()


class OutOfTime(Exception):
    """Raised by a worker in the middle of a stage that takes longer than it may."""


@contextmanager
def caught(job: Job, tools: Tools) -> Iterator[None]:
    """Turn whatever a stage raises into an ending of its job; a late result of a job that was lost meanwhile is dropped."""
    try:
        try:
            with _ended(job, tools):
                yield
        except StoreUnavailable as error:  # the ending itself could not be told to the archive
            waited(job, error.code, tools)
    except StoreUnavailable:  # nor to the catalogue
        raise
    except Exception as error:
        if isinstance(error, Conflict) and error.code == "lease_lost":
            log.warning("job.lease_lost", job_id=job.job_id, kind=job.kind, document_id=job.document_id)
            tools.tally.ends(None)
            return
        log.exception("job.ending_failed", job_id=job.job_id, kind=job.kind, document_id=job.document_id)
        tried_again(job, "internal", tools)


@contextmanager
def _ended(job: Job, tools: Tools) -> Iterator[None]:
    """The one broad `except` of a worker. Raises Conflict (lease_lost), and StoreUnavailable where no ending can be told."""
    try:
        yield
    except Held as error:
        if job.kind == JobKind.RECOGNISE:
            gave_up(job, error, tools)
        else:
            held(job, error, tools)
    except SohoaError as error:
        if isinstance(error, Conflict) and error.code == "lease_lost":
            raise
        log.warning("job.error", job_id=job.job_id, kind=job.kind, document_id=job.document_id, code=error.code)
        if error.retryable:
            waited(job, error.code, tools)
        else:
            gave_up(job, error, tools)
    except MemoryError:
        log.warning("job.out_of_memory", job_id=job.job_id, kind=job.kind, document_id=job.document_id)
        tried_again(job, "out_of_memory", tools)
    except OutOfTime:
        log.warning("job.timeout", job_id=job.job_id, kind=job.kind, document_id=job.document_id)
        tried_again(job, "timeout", tools)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            log.warning("job.disk_full", job_id=job.job_id, kind=job.kind, document_id=job.document_id)
            waited(job, "disk_full", tools)
            return
        log.exception("job.bug", job_id=job.job_id, kind=job.kind, document_id=job.document_id)
        if job.attempts < tools.settings.max_attempts:
            tried_again(job, "internal", tools)
        else:
            gave_up(
                job,
                StageFailed(f"{job.kind} failed in a way nobody foresaw; the log has the trace", code="internal"),
                tools,
            )


def check_not_spent(job: Job, *, max_attempts: int) -> None:
    """Raise StageFailed where the job has killed its workers or lost its leases often enough; a move and a split only go
    forward."""
    if job.kind in (JobKind.MOVE, JobKind.SPLIT):
        return
    tries = _ENGINE_TRIES if job.kind == JobKind.RECOGNISE and job.last_code in ENGINE_FAULTS else max_attempts
    if job.attempts > tries:
        code = "engine_killed" if job.last_code in _VANISHED else job.last_code
        raise StageFailed(f"given up after {job.attempts - 1} tries, the last of which ended with {code}", code=code)


def check_lease(job: Job, tools: Tools) -> None:
    """Raise Conflict (lease_lost) where another has the job by now: nothing of a late result may be staged."""
    with tools.database.write_beside() as connection:
        held = jobs.renew(
            connection, [job.job_id], owner=tools.owner, lease_s=tools.settings.lease_s, now=tools.clock.now()
        )
    if not held:
        raise Conflict(f"job {job.job_id} was handed to another worker; its result is thrown away", code="lease_lost")


def document_of(job: Job, tools: Tools) -> Document:
    """The document that a job works on."""
    with tools.database.read() as connection:
        return documents.get(connection, job.document_id)


def base_of(document: Document, tools: Tools) -> Document | None:
    """The document that a revision is on its way to, None for what is a document itself."""
    if document.revises is None:
        return None
    with tools.database.read() as connection:
        return revisions.base_of(connection, document)


def planned(job: Job, plan: DocumentPlan, tools: Tools) -> None:
    """The document's pages are known: one recognise job each."""
    now = tools.clock.now()
    with tools.database.write() as connection:
        jobs.complete(connection, job.job_id, owner=tools.owner)
        page_rows.plan_pages(connection, job.document_id, len(plan.pages))
        documents.move(
            connection,
            job.document_id,
            DocumentStatus.RECEIVED,
            now=now,
            pages_total=len(plan.pages),
            pages_failed=(),
            warnings=plan.warnings,
        )
        pages = [
            NewJob(JobKind.RECOGNISE, job.document_id, page=page.number, priority=job.priority) for page in plan.pages
        ]
        jobs.enqueue(connection, pages, now=now)


def page_finished(job: Job, page: Page, tools: Tools) -> None:
    """A page is over, whether read, blank or failed; the last one leads on to reading the fields."""
    check_lease(job, tools)
    staged.write_page(job.document_id, page, tools.archive)
    with tools.database.write_beside() as connection:
        if page_rows.hold_pending(connection, job.document_id) > 1:
            _finish_page(connection, job, page, tools)
            return
    now = tools.clock.now()
    with tools.database.write() as connection:
        if _finish_page(connection, job, page, tools) == 0:
            documents.move(connection, job.document_id, DocumentStatus.RECOGNISED, now=now)
            jobs.enqueue(connection, [NewJob(JobKind.READ, job.document_id, priority=job.priority)], now=now)


def _finish_page(connection: Connection, job: Job, page: Page, tools: Tools) -> int:
    jobs.complete(connection, job.job_id, owner=tools.owner)
    return page_rows.finish_page(
        connection,
        job.document_id,
        page.number,
        status=PageStatus(page.status),
        code=page.code,
        lane=page.lane,
        recognise_ms=page.recognise_ms,
        quality=None if page.quality is None else quality_to_dict(page.quality),
    )


def fields_read(job: Job, tools: Tools) -> None:
    """What the document says of itself is staged: on to composing."""
    with tools.database.write() as connection:
        jobs.complete(connection, job.job_id, owner=tools.owner)
        compose = NewJob(JobKind.COMPOSE, job.document_id, priority=job.priority)
        jobs.enqueue(connection, [compose], now=tools.clock.now())


def composed(job: Job, document: Document, tools: Tools, *, digests: staged.Digests) -> None:
    """The renditions are staged, with these digests, and validated: on to the commit."""
    now = tools.clock.now()
    with tools.database.write() as connection:
        jobs.complete(connection, job.job_id, owner=tools.owner)
        documents.move(
            connection,
            job.document_id,
            DocumentStatus.RECOGNISED,
            now=now,
            review=document.review,
            wanted=document.wanted,
            warnings=document.warnings,
            fields=document.fields,
            pages_failed=document.pages_failed,
            pdf_sha256=document.pdf_sha256,
            pdf_size_bytes=document.pdf_size_bytes,
            conformance=document.conformance,
        )
        payload = {"staged": dict(digests)}
        commit = NewJob(JobKind.COMMIT, job.document_id, priority=job.priority, payload=payload)
        jobs.enqueue(connection, [commit], now=now)


def committed(job: Job, document: Document, recorded: Recorded, tools: Tools) -> None:
    """The archive holds the version: only now does the catalogue call the document archived, held or failed."""
    now = tools.clock.now()
    ending = Ending.of(job)
    archived = ending.status is DocumentStatus.ARCHIVED
    with tools.database.write() as connection:
        jobs.complete(connection, job.job_id, owner=tools.owner)
        documents.move(
            connection,
            document.document_id,
            ending.status,
            now=now,
            code=ending.code,
            stage=ending.stage,
            detail=ending.detail,
            archived_at=recorded.commit.committed_at if archived else None,
            pdf_sha256=document.pdf_sha256 if archived else None,
            pdf_size_bytes=document.pdf_size_bytes if archived else None,
            conformance=document.conformance if archived else None,
            object_id=recorded.commit.object_id,
            version=recorded.commit.version,
            sequence=recorded.sequence,
        )
        outbox.put(connection, document.document_id, now=now)
    log.info(
        "document.committed", document_id=document.document_id, status=ending.status, version=recorded.commit.version
    )


def revision_committed(job: Job, revision: Document, base: Document, recorded: Recorded, tools: Tools) -> None:
    """The archive holds the version that a revision made: its document becomes what it made of it or, where it did not
    get through, says so and stays as it is."""
    now = tools.clock.now()
    ending = Ending.of(job)
    commit = recorded.commit
    with tools.database.write() as connection:
        jobs.complete(connection, job.job_id, owner=tools.owner)
        if ending.status is DocumentStatus.ARCHIVED:
            changed = revised.changes(revision, base)
            changed |= {"archived_at": commit.committed_at, "object_id": commit.object_id}
            changed |= {"version": commit.version, "sequence": recorded.sequence}
            appends = revised.kind_of(revision) is RevisionKind.APPEND
            after_page = (base.pages_total or 0) if appends else 0
            revisions.take_over(connection, revision, now=now, after_page=after_page, **changed)
        else:
            revisions.end(
                connection,
                revision,
                now=now,
                revision=revised.ended(revision, ending),
                object_id=commit.object_id,
                version=commit.version,
                sequence=recorded.sequence,
            )
        outbox.put(connection, base.document_id, now=now)
    log.info(
        "document.revised",
        document_id=base.document_id,
        revision_id=revision.document_id,
        status=ending.status,
        version=commit.version,
    )


def held(job: Job, error: Held, tools: Tools) -> None:
    """A person must act before the document goes on; its original and record are committed meanwhile."""
    tools.tally.ends(End.HELD, error.code)
    _document_stopped(job, DocumentStatus.HELD, error, tools)


def gave_up(job: Job, error: SohoaError, tools: Tools) -> None:
    """The job will not succeed by itself: a page is failed and the others go on, anything else fails the document."""
    tools.tally.ends(End.FAILED, error.code)
    if job.kind is JobKind.DECIDE:  # the document stays as it was; whoever decided can decide again
        with tools.database.write() as connection:
            jobs.complete(connection, job.job_id, owner=tools.owner)
        return
    if job.kind is JobKind.SPLIT:  # it was seen to be possible before it was decided
        waited(job, error.code, tools)
        return
    if job.kind is JobKind.MOVE:
        ended = moving.give_up(
            job, archive=tools.archive, database=tools.database, clock=tools.clock, owner=tools.owner
        )
        if not ended:
            waited(job, error.code, tools)
        return
    if job.kind is not JobKind.RECOGNISE:
        _document_stopped(job, DocumentStatus.FAILED, error, tools)
        return
    check_lease(job, tools)
    try:
        plan = staged.read_plan(job.document_id, tools.archive).pages[(job.page or 1) - 1]
    except (NotFound, DigestMismatch) as missing:
        _document_stopped(job, DocumentStatus.FAILED, missing, tools)
        return
    width_px, height_px = plan.turned_size_px
    page = Page(
        number=plan.number,
        width_px=width_px,
        height_px=height_px,
        dpi=plan.dpi,
        status=PageStatus.FAILED,
        code=error.code,
        turn_deg=plan.turn_deg or 0,
    )
    page_finished(job, page, tools)


def tried_again(job: Job, code: str, tools: Tools) -> None:
    """Put the job back, to be tried after a growing pause."""
    tools.tally.ends(None)
    delay_s = 0.0 if code in ENGINE_FAULTS else backoff_s(job.attempts)
    with tools.database.write_beside() as connection:
        jobs.retry_later(connection, job.job_id, owner=tools.owner, code=code, delay_s=delay_s, now=tools.clock.now())


def waited(job: Job, code: str, tools: Tools) -> None:
    """Put the job back because of something outside it (a full disk, a locked catalogue): this try does not count."""
    tools.tally.ends(None)
    with tools.database.write_beside() as connection:
        jobs.wait(connection, job.job_id, owner=tools.owner, code=code, delay_s=WAIT_S, now=tools.clock.now())


def _document_stopped(job: Job, status: DocumentStatus, error: SohoaError, tools: Tools) -> None:
    now = tools.clock.now()
    ending = Ending(status, code=error.code, stage=job.kind.value, detail=error.detail)
    if job.kind is JobKind.COMMIT:
        # The archive cannot even take its record: the original stays staged until somebody tries again.
        with tools.database.write() as connection:
            documents.move(
                connection,
                job.document_id,
                DocumentStatus.FAILED,
                now=now,
                code=ending.code,
                stage=JobKind.COMMIT.value,
                detail=ending.detail,
            )
            jobs.complete(connection, job.job_id, owner=tools.owner)
            jobs.drop_document(connection, job.document_id)
            stopped_one = documents.get(connection, job.document_id)
            if stopped_one.revises is not None:
                documents.amend(connection, stopped_one.revises, now=now, revision=revised.ended(stopped_one, ending))
        return
    check_lease(job, tools)
    with tools.database.read() as connection:
        document = documents.get(connection, job.document_id)
        pages = page_rows.pages_of(connection, job.document_id)
    base = base_of(document, tools)
    digests: dict[str, Any] = {}
    if base is None:
        stopped = record.stopped(document, ending, pages=pages, archive=tools.archive, clock=tools.clock)
        measured = {page.number: page.quality for page in pages if page.quality is not None}
        digests |= staged.write_qualities(job.document_id, measured, tools.archive)
    else:
        stopped = revised.stopped(document, base, ending, archive=tools.archive, clock=tools.clock)
    digests |= staged.write_description(job.document_id, stopped, tools.archive)
    payload = {**ending.payload(), "staged": digests}
    with tools.database.write() as connection:
        commit = NewJob(JobKind.COMMIT, job.document_id, priority=job.priority, payload=payload)
        jobs.complete(connection, job.job_id, owner=tools.owner)
        jobs.drop_document(connection, job.document_id)  # no other page may change what the record says of it
        jobs.enqueue(connection, [commit], now=now)
