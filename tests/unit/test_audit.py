"""Every look at a paper is kept before it is given, and is entered once in a chain that shows where it was touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from sohoa.cli import app
from sohoa.errors import DigestMismatch, SohoaError, StoreUnavailable
from storage.archive.archive import Archive
from storage.archive.audit import MOST_IN_ENTRY, NAME, audit_chain, audit_findings, enter_waiting, read_audit
from storage.archive.chain import Chain
from storage.archive.layout import to_json
from storage.catalog import viewings
from storage.catalog.backup import back_up, restore
from storage.catalog.documents import Document
from storage.catalog.viewings import Viewing
from storage.objects import open_objects
from storage.objects.protocol import Objects
from storage.rebuild.rebuild import rebuild
from storage.replicate.replicate import replicate
from storage.stores import Stores, open_stores
from storage.viewing import record_viewing
from tests.support.archived import Api, opened_api
from tests.support.crash import Crash, Interposed, count_points
from tests.support.verified import codes, overwrite, verified

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path / "home") as api:
        yield api


def _look(stores: Stores, *, count: int = 1, actor: str = "person:lan") -> list[str]:
    """So many viewings; their ids."""
    with stores.database.read() as connection:
        before = {each.viewing_id for each in viewings.take(connection, limit=10_000)}
    for number in range(count):
        record_viewing(stores, cast(Any, actor), f"{number:026d}", through="api", what="pdf")
    return sorted({each.viewing_id for each in _waiting(stores)} - before)


def _waiting(stores: Stores) -> list[Viewing]:
    with stores.database.read() as connection:
        return viewings.take(connection, limit=10_000)


def _enter(stores: Stores) -> int:
    return enter_waiting(stores, audit_chain(stores), has_lease=lambda: True)


def _entered(stores: Stores) -> list[str]:
    """Ids in the chain, in any order, with those that are there twice."""
    return sorted(viewing.viewing_id for viewing, entered in read_audit(stores) if entered)


def _root(stores: Stores) -> Path:
    return stores.settings.folder_of("")


# what is kept


def _archived(api: Api) -> Document:
    document = api.archive(api.receive())
    api.index()
    return document


def test_each_way_to_look_at_a_paper_is_kept_with_who_what_and_through_what(api: Api) -> None:
    document = _archived(api)
    reader = api.token("read", actor="person:minh")
    address = f"/v1/documents/{document.document_id}"
    for part in ("pdf", "original", "text", "alto", "pages/1", "pages/1/image"):
        assert api.client.get(f"{address}/{part}", headers=reader).status_code == 200
    assert api.client.get("/v1/search", params={"q": "hòa giải"}, headers=reader).json()["total"] == 1
    kept = [
        (each.what, each.page, each.documents, each.actor, each.through, each.outcome) for each in _waiting(api.stores)
    ]
    common = ((document.document_id,), "person:minh", "api", "given")
    assert kept == [
        ("pdf", None, *common),
        ("original", None, *common),
        ("text", None, *common),
        ("alto", None, *common),
        ("page", 1, *common),
        ("image", 1, *common),
        ("search", None, *common),
    ]
    assert {each.viewed_at for each in _waiting(api.stores)} == {api.clock.now()}


def test_no_text_and_no_query_is_kept(api: Api) -> None:
    document = _archived(api)
    reader = api.token("read")
    api.client.get("/v1/search", params={"q": "hòa giải"}, headers=reader)
    api.client.get(f"/v1/documents/{document.document_id}/text", headers=reader)
    _enter(api.stores)
    told = "".join(path.read_text() for path in (_root(api.stores) / NAME).rglob("*.json")).lower()
    assert "hòa" not in told
    assert "giải" not in told


def test_bytes_that_the_client_has_and_papers_of_another_office_are_kept_as_such(api: Api) -> None:
    document = _archived(api)
    address = f"/v1/documents/{document.document_id}"
    reader, other = api.token("read"), api.token("read", office="H99", actor="person:other")
    etag = api.client.get(f"{address}/pdf", headers=reader).headers["ETag"]
    assert api.client.get(f"{address}/pdf", headers=reader | {"If-None-Match": etag}).status_code == 304
    for part in ("text", "pages/1/image"):
        assert api.client.get(f"{address}/{part}", headers=other).status_code == 404
    assert api.client.get(address, headers=other).status_code == 404  # no paper: what is known of it
    assert api.client.get(f"/v1/documents/{'0' * 26}/pdf", headers=other).status_code == 404
    assert [(each.what, each.actor, each.outcome) for each in _waiting(api.stores)] == [
        ("pdf", "person:lan", "given"),
        ("pdf", "person:lan", "unchanged"),
        ("text", "person:other", "refused"),
        ("image", "person:other", "refused"),
    ]


def test_what_cannot_be_kept_is_not_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document = _archived(api)
    reader = api.token("read")

    def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full", code="disk_full")

    monkeypatch.setattr("storage.catalog.viewings.put", full)
    address = f"/v1/documents/{document.document_id}"
    for path in (*(f"{address}/{part}" for part in ("pdf", "original", "text", "alto", "pages/1", "pages/1/image")),
                 "/v1/search?q=hòa"):  # fmt: skip
        answer = api.client.get(path, headers=reader)
        assert answer.status_code == 507, path
        assert "giải" not in answer.text


@pytest.fixture
def command(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("SOHOA_HOME", str(api.stores.settings.home))
    monkeypatch.setattr("sohoa.cli.context.system_user", lambda: "person:hoa")
    return lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments])


def test_the_command_line_is_kept_as_well_and_shows_who_looked(
    api: Api, command: Callable[..., Any], tmp_path: Path
) -> None:
    document, other = _archived(api), api.archive(api.receive())
    assert command("text", document.document_id, "--page", 1).exit_code == 0
    assert command("export", document.document_id, "--to", tmp_path / "x.pdf").exit_code == 0
    assert command("export", document.document_id, "--to", tmp_path / "x.pdf").exit_code != 0  # it is there
    assert command("search", "hòa giải").exit_code == 0
    _enter(api.stores)
    assert command("text", other.document_id).exit_code == 0
    kept = [(viewing.what, viewing.page, viewing.through, viewing.actor) for viewing, _ in read_audit(api.stores)]
    assert sorted(kept, key=str) == sorted(
        [
            ("text", 1, "cli", "person:hoa"),
            ("pdf", None, "cli", "person:hoa"),
            ("search", None, "cli", "person:hoa"),
            ("text", None, "cli", "person:hoa"),
        ],
        key=str,
    )
    shown = json.loads(command("audit", document.document_id, "--json").stdout)
    assert [(each["what"], each["entered"]) for each in shown] == [("text", True), ("pdf", True), ("search", True)]
    assert command("audit", "--actor", "person:lan", "--json").stdout == "[]\n"
    assert len(json.loads(command("audit", "--since", "2026-01-01", "--json").stdout)) == 4
    assert json.loads(command("audit", "--since", "2099-01-01", "--json").stdout) == []
    plain = command("audit").stdout
    assert "person:hoa" in plain
    assert "1 of them wait to be entered" in plain


def test_the_audit_is_for_admins_of_all_offices(
    api: Api, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for scopes, office, word in ((("read",), None, "lacks the scope admin"), (("admin",), "H02", "bound to one")):
        secret = api.token(*scopes, office=office)["Authorization"].removeprefix("Bearer ")
        monkeypatch.setenv("SOHOA_TOKEN", secret)
        refused = command("audit")
        assert isinstance(refused.exception, SohoaError)
        assert word in refused.exception.detail
    assert isinstance(command("audit", "--since", "soon").exception, SohoaError)


# entering


def test_viewings_are_entered_in_their_order_and_wait_no_longer(api: Api) -> None:
    ids = _look(api.stores, count=MOST_IN_ENTRY + 3)
    assert _enter(api.stores) == MOST_IN_ENTRY + 3
    assert _waiting(api.stores) == []
    assert _entered(api.stores) == ids
    assert len(list(audit_chain(api.stores).newest_first())) == 2
    assert _enter(api.stores) == 0
    assert list(audit_findings(api.stores)) == []


def test_nothing_is_entered_without_the_lease(api: Api) -> None:
    _look(api.stores)
    assert enter_waiting(api.stores, audit_chain(api.stores), has_lease=lambda: False) == 0
    assert len(_waiting(api.stores)) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_each_is_entered_once_wherever_the_one_who_enters_dies(tmp_path: Path, *, after: bool) -> None:
    number = 0
    while True:
        number += 1
        with opened_api(tmp_path / f"{number:03d}") as api:
            ids = _look(api.stores, count=2)
            _enter(api.stores)
            api.clock.advance(seconds=86_400)  # so that the day has to be closed as well
            ids += _look(api.stores, count=2)

            def die() -> None:
                raise Crash

            store = Interposed(api.stores.archive.objects, at=number, action=die, after=after, only=frozenset())
            dying = replace(api.stores, archive=Archive(cast(Objects, store), api.clock))
            with suppress(Crash):
                _enter(dying)
            ids += _look(api.stores)
            _enter(api.stores)
            assert _entered(api.stores) == sorted(ids)
            assert _waiting(api.stores) == []
            assert list(audit_findings(api.stores)) == []
        if store.calls < number:
            assert number > 3
            return


def test_each_is_entered_once_where_the_catalogue_was_not_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = _look(api.stores, count=3)

    def die(*_: object, **__: object) -> None:
        count_points()
        raise Crash

    with monkeypatch.context() as patch, suppress(Crash):
        patch.setattr("storage.catalog.viewings.entered", die)
        _enter(api.stores)
    assert len(_waiting(api.stores)) == 3
    ids += _look(api.stores, count=2)
    assert _enter(api.stores) == 2
    assert _entered(api.stores) == sorted(ids)


def test_two_who_both_think_that_they_have_the_lease_enter_each_once(api: Api) -> None:
    _look(api.stores, count=200)
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(_enter, api.stores) for _ in range(4)]
        _look(api.stores, count=50)
        assert sum(each.result() for each in done) + _enter(api.stores) == 250
    assert len(_entered(api.stores)) == len(set(_entered(api.stores))) == 250
    assert list(audit_findings(api.stores)) == []


def test_one_who_looked_before_another_entered_gives_way(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have taken the same viewings; the slower one must not enter them behind the other's entry."""
    ids = _look(api.stores, count=3)
    append, rival = Chain.append_after, Chain(api.stores.archive.objects, api.clock, NAME)

    def beaten(chain: Chain, head: Any, body: Any) -> Any:
        monkeypatch.setattr(Chain, "append_after", append)
        assert enter_waiting(api.stores, rival, has_lease=lambda: True) == 3
        return append(chain, head, body)

    monkeypatch.setattr(Chain, "append_after", beaten)
    assert _enter(api.stores) == 0
    assert _entered(api.stores) == ids


