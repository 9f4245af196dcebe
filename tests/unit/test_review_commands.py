"""`sohoa review …` as it is typed, and what of a citizen's number the other commands show."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from ingest import reviewing
from ingest.reviewing import Correction
from sohoa.model import Actor
from sohoa.states import Review
from tests.support.archived import Api, opened_api
from tests.support.office import letter
from tests.support.reviewed import read_fields
from tests.unit.test_keeping_commands import Shell

CITIZEN, HIDDEN = "024190001234", "*********234"


@pytest.fixture
def papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """One waiting and one done of office H02, one waiting of H56."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    found: dict[str, str] = {}
    with opened_api(tmp_path / "home", second_check_share=0.0) as api:
        for name, office in (("waiting", "H02"), ("done", "H02"), ("other", "H56")):
            document = api.archive(
                api.receive(office=office),
                texts=(f"hòa giải, số CCCD {CITIZEN}, cấp",),
                fields=read_fields(owner_id=CITIZEN),
                review=Review.NEEDED,
            )
            if name == "done":
                said = {"code_number": Correction("139"), "place": Correction("Kiên Giang")}
                reviewing.confirm(api.stores, document, actor=Actor("person:mai"), corrections=said)
            found[name] = document.document_id
            api.clock.advance(seconds=1)
        api.index()
        for scope in ("read", "review"):
            found[scope] = bearer(api, scope)
    monkeypatch.setenv("SOHOA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOHOA_MIN_FREE_BYTES", "0")
    monkeypatch.setenv("SOHOA_SECOND_CHECK_SHARE", "0")
    return found


