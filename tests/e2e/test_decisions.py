"""What people decide about papers that are in: release, retry, withdraw; each told to the archive, with who and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.archive.layout import object_id_of
from tests.support import pdf_files
from tests.support.office import Office, letter, slip

pytestmark = pytest.mark.slow


def test_an_encrypted_paper_is_held_until_its_password_is_given_and_then_found(office: Office, tmp_path: Path) -> None:
    locked = pdf_files.encrypted(tmp_path / "locked.pdf", user="bí mật")
    [held] = office.archive(locked, code=3)
    assert (held["status"], held["stage"], held["error"]["code"]) == ("held", "open", "encrypted")
    document_id = held["document_id"]
    none = office.run("release", document_id, "--reason", "đã hỏi")
    assert (none.code, none.err.endswith("[password_needed]\n")) == (2, True)
    (tmp_path / "wrong").write_text("đoán mò\n", encoding="utf-8")
    wrong = office.run("release", document_id, "--reason", "đã hỏi", "--password-file", tmp_path / "wrong")
    assert (wrong.code, wrong.err.endswith("[wrong_password]\n")) == (2, True)
    assert office.run("release", document_id, "--reason", "x", "--password-file", tmp_path / "absent").code == 2
    assert office.status(document_id)["status"] == "held"

    (tmp_path / "right").write_text("bí mật\n", encoding="utf-8")
    right = ("--password-file", tmp_path / "right", "--as", "person:lan")
    assert office.run("release", document_id, "--reason", "công dân cho mật khẩu", *right).code == 0
    [archived] = office.archive(locked)
    assert (archived["status"], archived["document_id"], archived["error"]) == ("archived", document_id, None)
    assert archived["duplicate_of"] == document_id
    assert [hit["document_id"] for hit in office.search("chính quyền địa phương")] == [document_id]
    [release] = [event for event in _events(office, document_id) if "person:lan" in json.dumps(event)]
    assert "công dân cho mật khẩu" in json.dumps(release, ensure_ascii=False)
    assert "bí mật" not in json.dumps(_events(office, document_id), ensure_ascii=False)
    assert len(office.assert_in_order()) == 1
    assert office.run("release", document_id, "--reason", "lần nữa").code == 2


def test_a_damaged_paper_is_held_and_released_as_far_as_it_can_be_read(office: Office, tmp_path: Path) -> None:
    damaged = slip(tmp_path / "damaged.jpg", "Biên bản bị hỏng")
    damaged.write_bytes(damaged.read_bytes()[:-6_000])
    [held] = office.archive(damaged, code=3)
    assert (held["status"], held["error"]["code"], held["pdf"]) == ("held", "damaged", None)
    assert office.run("release", held["document_id"], "--reason", "không còn bản khác").code == 0
    [archived] = office.archive(damaged)
    assert (archived["status"], archived["error"]) == ("archived", None)
    assert "damaged" in archived["warnings"]
    assert [hit["document_id"] for hit in office.search("biên bản")] == [held["document_id"]]
    assert len(office.assert_in_order()) == 1


def test_a_withdrawn_paper_is_not_found_any_more_and_its_files_stay(office: Office, tmp_path: Path) -> None:
    papers = [letter(tmp_path / f"{number}.pdf", [f"Hợp đồng thuê nhà số {number}"]) for number in range(2)]
    brought = {Path(each["source"]).name: each for each in office.archive(*papers)}  # as they are done, in any order
    gone, kept = brought["0.pdf"], brought["1.pdf"]
    assert office.run("withdraw", gone["document_id"], "--reason", " ").code == 2
    assert office.run("withdraw", gone["document_id"], "--reason", "quét nhầm").code == 0
    office.archive(papers[1])  # any command that keeps house brings the index up to date
    assert [hit["document_id"] for hit in office.search("hợp đồng")] == [kept["document_id"]]
    assert office.status(gone["document_id"])["status"] == "withdrawn"
    assert office.run("export", gone["document_id"], "--to", tmp_path / "still.pdf").code == 0
    assert (tmp_path / "still.pdf").stat().st_size == gone["pdf"]["size_bytes"]
    assert len(office.assert_in_order()) == 2
    assert office.run("retry", gone["document_id"]).code == 2
    [again] = office.archive(papers[0])
    assert (again["status"], again["duplicate_of"]) == ("archived", None)
    assert again["document_id"] != gone["document_id"]
    assert len(office.assert_in_order()) == 3


def test_nobody_retries_or_releases_what_is_archived_or_not_there(office: Office, tmp_path: Path) -> None:
    [result] = office.archive(letter(tmp_path / "paper.pdf", ["Đã lưu trữ"]))
    for command in (("retry",), ("release", "--reason", "thử")):
        run = office.run(*command, result["document_id"])
        assert (run.code, run.err.count("\n")) == (2, 1)
        assert "[conflict]" in run.err
        missing = office.run(*command, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert (missing.code, "[not_found]" in missing.err) == (2, True)
    none = office.run("retry")
    assert (none.code, none.out.startswith("0 documents")) == (0, True)


def _events(office: Office, document_id: str) -> list[dict[str, Any]]:
    with (
        office.stores() as stores,
        stores.archive.open_file(object_id_of(document_id, None), f"documents/{document_id}/premis.jsonl") as stream,
    ):
        return [json.loads(line) for line in stream]


def test_a_paper_filed_in_the_wrong_dossier_is_moved_and_found_where_it_belongs(office: Office, tmp_path: Path) -> None:
    wrong, right = "H02-230105-0001", "H02-230105-0002"
    [paper] = office.archive(letter(tmp_path / "đơn.pdf", ["Đơn đề nghị cấp lại giấy phép"]), dossier=wrong)
    document_id = paper["document_id"]
    for way in ((), ("--to", right, "--to-none")):
        unclear = office.run("move", document_id, *way, "--reason", "nhầm hồ sơ")
        assert (unclear.code, "[bad_request]" in unclear.err) == (2, True)
    moved = office.run("move", document_id, "--to", right, "--reason", "nhầm hồ sơ", "--as", "person:lan", "--json")
    assert (moved.code, moved.lines[0]["dossier"], moved.lines[0]["status"]) == (0, right, "archived")
    assert Path(moved.lines[0]["pdf"]["path"]).stat().st_size == paper["pdf"]["size_bytes"]
    office.archive(letter(tmp_path / "khác.pdf", ["Giấy tờ khác"]))  # any command that keeps house updates the index
    assert [hit["document_id"] for hit in office.search(f"dossier:{right}")] == [document_id]
    assert office.search(f"dossier:{wrong}") == []
    out = office.run("move", document_id, "--to-none", "--reason", "không thuộc hồ sơ nào")
    assert (out.code, out.out) == (0, f"{document_id} is in no dossier now\n")
    assert office.status(document_id)["dossier"] is None
    assert len(office.assert_in_order()) == 2
