"""The API's description of itself (OpenAPI 3.1): what FastAPI finds, and the problem that any route can answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from search_api.problems import Problem

_ABOUT = """Papers in, searchable archive out. Every route but the health ones wants a bearer token with the scope
that it names (`ingest`, `read`, `review` or `admin`; none includes another). A token of one office sees that office only.
Errors are RFC 9457 problems; `code` is stable. Boxes are `[left, top, right, bottom]` in pixels of the page."""
_TAGS = [
    {"name": "documents", "description": "bring papers in, follow them, get them back"},
    {"name": "pages", "description": "what was read on a page, and its picture"},
    {"name": "decisions", "description": "what a person decides about a document"},
    {"name": "review", "description": "say what stands on papers that the machine is not sure of"},
    {"name": "search", "description": "find documents by what they say"},
    {"name": "health", "description": "for whoever watches over the process"},
]


def describe(app: FastAPI) -> dict[str, Any]:
    """The description, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=_ABOUT, tags=_TAGS, routes=app.routes)
        parts = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(parts.pop("$defs", {}))
        schemas["Problem"] = parts
        app.openapi_schema = schema
    return app.openapi_schema
