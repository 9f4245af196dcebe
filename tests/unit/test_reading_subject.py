"""The subject is what stands under the title or after V/v, and nothing of what stands around it."""

from __future__ import annotations

import pytest

from ocr_workers.reading.fields import Reading
from tests.support.read_pages import CODE, is_absent, read, values
from tests.support.set_pages import LEFT, MIDDLE, body, paragraph, set_page, state_head


def _letter(*about: str) -> Reading:
    """A letter without a type's name, with these lines under its number."""
    lines = [(3.6 + number, LEFT, text) for number, text in enumerate(about)]
    text = "Thực hiện Công văn số 77/BYT-KCB ngày 02 tháng 3 năm 2024 của Bộ Y tế, Sở"
    addressed = (7, MIDDLE, "Kính gửi: Các đơn vị trực thuộc")
    return read(set_page(*state_head(code="Số: 2081/SYT-NVY"), *lines, addressed, *paragraph(9, text)))


def test_a_letter_has_its_subject_under_the_number() -> None:
    reading = _letter("V/v tăng cường công tác quản lý", "hồ sơ bệnh án")
    assert values(reading, "type_name", "subject") == ["Công văn", "V/v tăng cường công tác quản lý hồ sơ bệnh án"]
    assert values(reading, *CODE) == ["2081", "SYT-NVY", "2024-04-03"]


def test_a_stamp_under_a_letters_subject_is_none_of_it() -> None:
    reading = _letter("V/v quản lý hồ sơ bệnh án", "BỆNH VIỆN ĐA KHOA", "ĐẾN Số: 12")
    assert values(reading, "subject") == ["V/v quản lý hồ sơ bệnh án"]


def test_a_paragraph_that_stands_in_the_middle_by_chance_is_no_line_of_the_subject() -> None:
    lines = [
        (7, MIDDLE, "Tổ chức chiến dịch tình nguyện"),
        (8, MIDDLE, "Thực hiện Chương trình công tác năm 2022, Sở Y tế lập kế hoạch"),
    ]
    reading = read(set_page(*state_head(), (6, MIDDLE, "KẾ HOẠCH"), *lines, *body(10)))
    assert values(reading, "subject") == ["Tổ chức chiến dịch tình nguyện"]


def test_under_the_name_of_a_form_stands_no_subject() -> None:
    lines = [(7, MIDDLE, "Mã hồ sơ: H60.29-240705-0001"), (8, MIDDLE, "(Liên 2: Giao khách hàng)")]
    reading = read(set_page(*state_head(), (6, MIDDLE, "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ"), *lines))
    assert is_absent(reading, "subject")
    assert values(reading, "dossier_code") == ["H60.29-240705-0001"]


@pytest.mark.parametrize("line", ["GIÁM ĐỐC SỞ Y TẾ", "Cấp lần đầu ngày 27 tháng 11 năm 2023", "Số hiệu: 51-534-00187"])
def test_who_grants_a_certificate_is_no_part_of_what_it_grants(line: str) -> None:
    lines = [(7, MIDDLE, "KHÁM BỆNH, CHỮA BỆNH"), (8, MIDDLE, line)]
    reading = read(set_page(*state_head(), (6, MIDDLE, "CHỨNG CHỈ HÀNH NGHỀ"), *lines, *body(10)))
    assert values(reading, "subject") == ["KHÁM BỆNH, CHỮA BỆNH"]


@pytest.mark.parametrize("line", ["BHXH, BHYT, BHTN", "NQ 57-NQ/TW", "ISO 9001:2015"])
def test_abbreviations_in_capitals_are_of_a_letters_subject(line: str) -> None:
    assert values(_letter("V/v hướng dẫn thu, nộp", line), "subject") == [f"V/v hướng dẫn thu, nộp {line}"]


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("THÔNG BÁO", ("KẾT LUẬN CỦA", "CHỦ TỊCH ỦY BAN NHÂN DÂN TỈNH")),
        ("QUYẾT ĐỊNH", ("Về việc thu hồi Giấy chứng nhận đầu tư", "cấp lần đầu cho Công ty Sông Hồng")),
        ("QUYẾT ĐỊNH", ("Về việc hỗ trợ các hộ dân thuộc", "diện: hộ nghèo, hộ cận nghèo")),
    ],
)
def test_what_ends_a_certificates_subject_is_of_that_of_an_act(title: str, lines: tuple[str, str]) -> None:
    below = [(7 + number, MIDDLE, line) for number, line in enumerate(lines)]
    assert values(read(set_page(*state_head(), (6, MIDDLE, title), *below, *body(10))), "subject") == [" ".join(lines)]


