"""`GET /v1/documents` and `GET /v1/documents/{id}`: what is there and how it stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from search_api.access import ReadDocument, Reader, StoresOf
from search_api.documents.schemas import DocumentList, DocumentOut, describe_document
from search_api.problems import responses
from sohoa.errors import BadRequest
from sohoa.fields import has_ids
from sohoa.states import DocumentStatus
from storage.catalog import documents
from storage.viewing import record_viewing

router = APIRouter(prefix="/v1", tags=["documents"])

MOST = 200
_CURSOR_DIGITS = 18


@router.get("/documents", summary="List documents", response_model=DocumentList, responses=responses())
def list_documents(
    stores: StoresOf,
    principal: Reader,
    dossier: Annotated[str | None, Query(max_length=64, examples=["000.00.05.H02-230105-0001"])] = None,
    status: Annotated[DocumentStatus | None, Query()] = None,
    external_id: Annotated[str | None, Query(max_length=200)] = None,
    changed_since: Annotated[
        AwareDatetime | None, Query(description="RFC 3339 with a time zone", examples=["2026-01-02T00:00:00+07:00"])
    ] = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> dict[str, Any]:
    """In the order of their last change: a document that changes while you follow the cursor comes again later, so
    nothing is missed. Needs the scope `read`."""
    with stores.database.read() as connection:
        found = documents.list_documents(
            connection,
            office=principal.office,
            dossier=dossier,
            status=status,
            external_id=external_id,
            changed_since=changed_since,
            after=_after(cursor),
            limit=limit,
        )
    return {
        "items": [describe_document(document) for document in found.items],
        "next_cursor": None if found.next_cursor is None else str(found.next_cursor),
    }


@router.get("/documents/{document_id}", summary="One document", response_model=DocumentOut, responses=responses(404))
def get_document(document: ReadDocument, stores: StoresOf, principal: Reader) -> dict[str, Any]:
    """How it stands: follow `status` until it is `archived`, `held` or `failed`. Needs the scope `read`; citizens' numbers
    are shown to a token that has `review` or `admin` too."""
    if principal.sees_ids and has_ids(document.fields):
        record_viewing(stores, principal.actor, document.document_id, through="api", what="fields")
    return describe_document(document, whole=principal.sees_ids)


def _after(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _CURSOR_DIGITS):
        raise BadRequest("the cursor is not one that a list gave: start again without it", code="bad_cursor")
    return int(cursor)
