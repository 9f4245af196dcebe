"""The fixity checker cannot record success on damage: broken in each of these ways, its own tests fail.

Each mutant is the sources with one place changed, in a folder of its own, and a run of the tests of the check there.
"""

# ruff: noqa: E501 - one mutant, one line

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.mutants

ROOT = Path(__file__).parents[2]
COPIED = ("storage", "ocr_workers")
LINKED = ("sohoa", "ingest", "search_api", "tests", "pyproject.toml")
VALIDATE, OBJECTS = "storage/archive/ocfl_validate.py", "storage/archive/verify_objects.py"
FIXITY, DUTY = "storage/archive/fixity.py", "ocr_workers/fixity_duty.py"
RECEIPTS = "storage/archive/verify_documents.py"

MUTANTS: dict[str, tuple[str, str, str]] = {
    # the comparison
    "a digest compares the wrong way round": (VALIDATE, "].hexdigest() != expected:", "].hexdigest() == expected:"),
    "a digest is never compared": (VALIDATE, "if algorithm in digests and digests[", "if False and digests["),
    "the digest that is expected is compared with itself": (VALIDATE, "digests[algorithm].hexdigest() != expected", "expected != expected"),
    "only the beginning of a digest is compared": (
        VALIDATE, "digests[algorithm].hexdigest() != expected", "digests[algorithm].hexdigest()[:0] != expected[:0]",
    ),
    "a digest without the file's bytes": (VALIDATE, "at.feed(path, [digest.update for", "at.feed(path, [bytes for"),
    "the wrong digest is found out and not told": (VALIDATE, 'at.say(code, path, f"its {algorithm} digest is not the one in {where}")', "pass"),
    "a sidecar is never compared": (VALIDATE, "digest.hexdigest() != match[1].decode().lower()", "False"),
    "a sidecar compares the wrong way round": (VALIDATE, "digest.hexdigest() != match[1]", "digest.hexdigest() == match[1]"),
    "a sidecar is compared with the digest of nothing": (VALIDATE, "    digest.update(inventory)\n", ""),
    "a sidecar may be spelled anyhow": (VALIDATE, "at.report.irregular.add(", "str("),
    "a declaration compares the wrong way round": (VALIDATE, "if at.read(name) != f", "if at.read(name) == f"),
    # files left out
    "the first file is skipped": (VALIDATE, "in sorted(wanted):", "in sorted(wanted)[1:]:"),
    "the last file is skipped": (VALIDATE, "in sorted(wanted):", "in sorted(wanted)[:-1]:"),
    "PDFs are skipped": (VALIDATE, "in sorted(wanted):", "in (w for w in sorted(wanted) if not w.endswith('pdf')):"),
    "old versions' files are skipped": (VALIDATE, "in sorted(wanted):", "in (w for w in sorted(wanted) if not w.startswith('v1/')):"),
    "only the first piece of a file is read": (VALIDATE, "while chunk := file.read(CHUNK_BYTES):", "if chunk := file.read(CHUNK_BYTES):"),
    "the last piece of a file is dropped": (
        VALIDATE, "while chunk := file.read(CHUNK_BYTES):", "while len(chunk := file.read(CHUNK_BYTES)) == CHUNK_BYTES:",
    ),
    "a missing file is not told": (VALIDATE, "if path not in at.paths:", "if False:"),
    "versions' own inventories are skipped": (VALIDATE, "    for name in names:\n        folder = f", "    for name in []:\n        folder = f"),
    "the last object is skipped": (FIXITY, "range(int(begun, 16), 16**2)", "range(int(begun, 16), 16**2 - 1)"),
    "the rest of a folder is skipped after an interruption": (FIXITY, "range(int(begun, 16), 16**2)", "range(int(begun, 16) + bool(after > ROOT), 16**2)"),
    "objects are read twice after an interruption": (FIXITY, "            if root > after:", "            if root >= after:"),
    "objects are skipped": (FIXITY, "            if root > after:", "            if root > after + 'z':"),
    "receipts are skipped": (FIXITY, "        if key > after:", "        if key > after and False:"),
    "receipts are not opened": (FIXITY, "yield _receipt_unit(objects, key, check_receipt)", "yield Unit(key, objects.stat(key).size_bytes)"),
    "the last ledger entry is skipped": (FIXITY, "range(start, max([head, *anchors]) + 1)", "range(start, max([head, *anchors]))"),
    "the first ledger entry is skipped": (FIXITY, ' + 1 if after.startswith("ledger/") else 1', ' + 1 if after.startswith("ledger/") else 2'),
    "the storage root is skipped": (FIXITY, "        yield _root_unit(objects)", "        yield Unit(ROOT, 0)"),
    # errors swallowed
    "a file that cannot be read is passed over": (VALIDATE, 'at.say("E092", path, f"it cannot be read: {error.detail}")', "pass"),
    "a disk error ends the file": (
        VALIDATE, 'raise StoreUnavailable(f"{key} cannot be read ({error.strerror or error})") from error', "str(error)",
    ),
    "an inventory that cannot be read is passed over": (VALIDATE, 'at.say("E063", path, f"the inventory', 'str(f"the inventory'),
    "an entry that is no entry is passed over": (FIXITY, 'yield finding("ledger_damaged", key, "it is not an entry', 'str("it is not an entry'),
    "a ledger entry that is gone is passed over": (FIXITY, 'yield Unit(key, 0, (finding("ledger_gap", key, "the entry is gone"),))', "yield Unit(key, 0)"),
    "a receipt that is none is passed over": (
        RECEIPTS,
        'receipt.document_id != document_id:\n        yield finding("receipt_damaged", key, "it is not a receipt as Sohoa writes them")',
        "receipt.document_id != document_id:\n        pass",
    ),
    "a store that is away is taken for damage": (OBJECTS, "            probe(objects)", "            pass"),
    # findings lost or belittled
    "an object's findings are thrown away": (OBJECTS, "for found in wrong]", "for found in wrong[:0]]"),
    "sidecars spelled otherwise are thrown away": (OBJECTS, "for key in sorted(report.irregular)]", "for key in ()]"),
    "accepted codes are taken for the others": (OBJECTS, "if found.code not in ACCEPTED]", "if found.code in ACCEPTED]"),
    "everything is pending": (OBJECTS, "pending = bool(open_versions) and", "pending = True or"),
    "damage beside a commit is pending": (OBJECTS, "and (unfinished or of_the_object)", "and True"),
    "a commit in progress is an error": (OBJECTS, "pending = bool(open_versions) and", "pending = False and"),
    "an object's findings do not reach the unit": (FIXITY, "checked.report.size_bytes, findings, checked)", "checked.report.size_bytes, (), checked)"),
    "errors are no failures": (FIXITY, 'if found.severity != "error":', 'if found.severity == "error":'),
    "warnings alone are failures": (FIXITY, 'if found.severity != "error":', 'if found.severity != "warning":'),
    "the ledger's chain is not compared": (FIXITY, "if before is not None and previous != before:", "if False:"),
    "the ledger's chain compares the wrong way round": (FIXITY, "previous != before:", "previous == before:"),
    "digests written down are not compared": (FIXITY, "if sequence in anchors and sha256 != anchors[sequence]:", "if False:"),
    "digests are not written down": (DUTY, "anchor=anchor)", "anchor=None)"),
    "what the ledger says of a version is not compared": (FIXITY, "if told != commit.inventory_sha256:", "if told != commit.inventory_sha256 and False:"),
    "a version that is gone is passed over": (FIXITY, 'yield finding("version_missing", key, f"version {commit.version} of {commit.object_id} is gone")', "pass"),
    "a receipt is not compared with its document": (FIXITY, "size_bytes, tuple(check_receipt(", "size_bytes, tuple(() and check_receipt("),
    "a receipt may be spelled anyhow": (RECEIPTS, "return receipt if receipt_bytes(receipt) == data else None", "return receipt"),
    "a receipt that disagrees is passed over": (RECEIPTS, "        yield finding(\"receipt_disagrees\", key, f\"the catalogue says", "        str(f\"the catalogue says"),
    # success recorded
    "a unit's failures are not added": (DUTY, "failures=(*stretch.failures, *failures_of(unit))", "failures=stretch.failures"),
    "a unit's failures replace those before": (DUTY, "failures=(*stretch.failures, *failures_of(unit))", "failures=tuple(failures_of(unit)) "),
    "failures are not written down": (FIXITY, "    stretch = replace(stretch, failures=failures)\n", "    stretch = replace(stretch, failures=())\n"),
    "success is recorded before the reading": (
        DUTY,
        "            for unit in read_units(",
        "            self._record(replace(stretch, ends_round=True))\n            for unit in read_units(",
    ),
    "success is recorded for an object that is not read": (FIXITY, "yield _object_unit(objects, root, layout, root_report, disposed)", "yield Unit(root, 0)"),
    "everything that is found counts as deleted meanwhile": (FIXITY, "if findings and disposed(root) is not None:", "if findings:"),
    "whatever is gone counts as disposed of": (FIXITY, "            if certificate is None or commit.version", "            if certificate is None:\n                continue\n            if commit.version"),
    "an interrupted round is recorded as over": (
        DUTY,
        "                self._record(stretch)\n            raise",
        "                self._record(replace(stretch, ends_round=True))\n            raise",
    ),
    "an interruption is taken for the end": (DUTY, "                self._record(stretch)\n            raise", "                self._record(stretch)"),
    "what was read before an interruption is forgotten": (DUTY, "if stretch.units and self._has_lease():", "if False:"),
    "another's lease does not matter": (DUTY, "        if not self._has_lease():\n            raise Interrupted\n        ledger", "        ledger"),
    "a stretch claims more than it read": (DUTY, "        upto=unit.key,", "        upto=unit.key + 'z',"),
    # cover
    "cover counts from the newest reading": (FIXITY, "return self.old[0].started_at", "return self.old[-1].started_at"),
    "a first round under way covers everything": (FIXITY, "if self.is_over and self.new else None", "if self.new else None"),
    "older readings are forgotten too soon": (FIXITY, "(self.is_over or self.old[0].upto <= self.position)", "True"),
    "older readings are never forgotten": (FIXITY, "(self.is_over or self.old[0].upto <= self.position)", "False"),
    "failures of the round before are forgotten at once": (FIXITY, "if not self._is_passed(each)]", "if False]"),
    "failures are never forgotten": (FIXITY, "return unit_of(failure.where) <= self.position", "return False"),
    "whatever is old enough is in time": (FIXITY, "or self.round_started_at) <= period", "or self.round_started_at) >= period"),
}  # fmt: skip


def _grown(folder: Path, mutant: tuple[str, str, str] | None) -> Path:
    """The sources in a folder of their own, one place of them changed."""
    folder.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    if mutant is not None:
        path, old, new = mutant
        source = (folder / path).read_text()
        assert source.count(old) == 1, (
            f"{path} has {old!r} {source.count(old)} times: the list of mutants is out of date"
        )
        (folder / path).write_text(source.replace(old, new))
        compile((folder / path).read_text(), path, "exec")
    return folder


def _tested(folder: Path) -> subprocess.CompletedProcess[str]:
    """The checker's own tests, on the sources in a folder."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "tests/unit/test_fixity.py",
        "tests/unit/test_fixity_rounds.py",
    ]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_sources_as_they_are_pass(tmp_path: Path) -> None:
    run = _tested(_grown(tmp_path / "sound", None))
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_checker_fails_its_tests(tmp_path: Path, mutant: str) -> None:
    run = _tested(_grown(tmp_path / "mutant", MUTANTS[mutant]))
    assert run.returncode == 1, run.stdout + run.stderr
    assert " error" not in run.stdout.splitlines()[-1], run.stdout
