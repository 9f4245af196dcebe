"""The stages of a document, in order: open, recognise (a page), read (its fields), compose, commit.

Each stage reads what the one before left in staging, does its work, and ends in one catalogue transaction that completes its
job and enqueues the next (outcomes.py). Every stage may be done twice: it writes the same names again and the last one counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from ingest import decisions, moving, splitting
from ocr_workers import outcomes, record, revised, staged
from ocr_workers.compose import compose
from ocr_workers.pages import PageImage, load_page, plan_document
from ocr_workers.pdfa import PdfMetadata
from ocr_workers.reading.dictionary import Dictionary
from ocr_workers.reading.reader import Reader, unsure
from ocr_workers.reading.sight import Sight
from ocr_workers.recognise import Recogniser
from ocr_workers.record import Ending
from ocr_workers.second_chance import recognise_in_subprocess
from ocr_workers.tally import Tally
from ocr_workers.turning import turned_image
from sohoa import traces
from sohoa.clock import Clock, SystemClock
from sohoa.errors import Held, StageFailed
from sohoa.model import Page, field_from_dict
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, JobKind, Review, check_revisable
from storage.archive.archive import Archive
from storage.archive.layout import document_folder
from storage.catalog import documents
from storage.catalog.database import Database
from storage.catalog.jobs import Job
from storage.catalog.shares import Shares
from storage.dispatch import open_dispatch
from storage.dispatch.protocol import Dispatch, NoBroker
from storage.objects import open_store

DICTIONARY_AGE = timedelta(minutes=5)
DICTIONARY_PAPERS = 2000
"""The newest ones that a dictionary is made of: who signs changes, and who signed years ago does not sign again."""
SECOND_CHANCE_GRACE_S = 10.0
"""The second chance keeps its own time limit; this is for loading the page and for ending the engine."""


@dataclass(slots=True)
class Tools:
    """What a worker holds while it works: the stores, the clock, and the engine (loaded once, when first needed)."""

    settings: Settings
    archive: Archive
    database: Database
    clock: Clock
    owner: str
    tally: Tally = field(init=False)
    _recogniser: Recogniser | None = field(default=None)
    _reader: Reader | None = field(default=None)
    _known: dict[str, tuple[datetime, Dictionary]] = field(default_factory=dict)
    _dispatch: Dispatch = field(default_factory=NoBroker)
    _shares: Shares | None = field(default=None)

    def __post_init__(self) -> None:
        self.tally = Tally(self.database)

    def shares(self) -> Shares:
        if self._shares is None:
            self._shares = Shares(self.settings.weights_of_offices())
        return self._shares

    def recogniser(self) -> Recogniser:
        if self._recogniser is None:
            self._recogniser = Recogniser(self.settings)
        return self._recogniser

    def reader(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self.settings, self.recogniser().engine)
        return self._reader

    def known(self, office: str) -> Dictionary:
        """What people confirmed on this office's papers, as it was at most some minutes ago."""
        now = self.clock.now()
        kept = self._known.get(office)
        if kept is None or now - kept[0] > DICTIONARY_AGE:
            with self.database.read() as connection:
                values = documents.confirmed_values(connection, office, most=DICTIONARY_PAPERS)
            kept = self._known[office] = (now, Dictionary(values))
        return kept[1]

    def close(self) -> None:
        self.tally.close()
        traces.close()
        self.database.close()
        self._dispatch.close()


def open_tools(settings: Settings, *, owner: str) -> Tools:
    """The tools of one worker process; the archive and the catalogue must exist already."""
    traces.set_up(settings, part="worker")
    clock, dispatch = SystemClock(), open_dispatch(settings)
    tools = Tools(
        settings=settings,
        archive=Archive(open_store(settings, probed=False), clock),
        database=Database(settings.catalog(), wake=dispatch.wake),
        clock=clock,
        owner=owner,
        _dispatch=dispatch,
    )
    tools.tally.start()
    return tools


def run_next(tools: Tools, *, started: Callable[[Job, float], None], kinds: Collection[JobKind] | None = None) -> bool:
    """Claim the next job (of these kinds, if named) and do it; False when there is none, or when the archive's store did not
    answer a moment ago. `started` is told the job and its time limit in seconds."""
    if tools.archive.objects.is_away():
        return False
    with tools.database.write_beside() as connection:
        job = tools.shares().claim(
            connection, owner=tools.owner, lease_s=tools.settings.lease_s, now=tools.clock.now(), kinds=kinds
        )
    if job is None:
        return False
    started(job, time_limit_s(job, tools.settings))
    started_ns = traces.now_ns()
    with (
        structlog.contextvars.bound_contextvars(document_id=job.document_id, job_id=job.job_id),
        tools.tally.counted(job),
        outcomes.caught(job, tools),
    ):
        outcomes.check_not_spent(job, max_attempts=tools.settings.max_attempts)
        _STAGES[JobKind(job.kind)](job, tools)
    told = {"job_id": job.job_id, "attempt": job.attempts, **({"page": job.page} if job.page else {})}
    traces.add(job.document_id, job.kind.value, started_ns=started_ns, told={**told, **tools.tally.ending})
    return True


