"""The one way in: bytes become a durable, receipted, registered document, or nothing at all.

In this order, each step durable before the next: the original in staging, the receipt, the catalogue row with its
`open` job. A crash before the receipt leaves bytes that the sweeper drops; after it, storage/registration.py goes on.
Where the archive's store is away, original and receipt go to the spool of this machine in the same order.
"""

from __future__ import annotations

import json
import os
import stat
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import structlog

from ingest.inspect_original import check_size, inspect
from ingest.sniff import HEAD_BYTES, Kind, sniff
from sohoa import traces
from sohoa.clock import Clock
from sohoa.errors import BadRequest, Refused, StoreAway, StoreUnavailable
from sohoa.model import Actor, DocumentId, DossierCode, OfficeId
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.archive.commit import StagedFile
from storage.archive.receipts import Receipt, Revising
from storage.catalog.database import Database
from storage.catalog.documents import Document
from storage.registration import check_may_begin, find_duplicate, find_registered, register
from storage.spool import Spool

log = structlog.get_logger()

_MAX_DOSSIER_LETTERS = 64
_MAX_NAME_BYTES = 255
_MAX_SUFFIX_BYTES = 32
_DIRECTION_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They can make a name look like another one."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What whoever brings a file says about it. `filename` is as given; jobs of higher `priority` are done first.

    `revising`: it is a new original of a document that is there (ingest/revising.py), whose office and dossier it has.
    """

    filename: str
    office: str
    dossier: str | None
    actor: str
    external_id: str | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    revising: Revising | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The document that the bytes are now, or (`duplicate_of` set, nothing stored) have been already. A revision is told
    by the document that it revises. `spooled`: they wait on this machine, for the archive's store is away."""

    document: Document
    duplicate_of: DocumentId | None
    spooled: bool = False


def receive(
    source: BinaryIO,
    intake: Intake,
    *,
    archive: Archive,
    database: Database,
    settings: Settings,
    clock: Clock,
    spool: Spool | None = None,
    document_id: DocumentId | None = None,
) -> Accepted:
    """Take in the bytes of `source`, streamed; on return they are durable: in the archive's store or, where that is away,
    in the `spool`, for which `source` is read from its start once more.

    `document_id` is a new one that the caller has written down before, to know its document again after a crash.

    Raises Refused (nothing was stored): empty, unsupported_kind, too_large, too_many_pages, too_many_pixels,
    page_too_big, no_pages, unreadable, bad_dossier, disk_low, disk_full, spool_full. Raises StoreUnavailable where the
    archive or the catalogue cannot be used; if that happens after the receipt is durable, the sweeper registers the
    document.
    Raises Conflict and NotFound where it revises a document that cannot be revised (:func:`check_may_begin`).
    Raises BadRequest where `declared` or `external_id` cannot be written as JSON. What reading `source` raises passes
    through, and nothing was stored.
    """
    return _receive(
        source,
        intake,
        archive=archive,
        database=database,
        settings=settings,
        clock=clock,
        spool=spool,
        size_bytes=0,
        check_source=_nothing,
        document_id=document_id or DocumentId(clock.new_ulid()),
    )


def receive_path(
    path: Path,
    intake: Intake,
    *,
    archive: Archive,
    database: Database,
    settings: Settings,
    clock: Clock,
    spool: Spool | None = None,
) -> Accepted:
    """Take in the file at `path` as :func:`receive` does.

    Raises Refused also with not_found, not_readable (no right to read it, no regular file, or its disk fails) and
    changed_while_read (it is still being written).
    """
    with _open_regular(path) as file:
        before = os.fstat(file.fileno())
        check_size(before.st_size, settings=settings)
        source = _Readable(file)

        def check_unchanged() -> None:
            after = os.fstat(file.fileno())
            same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
            if not same or source.bytes_read != before.st_size:
                raise Refused(
                    "the file changed while it was read: wait until it is finished, then add it again",
                    code="changed_while_read",
                )

        return _receive(
            cast(BinaryIO, source),
            intake,
            archive=archive,
            database=database,
            settings=settings,
            clock=clock,
            spool=spool,
            size_bytes=before.st_size,
            check_source=check_unchanged,
            document_id=DocumentId(clock.new_ulid()),
        )


