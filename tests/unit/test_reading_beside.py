"""What is stamped beside or over a paper's title and subject, and what of them was not read, does not become the paper's."""

from __future__ import annotations

import pytest

from ocr_workers.reading.code import initials
from tests.support.read_pages import CODE, is_absent, read, values
from tests.support.set_pages import LEFT, MIDDLE, RIGHT, Piece, at_left, body, paragraph, set_page, state_head

SUBJECT = ("Về việc phê duyệt danh mục thuốc thiết yếu", "của các cơ sở khám chữa bệnh")
WHOLE = " ".join(SUBJECT)


def _decision(*stamp: Piece, head: list[Piece] | None = None) -> list[str | None]:
    """Type and subject of a decision with what is stamped on it; rows that meet are one line, as engines read them."""
    title = [(6.0, MIDDLE, "QUYẾT ĐỊNH"), *((7.0 + at, MIDDLE, line) for at, line in enumerate(SUBJECT))]
    page = set_page(*(head or state_head()), *stamp, *title, *body(11), merged=True)
    return values(read(page), "type_name", "subject")


@pytest.mark.parametrize("first", ["SỞ TÀI CHÍNH", "Sung~20", "ĐẾN", "VĂN PHÒNG", "DỰ ÁN", "|9: „|"])
def test_a_stamp_beside_the_title_is_no_part_of_it(first: str) -> None:
    assert _decision(at_left(6, first, 100)) == ["Quyết định", WHOLE]


def test_lines_of_the_stamp_beside_the_subject_are_no_part_of_it() -> None:
    stamp = [at_left(6, "SỞ TÀI CHÍNH", 100), at_left(7, "ĐẾN Ngày", 100), at_left(8, "Chuyển:", 100)]
    assert _decision(*stamp) == ["Quyết định", WHOLE]


def test_a_mark_beside_the_title_cuts_nothing_from_a_subject_that_reaches_under_it() -> None:
    wide = "Về việc phê duyệt danh mục thuốc thiết yếu của các cơ sở khám bệnh"
    title = [at_left(6, "LE KHÂN", 560), (6.0, MIDDLE, "QUYẾT ĐỊNH"), (7.0, MIDDLE, wide)]
    assert values(read(set_page(*state_head(), *title, *body(10), merged=True)), "subject") == [wide]


def test_a_subjects_word_that_grew_together_with_a_stamp_is_kept_and_doubted() -> None:
    title = [at_left(6, "SỞ TÀI CHÍNH", 300), (6.0, MIDDLE, "QUYẾT ĐỊNH"), at_left(7, "ngày....„Phê", 380)]
    rest = (7.0, 1372, "duyệt danh mục thuốc thiết yếu của các cơ sở khám bệnh, chữa bệnh công lập")
    reading = read(set_page(*state_head(), *title, rest, *body(10), merged=True))
    assert values(reading, "subject") == [f"Phê {rest[2]}"]
    assert reading.fields["subject"].confidence < 0.8


def test_a_types_name_at_the_side_is_a_stamps() -> None:
    page = set_page(*state_head(code="Số: 138/TB-SYT"), at_left(5, "DỰ ÁN", 100), (7, MIDDLE, "THÔNG BÁO"), *body(10))
    assert values(read(page), "type_name") == ["Thông báo"]


def test_the_number_may_stand_between_title_and_subject() -> None:
    head = [piece for piece in state_head() if not piece[2].startswith("Số")]
    title = [(6.0, MIDDLE, "GIẤY MỜI"), (7.0, MIDDLE, "Số: 3497/GM-SYT"), (8.0, MIDDLE, "Làm việc với Đoàn giám sát")]
    reading = read(set_page(*head, *title, (9.4, MIDDLE, "Kính gửi: Trưởng các đơn vị"), *body(11)))
    assert values(reading, "type_name", "subject", "code_number") == ["Giấy mời", "Làm việc với Đoàn giám sát", "3497"]


def _letter(*about: str, to: str = "Kính gửi: Các đơn vị trực thuộc") -> list[Piece]:
    lines = [(3.6 + number, LEFT, text) for number, text in enumerate(about)]
    return [*state_head(code="Số: 2081/SYT-NVY"), *lines, (7, MIDDLE, to), *body(9)]


