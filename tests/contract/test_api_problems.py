"""What every answer has in common: problems as RFC 9457 says, request ids, limits, headers, and a true description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from search_api.problems import Problem, status_of
from sohoa import errors
from sohoa.errors import SohoaError
from storage.catalog.database import Database
from tests.support.archived import Api, TestClient, opened_api

READ: dict[str, str] = {}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with opened_api(tmp_path_factory.mktemp("home")) as opened:
        READ.update(opened.token("read"))
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/documents/", 404, "not_found"),
        ("DELETE", "/v1/documents", 405, "method_not_allowed"),
        ("HEAD", "/v1/search", 405, ""),
        ("OPTIONS", "/v1/search", 405, "method_not_allowed"),
        ("GET", "/v1/documents?limit=0", 422, "invalid"),
        ("GET", "/v1/documents?limit=201", 422, "invalid"),
        ("GET", "/v1/documents?status=lost", 422, "invalid"),
        ("GET", "/v1/documents?changed_since=2026-01-01T00:00:00", 422, "invalid"),
        ("GET", "/v1/documents?cursor=x", 400, "bad_cursor"),
        ("GET", "/v1/documents/no-id", 404, "not_found"),
        ("GET", "/v1/documents/01JGFJJZ000000000000000000", 404, "not_found"),
        ("GET", "/" + "x" * 2000, 414, "path_too_long"),
        ("GET", "/v1/search?q=" + "x" * 17_000, 414, "query_too_long"),
    ],
)
def test_every_error_is_a_problem(api: Api, method: str, path: str, status: int, code: str) -> None:
    answer = api.client.request(method, path, headers={**READ, "X-Request-ID": "r-1"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    if method != "HEAD":
        problem = Problem.model_validate(answer.json())
        assert (problem.status, problem.code, problem.type) == (status, code, f"urn:sohoa:error:{code}")
        assert problem.instance == "urn:sohoa:request:r-1"
        assert "\n" not in problem.detail


def test_a_validation_problem_says_where_and_never_repeats_what_was_sent(api: Api) -> None:
    answer = api.client.get("/v1/documents?limit=Nguyen-Van-A&status=012345678901", headers=READ)
    assert [error["where"] for error in answer.json()["errors"]] == ["query.status", "query.limit"]
    assert "Nguyen" not in answer.text
    assert "012345678901" not in answer.text


def test_every_kind_of_error_has_a_status_and_only_unexpected_ones_are_500() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SohoaError)]
    found = {kind.__name__: status_of(kind("x")) for kind in kinds}
    assert {name for name, status in found.items() if status == 500} == {
        "SohoaError",
        "BadAlto",
        "EntriesRefused",  # the indexer's own
        "StageFailed",
        "DigestMismatch",
        "NotValidPdfA",
        "TextMismatch",
    }
    assert found["NotFound"] == 404
    assert found["Refused"] == 422


def test_a_defect_is_a_500_that_says_nothing_and_logs_no_values(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Nguyễn Văn A, 012345678901")

    monkeypatch.setattr(Database, "read", broken)
    with structlog.testing.capture_logs() as events:
        answer = api.client.get("/v1/documents", headers=READ)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (failed,) = (event for event in events if event["event"] == "request.failed")
    assert failed["error"] == "RuntimeError"
    assert "broken" in failed["at"][-1]
    assert "012345678901" not in answer.text + str(events)


def test_a_catalogue_that_is_gone_makes_it_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise errors.StoreUnavailable("/srv/secret-place is gone")

    monkeypatch.setattr(Database, "read", gone)
    answer = api.client.get("/readyz")
    assert (answer.status_code, answer.json()["catalogue"], answer.json()["status"]) == (503, "failed", "failed")
    assert "secret-place" not in answer.text
    assert api.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("abc-1.2_Z", True), ("a" * 65, False), ("a b", False), ("", False), ("a\x01", False), ("é", False)],
)
def test_a_sane_request_id_is_kept_and_another_replaced(api: Api, sent: str, kept: bool) -> None:
    answer = api.client.get("/healthz", headers=[("X-Request-ID", sent.encode("latin-1"))])
    assert (answer.headers["X-Request-ID"] == sent) is kept
    assert answer.headers["X-Request-ID"].isalnum() or kept


def test_headers_that_are_too_many_are_refused(api: Api) -> None:
    answer = api.client.get("/healthz", headers={"X-Much": "x" * 40_000})
    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_long")


@pytest.mark.parametrize("path", ["/healthz", "/v1/documents", "/nothing"])
def test_every_answer_carries_the_headers_that_keep_browsers_safe_and_allows_no_other_origin(
    api: Api, path: str
) -> None:
    headers = api.client.get(path, headers={"Origin": "https://example.org", **READ}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not [name for name in headers if name.startswith("access-control")]


def test_the_description_has_examples_tags_and_the_problem_on_every_route(api: Api) -> None:
    described = api.client.get("/openapi.json", headers=READ).json()
    assert set(described["components"]["schemas"]["Problem"]["properties"]) == set(Problem.model_fields)
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation["tags"], path
            assert operation["summary"], path
            if operation["tags"] == ["health"]:
                continue
            assert operation["security"] == [{"HTTPBearer": []}]
            for status in ("401", "403", "422", "500"):
                content = operation["responses"][status]["content"]
                assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}, (
                    method,
                    path,
                )
    text = json.dumps(described)
    assert "HTTPValidationError" not in text
    named = {reference.split('"')[0] for reference in text.split("#/components/schemas/")[1:]}
    assert named <= set(described["components"]["schemas"])


def test_the_application_can_be_opened_and_closed_more_than_once(api: Api) -> None:
    from search_api.app import create_app

    for _ in range(2):
        with TestClient(create_app(api.stores)) as client:
            assert client.get("/healthz").status_code == 200


ODD = st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace").decode())


@hypothesis_settings(max_examples=80, deadline=None)
@given(
    query=st.dictionaries(
        st.sampled_from(["dossier", "status", "external_id", "changed_since", "cursor", "limit"]),
        ODD
        | st.integers().map(str)
        | st.datetimes().map(str)
        | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]),
    )
)
def test_a_list_answers_whatever_it_is_asked(api: Api, query: dict[str, str]) -> None:
    answer = api.client.get("/v1/documents", params=query, headers=READ)
    assert answer.status_code in (200, 400, 422), answer.text


@hypothesis_settings(max_examples=80, deadline=None)
@given(
    document_id=ODD, number=ODD, headers=st.dictionaries(st.sampled_from(["Range", "If-None-Match", "If-Range"]), ODD)
)
def test_an_odd_address_is_no_more_than_a_problem(
    api: Api, document_id: str, number: str, headers: dict[str, str]
) -> None:
    from urllib.parse import quote

    sent = {name: value.encode("utf-8") for name, value in headers.items()}
    address = f"/v1/documents/{quote(document_id, safe='')}/pages/{quote(number, safe='')}"
    answer = api.client.get(address, headers={**READ, **sent})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
