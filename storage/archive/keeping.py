"""How long an object is to be kept, and whether it is on legal hold: said by events in the object itself.

An event is a file of its own, `keeping/<ULID>.json` for all of the object or `documents/<id>/keeping/<ULID>.json` for one
document: a PREMIS event "policy assignment" with who, when, why and what. They are only ever added, so nobody's is lost
where two people decide at once, whatever else is written to record.json and premis.jsonl; and they go with a document
that moves. The newest event of a kind counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sohoa.clock import isoformat, parse_moment
from sohoa.errors import DigestMismatch, NotAllowed
from storage.archive.inventory import Inventory
from storage.archive.layout import object_root, sha256_of
from storage.objects.protocol import Objects

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
RETENTION, HOLD, LIFTED = "retention", "hold", "hold lifted"
_EVENT = re.compile(r"(?:documents/(?P<document_id>[^/]+)/)?keeping/(?P<ulid>[^/]+)\.json")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was decided for one document, or for all of an object. `until` is None where no retention was given, FOREVER
    where it is permanent; that day it may go."""

    retention_class: str | None = None
    until: datetime | None = None
    on_hold: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What was decided for an object as a whole, and for each of the documents in its newest version."""

    object_id: str
    whole: Kept = Kept()
    documents: Mapping[str, Kept] = field(default_factory=dict)

    @property
    def until(self) -> datetime | None:
        """The latest day that anything in it is to be kept until; None where no retention was given at all."""
        return max((each.until for each in self._all() if each.until is not None), default=None)

    @property
    def on_hold(self) -> bool:
        return any(each.on_hold for each in self._all())

    @property
    def retention_class(self) -> str:
        """The class that keeps it longest, "" where there is none."""
        given = [each for each in self._all() if each.until is not None and each.until == self.until]
        return given[0].retention_class or "" if given else ""

    def check_over(self, now: datetime) -> None:
        """Raise NotAllowed (`on_hold`, `retained`) unless all of it may go: time run out, none on hold, none without a time."""
        if self.on_hold:
            raise NotAllowed(f"{self.object_id} is on legal hold: `sohoa hold lift` first", code="on_hold")
        without = [document_id for document_id, kept in self.documents.items() if kept.until is None]
        if self.whole.until is None and (without or not self.documents):
            what = without[0] if without else self.object_id
            raise NotAllowed(f"{what} was given no retention: `sohoa retention set` first", code="retained")
        if self.until is not None and self.until > now:
            day = "for ever" if self.until == FOREVER else f"until {self.until:%Y-%m-%d}"
            raise NotAllowed(f"{self.object_id} is to be kept {day} ({self.retention_class})", code="retained")

    def _all(self) -> Iterator[Kept]:
        yield self.whole
        yield from self.documents.values()


def event_path(event_id: str, document_id: str | None) -> str:
    """Where in its object an event lies."""
    folder = "" if document_id is None else f"documents/{document_id}/"
    return f"{folder}keeping/{event_id}.json"


def retention_detail(retention_class: str, *, starting: datetime, until: datetime, reason: str) -> dict[str, Any]:
    """What the event says that gives a retention; `until` is null for what is kept for ever."""
    return {
        "decision": RETENTION,
        "class": retention_class,
        "starting": isoformat(starting),
        "until": None if until == FOREVER else isoformat(until),
        "reason": reason,
    }


def read_keeping(objects: Objects, inventory: Inventory) -> Keeping:
    """What the events in the newest version say. Raises DigestMismatch for one that is damaged: then nothing may go."""
    found: dict[str | None, list[Any]] = {}
    documents = {path.split("/")[1] for path in inventory.state if path.startswith("documents/")}
    for path in sorted(inventory.state):
        match = _EVENT.fullmatch(path)
        if match is not None:
            found.setdefault(match["document_id"], []).append((match["ulid"], _read(objects, inventory, path)))
    kept = {target: _fold([detail for _, detail in sorted(events)]) for target, events in found.items()}
    return Keeping(
        object_id=inventory.object_id,
        whole=kept.get(None, Kept()),
        documents={document_id: kept.get(document_id, Kept()) for document_id in sorted(documents)},
    )


def guard_kept(objects: Objects, inventory: Inventory, *, version: int | None = None) -> bool:
    """Tell the store what the newest version says is to be kept, so that it refuses by itself to let go of it.

    With `version`, only what that version brought is guarded, unless it brought a decision. False where the store cannot
    refuse by itself.
    """
    decisions = [path for path in inventory.state if _EVENT.fullmatch(path)]
    if not decisions:
        return True
    new = version is not None and not any(inventory.content_path(path).startswith(f"v{version}/") for path in decisions)
    keeping = read_keeping(objects, inventory)
    return objects.guard(
        object_root(inventory.object_id),
        until=keeping.until,
        hold=keeping.on_hold,
        below=f"v{version}/" if new else "",
    )


def _fold(details: list[dict[str, Any]]) -> Kept:
    """The newest decision of each kind, the oldest first in `details`."""
    retention_class, until, on_hold, reason = None, None, False, ""
    for detail in details:
        if detail["decision"] == RETENTION:
            retention_class = str(detail["class"])
            until = FOREVER if detail["until"] is None else parse_moment(detail["until"])
        else:
            on_hold = detail["decision"] == HOLD
            reason = str(detail["reason"]) if on_hold else ""
    return Kept(retention_class, until, on_hold, reason)


def _read(objects: Objects, inventory: Inventory, path: str) -> dict[str, Any]:
    data = objects.read(f"{object_root(inventory.object_id)}/{inventory.content_path(path)}")
    if sha256_of(data) != inventory.state[path]:
        raise DigestMismatch(f"{inventory.object_id}: the bytes of {path} are not those committed; restore them")
    detail: dict[str, Any] = json.loads(data)["eventDetailInformation"]["eventDetailExtension"]
    return detail
