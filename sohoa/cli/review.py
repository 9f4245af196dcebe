"""`sohoa review`: the queue, taking a paper, saying what stands on it, and how second checks agree."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from rich.console import Console
from rich.table import Table

from ingest import reviewing, splitting
from ingest.reviewing import Correction
from sohoa.cli.context import Identity, find, identify, opened, print_json
from sohoa.cli.validate_ocfl import sayable
from sohoa.errors import BadRequest, NotFound
from sohoa.states import WantedKind
from storage.catalog import reviews
from storage.catalog.documents import Document
from storage.presentation import document_json, waiting_json
from storage.stores import Stores
from storage.viewing import record_refusal, record_viewing


def run_list(*, office: str | None, type_name: str | None, wanted: str | None, limit: int, as_json: bool) -> None:
    """The queue, oldest first."""
    kind = None if wanted is None else _kind(wanted)
    with opened() as stores:
        identity = identify(stores, None, scope="review")
        with stores.database.read() as connection:
            found = reviews.waiting(
                connection,
                now=stores.clock.now(),
                office=_office(stores, identity, office),
                type_name=type_name,
                wanted=kind,
                limit=limit,
            )
    items = [waiting_json(document, claim) for document, claim in found.items]
    if as_json:
        print_json({"items": items, "total": found.total})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("RECEIVED", "DOCUMENT", "TYPE", "WHY", "UNSURE", "BEFORE"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("RECEIVED", "DOCUMENT"))
    for item in items:
        who = "" if item["claim"] is None else sayable(item["claim"]["actor"])
        why, count = ", ".join(item["reasons"]), len(item["unsure"])
        unsure = f"{count} fields" if count > 1 else "".join(item["unsure"])
        type_shown = sayable(item["type_name"] or "")
        table.add_row(item["received_at"][:16].replace("T", " "), item["document_id"], type_shown, why, unsure, who)
    Console().print(table)
    sys.stdout.write(f"{len(items)} of {found.total} papers that wait\n")


def run_next(*, office: str | None, type_name: str | None, as_json: bool, as_actor: str | None) -> None:
    """Take the oldest paper that nobody has."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        with stores.database.write() as connection:
            document = reviews.claim_next(
                connection,
                actor=identity.actor,
                now=stores.clock.now(),
                lease_s=stores.settings.review_lease_s,
                office=_office(stores, identity, office),
                type_name=type_name,
            )
        if document is None:
            if as_json:
                print_json(None)
            else:
                sys.stdout.write("nothing waits\n")
            return
        _show(stores, identity, document, as_json=as_json)


def run_show(document_id: str, *, as_json: bool, as_actor: str | None) -> None:
    """One paper whole."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        _show(stores, identity, _find(stores, document_id, identity), as_json=as_json)


def run_claim(document_id: str, *, as_json: bool, as_actor: str | None) -> None:
    """Take one paper."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        document = _find(stores, document_id, identity)
        with stores.database.write() as connection:
            taken = reviews.claim(
                connection,
                document.document_id,
                actor=identity.actor,
                now=stores.clock.now(),
                lease_s=stores.settings.review_lease_s,
            )
        _show(stores, identity, taken, as_json=as_json)