# tampering


def _change(root: Path, key: str, **values: object) -> None:
    overwrite(root / key, to_json(json.loads((root / key).read_bytes()) | values))


def _insert(root: Path) -> None:
    for number in (3, 2):
        shutil.move(root / NAME / f"2026/01/02/00000{number}.json", root / NAME / f"2026/01/02/00000{number + 1}.json")
    shutil.copy(root / NAME / "2026/01/02/000001.json", root / NAME / "2026/01/02/000002.json")


def _swap(root: Path) -> None:
    one, other = (root / NAME / f"2026/01/02/00000{number}.json" for number in (1, 2))
    first, second = one.read_bytes(), other.read_bytes()
    overwrite(one, second)
    overwrite(other, first)


TAMPERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "change": (lambda root: _change(root, f"{NAME}/2026/01/02/000002.json", viewings=[]), "audit_broken"),
    "change the newest": (lambda root: _change(root, f"{NAME}/2026/01/03/000001.json", viewings=[]), "audit_broken"),
    "drop": (lambda root: (root / NAME / "2026/01/02/000002.json").unlink(), "audit_broken"),
    "drop a day": (lambda root: shutil.rmtree(root / NAME / "2026/01/02"), "audit_broken"),
    "insert": (_insert, "audit_broken"),
    "reorder": (_swap, "audit_broken"),
    "truncate": (lambda root: shutil.rmtree(root / NAME / "2026/01/03"), "audit_cut"),
    "truncate all": (lambda root: shutil.rmtree(root / NAME), "audit_cut"),
    "no viewings": (lambda root: _change(root, f"{NAME}/2026/01/03/000001.json", viewings=7), "audit_broken"),
}


