"""Documents as the archive, their receipts, the catalogue and the index have them: do all four tell the same?"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sohoa.clock import isoformat
from sohoa.errors import DigestMismatch, NotFound, SohoaError
from sohoa.reviews import check_to_dict, wanted_to_dict
from sohoa.states import DocumentStatus, JobKind, Review
from storage.archive import description
from storage.archive.archive import Archive
from storage.archive.disposal import certificate_in_ledger
from storage.archive.layout import document_folder, object_id_of, object_root, receipt_key
from storage.archive.receipts import Receipt, parse_receipt, receipt_bytes
from storage.archive.verify_findings import VerifyFinding, finding
from storage.archive.verify_ledger import LedgerRead
from storage.archive.verify_objects import ObjectChecked
from storage.archive.versions import sha256_of_key
from storage.catalog import disposed, documents
from storage.catalog.documents import Document
from storage.index.protocol import SearchIndex
from storage.stores import Stores

_IN_WORK = (DocumentStatus.RECEIVED, DocumentStatus.RECOGNISED)
_ENDED = {DocumentStatus.ARCHIVED, DocumentStatus.HELD, DocumentStatus.FAILED, DocumentStatus.WITHDRAWN}

_OF_AN_ORIGINAL = ("filename", "media_type", "sha256", "size_bytes")


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
    record: dict[str, Any] = field(default_factory=dict)
    """Its record.json, empty where that cannot be read: a file that is gone or damaged is told with its object."""

    @property
    def is_replaced(self) -> bool:
        """Whether the original that it has is not the one that it came in as."""
        return _is_replaced(self.record, self.document_id)


def _is_replaced(record: Mapping[str, Any], document_id: str) -> bool:
    original = record.get("original")
    return isinstance(original, dict) and original.get("receipt", document_id) != document_id


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
            if document_id is None or name.startswith("keeping/"):  # a decision leaves the document as it was
                continue
            changed[document_id] = number
            if name.startswith(("original", "revisions/")):
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


def read_record(archive: Archive, document: ArchivedDocument) -> None:
    """Read what a document says of itself, and of originals that it had in other objects before it was moved."""
    where = f"{document_folder(document.document_id)}record.json"
    try:
        with archive.open_file(document.object_id, where) as stream:
            found = json.loads(stream.read())
    except (SohoaError, ValueError):
        return
    document.record = found if isinstance(found, dict) else {}
    for before in _dicts(document.record.get("replaced")):
        if before.get("object_id") != document.object_id:
            document.originals |= _originals_before(archive, document.document_id, before)


def compare_revisions(archive: Archive, document: ArchivedDocument) -> Iterator[VerifyFinding]:
    """The receipts of a document's later originals, got through or not, against the archive."""
    for receipt_id, said in revisions_of(document).items():
        key = receipt_key(receipt_id)
        try:
            receipt = read_receipt(archive, key)
        except NotFound:
            yield finding("receipt_missing", key, f"document {document.document_id} has an original under it")
            continue
        if receipt is None or receipt.document_id != receipt_id:
            yield finding("receipt_damaged", key, "it is not a receipt as Sohoa writes them")
            continue
        wrong = [name for name, value in said.items() if getattr(receipt, name) != value]
        if receipt.revising is None or receipt.revising.document_id != document.document_id:
            wrong.append("revising")
        if receipt.sha256 not in document.originals:
            wrong.append("sha256")
        if wrong:
            detail = f"document {document.document_id} says otherwise of: {', '.join(dict.fromkeys(wrong))}"
            yield finding("receipt_disagrees", key, detail)


def revisions_of(document: ArchivedDocument) -> dict[str, dict[str, Any]]:
    """The receipts of all originals but the first, and what the archive says of what came under each."""
    said: dict[str, dict[str, Any]] = {}
    for name, digest in document.files.items():
        if name.startswith("revisions/"):
            said[name.split("/")[1]] = {"sha256": digest}
    for state in (*_dicts(document.record.get("replaced")), document.record):
        for one in (*_dicts([state.get("original")]), *_dicts(state.get("appended"))):
            if one.get("receipt", document.document_id) != document.document_id:
                said[one["receipt"]] = {name: one.get(name) for name in _OF_AN_ORIGINAL}
    return said


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
        if is_busy:  # it is being moved
            return
    named = ledger.named.get(document.object_id, {}).get(document.changed)
    if row.version != document.changed or (named is not None and named.sequence != row.sequence):
        detail = f"the catalogue has version {row.version}, the archive {document.changed}"
        yield finding("catalog_pending" if is_busy else "catalog_disagrees", document_id, detail)
        return
    if row.status in _IN_WORK and is_busy:
        return
    if row.original_sha256 not in document.files.values():
        yield finding("catalog_disagrees", document_id, "the original's digest is another in the archive")
    if any(document.files.get(one.path) != one.sha256 for one in row.appended):
        yield finding("catalog_disagrees", document_id, "the digest of an appended original is another in the archive")
    if row.status is DocumentStatus.ARCHIVED and document.files.get("document.pdf") != row.pdf_sha256:
        yield finding("catalog_disagrees", document_id, "the PDF's digest is another in the archive")
    yield from _compare_record(document, row)


