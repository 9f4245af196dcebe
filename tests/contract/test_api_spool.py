"""The API and the command line while the archive's S3 server is away: papers are accepted, and everybody says where they are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest.receive import Intake, receive
from ocr_workers.spool_duty import carry_spooled
from search_api.app import create_app
from sohoa.cli import app as command
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage import breaker
from storage.index import open_index
from storage.objects import s3_client
from storage.objects.s3_client import S3Client
from storage.spool import Usage
from storage.stores import Stores, open_stores
from tests.support import files, servers
from tests.support.archived import Api, TestClient, opened_api
from tests.support.away import Away, going_away, spool_of, with_spool
from tests.support.verified import verified

PNG = files.image_bytes("PNG")


@dataclass(frozen=True, slots=True)
class Desk:
    """The API over stores of which the archive's is away, until `away.at` says otherwise."""

    api: Api
    stores: Stores
    away: Away


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened_api(tmp_path / "home") as opened:
        with open_index(opened.stores.settings, mode="write"):
            pass
        stores, away = going_away(with_spool(opened.stores))
        app = create_app(stores)
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Desk(replace(opened, stores=stores, app=app, client=client), stores, away)


def test_a_paper_is_accepted_and_its_receipt_says_that_it_is_spooled(desk: Desk) -> None:
    client, headers = desk.api.client, desk.api.token("ingest", "read")
    answer = client.post("/v1/documents", content=PNG, headers={**headers, "Idempotency-Key": "k"})
    assert answer.status_code == 202
    receipt = answer.json()
    assert receipt["spooled"] is True
    assert client.get(receipt["links"]["self"], headers=headers).json()["status"] == "received"
    original = client.get(receipt["links"]["original"], headers={**headers, "Range": "bytes=0-3"})
    assert (original.status_code, original.content) == (206, PNG[:4])
    again = client.post("/v1/documents", content=PNG, headers={**headers, "Idempotency-Key": "k"})
    assert again.json() == receipt
    assert spool_of(desk.stores).usage().papers == 1

    desk.away.at = 10**9
    assert carry_spooled(desk.stores, spool_of(desk.stores), may_go_on=lambda: True) == 1
    assert client.get(receipt["links"]["original"], headers=headers).content == PNG
    there = client.post("/v1/documents", content=PNG, headers=headers).json()
    assert (there["duplicate_of"], there["spooled"]) == (receipt["document_id"], False)


def test_a_replacement_says_that_it_is_spooled(desk: Desk) -> None:
    desk.away.at = 10**9
    document = desk.api.stop(desk.api.receive(), DocumentStatus.FAILED, code="no_page_read")
    desk.away.at = 1
    answer = desk.api.client.post(
        f"/v1/documents/{document.document_id}/replace?reason=x", content=PNG, headers=desk.api.token("ingest")
    )
    assert (answer.status_code, answer.json()["spooled"]) == (202, True), answer.text


def test_readiness_is_degraded_while_the_store_is_away_or_papers_wait_and_then_well(desk: Desk) -> None:
    client = desk.api.client
    assert client.get("/readyz").json()["archive"] == "degraded"
    client.post("/v1/documents", content=PNG, headers=desk.api.token("ingest"))
    desk.away.at = 10**9
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["archive"]) == (200, "degraded")
    carry_spooled(desk.stores, spool_of(desk.stores), may_go_on=lambda: True)
    assert client.get("/readyz").json()["status"] == "ok"


def test_a_full_spool_is_a_507_that_says_what_to_do(desk: Desk) -> None:
    spool_of(desk.stores)._most_bytes = 10
    answer = desk.api.client.post("/v1/documents", content=PNG, headers=desk.api.token("ingest"))
    assert (answer.status_code, answer.json()["code"]) == (507, "spool_full")
    assert spool_of(desk.stores).usage() == Usage(0, 0)


def test_the_receipt_in_the_description_tells_of_the_spool(desk: Desk) -> None:
    described = desk.api.client.get("/openapi.json", headers=desk.api.token("read")).json()
    spooled = described["components"]["schemas"]["ReceiptOut"]["properties"]["spooled"]
    assert spooled["type"] == "boolean"
    assert spooled["examples"] == [False]


def test_verify_calls_a_spooled_paper_pending(desk: Desk) -> None:
    desk.api.client.post("/v1/documents", content=PNG, headers=desk.api.token("ingest"))
    desk.away.at = 10**9
    found = verified(desk.stores).findings
    assert ("spooled", "pending") in [(one.code, one.severity) for one in found]
    assert {one.severity for one in found} == {"pending"}


def test_commands_begin_without_the_server_and_tell_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real S3 client, and nobody at its address."""
    url = f"s3://sohoa?endpoint=http://127.0.0.1:{servers.free_ports(1)[0]}"
    told = {"home": tmp_path, "archive_url": url, "s3_access_key": "a", "s3_secret_key": "b", "min_free_bytes": 0}
    for name, value in told.items():
        monkeypatch.setenv(f"SOHOA_{name.upper()}", str(value))
    monkeypatch.setattr(breaker, "REST_S", 3600.0)
    execute, asked = S3Client._execute, list[str]()

    def counted(client: S3Client, method: str, *more: Any, **how: Any) -> Any:
        asked.append(method)
        return execute(client, method, *more, **how)

    monkeypatch.setattr(S3Client, "_execute", counted)
    with open_stores(Settings()) as stores:
        asked.clear()  # who opens the store asks as well
        for number in range(4):
            accepted = receive(
                io.BytesIO(files.image_bytes("PNG", files.drawing((60, 60 + number)))),
                Intake(filename="a.png", office="H02", dossier=None, actor="person:lan"),
                archive=stores.archive,
                database=stores.database,
                settings=stores.settings,
                clock=stores.clock,
                spool=stores.spool,
            )
            assert accepted.spooled
    assert len(asked) == s3_client.TRIES, "the breaker spares all but the first the wait"
    shown = json.loads(CliRunner().invoke(command, ["status", "--json"]).stdout)
    assert shown["spool"]["papers"] == 4
    assert "waiting in the spool" in CliRunner().invoke(command, ["status"]).stdout
    findings = json.loads(CliRunner().invoke(command, ["doctor", "--json"]).stdout)
    [spool] = [finding for finding in findings if finding["check"] == "spool"]
    assert not spool["ok"]
    assert spool["found"].startswith("4 papers")
