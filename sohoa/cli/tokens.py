"""`sohoa token`: make, show and end bearer tokens for the HTTP API."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sohoa.cli.context import opened
from sohoa.clock import isoformat
from storage.catalog import tokens
from storage.catalog.tokens import Token


def create(name: str, *, scopes: Sequence[str], actor: str, office: str | None, as_json: bool) -> None:
    """Make a token and show its secret, once."""
    with opened() as stores, stores.database.write() as connection:
        token, secret = tokens.create(
            connection, name=name, scopes=scopes, actor=actor, office=office, now=stores.clock.now()
        )
    if as_json:
        sys.stdout.write(json.dumps({**_json(token), "secret": secret}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{secret}\n")
        sys.stderr.write("Keep it safe: it is not shown again.\n")


def show(*, as_json: bool) -> None:
    """All tokens, without their secrets."""
    with opened() as stores, stores.database.read() as connection:
        found = tokens.list_tokens(connection)
    if as_json:
        sys.stdout.write(json.dumps([_json(token) for token in found], ensure_ascii=False) + "\n")
        return
    if not found:
        sys.stdout.write("no tokens yet: sohoa token create NAME --scope ingest --actor system:NAME makes one\n")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("TOKEN", "NAME", "SCOPES", "ACTOR", "OFFICE", "STATE"):
        table.add_column(heading)
    for token in found:
        state = "revoked" if token.revoked_at else "in use"
        table.add_row(
            token.token_id, token.name, ", ".join(sorted(token.scopes)), token.actor, token.office or "all", state
        )
    Console().print(table)


def revoke(token_id: str) -> None:
    """End a token for good."""
    with opened() as stores, stores.database.write() as connection:
        tokens.revoke(connection, token_id, now=stores.clock.now())
    sys.stdout.write(f"token {token_id} is revoked\n")


def _json(token: Token) -> dict[str, object]:
    return {
        "token_id": token.token_id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "actor": token.actor,
        "office": token.office,
        "created_at": isoformat(token.created_at),
        "expires_at": None if token.expires_at is None else isoformat(token.expires_at),
        "revoked_at": None if token.revoked_at is None else isoformat(token.revoked_at),
    }
