"""`GET /v1/documents/{id}/pdf|original|text|alto`: a document's files, streamed from the archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from search_api.access import LimitsOf, Principal, ReadDocument, Reader, StoresOf
from search_api.documents.sending import Content, Opener, describes, is_known, send
from sohoa.errors import NotFound
from storage.catalog.documents import Document
from storage.catalog.viewings import Outcome
from storage.presentation import is_archived
from storage.stores import Stores
from storage.viewing import record_viewing


async def _one_download(limits: LimitsOf, principal: Reader) -> AsyncIterator[None]:
    """Until the answer is over, however it ends. Raises Limited (too_many_downloads)."""
    with limits.downloads.one(principal.token_id):
        yield


router = APIRouter(prefix="/v1", tags=["documents"], dependencies=[Depends(_one_download)])


@router.get(
    "/documents/{document_id}/pdf",
    summary="The PDF/A",
    response_class=Response,
    responses=describes("application/pdf", ranges=True),
)
async def get_pdf(document: ReadDocument, stores: StoresOf, principal: Reader, request: Request) -> Response:
    """One `Range` is honoured (several: the whole file); the ETag is the SHA-256. Needs the scope `read`."""
    if document.pdf_sha256 is None or not is_archived(document):
        raise absent(document, "PDF/A")
    content = Content("application/pdf", _named(document, "pdf"), document.pdf_sha256, document.pdf_size_bytes)
    await record_sending(request, stores, principal, document, content, what="pdf")
    return await send(request, content, _archived(stores, document, "document.pdf"))


@router.get(
    "/documents/{document_id}/original",
    summary="The file as received",
    response_class=Response,
    responses=describes("application/octet-stream", ranges=True),
)
async def get_original(
    document: ReadDocument,
    stores: StoresOf,
    principal: Reader,
    request: Request,
    number: Annotated[int, Query(ge=1, description="1 is the first; appended ones follow")] = 1,
) -> Response:
    """Byte for byte, from the moment of its receipt. `Range` and ETag as for the PDF/A. Needs the scope `read`."""
    if number > 1:
        return await _send_appended(document, stores, principal, request, number=number)
    content = Content(document.media_type, document.source_name, document.original_sha256, document.original_size_bytes)

    def opened(start: int, end: int | None) -> BinaryIO:
        if stores.spool is not None:
            with suppress(NotFound):
                return stores.spool.open_original(document.document_id, start=start, end=end)
        try:
            return _archived(stores, document, f"original.{document.kind}")(start, end)
        except NotFound:  # not committed yet
            staged = stores.archive.read_receipt(document.document_id).staged_key
        try:
            return stores.archive.objects.open(staged, start=start, end=end)
        except NotFound:  # committed meanwhile
            return _archived(stores, document, f"original.{document.kind}")(start, end)

    await record_sending(request, stores, principal, document, content, what="original")
    return await send(request, content, opened)


async def _send_appended(
    document: Document, stores: Stores, principal: Principal, request: Request, *, number: int
) -> Response:
    if number - 2 >= len(document.appended):
        raise absent(document, f"original {number}")
    one = document.appended[number - 2]
    content = Content(one.media_type, one.filename, one.sha256, one.size_bytes)
    await record_sending(request, stores, principal, document, content, what=f"original-{number}")
    return await send(request, content, _archived(stores, document, one.path))


@router.get(
    "/documents/{document_id}/text",
    summary="The text",
    response_class=Response,
    responses=describes("text/plain"),
)
async def get_text(document: ReadDocument, stores: StoresOf, principal: Reader, request: Request) -> Response:
    """NFC, in reading order; pages are parted by a form feed. Needs the scope `read`."""
    found = await _find(stores, document, "text.txt", media_type="text/plain; charset=utf-8", extension="txt")
    await record_sending(request, stores, principal, document, found[0], what="text")
    return await send(request, *found)


@router.get(
    "/documents/{document_id}/alto",
    summary="The words and their places",
    response_class=Response,
    responses=describes("application/xml"),
)
async def get_alto(document: ReadDocument, stores: StoresOf, principal: Reader, request: Request) -> Response:
    """ALTO 4 XML of all pages. Needs the scope `read`."""
    found = await _find(stores, document, "alto.xml.gz", media_type="application/xml", extension="alto.xml")
    await record_sending(request, stores, principal, document, found[0], what="alto")
    return await send(request, *found)


async def record_sending(
    request: Request, stores: Stores, principal: Principal, document: Document, content: Content, *, what: str
) -> None:
    """Who is given what, before a byte of it goes. Raises StoreUnavailable where that cannot be kept."""
    outcome: Outcome = "unchanged" if is_known(request, content.etag) else "given"
    await run_in_threadpool(
        record_viewing, stores, principal.actor, document.document_id, through="api", what=what, outcome=outcome
    )


def absent(document: Document, what: str) -> NotFound:
    """The document is there, but not (yet) that of it."""
    return NotFound(f"document {document.document_id} is {document.status} and has no {what}")


def open_archived(stores: Stores, document: Document, name: str, *, start: int = 0, end: int | None = None) -> BinaryIO:
    """One of the document's archived files. Raises NotFound."""
    try:
        return stores.archive.open_file(
            document.archived_in, _path(document, name), version=document.version, start=start, end=end
        )
    except NotFound:
        raise absent(document, name) from None


async def _find(
    stores: Stores, document: Document, name: str, *, media_type: str, extension: str
) -> tuple[Content, Opener]:
    """One of the document's archived files, to be sent as it was before it was compressed. Raises NotFound."""
    etag = await run_in_threadpool(_digest_of, stores, document, name)
    content = Content(media_type, _named(document, extension), etag, gzipped=name.endswith(".gz"))
    return content, _archived(stores, document, name)


def _named(document: Document, extension: str) -> str:
    """What a rendition is called when it is saved: the original's name with another extension."""
    return f"{document.source_name.rpartition('.')[0] or document.source_name}.{extension}"


def _digest_of(stores: Stores, document: Document, name: str) -> str:
    """The SHA-256 of one of the document's archived files. Raises NotFound."""
    try:
        return stores.archive.digest_of(document.archived_in, _path(document, name), version=document.version)
    except NotFound:
        raise absent(document, name) from None


def _archived(stores: Stores, document: Document, name: str) -> Opener:
    return lambda start, end: open_archived(stores, document, name, start=start, end=end)


def _path(document: Document, name: str) -> str:
    return f"documents/{document.document_id}/{name}"
