"""A file cut short after it was given its name: it is named by `verify` or by whoever reads it, nothing else is touched, and
nobody builds upon it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import decisions, moving
from ocr_workers import pipeline
from ocr_workers.fixity_duty import FixityDuty
from ocr_workers.housekeeping import clear_finished_staging, finish_interrupted, hand_out_again
from sohoa.clock import FixedClock
from sohoa.errors import DigestMismatch, NotFound
from sohoa.model import Actor
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, RevisionKind
from storage.archive import Archive
from storage.archive.layout import ledger_key, object_id_of, object_root, receipt_key
from storage.archive.verify_findings import VerifyFinding
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.stores import Stores, open_stores
from tests.support.archived import Api, bring, opened_api
from tests.support.crash import Crash, commit_staged, count_points, interposed, stage_paper
from tests.support.revised import archived, letter_bytes, now_of, revise_with
from tests.support.steps import BEGINNING, go_on
from tests.support.verified import KINDS, cut, fill, kinds_of_files, snapshot, verified

LAN = Actor("person:lan")
ELSEWHERE = "H02-230105-0009"


pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Document]]:
    """Papers of every ending, all read once by the rolling check."""
    home = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch, opened_api(home) as opened:
        patch.setattr("os.fsync", lambda descriptor: None)
        papers = fill(opened)
        FixityDuty(opened.stores, stop=threading.Event(), has_lease=lambda: True).run()
        return home, papers


@pytest.fixture
def api(tmp_path: Path, filled: tuple[Path, dict[str, Document]]) -> Iterator[Api]:
    shutil.copytree(filled[0], tmp_path / "home")
    with opened_api(tmp_path / "home") as opened:
        opened.clock.advance(seconds=3600)
        yield opened


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    settings = Settings(home=tmp_path / "home", office="H02", min_free_bytes=0)
    with open_stores(settings, clock=FixedClock(BEGINNING)) as opened:
        yield opened


def _root(stores: Stores) -> Path:
    return stores.settings.folder_of("")


def _sweep(stores: Stores) -> None:
    finish_interrupted(stores)
    hand_out_again(stores)
    clear_finished_staging(stores)


def _wrong(stores: Stores) -> list[VerifyFinding]:
    return [found for found in verified(stores).findings if found.severity != "pending"]


@pytest.mark.slow
def test_a_cut_in_each_kind_of_file_is_found_and_named_and_neither_verify_nor_the_sweeper_touches_anything(
    api: Api, filled: tuple[Path, dict[str, Document]]
) -> None:
    root = _root(api.stores)
    entries = sorted(key for key in snapshot(root) if key.startswith("fixity/"))
    assert len(entries) == 2  # where the chain begins, and an entry
    kinds = {**kinds_of_files(filled[1]), **{key: key for key in entries}}
    for kind, key in kinds.items():
        sound = (root / key).read_bytes()
        for size_bytes in sorted({0, 1, len(sound) // 2, len(sound) - 1}):
            cut(root / key, size_bytes)
            count_points()
            before = snapshot(root)
            wrong = _wrong(api.stores)
            assert wrong, f"{size_bytes} bytes of the {kind} are not noticed"
            named = any(key in (found.where, *found.detail.split(" ")) or found.where in key for found in wrong)
            assert named, f"{kind}, {size_bytes} bytes: {key} is not named: {wrong}"
            _sweep(api.stores)
            assert snapshot(root) == before
        (root / key).unlink()
        (root / key).write_bytes(sound)
    assert _wrong(api.stores) == []


@pytest.mark.parametrize("name", KINDS)
def test_nothing_is_made_of_a_document_that_has_a_cut_file(
    api: Api, filled: tuple[Path, dict[str, Document]], name: str
) -> None:
    first, key = filled[1]["first"], kinds_of_files(filled[1])[name]
    cut(_root(api.stores) / key, 10)
    before = snapshot(_root(api.stores))
    with pytest.raises(DigestMismatch, match=name):
        moving.move(api.stores, first, to=ELSEWHERE, actor=LAN, reason="wrong dossier")
    count_points()
    after = snapshot(_root(api.stores))
    assert {key: digest for key, digest in after.items() if not key.startswith(("staging/", "intents/"))} == {
        key: digest for key, digest in before.items() if not key.startswith(("staging/", "intents/"))
    }
    with pytest.raises(NotFound):
        api.stores.archive.inventory(object_id_of("", ELSEWHERE))


def test_no_entry_follows_one_that_was_cut_short(api: Api, filled: tuple[Path, dict[str, Document]]) -> None:
    stores = api.stores
    newest = stores.archive.ledger.head()
    cut(_root(stores) / ledger_key(newest), 100)
    fresh = Archive(stores.archive.objects, stores.clock)
    stage_paper(fresh, "A")
    with pytest.raises(DigestMismatch, match=f"{newest:012}.json is damaged"):
        commit_staged(fresh, "A", ELSEWHERE)
    assert fresh.ledger.head() == newest


def test_a_receipt_that_was_cut_short_keeps_no_other_paper_from_being_registered(stores: Stores) -> None:
    torn, whole = bring(stores), bring(stores)
    with stores.database.write() as connection:  # as if both had died between the receipt and the catalogue
        for document in (torn, whole):
            for table in ("jobs", "documents"):
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE document_id = ?", (document.document_id,))
    cut(_root(stores) / receipt_key(torn.document_id), 40)
    before = snapshot(_root(stores))
    _sweep(stores)
    assert snapshot(_root(stores)) == before
    with stores.database.read() as connection:
        assert [each.document_id for each in documents.list_documents(connection).items] == [whole.document_id]
    assert receipt_key(torn.document_id) in {found.where for found in _wrong(stores)}


@pytest.mark.parametrize("size_bytes", [0, 1, 300])
@pytest.mark.parametrize("what", ["intent", "pin", "sidecar", "inventory"])
def test_a_version_of_which_something_was_cut_short_is_not_finished_and_holds_up_nothing_else(
    stores: Stores, what: str, size_bytes: int
) -> None:
    archive, root = stores.archive, _root(stores)
    torn = _begun(archive, root, "A", ELSEWHERE, what)
    _begun(archive, root, "B", "H02-230105-0001", "inventory")
    sound = torn.read_bytes()
    cut(torn, min(size_bytes, len(sound) - 1))
    count_points()
    before = {key: digest for key, digest in snapshot(root).items() if object_root(object_id_of("", ELSEWHERE)) in key}
    fresh = Archive(archive.objects, stores.clock)
    with pytest.raises(DigestMismatch, match=torn.relative_to(root).as_posix()):
        fresh.recover()
    after = snapshot(root)
    assert {key: after.get(key) for key in before} == before
    assert fresh.inventory(object_id_of("", "H02-230105-0001")).head == 1, "the other one was finished"
    assert fresh.ledger.head() == 1
    finish_interrupted(stores)
    if what == "intent":
        assert ("intent_damaged", torn.relative_to(root).as_posix()) in {
            (found.code, found.where) for found in _wrong(stores)
        }
    stage_paper(fresh, "C")
    with pytest.raises(DigestMismatch):
        commit_staged(fresh, "C", ELSEWHERE)
    torn.unlink()
    torn.write_bytes(sound)
    Archive(archive.objects, stores.clock).recover()
    assert Archive(archive.objects, stores.clock).inventory(object_id_of("", ELSEWHERE)).head == 1
    assert fresh.ledger.head() == 2


def _begun(archive: Archive, root: Path, document_id: str, dossier: str, what: str) -> Path:
    """Begin a commit and die as soon as the file is there; the file."""
    stage_paper(archive, document_id)
    place, kept = object_id_of("", dossier), object_root(object_id_of("", dossier))
    intents = f"intents/{kept.rpartition('/')[2]}"
    patterns = {"intent": f"{intents}/v1.json", "pin": f"{intents}/v1/*", "sidecar": f"{kept}/v1/inventory.json.sha256"}
    pattern = patterns.get(what, f"{kept}/v1/inventory.json")
    for call in range(1, 80):
        try:
            commit_staged(interposed(archive, at=call), document_id, dossier)
        except Crash:
            found = sorted(root.glob(pattern))
            if found and (root / intents / "v1.json").exists():
                return found[0]
    raise AssertionError(f"{place} was finished and never had {pattern}")


STAGED = {
    1: ("original.pdf", "plan.json"),
    2: ("pages/000001.json",),
    3: ("original.pdf", "fields.json"),
    4: ("original.pdf", "document.pdf", "text.txt", "alto.xml.gz", "quality.json", "record.json", "premis.jsonl"),
}
"""What each of the first stages has left, by how many of them are over."""


@pytest.mark.parametrize(("stages", "name"), [(stages, name) for stages, names in STAGED.items() for name in names])
@pytest.mark.parametrize("of_it", [0.0, 0.5])
def test_a_staged_file_that_was_cut_short_is_not_archived(stores: Stores, stages: int, name: str, of_it: float) -> None:
    document = _received(stores)
    for _ in range(stages):
        _work_once(stores)
    key = f"staging/{document.document_id}/{name}"
    path = _root(stores) / key
    sound = path.read_bytes()
    cut(path, int(len(sound) * of_it))
    count_points()
    go_on(stores)
    torn = now_of(stores, document)
    assert torn.status in (DocumentStatus.FAILED, DocumentStatus.HELD), torn
    assert torn.code in ("digest_mismatch", "damaged"), torn
    assert key in (torn.detail or "") or name in ("document.pdf", "original.pdf"), torn.detail
    if name == "original.pdf":
        path.unlink(missing_ok=True)
        path.write_bytes(sound)
    decisions.retry(stores, torn, actor=LAN)
    go_on(stores)
    assert now_of(stores, document).status is DocumentStatus.ARCHIVED
    assert _wrong(stores) == []


@pytest.mark.parametrize("name", ["document.pdf", "alto.xml.gz"])
def test_pages_are_not_appended_to_a_rendition_that_was_cut_short(stores: Stores, name: str) -> None:
    document = archived(stores, "Một")
    revise_with(stores, document, letter_bytes("Hai"), kind=RevisionKind.APPEND)
    path = _root(stores) / object_root(document.archived_in) / f"v1/content/documents/{document.document_id}/{name}"
    sound = path.read_bytes()
    cut(path, len(sound) - 20)
    count_points()
    go_on(stores)
    after = now_of(stores, document)
    assert after.revision is not None
    assert (after.revision.status, after.revision.code) == ("failed", "digest_mismatch")
    assert after.pdf_sha256 == document.pdf_sha256


def _received(stores: Stores) -> Document:
    return bring(stores, letter_bytes("Đơn xin"), filename="đơn.pdf")


def _work_once(stores: Stores) -> None:
    tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "other")
    assert pipeline.run_next(tools, started=lambda job, limit_s: None)
