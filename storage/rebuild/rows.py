"""Rows of the catalogue out of one object of the archive: what its documents say of themselves there.

Of a document, record.json says all that its rows must say but the measures of its pages (quality.json) and the commit that
brought it, which is the one with its newest premis.jsonl: whatever is committed about a document adds an event there.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sohoa.clock import parse_moment
from sohoa.errors import DigestMismatch, NotFound, SohoaError, StoreUnavailable
from sohoa.model import Sha256
from sohoa.states import DocumentStatus, JobKind, PageStatus, Review
from storage.archive.archive import Archive
from storage.archive.certificate import Certificate
from storage.archive.inventory import Inventory
from storage.archive.layout import document_folder, dossier_of, object_root, sha256_of
from storage.archive.receipts import Receipt
from storage.catalog import disposed
from storage.catalog.jobs import NewJob
from storage.objects.protocol import Objects
from storage.rebuild.findings import UNUSABLE, Finding, why


@dataclass(frozen=True, slots=True)
class Rows:
    """One document: its row in `documents` but for changed_seq and changed_at, and its rows in `pages`.

    `job` is what is to be done: `open`, where it is to be read (again), `move`, where it has yet to leave the object that it
    was moved from, or `split`, where one of its parts has no receipt yet; else None.
    """

    document: dict[str, Any]
    pages: list[dict[str, Any]]
    job: NewJob | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger says: the sequence numbers of an object's versions, and its newest entry's number.

    `pending` are the versions whose commit is not finished: reserved, and not to be looked at before they are.
    """

    sequences: Mapping[int, int]
    pending: Collection[int]
    head: int


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest recorded version of an object."""

    inventory: Inventory
    state: Mapping[str, Sha256]
    recorded: Recorded

    def content_path(self, path: str) -> str:
        return self.inventory.manifest[self.state[path]][0]


def rows_of(archive: Archive, object_id: str, recorded: Recorded) -> Iterator[Rows | Finding]:
    """Every document in the object's newest version; a finding in place of what cannot be read.

    Raises StoreUnavailable where the store as a whole cannot be read just now.
    """
    try:
        newest = _newest(archive, object_id, recorded)
    except (SohoaError, *UNUSABLE) as error:
        _raise_if_store_is_away(error, archive.objects)
        yield Finding("object_damaged", f"its inventory cannot be used: {why(error)}", object_id=object_id)
        return
    if newest is None:
        return
    for document_id in dict.fromkeys(path.split("/")[1] for path in newest.state if path.startswith("documents/")):
        try:
            rows, version = _read(archive, document_id, newest)
        except (SohoaError, *UNUSABLE) as error:
            _raise_if_store_is_away(error, archive.objects)
            yield Finding("document_damaged", why(error), object_id=object_id, document_id=document_id)
            continue
        if version not in recorded.sequences:
            detail = f"v{version} is in the archive but in no entry of the ledger that can be read"
            yield Finding("version_not_in_ledger", detail, object_id=object_id, document_id=document_id)
        yield rows


def disposed_rows(receipt: Receipt, certificate: Certificate, sequence: int) -> Rows:
    """What is left of a document whose object was disposed of."""
    columns = disposed.columns(certificate, sequence, receipt)
    return Rows({"document_id": receipt.document_id, **columns}, [], None)


def _newest(archive: Archive, object_id: str, recorded: Recorded) -> _Newest | None:
    """None where no version of the object is finished."""
    inventory = archive.inventory(object_id)
    version = inventory.head
    while version in recorded.pending and version not in recorded.sequences:
        version -= 1
    return None if version == 0 else _Newest(inventory, inventory.versions[version - 1].state, recorded)


def _read(archive: Archive, document_id: str, newest: _Newest) -> tuple[Rows, int]:
    """The rows of a document, and the number of the version that says so."""
    objects, folder = archive.objects, f"documents/{document_id}"
    record = _json(objects, f"{folder}/record.json", newest)
    measured = _json(objects, f"{folder}/quality.json", newest) if f"{folder}/quality.json" in newest.state else {}
    if record["document_id"] != document_id:
        raise DigestMismatch(f"{folder}/record.json is that of another document")
    version = int(newest.content_path(f"{folder}/premis.jsonl").split("/")[0].removeprefix("v"))
    quality = {page.pop("page"): page for page in measured.get("pages", ())}
    pages = [_page_row(page, document_id, quality) for page in record["pages"]]
    document = _document_row(record) | {
        "pages_total": len(pages) or None,
        "pages_pending": sum(page["status"] is PageStatus.PENDING for page in pages),
        "archived_at": _archived_at(record, newest.inventory.versions[version - 1].created_at),
        "object_id": newest.inventory.object_id,
        "version": version,
        "sequence": newest.recorded.sequences.get(version, newest.recorded.head),
    }
    return Rows(document, pages, _job(archive, record, newest.inventory.object_id)), version


def _document_row(record: Mapping[str, Any]) -> dict[str, Any]:
    original, error, pdf = record["original"], record["error"] or {}, record.get("pdf") or {}
    return {
        "document_id": record["document_id"],
        "office": record["office"],
        "dossier": record["dossier"],
        "source_name": original["filename"],
        "source": record["source"],
        "original_sha256": original["sha256"],
        "original_size_bytes": original["size_bytes"],
        "kind": original["path"].rpartition(".")[2],
        "media_type": original["media_type"],
        "status": DocumentStatus(record["status"]),
        "code": error.get("code"),
        "stage": error.get("stage"),
        "detail": error.get("detail"),
        "review": Review(record["review"]),
        "pages_failed": record["pages_failed"],
        "warnings": record["warnings"],
        "external_id": record["external_id"],
        "declared": record["declared"],
        "fields": record["fields"],
        "actor": record["actor"],
        "received_at": parse_moment(record["received_at"]),
        "searchable_at": None,
        "pdf_sha256": pdf.get("sha256"),
        "pdf_size_bytes": pdf.get("size_bytes"),
        "conformance": pdf.get("conformance"),
        "appended": record.get("appended") or None,
        "revision": record.get("revision"),
        "revises": None,
        "checks": record.get("checks") or None,
        "wanted": record.get("wanted"),
        "split_into": record["split"]["parts"] if "split" in record else None,
    }


def _job(archive: Archive, record: Mapping[str, Any], object_id: str) -> NewJob | None:
    """What the archive says is to be done. The payloads of a move and of a split are as ingest/moving.py and splitting.py
    give them: here only their ends."""
    if record["status"] == DocumentStatus.RECEIVED:
        return NewJob(JobKind.OPEN, record["document_id"], payload=record.get("open_with", {}))
    split = record.get("split")
    if split is not None and not all(archive.has_receipt(part["document_id"]) for part in split["parts"]):
        return NewJob(JobKind.SPLIT, record["document_id"], payload={"split": {**split, "event": None}})
    moved = record.get("moved")
    if moved is None or not _is_left_in(archive, moved["from_object"], record["document_id"]):
        return None
    places = {"to_object": object_id, "from": dossier_of(moved["from_object"]), "to": record["dossier"]}
    return NewJob(JobKind.MOVE, record["document_id"], payload={"move": {**moved, **places, "events": []}})


def _is_left_in(archive: Archive, object_id: str, document_id: str) -> bool:
    """Whether the object that a document was moved from still has it. False where that cannot be read: it is told there."""
    try:
        state = archive.inventory(object_id).state
    except (SohoaError, *UNUSABLE) as error:
        _raise_if_store_is_away(error, archive.objects)
        return False
    return f"{document_folder(document_id)}record.json" in state


def _archived_at(record: Mapping[str, Any], committed_at: datetime) -> datetime | None:
    """A record says it of an earlier version; of its own, the commit does."""
    if record["status"] == DocumentStatus.ARCHIVED and record.get("archived_at") is None:
        return committed_at
    return None if record.get("archived_at") is None else parse_moment(record["archived_at"])


def _page_row(page: Mapping[str, Any], document_id: str, quality: Mapping[int, Any]) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "number": page["number"],
        "status": PageStatus(page["status"]),
        "code": page["code"],
        "lane": page["lane"],
        "recognise_ms": page["recognise_ms"],
        "quality": quality.get(page["number"]),
    }


def _json(objects: Objects, path: str, newest: _Newest) -> dict[str, Any]:
    if path not in newest.state:
        raise NotFound(f"{path} is missing")
    data = objects.read(f"{object_root(newest.inventory.object_id)}/{newest.content_path(path)}")
    if sha256_of(data) != newest.state[path]:
        raise DigestMismatch(f"the bytes of {path} are not those committed")
    found: dict[str, Any] = json.loads(data)
    return found


def _raise_if_store_is_away(error: Exception, objects: Objects) -> None:
    """A file that the disk cannot read is a finding; a store that does not answer at all is not."""
    if isinstance(error, StoreUnavailable):
        objects.read("ocfl/0=ocfl_1.1")
