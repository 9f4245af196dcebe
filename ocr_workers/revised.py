"""A revision in the pipeline: what it changes about its document, in the archive, the record and the catalogue.

A replacement takes the place of all originals and pages; appended pages follow those that are there, which are taken from
the archive as they were read; turning pages brings no bytes, and the original that is there is read again. A revision that is
held or fails changes nothing but what is said of it: its original is kept under `revisions/<receipt>/`.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pikepdf

from ingest.reviewing import FIRST, is_drawn
from ocr_workers.compose import Composition, composition_of
from ocr_workers.pages import DocumentPlan
from ocr_workers.pdfa import PdfMetadata, save_pdfa
from ocr_workers.record import SOFTWARE, Description, Ending, known, original_json
from ocr_workers.staged import original_name
from ocr_workers.text_check import assert_text_equal
from ocr_workers.turning import once_released, turned_field, with_turns
from sohoa.clock import Clock
from sohoa.errors import Conflict, DigestMismatch
from sohoa.model import Appended, Page, Revision
from sohoa.reviews import Wanted, wanted_to_dict
from sohoa.states import DocumentStatus, Origin, Review, RevisionKind, WantedKind
from storage.archive import premis
from storage.archive.alto import read_alto
from storage.archive.archive import Archive
from storage.archive.description import Events, read_events, read_record, read_sound, record_to_follow
from storage.archive.layout import document_folder
from storage.archive.premis import EventType
from storage.catalog.documents import Changes, Document


def kind_of(revision: Document) -> RevisionKind:
    """Whether it replaces, appends or turns. Raises Conflict where the row is no revision."""
    return RevisionKind(_revision(revision).kind)


def pages_before(revision: Document, base: Document, archive: Archive) -> list[Page]:
    """The pages that a revision's own pages follow: none where they take the place of those that are there."""
    if kind_of(revision) is not RevisionKind.APPEND:
        return []
    return read_alto(
        gzip.decompress(read_sound(archive, base.archived_in, f"{document_folder(base.document_id)}alto.xml.gz"))
    )


def allowances(revision: Document, base: Document, archive: Archive) -> dict[str, bool]:
    """What a person has allowed about the original that is read again, as the `open` job of a released document is told."""
    if kind_of(revision) is not RevisionKind.ROTATE:
        return {}
    codes = once_released(read_events(archive, base.archived_in, base.document_id))
    return {"accept_damage": "damaged" in codes, "mark_released": "security_mark" in codes}


def plan_after(revision: Document, base: Document, plan: DocumentPlan, archive: Archive) -> DocumentPlan:
    """The plan of a revision's pages, with how each is turned where that is what the revision does."""
    if kind_of(revision) is not RevisionKind.ROTATE:
        return plan
    if base.wanted is None or not base.wanted.turns:
        raise Conflict(f"nothing says how the pages of document {base.document_id} are to be turned")
    shown = read_record(archive, base.archived_in, base.document_id)["pages"]
    return with_turns(plan, shown, base.wanted.turns)


def fields_after(
    revision: Document, base: Document, read: dict[str, Any], *, pages: Sequence[Mapping[str, Any]], archive: Archive
) -> dict[str, Any]:
    """The document's fields once the revision is in it: those of the new scan, but for what a person has confirmed; where
    pages are appended its own, with the number of pages there are then. `pages` are as record.json will have them.

    On turned pages it is the same paper, so all that a person has looked at stays, and where it stood is turned with it.
    """
    if kind_of(revision) is RevisionKind.ROTATE:
        looked_at = {name for check in base.checks for name in check.fields}
        before = read_record(archive, base.archived_in, base.document_id)["pages"]
        kept = {name: one for name, one in base.fields.items() if name in looked_at or one["origin"] == Origin.PERSON}
        return read | {name: turned_field(one, before, pages) for name, one in kept.items()}
    if kind_of(revision) is RevisionKind.REPLACE:
        confirmed = {name: one for name, one in base.fields.items() if one["origin"] == Origin.PERSON}
        return read | {name: {**one, "evidence": []} for name, one in confirmed.items()}
    amount = base.fields.get("page_amount")
    if amount is None or amount["origin"] == Origin.PERSON:
        return base.fields
    return base.fields | {"page_amount": {**amount, "value": str(len(pages)), "display": str(len(pages))}}


