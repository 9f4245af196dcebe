"""Documents as the stages leave them before the commit, without an engine: receipt, original, PDF, text, ALTO, record."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingest.sniff import Kind
from ocr_workers import record, staged
from ocr_workers.compose import Composition
from ocr_workers.pages import DocumentPlan, PagePlan
from sohoa.clock import Clock
from sohoa.model import Actor, Block, DocumentId, DossierCode, Line, OfficeId, Page, Sha256, Source, Word, union
from sohoa.states import DocumentStatus, PageStatus, Review
from storage.archive.archive import Archive
from storage.archive.commit import Recorded
from storage.archive.layout import document_folder, sha256_of
from storage.archive.receipts import Receipt
from storage.catalog.documents import Document
from tests.support.archived import QUALITY

PAGES = 2
WORDS_A_LINE, LINES = 10, 35
_TEXT = "hòa giải quyết định giấy phép xây dựng hợp đồng thuê nhà chứng thực chữ ký khai sinh ủy ban nhân dân"
_ACTOR = Actor("person:lan")


@dataclass(frozen=True, slots=True)
class StagedDocument:
    """A document as the catalogue would have it before the stage `commit`, and what the job says of what is staged."""

    document: Document
    digests: staged.Digests


def stage_document(
    number: int,
    archive: Archive,
    clock: Clock,
    *,
    original: bytes,
    pdf: bytes,
    temporary: Path,
    dossier: DossierCode | None = None,
) -> StagedDocument:
    """Accept a document of PAGES pages and stage what the engine and the composer would have made of it.

    `number` seeds its words.
    """
    document = _received(DocumentId(clock.new_ulid()), number, original, clock, dossier)
    archive.stage(document.document_id, "original.png", original)
    archive.write_receipt(_receipt(document))
    pages = [_page(number, page) for page in range(1, PAGES + 1)]
    readings = staged.write_readings(document, pages, archive, software="sohoa", temporary=temporary)
    composition = Composition(Sha256(sha256_of(pdf)), len(pdf), "PDF/A-2b", {}, "image", [])
    written = staged.write(document.document_id, "document.pdf", io.BytesIO(pdf), archive=archive)
    document = replace(document, pdf_sha256=composition.pdf_sha256, pdf_size_bytes=len(pdf), conformance="PDF/A-2b")
    plan = DocumentPlan(Kind.PNG, tuple(PagePlan(page.number, "image", 2480, 3508, 300.0) for page in pages))
    engine = {"engine": "none", "engine_version": "0", "language": "vie", "models": {}}
    described = record.composed(
        document, plan, composition, pages=readings.pages, engine=engine, splits=[], archive=archive, clock=clock
    )
    written |= staged.write_description(document.document_id, described, archive)
    return StagedDocument(document, {**readings.digests, **written})


def commit_staged(paper: StagedDocument, archive: Archive) -> Recorded:
    """What the stage `commit` does in the store."""
    document = paper.document
    folder = document_folder(document.document_id)
    files = staged.files_to_commit(
        document,
        archive,
        composed=True,
        folder=folder,
        original=folder + staged.original_name(document),
        digests=paper.digests,
    )
    return archive.commit_and_record(document.archived_in, files, actor=_ACTOR, message="archived")


def _received(
    document_id: DocumentId, number: int, original: bytes, clock: Clock, dossier: DossierCode | None
) -> Document:
    sha256, now = sha256_of(original), clock.now()
    nothing: dict[str, Any] = {
        "code": None,
        "stage": None,
        "detail": None,
        "archived_at": None,
        "searchable_at": None,
        "object_id": None,
    }
    return Document(
        document_id=document_id,
        office=OfficeId("H02"),
        dossier=dossier,
        source_name=f"giấy {number}.png",
        source=Source(sha256, ()),
        original_sha256=sha256,
        original_size_bytes=len(original),
        kind="png",
        media_type="image/png",
        status=DocumentStatus.RECOGNISED,
        review=Review.NONE,
        pages_total=PAGES,
        pages_pending=0,
        pages_failed=(),
        warnings=(),
        external_id=None,
        declared={"type": "KH"},
        actor=_ACTOR,
        received_at=now,
        version=None,
        sequence=None,
        pdf_sha256=None,
        pdf_size_bytes=None,
        conformance=None,
        changed_seq=number,
        changed_at=now,
        **nothing,
    )


def _receipt(document: Document) -> Receipt:
    return Receipt(
        document_id=document.document_id,
        office=document.office,
        dossier=document.dossier,
        filename=document.source_name,
        kind=document.kind,
        media_type=document.media_type,
        sha256=document.original_sha256,
        size_bytes=document.original_size_bytes,
        actor=document.actor,
        accepted_at=document.received_at,
        external_id=None,
        declared=document.declared,
        staged_key=f"staging/{document.document_id}/original.png",
    )


def _page(document: int, number: int) -> Page:
    chance = random.Random(document * PAGES + number)
    lines = tuple(_line(100 + 80 * line, chance.choices(_TEXT.split(), k=WORDS_A_LINE)) for line in range(LINES))
    block = Block(lines, union([line.box for line in lines]))
    return Page(
        number, 2480, 3508, 300.0, PageStatus.RECOGNISED, (block,), quality=QUALITY, lane="tesserocr", recognise_ms=800
    )


def _line(top: int, words: Sequence[str]) -> Line:
    found = tuple(
        Word(text, (100 + 220 * place, top, 300 + 220 * place, top + 50), 0.9) for place, text in enumerate(words)
    )
    return Line(found, union([word.box for word in found]))
