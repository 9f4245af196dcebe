"""Which versions an object has, whatever its root says: the highest `vN/inventory.json` is the truth (OCFL 1.1, 3.5)."""

from __future__ import annotations

import hashlib
import json
import re

from sohoa.errors import DigestMismatch, NotFound
from sohoa.model import Sha256
from storage.archive.inventory import Inventory, parse_inventory
from storage.archive.layout import object_root, sha256_of
from storage.objects.protocol import Objects

_HEADS_KEPT = 8
"""Few, for the inventory of a dossier with hundreds of versions takes megabytes."""
_HEAD = re.compile(rb'\{"digestAlgorithm":"sha256","head":"v(\d+)",')
_SIDECAR = re.compile(rb"([0-9a-f]{64}) +inventory\.json\n")
_HEAD_WITHIN = 80
"""An inventory as written here says its head first, so that megabytes need not be parsed for it."""


class Heads:
    """Reads the newest inventories of objects and keeps a few: committed versions never change. For any thread."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: dict[str, Inventory] = {}

    def read(self, object_id: str) -> Inventory | None:
        """The inventory of an object's newest committed version, None where it has none.

        The root inventory is a copy that may lag behind; the highest `vN/inventory.json` is the truth. Raises
        DigestMismatch where the inventory is not the one its sidecar names.
        """
        kept, root = self._kept.get(object_id), object_root(object_id)
        known = root_head(self._objects, root) if kept is None else kept.head
        newest = known
        while is_committed(self._objects, root, newest + 1):
            newest += 1
        if newest == 0:
            return None
        if kept is not None and newest == known:
            return kept
        data = self._objects.read(f"{root}/v{newest}/inventory.json")
        if sha256_of(data) != inventory_sha256(self._objects, root, newest):
            raise DigestMismatch(f"{root}: the inventory of v{newest} is damaged; restore it from a copy")
        inventory = parse_inventory(data)
        self.keep(inventory)
        return inventory

    def keep(self, inventory: Inventory) -> None:
        """Remember what was just committed, so that nobody has to read it back to build upon it."""
        if len(self._kept) >= _HEADS_KEPT:
            self._kept.clear()
        self._kept[inventory.object_id] = inventory

    def forget(self, object_id: str) -> None:
        """The object was disposed of: who kept its inventory has to see that it is gone."""
        self._kept.pop(object_id, None)


def sha256_of_key(objects: Objects, key: str) -> tuple[Sha256, int]:
    """Digest and length of an object's bytes, read from the store. Raises NotFound."""
    digest, size_bytes = hashlib.sha256(), 0
    with objects.open(key) as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
            size_bytes += len(chunk)
    return Sha256(digest.hexdigest()), size_bytes


def is_committed(objects: Objects, root: str, version: int) -> bool:
    return objects.exists(f"{root}/v{version}/inventory.json")


def inventory_sha256(objects: Objects, root: str, version: int) -> Sha256:
    key = f"{root}/v{version}/inventory.json.sha256"
    found = _SIDECAR.fullmatch(objects.read(key))
    if found is None:
        raise DigestMismatch(f"{key} is damaged; restore it from a copy")
    return Sha256(found[1].decode())


def check_inventory(objects: Objects, root: str, version: int) -> None:
    """Raise DigestMismatch where a version that somebody else committed is damaged: nothing may be built upon it."""
    key = f"{root}/v{version}/inventory.json"
    if sha256_of_key(objects, key)[0] != inventory_sha256(objects, root, version):
        raise DigestMismatch(f"{key} is not what its sidecar says; restore both from a copy")


def root_head(objects: Objects, root: str) -> int:
    """The version that the object root's inventory says is the newest, 0 where there is none."""
    try:
        with objects.open(f"{root}/inventory.json", end=_HEAD_WITHIN) as file:
            found = _HEAD.match(file.read())
        if found is not None:
            return int(found[1])
        return int(json.loads(objects.read(f"{root}/inventory.json"))["head"].removeprefix("v"))
    except NotFound:
        return 0
    except (ValueError, KeyError):
        raise DigestMismatch(f"{root}/inventory.json is damaged; restore it from a copy") from None
