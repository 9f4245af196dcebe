"""Any OCFL object or storage root is judged as the specification says, by its own codes, and left as it was."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sohoa.cli import app
from sohoa.clock import SystemClock
from sohoa.errors import StoreUnavailable
from storage.archive import Archive
from storage.archive.inventory import sidecar
from storage.archive.ocfl_root import HashedNTuple, validate_folder, validate_root
from storage.archive.ocfl_tree import FolderTree
from storage.archive.ocfl_validate import CHUNK_BYTES, ObjectReport, validate_object
from storage.objects import open_objects
from tests.support.crash import commit_staged, stage_paper
from tests.support.ocfl_fixtures import fixtures

DOSSIER = "000.00.05.H02-230105-0001"
CONFIG = "extensions/0004-hashed-n-tuple-storage-layout/config.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A storage root with a dossier of three versions and a paper of one, written by Sohoa, open to be spoilt."""
    archive = Archive(open_objects(tmp_path / "archive"), SystemClock())
    archive.initialise()
    for paper, dossier in (("A", DOSSIER), ("B", DOSSIER), ("C", DOSSIER), ("D", None)):
        stage_paper(archive, paper)
        commit_staged(archive, paper, dossier)
    shutil.copytree(tmp_path / "archive/ocfl", tmp_path / "ocfl")
    for path in (tmp_path / "ocfl").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "ocfl"


def dossier_in(root: Path) -> Path:
    (found,) = root.glob("*/*/*/*/v3")
    return found.parent


def codes_of(path: Path) -> set[str]:
    """Every code but the one that an ADR accepts."""
    return {finding.code for report in validate_folder(path) for finding in report.findings} - {"W004"}


def test_every_public_fixture_is_judged_as_its_folder_says_with_the_codes_in_its_name() -> None:
    judged, wrong = 0, []
    for fixture in fixtures():
        (report,) = validate_folder(fixture.path)
        errors = {finding.code for finding in report.findings if finding.is_error}
        warnings = {finding.code for finding in report.findings} - errors
        right = {
            "good": not errors and not warnings,
            "warn": not errors and warnings == fixture.codes,
            "bad": bool(errors) and errors >= fixture.codes,
        }
        judged += 1
        if not right[fixture.kind]:
            wrong.append(f"{fixture.path}: {sorted(errors)} {sorted(warnings)}")
    assert wrong == []
    assert judged == 156


def test_the_command_passes_and_fails_every_public_fixture_as_its_folder_says() -> None:
    for fixture in fixtures():
        result = CliRunner().invoke(app, ["validate-ocfl", str(fixture.path), "--json"])
        told = json.loads(result.stdout)
        assert (result.exit_code, told["valid"]) == ((4, False) if fixture.kind == "bad" else (0, True)), fixture.path
        assert {finding["code"] for finding in told["findings"]} >= fixture.codes


def test_a_root_that_sohoa_wrote_is_valid_in_a_folder_and_through_the_store(root: Path, tmp_path: Path) -> None:
    assert codes_of(root) == set()
    *objects, whole = validate_root(open_objects(tmp_path / "archive"), "ocfl/")
    checked = [report for report in objects if isinstance(report, ObjectReport)]
    assert all(report.is_valid for report in checked)
    assert sorted(len(report.inventory_sha256) for report in checked) == [1, 3]
    assert whole.findings == []


def _append(path: str, data: bytes = b"x") -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("ab") as file:
            file.write(data)

    return spoil


def _remove(pattern: str) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        for path in list(root.glob(pattern)):
            path.unlink()

    return spoil


def _folder(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).mkdir(parents=True)


def _move_object(root: Path) -> None:
    found = dossier_in(root)
    shutil.move(found, found.with_name("0" * 64))


def _newer_object(root: Path) -> None:
    (root / "0=ocfl_1.1").unlink()
    (root / "0=ocfl_1.0").write_bytes(b"ocfl_1.0\n")


def _same_object_twice(root: Path) -> None:
    shutil.rmtree(root / "extensions")
    (root / "ocfl_layout.json").unlink()
    shutil.copytree(dossier_in(root), root / "twin")


def _layout(**changes: object) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        config = json.loads((root / CONFIG).read_bytes())
        (root / CONFIG).write_text(json.dumps(config | changes))

    return spoil


