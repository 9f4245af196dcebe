"""Idempotency keys: the same request sent twice by a client that lost the answer gets the first answer again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from sohoa.errors import Conflict
from sohoa.model import DocumentId
from storage.catalog.tables import idempotency_keys as keys

KEPT = timedelta(hours=24)
"""How long an answer is kept; then the key is free again."""
_RESERVED = "reserved"
"""What a row holds in place of an answer while there is none: the ids of the documents that may come of the request."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request that came with a key: whose it is, and the digest of all that it says."""

    key: str
    token_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer that the request was given, if it was; else the ids reserved by each try of it, this one's the last."""

    response: dict[str, Any] | None
    reserved: Sequence[DocumentId] = ()


def begin(conn: Connection, request: Keyed, *, document_id: DocumentId, now: datetime) -> Begun:
    """Reserve `document_id` for what comes of the request, unless it has been answered.

    Raises Conflict (`idempotency_mismatch`) if the key was used for another request.
    """
    conn.execute(delete(keys).where(keys.c.created_at <= now - KEPT))
    kept = _kept(conn, request)
    if kept is not None and _RESERVED not in kept:
        return Begun(kept)
    reserved = [*([] if kept is None else kept[_RESERVED]), document_id]
    _keep(conn, request, {_RESERVED: reserved}, now=now)
    return Begun(None, reserved)


def remember(conn: Connection, request: Keyed, *, response: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Keep the answer to a request and return the one to send: the one kept meanwhile for the same request, if any.

    Raises Conflict as :func:`begin` does.
    """
    kept = _kept(conn, request)
    if kept is not None and _RESERVED not in kept:
        return kept
    _keep(conn, request, response, now=now)
    return response


def forget(conn: Connection, request: Keyed, *, document_id: DocumentId) -> None:
    """Nothing came of this try. Where no other try of the request has reserved or answered, the key is free again."""
    kept = _kept(conn, request)
    if kept is None or _RESERVED not in kept:
        return
    others = [reserved for reserved in kept[_RESERVED] if reserved != document_id]
    if others:
        conn.execute(update(keys).where(_is(request)).values(response={_RESERVED: others}))
    else:
        conn.execute(delete(keys).where(_is(request)))


def _kept(conn: Connection, request: Keyed) -> dict[str, Any] | None:
    row = conn.execute(select(keys.c.request_digest, keys.c.response).where(_is(request))).one_or_none()
    if row is None:
        return None
    if row.request_digest != request.digest:
        detail = "this Idempotency-Key was sent with another request before; use a new key for a new request"
        raise Conflict(detail, code="idempotency_mismatch")
    kept: dict[str, Any] = row.response
    return kept


def _keep(conn: Connection, request: Keyed, response: dict[str, Any], *, now: datetime) -> None:
    changed = conn.execute(update(keys).where(_is(request)).values(response=response, created_at=now))
    if changed.rowcount == 0:
        conn.execute(
            insert(keys).values(
                token_id=request.token_id,
                key=request.key,
                request_digest=request.digest,
                response=response,
                created_at=now,
            )
        )


def _is(request: Keyed) -> ColumnElement[bool]:
    return and_(keys.c.token_id == request.token_id, keys.c.key == request.key)
