"""Idempotency keys: the same request sent twice by a client that lost the answer gets the first answer again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from sohoa.errors import Conflict
from storage.catalog.tables import idempotency_keys as keys

KEPT = timedelta(hours=24)
"""How long an answer is kept; then the key is free again."""


def begin(conn: Connection, key: str, *, token_id: str, request_digest: str, now: datetime) -> dict[str, Any] | None:
    """The answer that this token's request with this key was given; None if the key is new.

    Raises Conflict (`idempotency_mismatch`) if the key was used for another request.
    """
    row = conn.execute(
        select(keys.c.request_digest, keys.c.response).where(
            keys.c.token_id == token_id, keys.c.key == key, keys.c.created_at > now - KEPT
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_digest != request_digest:
        detail = "this Idempotency-Key was sent with another request before; use a new key for a new request"
        raise Conflict(detail, code="idempotency_mismatch")
    response: dict[str, Any] = row.response
    return response


def remember(
    conn: Connection, key: str, *, token_id: str, request_digest: str, response: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Keep the answer to a request and return the one to send: the one kept meanwhile for the same request, if any.

    Raises Conflict as :func:`begin` does.
    """
    conn.execute(delete(keys).where(keys.c.created_at <= now - KEPT))
    earlier = begin(conn, key, token_id=token_id, request_digest=request_digest, now=now)
    if earlier is not None:
        return earlier
    conn.execute(
        insert(keys).values(
            token_id=token_id, key=key, request_digest=request_digest, response=response, created_at=now
        )
    )
    return response
