"""Who is asking: a bearer token becomes a Principal, and a route says which scope it wants.

A scope allows what it names and nothing else: `admin` may decide, but neither read papers nor bring them in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

import structlog
from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from search_api.limits import Limits
from sohoa.errors import NotAllowed, NotFound
from sohoa.model import Actor, OfficeId
from sohoa.settings import Settings
from storage.catalog import documents, tokens
from storage.catalog.documents import Document
from storage.catalog.tokens import Scope
from storage.stores import Stores
from storage.viewing import record_refusal

_PARTS = {"pages/{number}": "page", "pages/{number}/image": "image"}
"""What the audit calls the parts of a document whose paths hold a number."""
_DOCUMENT_ID = re.compile("[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True)
class Principal:
    """In whose name a request acts, with which scopes, and the only office that it sees (None: all)."""

    actor: Actor
    token_id: str
    scopes: frozenset[Scope]
    office: OfficeId | None

    @property
    def sees_ids(self) -> bool:
        """Whether citizens' numbers are shown whole, in a document that is asked for by itself."""
        return bool(self.scopes & {Scope.REVIEW, Scope.ADMIN})

    def office_for(self, asked: str | None, settings: Settings) -> OfficeId:
        """The office to bring papers to: the one asked for, the token's, or the default. Raises NotAllowed."""
        if asked is not None and self.office is not None and asked != self.office:
            raise NotAllowed("this token belongs to another office than the one asked for", code="other_office")
        return OfficeId(asked or self.office or settings.office)


async def get_stores(request: Request) -> Stores:
    """The stores that the application was made with. A plain function would be called in a thread, which takes longer than it."""
    stores: Stores = request.app.state.stores
    return stores


async def get_limits(request: Request) -> Limits:
    """How much may be asked for, as this process of the application counts it; no plain function, as :func:`get_stores`."""
    limits: Limits = request.app.state.limits
    return limits


StoresOf = Annotated[Stores, Depends(get_stores)]
LimitsOf = Annotated[Limits, Depends(get_limits)]

_bearer = HTTPBearer(auto_error=False, description="a token made with `sohoa token create`")


async def authenticated(
    stores: StoresOf,
    limits: LimitsOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """The owner of the request's token. Raises NotAllowed (no_token, bad_token), Limited (rate_limited)."""
    if credentials is None:
        raise NotAllowed("send a token: Authorization: Bearer <token>", code="no_token")
    principal = await run_in_threadpool(_principal, stores, limits, credentials.credentials)
    structlog.contextvars.bind_contextvars(actor=principal.actor, token_id=principal.token_id)
    return principal


def needs(scope: Scope) -> Any:
    """The dependency of a route that wants this scope; gives the Principal. Raises NotAllowed (insufficient_scope)."""

    async def allowed(principal: Annotated[Principal, Depends(authenticated)]) -> Principal:
        if scope not in principal.scopes:
            raise NotAllowed(f"this token lacks the scope {scope}; ask for one that has it", code="insufficient_scope")
        return principal

    return Depends(allowed)


Ingester = Annotated[Principal, needs(Scope.INGEST)]
Reader = Annotated[Principal, needs(Scope.READ)]
Admin = Annotated[Principal, needs(Scope.ADMIN)]
Reviewer = Annotated[Principal, needs(Scope.REVIEW)]
Watcher = Annotated[Principal, needs(Scope.METRICS)]


DocumentIdPath = Annotated[
    str, Path(description="26 characters, as the receipt says", examples=["01JGFJJZ000000000000000000"])
]


def _to_read(document_id: DocumentIdPath, stores: StoresOf, principal: Reader, request: Request) -> Document:
    try:
        return _find(stores, principal, document_id)
    except NotFound:
        part = request.scope["route"].path.partition("{document_id}")[2].strip("/")
        what = _PARTS.get(part, part)
        if what:
            record_refusal(stores, principal.actor, document_id.upper(), through="api", what=what)
        raise


def _to_decide(document_id: DocumentIdPath, stores: StoresOf, principal: Admin) -> Document:
    return _find(stores, principal, document_id)


def _to_review(document_id: DocumentIdPath, stores: StoresOf, principal: Reviewer) -> Document:
    try:
        return _find(stores, principal, document_id)
    except NotFound:
        record_refusal(stores, principal.actor, document_id.upper(), through="api", what="fields")
        raise


def _to_revise(document_id: DocumentIdPath, stores: StoresOf, principal: Ingester) -> Document:
    return _find(stores, principal, document_id)


ReadDocument = Annotated[Document, Depends(_to_read)]
"""The document named in the path, for a principal who may read it. Raises NotFound, also for another office's."""
DecideDocument = Annotated[Document, Depends(_to_decide)]
"""The document named in the path, for a principal who may decide. Raises NotFound, also for another office's."""

ReviseDocument = Annotated[Document, Depends(_to_revise)]
"""The document named in the path, for a principal who may bring papers in. Raises NotFound, also for another office's."""


ReviewDocument = Annotated[Document, Depends(_to_review)]
"""The document named in the path, for a principal who may confirm it. Raises NotFound, also for another office's."""


def _find(stores: Stores, principal: Principal, document_id: str) -> Document:
    document_id = document_id.upper()
    if not _DOCUMENT_ID.fullmatch(document_id):
        raise NotFound("there is no such document: an id has 26 letters and digits")
    with stores.database.read() as connection:
        return documents.find(connection, document_id, office=principal.office)


def _principal(stores: Stores, limits: Limits, secret: str) -> Principal:
    with stores.database.read() as connection:
        token = tokens.authenticate(connection, secret, now=stores.clock.now())
    limits.count_request(token.token_id, token.office)
    return Principal(
        actor=Actor(token.actor),
        token_id=token.token_id,
        scopes=token.scopes,
        office=None if token.office is None else OfficeId(token.office),
    )
