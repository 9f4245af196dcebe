"""Every error that Sohoa raises on purpose: one root, a stable code each, and a sentence that says what to do.

`detail` is one line for the reader and never holds a citizen's text. The HTTP mapping is in search_api/problems.py.
"""

from __future__ import annotations


class SohoaError(Exception):
    """Root of all expected errors.

    `code` is stable and for machines, `detail` is one line for people, `retryable` says whether the same call may
    succeed later without anybody changing anything.
    """

    code = "error"
    retryable = False

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class Refused(SohoaError):
    """The bytes were not accepted: nothing was stored and no document exists.

    Codes: empty, unsupported_kind, not_found, not_readable, too_large, too_many_pages, too_many_pixels, page_too_big,
    no_pages, nested_too_deep, changed_while_read, unreadable, disk_low, disk_full, spool_full, bad_dossier.
    """

    code = "refused"


class Held(SohoaError):
    """The document was accepted but a person must act before it can go on.

    Codes: encrypted, damaged, security_mark.
    """

    code = "held"


class StageFailed(SohoaError):
    """A stage (open, recognise, compose, commit) cannot be done for this document or page; it is not tried again by itself.

    Codes: timeout, engine_killed, engine_failed, out_of_memory, lease_lost, no_page_read, no_pages, page_too_big,
    too_many_pages, page_unreadable, undecodable, unreadable, internal.
    """

    code = "stage_failed"


class NotFound(SohoaError):
    """The named document, page, rendition or token does not exist (or the actor may not know that it does)."""

    code = "not_found"


class NotAllowed(SohoaError):
    """The actor has no right to do this. Codes: not_allowed, bad_token."""

    code = "not_allowed"


class BadRequest(SohoaError):
    """The call cannot be understood; the detail says which part and what would be right.

    Codes: bad_request, bad_setting, same_store, bad_cursor, bad_value, no_such_page, one_page, bad_turn, use_pg_dump
    (backups of a catalogue on a server), and more.
    """

    code = "bad_request"


class BadQuery(BadRequest):
    """A search that cannot be answered as typed; the detail says what to type instead."""

    code = "bad_query"


class Conflict(SohoaError):
    """What was asked does not fit the present state (for example releasing a document that is not held).

    Codes: conflict, busy, duplicate, in_use, lease_lost, idempotency_mismatch, not_a_copy, target_not_empty, not_prepared,
    not_whole, spooled (a moving of the store), disposed, retained, on_hold, same_actor, several_originals,
    already_split, cannot_split, encrypted.
    """

    code = "conflict"


class AlreadyExists(SohoaError):
    """A create-only write met a key that exists."""

    code = "already_exists"


class DigestMismatch(SohoaError):
    """Bytes read back are not the bytes written. Never ignored: the write counts as not done."""

    code = "digest_mismatch"


class StoreUnavailable(SohoaError):
    """The archive, the catalogue or the index cannot be reached or is full just now.

    Codes: store_unavailable, disk_full, store_denied (an S3 server refuses our keys), bucket_missing, catalog_full (the
    disk under the catalogue), catalog_away (its server), catalog_busy (no connection left), catalog_timeout, and the index's
    own.
    """

    code = "store_unavailable"
    retryable = True


class StoreAway(StoreUnavailable):
    """The archive's S3 server does not answer, or says that it cannot just now: intake goes to the spool, jobs wait."""


class IndexAway(StoreUnavailable):
    """The search server does not answer, is too busy, or lets us do nothing: searches fail, the outbox waits.

    Codes: index_away, index_timeout, index_overloaded, index_blocked (its disk is full), index_denied, index_missing,
    index_failed.
    """

    code = "index_away"


class EntriesRefused(SohoaError):
    """The index took all entries but those of `document_ids`, which it will never take as they are."""

    code = "index_refused"

    def __init__(self, document_ids: frozenset[str]) -> None:
        super().__init__(f"the index does not take {len(document_ids)} of the documents as they are")
        self.document_ids = document_ids


class Overloaded(SohoaError):
    """More was asked for at once than can be done; the detail says of what."""

    code = "overloaded"
    retryable = True


class Limited(SohoaError):
    """An office or a token asks for more than it may just now, or more is brought or taken at once than there is room for.

    `retry_after_s`: when the same call may succeed. Codes: rate_limited, quota_exceeded, too_many_uploads, too_many_downloads.
    """

    code = "rate_limited"
    retryable = True

    def __init__(self, detail: str, *, code: str | None = None, retry_after_s: float = 1.0) -> None:
        super().__init__(detail, code=code)
        self.retry_after_s = retry_after_s


class BadAlto(SohoaError):
    """The bytes are not ALTO as written here: damaged, another schema, or with a document type declaration."""

    code = "bad_alto"


class NotValidPdfA(SohoaError):
    """No rung of the ladder gave a file that the PDF/A validator passes."""

    code = "not_valid_pdfa"


class TextMismatch(SohoaError):
    """The text drawn from the finished PDF is not the recognised text."""

    code = "text_mismatch"


class SetupError(SohoaError):
    """Something on this machine is missing or broken; the detail says how to get or mend it.

    Codes: setup, bad_setting, model_missing, engine_missing, catalog_damaged, catalog_missing, catalog_newer,
    driver_missing, index_damaged, index_outdated, store_unfit, store_denied, store_moved.
    """

    code = "setup"
