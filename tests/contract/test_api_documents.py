"""Listing and reading documents, their files and pages, and deciding about them, over HTTP."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import structlog
from PIL import Image

from search_api.documents import rendering
from search_api.documents.rendering import Renderer
from search_api.documents.schemas import DocumentOut, PageOut
from sohoa.clock import isoformat
from sohoa.errors import StoreUnavailable
from sohoa.states import DocumentStatus
from storage.archive.alto import read_alto
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.presentation import document_json
from tests.support import files
from tests.support.archived import QUALITY, TEXT, Api, opened_api

PNG = files.image_bytes("PNG")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def paper(api: Api) -> Document:
    """An archived document of two pages."""
    return api.archive(api.receive(PNG, filename='giấy "1".png', dossier="H02-1"), texts=(TEXT, "trang hai"))


def _get(api: Api, document: Document, what: str = "", **headers: str) -> Any:
    address = f"/v1/documents/{document.document_id}{what}"
    return api.client.get(
        address, headers={**api.token("read"), **{k.replace("_", "-"): v for k, v in headers.items()}}
    )


def _problem(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


# documents and lists


def test_a_document_has_the_keys_of_the_command_line_and_links_and_no_path_of_this_machine(
    api: Api, paper: Document
) -> None:
    answer = _get(api, paper)
    expected = document_json(paper, source=paper.source_name, archive=None)
    assert {name: value for name, value in answer.json().items() if name != "links"} == expected
    assert set(answer.json()) == set(DocumentOut.model_fields)
    assert str(api.stores.settings.home) not in answer.text
    for link in ("self", "original", "pdf", "text", "alto"):
        assert api.client.get(answer.json()["links"][link], headers=api.token("read")).status_code == 200
    assert [
        api.client.get(page, headers=api.token("read")).json()["text"] for page in answer.json()["links"]["pages"]
    ] == [
        TEXT,
        "trang hai",
    ]


def test_an_id_may_be_typed_in_small_letters(api: Api, paper: Document) -> None:
    answer = api.client.get(f"/v1/documents/{paper.document_id.lower()}", headers=api.token("read"))
    assert answer.json()["document_id"] == paper.document_id


def test_a_list_is_filtered_and_its_cursor_reaches_every_document_once(api: Api) -> None:
    made = [api.receive(dossier=f"D-{number % 2}") for number in range(5)]
    api.archive(made[0])
    headers = api.token("read")

    def listed(**query: Any) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = api.client.get(
                "/v1/documents", params={**query, **({"cursor": cursor} if cursor else {})}, headers=headers
            ).json()
            found += [item["document_id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    in_order = [document.document_id for document in (*made[1:], made[0])]
    assert listed(limit=2) == in_order == listed()
    assert listed(dossier="D-1", limit=1) == [made[1].document_id, made[3].document_id]
    assert listed(status="archived") == [made[0].document_id]
    assert listed(external_id="x") == []
    api.clock.advance(seconds=60)
    since = isoformat(api.clock.now())
    newest = api.receive()
    assert listed(changed_since=since) == [newest.document_id]
    assert listed(changed_since="2026-01-02T10:05:05+07:00") == [newest.document_id]


def test_a_list_shows_an_office_only_its_own(api: Api) -> None:
    ours, theirs = api.receive(office="H02"), api.receive(office="H56")
    for office, document in (("H02", ours), ("H56", theirs)):
        listed = api.client.get("/v1/documents", headers=api.token("read", office=office)).json()
        assert [item["document_id"] for item in listed["items"]] == [document.document_id]
    every = api.client.get("/v1/documents", headers=api.token("read")).json()["items"]
    assert len(every) == 2


# other offices


@pytest.mark.parametrize(
    "what", ["", "/pdf", "/original", "/text", "/alto", "/pages/1", "/pages/1/image", "/retry", "/release", "/withdraw"]
)
def test_another_offices_document_is_as_if_it_did_not_exist(api: Api, paper: Document, what: str) -> None:
    method = "POST" if what in ("/retry", "/release", "/withdraw") else "GET"
    scope = "admin" if method == "POST" else "read"
    body = {"reason": "x"} if method == "POST" else None
    unknown = "01JGFJJZ000000000000000000"
    for headers in (api.token(scope, office="H56"), {**api.token(scope, office="H56"), "If-None-Match": "*"}):
        theirs = api.client.request(method, f"/v1/documents/{paper.document_id}{what}", headers=headers, json=body)
        nothing = api.client.request(method, f"/v1/documents/{unknown}{what}", headers=headers, json=body)
        _problem(theirs, 404, "not_found")
        assert theirs.json()["detail"].replace(paper.document_id, unknown) == nothing.json()["detail"]
    ours = api.client.request(
        method, f"/v1/documents/{paper.document_id}{what}", headers=api.token(scope, office="H02"), json=body
    )
    assert ours.status_code in (200, 202, 409)


# files


@pytest.mark.parametrize("what", ["/pdf", "/original"])
def test_a_file_comes_whole_in_part_or_not_at_all(api: Api, paper: Document, what: str) -> None:
    whole = _get(api, paper, what)
    data = whole.content
    size = len(data)
    assert whole.headers["ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert (whole.headers["Accept-Ranges"], whole.headers["Content-Length"]) == ("bytes", str(size))
    assert (whole.headers["X-Content-Type-Options"], whole.headers["Cache-Control"]) == ("nosniff", "private, no-cache")
    for asked, start, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        (f"bytes={size - 5}-", size - 5, size),
        ("bytes=-5", size - 5, size),
        (f"bytes=-{size * 2}", 0, size),
        (f"bytes=5-{size * 2}", 5, size),
        ("BYTES = 1 - 2 ", 1, 3),
    ]:
        part = _get(api, paper, what, Range=asked)
        assert (part.status_code, part.content) == (206, data[start:end]), asked
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["Content-Length"] == str(end - start)
    for asked in (f"bytes={size}-", f"bytes={size}-{size + 1}", "bytes=-0", "bytes=999999999999999999-"):
        missed = _get(api, paper, what, Range=asked)
        _problem(missed, 416, "range_not_satisfiable")
        assert missed.headers["Content-Range"] == f"bytes */{size}"
    for asked in ("bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=" + "9" * 5000 + "-"):
        assert (_get(api, paper, what, Range=asked).status_code, _get(api, paper, what, Range=asked).content) == (
            200,
            data,
        )


def test_a_client_that_has_the_file_is_told_so_and_one_with_another_gets_all_of_it(api: Api, paper: Document) -> None:
    etag = _get(api, paper, "/pdf").headers["ETag"]
    for given in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = _get(api, paper, "/pdf", If_None_Match=given)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert _get(api, paper, "/pdf", If_None_Match='"x"').status_code == 200
    assert _get(api, paper, "/pdf", Range="bytes=0-1", If_Range=etag).status_code == 206
    assert _get(api, paper, "/pdf", Range="bytes=0-1", If_Range='"x"').status_code == 200
    assert _get(api, paper, "/text", If_None_Match=_get(api, paper, "/text").headers["ETag"]).status_code == 304


def test_a_file_is_saved_under_its_own_name(api: Api, paper: Document) -> None:
    assert _get(api, paper, "/original").headers["Content-Disposition"] == (
        "attachment; filename=\"gi_y _1_.png\"; filename*=UTF-8''gi%E1%BA%A5y%20%221%22.png"
    )
    assert "gi%E1%BA%A5y%20%221%22.pdf" in _get(api, paper, "/pdf").headers["Content-Disposition"]
    odd = api.receive(filename="a\r\nSet-Cookie: b\\")
    answer = _get(api, odd, "/original")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Content-Disposition"].isascii()


def test_the_original_is_there_from_its_receipt_and_the_renditions_once_archived(api: Api) -> None:
    received = api.receive(PNG)
    assert _get(api, received, "/original").content == PNG
    assert _get(api, received, "/original", Range="bytes=1-3").content == b"PNG"
    for what in ("/pdf", "/text", "/alto", "/pages/1", "/pages/1/image"):
        _problem(_get(api, received, what), 404, "not_found")
    held = api.stop(received, DocumentStatus.HELD, code="encrypted")
    assert _get(api, held, "/original").content == PNG
    assert _get(api, held).json()["error"]["code"] == "encrypted"
    _problem(_get(api, held, "/text"), 404, "not_found")


def test_text_and_alto_are_what_was_archived(api: Api, paper: Document) -> None:
    text = _get(api, paper, "/text")
    assert (text.text, text.headers["Content-Type"]) == (f"{TEXT}\ftrang hai", "text/plain; charset=utf-8")
    assert [page.text for page in read_alto(_get(api, paper, "/alto").content)] == [TEXT, "trang hai"]


def test_a_pdf_that_was_made_but_never_committed_is_not_shown(api: Api) -> None:
    received = api.receive()
    with api.stores.database.write() as connection:
        now = api.clock.now()
        documents.move(connection, received.document_id, DocumentStatus.RECOGNISED, now=now, pages_total=1)
        documents.amend(connection, received.document_id, now=now, pdf_sha256="0" * 64, pdf_size_bytes=9)
        documents.move(connection, received.document_id, DocumentStatus.FAILED, now=now, code="internal")
    shown = _get(api, received).json()
    assert (shown["status"], shown["pdf"], shown["links"]["pdf"]) == ("failed", None, None)
    assert (shown["links"]["text"], shown["links"]["pages"]) == (None, [])
    for what in ("/pdf", "/pages/1/image"):
        _problem(_get(api, received, what), 404, "not_found")


# pages


def test_a_page_has_its_words_with_boxes_in_its_frame(api: Api, paper: Document) -> None:
    page = _get(api, paper, "/pages/1").json()
    assert set(page) == set(PageOut.model_fields)
    assert (page["number"], page["width_px"], page["height_px"], page["dpi"]) == (1, 2480, 3508, 300.0)
    assert page["words"][1] == {"text": "ĐỊNH", "box": [300, 100, 480, 150], "confidence": 0.9}
    assert page["quality"]["skew_deg"] == QUALITY.skew_deg
    assert page["status"] == "recognised"


@pytest.mark.parametrize(("number", "status"), [("0", 422), ("3", 404), ("x", 422), ("9" * 30, 404), ("-1", 422)])
@pytest.mark.parametrize("image", ["", "/image"])
def test_a_page_that_is_none_is_a_problem(api: Api, paper: Document, number: str, status: int, image: str) -> None:
    answer = _get(api, paper, f"/pages/{number}{image}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_picture_of_a_page_has_the_width_asked_for(api: Api, paper: Document) -> None:
    answer = _get(api, paper, "/pages/2/image?width=300")
    picture = Image.open(io.BytesIO(answer.content))
    assert (answer.headers["Content-Type"], picture.format, picture.width) == ("image/jpeg", "JPEG", 300)
    assert picture.height == pytest.approx(300 * 841.92 / 595.2, abs=1)
    again = _get(api, paper, "/pages/2/image?width=300", If_None_Match=answer.headers["ETag"])
    assert again.status_code == 304
    assert _get(api, paper, "/pages/2/image?width=301", If_None_Match=answer.headers["ETag"]).status_code == 200
    for width in ("15", "4001", "x"):
        assert _get(api, paper, f"/pages/2/image?width={width}").status_code == 422


def test_a_picture_of_a_very_long_page_stays_within_bounds(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    long = files.pdf_bytes((10, 10_000))
    monkeypatch.setattr(files, "pdf_bytes", lambda *_: long)
    document = api.archive(api.receive())
    picture = Image.open(io.BytesIO(_get(api, document, "/pages/1/image?width=4000").content))
    assert picture.width * picture.height <= 16_200_000


@pytest.fixture
def cramped(api: Api) -> Iterator[Api]:
    """The API with little time to draw a page."""
    api.app.state.renderer.close()
    api.app.state.renderer = Renderer(timeout_s=1.0)
    yield api
    api.app.state.renderer.close()


@pytest.mark.slow
def test_a_page_that_takes_too_long_to_draw_is_a_problem_and_the_next_one_is_drawn(
    cramped: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = files.drawn_pdf(b"0 0 m 595 842 l 0 842 l 595 0 l f\n" * 3_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(files, "pdf_bytes", lambda *_: endless)
        hostile = cramped.archive(cramped.receive())
    plain = cramped.archive(cramped.receive())
    _problem(_get(cramped, hostile, "/pages/1/image?width=4000"), 422, "not_drawable")
    cramped.app.state.renderer._draw._timeout_s = 60.0  # what is tested is that there is another process
    assert _get(cramped, plain, "/pages/1/image").status_code == 200


def test_pictures_asked_for_by_too_many_at_once_are_to_be_asked_for_later(
    api: Api, paper: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "MOST_ASKED", 0)
    answer = _get(api, paper, "/pages/1/image")
    _problem(answer, 503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0
    assert "pictures" in answer.json()["detail"]


# decisions


def _decide(api: Api, document: Document, verb: str, body: Any = None, **token: Any) -> Any:
    headers = api.token("admin", actor="person:mai", **token)
    return api.client.post(f"/v1/documents/{document.document_id}/{verb}", headers=headers, json=body)


def test_a_failed_document_is_tried_again_and_a_damaged_one_released(api: Api) -> None:
    failed = api.stop(api.receive(), DocumentStatus.FAILED, code="no_page_read")
    answer = _decide(api, failed, "retry")
    assert (answer.status_code, answer.json()["status"]) == (202, "received")
    held = api.stop(api.receive(), DocumentStatus.HELD, code="damaged")
    answer = _decide(api, held, "release", {"reason": "take what can be read"})
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (202, "received", None)


def test_a_decision_is_kept_in_the_archive_with_who_and_why(api: Api, paper: Document) -> None:
    answer = _decide(api, paper, "withdraw", {"reason": "sai hồ sơ"})
    assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    with api.stores.archive.open_file(
        "urn:sohoa:dossier:H02-1", f"documents/{paper.document_id}/premis.jsonl"
    ) as stream:
        last = stream.read().decode().splitlines()[-1]
    assert "sai hồ sơ" in last
    assert "person:mai" in last


def test_a_password_opens_an_encrypted_document_and_is_seen_nowhere(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    held = api.stop(api.receive(files.locked_pdf(), filename="a.pdf"), DocumentStatus.HELD, code="encrypted")
    _problem(_decide(api, held, "release", {"reason": "x"}), 400, "password_needed")
    wrong = _decide(api, held, "release", {"reason": "x", "password": "not-this-one"})
    _problem(wrong, 400, "wrong_password")
    long = _decide(api, held, "release", {"reason": "x", "password": "not-this-one" * 99})
    _problem(long, 422, "invalid")
    assert _decide(api, held, "release", {"reason": "x", "password": "secret"}).status_code == 202
    shown = capsys.readouterr()
    assert "not-this-one" not in shown.out + shown.err + wrong.text + long.text
    for path in api.stores.settings.home.rglob("*"):
        if path.is_file():
            assert b"not-this-one" not in path.read_bytes()


def test_a_decision_that_does_not_fit_is_a_conflict(api: Api, paper: Document) -> None:
    _problem(_decide(api, paper, "retry"), 409, "conflict")
    _problem(_decide(api, paper, "release", {"reason": "x"}), 409, "conflict")
    _problem(_decide(api, api.receive(), "withdraw", {"reason": "x"}), 409, "busy")


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 3}, [], "x", {"reason": "x", "y": 1}]
)
def test_a_decision_needs_a_reason_and_nothing_unknown(api: Api, paper: Document, body: Any) -> None:
    _problem(_decide(api, paper, "withdraw", body), 422, "invalid")


def test_a_decision_that_is_no_json_or_too_long_is_refused(api: Api, paper: Document) -> None:
    address, headers = f"/v1/documents/{paper.document_id}/withdraw", api.token("admin")
    _problem(api.client.post(address, headers=headers, content=b"{"), 422, "invalid")
    _problem(api.client.post(address, headers=headers, content=b"\xff\xfe"), 422, "invalid")
    _problem(api.client.post(address, headers=headers, content=b" " * 17_000), 413, "request_too_large")


# the log


def test_reading_is_logged_with_who_and_what_and_without_a_word_of_the_text(api: Api, paper: Document) -> None:
    with structlog.testing.capture_logs() as events:
        for what in ("/pdf", "/original", "/text", "/alto", "/pages/1", "/pages/1/image"):
            assert _get(api, paper, what).status_code == 200
    reads = [event for event in events if event["event"] == "document.read"]
    assert [event["what"] for event in reads] == ["pdf", "original", "text", "alto", "page", "image"]
    assert {(event["actor"], event["document_id"]) for event in reads} == {("person:lan", paper.document_id)}
    assert "hòa" not in str(events)
    assert {event["route"] for event in events if event["event"] == "request.done"} >= {
        "/v1/documents/{document_id}/pdf"
    }


def test_a_store_that_cannot_be_reached_is_a_503_that_names_no_folder(
    api: Api, paper: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("the disk of /srv/secret-place is gone")

    monkeypatch.setattr(type(api.stores.archive), "open_file", broken)
    answer = _get(api, paper, "/pdf")
    _problem(answer, 503, "store_unavailable")
    assert "secret-place" not in answer.text
    assert answer.headers["Retry-After"] == "5"


def test_a_damaged_rendition_is_a_500_without_internals(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip, "compress", lambda *_, **__: b"\x1f\x8b rubbish")
    monkeypatch.setattr(files, "pdf_bytes", lambda *_: b"%PDF-1.4 rubbish")
    document = api.archive(api.receive())
    for what in ("/pages/1", "/pages/1/image"):
        answer = _get(api, document, what)
        _problem(answer, 500, "internal")
        assert answer.json()["instance"] == f"urn:sohoa:request:{answer.headers['X-Request-ID']}"
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(b"%PDF-1.4 rubbish")


@pytest.mark.parametrize("kind", ["replace", "append"])
def test_a_new_original_is_taken_in_for_a_document_and_said_of_it(api: Api, kind: str) -> None:
    document = api.archive(api.receive())
    address = f"/v1/documents/{document.document_id}/{kind}"
    scan = files.image_bytes("PNG", files.drawing((33, 44)))
    ingest = api.token("ingest")
    missing = api.client.post(address, files={"file": ("b.png", scan)}, headers=ingest)
    assert (missing.status_code, missing.json()["code"]) == (400, "bad_request")
    unknown = api.client.post(address, files={"file": ("b.png", scan)}, data={"dossier": "x"}, headers=ingest)
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_field")
    other = api.client.post(address, params={"reason": "x"}, content=scan, headers=api.token("ingest", office="H99"))
    assert other.status_code == 404
    words = api.client.post(address, params={"reason": "x"}, content=b"just words", headers=ingest)
    assert (words.status_code, words.json()["code"]) == (415, "unsupported_kind")
    answer = api.client.post(address, files={"file": ("b.png", scan)}, data={"reason": "blurred"}, headers=ingest)
    assert answer.status_code == 202, answer.text
    revision = answer.json()["revision"]
    assert (revision["kind"], revision["status"], revision["reason"]) == (kind, "received", "blurred")
    shown = api.client.get(f"/v1/documents/{document.document_id}", headers=api.token("read")).json()
    assert shown["revision"] == revision
    assert shown["original"]["sha256"] == document.original_sha256
    again = api.client.post(address, params={"reason": "x"}, content=scan, headers=ingest)
    assert (again.status_code, again.json()["code"]) == (409, "busy")
    hidden = api.client.get(f"/v1/documents/{revision['receipt']}", headers=api.token("read"))
    assert hidden.status_code == 404
