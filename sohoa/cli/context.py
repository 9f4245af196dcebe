"""What every command needs first: the settings, the open stores, and who is acting."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sohoa import logs, traces
from sohoa.errors import BadRequest, NotAllowed, NotFound
from sohoa.model import Actor, OfficeId
from sohoa.settings import Settings, settings_over, system_user
from storage import dispatch, index, objects
from storage.catalog import documents, tokens
from storage.catalog.documents import Document
from storage.catalog.tokens import Scope
from storage.stores import Stores, open_stores


@dataclass(frozen=True, slots=True)
class Identity:
    """Who acts, and the only office they may touch (None: all)."""

    actor: Actor
    office: OfficeId | None
    sees_ids: bool = True
    """Whether citizens' numbers are shown whole, in a document that is asked for by itself."""

    def office_for(self, asked: str | None, settings: Settings) -> OfficeId:
        """The office to work in: the one asked for, the token's, or the default. Raises NotAllowed for another's."""
        if asked is not None and self.office is not None and asked != self.office:
            raise NotAllowed(f"this token belongs to office {self.office} and may not act for {asked}")
        return OfficeId(asked or self.office or settings.office)


def read_settings(*, over: Path | None = None) -> Settings:
    """The settings of the environment, or what the file `over` says in their place.

    Raises BadRequest (`bad_setting`), in one line, where one cannot be used.
    """
    try:
        settings = Settings() if over is None else settings_over(over)
        objects.check_url(settings)
        dispatch.check_url(settings)
        index.check_url(settings)
        settings.retention_terms()
        settings.weights_of_offices()
    except ValidationError as error:
        wrong = "; ".join(f"SOHOA_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
        raise BadRequest(f"a setting cannot be used: {wrong}", code="bad_setting") from None
    except ValueError as error:
        raise BadRequest(f"a setting cannot be used: {error}", code="bad_setting") from None
    return settings


@contextmanager
def opened() -> Iterator[Stores]:
    """The stores that the environment names, open."""
    settings = read_settings()
    logs.set_up(settings.log_level)
    with traces.sent(settings, part="command"), open_stores(settings) as stores:
        yield stores


def identify(stores: Stores, as_actor: str | None, *, scope: str) -> Identity:
    """The actor of a command: `--as`, else the token in SOHOA_TOKEN (which must have `scope`), else the system's user."""
    secret = stores.settings.token
    office: OfficeId | None = None
    actor, sees_ids = system_user(), True
    if secret is not None:
        with stores.database.read() as connection:
            token = tokens.authenticate(connection, secret.get_secret_value(), now=stores.clock.now())
        if scope not in token.scopes:
            raise NotAllowed(f"the token in SOHOA_TOKEN lacks the scope {scope}")
        actor, office = token.actor, None if token.office is None else OfficeId(token.office)
        sees_ids = bool(token.scopes & {Scope.REVIEW, Scope.ADMIN})
    if as_actor is not None:
        actor = as_actor if ":" in as_actor else f"person:{as_actor}"
        kind, _, name = actor.partition(":")
        if kind not in ("person", "system") or not name:
            raise BadRequest(f"--as {as_actor!r} cannot be used: write person:ID or system:ID")
    return Identity(Actor(actor), office, sees_ids)


def find(stores: Stores, document_id: str, identity: Identity) -> Document:
    """The document, if it exists and the actor may see it. Raises NotFound."""
    with stores.database.read() as connection:
        try:
            return documents.find(connection, document_id.strip().upper(), office=identity.office)
        except NotFound:
            raise NotFound(
                f"there is no document {document_id!r}; `sohoa search` and `sohoa status` show ids"
            ) from None


def warn_of_spool() -> None:
    """Say on standard error that what was taken in is not in the archive's store yet."""
    sys.stderr.write(
        "sohoa: the archive's store does not answer; what was taken in waits in the spool on this machine and goes on by "
        "itself when the store is back, as long as `serve`, `work` or `archive` runs [spooled]\n"
    )


def print_json(value: object) -> None:
    """One JSON value on a line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
