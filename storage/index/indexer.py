"""Takes what the catalogue's outbox names into the search index, batch by batch; whoever holds the lease calls it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from sohoa import traces
from sohoa.clock import Clock
from sohoa.errors import EntriesRefused, IndexAway, NotFound, SohoaError, StoreUnavailable
from sohoa.model import DocumentId
from sohoa.states import DocumentStatus
from storage.archive.alto import read_alto
from storage.archive.archive import Archive
from storage.catalog import documents, outbox
from storage.catalog.database import Database
from storage.catalog.documents import Document
from storage.index.protocol import IndexEntry, SearchIndex, indexed_page

log = structlog.get_logger()


def index_outbox(database: Database, archive: Archive, index: SearchIndex, *, clock: Clock, batch: int = 100) -> int:
    """Index the documents of the oldest `batch` outbox rows; returns how many rows are done (0: nothing waits).

    Rows leave the outbox only after the index has their documents durably, so a crash repeats work and loses none. A
    document whose text cannot be read, or that the index does not take, is indexed by its names alone: it is logged,
    keeps `searchable_at` empty and holds up nobody. Raises StoreUnavailable or SetupError where the archive, the
    catalogue or the index as a whole cannot be used; the rows then wait.
    """
    started_ns = traces.now_ns()
    with database.read() as conn:
        rows = outbox.take(conn, limit=batch)
        changed = [documents.get(conn, document_id) for document_id in dict.fromkeys(row.document_id for row in rows)]
    found = [load_entry(document, archive) for document in changed if document.sequence is not None]
    taken = write_entries(index, found)
    now = clock.now()
    with database.write() as conn:
        outbox.remove(conn, rows)
        for loaded in found:
            searchable = loaded.whole and not loaded.entry.deleted and loaded.entry.document_id in taken
            documents.amend(conn, loaded.entry.document_id, now=now, searchable_at=now if searchable else None)
    for loaded in found:
        traces.add(loaded.entry.document_id, "index", started_ns=started_ns)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document ready for the index. `whole` is False where its text is in the archive and could not be read."""

    entry: IndexEntry
    whole: bool = True


def load_entry(document: Document, archive: Archive) -> Loaded:
    """The newest state of a document. Raises StoreUnavailable where the archive cannot be reached just now."""
    if document.status is DocumentStatus.WITHDRAWN:
        return Loaded(IndexEntry(document.document_id, document.sequence or 0, deleted=True))
    bare = _bare_entry(document)
    folder = f"documents/{document.document_id}/"
    opened = partial(archive.open_file, document.archived_in, version=document.version)
    try:
        with opened(f"{folder}record.json") as stream:
            fields = {**bare.fields, **_texts(json.load(stream).get("fields", {}))}
        try:
            archive.digest_of(document.archived_in, f"{folder}alto.xml.gz", version=document.version)
        except NotFound:  # held or failed: there is no text
            return Loaded(replace(bare, fields=fields))
        with opened(f"{folder}alto.xml.gz") as stream:
            pages = read_alto(gzip.decompress(stream.read()))
        return Loaded(replace(bare, fields=fields, pages=[indexed_page(page) for page in pages]))
    except StoreUnavailable:
        raise
    except (SohoaError, gzip.BadGzipFile, EOFError, zlib.error, json.JSONDecodeError, UnicodeDecodeError) as error:
        code = error.code if isinstance(error, SohoaError) else "damaged"
        log.error("index.text_unreadable", document_id=document.document_id, code=code)
        return Loaded(bare, whole=False)


def _bare_entry(document: Document) -> IndexEntry:
    """What the catalogue alone tells of a document."""
    return IndexEntry(
        document_id=document.document_id,
        sequence=document.sequence or 0,
        office=document.office,
        dossier=document.dossier,
        filename=document.source_name,
        external_id=document.external_id,
        kind=document.kind,
        status=document.status.value,
        received_at=document.received_at,
        archived_at=document.archived_at,
        fields=_texts(document.declared),
    )


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Values that can be searched: texts and numbers, given plainly or, with evidence beside them, under `value`."""
    plain = {name: value.get("value") if isinstance(value, dict) else value for name, value in values.items()}
    return {name: str(value) for name, value in plain.items() if isinstance(value, str | int) and value != ""}


def write_entries(index: SearchIndex, found: Sequence[Loaded]) -> set[DocumentId]:
    """Write all at once; what is refused, by its names alone. Returns the documents that the index took as they are."""
    entries = {loaded.entry.document_id: loaded.entry for loaded in found}
    try:
        index.write(list(entries.values()))
        return set(entries)
    except EntriesRefused as error:
        for document_id in error.document_ids:
            _write_names(index, entries.pop(DocumentId(document_id)), code=error.code)
        return set(entries)
    except IndexAway:
        raise
    except StoreUnavailable as error:  # an engine that does not say which document it was
        log.warning("index.batch_failed", code=error.code, documents=len(found))
    return {loaded.entry.document_id for loaded in found if _took_whole(index, loaded.entry)}


def _took_whole(index: SearchIndex, entry: IndexEntry) -> bool:
    """Whether the index takes a document by itself. Raises StoreUnavailable where it takes not even its names."""
    try:
        index.write([entry])
    except StoreUnavailable as error:
        _write_names(index, entry, code=error.code)
        return False
    return True


def _write_names(index: SearchIndex, entry: IndexEntry, *, code: str) -> None:
    """Let a document be found by its names at least, and hold up nobody where not even these are taken."""
    with suppress(EntriesRefused):
        index.write([replace(entry, fields={}, pages=())])
    log.error("index.document_failed", document_id=entry.document_id, code=code)
