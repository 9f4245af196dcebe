"""Receiving a body as it comes: the file within bounds, the fields beside it, from multipart or a raw body.

A slow sender holds no thread and no catalogue lock while its bytes trickle in: a document is made of them afterwards.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from ingest.inspect_original import check_size
from ingest.receive import check_disk
from search_api.access import Principal
from search_api.limits import Limits
from search_api.uploads import Upload, Uploads
from sohoa.errors import BadRequest
from storage.stores import Stores

FIELDS: Final = ("filename", "dossier", "external_id", "office", "declared", "urgency")
MOST_FIELD_BYTES: Final = 16 * 1024
_FRAMING_BYTES: Final = 256 * 1024
"""What a multipart body may hold besides its file."""
_PIECE_BYTES: Final = 2 * 1024 * 1024
"""What is kept in memory of a file; more goes to disk in pieces of this size."""


class Incoming:
    """Bytes of one file on their way in: small ones in memory, larger ones in a nameless file that no crash leaves.

    `sha256` is known at the end, where `hashed`. Raises Refused: too_large before the byte over the limit is kept,
    disk_low before the disk is.
    """

    def __init__(self, stores: Stores, uploads: Uploads, upload: Upload, *, hashed: bool) -> None:
        self._stores = stores
        self._uploads = uploads
        self._upload = upload
        self._digest = hashlib.sha256() if hashed else None
        self._piece = io.BytesIO()
        self._file: BinaryIO | None = None
        self.size_bytes = 0

    async def write(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        check_size(self.size_bytes, settings=self._stores.settings)
        self._uploads.come(self._upload, len(chunk))
        if self._digest is not None:
            self._digest.update(chunk)
        self._piece.write(chunk)
        if self._piece.tell() >= _PIECE_BYTES:
            await run_in_threadpool(self._to_disk)

    @property
    def sha256(self) -> str:
        if self._digest is None:
            raise ValueError("this body is not hashed")
        return self._digest.hexdigest()

    def finished(self) -> BinaryIO:
        """The whole file, from its start."""
        if self._file is None:
            self._piece.seek(0)
            return self._piece
        self._to_disk()
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._piece.close()
        if self._file is not None:
            self._file.close()

    def _to_disk(self) -> None:
        stores = self._stores
        check_disk(stores.archive, settings=stores.settings, needed_bytes=self._piece.tell())
        if self._file is None:
            home: Path = stores.settings.home
            home.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=home)  # noqa: SIM115 closed by close()
        self._file.write(self._piece.getbuffer())
        self._piece = io.BytesIO()


@contextmanager
def incoming(
    stores: Stores, uploads: Uploads, *, token_id: str, announced_bytes: int = 0, hashed: bool
) -> Iterator[Incoming]:
    """Room for a file that is gone afterwards. Raises Limited (too_many_uploads), Refused (disk_low)."""
    with uploads.one(token_id, announced_bytes=announced_bytes) as upload:
        body = Incoming(stores, uploads, upload, hashed=hashed)
        try:
            yield body
        finally:
            body.close()


@asynccontextmanager
async def let_in(
    request: Request, stores: Stores, limits: Limits, principal: Principal, *, office: str | None, hashed: bool
) -> AsyncIterator[Incoming]:
    """Room for the file of a request, as far as its sender, and `office` where it is known already, may bring one now: whoever
    may not is turned away before it sends. Raises Limited, Refused (disk_low)."""
    await run_in_threadpool(limits.count_upload, principal.token_id, principal.office)
    await run_in_threadpool(limits.check_quota, principal.token_id, office)
    announced = announced_bytes(request, stores)
    with incoming(
        stores, limits.uploads, token_id=principal.token_id, announced_bytes=announced, hashed=hashed
    ) as body:
        yield body


async def receive_body(request: Request, body: Incoming, *, fields: Collection[str] = FIELDS) -> dict[str, str]:
    """Put the file of the request into `body` and return what was said about it by name, each one of `fields`.

    Raises BadRequest (bad_multipart, unknown or repeated fields) and what the body raises.
    """
    said = _from_query(request, fields)
    try:
        return await _received(request, body, said, fields)
    finally:
        request.app.state.meter.uploaded.inc(body.size_bytes)


async def _received(request: Request, body: Incoming, said: dict[str, str], fields: Collection[str]) -> dict[str, str]:
    media_type, options = parse_options_header(request.headers.get("Content-Type"))
    if media_type != b"multipart/form-data":
        async for chunk in request.stream():
            await body.write(chunk)
        return said
    if not options.get(b"boundary"):
        raise _bad_multipart("its Content-Type names no boundary")
    form = _Form(said, fields)
    try:
        async for piece in form.pieces(request.stream(), options[b"boundary"]):
            await body.write(piece)
    except FormParserError:
        raise _bad_multipart("it does not follow RFC 7578") from None
    return form.said


def announced_bytes(request: Request, stores: Stores) -> int:
    """How large a body says that it is, 0 where it does not; one that is too large is refused before it is sent (with
    `Expect: 100-continue`). Raises Refused (too_large)."""
    announced = request.headers.get("Content-Length", "")
    if not (announced.isascii() and announced.isdigit() and len(announced) <= 18):
        return 0
    check_size(int(announced) - _FRAMING_BYTES, settings=stores.settings)
    return int(announced)


class _Form:
    """A multipart body taken apart: the pieces of its one file as they come, and its fields in `said`."""

    def __init__(self, said: dict[str, str], fields: Collection[str]) -> None:
        self.said = said
        self._fields = fields
        self._files = 0
        self._filename = ""
        self._ended = False
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._field: str | None = None
        self._text = bytearray()
        self._framing_bytes = 0
        self._pieces: list[bytes] = []

    async def pieces(self, stream: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[bytes]:
        """The file's bytes. Raises BadRequest, FormParserError."""
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )
        async for chunk in stream:
            parser.write(chunk)
            self._framing_bytes += len(chunk) - sum(len(piece) for piece in self._pieces)
            if self._framing_bytes > _FRAMING_BYTES:
                raise BadRequest(
                    f"a form has at most {_FRAMING_BYTES:,} bytes besides its file", code="request_too_large"
                )
            for piece in self._pieces:
                yield piece
            self._pieces.clear()
        if not self._ended:
            raise _bad_multipart("it ends before its last boundary: send it again")
        if self._files == 0:
            raise _bad_multipart("no part of it is a file: name one with filename=…")
        self.said.setdefault("filename", self._filename)

    def _on_part_begin(self) -> None:
        self._disposition = b""
        self._text.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" in options:
            self._files += 1
            if self._files > 1:
                raise _bad_multipart("it holds more than one file: send one a request")
            self._field = None
            self._filename = options[b"filename"].decode("utf-8", "replace")
        else:
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            _check_field(self._field, self._fields)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._pieces.append(data[start:end])
        else:
            self._text += data[start:end]
            if len(self._text) > MOST_FIELD_BYTES:
                raise BadRequest(f"{self._field} has at most {MOST_FIELD_BYTES:,} bytes", code="request_too_large")

    def _on_part_end(self) -> None:
        if self._field is not None:
            _say(self.said, self._field, _decoded(self._text, self._field))

    def _on_end(self) -> None:
        self._ended = True


def _from_query(request: Request, fields: Collection[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        _check_field(name, fields)
        _say(said, name, value)
    return said


def _say(said: dict[str, str], name: str, value: str) -> None:
    if name in said:
        raise BadRequest(f"{name} is given twice", code="repeated_field")
    said[name] = value


def _check_field(name: str, fields: Collection[str]) -> None:
    """A misspelt `dossier` must not put a paper where nobody looks for it."""
    if name not in fields:
        raise BadRequest(f"one of the names given is not known: use {', '.join(fields)}", code="unknown_field")


def _decoded(text: bytearray, name: str) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{name} is not UTF-8") from None


def _bad_multipart(why: str) -> BadRequest:
    return BadRequest(f"the multipart body cannot be used: {why}", code="bad_multipart")
