"""`/v1/review/…`: the queue of papers that wait for a person, taking one, and saying what stands on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from ingest import reviewing, splitting
from ingest.reviewing import Correction
from search_api.access import Principal, ReviewDocument, Reviewer, StoresOf
from search_api.bodies import body_of, read_json
from search_api.documents.schemas import describe_document
from search_api.problems import responses
from search_api.review.schemas import (
    AgreementList,
    Ask,
    Asked,
    Correct,
    Next,
    PaperOut,
    QueueOut,
    Seen,
    TypeName,
    Unreadable,
    corrections_of,
)
from sohoa.states import WantedKind
from storage.catalog import reviews
from storage.catalog.documents import Document
from storage.presentation import waiting_json
from storage.stores import Stores
from storage.viewing import record_viewing

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["review"])

MOST = 200
MOST_BODY_BYTES = 256 * 1024


@router.get("/review", summary="The review queue", response_model=QueueOut, responses=responses())
def list_waiting(
    stores: StoresOf,
    principal: Reviewer,
    office: Annotated[str | None, Query(max_length=64)] = None,
    type: Annotated[str | None, Query(max_length=100, examples=["Quyết định"])] = None,
    wanted: Annotated[WantedKind | None, Query(description="only what waits for this")] = None,
    cursor: Annotated[str | None, Query(max_length=60, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> dict[str, Any]:
    """Oldest first, claimed ones too. Needs the scope `review`."""
    office = None if office is None else principal.office_for(office, stores.settings)
    with stores.database.read() as connection:
        found = reviews.waiting(
            connection,
            now=stores.clock.now(),
            office=office or principal.office,
            type_name=type,
            wanted=wanted,
            cursor=cursor,
            limit=limit,
        )
    items = [waiting_json(document, claim) for document, claim in found.items]
    return {"items": items, "next_cursor": found.next_cursor, "total": found.total}


@router.get(
    "/review/agreement", summary="How often second checks agree", response_model=AgreementList, responses=responses()
)
def agreement(
    stores: StoresOf, principal: Reviewer, office: Annotated[str | None, Query(max_length=64)] = None
) -> dict[str, Any]:
    """By the first check's actor and field. Needs the scope `review`."""
    office = None if office is None else principal.office_for(office, stores.settings)
    with stores.database.read() as connection:
        found = reviews.agreement(connection, office=office or principal.office)
    return {"items": [{**asdict(one), "share": round(one.share, 4)} for one in found]}


@router.post(
    "/review/next",
    summary="Take the oldest paper that nobody has",
    response_model=PaperOut,
    responses={**responses(), 204: {"description": "nothing waits"}},
    openapi_extra=body_of(Next),
)
async def take_next(stores: StoresOf, principal: Reviewer, request: Request) -> Any:
    """It is yours until `claimed_until`; ask for it again to keep it longer. Needs the scope `review`."""
    asked = await read_json(request, Next)
    office = principal.office if asked.office is None else principal.office_for(asked.office, stores.settings)

    def take() -> Document | None:
        with stores.database.write() as connection:
            return reviews.claim_next(
                connection,
                actor=principal.actor,
                now=stores.clock.now(),
                lease_s=stores.settings.review_lease_s,
                office=office,
                type_name=asked.type,
            )

    document = await run_in_threadpool(take)
    if document is None:
        return Response(status_code=204)
    return await run_in_threadpool(_shown, stores, document, principal)


@router.get("/review/{document_id}", summary="A paper to confirm", response_model=PaperOut, responses=responses(404))
def show(document: ReviewDocument, stores: StoresOf, principal: Reviewer) -> dict[str, Any]:
    """All its fields, citizens' numbers too, and why it waits. Needs the scope `review`."""
    return _shown(stores, document, principal)


@router.post(
    "/review/{document_id}/claim", summary="Take this paper", response_model=PaperOut, responses=responses(404, 409)
)
def claim(document: ReviewDocument, stores: StoresOf, principal: Reviewer) -> dict[str, Any]:
    """Or keep it longer; no body. Another's is a 409 `claimed`. Needs the scope `review`."""
    with stores.database.write() as connection:
        taken = reviews.claim(
            connection,
            document.document_id,
            actor=principal.actor,
            now=stores.clock.now(),
            lease_s=stores.settings.review_lease_s,
        )
    return _shown(stores, taken, principal)


@router.post(
    "/review/{document_id}/release",
    summary="Give this paper back",
    response_model=PaperOut,
    responses=responses(404, 409),
)
def give_back(document: ReviewDocument, stores: StoresOf, principal: Reviewer) -> dict[str, Any]:
    """It is in the queue again as it was; no body. Needs the scope `review`."""
    with stores.database.write() as connection:
        back = reviews.give_back(connection, document.document_id, actor=principal.actor, now=stores.clock.now())
    return _shown(stores, back, principal)