def run_release(document_id: str, *, as_json: bool, as_actor: str | None) -> None:
    """Give one paper back."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        document = _find(stores, document_id, identity)
        with stores.database.write() as connection:
            back = reviews.give_back(connection, document.document_id, actor=identity.actor, now=stores.clock.now())
        if as_json:
            print_json(waiting_json(back, None))
        else:
            sys.stdout.write(f"{back.document_id} is in the queue again\n")


def run_confirm(
    document_id: str,
    *,
    said: Sequence[str],
    unreadable: Sequence[str],
    version: int | None,
    as_json: bool,
    as_actor: str | None,
) -> None:
    """Say that the fields are right, but for what is said."""
    corrections = {name: Correction(value) for name, value in map(_parted, said)}
    corrections |= {name: Correction(None) for name in unreadable}
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        seen = _seen(_find(stores, document_id, identity), version)
        after = reviewing.confirm(stores, seen, actor=identity.actor, corrections=corrections)
    _told(after, as_json=as_json)


def run_ask(
    document_id: str,
    what: str,
    *,
    reason: str,
    pages: Sequence[int],
    version: int | None,
    as_json: bool,
    as_actor: str | None,
) -> None:
    """Say what must be done before the paper can be confirmed."""
    kind = _kind(what)
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        seen = _seen(_find(stores, document_id, identity), version)
        after = reviewing.ask_for(stores, seen, kind, actor=identity.actor, reason=reason, pages=pages)
    _told(after, as_json=as_json)


def run_rotate(
    document_id: str,
    typed: Sequence[str],
    *,
    reason: str,
    version: int | None,
    as_json: bool,
    as_actor: str | None,
) -> None:
    """Turn pages."""
    turns = {page: turn_deg for each in typed for page, turn_deg in _turns(each)}
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        seen = _seen(_find(stores, document_id, identity), version)
        after = reviewing.ask_for(stores, seen, WantedKind.ROTATE, actor=identity.actor, reason=reason, turns=turns)
    if as_json:
        print_json(waiting_json(after, None))
        return
    pages = ", ".join(f"page {page} by {turn_deg}°" for page, turn_deg in sorted(turns.items()))
    sys.stdout.write(
        f"{after.document_id} version {after.version}: {pages}; it stays as it is until it is read again; "
        "`sohoa work` (or a running `sohoa serve`) does the rest\n"
    )


def run_split(
    document_id: str,
    begins: Sequence[int],
    *,
    reason: str,
    version: int | None,
    as_json: bool,
    as_actor: str | None,
) -> None:
    """Make several documents of one: where it is told or, without, where a person has asked for it or the machine proposes it."""
    with opened() as stores:
        identity = identify(stores, as_actor, scope="review")
        seen = _seen(_find(stores, document_id, identity), version)
        if not begins:
            begins = _asked_or_proposed(stores, seen)
            if not begins:
                raise BadRequest("nothing is proposed for it: say with --at on which page another paper begins")
        after = splitting.split(stores, seen, begins=begins, actor=identity.actor, reason=reason)
    if as_json:
        print_json(document_json(after, source=after.source_name, archive=None))
        return
    for part in after.split_into:
        first, last = part.pages
        sys.stdout.write(f"{part.document_id}  pages {first} to {last}\n")
    sys.stdout.write(
        f"{after.document_id} was split into these {len(after.split_into)} documents and is out of use; "
        "`sohoa work` (or a running `sohoa serve`) reads them\n"
    )


def _asked_or_proposed(stores: Stores, document: Document) -> list[int]:
    if document.split_into:  # asked again
        return [part.pages[0] for part in document.split_into]
    if document.wanted is not None and document.wanted.kind == WantedKind.SPLIT:
        return list(document.wanted.pages)
    return [one["page"] for one in splitting.proposed(stores.archive, document)]


def run_agreement(*, office: str | None, as_json: bool) -> None:
    """By the first check's actor and field."""
    with opened() as stores:
        identity = identify(stores, None, scope="review")
        with stores.database.read() as connection:
            found = reviews.agreement(connection, office=_office(stores, identity, office))
    if as_json:
        print_json([{**asdict(one), "share": round(one.share, 4)} for one in found])
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("ACTOR", "FIELD", "CHECKED TWICE", "AGREED"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(sayable(one.actor), sayable(one.field), str(one.checked), f"{one.share:.1%}")
    Console().print(table)


def _show(stores: Stores, identity: Identity, document: Document, *, as_json: bool) -> None:
    """The paper whole: that somebody looked at it is kept first."""
    with stores.database.read() as connection:
        document, claim = reviews.claim_shown(connection, document.document_id, now=stores.clock.now())
    record_viewing(stores, identity.actor, document.document_id, through="cli", what="fields")
    waiting = waiting_json(document, claim)
    splits = splitting.proposed(stores.archive, document)
    if as_json:
        whole = document_json(document, source=document.source_name, archive=None, whole=True)
        print_json({"waiting": waiting, "document": whole, "splits": splits})
        return
    sys.stdout.write(f"{document.document_id} version {document.version}: {', '.join(waiting['reasons']) or 'done'}\n")
    table = Table(box=None, pad_edge=False)
    for heading in ("FIELD", "VALUE", "CONFIDENCE", "ORIGIN", "PAGES"):
        table.add_column(heading, overflow="fold")
    for name, one in document.fields.items():
        pages = ", ".join(map(str, dict.fromkeys(place["page"] for place in one["evidence"])))
        sure = f"{one['confidence']:.2f}" + ("" if one["accepted"] else " ?")
        table.add_row(name, _text(one), sure, one["origin"], pages)
    for name in waiting["unsure"]:
        if name not in document.fields:
            table.add_row(name, "not read", "?", "", "")
    Console().print(table)
    if splits:
        pages = ", ".join(str(one["page"]) for one in splits)
        sys.stdout.write(f"another paper may begin on page {pages}: `sohoa review split {document.document_id}`\n")


def _told(document: Document, *, as_json: bool) -> None:
    if as_json:
        print_json(waiting_json(document, None))
        return
    then = f"waits for {document.wanted.kind}" if document.wanted is not None else f"review is {document.review}"
    sys.stdout.write(f"{document.document_id} version {document.version}: {then}\n")


def _find(stores: Stores, document_id: str, identity: Identity) -> Document:
    try:
        return find(stores, document_id, identity)
    except NotFound:
        record_refusal(stores, identity.actor, document_id.strip().upper(), through="cli", what="fields")
        raise


def _seen(document: Document, version: int | None) -> Document:
    return document if version is None else replace(document, version=version)


def _office(stores: Stores, identity: Identity, asked: str | None) -> str | None:
    return identity.office if asked is None else identity.office_for(asked, stores.settings)


def _parted(said: str) -> tuple[str, str]:
    name, sign, value = said.partition("=")
    if not sign:
        raise BadRequest("--set needs FIELD=VALUE")
    return name.strip(), value


_TURN = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?=([0-9]{1,3})")


def _turns(typed: str) -> Iterator[tuple[int, int]]:
    found = _TURN.fullmatch(typed.replace(" ", ""))
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise BadRequest(f"--turn needs PAGE=DEGREES, as 2=90 or 3-8=180; {typed!r} is not", code="bad_turn")
    first, last, turn_deg = int(found[1]), int(found[2] or found[1]), int(found[3])
    return ((page, turn_deg) for page in range(first, last + 1))


def _kind(typed: str) -> WantedKind:
    try:
        return WantedKind(typed)
    except ValueError:
        raise BadRequest(f"{typed!r} is none of {', '.join(WantedKind)}") from None


def _text(one: dict[str, Any]) -> str:
    return "(nothing)" if one["value"] is None else "\n".join(map(sayable, one["value"].splitlines()))
