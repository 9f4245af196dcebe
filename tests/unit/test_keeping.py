"""Retention and legal hold are versions of the object, outlive the catalogue, and the store itself enforces them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest import keeping
from ingest.keeping import Target
from sohoa.errors import BadRequest, Conflict, DigestMismatch, NotAllowed, NotFound
from sohoa.model import Actor, OfficeId
from sohoa.settings import Settings
from storage.archive import Archive, object_id_of
from storage.archive.keeping import FOREVER, Keeping, Kept, guard_kept
from storage.archive.layout import object_root
from storage.catalog.documents import Document
from storage.objects import open_objects
from tests.support.archived import Api, opened_api
from tests.support.catalogue_rows import rows_of
from tests.support.crash import assert_whole, commit_staged, stage_paper
from tests.support.replicated import copy_to
from tests.support.worked import WHOLE, WorkedOffice, worked_office
from tests.unit.test_rebuild import rebuild_after_loss

LAN, MAI = Actor("person:lan"), Actor("person:mai")
DOSSIER = "000.00.05.H02-230105-0001"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with opened_api(tmp_path / "home") as api:
        yield api


def give(api: Api, named: str, retention_class: str = "5y", *, starting: date | None = None) -> Kept:
    target = keeping.find_target(api.stores, named, office=None)
    return keeping.set_retention(
        api.stores, target, retention_class, starting=starting, actor=LAN, reason="theo TT 10/2022"
    ).kept


def hold(api: Api, named: str, *, lift: bool = False) -> Kept:
    target = keeping.find_target(api.stores, named, office=None)
    return (keeping.lift_hold if lift else keeping.set_hold)(api.stores, target, actor=MAI, reason="vụ án 12").kept


def seen(api: Api, named: str) -> Keeping:
    return keeping.show(api.stores, keeping.find_target(api.stores, named, office=None))


def archived(api: Api, dossier: str | None = None) -> Document:
    return api.archive(api.receive(dossier=dossier))


def dispose(api: Api, object_id: str) -> None:
    api.stores.archive.objects.dispose(object_root(object_id), first=())


def test_retention_is_a_version_with_who_when_why_and_until(api: Api) -> None:
    document = archived(api)
    kept = give(api, document.document_id, "10y", starting=date(2024, 2, 29))
    assert kept == Kept("10y", datetime(2034, 3, 1, tzinfo=UTC))
    inventory = api.stores.archive.inventory(object_id_of(document.document_id, None))
    assert (inventory.head, inventory.versions[-1].actor) == (2, LAN)
    [event] = [_event(api, inventory.object_id, path) for path in inventory.state if "/keeping/" in path]
    assert event["eventType"] == "policy assignment"
    assert event["eventDetailInformation"]["eventDetailExtension"] == {
        "decision": "retention",
        "class": "10y",
        "starting": "2024-02-29T00:00:00.000Z",
        "until": "2034-03-01T00:00:00.000Z",
        "reason": "theo TT 10/2022",
    }
    assert event["linkingAgentIdentifier"][0]["linkingAgentIdentifierValue"] == LAN
    assert assert_whole(api.stores.settings.home / "archive") == {inventory.object_id: 2}


def test_years_count_from_today_unless_told(api: Api) -> None:
    assert give(api, archived(api).document_id).until == datetime(2031, 1, 2, tzinfo=UTC)


def test_retention_is_made_longer_and_never_shorter(api: Api) -> None:
    document_id = archived(api).document_id
    give(api, document_id, "10y")
    with pytest.raises(Conflict) as caught:
        give(api, document_id, "5y")
    assert caught.value.code == "retained"
    assert give(api, document_id, "permanent").until == FOREVER


def test_class_that_nobody_defined_and_decision_without_a_reason_are_refused(api: Api) -> None:
    document_id = archived(api).document_id
    with pytest.raises(BadRequest, match="70y"):
        give(api, document_id, "7 years")
    target = Target(object_id_of(document_id, None), document_id)
    for decide in (keeping.set_hold, keeping.lift_hold):
        with pytest.raises((BadRequest, Conflict)):
            decide(api.stores, target, actor=LAN, reason=" ")
    assert api.stores.archive.inventory(target.object_id).head == 1


def test_hold_is_set_and_lifted(api: Api) -> None:
    document_id = archived(api).document_id
    with pytest.raises(Conflict, match="no hold"):
        hold(api, document_id, lift=True)
    assert hold(api, document_id).on_hold
    assert not hold(api, document_id, lift=True).on_hold


def test_dossier_is_kept_as_long_as_anything_in_it(api: Api) -> None:
    first, second = archived(api, DOSSIER), archived(api, DOSSIER)
    now = datetime(2050, 1, 1, tzinfo=UTC)
    with pytest.raises(NotAllowed, match="no retention"):
        seen(api, DOSSIER).check_over(now)
    give(api, first.document_id, "5y")
    with pytest.raises(NotAllowed, match=second.document_id):
        seen(api, DOSSIER).check_over(now)
    give(api, DOSSIER, "10y")
    seen(api, DOSSIER).check_over(now)
    hold(api, second.document_id)
    with pytest.raises(NotAllowed) as caught:
        seen(api, DOSSIER).check_over(now)
    assert caught.value.code == "on_hold"
    hold(api, second.document_id, lift=True)
    give(api, second.document_id, "70y")
    with pytest.raises(NotAllowed, match="2096"):
        seen(api, DOSSIER).check_over(now)
    assert (seen(api, DOSSIER).until, seen(api, DOSSIER).retention_class) == (datetime(2096, 1, 2, tzinfo=UTC), "70y")


def test_store_refuses_by_itself_what_is_kept_or_on_hold(api: Api) -> None:
    document = archived(api)
    object_id = object_id_of(document.document_id, None)
    with pytest.raises(NotAllowed):
        dispose(api, object_id)
    give(api, document.document_id, starting=date(2000, 1, 1))
    hold(api, document.document_id)
    with pytest.raises(NotAllowed) as caught:
        dispose(api, object_id)
    assert caught.value.code == "on_hold"
    hold(api, document.document_id, lift=True)
    give(api, document.document_id, "permanent")
    with pytest.raises(NotAllowed) as caught:
        dispose(api, object_id)
    assert caught.value.code == "retained"
    assert api.stores.archive.inventory(object_id).head == 5


def test_paper_that_joins_a_kept_dossier_is_guarded_by_its_commit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    archived(api, DOSSIER)
    give(api, DOSSIER, "permanent")
    guarded: list[str] = []

    def guard(self: Any, root: str, *, below: str = "", **_: Any) -> bool:
        guarded.append(below)
        return True

    monkeypatch.setattr(type(api.stores.archive.objects), "guard", guard)
    archived(api, DOSSIER)
    assert guarded == ["v3/"]


def test_commit_that_dies_before_the_guard_is_guarded_by_recovery(tmp_path: Path, api: Api, monkeypatch: Any) -> None:
    document = archived(api)
    root = api.stores.settings.home / "archive"
    monkeypatch.setattr("storage.archive.commit.guard_kept", _die)
    with pytest.raises(_Died):
        give(api, document.document_id, "permanent")
    monkeypatch.undo()
    assert not (root / ".guards").exists()
    Archive(open_objects(root), api.clock).recover()
    assert len(list((root / ".guards").iterdir())) == 1


def test_two_who_decide_at_once_are_both_heard(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    document_id = archived(api).document_id
    commit, once = Archive.commit_and_record, iter([True])

    def meanwhile(archive: Archive, *given: Any, **how: Any) -> Any:
        if next(once, False):
            hold(api, document_id)
        return commit(archive, *given, **how)

    monkeypatch.setattr(Archive, "commit_and_record", meanwhile)
    kept = give(api, document_id)
    assert (kept.retention_class, kept.on_hold) == ("5y", True)


def test_damaged_decision_lets_nothing_go(api: Api) -> None:
    document_id = archived(api).document_id
    give(api, document_id)
    [path] = (api.stores.settings.home / "archive").glob("ocfl/**/keeping/*.json")
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(b"2031", b"2001"))
    with pytest.raises(DigestMismatch):
        seen(api, document_id)


def test_decisions_survive_the_catalogue_and_leave_its_rows_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        document = _decided(office)
        office.index()
        before = rows_of(office.stores.database)
        assert rebuild_after_loss(office).findings == ()
        assert rows_of(office.stores.database) == before
        found = keeping.show(office.stores, keeping.find_target(office.stores, DOSSIER, office=None))
        assert found.whole == Kept("70y", datetime(2096, 1, 2, tzinfo=UTC))
        assert found.documents[document.document_id].on_hold


def test_copy_keeps_what_the_archive_keeps(api: Api, tmp_path: Path) -> None:
    document = archived(api)
    give(api, document.document_id, "permanent")
    copy = open_objects(tmp_path / "copy")
    copy_to(api.stores.archive.objects, copy)
    with pytest.raises(NotAllowed, match="kept until 9999"):
        copy.dispose(object_root(object_id_of(document.document_id, None)), first=())


def test_what_is_not_there_or_belongs_to_another_office_is_not_found(api: Api) -> None:
    document = archived(api, DOSSIER)
    for named in (document.document_id, DOSSIER, "01JGFJJZ000000000000000000", "no such dossier"):
        with pytest.raises(NotFound):
            keeping.find_target(api.stores, named, office=OfficeId("H56"))
    waiting = api.receive()
    with pytest.raises(Conflict, match="not in the archive yet"):
        keeping.find_target(api.stores, waiting.document_id, office=None)


def test_object_that_nobody_decided_about_is_not_guarded(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path), opened_clock())
    archive.initialise()
    stage_paper(archive, "A")
    commit_staged(archive, "A")
    assert guard_kept(archive.objects, archive.inventory(object_id_of("A", None)))
    assert not (tmp_path / ".guards").exists()


@pytest.mark.parametrize("classes", ["", "5y", "5y=five", "a=1,a=2", "=5", "x=0", "x=-1"])
def test_classes_that_cannot_be_meant_are_told(classes: str) -> None:
    with pytest.raises(ValueError, match="SOHOA_RETENTION_CLASSES"):
        Settings(retention_classes=classes).retention_terms()


def test_classes_may_have_names_of_the_office(tmp_path: Path) -> None:
    assert Settings(retention_classes="vĩnh viễn=permanent, 15 năm=15").retention_terms() == {
        "vĩnh viễn": None,
        "15 năm": 15,
    }


def opened_clock() -> Any:
    from sohoa.clock import SystemClock

    return SystemClock()


def _decided(office: WorkedOffice) -> Document:
    document = office.bring(WHOLE, dossier=DOSSIER)
    stores = office.stores
    for named in (DOSSIER, document.document_id):
        target = keeping.find_target(stores, named, office=None)
        keeping.set_retention(stores, target, "70y", starting=None, actor=LAN, reason="theo quy định")
        office.clock.advance(seconds=timedelta(hours=1).total_seconds())
    keeping.set_hold(stores, target, actor=MAI, reason="vụ án 12")
    return document


def _event(api: Api, object_id: str, path: str) -> dict[str, Any]:
    import json

    with api.stores.archive.open_file(object_id, path) as stream:
        found: dict[str, Any] = json.load(stream)
    return found


class _Died(BaseException):
    """The process dies here."""


def _die(*_: object, **__: object) -> None:
    raise _Died
