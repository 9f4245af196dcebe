"""Documents as the archive, their receipts, the catalogue and the index have them: do all four tell the same?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sohoa.clock import isoformat
from sohoa.errors import NotFound, SohoaError
from sohoa.states import DocumentStatus
from storage.archive.archive import Archive
from storage.archive.commit import sha256_of_key
from storage.archive.layout import object_id_of, receipt_key
from storage.archive.receipts import Receipt, parse_receipt, receipt_bytes
from storage.archive.verify_findings import VerifyFinding, finding
from storage.archive.verify_ledger import LedgerRead
from storage.archive.verify_objects import ObjectChecked
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.index.protocol import SearchIndex
from storage.stores import Stores

_IN_WORK = (DocumentStatus.RECEIVED, DocumentStatus.RECOGNISED)
_ENDED = {DocumentStatus.ARCHIVED, DocumentStatus.HELD, DocumentStatus.FAILED, DocumentStatus.WITHDRAWN}


@dataclass(slots=True)
class ArchivedDocument:
    """A document in the newest version of an object.

    `files` are its names with their digests, `changed` is the version that changed it last, `originals` every original
    that it has had in any version.
    """

    document_id: str
    object_id: str
    files: dict[str, str]
    changed: int
    originals: set[str] = field(default_factory=set)


def documents_in(checked: ObjectChecked) -> dict[str, ArchivedDocument]:
    """The documents in an object's newest version, by id."""
    inventory, object_id = checked.report.inventory, checked.report.object_id
    if inventory is None or object_id is None or inventory.head is None:
        return {}
    numbered = sorted((int(name[1:]), block) for name, block in inventory.versions.items() if name[1:].isdigit())
    changed: dict[str, int] = {}
    originals: dict[str, set[str]] = {}
    before: set[tuple[str, str]] = set()
    for number, block in numbered:
        now = set(block.state.items())
        for path, digest in before ^ now:
            document_id, name = _parted(path)
            if document_id is None:
                continue
            changed[document_id] = number
            if name.startswith("original"):
                originals.setdefault(document_id, set()).add(digest)
        before = now
    found: dict[str, ArchivedDocument] = {}
    for path, digest in before:
        document_id, name = _parted(path)
        if document_id is not None:
            document = found.setdefault(
                document_id,
                ArchivedDocument(document_id, object_id, {}, changed[document_id], originals.get(document_id, set())),
            )
            document.files[name] = digest
    return found


def compare_row(
    archive: Archive, document: ArchivedDocument, row: Document | None, ledger: LedgerRead, *, is_busy: bool
) -> Iterator[VerifyFinding]:
    """A document in the archive against its row in the catalogue. `is_busy`: somebody is at work on it."""
    document_id = document.document_id
    if row is None:
        yield finding("not_in_catalog", document_id, f"it is in {document.object_id}")
        return
    if {row.archived_in, object_id_of(document_id, row.dossier)} != {document.object_id}:
        detail = f"the archive has it in {document.object_id}"
        yield finding("catalog_pending" if is_busy else "catalog_disagrees", document_id, detail)
    named = ledger.named.get(document.object_id, {}).get(document.changed)
    if row.version != document.changed or (named is not None and named.sequence != row.sequence):
        detail = f"the catalogue has version {row.version}, the archive {document.changed}"
        yield finding("catalog_pending" if is_busy else "catalog_disagrees", document_id, detail)
        return
    if row.status in _IN_WORK and is_busy:
        return
    if row.original_sha256 not in document.files.values():
        yield finding("catalog_disagrees", document_id, "the original's digest is another in the archive")
    if row.status is DocumentStatus.ARCHIVED and document.files.get("document.pdf") != row.pdf_sha256:
        yield finding("catalog_disagrees", document_id, "the PDF's digest is another in the archive")
    yield from _compare_record(archive, document, row)


