"""Limits of offices and tokens: 429 with when to come again, right across processes, on both databases, and cheap."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.engine import Engine

from search_api.limits import Limits
from search_api.uploads import Uploads
from sohoa.clock import FixedClock
from sohoa.errors import Limited, Refused, StoreUnavailable
from storage.catalog import allowances, tables
from storage.catalog.allowances import Allowance
from storage.catalog.database import Database
from storage.stores import Stores
from tests.support import files
from tests.support.archived import Api, opened_api

PNG = files.image_bytes("PNG")
NOW = FixedClock().now()
LAVISH = dict.fromkeys(("token_requests", "office_requests", "token_uploads", "office_uploads"), 0)
LAVISH |= dict.fromkeys(("token_bytes_a_day", "office_bytes_a_day"), 0)


@pytest.fixture
def home(tmp_path: Path, catalogue_url: str, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return Home(tmp_path, catalogue_url)


class Home:
    """Where the API is opened with the limits of each test; what is not told is not limited."""

    def __init__(self, folder: Path, catalogue_url: str) -> None:
        self._folder, self._url = folder, catalogue_url

    def opened(self, **settings: Any) -> AbstractContextManager[Api]:
        return opened_api(self._folder, catalog_url=self._url, **{**LAVISH, **settings})


def send(api: Api, headers: dict[str, str], number: int = 0, **query: str) -> Any:
    return api.client.post("/v1/documents", content=PNG + number.to_bytes(2, "big"), headers=headers, params=query)


def refusal(answer: Any) -> tuple[str, int]:
    """The code, and after how many seconds to come again."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json()["code"], int(answer.headers["Retry-After"])


def rows(api: Api) -> dict[str, float]:
    with api.stores.database.read() as connection:
        return {row.subject: row.remaining for row in connection.execute(select(tables.allowances))}


def test_token_that_asks_too_much_is_told_when_to_come_again_and_no_other_is(home: Home) -> None:
    with home.opened(token_requests=6) as api:
        mine, other = api.token("read"), api.token("read")
        assert [api.client.get("/v1/documents", headers=mine).status_code for _ in range(6)] == [200] * 6
        assert api.client.get("/v1/documents", headers=mine).status_code == 200, "the last may overdraw"
        assert refusal(api.client.get("/v1/documents", headers=mine)) == ("rate_limited", 10)
        assert refusal(api.client.get("/openapi.json", headers=mine))[0] == "rate_limited"
        assert api.client.get("/v1/documents", headers=other).status_code == 200
        assert api.client.get("/healthz").status_code == 200
        api.clock.advance(seconds=10.1)
        assert api.client.get("/v1/documents", headers=mine).status_code == 200
        assert refusal(api.client.get("/v1/documents", headers=mine))[0] == "rate_limited"


def test_tokens_of_one_office_share_its_requests(home: Home) -> None:
    with home.opened(office_requests=5) as api:
        tokens = [api.token("read", office="H02") for _ in range(3)]
        answers = [api.client.get("/v1/documents", headers=tokens[number % 3]).status_code for number in range(8)]
        assert answers == [200] * 6 + [429] * 2
        assert api.client.get("/v1/documents", headers=api.token("read", office="H10")).status_code == 200
        assert api.client.get("/v1/documents", headers=api.token("read")).status_code == 200


def test_uploads_are_counted_apart_and_a_refused_one_leaves_nothing(home: Home) -> None:
    with home.opened(token_uploads=2) as api:
        headers = api.token("ingest", "read")
        assert [send(api, headers, number).status_code for number in range(3)] == [202] * 3
        assert refusal(send(api, headers, 9)) == ("rate_limited", 30)
        listed = api.client.get("/v1/documents", headers=headers).json()["items"]
        assert len(listed) == 3
        document_id = listed[0]["document_id"]
        again = api.client.post(f"/v1/documents/{document_id}/replace", content=PNG, headers=headers)
        assert refusal(again)[0] == "rate_limited"


