"""Does the S3 server keep its promises? Asked by racing it, and remembered in the work bucket.

Only a race shows whether a server decides conditional writes in one place. What it showed is kept in
`.probe/fit.json` with the server's name and version, so that a start costs one read; a new version of the server,
other buckets, or a month make it be asked again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import quote

import structlog

from sohoa.clock import SystemClock, isoformat, parse_moment
from sohoa.errors import SetupError, StoreUnavailable
from storage.objects import s3_parts
from storage.objects.s3_client import Reply, S3Client
from storage.objects.s3_parts import checksum
from storage.objects.s3_place import Place

RACERS = 8
FIT_SERVERS = "SeaweedFS 4.48 and MinIO RELEASE.2026-02"
_AGAIN_AFTER = timedelta(days=30)
_MARKER = ".probe/fit.json"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fitness:
    """How a fit server is used: whether it refuses a body with a wrong checksum, and whether it refuses a copy onto a
    key that exists. One that does not must do so when an upload in parts is completed."""

    checks_sums: bool
    copies_conditionally: bool


def recall_or_probe(client: S3Client, place: Place) -> Fitness:
    """What was found out about the server, now or lately. Makes the buckets where they are missing.

    Raises SetupError (`store_unfit`: it fails the race; `store_denied`: it does not let us in), StoreUnavailable.
    """
    with _refused_at_the_door():
        known = _recall(client, place)
    return known or probe_and_remember(client, place)


def probe_and_remember(client: S3Client, place: Place) -> Fitness:
    """As `recall_or_probe`, whatever is known already."""
    with _refused_at_the_door():
        make_buckets(client, place)
        fitness = probe(client, place)
        _remember(client, place, fitness)
    log.info("objects.probed", endpoint=place.endpoint, **asdict(fitness))
    return fitness


def make_buckets(client: S3Client, place: Place) -> None:
    """Make what is missing: the archive's bucket with versions and Object Lock (unless lock=no), the work bucket."""
    for bucket, lock in ((place.archive, place.lock), (place.work, False)):
        if client.send("HEAD", bucket).status == 404:
            client.make_bucket(bucket, lock=lock)
            log.info("objects.bucket_made", bucket=bucket, lock=lock)


def probe(client: S3Client, place: Place) -> Fitness:
    """Race the server in both buckets. Raises SetupError (`store_unfit`) where it lets two win or an old state pass."""
    run = f"{place.prefix}.probe/{secrets.token_hex(12)}"
    raced, summed, copied, completed, source = (
        f"{run}-{what}" for what in ("raced", "sum", "copied", "parts", "source")
    )
    buckets = (place.archive, place.work)
    for bucket in buckets:
        client.send("PUT", bucket, source, body=b"source")
        _race_creating(client, bucket, raced)
        _race_replacing(client, bucket, raced)
    fitness = Fitness(
        checks_sums=_checks_sums(client, place.work, summed),
        copies_conditionally=all(_copies_once(client, f"/{place.work}/{source}", bucket, copied) for bucket in buckets),
    )
    for bucket in () if fitness.copies_conditionally else buckets:
        _race_completing(client, bucket, completed)
    for name in (raced, summed, copied, completed, source):
        client.send("DELETE", place.work, name)
    return fitness


def weaknesses(client: S3Client, place: Place) -> list[str]:
    """What the buckets lack that protects the archive from others than us; one sentence each."""
    found = []
    if b"<Status>Enabled" not in client.send("GET", place.archive, query={"versioning": ""}).body:
        found.append(f"switch versioning on for bucket {place.archive}")
    if place.lock and b"Enabled" not in client.send("GET", place.archive, query={"object-lock": ""}).body:
        found.append(f"bucket {place.archive} has no Object Lock: make it anew with it, or say lock=no in the URL")
    return found


