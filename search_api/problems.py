"""The one mapping from Sohoa's errors to HTTP: RFC 9457 problems, with nothing internal in them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from sohoa.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Held,
    Limited,
    NotAllowed,
    NotFound,
    Overloaded,
    Refused,
    SetupError,
    SohoaError,
    StoreUnavailable,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_STATUS_OF_CODE = {
    "no_token": 401,
    "bad_token": 401,
    "too_slow": 408,
    "range_not_satisfiable": 416,
    "request_too_large": 413,
    "too_large": 413,
    "unsupported_kind": 415,
    "not_drawable": 422,
    "disk_low": 507,
    "disk_full": 507,
    "spool_full": 507,
    "catalog_full": 507,
}
_STATUS_OF_ERROR: tuple[tuple[type[SohoaError], int], ...] = (
    (Refused, 422),
    (NotFound, 404),
    (NotAllowed, 403),
    (BadRequest, 400),
    (Conflict, 409),
    (AlreadyExists, 409),
    (Held, 409),
    (StoreUnavailable, 503),
    (SetupError, 503),
    (Overloaded, 503),
    (Limited, 429),
)
_CHALLENGE = 'Bearer realm="sohoa"'
_CHALLENGES = {
    "no_token": _CHALLENGE,
    "bad_token": f'{_CHALLENGE}, error="invalid_token"',
    "insufficient_scope": f'{_CHALLENGE}, error="insufficient_scope"',
}
_UNAVAILABLE = "the archive, the catalogue or the search index cannot be used just now; try again in a moment"
_INTERNAL = "something went wrong here; nothing that was confirmed is lost. Tell the operator the request id"
_NOT_FOUND = "there is nothing at this address; GET /openapi.json lists what there is"


class Invalid(BaseModel):
    """One part of a request that is not as it must be."""

    where: str = Field(examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 200"])


class Problem(BaseModel):
    """What went wrong and what to do (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:sohoa:error:not_found",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "there is no document 01JGFJJZ000000000000000000",
                    "instance": "urn:sohoa:request:0b9e5c3d",
                    "code": "not_found",
                    "errors": [],
                }
            ]
        }
    )

    type: str = Field(description="urn:sohoa:error:<code>")
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="one line for people: what happened and what to do")
    instance: str = Field(description="urn:sohoa:request:<X-Request-ID>, to be found in the log")
    code: str = Field(description="stable, for programs")
    errors: list[Invalid] = Field(default=[], description="for 422 `invalid`: what is wrong where")


def problem(
    request: Request,
    *,
    status: int,
    code: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer that says what went wrong."""
    body = {
        "type": f"urn:sohoa:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": f"urn:sohoa:request:{request.scope.get('sohoa.request_id', 'unknown')}",
        "code": code,
        "errors": errors or [],
    }
    more = {"WWW-Authenticate": _CHALLENGES[code]} if code in _CHALLENGES else {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        more["Retry-After"] = str(RETRY_AFTER_S)
    if status == HTTPStatus.REQUEST_TIMEOUT:
        more["Connection"] = "close"  # the rest of the body is not waited for
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers={**more, **(headers or {})})


def internal(request: Request) -> JSONResponse:
    """The answer to a request that met a defect."""
    return problem(request, status=500, code="internal", detail=_INTERNAL)


def status_of(error: SohoaError) -> int:
    """The HTTP status of an error: by its code where that says more, else by its kind; 500 for what nobody expects."""
    by_kind = (status for kind, status in _STATUS_OF_ERROR if isinstance(error, kind))
    return _STATUS_OF_CODE.get(error.code) or next(by_kind, 500)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These statuses, and those that any request can meet, for a route's description."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    every = sorted({400, 401, 403, 422, 429, 500, 503, *statuses})
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in every}


def install(app: FastAPI) -> None:
    """Make problems of everything that a route, or the search for one, raises."""
    app.add_exception_handler(SohoaError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)


async def _expected(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SohoaError)
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", code=error.code, detail=error.detail)
        return internal(request)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, Overloaded):
        # Its detail names folders and files of this machine.
        log.error("request.unavailable", code=error.code, detail=error.detail)
        return problem(request, status=status, code=error.code, detail=_UNAVAILABLE)
    headers = {"Retry-After": str(max(1, ceil(error.retry_after_s)))} if isinstance(error, Limited) else None
    return problem(request, status=status, code=error.code, detail=error.detail, headers=headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """What was sent is not repeated: it may be anybody's text."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(str(part) for part in one["loc"]), "message": str(one["msg"])}
        for one in jsonable_encoder(error.errors(), include={"loc", "msg"})
        if isinstance(one, dict)
    ]
    where = ", ".join(dict.fromkeys(one["where"] for one in errors))
    detail = f"correct {where}: see errors" if where else "the request is not as it must be"
    return problem(request, status=422, code="invalid", detail=detail, errors=errors)


async def _plain(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself raises: no such route, no such method there."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    detail = _NOT_FOUND if error.status_code == HTTPStatus.NOT_FOUND else str(error.detail)
    return problem(request, status=error.status_code, code=code, detail=detail, headers=error.headers)
