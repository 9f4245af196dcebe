"""While the archive's store is away intake keeps papers in the spool, which loses none and doubles none whoever dies where."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ingest.receive import Accepted, Intake, receive, receive_path
from ocr_workers import pipeline
from ocr_workers.housekeeping import Housekeeper, clear_finished_staging, finish_interrupted
from ocr_workers.spool_duty import carry_spooled, wake_carried
from sohoa.clock import FixedClock
from sohoa.errors import Conflict, Refused, StoreAway
from sohoa.model import DocumentId
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, RevisionKind
from storage.archive.layout import sha256_of
from storage.archive.receipts import Revising
from storage.catalog import documents, tables
from storage.catalog import jobs as job_rows
from storage.catalog.documents import Document
from storage.spool import ORPHANED_AFTER_S, Spool, Usage, open_spool
from storage.stores import Stores, open_stores
from tests.support import files
from tests.support.away import Away, going_away, spool_of, with_dying_spool, with_spool
from tests.support.crash import Crash
from tests.support.steps import STEPS, Step, at_every_step
from tests.support.verified import verified
from tests.support.worked import LOCKED, MIXED, WorkedOffice, worked_office

PNG = files.image_bytes("PNG")
INTAKE = Intake(filename="giấy.png", office="H02", dossier="H02-1", actor="person:lan")


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with open_stores(Settings(home=tmp_path, min_free_bytes=0), clock=FixedClock()) as opened:
        yield with_spool(opened)


def _bring(stores: Stores, data: bytes = PNG, intake: Intake = INTAKE, *, document_id: str | None = None) -> Accepted:
    return receive(
        io.BytesIO(data),
        intake,
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
        spool=stores.spool,
        document_id=None if document_id is None else DocumentId(document_id),
    )


def _carry(stores: Stores) -> int:
    return carry_spooled(stores, spool_of(stores), may_go_on=lambda: True)


def _documents(stores: Stores) -> list[Document]:
    with stores.database.read() as connection:
        return list(documents.list_documents(connection, limit=100).items)


def _jobs_due(stores: Stores) -> list[str]:
    """The documents whose opening may begin."""
    with stores.database.read() as connection:
        query = select(tables.jobs.c.document_id).where(tables.jobs.c.run_after <= stores.clock.now())
        return list(connection.execute(query.order_by(tables.jobs.c.job_id)).scalars())


def _receipts(stores: Stores) -> list[str]:
    return [Path(key).stem for key in stores.archive.objects.list("receipts/")]


def _assert_one_paper(stores: Stores, data: bytes = PNG) -> None:
    """One document, its receipt in the archive with the digest of its staged bytes, its job due, nothing in the spool."""
    [document] = _documents(stores)
    assert _receipts(stores) == [document.document_id]
    receipt = stores.archive.read_receipt(document.document_id)
    assert receipt.sha256 == document.original_sha256 == sha256_of(data)
    assert receipt.accepted_at == document.received_at
    assert stores.archive.objects.read(receipt.staged_key) == data
    assert _jobs_due(stores) == [document.document_id]
    assert spool_of(stores).usage() == Usage(0, 0)
    assert list(stores.archive.objects.list("staging/")) == [receipt.staged_key]


def test_a_paper_that_comes_while_the_store_is_away_is_durable_registered_and_said_to_be_spooled(
    stores: Stores,
) -> None:
    away, _ = going_away(stores)
    accepted = _bring(away)
    assert (accepted.spooled, accepted.duplicate_of) == (True, None)
    assert accepted.document.status is DocumentStatus.RECEIVED
    assert _receipts(stores) == []
    spool = spool_of(stores)
    assert spool.usage().papers == 1
    assert spool.usage().size_bytes > len(PNG)
    with spool.open_original(accepted.document.document_id) as original:
        assert original.read() == PNG
    assert _jobs_due(stores) == [], "nobody opens what the archive does not have"
    assert _carry(stores) == 1
    _assert_one_paper(stores)


def test_a_path_is_spooled_as_a_stream_is(stores: Stores, tmp_path: Path) -> None:
    path = tmp_path / "giấy.png"
    path.write_bytes(PNG)
    for at in range(1, 4):  # also where half of it is in the store already
        away, _ = going_away(stores, at=at)
        accepted = receive_path(
            path,
            replace(INTAKE, dossier=f"D-{at}"),
            archive=away.archive,
            database=away.database,
            settings=away.settings,
            clock=away.clock,
            spool=away.spool,
        )
        assert accepted.spooled
    assert _carry(stores) == 3
    assert {document.original_sha256 for document in _documents(stores)} == {sha256_of(PNG)}


def test_without_a_spool_the_sender_is_told(stores: Stores) -> None:
    away, _ = going_away(replace(stores, spool=None))
    with pytest.raises(StoreAway):
        _bring(away)
    assert _documents(stores) == []


def test_a_folder_archive_has_no_spool_and_one_on_s3_has(tmp_path: Path) -> None:
    assert open_spool(Settings(home=tmp_path)) is None
    spool = open_spool(Settings(home=tmp_path, archive_url="s3://a?endpoint=http://127.0.0.1:1"))
    assert spool is not None
    assert spool.usage() == Usage(0, 0)
    assert not spool.folder.exists()


def test_what_is_refused_is_refused_all_the_same_and_leaves_nothing(stores: Stores) -> None:
    away, _ = going_away(stores)
    with pytest.raises(Refused) as refused:
        _bring(away, b"no paper at all")
    assert refused.value.code == "unsupported_kind"
    assert spool_of(stores).usage() == Usage(0, 0)


def test_the_same_bytes_again_are_the_paper_that_waits(stores: Stores) -> None:
    away, _ = going_away(stores)
    first = _bring(away)
    again = _bring(away)
    assert again.duplicate_of == first.document.document_id
    assert not again.spooled
    assert spool_of(stores).usage().papers == 1


def test_beyond_its_limit_the_spool_refuses_and_says_what_to_do(stores: Stores) -> None:
    full, _ = going_away(with_spool(stores, most_bytes=len(PNG) + 100))
    _bring(with_spool(full))
    with pytest.raises(Refused) as refused:
        _bring(full, files.image_bytes("PNG", files.drawing((70, 70))))
    assert refused.value.code == "spool_full"
    assert "SOHOA_SPOOL_MAX_BYTES" in refused.value.detail
    assert len(_documents(stores)) == 1
    assert spool_of(stores).usage().papers == 1


def test_with_too_little_disk_left_the_spool_refuses(stores: Stores) -> None:
    away, _ = going_away(stores)
    spool_of(away)._min_free_bytes = 2**62
    with pytest.raises(Refused) as refused:
        _bring(away)
    assert refused.value.code == "disk_low"


def test_papers_are_carried_oldest_first_and_a_damaged_one_keeps_no_other_waiting(stores: Stores) -> None:
    away, _ = going_away(stores)
    brought = [
        _bring(away, files.image_bytes("PNG", files.drawing((60, 60 + number)))).document.document_id
        for number in range(3)
    ]
    spool = spool_of(stores)
    assert list(spool.document_ids()) == brought
    [hurt] = (spool.folder / "staging" / brought[1]).glob("original.*")
    hurt.chmod(0o640)
    hurt.write_bytes(hurt.read_bytes()[:-1] + b"\0")
    assert _carry(stores) == 2
    assert list(spool.document_ids()) == [brought[1]], "its receipt is a promise: it stays until a person looks"
    assert _jobs_due(stores) == [brought[0], brought[2]]


def test_carrying_stops_when_told_and_goes_on_later(stores: Stores) -> None:
    away, _ = going_away(stores)
    for number in range(3):
        _bring(away, files.image_bytes("PNG", files.drawing((60, 60 + number))))
    turns = iter([True, False])
    assert carry_spooled(stores, spool_of(stores), may_go_on=lambda: next(turns)) == 1
    assert spool_of(stores).usage().papers == 2
    assert _carry(stores) == 2


def test_a_revision_that_comes_while_the_store_is_away_is_spooled_too(stores: Stores) -> None:
    document = _bring(stores).document
    with stores.database.write() as connection:
        job = job_rows.claim(connection, owner="w", lease_s=9, now=stores.clock.now())
        assert job is not None
        job_rows.complete(connection, job.job_id, owner="w")
        documents.move(
            connection,
            document.document_id,
            DocumentStatus.FAILED,
            now=stores.clock.now(),
            code="internal",
            object_id=document.archived_in,
            version=1,
            sequence=1,
        )
    away, _ = going_away(stores)
    other = files.image_bytes("PNG", files.drawing((70, 70)))
    revising = replace(INTAKE, revising=Revising(document.document_id, RevisionKind.REPLACE.value, "cut off"))
    accepted = _bring(away, other, revising)
    assert accepted.spooled
    assert accepted.document.document_id == document.document_id
    with pytest.raises(Conflict):
        _bring(away, files.image_bytes("PNG", files.drawing((71, 71))), revising)
    assert _jobs_due(stores) == []
    assert _carry(stores) == 1
    [receipt_id] = _jobs_due(stores)
    assert stores.archive.read_receipt(receipt_id).sha256 == sha256_of(other)


def test_an_original_without_a_receipt_is_dropped_after_an_hour_and_no_other(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, _ = going_away(stores)
    kept = _bring(away).document.document_id
    spool = spool_of(stores)
    spool.stage("01ORPHAN", "original.png", io.BytesIO(PNG))
    spool.drop_orphans()
    assert (spool.folder / "staging/01ORPHAN").exists()
    monkeypatch.setattr("time.time", lambda: (spool.folder / "staging").stat().st_mtime + ORPHANED_AFTER_S + 60)
    spool.drop_orphans()
    assert not (spool.folder / "staging/01ORPHAN").exists()
    assert list(spool.document_ids()) == [kept]


def test_a_job_whose_paper_is_carried_begins_though_whoever_carried_it_died_before_saying_so(stores: Stores) -> None:
    away, _ = going_away(stores)
    document = _bring(away).document
    _carry(replace(stores, database=stores.database))
    with stores.database.write() as connection:
        connection.execute(tables.jobs.update().values(run_after=job_rows.WHEN_CARRIED))
    wake_carried(stores, spool_of(stores))
    assert _jobs_due(stores) == [document.document_id]


def test_each_machine_carries_what_waits_in_its_own_spool_and_wakes_no_work_on_another_s(
    stores: Stores, tmp_path: Path
) -> None:
    other = replace(stores, spool=Spool(tmp_path / "other machine", most_bytes=1024**3, min_free_bytes=0))
    here = _bring(going_away(stores)[0]).document
    there = _bring(going_away(other)[0], files.image_bytes("PNG", files.drawing((60, 61)))).document
    waiting = [found.where for found in verified(other).findings if found.code == "spooled"]
    assert sorted(waiting) == sorted([here.document_id, there.document_id]), "each waits in one spool or the other"
    assert _carry(other) == 1
    assert _jobs_due(stores) == [there.document_id], "the other's original is not in the archive yet"
    assert _carry(stores) == 1
    assert _jobs_due(stores) == [here.document_id, there.document_id]


def test_each_machine_carries_under_a_lease_of_its_own(tmp_path: Path) -> None:
    s3 = {"archive_url": "s3://bucket?endpoint=http://127.0.0.1:9", "s3_access_key": "k", "s3_secret_key": "s"}
    homes = (tmp_path / "one", tmp_path / "one", tmp_path / "two")
    names = [
        {thread.name for thread in Housekeeper(Settings.model_validate({"home": home, **s3}))._threads}
        for home in homes
    ]
    assert names[0] == names[1]
    assert len(names[0] ^ names[2]) == 2


def test_an_original_that_the_store_does_not_have_is_carried_though_its_receipt_is_there(stores: Stores) -> None:
    """The first try's receipt may land late, when its original has been dropped as nobody's."""
    document = _bring(going_away(stores)[0]).document
    stores.archive.write_receipt(spool_of(stores).read_receipt(document.document_id))
    assert _carry(stores) == 1
    _assert_one_paper(stores)


# every point at which the store can go away, or the process die


@pytest.mark.parametrize("did_it", [False, True], ids=["undone", "done_unheard"])
def test_whenever_the_store_goes_away_during_an_intake_the_paper_is_accepted_once(tmp_path: Path, did_it: bool) -> None:
    spooled = 0
    for stores, found in _rounds(tmp_path, lambda opened, at: going_away(opened, at=at, did_it=did_it)):
        accepted = _bring(found)
        spooled += accepted.spooled
        stores.clock.advance(seconds=7)  # type: ignore[attr-defined]
        finish_interrupted(stores)
        _carry(stores)
        _assert_one_paper(stores)
    assert spooled >= 3  # staging, reading back, the receipt


@pytest.mark.parametrize("did_it", [False, True], ids=["undone", "done_unheard"])
def test_whenever_the_store_goes_away_again_while_papers_are_carried_they_are_carried_later(
    tmp_path: Path, did_it: bool
) -> None:
    for stores, found in _rounds(tmp_path, lambda opened, at: going_away(opened, at=at, did_it=did_it), _spooled):
        with suppress(StoreAway):
            _carry(found)
        _carry(stores)
        finish_interrupted(stores)
        _assert_one_paper(stores)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_to_the_spool_during_intake_loses_no_promise_and_the_paper_can_come_again(
    tmp_path: Path, after: bool
) -> None:
    def dying(opened: Stores, at: int) -> tuple[Stores, object]:
        dying_stores, interposed = with_dying_spool(opened, at=at, after=after)
        return going_away(dying_stores)[0], interposed

    for stores, found in _rounds(tmp_path, dying):
        with suppress(Crash):
            _bring(found)
        _carry(stores)
        finish_interrupted(stores)
        _bring(stores)
        spool_of(stores).drop_orphans()
        _drop_half_done(stores)
        _assert_one_paper(stores)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_to_the_spool_during_carrying_is_made_good_by_the_next(tmp_path: Path, after: bool) -> None:
    for stores, found in _rounds(tmp_path, lambda opened, at: with_dying_spool(opened, at=at, after=after), _spooled):
        with suppress(Crash):
            _carry(found)
        finish_interrupted(stores)
        _carry(stores)
        _drop_half_done(stores)
        _assert_one_paper(stores)


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_of_carrying_in_the_archive_and_the_catalogue_is_made_good_by_the_next(
    tmp_path: Path, step: Step
) -> None:
    def prepare(stores: Stores) -> None:
        _spooled(with_spool(stores))

    for opened, _ in at_every_step(
        tmp_path, prepare=prepare, run=lambda dying, _: _carry(with_spool(dying)), step=step
    ):
        stores = with_spool(opened)
        finish_interrupted(stores)
        _carry(stores)
        _assert_one_paper(stores)


@pytest.mark.parametrize("step", STEPS[2:])
def test_a_crash_at_any_transaction_of_an_intake_into_the_spool_loses_no_promise(tmp_path: Path, step: Step) -> None:
    for opened, _ in at_every_step(
        tmp_path, prepare=lambda stores: None, run=lambda dying, _: _bring(going_away(with_spool(dying))[0]), step=step
    ):
        stores = with_spool(opened)
        _carry(stores)
        finish_interrupted(stores)
        _bring(stores)
        _assert_one_paper(stores)


@pytest.mark.slow
@pytest.mark.parametrize("did_it", [False, True], ids=["undone", "done_unheard"])
def test_whenever_the_store_goes_away_under_the_stages_their_jobs_wait_and_no_try_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, did_it: bool
) -> None:
    for paper in (MIXED, LOCKED):
        at = 0
        while True:
            at += 1
            with worked_office(tmp_path / f"{paper.opening is None}-{at}", monkeypatch) as office:
                document = office.receive().document
                away_stores, away = going_away(office.stores, at=at, did_it=did_it)
                office.tools.archive = away_stores.archive
                office.work(document, paper)
                reached = away.calls >= at
                with office.stores.database.read() as connection:
                    tries = connection.execute(select(tables.jobs.c.attempts, tables.jobs.c.state)).all()
                assert all(attempts == 0 and state == "ready" for attempts, state in tries), tries
                if reached and tries:  # else it went away when only staging was still to be cleared
                    assert _waits(office) == {"store_unavailable"}
                away.at = 10**9
                office.clock.advance(seconds=60)
                ended = office.work(document, paper)
                assert ended.status == (DocumentStatus.HELD if paper is LOCKED else DocumentStatus.ARCHIVED)
                office.index()
                clear_finished_staging(office.stores)
                assert [found.code for found in verified(office.stores).findings] == []
            if not reached:
                assert at > 10
                break


def test_a_worker_claims_nothing_while_the_store_is_known_to_be_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worked_office(tmp_path, monkeypatch) as office:
        office.receive()
        stores, _ = going_away(office.stores)
        monkeypatch.setattr(Away, "is_away", lambda self: True)
        office.tools.archive = stores.archive
        assert not pipeline.run_next(office.tools, started=lambda job, limit_s: pytest.fail("it claimed a job"))


def _waits(office: WorkedOffice) -> set[str]:
    with office.stores.database.read() as connection:
        return job_rows.waiting_for(connection, now=office.clock.now())


def _spooled(stores: Stores) -> None:
    assert _bring(going_away(stores)[0]).spooled


def _drop_half_done(stores: Stores) -> None:
    """What killed writers leave of a file in the spool; the store drops it after a day. And orphans, after an hour."""
    spool = spool_of(stores)
    for path in spool.folder.glob("staging/*/original.*"):
        if not spool.has_receipt(path.parent.name):
            spool.clear_staging(path.parent.name)


def _rounds(
    base: Path,
    break_it: Callable[[Stores, int], tuple[Stores, object]],
    prepare: Callable[[Stores], None] = lambda stores: None,
) -> Iterator[tuple[Stores, Stores]]:
    """For n = 1, 2, … until fewer than n calls are made: stores as they are, and the same as `break_it` makes them at n."""
    at = 0
    while True:
        at += 1
        with open_stores(Settings(home=base / f"{at:03}", min_free_bytes=0), clock=FixedClock()) as opened:
            stores = with_spool(opened)
            prepare(stores)
            broken, counted = break_it(with_spool(opened), at)
            yield stores, broken
            if counted.calls < at:  # type: ignore[attr-defined]
                return
