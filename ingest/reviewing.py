"""What people say of a document's fields: right as they are, corrected, not to be read; or that it must be scanned anew first.

Each is a version of the archive (record and PREMIS event, with who and which fields, never their values), carried out as a
decision (decisions.py), so that one whose process dies is finished by any worker. A share of papers is checked by a second
person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from ingest.decisions import carry_out, check_reason, take
from sohoa.clock import isoformat, process_owner
from sohoa.errors import BadRequest, Conflict
from sohoa.fields import check_name, clean_value, mask_ids
from sohoa.mandatory import mandatory_fields
from sohoa.model import Actor, DocumentId, Evidence, Field, Revision, field_from_dict, field_to_dict
from sohoa.reviews import Check, Wanted, check_to_dict, wanted_to_dict
from sohoa.states import DocumentStatus, Origin, Review, RevisionKind, WantedKind
from storage.archive import premis
from storage.archive.premis import EventType
from storage.catalog import documents, reviews, revisions
from storage.catalog.documents import Document
from storage.stores import Stores

FIRST, SECOND, LATER = 1, 2, 3
"""`Check.check`: the first look, that of a second person, and a correction of a paper that was done."""
_NAMES = frozenset({"signer_name", "owner_name", "applicant_name"})
_MOST_REASON = 500
_TURNS = (90, 180, 270)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says that a field is; None: nobody can read it. `evidence` is where it stands, None: where it stood."""

    value: str | None
    evidence: tuple[Evidence, ...] | None = None


