"""What stays of an object that was disposed of: what it was, who proposed, approved and ran it, when and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sohoa.clock import isoformat, parse_moment
from sohoa.model import Actor, Sha256

_MOMENTS = ("until", "proposed_at", "approved_at", "run_at")


@dataclass(frozen=True, slots=True)
class Certificate:
    """`inventories` are the digests of v1/inventory.json, v2/inventory.json, …, which name every file by digest;
    `documents` the ids of those that were in its newest version."""

    object_id: str
    inventories: tuple[Sha256, ...]
    documents: tuple[str, ...]
    retention_class: str
    until: datetime
    reason: str
    proposed_by: Actor
    proposed_at: datetime
    approved_by: Actor
    approved_at: datetime
    run_by: Actor
    run_at: datetime

    @property
    def head(self) -> int:
        """The newest version that there was."""
        return len(self.inventories)


def certificate_to_dict(certificate: Certificate) -> dict[str, Any]:
    """A certificate as plain JSON values."""
    return asdict(certificate) | {name: isoformat(getattr(certificate, name)) for name in _MOMENTS}


def certificate_from_dict(found: dict[str, Any]) -> Certificate:
    """The certificate that :func:`certificate_to_dict` wrote."""
    moments = {name: parse_moment(found[name]) for name in _MOMENTS}
    return Certificate(
        **{
            **found,
            **moments,
            "inventories": tuple(found["inventories"]),
            "documents": tuple(found["documents"]),
        }
    )
