"""Copies single keys from one store to another: right bytes only, read back, never over what is right already.

Bytes whose digest something else names (an inventory, the ledger) are put in the place of damaged ones, which are kept
aside by the store (`Objects.mend`). Bytes that nothing names are only ever put where there are none.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from sohoa.errors import AlreadyExists, Conflict, DigestMismatch, NotFound, StoreUnavailable
from sohoa.model import Sha256
from storage.archive.layout import sha256_of, to_json
from storage.archive.versions import sha256_of_key
from storage.objects.protocol import DELETABLE, Objects, damaged_key

_ROOT_FILE = "ocfl/0=ocfl_1.1"


@dataclass(frozen=True, slots=True)
class CopyFinding:
    """A key that could not be copied, or is not the same in both stores.

    Codes: source_damaged, source_missing, ledger_damaged, copy_differs, not_guarded.
    """

    code: str
    key: str
    detail: str


class Copying:
    """Two stores, what was sent from one to the other so far, and what was found on the way. For any thread."""

    def __init__(self, source: Objects, target: Objects) -> None:
        self.source = source
        self.target = target
        self.sent_files = self.sent_bytes = self.mended = 0
        self._found: dict[CopyFinding, None] = {}
        self._counting = threading.Lock()

    @property
    def findings(self) -> tuple[CopyFinding, ...]:
        """By key, then code."""
        return tuple(sorted(self._found, key=lambda finding: (finding.key, finding.code)))

    def find(self, code: str, key: str, detail: str) -> None:
        with self._counting:
            self._found[CopyFinding(code, key, detail)] = None

    def file(self, key: str, sha256: Sha256) -> bool:
        """See to it that the target has the bytes of this digest; whether it has."""
        there = self.target.exists(key)
        if there and digest_of(self.target, key) == sha256:
            return True
        try:
            with self.source.open(key) as stream:
                put = self.target.mend if there else self.target.create
                size_bytes = put(key, stream, sha256=sha256).size_bytes
        except NotFound:
            self.find("source_missing", key, "it is not there: bring it back from a copy that has it")
            return False
        except (DigestMismatch, StoreUnavailable, OSError):
            if digest_of(self.source, key) == sha256:
                raise  # it is the target that does not take it, or the network
            self.find("source_damaged", key, "its bytes are not those of its digest: it was not copied")
            return False
        except AlreadyExists:
            return self.file(key, sha256)  # somebody else copies as well
        self._check(key, sha256)
        self._count(size_bytes, mended=there)
        return True

    def small(self, key: str, data: bytes) -> None:
        """See to it that the target has these bytes, which something else vouches for."""
        there = self.target.exists(key)
        if there and read_or_none(self.target, key) == data:
            return
        sha256 = sha256_of(data)
        try:
            put = self.target.mend if there else self.target.create
            put(key, data, sha256=sha256)
        except AlreadyExists:
            self.small(key, data)
            return
        self._check(key, sha256)
        self._count(len(data), mended=there)

    def unvouched(self, key: str) -> bool:
        """Copy a small JSON file that nothing else names the digest of, where the target has none; whether it has it.

        Where it has another one, that is a finding, unless one of the two is no JSON as Sohoa writes it: then it is the
        damaged one.
        """
        data, there = read_or_none(self.source, key), read_or_none(self.target, key)
        if data is None or not is_whole_json(data):
            self.find("source_damaged", key, "it is not as Sohoa writes it: it was not copied")
            return False
        if there is None or there == data or not is_whole_json(there):
            self.small(key, data)
            return True
        self.find("copy_differs", key, "the two stores have different ones, and nothing tells which is right")
        return False

    def verbatim(self, key: str) -> None:
        """Copy what has no digest but that of its bytes, in the place of what the target has where it may be replaced.

        Raises NotFound or DigestMismatch where it is taken away or replaced at the source meanwhile.
        """
        sha256 = digest_of(self.source, key)
        if sha256 is None:
            self.find("source_damaged", key, "it cannot be read: it was not copied")
            return
        with self.source.open(key) as stream:
            stored = self.target.create(key, stream, sha256=sha256, overwrite=key.startswith(DELETABLE))
        self._check(key, sha256)
        self._count(stored.size_bytes, mended=False)

    def is_same(self, key: str) -> bool:
        """Whether both stores have the same bytes under a key."""
        return digest_of(self.source, key) == digest_of(self.target, key)

    def root_file(self, key: str, data: bytes, *, older: Callable[[], Iterable[bytes]]) -> None:
        """Bring one of an object root's own files, which follow the newest version, to `data`.

        What is there and is none of the `older` ones is damaged and kept aside.
        """
        there = read_or_none(self.target, key)
        if there == data:
            return
        if not self.target.exists(key):
            etag, damaged = None, False
        else:
            etag = self.target.stat(key).etag
            damaged = there is None or there not in older()
        if etag is not None and damaged:
            with suppress(AlreadyExists):
                self.target.copy(key, damaged_key(key, etag))
        try:
            self.target.replace(key, data, if_match=etag)
        except Conflict:  # somebody else copies as well
            self.root_file(key, data, older=older)
            return
        self._check(key, sha256_of(data))
        self._count(len(data), mended=damaged)

    def _check(self, key: str, sha256: Sha256) -> None:
        if digest_of(self.target, key) != sha256:
            raise DigestMismatch(f"{key}: the copy read back is not what was sent; check the disk it was sent to")

    def _count(self, size_bytes: int, *, mended: bool) -> None:
        with self._counting:
            self.sent_files += 1
            self.sent_bytes += size_bytes
            self.mended += mended


def digest_of(objects: Objects, key: str) -> Sha256 | None:
    """The digest of a key's bytes, None where they are not there or the disk cannot read them.

    Raises StoreUnavailable where the store as a whole cannot be read just now.
    """
    try:
        return sha256_of_key(objects, key)[0]
    except (NotFound, DigestMismatch):
        return None
    except (StoreUnavailable, OSError):
        objects.read(_ROOT_FILE)
        return None


def read_or_none(objects: Objects, key: str) -> bytes | None:
    """The bytes of a small key, None as :func:`digest_of` says."""
    try:
        return objects.read(key)
    except (NotFound, DigestMismatch):
        return None
    except (StoreUnavailable, OSError):
        objects.read(_ROOT_FILE)
        return None


def is_whole_json(data: bytes) -> bool:
    """Whether these are the bytes that Sohoa writes for some JSON value; most damage makes them others."""
    try:
        return to_json(json.loads(data)) == data
    except ValueError:
        return False
