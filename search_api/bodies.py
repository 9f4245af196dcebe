"""Small JSON bodies: described, and read only once the token has been looked at."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from sohoa.errors import BadRequest

MOST_BODY_BYTES = 16 * 1024
Body = TypeVar("Body", bound=BaseModel)


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """What a route's description says of its body."""
    schema = model.model_json_schema()
    whole = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": whole}}}}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """A schema with what it refers to in its place: a description has nowhere else for a body's own parts."""
    if isinstance(part, list):
        return [_inlined(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(definitions[part["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(one, definitions) for name, one in part.items()}


async def read_json(request: Request, model: type[Body], *, most_bytes: int = MOST_BODY_BYTES) -> Body:
    """The request's JSON. Read here, not by the framework, which would do so before it looks at the token.

    Raises BadRequest (request_too_large), RequestValidationError.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most_bytes:
            raise BadRequest(f"the body has at most {most_bytes:,} bytes", code="request_too_large")
    try:
        return model.model_validate_json(bytes(data))
    except ValidationError as error:
        found = [{"loc": ("body", *one["loc"]), "msg": one["msg"]} for one in error.errors()]
        # `from None`: the error quotes what was sent, perhaps a password.
        raise RequestValidationError(found) from None
