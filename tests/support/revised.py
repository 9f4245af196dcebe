"""Documents with real renditions, cheaply: born-digital letters that go through every stage and no engine."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.receive import Intake, receive
from ingest.revising import revise
from sohoa.model import Actor
from sohoa.states import RevisionKind
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.stores import Stores
from tests.support.office import letter
from tests.support.steps import go_on

LAN, MAI = Actor("person:lan"), Actor("person:mai")


def letter_bytes(*pages: str) -> bytes:
    """A born-digital PDF with a line a page."""
    with tempfile.TemporaryDirectory() as folder:
        return letter(Path(folder) / "letter.pdf", pages).read_bytes()


def received(stores: Stores, data: bytes, *, filename: str = "scan.tif", dossier: str | None = None) -> Document:
    """A paper taken in and worked on to its end by the real stages."""
    accepted = receive(
        io.BytesIO(data),
        Intake(filename=filename, office="H02", dossier=dossier, actor=LAN),
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    )
    go_on(stores)
    return now_of(stores, accepted.document)


def archived(stores: Stores, *pages: str, dossier: str | None = None) -> Document:
    """A letter that went through all stages."""
    return received(stores, letter_bytes(*pages), filename="đơn.pdf", dossier=dossier)


def revise_with(
    stores: Stores,
    document: Document,
    data: bytes,
    *,
    kind: RevisionKind = RevisionKind.REPLACE,
    filename: str = "quét lại.pdf",
    reason: str = "mờ",
) -> Document:
    """The document once the bytes are accepted as its new original."""
    return revise(stores, document, io.BytesIO(data), kind=kind, filename=filename, actor=MAI, reason=reason).document


def now_of(stores: Stores, document: Document) -> Document:
    with stores.database.read() as connection:
        return documents.get(connection, document.document_id)


def read(stores: Stores, document: Document, name: str) -> bytes:
    """One of the document's files in its object's newest version."""
    with stores.archive.open_file(document.archived_in, f"documents/{document.document_id}/{name}") as stream:
        return stream.read()


def names_of(stores: Stores, document: Document) -> set[str]:
    """The names of the document's files in its object's newest version."""
    folder = f"documents/{document.document_id}/"
    return {path.removeprefix(folder) for path in stores.archive.files(document.archived_in, below=folder)}


def record_of(stores: Stores, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(stores, document, "record.json"))
    return found


def events_of(stores: Stores, document: Document) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(stores, document, "premis.jsonl").splitlines()]


def kinds_of(events: Sequence[dict[str, Any]]) -> list[str]:
    return [str(event["eventType"]) for event in events]
