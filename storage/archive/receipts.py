"""Receipts: what was accepted, from whom, with which digest. Created once, never changed, never deleted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sohoa.clock import isoformat, parse_moment
from sohoa.errors import DigestMismatch
from sohoa.model import Actor, DocumentId, OfficeId, Sha256, own_keys
from storage.archive.layout import receipt_key, to_json
from storage.objects.protocol import Objects


@dataclass(frozen=True, slots=True)
class Revising:
    """Which document the bytes are a new original of: to replace what it has or to follow it (a RevisionKind value)."""

    document_id: DocumentId
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class SplitFrom:
    """Which pages, from and to, of which document's original the bytes were cut out of."""

    document_id: DocumentId
    original_sha256: Sha256
    pages: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The promise given to a sender once the bytes were durable.

    `kind` is the extension of the original, `staged_key` where its bytes lay then, `declared` what the sender said of
    the paper (plain JSON values), `external_id` the sender's own name for it. With `revising` the bytes are no document
    of their own, and `document_id` is the receipt's id only: it resolves to the document that is revised. With
    `split_from` nobody brought them: a person had them cut out of another document.
    """

    document_id: DocumentId
    office: OfficeId
    dossier: str | None
    filename: str
    kind: str
    media_type: str
    sha256: Sha256
    size_bytes: int
    actor: Actor
    accepted_at: datetime
    external_id: str | None
    declared: dict[str, Any]
    staged_key: str
    revising: Revising | None = None
    split_from: SplitFrom | None = None


def write_receipt(objects: Objects, receipt: Receipt) -> None:
    """Make a receipt durable. Raises AlreadyExists where the document has one."""
    objects.create(receipt_key(receipt.document_id), receipt_bytes(receipt))


def read_receipt(objects: Objects, document_id: str) -> Receipt:
    """The receipt of a document. Raises NotFound, DigestMismatch where it cannot be what was written."""
    key = receipt_key(document_id)
    try:
        return parse_receipt(objects.read(key))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DigestMismatch(f"{key} is damaged: restore it from a copy") from None


def receipt_bytes(receipt: Receipt) -> bytes:
    """The bytes of a receipt: the same receipt always gives the same."""
    said = asdict(receipt) | {"accepted_at": isoformat(receipt.accepted_at)}
    if receipt.split_from is None:  # as receipts were before there was any
        del said["split_from"]
    return to_json(said)


def parse_receipt(data: bytes) -> Receipt:
    """The receipt in the bytes of one. Raises ValueError, KeyError or TypeError where they are something else."""
    found = json.loads(data)
    revising, split_from = found.get("revising"), found.get("split_from")
    if split_from is not None:
        first, last = split_from["pages"]
        split_from = SplitFrom(**{**own_keys(SplitFrom, split_from), "pages": (first, last)})
    told = {
        "accepted_at": parse_moment(found["accepted_at"]),
        "revising": None if revising is None else Revising(**own_keys(Revising, revising)),
        "split_from": split_from,
    }
    return Receipt(**(own_keys(Receipt, found) | told))
