"""An object's bytes as a stream that goes on where the connection broke off."""

from __future__ import annotations

import io
from typing import BinaryIO

import urllib3
from urllib3.exceptions import HTTPError

from sohoa.errors import NotFound, StoreUnavailable
from storage.objects.s3_client import TRIES, S3Client

BUFFER_BYTES = 1024 * 1024


def open_range(
    client: S3Client, bucket: str, name: str, *, key: str, start: int, end: int | None, etag: str | None = None
) -> BinaryIO:
    """The bytes from `start` up to, without, `end`, as a stream; with `etag`, of that object and no other that took its place.
    Raises NotFound, StoreUnavailable."""
    download = _Download(client, bucket, name, key=key, start=start, end=end, etag=etag)
    try:
        download.connect()
    except BaseException:
        download.close()
        raise
    return io.BufferedReader(download, BUFFER_BYTES)


class _Download(io.RawIOBase):
    """Holds one of the client's connections from `connect` to `close`."""

    def __init__(
        self, client: S3Client, bucket: str, name: str, *, key: str, start: int, end: int | None, etag: str | None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._name = name
        self._key = key
        self._next = start
        self._end = end
        self._etag = etag
        self._response: urllib3.BaseHTTPResponse | None = None
        self._over = False
        self._has_stream = False

    def connect(self) -> None:
        """Ask for what is still to be read: of the same bytes as before, for the object may be replaced meanwhile."""
        if not self._has_stream:
            self._client.take_stream()
            self._has_stream = True
        headers = {} if self._etag is None else {"If-Match": self._etag}
        if self._next > 0 or self._end is not None:
            last = "" if self._end is None else str(self._end - 1)
            headers["Range"] = f"bytes={self._next}-{last}"
        status, response = self._client.stream(self._bucket, self._name, headers=headers)
        if response is not None:
            if "Range" in headers and status != 206:
                response.close()
                raise StoreUnavailable(f"the S3 server ignores ranges; {self._key} cannot be read in part")
            etag = response.headers.get("etag")
            if self._etag is not None and etag != self._etag:  # a server that does not look at If-Match
                response.close()
                raise StoreUnavailable(f"{self._key} was replaced while it was read; read it again")
            self._response, self._etag = response, etag
        elif status == 416:  # it begins behind the last byte
            self._over = True
        elif status == 412:
            raise StoreUnavailable(f"{self._key} was replaced while it was read; read it again")
        else:
            raise NotFound(f"{self._key} is not in the store")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._read(len(view))
        view[: len(data)] = data
        self._next += len(data)
        return len(data)

    def close(self) -> None:
        if self._response is not None:
            if not self._over:
                self._response.close()  # unread bytes are on their way: the connection is of no use any more
            self._response.release_conn()
            self._response = None
        if self._has_stream:
            self._has_stream = False
            self._client.give_stream_back()
        super().close()

    def _read(self, size: int) -> bytes:
        for left in reversed(range(TRIES)):
            if self._over or self._response is None:
                return b""
            try:
                data = self._response.read(size)
            except (HTTPError, OSError) as error:
                self._response.close()
                if left == 0:
                    raise self._client.lost(error) from None
                self.connect()
                continue
            self._over = not data
            return data
        raise AssertionError("unreachable: the last try returns or raises")