@pytest.mark.parametrize("to", ["Kính gửi: Các đơn vị", "Kính gử ¡: Các đơn vị", "Kính trình: Bộ Y tế"])
def test_a_letters_subject_whose_label_was_not_read_is_found_and_doubted(to: str) -> None:
    reading = read(set_page(*_letter("9% tham mưu xử lý kiến nghị", "của Công ty Sông Hồng", to=to)))
    assert values(reading, "subject") == ["9% tham mưu xử lý kiến nghị của Công ty Sông Hồng"]
    labelled = read(set_page(*_letter("V/v tham mưu xử lý kiến nghị", "của Công ty Sông Hồng", to=to)))
    assert reading.fields["subject"].confidence < 0.6 * labelled.fields["subject"].confidence


@pytest.mark.parametrize("line", ["SỞ TÀI CHÍNH", "ĐẾN Số: 12", "Chuyển: ..."])
def test_a_stamp_over_whom_a_letter_is_to_is_no_subject(line: str) -> None:
    assert is_absent(read(set_page(*_letter(line))), "subject")


def test_a_line_of_an_agency_that_is_not_centred_has_lost_a_word() -> None:
    whole = read(set_page(*state_head(agency=("ỦY BAN NHÂN DÂN", "HUYỆN SÌN HỒ")), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
    head = [piece for piece in state_head(agency=("ỦY BAN NHÂN DÂN", "")) if piece[2]]
    torn = read(set_page(*head, (1, LEFT + 70, "SÌN HỒ"), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
    assert values(torn, "organ_name") == ["ỦY BAN NHÂN DÂN SÌN HỒ"]
    assert torn.fields["organ_name"].confidence < 0.8 * whole.fields["organ_name"].confidence


@pytest.mark.parametrize("line", ["/GM-MTTQ", "Số:....GM-MTTQ"])
def test_a_numbers_line_with_its_number_blank_is_no_part_of_the_agency(line: str) -> None:
    head = state_head(agency=("SỞ Y TẾ", f"TỈNH SƠN LA {line}"), code="")
    reading = read(set_page(*[piece for piece in head if piece[2]], (6, MIDDLE, "GIẤY MỜI"), *body(9)))
    assert values(reading, "organ_name") == ["SỞ Y TẾ TỈNH SƠN LA"]


@pytest.mark.parametrize(("place", "read_as"), [("Hà. Nội", "Hà Nội"), ("TP. Hồ Chí Minh", "TP. Hồ Chí Minh")])
def test_a_speck_in_a_places_name_is_no_full_stop(place: str, read_as: str) -> None:
    page = set_page(*state_head(day=f"{place}, ngày 03 tháng 4 năm 2024"), (6, MIDDLE, "THÔNG BÁO"), *body(9))
    assert values(read(page), "place") == [read_as]


@pytest.mark.parametrize("before", ["Số: 24/NQ-HĐND Mường Ảng", "12/QĐ-UBND Mường Ảng"])
def test_the_numbers_line_beside_a_place_is_no_part_of_it(before: str) -> None:
    head = [piece for piece in state_head(day=f"{before}, ngày 03 tháng 4 năm 2024", code="") if piece[2]]
    assert values(read(set_page(*head, (6, MIDDLE, "THÔNG BÁO"), *body(9))), "place") == ["Mường Ảng"]


@pytest.mark.parametrize("opening", ["Hôm nay", "14 giờ 15 phút", "Phút"])
def test_what_begins_minutes_is_no_place(opening: str) -> None:
    page = set_page(*state_head(day=f"{opening}, ngày 03 tháng 4 năm 2024"), (6, MIDDLE, "BIÊN BẢN"), *body(9))
    assert is_absent(read(page), "place")


def test_initials_keep_the_d_with_a_stroke_and_no_other_mark() -> None:
    assert "CTHADS" in initials("CỤC THI HÀNH ÁN DÂN SỰ")
    assert "BQLDA" in initials("BAN QUẢN LÝ DỰ ÁN")
    assert "SGDĐT" in initials("SỞ GIÁO DỤC VÀ ĐÀO TẠO")


def test_a_suffix_that_may_be_a_d_with_a_stroke_is_doubted() -> None:
    plain, doubtful = (
        read(set_page(*state_head(code=f"Số: 434{suffix}/QĐ-SYT"), (6, MIDDLE, "QUYẾT ĐỊNH"), *body(9)))
        for suffix in ("B", "D")
    )
    assert values(plain, *CODE[:1]) == ["434B"]
    assert values(doubtful, *CODE[:1]) == ["434D"]
    assert doubtful.fields["code_number"].confidence < 0.6 * plain.fields["code_number"].confidence


@pytest.mark.parametrize(
    "stamp", [at_left(6, "SỞ TÀI CHÍNH", 150), at_left(6, "Sung~20", 590), at_left(10, "Sung~20", 340)]
)
def test_a_scrap_beside_the_title_cuts_no_word_of_a_subject_that_is_no_stamps(stamp: Piece) -> None:
    lines = paragraph(
        7, "Về việc phê duyệt danh mục thuốc của các cơ sở khám bệnh công lập", "trên địa bàn tỉnh Sông Hồng"
    )
    centred = [
        (7.0, MIDDLE - 16, "Về việc phê duyệt danh mục thuốc thiết yếu"),
        (8.0, MIDDLE - 16, "và dân lập trên địa bàn"),
    ]
    for subject in (lines, centred):
        page = set_page(*state_head(), stamp, (6.0, MIDDLE, "QUYẾT ĐỊNH"), *subject, *body(11), merged=True)
        words = " ".join(text for _, _, text in subject).split()
        found = read(page).fields.get("subject")
        assert found is None or found.value is None or [w for w in words if w in found.value.split()] == words


@pytest.mark.parametrize(
    "lines",
    [("Sở Y tế - Công an tỉnh Sông Hồng", "trên địa bàn tỉnh"), ("Sơ kết Đề án 06/CP năm 2024", "của ngành y tế")],
)
def test_a_subject_that_begins_like_a_numbers_line_is_none(lines: tuple[str, str]) -> None:
    below = [(7.0 + at, MIDDLE, line) for at, line in enumerate(lines)]
    page = set_page(*state_head(), (6.0, MIDDLE, "BÁO CÁO"), *below, *body(10))
    assert values(read(page), "subject") == [" ".join(lines)]


@pytest.mark.parametrize("name", ["THÔNG TƯ LIÊN TỊCH", "CHỨNG CHỈ HÀNH NGHỀ"])
def test_a_types_name_set_wide_is_one(name: str) -> None:
    first, rest = name.split(maxsplit=2)[:2], name.split(maxsplit=2)[2]
    pieces = [at_left(6, " ".join(first), 1000), at_left(6, rest, 1000 + len(" ".join(first)) * 21 + 50)]
    page = set_page(*state_head(code="Số: 138/SYT"), *pieces, *body(10), merged=True)
    assert (values(read(page), "type_name")[0] or "").upper() == name


@pytest.mark.parametrize("note", ["Giao đồng chí Nam xử lý", "Đ/c Nam", "Đính kèm 02 phụ lục", "Gấp"])
def test_a_note_by_who_received_a_paper_is_no_subject_and_says_nothing_of_its_type(note: str) -> None:
    head = state_head(code="Số: 138/TTr-SYT")
    reading = read(set_page(*head, (4.2, LEFT, note), (7, MIDDLE, "Kính gửi: Các đơn vị"), *body(9)))
    assert values(reading, "type_name") == ["Tờ trình"]
    assert is_absent(reading, "subject")


def test_a_title_in_the_left_column_is_one_where_no_other_is() -> None:
    head = [piece for piece in state_head(code="") if piece[2]]
    lines = [(5, LEFT - 60, "GIẤY MỜI"), (6, LEFT, "Về việc họp"), (8, MIDDLE, "Kính gửi: Ông A")]
    assert values(read(set_page(*head, *lines, *body(10))), "type_name") == ["Giấy mời"]


def test_initials_keep_the_marks_that_make_another_letter() -> None:
    assert "BVNTƯ" in initials("BỆNH VIỆN NHI TRUNG ƯƠNG")


@pytest.mark.parametrize("rule", ["_", "-ˆ", "__ -"])
def test_a_rule_between_the_columns_is_no_part_of_the_right_one(rule: str) -> None:
    """Else the columns were parted left of it, through the agency's name."""
    rows: list[Piece] = [(0, 560, "SỞ Y TẾ"), (0, 760, rule), (0, RIGHT, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")]
    rows += [(1, 560, "TRUNG TÂM Y TẾ"), (1, RIGHT, "Độc lập - Tự do - Hạnh phúc")]
    rows += [(2.6, 560, "Số: 12/TB-TTYT"), (2.6, RIGHT, "Sông Hồng, ngày 03 tháng 4 năm 2024")]
    reading = read(set_page(*rows, (6, MIDDLE, "THÔNG BÁO"), *body(9), merged=True))
    assert values(reading, "organ_name", "code_number") == ["TRUNG TÂM Y TẾ", "12"]


def test_an_arrival_stamp_right_of_the_title_is_no_part_of_it() -> None:
    stamp = [(5, 2200, "ĐẾN"), (6, 2200, "Số~50 L5"), (7, 2240, "Chuyển:")]
    title = [(6.0, MIDDLE, "THƯ MỜI"), (7.0, MIDDLE, "Tham dự Lễ khai giảng năm học mới")]
    reading = read(set_page(*state_head(code="Số: 24/TM-SYT"), *stamp, *title, *body(10), merged=True))
    assert values(reading, "type_name", "subject") == ["Thư mời", "Tham dự Lễ khai giảng năm học mới"]


def test_a_subject_that_reaches_under_the_stamp_right_of_the_title_stays_whole() -> None:
    wide = "Kết quả tuyển dụng viên chức của các đơn vị sự nghiệp công lập trực thuộc Sở Y tế năm 2024"
    title = [(6.0, MIDDLE, "THÔNG BÁO"), (6.0, 2200, "ĐẾN"), (7.0, MIDDLE, wide)]
    reading = read(set_page(*state_head(code="Số: 24/TB-SYT"), *title, *body(10), merged=True))
    assert values(reading, "type_name", "subject") == ["Thông báo", wide]


def test_a_line_of_the_stamp_level_with_the_subject_takes_nothing_of_it() -> None:
    stamp = [at_left(4.6, "ĐẾN", 100), at_left(5.6, "Ngày", 100), at_left(6.6, "Lưu hồ sơ: ........", 80)]
    title = [(5.8, MIDDLE, "CHƯƠNG TRÌNH"), (6.6, MIDDLE, "Công tác trọng tâm quý IV năm 2020")]
    reading = read(set_page(*state_head(code="Số: 561/CTr-SYT"), *stamp, *title, *body(10), merged=True))
    assert values(reading, "type_name", "subject") == ["Chương trình", "Công tác trọng tâm quý IV năm 2020"]


def test_the_opening_of_minutes_ends_no_head() -> None:
    """Its date is no line of the head, so title and subject above it are not either."""
    head = [piece for piece in state_head(code="Số: 293/BB-UBND", day="") if piece[2]]
    title = [(3.4, MIDDLE, "BIÊN BẢN"), (4.1, MIDDLE, "Nghiệm thu hoàn thành công trình")]
    title.append((3.4, 2200, "Số: 198"))  # of a stamp
    opening = paragraph(4.8, "Hôm nay, hồi 14 giờ 15 phút, ngày 04 tháng 7 năm 2018, tại Phòng họp")
    reading = read(set_page(*head, *title, *opening, *body(9), merged=True))
    assert values(reading, "type_name", "subject") == ["Biên bản", "Nghiệm thu hoàn thành công trình"]
    assert is_absent(reading, "place")


@pytest.mark.parametrize("line", ["ĐT: (0232) 3204360", "ĐIỆN THOẠI: 0982 142 367", "Fax: 02323 204360"])
def test_how_to_reach_an_agency_is_no_part_of_its_name(line: str) -> None:
    head = state_head(agency=("UBND TỈNH SÔNG HỒNG", "TRUNG TÂM Y TẾ", line))
    reading = read(set_page(*head, (7, MIDDLE, "THÔNG BÁO"), *body(9)))
    assert values(reading, "organ_name", "parent_organ_name") == ["TRUNG TÂM Y TẾ", "UBND TỈNH SÔNG HỒNG"]


@pytest.mark.parametrize(
    "lines",
    [
        ("CÔNG TY CỔ PHẦN MÔI", "TRƯỜNG ĐÔ THỊ SÔNG HỒNG"),
        ("CÔNG TY TNHH MTV XỔ", "SỐ KIẾN THIẾT SÔNG HỒNG"),
        ("CHI CỤC QUẢN LÝ THỊ", "TRƯỜNG SÔNG HỒNG"),
    ],
)
def test_a_line_that_goes_on_with_a_word_names_no_other_agency(lines: tuple[str, str]) -> None:
    reading = read(set_page(*state_head(agency=lines), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
    assert values(reading, "organ_name", "parent_organ_name") == [" ".join(lines), None]


def test_a_school_under_a_company_is_another_agency() -> None:
    head = state_head(agency=("CÔNG TY CỔ PHẦN GIÁO DỤC", "TRƯỜNG MẦM NON HOA SEN"))
    assert values(read(set_page(*head, (6, MIDDLE, "THÔNG BÁO"), *body(9))), "organ_name") == ["TRƯỜNG MẦM NON HOA SEN"]


@pytest.mark.parametrize("title", ["GIẤY HẸN TRẢ KẾT QUẢ", "PHIẾU TIẾP NHẬN HỒ SƠ", "GIẤY KHEN"])
def test_forms_of_the_desk_are_known_and_no_other_type(title: str) -> None:
    reading = read(set_page(*state_head(), (6, MIDDLE, title), *body(9)))
    assert values(reading, "type_name") == [title.capitalize()]


def test_a_letter_that_a_clearly_read_notation_lacks_is_added_in_doubt() -> None:
    clear, pale = (
        read(set_page(*state_head(code=f"Số: 138/UQ-SYT~{sure}"), (6, MIDDLE, "GIẤY ỦY QUYỀN"), *body(9)))
        for sure in (97, 60)
    )
    assert values(clear, "code_notation") == values(pale, "code_notation") == ["GUQ-SYT"]
    assert clear.candidates["code_notation"][0].score < 0.7 * pale.candidates["code_notation"][0].score


@pytest.mark.parametrize(
    "lines",
    [
        ("CHI NHÁNH VĂN", "PHÒNG ĐĂNG KÝ ĐẤT ĐAI"),
        ("ỦY BAN MẶT TRẬN", "TỔ QUỐC VIỆT NAM", "TỈNH SÔNG HỒNG"),
        ("BAN THƯỜNG TRỰC ỦY BAN MẶT TRẬN", "TỔ QUỐC VIỆT NAM TỈNH SÔNG HỒNG"),
        ("TRƯỜNG CAO ĐẲNG", "KỸ THUẬT SÔNG HỒNG"),
    ],
)
def test_the_second_half_of_an_agencys_word_begins_no_agency(lines: tuple[str, ...]) -> None:
    reading = read(set_page(*state_head(agency=lines), (7, MIDDLE, "THÔNG BÁO"), *body(9)))
    assert values(reading, "organ_name", "parent_organ_name") == [" ".join(lines), None]


@pytest.mark.parametrize("name", ["ỦY BAN NHÂN DÂN", "UBND BÃI SẬY", "TRƯỜNG CAO ĐẲNG", "BAN"])
def test_an_agency_of_which_it_is_not_said_which_is_doubted(name: str) -> None:
    whole, torn = (
        read(set_page(*state_head(agency=(one,), code="Số: 12/TB-UBND"), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
        for one in ("UBND HUYỆN BÃI SẬY", name)
    )
    assert values(torn, "organ_name") == [name]
    assert torn.candidates["organ_name"][0].score < 0.4 * whole.candidates["organ_name"][0].score


@pytest.mark.parametrize("name", ["VĂN PHÒNG", "BAN THƯỜNG VỤ"])
def test_an_agency_that_the_one_above_tells_is_whole(name: str) -> None:
    reading = read(set_page(*state_head(agency=("HUYỆN ỦY BÃI SẬY", name)), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
    assert values(reading, "organ_name") == [name]
    assert reading.candidates["organ_name"][0].score > 0.6


@pytest.mark.parametrize("level", ["TỈNH", "TP.", "XÃ", "ĐẶC KHU", "VÀ"])
def test_an_agency_of_a_place_of_any_level_is_whole(level: str) -> None:
    head = state_head(agency=(f"UBND {level} BÃI SẬY",), code="Số: 12/TB-UBND")
    reading = read(set_page(*head, (6, MIDDLE, "THÔNG BÁO"), *body(9)))
    assert reading.candidates["organ_name"][0].score > 0.6


def test_a_notation_that_differs_from_the_agencys_initials_by_a_letter_is_doubted() -> None:
    agency = ("UBND TỈNH SÔNG HỒNG", "TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG")
    right, wrong = (
        read(set_page(*state_head(agency=agency, code=f"Số: 12/TB-{part}"), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
        for part in ("TTPVHCC", "TTPVHGC")
    )
    assert wrong.candidates["code_notation"][0].score < 0.6 * right.candidates["code_notation"][0].score


@pytest.mark.parametrize(("printed", "told"), [("la Dom", "Ia Dom"), ("Lai Châu", "Lai Châu")])
def test_a_place_that_begins_with_a_capital_i(printed: str, told: str) -> None:
    page = set_page(*state_head(day=f"{printed}, ngày 03 tháng 4 năm 2024"), (6, MIDDLE, "THÔNG BÁO"), *body(9))
    assert values(read(page), "place") == [told]


def test_a_place_that_is_a_provinces_name_but_for_a_mark_is_doubted() -> None:
    """Even where the paper says so more than once: what a pen or a seal took there it took from the engine everywhere."""
    more = paragraph(9, *("Các cơ quan thuộc huyện Lâm Đông báo cáo về Lâm Đông trước",) * 3)
    page = set_page(*state_head(day="Lâm Đông, ngày 03 tháng 4 năm 2024"), (6, MIDDLE, "THÔNG BÁO"), *more, *body(14))
    place = read(page).candidates["place"][0]
    assert place.value == "Lâm Đông"
    assert place.score < 0.5


@pytest.mark.parametrize(
    ("agency", "organ"),
    [
        (
            ("UBND HUYỆN HƯỚNG HÓA", "HỘI ĐỒNG TUYỂN DỤNG", "VIÊN CHỨC NGÀNH GIÁO DỤC"),
            "HỘI ĐỒNG TUYỂN DỤNG VIÊN CHỨC NGÀNH GIÁO DỤC",
        ),
        (("SỞ NÔNG NGHIỆP VÀ PTNT BÌNH PHƯỚC", "VƯỜN QUỐC GIA BÙ GIA MẬP"), "VƯỜN QUỐC GIA BÙ GIA MẬP"),
        (("CÔNG TY CỔ PHẦN CẤP NƯỚC HẢI VÂN", "Mã CK: HVN2"), "CÔNG TY CỔ PHẦN CẤP NƯỚC HẢI VÂN"),
        (("SỞ KHOA HỌC VÀ CÔNG NGHỆ", "Số đăng ký: A-318"), "SỞ KHOA HỌC VÀ CÔNG NGHỆ"),
        (("CỤC CÔNG NGHỆ THÔNG TIN 238/HD-CNTT",), "CỤC CÔNG NGHỆ THÔNG TIN"),
        (("SƠ CÔNG THƯƠNG",), "SỞ CÔNG THƯƠNG"),
        (("ĐẠI HỌC THÁI NGUYÊN",), "ĐẠI HỌC THÁI NGUYÊN"),
        (("TOÀ ÁN NHÂN DÂN TỈNH SƠN LA",), "TOÀ ÁN NHÂN DÂN TỈNH SƠN LA"),
    ],
)
def test_an_agency_is_all_of_its_name_and_nothing_else(agency: tuple[str, ...], organ: str) -> None:
    reading = read(set_page(*state_head(agency=agency), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
    assert values(reading, "organ_name") == [organ]


@pytest.mark.parametrize(
    ("agency", "notation"),
    [("UBND TỈNH SƠN LA", "TB-VP"), ("BỆNH VIỆN HỌC CỔ TRUYỀN", "TB-BVYHCT")],
)
def test_an_agency_that_the_notation_is_not_of_is_doubted(agency: str, notation: str) -> None:
    score = [
        read(set_page(*state_head(agency=(agency,), code=f"Số: 12/{one}"), (6, MIDDLE, "THÔNG BÁO"), *body(9)))
        .candidates["organ_name"][0]
        .score
        for one in (notation, "TB-UBND" if agency.startswith("UBND") else "TB-BVHCT")
    ]
    assert score[0] < 0.7 * score[1]
