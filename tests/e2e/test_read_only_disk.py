"""The archive's disk is mounted read-only for a while, as a kernel does with one that has errors: told, and nothing lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.office import Office, ended, letter
from tests.support.verified import snapshot

_MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
        reason="mounting a folder read-only needs root",
    ),
]


def test_a_read_only_archive_is_told_and_the_work_goes_on_once_it_is_writable(office: Office, tmp_path: Path) -> None:
    papers = [letter(tmp_path / f"{number}.pdf", [f"Giấy phép số {number}"]) for number in range(2)]
    office.archive(papers[0])
    before = snapshot(office.archive_root)
    read_only = ("unshare", "-m", "sh", "-c", _MOUNT, "sh", str(office.archive_root))
    run = ended(office.start("archive", "--json", *papers, through=read_only))
    assert run.code != 0
    assert "read-only" in run.err + run.out
    assert snapshot(office.archive_root) == before
    results = office.archive(*papers)
    assert [result["status"] for result in results] == ["archived", "archived"]
    assert len(office.assert_in_order()) == 2
    assert office.run("verify").code == 0
