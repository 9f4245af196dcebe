"""Copies versions of objects: what a version brings, its sidecar and inventory, the receipts of the papers that came with
it, then the object root's own files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sohoa.errors import DigestMismatch, NotFound
from storage.archive.commit import Intent
from storage.archive.disposal import certificate_key
from storage.archive.inventory import Inventory, parse_inventory, sidecar
from storage.archive.keeping import guard_kept
from storage.archive.layout import object_root, receipt_key, sha256_of
from storage.archive.ledger import Commit
from storage.replicate.copying import Copying, read_or_none

_DECLARATION = b"ocfl_object_1.1\n"
UNUSABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What JSON of the wrong form raises when it is read."""


def copy_versions(copying: Copying, commits: Sequence[Commit], *, thorough: bool) -> int:
    """Copy these versions of one object, oldest first; how many of them the target has whole now, from the first on.

    A version whose inventory the target has is taken to be whole, for content comes before it; if `thorough`, all of it
    is read there. Of an object that was disposed of in either store nothing is copied, and it counts as whole.
    """
    object_id, whole = commits[0].object_id, 0
    if any(store.exists(certificate_key(object_id)) for store in (copying.source, copying.target)):
        return len(commits)
    for commit in commits:
        if not _copy_version(copying, commit, thorough=thorough):
            break
        whole += 1
    if whole:
        _follow(copying, object_root(object_id), commits[whole - 1].version)
    return whole


def _copy_version(copying: Copying, commit: Commit, *, thorough: bool) -> bool:
    root = object_root(commit.object_id)
    key = f"{root}/v{commit.version}/inventory.json"
    there = read_or_none(copying.target, key)
    known = there is not None and sha256_of(there) == commit.inventory_sha256
    if known and not thorough:
        return True
    data = read_or_none(copying.source, key)
    if data is None or sha256_of(data) != commit.inventory_sha256:
        code = "source_missing" if data is None else "source_damaged"
        copying.find(code, key, "it is not the inventory that the ledger names: the version was not copied")
        if not known or there is None:
            return False
        data = there
    inventory = _inventory(data)
    intent = None if inventory is None else Intent(inventory, data, 0)
    if intent is None or intent.commit != commit:
        copying.find("ledger_damaged", key, "the ledger says something else of this version than its inventory does")
        return False
    # all of them, so that every damaged file is named
    copied = [copying.file(f"{root}/{path}", digest) for digest, path in intent.new_content()]
    if not all(copied):
        return False
    copying.small(f"{key}.sha256", sidecar(data))
    copying.small(key, data)
    for document_id in {path.split("/")[3] for _, path in intent.new_content() if _is_original(path)}:
        receipt = receipt_key(document_id)
        if copying.source.exists(receipt):
            copying.unvouched(receipt)
    return True


def _is_original(path: str) -> bool:
    parts = path.split("/")  # vN/content/documents/<document_id>/original.EXT
    return len(parts) == 5 and parts[2] == "documents" and parts[4].startswith("original.")


def _inventory(data: bytes) -> Inventory | None:
    try:
        return parse_inventory(data)
    except UNUSABLE:
        return None


def _follow(copying: Copying, root: str, version: int) -> None:
    """Bring the object root's own files to the newest version there, which is at least `version`."""
    target = copying.target
    while target.exists(f"{root}/v{version + 1}/inventory.json"):
        version += 1
    data = target.read(f"{root}/v{version}/inventory.json")
    inventory = _inventory(data)
    if inventory is None or inventory.head != version:
        return  # newer than what was copied here, and not this copy's to judge

    def older() -> Iterator[bytes]:
        for number in range(version - 1, 0, -1):
            before = read_or_none(target, f"{root}/v{number}/inventory.json")
            yield from () if before is None else (before, sidecar(before))

    copying.root_file(f"{root}/0=ocfl_object_1.1", _DECLARATION, older=older)
    copying.root_file(f"{root}/inventory.json", data, older=older)
    copying.root_file(f"{root}/inventory.json.sha256", sidecar(data), older=older)
    try:
        guard_kept(target, inventory)
    except (DigestMismatch, NotFound):
        detail = "a decision on how long it is kept is damaged there, so the store does not keep it: use --thorough"
        copying.find("not_guarded", root, detail)
