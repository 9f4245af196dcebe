"""An OCFL inventory as values: what every version of an object holds, and the inventory of the version after it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sohoa.clock import isoformat, parse_moment
from sohoa.errors import BadRequest, NotFound
from sohoa.model import Sha256
from storage.archive.layout import sha256_of, to_json


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object. `paths` maps each digest to the logical paths of files with it, as OCFL has it."""

    created_at: datetime
    actor: str
    message: str
    paths: Mapping[Sha256, Sequence[str]]

    @property
    def state(self) -> dict[str, Sha256]:
        """Logical path → digest."""
        return {path: digest for digest, paths in self.paths.items() for path in paths}


@dataclass(frozen=True, slots=True)
class Inventory:
    """All versions of an object (`versions[0]` is v1) and where in it the bytes of each digest lie (`manifest`)."""

    object_id: str
    manifest: Mapping[Sha256, tuple[str, ...]]
    versions: tuple[Version, ...]

    @property
    def head(self) -> int:
        """Number of the newest version, counted from 1."""
        return len(self.versions)

    @property
    def state(self) -> dict[str, Sha256]:
        """Logical path → digest in the newest version."""
        return self.versions[-1].state

    def digest_of(self, logical_path: str, *, version: int | None = None) -> Sha256:
        """The digest of a file of a version, the newest unless told. Raises NotFound."""
        number = self.head if version is None else version
        digest = self.versions[number - 1].state.get(logical_path) if number <= self.head else None
        if digest is None:
            raise NotFound(f"{logical_path} is not in v{number} of {self.object_id}")
        return digest

    def content_path(self, logical_path: str, *, version: int | None = None) -> str:
        """Path inside the object root of a file of a version, the newest unless told. Raises NotFound."""
        return self.manifest[self.digest_of(logical_path, version=version)][0]

    def to_json(self) -> bytes:
        """The bytes of inventory.json: the same inventory always gives the same bytes."""
        return to_json(
            {
                "id": self.object_id,
                "type": "https://ocfl.io/1.1/spec/#inventory",
                "digestAlgorithm": "sha256",
                "head": f"v{self.head}",
                "manifest": {digest: list(paths) for digest, paths in self.manifest.items()},
                "versions": {
                    f"v{number}": _version_json(version) for number, version in enumerate(self.versions, start=1)
                },
            }
        )


def parse_inventory(data: bytes) -> Inventory:
    """The inventory in the bytes of an inventory.json that this module wrote."""
    found = json.loads(data)
    return Inventory(
        object_id=found["id"],
        manifest={Sha256(digest): tuple(paths) for digest, paths in found["manifest"].items()},
        versions=tuple(_parse_version(found["versions"][f"v{n}"]) for n in range(1, len(found["versions"]) + 1)),
    )


def sidecar(inventory: bytes) -> bytes:
    """The bytes of inventory.json.sha256."""
    return f"{sha256_of(inventory)} inventory.json\n".encode()


def next_inventory(
    before: Inventory | None,
    object_id: str,
    files: Mapping[str, Sha256],
    *,
    removed: Collection[str] = (),
    created_at: datetime,
    actor: str,
    message: str,
) -> Inventory:
    """The inventory after one more version, in which what `removed` names is there no longer and then `files` (logical
    path → digest) are added to or replace what is left.

    `removed` holds logical paths and folders, which end in "/". Bytes that some version already has are referred to
    where they lie; bytes given twice are kept once. Nothing leaves the manifest: earlier versions keep their files.
    """
    number = 1 if before is None else before.head + 1
    manifest = {} if before is None else dict(before.manifest)
    state = {} if before is None else {p: d for p, d in before.state.items() if not is_among(p, removed)}
    for logical_path, digest in sorted(files.items()):
        _check_logical_path(logical_path)
        manifest.setdefault(digest, (f"v{number}/content/{logical_path}",))
        state[logical_path] = digest
    paths: dict[Sha256, list[str]] = {}
    for logical_path, digest in sorted(state.items()):
        paths.setdefault(digest, []).append(logical_path)
    version = Version(created_at=created_at, actor=actor, message=message, paths=paths)
    return Inventory(
        object_id=object_id,
        manifest=manifest,
        versions=(*(() if before is None else before.versions), version),
    )


def is_among(path: str, named: Collection[str]) -> bool:
    """Whether `named` (paths, and folders that end in "/") names a logical path."""
    return any(path == each or (each.endswith("/") and path.startswith(each)) for each in named)


def _check_logical_path(path: str) -> None:
    if "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")):
        raise BadRequest(f"{path!r} cannot be a path in the archive: no empty, '.' or '..' part (OCFL 1.1, 3.5.3.1)")


def _version_json(version: Version) -> dict[str, Any]:
    return {
        "created": isoformat(version.created_at),
        "message": version.message,
        "user": {"name": version.actor, "address": f"urn:sohoa:{version.actor}"},
        "state": version.paths,
    }


def _parse_version(found: dict[str, Any]) -> Version:
    return Version(
        created_at=parse_moment(found["created"]),
        actor=found["user"]["name"],
        message=found["message"],
        paths=found["state"],
    )