def clean_filename(name: str) -> str:
    """The name under which a file is shown: NFC, valid UTF-8, one line, no folders, at most 255 bytes, never empty."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").rpartition("/")[2]
    text = unicodedata.normalize("NFC", text)
    text = "".join("\ufffd" if _is_unprintable(letter) else letter for letter in text).strip()
    if len(text.encode()) > _MAX_NAME_BYTES:
        stem, dot, suffix = text.rpartition(".")
        ending = dot + suffix if stem and len(suffix.encode()) <= _MAX_SUFFIX_BYTES else ""
        kept = (stem if ending else text).encode()[: _MAX_NAME_BYTES - len(ending.encode())]
        text = kept.decode("utf-8", "ignore") + ending
    return text or "unnamed"


def check_dossier(code: str | None) -> DossierCode | None:
    """The dossier code in NFC without white space around it. Raises Refused(bad_dossier)."""
    if code is None:
        return None
    code = unicodedata.normalize("NFC", code).strip()
    if not code or len(code) > _MAX_DOSSIER_LETTERS or not code.isprintable() or "/" in code or "\\" in code:
        raise Refused(
            f"a dossier code has 1 to {_MAX_DOSSIER_LETTERS} printable characters and no slash, "
            "for example 000.00.05.H02-230105-0001",
            code="bad_dossier",
        )
    return DossierCode(code)


def check_sayable(intake: Intake) -> None:
    """Raise BadRequest for what could never be written down: half a surrogate pair, a number or value that is no JSON."""
    try:
        said = [intake.external_id, dict(intake.declared)]
        json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        raise BadRequest("external_id must be valid Unicode text and declared valid JSON: correct them") from None


def check_disk(archive: Archive, *, settings: Settings, needed_bytes: int) -> None:
    """Raise Refused(disk_low) where so many bytes more would leave less than the settings ask for."""
    if archive.objects.free_bytes() - needed_bytes < settings.min_free_bytes:
        raise Refused(
            f"the archive's disk would have less than {settings.min_free_bytes:,} bytes left: free some space, "
            "or lower SOHOA_MIN_FREE_BYTES",
            code="disk_low",
        )


def _receive(
    source: BinaryIO,
    intake: Intake,
    *,
    archive: Archive,
    database: Database,
    settings: Settings,
    clock: Clock,
    spool: Spool | None,
    size_bytes: int,
    check_source: Callable[[], None],
    document_id: DocumentId,
) -> Accepted:
    """`size_bytes` is what is known of the length; `check_source` raises Refused if what was read may be wrong."""
    started_ns = traces.now_ns()
    dossier = check_dossier(intake.dossier)
    check_sayable(intake)
    check_disk(archive, settings=settings, needed_bytes=size_bytes)
    take_in = partial(
        _take_in,
        source,
        intake,
        database=database,
        settings=settings,
        clock=clock,
        check_source=check_source,
        document_id=document_id,
        dossier=dossier,
        accepted_at=clock.now(),  # once: a receipt that both places get is the same in both
    )
    try:
        return _traced(take_in(archive), document_id, started_ns)
    except StoreAway as away:
        if spool is None:
            raise
        log.warning("intake.spools", document_id=document_id, code=away.code, detail=away.detail)
    spool.check_room(source.seek(0, os.SEEK_END))
    source.seek(0)
    return _traced(take_in(spool), document_id, started_ns)


def _traced(accepted: Accepted, document_id: DocumentId, started_ns: int) -> Accepted:
    if accepted.duplicate_of is None:
        traces.begin(document_id, "accept", started_ns=started_ns)
    return accepted


def _take_in(
    source: BinaryIO,
    intake: Intake,
    place: Archive | Spool,
    *,
    database: Database,
    settings: Settings,
    clock: Clock,
    check_source: Callable[[], None],
    document_id: DocumentId,
    dossier: DossierCode | None,
    accepted_at: datetime,
) -> Accepted:
    """Keep original and receipt in `place`. After StoreAway nobody can tell what the store has of them or may still get,
    so nothing is cleared: an original without a receipt is dropped by the sweeper."""
    head = _read_head(source)
    kind = sniff(head)
    mark, away = place.mark if isinstance(place, Spool) else None, False
    try:
        staged = place.stage(
            document_id, f"original.{kind.value}", cast(BinaryIO, _Limited(head, source, settings=settings))
        )
        check_source()
        with place.objects.local_file(staged.key) as original:
            inspect(original, kind, settings=settings)
        receipt = _receipt(intake, kind, staged, document_id=document_id, dossier=dossier, accepted_at=accepted_at)
        with database.write() as conn:
            registered = find_registered(conn, receipt)
            if registered is not None:  # the store had taken the first try's receipt after all, and the sweeper saw it
                return Accepted(document=registered, duplicate_of=None)
            check_may_begin(conn, receipt)
            duplicate = find_duplicate(conn, receipt)
            if duplicate is not None:
                return Accepted(document=duplicate, duplicate_of=duplicate.document_id)
            document = register(conn, receipt, now=clock.now(), priority=intake.priority, spool=mark)
            place.write_receipt(receipt)
        return Accepted(document=document, duplicate_of=None, spooled=mark is not None)
    except StoreAway:
        away = True
        raise
    except StoreUnavailable as error:
        if error.code == "disk_full" and not place.has_receipt(document_id):
            disk = "archive's" if mark is None else "spool's"
            raise Refused(
                f"the {disk} disk is full: free some space, then add the file again", code="disk_full"
            ) from error
        raise
    finally:
        if not away:
            _clear_unless_receipted(place, document_id)


def _clear_unless_receipted(place: Archive | Spool, document_id: DocumentId) -> None:
    """Whatever happened: without a receipt nothing was accepted, with one nothing may be lost."""
    try:
        if not place.has_receipt(document_id):
            place.clear_staging(document_id)
    except StoreAway as away:  # the sweeper does it, in an hour
        log.warning("intake.not_cleared", document_id=document_id, code=away.code, detail=away.detail)


def _receipt(
    intake: Intake,
    kind: Kind,
    staged: StagedFile,
    *,
    document_id: DocumentId,
    dossier: DossierCode | None,
    accepted_at: datetime,
) -> Receipt:
    return Receipt(
        document_id=document_id,
        office=OfficeId(intake.office),
        dossier=dossier,
        filename=clean_filename(intake.filename),
        kind=kind.value,
        media_type=kind.media_type,
        sha256=staged.sha256,
        size_bytes=staged.size_bytes,
        actor=Actor(intake.actor),
        accepted_at=accepted_at,
        external_id=intake.external_id,
        declared=dict(intake.declared),
        staged_key=staged.key,
        revising=intake.revising,
    )


def _read_head(source: BinaryIO) -> bytes:
    head = b""
    while len(head) < HEAD_BYTES and (chunk := source.read(HEAD_BYTES - len(head))):
        head += chunk
    return head


class _Limited:
    """The head that was read already and then the rest of a stream; raises Refused(too_large) at the limit."""

    def __init__(self, head: bytes, rest: BinaryIO, *, settings: Settings) -> None:
        self._head = head
        self._rest = rest
        self._settings = settings
        self._bytes_read = 0

    def read(self, size: int = -1, /) -> bytes:
        chunk, self._head = (self._head, b"") if self._head else (self._rest.read(size), b"")
        self._bytes_read += len(chunk)
        check_size(self._bytes_read, settings=self._settings)
        return chunk


class _Readable:
    """A file that counts what was read of it, from where it was sought to, and says of an error that the file, not the
    archive, is the cause."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes_read = 0

    def read(self, size: int = -1, /) -> bytes:
        try:
            chunk = self._file.read(size)
        except OSError as error:
            raise _not_readable(os.strerror(error.errno or 0)) from error
        self.bytes_read += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self.bytes_read = 0
        return self._file.seek(offset, whence)


def _open_regular(path: Path) -> BinaryIO:
    """The file at `path`, opened without waiting (a named pipe would wait for its writer)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        raise Refused("there is no such file", code="not_found") from None
    except (OSError, ValueError) as error:
        raise _not_readable(os.strerror(getattr(error, "errno", 0) or 0)) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _not_readable("a folder" if stat.S_ISDIR(mode) else "a pipe, a device or a socket")
    return os.fdopen(descriptor, "rb")


def _not_readable(why: str) -> Refused:
    return Refused(f"the file cannot be read ({why}): look at its rights and its disk", code="not_readable")


def _is_unprintable(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} or letter in _DIRECTION_MARKS


def _nothing() -> None:
    """A stream that is given is what it is."""
