"""`/v1/review/…` over HTTP: taking papers, saying what stands on them, for one's own office, and nothing told to a log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from sohoa.states import Review
from storage.archive.audit import read_audit
from storage.catalog.documents import Document
from tests.support.archived import Api, opened_api
from tests.support.office import letter
from tests.support.reviewed import read_fields
from tests.support.steps import go_on

CITIZEN = "024190001234"
HIDDEN = "*********234"


@pytest.fixture(autouse=True)
def _no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path) as opened:
        yield opened


def paper(api: Api, *, office: str = "H02", texts: tuple[str, ...] = ("trang một",)) -> Document:
    api.clock.advance(seconds=1)
    document = api.receive(office=office)
    return api.archive(document, texts=texts, fields=read_fields(owner_id=CITIZEN), review=Review.NEEDED)


def post(api: Api, path: str, headers: dict[str, str], body: Any = None) -> Any:
    return api.client.post(f"/v1/review/{path}", headers=headers, json=body)


def test_a_paper_is_taken_seen_whole_and_corrected(api: Api) -> None:
    document, lan = paper(api), api.token("review")
    taken = post(api, "next", lan, {}).json()
    assert taken["waiting"]["document_id"] == document.document_id
    assert (taken["waiting"]["reasons"], taken["waiting"]["unsure"]) == (["unsure"], ["code_number"])
    assert taken["waiting"]["claim"]["actor"] == "person:lan"
    assert taken["document"]["fields"]["owner_id"]["value"] == CITIZEN
    place = {"page": 1, "box": [10, 10, 90, 40]}
    fields = {"code_number": {"value": "139", "evidence": [place]}, "subject": "Về việc khác", "signer_name": None}
    said = post(api, f"{document.document_id}/correct", lan, {"version": 1, "fields": fields})
    assert said.status_code == 200, said.text
    after = said.json()["document"]
    assert (after["review"], after["fields"]["code_number"]["value"]) == ("done", "139")
    assert after["fields"]["code_number"]["evidence"] == [place]
    assert after["checks"][0]["changed"] == ["code_number", "signer_name", "subject"]
    assert post(api, "next", lan, {}).status_code == 204
    api.index()
    found = api.client.get("/v1/search", params={"q": "số:139"}, headers=api.token("read")).json()
    assert [hit["document_id"] for hit in found["hits"]] == [document.document_id]


def test_every_way_to_say_something(api: Api) -> None:
    lan = api.token("review")
    ways: tuple[tuple[str, dict[str, Any], Any], ...] = (
        ("accept", {}, ((), ())),
        ("unreadable", {"fields": ["code_number"]}, (("code_number",), ("code_number",))),
        ("type", {"type_name": "Kế hoạch"}, (("type_name",), ())),
    )
    for path, body, check in ways:
        document = paper(api)
        after = post(api, f"{document.document_id}/{path}", lan, {"version": 1, **body}).json()["document"]
        (said,) = after["checks"]
        assert (after["review"], tuple(said["changed"]), tuple(said["unreadable"])) == ("done", *check)
    for kind in ("split", "rotate", "rescan"):
        document = paper(api, texts=("một", "hai"))
        body = {"version": 1, "reason": "xem trang 2", "pages": [2]}
        after = post(api, f"{document.document_id}/{kind}", lan, body).json()
        assert (after["document"]["review"], after["document"]["wanted"]["kind"]) == ("needed", kind)
        assert after["waiting"]["reasons"] == [kind, "unsure"]
    assert post(api, f"{document.document_id}/second_check", lan, body).status_code == 422


def test_pages_are_turned_once_and_what_cannot_be_is_told(api: Api) -> None:
    document, lan = paper(api, texts=("một", "hai")), api.token("review")
    path, said = f"{document.document_id}/rotate", {"version": 1, "reason": "lộn ngược"}
    for turns, status, code in (
        ({"3": 90}, 400, "no_such_page"),
        ({"1": 45}, 422, "invalid"),
        ({"một": 90}, 422, "invalid"),
    ):
        refused = post(api, path, lan, {**said, "turns": turns})
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    wrong = post(api, f"{document.document_id}/split", lan, {**said, "turns": {"2": 90}})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_request")
    assert post(api, path, api.token("read"), {**said, "turns": {"2": 90}}).status_code == 403
    asked = post(api, path, lan, {**said, "turns": {"2": 90, "1": 180}})
    assert asked.status_code == 200, asked.text
    shown = asked.json()["document"]
    assert (shown["revision"]["kind"], shown["revision"]["status"]) == ("rotate", "received")
    assert (shown["wanted"]["turns"], shown["wanted"]["pages"]) == ({"1": 180, "2": 90}, [1, 2])
    again = post(api, path, lan, {**said, "version": 2, "turns": {"2": 90}})
    assert (again.status_code, again.json()["code"]) == (409, "busy")


def test_a_scan_is_split_once_and_what_cannot_be_is_told(api: Api, tmp_path: Path) -> None:
    single, lan = paper(api), api.token("review")
    with letter(tmp_path / "scan.pdf", ["Đơn xin", "trang hai", "Giấy khai sinh"]).open("rb") as file:
        headers = api.token("ingest")
        sent = api.client.post("/v1/documents", headers=headers, files={"file": ("scan.pdf", file)}).json()
    go_on(api.stores)
    here = sent["document_id"]
    said = {"version": 1, "reason": "hai giấy tờ"}
    wrong = post(api, f"{here}/split", lan, {**said, "begins": [9]})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "no_such_page")
    wrong = post(api, f"{single.document_id}/split", lan, {**said, "begins": [2]})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "one_page")
    assert post(api, f"{here}/split", api.token("read"), {**said, "begins": [3]}).status_code == 403
    assert post(api, f"{here}/split", api.token("review", office="H56"), {**said, "begins": [3]}).status_code == 404
    done = post(api, f"{here}/split", lan, {**said, "begins": [3]})
    assert done.status_code == 200, done.text
    shown = done.json()["document"]
    assert (shown["status"], shown["error"]["code"], shown["wanted"]) == ("withdrawn", "split", None)
    assert [part["pages"] for part in shown["split_into"]] == [[1, 2], [3, 3]]
    assert (
        post(api, f"{here}/split", lan, {**said, "begins": [3]}).json()["document"]["split_into"] == shown["split_into"]
    )
    other = post(api, f"{here}/split", lan, {**said, "begins": [2]})
    assert (other.status_code, other.json()["code"]) == (409, "already_split")
    go_on(api.stores)
    part = api.client.get(f"/v1/documents/{shown['split_into'][1]['document_id']}", headers=api.token("read")).json()
    assert (part["status"], part["split_from"]) == ("archived", {"document_id": here, "pages": [3, 3]})
    assert api.client.get(f"/v1/documents/{here}/original", headers=api.token("read")).status_code == 200


def test_what_another_has_or_changed_is_a_conflict(api: Api) -> None:
    document, lan, mai = paper(api), api.token("review"), api.token("review", actor="person:mai")
    here = document.document_id
    assert post(api, f"{here}/claim", lan).json()["document"]["review"] == "claimed"
    for path, body in (("claim", None), ("accept", {"version": 1}), ("release", None)):
        refused = post(api, f"{here}/{path}", mai, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "claimed")
    assert post(api, f"{here}/release", lan).json()["document"]["review"] == "needed"
    assert post(api, f"{here}/accept", mai, {"version": 1}).status_code == 200
    late = post(api, f"{here}/correct", lan, {"version": 1, "fields": {"subject": "x"}})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": 1, "fields": {"issued_date": "2023-02-30"}}, 400, "bad_value"),
        ({"version": 1, "fields": {"nothing_such": "x"}}, 400, "bad_value"),
        ({"version": 1, "fields": {}}, 422, "invalid"),
        ({"fields": {"subject": "x"}}, 422, "invalid"),
        ({"version": 1, "fields": {"subject": ["x"]}}, 422, "invalid"),
        ({"version": 1, "fields": {"subject": {"value": "x", "evidence": [{"page": 1, "box": [1]}]}}}, 422, "invalid"),
        ({"version": 1, "fields": {"subject": {"value": "x", "evidence": [{"page": 7, "box": [1, 1, 2, 2]}]}}}, 400, "bad_value"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_told_and_changes_nothing(
    api: Api, body: dict[str, Any], status: int, code: str
) -> None:
    document = paper(api)
    answer = post(api, f"{document.document_id}/correct", api.token("review"), body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    shown = api.client.get(f"/v1/review/{document.document_id}", headers=api.token("review")).json()
    assert (shown["waiting"]["version"], shown["document"]["checks"]) == (1, [])


def test_an_office_sees_and_takes_only_its_own(api: Api) -> None:
    mine, other = paper(api), paper(api, office="H56")
    bound = api.token("review", office="H02")
    listed = api.client.get("/v1/review", headers=bound).json()
    assert ([one["document_id"] for one in listed["items"]], listed["total"]) == ([mine.document_id], 1)
    assert api.client.get("/v1/review", params={"office": "H56"}, headers=bound).status_code == 403
    assert api.client.get("/v1/review/agreement", params={"office": "H56"}, headers=bound).status_code == 403
    assert post(api, "next", bound, {"office": "H56"}).status_code == 403
    assert post(api, "next", bound, {}).json()["waiting"]["document_id"] == mine.document_id
    assert post(api, "next", bound, {}).status_code == 204
    assert api.client.get(f"/v1/review/{other.document_id}", headers=bound).status_code == 404
    for path, body in (("claim", None), ("release", None), ("accept", {"version": 1})):
        assert post(api, f"{other.document_id}/{path}", bound, body).status_code == 404
    refused = [one for one, _ in read_audit(api.stores) if one.outcome == "refused"]
    assert {(one.what, one.documents) for one in refused} == {("fields", (other.document_id,))}


def test_the_queue_is_read_to_its_end(api: Api) -> None:
    ids = [paper(api).document_id for _ in range(5)]
    lan, seen, cursor = api.token("review"), [], ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = api.client.get("/v1/review", params={"limit": 2, **more}, headers=lan).json()
        seen += [one["document_id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, page["total"]) == (ids, 5)
    for wrong in ("x", "1-2", "١-" + "0" * 26):
        assert api.client.get("/v1/review", params={"cursor": wrong}, headers=lan).json()["code"] == "bad_cursor"


def test_citizens_numbers_are_whole_only_in_one_document_for_who_may(api: Api) -> None:
    document = paper(api, texts=(f"Số CCCD: {CITIZEN} cấp ngày",))
    api.index()
    here = f"/v1/documents/{document.document_id}"
    for scopes, shown in ((("read",), HIDDEN), (("read", "review"), CITIZEN), (("read", "admin"), CITIZEN)):
        headers = api.token(*scopes)
        assert api.client.get(here, headers=headers).json()["fields"]["owner_id"]["value"] == shown
        listed = api.client.get("/v1/documents", headers=headers).text
        found = api.client.get("/v1/search", params={"q": "CCCD"}, headers=headers).text
        assert (CITIZEN in listed, CITIZEN in found) == (False, False)
        assert (HIDDEN in listed, HIDDEN in found) == (True, True)
    assert CITIZEN not in api.client.get("/v1/review", headers=api.token("review")).text
    decided = api.client.post(f"{here}/withdraw", headers=api.token("admin"), json={"reason": "x"})
    assert CITIZEN not in decided.text
    looked = [one for one, _ in read_audit(api.stores) if one.what == "fields"]
    assert len(looked) == 2  # those two that were shown it whole


def test_nothing_that_is_said_is_logged(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    document, lan = paper(api), api.token("review")
    with structlog.testing.capture_logs() as events:
        post(api, "next", lan, {})
        for value in (CITIZEN + "5", CITIZEN):
            body = {"version": 1, "fields": {"owner_id": value, "subject": "Về việc của ông Đỗ"}}
            post(api, f"{document.document_id}/correct", lan, body)
        api.client.get(f"/v1/review/{document.document_id}", headers=lan)
        api.index()
    told = str(events) + "".join(capfd.readouterr())
    assert "review.corrected" in told
    assert "owner_id" in told  # names of fields may be
    for secret in (CITIZEN, "190001234", "Đỗ", "hòa giải"):
        assert secret not in told


def test_agreement_is_told(tmp_path: Path) -> None:
    with opened_api(tmp_path / "drawn", second_check_share=1.0) as api:
        document, lan, mai = paper(api), api.token("review"), api.token("review", actor="person:mai")
        first = post(api, f"{document.document_id}/accept", lan, {"version": 1}).json()
        assert first["waiting"]["reasons"] == ["second_check"]
        body = {"version": 2, "fields": {"code_number": "139"}}
        refused = post(api, f"{document.document_id}/correct", lan, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "same_actor")
        assert post(api, f"{document.document_id}/correct", mai, body).json()["document"]["review"] == "done"
        items = api.client.get("/v1/review/agreement", headers=lan).json()["items"]
    by_field = {one["field"]: (one["actor"], one["checked"], one["agreed"], one["share"]) for one in items}
    assert by_field["code_number"] == ("person:lan", 1, 0, 0.0)
    assert by_field["subject"] == ("person:lan", 1, 1, 1.0)
