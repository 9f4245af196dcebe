"""Committing a version of an object, in the order that lets any process finish what another began.

1 pin: every new large file is copied from staging to `intents/<object>/vN/<digest>` and read back; nothing changes it
there.
2 reserve: `intents/<object>/vN.json`, create-only, holds the whole inventory and the bytes of the small files. A loser
finishes it and takes vN+1.
3 bring the bytes, pinned and small ones, to their final keys and read them back.
4 sidecar, then `vN/inventory.json`, create-only: committed.
5 `0=ocfl_object_1.1`, root inventory and its sidecar, never back to a lower version.
6 ledger entry; what is to be kept is guarded by the store; then intent and pins are dropped.

Steps 3 to 6 are the same bytes under the same keys whoever does them and however often, so crash recovery, a live
committer and a second committer may all be at them at once.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from sohoa.clock import Clock, isoformat, parse_moment
from sohoa.errors import AlreadyExists, Conflict, DigestMismatch, NotFound, StoreUnavailable
from sohoa.model import Actor, Sha256
from storage.archive.disposal import check_not_disposed, finish_disposal, is_disposal
from storage.archive.inventory import Inventory, is_among, next_inventory, parse_inventory, sidecar
from storage.archive.keeping import guard_kept
from storage.archive.layout import (
    INTENTS,
    dossier_of,
    intent_key,
    object_root,
    pins_prefix,
    root_of_digest,
    sha256_of,
    to_json,
)
from storage.archive.ledger import Commit, Ledger, Waiting
from storage.archive.versions import Heads, check_inventory, inventory_sha256, is_committed, root_head, sha256_of_key
from storage.objects.protocol import Objects

_Item = TypeVar("_Item")

_SMALL_BYTES = 64 * 1024
"""Up to here a file travels in the intent: a store is asked for it twice less than for a copy to be pinned and dropped."""
_ATTEMPTS = 200
"""How often a committer may lose the race for a version before it gives the job back."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A staged file and where it belongs in the object: `documents/<document_id>/document.pdf`."""

    logical_path: str
    key: str
    sha256: Sha256
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A commit and the sequence number of the ledger entry that names it."""

    commit: Commit
    sequence: int


@dataclass(frozen=True, slots=True)
class Intent:
    """A reserved version: its whole inventory, the ledger's head before it was (no entry up to there names it), and the
    small files that it brings, by their digests."""

    inventory: Inventory
    inventory_json: bytes
    ledger_head: int
    small: Mapping[Sha256, bytes] = field(default_factory=dict)

    @property
    def version(self) -> int:
        return self.inventory.head

    @property
    def key(self) -> str:
        return intent_key(self.inventory.object_id, self.version)

    @property
    def commit(self) -> Commit:
        return _commit_of(self.inventory, self.version, sha256_of(self.inventory_json))

    def new_content(self) -> Iterator[tuple[Sha256, str]]:
        """Digest and path in the object of every file that this version brings."""
        for digest, paths in self.inventory.manifest.items():
            for path in paths:
                if path.startswith(f"v{self.version}/"):
                    yield digest, path


def commit_files(
    objects: Objects,
    ledger: Ledger,
    heads: Heads,
    clock: Clock,
    *,
    object_id: str,
    files: Sequence[StagedFile],
    removed: Collection[str] = (),
    actor: Actor,
    message: str,
) -> Recorded:
    """Commit the next version of an object, with `files` and without what `removed` names (logical paths, and folders,
    which end in "/"), or find the version since which it is so already. A file may lie anywhere in the store: in
    staging, or in another object.

    Raises Conflict (`disposed`) where the object was disposed of; DigestMismatch where the files' bytes are not what was
    announced and NotFound where they are gone, or where something is only to be removed from an object that is not
    there (nothing is committed then); StoreUnavailable, after which the same call, or recovery, goes on where this one
    stopped.
    """
    wanted = {file.logical_path: file.sha256 for file in files}
    for _ in range(_ATTEMPTS):
        ledger_head = ledger.head()
        before = heads.read(object_id)
        if before is None and not wanted:
            raise NotFound(f"{object_id} is not in the archive")
        if before is not None and (version := _version_that_brought(before, wanted, removed)):
            return _find_recorded(objects, ledger, heads, before, version)
        if before is not None:  # the ledger names an object's versions in their order
            _finish_other(objects, ledger, heads, intent_key(object_id, before.head))
        first = {} if before is not None else _first_files(object_id)
        inventory = next_inventory(
            before,
            object_id,
            wanted | {path: sha256_of(data) for path, data in first.items()},
            removed=removed,
            created_at=parse_moment(isoformat(clock.now())),
            actor=actor,
            message=message,
        )
        intent = Intent(inventory, inventory.to_json(), ledger_head)
        try:
            intent = _pin(objects, intent, files, first.values())
        except NotFound:
            # Who commits vN drops all pins for vN, ours too; then vN+1 is next.
            if not is_committed(objects, object_root(object_id), intent.version):
                raise
            continue
        if _reserve(objects, intent):
            recorded = _finish(objects, ledger, intent)
            if recorded is not None:
                heads.keep(inventory)
                return recorded
        else:
            _finish_other(objects, ledger, heads, intent.key)
    raise StoreUnavailable(f"{object_id} is being written by too many at once; the commit is tried again later")


def finish(objects: Objects, ledger: Ledger, intent: Intent) -> Recorded | None:
    """Roll a reserved version forward (steps 3 to 6). None where its number had been used already: then it is only
    dropped.

    That happens to a committer which reserves vN after another one committed vN and dropped its own intent. Whoever
    reserved it may be long gone, so its pins are read first. Raises DigestMismatch where something of it is damaged.
    """
    with suppress(NotFound):  # finished meanwhile, and its pins dropped
        prefix = pins_prefix(intent.inventory.object_id, intent.version)
        for digest, _ in intent.new_content():
            if digest not in intent.small:
                _check(objects, prefix + digest, digest)
    return _finish(objects, ledger, intent)


def _finish(objects: Objects, ledger: Ledger, intent: Intent) -> Recorded | None:
    commit, root = intent.commit, object_root(intent.inventory.object_id)
    if not is_committed(objects, root, intent.version):
        try:
            check_not_disposed(objects, intent.inventory.object_id)
        except Conflict:
            _drop(objects, intent)
            raise
        try:
            _write_version(objects, root, intent)
        except NotFound:
            # Somebody else may have finished it and dropped the pins while we were copying.
            if not is_committed(objects, root, intent.version):
                raise
    else:
        check_inventory(objects, root, intent.version)
    if inventory_sha256(objects, root, intent.version) != commit.inventory_sha256:
        _drop(objects, intent)
        return None
    _raise_root(objects, root, intent)
    sequence = ledger.record(commit, after=intent.ledger_head, waiting=partial(_waiting, objects))
    guard_kept(objects, intent.inventory, version=intent.version)
    _drop(objects, intent)
    return Recorded(commit=commit, sequence=sequence)


def open_intents(objects: Objects) -> Iterator[Intent | DigestMismatch]:
    """Every reserved version that is not finished yet, and what is wrong with an intent that cannot be read."""
    for key in objects.list(INTENTS):
        if key.count("/") == 2:  # intents/<object>/vN.json; pins lie one folder deeper
            with suppress(NotFound):  # finished by somebody else since it was listed
                data = objects.read(key)
                if is_disposal(data):
                    continue
                try:
                    yield _parse_intent(key, data)
                except DigestMismatch as damage:
                    yield damage


def _waiting(objects: Objects) -> Iterator[Waiting]:
    """Commits that are made and whose intents are still there."""
    for intent in open_intents(objects):
        if isinstance(intent, DigestMismatch):
            continue  # of another object, whose committers and the sweeper tell of it
        root = object_root(intent.inventory.object_id)
        with suppress(NotFound, DigestMismatch):  # not committed yet, or damaged, which its own committer tells
            if inventory_sha256(objects, root, intent.version) == intent.commit.inventory_sha256 and is_committed(
                objects, root, intent.version
            ):
                yield Waiting(intent.commit, intent.ledger_head)


def drop_useless_pins(objects: Objects) -> None:
    """Forget pins for versions that are committed: of a committer that lost a race and was killed before it knew."""
    for key in objects.list(INTENTS):
        if key.count("/") == 3:
            _, digest, version, _ = key.split("/")
            if is_committed(objects, root_of_digest(digest), int(version.removeprefix("v"))):
                objects.delete(key)


def _version_that_brought(inventory: Inventory, wanted: Mapping[str, Sha256], removed: Collection[str]) -> int | None:
    """The version since which the object has held all of `wanted`, and nothing else of `removed`, without a break; None
    where the newest does not."""
    found = None
    for number in range(inventory.head, 0, -1):
        state = inventory.versions[number - 1].state
        if any(state.get(path) != digest for path, digest in wanted.items()):
            break
        if removed and any(path not in wanted and is_among(path, removed) for path in state):
            break
        found = number
    return found


def _finish_other(objects: Objects, ledger: Ledger, heads: Heads, key: str) -> None:
    """Finish what somebody else reserved, so that the next version is free."""
    try:
        data = objects.read(key)
    except NotFound:
        return  # it was finished meanwhile
    if is_disposal(data):
        if (disposed := finish_disposal(objects, ledger, data)) is not None:
            heads.forget(disposed.certificate.object_id)
    else:
        finish(objects, ledger, _parse_intent(key, data))


def _find_recorded(objects: Objects, ledger: Ledger, heads: Heads, inventory: Inventory, version: int) -> Recorded:
    """The record of a version committed earlier, finished now where its committer did not come that far."""
    _finish_other(objects, ledger, heads, intent_key(inventory.object_id, version))
    sha256 = inventory_sha256(objects, object_root(inventory.object_id), version)
    commit = _commit_of(inventory, version, sha256)
    return Recorded(commit=commit, sequence=ledger.find_or_record(commit))


def _commit_of(inventory: Inventory, version: int, inventory_sha256: Sha256) -> Commit:
    made = inventory.versions[version - 1]
    return Commit(
        object_id=inventory.object_id,
        version=version,
        inventory_sha256=inventory_sha256,
        committed_at=made.created_at,
        actor=Actor(made.actor),
        message=made.message,
    )


def _first_files(object_id: str) -> dict[str, bytes]:
    """What only the first version of an object brings: who it is, readable without this program."""
    code = dossier_of(object_id)
    return {} if code is None else {"dossier.json": to_json({"code": code, "object_id": object_id})}


def _pin(objects: Objects, intent: Intent, files: Sequence[StagedFile], first: Iterable[bytes]) -> Intent:
    """Put the bytes of a version where nobody changes them: the small ones into the intent, the others under it. All that
    was announced is read back."""
    prefix = pins_prefix(intent.inventory.object_id, intent.version)
    new = {digest for digest, _ in intent.new_content()}
    small = {sha256_of(data): data for data in first}

    def pin_one(file: StagedFile) -> None:
        if file.sha256 not in new:
            _check(objects, file.key, file.sha256)
        elif file.size_bytes <= _SMALL_BYTES:
            data = objects.read(file.key)
            if sha256_of(data) != file.sha256:
                raise _changed(file)
            small[file.sha256] = data
        else:
            pin = prefix + file.sha256
            with suppress(AlreadyExists):  # with other bytes: the check below tells whether they are the right ones
                objects.copy(file.key, pin)
            try:
                _check(objects, pin, file.sha256)
            except DigestMismatch:
                objects.delete(pin)
                raise _changed(file) from None

    _each(objects, pin_one, files)
    return replace(intent, small=small)


def _changed(file: StagedFile) -> DigestMismatch:
    return DigestMismatch(f"{file.key}: its bytes are no longer those announced; check the disk, and stage them again")


def _reserve(objects: Objects, intent: Intent) -> bool:
    """Make the version ours. False where it is another's, whose work is done; the caller takes the next number."""
    small = json.dumps({digest: b64encode(data).decode() for digest, data in sorted(intent.small.items())})
    data = b'{"inventory":%s,"ledger_head":%d,"small":%s}\n' % (
        intent.inventory_json.rstrip(),
        intent.ledger_head,
        small.encode(),
    )
    try:
        objects.create(intent.key, data)
    except AlreadyExists:
        return False
    return True


