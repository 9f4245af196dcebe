"""A store moved to other folders and back: everything comes along, what is left is closed, what is not fit is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, SohoaError
from sohoa.model import OfficeId
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.archive.layout import RECEIPTS, object_id_of, object_root
from storage.catalog import documents, jobs, tables
from storage.catalog.backup import back_up
from storage.catalog.database import Database
from storage.index import open_index
from storage.moving import moving, rows
from storage.moving.moving import copy_ahead, finish
from storage.moving.places import move_between, places_of
from storage.objects import open_store
from storage.rebuild.reading import Progress
from storage.rebuild.rebuild import rebuild
from storage.stores import open_archive, open_stores
from tests.support.crash import Crash, assert_whole, commit_staged, interposed, stage_paper
from tests.support.indexes import entry
from tests.support.migrated import (
    answers_of,
    busy_office,
    close,
    dispose,
    found_in,
    keys_in,
    move_store,
    rows_in,
    settle,
)
from tests.support.verified import codes, verified
from tests.support.worked import MIXED, WHOLE, WorkedOffice, worked_office

pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkedOffice]:
    with worked_office(tmp_path / "old", monkeypatch) as office:
        yield office


@pytest.fixture
def old(office: WorkedOffice) -> Settings:
    return office.stores.settings


@pytest.fixture
def new(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "new", office="H02", min_free_bytes=0)


def refusal(do: Callable[[], object]) -> SohoaError:
    with pytest.raises(SohoaError) as caught:
        do()
    return caught.value


def code_of(do: Callable[[], object]) -> str:
    return refusal(do).code


def opens(settings: Settings) -> None:
    with open_stores(settings, clock=FixedClock()):
        pass


def test_everything_comes_along_and_is_answered_as_before(
    office: WorkedOffice, old: Settings, new: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = busy_office(office)
    answers = answers_of(old, known, office.clock)
    close(office)
    rows, keys, found = rows_in(old), keys_in(old), found_in(old)
    moved = move_store(old, new)
    assert rows_in(new) == rows
    assert keys_in(new) == keys
    assert found_in(new) == found
    assert moved.rows is not None
    assert moved.rows["documents"] == len(rows["documents"]) > 50
    assert answers_of(new, known, office.clock) == answers
    with worked_office(new.home, monkeypatch, settings=new) as after:
        after.clock.advance(seconds=86_400)
        done = [after.work(known.half_read, MIXED), after.now(known.received)]
        assert [document.status for document in done] == [DocumentStatus.ARCHIVED] * 2
        settle(after)
        assert codes(verified(after.stores)) == []


def test_papers_that_come_meanwhile_are_not_lost(office: WorkedOffice, old: Settings, new: Settings) -> None:
    papers = [office.bring(WHOLE) for _ in range(3)]
    move = move_between(old, new)

    def come(progress: Progress) -> None:
        if len(papers) < 9:
            papers.append(office.bring(WHOLE, dossier="D-1"))
            papers.append(office.receive().document)

    copy_ahead(move, FixedClock(), tell=come)
    assert len(papers) == 9
    papers.append(office.bring(MIXED))
    copy_ahead(move, FixedClock())
    papers += [office.receive().document, office.bring(WHOLE, dossier="D-1"), office.receive(dossier="D-2").document]
    close(office)
    finish(move, FixedClock())
    assert keys_in(new) == keys_in(old)
    receipts = {key.removeprefix(RECEIPTS).removesuffix(".json") for key in open_store(new).list(RECEIPTS)}
    assert receipts == {paper.document_id for paper in papers}
    with open_stores(new, clock=FixedClock()) as stores, stores.database.read() as conn:
        assert {documents.get(conn, paper.document_id).document_id for paper in papers} == receipts


def test_the_store_that_was_left_is_refused_whoever_opens_it(
    office: WorkedOffice, old: Settings, new: Settings, tmp_path: Path
) -> None:
    office.bring(WHOLE)
    close(office)
    backup = back_up(old.catalog(), tmp_path, now=office.clock.now())
    keys = keys_in(old)
    move_store(old, new)
    error = refusal(lambda: opens(old))
    assert error.code == "store_moved"
    assert new.home.as_uri() in error.detail
    assert code_of(lambda: rebuild(old, open_archive(old, office.clock), office.clock)) == "store_moved"
    for path in old.home.glob("catalog.sqlite*"):
        path.unlink()
    assert code_of(lambda: opens(old)) == "store_moved"
    assert code_of(lambda: rebuild(old, open_archive(old, office.clock), office.clock)) == "store_moved"
    assert keys_in(old) == keys
    assert backup.documents == 1
    opens(new)


def test_a_place_that_is_being_filled_is_refused_until_the_end(
    office: WorkedOffice, old: Settings, new: Settings
) -> None:
    office.bring(WHOLE)
    move = move_between(old, new)
    copy_ahead(move, FixedClock())
    error = refusal(lambda: opens(new))
    assert (error.code, old.home.as_uri() in error.detail) == ("store_moved", True)
    office.bring(WHOLE)
    assert code_of(lambda: finish(move, FixedClock())) == "in_use"
    close(office)
    finish(move, FixedClock())
    opens(new)
    assert code_of(lambda: finish(move, FixedClock())) == "store_moved"
    assert code_of(lambda: copy_ahead(move, FixedClock())) == "store_moved"


def test_back_into_the_place_that_was_left(
    office: WorkedOffice, old: Settings, new: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = busy_office(office, states=8)
    gone = office.bring(WHOLE, dossier="D-mai-hủy")
    office.index()
    close(office)
    move_store(old, new)
    with worked_office(new.home, monkeypatch, settings=new) as after:
        after.work(known.half_read, MIXED)
        dispose(after, "D-mai-hủy")
        after.withdraw(after.now(known.received))
        settle(after)
    hurt = next(path for path in (old.home / "archive/ocfl").rglob("original.png") if gone.archived_in)
    hurt.chmod(0o640)
    hurt.write_bytes(b"rotten")
    rows, keys, found = rows_in(new), keys_in(new), found_in(new)
    move_store(new, old)
    assert rows_in(old) == rows
    assert {key: each for key, each in keys_in(old).items() if not key.startswith("damaged/")} == keys
    assert found_in(old) == found
    assert list(open_store(old).list(object_root(gone.archived_in))) == []
    assert code_of(lambda: opens(new)) == "store_moved"
    with open_stores(old, clock=FixedClock()) as stores:
        assert codes(verified(stores)) == []
    assert move_store(old, new).rows == move_store(new, old).rows


@pytest.mark.parametrize("part", ["archive", "catalogue", "index"])
def test_one_part_moves_and_the_others_stay(office: WorkedOffice, old: Settings, tmp_path: Path, part: str) -> None:
    known = busy_office(office, states=4)
    close(office)
    name, url = {
        "archive": ("archive_url", f"file://{tmp_path}/elsewhere"),
        "catalogue": ("catalog_url", f"sqlite:///{tmp_path}/elsewhere/catalog.sqlite"),
        "index": ("index_url", f"file://{tmp_path}/elsewhere"),
    }[part]
    new = old.model_copy(update={name: url})
    before = rows_in(old), keys_in(old), found_in(old)
    moved = move_store(old, new)
    assert [each[0] for each in moved.parts] == [part]
    assert (rows_in(new), keys_in(new), found_in(new)) == before
    assert code_of(lambda: opens(old)) == "store_moved"
    assert len(answers_of(new, known, FixedClock())) > 20
    before = rows_in(new), keys_in(new), found_in(new)
    move_store(new, old)
    assert (rows_in(old), keys_in(old), found_in(old)) == before
    assert code_of(lambda: opens(new)) == "store_moved"
    opens(old)


def test_a_place_with_something_in_it_is_refused(
    office: WorkedOffice, old: Settings, new: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bring(WHOLE)
    with worked_office(new.home, monkeypatch, settings=new) as other:
        document = other.receive(office=OfficeId("so-khcn")).document
        assert code_of(lambda: copy_ahead(move_between(old, new), FixedClock())) == "in_use"
        other.work(document, WHOLE)
        other.index()
        close(other)
    for name in ("archive_url", "catalog_url", "index_url"):
        kept = {
            "archive_url": f"file://{new.home}/archive",
            "catalog_url": new.catalog(),
            "index_url": f"file://{new.home}/index",
        }
        only = old.model_copy(update={name: kept[name]})
        assert code_of(partial(copy_ahead, move_between(old, only), FixedClock())) == "target_not_empty"
    opens(new)
    opens(old)


def test_a_store_that_another_archive_was_moved_from_is_refused(
    office: WorkedOffice, old: Settings, new: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bring(WHOLE)
    with worked_office(new.home, monkeypatch, settings=new) as other:
        other.clock.advance(seconds=1000)
        other.bring(WHOLE, office="so-khcn", dossier="D-9")
        close(other)
    move_store(new, Settings(home=tmp_path / "third", min_free_bytes=0))
    assert code_of(lambda: copy_ahead(move_between(old, new), FixedClock())) == "target_not_empty"
    archive_only = old.model_copy(update={"archive_url": f"file://{new.home}/archive"})
    assert code_of(lambda: copy_ahead(move_between(old, archive_only), FixedClock())) == "not_a_copy"


def test_nothing_to_move_or_nothing_there_is_said(
    office: WorkedOffice, old: Settings, new: Settings, tmp_path: Path
) -> None:
    with pytest.raises(BadRequest) as caught:
        move_between(old, old)
    assert caught.value.code == "same_store"
    nowhere = Settings(home=tmp_path / "nowhere")
    assert code_of(lambda: copy_ahead(move_between(nowhere, new), FixedClock())) == "setup"
    assert not new.home.exists()
    close(office)
    assert code_of(lambda: finish(move_between(old, new), FixedClock())) == "not_prepared"
    opens(old)


def test_places_show_no_password_and_no_key(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        archive_url="s3://b/p?endpoint=http://h:1&work=w",
        catalog_url="postgresql+psycopg://u:secret@db/sohoa?sslmode=require&password=secret",
        index_url="https://es/sohoa?replicas=1",
    )
    assert list(places_of(settings).values()) == [
        "s3://b/p?endpoint=http://h:1",
        "postgresql://db:5432/sohoa",
        "https://es:443/sohoa",
    ]


def test_damage_at_the_old_place_is_named_and_stops_the_moving(
    office: WorkedOffice, old: Settings, new: Settings
) -> None:
    document = office.bring(WHOLE)
    hurt = next((old.home / "archive/ocfl").rglob("original.png"))
    hurt.chmod(0o640)
    hurt.write_bytes(b"rotten")
    move = move_between(old, new)
    assert [each.code for each in copy_ahead(move, FixedClock()).findings] == ["source_damaged"]
    close(office)
    error = refusal(lambda: finish(move, FixedClock()))
    assert (error.code, hurt.name in error.detail) == ("not_whole", True)
    opens(old)
    assert document.document_id in str(hurt)


def test_a_commit_that_was_cut_short_is_finished_first(office: WorkedOffice, old: Settings, new: Settings) -> None:
    archive = office.stores.archive
    office.bring(WHOLE, dossier="D-1")
    move = move_between(old, new)
    copy_ahead(move, FixedClock())
    stage_paper(archive, "X")
    number, version = 0, f"{object_root(object_id_of('X', 'D-1'))}/v2/inventory.json"
    while not archive.objects.exists(version):
        number += 1
        with pytest.raises(Crash):
            commit_staged(interposed(archive, at=number), "X", "D-1")
    head = archive.ledger.head()
    archive.clear_staging("X")
    close(office)
    finish(move, FixedClock())
    assert keys_in(new) == keys_in(old)
    assert_whole(new.home / "archive")
    assert open_archive(new, FixedClock()).ledger.head() == head + 1


@pytest.mark.parametrize("at", ["receipts/", "audit/", "ocfl/", "ledger/"])
def test_what_only_the_new_place_has_stops_the_moving(
    office: WorkedOffice, old: Settings, new: Settings, at: str
) -> None:
    office.bring(WHOLE)
    move = move_between(old, new)
    copy_ahead(move, FixedClock())
    close(office)
    open_store(new).create(f"{at}extra.json", b"{}\n")
    error = refusal(lambda: finish(move, FixedClock()))
    assert (error.code, "extra.json" in error.detail) == ("not_whole", True)
    opens(old)


def test_a_row_that_is_not_the_same_stops_the_moving(
    office: WorkedOffice, old: Settings, new: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.bring(WHOLE)
    move = move_between(old, new)
    copy_ahead(move, FixedClock())
    close(office)

    def wrong(old_rows: object, new_rows: object, tell: object) -> int:
        done = rows.copy_rows(old_rows, new_rows, tell)  # type: ignore[arg-type]
        new_rows.execute(update(tables.documents).values(source_name="khác"))  # type: ignore[attr-defined]
        return done

    monkeypatch.setattr(moving, "copy_rows", wrong)
    error = refusal(lambda: finish(move, FixedClock()))
    assert (error.code, "documents" in error.detail) == ("not_whole", True)
    opens(old)
    monkeypatch.undo()
    finish(move, FixedClock())
    opens(new)


def test_an_index_that_something_else_left_half_made_is_made_anew(
    office: WorkedOffice, old: Settings, new: Settings
) -> None:
    office.bring(WHOLE)
    office.index()
    shutil.copytree(old.home / "index", new.home / "index.rebuild")
    office.withdraw(office.bring(WHOLE, dossier="D-1"))
    with open_index(new.model_copy(update={"index_url": f"file://{new.home}/index.rebuild"}), mode="write") as index:
        index.write([replace(entry("thừa", "hòa giải"), sequence=1)])
    office.index()
    close(office)
    found = found_in(old)
    move_store(old, new)
    assert found_in(new) == found


def test_papers_in_the_spool_stop_the_moving(office: WorkedOffice, old: Settings, new: Settings) -> None:
    document = office.receive().document
    move = move_between(old, new)
    copy_ahead(move, FixedClock())
    with office.stores.database.write() as conn:
        conn.execute(
            update(tables.jobs)
            .where(tables.jobs.c.document_id == document.document_id)
            .values(run_after=jobs.WHEN_CARRIED)
        )
    close(office)
    assert code_of(lambda: finish(move, FixedClock())) == "spooled"
    opens(old)


def test_numbers_go_on_above_all_that_were_given(office: WorkedOffice, old: Settings, new: Settings) -> None:
    office.bring(WHOLE)
    office.index()
    close(office)
    counted = rows_in(old)["counted"]
    assert counted > ["1", "1"]
    move_store(old, new)
    assert rows_in(new)["counted"] == counted
    database = Database(new.catalog())
    with database.write() as conn:
        last = conn.execute(tables.counters.select().where(tables.counters.c.name == "documents")).one()
    assert last.value > 1
    database.close()
