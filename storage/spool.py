"""Where intake keeps originals and receipts while the archive's S3 server is away: a folder of this machine.

Laid out as staging is: `staging/<document_id>/original.EXT`, and beside it `receipt.json`, the promise. A paper is in the
spool as long as its receipt is. ocr_workers/spool_duty.py carries it to the archive, on this machine: no other can. So each
spool has a mark of its own, in the file `mark`, and the job of a paper says in which one it waits.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sohoa.errors import AlreadyExists, DigestMismatch, NotFound, Refused
from sohoa.settings import Settings
from storage.archive.commit import StagedFile
from storage.archive.layout import STAGING, document_folder, staging_prefix
from storage.archive.receipts import Receipt, parse_receipt, receipt_bytes
from storage.objects import open_objects
from storage.objects.protocol import Objects

_RECEIPT = "receipt.json"
_MARK = "mark"
ORPHANED_AFTER_S = 3600.0
"""An original so old without a receipt was promised to nobody: its intake was refused, or killed before the receipt."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How many papers wait, and the bytes of all that lies in the spool."""

    papers: int
    size_bytes: int


def open_spool(settings: Settings) -> Spool | None:
    """The spool of these settings; None where the archive is a folder of this machine, which cannot be away."""
    if not settings.archive_url.startswith("s3:"):
        return None
    return Spool(
        settings.home.absolute() / "spool",
        most_bytes=settings.spool_max_bytes,
        min_free_bytes=settings.min_free_bytes,
    )


class Spool:
    """One folder, which threads and processes of one machine share. It is made when first used."""

    def __init__(self, folder: Path, *, most_bytes: int, min_free_bytes: int) -> None:
        self.folder = folder
        self._most_bytes = most_bytes
        self._min_free_bytes = min_free_bytes
        self._objects: Objects | None = None
        self._mark: str | None = None

    @property
    def objects(self) -> Objects:
        """The folder as a store: what it has written is fsynced. Raises StoreUnavailable, SetupError."""
        if self._objects is None:
            self._objects = open_objects(self.folder)
        return self._objects

    @property
    def mark(self) -> str:
        """What this spool is called, unlike any other; made up when it is first asked for. Raises StoreUnavailable."""
        if self._mark is None:
            with suppress(AlreadyExists):
                self.objects.create(_MARK, secrets.token_hex(8).encode())
            self._mark = self.objects.read(_MARK).decode()
        return self._mark

    # at intake

    def check_room(self, size_bytes: int) -> None:
        """Raise Refused where so many bytes more are too many for the spool (`spool_full`) or its disk (`disk_low`)."""
        if self.usage().size_bytes + size_bytes > self._most_bytes:
            raise Refused(
                f"the archive's store is away and the spool would hold more than {self._most_bytes:,} bytes: "
                "bring the store back, or raise SOHOA_SPOOL_MAX_BYTES",
                code="spool_full",
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        if shutil.disk_usage(self.folder).free - size_bytes < self._min_free_bytes:
            raise Refused(
                f"the archive's store is away and the spool's disk would have less than {self._min_free_bytes:,} bytes "
                "left: bring the store back, or free some space",
                code="disk_low",
            )

    def stage(self, document_id: str, name: str, source: BinaryIO) -> StagedFile:
        """Keep an original durably; the answer is what the archive's own staging would say. Raises StoreUnavailable."""
        key = staging_prefix(document_id) + name
        stored = self.objects.create(key, source)
        return StagedFile(document_folder(document_id) + name, key, stored.sha256, stored.size_bytes)

    def write_receipt(self, receipt: Receipt) -> None:
        """Make the promise durable: from now on the paper is in the spool. Raises AlreadyExists, StoreUnavailable."""
        self.objects.create(staging_prefix(receipt.document_id) + _RECEIPT, receipt_bytes(receipt))

    def has_receipt(self, document_id: str) -> bool:
        """Whether the paper is in the spool."""
        return (self.folder / staging_prefix(document_id) / _RECEIPT).is_file()

    def clear_staging(self, document_id: str) -> None:
        """Forget a paper, the receipt first: what is left of it then is nobody's."""
        for key in sorted(self.objects.list(staging_prefix(document_id)), reverse=True):
            self.objects.delete(key)

    # afterwards

    def usage(self) -> Usage:
        """What waits in the spool just now."""
        papers = size_bytes = 0
        for path in self.folder.glob("staging/*/*"):
            with suppress(FileNotFoundError):  # carried since it was listed
                size_bytes += path.stat().st_size
                papers += path.name == _RECEIPT
        return Usage(papers, size_bytes)

    def document_ids(self) -> Iterator[str]:
        """The papers in the spool, the oldest first."""
        for path in sorted(self.folder.glob(f"staging/*/{_RECEIPT}")):
            yield path.parent.name

    def read_receipt(self, document_id: str) -> Receipt:
        """The receipt of a paper. Raises NotFound where it is not in the spool, DigestMismatch where it is damaged."""
        data = self.objects.read(staging_prefix(document_id) + _RECEIPT)
        try:
            receipt = parse_receipt(data)
        except (ValueError, KeyError, TypeError):
            receipt = None
        if receipt is None or receipt.document_id != document_id:
            raise DigestMismatch(f"the spool's receipt of {document_id} is not what was written: look at its disk")
        return receipt

    def open_original(self, document_id: str, *, start: int = 0, end: int | None = None) -> BinaryIO:
        """A paper's original, from byte `start` up to, without, `end`. Raises NotFound where it is not in the spool."""
        if not self.has_receipt(document_id):
            raise NotFound(f"{document_id} is not in the spool")
        return self.objects.open(self.read_receipt(document_id).staged_key, start=start, end=end)

    def drop_orphans(self) -> None:
        """Forget originals that nobody was given a receipt for, an hour after they came, and what killed writers left."""
        before_s = time.time() - ORPHANED_AFTER_S
        for path in self.folder.glob(f"{STAGING}*/original.*"):
            document_id = path.parent.name
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before_s and not self.has_receipt(document_id):
                    self.clear_staging(document_id)
        if self.folder.exists():
            self.objects.drop_leftovers()