def _parse_intent(key: str, data: bytes) -> Intent:
    try:
        found = json.loads(data)
        inventory_json = to_json(found["inventory"])
        small = {Sha256(digest): b64decode(data, validate=True) for digest, data in found["small"].items()}
        if any(sha256_of(data) != digest for digest, data in small.items()):
            raise ValueError
        return Intent(parse_inventory(inventory_json), inventory_json, found["ledger_head"], small)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DigestMismatch(
            f"{key} is damaged: restore it from a copy; until then its object takes no version"
        ) from None


def _write_version(objects: Objects, root: str, intent: Intent) -> None:
    prefix = pins_prefix(intent.inventory.object_id, intent.version)

    def write_one(content: tuple[Sha256, str]) -> None:
        digest, path = content
        if digest in intent.small:
            _create_same(objects, f"{root}/{path}", intent.small[digest])
        else:
            objects.copy(prefix + digest, f"{root}/{path}")
        _check(objects, f"{root}/{path}", digest)

    _each(objects, write_one, intent.new_content())
    _create_same(objects, f"{root}/v{intent.version}/inventory.json.sha256", sidecar(intent.inventory_json))
    _create_same(objects, f"{root}/v{intent.version}/inventory.json", intent.inventory_json)


def _raise_root(objects: Objects, root: str, intent: Intent) -> None:
    """Bring the object root's own files to at least this version, then its sidecar to whatever the inventory is now."""
    declaration = f"{root}/0=ocfl_object_1.1"
    if intent.version == 1 or not objects.exists(declaration):
        _create_same(objects, declaration, b"ocfl_object_1.1\n")
    key, side = f"{root}/inventory.json", f"{root}/inventory.json.sha256"
    if intent.version == 1:
        with suppress(AlreadyExists):  # by another who finishes it, or already with a newer one: told apart below
            objects.create(key, intent.inventory_json)
            objects.create(side, sidecar(intent.inventory_json))
            return
    while True:
        etag = _etag(objects, key)
        if etag is not None and root_head(objects, root) >= intent.version:
            break
        with suppress(Conflict):
            objects.replace(key, intent.inventory_json, if_match=etag)
            break
    while True:
        etag = _etag(objects, side)
        wanted = sidecar(objects.read(key))
        if etag is not None and objects.read(side) == wanted:
            break
        with suppress(Conflict):
            objects.replace(side, wanted, if_match=etag)


