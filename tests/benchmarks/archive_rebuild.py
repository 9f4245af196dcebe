"""Rebuilding: documents a second out of an archive of two-page documents, catalogue and index apart.

python -m tests.benchmarks.archive_rebuild [DOCUMENTS]
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from ingest.sniff import Kind
from ocr_workers import record, staged
from ocr_workers.compose import Composition
from ocr_workers.pages import DocumentPlan, PagePlan
from sohoa.clock import SystemClock
from sohoa.model import Actor, Block, DocumentId, DossierCode, Line, OfficeId, Page, Sha256, Source, Word, union
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, PageStatus, Review
from storage.archive.archive import Archive
from storage.archive.layout import document_folder, sha256_of
from storage.archive.receipts import Receipt
from storage.catalog.documents import Document
from storage.rebuild.rebuild import Rebuilt, rebuild
from storage.stores import open_archive
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.support.archived import QUALITY

LEAST_DOCUMENTS_A_SECOND = 500
DOCUMENTS = 3000
PAGES = 2
_WORDS_A_LINE, _LINES = 10, 35
_TEXT = "hòa giải quyết định giấy phép xây dựng hợp đồng thuê nhà chứng thực chữ ký khai sinh ủy ban nhân dân"
_IN_DOSSIERS_OF = 8
_ACTOR = Actor("person:lan")
_NOTE = (
    f"Documents of {PAGES} pages of {_WORDS_A_LINE * _LINES} words, half of them in dossiers of {_IN_DOSSIERS_OF}, in a "
    "folder whose files are cached; one process. The catalogue is ledger, objects and receipts; the index is filled after it."
)


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """One rebuild of so many documents."""

    documents: int
    catalogue_s: float
    index_s: float

    def figures(self) -> list[Figure]:
        rate = self.documents / self.catalogue_s
        return [
            Figure(
                "rebuild",
                f"rebuild of the catalogue, {self.documents:,} documents in a folder",
                f"≥ {LEAST_DOCUMENTS_A_SECOND} documents/s",
                f"{rate:.0f} documents/s (the index after it: {self.documents / self.index_s:.0f} documents/s)",
                rate >= LEAST_DOCUMENTS_A_SECOND,
            )
        ]

    def details(self) -> list[str]:
        rows = [
            [name, f"{seconds:.1f}", f"{self.documents / seconds:.0f}"]
            for name, seconds in (
                ("catalogue", self.catalogue_s),
                ("index", self.index_s),
                ("both", self.catalogue_s + self.index_s),
            )
        ]
        return [_NOTE, "", *table(["step", "s", "documents/s"], rows)]


def measure(folder: Path, *, documents: int = DOCUMENTS) -> Rebuilding:
    """Make an archive in `folder` and rebuild catalogue and index from it."""
    settings, clock = Settings(home=folder, min_free_bytes=0), SystemClock()
    archive = open_archive(settings, clock)
    archive.initialise()
    with mock.patch("os.fsync"):  # only making the documents is helped by that; rebuilding is measured as it is
        for number in range(documents):
            _make(number, archive, clock, settings.temporary_folder())
            if number % 500 == 499:
                say(f"{number + 1} documents made")
    rebuilt = rebuild(settings, open_archive(settings, clock), clock)
    _check(rebuilt, documents)
    return Rebuilding(documents, rebuilt.catalogue_s, rebuilt.index_s)


def _check(rebuilt: Rebuilt, documents: int) -> None:
    assert rebuilt.findings == ()
    assert rebuilt.documents == {DocumentStatus.ARCHIVED: documents}
    assert rebuilt.pages == documents * PAGES


def _make(number: int, archive: Archive, clock: SystemClock, temporary: Path) -> None:
    """Accept and commit one document as the stages do, with what the engine and the composer would have made."""
    original, pdf = b"original %d" % number, b"%%PDF-1.7 %d" % number
    document = _received(DocumentId(clock.new_ulid()), number, original, clock)
    archive.stage(document.document_id, "original.png", original)
    archive.write_receipt(_receipt(document))
    pages = [_page(number, page) for page in range(1, PAGES + 1)]
    readings = staged.write_readings(document, pages, archive, software="sohoa", temporary=temporary)
    composition = Composition(Sha256(sha256_of(pdf)), len(pdf), "PDF/A-2b", {}, "image", [])
    staged.write(document.document_id, "document.pdf", io.BytesIO(pdf), archive=archive)
    document = replace(document, pdf_sha256=composition.pdf_sha256, pdf_size_bytes=len(pdf), conformance="PDF/A-2b")
    plan = DocumentPlan(Kind.PNG, tuple(PagePlan(page.number, "image", 2480, 3508, 300.0) for page in pages))
    engine = {"engine": "none", "engine_version": "0", "language": "vie", "models": {}}
    described = record.composed(
        document, plan, composition, pages=readings.pages, engine=engine, archive=archive, clock=clock
    )
    staged.write_description(document.document_id, described, archive)
    folder = document_folder(document.document_id)
    archive.commit_and_record(
        document.archived_in,
        staged.files_to_commit(
            document,
            archive,
            composed=True,
            folder=folder,
            original=folder + staged.original_name(document),
            digests=readings.digests,
        ),
        actor=_ACTOR,
        message="archived",
    )
    archive.clear_staging(document.document_id)


def _received(document_id: DocumentId, number: int, original: bytes, clock: SystemClock) -> Document:
    sha256, now = sha256_of(original), clock.now()
    nothing: dict[str, Any] = {
        "code": None,
        "stage": None,
        "detail": None,
        "archived_at": None,
        "searchable_at": None,
        "object_id": None,
    }
    dossier = None if number % 2 else DossierCode(f"000.00.05.H02-230105-{number // (2 * _IN_DOSSIERS_OF):04}")
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
    lines = tuple(_line(100 + 80 * line, chance.choices(_TEXT.split(), k=_WORDS_A_LINE)) for line in range(_LINES))
    block = Block(lines, union([line.box for line in lines]))
    return Page(
        number, 2480, 3508, 300.0, PageStatus.RECOGNISED, (block,), quality=QUALITY, lane="tesserocr", recognise_ms=800
    )


def _line(top: int, words: Sequence[str]) -> Line:
    found = tuple(
        Word(text, (100 + 220 * place, top, 300 + 220 * place, top + 50), 0.9) for place, text in enumerate(words)
    )
    return Line(found, union([word.box for word in found]))


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory(prefix="sohoa-rebuild-") as folder:
        measured = measure(Path(folder), documents=documents)
    print("\n".join(measured.details()))
    for figure in measured.figures():
        print(f"\n{figure.what}: {figure.measured}; to reach: {figure.at_least}: {figure.verdict}")


if __name__ == "__main__":
    main()
