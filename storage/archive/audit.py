"""The read audit: viewings, entered from the catalogue into the hash-chained daily files `audit/` (chain.py).

An entry is {viewings: [{id, at, actor, through, what, page, documents, outcome}]}, and {missing: {key, sha256}} where the
entry that had been written last was gone from the archive when it was written (docs/decisions/0017-read-audit.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sohoa.clock import isoformat, parse_moment
from sohoa.errors import DigestMismatch, NotFound
from storage.archive.chain import Break, Chain, Link, read_chain
from storage.archive.layout import sha256_of
from storage.archive.verify_findings import VerifyFinding, finding
from storage.catalog import viewings
from storage.catalog.viewings import Entered, Viewing
from storage.objects.protocol import Objects
from storage.stores import Stores

NAME = "audit"
MOST_IN_ENTRY = 500
LATE_AFTER = timedelta(hours=1)
"""A viewing that waits longer than this is told by `verify`; while anything runs it is entered within a minute or two."""
_CLOCKS_DIFFER = timedelta(minutes=10)
"""By so much an entry's moment may lie before those of the viewings in it."""


def audit_chain(stores: Stores) -> Chain:
    return Chain(stores.archive.objects, stores.clock, NAME)


def enter_waiting(stores: Stores, chain: Chain, *, has_lease: Callable[[], bool]) -> int:
    """Enter all viewings that wait; returns how many. Each is entered once, whoever dies or does the same meanwhile.

    Raises StoreUnavailable, and DigestMismatch where the newest entry was altered: then nothing is written after it.
    """
    count = 0
    while has_lease():
        # The head first: what is taken after it and is in no entry up to it can only be in one that refuses ours.
        head = chain.head()
        with stores.database.read() as connection:
            waiting = viewings.take(connection, limit=MOST_IN_ENTRY)
            last = viewings.last_entered(connection)
        if not waiting:
            break
        known = _known(chain, since=min(each.viewed_at for each in waiting) - _CLOCKS_DIFFER)
        new = [each for each in waiting if each.viewing_id not in known]
        link = head
        if new:
            gone = {} if last is None or _is_there(stores.archive.objects, last) else {"missing": _entry_to_dict(last)}
            link = chain.append_after(head, {"viewings": [viewing_to_dict(each) for each in new], **gone})
        if link is None:  # somebody else was faster
            continue
        with stores.database.write() as connection:
            viewings.entered(connection, [each.viewing_id for each in waiting], entry=Entered(link.key, link.sha256))
        count += len(new)
    return count


def read_audit(stores: Stores, *, since: datetime | None = None) -> Iterator[tuple[Viewing, bool]]:
    """Every viewing since a moment, newest entry first, and whether the audit has it or it still waits.

    Raises DigestMismatch where the chain is broken.
    """
    with stores.database.read() as connection:
        waiting = viewings.take(connection, limit=1_000_000)
    seen = set()
    for link in audit_chain(stores).newest_first():
        if since is not None and link.recorded_at < since - _CLOCKS_DIFFER:
            break
        for viewing in reversed(list(viewings_of(link))):
            seen.add(viewing.viewing_id)
            if since is None or viewing.viewed_at >= since:
                yield viewing, True
    for viewing in reversed(waiting):
        if viewing.viewing_id not in seen and (since is None or viewing.viewed_at >= since):
            yield viewing, False


def audit_findings(stores: Stores) -> Iterator[VerifyFinding]:
    """What is wrong with the audit: its chain, its end as the catalogue knows it, and how long viewings wait."""
    with stores.database.read() as connection:
        oldest_at = viewings.oldest_at(connection)
        last = viewings.last_entered(connection)
    seen: dict[str, str] = {}
    digests: dict[str, str] = {}
    for link in read_chain(stores.archive.objects, NAME):
        if isinstance(link, Break):
            yield finding("audit_broken", link.key, link.detail)
            continue
        digests[link.key] = link.sha256
        try:
            found = list(viewings_of(link))
        except DigestMismatch as error:
            yield finding("audit_broken", link.key, error.detail)
            continue
        if "missing" in link.body:
            yield finding(
                "audit_cut", link.key, f"when it was written, the one before was gone: {link.body['missing']}"
            )
        for viewing in found:
            if viewing.viewing_id in seen:
                detail = f"viewing {viewing.viewing_id} is in {seen[viewing.viewing_id]} already"
                yield finding("audit_twice", link.key, detail)
            seen[viewing.viewing_id] = link.key
    if last is not None and digests.get(last.key) != last.sha256:
        if last.key in digests:
            yield finding("audit_broken", last.key, "it is not what was written")
        else:
            yield finding("audit_cut", last.key, "the entry that was written last is gone")
    if oldest_at is not None and stores.clock.now() - oldest_at > LATE_AFTER:
        yield finding("audit_late", NAME, f"a viewing waits since {isoformat(oldest_at)}")


def viewings_of(link: Link) -> Iterator[Viewing]:
    """The viewings in an entry, in their order. Raises DigestMismatch where it is something else."""
    try:
        for found in () if link.next_day is not None else link.body["viewings"]:
            yield Viewing(
                viewing_id=str(found["id"]),
                viewed_at=parse_moment(found["at"]),
                actor=found["actor"],
                through=found["through"],
                what=found["what"],
                page=found["page"],
                documents=tuple(found["documents"]),
                outcome=found["outcome"],
            )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DigestMismatch(f"{link.key} is not an entry of the audit as Sohoa writes them") from None


def viewing_to_dict(viewing: Viewing) -> dict[str, Any]:
    """A viewing as plain JSON values."""
    return {
        "id": viewing.viewing_id,
        "at": isoformat(viewing.viewed_at),
        "actor": viewing.actor,
        "through": viewing.through,
        "what": viewing.what,
        "page": viewing.page,
        "documents": list(viewing.documents),
        "outcome": viewing.outcome,
    }


def _known(chain: Chain, *, since: datetime) -> set[str]:
    """Ids in the newest entry and in all that were written since a moment.

    Older ones cannot have a viewing that was only made then; the newest may hold what its writer, killed, did not drop.
    """
    known: set[str] = set()
    for number, link in enumerate(chain.newest_first()):
        if number > 0 and link.recorded_at < since:
            break
        known.update(viewing.viewing_id for viewing in viewings_of(link))
    return known


def _is_there(objects: Objects, entry: Entered) -> bool:
    """Whether the entry that was written last is in the archive. Raises DigestMismatch where it was altered."""
    try:
        data = objects.read(entry.key)
    except NotFound:
        return False
    if sha256_of(data) != entry.sha256:
        raise DigestMismatch(f"{entry.key} is not what was written: restore it from a copy; viewings wait until then")
    return True


def _entry_to_dict(entry: Entered) -> Mapping[str, str]:
    return {"key": entry.key, "sha256": entry.sha256}
