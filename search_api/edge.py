"""The outermost layer, around every request: its id, its limits, its line in the log, headers that browsers heed."""

from __future__ import annotations

import re
import time
import traceback
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search_api.lingering import lingering
from search_api.metrics.meter import Meter
from search_api.pace import paced, taken_in_time
from search_api.problems import internal, problem
from sohoa import traces
from sohoa.clock import Clock
from sohoa.settings import Settings

log = structlog.get_logger(__name__)

MOST_PATH_BYTES: Final = 1024
MOST_QUERY_BYTES: Final = 16 * 1024
MOST_HEADER_BYTES: Final = 32 * 1024
MOST_FRAMES: Final = 8
_REQUEST_ID = re.compile("[0-9A-Za-z._-]{1,64}")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Set unless the route says otherwise. There is no CORS: pages of other origins may not read answers."""


class Edge:
    """ASGI middleware. A defect becomes a 500 problem and a log line that names places in the code, never values."""

    def __init__(self, app: ASGIApp, clock: Clock, settings: Settings, meter: Meter) -> None:
        self._app = app
        self._clock = clock
        self._settings = settings
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(Headers(scope=scope))
        scope["sohoa.request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        self._meter.in_progress.inc()
        pace = {"wait_s": self._settings.body_wait_s, "bytes_per_s": self._settings.body_bytes_per_s}
        taken = taken_in_time(send, **pace)
        receive, send = lingering(receive, taken, asked_first="expect" in request.headers)
        in_time = paced(receive, **pace)
        try:
            app = _refusal(request) or self._app
            with traces.called_by(request.headers.get("traceparent")):
                await app(scope, in_time, send_marked)
        except ClientDisconnect:
            log.info("request.dropped", method=scope["method"], route=_route(scope))
            status = 0
            return
        except Exception as error:  # noqa: BLE001 the edge of a request
            log.error("request.failed", error=type(error).__qualname__, at=_places(error))
            if status:
                raise ConnectionAbortedError("the answer cannot be finished") from None
            await internal(request)(scope, receive, send_marked)
        finally:
            took_s = time.monotonic() - started
            self._meter.in_progress.dec()
            self._meter.done(method=scope["method"], route=_route(scope), status=status or None, took_s=took_s)
        log.info(
            "request.done", method=scope["method"], route=_route(scope), status=status, took_ms=round(took_s * 1000)
        )

    def _request_id(self, headers: Headers) -> str:
        given = headers.get("X-Request-ID", "")
        return given if _REQUEST_ID.fullmatch(given) else self._clock.new_ulid()


def _refusal(request: Request) -> ASGIApp | None:
    """The answer to a request whose address or headers are too long."""
    if len(request.scope.get("raw_path") or b"") > MOST_PATH_BYTES:
        return problem(
            request, status=414, code="path_too_long", detail=f"a path has at most {MOST_PATH_BYTES:,} bytes"
        )
    if len(request.scope["query_string"]) > MOST_QUERY_BYTES:
        detail = f"what follows the ? has at most {MOST_QUERY_BYTES:,} bytes; send longer values as multipart fields"
        return problem(request, status=414, code="query_too_long", detail=detail)
    if sum(len(name) + len(value) for name, value in request.scope["headers"]) > MOST_HEADER_BYTES:
        detail = f"all headers together have at most {MOST_HEADER_BYTES:,} bytes"
        return problem(request, status=431, code="headers_too_long", detail=detail)
    return None


def _route(scope: Scope) -> str | None:
    """The route's template: a path itself may hold anybody's text."""
    return getattr(scope.get("route"), "path", None)


def _places(error: Exception) -> list[str]:
    """Where it happened. An error's message, or a value, may quote a paper; file, line and function never do."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
