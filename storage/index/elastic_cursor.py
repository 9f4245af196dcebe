"""Where a search in Elasticsearch goes on: after the last hit, and from the second page on in the index as it was then.

A first page costs nothing to keep; who asks for the next one gets a point in time, which lives for KEPT and as long again
with every page. So everybody who walks on sees every hit once, however many there are and whatever is indexed meanwhile.
Elasticsearch's name for such a point has up to 200 characters a shard, most of them the same for each: a cursor is deflated.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass

from sohoa.errors import BadQuery
from storage.index.protocol import MOST_CURSOR_CHARACTERS

KEPT = "2m"
KEPT_S = 120.0
SEARCH_TIMEOUT_S = 3.0
"""How long anybody waits for an answer to a search."""
_MOST_BYTES = 64_000
"""Of what is deflated in it."""
OVER = "the cursor is not one that a search gave, or its time is over: start again without it"


@dataclass(frozen=True, slots=True)
class Cursor:
    """After the hit with this `value` of what is sorted by and this id; `seen` hits have been given. `point` is
    Elasticsearch's name for the point in time, "" before there is one."""

    order: str
    value: float
    document_id: str
    seen: int
    point: str = ""

    def __str__(self) -> str:
        parts = [self.order, self.value, self.document_id, self.seen, self.point]
        deflated = zlib.compress(json.dumps(parts, separators=(",", ":")).encode())
        return base64.urlsafe_b64encode(deflated).decode().rstrip("=")


def parse_cursor(text: str, *, order: str) -> Cursor:
    """The cursor that a search sorted by `order` gave. Raises BadQuery for any other text."""
    try:
        if not text.isascii() or len(text) > MOST_CURSOR_CHARACTERS:
            raise ValueError
        deflated = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = json.loads(zlib.decompressobj().decompress(deflated, _MOST_BYTES))
        found_order, value, document_id, seen, point = parts
        kinds = (isinstance(value, int | float), isinstance(document_id, str), isinstance(seen, int))
        if found_order != order or not all(kinds) or not isinstance(point, str):
            raise ValueError
        return Cursor(order, value, document_id, seen, point)
    except (ValueError, TypeError, RecursionError, binascii.Error, zlib.error):
        raise BadQuery(OVER) from None
