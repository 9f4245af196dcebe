"""What speaks against a reading lowers its score, and small slips that every engine makes are mended."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from ocr_workers.reading.by_hand import ByHand
from ocr_workers.reading.code import find_code
from ocr_workers.reading.confidence import calibration
from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.sense import Candidates, impossible_words, weigh_signed
from ocr_workers.reading.sight import NO_SIGHT, Candidate
from ocr_workers.reading.spans import sheet_of
from ocr_workers.reading.subject import read_subject
from ocr_workers.reading.zones import find_head
from sohoa.model import Page
from tests.support.set_pages import LEFT, MIDDLE, body, paragraph, set_page, state_head


def _read(page: Page) -> Reading:
    return read_fields([page], NO_SIGHT, today=date(2026, 1, 1))


def _decision(*, about: str = "Về việc thành lập Tổ công tác", **head: object) -> Reading:
    return _read(
        set_page(
            *state_head(**head),  # type: ignore[arg-type]
            (6, MIDDLE, "QUYẾT ĐỊNH"),
            (7, MIDDLE, about),
            *body(9),
        )
    )


def _score(reading: Reading, name: str) -> float:
    return reading.candidates[name][0].score


def test_an_agencys_name_with_a_dash_is_no_number() -> None:
    agency = ("UBND TỈNH SÔNG HỒNG", "SỞ LAO ĐỘNG - THƯƠNG", "BINH VÀ XÃ HỘI")
    reading = _decision(agency=agency, code="Số: 138/QĐ-SLĐTBXH")
    assert reading.fields["organ_name"].value == "SỞ LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI"
    assert reading.fields["code_number"].value == "138"
    lost = _decision(agency=agency, code="~50 ~50")
    assert lost.fields["organ_name"].value == "SỞ LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI"
    assert "code_notation" not in lost.fields


def test_a_name_keeps_the_dash_that_its_second_line_begins_with_and_loses_stray_stops() -> None:
    reading = _decision(agency=("UBND HUYỆN KHE NGÀN", "PHÒNG .TÀI CHÍNH.", "- KẾ HOẠCH"), code="Số: 1/QĐ-TCKH")
    assert reading.fields["organ_name"].value == "PHÒNG TÀI CHÍNH - KẾ HOẠCH"


def test_a_place_that_ends_like_the_word_for_a_department_ends_its_agencys_name() -> None:
    reading = _decision(agency=("UBND XÃ NẬM SỎ", "TRUNG TÂM PHỤC VỤ", "HÀNH CHÍNH CÔNG"), code="Số: 1/QĐ-TTPV")
    assert reading.fields["organ_name"].value == "TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG"
    assert reading.fields["parent_organ_name"].value == "UBND XÃ NẬM SỎ"


def test_what_is_no_whole_name_goes_on_in_the_next_line() -> None:
    reading = _decision(agency=("BỘ Y TẾ", "BỆNH VIỆN", "PHONG - DA LIỄU QUY HÒA"), code="Số: 1/QĐ-BV")
    assert reading.fields["organ_name"].value == "BỆNH VIỆN PHONG - DA LIỄU QUY HÒA"


def test_a_dash_in_an_agencys_name_has_a_space_on_both_sides_or_none() -> None:
    reading = _decision(agency=("TÒA ÁN NHÂN DÂN", "KHU VỰC 4- NINH BÌNH"), code="Số: 1/QĐ-TA")
    assert reading.fields["organ_name"].value == "TÒA ÁN NHÂN DÂN KHU VỰC 4 - NINH BÌNH"


def test_a_word_with_marks_that_is_no_syllable_is_doubted_in_capitals_too() -> None:
    assert impossible_words("UBND HUYỆN KHENGÀN, SỞ GD&ĐT, BQL KCN") == ["KHENGÀN"]
    assert impossible_words("UBND HUYỆN KRÔNG PẮC, XÃ ĐĂK R'LẤP, RLẤP, CHƯ PĂH, KON PLÔNG") == []


def test_a_place_with_other_marks_in_the_agencys_name_than_in_the_date_makes_it_less_sure() -> None:
    day = "Cẩm Nhượng, ngày 03 tháng 4 năm 2024"
    alike = _decision(agency=("HUYỆN KHE NGÀN", "UBND XÃ CẨM NHƯỢNG"), code="Số: 1/QĐ-UBND", day=day)
    unlike = _decision(agency=("HUYỆN KHE NGÀN", "UBND XÃ CẤM NHƯỢNG"), code="Số: 1/QĐ-UBND", day=day)
    assert unlike.fields["organ_name"].value == "UBND XÃ CẤM NHƯỢNG"  # a check makes no value
    assert _score(unlike, "organ_name") < 0.8 * _score(alike, "organ_name")


@pytest.mark.parametrize("about", ["Về việc giao ban tại xã Yên Ö", "Về việc giao ban tại xã Kh€ Ngàn"])
def test_letters_and_signs_that_no_vietnamese_text_has_are_doubted(about: str) -> None:
    plain = _score(_decision(about="Về việc giao ban tại xã Yên Ổ"), "subject")
    assert _score(_decision(about=about), "subject") < 0.6 * plain


def test_two_years_without_a_dash_between_them_are_doubted() -> None:
    torn = _decision(about="Kế hoạch phát triển giai đoạn 2021 2026")
    whole = _decision(about="Kế hoạch phát triển giai đoạn 2021 - 2026")
    assert torn.fields["subject"].value == "Kế hoạch phát triển giai đoạn 2021 2026"
    assert _score(torn, "subject") < 0.8 * _score(whole, "subject")


def test_a_name_on_a_form_of_the_desk_or_a_paper_of_two_sides_may_be_anothers() -> None:
    signed: Candidates = {"signer_name": (Candidate("Lý Thu Khuê", "Lý Thu Khuê", 0.9, ()),)}
    assert weigh_signed(signed, "Quyết định", "SỞ Y TẾ") == signed
    assert 0.5 < weigh_signed(signed, "Biên bản", None)["signer_name"][0].score < 0.8
    assert weigh_signed(signed, "Hợp đồng", None)["signer_name"][0].score < 0.5
    assert weigh_signed(signed, "Giấy tiếp nhận hồ sơ và hẹn trả kết quả", None)["signer_name"][0].score < 0.5


@pytest.mark.parametrize(
    ("position", "organ", "its_head"),
    [
        ("CỤC TRƯỞNG", "BAN QUẢN LÝ CÁC KHU CÔNG NGHIỆP", False),
        ("CỤC TRƯỞNG", "CỤC THUẾ TỈNH BẮC NINH", True),
        ("GIÁM ĐỐC", "CHI CỤC AN TOÀN VỆ SINH THỰC PHẨM", True),
        ("PHÓ GIÁM ĐỐC", "UBND HUYỆN KHE NGÀN", False),
        ("PHÓ GIÁM ĐỐC", "UBND HUYỆN KHE NGÀN - SỞ TÀI CHÍNH", True),
        ("PHÓ CHỦ TỊCH", "UỶ BAN NHÂN DÂN QUẬN YÊN Ổ", True),
        ("CHỦ TỊCH", "SỞ CÔNG THƯƠNG", False),
        ("BÍ THƯ", "HUYỆN ỦY GÒ QUÝT", True),
        ("CHÁNH VĂN PHÒNG", "ỦY BAN NHÂN DÂN TỈNH ĐẮK NÔNG", True),
        ("GIÁM ĐỐC", None, True),
        ("CỤC TRƯỞNG", "BỘ TÀI CHÍNH", True),
        ("CỤC TRƯỞNG", "CHI CỤC THỦY LỢI", False),
        ("CHỦ TỊCH", "UBMTTQ XÃ HẠ", True),
        ("CHỦ TỊCH", "LIÊN MINH HỢP TÁC XÃ TỈNH", True),
        ("CHỦ TỊCH", "BẢO HIỂM XÃ HỘI TỈNH HÀ GIANG", False),
        ("VIỆN TRƯỞNG", "VKSND TỈNH HÀ GIANG", True),
        ("THỦ TRƯỞNG", "CÔNG AN TỈNH HÀ GIANG", True),
    ],
)
def test_a_position_that_heads_no_such_agency_is_doubted(position: str, organ: str | None, its_head: bool) -> None:
    signed: Candidates = {
        "signer_position": (Candidate(position, position, 0.9, ()),),
        "signer_name": (Candidate("Lý Thu Khuê", "Lý Thu Khuê", 0.9, ()),),
    }
    weighed = weigh_signed(signed, "Quyết định", organ)
    assert weighed["signer_name"] == signed["signer_name"]
    assert (weighed["signer_position"][0].score == 0.9) is its_head
    assert weighed["signer_position"][0].value == position


def test_who_signs_by_order_may_head_a_part_of_the_agency() -> None:
    signed: Candidates = {
        "signer_position": (Candidate("GIÁM ĐỐC", "GIÁM ĐỐC", 0.9, ()),),
        "signing_authority": (Candidate("TUQ.", "TUQ.", 0.9, ()),),
    }
    assert weigh_signed(signed, "Quyết định", "UBND HUYỆN KHE NGÀN") == signed


@pytest.mark.parametrize("about", ["hạng II", "giai đoạn II", "khóa XVIII", "(đợt T)", "QUÝ III"])
def test_what_counts_in_roman_strokes_may_have_lost_one(about: str) -> None:
    plain = _score(_decision(about="Về việc giao ban giai đoạn 2"), "subject")
    assert _score(_decision(about=f"Về việc giao ban {about}"), "subject") < 0.8 * plain


@pytest.mark.parametrize("about", ["Quỹ y tế xã Hạ", "Khoa Y Dược", "hạng IV", "tập ý kiến"])
def test_what_counts_nothing_or_not_in_strokes_is_not_doubted(about: str) -> None:
    plain = _score(_decision(about="Về việc giao ban giai đoạn 2"), "subject")
    assert _score(_decision(about=f"Về việc {about}"), "subject") > 0.95 * plain


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("Số: 138/QĐ-SYT", "Căn cứ Quyết định số 5/QĐ-SYT ngày 03 tháng 4 năm 2008;"),
        ("Số: 138/2005/QĐ-SYT", "Theo đề nghị của Chánh Văn phòng,"),
    ],
)
def test_a_day_that_the_paper_contradicts_is_never_accepted(code: str, text: str) -> None:
    head = state_head(code=code, day="Sông Hồng, ngày 03 tháng 4 năm 2006")
    page = set_page(*head, (5, MIDDLE, "QUYẾT ĐỊNH"), (6, MIDDLE, "Về việc giao ban"), *paragraph(9, text), *body(11))
    found = _read(page).candidates["issued_date"]
    assert found[0].value == "2006-04-03"
    assert not calibration().accepts("issued_date", found)
    again = [replace(found[0], votes=2, looks=2)]
    assert not calibration().accepts("issued_date", again)


def test_what_stands_under_the_title_of_a_type_without_subject_is_doubtful() -> None:
    def score(title: str, code: str) -> float:
        head = state_head(code=code)
        page = set_page(*head, (5, MIDDLE, title), (6, MIDDLE, "Về việc nghỉ phép năm 2024"), *body(9))
        return _read(page).candidates["subject"][0].score

    assert score("GIẤY NGHỈ PHÉP", "Số: 138/GNP-SYT") < 0.7 * score("QUYẾT ĐỊNH", "Số: 138/QĐ-SYT")


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("Về việc giao ban (đợt HI)", "Về việc giao ban (đợt III)"),
        ("Về việc giao ban quý 1V năm 2019", "Về việc giao ban quý IV năm 2019"),
        ("Về việc giao ban quý H năm.2019 .", "Về việc giao ban quý II năm 2019"),
        ("Giao ban tại huyện Khe. Ngàn thuộc.phạm vi", "Giao ban tại huyện Khe Ngàn thuộc phạm vi"),
        ("Về việc thành 'lập Tổ công tác", "Về việc thành lập Tổ công tác"),
        ("Thực hiện Quyết định số 564IQĐ-TTg năm 2018", "Thực hiện Quyết định số 564/QĐ-TTg năm 2018"),
        ("VIv giao ban", "V/v giao ban"),
        ("Về việc giao ban (đợt I) ˆ", "Về việc giao ban (đợt I)"),
        ("Số hóa hồ sơ theo TCVN HI", "Số hóa hồ sơ theo TCVN HI"),
        ("Về việc thành .lập Tổ công tác", "Về việc thành lập Tổ công tác"),
        ("Về việc giao ban nắm 2020", "Về việc giao ban năm 2020"),
        ("Về việc dự hội chợ tỉnh Hà Nam 2024", "Về việc dự hội chợ tỉnh Hà Nam 2024"),
        ("Về việc thành . lập Tổ công tác", "Về việc thành lập Tổ công tác"),
        ("Thực hiện Quyết định số 124I2015/QĐ-TTg", "Thực hiện Quyết định số 124/2015/QĐ-TTg"),
        ("Về việc giao ban “Tổ công tác”", "Về việc giao ban “Tổ công tác”"),
        ('Về việc ban hành "Quy định chung"', 'Về việc ban hành "Quy định chung"'),
        ('Về việc "ban hành Quy định chung', "Về việc ban hành Quy định chung"),
    ],
)
def test_slips_within_a_subject_are_mended(printed: str, value: str) -> None:
    assert _decision(about=printed).fields["subject"].value == value


@pytest.mark.parametrize(("born_digital", "value"), [(True, "V/V giao ban"), (False, "V/v giao ban")])
def test_text_that_the_file_holds_keeps_its_label_an_engines_is_told_by_pixels(born_digital: bool, value: str) -> None:
    [row] = sheet_of(set_page((3, LEFT, "V/V giao ban"))).rows
    line = sheet_of(set_page((3, LEFT, "V/V giao ban"))).span(row)
    read = read_subject([line], Counter(), NO_SIGHT, born_digital=born_digital)
    assert read is not None
    assert read.value == value


def test_a_notation_is_held_against_agency_type_and_spelling() -> None:
    sure, other, of_no_type, toned = (
        _score(_decision(code=f"Số: 138/{notation}"), "code_notation")
        for notation in ("QĐ-SYT", "QĐ-KHTC", "QQQ-SYT", "QĐ-KHỤC")
    )
    assert other < 0.87 * sure  # no part of it is short for Sở Y tế
    assert of_no_type < 0.87 * sure
    assert toned < 0.6 * other  # no abbreviation has a tone mark


def test_a_letter_behind_the_number_that_the_words_lack_is_rather_the_stroke() -> None:
    page = set_page(*state_head(code="Số: 892 /QĐ-SYT"), (6, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    code = find_code(find_head(page, sheet_of(page)))
    assert code is not None

    def score(text: str) -> float:
        hand = ByHand([(text, 0.9)], code.gap)
        reading = read_fields([page], NO_SIGHT, today=date(2026, 1, 1), digits=lambda *_: hand)
        return next(one.score for one in reading.candidates["code_number"] if one.value == text)

    assert score("892C") < 0.75 * score("893")
