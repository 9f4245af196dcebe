"""Sending a file of the archive: validators, one byte range, a name that clients understand (RFC 9110, 5987, 6266)."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from search_api.problems import problem, responses

Opener = Callable[[int, int | None], BinaryIO]
"""Opens the content from a byte up to, without, another one (None: to the end)."""

_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@dataclass(frozen=True, slots=True)
class Content:
    """A file to send. `etag` is without its quotes; `size_bytes` None where only reading tells, then no range is given.

    `gzipped`: kept compressed, sent as it was before.
    """

    media_type: str
    filename: str
    etag: str
    size_bytes: int | None = None
    gzipped: bool = False


class Unsatisfiable(Exception):
    """The range asked for begins behind the end."""


def describes(media_type: str, *, ranges: bool = False) -> dict[int | str, dict[str, Any]]:
    """What a route that sends a file can answer."""
    binary = {"content": {media_type: _BINARY}}
    return {
        200: {"description": "the file", **binary},
        304: {"description": "unchanged (If-None-Match)"},
        **({206: {"description": "the part asked for", **binary}} if ranges else {}),
        **responses(404, *([416] if ranges else [])),
    }


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this version already (If-None-Match, compared weakly: RFC 9110, 13.1.2)."""
    given = request.headers.get("If-None-Match")
    if given is None:
        return False
    return given.strip() == "*" or f'"{etag}"' in (one.strip().removeprefix("W/") for one in given.split(","))


def not_modified(etag: str) -> Response:
    """The client's version is this one."""
    return Response(status_code=304, headers=validators(etag))


def validators(etag: str) -> dict[str, str]:
    """Headers that let a client, but no cache shared with others, ask whether anything changed."""
    return {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache"}


async def send(request: Request, content: Content, opened: Opener) -> Response:
    """The content whole, a part of it, 304 or 416. What `opened` raises is raised before anything is sent."""
    if is_known(request, content.etag):
        return not_modified(content.etag)
    headers = {**validators(content.etag), "Content-Disposition": disposition(content.filename)}
    start, end, status = 0, None, 200
    if content.size_bytes is not None:
        try:
            part = _part(request, content.etag, content.size_bytes)
        except Unsatisfiable:
            detail = f"the file has {content.size_bytes:,} bytes and the range begins behind them"
            total = {"Content-Range": f"bytes */{content.size_bytes}"}
            return problem(request, status=416, code="range_not_satisfiable", detail=detail, headers=total)
        headers["Accept-Ranges"] = "bytes"
        if part is not None:
            (start, end), status = part, 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size_bytes}"
        headers["Content-Length"] = str((content.size_bytes if end is None else end) - start)
    stream = await run_in_threadpool(opened, start, end)
    body = _chunks(stream, gzipped=content.gzipped)
    return _Sending(body, status_code=status, media_type=content.media_type, headers=headers)


def disposition(filename: str) -> str:
    """Attachment, so that no browser runs what is in a file; the name in ASCII for old clients, and as it is."""
    ascii_name = re.sub(r"[^ !#-\[\]-~]|%", "_", filename)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _part(request: Request, etag: str, size_bytes: int) -> tuple[int, int] | None:
    """First byte asked for and the one after the last; None for all: no range, several, or one of another version."""
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or found.group(1, 2) == ("", ""):
        return None
    if request.headers.get("If-Range", f'"{etag}"').strip() != f'"{etag}"':
        return None
    first, last = found.group(1, 2)
    if not first:  # the last so many bytes
        if int(last) == 0:
            raise Unsatisfiable
        return max(0, size_bytes - int(last)), size_bytes
    if last and int(last) < int(first):
        return None  # no valid range, so as if there were none
    if int(first) >= size_bytes:
        raise Unsatisfiable
    return int(first), min(int(last) + 1 if last else size_bytes, size_bytes)


class _Sending(StreamingResponse):
    """Lets go of the file at once when the answer is over, also where its reader has gone in the middle of it: on S3 it
    holds a connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await cast(AsyncGenerator[bytes, None], self.body_iterator).aclose()


async def _chunks(stream: BinaryIO, *, gzipped: bool) -> AsyncGenerator[bytes, None]:
    with stream:
        source = cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if gzipped else stream
        while chunk := await run_in_threadpool(source.read, _CHUNK_BYTES):
            yield chunk
