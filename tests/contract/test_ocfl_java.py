"""The whole storage root is valid by ocfl-java too, which shares no line with Sohoa."""

from __future__ import annotations

from pathlib import Path

import pytest

from sohoa.clock import SystemClock
from sohoa.states import DocumentStatus
from storage.archive import Archive, object_id_of
from storage.objects import open_objects
from tests.support.archived import opened_api
from tests.support.crash import assert_whole, commit_staged, stage_paper
from tests.support.ocfl_java import judge_root

pytestmark = pytest.mark.ocfl_java
DOSSIER = "000.00.05.H02-230105-0001"


def test_a_root_with_dossiers_of_many_versions_and_papers_of_every_ending_is_valid(tmp_path: Path) -> None:
    with opened_api(tmp_path / "home") as api:
        for dossier in (None, DOSSIER, DOSSIER, "Hồ sơ 1"):
            api.archive(api.receive(dossier=dossier))
        api.stop(api.receive(dossier=DOSSIER), DocumentStatus.HELD, code="encrypted")
        api.stop(api.receive(), DocumentStatus.FAILED, code="no_page_read")
        archive = api.stores.archive
        for record in (b"one", b"two", b"one"):
            stage_paper(archive, "A", record=record)
            commit_staged(archive, "A", DOSSIER)
    versions = assert_whole(tmp_path / "home/archive")
    assert versions[object_id_of("A", DOSSIER)] == 6
    verdicts = judge_root(tmp_path / "home/archive/ocfl", tmp_path / "work")
    assert verdicts == {key: {"W004"} for key in versions}


def test_a_changed_byte_is_found_by_it_so_its_word_means_something(tmp_path: Path) -> None:
    archive = Archive(open_objects(tmp_path / "archive"), SystemClock())
    archive.initialise()
    stage_paper(archive, "A")
    commit_staged(archive, "A")
    (text,) = (tmp_path / "archive").glob("ocfl/*/*/*/*/v1/content/documents/A/text.txt")
    text.chmod(0o640)
    text.write_bytes(b"the sane words")
    verdicts = judge_root(tmp_path / "archive/ocfl", tmp_path / "work")
    assert verdicts == {object_id_of("A", None): {"W004", "E092"}}
