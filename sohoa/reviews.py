"""What people said of a document's fields, and what is still wanted of it (docs/glossary.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sohoa.model import Actor, own_keys


@dataclass(frozen=True, slots=True)
class Check:
    """One person's look at a document's fields, which says that they are right as they are after it. These are also the
    keys in record.json.

    `check` is 1, or 2 for the second look that a share of papers gets; `at` is RFC 3339. `fields` are the names of all
    that were looked at, `changed` of those whose value this check changed, `unreadable` of those that nobody can read.
    """

    check: int
    actor: Actor
    at: str
    fields: tuple[str, ...]
    changed: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is still to be done about a document, and why. These are also the keys in record.json.

    `kind` is a WantedKind value; `actor` who wants it, `at` since when (RFC 3339), `pages` which pages it is about, counted
    from 1 (for a split: those that begin a paper of their own). `turns` are those pages with how far each is to be turned:
    90, 180 or 270 degrees clockwise from how it is shown; empty where nobody has said it.
    """

    kind: str
    actor: Actor
    at: str
    reason: str = ""
    pages: tuple[int, ...] = ()
    turns: tuple[tuple[int, int], ...] = ()


def check_to_dict(check: Check) -> dict[str, Any]:
    """A check as plain JSON values."""
    return {
        "check": check.check,
        "actor": check.actor,
        "at": check.at,
        "fields": list(check.fields),
        "changed": list(check.changed),
        "unreadable": list(check.unreadable),
    }


def checks_from(said: Iterable[dict[str, Any]] | None) -> tuple[Check, ...]:
    """The checks that :func:`check_to_dict` wrote."""
    listed = ("fields", "changed", "unreadable")
    return tuple(Check(**{**own_keys(Check, one), **{name: tuple(one[name]) for name in listed}}) for one in said or ())


def wanted_to_dict(wanted: Wanted | None) -> dict[str, Any] | None:
    """What is wanted as plain JSON values."""
    if wanted is None:
        return None
    about = {"kind": wanted.kind, "actor": wanted.actor, "at": wanted.at, "reason": wanted.reason}
    turns = {"turns": {str(page): turn_deg for page, turn_deg in wanted.turns}} if wanted.turns else {}
    return {**about, "pages": list(wanted.pages), **turns}


def wanted_from(said: dict[str, Any] | None) -> Wanted | None:
    """What :func:`wanted_to_dict` wrote."""
    if said is None:
        return None
    turns = tuple((int(page), turn_deg) for page, turn_deg in said.get("turns", {}).items())
    return Wanted(**{**own_keys(Wanted, said), "pages": tuple(said["pages"]), "turns": turns})
