"""What the stages leave for each other in staging/<document_id>/: the plan, the pages read, the renditions, the record.

Names: original.EXT (as received), working.pdf (an opened copy of a released, encrypted original), plan.json,
pages/000001.json, fields.json, document.pdf, text.txt, alto.xml.gz, quality.json, record.json, premis.jsonl.
"""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, overload

from ingest.sniff import Kind
from ocr_workers.pages import DocumentPlan, plan_from_dict, plan_to_dict
from ocr_workers.reading.fields import Reading
from ocr_workers.reading.into_text import with_fields
from sohoa.errors import DigestMismatch, NotFound
from sohoa.model import (
    PAGE_BREAK,
    DocumentId,
    Field,
    Page,
    field_to_dict,
    page_from_dict,
    page_to_dict,
    quality_to_dict,
)
from sohoa.states import PageStatus
from storage.archive import premis
from storage.archive.alto import write_alto_to
from storage.archive.archive import Archive
from storage.archive.commit import StagedFile
from storage.catalog.documents import Document

RENDITIONS = ("document.pdf", "text.txt", "alto.xml.gz")
DESCRIPTION = ("record.json", "premis.jsonl")
QUALITY = "quality.json"
_PAGES_KEPT = 64
"""In memory: 0.2 MB each."""


@contextmanager
def working_file(document: Document, base: Document | None, archive: Archive) -> Iterator[tuple[Path, Kind]]:
    """The file that the stages read: the opened copy where there is one, else the original, staged or archived; of a
    revision that brings none that of its `base`."""
    home = document if base is None else base
    with ExitStack() as held:
        for path, kind in _staged_files(document):
            with suppress(NotFound):
                found = held.enter_context(archive.objects.local_file(path)), kind
                break
        else:
            path = f"documents/{home.document_id}/{original_name(home)}"
            found = held.enter_context(archive.local_file(home.archived_in, path)), Kind(home.kind)
        yield found


@contextmanager
def page_source(document: Document, base: Document | None, archive: Archive) -> Iterator[Path | BinaryIO]:
    """What :func:`working_file` gives, for reading one page: of a large PDF in an S3 store no more comes than is needed."""
    with ExitStack() as held:
        found: Path | BinaryIO
        for path in (path for path, kind in _staged_files(document) if kind is Kind.PDF):
            with suppress(NotFound):
                found = held.enter_context(archive.objects.seekable(path))
                break
        else:
            found, _ = held.enter_context(working_file(document, base, archive))
        yield found


def _staged_files(document: Document) -> tuple[tuple[str, Kind], ...]:
    staging = f"staging/{document.document_id}"
    return (f"{staging}/working.pdf", Kind.PDF), (f"{staging}/{original_name(document)}", Kind(document.kind))


def original_name(document: Document) -> str:
    """What the original is called in staging and in the archive."""
    return f"original.{document.kind}"


Digests = Mapping[str, Sequence[Any]]
"""[SHA-256, length in bytes] of staged files by their names, as they were written: a commit takes nothing else."""


def write(
    document_id: DocumentId, name: str, source: BinaryIO | bytes, *, archive: Archive
) -> dict[str, Sequence[Any]]:
    """Stage one file, durably, in place of what had that name before. Returns its digest and length by its name."""
    file = archive.stage(document_id, name, source, overwrite=True)
    return {name: (file.sha256, file.size_bytes)}


def write_plan(document_id: DocumentId, plan: DocumentPlan, archive: Archive) -> None:
    write(document_id, "plan.json", _json(plan_to_dict(plan)), archive=archive)


def read_plan(document_id: DocumentId, archive: Archive) -> DocumentPlan:
    return plan_from_dict(_read_json(f"staging/{document_id}/plan.json", archive))


def write_page(document_id: DocumentId, page: Page, archive: Archive) -> None:
    write(document_id, f"pages/{page.number:06}.json", _json(page_to_dict(page)), archive=archive)


def write_fields(document_id: DocumentId, reading: Reading, archive: Archive) -> None:
    """Stage what was read of a document: its fields, and where one scan may hold several documents."""
    fields = {name: field_to_dict(field) for name, field in reading.fields.items()}
    splits = [{"page": split.page, "reason": split.reason, "score": round(split.score, 4)} for split in reading.splits]
    write(document_id, "fields.json", _json({"fields": fields, "splits": splits}), archive=archive)


def read_fields(document_id: DocumentId, archive: Archive) -> dict[str, Any]:
    """`{fields, splits}` as :func:`write_fields` staged them."""
    found: dict[str, Any] = _read_json(f"staging/{document_id}/fields.json", archive)
    return found


class StagedPages(Sequence[Page]):
    """The pages of a document, each read from staging when it is asked for, so that 800 of them are never in memory at once.

    The last few stay, for a short document is gone through many times, and each reading may go over the network. With the
    document's `fields`, what was read of these stands in the pages' text (:mod:`ocr_workers.reading.into_text`).
    """

    def __init__(
        self, document_id: DocumentId, count: int, archive: Archive, fields: Mapping[str, Field] | None = None
    ) -> None:
        self._document_id = document_id
        self._count = count
        self._archive = archive
        self._fields = fields or {}
        self._kept: dict[int, Page] = {}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Page: ...
    @overload
    def __getitem__(self, index: slice) -> list[Page]: ...
    def __getitem__(self, index: int | slice) -> Page | list[Page]:
        if isinstance(index, slice):
            return [self._read(number + 1) for number in range(self._count)[index]]
        return self._read(range(self._count)[index] + 1)

    def _read(self, number: int) -> Page:
        page = self._kept.get(number)
        if page is None:
            page = page_from_dict(_read_json(f"staging/{self._document_id}/pages/{number:06}.json", self._archive))
            page = with_fields(page, self._fields)
            if len(self._kept) >= _PAGES_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = page
        return page


