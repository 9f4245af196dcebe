"""The disk fails: EIO at each fsync of intake, stages and commit, or read-only from each write on. Nothing is believed, and
once it is well again the work comes to its right end."""

from __future__ import annotations

import io
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from ingest import moving
from ingest.decisions import withdraw
from ingest.receive import Accepted, Intake, receive
from ocr_workers import pipeline
from ocr_workers.housekeeping import finish_interrupted
from sohoa.clock import FixedClock
from sohoa.errors import SohoaError, StoreUnavailable
from sohoa.model import Actor
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.archive.layout import object_id_of
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.stores import Stores, open_stores
from tests.support.archived import TEXT, bring, finish
from tests.support.crash import assert_whole
from tests.support.failing_disk import FailingDisk
from tests.support.revised import letter_bytes, now_of
from tests.support.steps import BEGINNING, go_on
from tests.support.verified import verified

LAN = Actor("person:lan")
A, B = "H02-230105-0001", "H02-230105-0002"
LETTER = letter_bytes("Đơn xin cấp lại", "Trang hai")

Fault = Callable[[FailingDisk, int], None]
Prepare = Callable[[Stores], Document | None]
Act = Callable[[Stores, Document | None], object]


def _one_fsync(disk: FailingDisk, number: int) -> None:
    disk.fail_fsync(number)


def _three_fsyncs(disk: FailingDisk, number: int) -> None:
    disk.fail_fsync(number, lasting=3)


def _read_only(disk: FailingDisk, number: int) -> None:
    disk.read_only(number)


FAULTS = pytest.mark.parametrize("fault", [_one_fsync, _read_only], ids=["fsync", "read-only"])


@contextmanager
def _opened(home: Path, *, minutes: int) -> Iterator[Stores]:
    settings = Settings(home=home, office="H02", min_free_bytes=0)
    with open_stores(settings, clock=FixedClock(BEGINNING + timedelta(minutes=minutes))) as stores:
        yield stores


def at_every_fault(
    base: Path, patch: pytest.MonkeyPatch, fault: Fault, prepare: Prepare, run: Act
) -> Iterator[tuple[Stores, FailingDisk, Document | None, SohoaError | None]]:
    """For n = 1, 2, … until `run` gets by without meeting the fault: stores whose disk failed at the nth fsync or write, just
    after `run`, while the disk is still not well; what was prepared; and the error that `run` ended with, if it did."""
    with pytest.MonkeyPatch.context() as quick, _opened(base / "template", minutes=0) as stores:
        quick.setattr("os.fsync", lambda descriptor: None)
        found = prepare(stores)
    for number in itertools.count(1):
        home = base / f"{number:04d}"
        shutil.copytree(base / "template", home)
        with patch.context() as watched, _opened(home, minutes=10) as stores:
            disk = FailingDisk(stores.settings.folder_of(""), watched)
            fault(disk, number)
            told: SohoaError | None = None
            try:
                run(stores, found)
            except SohoaError as error:
                told = error
            met = number <= (disk.writes if fault is _read_only else disk.fsyncs)
            yield stores, disk, found, told
        shutil.rmtree(home)
        if not met:
            return


def _bring_letter(stores: Stores) -> Accepted:
    return receive(
        io.BytesIO(LETTER),
        Intake(filename="đơn.pdf", office="H02", dossier=A, actor=LAN),
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    )


def _go_on(home: Path) -> None:
    """The sweeper and a worker of another process, an hour later."""
    with _opened(home, minutes=70) as later:
        go_on(later)


def _assert_right_end(stores: Stores, disk: FailingDisk) -> list[Document]:
    """Every document archived, moved or withdrawn, whole, and nothing of it at the mercy of a power cut."""
    for private in (stores.settings.folder_of("") / ".tmp").iterdir():
        private.unlink()
    assert disk.not_durable() == set()
    assert_whole(stores.settings.folder_of(""))
    with stores.database.read() as connection:
        here = list(documents.list_documents(connection).items)
    told = {found.code for found in verified(stores).findings}
    assert told <= {"index_pending"}
    receipts = [stores.archive.read_receipt(Path(key).stem) for key in stores.archive.objects.list("receipts/")]
    assert sorted(receipt.document_id for receipt in receipts) == sorted(each.document_id for each in here)
    return here


def _clear_error(told: SohoaError | None) -> None:
    assert told is None or isinstance(told, StoreUnavailable)
    assert told is None or ("disk" in told.detail and "\n" not in told.detail)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [_one_fsync, _three_fsyncs, _read_only], ids=["fsync", "three fsyncs", "read-only"])
