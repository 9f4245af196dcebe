"""The ledger's head as it is given away, and the ledger held against one given away earlier.

Whoever can write to the archive could write the whole chain anew from some entry on. A head that lies elsewhere (printed,
mailed, with another office) shows it: up to its number the chain must still end in its digest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sohoa.clock import isoformat
from sohoa.errors import BadRequest, NotFound
from storage.archive.archive import Archive
from storage.archive.layout import ledger_key, sha256_of
from storage.archive.verify_findings import VerifyFinding, finding
from storage.archive.verify_ledger import LedgerRead, read_on
from storage.objects.protocol import Objects


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """Number, digest and moment of the ledger's newest entry; all digests before it are in it."""

    sequence: int
    sha256: str
    recorded_at: str

    def to_json(self) -> dict[str, str | int]:
        return {"sequence": self.sequence, "sha256": self.sha256, "recorded_at": self.recorded_at}


def published_head(archive: Archive) -> PublishedHead | None:
    """The head as it is now, None while nothing was ever committed."""
    sequence = archive.ledger.head()
    if not sequence:
        return None
    entry = archive.ledger.entry(sequence)
    return PublishedHead(sequence, entry.sha256, isoformat(entry.recorded_at))


def parse_head(text: str) -> PublishedHead:
    """The head in what `sohoa ledger head --json` printed. Raises BadRequest."""
    try:
        found = json.loads(text)
        head = PublishedHead(int(found["sequence"]), str(found["sha256"]), str(found["recorded_at"]))
    except (ValueError, KeyError, TypeError):
        raise BadRequest("this is no published head: give a file that `sohoa ledger head --json` wrote") from None
    if head.sequence < 1:
        raise BadRequest("this is no published head: its sequence is not a number of an entry")
    return head


def check_against(objects: Objects, published: PublishedHead) -> tuple[LedgerRead, list[VerifyFinding]]:
    """Read the whole chain, and tell what is wrong with it and where it departs from the published head."""
    ledger, key = LedgerRead(), ledger_key(published.sequence)
    findings = list(read_on(objects, ledger))
    try:
        sha256 = sha256_of(objects.read(key))
    except NotFound:
        findings.append(finding("head_missing", key, f"entry {published.sequence} was published and is not there"))
    else:
        if sha256 != published.sha256:
            findings.append(finding("head_differs", key, "this entry is not the one whose digest was published"))
    return ledger, findings
