"""`GET /metrics`, in Prometheus' text format, for a token that may see nothing else."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from search_api.access import Watcher
from search_api.problems import responses
from sohoa.errors import NotAllowed

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={200: {"description": "text format 0.0.4", "content": {"text/plain": {}}}, **responses()},
)
def metrics(principal: Watcher, request: Request) -> Response:
    """How the work of all offices stands; docs/operations/monitoring.md says what each number is. Needs the scope `metrics`
    and a token that is bound to no office."""
    if principal.office is not None:
        raise NotAllowed("the numbers are those of every office, and this token is bound to one", code="other_office")
    return Response(generate_latest(request.app.state.meter.registry), media_type=CONTENT_TYPE_LATEST)