def test_a_paper_is_accepted_durably_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    ends = []

    def run(stores: Stores, _: Document | None) -> None:
        accepted = _bring_letter(stores)
        assert accepted.duplicate_of is None
        ends.append("accepted")

    for stores, disk, _, told in at_every_fault(tmp_path, monkeypatch, fault, lambda stores: None, run):
        if told is None:
            assert disk.not_durable("receipts") | disk.not_durable("staging") == set()
        else:
            ends.append("told")
            _clear_error(told)
        disk.get_well()
        finish_interrupted(stores)
        again = _bring_letter(stores)
        assert disk.not_durable("receipts") | disk.not_durable("staging") == set()
        _go_on(stores.settings.home)
        [document] = _assert_right_end(stores, disk)
        assert (document.status, document.document_id) == (DocumentStatus.ARCHIVED, again.document.document_id)
    assert ends[-1] == "accepted"
    assert ends.count("told") >= 6


@pytest.mark.slow
@FAULTS
def test_a_paper_is_archived_durably_or_worked_on_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    def prepare(stores: Stores) -> Document:
        return _bring_letter(stores).document

    def run(stores: Stores, _: Document | None) -> None:
        tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "worker")
        while pipeline.run_next(tools, started=lambda job, limit_s: None):
            pass

    seen = set()
    for stores, disk, found, told in at_every_fault(tmp_path, monkeypatch, fault, prepare, run):
        _clear_error(told)
        assert found is not None
        document = now_of(stores, found)
        seen.add(document.status)
        if document.status is DocumentStatus.ARCHIVED:
            assert disk.not_durable("ocfl") | disk.not_durable("ledger") == set()
        disk.get_well()
        _go_on(stores.settings.home)
        [document] = _assert_right_end(stores, disk)
        assert (document.status, document.pages_failed) == (DocumentStatus.ARCHIVED, ())
    assert seen == {DocumentStatus.RECEIVED, DocumentStatus.RECOGNISED, DocumentStatus.ARCHIVED}


def _archived(stores: Stores) -> Document:
    return finish(stores, bring(stores, dossier=A), (TEXT,), DocumentStatus.ARCHIVED)


def _withdraw(stores: Stores, document: Document | None) -> None:
    assert document is not None
    withdraw(stores, document, actor=LAN, reason="scanned twice")


def _move(stores: Stores, document: Document | None) -> None:
    assert document is not None
    moving.move(stores, document, to=B, actor=LAN, reason="wrong dossier")


@pytest.mark.slow
@FAULTS
@pytest.mark.parametrize("act", [_withdraw, _move], ids=["withdraw", "move"])
def test_a_later_version_is_durable_or_its_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Act, fault: Fault
) -> None:
    told_some = 0
    for stores, disk, found, told in at_every_fault(tmp_path, monkeypatch, fault, _archived, act):
        _clear_error(told)
        told_some += told is not None
        if told is None:
            assert disk.not_durable("ocfl") | disk.not_durable("ledger") == set()
        disk.get_well()
        _go_on(stores.settings.home)
        with suppress(SohoaError):  # decided and done: there is nothing to do again
            act(stores, found)
        [document] = _assert_right_end(stores, disk)
        if act is _move:
            assert document.object_id == object_id_of("", B)
        else:
            assert document.status is DocumentStatus.WITHDRAWN
    assert told_some >= 10


def test_a_name_whose_fsync_failed_is_written_anew_by_whoever_asks_for_it_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _opened(tmp_path / "home", minutes=0) as stores, _opened(tmp_path / "home", minutes=0) as other:
        disk = FailingDisk(stores.settings.folder_of(""), monkeypatch)
        objects, others = stores.archive.objects, other.archive.objects
        objects.create("receipts/A.json", b"1")
        disk.fail_fsync(2)  # of the folder: the first one is the file's
        with pytest.raises(StoreUnavailable):
            objects.create("receipts/B.json", b"2")
        assert disk.not_durable() == {"receipts/B.json"}
        disk.fail_fsync(1)
        with pytest.raises(StoreUnavailable):
            others.exists("receipts/B.json")
        assert disk.not_durable() == {"receipts/B.json"}
        assert objects.read("receipts/A.json") == b"1"
        assert others.read("receipts/B.json") == b"2"
        assert disk.not_durable() == set()
        assert not (stores.settings.folder_of("") / ".doubtful").exists()
        assert objects.read("receipts/B.json") == b"2"
