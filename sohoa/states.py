"""The state machine of a document, a page and a job, in one place (design.md, "Words")."""

from __future__ import annotations

from enum import StrEnum

from sohoa.errors import Conflict


class DocumentStatus(StrEnum):
    """Where a document is. `refused` exists only in answers: a refused file has no document."""

    RECEIVED = "received"
    RECOGNISED = "recognised"
    ARCHIVED = "archived"
    HELD = "held"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


class Review(StrEnum):
    """Whether a person still has to look at the document; beside the status, never instead of it."""

    NONE = "none"
    NEEDED = "needed"
    CLAIMED = "claimed"
    DONE = "done"


class WantedKind(StrEnum):
    """What a person may ask for in place of confirming, and the second check of a share of papers."""

    SECOND_CHECK = "second_check"
    SPLIT = "split"
    ROTATE = "rotate"
    RESCAN = "rescan"


class Origin(StrEnum):
    """Who says a field: the machine that read it, a person, or whoever sent the paper."""

    MACHINE = "machine"
    PERSON = "person"
    DECLARED = "declared"


class PageStatus(StrEnum):
    """What became of one page. `kept`: a born-digital page whose own text was taken. Blank and failed are different things."""

    PENDING = "pending"
    RECOGNISED = "recognised"
    KEPT = "kept"
    BLANK = "blank"
    FAILED = "failed"


class JobKind(StrEnum):
    """The stages of work, in order. `recognise` is per page, the others per document; `decide` is a person's decision,
    `move` the one that takes a document from one object to another, `split` the one that makes several of one."""

    OPEN = "open"
    RECOGNISE = "recognise"
    READ = "read"
    COMPOSE = "compose"
    COMMIT = "commit"
    DECIDE = "decide"
    MOVE = "move"
    SPLIT = "split"


class Urgency(StrEnum):
    """Whether somebody waits for a paper, or it is of a back-file that was kept before. Neither starves the other: each has
    its share of the claims (storage/catalog/jobs.py)."""

    WAITING = "waiting"
    BACKFILE = "backfile"


class RevisionKind(StrEnum):
    """What is done to a document which is there already: by an original that comes in for it, or (`rotate`) by turning the
    pages of the one that it has."""

    REPLACE = "replace"
    APPEND = "append"
    ROTATE = "rotate"


class JobState(StrEnum):
    """A job waits (`ready`), is being done under a lease (`leased`), or is over (`done`, `failed`)."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


_MOVES: dict[DocumentStatus, frozenset[DocumentStatus]] = {
    DocumentStatus.RECEIVED: frozenset({DocumentStatus.RECOGNISED, DocumentStatus.HELD, DocumentStatus.FAILED}),
    DocumentStatus.RECOGNISED: frozenset(
        {DocumentStatus.ARCHIVED, DocumentStatus.HELD, DocumentStatus.FAILED, DocumentStatus.RECEIVED}
    ),
    DocumentStatus.ARCHIVED: frozenset({DocumentStatus.WITHDRAWN}),
    # To archived at once: another scan took the place of the one that was held or failed.
    DocumentStatus.HELD: frozenset({DocumentStatus.RECEIVED, DocumentStatus.WITHDRAWN, DocumentStatus.ARCHIVED}),
    DocumentStatus.FAILED: frozenset({DocumentStatus.RECEIVED, DocumentStatus.WITHDRAWN, DocumentStatus.ARCHIVED}),
    DocumentStatus.WITHDRAWN: frozenset(),
}

FINAL = frozenset(
    {
        DocumentStatus.ARCHIVED,
        DocumentStatus.HELD,
        DocumentStatus.FAILED,
        DocumentStatus.WITHDRAWN,
        DocumentStatus.REFUSED,
    }
)
"""Statuses at which the machine has nothing more to do for a document by itself."""


def check_move(before: DocumentStatus, after: DocumentStatus) -> None:
    """Raise Conflict unless a document may go from `before` to `after` (staying where it is is always allowed)."""
    if before is not after and after not in _MOVES[before]:
        raise Conflict(f"a document that is {before} cannot become {after}")


def check_settled(status: DocumentStatus, document_id: str) -> None:
    """Raise Conflict unless a document with this status may be moved or replaced: it must be final, and in use."""
    if status is DocumentStatus.WITHDRAWN:
        raise Conflict(f"document {document_id} is withdrawn; nothing can be done with it any more")
    if status not in FINAL:
        raise Conflict(f"document {document_id} is being worked on; try again in a moment", code="busy")


def check_revisable(status: DocumentStatus, version: int | None, kind: RevisionKind, document_id: str) -> None:
    """Raise Conflict unless a document with this status, in the archive since this version, may be replaced or, only an
    archived one, appended to or turned."""
    check_settled(status, document_id)
    if version is None:
        raise Conflict(f"document {document_id} is {status} and not in the archive yet; retry it, or withdraw it")
    if kind is not RevisionKind.REPLACE and status is not DocumentStatus.ARCHIVED:
        what = "appended to" if kind is RevisionKind.APPEND else "turned in"
        raise Conflict(f"document {document_id} is {status}; pages can be {what} an archived one only: replace it")


class CopyOf(StrEnum):
    """What copies are made of, in case it is lost."""

    CATALOGUE = "catalogue"
    ARCHIVE = "archive"
