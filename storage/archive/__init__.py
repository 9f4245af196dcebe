"""The archive: OCFL objects, receipts, intents and the ledger (design.md, "The archive")."""

from __future__ import annotations

from storage.archive.archive import Archive, ArchivedFile
from storage.archive.commit import Recorded, StagedFile
from storage.archive.layout import object_id_of
from storage.archive.ledger import Commit
from storage.archive.receipts import Receipt

__all__ = ["Archive", "ArchivedFile", "Commit", "Receipt", "Recorded", "StagedFile", "object_id_of"]
