"""`verify` finds every way in which the archive, its receipts, the ledger, the catalogue and the index can disagree."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from sohoa.errors import StoreUnavailable
from sohoa.model import Actor, DocumentId, OfficeId
from storage.archive.layout import ledger_key, object_id_of, object_root, receipt_key, sha256_of, to_json
from storage.archive.verify import verify_archive
from storage.archive.verify_findings import ADVICE
from storage.catalog import outbox
from storage.catalog.documents import Document
from storage.catalog.tables import documents, jobs
from storage.index import open_index
from storage.index.protocol import IndexEntry
from tests.support.archived import Api, opened_api
from tests.support.crash import Crash, interposed, stage_paper
from tests.support.verified import OBJECT, codes, fill, flip, kinds_of_files, overwrite, snapshot, verified

pytestmark = pytest.mark.usefixtures("no_power_cuts")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Document]]:
    home = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch, opened_api(home) as opened:
        patch.setattr("os.fsync", lambda descriptor: None)
        return home, fill(opened)


@pytest.fixture
def api(tmp_path: Path, filled: tuple[Path, dict[str, Document]]) -> Iterator[Api]:
    """The filled archive, each test its own, an hour later: what was changed a moment ago is looked at twice."""
    shutil.copytree(filled[0], tmp_path / "home")
    with opened_api(tmp_path / "home") as opened:
        opened.clock.advance(seconds=3600)
        yield opened


@pytest.fixture
def papers(filled: tuple[Path, dict[str, Document]]) -> dict[str, Document]:
    return filled[1]


def root_of(api: Api) -> Path:
    return api.stores.settings.folder_of("")


def errors(api: Api, object_id: str | None = None) -> set[str]:
    """Codes of what is wrong; what is pending does not count."""
    report = verified(api.stores, object_id)
    return {found.code for found in report.findings if found.severity != "pending"}


def test_an_archive_with_papers_of_every_ending_is_clean(api: Api, papers: dict[str, Document]) -> None:
    report = verified(api.stores)
    assert report.findings == []
    assert report.is_clean
    checked = report.checked
    assert (checked["objects"], checked["documents"], checked["rows"], checked["receipts"]) == (4, 6, 7, 7)
    content = [path.stat().st_size for path in (root_of(api) / "ocfl").glob("*/*/*/*/**/*") if path.is_file()]
    assert (checked["files"], checked["size_bytes"]) == (len(content), sum(content))
    for document in papers.values():
        if document.version is not None:
            assert errors(api, object_id_of(document.document_id, document.dossier)) == set()


def test_an_empty_archive_is_clean(tmp_path: Path) -> None:
    with opened_api(tmp_path) as empty:
        assert verified(empty.stores).findings == []


@pytest.mark.slow
def test_a_flipped_bit_in_each_kind_of_file_is_found_and_named_and_nothing_else_touched(
    api: Api, papers: dict[str, Document]
) -> None:
    root, tried = root_of(api), 0
    for kind, key in kinds_of_files(papers).items():
        sound = (root / key).read_bytes()
        places = {0, 1, len(sound) // 3, len(sound) // 2, len(sound) - 2, len(sound) - 1}
        for place in sorted(place for place in places if 0 <= place < len(sound)):
            for bit in (0, 5):
                flip(root / key, place, bit=bit)
                before = snapshot(root)
                report = verified(api.stores)
                assert snapshot(root) == before
                wrong = [found for found in report.findings if found.severity != "pending"]
                assert wrong, f"byte {place} of the {kind} is not noticed"
                assert any(key in (found.where, *found.detail.split(" ")) or found.where in key for found in wrong), (
                    f"{kind}, byte {place}: {key} is not named: {wrong}"
                )
                if key.startswith(object_root(OBJECT)):
                    others = [
                        found
                        for found in wrong
                        if found.where.startswith("ocfl/") and not found.where.startswith(object_root(OBJECT))
                    ]
                    assert others == []
                overwrite(root / key, sound)
                tried += 1
    assert tried > 200
    assert verified(api.stores).findings == []


@pytest.mark.slow
def test_every_byte_of_a_ledger_entry_a_receipt_and_a_sidecar_counts(api: Api, papers: dict[str, Document]) -> None:
    root = root_of(api)
    files = kinds_of_files(papers)
    for kind in ("ledger entry", "receipt", "version sidecar", "object declaration"):
        path = root / files[kind]
        sound = path.read_bytes()
        for place in range(0, len(sound), 7 if len(sound) > 200 else 1):
            flip(path, place)
            assert errors(api), f"byte {place} of the {kind} is not noticed"
            overwrite(path, sound)
    assert errors(api) == set()


@pytest.mark.parametrize(
    "kind", ["document.pdf", "version inventory", "root inventory", "object declaration", "receipt", "ledger entry"]
)
def test_a_file_that_is_gone_is_found(api: Api, papers: dict[str, Document], kind: str) -> None:
    key = kinds_of_files(papers)[kind]
    (root_of(api) / key).unlink()
    report = verified(api.stores)
    assert not report.is_clean
    assert any(key in found.where or key in found.detail or found.where in key for found in report.findings)


@pytest.mark.parametrize("cut", [1, 100])
def test_a_file_cut_short_is_found(api: Api, papers: dict[str, Document], cut: int) -> None:
    path = root_of(api) / kinds_of_files(papers)["document.pdf"]
    overwrite(path, path.read_bytes()[:-cut])
    assert errors(api) == {"E092"}


def test_a_file_that_cannot_be_read_is_told_apart_from_a_changed_one(
    api: Api, papers: dict[str, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = kinds_of_files(papers)["document.pdf"]
    really = type(api.stores.archive.objects).open

    def failing(self: object, wanted: str, **part: object) -> object:
        if wanted == key:
            raise StoreUnavailable(f"the archive's disk cannot be used (Input/output error) at {wanted}")
        return really(self, wanted, **part)  # type: ignore[arg-type]

    monkeypatch.setattr(type(api.stores.archive.objects), "open", failing)
    report = verified(api.stores)
    assert [(found.code, found.where, found.severity) for found in report.findings] == [("unreadable", key, "error")]


def test_a_store_that_is_away_is_no_finding(
    api: Api, papers: dict[str, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: object, key: str, **part: object) -> object:
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr(type(api.stores.archive.objects), "open", away)
    monkeypatch.setattr(type(api.stores.archive.objects), "read", away)
    with pytest.raises(StoreUnavailable):
        verified(api.stores)


# the ledger


def _spoil_entry(root: Path, sequence: int, **changes: object) -> None:
    path = root / ledger_key(sequence)
    overwrite(path, to_json(json.loads(path.read_bytes()) | changes))


def _swap_entries(root: Path) -> None:
    one, other = root / ledger_key(2), root / ledger_key(3)
    first, second = one.read_bytes(), other.read_bytes()
    overwrite(one, second)
    overwrite(other, first)


def _insert_entry(root: Path) -> None:
    """An entry put in between, with the numbers after it moved up, as somebody thorough would."""
    for sequence in range(7, 2, -1):
        entry = json.loads((root / ledger_key(sequence)).read_bytes()) | {"sequence": sequence + 1}
        (root / ledger_key(sequence + 1)).write_bytes(to_json(entry))
        (root / ledger_key(sequence)).unlink()
    entry = json.loads((root / ledger_key(2)).read_bytes()) | {"sequence": 3, "commits": []}
    (root / ledger_key(3)).write_bytes(to_json(entry))


LEDGER_FAULTS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "an entry changed": (
        lambda root: _spoil_entry(root, 3, recorded_at="2026-01-02T03:04:06.000Z"),
        {"ledger_broken", "ledger_damaged"},
    ),
    "an entry emptied": (lambda root: _spoil_entry(root, 3, commits=[]), {"ledger_broken", "not_in_ledger"}),
    "an entry dropped": (lambda root: (root / ledger_key(3)).unlink(), {"ledger_gap", "not_in_ledger"}),
    "the last entry dropped": (lambda root: (root / ledger_key(7)).unlink(), {"not_in_ledger"}),
    "everything dropped": (lambda root: shutil.rmtree(root / "ledger"), {"not_in_ledger"}),
    "two entries swapped": (_swap_entries, {"ledger_broken", "ledger_damaged", "not_in_ledger"}),
    "an entry put in": (_insert_entry, {"ledger_broken", "catalog_disagrees"}),
    "no JSON": (lambda root: overwrite(root / ledger_key(3), b"{"), {"ledger_damaged", "ledger_broken", "not_in_ledger"}),
    "a stray file": (lambda root: (root / "ledger/000/000/notes.txt").touch(), {"ledger_stray"}),
}  # fmt: skip


@pytest.mark.parametrize("fault", LEDGER_FAULTS)
def test_whatever_is_done_to_the_ledger_is_found(api: Api, papers: dict[str, Document], fault: str) -> None:
    spoil, expected = LEDGER_FAULTS[fault]
    spoil(root_of(api))
    assert errors(api) == expected


def test_a_version_named_twice_is_found(api: Api, papers: dict[str, Document]) -> None:
    root = root_of(api)
    newest = json.loads((root / ledger_key(7)).read_bytes())
    previous = sha256_of((root / ledger_key(7)).read_bytes())
    (root / ledger_key(8)).write_bytes(to_json(newest | {"sequence": 8, "previous": previous}))
    assert errors(api) == {"ledger_twice"}


def test_an_object_or_a_version_that_only_the_ledger_knows_is_found(api: Api, papers: dict[str, Document]) -> None:
    root, loose = root_of(api), object_id_of(papers["loose"].document_id, None)
    shutil.rmtree(root / object_root(loose))
    assert errors(api) == {"object_missing", "document_missing"}
    # The dossier as it was before its last commit, as a copy restored from an older backup has it.
    dossier = root / object_root(OBJECT)
    shutil.rmtree(dossier / "v4")
    for name in ("inventory.json", "inventory.json.sha256"):
        overwrite(dossier / name, (dossier / "v3" / name).read_bytes())
    assert errors(api) >= {"version_missing", "catalog_disagrees"}
    assert errors(api, OBJECT) == {"catalog_disagrees"}


# receipts


def test_a_receipt_without_a_document_is_found_unless_it_has_just_been_given(
    api: Api, papers: dict[str, Document]
) -> None:
    root = root_of(api)
    receipt = json.loads((root / receipt_key(papers["first"].document_id)).read_bytes())
    stranger = to_json(receipt | {"document_id": "STRANGER", "sha256": "0" * 64})
    (root / receipt_key("STRANGER")).write_bytes(stranger)
    assert errors(api) == {"receipt_without_document"}
    stage_paper(api.stores.archive, "STRANGER")
    report = verified(api.stores)
    assert (codes(report), report.is_clean) == (["receipt_pending"], True)


def test_a_document_without_a_receipt_is_found(api: Api, papers: dict[str, Document]) -> None:
    for name in ("first", "received"):
        (root_of(api) / receipt_key(papers[name].document_id)).unlink()
    report = verified(api.stores)
    assert [found.code for found in report.findings] == ["receipt_missing"] * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sha256", "0" * 64), ("office", "H03"), ("dossier", "H56.14-230105-0009"), ("filename", "b.png"), ("kind", "jpg"),
        ("size_bytes", 1), ("actor", "person:nam"), ("accepted_at", "2026-01-02T03:04:05.001Z"), ("external_id", "x"),
        ("declared", {"type": "KH"}), ("staged_key", "staging/x/original.png"), ("media_type", "image/jpeg"),
    ],
)  # fmt: skip
def test_a_receipt_that_says_something_else_is_found_whatever_it_is(
    api: Api, papers: dict[str, Document], name: str, value: object
) -> None:
    path = root_of(api) / receipt_key(papers["first"].document_id)
    overwrite(path, to_json(json.loads(path.read_bytes()) | {name: value}))
    assert errors(api) == {"receipt_disagrees"}


def test_a_receipt_in_another_spelling_is_no_receipt_of_ours(api: Api, papers: dict[str, Document]) -> None:
    path = root_of(api) / receipt_key(papers["first"].document_id)
    overwrite(path, json.dumps(json.loads(path.read_bytes()), indent=1).encode())
    assert errors(api) == {"receipt_damaged"}


def test_an_accepted_paper_whose_bytes_are_gone_or_changed_is_found(api: Api, papers: dict[str, Document]) -> None:
    staged = root_of(api) / f"staging/{papers['received'].document_id}/original.png"
    flip(staged, 20)
    assert errors(api) == {"original_damaged"}
    staged.unlink()
    assert errors(api) == {"original_missing"}


# catalogue


def _set(api: Api, document: Document, **values: object) -> None:
    with api.stores.database.write() as connection:
        connection.execute(update(documents).where(documents.c.document_id == document.document_id).values(**values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"version": 1}, {"catalog_disagrees"}),
        ({"sequence": 7}, {"catalog_disagrees", "index_behind"}),
        ({"pdf_sha256": "0" * 64}, {"catalog_disagrees"}),
        ({"original_sha256": "0" * 64}, {"catalog_disagrees", "receipt_disagrees"}),
        ({"object_id": "urn:sohoa:document:X"}, {"catalog_disagrees"}),
        ({"status": "held"}, {"record_disagrees"}),
        ({"dossier": None}, {"catalog_disagrees", "record_disagrees"}),
        ({"office": "H03"}, {"receipt_disagrees"}),
        ({"searchable_at": None}, {"not_searchable"}),
    ],
)
def test_a_catalogue_that_says_something_else_is_found(
    api: Api, papers: dict[str, Document], values: dict[str, object], expected: set[str]
) -> None:
    _set(api, papers["second"], **values)
    assert errors(api) == expected


def test_a_document_that_only_one_side_knows_is_found(api: Api, papers: dict[str, Document]) -> None:
    with api.stores.database.write() as connection:
        connection.execute(delete(documents).where(documents.c.document_id == papers["loose"].document_id))
    assert errors(api) == {"not_in_catalog", "index_surplus"}
    _set(api, papers["received"], version=1, sequence=9, object_id=OBJECT)
    assert errors(api) >= {"document_missing"}


# index


def test_an_index_that_lacks_a_document_or_has_an_older_one_or_one_more_is_found(
    api: Api, papers: dict[str, Document]
) -> None:
    with open_index(api.stores.settings, mode="write") as index:
        index.write([IndexEntry(DocumentId("STRANGER"), 99, office=OfficeId("H02"), filename="x")])
    assert errors(api) == {"index_surplus"}
    shutil.rmtree(api.stores.settings.index_root())
    with open_index(api.stores.settings, mode="write") as index:
        index.write([IndexEntry(papers["first"].document_id, 0, office=OfficeId("H02"), filename="x")])
    assert errors(api) == {"not_in_index", "index_behind"}


def test_a_new_index_is_only_pending(api: Api, papers: dict[str, Document]) -> None:
    shutil.rmtree(api.stores.settings.index_root())
    report = verified(api.stores)
    assert (codes(report), report.is_clean) == (["index_pending"], True)


# what is only unfinished


def test_what_waits_in_the_outbox_is_pending(api: Api, papers: dict[str, Document]) -> None:
    with api.stores.database.write() as connection:
        outbox.put(connection, papers["first"].document_id, now=api.clock.now())
    report = verified(api.stores)
    assert (codes(report), report.is_clean) == (["index_pending"], True)


def test_a_commit_that_the_catalogue_has_yet_to_learn_of_is_pending_while_its_job_lives(
    api: Api, papers: dict[str, Document]
) -> None:
    archive, document_id = api.stores.archive, papers["first"].document_id
    changed = archive.stage(document_id, "premis.jsonl", b"{}\n", overwrite=True)
    archive.commit_and_record(OBJECT, [changed], actor=Actor("person:lan"), message="x")
    archive.clear_staging(document_id)
    assert errors(api) == {"catalog_disagrees"}
    with api.stores.database.write() as connection:
        job = {"kind": "decide", "document_id": document_id, "page": 0, "payload": {}, "state": "leased"}
        connection.execute(jobs.insert().values(**job, priority=0, turn=0, attempts=1, run_after=api.clock.now()))
    report = verified(api.stores)
    assert (codes(report), report.is_clean) == (["catalog_pending"], True)


def test_a_reserved_version_is_pending_however_far_it_came_and_damage_beside_it_is_not(
    api: Api, papers: dict[str, Document]
) -> None:
    document_id = papers["first"].document_id
    seen: set[str] = set()
    for call in range(1, 60):
        api.stores.archive.recover()
        staged = api.stores.archive.stage(document_id, "premis.jsonl", b"{}\n" * call, overwrite=True)
        dying = interposed(api.stores.archive, at=call)
        try:
            dying.commit_and_record(OBJECT, [staged], actor=Actor("person:lan"), message="x")
            break
        except Crash:
            report = verified(api.stores)
            if "commit_open" in codes(report):
                unfinished = [found for found in report.findings if found.severity != "pending"]
                assert unfinished == [], call
                seen |= set(codes(report))
                damaged = root_of(api) / kinds_of_files(papers)["document.pdf"]
                flip(damaged, 9)
                assert errors(api) == {"E092"}
                flip(damaged, 9)
    assert seen >= {"commit_open", "E046", "E060", "not_in_ledger"}


# the rest


def test_pdfs_are_drawn_by_lot_and_what_the_validator_says_is_told(api: Api, papers: dict[str, Document]) -> None:
    def check(path: Path, conformance: str) -> str | None:
        assert path.read_bytes().startswith(b"%PDF")
        return f"not {conformance}: 6.1.2"

    with open_index(api.stores.settings) as index:
        for sample, drawn in ((0, 0), (2, 2), (99, 4)):
            report = verify_archive(api.stores, index, check_pdf=check, sample=sample, chance=random.Random(1))
            assert report.checked["pdfs"] == drawn
            assert [found.code for found in report.findings] == ["pdfa_invalid"] * drawn


def test_the_operators_table_is_the_one_in_the_code() -> None:
    root = Path(__file__).parents[2]
    table = (root / "docs/operations/verify.md").read_text()
    for code, (severity, meaning, do) in ADVICE.items():
        assert f"| `{code}` | {severity} | {meaning} | {do} |" in table
    used = {
        code
        for path in root.glob("storage/archive/*.py")
        for code in re.findall(r'finding\(\s*"([a-z_]+)"', path.read_text())
    }
    assert used - ADVICE.keys() == set()
