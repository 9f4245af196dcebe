"""`sohoa verify` and `validate-ocfl` as commands, on an archive that the real pipeline made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import pdf_files
from tests.support.office import Office, letter, slip
from tests.support.verified import flip

pytestmark = pytest.mark.slow
DOSSIER = "000.00.05.H02-230105-0001"


def test_what_the_pipeline_archives_is_clean_and_a_flipped_bit_is_told_with_what_to_do(
    office: Office, tmp_path: Path
) -> None:
    papers = [
        slip(tmp_path / "scan.jpg", "Giấy khai sinh"),
        letter(tmp_path / "letter.pdf", ["Kính gửi Ủy ban nhân dân"]),
    ]
    archived = office.archive(*papers, "--dossier", DOSSIER)
    [held] = office.archive(pdf_files.encrypted(tmp_path / "locked.pdf", user="x"), code=3)
    whole = office.run("verify", "--sample", "9", "--json")
    told = json.loads(whole.out)
    assert (whole.code, told["clean"], told["findings"]) == (0, True, [])
    assert (told["checked"]["documents"], told["checked"]["pdfs"], told["checked"]["objects"]) == (3, 2, 2)
    for what in (DOSSIER, archived[0]["document_id"], held["document_id"]):
        assert office.run("verify", what).code == 0, what
    assert office.run("validate-ocfl", office.archive_root / "ocfl").code == 0

    pdf = Path(archived[0]["pdf"]["path"])
    flip(pdf, -100)
    for what in ((), (DOSSIER,), (archived[0]["document_id"],)):
        run = office.run("verify", *what, "--json")
        told = json.loads(run.out)
        [found] = [found for found in told["findings"] if found["code"] == "E092"]
        assert (run.code, told["clean"], found["severity"]) == (4, False, "error")
        assert found["where"] == pdf.relative_to(office.archive_root).as_posix()
        assert "restore" in found["do"]
        assert {found["code"] for found in told["findings"]} <= {"E092", "pdfa_invalid"}
    assert "NOT clean" in office.run("verify").out
    assert office.run("verify", held["document_id"]).code == 0
    assert office.run("validate-ocfl", office.archive_root / "ocfl").code == 4
