"""A fresh, empty store of each kind for the contract suite: the folder, and the S3 servers that `make servers` started."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import cache
from pathlib import Path

from pydantic import SecretStr

from storage.objects import open_objects
from storage.objects.local_copies import LocalCopies
from storage.objects.protocol import Objects
from storage.objects.s3 import S3Objects
from storage.objects.s3_client import S3Client
from storage.objects.s3_place import Keys, Place, parse_place
from storage.objects.s3_probe import Fitness, recall_or_probe
from tests.support.servers import S3Server, wanted

S3_SERVERS = ("seaweedfs", "minio")


def fresh(name: str, folder: Path) -> Objects:
    """An empty store; on S3 a prefix of its own in buckets that this test process shares. Skips as `wanted` does."""
    return open_objects(folder) if name == "folder" else fresh_s3(wanted(name), folder)


def fresh_s3(server: S3Server, folder: Path, *, endpoint: str | None = None) -> S3Objects:
    """An empty prefix on that server; `endpoint` is another way to it. `folder` holds local copies."""
    place, fitness = _prepared(server)
    place = replace(place, prefix=f"{secrets.token_hex(6)}/", endpoint=endpoint or place.endpoint)
    return S3Objects(S3Client(place, keys_of(server)), place, LocalCopies(folder), known=fitness)


def url_of(server: S3Server, *, endpoint: str | None = None) -> str:
    """A URL of two buckets that are not there yet."""
    return f"s3://sohoa-{secrets.token_hex(6)}/archive?endpoint={endpoint or server.endpoint}"


def keys_of(server: S3Server) -> Keys:
    return Keys(server.access_key, SecretStr(server.secret_key))


@cache
def _prepared(server: S3Server) -> tuple[Place, Fitness]:
    place = parse_place(url_of(server))
    return place, recall_or_probe(S3Client(place, keys_of(server)), place)
