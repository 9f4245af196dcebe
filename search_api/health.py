"""Is the process up, and can it do its work? For whoever watches over it, so without a token and without details."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import text

from search_api.access import StoresOf
from search_api.search.reader import IndexReader
from sohoa.errors import SohoaError, StoreAway
from storage.archive.layout import ROOT
from storage.catalog import outbox
from storage.stores import Stores

log = structlog.get_logger(__name__)
router = APIRouter(tags=["health"])

State = Literal["ok", "degraded", "failed"]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """`degraded`: papers are still taken in or read, but not all works. `failed`: send requests elsewhere."""

    status: State
    catalogue: State
    archive: State = Field(
        description="degraded: too little disk is left to take papers in, or the store is away and they go to the spool"
    )
    index: State = Field(
        description="degraded: searching does not work or is behind what was archived by a minute and more; all else works"
    )
    dispatch: State = Field(description="degraded: the broker is away; papers are taken in, and read once it is back")


@router.get("/healthz", summary="Is the process up?")
async def healthz() -> Alive:
    return Alive()


@router.get("/readyz", summary="Can it work?", responses={503: {"model": Readiness, "description": "it cannot"}})
def readyz(stores: StoresOf, request: Request) -> JSONResponse:
    checks = readiness(stores, request.app.state.index)
    worst: State = next((state for state in ("failed", "degraded") if state in checks.values()), "ok")
    return JSONResponse({"status": worst, **checks}, status_code=503 if worst == "failed" else 200)


def readiness(stores: Stores, index: IndexReader) -> dict[str, State]:
    """How each part stands."""
    return {
        "catalogue": _checked("catalogue", lambda: _catalogue(stores), otherwise="failed"),
        "archive": _checked("archive", lambda: _archive(stores), otherwise="failed"),
        "index": _checked("index", lambda: _index(stores, index), otherwise="degraded"),
        "dispatch": _checked("dispatch", stores.dispatch.check, otherwise="degraded"),
    }


def _checked(name: str, check: Callable[[], State | None], *, otherwise: State) -> State:
    try:
        return check() or "ok"
    except SohoaError as error:
        log.warning("readiness.failed", part=name, code=error.code, detail=error.detail)
        return otherwise


def _catalogue(stores: Stores) -> None:
    with stores.database.read() as connection:
        connection.execute(text("SELECT 1"))


def _index(stores: Stores, index: IndexReader) -> State:
    index.check()
    with stores.database.read() as connection:
        return "degraded" if outbox.is_late(connection, now=stores.clock.now()) else "ok"


def _archive(stores: Stores) -> State:
    objects, spool = stores.archive.objects, stores.spool
    if objects.free_bytes() < stores.settings.min_free_bytes:
        return "degraded"
    if spool is None:
        return "ok"
    try:
        objects.exists(ROOT)
    except StoreAway:
        return "degraded"
    return "ok" if spool.usage().papers == 0 else "degraded"
