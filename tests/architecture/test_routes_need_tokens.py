"""Every route but the health ones needs a token, a good one, with the scope that the route names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Route

from storage.catalog.tokens import Scope
from tests.support.archived import Api, opened_api

OPEN = {("GET", "/healthz"), ("GET", "/readyz")}
ANY_SCOPE = {("GET", "/openapi.json")}
SCOPES = {
    ("POST", "/v1/documents"): Scope.INGEST,
    ("GET", "/v1/documents"): Scope.READ,
    ("GET", "/v1/documents/{document_id}"): Scope.READ,
    ("GET", "/v1/documents/{document_id}/pdf"): Scope.READ,
    ("GET", "/v1/documents/{document_id}/original"): Scope.READ,
    ("GET", "/v1/documents/{document_id}/text"): Scope.READ,
    ("GET", "/v1/documents/{document_id}/alto"): Scope.READ,
    ("GET", "/v1/documents/{document_id}/pages/{number}"): Scope.READ,
    ("GET", "/v1/documents/{document_id}/pages/{number}/image"): Scope.READ,
    ("POST", "/v1/documents/{document_id}/retry"): Scope.ADMIN,
    ("POST", "/v1/documents/{document_id}/release"): Scope.ADMIN,
    ("POST", "/v1/documents/{document_id}/withdraw"): Scope.ADMIN,
    ("POST", "/v1/documents/{document_id}/move"): Scope.ADMIN,
    ("POST", "/v1/documents/{document_id}/replace"): Scope.INGEST,
    ("POST", "/v1/documents/{document_id}/append"): Scope.INGEST,
    ("GET", "/v1/search"): Scope.READ,
    ("GET", "/metrics"): Scope.METRICS,
    ("GET", "/v1/review"): Scope.REVIEW,
    ("GET", "/v1/review/agreement"): Scope.REVIEW,
    ("POST", "/v1/review/next"): Scope.REVIEW,
    ("GET", "/v1/review/{document_id}"): Scope.REVIEW,
    ("POST", "/v1/review/{document_id}/claim"): Scope.REVIEW,
    ("POST", "/v1/review/{document_id}/release"): Scope.REVIEW,
    ("POST", "/v1/review/{document_id}/accept"): Scope.REVIEW,
    ("POST", "/v1/review/{document_id}/correct"): Scope.REVIEW,
    ("POST", "/v1/review/{document_id}/unreadable"): Scope.REVIEW,
    ("POST", "/v1/review/{document_id}/type"): Scope.REVIEW,
    ("POST", "/v1/review/{document_id}/{kind}"): Scope.REVIEW,
}
CALLS = sorted(SCOPES)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with opened_api(tmp_path_factory.mktemp("home")) as opened:
        yield opened


def _routes(routes: Any) -> Iterator[tuple[str, str]]:
    """Method and path of every route; anything else that could answer a request is a failure."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            assert route.include_context.prefix == ""
            yield from _routes(included.routes)
            continue
        assert isinstance(route, Route), f"{route!r} answers requests and this test does not know it"
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route.path


def _call(api: Api, method: str, path: str, headers: dict[str, str]) -> Any:
    address = path.format(document_id="01JGFJJZ000000000000000000", number=1, kind="rescan")
    return api.client.request(method, address, headers=headers, content=b"{not json" if method == "POST" else None)


def test_this_table_names_every_route_that_there_is(api: Api) -> None:
    app: FastAPI = api.app
    assert set(_routes(app.routes)) == OPEN | ANY_SCOPE | set(SCOPES)


@pytest.mark.parametrize(("method", "path"), CALLS + sorted(ANY_SCOPE))
def test_a_request_without_a_token_is_told_to_send_one(api: Api, method: str, path: str) -> None:
    answer = _call(api, method, path, {})
    assert (answer.status_code, answer.json()["code"]) == (401, "no_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sohoa"'


@pytest.mark.parametrize(("method", "path"), CALLS + sorted(ANY_SCOPE))
@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("Bearer sohoa_wrong", "bad_token"),
        ("Bearer \u00ff", "bad_token"),
        ("bearer x y z", "bad_token"),
        ("Bearer ", "no_token"),
        ("Basic c29ob2E6c29ob2E=", "no_token"),
        ("", "no_token"),
    ],
)
def test_a_wrong_token_is_told_apart_from_none(api: Api, method: str, path: str, authorization: str, code: str) -> None:
    answer = _call(api, method, path, {"Authorization": authorization.encode("latin-1")})  # type: ignore[dict-item]
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="sohoa"')


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_token_with_every_other_scope_is_not_enough(api: Api, method: str, path: str) -> None:
    others = sorted(set(Scope) - {SCOPES[method, path]})
    answer = _call(api, method, path, api.token(*others))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_scope_alone_is_enough(api: Api, method: str, path: str) -> None:
    assert _call(api, method, path, api.token(SCOPES[method, path])).status_code not in (401, 403, 500)


def test_the_description_of_the_api_needs_a_token_of_any_scope_and_loads_no_scripts(api: Api) -> None:
    assert api.client.get("/openapi.json", headers=api.token("ingest")).status_code == 200
    for page in ("/docs", "/redoc"):
        assert api.client.get(page, headers=api.token("admin")).status_code == 404


def test_a_revoked_or_expired_token_opens_nothing(api: Api) -> None:
    from storage.catalog import tokens

    headers = api.token("read")
    with api.stores.database.write() as connection:
        newest = tokens.list_tokens(connection)[-1]
        tokens.revoke(connection, newest.token_id, now=api.clock.now())
    assert api.client.get("/v1/documents", headers=headers).json()["code"] == "bad_token"


def test_health_routes_answer_anybody_and_tell_nothing_of_this_machine(api: Api, tmp_path: Path) -> None:
    assert api.client.get("/healthz").json() == {"status": "ok"}
    answer = api.client.get("/readyz")
    assert answer.status_code == 200
    parts = {"catalogue": "ok", "archive": "ok", "index": "ok", "dispatch": "ok"}
    assert answer.json() == {"status": "ok", **parts}