def _three_entries(api: Api) -> None:
    for days in (0, 0, 1):
        api.clock.advance(seconds=86_400 * days)
        _look(api.stores)
        _enter(api.stores)


@pytest.mark.parametrize("how", TAMPERS)
def test_every_way_of_tampering_shows_in_verify(api: Api, how: str) -> None:
    _three_entries(api)
    api.index()
    assert codes(verified(api.stores)) == []
    tamper, code = TAMPERS[how]
    tamper(_root(api.stores))
    assert code in codes(verified(api.stores))


@pytest.mark.parametrize("how", ["truncate", "truncate all"])
def test_an_end_that_was_cut_off_stays_told_when_the_audit_goes_on(api: Api, how: str) -> None:
    _three_entries(api)
    TAMPERS[how][0](_root(api.stores))
    for _ in range(2):
        _look(api.stores)
        assert _enter(api.stores) == 1
    assert [found.code for found in audit_findings(api.stores)] == ["audit_cut"]


def test_nothing_is_written_after_an_altered_entry_and_no_viewing_is_lost(api: Api) -> None:
    _three_entries(api)
    newest = _root(api.stores) / NAME / "2026/01/03/000001.json"
    right = newest.read_bytes()
    _change(_root(api.stores), f"{NAME}/2026/01/03/000001.json", recorded_at="2026-01-03T03:04:06.000Z")
    ids = _look(api.stores)
    with pytest.raises(DigestMismatch, match="restore it from a copy"):
        _enter(api.stores)
    api.clock.advance(seconds=3601)
    assert [found.code for found in audit_findings(api.stores)] == ["audit_broken", "audit_late"]
    overwrite(newest, right)
    assert _enter(api.stores) == 1
    assert ids[0] in _entered(api.stores)
    assert list(audit_findings(api.stores)) == []