def review_after(revision: Document, base: Document, *, doubtful: bool, second_check_share: float) -> Review:
    """Whether a person is needed once the revision is in the document. Pages that are appended change nothing about what
    people said of its fields, or still have to; on turned pages what they had said holds, and a second check is still due."""
    if doubtful:
        return Review.NEEDED
    if kind_of(revision) is RevisionKind.ROTATE and base.checks:
        due = second_check_due(revision, base, share=second_check_share)
        return Review.DONE if due is None else Review.NEEDED
    if kind_of(revision) is not RevisionKind.APPEND or base.review is Review.NONE:
        return Review.NONE
    return Review.DONE if base.review is Review.DONE else Review.NEEDED


def second_check_due(revision: Document, base: Document, *, share: float) -> Wanted | None:
    """The second check that a paper was waiting for when somebody saw that its pages must be turned first."""
    if kind_of(revision) is not RevisionKind.ROTATE or not base.checks:
        return None
    last = base.checks[-1]
    if last.check != FIRST or not is_drawn(base.document_id, share):
        return None
    return Wanted(WantedKind.SECOND_CHECK.value, last.actor, last.at)


def append_pdf(
    part: Composition, part_path: Path, target: Path, base: Document, *, pages: Sequence[Page], archive: Archive
) -> Composition:
    """Write the document's PDF/A with the pages of `part` after its own to `target`; `pages` are all of them.

    It keeps the flavour that it has. Raises NotValidPdfA, TextMismatch.
    """
    metadata = PdfMetadata(
        title=Path(base.source_name).stem, created_at=base.received_at, producer=f"Sohoa {SOFTWARE['version']}"
    )
    flavour = (base.conformance or "").removeprefix("PDF/A-")
    with (
        archive.local_file(base.archived_in, f"{document_folder(base.document_id)}document.pdf") as before,
        pikepdf.open(before) as whole,
        pikepdf.open(part_path) as more,
    ):
        with before.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != base.pdf_sha256:
                raise DigestMismatch(
                    f"the PDF of {base.document_id} is damaged: restore it from a copy, then try again"
                )
        offset = len(whole.pages)
        whole.pages.extend(more.pages)
        report = save_pdfa(whole, target, flavour=flavour, metadata=metadata)
    assert_text_equal(target, pages)
    return composition_of(
        target,
        report=report.to_dict(),
        route=part.route,
        transformations=[
            {**change, "page": change["page"] + offset} if change.get("page") else change
            for change in part.transformations
        ],
        warnings=part.warnings,
    )


def landing_path(revision: Document, base: Document, *, through: bool) -> str | None:
    """Where in the object the revision's original goes, whether it got `through` or not; None where it brings none."""
    folder = document_folder(base.document_id)
    if kind_of(revision) is RevisionKind.ROTATE:
        return None
    if not through:
        return f"{folder}revisions/{revision.document_id}/{original_name(revision)}"
    if kind_of(revision) is RevisionKind.APPEND:
        return f"{folder}{_appended(revision, base).path}"
    return f"{folder}{original_name(revision)}"


def removed_paths(revision: Document, base: Document, *, through: bool) -> list[str]:
    """What the document's newest version has no longer, if it is not written anew: the originals that were replaced."""
    if not through or kind_of(revision) is not RevisionKind.REPLACE:
        return []
    return [document_folder(base.document_id) + name for name in _originals(base)]


def message(revision: Document, base: Document, ending: Ending) -> str:
    """What the object's version says of itself."""
    through = ending.status is DocumentStatus.ARCHIVED
    return f"{kind_of(revision)} {base.document_id}" + ("" if through else f": {ending.status}, nothing changed")


def so_far(revision: Document, base: Document, *, archive: Archive, clock: Clock) -> Description:
    """What the document says of itself once the revision is in it, without the renditions; the events up to the change."""
    return _known_after(revision, base, archive), _events_after(revision, base, archive, clock=clock)


def _known_after(revision: Document, base: Document, archive: Archive) -> dict[str, Any]:
    before = read_record(archive, base.archived_in, base.document_id)
    about: dict[str, Any] = {"review": revision.review.value, "warnings": list(revision.warnings), "revision": None}
    about["fields"] = revision.fields
    about["archived_at"] = None  # this version is committed when it is
    if kind_of(revision) is RevisionKind.ROTATE:
        return {**before, **about, "wanted": wanted_to_dict(revision.wanted), "splits": []}
    if kind_of(revision) is RevisionKind.APPEND:
        appended = [*base.appended, _appended(revision, base)]
        return {**before, **about, "appended": [dataclasses.asdict(one) for one in appended]}
    old = {"original": before.get("original"), "appended": before.get("appended", [])}
    old |= {"object_id": base.archived_in, "version": base.version}
    same = ("document_id", "office", "dossier", "external_id", "declared", "actor", "received_at", "checks")
    replaced = dataclasses.replace(
        revision, **{name: getattr(base, name) for name in same}, revision=None, revises=None
    )
    return {
        **known(replaced),
        "original": original_json(revision),
        "replaced": [*before.get("replaced", []), old],
    }


