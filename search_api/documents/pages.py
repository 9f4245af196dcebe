"""`GET /v1/documents/{id}/pages/{n}` and `…/image`: what was read on a page and where, and its picture."""

from __future__ import annotations

import gzip
from functools import partial
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request, Response
from lxml import etree
from starlette.concurrency import run_in_threadpool

from search_api.access import ReadDocument, Reader, StoresOf
from search_api.documents.contents import absent, open_archived
from search_api.documents.rendering import Renderer
from search_api.documents.schemas import PageOut
from search_api.documents.sending import describes, is_known, not_modified, validators
from search_api.problems import responses
from sohoa.errors import NotFound
from sohoa.model import Page, quality_to_dict
from storage.archive.alto import NAMESPACE, read_alto
from storage.catalog.documents import Document
from storage.presentation import is_archived
from storage.stores import Stores
from storage.viewing import record_viewing

router = APIRouter(prefix="/v1", tags=["pages"])

MOST_WIDTH_PX = 4000
Number = Annotated[int, Path(ge=1, description="counts from 1", examples=[1])]


@router.get(
    "/documents/{document_id}/pages/{number}",
    summary="What was read on a page",
    response_model=PageOut,
    responses=responses(404),
)
def get_page(document: ReadDocument, number: Number, stores: StoresOf, principal: Reader) -> dict[str, Any]:
    """Its text, and each word with its box and confidence, in reading order. Needs the scope `read`."""
    page = _read_page(stores, document, number)
    record_viewing(stores, principal.actor, document.document_id, through="api", what="page", page=number)
    return {
        "number": page.number,
        "status": page.status,
        "code": page.code,
        "width_px": page.width_px,
        "height_px": page.height_px,
        "dpi": page.dpi,
        "turn_deg": page.turn_deg,
        "text": page.text,
        "words": [{"text": word.text, "box": word.box, "confidence": word.confidence} for word in page.words()],
        "quality": None if page.quality is None else quality_to_dict(page.quality),
    }


@router.get(
    "/documents/{document_id}/pages/{number}/image",
    summary="A picture of a page",
    response_class=Response,
    responses=describes("image/jpeg"),
)
async def get_page_image(
    document: ReadDocument,
    number: Number,
    stores: StoresOf,
    principal: Reader,
    request: Request,
    width: Annotated[int, Query(ge=16, le=MOST_WIDTH_PX, description="pixels")] = 1240,
) -> Response:
    """A JPEG of the PDF/A's page: multiply boxes by its width over the page's `width_px`. Needs the scope `read`."""
    if not is_archived(document):
        raise absent(document, "PDF/A")
    etag = f"{document.pdf_sha256}-{number}-{width}"
    record = partial(
        record_viewing, stores, principal.actor, document.document_id, through="api", what="image", page=number
    )
    if is_known(request, etag):
        await run_in_threadpool(record, outcome="unchanged")
        return not_modified(etag)
    renderer: Renderer = request.app.state.renderer
    name = f"documents/{document.document_id}/document.pdf"
    file = stores.archive.local_file(document.archived_in, name, version=document.version)
    path = await run_in_threadpool(file.__enter__)
    try:
        picture = await renderer.jpeg(path, number, width_px=width)
    finally:
        await run_in_threadpool(file.__exit__, None, None, None)
    await run_in_threadpool(record)
    return Response(picture, media_type="image/jpeg", headers=validators(etag))


def _read_page(stores: Stores, document: Document, number: int) -> Page:
    """The page from the document's ALTO, of which no more than this page is built. Raises NotFound, BadAlto."""
    if document.pages_total is not None and number > document.pages_total:
        raise NotFound(f"document {document.document_id} has {document.pages_total} pages, there is no page {number}")
    with (
        open_archived(stores, document, "alto.xml.gz") as stream,
        gzip.GzipFile(fileobj=stream) as xml,
    ):
        for _, element in etree.iterparse(
            cast(Any, xml), tag=f"{{{NAMESPACE}}}Page", resolve_entities=False, no_network=True, huge_tree=True
        ):
            if element.get("PHYSICAL_IMG_NR") == str(number):
                alone = etree.Element(f"{{{NAMESPACE}}}alto")
                alone.append(element)
                return read_alto(etree.tostring(alone))[0]
            element.clear()
    raise NotFound(f"document {document.document_id} has no page {number}")
