"""`POST /v1/documents/{id}/replace|append`: a new original for a document that is there; 202 says that it is durable."""

from __future__ import annotations

from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from ingest.revising import revise
from search_api.access import Ingester, LimitsOf, Principal, ReviseDocument, StoresOf
from search_api.documents.schemas import RevisionReceiptOut, links_of
from search_api.documents.upload import let_in, receive_body
from search_api.limits import Limits
from search_api.problems import responses
from sohoa.errors import BadRequest
from sohoa.states import RevisionKind
from storage.catalog.documents import Document
from storage.presentation import revision_json
from storage.stores import Stores

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["documents"])

MOST_REASON: Final = 500
_ABOUT = {
    "reason": f"why; kept in the archive with who sent it, at most {MOST_REASON} characters",
    "filename": "the file's name; a multipart file part names itself",
}
_FILE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "type": "object",
    "required": ["file", "reason"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        **{name: {"type": "string", "description": about} for name, about in _ABOUT.items()},
    },
}
_DESCRIPTION: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": about}
        for name, about in _ABOUT.items()
    ],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/octet-stream": _FILE,
            "application/pdf": _FILE,
            "image/*": _FILE,
        },
    },
}


@router.post(
    "/documents/{document_id}/replace",
    summary="Put another scan in place of a document's",
    status_code=202,
    response_model=RevisionReceiptOut,
    responses=responses(404, 408, 409, 413, 415, 507),
    openapi_extra=_DESCRIPTION,
)
async def replace(
    document: ReviseDocument, stores: StoresOf, limits: LimitsOf, principal: Ingester, request: Request
) -> dict[str, Any]:
    """Sent like a new paper. The document keeps its id and stays as it is until the new scan is archived; the old one
    stays in the versions before. Needs the scope `ingest`."""
    return await _revise(document, stores, limits, principal, request, kind=RevisionKind.REPLACE)


@router.post(
    "/documents/{document_id}/append",
    summary="Append pages to a document",
    status_code=202,
    response_model=RevisionReceiptOut,
    responses=responses(404, 408, 409, 413, 415, 507),
    openapi_extra=_DESCRIPTION,
)
async def append(
    document: ReviseDocument, stores: StoresOf, limits: LimitsOf, principal: Ingester, request: Request
) -> dict[str, Any]:
    """Sent like a new paper; its pages follow those of the document, which must be archived. Needs the scope `ingest`."""
    return await _revise(document, stores, limits, principal, request, kind=RevisionKind.APPEND)


async def _revise(
    document: Document, stores: Stores, limits: Limits, principal: Principal, request: Request, *, kind: RevisionKind
) -> dict[str, Any]:
    async with let_in(request, stores, limits, principal, office=document.office, hashed=False) as body:
        said = await receive_body(request, body, fields=tuple(_ABOUT))
        await run_in_threadpool(limits.count_paper, principal.token_id, document.office, body.size_bytes)
        reason = said.get("reason", "")
        if len(reason) > MOST_REASON:
            raise BadRequest(f"reason has at most {MOST_REASON} characters")
        accepted = await run_in_threadpool(
            revise,
            stores,
            document,
            body.finished(),
            kind=kind,
            filename=said.get("filename", ""),
            actor=principal.actor,
            reason=reason,
        )
    log.info("document.revision_accepted", actor=principal.actor, document_id=document.document_id, kind=kind.value)
    return {
        "document_id": accepted.document.document_id,
        "revision": revision_json(accepted.document.revision),
        "spooled": accepted.spooled,
        "links": links_of(accepted.document),
    }