def _events_after(revision: Document, base: Document, archive: Archive, *, clock: Clock) -> Events:
    """The change itself has the receipt's id, so that nobody does it twice (storage/registration.py)."""
    about = _revision(revision)
    by = partial(premis.event, at=clock.now(), actor=about.actor, clock=clock)
    events = [
        *read_events(archive, base.archived_in, base.document_id),
        *_intake(revision, clock=clock),
        by(EventType.MODIFICATION, identifier=about.receipt, detail=_detail(revision, base)),
    ]
    if kind_of(revision) is RevisionKind.REPLACE:
        gone = {"files": _originals(base), "object_id": base.archived_in, "kept_in_version": base.version}
        events.append(by(EventType.DELETION, detail=gone))
    return events


def stopped(revision: Document, base: Document, ending: Ending, *, archive: Archive, clock: Clock) -> Description:
    """The document's description as it is, and in it that the revision was held or failed."""
    before = record_to_follow(archive, base.archived_in, base.document_id, archived_at=base.archived_at)
    about = _revision(revision)
    why = {"status": ending.status, "stage": ending.stage, "code": ending.code}
    failure = premis.event(
        EventType.MODIFICATION,
        at=clock.now(),
        actor=about.actor,
        clock=clock,
        outcome="failure",
        detail=_detail(revision, base) | why,
        identifier=about.receipt,
    )
    events = [
        *read_events(archive, base.archived_in, base.document_id),
        *_intake(revision, clock=clock),
        failure,
    ]
    return {**before, "revision": dataclasses.asdict(ended(revision, ending))}, events


def ended(revision: Document, ending: Ending) -> Revision:
    """What its document says of a revision that did not get through."""
    return dataclasses.replace(
        _revision(revision), status=ending.status.value, code=ending.code, stage=ending.stage, detail=ending.detail
    )


def changes(revision: Document, base: Document) -> Changes:
    """What a revision that got through changes about its document in the catalogue."""
    after: Changes = {
        "review": revision.review,
        "warnings": revision.warnings,
        "fields": revision.fields,
        "pages_failed": revision.pages_failed,
        "pages_total": revision.pages_total,
        "pages_pending": 0,
        "pdf_sha256": revision.pdf_sha256,
        "pdf_size_bytes": revision.pdf_size_bytes,
        "conformance": revision.conformance,
        "revision": None,
    }
    if kind_of(revision) is RevisionKind.ROTATE:
        return {**after, "wanted": revision.wanted}
    if kind_of(revision) is RevisionKind.APPEND:
        total = (base.pages_total or 0) + (revision.pages_total or 0)
        return {**after, "pages_total": total, "appended": (*base.appended, _appended(revision, base))}
    return {
        **after,
        "wanted": None,
        "source": revision.source,
        "source_name": revision.source_name,
        "original_sha256": revision.original_sha256,
        "original_size_bytes": revision.original_size_bytes,
        "kind": revision.kind,
        "media_type": revision.media_type,
        "appended": (),
    }


def _detail(revision: Document, base: Document) -> dict[str, Any]:
    """What the event of a revision tells: what it does and why, with which original or which pages."""
    about = _revision(revision)
    detail: dict[str, Any] = {"change": about.kind, "reason": about.reason}
    if kind_of(revision) is not RevisionKind.ROTATE:
        return {**detail, "original": revision.original_sha256}
    return {**detail, "turns": (wanted_to_dict(base.wanted) or {}).get("turns", {})}


def _intake(revision: Document, *, clock: Clock) -> Events:
    """How a revision's bytes came in, where it has any."""
    return [] if kind_of(revision) is RevisionKind.ROTATE else premis.intake_events(revision, clock=clock)


def _appended(revision: Document, base: Document) -> Appended:
    return Appended(
        path=f"original-{len(base.appended) + 2}.{revision.kind}",
        filename=revision.source_name,
        media_type=revision.media_type,
        sha256=revision.original_sha256,
        size_bytes=revision.original_size_bytes,
        pages=revision.pages_total or 0,
        receipt=revision.document_id,
    )


def _originals(document: Document) -> list[str]:
    return [original_name(document), *(one.path for one in document.appended)]


def _revision(row: Document) -> Revision:
    if row.revision is None or row.revises is None:
        raise Conflict(f"document {row.document_id} is no revision of another")
    return row.revision