def compare_receipt(
    archive: Archive, document_id: str, originals: Collection[str] | None, row: Document | None, *, replaced: bool
) -> Iterator[VerifyFinding]:
    """A document's receipt against the archive (`originals`, None where it is not there yet) and its row. `replaced`:
    the row tells of another original by now."""
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
        "actor": (receipt.actor, row.actor),
        "accepted_at": (isoformat(receipt.accepted_at), isoformat(row.received_at)),
        "external_id": (receipt.external_id, row.external_id),
        "declared": (receipt.declared, row.declared),
    }
    if not replaced:
        said["filename"] = (receipt.filename, row.source_name)
        said["media_type"] = (receipt.media_type, row.media_type)
        said["sha256"] = (receipt.sha256, row.original_sha256)
        said["size_bytes"] = (receipt.size_bytes, row.original_size_bytes)
        said["kind"] = (receipt.kind, row.kind)
    wrong = [name for name, (receipts, catalogues) in said.items() if receipts != catalogues]
    if receipt.dossier != row.dossier and not (disposed.is_gone(row) or _was_in(archive, document_id, receipt.dossier)):
        wrong.append("dossier")
    if receipt.staged_key != f"staging/{document_id}/original.{receipt.kind}":
        wrong.append("staged_key")
    if wrong:
        yield finding("receipt_disagrees", key, f"the catalogue says otherwise of: {', '.join(wrong)}")


def receipt_findings(stores: Stores, document_id: str) -> Iterator[VerifyFinding]:
    """A document's receipt against its row alone."""
    with stores.database.read() as connection:
        row = documents.get_many(connection, [document_id]).get(document_id)
    found = list(compare_receipt(stores.archive, document_id, None, row, replaced=False))
    if found and row is not None and row.version is not None and _has_another_original(stores.archive, row):
        found = list(compare_receipt(stores.archive, document_id, None, row, replaced=True))
    yield from found


def _has_another_original(archive: Archive, row: Document) -> bool:
    """Whether the archive has the document with another original than the one it came in as. A record that cannot be
    read is told with its object."""
    try:
        record = description.read_record(archive, row.archived_in, row.document_id)
    except (NotFound, DigestMismatch, ValueError):
        return True
    return _is_replaced(record, row.document_id)


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
        elif indexed is None and row.status is DocumentStatus.WITHDRAWN:
            continue  # an index that was made since does not need to be told
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


def _compare_record(document: ArchivedDocument, row: Document) -> Iterator[VerifyFinding]:
    record = document.record
    said = {
        "document_id": row.document_id,
        "office": row.office,
        "dossier": row.dossier,
        "status": row.status.value,
        "external_id": row.external_id,
        "declared": row.declared,
        "fields": row.fields,
        "review": Review.NEEDED.value if row.review is Review.CLAIMED else row.review.value,
        "checks": [check_to_dict(one) for one in row.checks],
        "wanted": wanted_to_dict(row.wanted),
        "actor": row.actor,
        "appended": [asdict(one) for one in row.appended],
        "revision": None if row.revision is None else asdict(row.revision),
    }
    if row.revision is not None and (row.revision.status in _IN_WORK or row.revision.stage == JobKind.COMMIT):
        del said["revision"]  # the archive does not know of it yet
    if row.status not in _ENDED:
        del said["status"]
    wrong = [name for name, value in said.items() if name in record and record[name] != value]
    original: Any = record.get("original")
    own = {"sha256": row.original_sha256, "size_bytes": row.original_size_bytes, "filename": row.source_name}
    if isinstance(original, dict) and any(original.get(name, value) != value for name, value in own.items()):
        wrong.append("original")
    if wrong:
        yield finding("record_disagrees", document.document_id, f"they differ in: {', '.join(wrong)}")


def _originals_before(archive: Archive, document_id: str, before: dict[str, Any]) -> set[str]:
    """The digests of a document's originals in the version that had them last; what the record says of them where that
    object was disposed of since."""
    try:
        if certificate_in_ledger(archive.objects, archive.ledger, object_root(before["object_id"])) is not None:
            said = (*_dicts([before.get("original")]), *_dicts(before.get("appended")))
            return {str(one.get("sha256")) for one in said}
        state = archive.inventory(before["object_id"]).versions[before["version"] - 1].state
    except (SohoaError, ValueError, KeyError, TypeError, IndexError):
        return set()
    return {digest for path, digest in state.items() if path.startswith(f"{document_folder(document_id)}original")}


def _dicts(values: Any) -> list[dict[str, Any]]:
    """Those of a JSON list that are objects; nothing of what is no list."""
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _was_in(archive: Archive, document_id: str, dossier: str | None) -> bool:
    """Whether some version of that dossier's object (or of the document's own) has had the document: then it was moved. Of
    one that was disposed of since, that cannot be told."""
    object_id = object_id_of(document_id, dossier)
    if certificate_in_ledger(archive.objects, archive.ledger, object_root(object_id)) is not None:
        return True
    try:
        versions = archive.inventory(object_id).versions
    except SohoaError:
        return False
    return any(path.startswith(f"documents/{document_id}/") for version in versions for path in version.state)


def _parted(path: str) -> tuple[str | None, str]:
    folder, _, rest = path.partition("/")
    document_id, _, name = rest.partition("/")
    return (document_id, name) if folder == "documents" and name else (None, path)
