"""An archive of small papers, and a second store to copy it to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sohoa.clock import FixedClock, SystemClock
from sohoa.model import Actor, DocumentId, OfficeId
from storage.archive import Archive, Receipt
from storage.archive.layout import sha256_of
from storage.objects import open_objects
from storage.objects.protocol import Objects
from storage.replicate.replicate import Replicated, replicate
from tests.support.crash import commit_staged, stage_paper

DOSSIER = "000.00.05.H02-230105-0001"
COPIED = ("ocfl/", "receipts/", "ledger/", "fixity/")


def archive_in(root: Path) -> Archive:
    archive = Archive(open_objects(root), SystemClock())
    archive.initialise()
    return archive


def receive_paper(archive: Archive, document_id: str, dossier: str | None = None) -> None:
    """A paper that was accepted and is not committed yet."""
    staged = stage_paper(archive, document_id)
    archive.write_receipt(
        Receipt(
            document_id=DocumentId(document_id),
            office=OfficeId("H02"),
            dossier=dossier,
            filename="giấy.jpg",
            kind="jpg",
            media_type="image/jpeg",
            sha256=staged[0].sha256,
            size_bytes=staged[0].size_bytes,
            actor=Actor("person:lan"),
            accepted_at=FixedClock().now(),
            external_id=None,
            declared={},
            staged_key=staged[0].key,
        )
    )


def add_paper(archive: Archive, document_id: str, dossier: str | None = None) -> None:
    """A paper that is committed, with its receipt."""
    receive_paper(archive, document_id, dossier)
    commit_staged(archive, document_id, dossier)
    archive.clear_staging(document_id)


def amend_paper(archive: Archive, document_id: str, dossier: str | None, record: bytes) -> None:
    """One more version of the object of a paper, with another record."""
    stage_paper(archive, document_id, record=record)
    commit_staged(archive, document_id, dossier)
    archive.clear_staging(document_id)


def copy_to(source: Objects, target: Objects, **how: Any) -> Replicated:
    return replicate(source, target, SystemClock(), copiers=1, **how)


def contents(objects: Objects) -> dict[str, str]:
    """Digest by key of all that a copy must have."""
    return {key: sha256_of(objects.read(key)) for prefix in COPIED for key in objects.list(prefix)}