ROOT_FAULTS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "no declaration": (_remove("0=ocfl_1.1"), {"E069"}),
    "two declarations": (_append("0=ocfl_1.0", b"ocfl_1.0\n"), {"E076", "E081"}),
    "an unknown version": (lambda root: shutil.move(root / "0=ocfl_1.1", root / "0=ocfl_9.9"), {"E077"}),
    "other words in the declaration": (_append("0=ocfl_1.1"), {"E080"}),
    "objects newer than their root": (_newer_object, {"E081"}),
    "a layout that is not JSON": (_append("ocfl_layout.json", b"{"), {"E070"}),
    "a layout without a name": (lambda root: (root / "ocfl_layout.json").write_text("{}"), {"E070"}),
    "a layout that nobody registered": (
        lambda root: (root / "ocfl_layout.json").write_text('{"extension":"x","description":"y"}'),
        {"E071"},
    ),
    "layout parameters that make no sense": (_layout(tupleSize=40), {"E071"}),
    "other layout parameters": (_layout(tupleSize=2), {"E083"}),
    "an object out of its place": (_move_object, {"E083"}),
    "the same id twice": (_same_object_twice, {"E037"}),
    "a file in the hierarchy": (_append("0ab/stray"), {"E072"}),
    "an empty folder in the hierarchy": (_folder("0ab/cde"), {"E073"}),
    "a file among the extensions": (_append("extensions/stray"), {"E112"}),
    "an unregistered extension": (_append("extensions/9999-mine/config.json"), {"W016"}),
}


@pytest.mark.parametrize("fault", ROOT_FAULTS)
def test_what_is_wrong_with_a_storage_root_is_told(root: Path, fault: str) -> None:
    spoil, codes = ROOT_FAULTS[fault]
    spoil(root)
    found = codes_of(root)
    assert found == codes


def test_a_file_at_the_top_of_a_root_is_none_of_the_validators_business(root: Path) -> None:
    _append("ocfl_1.1.html")(root)  # E087: a copy of the specification is meant to lie here
    assert codes_of(root) == set()


def _inventory(change: Callable[[dict[str, object]], object], place: str = "inventory.json") -> Callable[[Path], None]:
    """Change an inventory and make its sidecar right again, so that only the change itself can be found."""

    def spoil(found: Path) -> None:
        inventory = json.loads((found / place).read_bytes())
        change(inventory)
        data = json.dumps(inventory).encode()
        (found / place).write_bytes(data)
        (found / f"{place}.sha256").write_bytes(sidecar(data))

    return spoil


OBJECT_FAULTS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "no declaration": (_remove("0=*"), {"E003"}),
    "two declarations": (_append("0=ocfl_object_1.0", b"ocfl_object_1.0\n"), {"E003", "E038"}),
    "a declaration of something else": (lambda o: shutil.move(o / "0=ocfl_object_1.1", o / "0=bagit_1.0"), {"E006"}),
    "a stray file": (_append("stray"), {"E001"}),
    "a stray folder": (_append("stray/x"), {"E001"}),
    "a folder of logs": (_append("logs/today.txt"), set()),
    "no root inventory": (_remove("inventory.json"), {"E063"}),
    "a root inventory that is not JSON": (_append("inventory.json", b"{"), {"E033", "E060"}),
    "a repeated key": (lambda o: (o / "inventory.json").write_text('{"id":"a","id":"b"}'), {"E033", "E060"}),
    "no sidecar in a version": (_remove("v2/inventory.json.sha256"), {"E058"}),
    "a sidecar of another algorithm": (
        lambda o: shutil.move(o / "inventory.json.sha256", o / "inventory.json.sha512"),
        {"E059"},
    ),
    "a sidecar too many": (_append("v1/inventory.json.sha512", b"x"), {"E015"}),
    "a sidecar of one digit less": (
        lambda o: (o / "v1/inventory.json.sha256").write_bytes((o / "v1/inventory.json.sha256").read_bytes()[1:]),
        {"E060"},
    ),
    "a file beside the content": (_append("v2/stray"), {"E015"}),
    "a folder beside the content": (_append("v2/stray/x"), {"W002"}),
    "a file more": (_append("v1/content/documents/A/more"), {"E023"}),
    "an empty folder in the content": (_folder("v1/content/empty"), {"E024"}),
    "a version folder too many": (_append("v4/content/x"), {"E046", "E023", "W010"}),
    "a version folder too few": (lambda o: shutil.rmtree(o / "v2"), {"E046", "E010", "E092"}),
    "no inventory in a version": (
        lambda o: _remove("v2/inventory.json")(o) or _remove("v2/inventory.json.sha256")(o),
        {"W010"},
    ),
    "a file gone": (_remove("v1/content/documents/A/original.jpg"), {"E092"}),
    "a file longer": (_append("v1/content/documents/A/original.jpg"), {"E092"}),
    "another root inventory than the newest version's": (
        _inventory(lambda inventory: inventory.update(contentDirectory="content")),
        {"E064"},
    ),
    "an unknown key": (_inventory(lambda inventory: inventory.update(extra=1), "v1/inventory.json"), {"E102"}),
    "another id in an old version": (_inventory(lambda i: i.update(id="urn:x:y"), "v1/inventory.json"), {"E037"}),
    "fixity that is wrong": (
        _inventory(lambda i: i.update(fixity={"md5": {"0" * 32: ["v1/content/dossier.json"]}}), "v1/inventory.json"),
        {"E093"},
    ),
    "fixity that nobody knows": (
        _inventory(lambda i: i.update(fixity={"rot13": {"00": ["v1/content/dossier.json"]}}), "v1/inventory.json"),
        set(),
    ),
    "a symbolic link": (lambda o: (o / "logs").symlink_to(o / "v1"), {"E001", "E090"}),
}


