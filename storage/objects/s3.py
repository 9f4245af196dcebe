"""Objects on an S3 server: an archive bucket that is never deleted from, and a work bucket for staging/ and intents/.

Creating is one conditional request (`If-None-Match: *`), so the server decides the race. Every write carries a token
of its own: where an answer was lost and the second try finds the key taken, the token tells whether it was we who took
it. Every body carries its SHA-256; a server that does not check it is read back.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from heapq import merge
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote, unquote_plus

import structlog
from lxml import etree

from sohoa.clock import SystemClock
from sohoa.errors import AlreadyExists, Conflict, DigestMismatch, NotAllowed, NotFound, StoreUnavailable
from sohoa.model import Sha256
from storage.objects import s3_lock, s3_parts, s3_probe
from storage.objects.local_copies import LocalCopies, lent
from storage.objects.protocol import DAMAGED, DELETABLE, ObjectStat, Stored, check_key, damaged_key, object_digest
from storage.objects.ranges import Ranges
from storage.objects.s3_client import Reply, S3Client
from storage.objects.s3_download import open_range
from storage.objects.s3_parts import PART_BYTES, checksum
from storage.objects.s3_place import Place

LARGE_BYTES = 8 * 1024 * 1024
"""Smaller objects come whole: that is one request."""
LEFTOVER_AGE = timedelta(days=1)
"""Parts this old belong to a process that was killed."""
_WRITE = "x-amz-meta-sohoa-write"
_CREATE = {"If-None-Match": "*"}
_BYTES = {"Content-Type": "application/octet-stream"}
"""Said always, so that no server guesses the kind and compresses what it thinks is text."""
_PARTS = ".parts/"
"""In the work bucket: large objects that are whole but have not got their name yet."""
_LISTED_AT_ONCE = "1000"
_AT_ONCE = 8
"""As many as a document of one page has files; most of the time each waits for the server's disk."""

log = structlog.get_logger()


