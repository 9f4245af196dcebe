"""What was read again stands in the page's text, in the place of what the page's own pass had there, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocr_workers.boxes import block_of, line_of
from ocr_workers.reading.into_text import with_fields
from sohoa.model import Box, Evidence, Field, Page, Word
from tests.support.set_pages import LEFT, LETTER, PITCH, RIGHT, TALL, at_left, body, set_page, state_head

NAME_ROW: Box = (1500, 2200, 2000, 2250)


def _field(value: str, *places: Box, raw: str = "", confidence: float = 0.9, page: int = 1) -> Field:
    return Field(value, confidence, tuple(Evidence(page, place) for place in places), raw or value)


def _place(row: float, middle: int, letters: int) -> Box:
    """Where a piece of so many letters stands on a set page."""
    half, top = letters * (LETTER + 4) // 2, round(240 + row * PITCH)
    return (middle - half, top, middle + half, top + TALL)


def _lines(page: Page) -> list[str]:
    return page.text.split("\n")


def test_a_name_under_a_seal_takes_the_place_of_what_the_seal_read_as() -> None:
    page = set_page(*state_head(), (20, RIGHT, "GIÁM ĐỐC"), (25, RIGHT, "fØ~69 T£0ng~69"), (26, RIGHT, "Ng~71"))
    name = _field("Dương Trọng Nghĩa", _place(25, RIGHT, 20))
    found = with_fields(page, {"signer_name": name})
    assert "Dương Trọng Nghĩa" in _lines(found)
    assert "T£0ng" not in found.text
    assert "Ng" in _lines(found)  # a row below: not the name's evidence
    gone, come = {"fØ", "T£0ng"}, {"Dương", "Trọng", "Nghĩa"}
    assert [w for w in found.words() if w.text not in come] == [w for w in page.words() if w.text not in gone]
    row = [word for word in found.words() if word.text in ("Dương", "Trọng", "Nghĩa")]
    assert [word.confidence for word in row] == [0.9] * 3
    assert row[0].box[0] < row[0].box[2] <= row[1].box[0] < row[1].box[2] <= row[2].box[0]


def test_what_the_pass_saw_nothing_of_is_a_line_after_what_stands_over_it() -> None:
    page = set_page(*state_head(), (20, RIGHT, "GIÁM ĐỐC"), (30, LEFT, "Nơi nhận:"))
    found = with_fields(page, {"signer_name": _field("Lê Thị Bích Nghĩa", _place(25, RIGHT, 20))})
    lines = [line for line in _lines(found) if line]
    assert lines[lines.index("GIÁM ĐỐC") + 1] == "Lê Thị Bích Nghĩa"
    assert len(lines) == len([line for line in _lines(page) if line]) + 1


def test_words_that_were_read_so_keep_their_boxes() -> None:
    page = set_page(*state_head(agency=("UBND TỈNH SÔNG HỒNG", "BỆNH VIÊN~40 MẮT")))
    at = _place(1, LEFT, 14)
    found = with_fields(page, {"organ_name": _field("BỆNH VIỆN MẮT", at, raw="BỆNH VIÊN MẮT")})
    before = {word.text: word for word in page.words()}
    after = {word.text: word for word in found.words()}
    assert after["BỆNH"] == before["BỆNH"]
    assert after["MẮT"] == before["MẮT"]
    assert before["BỆNH"].box[2] <= after["VIỆN"].box[0] < after["VIỆN"].box[2] <= before["MẮT"].box[0]


def test_an_agency_of_two_lines_is_parted_as_it_was_read() -> None:
    page = set_page(*state_head(agency=("TRUNG TÂM KIÊM~50 SOÁT", "BÊNH~50 TẬT")))
    places = (_place(0, LEFT, 20), _place(1, LEFT, 10))
    organ = _field("TRUNG TÂM KIỂM SOÁT BỆNH TẬT", *places, raw="TRUNG TÂM KIÊM SOÁT\nBÊNH TẬT")
    lines = _lines(with_fields(page, {"organ_name": organ}))
    assert {"TRUNG TÂM KIỂM SOÁT", "BỆNH TẬT"} <= set(lines)


def test_a_value_of_other_words_than_were_read_is_not_parted_by_guess() -> None:
    page = set_page(*state_head(agency=("TRUNG TÂM KIÊM SOÁT", "BÊNH TẬT")))
    organ = _field("TRUNG TÂM Y TẾ", _place(0, LEFT, 20), _place(1, LEFT, 10), raw="TRUNG TÂM KIÊM SOÁT\nBÊNH TẬT")
    assert with_fields(page, {"organ_name": organ}) is page


@pytest.mark.parametrize(
    ("read", "number", "notation", "told"),
    [
        ("Số:ð1Ä/GNP-BTC", "518", "GNP-BTC", "Số:518/GNP-BTC"),
        ("đ37/CT-UBND", "637", "CT-UBND", "637/CT-UBND"),
        ("Sá:20€2}/SYT-NVY", "2082", "SYT-NVY", "Số:2082/SYT-NVY"),
        ("Số: Í957/2020/QĐ-UBND", "1937", "QĐ-UBND", "Số:1937/2020/QĐ-UBND"),
        ("ÖÏ-ob/uskTTU", "07", "QĐ/UBKTTU", "07-QĐ/UBKTTU"),
        ("21/QĐ/TU", "27", "QĐ/TU", "27/QĐ/TU"),
    ],
)
def test_number_and_notation_are_one_word_again(read: str, number: str, notation: str, told: str) -> None:
    page = set_page(*state_head(code=read))
    half = len(read) * LETTER // 2
    top = round(240 + 2.6 * PITCH)
    boxes: tuple[Box, Box] = ((LEFT - half, top, LEFT, top + TALL), (LEFT, top, LEFT + half, top + TALL))
    fields = {"code_number": _field(number, boxes[0]), "code_notation": _field(notation, boxes[1])}
    found = with_fields(page, fields)
    assert told in found.text.split()
    assert len(found.text.split()) == len(page.text.split()) - (len(read.split()) - 1)


def _unread(page: Page, text: str) -> Page:
    lines = [[word for word in line.words if word.text != text] for line in page.lines()]
    return replace(page, blocks=tuple(block_of([line_of(words)]) for words in lines if words))


@pytest.mark.parametrize("is_read", [True, False], ids=["misread", "not read"])
def test_a_day_by_hand_stands_between_the_printed_words(is_read: bool) -> None:
    page = set_page(*state_head(day="Sông Hồng, ngày $$ tháng 9 năm 2023"))
    page = page if is_read else _unread(page, "$$")
    found = with_fields(page, {"issued_date": _field("2023-05-04", _place(2.6, RIGHT, 36))})
    assert "ngày 04 tháng 5 năm 2023" in found.text
    assert "Sông Hồng," in found.text


def test_a_date_whose_words_were_not_read_is_left_alone() -> None:
    page = set_page(*state_head(day="Sông Hồng, 4-5-2023"))
    assert with_fields(page, {"issued_date": _field("2023-05-04", _place(2.6, RIGHT, 36))}) is page


def test_a_power_is_put_with_the_rest_of_its_line() -> None:
    page = set_page(*state_head(), (20, RIGHT, "K?: GIÁM ĐỐC"), (21, RIGHT, "PHO~50 GIÁM ĐỐC"))
    raw = "KT. GIÁM ĐỐC / PHÓ GIÁM ĐỐC"
    fields = {
        "signing_authority": _field("KT.", _place(20, RIGHT, 14), raw=raw),
        "signer_position": _field("PHÓ GIÁM ĐỐC", _place(21, RIGHT, 14), raw=raw),
    }
    assert _lines(with_fields(page, fields))[-3:] == ["KT. GIÁM ĐỐC", "", "PHÓ GIÁM ĐỐC"]


PAGE = set_page(*state_head(), *body(8), (25, RIGHT, "Nguyén Văn Ôn"))
TOLD = _field("Nguyễn Văn Ổn", _place(25, RIGHT, 16))


@pytest.mark.parametrize(
    ("page", "field"),
    [
        (PAGE, replace(TOLD, confidence=0.4)),
        (PAGE, replace(TOLD, origin="person")),
        (PAGE, replace(TOLD, value=None)),
        (PAGE, replace(TOLD, evidence=(Evidence(2, TOLD.evidence[0].box),))),
        (replace(PAGE, lane="text_layer"), TOLD),
    ],
    ids=["not believed", "a person's", "blank", "on another page", "the file's own text"],
)
def test_nothing_else_changes_a_page(page: Page, field: Field) -> None:
    assert with_fields(PAGE, {"signer_name": TOLD}) is not PAGE
    assert with_fields(page, {"signer_name": field}) is page


def test_the_base_line_stays_where_it_is() -> None:
    """Its offset is told from the box, which a word that goes makes another one."""
    page = set_page(at_left(0, "Số: Í9 năm"), skew_deg=1.0)
    (line,) = page.lines()
    block = replace(page.blocks[0], lines=(replace(line, baseline=(0.02, -7.0)),))
    tall = Word("Í9", (line.words[1].box[0], line.box[1] - 30, line.words[1].box[2], line.box[3] + 30), 0.4)
    words = (line.words[0], tall, line.words[2])
    block = replace(block, lines=(replace(block.lines[0], words=words, box=(*line.box[:3], line.box[3] + 30)),))
    page = replace(page, blocks=(block,))
    was = line.box[3] + 30 - 7.0
    box = line.words[1].box
    (after,) = with_fields(page, {"signer_name": _field("19", box)}).lines()
    assert after.baseline is not None
    assert after.box[3] + after.baseline[1] == pytest.approx(was, abs=0.5)
