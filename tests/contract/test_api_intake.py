"""`POST /v1/documents`: accepted means durable, the same request twice is one document, and a bad one leaves nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from search_api.documents.upload import incoming
from search_api.uploads import Uploads
from sohoa.errors import Refused
from storage.archive.archive import Archive
from storage.archive.receipts import Receipt
from storage.catalog import idempotency, jobs
from storage.registration import register_pending
from tests.support import files
from tests.support.archived import Api, opened_api

PNG = files.image_bytes("PNG")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path / "home") as opened:
        yield opened


def _problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    return problem


def _nothing_was_kept(api: Api) -> bool:
    home = api.stores.settings.home
    kept = [path for folder in ("staging", "receipts") for path in (home / "archive" / folder).rglob("*.*")]
    return not kept and not list((home / "archive" / ".tmp").iterdir())


def test_a_raw_body_becomes_a_receipt_for_the_bytes(api: Api) -> None:
    said = {"filename": "giấy.png", "dossier": "000.00.05.H02-230105-0001", "external_id": "case-7"}
    answer = api.client.post(
        "/v1/documents",
        params={**said, "declared": json.dumps({"type": "QĐ"})},
        content=PNG,
        headers={**api.token("ingest"), "Content-Type": "image/png"},
    )
    assert answer.status_code == 202
    receipt = answer.json()
    assert answer.headers["Location"] == receipt["links"]["self"] == f"/v1/documents/{receipt['document_id']}"
    assert (receipt["status"], receipt["duplicate_of"]) == ("received", None)
    assert receipt["original"]["size_bytes"] == len(PNG)
    document = api.client.get(receipt["links"]["self"], headers=api.token("read")).json()
    assert {name: document[name] for name in ("source", "dossier", "external_id", "declared", "office")} == {
        "source": "giấy.png",
        "dossier": "000.00.05.H02-230105-0001",
        "external_id": "case-7",
        "declared": {"type": "QĐ"},
        "office": "H02",
    }
    assert api.stores.archive.read_receipt(receipt["document_id"]).actor == "person:lan"


def test_a_paper_that_nobody_waits_for_gives_way_to_the_others(api: Api) -> None:
    ids = []
    for number, urgency in enumerate(("backfile", "waiting", None)):
        said = {"filename": f"{number}.png"} | ({} if urgency is None else {"urgency": urgency})
        answer = api.client.post(
            "/v1/documents", params=said, content=PNG + bytes([number]), headers=api.token("ingest")
        )
        assert answer.status_code == 202
        ids.append(answer.json()["document_id"])
    with api.stores.database.write_beside() as connection:
        claims = [jobs.claim(connection, owner="w", lease_s=30, now=api.clock.now()) for _ in ids]
    assert [claim.document_id for claim in claims if claim is not None] == [*ids[1:], ids[0]]


@pytest.mark.parametrize("fields_first", [True, False])
def test_a_form_may_hold_its_fields_before_or_after_the_file(api: Api, fields_first: bool) -> None:
    fields = [("dossier", (None, "H02-1")), ("external_id", (None, "ngày 5"))]
    file = [("file", ("tờ trình.png", PNG, "image/png"))]
    answer = api.client.post(
        "/v1/documents", files=fields + file if fields_first else file + fields, headers=api.token("ingest")
    )
    assert answer.status_code == 202
    document = api.client.get(answer.json()["links"]["self"], headers=api.token("read")).json()
    assert (document["source"], document["dossier"], document["external_id"]) == ("tờ trình.png", "H02-1", "ngày 5")
    original = api.client.get(answer.json()["links"]["original"], headers=api.token("read"))
    assert original.content == PNG


def test_a_filename_field_goes_before_the_name_of_the_file_part(api: Api) -> None:
    form = [("file", ("x.png", PNG)), ("filename", (None, "real.png"))]
    answer = api.client.post("/v1/documents", files=form, headers=api.token("ingest"))
    assert api.client.get(answer.json()["links"]["self"], headers=api.token("read")).json()["source"] == "real.png"


def test_the_same_bytes_again_are_the_document_that_is_there(api: Api) -> None:
    headers = api.token("ingest")
    first = api.client.post("/v1/documents", content=PNG, headers=headers).json()
    again = api.client.post("/v1/documents", content=PNG, headers=headers).json()
    assert again["document_id"] == again["duplicate_of"] == first["document_id"]


def test_a_token_of_one_office_brings_papers_to_it_and_to_no_other(api: Api) -> None:
    headers = api.token("ingest", office="H56")
    answer = api.client.post("/v1/documents", content=PNG, headers=headers)
    document_id = answer.json()["document_id"]
    assert api.stores.archive.read_receipt(document_id).office == "H56"
    assert api.client.post("/v1/documents?office=H56", content=PNG, headers=headers).status_code == 202
    _problem(api.client.post("/v1/documents?office=H02", content=PNG, headers=headers), 403, "other_office")


def test_bytes_that_another_office_has_are_not_called_a_duplicate(api: Api) -> None:
    api.receive(PNG, office="H02")
    answer = api.client.post("/v1/documents", content=PNG, headers=api.token("ingest", office="H56"))
    assert answer.json()["duplicate_of"] is None


def test_a_request_sent_again_with_its_key_gets_its_first_answer(api: Api) -> None:
    headers = {**api.token("ingest"), "Idempotency-Key": "k-1"}
    first = api.client.post("/v1/documents?dossier=A", content=PNG, headers=headers)
    again = api.client.post("/v1/documents?dossier=A", content=PNG, headers=headers)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Location"] == first.headers["Location"]


def test_the_same_file_in_a_form_is_the_same_request_under_its_key(api: Api) -> None:
    headers = {**api.token("ingest"), "Idempotency-Key": "k-1"}
    api.client.post("/v1/documents?dossier=A&filename=a.png", content=PNG, headers=headers)
    form = [("dossier", (None, "A")), ("file", ("a.png", PNG))]
    assert api.client.post("/v1/documents", files=form, headers=headers).headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("query", "body"), [("dossier=B", PNG), ("dossier=A", PNG + b"\0"), ("dossier=A&declared={}", b"")]
)
def test_a_key_used_for_another_request_is_a_conflict_and_takes_nothing_in(api: Api, query: str, body: bytes) -> None:
    headers = {**api.token("ingest"), "Idempotency-Key": "k-1"}
    first = api.client.post("/v1/documents?dossier=A", content=PNG, headers=headers)
    assert first.status_code == 202
    _problem(api.client.post(f"/v1/documents?{query}", content=body, headers=headers), 409, "idempotency_mismatch")
    assert len(api.client.get("/v1/documents", headers=api.token("read")).json()["items"]) == 1


def test_a_key_belongs_to_its_token_and_is_free_again_after_a_day(api: Api) -> None:
    one, other = ({**api.token("ingest"), "Idempotency-Key": "k"} for _ in range(2))
    first = api.client.post("/v1/documents", content=PNG, headers=one).json()
    assert api.client.post("/v1/documents?dossier=B", content=PNG, headers=other).status_code == 202
    api.clock.advance(seconds=25 * 3600)
    later = api.client.post("/v1/documents", content=PNG, headers=one)
    assert later.json()["duplicate_of"] == first["document_id"]
    assert "Idempotent-Replayed" not in later.headers


def test_a_refusal_is_not_remembered_under_the_key(tmp_path: Path) -> None:
    with opened_api(tmp_path, max_page_pixels=10) as small:
        headers = {**small.token("ingest"), "Idempotency-Key": "k"}
        _problem(small.client.post("/v1/documents", content=PNG, headers=headers), 422, "too_many_pixels")
        _problem(small.client.post("/v1/documents", content=b"%PNG", headers=headers), 415, "unsupported_kind")


@pytest.mark.parametrize("at", ["before it is in the catalogue", "before its answer is remembered"])
def test_a_request_broken_off_by_a_crash_is_no_duplicate_of_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    write_receipt = Archive.write_receipt

    def die(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError

    def write_and_die(archive: Archive, receipt: Receipt) -> NoReturn:
        write_receipt(archive, receipt)
        raise RuntimeError

    headers = {**api.token("ingest"), "Idempotency-Key": "k"}
    with monkeypatch.context() as patched:
        if at == "before it is in the catalogue":  # its receipt is durable
            patched.setattr(Archive, "write_receipt", write_and_die)
        else:
            patched.setattr(idempotency, "remember", die)
        _problem(api.client.post("/v1/documents", content=PNG, headers=headers), 500, "internal")
    register_pending(api.stores.archive, api.stores.database, api.clock)
    again = api.client.post("/v1/documents", content=PNG, headers=headers)
    assert (again.status_code, again.json()["duplicate_of"]) == (202, None)
    (listed,) = api.client.get("/v1/documents", headers=api.token("read")).json()["items"]
    assert listed["document_id"] == again.json()["document_id"]
    third = api.client.post("/v1/documents", content=PNG, headers=headers)
    assert (third.headers["Idempotent-Replayed"], third.json()) == ("true", again.json())
    unkeyed = api.client.post("/v1/documents", content=PNG, headers=api.token("ingest"))
    assert unkeyed.json()["duplicate_of"] == listed["document_id"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "empty"),
        (b"just text", 415, "unsupported_kind"),
        (files.png_header(30_000, 30_000), 422, "too_many_pixels"),
        (files.pdf_bytes(), 422, "no_pages"),
    ],
)
def test_bytes_that_are_refused_leave_nothing(api: Api, body: bytes, status: int, code: str) -> None:
    _problem(api.client.post("/v1/documents", content=body, headers=api.token("ingest")), status, code)
    assert _nothing_was_kept(api)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("dosier=A", 400, "unknown_field"),
        ("dossier=A&dossier=B", 400, "repeated_field"),
        ("dossier=", 422, "bad_dossier"),
        ("dossier=a/b", 422, "bad_dossier"),
        ("external_id=", 400, "bad_request"),
        ("external_id=" + "x" * 201, 400, "bad_request"),
        ("external_id=a%00b", 400, "bad_request"),
        ("office=%0a", 400, "bad_request"),
        ("declared=[]", 400, "bad_declared"),
        ("declared=nope", 400, "bad_declared"),
        ("urgency=soon", 400, "bad_request"),
        ("declared={%22a%22:NaN}", 400, "bad_declared"),
        ('declared={"x":1e999}', 400, "bad_request"),
        ('declared={"x":[{"\\udfff":1}]}', 400, "bad_request"),
        ("declared=" + '{"a":' * 9 + "1" + "}" * 9, 400, "bad_declared"),
        ("declared=" + "[" * 9000, 400, "bad_declared"),
        ('declared={"a":"\\ud800"}', 400, "bad_request"),
        ('declared={"a":' + "9" * 5000 + "}", 400, "bad_declared"),
        ("external_id=" + "x" * 20_000, 414, "query_too_long"),
    ],
)
def test_what_is_said_wrongly_is_refused_before_anything_is_kept(api: Api, query: str, status: int, code: str) -> None:
    headers = api.token("ingest")
    for more in ({}, {"Idempotency-Key": "k"}):
        answer = api.client.post(f"/v1/documents?{query}", content=PNG, headers={**headers, **more})
        _problem(answer, status, code)
        assert _nothing_was_kept(api)


def test_a_key_that_cannot_be_one_is_refused(api: Api) -> None:
    headers = {**api.token("ingest"), "Idempotency-Key": "k" * 129}
    _problem(api.client.post("/v1/documents", content=PNG, headers=headers), 400, "bad_idempotency_key")


FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (FORM, "bad_multipart"),  # ends early
        (FORM + b"\r\n" + FORM + b"\r\n--b--\r\n", "bad_multipart"),  # two files
        (b"--b--\r\n", "bad_multipart"),
        (b"rubbish", "bad_multipart"),
        (b"", "bad_multipart"),
        (b'--b\r\nContent-Disposition: form-data; name="dossier"\r\n\r\nA\r\n--b--\r\n', "bad_multipart"),
        (b'--b\r\nContent-Disposition: form-data; name="dosier"\r\n\r\nA\r\n--b--\r\n', "unknown_field"),
        (b'--b\r\nContent-Disposition: form-data; name="office"\r\n\r\n\xff\r\n--b--\r\n', "bad_request"),
        (b"--b\r\n\r\nA\r\n--b--\r\n", "unknown_field"),
    ],
)
def test_a_form_that_is_none_is_refused(api: Api, body: bytes, code: str) -> None:
    headers = {**api.token("ingest"), "Content-Type": "multipart/form-data; boundary=b"}
    _problem(api.client.post("/v1/documents", content=body, headers=headers), 400, code)
    assert _nothing_was_kept(api)


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "b" * 3000])
def test_a_form_without_a_usable_boundary_is_refused(api: Api, boundary: str) -> None:
    headers = {**api.token("ingest"), "Content-Type": "multipart/form-data" + boundary}
    _problem(api.client.post("/v1/documents", content=FORM, headers=headers), 400, "bad_multipart")


def test_a_field_or_a_form_around_the_file_cannot_grow_without_end(api: Api) -> None:
    headers = {**api.token("ingest"), "Content-Type": "multipart/form-data; boundary=b"}
    field = b'--b\r\nContent-Disposition: form-data; name="declared"\r\n\r\n' + b" " * 20_000 + b"\r\n--b--\r\n"
    _problem(api.client.post("/v1/documents", content=field, headers=headers), 413, "request_too_large")
    header = b'--b\r\nContent-Disposition: form-data; name="office"\r\nX: ' + b"x" * 100_000
    _problem(api.client.post("/v1/documents", content=header, headers=headers), 400, "bad_multipart")
    many = b"".join(b'--b\r\nContent-Disposition: form-data; name=""; filename=""\r\n\r\n' for _ in range(9000))
    _problem(api.client.post("/v1/documents", content=many, headers=headers), 400, "bad_multipart")


def test_a_file_over_the_limit_is_refused_when_it_says_so_and_when_it_does_not(tmp_path: Path) -> None:
    def unannounced() -> Iterator[bytes]:
        yield from (PNG, bytes(1_500_000), bytes(1_500_000), bytes(1_500_000))

    with opened_api(tmp_path, max_file_bytes=3_000_000) as small:
        headers = small.token("ingest")
        _problem(small.client.post("/v1/documents", content=PNG + bytes(4_000_000), headers=headers), 413, "too_large")
        form = {"file": ("a.png", PNG + bytes(3_100_000))}
        _problem(small.client.post("/v1/documents", files=form, headers=headers), 413, "too_large")
        _problem(small.client.post("/v1/documents", content=unannounced(), headers=headers), 413, "too_large")
        assert _nothing_was_kept(small)
        assert not [path for path in small.stores.settings.home.iterdir() if path.name.startswith("tmp")]


def test_a_spool_stops_at_the_limit_and_before_the_disk_is_full(tmp_path: Path) -> None:
    async def fill(api: Api, chunk: bytes, times: int) -> int:
        with incoming(api.stores, Uploads(api.stores), token_id="t", hashed=False) as body:
            for number in range(times):
                try:
                    await body.write(chunk)
                except Refused:
                    return number
        return times

    with opened_api(tmp_path / "a", max_file_bytes=1000) as small:
        assert asyncio.run(fill(small, bytes(100), 20)) == 10
    with opened_api(tmp_path / "b", min_free_bytes=2**60) as full:
        assert asyncio.run(fill(full, bytes(1_000_000), 20)) == 2  # what fits into memory, then the disk is asked


def test_nothing_is_taken_in_when_the_disk_is_nearly_full(tmp_path: Path) -> None:
    with opened_api(tmp_path, min_free_bytes=2**60) as full:
        _problem(full.client.post("/v1/documents", content=PNG, headers=full.token("ingest")), 507, "disk_low")
        assert full.client.get("/readyz").json()["archive"] == "degraded"


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    said=st.dictionaries(
        st.sampled_from(["filename", "dossier", "external_id", "office", "declared"]), st.text(max_size=40)
    ),
    body=st.binary(max_size=200),
    content_type=st.sampled_from(["", "image/png", "multipart/form-data; boundary=b", "text/plain; charset=x"]),
)
def test_whatever_is_sent_is_taken_in_or_answered_with_a_problem(
    shared: Api, said: dict[str, str], body: bytes, content_type: str
) -> None:
    said = {name: value.encode("utf-8", "replace").decode() for name, value in said.items()}
    headers = {**SHARED_HEADERS, "Content-Type": content_type}
    answer = shared.client.post("/v1/documents", params=said, content=body, headers=headers)
    assert answer.status_code == 202 or 400 <= answer.status_code < 500, answer.text
    if answer.status_code != 202:
        assert answer.headers["Content-Type"] == "application/problem+json"


SHARED_HEADERS: dict[str, str] = {}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with opened_api(tmp_path_factory.mktemp("home")) as opened:
        SHARED_HEADERS.update(opened.token("ingest"))
        yield opened
