"""Talks to an S3 server: one request, its retries, its time limits. The only file that knows the `minio` library.

The library's public methods take no `If-None-Match` or `If-Match`, so everything goes through its `_execute`, which signs
and sends what it is given. tests/contract/test_s3_client.py pins what is used of it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError

from sohoa.errors import StoreAway, StoreUnavailable
from storage.breaker import Breaker
from storage.objects.s3_place import Keys, Place

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0
"""Without a byte for this long an answer counts as lost."""
LONG_READ_TIMEOUT_S = 60.0
"""The same where the server has much to do first: copies, and putting parts together."""
BUDGET_S = 15.0
"""After a try that ran into a time limit no further one begins when the call has taken this long: whoever waits is told,
and may come back."""
CONNECTIONS = 32
"""At most so many requests of one process are under way; the next one waits for its turn."""
STREAMS = 32
"""The same, counted apart, for bodies that are read as somebody takes them: who takes long keeps only other readers waiting."""
TRIES = 5
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 3.0
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_PASSING_CODES = frozenset(
    {
        "ConditionalRequestConflict",
        "OperationAborted",
        "RequestTimeout",
        "SlowDown",
        # the bytes were damaged on their way
        "BadDigest",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
        "IncompleteBody",
    }
)
_AWAY_STATUSES = frozenset({0, 502, 503, 504})
"""What says that the server is away, not that it has trouble with one request."""
_FULL_CODES = frozenset({"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded"})
_ANSWERS = frozenset({404, 412, 416})
"""Statuses that say something about the key; whoever asked knows what."""
_CHANCE: Final = random.SystemRandom()


_NOT_LOCKED = "NoSuchObjectLockConfiguration"
"""What MinIO says with status 400 of a key that is under no retention or hold, and others with 404."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer about a key: status 200, 204, 206, 404, 412 or 416 (400: under no lock).

    `unsure` says that an earlier try got no answer and may have been carried out all the same. Header names are found
    in any case of letters.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    unsure: bool

    @property
    def ok(self) -> bool:
        return self.status < 300


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a try failed: the HTTP status (0: no answer), the server's own code, and one line for the log."""

    status: int
    code: str
    said: str

    @property
    def is_answer(self) -> bool:
        """Whether it is an answer about the key after all."""
        return (self.status in _ANSWERS and self.code != "NoSuchBucket") or self.code == _NOT_LOCKED

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a moment later."""
        passing = self.status == 0 or self.status in _PASSING_STATUSES or self.code in _PASSING_CODES
        return passing and self.code not in _FULL_CODES

    def too_late(self, began_s: float) -> bool:
        """Whether the call has waited long enough for a server that says nothing. What it took to send much is not
        waiting: there a lost connection is worth another try."""
        return self.status == 0 and self.said.endswith("TimeoutError") and time.monotonic() - began_s > BUDGET_S


class S3Client:
    """Requests to the server of a place, for any thread. No request is sent before the first call.

    Every call may raise StoreAway at once where one before got no answer (storage/breaker.py).
    """

    def __init__(self, place: Place, keys: Keys) -> None:
        self.endpoint = place.endpoint
        self.breaker = Breaker()
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._streams = threading.BoundedSemaphore(STREAMS)
        self._minio = _library(place, keys, read_timeout_s=READ_TIMEOUT_S)
        self._patient = _library(place, keys, read_timeout_s=LONG_READ_TIMEOUT_S)

    def send(
        self,
        method: str,
        bucket: str,
        name: str | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        tries: int = TRIES,
    ) -> Reply:
        """Send a request, again and later again where that may help, and read the whole answer.

        Raises StoreAway: no answer, or none that makes sense; StoreUnavailable: no room (`disk_full`), no right
        (`store_denied`), no bucket (`bucket_missing`).
        """
        with self.slot():
            began_s = self._begin()
            for failed in range(tries):
                try:
                    response = self._execute(method, bucket, name, body, headers, query, stream=False)
                    data = response.data or b""
                    trouble = None if method == "GET" else _trouble_inside(data)  # a GET gives anybody's bytes
                    if trouble is None:
                        self.breaker.answered()
                        return Reply(response.status, response.headers, data, unsure=failed > 0)
                except (MinioException, HTTPError, ElementTree.ParseError, OSError) as error:
                    trouble = _trouble_of(error)
                if trouble.is_answer or (method == "HEAD" and trouble.status == 404):
                    self.breaker.answered()
                    return Reply(trouble.status, {}, b"", unsure=failed > 0)
                if not trouble.passing or failed == tries - 1 or trouble.too_late(began_s):
                    raise self._given_up(trouble, bucket)
                _pause(failed)
        raise AssertionError("unreachable: the last try returns or raises")

    def stream(
        self, bucket: str, name: str, *, headers: Mapping[str, str], tries: int = TRIES
    ) -> tuple[int, urllib3.BaseHTTPResponse | None]:
        """GET, with the body still to be read; the caller has taken a stream, reads, and releases the connection.

        The status, and the response where that is 200 or 206. Raises StoreUnavailable as `send` does.
        """
        began_s = self._begin()
        for failed in range(tries):
            try:
                response = self._execute("GET", bucket, name, None, headers, None, stream=True)
                self.breaker.answered()
                return response.status, response
            except (MinioException, HTTPError, ElementTree.ParseError, OSError) as error:
                trouble = _trouble_of(error)
            if trouble.is_answer:
                self.breaker.answered()
                return trouble.status, None
            if not trouble.passing or failed == tries - 1 or trouble.too_late(began_s):
                raise self._given_up(trouble, bucket)
            _pause(failed)
        raise AssertionError("unreachable: the last try returns or raises")

    @contextmanager
    def slot(self) -> Iterator[None]:
        """One of the connections. Raises StoreAway where none is free for as long as an answer may take."""
        _take(self._slots)
        try:
            yield
        finally:
            self._slots.release()

    def take_stream(self) -> None:
        """A connection to read from for as long as that takes. Raises StoreAway as `slot` does."""
        _take(self._streams)

    def give_stream_back(self) -> None:
        self._streams.release()

    def lost(self, error: Exception) -> StoreUnavailable:
        """What to raise where the body of a stream breaks off for good."""
        return self._given_up(_trouble_of(error), "")

    def make_bucket(self, bucket: str, *, lock: bool) -> None:
        """Make a bucket; with `lock`, one with versions and Object Lock. Raises StoreUnavailable."""
        headers = {"x-amz-bucket-object-lock-enabled": "true"} if lock else {}
        self.send("PUT", bucket, headers=headers)

    def _execute(
        self,
        method: str,
        bucket: str,
        name: str | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        query: Mapping[str, str] | None,
        *,
        stream: bool,
    ) -> urllib3.BaseHTTPResponse:
        long = method == "POST" or (headers is not None and "x-amz-copy-source" in headers)
        return (self._patient if long else self._minio)._execute(
            method,
            bucket,
            name,
            body=body,
            headers=dict(headers or {}),  # a copy, for it is added to
            query_params=dict(query or {}),
            preload_content=not stream,
        )

    def _begin(self) -> float:
        """When a call began, in seconds of the monotonic clock. Raises StoreAway where it is in vain."""
        if not self.breaker.admit():
            raise StoreAway(f"the S3 server {self.endpoint} did not answer a moment ago; it is asked again soon")
        return time.monotonic()

    def _given_up(self, trouble: _Trouble, bucket: str) -> StoreUnavailable:
        """What to raise after the last try; from now on others need not wait as long to learn it."""
        if trouble.status in _AWAY_STATUSES:
            self.breaker.gave_no_answer()
        else:
            self.breaker.answered()
        return self._unavailable(trouble, bucket)

    def _unavailable(self, trouble: _Trouble, bucket: str) -> StoreUnavailable:
        if trouble.code in _FULL_CODES or trouble.status == 507:
            return StoreUnavailable(f"the S3 server is full ({trouble.said}): free some space", code="disk_full")
        if trouble.code == "NoSuchBucket":
            return StoreUnavailable(
                f"the bucket {bucket} is not on {self.endpoint}: make it, or correct the URL", code="bucket_missing"
            )
        if trouble.status in {401, 403}:
            return StoreUnavailable(
                f"the S3 server refuses our keys on bucket {bucket} ({trouble.said}): check them, their rights and the "
                "clock",
                code="store_denied",
            )
        return StoreAway(f"the S3 server {self.endpoint} cannot be used just now ({trouble.said})")


def _take(slots: threading.BoundedSemaphore) -> None:
    if not slots.acquire(timeout=READ_TIMEOUT_S):
        raise StoreAway("too many requests to the S3 server at once; try again in a moment")


def _library(place: Place, keys: Keys, *, read_timeout_s: float) -> Minio:
    address = urlsplit(place.endpoint)
    return Minio(
        address.netloc,
        access_key=keys.access,
        secret_key=keys.secret.get_secret_value(),
        secure=address.scheme == "https",
        region=place.region,  # named, so that the library never has to ask for it
        http_client=urllib3.PoolManager(
            num_pools=2,
            maxsize=CONNECTIONS + STREAMS,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
            retries=False,
        ),
    )


def _trouble_of(error: Exception) -> _Trouble:
    """What went wrong, without the library's own words: they may hold keys."""
    if isinstance(error, S3Error):
        status = 0 if error.response is None else error.response.status
        return _Trouble(status, error.code or "", f"{status} {error.code}")
    if isinstance(error, InvalidResponseError):
        return _Trouble(error._code, "", f"{error._code}, not by S3's protocol")
    if isinstance(error, ServerError):
        return _Trouble(error.status_code, "", str(error.status_code))
    return _Trouble(0, "", type(error).__name__)


def _trouble_inside(body: bytes) -> _Trouble | None:
    """S3 may begin a long answer with 200 and end it with an error."""
    if not body.startswith(b"<") or b"<Error>" not in body[:1000]:
        return None
    code = body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode(errors="replace")
    status = {"PreconditionFailed": 412, "NoSuchKey": 404, "NoSuchUpload": 404}.get(code, 500)
    return _Trouble(status, code, f"200, then {code}")


def _pause(failed: int) -> None:
    """Wait before the next try: twice as long each time, and by chance, lest all come back at once."""
    time.sleep(_CHANCE.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**failed)))
