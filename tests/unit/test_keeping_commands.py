"""`sohoa retention`, `hold` and `disposal` as they are typed, from the first decision to the certificate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sohoa.cli import main
from tests.support.worked import WHOLE, worked_office

DOSSIER = "000.00.05.H02-230105-0001"


class Shell:
    """The command line in this process; what it printed and its exit code."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self._capsys.readouterr()  # what was said before it
        self._monkeypatch.setattr(sys, "argv", ["sohoa", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = self._capsys.readouterr()
        return int(left.value.code or 0), printed.out + printed.err

    def json(self, *arguments: str) -> Any:
        code, printed = self(*arguments, "--json")
        assert code == 0, printed
        return json.loads(printed)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    home = tmp_path / "home"
    with worked_office(home, monkeypatch) as office:
        office.bring(WHOLE, dossier=DOSSIER)
    monkeypatch.setenv("SOHOA_HOME", str(home))
    monkeypatch.setenv("SOHOA_MIN_FREE_BYTES", "0")
    return Shell(monkeypatch, capsys)


def test_dossier_is_kept_held_and_disposed_of_by_three_people(shell: Shell) -> None:
    given = shell.json(
        "retention", "set", DOSSIER, "5y", "--starting", "2015-01-01", "--reason", "TT 10", "--as", "lan"
    )
    assert (given["class"], given["until"], given["permanent"], given["guarded"], given["document_id"]) == (
        "5y",
        "2020-01-01T00:00:00.000Z",
        False,
        True,
        None,
    )
    assert shell.json("hold", "set", DOSSIER, "--reason", "vụ án 12", "--as", "mai")["on_hold"]
    assert shell("disposal", "propose", DOSSIER, "--reason", "hết hạn", "--as", "lan") == (
        2,
        f"sohoa: urn:sohoa:dossier:{DOSSIER} is on legal hold: `sohoa hold lift` first [on_hold]\n",
    )
    assert not shell.json("hold", "lift", DOSSIER, "--reason", "xong", "--as", "mai")["on_hold"]
    assert shell("retention", "show", DOSSIER)[1].startswith("all of it: kept until 2020-01-01 (5y)\n")
    assert shell.json("disposal", "propose", DOSSIER, "--reason", "hết hạn", "--as", "lan")["state"] == "proposed"
    code, said = shell("disposal", "approve", DOSSIER, "--as", "lan")
    assert (code, said.endswith("[same_actor]\n")) == (2, True)
    assert "approved by person:mai" in shell("disposal", "approve", DOSSIER, "--as", "mai")[1]
    gone = shell.json("disposal", "run", DOSSIER, "--as", "hoa")
    assert gone["certificate"]["run_by"] == "person:hoa"
    assert len(gone["certificate"]["documents"]) == 1
    [listed] = [json.loads(line) for line in shell("disposal", "list", "--json")[1].splitlines()]
    assert (listed["state"], listed["approved_by"]) == ("disposed", "person:mai")
    shown = shell.json("status", gone["certificate"]["documents"][0])
    assert (shown["status"], shown["error"]["code"], shown["pdf"]) == ("withdrawn", "disposed", None)
    assert shell("disposal", "run", DOSSIER, "--as", "hoa")[1].endswith("[disposed]\n")


def test_retention_that_cannot_be_meant_is_explained(shell: Shell) -> None:
    for arguments in (("5y", "--starting", "soon"), ("7y",)):
        code, said = shell("retention", "set", DOSSIER, *arguments, "--reason", "TT 10")
        assert (code, said.endswith("[bad_request]\n")) == (2, True)
    assert shell("retention", "show", "nothing")[1].endswith("[not_found]\n")
