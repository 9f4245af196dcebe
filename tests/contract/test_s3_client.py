"""What Sohoa uses of the `minio` library below its public methods: an upgrade that changes it fails here, not in an office.

No server is needed: the library's HTTP pool is replaced by one that keeps what would be sent.
"""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import pytest
import urllib3
from minio import Minio
from pydantic import SecretStr

from sohoa.errors import SetupError, StoreUnavailable
from storage.objects import s3_client
from storage.objects.s3_client import S3Client
from storage.objects.s3_place import Keys, parse_place

PLACE = parse_place("s3://bucket/prefix?endpoint=http://127.0.0.1:1")
CONDITIONS = {"If-None-Match": "*", "x-amz-checksum-sha256": "c3Vt", "x-amz-meta-sohoa-write": "token"}


class _Pool:
    """Answers each request with the next of `answers`: status, headers, body."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.sent: list[dict[str, Any]] = []
        self._answers = list(answers)

    def urlopen(self, method: str, url: str, **rest: Any) -> urllib3.HTTPResponse:
        self.sent.append({"method": method, "url": url, **rest})
        status, headers, body = self._answers.pop(0)
        return urllib3.HTTPResponse(body, headers, status, preload_content=True)

    def clear(self) -> None:
        """The library closes its pool at the end."""


def _client(pool: _Pool, monkeypatch: pytest.MonkeyPatch, *, endpoint: str = "http://127.0.0.1:1") -> S3Client:
    monkeypatch.setattr(s3_client, "_FIRST_PAUSE_S", 0.0)
    client = S3Client(parse_place(f"s3://bucket?endpoint={endpoint}"), Keys("access", SecretStr("secret-key")))
    client._minio._http = client._patient._http = pool  # type: ignore[assignment]
    return client


def test_the_library_still_takes_what_it_is_given() -> None:
    names = list(inspect.signature(Minio._execute).parameters)
    assert names[:8] == [
        "self",
        "method",
        "bucket_name",
        "object_name",
        "body",
        "headers",
        "query_params",
        "preload_content",
    ]


def test_conditions_are_sent_as_they_are_and_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = _Pool((200, {}, b""))
    _client(pool, monkeypatch).send("PUT", "bucket", "a/b c", body=b"bytes", headers=CONDITIONS, query={"x": "y"})
    (sent,) = pool.sent
    assert sent["url"] == "http://127.0.0.1:1/bucket/a/b%20c?x=y"
    assert sent["body"] == b"bytes"
    assert {name: sent["headers"][name] for name in CONDITIONS} == CONDITIONS
    assert sent["headers"]["x-amz-content-sha256"] == hashlib.sha256(b"bytes").hexdigest()
    signed = sent["headers"]["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {name.lower() for name in CONDITIONS} <= set(signed)


def test_conditions_are_sent_over_tls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = _Pool((200, {}, b""))
    _client(pool, monkeypatch, endpoint="https://s3.example").send("PUT", "bucket", "k", body=b"b", headers=CONDITIONS)
    assert pool.sent[0]["url"] == "https://s3.example/bucket/k"
    assert {name: pool.sent[0]["headers"][name] for name in CONDITIONS} == CONDITIONS


def test_each_try_is_signed_anew_and_the_caller_s_headers_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = _Pool((503, {"content-type": "text/plain"}, b"busy"), (200, {"ETag": '"e"'}, b""))
    headers = dict(CONDITIONS)
    reply = _client(pool, monkeypatch).send("PUT", "bucket", "k", body=b"b", headers=headers)
    assert (reply.ok, reply.unsure, reply.headers["etag"]) == (True, True, '"e"')
    assert headers == CONDITIONS
    assert all("Authorization" in sent["headers"] for sent in pool.sent)


@pytest.mark.parametrize("status", [404, 412, 416])
def test_an_answer_about_the_key_is_a_reply(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    body = b"<Error><Code>Whatever</Code><Message>m</Message></Error>"
    pool = _Pool((status, {"content-type": "application/xml"}, body))
    assert _client(pool, monkeypatch).send("GET", "bucket", "k").status == status


def test_an_error_that_comes_after_200_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 says 200 before a long completion or copy is done, and in the body how it ended."""

    def late(code: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, f"<?xml version='1.0'?>\n<Error><Code>{code}</Code></Error>".encode()

    pool = _Pool(late("InternalError"), late("PreconditionFailed"))
    reply = _client(pool, monkeypatch).send("POST", "bucket", "k", body=b"parts")
    assert (reply.status, reply.unsure, len(pool.sent)) == (412, True, 2)


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"content-type": "application/xml"}, b"<Error><Code>InternalError</Code></Error>"),
        (502, {"content-type": "text/html"}, b"<html>"),
        (503, {}, b""),
        (500, {"content-type": "application/xml"}, b"<Error><Cod"),
    ],
)
def test_every_kind_of_passing_trouble_is_tried_again_and_told_without_the_vendor(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[int, dict[str, str], bytes]
) -> None:
    pool = _Pool(*[answer] * s3_client.TRIES)
    with pytest.raises(StoreUnavailable) as told:
        _client(pool, monkeypatch).send("GET", "bucket", "k")
    assert len(pool.sent) == s3_client.TRIES
    assert "minio" not in told.value.detail.lower()
    assert "secret-key" not in told.value.detail


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3://?endpoint=http://h:1",
        "s3://bucket?endpoint=ftp://h:1",
        "s3://bucket?endpoint=http://user:password@h:1",
        "s3://bucket?endpoint=http://h:99999999",
        "s3://bucket?endpoint=http://h:1&lock=maybe",
        "s3://bucket?endpoint=http://h:1&wrok=b",
        "s3://bucket?endpoint=http://h:1&work=bucket",
    ],
)
def test_a_url_that_names_no_store_is_refused_with_how_to_write_it(url: str) -> None:
    with pytest.raises(SetupError) as refused:
        parse_place(url)
    assert refused.value.code == "bad_setting"
    assert "password" not in refused.value.detail


def test_a_url_names_two_buckets_and_where_in_them() -> None:
    place = parse_place("s3://archive/deep/prefix/?endpoint=https://s3.example:9000&region=vn&lock=no")
    assert (place.endpoint, place.archive, place.work) == ("https://s3.example:9000", "archive", "archive-work")
    assert (place.region, place.lock) == ("vn", False)
    assert place.locate("ocfl/a") == ("archive", "deep/prefix/ocfl/a")
    assert place.locate("staging/a") == ("archive-work", "deep/prefix/staging/a")
    assert place.locate("intents/a") == ("archive-work", "deep/prefix/intents/a")
