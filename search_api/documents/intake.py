"""`POST /v1/documents`: a paper comes in; 202 says that its bytes are durable."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, BinaryIO, Final, NoReturn

import structlog
from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ingest.receive import Intake, check_sayable, clean_filename, receive
from search_api.access import Ingester, LimitsOf, Principal, StoresOf
from search_api.documents.schemas import ReceiptOut, links_of
from search_api.documents.upload import FIELDS, MOST_FIELD_BYTES, let_in, receive_body
from search_api.problems import responses
from sohoa.clock import isoformat
from sohoa.errors import BadRequest, Refused
from sohoa.model import DocumentId
from sohoa.states import Urgency
from storage.archive.layout import to_json
from storage.catalog import idempotency
from storage.catalog.idempotency import Keyed
from storage.dispatch.work_queues import priority_of
from storage.stores import Stores

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["documents"])

MOST_EXTERNAL_ID: Final = 200
MOST_OFFICE: Final = 64
MOST_DEPTH: Final = 8
_KEY = re.compile("[!-~]{1,128}")
_ABOUT = {
    "filename": "the file's name; a multipart file part names itself",
    "dossier": "the case it belongs to, for example 000.00.05.H02-230105-0001",
    "external_id": f"your own name for it, at most {MOST_EXTERNAL_ID} characters",
    "office": "the office that brings it; a token that belongs to an office can name no other",
    "declared": f"what you know of the paper: a JSON object of at most {MOST_FIELD_BYTES:,} bytes, for example "
    '{"type": "QĐ", "number": "138/QĐ-KHCN"}',
    "urgency": "waiting (unless told), or backfile: nobody waits for it, and it gives way to papers that somebody waits for",
}
_FILE = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        **{name: {"type": "string", "description": about} for name, about in _ABOUT.items()},
    },
}
_DESCRIPTION = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": _ABOUT[name]}
        for name in FIELDS
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
_HEADERS = {
    "Location": {"description": "the document", "schema": {"type": "string"}},
    "Idempotent-Replayed": {"description": "true: this is the answer given before", "schema": {"type": "string"}},
}


@router.post(
    "/documents",
    summary="Bring a paper in",
    status_code=202,
    responses={
        202: {"description": "accepted: the bytes are durable", "model": ReceiptOut, "headers": _HEADERS},
        **responses(408, 409, 413, 415, 507),
    },
    openapi_extra=_DESCRIPTION,
)
async def post_document(
    request: Request,
    stores: StoresOf,
    limits: LimitsOf,
    principal: Ingester,
    idempotency_key: Annotated[
        str | None,
        Header(description="makes it safe to send again: the same request gets the same answer for 24 hours"),
    ] = None,
) -> JSONResponse:
    """A multipart form with one file, its fields before or after it, or the bare file as the body with the fields as
    query parameters. The kind of file is told from its bytes. Needs the scope `ingest`."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise BadRequest("an Idempotency-Key has 1 to 128 printable ASCII characters", code="bad_idempotency_key")
    hashed = idempotency_key is not None
    async with let_in(request, stores, limits, principal, office=principal.office, hashed=hashed) as body:
        said = await receive_body(request, body)
        intake = _intake(said, principal, stores)
        if principal.office is None:
            await run_in_threadpool(limits.check_quota, principal.token_id, intake.office)
        await run_in_threadpool(limits.count_paper, principal.token_id, intake.office, body.size_bytes)
        if idempotency_key is None:
            receipt, replayed = await run_in_threadpool(_take_in, stores, body.finished(), intake), False
        else:
            receipt, replayed = await run_in_threadpool(
                _take_in_once,
                stores,
                body.finished(),
                intake,
                key=idempotency_key,
                token_id=principal.token_id,
                sha256=body.sha256,
            )
    log.info(
        "document.accepted",
        actor=principal.actor,
        document_id=receipt["document_id"],
        duplicate=receipt["duplicate_of"] is not None,
        spooled=receipt["spooled"],
        replayed=replayed,
    )
    headers = {"Location": receipt["links"]["self"], **({"Idempotent-Replayed": "true"} if replayed else {})}
    return JSONResponse(receipt, status_code=202, headers=headers)


