"""`sohoa replicate` as it is typed: exit codes, JSON, and refusing what cannot be meant."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from sohoa.cli.replicate import run
from sohoa.errors import BadRequest, Conflict, NotFound
from sohoa.settings import Settings
from storage.catalog import copies
from storage.stores import open_stores
from tests.support.replicated import add_paper, archive_in, contents


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOHOA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SOHOA_ARCHIVE_URL", raising=False)
    add_paper(archive_in(tmp_path / "home/archive"), "A")
    return tmp_path / "home"


def _run(*, to: str | None = None, source: str | None = None) -> int:
    return run(to=to, source=source, forget=None, thorough=False, as_json=True)


def test_copy_there_and_back_is_told_as_json(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"file://{tmp_path / 'copy'}"
    assert _run(to=url) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["entries"], told["versions"], told["head"], told["findings"]) == (1, 1, 1, [])
    archive = archive_in(home / "archive")
    before = contents(archive.objects)
    lost = next((home / "archive").rglob("original.jpg"))
    lost.unlink()
    assert _run(source=url) == 0
    assert contents(archive.objects) == before
    assert run(to=None, source=url, forget=None, thorough=False, as_json=False) == 0
    assert "sohoa rebuild --from-storage" in capsys.readouterr().out


def test_finding_is_exit_code_4(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = next((home / "archive").rglob("original.jpg"))
    lost.unlink()
    assert _run(to=f"file://{tmp_path / 'copy'}") == 4
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert finding["code"] == "source_missing"
    assert lost == home / "archive" / finding["key"]


@pytest.mark.parametrize("to", [None, "copy", "file://relative", "file://HOME/archive", ""])
def test_copy_to_nowhere_or_onto_itself_is_refused(home: Path, to: str | None) -> None:
    with pytest.raises(BadRequest):
        _run(to=None if to is None else to.replace("HOME", str(home)))


def test_nothing_is_restored_while_somebody_uses_the_catalogue(home: Path, tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'copy'}"
    _run(to=url)
    with open_stores(Settings(home=home)), pytest.raises(Conflict) as caught:
        _run(source=url)
    assert caught.value.code == "in_use"


def test_last_copy_that_was_whole_is_noted_for_each_place_until_it_is_forgotten(home: Path, tmp_path: Path) -> None:
    one, other = (f"file://{tmp_path / name}" for name in ("one", "other"))
    assert _run(to=one) == 0, "it needs no catalogue"
    with open_stores(Settings(home=home)) as stores:

        def noted() -> dict[str, datetime]:
            with stores.database.read() as connection:
                return {place: at for (_, place), at in copies.last_made(connection).items()}

        _run(to=one)
        _run(to=other)
        before = noted()
        assert before.keys() == {str(tmp_path / "one"), str(tmp_path / "other")}
        _run(to=one)
        assert noted()[str(tmp_path / "one")] > before[str(tmp_path / "one")]
        assert noted()[str(tmp_path / "other")] == before[str(tmp_path / "other")]
        run(to=None, source=None, forget=other, thorough=False, as_json=False)
        before = noted()
        assert before.keys() == {str(tmp_path / "one")}
        with pytest.raises(NotFound):
            run(to=None, source=None, forget=other, thorough=False, as_json=False)
        there = set((home / "archive").rglob("original.jpg"))
        add_paper(archive_in(home / "archive"), "B")
        (set((home / "archive").rglob("original.jpg")) - there).pop().unlink()
        assert _run(to=one) == 4
        assert noted() == before, "a copy with a finding is not one that was made well"