@pytest.mark.parametrize("bound", [True, False])
def test_office_that_has_brought_its_bytes_of_the_day_goes_on_as_they_fill_again(home: Home, bound: bool) -> None:
    with home.opened(office_bytes_a_day=3 * len(PNG)) as api:
        headers = api.token("ingest", office="H02" if bound else None)
        assert [send(api, headers, number, office="H02").status_code for number in range(3)] == [202] * 3
        code, wait_s = refusal(send(api, headers, 9, office="H02"))
        assert code == "quota_exceeded"
        assert send(api, api.token("ingest"), 8, office="H10").status_code == 202
        api.clock.advance(seconds=wait_s + 1)
        assert send(api, headers, 9, office="H02").status_code == 202


@pytest.mark.parametrize("bound", [True, False])
def test_token_that_has_brought_its_bytes_of_the_day_goes_on_as_they_fill_again(home: Home, bound: bool) -> None:
    with home.opened(token_bytes_a_day=3 * len(PNG)) as api:
        headers, other = (api.token("ingest", office="H02" if bound else None) for _ in range(2))
        assert [send(api, headers, number, office="H02").status_code for number in range(3)] == [202] * 3
        code, wait_s = refusal(send(api, headers, 9, office="H02"))
        assert code == "quota_exceeded"
        document = api.archive(api.receive(office="H02"))
        append = f"/v1/documents/{document.document_id}/append?reason=x"
        assert refusal(api.client.post(append, content=PNG + b"1", headers=headers))[0] == "quota_exceeded"
        assert send(api, other, 8, office="H02").status_code == 202
        api.clock.advance(seconds=wait_s + 1)
        assert send(api, headers, 9, office="H02").status_code == 202


def test_pages_brought_to_a_document_count_for_its_office(home: Home) -> None:
    with home.opened(office_bytes_a_day=len(PNG)) as api:
        document = api.archive(api.receive(office="H02"))
        headers = api.token("ingest")
        way = f"/v1/documents/{document.document_id}/append?reason=x"
        assert api.client.post(way, content=PNG + b"1", headers=headers).status_code == 202
        assert refusal(api.client.post(way, content=PNG + b"2", headers=headers))[0] == "quota_exceeded"
        assert refusal(send(api, headers, office="H02"))[0] == "quota_exceeded"


def test_office_with_too_many_papers_that_wait_brings_more_once_some_are_archived(home: Home) -> None:
    with home.opened(office_waiting=2) as api:
        headers = api.token("ingest", office="H02")
        waiting = [api.receive(office="H02")]
        assert send(api, headers, 1).status_code == 202
        assert refusal(send(api, headers, 2))[0] == "quota_exceeded", (
            "the count of a moment ago knows of no upload since"
        )
        assert send(api, api.token("ingest", office="H10"), 3).status_code == 202
        api.archive(waiting[0])
        api.clock.advance(seconds=11)
        assert send(api, headers, 2).status_code == 202


def test_requests_within_the_limits_write_nothing_but_now_and_then(home: Home) -> None:
    written: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, _values: Any, _context: Any, _many: Any) -> None:
        if not statement.startswith(("SELECT", "BEGIN", "PRAGMA")):
            written.append(statement)

    with home.opened(token_requests=80) as api:
        headers = api.token("read")
        api.client.get("/v1/documents", headers=headers)
        event.listen(Engine, "before_cursor_execute", note)
        try:
            assert [api.client.get("/v1/documents", headers=headers).status_code for _ in range(8)] == [200] * 8
            assert written == []
            api.client.get("/v1/documents", headers=headers)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert any(statement.startswith("UPDATE allowances") for statement in written)
        assert list(rows(api).values()) == [70]


def test_processes_let_through_no_more_than_one_would_but_for_what_they_have_not_told(home: Home) -> None:
    most, each_s, steps = 80, 0.5, 400
    with home.opened(token_requests=most, office_requests=most) as api:
        others = [Database(api.stores.settings.catalog()) for _ in range(3)]
        processes = [Limits(_with(api.stores, database)) for database in others]
        passed = 0
        for step in range(steps):
            api.clock.advance(seconds=each_s)
            for process in processes:  # 120 a minute by each: 360 a minute are tried
                passed += _passes(process, step)
        for database in others:
            database.close()
    allowed = most + most * each_s * steps / 60
    assert allowed * 0.9 < passed <= allowed + len(processes) * (most / 8 + 1)


def _with(stores: Stores, database: Database) -> Stores:
    return Stores(stores.settings, stores.clock, stores.archive, database)