class S3Objects:
    """The Objects protocol on an S3 server, which threads, processes and machines may share."""

    def __init__(
        self, client: S3Client, place: Place, copies: LocalCopies, *, known: s3_probe.Fitness | None = None
    ) -> None:
        """`known` is what a probe of this server has shown, where there was one."""
        self._client = client
        self._place = place
        self._copies = copies
        self._known = known
        self._probing = threading.Lock()
        self._locked: bool | None = None

    def make_ready(self) -> None:
        """Make the buckets where they are missing and ask the server whether it keeps its promises, unless it was asked
        lately; see s3_probe.py. Raises SetupError, StoreUnavailable."""
        self._fitness()

    def examine(self) -> tuple[str, list[str]]:
        """What the store is, probed anew, and what should be mended in its set-up. Raises SetupError, StoreUnavailable."""
        self._known = s3_probe.probe_and_remember(self._client, self._place)
        place = self._place
        found = f"{place.endpoint}: bucket {place.archive}, work bucket {place.work}; conditional writes hold"
        return found, s3_probe.weaknesses(self._client, place)

    def create(
        self, key: str, source: BinaryIO | bytes, *, sha256: Sha256 | None = None, overwrite: bool = False
    ) -> Stored:
        if overwrite and not key.startswith(DELETABLE):
            raise NotAllowed(f"{key} is kept for ever and never overwritten")
        return self._write(key, source, condition={} if overwrite else _CREATE, sha256=sha256)

    def copy(self, source: str, target: str) -> None:
        from_bucket, from_name = self._place.locate(source)
        bucket, name = self._place.locate(target)
        where = quote(f"/{from_bucket}/{from_name}")
        if self._fitness().copies_conditionally:
            reply = self._client.send("PUT", bucket, name, headers={"x-amz-copy-source": where, **_CREATE})
        else:
            reply = self._copy_in_parts(source, target, where)
        if reply.status == 404:
            raise NotFound(f"{source} is not in the store")
        if not reply.ok and not self._same_bytes(source, target):
            raise AlreadyExists(f"{target} exists already with other bytes")

    def replace(self, key: str, data: bytes, *, if_match: str | None) -> None:
        try:
            self._put(key, data, condition=_CREATE if if_match is None else {"If-Match": if_match})
        except (AlreadyExists, NotFound):
            raise Conflict(f"{key} was changed by somebody else meanwhile; read it again") from None

    def mend(self, key: str, source: BinaryIO | bytes, *, sha256: Sha256) -> Stored:
        try:
            there = self.stat(key)
        except NotFound:
            return self.create(key, source, sha256=sha256)
        if self._digest(key) == sha256:
            return Stored(sha256, there.size_bytes)
        self.copy(key, damaged_key(key, there.etag))
        return self._write(key, source, condition={}, sha256=sha256)

    def open(self, key: str, *, start: int = 0, end: int | None = None) -> BinaryIO:
        bucket, name = self._place.locate(key)
        if end is not None and end <= start:
            self.stat(key)
            return io.BytesIO()
        return open_range(self._client, bucket, name, key=key, start=start, end=end)

    def read(self, key: str) -> bytes:
        bucket, name = self._place.locate(key)
        reply = self._client.send("GET", bucket, name, headers={"x-amz-checksum-mode": "ENABLED"})
        if not reply.ok:
            raise NotFound(f"{key} is not in the store")
        told = reply.headers.get("x-amz-checksum-sha256")
        if told and "-" not in told and told != checksum(reply.body):
            raise DigestMismatch(f"{key}: the bytes read are not those written; check the S3 server's disks")
        return reply.body

    def stat(self, key: str) -> ObjectStat:
        reply = self._head(key)
        return ObjectStat(
            size_bytes=int(reply.headers["content-length"]),
            etag=reply.headers["etag"],
            modified_at=parsedate_to_datetime(reply.headers["last-modified"]).astimezone(UTC),
        )

    def exists(self, key: str) -> bool:
        bucket, name = self._place.locate(key)
        return self._client.send("HEAD", bucket, name).ok

    def list(self, prefix: str) -> Iterator[str]:
        folder = prefix.rpartition("/")[0]
        if folder:
            check_key(folder)
        buckets = []
        if not prefix.startswith(DELETABLE):
            buckets.append(self._place.archive)
        if any(each.startswith(prefix) or prefix.startswith(each) for each in DELETABLE):
            buckets.append(self._place.work)
        for key in merge(*(self._list_bucket(bucket, prefix) for bucket in buckets)):
            if not key.startswith("."):
                yield key

    def delete(self, key: str) -> None:
        bucket, name = self._place.locate(key)
        if not key.startswith(DELETABLE):
            raise NotAllowed(f"{key} may not be deleted: only staging/ and intents/ are ever emptied")
        self._client.send("DELETE", bucket, name)

    def guard(self, root: str, *, until: datetime | None, hold: bool, below: str = "") -> bool:
        object_digest(root)
        if not self._locks():
            log.warning("objects.not_locked", root=root)
            return False
        bucket, name = self._place.locate(root)
        prefix = f"{name}/{below}"
        s3_lock.guard(self._client, bucket, prefix, until=until, hold=hold, now=SystemClock().now())
        return True

    def check_disposable(self, root: str) -> None:
        object_digest(root)
        if self._locks():
            bucket, name = self._place.locate(root)
            s3_lock.check_disposable(self._client, bucket, f"{name}/", root=root, now=SystemClock().now())

    def dispose(self, root: str, *, first: Sequence[str]) -> None:
        self.check_disposable(root)
        bucket, name = self._place.locate(root)
        s3_lock.dispose(self._client, bucket, f"{name}/", first=first)
        bucket, name = self._place.locate(DAMAGED + root)
        s3_lock.dispose(self._client, bucket, f"{name}/", first=())

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        etag = self.stat(key).etag
        copy = self._copies.find(key, etag)
        if copy is None:
            with self.open(key) as source:
                copy = self._copies.keep(key, etag, source)
        with lent(copy) as path:
            yield path

    @contextmanager
    def seekable(self, key: str) -> Iterator[Path | BinaryIO]:
        found = self.stat(key)
        copy = self._copies.find(key, found.etag)
        if copy is not None:
            with lent(copy) as path:
                yield path
            return
        if found.size_bytes < LARGE_BYTES:
            with self.local_file(key) as path:
                yield path
            return
        bucket, name = self._place.locate(key)

        def fetch(start: int, end: int) -> bytes:
            with open_range(self._client, bucket, name, key=key, start=start, end=end, etag=found.etag) as part:
                return part.read()

        with self._copies.in_parts(key, found.etag, size_bytes=found.size_bytes) as descriptor:
            stream = Ranges(descriptor, found.size_bytes, fetch)
            try:
                yield cast(BinaryIO, stream)
            finally:
                if stream.trouble is not None:
                    raise stream.trouble

    def address(self, key: str) -> str:
        bucket, name = self._place.locate(key)
        return f"s3://{bucket}/{name}"

    def free_bytes(self) -> int:
        return self._copies.free_bytes()

    def several_at_once(self) -> int:
        return _AT_ONCE

    def is_away(self) -> bool:
        return self._client.breaker.is_open()

    def drop_leftovers(self) -> None:
        before = SystemClock().now() - LEFTOVER_AGE
        self._copies.drop_leftovers(before=before)
        for bucket in (self._place.archive, self._place.work):
            s3_parts.drop_abandoned(self._client, bucket, self._place.prefix, before=before)
        for key in self._list_bucket(self._place.work, _PARTS):
            reply = self._client.send("HEAD", self._place.work, self._place.prefix + key)
            if reply.ok and parsedate_to_datetime(reply.headers["last-modified"]) < before:
                self._client.send("DELETE", self._place.work, self._place.prefix + key)

    def _fitness(self) -> s3_probe.Fitness:
        with self._probing:
            if self._known is None:
                self._known = s3_probe.recall_or_probe(self._client, self._place)
            return self._known

    def _locks(self) -> bool:
        """Whether the server itself keeps what it is told to keep."""
        if self._locked is None:
            self._locked = self._place.lock and s3_lock.has_lock(self._client, self._place.archive)
        return self._locked

    def _write(self, key: str, source: BinaryIO | bytes, *, condition: dict[str, str], sha256: Sha256 | None) -> Stored:
        bucket, name = self._place.locate(key)
        checks_sums = self._fitness().checks_sums  # first: nothing is written to a server that nobody has probed
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        first = _chunk(stream)
        if len(first) < PART_BYTES:
            stored = Stored(Sha256(hashlib.sha256(first).hexdigest()), len(first))
            _check_announced(key, stored, sha256)
            self._put(key, first, condition=condition)
        else:
            stored = self._put_in_parts(key, first, stream, condition=condition, sha256=sha256)
        if not checks_sums:
            self._read_back(key, bucket, name, stored)
        return stored

    def _put(self, key: str, data: bytes, *, condition: dict[str, str]) -> None:
        """One conditional PUT. Raises AlreadyExists where the condition does not hold."""
        bucket, name = self._place.locate(key)
        token = secrets.token_hex(12)
        headers = {"x-amz-checksum-sha256": checksum(data), _WRITE: token, **_BYTES, **condition}
        reply = self._client.send("PUT", bucket, name, body=data, headers=headers)
        self._check_ours(bucket, name, reply, token, key=key)

    def _put_in_parts(
        self, key: str, first: bytes, rest: BinaryIO, *, condition: dict[str, str], sha256: Sha256 | None
    ) -> Stored:
        """Send the bytes in parts. Where the server takes no condition when it puts them together, they are put together
        under a name of their own, and a conditional copy gives them theirs."""
        if condition and self.exists(key):  # better told before gigabytes are sent than after
            raise AlreadyExists(f"{key} exists already and is never overwritten")
        bucket, name = self._place.locate(key)
        token, by_copy = secrets.token_hex(12), bool(condition) and self._fitness().copies_conditionally
        to_bucket, to_name = (self._place.work, self._place.prefix + _PARTS + token) if by_copy else (bucket, name)
        headers = {"x-amz-checksum-algorithm": "SHA256", _WRITE: token, **_BYTES}
        counted = _Counted(first, rest)
        with s3_parts.begun(self._client, to_bucket, to_name, headers=headers) as upload:
            parts = s3_parts.send_parts(self._client, to_bucket, to_name, upload, counted)
            _check_announced(key, counted.stored, sha256)
            condition = {} if by_copy else condition
            reply = s3_parts.complete(self._client, to_bucket, to_name, upload, parts, headers=condition)
        if by_copy:
            self._check_ours(to_bucket, to_name, reply, token, key=key)
            headers = {"x-amz-copy-source": quote(f"/{to_bucket}/{to_name}"), **_CREATE}
            reply = self._client.send("PUT", bucket, name, headers=headers)
            self._client.send("DELETE", to_bucket, to_name)
        self._check_ours(bucket, name, reply, token, key=key)
        return counted.stored

    def _check_ours(self, bucket: str, name: str, reply: Reply, token: str, *, key: str) -> None:
        """Raise AlreadyExists unless there lies what we just wrote, as far as anybody can know after a lost answer."""
        if reply.ok:
            return
        if reply.unsure and self._client.send("HEAD", bucket, name).headers.get(_WRITE) == token:
            return
        raise AlreadyExists(f"{key} exists already and is never overwritten")

    def _copy_in_parts(self, source: str, target: str, where: str) -> Reply:
        """For servers that take no condition with a copy: a copy as parts, for the completion takes one."""
        found = self.stat(source)
        bucket, name = self._place.locate(target)
        if found.size_bytes == 0:
            return self._client.send(
                "PUT", bucket, name, body=b"", headers={"x-amz-checksum-sha256": checksum(b""), **_CREATE}
            )
        with s3_parts.begun(self._client, bucket, name, headers=_BYTES) as upload:
            parts = s3_parts.copy_parts(
                self._client, bucket, name, upload, source=where, source_etag=found.etag, size_bytes=found.size_bytes
            )
            return s3_parts.complete(self._client, bucket, name, upload, parts, headers=_CREATE)

    def _same_bytes(self, one: str, other: str) -> bool:
        heads = [self._head(key) for key in (one, other)]
        if len({head.headers["content-length"] for head in heads}) > 1:
            return False
        sums = {head.headers.get("x-amz-checksum-sha256", "-") for head in heads}
        if len(sums) == 1 and "-" not in sums:
            return True
        if any("-" in each for each in sums):  # sums of parts ("…-3") depend on how the bytes were parted
            return self._digest(one) == self._digest(other)
        return False

    def _digest(self, key: str) -> str:
        with self.open(key) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]

    def _head(self, key: str) -> Reply:
        bucket, name = self._place.locate(key)
        reply = self._client.send("HEAD", bucket, name, headers={"x-amz-checksum-mode": "ENABLED"})
        if not reply.ok:
            raise NotFound(f"{key} is not in the store")
        return reply

    def _read_back(self, key: str, bucket: str, name: str, stored: Stored) -> None:
        if self._digest(key) != stored.sha256:
            if key.startswith(DELETABLE):
                self._client.send("DELETE", bucket, name)
            raise DigestMismatch(f"{key}: the bytes read back are not those written; check the S3 server")

    def _list_bucket(self, bucket: str, prefix: str) -> Iterator[str]:
        query = {
            "list-type": "2",
            "prefix": self._place.prefix + prefix,
            "max-keys": _LISTED_AT_ONCE,
            "encoding-type": "url",
        }
        while True:
            reply = self._client.send("GET", bucket, query=query)
            if not reply.ok:
                raise StoreUnavailable(f"the S3 server does not list bucket {bucket} ({reply.status})")
            page = etree.fromstring(reply.body)
            for found in page.iterfind("{*}Contents/{*}Key"):
                yield unquote_plus(found.text or "").removeprefix(self._place.prefix)
            token = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true" or not token:
                return
            query["continuation-token"] = token


class _Counted:
    """The chunks of a stream of which the first was read already; `stored` is right once all are taken."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first = first
        self._rest = rest
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    @property
    def stored(self) -> Stored:
        return Stored(Sha256(self._digest.hexdigest()), self._size_bytes)

    def __iter__(self) -> Iterator[bytes]:
        chunk = self._first
        while chunk:
            self._digest.update(chunk)
            self._size_bytes += len(chunk)
            yield chunk
            chunk = _chunk(self._rest) if len(chunk) == PART_BYTES else b""


def _chunk(source: BinaryIO) -> bytes:
    """The next PART_BYTES, fewer only at the end, though a stream may give them in smaller pieces."""
    pieces: list[bytes] = []
    missing = PART_BYTES
    while missing and (piece := source.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _check_announced(key: str, stored: Stored, sha256: Sha256 | None) -> None:
    if sha256 is not None and stored.sha256 != sha256:
        raise DigestMismatch(f"{key}: the bytes are not those announced (SHA-256 differs); send them again")