def _take_in(
    stores: Stores, source: BinaryIO, intake: Intake, *, reserved: Sequence[DocumentId] = ()
) -> dict[str, Any]:
    """Make a document of the file; the answer to give.

    `reserved` are the ids of this try (the last) and of the tries of the same request that were broken off before: what
    became a document under one of them is the document of this request, no duplicate.
    """
    accepted = receive(
        source,
        intake,
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
        spool=stores.spool,
        document_id=reserved[-1] if reserved else None,
    )
    document = accepted.document
    return {
        "document_id": document.document_id,
        "status": document.status.value,
        "duplicate_of": None if accepted.duplicate_of in reserved else accepted.duplicate_of,
        "spooled": accepted.spooled,
        "received_at": isoformat(document.received_at),
        "original": {"sha256": document.original_sha256, "size_bytes": document.original_size_bytes},
        "links": links_of(document),
    }


def _take_in_once(
    stores: Stores, source: BinaryIO, intake: Intake, *, key: str, token_id: str, sha256: str
) -> tuple[dict[str, Any], bool]:
    """The answer to give, and whether it was given before. Raises Conflict (idempotency_mismatch).

    The id that the document will have is written down first, so that a crash before the answer is remembered cannot make
    the repeated request a duplicate of itself. Of a refusal nothing is remembered: it can be asked for again.
    """
    request = Keyed(key=key, token_id=token_id, digest=hashlib.sha256(to_json([asdict(intake), sha256])).hexdigest())
    document_id = DocumentId(stores.clock.new_ulid())
    with stores.database.write() as connection:
        begun = idempotency.begin(connection, request, document_id=document_id, now=stores.clock.now())
    if begun.response is not None:
        return begun.response, True
    try:
        receipt = _take_in(stores, source, intake, reserved=begun.reserved)
    except (Refused, BadRequest):
        with stores.database.write() as connection:
            idempotency.forget(connection, request, document_id=document_id)
        raise
    with stores.database.write() as connection:
        kept = idempotency.remember(connection, request, response=receipt, now=stores.clock.now())
    return kept, kept is not receipt


def _intake(said: Mapping[str, str], principal: Principal, stores: Stores) -> Intake:
    """What the sender says, checked. Raises BadRequest, NotAllowed (other_office)."""
    external_id = said.get("external_id")
    if external_id is not None and not _is_name(external_id, longest=MOST_EXTERNAL_ID):
        raise BadRequest(f"external_id has 1 to {MOST_EXTERNAL_ID} printable characters")
    office = said.get("office")
    if office is not None and not _is_name(office, longest=MOST_OFFICE):
        raise BadRequest(f"office has 1 to {MOST_OFFICE} printable characters")
    urgency = said.get("urgency", Urgency.WAITING)
    if urgency not in set(Urgency):
        raise BadRequest(f"urgency is {' or '.join(Urgency)}")
    intake = Intake(
        filename=clean_filename(said.get("filename", "")),
        office=principal.office_for(office, stores.settings),
        dossier=said.get("dossier"),
        actor=principal.actor,
        external_id=external_id,
        declared=_declared(said.get("declared", "{}")),
        priority=priority_of(Urgency(urgency)),
    )
    check_sayable(intake)
    return intake


def _is_name(text: str, *, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable() and text == text.strip()


def _declared(text: str) -> dict[str, Any]:
    """A JSON object. Raises BadRequest, also for one that is nested so deep that nobody could have meant it."""
    if len(text.encode("utf-8", "replace")) > MOST_FIELD_BYTES:
        raise BadRequest(f"declared has at most {MOST_FIELD_BYTES:,} bytes", code="request_too_large")
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or _depth(value) > MOST_DEPTH:
        raise BadRequest(f"declared is a JSON object, nested at most {MOST_DEPTH} deep", code="bad_declared")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _depth(value: object, so_far: int = 0) -> int:
    """How deep a value is nested, looked at no deeper than matters."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if so_far > MOST_DEPTH:
        return so_far
    return max((_depth(one, so_far + 1) for one in inner), default=so_far)
