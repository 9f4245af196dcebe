"""The form of an index in Elasticsearch, and a document in it.

Terms come ready made (terms.py) and are parted at white space by the one analyser that every Elasticsearch has; nothing else
of the engine's language handling is used. A deleted document is a document as well: `live` false, with its version, for
Elasticsearch forgets a delete after a while (`gc_deletes`) and would take an older write for a new document.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import asdict
from typing import Any

from storage.index.elastic_place import Place
from storage.index.protocol import FACETS, IndexEntry
from storage.index.stored_hit import head_of
from storage.index.stored_pages import pack_pages
from storage.index.terms import MOMENTS, facet_values, moments_of, terms_of

FORM = 1
"""Raise it with every change of _PROPERTIES or of what is put into a field: an index of another form is not used."""
_LONGEST_TERM = 120
"""The analyser cuts at 255 UTF-16 units; no word is so long, but what OCR makes of an ornament may be."""
_TOO_LONG = re.compile(f"[^ ]{{{_LONGEST_TERM + 1},}}")
_LONGEST_FACET = 8000
_TEXT = {"type": "text", "analyzer": "whitespace"}
_PROPERTIES: dict[str, dict[str, Any]] = {
    "id": {"type": "keyword"},
    "office": {"type": "keyword"},
    "live": {"type": "boolean"},
    "exact": _TEXT,
    "folded": _TEXT,
    "pairs": _TEXT | {"index_options": "freqs"},
    "codes": _TEXT | {"index_options": "docs", "norms": False},
    "title": _TEXT,
    "attributes": _TEXT | {"norms": False},
    **{moment: {"type": "long"} for moment in MOMENTS},
    **{f"facet_{facet}": {"type": "keyword", "ignore_above": _LONGEST_FACET} for facet in FACETS},
    "head": {"type": "binary", "store": True},
    "pages": {"type": "binary", "store": True},
}
REFRESHED = "5s"
"""A net only: every write makes itself visible (elastic.py)."""


def body_of(place: Place) -> dict[str, Any]:
    """Settings and mappings of a new index. Nothing but `head` and `pages` is kept of what is sent.

    An office's documents lie together, so that a search under its token skips those of all others. An index that was made
    without that order is no other form: it finds the same, slower.
    """
    return {
        "settings": {
            "number_of_shards": place.shards,
            "number_of_replicas": place.replicas,
            "refresh_interval": REFRESHED,
            "sort.field": ["office"],
        },
        "mappings": {
            "dynamic": "strict",
            "_source": {"enabled": False},
            "_meta": {"form": FORM},
            "properties": _PROPERTIES,
        },
    }


def lines_of(entry: IndexEntry) -> bytes:
    """Two lines of a bulk request: the document, which gives way to one of a higher version. The same version again
    replaces it, for a text that could not be read the first time has no new number."""
    action = {"index": {"_id": entry.document_id, "version": entry.sequence, "version_type": "external_gte"}}
    lines = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in (action, _document(entry)))
    return lines.encode(errors="replace")


def term(word: str) -> str:
    """A term as it is indexed and asked for: one that is longer than the analyser allows by its beginning and digest."""
    if len(word) <= _LONGEST_TERM:
        return word
    return f"{word[: _LONGEST_TERM // 2]}#{hashlib.sha256(word.encode()).hexdigest()[:32]}"


def _document(entry: IndexEntry) -> dict[str, Any]:
    if entry.deleted:
        return {"id": entry.document_id, "live": False}
    terms = {
        field: _TOO_LONG.sub(lambda found: term(found.group()), text) for field, text in asdict(terms_of(entry)).items()
    }
    return {
        "id": entry.document_id,
        "live": True,
        "office": entry.office,
        **terms,
        **moments_of(entry),
        **{f"facet_{facet}": value for facet, value in facet_values(entry).items()},
        "head": base64.b64encode(head_of(entry)).decode(),
        "pages": base64.b64encode(pack_pages(entry.pages)).decode(),
    }
