"""What OCFL 1.0 and 1.1 ask of one inventory.json, by itself (https://ocfl.io/1.1/spec/#inventory).

Codes are the specification's own (https://ocfl.io/1.1/spec/validation-codes.html): E… for MUST, W… for SHOULD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

SPECS: Final = ("1.0", "1.1")
"""The versions of the specification that are known, oldest first."""
HEX_DIGITS: Final = {
    "md5": 32,
    "sha1": 40,
    "sha256": 64,
    "sha512": 128,
    "sha512/256": 64,
    "blake2b-160": 40,
    "blake2b-256": 64,
    "blake2b-384": 96,
    "blake2b-512": 128,
}
"""Digest algorithms that can be checked (the specification's, and those of extension 0009), with their length."""
VERSION_NAME: Final = re.compile("v0*[1-9][0-9]*")

_DIGEST_CODES = {"sha1": "E029", "sha256": "E030", "sha512": "E031", "blake2b-512": "E032"}
_KEYS = {"id", "type", "digestAlgorithm", "head", "contentDirectory", "manifest", "versions", "fixity"}
_VERSION_KEYS = {"created", "state", "message", "user"}
_URI = re.compile("[A-Za-z][A-Za-z0-9+.-]*:.+")
_HEX = re.compile("[0-9a-fA-F]+")
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:)(\d\d)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)

Say = Callable[[str, str], None]
"""Takes a code and what is wrong."""
Paths = dict[str, tuple[str, ...]]
"""Digest, in lower case → paths."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the specification does not allow (E…) or advises against (W…), and the key where it is."""

    code: str
    where: str
    detail: str

    @property
    def is_error(self) -> bool:
        return self.code.startswith("E")


@dataclass(frozen=True, slots=True)
class VersionBlock:
    """One version in an inventory: logical path → digest in lower case, and the rest as it was found."""

    state: dict[str, str]
    created: Any
    message: Any
    user: Any


@dataclass(frozen=True, slots=True)
class InventoryRead:
    """As much of an inventory as makes sense; what does not is left out and was told. `spec` is "1.0", "1.1" or None."""

    object_id: str | None
    spec: str | None
    algorithm: str | None
    head: str | None
    content_directory: str
    manifest: Paths
    versions: dict[str, VersionBlock]
    fixity: dict[str, Paths]
    version_blocks: dict[str, Any] = field(repr=False)
    """The versions as they were found in the JSON."""