def _drop(objects: Objects, intent: Intent) -> None:
    """Forget the pins, then the intent: in this order no pin outlives its intent."""
    _each(objects, objects.delete, list(objects.list(pins_prefix(intent.inventory.object_id, intent.version))))
    objects.delete(intent.key)


def _etag(objects: Objects, key: str) -> str | None:
    try:
        return objects.stat(key).etag
    except NotFound:
        return None


def _create_same(objects: Objects, key: str, data: bytes) -> None:
    """Create a key whose bytes are the same whoever writes it."""
    try:
        objects.create(key, data)
    except AlreadyExists:
        if objects.read(key) != data:
            raise DigestMismatch(f"{key} holds other bytes than it must; the archive was altered") from None


def _each(objects: Objects, do: Callable[[_Item], None], items: Iterable[_Item]) -> None:
    """Do it for every item, several at a time where the store gains by that. Raises what the first of them that failed
    raised, once nothing is under way any more."""
    at_once = objects.several_at_once()
    if at_once == 1:
        for item in items:
            do(item)
        return
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(do, items):
            pass


def _check(objects: Objects, key: str, sha256: Sha256) -> None:
    if sha256_of_key(objects, key)[0] != sha256:
        raise DigestMismatch(f"{key}: the bytes read back are not those written; check the disk")
