"""Large objects on S3, in parts: sent as they come, copied inside the server, and what killed writers leave of them.

An object in parts appears when its last request, the completion, succeeds; until then its parts can be dropped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from lxml import etree

from sohoa.clock import parse_moment
from sohoa.errors import NotFound, StoreUnavailable
from storage.objects.s3_client import Reply, S3Client

PART_BYTES = 8 * 1024 * 1024
"""What one writer holds in memory; 10,000 parts are the most, so 80 GB."""
COPIED_PART_BYTES = 1024 * 1024 * 1024

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the server has: its number from 1, its etag, its SHA-256 in base64 where one was sent."""

    number: int
    etag: str
    sha256: str | None


def send_parts(client: S3Client, bucket: str, name: str, upload: str, chunks: Iterable[bytes]) -> list[Part]:
    """Send chunks of PART_BYTES, the last one as long as it is. Raises StoreUnavailable."""
    parts = []
    for number, chunk in enumerate(chunks, start=1):
        sum64 = checksum(chunk)
        query = {"partNumber": str(number), "uploadId": upload}
        reply = client.send("PUT", bucket, name, body=chunk, headers={"x-amz-checksum-sha256": sum64}, query=query)
        parts.append(Part(number, _etag_of(reply, name), sum64))
    return parts


def copy_parts(
    client: S3Client, bucket: str, name: str, upload: str, *, source: str, source_etag: str, size_bytes: int
) -> list[Part]:
    """Have the server copy `source` (`/bucket/name`, quoted) as parts. Raises NotFound where it is gone or another."""
    parts = []
    for number, start in enumerate(range(0, size_bytes, COPIED_PART_BYTES), start=1):
        end = min(start + COPIED_PART_BYTES, size_bytes)
        headers = {"x-amz-copy-source": source, "x-amz-copy-source-if-match": source_etag}
        if size_bytes > COPIED_PART_BYTES:
            headers["x-amz-copy-source-range"] = f"bytes={start}-{end - 1}"
        query = {"partNumber": str(number), "uploadId": upload}
        reply = client.send("PUT", bucket, name, headers=headers, query=query)
        if not reply.ok:
            raise NotFound(f"{source} went away or changed while it was copied")
        etag = etree.fromstring(reply.body).findtext("{*}ETag")
        parts.append(Part(number, (etag or "").strip('"'), None))
    return parts


@contextmanager
def begun(client: S3Client, bucket: str, name: str, *, headers: Mapping[str, str]) -> Iterator[str]:
    """The id of a new upload in parts, which is dropped afterwards unless it was completed."""
    reply = client.send("POST", bucket, name, headers=headers, query={"uploads": ""})
    upload = etree.fromstring(reply.body).findtext("{*}UploadId") if reply.ok else None
    if not upload:
        raise StoreUnavailable(f"the S3 server began no upload in parts of {name}")
    try:
        yield upload
    except BaseException:
        _drop(client, bucket, name, upload)
        raise


def complete(
    client: S3Client, bucket: str, name: str, upload: str, parts: Sequence[Part], *, headers: Mapping[str, str]
) -> Reply:
    """Make one object of the parts. 404: there is no such upload (any more); 412: a condition does not hold."""
    root = etree.Element("CompleteMultipartUpload", nsmap={None: "http://s3.amazonaws.com/doc/2006-03-01/"})  # type: ignore[dict-item]
    for part in parts:
        element = etree.SubElement(root, "Part")
        etree.SubElement(element, "PartNumber").text = str(part.number)
        etree.SubElement(element, "ETag").text = f'"{part.etag}"'
        if part.sha256 is not None:
            etree.SubElement(element, "ChecksumSHA256").text = part.sha256
    body = etree.tostring(root)
    reply = client.send("POST", bucket, name, body=body, headers=headers, query={"uploadId": upload})
    if not reply.ok:
        _drop(client, bucket, name, upload)
    return reply


def drop_abandoned(client: S3Client, bucket: str, prefix: str, *, before: datetime) -> int:
    """Drop every upload in parts below `prefix` that was begun before that moment; how many there were.

    All of the bucket's are listed, for MinIO takes a prefix only where it is a whole name.
    """
    dropped = 0
    query = {"uploads": ""}
    while True:
        page = etree.fromstring(client.send("GET", bucket, query=query).body)
        for found in page.iterfind("{*}Upload"):
            name = found.findtext("{*}Key") or ""
            if name.startswith(prefix) and parse_moment(found.findtext("{*}Initiated") or "") < before:
                _drop(client, bucket, name, found.findtext("{*}UploadId") or "")
                dropped += 1
        marker = page.findtext("{*}NextKeyMarker")
        if page.findtext("{*}IsTruncated") != "true" or not marker:
            return dropped
        query |= {"key-marker": marker, "upload-id-marker": page.findtext("{*}NextUploadIdMarker") or ""}


def checksum(data: bytes) -> str:
    """SHA-256 as S3's headers have it: base64 of the digest."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _etag_of(reply: Reply, name: str) -> str:
    etag = reply.headers.get("etag", "").strip('"')
    if not reply.ok or not etag:
        raise StoreUnavailable(f"the upload of {name} was dropped half-way; begin it again")
    return etag


def _drop(client: S3Client, bucket: str, name: str, upload: str) -> None:
    """Drop parts that nobody will complete; where that fails, `drop_abandoned` finds them another day."""
    try:
        client.send("DELETE", bucket, name, query={"uploadId": upload}, tries=2)
    except StoreUnavailable as error:
        log.warning("objects.parts_left", code=error.code, detail=error.detail)
