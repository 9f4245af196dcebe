"""Bearer tokens: who may do what, for which office. Only a digest of the secret is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from ulid import ULID

from sohoa.errors import BadRequest, NotAllowed, NotFound
from storage.catalog.tables import tokens

_PREFIX = "sohoa_"


class Scope(StrEnum):
    """What a token allows: bringing papers in, reading and searching, saying what stands on them, everything else; or
    only the numbers that Prometheus asks for."""

    INGEST = "ingest"
    READ = "read"
    REVIEW = "review"
    ADMIN = "admin"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. `actor` is in whose name it acts; `office` the only one it sees (None: all)."""

    token_id: str
    name: str
    scopes: frozenset[Scope]
    actor: str
    office: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def create(
    conn: Connection,
    *,
    name: str,
    scopes: Collection[str],
    actor: str,
    now: datetime,
    office: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """A new token and its secret, which is shown this once and kept nowhere. Raises BadRequest for scopes or an actor
    that cannot be."""
    known = {scope.value for scope in Scope}
    if not scopes or not known.issuperset(scopes):
        raise BadRequest(f"a token needs one or more of the scopes {', '.join(sorted(known))}")
    kind, _, who = actor.partition(":")
    if kind not in ("person", "system") or not who:
        raise BadRequest("a token's actor is written person:<id> or system:<id>")
    secret = _PREFIX + secrets.token_urlsafe(32)
    values = {
        "token_id": str(ULID.from_datetime(now)),
        "name": name,
        "scopes": sorted({str(scope) for scope in scopes}),
        "actor": actor,
        "office": office,
        "created_at": now,
        "expires_at": expires_at,
    }
    row = conn.execute(insert(tokens).values(**values, secret_sha256=_digest(secret)).returning(*_COLUMNS)).one()
    return _token(row), secret


def authenticate(conn: Connection, secret: str, *, now: datetime) -> Token:
    """The token with this secret. Raises NotAllowed (`bad_token`) if it is unknown, revoked or has expired."""
    # Found by its digest: how long the look-up takes tells nothing about the secret.
    row = conn.execute(select(*_COLUMNS).where(tokens.c.secret_sha256 == _digest(secret))).one_or_none()
    token = None if row is None else _token(row)
    if token is None or token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
        raise NotAllowed(
            "the token is unknown, revoked or expired; ask an administrator for a new one", code="bad_token"
        )
    return token


def list_tokens(conn: Connection) -> list[Token]:
    """Every token, revoked and expired ones too, oldest first."""
    return [_token(row) for row in conn.execute(select(*_COLUMNS).order_by(tokens.c.created_at, tokens.c.token_id))]


def revoke(conn: Connection, token_id: str, *, now: datetime) -> Token:
    """End a token for good; one that is revoked already stays as it is. Raises NotFound."""
    conn.execute(
        update(tokens).where(tokens.c.token_id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    row = conn.execute(select(*_COLUMNS).where(tokens.c.token_id == token_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no token {token_id}; `sohoa token list` shows those there are")
    return _token(row)


_COLUMNS = tuple(column for column in tokens.c if column.name != "secret_sha256")


def _digest(secret: str) -> str:
    # A plain hash is enough: the secret is 256 random bits, so there is nothing to guess that a slow hash would guard.
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[Any]) -> Token:
    values = dict(row._mapping)
    return Token(**{**values, "scopes": frozenset(Scope(scope) for scope in values["scopes"])})
