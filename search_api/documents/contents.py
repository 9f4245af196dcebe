"""`GET /v1/documents/{id}/pdf|original|text|alto`: a document's files, streamed from the archive, whole or in part."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from search_api.access import ReadDocument, Reader, StoresOf
from search_api.problems import problem, responses
from sohoa.errors import NotFound
from sohoa.model import Sha256
from storage.archive.layout import object_id_of
from storage.catalog.documents import Document
from storage.stores import Stores

log = structlog.get_logger(__name__)
router = APIRouter(tags=["documents"])

_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@dataclass(frozen=True, slots=True)
class Content:
    """A file to send. `etag` is without quotes; the size is None where only reading it would tell."""

    media_type: str
    filename: str
    etag: str
    size_bytes: int | None
    inline: bool = False


def _describes(media_type: str, *more: int) -> dict[int | str, dict[str, Any]]:
    part = {206: {"description": "the part asked for", "content": {media_type: _BINARY}}} if 416 in more else {}
    whole = {200: {"description": "the file", "content": {media_type: _BINARY}}}
    unchanged = {304: {"description": "you have it already (If-None-Match)"}}
    return {**whole, **part, **unchanged, **responses(404, *more)}


@router.get(
    "/documents/{document_id}/pdf",
    summary="The PDF/A",
    response_class=Response,
    responses=_describes("application/pdf", 416),
)
async def get_pdf(document: ReadDocument, stores: StoresOf, principal: Reader, request: Request) -> Response:
    """One `Range` is honoured; the ETag is the SHA-256. Needs the scope `read`."""
    if document.pdf_sha256 is None:
        raise _absent(document, "PDF/A")
    stem = document.source_name.rpartition(".")[0] or document.source_name
    content = Content("application/pdf", f"{stem}.pdf", document.pdf_sha256, document.pdf_size_bytes, inline=True)

    def opened(start: int, end: int | None) -> BinaryIO:
        return open_archived(stores, document, "document.pdf", start=start, end=end)

    return await _send(request, content, opened, document=document, principal=principal, what="pdf")


@router.get(
    "/documents/{document_id}/original",
    summary="The file as received",
    response_class=Response,
    responses=_describes("application/octet-stream", 416),
)
async def get_original(document: ReadDocument, stores: StoresOf, principal: Reader, request: Request) -> Response:
    """Byte for byte, from the moment of its receipt. One `Range` is honoured; the ETag is the SHA-256. Needs `read`."""
    content = Content(
        document.media_type, document.source_name, document.original_sha256, document.original_size_bytes
    )

    def opened(start: int, end: int | None) -> BinaryIO:
        return _open_original(stores, document, start=start, end=end)

    return await _send(request, content, opened, document=document, principal=principal, what="original")
