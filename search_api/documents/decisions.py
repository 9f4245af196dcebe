"""`POST /v1/documents/{id}/retry|release|withdraw|move`: what a person decides about a document."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from ingest import decisions, moving
from search_api.access import Admin, DecideDocument, StoresOf
from search_api.bodies import body_of, read_json
from search_api.documents.schemas import DocumentOut, Move, Reason, Release, describe_document
from search_api.problems import responses

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["decisions"])


@router.post(
    "/documents/{document_id}/retry",
    summary="Try a failed document again",
    status_code=202,
    response_model=DocumentOut,
    responses=responses(404, 409),
)
async def retry(document: DecideDocument, stores: StoresOf, principal: Admin) -> dict[str, Any]:
    """From the start. Needs the scope `admin`; no body."""
    moved = await run_in_threadpool(decisions.retry, stores, document, actor=principal.actor)
    log.info("document.retried", actor=principal.actor, document_id=document.document_id)
    return describe_document(moved)


@router.post(
    "/documents/{document_id}/release",
    summary="Let a held document go on",
    status_code=202,
    response_model=DocumentOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(Release),
)
async def release(document: DecideDocument, stores: StoresOf, principal: Admin, request: Request) -> dict[str, Any]:
    """Needs the scope `admin`."""
    asked = await read_json(request, Release)
    password = None if asked.password is None else asked.password.get_secret_value()
    moved = await run_in_threadpool(
        decisions.release, stores, document, actor=principal.actor, reason=asked.reason, password=password
    )
    log.info("document.released", actor=principal.actor, document_id=document.document_id)
    return describe_document(moved)


@router.post(
    "/documents/{document_id}/withdraw",
    summary="Take a document out of use",
    response_model=DocumentOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(Reason),
)
async def withdraw(document: DecideDocument, stores: StoresOf, principal: Admin, request: Request) -> dict[str, Any]:
    """It is no longer found by a search; its files stay. Needs the scope `admin`."""
    asked = await read_json(request, Reason)
    moved = await run_in_threadpool(decisions.withdraw, stores, document, actor=principal.actor, reason=asked.reason)
    log.info("document.withdrawn", actor=principal.actor, document_id=document.document_id)
    return describe_document(moved)


@router.post(
    "/documents/{document_id}/move",
    summary="Take a document to another dossier",
    response_model=DocumentOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(Move),
)
async def move(document: DecideDocument, stores: StoresOf, principal: Admin, request: Request) -> dict[str, Any]:
    """Or out of any, with `to` null. Its files stay in the versions of the object that it leaves. Asked for again, it
    changes nothing. Needs the scope `admin`."""
    asked = await read_json(request, Move)
    moved = await run_in_threadpool(
        moving.move, stores, document, to=asked.to, actor=principal.actor, reason=asked.reason
    )
    log.info("document.moved", actor=principal.actor, document_id=document.document_id)
    return describe_document(moved)
