"""The HTTP API: `create_app` puts together access, problems, limits and routes over the open stores (docs/api.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse

from ingest.inspect_original import get_ready
from search_api import health, problems
from search_api.access import authenticated
from search_api.documents import contents, decisions, intake, listing, pages, revising
from search_api.documents.rendering import Renderer
from search_api.edge import Edge
from search_api.limits import Limits
from search_api.metrics import routes as metrics
from search_api.metrics.meter import Meter
from search_api.metrics.monitor import Monitor
from search_api.openapi import describe
from search_api.review import routes as review
from search_api.search import routes as search
from search_api.search.reader import IndexReader
from storage.stores import Stores


def create_app(stores: Stores) -> FastAPI:
    """The application over `stores`, which stay the caller's to close. Nothing is opened until it is first needed."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        get_ready()
        try:
            yield
        finally:
            app.state.monitor.close()
            app.state.renderer.close()
            app.state.index.close()

    app = FastAPI(
        title="Sohoa",
        version=version("sohoa"),
        lifespan=lifespan,
        openapi_url=None,  # served below, to those with a token
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.stores = stores
    app.state.index = IndexReader(stores.settings)
    app.state.renderer = Renderer()
    app.state.limits = Limits(stores)
    app.state.meter = meter = Meter()
    app.state.monitor = Monitor(stores, app.state.index)
    meter.registry.register(app.state.monitor)
    problems.install(app)
    app.add_middleware(Edge, clock=stores.clock, settings=stores.settings, meter=meter)
    for routes in (health, metrics, intake, listing, contents, pages, decisions, revising, review, search):
        app.include_router(routes.router)
    app.include_router(_description(app))
    return app


def _description(app: FastAPI) -> APIRouter:
    router = APIRouter(dependencies=[Depends(authenticated)])

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(describe(app))

    return router
