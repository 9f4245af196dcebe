"""The archive as the rest of Sohoa sees it: stage, receive, commit, recover, read back (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from sohoa.clock import Clock
from sohoa.errors import DigestMismatch, NotFound, SohoaError
from sohoa.model import Actor, DocumentId, Sha256
from storage.archive import receipts
from storage.archive.certificate import Certificate
from storage.archive.commit import (
    Recorded,
    StagedFile,
    commit_files,
    drop_useless_pins,
    finish,
    open_intents,
)
from storage.archive.disposal import Disposed, dispose_of, finish_disposal, open_disposals
from storage.archive.inventory import Inventory
from storage.archive.layout import STAGING, object_root, receipt_key, root_files, staging_prefix
from storage.archive.ledger import Commit, Ledger
from storage.archive.receipts import Receipt
from storage.archive.versions import Heads, sha256_of_key
from storage.objects.protocol import Objects


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file of an object's newest version and the key under which its bytes lie."""

    logical_path: str
    key: str
    sha256: Sha256
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StagedDocument:
    """A document with something staged, and the time since anything of it was staged last."""

    document_id: DocumentId
    age_s: float


class Archive:
    """One archive in one store. Threads may share it; any number of processes may work on the same store."""

    def __init__(self, objects: Objects, clock: Clock) -> None:
        self.objects = objects
        self.ledger = Ledger(objects, clock)
        self._heads = Heads(objects)
        self._clock = clock

    def initialise(self) -> None:
        """Make the store an OCFL storage root, unless it is one."""
        for key, data in root_files().items():
            if not self.objects.exists(key):
                self.objects.create(key, data)

    # before the commit

    def stage(
        self,
        document_id: str,
        name: str,
        source: BinaryIO | bytes,
        *,
        sha256: Sha256 | None = None,
        overwrite: bool = False,
    ) -> StagedFile:
        """Keep bytes durably under `staging/<document_id>/<name>` until they are committed.

        The answer can be given to :meth:`commit_and_record` as it is: its logical path is
        `documents/<document_id>/<name>`. Raises AlreadyExists unless `overwrite`, DigestMismatch where the bytes are
        not those of `sha256`.
        """
        key = staging_prefix(document_id) + name
        stored = self.objects.create(key, source, sha256=sha256, overwrite=overwrite)
        return StagedFile(_logical_path(document_id, name), key, stored.sha256, stored.size_bytes)

    def staged_file(
        self, document_id: str, name: str, logical_path: str | None = None, *, known: Sequence[Any] | None = None
    ) -> StagedFile:
        """What was staged earlier, perhaps by another process. `known` is [digest, length] of then, for the commit reads it
        back anyway; where nobody knows them any more its bytes are read here. Raises NotFound then."""
        path, key = logical_path or _logical_path(document_id, name), staging_prefix(document_id) + name
        if known is not None:
            return StagedFile(path, key, Sha256(known[0]), known[1])
        digest, size_bytes = sha256_of_key(self.objects, key)
        return StagedFile(path, key, digest, size_bytes)

    def staged_documents(self) -> Iterator[StagedDocument]:
        """Each document with something staged, in the order of their ids."""
        for document_id, keys in groupby(self.objects.list(STAGING), key=lambda key: key.split("/")[1]):
            with suppress(NotFound):  # cleared since it was listed
                newest = max(self.objects.stat(key).modified_at for key in keys)
                yield StagedDocument(DocumentId(document_id), (self._clock.now() - newest).total_seconds())

    def clear_staging(self, document_id: str) -> None:
        """Forget what is staged for a document, the original last, so that what is left can always be begun again."""
        for key in sorted(self.objects.list(staging_prefix(document_id)), key=_original_last):
            self.objects.delete(key)

    def write_receipt(self, receipt: Receipt) -> None:
        """Make the promise to the sender durable. Raises AlreadyExists where the document has a receipt."""
        receipts.write_receipt(self.objects, receipt)

    def has_receipt(self, document_id: str) -> bool:
        """Whether a document was accepted."""
        return self.objects.exists(receipt_key(document_id))

    def read_receipt(self, document_id: str) -> Receipt:
        """The receipt of a document. Raises NotFound, DigestMismatch."""
        return receipts.read_receipt(self.objects, document_id)

    def pending_receipts(self) -> Iterator[Receipt | DigestMismatch]:
        """Receipts of documents that still have something staged (accepted, and perhaps not yet committed), and what is
        wrong with one that is damaged."""
        for document_id in self._staged_ids():
            try:
                yield self.read_receipt(document_id)
            except NotFound:
                continue  # staged but never accepted
            except DigestMismatch as damage:
                yield damage

    # the commit

    def commit_and_record(
        self,
        object_id: str,
        files: Sequence[StagedFile],
        *,
        removed: Collection[str] = (),
        actor: Actor,
        message: str,
    ) -> Recorded:
        """Make the next version of an object, and enter it in the ledger; see commit.py for the order of writes.

        Files that the object has and `files` does not name stay as they are; a correction or a withdrawal therefore
        gives only record.json and premis.jsonl. What `removed` names (paths, and folders, which end in "/") is in the
        new version no longer, and stays in those before. Where the newest version is like that already, nothing is
        written and the version since which it is so is the answer, so the same call may be made again after any crash.

        Raises DigestMismatch or NotFound where staged bytes are not what they were (nothing is committed then), and
        StoreUnavailable, after which the same call, or :meth:`recover`, goes on from there.
        """
        return commit_files(
            self.objects,
            self.ledger,
            self._heads,
            self._clock,
            object_id=object_id,
            files=files,
            removed=removed,
            actor=actor,
            message=message,
        )

    def dispose(self, certificate: Certificate) -> Disposed:
        """Dispose of an object whose newest version is the certificate's; see disposal.py. Raises as dispose_of does."""
        disposed = dispose_of(self.objects, self.ledger, certificate)
        self._forget(disposed)
        return disposed

    def recover(self) -> list[Commit]:
        """Roll every reserved version, and every disposal, forward, whoever began it; safe beside others who
        commit or recover.

        One that cannot be finished does not keep the others waiting: the first such error is raised at the end.
        """
        done: list[Commit] = []
        failures: list[SohoaError] = []
        for intent in open_intents(self.objects):
            if isinstance(intent, DigestMismatch):
                failures.append(intent)
                continue
            try:
                recorded = finish(self.objects, self.ledger, intent)
            except SohoaError as error:
                failures.append(error)
            else:
                done += [recorded.commit] if recorded is not None else []
        for _, reserved in open_disposals(self.objects):
            try:
                self._forget(finish_disposal(self.objects, self.ledger, reserved))
            except SohoaError as error:
                failures.append(error)
        drop_useless_pins(self.objects)
        if failures:
            raise failures[0]
        return done

    # reading back

    def inventory(self, object_id: str) -> Inventory:
        """The inventory of an object's newest version. Raises NotFound, DigestMismatch."""
        inventory = self._heads.read(object_id)
        if inventory is None:
            raise NotFound(f"{object_id} is not in the archive")
        return inventory

    def files(self, object_id: str, *, below: str = "") -> dict[str, ArchivedFile]:
        """What an object's newest version has, all or `below` a folder (which ends in "/"), by logical path.

        Raises NotFound where there is no such object.
        """
        inventory, root = self.inventory(object_id), object_root(object_id)
        found = {}
        for path, digest in sorted(inventory.state.items()):
            if not path.startswith(below):
                continue
            key = f"{root}/{inventory.manifest[digest][0]}"
            found[path] = ArchivedFile(path, key, digest, self.objects.stat(key).size_bytes)
        return found

    def holds(self, object_id: str, folder: str) -> bool:
        """Whether an object's newest version has anything below a folder, or one that is reserved is going to.

        Raises DigestMismatch where that cannot be told.
        """
        inventory = self._heads.read(object_id)
        states = [inventory.state] if inventory is not None else []
        for intent in open_intents(self.objects):
            if isinstance(intent, DigestMismatch):
                raise intent
            if intent.inventory.object_id == object_id:
                states.append(intent.inventory.state)
        return any(path.startswith(folder) for state in states for path in state)

    def open_file(
        self, object_id: str, logical_path: str, *, version: int | None = None, start: int = 0, end: int | None = None
    ) -> BinaryIO:
        """A file of a version, the newest unless told, as a stream from byte `start` up to, without, `end`.

        Raises NotFound. Who goes by what the catalogue says of a document gives its version too, and so reads what was
        meant however the object has gone on since.
        """
        return self.objects.open(self._key(object_id, logical_path, version), start=start, end=end)

    def local_file(
        self, object_id: str, logical_path: str, *, version: int | None = None
    ) -> AbstractContextManager[Path]:
        """A file of a version, the newest unless told, as a real, read-only file. Raises NotFound."""
        return self.objects.local_file(self._key(object_id, logical_path, version))

    def address(self, object_id: str, logical_path: str, *, version: int | None = None) -> str:
        """Where an operator finds a file of a version, the newest unless told: a path, or `s3://BUCKET/NAME`.

        Raises NotFound.
        """
        return self.objects.address(self._key(object_id, logical_path, version))

    def digest_of(self, object_id: str, logical_path: str, *, version: int | None = None) -> Sha256:
        """The SHA-256 of a file of a version, the newest unless told. Raises NotFound."""
        return self.inventory(object_id).digest_of(logical_path, version=version)

    def _key(self, object_id: str, logical_path: str, version: int | None) -> str:
        return f"{object_root(object_id)}/{self.inventory(object_id).content_path(logical_path, version=version)}"

    def _forget(self, disposed: Disposed | None) -> None:
        if disposed is not None:
            self._heads.forget(disposed.certificate.object_id)

    def _staged_ids(self) -> Iterator[str]:
        for document_id, _ in groupby(self.objects.list(STAGING), key=lambda key: key.split("/")[1]):
            yield document_id


def _logical_path(document_id: str, name: str) -> str:
    return f"documents/{document_id}/{name}"


def _original_last(key: str) -> tuple[bool, str]:
    return key.split("/")[2].partition(".")[0] == "original", key
