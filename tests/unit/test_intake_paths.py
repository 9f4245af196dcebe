"""Files named on a command line: what is read, what is refused, and under which name they are shown."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.receive import clean_filename, receive_path
from storage.archive.archive import Archive
from tests.support import files
from tests.support.desk import INTAKE, Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        yield opened


def test_path_is_taken_in_by_its_bytes(desk: Desk) -> None:
    path = files.write(desk.root / "scan.txt", files.image_bytes("JPEG"))
    assert desk.bring_path(path).document.kind == "jpg"
    link = desk.root / "link"
    link.symlink_to(path)
    assert desk.bring_path(link).duplicate_of is not None


def test_missing_files_folders_and_pipes_are_refused_without_waiting(desk: Desk) -> None:
    os.mkfifo(desk.root / "pipe")
    assert desk.refuses_path(desk.root / "no.pdf") == "not_found"
    assert desk.refuses_path(desk.root / "archive" / "no" / "such.pdf") == "not_found"
    assert desk.refuses_path(desk.root) == "not_readable"
    assert desk.refuses_path(desk.root / "pipe") == "not_readable"
    assert desk.refuses_path(Path("/dev/null")) == "not_readable"


@pytest.mark.parametrize("change", ["grow", "rewrite"])
def test_file_that_changes_while_it_is_read_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = files.write(desk.root / "scan.png", files.image_bytes("PNG"))
    stage = Archive.stage

    def stage_and_change(archive: Archive, *args: Any, **options: Any) -> Any:
        staged = stage(archive, *args, **options)
        with path.open("ab" if change == "grow" else "r+b") as file:
            file.write(b"\0" * 10)
        os.utime(path, ns=(1, 1))
        return staged

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "stage", stage_and_change)
        assert desk.refuses_path(path) == "changed_while_read"


def test_file_without_right_to_read_is_refused(desk: Desk) -> None:
    """Root may read everything, so where the tests run as root another user's process tries."""
    path = files.write(desk.root / "closed.png", files.image_bytes("PNG"))
    path.chmod(0)
    if os.geteuid() != 0:
        assert desk.refuses_path(path) == "not_readable"
        return
    program = """
import os, sys
from pathlib import Path
from ingest.receive import _open_regular
from sohoa.errors import Refused

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    _open_regular(Path(os.environ["CLOSED"]))
except Refused as refused:
    sys.exit(0 if refused.code == "not_readable" else refused.code)
sys.exit("it was opened")
"""
    environment = {**os.environ, "CLOSED": str(path), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


def test_file_whose_disk_fails_is_refused_as_not_readable(desk: Desk) -> None:
    # /proc/self/mem is a regular file that may be opened and whose first page cannot be read.
    assert desk.refuses_path(Path("/proc/self/mem")) == "not_readable"


def test_name_with_newlines_and_255_bytes_is_accepted_and_shown_on_one_line(desk: Desk) -> None:
    name = "giấy\nphép\r\n" + "ố" * 79 + ".png"
    path = files.write(desk.root / name, files.image_bytes("PNG"))
    assert len(os.fsencode(name)) == 255
    accepted = receive_path(
        path,
        replace(INTAKE, filename=path.name),
        archive=desk.archive,
        database=desk.database,
        settings=desk.settings,
        clock=desk.clock,
    )
    shown = accepted.document.source_name
    assert shown.isprintable()
    assert shown.startswith("giấy\ufffdphép")
    assert shown.endswith("ố.png")
    assert len(shown.encode()) <= 255


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a.pdf", "a.pdf"),
        ("Giấy phép (2).pdf", "Giấy phép (2).pdf"),
        (unicodedata.normalize("NFD", "hòa.pdf"), "hòa.pdf"),
        ("../../etc/passwd", "passwd"),
        (os.fsdecode(b"c\xf4ng van.pdf"), "c\ufffdng van.pdf"),
        ("fdp.\u202eexe.pdf", "fdp.\ufffdexe.pdf"),
        ("", "unnamed"),
        ("folder/", "unnamed"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("ố" * 100, "ố" * 85),
        (".pdf" + "x" * 300, ".pdf" + "x" * 251),
    ],
)
def test_names_are_cleaned_for_showing(given: str, shown: str) -> None:
    assert clean_filename(given) == shown