def test_a_viewing_that_is_in_two_entries_is_told(api: Api) -> None:
    _three_entries(api)
    first = json.loads((_root(api.stores) / NAME / "2026/01/02/000001.json").read_bytes())
    audit_chain(api.stores).append({"viewings": first["viewings"]})
    assert "audit_twice" in [found.code for found in audit_findings(api.stores)]


# copies, backups, rebuilding


def test_a_rebuild_keeps_what_waits_and_what_was_written_last(api: Api) -> None:
    api.archive(api.receive())
    _three_entries(api)
    ids = _look(api.stores, count=2)
    settings, clock = api.stores.settings, api.clock
    api.stores.database.close()
    rebuild(settings, Archive(api.stores.archive.objects, clock), clock)
    with open_stores(settings, clock=clock) as stores:
        assert [each.viewing_id for each in _waiting(stores)] == ids
        shutil.rmtree(_root(stores) / NAME / "2026/01/03")
        assert [found.code for found in audit_findings(stores)] == ["audit_cut"]


def test_a_backup_holds_what_waits_and_restoring_it_enters_nothing_twice_and_loses_nothing(
    api: Api, tmp_path: Path
) -> None:
    ids = _look(api.stores, count=2)
    backup = back_up(api.stores.settings.catalog(), tmp_path, now=NOW)
    _enter(api.stores)
    for _ in range(3):  # far enough for the viewings of the backup to be in no new entry
        api.clock.advance(seconds=3600)
        ids += _look(api.stores)
        _enter(api.stores)
    ids += _look(api.stores)  # waits in the catalogue in place alone
    settings, clock = api.stores.settings, api.clock
    api.stores.database.close()
    restore(settings.catalog(), backup.path, now=NOW, force=True)
    with open_stores(settings, clock=clock) as stores:
        assert len(_waiting(stores)) == 3
        assert _enter(stores) == 1
        assert _entered(stores) == sorted(ids)
        assert list(audit_findings(stores)) == []


def test_a_copy_has_the_audit_and_gives_it_back(api: Api, tmp_path: Path) -> None:
    api.archive(api.receive())
    _three_entries(api)
    copy = open_objects(tmp_path / "copy")
    objects = api.stores.archive.objects
    assert replicate(objects, copy, api.clock, copiers=1).findings == ()
    kept = {key: objects.read(key) for key in objects.list(f"{NAME}/")}
    assert {key: copy.read(key) for key in copy.list(f"{NAME}/")} == kept
    TAMPERS["truncate"][0](_root(api.stores))
    assert replicate(copy, objects, api.clock, copiers=1, back=True, thorough=True).findings == ()
    assert {key: objects.read(key) for key in objects.list(f"{NAME}/")} == kept
    assert list(audit_findings(api.stores)) == []