def open_document(job: Job, tools: Tools) -> None:
    """Plan the document's pages; each becomes one recognise job."""
    document = outcomes.document_of(job, tools)
    base = outcomes.base_of(document, tools)
    told: Mapping[str, Any] = job.payload
    if base is not None:
        check_revisable(base.status, base.version, revised.kind_of(document), base.document_id)
        told = {**told, **revised.allowances(document, base, tools.archive)}
    with staged.working_file(document, base, tools.archive) as (path, kind):
        plan = plan_document(path, kind, settings=tools.settings, accept_damage=bool(told.get("accept_damage")))
    plan = replace(plan, mark_released=bool(told.get("mark_released")))
    if base is not None:
        plan = revised.plan_after(document, base, plan, tools.archive)
    outcomes.check_lease(job, tools)
    staged.write_plan(document.document_id, plan, tools.archive)
    outcomes.planned(job, plan, tools)


def recognise_page(job: Job, tools: Tools) -> None:
    """Read one page; the last page to finish leads on to composing."""
    document = outcomes.document_of(job, tools)
    base = outcomes.base_of(document, tools)
    plan = staged.read_plan(document.document_id, tools.archive)
    number = job.page or 1
    with staged.page_source(document, base, tools.archive) as source:
        loaded = load_page(source, plan, number)
    page = loaded if isinstance(loaded, Page) else _read(job, loaded, tools, turn_deg=plan.pages[number - 1].turn_deg)
    outcomes.page_finished(job, page, tools)


def _read(job: Job, image: PageImage, tools: Tools, *, turn_deg: int | None) -> Page:
    """`turn_deg`: a person has said how the page stands, so that none is looked for."""
    if turn_deg is not None:
        image = turned_image(image, turn_deg)
    if job.last_code in outcomes.ENGINE_FAULTS:
        page = recognise_in_subprocess(image, tools.settings)
    else:
        page = tools.recogniser().recognise(image, upright=turn_deg is not None)
    return page if turn_deg is None else replace(page, turn_deg=turn_deg)


def read_document(job: Job, tools: Tools) -> None:
    """Read the document's type and fields. Raises Held (security_mark) where it bears a mark: nothing more is made of it."""
    document = outcomes.document_of(job, tools)
    base = outcomes.base_of(document, tools)
    plan = staged.read_plan(document.document_id, tools.archive)
    pages = staged.StagedPages(document.document_id, len(plan.pages), tools.archive)
    with staged.working_file(document, base, tools.archive) as (path, _):
        reading = tools.reader().read(
            pages,
            Sight.of_document(path, plan, pages),
            today=document.received_at.date(),
            known=tools.known(document.office),
            mark_released=plan.mark_released,
        )
    if reading.secret:
        raise Held(
            "it bears a security mark: a person with the right to it decides; release it where that was read in error",
            code="security_mark",
        )
    outcomes.check_lease(job, tools)
    staged.write_fields(document.document_id, reading, tools.archive)
    outcomes.fields_read(job, tools)


