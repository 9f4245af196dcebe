"""Which files a command line means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.batches import expand
from sohoa.errors import Refused
from sohoa.settings import Settings


def _found(*paths: Path | str, max_folder_depth: int = 32) -> list[str]:
    """Names of files, and `!code` for refusals."""
    found = expand([str(path) for path in paths], settings=Settings(max_folder_depth=max_folder_depth))
    return [item.name if isinstance(item, Path) else f"!{item[1].code}" for item in found]


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_folder_is_walked_in_natural_order(tmp_path: Path) -> None:
    _touch(tmp_path, "page10.tif", "page2.tif", "Page1.tif", "b/scan.pdf", "a/scan.jpg")
    assert _found(tmp_path) == ["scan.jpg", "scan.pdf", "Page1.tif", "page2.tif", "page10.tif"]


def test_hidden_files_and_what_systems_leave_are_skipped_in_folders_only(tmp_path: Path) -> None:
    _touch(tmp_path, "a.pdf", ".DS_Store", "Thumbs.db", "desktop.ini", "~$plan.docx", ".git/x.pdf", "__MACOSX/a.pdf")
    assert _found(tmp_path) == ["a.pdf"]
    assert _found(tmp_path / "Thumbs.db") == ["Thumbs.db"]


def test_missing_path_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    _touch(tmp_path, "a.pdf")
    assert _found(tmp_path / "no.pdf", tmp_path / "a.pdf") == ["!not_found", "a.pdf"]


def test_glob_that_the_shell_left_alone_is_expanded(tmp_path: Path) -> None:
    _touch(tmp_path, "a.pdf", "b.pdf", "c.jpg", "deep/d.pdf")
    assert _found(f"{tmp_path}/*.pdf") == ["a.pdf", "b.pdf"]
    assert _found(f"{tmp_path}/**/*.pdf") == ["a.pdf", "b.pdf", "d.pdf"]
    assert _found(f"{tmp_path}/*.tif") == ["!not_found"]


def test_name_with_brackets_is_a_file_before_it_is_a_pattern(tmp_path: Path) -> None:
    _touch(tmp_path, "scan[1].pdf", "scan1.pdf")
    assert _found(tmp_path / "scan[1].pdf") == ["scan[1].pdf"]


def test_folder_links_that_loop_end(tmp_path: Path) -> None:
    _touch(tmp_path, "a/one.pdf")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert _found(tmp_path) == ["one.pdf"]


def test_folders_nested_too_deep_are_told(tmp_path: Path) -> None:
    _touch(tmp_path, "1/2/3/deep.pdf", "1/2/there.pdf")
    assert _found(tmp_path, max_folder_depth=3) == ["!nested_too_deep", "there.pdf"]


def test_empty_folder_is_told(tmp_path: Path) -> None:
    assert _found(tmp_path) == ["!not_found"]


def test_dangling_link_is_left_for_intake_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "gone.pdf").symlink_to(tmp_path / "nowhere")
    assert _found(tmp_path / "gone.pdf") == ["gone.pdf"]
    assert _found(tmp_path) == ["gone.pdf"]


def test_folder_without_right_to_list_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path, "closed/a.pdf", "open/b.pdf")
    listing = Path.iterdir

    def iterdir(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, os.strerror(13))
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    found = list(expand([str(tmp_path)], settings=Settings()))
    assert isinstance(found[0], tuple)
    assert isinstance(found[0][1], Refused)
    assert found[0][1].code == "not_readable"
    assert found[1] == tmp_path / "open" / "b.pdf"
