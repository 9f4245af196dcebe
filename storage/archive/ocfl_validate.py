"""Is this an OCFL object? Structure, inventories and every digest, against OCFL 1.0 and 1.1 (https://ocfl.io/1.1/spec/).

A file is read once, in pieces, whichever digests are asked of it. Only inventories are in memory as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sohoa.errors import NotFound, StoreUnavailable
from storage.archive.ocfl_rules import (
    HEX_DIGITS,
    SPECS,
    VERSION_NAME,
    Finding,
    InventoryRead,
    check_names,
    number_of,
    read_inventory,
)
from storage.archive.ocfl_tree import Tree

CHUNK_BYTES = 1024 * 1024
EXTENSIONS = frozenset(
    {
        "0001-digest-algorithms",
        "0002-flat-direct-storage-layout",
        "0003-hash-and-id-n-tuple-storage-layout",
        "0004-hashed-n-tuple-storage-layout",
        "0005-mutable-head",
        "0006-flat-omit-prefix-storage-layout",
        "0007-n-tuple-omit-prefix-storage-layout",
        "0008-schema-registry",
        "0009-digest-algorithms",
        "0010-differential-n-tuple-omit-prefix-storage-layout",
        "0011-direct-clean-path-layout",
        "initial",
    }
)
"""Registered extensions (https://ocfl.github.io/extensions/)."""
_DECLARATION = re.compile(r"0=ocfl_object_(\d+\.\d+)")
_SIDECAR = re.compile(rb"([0-9a-fA-F]+)[ \t]+inventory\.json\n?")
_BLAKE_BYTES = {"blake2b-160": 20, "blake2b-256": 32, "blake2b-384": 48, "blake2b-512": 64}


@dataclass(slots=True)
class ObjectReport:
    """What was found in one object.

    `root` is its key, with a slash at the end (or "" for the whole tree). `inventory` is the root inventory as far as
    it makes sense; `inventory_sha256` has, for each version with an inventory, the SHA-256 of its bytes. `unreadable` are
    the keys that the store has and could not give, `irregular` sidecars that are valid and not spelled as Sohoa does.
    """

    root: str
    object_id: str | None = None
    spec: str | None = None
    inventory: InventoryRead | None = None
    inventory_sha256: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    irregular: set[str] = field(default_factory=set)
    files: int = 0
    size_bytes: int = 0

    @property
    def is_valid(self) -> bool:
        return not any(finding.is_error for finding in self.findings)


def validate_object(tree: Tree, root: str = "", names: Sequence[str] | None = None) -> ObjectReport:
    """Check the object at `root` ("" or ending in "/"); `names` are its keys below there, if they are known already.

    Raises StoreUnavailable where the keys cannot be listed. A file that cannot be read is a finding.
    """
    report = ObjectReport(root)
    paths = [key[len(root) :] for key in tree.list(root)] if names is None else list(names)
    report.files = sum(1 for path in paths if not path.endswith("/"))
    at = _Place(tree, report, frozenset(paths), _by_folder(paths))
    report.spec = _check_declaration(at)
    newest = _check_inventory(at, "", None)
    if newest is None:
        return report
    report.inventory, report.object_id = newest.inventory, newest.inventory.object_id
    if report.spec is not None and newest.inventory.spec not in (None, report.spec):
        at.say("E038", "inventory.json", f"its type is that of {newest.inventory.spec}, the object's is {report.spec}")
    _check_top(at, newest.inventory)
    older = _check_versions(at, newest)
    _check_content(at, [("", newest.inventory), *older.items()])
    return report


@dataclass(frozen=True, slots=True)
class _Place:
    """The object being looked at: where its files are, which there are, and where findings go."""

    tree: Tree
    report: ObjectReport
    paths: frozenset[str]
    folders: dict[str, tuple[set[str], set[str]]]

    def say(self, code: str, path: str, detail: str) -> None:
        self.report.findings.append(Finding(code, self.report.root + path, detail))

    def children(self, folder: str) -> tuple[set[str], set[str]]:
        """Names of the files and of the folders in the object's root ("") or in a folder of it ("v1/")."""
        return self.folders.get(folder, (set(), set()))

    def read(self, path: str) -> bytes:
        pieces: list[bytes] = []
        self.feed(path, [pieces.append])
        return b"".join(pieces)

    def feed(self, path: str, takers: Sequence[Callable[[bytes], object]]) -> None:
        """Give a file's bytes to each taker. Raises NotFound, StoreUnavailable."""
        key = self.report.root + path
        try:
            self.report.size_bytes += feed(self.tree, key, takers)
        except StoreUnavailable:
            self.report.unreadable.add(key)
            raise


@dataclass(frozen=True, slots=True)
class _Found:
    inventory: InventoryRead
    data: bytes


def _by_folder(paths: Iterable[str]) -> dict[str, tuple[set[str], set[str]]]:
    """Names of files and of folders in the root and in each folder of it, no deeper."""
    found: dict[str, tuple[set[str], set[str]]] = {"": (set(), set())}
    for path in paths:
        name, slash, rest = path.partition("/")
        found[""][bool(slash)].add(name)
        if slash:
            below = found.setdefault(f"{name}/", (set(), set()))
            if rest:
                inner, slash, _ = rest.partition("/")
                below[bool(slash)].add(inner)
    return found


def _check_declaration(at: _Place) -> str | None:
    """The version of OCFL that the object says it follows."""
    files, _ = at.children("")
    declarations = sorted(name for name in files if name.startswith("0="))
    if not declarations:
        at.say("E003", "", "there is no declaration 0=ocfl_object_1.1")
        return None
    if len(declarations) > 1:
        at.say("E003", declarations[1], "there is more than one declaration")
    name = declarations[0]
    match = _DECLARATION.fullmatch(name)
    if match is None or match[1] not in SPECS:
        at.say("E006", name, f"it declares something other than OCFL {' or '.join(SPECS)}")
        return None
    try:
        if at.read(name) != f"{name[2:]}\n".encode():
            at.say("E007", name, f"it does not hold {name[2:]} and a line feed")
    except (NotFound, StoreUnavailable) as error:
        at.say("E007", name, error.detail)
    return match[1]


def _check_inventory(at: _Place, folder: str, newest: _Found | None) -> _Found | None:
    """The inventory in the object's root ("") or a version's folder, its sidecar checked. None where it is no use.

    The same bytes as `newest` are not looked into again.
    """
    path = f"{folder}inventory.json"
    try:
        data = at.read(path)
    except (NotFound, StoreUnavailable) as error:
        at.say("E063", path, f"the inventory cannot be read: {error.detail}")
        return None
    if folder:
        at.report.inventory_sha256[folder[:-1]] = hashlib.sha256(data).hexdigest()
    if newest is not None and data == newest.data:
        inventory: InventoryRead | None = newest.inventory
    else:
        newer = None if newest is None else newest.inventory
        inventory = read_inventory(data, lambda code, detail: at.say(code, path, detail), newer=newer)
    sidecars = sorted(name for name in at.children(folder)[0] if name.startswith("inventory.json."))
    expected = None if inventory is None or inventory.algorithm is None else f"inventory.json.{inventory.algorithm}"
    if not sidecars:
        at.say("E058", path, "its sidecar with its digest is missing")
    elif expected is not None and expected not in sidecars:
        at.say("E059", folder + sidecars[0], f"the sidecar of this inventory is {expected}")
    for name in sidecars:
        if expected is None or name == expected:
            _check_sidecar(at, folder + name, data, name.removeprefix("inventory.json."))
        elif expected in sidecars:
            at.say("E015" if folder else "E001", folder + name, "it does not belong here")
    return None if inventory is None else _Found(inventory, data)


def _check_sidecar(at: _Place, path: str, inventory: bytes, algorithm: str) -> None:
    try:
        data = at.read(path)
    except (NotFound, StoreUnavailable) as error:
        at.say("E058", path, error.detail)
        return
    match = _SIDECAR.fullmatch(data)
    if match is None:
        at.say("E061", path, "it does not hold a digest, a blank and inventory.json")
        return
    digest = new_digest(algorithm)
    if digest is None:
        return
    digest.update(inventory)
    if digest.hexdigest() != match[1].decode().lower():
        at.say("E060", path, "the digest is not that of the inventory beside it")
    elif data != f"{digest.hexdigest()} inventory.json\n".encode():
        at.report.irregular.add(at.report.root + path)


def _check_top(at: _Place, inventory: InventoryRead) -> None:
    """The object's root holds nothing else, and its version folders are those that the inventory names."""
    files, folders = at.children("")
    versions = {name for name in folders if VERSION_NAME.fullmatch(name)}
    for name in sorted(files):
        if not name.startswith("0=") and not name.startswith("inventory.json"):
            at.say("E001", name, "this file does not belong in an object's root")
    for name in sorted(folders - versions - {"extensions", "logs"}):
        at.say("E001", name, "this folder does not belong in an object's root")
    for name in sorted(versions - inventory.versions.keys()):
        at.say("E046", name, "the inventory does not know this version")
    for name in sorted(inventory.versions.keys() - versions, key=str):
        if VERSION_NAME.fullmatch(name):
            at.say("E046", name, "the folder of this version is missing")
    if set(inventory.versions) != versions:
        check_names(versions, lambda code, detail: at.say(code, "", f"among the folders, {detail}"))
    loose, extensions = at.children("extensions/")
    for name in sorted(loose):
        at.say("E067", f"extensions/{name}", "extensions/ holds folders only")
    for name in sorted(extensions - EXTENSIONS):
        at.say("W013", f"extensions/{name}", "it is not a registered extension")


def _check_versions(at: _Place, newest: _Found) -> dict[str, InventoryRead]:
    """Each version's folder and inventory, which are given back by folder: what they say must agree with the newest."""
    found: dict[str, InventoryRead] = {}
    root = newest.inventory
    names = sorted((name for name in at.children("")[1] if VERSION_NAME.fullmatch(name)), key=number_of)
    for name in names:
        folder = f"{name}/"
        files, folders = at.children(folder)
        for stray in sorted(files):
            if not stray.startswith("inventory.json"):
                at.say("E015", folder + stray, "only the inventory and its sidecar lie beside a version's content")
        if "inventory.json" not in files:
            at.say("W010", folder, "the version has no inventory of its own")
            content = root.content_directory
        else:
            version = _check_inventory(at, folder, newest)
            if version is None:
                continue
            if name == root.head and version.data != newest.data:
                at.say("E064", "inventory.json", f"it is not the same as {folder}inventory.json")
            found[folder] = version.inventory
            content = version.inventory.content_directory
            _compare(at, name, version.inventory, root)
        for other in sorted(folders - {content}):
            at.say("W002", folder + other, "a version's folder holds no folder besides its content")
        if content in folders and not any(
            path.startswith(f"{folder}{content}/") and not path.endswith("/") for path in at.paths
        ):
            at.say("W003", f"{folder}{content}", "the content folder has no files")
    specs = [(folder, inventory.spec) for folder, inventory in found.items() if inventory.spec is not None]
    for (_, earlier), (folder, later) in pairwise([*specs, ("", root.spec or SPECS[-1])]):
        if SPECS.index(later) < SPECS.index(earlier):
            at.say("E103", f"{folder}inventory.json", f"it follows OCFL {later}, the version before it {earlier}")
    return found


def _compare(at: _Place, name: str, older: InventoryRead, newest: InventoryRead) -> None:
    """A version's own inventory against the newest: who it is, and every version block up to it."""
    path = f"{name}/inventory.json"
    if older.object_id is not None and older.object_id != newest.object_id:
        at.say("E037", path, "its id is not that of the object's newest inventory")
    if older.content_directory != newest.content_directory:
        at.say("E019", path, f"its contentDirectory is {older.content_directory!r}, later {newest.content_directory!r}")
    if older.head is not None and older.head != name:
        at.say("E040", path, f"its head is {older.head}")
    for version, block in older.versions.items():
        now = newest.versions.get(version)
        if now is None:
            at.say("E066", path, f"it has {version}, the newest inventory has not")
            continue
        if now is block:
            continue
        if not _same_state(older, block.state, newest, now.state):
            at.say("E066", path, f"its state of {version} is not that of the newest inventory")
        for key in ("created", "message", "user"):
            if getattr(block, key) != getattr(now, key):
                at.say("W011", path, f"its {key} of {version} is not that of the newest inventory")


def _same_state(older: InventoryRead, state: dict[str, str], newest: InventoryRead, now: dict[str, str]) -> bool:
    if older.algorithm == newest.algorithm:
        return state == now
    # Digests of another algorithm: the same bytes are those under the same content path.
    return state.keys() == now.keys() and all(
        set(older.manifest.get(digest, ())) & set(newest.manifest.get(now[path], ())) for path, digest in state.items()
    )


def _check_content(at: _Place, inventories: Iterable[tuple[str, InventoryRead]]) -> None:
    """Every file in content is in the manifests, everything in the manifests is there, and has every digest given."""
    content: set[str] = set()
    for path in at.paths:
        version, _, rest = path.partition("/")
        folder = rest.partition("/")[0]
        if VERSION_NAME.fullmatch(version) and folder and rest != folder:
            if path.endswith("/"):
                if rest.strip("/") != folder:
                    at.say("E024", path, "a folder in the content is empty")
            else:
                content.add(path)
    wanted: dict[str, dict[tuple[str, str], tuple[str, str]]] = {}
    for folder, inventory in inventories:
        where, newest = f"{folder}inventory.json", number_of(folder[:-1]) if folder else None
        listed = {path for paths in inventory.manifest.values() for path in paths}
        for path in sorted(content - listed):
            version, _, rest = path.partition("/")
            in_content = rest.startswith(f"{inventory.content_directory}/")
            if in_content and (newest is None or number_of(version) <= newest):
                at.say("E023", path, f"{where} does not list it")
        blocks = [("E092", inventory.algorithm, inventory.manifest)]
        blocks += [("E093", algorithm, block) for algorithm, block in inventory.fixity.items()]
        for code, algorithm, block in blocks:
            for digest, paths in block.items():
                for path in paths:
                    if path not in content:
                        if path not in at.paths:
                            at.say(code, path, f"{where} lists it and it is not there")
                        continue
                    if algorithm is not None:
                        wanted.setdefault(path, {}).setdefault((algorithm, digest), (code, where))
    for path in sorted(wanted):
        _check_digests(at, path, wanted[path])


def _check_digests(at: _Place, path: str, wanted: dict[tuple[str, str], tuple[str, str]]) -> None:
    """Read a file once and compare it with every digest that some inventory gives for it."""
    digests = {algorithm: digest for algorithm, _ in wanted if (digest := new_digest(algorithm)) is not None}
    try:
        at.feed(path, [digest.update for digest in digests.values()])
    except (NotFound, StoreUnavailable) as error:
        at.say("E092", path, f"it cannot be read: {error.detail}")
        return
    for (algorithm, expected), (code, where) in wanted.items():
        if algorithm in digests and digests[algorithm].hexdigest() != expected:
            at.say(code, path, f"its {algorithm} digest is not the one in {where}")


def feed(tree: Tree, key: str, takers: Sequence[Callable[[bytes], object]]) -> int:
    """Give a file's bytes, piece by piece, to each taker; returns how many there were. Raises NotFound, StoreUnavailable."""
    size_bytes = 0
    with tree.open(key) as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                for take in takers:
                    take(chunk)
        except OSError as error:
            raise StoreUnavailable(f"{key} cannot be read ({error.strerror or error})") from error
    return size_bytes


def new_digest(algorithm: str) -> Any:
    """A hash object, None for an algorithm that is not known: a client ignores those (E028)."""
    if algorithm not in HEX_DIGITS:
        return None
    if algorithm in _BLAKE_BYTES:
        return hashlib.blake2b(digest_size=_BLAKE_BYTES[algorithm])
    return hashlib.new(algorithm.replace("/", "_"), usedforsecurity=False)