def compose_document(job: Job, tools: Tools) -> None:
    """Make the renditions (PDF/A, text, ALTO, quality) and the record, and leave them staged for the commit."""
    document = outcomes.document_of(job, tools)
    base = outcomes.base_of(document, tools)
    plan = staged.read_plan(document.document_id, tools.archive)
    read = staged.read_fields(document.document_id, tools.archive)
    own = {name: field_from_dict(one) for name, one in read["fields"].items()}
    pages = staged.StagedPages(document.document_id, len(plan.pages), tools.archive, own)
    before = [] if base is None else revised.pages_before(document, base, tools.archive)
    every: Sequence[Page] = pages if not before else [*before, *staged.numbered_from(len(before) + 1, pages)]
    outcomes.check_lease(job, tools)
    readings = staged.write_readings(
        document,
        every,
        tools.archive,
        software=f"sohoa {record.SOFTWARE['version']}",
        temporary=tools.settings.temporary_folder(),
    )
    if sum(number > len(before) for number in readings.failed) == len(pages):
        raise StageFailed("no page of this document could be read", code="no_page_read")
    with (
        staged.working_file(document, base, tools.archive) as (path, _),
        tempfile.TemporaryDirectory(prefix="compose-", dir=tools.settings.temporary_folder()) as folder,
    ):
        target = Path(folder) / "document.pdf"
        composition = compose(
            path,
            plan,
            pages,
            target,
            metadata=PdfMetadata(
                title=Path(document.source_name).stem,
                created_at=document.received_at,
                producer=f"Sohoa {record.SOFTWARE['version']}",
            ),
            flavour=tools.settings.pdfa,
            settings=tools.settings,
        )
        if base is not None and before:
            part, target = target, Path(folder) / "whole.pdf"
            composition = revised.append_pdf(composition, part, target, base, pages=every, archive=tools.archive)
        outcomes.check_lease(job, tools)
        with target.open("rb") as stream:
            pdf = staged.write(document.document_id, "document.pdf", stream, archive=tools.archive)
    fields = read["fields"]
    if base is not None:
        fields = revised.fields_after(document, base, fields, pages=readings.pages, archive=tools.archive)
    doubtful = readings.failed or read["splits"] or unsure({name: field_from_dict(one) for name, one in fields.items()})
    review, wanted, share = Review.NEEDED if doubtful else Review.NONE, None, tools.settings.second_check_share
    if base is not None:
        review = revised.review_after(document, base, doubtful=bool(doubtful), second_check_share=share)
        wanted = None if doubtful else revised.second_check_due(document, base, share=share)
    split = ("split_proposed",) if read["splits"] else ()
    warned = (*plan.warnings, *composition.warnings, *readings.warnings, *split)
    document = replace(
        document,
        fields=fields,
        review=review,
        wanted=wanted,
        pages_failed=readings.failed,
        warnings=tuple(dict.fromkeys((*(base.warnings if base is not None and before else ()), *warned))),
        pdf_sha256=composition.pdf_sha256,
        pdf_size_bytes=composition.size_bytes,
        conformance=composition.conformance,
    )
    description = record.composed(
        document,
        plan,
        composition,
        pages=readings.pages,
        engine=tools.recogniser().identity(),
        splits=[{**one, "page": one["page"] + len(before)} for one in read["splits"]],
        archive=tools.archive,
        clock=tools.clock,
        so_far=None if base is None else revised.so_far(document, base, archive=tools.archive, clock=tools.clock),
    )
    described = staged.write_description(document.document_id, description, tools.archive)
    outcomes.composed(job, document, tools, digests={**readings.digests, **pdf, **described})


def commit_document(job: Job, tools: Tools) -> None:
    """Commit what is staged to the archive as a new version; only then is the document called archived."""
    document = outcomes.document_of(job, tools)
    base = outcomes.base_of(document, tools)
    ending = Ending.of(job)
    through = ending.status is DocumentStatus.ARCHIVED
    home = document if base is None else base
    folder = document_folder(home.document_id)
    original: str | None = folder + staged.original_name(document)
    removed: list[str] = []
    if base is not None:
        original = revised.landing_path(document, base, through=through)
        removed = revised.removed_paths(document, base, through=through)
    outcomes.check_lease(job, tools)
    files = staged.files_to_commit(
        document,
        tools.archive,
        composed=through,
        folder=folder,
        original=original,
        digests=job.payload.get("staged", {}),
    )
    recorded = tools.archive.commit_and_record(
        home.archived_in,
        files,
        removed=removed,
        actor=document.actor,
        message=f"{ending.status} {home.document_id}" if base is None else revised.message(document, base, ending),
    )
    if base is None:
        outcomes.committed(job, document, recorded, tools)
    else:
        outcomes.revision_committed(job, document, base, recorded, tools)
    if through or base is not None:  # a held or failed one may be at work again: the sweeper looks first
        tools.archive.clear_staging(document.document_id)


def carry_out_decision(job: Job, tools: Tools) -> None:
    """Finish what a person decided and the process that took the decision did not."""
    decisions.carry_out(job, archive=tools.archive, database=tools.database, clock=tools.clock, owner=tools.owner)


def move_document(job: Job, tools: Tools) -> None:
    """Take a document to another object, or go on where the process that began it stopped."""
    outcomes.check_lease(job, tools)
    moving.carry_out(job, archive=tools.archive, database=tools.database, clock=tools.clock, owner=tools.owner)


def split_document(job: Job, tools: Tools) -> None:
    """Make several documents of one, or go on where the process that began it stopped."""
    outcomes.check_lease(job, tools)
    splitting.carry_out(
        job,
        archive=tools.archive,
        database=tools.database,
        clock=tools.clock,
        owner=tools.owner,
        temporary=tools.settings.temporary_folder(),
    )


_STAGES: dict[JobKind, Callable[[Job, Tools], None]] = {
    JobKind.OPEN: open_document,
    JobKind.RECOGNISE: recognise_page,
    JobKind.READ: read_document,
    JobKind.COMPOSE: compose_document,
    JobKind.COMMIT: commit_document,
    JobKind.DECIDE: carry_out_decision,
    JobKind.MOVE: move_document,
    JobKind.SPLIT: split_document,
}


def time_limit_s(job: Job, settings: Settings) -> float:
    """How long this try at a job may take."""
    if job.kind != JobKind.RECOGNISE:
        return settings.stage_timeout_s
    if job.last_code in outcomes.ENGINE_FAULTS:
        return settings.second_chance_timeout_s + SECOND_CHANCE_GRACE_S
    return settings.page_timeout_s