@pytest.mark.parametrize("label", ["Vw", "V/w", "VX%v", "_V/v", "Vv"])
def test_the_label_of_a_letters_subject_is_known_half_read(label: str) -> None:
    assert values(_letter(f"{label} quản lý hồ sơ bệnh án"), "subject") == ["V/v quản lý hồ sơ bệnh án"]


@pytest.mark.parametrize(
    ("before", "subject"),
    [
        ("V/v quản lý hồ sơ bệnh án (lần 7).", "V/v quản lý hồ sơ bệnh án (lần 7)."),
        ("V/v thực hiện chỉ đạo của", "V/v thực hiện chỉ đạo của UBND TỈNH SÔNG HỒNG"),
    ],
)
def test_an_agency_in_capitals_is_of_a_letters_subject_only_where_that_leads_to_it(before: str, subject: str) -> None:
    assert values(_letter(before, "UBND TỈNH SÔNG HỒNG"), "subject") == [subject]


def test_a_dash_between_two_years_stays_where_the_line_ends_on_it() -> None:
    lines = [(7, MIDDLE, "Phê duyệt kế hoạch của Sở Y tế về giai đoạn 2021 –"), (8, MIDDLE, "2026")]
    reading = read(set_page(*state_head(), (6, MIDDLE, "QUYẾT ĐỊNH"), *lines, *body(10)))
    assert values(reading, "subject") == ["Phê duyệt kế hoạch của Sở Y tế về giai đoạn 2021 – 2026"]


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("GIẤY MỜI", "Sở Y tế tỉnh Sông Hồng trân trọng kính mời: Các đơn vị"),
        ("CÔNG ĐIỆN", "Sở Y tế tỉnh Sông Hồng điện: Các đơn vị"),
    ],
)
def test_a_subject_ends_before_the_line_that_says_whom_the_paper_is_to(title: str, line: str) -> None:
    lines = [(7, MIDDLE, "Dự hội nghị tổng kết công tác y tế"), (8, MIDDLE, line)]
    reading = read(set_page(*state_head(), (6, MIDDLE, title), *lines, *body(10)))
    assert values(reading, "subject") == ["Dự hội nghị tổng kết công tác y tế"]


@pytest.mark.parametrize("line", ["Chuyển đổi số, cải cách hành chính", "Dự thảo Nghị quyết về y tế cơ sở"])
def test_what_only_begins_like_a_stamp_or_a_remark_is_a_subject(line: str) -> None:
    reading = read(set_page(*state_head(), (6, MIDDLE, "KẾ HOẠCH"), (7, MIDDLE, line), *body(10)))
    assert values(reading, "subject") == [line]


def test_the_table_of_a_register_is_no_subject() -> None:
    table = [(8, MIDDLE, "STT Mã hồ sơ Tên tổ chức, cá nhân"), (9, MIDDLE, "1 H60.29-240705-0001 Lê Ngọc Sử")]
    reading = read(set_page(*state_head(), (6, MIDDLE, "SỔ THEO DÕI HỒ SƠ"), *table))
    assert is_absent(reading, "subject")


@pytest.mark.parametrize(
    "line",
    [
        "1. Tổ chức trực ban suốt ngày đêm; kiểm đếm tàu thuyền, hướng dẫn neo đậu an toàn",
        "Hôm nay, vào hồi 10 giờ 15 phút, ngày 15 tháng 01 năm 2016, tại phòng họp số 2",
        "Ban thường trực trân trọng kính mời đại biểu tham dự cuộc họp với các nội dung sau:",
        "Các khối, cụm thi đua đăng ký nội dung ngay từ đầu năm, có chỉ tiêu đo đếm được và",
    ],
)
def test_a_full_line_that_begins_anew_under_a_short_subject_is_the_body(line: str) -> None:
    title = [(6.0, MIDDLE, "CHỈ THỊ"), (7.0, MIDDLE, "Về ứng phó với hạn hán")]
    more = paragraph(9.2, "toàn; kiên quyết sơ tán dân ra khỏi vùng nguy hiểm theo phương án đã duyệt", "hằng năm.")
    page = set_page(*state_head(code="Số: 183/CT-UBND"), *title, (8.1, MIDDLE, line), *more, *body(12))
    assert values(read(page), "subject") == ["Về ứng phó với hạn hán"]


