"""Uploads under way in this process: how many and whose (places.py), and how much room they need, so that one too many is
asked to wait before memory or disk is in danger. Used by the event loop's thread alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest.receive import check_disk
from search_api.places import Places
from sohoa.errors import Refused
from storage.stores import Stores


@dataclass(slots=True, eq=False)
class Upload:
    """One under way: what has come of it, and what it will need, as it has announced or as has come if that is more."""

    needed_bytes: int
    come_bytes: int = 0


class Uploads:
    """All that are under way."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._under_way: set[Upload] = set()
        most, of_token = stores.settings.max_uploads, stores.settings.max_uploads_of_token
        self._places = Places("uploads", code="too_many_uploads", most=most, most_of_token=of_token)

    @contextmanager
    def one(self, token_id: str, *, announced_bytes: int) -> Iterator[Upload]:
        """One more, from before its first byte until it is over.

        Raises Limited (too_many_uploads), or Refused (disk_low) where there would be no room for it alone either.
        """
        with self._places.one(token_id):
            self._check_room(announced_bytes, beside=self._under_way)
            if announced_bytes:
                self._check_disk(announced_bytes)
            upload = Upload(announced_bytes)
            self._under_way.add(upload)
            try:
                yield upload
            finally:
                self._under_way.remove(upload)

    def come(self, upload: Upload, size_bytes: int) -> None:
        """So many bytes more have come. Raises Limited (too_many_uploads) where one that announced less grows too large."""
        upload.come_bytes += size_bytes
        if upload.come_bytes > upload.needed_bytes:
            self._check_room(upload.come_bytes, beside=self._under_way - {upload})
            upload.needed_bytes = upload.come_bytes

    def _check_room(self, needed_bytes: int, *, beside: set[Upload]) -> None:
        """One that is alone may be as large as any file: else it could never come."""
        others_bytes = sum(upload.needed_bytes for upload in beside)
        if others_bytes and others_bytes + needed_bytes > self._stores.settings.max_uploading_bytes:
            raise self._places.refusal(f"uploads of {others_bytes:,} bytes are under way")

    def _check_disk(self, needed_bytes: int) -> None:
        stores = self._stores
        check_disk(stores.archive, settings=stores.settings, needed_bytes=needed_bytes)
        to_come_bytes = sum(upload.needed_bytes - upload.come_bytes for upload in self._under_way)
        try:
            check_disk(stores.archive, settings=stores.settings, needed_bytes=to_come_bytes + needed_bytes)
        except Refused:
            raise self._places.refusal("what is under way needs the room that is left on the disk") from None
