"""An archive with papers of every ending, to be verified and spoilt."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from ingest.decisions import withdraw
from sohoa.model import Actor
from sohoa.states import DocumentStatus
from storage.archive.layout import ledger_key, object_id_of, object_root, receipt_key
from storage.archive.verify import VerifyReport, verify_archive, verify_one
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.index import open_index
from storage.stores import Stores
from tests.support.archived import Api

DOSSIER = "000.00.05.H02-230105-0001"
OBJECT = object_id_of("", DOSSIER)
KINDS = (
    "original.png", "document.pdf", "text.txt", "alto.xml.gz", "record.json", "premis.jsonl", "quality.json",
)  # fmt: skip


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


def kinds_of_files(papers: dict[str, Document]) -> dict[str, str]:
    """One file of every kind in the store, by its key."""
    folder = f"v1/content/documents/{papers['first'].document_id}"
    root = object_root(OBJECT)
    return {
        **{name: f"{root}/{folder}/{name}" for name in KINDS},
        "dossier.json": f"{root}/v1/content/dossier.json",
        "version inventory": f"{root}/v2/inventory.json",
        "version sidecar": f"{root}/v2/inventory.json.sha256",
        "newest inventory": f"{root}/v4/inventory.json",
        "root inventory": f"{root}/inventory.json",
        "root sidecar": f"{root}/inventory.json.sha256",
        "object declaration": f"{root}/0=ocfl_object_1.1",
        "storage root declaration": "ocfl/0=ocfl_1.1",
        "layout": "ocfl/ocfl_layout.json",
        "layout parameters": "ocfl/extensions/0004-hashed-n-tuple-storage-layout/config.json",
        "receipt": receipt_key(papers["first"].document_id),
        "receipt of a paper in work": receipt_key(papers["received"].document_id),
        "first ledger entry": ledger_key(1),
        "ledger entry": ledger_key(3),
        "staged original": f"staging/{papers['received'].document_id}/original.png",
    }


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


def cut(path: Path, size_bytes: int) -> None:
    """Leave so many bytes of a file, under this name alone: what else shares its bytes keeps them."""
    data = path.read_bytes()[:size_bytes]
    path.unlink()
    path.write_bytes(data)
    path.chmod(0o440)