def test_a_subject_whose_next_line_begins_with_a_name_goes_on() -> None:
    lines = [(7.0, MIDDLE, "Về việc nghiệm thu công trình Trạm Y tế xã"), (8.0, MIDDLE, "An Thạnh Nhì")]
    page = set_page(*state_head(), (6.0, MIDDLE, "QUYẾT ĐỊNH"), *lines, *body(10))
    assert values(read(page), "subject") == ["Về việc nghiệm thu công trình Trạm Y tế xã An Thạnh Nhì"]


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("Về việc xuất cấp vật tư trên địa bàn xã la Dom", "Về việc xuất cấp vật tư trên địa bàn xã Ia Dom"),
        ("Về việc xuất cấp vật tư cho la bàn và thuyền", "Về việc xuất cấp vật tư cho la bàn và thuyền"),
    ],
)
def test_slips_that_engines_make_are_mended(printed: str, told: str) -> None:
    page = set_page(*state_head(code="Số: 12/BC-SYT"), (6.0, MIDDLE, "BÁO CÁO"), (7.0, MIDDLE, printed), *body(9))
    assert values(read(page), "subject") == [told]


def test_what_follows_the_name_of_a_licence_is_no_sure_subject() -> None:
    page = set_page(*state_head(code="Số: 12/GPXD-UBND"), (6.0, MIDDLE, "GIẤY PHÉP XÂY DỰNG"), *body(9))
    assert read(page).candidates["subject"][0].score < 0.45


@pytest.mark.parametrize(
    ("title", "type_name", "line", "subject"),
    [
        ("BIÊN BẢN LÀM VIỆC", "Biên bản", "Về việc kiểm tra hoạt động nuôi tôm", "Về việc kiểm tra hoạt động nuôi tôm"),
        ("CÔNG ĐIỆN KHẨN", "Công điện", "V/v ứng phó lũ trên sông Kiến Giang", "V/v ứng phó lũ trên sông Kiến Giang"),
        ("BÁO CÁO THẨM TRA", "Báo cáo", "Dự thảo Nghị quyết về mức thu phí", "Dự thảo Nghị quyết về mức thu phí"),
        ("BÁO CÁO KẾT QUẢ", "Báo cáo", "thực hiện nhiệm vụ năm 2023", "KẾT QUẢ thực hiện nhiệm vụ năm 2023"),
        (
            "BÁO CÁO TÌNH HÌNH THỰC HIỆN NHIỆM VỤ",
            "Báo cáo",
            "Quý I năm 2023",
            "TÌNH HÌNH THỰC HIỆN NHIỆM VỤ Quý I năm 2023",
        ),
    ],
)
def test_more_of_the_types_name_is_none_of_the_subject(title: str, type_name: str, line: str, subject: str) -> None:
    reading = read(set_page(*state_head(), (6, MIDDLE, title), (7, MIDDLE, line), *body(10)))
    assert values(reading, "type_name", "subject") == [type_name, subject]


def test_what_may_be_more_of_the_types_name_is_not_sure() -> None:
    whole, alone = (
        read(set_page(*state_head(), (6, MIDDLE, title), *below, *body(10))).candidates["subject"][0]
        for title, below in (
            ("THÔNG CÁO", [(7, MIDDLE, "VỀ KỲ HỌP THỨ BA")]),
            ("THÔNG CÁO BÁO CHÍ", []),
        )
    )
    assert alone.score < 0.6 * whole.score


def test_a_subject_in_capitals_that_begins_beside_the_types_name_is_as_sure_as_another() -> None:
    beside, below = (
        read(set_page(*state_head(), (6, MIDDLE, title), (7, MIDDLE, line), *body(10))).candidates["subject"][0]
        for title, line in (
            ("BÁO CÁO KẾT QUẢ", "THỰC HIỆN NHIỆM VỤ NĂM 2023"),
            ("BÁO CÁO", "KẾT QUẢ THỰC HIỆN NHIỆM VỤ NĂM 2023"),
        )
    )
    assert beside.value == below.value
    assert beside.score > 0.9 * below.score