def _race_creating(client: S3Client, bucket: str, name: str) -> None:
    won = _race(lambda number: client.send("PUT", bucket, name, body=b"%d" % number, headers={"If-None-Match": "*"}))
    _judge("create-only writes (If-None-Match)", won)
    if client.send("GET", bucket, name).body != b"%d" % won.index(True):
        raise _unfit("create-only writes: the key has not what the winner wrote")


def _race_replacing(client: S3Client, bucket: str, name: str) -> None:
    etag = client.send("HEAD", bucket, name).headers.get("etag", "")
    headers = {"If-Match": etag}
    won = _race(lambda number: client.send("PUT", bucket, name, body=b"r%d" % number, headers=headers))
    _judge("replacing a known state (If-Match)", won)


def _race_completing(client: S3Client, bucket: str, name: str) -> None:
    def begin(number: int) -> tuple[str, list[s3_parts.Part]]:
        with s3_parts.begun(client, bucket, name, headers={"x-amz-checksum-algorithm": "SHA256"}) as upload:
            return upload, s3_parts.send_parts(client, bucket, name, upload, [b"%d" % number])

    uploads = [begin(number) for number in range(RACERS)]
    headers = {"If-None-Match": "*"}
    won = _race(lambda number: s3_parts.complete(client, bucket, name, *uploads[number], headers=headers))
    _judge("create-only copies and completions of uploads in parts (If-None-Match)", won)


def _checks_sums(client: S3Client, bucket: str, name: str) -> bool:
    wrong = {"x-amz-checksum-sha256": checksum(b"others")}
    try:
        client.send("PUT", bucket, name, body=b"bytes", headers=wrong, tries=1)
    except StoreUnavailable:
        return not client.send("HEAD", bucket, name).ok
    return False


def _copies_once(client: S3Client, source: str, bucket: str, name: str) -> bool:
    headers = {"x-amz-copy-source": quote(source), "If-None-Match": "*"}
    return _race(lambda _: client.send("PUT", bucket, name, headers=headers)).count(True) == 1


def _race(attempt: Callable[[int], Reply]) -> list[bool]:
    with ThreadPoolExecutor(RACERS) as racers:
        return [reply.ok for reply in racers.map(attempt, range(RACERS))]


def _judge(what: str, won: list[bool]) -> None:
    if won.count(True) > 1:
        raise _unfit(f"{what}: {won.count(True)} of {len(won)} writers won")
    if not any(won):
        raise StoreUnavailable(f"the S3 server let nobody win while it was probed ({what}); try again")


def _unfit(what: str) -> SetupError:
    return SetupError(
        f"this S3 server cannot keep an archive: it fails at {what}. Known to be fit: {FIT_SERVERS}",
        code="store_unfit",
    )


def _recall(client: S3Client, place: Place) -> Fitness | None:
    try:
        reply = client.send("GET", place.work, place.prefix + _MARKER)
    except StoreUnavailable as error:
        if error.code != "bucket_missing":
            raise
        return None
    if not reply.ok:
        return None
    found = json.loads(reply.body)
    young = SystemClock().now() - parse_moment(found["probed_at"]) < _AGAIN_AFTER
    if young and (found["server"], found["archive"]) == (_server(reply), place.archive):
        return Fitness(**found["fitness"])
    return None


def _remember(client: S3Client, place: Place, fitness: Fitness) -> None:
    said = {
        "server": _server(client.send("HEAD", place.work)),
        "archive": place.archive,
        "probed_at": isoformat(SystemClock().now()),
        "fitness": asdict(fitness),
    }
    client.send("PUT", place.work, place.prefix + _MARKER, body=json.dumps(said).encode())


def _server(reply: Reply) -> str:
    return reply.headers.get("server", "")


@contextmanager
def _refused_at_the_door() -> Iterator[None]:
    """Later, keys may be refused in passing; at the door they are wrong."""
    try:
        yield
    except StoreUnavailable as error:
        if error.code != "store_denied":
            raise
        raise SetupError(error.detail, code="store_denied") from None
