"""The seam to whatever keeps the bytes: keys, streams and digests, nothing of a vendor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from sohoa.errors import BadRequest, NotAllowed
from sohoa.model import Sha256

DELETABLE = ("staging/", "intents/")
"""The only prefixes under which anything may be deleted; everything else stays for ever."""
DAMAGED = "damaged/"
_OBJECT_ROOT = re.compile(r"ocfl/([0-9a-f]{3})/([0-9a-f]{3})/([0-9a-f]{3})/(\1\2\3[0-9a-f]{55})")
LONGEST_KEY_BYTES = 900
"""S3 allows 1,024; an operator's prefix has to fit in as well."""
LONGEST_SEGMENT_BYTES = 255
"""What file systems allow, and the S3 servers that keep a key's parts as folders."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: the digest and length of the bytes that went through."""

    sha256: Sha256
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What is known of a key without reading it. `etag` changes whenever the bytes are replaced."""

    size_bytes: int
    etag: str
    modified_at: datetime


class Objects(Protocol):
    """A flat store of byte strings under keys such as `receipts/01J….json`.

    Keys are relative, parted by `/`, without empty, `.` or `..` segments, and their first segment does not start with a
    dot (BadRequest otherwise). What a call has written is durable when it returns. Every call may raise
    StoreUnavailable (code `disk_full` where there is no room); StoreAway where a server does not answer.
    """

    def create(
        self, key: str, source: BinaryIO | bytes, *, sha256: Sha256 | None = None, overwrite: bool = False
    ) -> Stored:
        """Stream `source` to a key that does not exist; it becomes visible whole or not at all.

        With `overwrite` (only under DELETABLE, NotAllowed elsewhere) it takes the place of what is there, in one step.
        Raises AlreadyExists (what is there is durable then), DigestMismatch where the bytes are not those of `sha256`.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Copy inside the store to a key that does not exist. A target with the same bytes is fine, other bytes raise
        AlreadyExists. Raises NotFound where `source` is missing."""
        ...

    def replace(self, key: str, data: bytes, *, if_match: str | None) -> None:
        """Put `data` in place of what has the etag `if_match` (None: of nothing), else raise Conflict."""
        ...

    def mend(self, key: str, source: BinaryIO | bytes, *, sha256: Sha256) -> Stored:
        """Put the bytes of `sha256` where there are none or damaged ones; those are kept under `damaged/<key>/<etag>`.

        What has these bytes already stays as it is. Raises DigestMismatch where the bytes given are not those of
        `sha256`: nothing is changed then. The only way to put other bytes under a key that is kept for ever.
        """
        ...

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> BinaryIO:
        """The bytes from `start` up to, without, `end`, as a stream. Raises NotFound."""
        ...

    def read(self, key: str) -> bytes:
        """All bytes of a small object. Raises NotFound."""
        ...

    def stat(self, key: str) -> ObjectStat:
        """Size, etag and time of the last write. Raises NotFound."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the key holds an object."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, once. Keys that come or go meanwhile may or may not be seen.

        They come sorted, but for names of which one is the other's beginning (`v1/…` and `v1.json`): there a store may
        have its own order. All keys of one folder come one after the other.
        """
        ...

    def delete(self, key: str) -> None:
        """Forget a key under `staging/` or `intents/` (NotAllowed elsewhere). A missing key is fine. Not fsynced: after
        a power cut a deleted key may be there again."""
        ...

    def guard(self, root: str, *, until: datetime | None, hold: bool, below: str = "") -> bool:
        """Have the store itself refuse to dispose of an object's root before `until`, or while `hold`.

        The moment is never brought forward again; a hold is lifted by `hold=False`. With `below` (such as `v3/`) only what
        lies there is guarded anew. False where the store cannot refuse by itself (an S3 bucket without Object Lock).
        """
        ...

    def check_disposable(self, root: str) -> None:
        """Raise NotAllowed (`retained`, `on_hold`) where the store would refuse :meth:`dispose`."""
        ...

    def dispose(self, root: str, *, first: Sequence[str]) -> None:
        """Delete an OCFL object's root for good, with all that was ever under it or kept aside: `first` (names in the
        root) in this order, then the rest. Doing it again goes on where it was cut short.

        The only way to delete anything outside DELETABLE. Raises NotAllowed as :meth:`check_disposable` does, before
        anything is deleted, and for anything that is no object's root.
        """
        ...

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """A real, read-only file with the object's bytes, for libraries that need one. Raises NotFound."""
        ...

    def seekable(self, key: str) -> AbstractContextManager[Path | BinaryIO]:
        """The object to be read here and there: a real file as :meth:`local_file` gives, or where that would have to come from
        afar and is large, a stream that fetches what is read. What went wrong with that is raised when the block ends, for
        libraries take it for a damaged file. Raises NotFound."""
        ...

    def address(self, key: str) -> str:
        """Where an operator finds the bytes of a key: a path, or `s3://BUCKET/NAME`. Nothing is looked up."""
        ...

    def free_bytes(self) -> int:
        """How many bytes can still be stored; where the store does not say, what is free for its local copies."""
        ...

    def several_at_once(self) -> int:
        """How many calls that do not depend on each other are worth making at the same time; 1 where all wait for one
        disk."""
        ...

    def is_away(self) -> bool:
        """Whether a call would only be told again that the store did not answer a moment ago. Nothing is asked."""
        ...

    def drop_leftovers(self) -> None:
        """Forget what writers that were killed left half-written a day ago or longer."""
        ...


def damaged_key(key: str, etag: str) -> str:
    """Where bytes that were damaged are kept once the right ones are in their place."""
    marks = etag.strip('"')
    return f"{DAMAGED}{key}/{marks}"


def check_key(key: str) -> list[str]:
    """The parts of a key. Raises BadRequest where it is none."""
    segments = key.split("/")
    if key.startswith(".") or "\0" in key or any(segment in {"", ".", ".."} for segment in segments):
        raise BadRequest(f"{key!r} is not a key: relative, no dot at the start, no empty, '.' or '..' part, no NUL")
    sizes = [len(segment.encode()) for segment in segments]
    if max(sizes) > LONGEST_SEGMENT_BYTES or sum(sizes) + len(sizes) - 1 > LONGEST_KEY_BYTES:
        raise BadRequest(f"{key[:60]}… is too long for a key")
    return segments


def object_digest(root: str) -> str:
    """The digest that an OCFL object's root is named by. Raises NotAllowed for the key of anything else."""
    match = _OBJECT_ROOT.fullmatch(root)
    if match is None:
        raise NotAllowed(f"{root!r} is not the root of an object: only whole objects are ever disposed of")
    return match[4]


def check_guard(root: str, *, until: datetime | None, hold: bool, now: datetime) -> None:
    """Raise NotAllowed where what a store guards until then, or under a hold, may not go yet."""
    if hold:
        raise NotAllowed(f"{root} is on legal hold: `sohoa hold lift` first", code="on_hold")
    if until is not None and until > now:
        raise NotAllowed(f"{root} is to be kept until {until:%Y-%m-%d}", code="retained")
