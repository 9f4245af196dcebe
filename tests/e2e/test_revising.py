"""A bad scan replaced and a forgotten page appended, as a clerk does it: by the command, with real pictures."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest

from tests.support.office import Office, ended, slip, wait_until

pytestmark = pytest.mark.slow
WORKED_WITHIN_S = 240.0


def test_a_bad_scan_is_replaced_and_a_forgotten_page_appended(office: Office, tmp_path: Path) -> None:
    bad, good = slip(tmp_path / "mờ.jpg", "Phiếu thu cũ"), slip(tmp_path / "rõ.png", "Biên lai mới", form="PNG")
    back = slip(tmp_path / "sau.tif", "Chữ ký mặt sau", form="TIFF")
    [paper] = office.archive(bad, dossier="H02-230105-0001")
    document_id = paper["document_id"]
    accepted = office.run("replace", document_id, good, "--reason", "ảnh mờ", "--as", "person:lan", "--json")
    assert (accepted.code, accepted.lines[0]["status"]) == (0, "archived")
    assert accepted.lines[0]["revision"]["status"] == "received"
    assert office.run("append", document_id, back, "--reason", "quên").err.endswith("[busy]\n")
    office.archive(slip(tmp_path / "khác.jpg", "Giấy khác"))  # its workers do what waits
    _wait(office, document_id)
    added = office.run("append", document_id, back, "--reason", "quên mặt sau")
    assert (added.code, document_id in added.out) == (0, True)
    office.archive(slip(tmp_path / "nữa.jpg", "Giấy nữa"))
    _wait(office, document_id)
    after = office.status(document_id)
    assert (after["revision"], after["pages"], after["pages_failed"]) == (None, 2, [])
    assert [one["filename"] for one in after["appended"]] == ["sau.tif"]
    text = office.run("text", document_id).out
    assert "Biên lai mới" in text.split("\f")[0]
    assert "mặt sau" in text.split("\f")[1]
    assert [hit["document_id"] for hit in office.search("biên lai")] == [document_id]
    assert office.search("phiếu thu") == []
    for what, scan in (("original", good), ("original-2", back)):
        assert office.run("export", document_id, "--what", what, "--to", tmp_path / what).code == 0
        assert (tmp_path / what).read_bytes() == scan.read_bytes()
    with pikepdf.open(after["pdf"]["path"]) as pdf:
        assert len(pdf.pages) == 2
    assert len(office.assert_in_order()) == 3


def _wait(office: Office, document_id: str) -> None:
    """`archive` ends when its own papers are over; whatever else waited may still be at its last stage."""
    if office.status(document_id)["revision"] is None:
        return
    working = office.start("work", "--jobs", "1")
    wait_until(lambda: office.status(document_id)["revision"] is None, running=working, within_s=WORKED_WITHIN_S)
    working.terminate()
    assert ended(working).code == 0
