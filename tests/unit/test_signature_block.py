"""The signature block is found by several signs together, on the right page, and nowhere where nobody signed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocr_workers.boxes import block_of, line_of
from ocr_workers.reading.sight import NO_SIGHT
from ocr_workers.reading.signature import read_signature
from ocr_workers.reading.signature_block import find_blocks, name_like, position_like
from sohoa.model import Page, Word

WIDTH, HEIGHT, DPI = 1654, 2339, 200.0


def _page(*lines: tuple[str, int, int], number: int = 1) -> Page:
    """Lines of text at (left, top), letters 14 pixels wide; two blanks part columns."""
    made = []
    for text, left, top in lines:
        words = []
        at = left
        for part in text.split(" "):
            if part:
                words.append(Word(part, (at, top, at + 14 * len(part), top + 26), 0.95))
            at += 14 * (len(part) + 1) if part else 120
        made.append(line_of(words))
    blocks = (block_of(made),) if made else ()
    return Page(number, WIDTH, HEIGHT, DPI, "recognised", blocks, lane="tesserocr")


BODY = tuple((f"Các đơn vị báo cáo kết quả thực hiện trước ngày {day}", 200, 500 + 40 * day) for day in range(1, 12))
SIGNED = (
    ("Nơi nhận:", 200, 1300),
    ("- Như Điều 3;", 200, 1340),
    ("KT. GIÁM ĐỐC", 1000, 1300),
    ("PHÓ GIÁM ĐỐC", 1000, 1340),
)
NAME = ("Lý Thu Khuê", 1010, 1620)


def test_power_position_and_name_make_a_block() -> None:
    (block,) = find_blocks([_page(*BODY, *SIGNED, NAME)])
    assert [cell.text for cell in block.titles] == ["KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"]
    assert block.name is not None
    assert block.name.text == "Lý Thu Khuê"
    assert block.score > 0.9


def test_a_title_run_into_the_recipients_line_is_found() -> None:
    (block,) = find_blocks([_page(*BODY, ("Nơi nhận:    HIỆU TRƯỞNG", 200, 1300), ("Lý Thu Khuê", 760, 1620))])
    assert [cell.text for cell in block.titles] == ["HIỆU TRƯỞNG"]


def test_no_label_is_needed() -> None:
    (block,) = find_blocks([_page(*BODY, ("VIỆN TRƯỞNG", 1000, 1300), NAME)])
    assert block.name is not None


def test_a_name_alone_at_the_lower_right_is_found_beside_recipients() -> None:
    (block,) = find_blocks([_page(*BODY, ("Nơi nhận:", 200, 1300), NAME)])
    assert block.name is not None
    assert block.score < 0.8


def test_a_page_that_nobody_signed_has_no_block() -> None:
    assert find_blocks([_page(*BODY)]) == ()
    assert find_blocks([_page()]) == ()
    assert find_blocks([]) == ()


def test_a_title_that_opens_a_decision_is_no_signature() -> None:
    assert all(block.score < 0.3 for block in find_blocks([_page(("GIÁM ĐỐC SỞ CÔNG THƯƠNG", 600, 700), *BODY)]))


def test_positions_in_running_text_are_no_signature() -> None:
    text = ("Giám đốc các Sở, Chủ tịch Ủy ban nhân dân huyện chịu trách nhiệm", 200, 1200)
    assert find_blocks([_page(*BODY, text)]) == ()


def test_the_page_signed_comes_before_its_annexes() -> None:
    annex = (("PHỤ LỤC", 700, 200), ("Nơi nhận:", 200, 1300), ("CHỦ TỊCH", 1000, 1300), ("Ngô Văn Sử", 1010, 1600))
    half_read = (("Nơi nhận:", 200, 1300), ("VIỆN TRƯỜN", 1000, 1300))
    (block,) = find_blocks([_page(*BODY), _page(*half_read, number=2), _page(*annex, number=3)])
    assert block.page == 2


def test_an_annex_without_a_heading_does_not_outbid_the_page_signed() -> None:
    form = _page(*BODY, ("Nơi nhận:", 200, 1300), ("CHỦ TỊCH", 1000, 1300), ("Ngô Văn Sử", 1010, 1600), number=2)
    (block,) = find_blocks([_page(*BODY, ("CHỦ TỊCH", 1000, 1300), NAME), form])
    assert block.page == 1


def test_a_joint_paper_has_two_signers_from_left_to_right() -> None:
    left = (("GIÁM ĐỐC", 250, 1300), ("Ngô Văn Sử", 250, 1600))
    right = (("CHỦ TỊCH", 1050, 1300), ("Lý Thu Khuê", 1040, 1600))
    blocks = find_blocks([_page(*BODY, *right, *left)])
    assert [block.name.text for block in blocks if block.name] == ["Ngô Văn Sử", "Lý Thu Khuê"]


@pytest.mark.parametrize("clerk", ["THƯ KÝ", "NGƯỜI GHI BIÊN BẢN"])
@pytest.mark.parametrize("name", [("Lý Thu Khuê", 1010, 1620), ("Khuê", 1010, 1620)], ids=["read", "half read"])
def test_of_minutes_who_presided_signs_and_not_who_kept_them(clerk: str, name: tuple[str, int, int]) -> None:
    titles = ((clerk, 300, 1300), ("CHỦ TRÌ", 1010, 1300))
    (block,) = find_blocks([_page(*BODY, *titles, ("Vũ Văn Sử", 300, 1620), name)])
    assert [cell.text for cell in block.titles] == ["CHỦ TRÌ"]


def test_where_nobody_presided_the_clerk_signs() -> None:
    (block,) = find_blocks([_page(*BODY, ("THƯ KÝ", 1010, 1300), ("Lý Thu Khuê", 1010, 1620))])
    assert [cell.text for cell in block.titles] == ["THƯ KÝ"]


@pytest.mark.parametrize("position", ["CÔNG CHỨC VĂN PHÒNG - THỐNG KÊ", "PHÓ TRƯỞNG BỘ PHẬN", "TRƯỞNG BỘ PHẬN"])
def test_who_signs_at_the_desk_and_in_communes_is_known(position: str) -> None:
    assert position_like(position) == (position, 1.0)


def test_titles_in_the_signers_column_are_enough() -> None:
    (block,) = find_blocks([_page(*BODY, ("VIỆN TRƯỞNG", 1000, 1300))])
    assert [cell.text for cell in block.titles] == ["VIỆN TRƯỞNG"]
    assert block.score < 0.5


APPROVER = (("PHÊ DUYỆT", 260, 1300), ("GIÁM ĐỐC", 265, 1345), ("Ngô Văn Sử", 255, 1620))


def test_who_approves_is_not_who_signs() -> None:
    (block,) = find_blocks([_page(*BODY, *APPROVER, ("CHỦ TỊCH", 1050, 1345))])
    assert [cell.text for cell in block.titles] == ["CHỦ TỊCH"]
    (block,) = find_blocks([_page(*BODY, *APPROVER, ("CHỦ TỊCH", 1050, 1345), NAME)])
    assert block.name is not None
    assert block.name.text == "Lý Thu Khuê"


def test_an_approver_alone_is_not_sure() -> None:
    assert all(block.score < 0.4 for block in find_blocks([_page(*BODY, *APPROVER)]))


def test_of_a_form_the_official_signs_not_the_citizen() -> None:
    left = (("NGƯỜI NỘP HỒ SƠ", 250, 1300), ("Ngô Văn Sử", 260, 1600))
    right = (("NGƯỜI TIẾP NHẬN HỒ SƠ", 1000, 1300), ("Lý Thu Khuê", 1060, 1600))
    (block,) = find_blocks([_page(*BODY, *left, *right)])
    assert block.name is not None
    assert block.name.text == "Lý Thu Khuê"


def test_the_official_signs_a_form_though_the_officials_name_was_not_read() -> None:
    left = (("NGƯỜI NỘP HỒ SƠ", 250, 1300), ("Ngô Văn Sử", 260, 1600))
    (block,) = find_blocks([_page(*BODY, *left, ("NGƯỜI TIẾP NHẬN HỒ SƠ", 1000, 1300), ("xq", 1060, 1600))])
    assert [cell.text for cell in block.titles] == ["NGƯỜI TIẾP NHẬN HỒ SƠ"]


def test_positions_are_known_in_spite_of_misread_letters() -> None:
    position, how = position_like("GIÁ ĐÓC")
    assert position == "GIÁM ĐỐC"
    assert how == pytest.approx(6 / 7)
    assert position_like("PHÓ CHÁNH VAN PHONG")[0] == "PHÓ CHÁNH VĂN PHÒNG"
    assert position_like("CỘNG HÒA XÃ HỘI CHỦ NGHĨA")[1] < 0.72


def test_names_are_told_from_other_short_lines() -> None:
    assert name_like("Lý Thu Khuê") > 0.9
    assert name_like("PGS.TS. Lý Thu Khuê") > 0.9
    assert name_like("QUYẾT ĐỊNH:") == 0
    assert name_like("Nơi nhận") < 0.5
    assert name_like("Hà Nội, ngày 3 tháng 4 năm 2020") == 0


def test_of_a_file_that_holds_its_text_titles_and_name_are_what_it_says() -> None:
    page = _page(*BODY, ("TL. CHỦ TỊCH", 1000, 1400), ("CHÁNH VĂN PHÒNG", 980, 1440), ("Nguyễn Công Duệ", 990, 1700))
    reading = read_signature([replace(page, lane="text_layer")], NO_SIGHT, None, None)  # type: ignore[arg-type]  # neither is asked
    fields = (reading.signer_name, reading.signer_position, reading.signing_authority)
    assert [ones[0].value for ones in fields] == ["Nguyễn Công Duệ", "CHÁNH VĂN PHÒNG", "TL."]


def test_of_a_file_that_holds_its_text_a_deputy_in_charge_has_both_lines_for_a_position() -> None:
    page = _page(*BODY, ("PHÓ GIÁM ĐỐC", 1000, 1400), ("PHỤ TRÁCH", 1040, 1440), ("Nguyễn Công Duệ", 990, 1700))
    reading = read_signature([replace(page, lane="text_layer")], NO_SIGHT, None, None)  # type: ignore[arg-type]  # neither is asked
    assert reading.signer_position[0].value == "PHÓ GIÁM ĐỐC PHỤ TRÁCH"