@router.post(
    "/review/{document_id}/accept",
    summary="All fields are right",
    response_model=PaperOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(Seen),
)
async def accept(document: ReviewDocument, stores: StoresOf, principal: Reviewer, request: Request) -> dict[str, Any]:
    """As they were in `version`. Needs the scope `review`."""
    seen = await read_json(request, Seen)
    return await _confirmed(stores, document, principal, seen, {}, "accepted")


@router.post(
    "/review/{document_id}/correct",
    summary="Some fields say something else",
    response_model=PaperOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(Correct),
)
async def correct(document: ReviewDocument, stores: StoresOf, principal: Reviewer, request: Request) -> dict[str, Any]:
    """All others are right as they were in `version`. Needs the scope `review`."""
    asked = await read_json(request, Correct, most_bytes=MOST_BODY_BYTES)
    return await _confirmed(stores, document, principal, asked, corrections_of(asked.fields), "corrected")


@router.post(
    "/review/{document_id}/unreadable",
    summary="Some fields cannot be read",
    response_model=PaperOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(Unreadable),
)
async def unreadable(
    document: ReviewDocument, stores: StoresOf, principal: Reviewer, request: Request
) -> dict[str, Any]:
    """By nobody; all others are right as they were in `version`. Needs the scope `review`."""
    asked = await read_json(request, Unreadable)
    said = {name: Correction(None) for name in asked.fields}
    return await _confirmed(stores, document, principal, asked, said, "corrected")


@router.post(
    "/review/{document_id}/type",
    summary="The paper is of another type",
    response_model=PaperOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(TypeName),
)
async def retype(document: ReviewDocument, stores: StoresOf, principal: Reviewer, request: Request) -> dict[str, Any]:
    """All other fields are right as they were in `version`. Needs the scope `review`."""
    asked = await read_json(request, TypeName)
    said = {"type_name": Correction(asked.type_name)}
    return await _confirmed(stores, document, principal, asked, said, "corrected")


@router.post(
    "/review/{document_id}/{kind}",
    summary="The paper must be split, turned or scanned again first",
    response_model=PaperOut,
    responses=responses(404, 409, 413),
    openapi_extra=body_of(Ask),
)
async def ask_for(
    document: ReviewDocument, kind: Asked, stores: StoresOf, principal: Reviewer, request: Request
) -> dict[str, Any]:
    """`split`, `rotate` or `rescan`: kept with the reason; the paper goes on waiting, as that. With `turns` a rotate is done
    at once: the document is read again so, beside itself. With `begins` so is a split: `split_into` of the answer names the
    parts, which are documents of their own, and this one is withdrawn (`split`). A rescan is done with
    `POST /v1/documents/{id}/replace`. Needs the scope `review`."""
    asked = await read_json(request, Ask)
    seen = replace(document, version=asked.version)
    if kind is WantedKind.SPLIT and asked.begins:
        after = await run_in_threadpool(
            splitting.split, stores, seen, begins=asked.begins, actor=principal.actor, reason=asked.reason
        )
        log.info("review.split", actor=principal.actor, document_id=document.document_id, parts=len(after.split_into))
        return await run_in_threadpool(_shown, stores, after, principal)
    after = await run_in_threadpool(
        reviewing.ask_for,
        stores,
        seen,
        kind,
        actor=principal.actor,
        reason=asked.reason,
        pages=asked.pages,
        turns=asked.turns,
    )
    log.info("review.asked", actor=principal.actor, document_id=document.document_id, kind=kind.value)
    return await run_in_threadpool(_shown, stores, after, principal)


async def _confirmed(
    stores: Stores,
    document: Document,
    principal: Principal,
    seen: Seen,
    said: Mapping[str, Correction],
    event: str,
) -> dict[str, Any]:
    before = replace(document, version=seen.version)
    after = await run_in_threadpool(reviewing.confirm, stores, before, actor=principal.actor, corrections=said)
    log.info(f"review.{event}", actor=principal.actor, document_id=document.document_id, fields=sorted(said))
    return await run_in_threadpool(_shown, stores, after, principal)


def _shown(stores: Stores, document: Document, principal: Principal) -> dict[str, Any]:
    """The paper whole: that somebody looked at it is kept first."""
    with stores.database.read() as connection:
        document, claim = reviews.claim_shown(connection, document.document_id, now=stores.clock.now())
    record_viewing(stores, principal.actor, document.document_id, through="api", what="fields")
    return {
        "waiting": waiting_json(document, claim),
        "document": describe_document(document, whole=True),
        "splits": splitting.proposed(stores.archive, document),
    }