def compare_receipt(
    archive: Archive, document_id: str, originals: set[str] | None, row: Document | None
) -> Iterator[VerifyFinding]:
    """A document's receipt against the archive (`originals`, None where it is not there yet) and its row."""
    key = receipt_key(document_id)
    try:
        receipt = read_receipt(archive, key)
    except NotFound:
        yield finding("receipt_missing", key, f"document {document_id} has none")
        return
    if receipt is None or receipt.document_id != document_id:
        yield finding("receipt_damaged", key, "it is not a receipt as Sohoa writes them")
        return
    if originals is not None and receipt.sha256 not in originals:
        yield finding("receipt_disagrees", key, "the archive has no original with the receipt's digest")
    if row is None:
        return
    said: dict[str, tuple[Any, Any]] = {
        "office": (receipt.office, row.office),
        "filename": (receipt.filename, row.source_name),
        "media_type": (receipt.media_type, row.media_type),
        "actor": (receipt.actor, row.actor),
        "accepted_at": (isoformat(receipt.accepted_at), isoformat(row.received_at)),
        "external_id": (receipt.external_id, row.external_id),
        "declared": (receipt.declared, row.declared),
    }
    if row.original_sha256 == receipt.sha256:  # else the scan was replaced since
        said["size_bytes"] = (receipt.size_bytes, row.original_size_bytes)
        said["kind"] = (receipt.kind, row.kind)
    wrong = [name for name, (receipts, catalogues) in said.items() if receipts != catalogues]
    if receipt.dossier != row.dossier and not _was_in(archive, document_id, receipt.dossier):
        wrong.append("dossier")
    if receipt.staged_key != f"staging/{document_id}/original.{receipt.kind}":
        wrong.append("staged_key")
    if wrong:
        yield finding("receipt_disagrees", key, f"the catalogue says otherwise of: {', '.join(wrong)}")


def receipt_findings(stores: Stores, document_id: str) -> Iterator[VerifyFinding]:
    """A document's receipt against its row alone."""
    with stores.database.read() as connection:
        row = documents.get_many(connection, [document_id]).get(document_id)
    yield from compare_receipt(stores.archive, document_id, None, row)


def find_original(archive: Archive, document_id: str) -> Iterator[VerifyFinding]:
    """The staged original of an accepted document that is not committed yet, with the receipt's digest."""
    receipt = read_receipt(archive, receipt_key(document_id))
    if receipt is None:
        return  # told as receipt_damaged
    try:
        sha256, _ = sha256_of_key(archive.objects, receipt.staged_key)
    except NotFound:
        yield finding("original_missing", document_id, f"{receipt.staged_key} is gone")
        return
    if sha256 != receipt.sha256:
        yield finding("original_damaged", receipt.staged_key, f"document {document_id} was accepted with other bytes")


def compare_index(rows: Mapping[str, Document], waiting: set[str], index: SearchIndex) -> Iterator[VerifyFinding]:
    """What the index has of each document that it should have; `waiting` are in the outbox."""
    expected = {document_id: row for document_id, row in rows.items() if row.sequence is not None}
    sequences: Mapping[str, int] = index.sequences(expected) if expected else {}
    for document_id, row in expected.items():
        indexed = sequences.get(document_id)
        if document_id in waiting:
            yield finding("index_pending", document_id, "it waits in the outbox")
        elif indexed is None:
            yield finding("not_in_index", document_id, f"the index does not have it; it is {row.status}")
        elif indexed != row.sequence:
            yield finding("index_behind", document_id, f"the index has {indexed}, the catalogue {row.sequence}")
        elif row.searchable_at is None and row.status is not DocumentStatus.WITHDRAWN:
            yield finding("not_searchable", document_id, "the index has only its names")


def read_receipt(archive: Archive, key: str) -> Receipt | None:
    """A receipt, None where the bytes cannot be what was written. Raises NotFound."""
    data = archive.objects.read(key)
    try:
        receipt = parse_receipt(data)
        return receipt if receipt_bytes(receipt) == data else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _compare_record(archive: Archive, document: ArchivedDocument, row: Document) -> Iterator[VerifyFinding]:
    where = f"documents/{document.document_id}/record.json"
    try:
        with archive.open_file(document.object_id, where) as stream:
            record = json.loads(stream.read())
    except (SohoaError, ValueError):  # a file that is gone or damaged was told with the object
        return
    said = {
        "document_id": row.document_id,
        "office": row.office,
        "dossier": row.dossier,
        "status": row.status.value,
        "external_id": row.external_id,
        "declared": row.declared,
        "actor": row.actor,
    }
    if row.status not in _ENDED:
        del said["status"]
    wrong = [name for name, value in said.items() if name in record and record[name] != value]
    original: Any = record.get("original")
    if isinstance(original, dict) and original.get("sha256", row.original_sha256) != row.original_sha256:
        wrong.append("original")
    if wrong:
        yield finding("record_disagrees", document.document_id, f"they differ in: {', '.join(wrong)}")


def _was_in(archive: Archive, document_id: str, dossier: str | None) -> bool:
    """Whether some version of that dossier's object (or of the document's own) has had the document: then it was moved."""
    try:
        versions = archive.inventory(object_id_of(document_id, dossier)).versions
    except SohoaError:
        return False
    return any(path.startswith(f"documents/{document_id}/") for version in versions for path in version.state)


def _parted(path: str) -> tuple[str | None, str]:
    folder, _, rest = path.partition("/")
    document_id, _, name = rest.partition("/")
    return (document_id, name) if folder == "documents" and name else (None, path)