def _passes(limits: Limits, _step: int) -> bool:
    try:
        limits.count_request("t", "H02")
    except Limited:
        return False
    return True


def test_quota_that_was_used_up_through_one_process_is_known_to_another_after_its_next_paper(home: Home) -> None:
    with home.opened(office_bytes_a_day=1000) as api:
        one, other = Limits(api.stores), Limits(api.stores)
        one.count_paper("t", "H02", 1000)
        other.check_quota("u", "H02")
        other.count_paper("u", "H02", 1)
        with pytest.raises(Limited) as caught:
            other.check_quota("u", "H02")
        assert caught.value.code == "quota_exceeded"


def test_catalogue_that_cannot_be_written_turns_nobody_away_and_is_told_later(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_self: Database) -> AbstractContextManager[Connection]:
        raise StoreUnavailable("the catalogue is away")

    with home.opened(token_requests=80) as api:
        limits = Limits(api.stores)
        with monkeypatch.context() as broken:
            broken.setattr(Database, "write_beside", away)
            for _ in range(40):
                limits.count_request("t", None)
        assert rows(api) == {}
        limits.count_request("t", None)
        assert rows(api) == {"requests:token:t": 80 - 41}


def test_nothing_that_many_tell_at_once_is_lost(catalogue_url: str) -> None:
    allowance = Allowance(most=1000, period_s=60)
    database = Database(catalogue_url)
    together = threading.Barrier(8)

    def tell(_: int) -> None:
        together.wait()
        for _ in range(10):
            with database.write_beside() as connection:
                allowances.tell(connection, "s", 1, allowance=allowance, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    with database.write_beside() as connection:
        assert allowances.tell(connection, "s", 0, allowance=allowance, now=NOW) == 920
        assert allowances.tell(connection, "s", 0, allowance=allowance, now=NOW - timedelta(hours=1)) == 920
        assert allowances.tell(connection, "s", 0, allowance=allowance, now=NOW + timedelta(seconds=3)) == 970
        assert allowances.tell(connection, "s", 5, allowance=allowance, now=NOW + timedelta(hours=1)) == 995
    database.close()


def _tried(uploads: Uploads, token_id: str = "t", size_bytes: int = 0) -> str:
    try:
        with uploads.one(token_id, announced_bytes=size_bytes):
            return "taken"
    except (Limited, Refused) as error:
        return error.code


def test_uploads_at_once_are_bounded_by_number_token_and_size(tmp_path: Path) -> None:
    bounds = {"max_uploads": 3, "max_uploads_of_token": 2, "max_uploading_bytes": 1000}
    with opened_api(tmp_path, **bounds) as api:
        uploads = Uploads(api.stores)
        assert _tried(uploads, size_bytes=5000) == "taken", "one alone is never too large for the others"
        with uploads.one("a", announced_bytes=600) as large, uploads.one("a", announced_bytes=0) as grows:
            assert _tried(uploads, "a") == "too_many_uploads"
            assert _tried(uploads, "b", 401) == "too_many_uploads"
            assert _tried(uploads, "b", 400) == "taken"
            uploads.come(large, 600)
            assert _tried(uploads, "b", 400) == "taken", "what has come of what was announced is not counted twice"
            uploads.come(grows, 400)
            with pytest.raises(Limited):
                uploads.come(grows, 1)
            with uploads.one("b", announced_bytes=0):
                assert _tried(uploads, "c") == "too_many_uploads"
        assert _tried(uploads, "a", 1000) == "taken"


def test_upload_waits_while_those_under_way_need_the_room_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_api(tmp_path, min_free_bytes=1000) as api:
        monkeypatch.setattr(type(api.stores.archive.objects), "free_bytes", lambda _self: 10_000)
        uploads = Uploads(api.stores)
        with uploads.one("a", announced_bytes=6000) as first:
            assert _tried(uploads, size_bytes=3000) == "taken"
            assert _tried(uploads, size_bytes=3001) == "too_many_uploads"
            assert _tried(uploads, size_bytes=9001) == "disk_low"
            uploads.come(first, 6000)  # on the disk by now, so that what is free says it
            assert _tried(uploads, size_bytes=9000) == "taken"