@pytest.mark.parametrize("fault", OBJECT_FAULTS)
def test_what_is_wrong_with_an_object_is_told(root: Path, fault: str) -> None:
    spoil, codes = OBJECT_FAULTS[fault]
    found = dossier_in(root)
    spoil(found)
    assert codes_of(found) == codes


@pytest.mark.parametrize(
    "name", ["inventory.json", "inventory.json.sha256", "v1/content/dossier.json", "v2/inventory.json"]
)
def test_a_file_that_cannot_be_read_is_told_and_the_others_are_checked_all_the_same(root: Path, name: str) -> None:
    class Failing(FolderTree):
        def open(self, key: str):  # type: ignore[no-untyped-def]
            if key == name:
                raise StoreUnavailable(f"{key} cannot be read (Input/output error)")
            return super().open(key)

    report = validate_object(Failing(dossier_in(root)))
    assert not report.is_valid
    assert {finding.where for finding in report.findings if finding.is_error} == {name}


def test_a_large_file_is_read_in_pieces(root: Path) -> None:
    with (dossier_in(root) / "v1/content/documents/A/original.jpg").open("r+b") as file:
        file.truncate(64 * CHUNK_BYTES)
    tracemalloc.start()
    try:
        assert codes_of(root) == {"E092"}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * CHUNK_BYTES


def test_nothing_is_written_into_what_is_checked(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]}
    codes_of(root)
    assert {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]} == before


@pytest.mark.parametrize(
    ("tuples", "path"),
    [
        (HashedNTuple(), "3c0/ff4/240/3c0ff4240c1e116dba14c7627f2319b58aa3d77606d0d90dfc6161608ac987d4"),
        (HashedNTuple("md5", 2, 15, short_root=True), "ff/75/53/44/92/48/5e/ab/b3/9f/86/35/67/28/88/4e"),
        (HashedNTuple(tuple_size=0, tuples=0), "3c0ff4240c1e116dba14c7627f2319b58aa3d77606d0d90dfc6161608ac987d4"),
    ],
)
def test_objects_lie_where_the_examples_of_layout_0004_have_them(tuples: HashedNTuple, path: str) -> None:
    assert tuples.path_of("object-01") == path


@pytest.mark.parametrize("path", ["nothing", "file"])
def test_what_is_no_folder_is_wrong_use(tmp_path: Path, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["validate-ocfl", str(tmp_path / path)])
    assert result.exit_code != 0
    assert "is not a folder" in str(result.exception)


def test_the_folder_around_a_storage_root_is_told_from_it(root: Path) -> None:
    result = CliRunner().invoke(app, ["validate-ocfl", str(root.parent)])
    assert str(root) in str(result.exception)


def test_names_that_upset_a_terminal_are_printed_harmlessly(root: Path) -> None:
    (dossier_in(root) / "\x1b[2J\udce9").touch()
    for arguments in ([], ["--json"]):
        result = CliRunner().invoke(app, ["validate-ocfl", str(root), *arguments])
        assert result.exit_code == 4
        assert "\x1b" not in result.stdout