def numbered_from(first: int, pages: Iterable[Page]) -> Iterator[Page]:
    """The pages under the numbers that they have where they follow others."""
    return (replace(page, number=number) for number, page in enumerate(pages, start=first))


@dataclass(frozen=True, slots=True)
class Readings:
    """The pages without their words: a summary of each for the record, what the document as a whole must say, and what was
    staged."""

    pages: tuple[dict[str, Any], ...]
    failed: tuple[int, ...]
    warnings: tuple[str, ...]
    digests: Digests


def write_readings(
    document: Document, pages: Sequence[Page], archive: Archive, *, software: str, temporary: Path
) -> Readings:
    """Stage text.txt, alto.xml.gz and quality.json in one pass over the pages, the ALTO by way of a file in `temporary`."""
    summaries: list[dict[str, Any]] = []
    qualities: dict[int, dict[str, Any]] = {}
    warnings: list[str] = []
    text = io.StringIO()

    def passing() -> Iterator[Page]:
        for page in pages:
            text.write((PAGE_BREAK if page.number > 1 else "") + page.text)
            summaries.append(_summary(page))
            if page.quality is not None:
                qualities[page.number] = quality_to_dict(page.quality)
                warnings.extend(page.quality.warnings)
            yield page

    with tempfile.TemporaryFile(dir=temporary) as alto:
        with gzip.GzipFile(fileobj=alto, mode="wb", filename="", mtime=0) as packed:
            write_alto_to(
                packed,
                passing(),
                source_name=document.source_name,
                software=software,
                created_at=document.received_at,
            )
        alto.seek(0)
        digests = write(document.document_id, "alto.xml.gz", alto, archive=archive)
    failed = tuple(summary["number"] for summary in summaries if summary["status"] == PageStatus.FAILED)
    if failed:
        warnings.append("page_failed")
    digests |= write(document.document_id, "text.txt", text.getvalue().encode(), archive=archive)
    digests |= write_qualities(document.document_id, qualities, archive)
    return Readings(tuple(summaries), failed, tuple(dict.fromkeys(warnings)), digests)


def write_qualities(
    document_id: DocumentId, qualities: Mapping[int, Mapping[str, Any]], archive: Archive
) -> dict[str, Sequence[Any]]:
    """Stage quality.json: what was measured (model.quality_to_dict) on each page, by its number, that anything was."""
    pages = [{"page": number, **quality} for number, quality in sorted(qualities.items())]
    return write(document_id, QUALITY, _json({"pages": pages}), archive=archive)


def write_description(
    document_id: DocumentId, description: tuple[dict[str, Any], list[dict[str, Any]]], archive: Archive
) -> dict[str, Sequence[Any]]:
    """Stage record.json and premis.jsonl."""
    record, events = description
    digests = write(document_id, "record.json", _json(record), archive=archive)
    return digests | write(document_id, "premis.jsonl", premis.to_jsonl(events), archive=archive)


def files_to_commit(
    document: Document, archive: Archive, *, composed: bool, folder: str, original: str | None, digests: Digests
) -> list[StagedFile]:
    """What the next version of the object gets, in `folder`, which ends in "/"; a held or failed document has no
    renditions, and a revision that did not get through has changed no page either.

    The first version brings the original, to the path `original` (None: there is none to bring). The digests are those that
    the files had when they were received, validated or written, so the commit fails where a disk has changed one since, or
    where one is not staged.
    Raises NotFound where that is one whose digest nobody kept.
    """
    measured = (QUALITY,) if composed or document.revises is None else ()
    names = (*DESCRIPTION, *measured, *(RENDITIONS if composed else ()))
    known = dict(digests)
    if composed:
        known["document.pdf"] = (document.pdf_sha256, document.pdf_size_bytes)
    wanted = [(name, folder + name, known.get(name)) for name in names]
    if document.version is None and original is not None:
        wanted.append((original_name(document), original, (document.original_sha256, document.original_size_bytes)))
    return [archive.staged_file(document.document_id, name, path, known=known) for name, path, known in wanted]


def _read_json(key: str, archive: Archive) -> Any:
    try:
        return json.loads(archive.objects.read(key))
    except ValueError:
        raise DigestMismatch(f"{key} is not what was staged: its disk has changed it; try again") from None


def _summary(page: Page) -> dict[str, Any]:
    return {
        "number": page.number,
        "status": page.status,
        "code": page.code,
        "width_px": page.width_px,
        "height_px": page.height_px,
        "dpi": page.dpi,
        "turn_deg": page.turn_deg,
        "lane": page.lane,
        "recognise_ms": page.recognise_ms,
        "warnings": [] if page.quality is None else list(page.quality.warnings),
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
