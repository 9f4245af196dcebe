"""Where everything lies: keys of the store, OCFL object ids and roots, and the files that make `ocfl/` a storage root.

OCFL 1.1 (https://ocfl.io/1.1/spec/), layout extension 0004 with its defaults, digestAlgorithm sha256.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any
from urllib.parse import quote, unquote

from sohoa.errors import BadRequest
from sohoa.model import Sha256

_LAYOUT = "0004-hashed-n-tuple-storage-layout"
_DOSSIER = "urn:sohoa:dossier:"
_DOCUMENT = "urn:sohoa:document:"

OCFL = "ocfl/"
ROOT = "ocfl/0=ocfl_1.1"
"""What makes a store an archive."""
MOVED = "moved.json"
"""In a document's own object, after it moved into a dossier: where it went."""
PLACE = "place.json"
"""Beside `ocfl/`, once the archive was moved from or to another store: whether it lies here (storage/moving/marks.py)."""
INTENTS = "intents/"
STAGING = "staging/"
RECEIPTS = "receipts/"
DISPOSALS = "disposals/"
CHAINS = ("fixity/", "audit/")
"""Hash-chained daily files, beside the ledger."""


def to_json(value: Any) -> bytes:
    """The one spelling of a JSON value in the archive: keys sorted, no spaces, UTF-8, a line feed at the end."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()


def sha256_of(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


def root_files() -> dict[str, bytes]:
    """Key and bytes of what makes the folder `ocfl/` an OCFL 1.1 storage root (spec section 4)."""
    layout = {
        "extension": _LAYOUT,
        "description": "SHA-256 of the object id, three folders of three digits, the whole digest",
    }
    config = {
        "extensionName": _LAYOUT,
        "digestAlgorithm": "sha256",
        "tupleSize": 3,
        "numberOfTuples": 3,
        "shortObjectRoot": False,
    }
    return {
        ROOT: b"ocfl_1.1\n",
        "ocfl/ocfl_layout.json": to_json(layout),
        f"ocfl/extensions/{_LAYOUT}/config.json": to_json(config),
    }


def object_id_of(document_id: str, dossier: str | None) -> str:
    """The OCFL object a document belongs to: its dossier's, or its own. Codes are NFC and percent-encoded as RFC 8141
    asks.

    Raises BadRequest for a dossier code that is empty or has control characters.
    """
    if dossier is None:
        return _DOCUMENT + document_id
    code = unicodedata.normalize("NFC", dossier).strip()
    if not code or any(unicodedata.category(letter).startswith("C") for letter in code):
        raise BadRequest("a dossier code must have at least one character and no control characters")
    return _DOSSIER + quote(code, safe="/:")


def dossier_of(object_id: str) -> str | None:
    """The dossier code in an object id, None where the object is no dossier."""
    return unquote(object_id.removeprefix(_DOSSIER)) if object_id.startswith(_DOSSIER) else None


def document_folder(document_id: str) -> str:
    """Where in its object a document's files are, with a slash at the end."""
    return f"documents/{document_id}/"


def object_root(object_id: str) -> str:
    """Key of an object's root folder, without a slash at the end (extension 0004)."""
    return root_of_digest(sha256_of(object_id.encode()))


def root_of_digest(digest: str) -> str:
    """Key of the root folder of the object whose id has this SHA-256."""
    return f"ocfl/{digest[0:3]}/{digest[3:6]}/{digest[6:9]}/{digest}"


def intent_key(object_id: str, version: int) -> str:
    return f"{INTENTS}{sha256_of(object_id.encode())}/v{version}.json"


def pins_prefix(object_id: str, version: int) -> str:
    """Where the bytes for a version wait under their digests, unchangeable, until it is committed."""
    return f"{INTENTS}{sha256_of(object_id.encode())}/v{version}/"


def disposal_prefix(object_id: str) -> str:
    """Where the proposals for disposing of an object lie, and the certificate."""
    return f"{DISPOSALS}{sha256_of(object_id.encode())}/"


def staging_prefix(document_id: str) -> str:
    return f"{STAGING}{document_id}/"


def receipt_key(document_id: str) -> str:
    return f"receipts/{document_id}.json"


def ledger_key(sequence: int) -> str:
    """Key of a ledger entry: a thousand to a folder, named by its millions and thousands."""
    return f"ledger/{sequence // 1_000_000 % 1000:03d}/{sequence // 1000 % 1000:03d}/{sequence:012d}.json"