def read_inventory(data: bytes, say: Say, *, newer: InventoryRead | None = None) -> InventoryRead | None:
    """The inventory in `data`, every fault told to `say`. None where it is no JSON object.

    Versions that `newer`, a later inventory of the same object, has word for word are taken from it: an object with
    hundreds of versions repeats each of them hundreds of times.
    """
    try:
        found = json.loads(data, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        say("E033", f"it is not JSON: {error}")
        return None
    if not isinstance(found, dict):
        say("E033", "it is not a JSON object")
        return None
    for key in sorted(found.keys() - _KEYS):
        say("E102", f"the key {key!r} is not one of the specification's")
    algorithm, content = _algorithm(found, say), _content_directory(found, say)
    versions_found = _versions_found(found, say)
    manifest = _manifest(found, algorithm, say)
    for path in (path for paths in manifest.values() for path in paths):
        version, _, rest = path.partition("/")
        if version not in versions_found or not rest.startswith(f"{content}/"):
            say("E042", f"the manifest has {path!r}, which is not in the {content!r} folder of a version")
    digests = found["manifest"].keys() if manifest else set()
    versions = {}
    for name, block in versions_found.items():
        if newer is not None and _same(newer, name, block, digests):
            versions[name] = newer.versions[name]
        else:
            versions[name] = _version(block, name, digests, say)
    unused = manifest.keys() - {digest for version in versions.values() for digest in version.state.values()}
    spec = _spec(found, say)
    if spec != "1.0":
        for digest in sorted(unused):
            say("E107", f"the manifest has {digest}, which no version uses")
    return InventoryRead(
        object_id=_object_id(found, say),
        spec=spec,
        algorithm=algorithm,
        head=_head(found, versions, say),
        content_directory=content,
        manifest=manifest,
        versions=versions,
        fixity=_fixity(found, say),
        version_blocks=versions_found,
    )


def _same(newer: InventoryRead, name: str, block: Any, digests: Set[str]) -> bool:
    if newer.version_blocks.get(name) != block or not isinstance(block, dict):
        return False
    state = block.get("state")
    return isinstance(state, dict) and state.keys() <= digests


def number_of(version: str) -> int:
    """The number in a version's name."""
    return int(version.removeprefix("v"))


def check_names(names: Iterable[str], say: Say) -> None:
    """How versions are numbered: from 1, without a gap, padded with zeros all alike or not at all."""
    good = sorted((name for name in names if VERSION_NAME.fullmatch(name)), key=number_of)
    if not good:
        return
    numbers = [number_of(name) for name in good]
    if numbers[0] != 1:
        say("E009", f"the first version is {good[0]}, not version 1")
    if missing := sorted(set(range(1, numbers[-1] + 1)) - set(numbers)):
        say("E010", f"version {missing[0]} is missing between the others")
    padded = [name for name in good if name.startswith("v0")]
    if not padded:
        return
    say("W001", f"versions are padded with zeros: {padded[0]}")
    if len({len(name) for name in good}) > 1:
        say("E012", f"versions are padded to different lengths: {padded[0]}, {good[-1]}")
    for name in good:
        if not name.startswith("v0"):
            say("E011", f"{name} does not start with v0 as {padded[0]} does")
            say("E013", f"{name} does not follow the naming of {padded[0]}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object gives a key twice")
    return found


def _object_id(found: dict[str, Any], say: Say) -> str | None:
    if "id" not in found:
        say("E036", "the key 'id' is missing")
        return None
    object_id = found["id"]
    if not isinstance(object_id, str) or not object_id:
        say("E037", "the id is not a text")
        return None
    if not _URI.fullmatch(object_id):
        say("W005", "the id is not a URI")
    return object_id


def _spec(found: dict[str, Any], say: Say) -> str | None:
    if "type" not in found:
        say("E036", "the key 'type' is missing")
        return None
    spec = next((spec for spec in SPECS if found["type"] == f"https://ocfl.io/{spec}/spec/#inventory"), None)
    if spec is None:
        say("E038", f"the type {found['type']!r} is not that of OCFL {' or '.join(SPECS)}")
    return spec


def _algorithm(found: dict[str, Any], say: Say) -> str | None:
    if "digestAlgorithm" not in found:
        say("E036", "the key 'digestAlgorithm' is missing")
        return None
    if found["digestAlgorithm"] not in ("sha512", "sha256"):
        say("E025", f"the digestAlgorithm {found['digestAlgorithm']!r} is neither sha512 nor sha256")
        return None
    algorithm: str = found["digestAlgorithm"]
    if algorithm == "sha256":
        say("W004", "the digestAlgorithm is sha256, not sha512")
    return algorithm


def _content_directory(found: dict[str, Any], say: Say) -> str:
    content = found.get("contentDirectory", "content")
    if not isinstance(content, str) or not content or "/" in content:
        say("E017", f"the contentDirectory {content!r} is not one path element")
    elif content in (".", ".."):
        say("E018", f"the contentDirectory is {content!r}")
    return str(content)


def _head(found: dict[str, Any], versions: Mapping[str, VersionBlock], say: Say) -> str | None:
    if "head" not in found:
        say("E036", "the key 'head' is missing")
        return None
    head = found["head"]
    newest = max((name for name in versions if VERSION_NAME.fullmatch(name)), key=number_of, default=None)
    if not isinstance(head, str) or (newest is not None and head != newest):
        say("E040", f"the head is {head!r}, the newest version is {newest}")
        return None
    return head


def _manifest(found: dict[str, Any], algorithm: str | None, say: Say) -> Paths:
    if "manifest" not in found:
        say("E041", "the block 'manifest' is missing")
        return {}
    if not isinstance(found["manifest"], dict):
        say("E106", "the manifest is not a JSON object")
        return {}
    manifest = _paths_by_digest(found["manifest"], algorithm, say, repeated="E096", malformed="E092")
    _check_content_paths(manifest, say, block="manifest")
    return manifest


def _fixity(found: dict[str, Any], say: Say) -> dict[str, Paths]:
    blocks = found.get("fixity", {})
    if not isinstance(blocks, dict):
        say("E111", "the fixity block is not a JSON object")
        return {}
    fixity = {}
    for algorithm, block in blocks.items():
        if not isinstance(block, dict):
            say("E057", f"the fixity block of {algorithm} is not a JSON object")
            continue
        fixity[algorithm] = _paths_by_digest(block, algorithm, say, repeated="E097", malformed="E057")
        _check_content_paths(fixity[algorithm], say, block=f"fixity block of {algorithm}")
    return fixity


def _paths_by_digest(block: dict[str, Any], algorithm: str | None, say: Say, *, repeated: str, malformed: str) -> Paths:
    found: Paths = {}
    length = None if algorithm is None else HEX_DIGITS.get(algorithm)
    for digest, paths in block.items():
        if length is not None and (len(digest) != length or not _HEX.fullmatch(digest)):
            say(_DIGEST_CODES.get(algorithm or "", malformed), f"{digest!r} is not a {algorithm} digest")
        if digest.lower() in found:
            say(repeated, f"the digest {digest} is given twice")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            say(malformed, f"the digest {digest} does not have a list of paths")
            continue
        found[digest.lower()] = (*found.get(digest.lower(), ()), *paths)
    return found


def _check_content_paths(block_paths: Paths, say: Say, *, block: str) -> None:
    paths = [path for some in block_paths.values() for path in some]
    for path in paths:
        if path.startswith("/") or path.endswith("/"):
            say("E100", f"the {block} has {path!r}, which begins or ends with a slash")
        if not _elements_are_good(path):
            say("E099", f"the {block} has {path!r}, with an empty, '.' or '..' element")
    for path in _conflicting(paths):
        say("E101", f"the {block} has {path!r} twice, or as a file and a folder")


def _versions_found(found: dict[str, Any], say: Say) -> dict[str, Any]:
    if "versions" not in found:
        say("E043", "the block 'versions' is missing")
        return {}
    versions = found["versions"]
    if not isinstance(versions, dict):
        say("E044", "the block 'versions' is not a JSON object")
        return {}
    if not versions:
        say("E008", "there is no version")
    for name in versions:
        if not VERSION_NAME.fullmatch(name):
            say("E046", f"{name!r} is not the name of a version")
    check_names(versions, say)
    return versions


def _version(block: Any, name: str, digests: Set[str], say: Say) -> VersionBlock:
    if not isinstance(block, dict):
        say("E047", f"the block of {name} is not a JSON object")
        return VersionBlock({}, None, None, None)
    for key in sorted(block.keys() - _VERSION_KEYS):
        say("E102", f"the key {key!r} of {name} is not one of the specification's")
    for key in ("created", "state"):
        if key not in block:
            say("E048", f"{name} has no {key!r}")
    if "created" in block and not _is_rfc3339(block["created"]):
        say("E049", f"{name} was not created at a moment in the form of RFC 3339 with seconds and a time zone")
    if "message" in block and not isinstance(block["message"], str):
        say("E094", f"the message of {name} is not a text")
    for key in ("message", "user"):
        if key not in block:
            say("W007", f"{name} has no {key}")
    if "user" in block:
        _check_user(block["user"], name, say)
    state = _state(block.get("state", {}), name, digests, say)
    return VersionBlock(state, block.get("created"), block.get("message"), block.get("user"))


def _check_user(user: Any, name: str, say: Say) -> None:
    if not isinstance(user, dict) or not isinstance(user.get("name"), str) or not user["name"]:
        say("E054", f"the user of {name} has no name")
        return
    for key in sorted(user.keys() - {"name", "address"}):
        say("E102", f"the key {key!r} of the user of {name} is not one of the specification's")
    address = user.get("address")
    if not address:
        say("W008", f"the user of {name} has no address")
    elif not isinstance(address, str) or not _URI.fullmatch(address):
        say("W009", f"the address of the user of {name} is not a URI")


def _state(block: Any, name: str, digests: Set[str], say: Say) -> dict[str, str]:
    if not isinstance(block, dict):
        say("E050", f"the state of {name} is not a JSON object")
        return {}
    state: dict[str, str] = {}
    every_path = []
    for digest, paths in block.items():
        if digest not in digests:
            say("E050", f"the state of {name} has {digest}, which the manifest does not have")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            say("E051", f"in the state of {name}, {digest} does not have a list of paths")
            continue
        every_path += paths
        state |= dict.fromkeys(paths, digest.lower())
    for path in every_path:
        if path.startswith("/") or path.endswith("/"):
            say("E053", f"the state of {name} has {path!r}, which begins or ends with a slash")
        if not _elements_are_good(path):
            say("E052", f"the state of {name} has {path!r}, with an empty, '.' or '..' element")
    for path in _conflicting(every_path):
        say("E095", f"the state of {name} has {path!r} twice, or as a file and a folder")
    return state


def _is_rfc3339(value: Any) -> bool:
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return False
    day, minutes, seconds = match.groups()
    try:  # a leap second, 60, is a moment too
        datetime.fromisoformat(f"{day}T{minutes}{'59' if seconds == '60' else seconds}+00:00")
    except ValueError:
        return False
    return True


def _elements_are_good(path: str) -> bool:
    return all(element not in ("", ".", "..") for element in path.strip("/").split("/"))


def _conflicting(paths: list[str]) -> Iterator[str]:
    """Paths that come twice, or of which one is a folder in another."""
    seen: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        while (path := path.rpartition("/")[0]) and path not in folders:
            folders.add(path)
    for path in paths:
        if path in seen or path in folders:
            yield path
        seen.add(path)
