"""What the archive says of a document beside its files: record.json and premis.jsonl, read back and staged anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sohoa.clock import isoformat
from sohoa.errors import DigestMismatch
from storage.archive import premis
from storage.archive.archive import Archive
from storage.archive.commit import StagedFile
from storage.archive.layout import document_folder, sha256_of, to_json

Events = list[dict[str, Any]]


def read_record(archive: Archive, object_id: str, document_id: str) -> dict[str, Any]:
    """A document's record.json in the newest version of its object. Raises NotFound, DigestMismatch."""
    found: dict[str, Any] = json.loads(read_sound(archive, object_id, f"{document_folder(document_id)}record.json"))
    return found


def record_to_follow(
    archive: Archive, object_id: str, document_id: str, *, archived_at: datetime | None
) -> dict[str, Any]:
    """A document's record.json for a version after the one that archived it, which alone knows when that was."""
    said = None if archived_at is None else isoformat(archived_at)
    return {**read_record(archive, object_id, document_id), "archived_at": said}


def read_events(archive: Archive, object_id: str, document_id: str) -> Events:
    """A document's PREMIS events in the newest version of its object, oldest first. Raises NotFound, DigestMismatch."""
    return premis.from_jsonl(read_sound(archive, object_id, f"{document_folder(document_id)}premis.jsonl"))


def stage_description(
    archive: Archive, document_id: str, record: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> list[StagedFile]:
    """Stage both files anew, ready to be committed: the same values always give the same bytes."""
    return [
        archive.stage(document_id, "record.json", to_json(record), overwrite=True),
        archive.stage(document_id, "premis.jsonl", premis.to_jsonl(map(dict, events)), overwrite=True),
    ]


def with_events(events: Events, new: Iterable[dict[str, Any]]) -> Events:
    """`events` and, after them, those of `new` that are not among them yet, so that doing it twice is doing it once."""
    known = {identifier_of(each) for each in events}
    return [*events, *(each for each in new if identifier_of(each) not in known)]


def identifier_of(event: Mapping[str, Any]) -> str:
    """The ULID of an event."""
    return str(event["eventIdentifier"]["eventIdentifierValue"])


def read_sound(archive: Archive, object_id: str, path: str) -> bytes:
    """A small file that is to be written on in a new version: damage must not come in under a new digest.

    Raises NotFound, DigestMismatch.
    """
    with archive.open_file(object_id, path) as stream:
        data = stream.read()
    if sha256_of(data) != archive.digest_of(object_id, path):
        raise DigestMismatch(f"{path} of {object_id} is damaged: restore it from a copy, then try again")
    return data
