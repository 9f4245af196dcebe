"""`sohoa retention` and `sohoa hold`: how long documents and dossiers are kept."""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import Any

from ingest import keeping
from ingest.keeping import Decided
from sohoa.cli.context import identify, opened
from sohoa.clock import isoformat
from sohoa.errors import BadRequest
from storage.archive.keeping import FOREVER, Kept


def run_retention(
    named: str, retention_class: str, *, starting: str | None, reason: str, as_json: bool, as_actor: str | None
) -> None:
    """Give a retention and say until when that is."""
    first = None if starting is None else _day(starting)
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        target = keeping.find_target(stores, named, office=identity.office)
        decided = keeping.set_retention(
            stores, target, retention_class, starting=first, actor=identity.actor, reason=reason
        )
    _print(decided, as_json=as_json)


def run_hold(named: str, *, lift: bool, reason: str, as_json: bool, as_actor: str | None) -> None:
    """Set or lift a hold."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="admin")
        target = keeping.find_target(stores, named, office=identity.office)
        decide = keeping.lift_hold if lift else keeping.set_hold
        decided = decide(stores, target, actor=identity.actor, reason=reason)
    _print(decided, as_json=as_json)


def show(named: str, *, as_json: bool, as_actor: str | None) -> None:
    """What holds for all of an object and for each of its documents."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="read")
        target = keeping.find_target(stores, named, office=identity.office)
        found = keeping.show(stores, target)
    if as_json:
        shown = {
            "object_id": found.object_id,
            "whole": _kept_json(found.whole),
            "documents": {document_id: _kept_json(kept) for document_id, kept in found.documents.items()},
        }
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
        return
    for name, kept in (("all of it", found.whole), *found.documents.items()):
        sys.stdout.write(f"{name}: {_said(kept)}\n")


def _print(decided: Decided, *, as_json: bool) -> None:
    target = decided.target
    if as_json:
        shown = {"object_id": target.object_id, "document_id": target.document_id, "guarded": decided.guarded}
        sys.stdout.write(json.dumps(shown | _kept_json(decided.kept), ensure_ascii=False) + "\n")
        return
    lines = [f"{target.document_id or target.object_id}: {_said(decided.kept)}"]
    if not decided.guarded:
        lines.append("The store does not refuse by itself to delete it: the bucket has no Object Lock (lock=no).")
    sys.stdout.write("\n".join(lines) + "\n")


def _kept_json(kept: Kept) -> dict[str, Any]:
    permanent = kept.until == FOREVER
    return {
        "class": kept.retention_class,
        "permanent": permanent,
        "until": None if permanent or kept.until is None else isoformat(kept.until),
        "on_hold": kept.on_hold,
    }


def _said(kept: Kept) -> str:
    if kept.until is None:
        said = "no retention given"
    else:
        day = "kept for ever" if kept.until == FOREVER else f"kept until {kept.until:%Y-%m-%d}"
        said = f"{day} ({kept.retention_class})"
    return f"{said}, on hold: {kept.reason}" if kept.on_hold else said


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"--starting {text!r} is no day: write YYYY-MM-DD") from None
