"""Object Lock on an S3 server: retention and legal hold of every version of what lies under a prefix, and its disposal."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from sohoa.clock import isoformat, parse_moment
from sohoa.errors import StoreUnavailable
from storage.objects.protocol import check_guard
from storage.objects.s3_client import Reply, S3Client

LATEST = datetime(2120, 1, 1, tzinfo=UTC)
"""Servers take no date that is more than some hundred years ahead; what is kept for ever is locked until then."""
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True, slots=True)
class Kept:
    """One version of one name in the bucket."""

    name: str
    version: str
    is_marker: bool

    @property
    def query(self) -> dict[str, str]:
        return {"versionId": self.version}


def has_lock(client: S3Client, bucket: str) -> bool:
    """Whether the bucket has Object Lock."""
    return b"Enabled" in client.send("GET", bucket, query={"object-lock": ""}).body


def guard(client: S3Client, bucket: str, prefix: str, *, until: datetime | None, hold: bool, now: datetime) -> None:
    """Lock every version under the prefix: governance until then, never back to an earlier day; and the hold."""
    until = None if until is None else min(until, LATEST)
    for each in versions(client, bucket, prefix):
        if each.is_marker:
            continue
        known = _retained_until(client, bucket, each)
        if until is not None and until > now and (known is None or known < until):
            body = _xml("Retention", Mode="GOVERNANCE", RetainUntilDate=isoformat(until))
            _put(client, bucket, each, "retention", body)
        if hold != _on_hold(client, bucket, each):
            _put(client, bucket, each, "legal-hold", _xml("LegalHold", Status="ON" if hold else "OFF"))


def check_disposable(client: S3Client, bucket: str, prefix: str, *, root: str, now: datetime) -> None:
    """Raise NotAllowed where the server would refuse to delete a version under the prefix."""
    for each in versions(client, bucket, prefix):
        if not each.is_marker:
            until, hold = _retained_until(client, bucket, each), _on_hold(client, bucket, each)
            check_guard(root, until=until, hold=hold, now=now)


def dispose(client: S3Client, bucket: str, prefix: str, *, first: Sequence[str]) -> None:
    """Delete every version and marker under the prefix, the names `first` before the others. Raises StoreUnavailable."""
    order = {prefix + name: place for place, name in enumerate(first)}
    found = sorted(versions(client, bucket, prefix), key=lambda each: order.get(each.name, len(order)))
    for each in found:
        client.send("DELETE", bucket, each.name, query=each.query)


def versions(client: S3Client, bucket: str, prefix: str) -> Iterator[Kept]:
    """Every version and delete marker of the names that begin with the prefix."""
    query = {"versions": "", "prefix": prefix}
    while True:
        reply = client.send("GET", bucket, query=query)
        if not reply.ok:
            raise StoreUnavailable(f"the S3 server does not list versions in bucket {bucket} ({reply.status})")
        page = etree.fromstring(reply.body)
        for kind in ("Version", "DeleteMarker"):
            for found in page.iterfind(f"{{*}}{kind}"):
                name, version = found.findtext("{*}Key") or "", found.findtext("{*}VersionId") or "null"
                yield Kept(name, version, kind == "DeleteMarker")
        marker = page.findtext("{*}NextKeyMarker")
        if page.findtext("{*}IsTruncated") != "true" or not marker:
            return
        query |= {"key-marker": marker, "version-id-marker": page.findtext("{*}NextVersionIdMarker") or ""}


def _retained_until(client: S3Client, bucket: str, kept: Kept) -> datetime | None:
    found = _text(_ask(client, bucket, kept, "retention"), "RetainUntilDate")
    return None if found is None else parse_moment(found)


def _on_hold(client: S3Client, bucket: str, kept: Kept) -> bool:
    return _text(_ask(client, bucket, kept, "legal-hold"), "Status") == "ON"


def _ask(client: S3Client, bucket: str, kept: Kept, what: str) -> Reply:
    return client.send("GET", bucket, kept.name, query={what: "", **kept.query})


def _put(client: S3Client, bucket: str, kept: Kept, what: str, body: bytes) -> None:
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    reply = client.send(
        "PUT", bucket, kept.name, body=body, headers={"Content-MD5": digest}, query={what: "", **kept.query}
    )
    if not reply.ok:
        raise StoreUnavailable(f"the S3 server does not lock {kept.name} ({what}: {reply.status}); try again")


def _text(reply: Reply, name: str) -> str | None:
    return etree.fromstring(reply.body).findtext(f"{{*}}{name}") if reply.ok and reply.body else None


def _xml(kind: str, **values: str) -> bytes:
    root = etree.Element(f"{{{_NAMESPACE}}}{kind}", nsmap={None: _NAMESPACE})  # type: ignore[dict-item]
    for name, value in values.items():
        etree.SubElement(root, f"{{{_NAMESPACE}}}{name}").text = value
    return etree.tostring(root)