def confirm(
    stores: Stores,
    document: Document,
    *,
    actor: Actor,
    corrections: Mapping[str, Correction] | None = None,
) -> Document:
    """Say that a document's fields are right, but for `corrections`, and right with these.

    `document` is as the actor saw it. Raises Conflict where it has changed since (`conflict`), is being worked on (`busy`),
    is before another (`claimed`), or the actor has made its first check (`same_actor`); BadRequest for values that cannot be
    (`bad_value`), and where a mandatory field is neither there nor said to be unreadable (`incomplete`).
    """
    corrections = _cleaned(corrections or {}, pages=document.pages_total or 0)

    def decide(current: Document, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        before = {name: field_from_dict(one) for name, one in current.fields.items()}
        after = {name: replace(one, accepted=True) for name, one in before.items()}
        after |= {name: _corrected(name, one, before.get(name)) for name, one in corrections.items()}
        _check_complete(after)
        check = Check(
            check=_number(current),
            actor=actor,
            at=isoformat(now),
            fields=tuple(sorted(after)),
            changed=tuple(name for name in sorted(after) if _value(before.get(name)) != after[name].value),
            unreadable=tuple(sorted(name for name, one in corrections.items() if one.value is None)),
        )
        again = check.check == FIRST and is_drawn(current.document_id, stores.settings.second_check_share)
        wanted = Wanted(WantedKind.SECOND_CHECK.value, actor, isoformat(now)) if again else None
        says = {
            "fields": {name: field_to_dict(one) for name, one in after.items()},
            "review": (Review.NEEDED if again else Review.DONE).value,
            "checks": [check_to_dict(one) for one in (*current.checks, check)],
            "wanted": wanted_to_dict(wanted),
        }
        told = {"check": check.check, "changed": list(check.changed), "unreadable": list(check.unreadable)}
        return says, told

    return _decide(stores, document, decide, actor=actor)


def ask_for(
    stores: Stores,
    document: Document,
    kind: WantedKind,
    *,
    actor: Actor,
    reason: str,
    pages: Sequence[int] = (),
    turns: Mapping[int, int] | None = None,
) -> Document:
    """Say that a paper must be split, turned or scanned again before it can be confirmed; it goes on waiting, as that.

    A rescan is then done by replacing (revising.py), a split by splitting (splitting.py). Where `turns` say how far each page
    is to be turned (90, 180 or 270 degrees clockwise from how it is shown), the document is read again so, beside itself, from
    the original that it has. Raises as :func:`confirm` does, BadRequest (`no_such_page`, `bad_turn`), and Conflict
    (`several_originals`) where pages were appended to it.
    """
    turns = turns or {}
    check_asked(reason)
    if kind is WantedKind.SECOND_CHECK:
        raise BadRequest("a second check is drawn by lot, nobody asks for it")
    if turns:
        _check_turns(kind, turns)
        pages = tuple(turns)
    _check_pages(kind, pages, total=document.pages_total or 0)
    receipt = DocumentId(stores.clock.new_ulid())

    def decide(current: Document, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        if turns and current.appended:
            raise Conflict(
                f"document {current.document_id} has pages that were appended to it: its pages cannot be turned here; "
                "replace it by a scan that stands right",
                code="several_originals",
            )
        why = mask_ids(reason.strip())
        told_turns = tuple(sorted(turns.items()))
        wanted = Wanted(kind.value, actor, isoformat(now), why, tuple(sorted(set(pages))), told_turns)
        says: dict[str, Any] = {
            "fields": current.fields,
            "review": Review.NEEDED.value,
            "checks": [check_to_dict(one) for one in current.checks],
            "wanted": wanted_to_dict(wanted),
        }
        told: dict[str, Any] = {"wanted": wanted.kind, "pages": list(wanted.pages), "reason": why}
        if not turns:
            return says, told
        turning = Revision(receipt, RevisionKind.ROTATE.value, actor, wanted.at, why)
        return says | {"revision": asdict(turning)}, told | {"turns": says["wanted"]["turns"]}

    return _decide(stores, document, decide, actor=actor)


def check_asked(reason: str) -> None:
    """Raise BadRequest where nothing is said, or too much."""
    check_reason(reason)
    if len(reason) > _MOST_REASON:
        raise BadRequest(f"a reason has at most {_MOST_REASON} characters")


def is_drawn(document_id: str, share: float) -> bool:
    """Whether a document is among the share that a second person checks: always the same for the same id."""
    drawn = int.from_bytes(hashlib.sha256(document_id.encode()).digest()[:8])
    return drawn < share * 2**64


Decide = Callable[[Document, datetime], tuple[dict[str, Any], dict[str, Any]]]
"""Of the document as it is, what record.json says then, and what its PREMIS event does."""


def _decide(stores: Stores, document: Document, decide: Decide, *, actor: Actor) -> Document:
    clock, document_id, owner = stores.clock, document.document_id, process_owner()
    now = clock.now()
    with stores.database.write() as connection:
        current = documents.get(connection, document_id)
        if current.status is not DocumentStatus.ARCHIVED:
            raise Conflict(f"document {document_id} is {current.status}: only an archived one can be confirmed")
        revisions.check_idle(connection, current)
        if current.version != document.version:
            raise Conflict(f"document {document_id} has changed since you looked at it: look again")
        reviews.check_may(connection, current, actor=actor, now=now)
        says, told = decide(current, now)
        event = premis.event(EventType.METADATA_MODIFICATION, at=now, actor=actor, clock=clock, detail=told)
        decision = {"status": DocumentStatus.ARCHIVED, "actor": actor, "event": event, "payload": {}, "says": says}
        job = take(stores, connection, document_id, decision, owner=owner)
    if job is not None:
        carry_out(job, archive=stores.archive, database=stores.database, clock=clock, owner=owner)
    with stores.database.read() as connection:
        return documents.get(connection, document_id)


def _number(document: Document) -> int:
    if document.wanted is not None and document.wanted.kind == WantedKind.SECOND_CHECK:
        return SECOND
    return LATER if document.review is Review.DONE else FIRST


def _cleaned(corrections: Mapping[str, Correction], *, pages: int) -> dict[str, Correction]:
    cleaned = {}
    for name, one in corrections.items():
        check_name(name)
        cleaned[name] = replace(one, value=None if one.value is None else clean_value(name, one.value))
        for place in one.evidence or ():
            left, top, right, bottom = place.box
            if not (1 <= place.page <= pages and 0 <= left < right and 0 <= top < bottom):
                raise BadRequest(f"{name}: there is no such place on the paper's {pages} pages", code="bad_value")
    return cleaned


def _corrected(name: str, correction: Correction, before: Field | None) -> Field:
    """The field as a person says it is. What the machine had read there stays as `raw`."""
    evidence = correction.evidence
    if evidence is None:
        evidence = () if before is None else before.evidence
    if before is not None and correction.value == before.value and correction.value is not None:
        return replace(before, evidence=evidence, accepted=True)
    return Field(
        value=correction.value,
        confidence=1.0,
        evidence=evidence,
        raw="" if before is None else before.raw,
        display=_display(name, correction.value, None if before is None else before.display),
        origin=Origin.PERSON.value,
        accepted=True,
    )


def _display(name: str, value: str | None, before: str | None) -> str | None:
    """The value with the house's capitals undone: as they were in what was read, word by word, or as names have them."""
    if value is None or not value.isupper():
        return value
    words, model = value.split(), (before or "").split()
    if name in _NAMES:
        return " ".join(word.capitalize() for word in words)
    if len(words) != len(model) or (before or "").isupper():
        return value
    return " ".join(
        word.lower() if like.islower() else word.capitalize() if like[:1].isupper() and like[1:].islower() else word
        for word, like in zip(words, model, strict=True)
    )


def _check_complete(fields: Mapping[str, Field]) -> None:
    missing = _missing(fields)
    if missing:
        raise BadRequest(
            f"nobody has read {', '.join(missing)} yet: say what is on the paper, or that it cannot be read",
            code="incomplete",
        )


def _missing(fields: Mapping[str, Field]) -> list[str]:
    return [name for name in mandatory_fields(_value(fields.get("type_name"))) if name not in fields]


def _value(field: Field | None) -> str | None:
    return None if field is None else field.value


def _check_pages(kind: WantedKind, pages: Collection[int], *, total: int) -> None:
    first = 2 if kind is WantedKind.SPLIT else 1
    if kind is not WantedKind.RESCAN and not pages:
        raise BadRequest(f"say which pages: where a paper begins, or what to turn ({kind} without pages says nothing)")
    if any(not first <= page <= total for page in pages):
        raise BadRequest(
            f"the paper has pages {first} to {total} for this; one of those given is none of them", code="no_such_page"
        )


def _check_turns(kind: WantedKind, turns: Mapping[int, int]) -> None:
    if kind is not WantedKind.ROTATE:
        raise BadRequest(f"only rotate turns pages, {kind} does not")
    if any(turn_deg not in _TURNS for turn_deg in turns.values()):
        raise BadRequest("a page is turned by 90, 180 or 270 degrees clockwise", code="bad_turn")
