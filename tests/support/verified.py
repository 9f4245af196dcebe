"""An archive with papers of every ending, to be verified and spoilt."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from ingest.decisions import withdraw
from sohoa.model import Actor
from sohoa.states import DocumentStatus
from storage.archive.verify import VerifyReport, verify_archive, verify_one
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.index import open_index
from storage.stores import Stores
from tests.support.archived import Api

DOSSIER = "000.00.05.H02-230105-0001"


def fill(api: Api) -> dict[str, Document]:
    """A dossier of three papers (one of them withdrawn: four versions), a loose paper, one held, one failed, one only
    received; all of them indexed."""
    found = {name: api.archive(api.receive(dossier=DOSSIER)) for name in ("first", "second", "third")}
    found["loose"] = api.archive(api.receive())
    found["held"] = api.stop(api.receive(dossier=DOSSIER + "9"), DocumentStatus.HELD, code="encrypted")
    found["failed"] = api.stop(api.receive(), DocumentStatus.FAILED, code="no_page_read")
    found["withdrawn"] = withdraw(api.stores, found.pop("third"), actor=Actor("person:lan"), reason="scanned twice")
    found["received"] = api.receive()
    api.index()
    with api.stores.database.read() as connection:
        return {name: documents.get(connection, document.document_id) for name, document in found.items()}


def verified(stores: Stores, object_id: str | None = None, *, sample: int = 0) -> VerifyReport:
    """What `sohoa verify` finds; PDFs are not looked into."""
    with open_index(stores.settings) as index:
        if object_id is not None:
            return verify_one(stores, index, object_id, check_pdf=lambda path, conformance: None)
        return verify_archive(
            stores, index, check_pdf=lambda path, conformance: None, sample=sample, chance=random.Random(1)
        )


def codes(report: VerifyReport) -> list[str]:
    return sorted({found.code for found in report.findings})


def snapshot(root: Path) -> dict[str, str]:
    """The digest of every file of a store."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def flip(path: Path, place: int, *, bit: int = 0) -> None:
    """Flip one bit of a file (`place` counts bytes, from the end if negative) behind the store's back."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.chmod(0o640)
    path.write_bytes(data)


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o640)
    path.write_bytes(data)