def bearer(api: Api, *scopes: str) -> str:
    return api.token(*scopes)["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def shell(papers: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def test_a_clerk_takes_sees_and_confirms(shell: Shell, papers: dict[str, str]) -> None:
    listed = shell.json("review", "list")
    assert [item["document_id"] for item in listed["items"]] == [papers["waiting"], papers["other"]]
    assert CITIZEN not in json.dumps(listed)
    assert shell.json("review", "list", "--office", "H56")["total"] == 1
    assert shell.json("review", "list", "--type", "Kế hoạch")["total"] == 0
    taken = shell.json("review", "next", "--as", "lan")
    assert taken["waiting"]["claim"]["actor"] == "person:lan"
    assert taken["document"]["fields"]["owner_id"]["value"] == CITIZEN
    code, said = shell("review", "accept", papers["waiting"], "--as", "mai")
    assert (code, "[claimed]" in said) == (2, True)
    assert "in the queue again" in shell("review", "release", papers["waiting"], "--as", "lan")[1]
    late = shell("review", "accept", papers["waiting"], "--version", "9", "--as", "lan")
    assert (late[0], "[conflict]" in late[1]) == (2, True)
    after = shell.json(
        "review", "correct", papers["waiting"],
        "--set", "code_number=140", "--set", "subject=Về việc a=b", "--unreadable", "place", "--as", "lan",
    )  # fmt: skip
    assert after["review"] == "done"
    code, shown = shell("review", "show", papers["waiting"])
    assert code == 0
    assert "Về việc a=b" in shown
    assert "(nothing)" in shown
    assert "no queue" not in shown
    assert shell.json("review", "next", "--office", "H02") is None
    assert "1 of 1 papers" in shell("review", "list")[1]


def test_what_must_be_done_first_is_asked_for_by_name(shell: Shell, papers: dict[str, str]) -> None:
    asked = shell.json("review", "ask", papers["waiting"], "rotate", "--page", "1", "--reason", "lộn ngược")
    assert (asked["wanted"]["kind"], asked["wanted"]["pages"], asked["review"]) == ("rotate", [1], "needed")
    assert shell.json("review", "list", "--wanted", "rotate")["total"] == 1
    assert shell("review", "ask", papers["waiting"], "fold", "--reason", "x")[0] == 2
    assert shell("review", "ask", papers["waiting"], "second_check", "--reason", "x")[0] == 2
    assert shell("review", "correct", papers["waiting"], "--set", "subject")[0] == 2
    assert shell.json("review", "agreement") == []
    typed = shell.json("review", "type", papers["waiting"], "Kế hoạch", "--as", "lan")
    assert (typed["type_name"], typed["review"], typed["wanted"]) == ("Kế hoạch", "done", None)
    unread = shell.json("review", "unreadable", papers["other"], "code_number", "signer_name", "--as", "lan")
    assert unread["review"] == "done"


def test_pages_are_turned_by_name_and_what_cannot_be_is_told(shell: Shell, papers: dict[str, str]) -> None:
    here = papers["waiting"]
    for typed in ("1", "1=x", "1=45", "2-1=90", "1=90°", "2=90", "=90"):
        code, said = shell("review", "rotate", here, "--turn", typed, "--reason", "x")
        assert code == 2, typed
        assert ("[no_such_page]" if typed == "2=90" else "[bad_turn]") in said
    code, said = shell("review", "rotate", here, "--turn", "1-1=180", "--reason", "lộn ngược", "--as", "lan")
    assert (code, "page 1 by 180°" in said) == (0, True)
    assert shell.json("status", here)["revision"]["kind"] == "rotate"
    assert shell.json("review", "list", "--wanted", "rotate")["items"][0]["wanted"]["turns"] == {"1": 180}
    code, said = shell("review", "rotate", here, "--turn", "1=180", "--reason", "x")
    assert (code, "[busy]" in said) == (2, True)


def test_a_scan_is_split_by_name_and_what_cannot_be_is_told(
    shell: Shell, papers: dict[str, str], tmp_path: Path
) -> None:
    scan = letter(tmp_path / "hai giấy tờ.pdf", ["Đơn xin", "trang hai", "Giấy khai sinh"])
    here = shell.json("archive", str(scan), "--dossier", "H02-1")["document_id"]
    code, said = shell("review", "split", here, "--reason", "x")
    assert (code, "--at" in said) == (2, True)
    for at, wrong in (("4", "no_such_page"), ("1", "no_such_page")):
        code, said = shell("review", "split", here, "--at", at, "--reason", "x")
        assert (code, f"[{wrong}]" in said) == (2, True)
    code, said = shell("review", "split", papers["waiting"], "--at", "2", "--reason", "x")
    assert (code, "[one_page]" in said) == (2, True)
    shell.json("review", "ask", here, "split", "--page", "3", "--reason", "hai giấy tờ")
    code, said = shell("review", "split", here, "--reason", "hai giấy tờ", "--as", "lan")
    assert (code, "pages 1 to 2" in said, "split into these 2 documents" in said) == (0, True, True)
    again = shell.json("review", "split", here, "--at", "3", "--reason", "hai giấy tờ")
    assert shell.json("review", "split", here, "--reason", "x") == again
    assert (again["status"], again["error"]["code"]) == ("withdrawn", "split")
    assert [part["pages"] for part in again["split_into"]] == [[1, 2], [3, 3]]
    part = shell.json("status", again["split_into"][1]["document_id"])
    assert (part["split_from"], part["dossier"]) == ({"document_id": here, "pages": [3, 3]}, "H02-1")
    code, said = shell("review", "split", here, "--at", "2", "--reason", "x")
    assert (code, "[already_split]" in said) == (2, True)


def test_numbers_are_whole_for_one_document_and_whoever_may(
    shell: Shell, papers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell.json("status", papers["waiting"])["fields"]["owner_id"]["value"] == CITIZEN
    monkeypatch.setenv("SOHOA_TOKEN", papers["read"])
    assert shell.json("status", papers["waiting"])["fields"]["owner_id"]["value"] == HIDDEN
    for how in ((), ("--json",)):
        found = shell("search", "CCCD", *how)[1]
        assert (CITIZEN in found, HIDDEN in found) == (False, True)
    code, said = shell("review", "show", papers["waiting"])
    assert (code, CITIZEN in said) == (2, False)
    monkeypatch.delenv("SOHOA_TOKEN")
    looked = [one for one in shell.json("audit") if one["what"] == "fields"]
    assert [one["documents"] for one in looked] == [[papers["waiting"]]]


def test_searches_sort_and_count_by_field(shell: Shell, papers: dict[str, str]) -> None:
    found = shell.json("search", "số:139", "--sort", "newest", "--facet", "type", "--facet", "year")
    assert [hit["document_id"] for hit in found["hits"]] == [papers["done"]]
    assert found["facets"] == {
        "type": [{"value": "Quyết định", "count": 1}],
        "year": [{"value": "2023", "count": 1}],
    }
    assert shell("search", "x", "--sort", "best")[0] == 2
    assert "type: Quyết định (3)" in shell("search", "type:quyết", "--facet", "type")[1]


def test_export_is_of_offices_that_agreed_and_without_citizens_numbers(
    shell: Shell, papers: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    assert shell("review", "export", "--to", str(to))[0] == 2
    assert not to.exists()
    monkeypatch.setenv("SOHOA_TRAINING_OFFICES", "H02, H77")
    assert shell("review", "export", "--to", str(to), "--office", "H56")[0] == 2
    told = shell.json("review", "export", "--to", str(to), "--images", "--as", "lan")
    lines = [json.loads(line) for line in (to / "fields.jsonl").read_text().splitlines()]
    assert (told["documents"], told["fields"], told["images"]) == (1, 9, 8)
    assert {line["document_id"] for line in lines} == {papers["done"]}
    assert len({line["set"] for line in lines}) == 1  # a paper is whole in one of the two
    assert CITIZEN not in (to / "fields.jsonl").read_text()
    by_field = {line["field"]: line for line in lines}
    assert "owner_id" not in by_field
    number = by_field["code_number"]
    assert (number["raw"], number["value"], number["corrected"]) == ("138", "139", True)
    assert (number["page"], number["box"]) == (1, [100, 100, 280, 150])
    picture = Image.open(io.BytesIO((to / number["image"]).read_bytes()))
    assert picture.size == (196, 66)
    assert (by_field["place"]["page"], by_field["place"]["image"]) == (None, None)
    assert by_field["subject"]["corrected"] is False
    assert shell("review", "export", "--to", str(to))[0] == 2  # never over what is there
    assert shell.json("review", "export", "--to", str(tmp_path / "plain"))["images"] == 0
