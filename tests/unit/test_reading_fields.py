"""Fields are read from where the paper has them, with their boxes, and from nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocr_workers.boxes import block_of, line_of, mapped
from ocr_workers.reading.fields import Reading
from sohoa.model import Field, Word
from sohoa.states import PageStatus
from tests.support.read_pages import CODE, is_absent, read, values
from tests.support.set_pages import (
    LEFT,
    MIDDLE,
    RIGHT,
    TALL,
    WIDTH,
    at_left,
    body,
    paragraph,
    set_page,
    state_head,
)

SUBJECT = [
    (5, MIDDLE, "QUYẾT ĐỊNH"),
    (6, MIDDLE, "Về việc thành lập Tổ công tác rà soát"),
    (7, MIDDLE, "hồ sơ lưu trữ năm 2024"),
]


def _field(reading: Reading, name: str) -> Field:
    return reading.fields[name]


@pytest.mark.parametrize("merged", [False, True], ids=["columns parted", "columns read across"])
@pytest.mark.parametrize("skew_deg", [0.0, 1.4, -2.0, 3.2])
def test_a_decision_is_read_level_or_askew_with_its_columns_parted_or_not(merged: bool, skew_deg: float) -> None:
    reading = read(set_page(*state_head(), *SUBJECT, *body(10), merged=merged, skew_deg=skew_deg))
    assert values(reading, *CODE) == ["138", "QĐ-SYT", "2024-04-03"]
    assert values(reading, "organ_name", "parent_organ_name", "place") == [
        "SỞ Y TẾ",
        "UBND TỈNH SÔNG HỒNG",
        "Sông Hồng",
    ]
    assert values(reading, "type_name", "subject", "language", "page_amount") == [
        "Quyết định",
        "Về việc thành lập Tổ công tác rà soát hồ sơ lưu trữ năm 2024",
        "Tiếng Việt",
        "1",
    ]
    assert _field(reading, "organ_name").display == "Sở Y tế"
    assert _field(reading, "code_notation").confidence > 0.85


def test_evidence_is_the_union_of_the_words_of_each_line() -> None:
    page = set_page(*state_head(), *SUBJECT, *body(10))
    reading = read(page)
    lines = [line.box for line in page.lines() if line.text.startswith(("Về việc", "hồ sơ lưu"))]
    assert [place.box for place in _field(reading, "subject").evidence] == lines
    (number,) = _field(reading, "code_number").evidence
    assert number.page == 1
    assert number.box[3] - number.box[1] == TALL
    code = next(word.box for word in page.words() if word.text == "138/QĐ-SYT")
    assert code[0] <= number.box[0] < number.box[2] < code[2]


def test_the_number_in_a_ground_is_not_the_papers_own() -> None:
    head = [piece for piece in state_head() if not piece[2].startswith(("Số:", "Sông"))]
    quoted = paragraph(8.5, "Số: 44/QĐ-UBND ngày 05 tháng 6 năm 2021 nay được thay thế.")
    reading = read(set_page(*head, *SUBJECT, *quoted, *body(10)))
    assert is_absent(reading, *CODE)
    alone = at_left(26, "Số: 46/QĐ-UBND")
    assert is_absent(read(set_page(*head, *SUBJECT, *body(10), alone)), *CODE)
    assert values(reading, "type_name") == ["Quyết định"]


def test_of_two_numbers_the_one_under_the_agency_is_taken() -> None:
    reading = read(
        set_page(
            *state_head(),
            (3.8, LEFT, "Số: 4471"),
            *SUBJECT,
            *body(10),
            *paragraph(30, "Số: 99/KH-UBND ngày 05 tháng 6 năm 2021 kèm theo."),
        )
    )
    assert values(reading, *CODE) == ["138", "QĐ-SYT", "2024-04-03"]


def test_a_stamp_of_arrival_gives_neither_number_nor_date() -> None:
    stamp = [(3.6, 560, "CÔNG VĂN ĐẾN"), (4.6, 560, "Số: 812"), (5.6, 560, "Ngày 09 tháng 5 năm 2024")]
    reading = read(
        set_page(
            *state_head(code="Số: 138/SYT-NVY"), *stamp, *paragraph(12, "Kính gửi: Các đơn vị trực thuộc Sở Y tế.")
        )
    )
    assert values(reading, *CODE) == ["138", "SYT-NVY", "2024-04-03"]
    without = [piece for piece in state_head() if not piece[2].startswith(("Số:", "Sông"))]
    stamp[1] = (4.6, 560, "Số: 812/QĐ-VP")
    reading = read(set_page(*without, *stamp, *body(10)))
    assert is_absent(reading, "code_number", "issued_date")
    assert values(reading, "organ_name") == ["SỞ Y TẾ"]


def test_an_attachment_without_a_head_yields_nothing_but_its_length_and_language() -> None:
    pages = [set_page(*body(2), *body(12), number=number) for number in range(1, 61)]
    reading = read(*pages)
    assert is_absent(reading, *CODE, "organ_name", "subject", "place")
    assert values(reading, "page_amount", "language") == ["60", "Tiếng Việt"]


def test_how_many_pages_there_are_is_in_doubt_where_one_is_blank_or_holds_two_or_another_paper_begins() -> None:
    first, second = set_page(*state_head(), *SUBJECT, *body(10)), set_page(*body(2), number=2)
    assert _field(read(first, second), "page_amount").confidence > 0.9
    blank = replace(second, blocks=(), status=PageStatus.BLANK.value)
    beside = mapped(
        second.blocks, lambda box: (box[0] + WIDTH, box[1], box[2] + WIDTH, box[3]), lambda x, y: (x + WIDTH, y)
    )
    double = replace(second, width_px=2 * WIDTH, blocks=(*second.blocks, *beside))
    another = replace(first, number=2)
    for page in (blank, double, another):
        assert _field(read(first, page), "page_amount").confidence < 0.6


def test_of_a_foreign_paper_only_the_language_is_told() -> None:
    page = set_page(
        (0, MIDDLE, "CERTIFICATE OF INCORPORATION"),
        *paragraph(
            3,
            "This is to certify that the company is registered under the laws of the state",
            "and that it has been in good standing since the date of its registration.",
        ),
        *paragraph(6, "No: 12/QD-AB is the number of the certificate which shall be kept by the owner."),
    )
    reading = read(page)
    assert values(reading, "language") == ["Tiếng Anh"]
    assert set(reading.fields) == {"language", "page_amount"}


def test_a_page_with_only_a_seal_yields_nothing_sure() -> None:
    reading = read(set_page((20, 1500, "SỞ~4"), (21, 1480, "*~2 TẾ~3")))
    assert all(
        field.value is None or field.confidence < 0.5 for name, field in reading.fields.items() if name != "page_amount"
    )
    assert is_absent(read(set_page()), *CODE, "organ_name")


def test_a_blank_number_and_day_are_null_and_point_at_the_blank() -> None:
    head = state_head(code="Số: /KH-KHCN", day="Sông Hồng, ngày tháng 01 năm 2023")
    head = [piece if not piece[2].startswith("Số") else (piece[0], 600, "Số:") for piece in head]
    page = set_page(
        *head, (2.6, 800, "/KH-KHCN"), (5, MIDDLE, "KẾ HOẠCH"), (6, MIDDLE, "Kiểm tra công tác văn thư"), *body(10)
    )
    reading = read(page)
    number, day = _field(reading, "code_number"), _field(reading, "issued_date")
    assert number.value is None
    assert day.value is None
    words = {word.text: word.box for word in reversed(list(page.words()))}
    (gap,) = number.evidence
    assert words["Số:"][2] <= gap.box[0] < gap.box[2] <= words["/KH-KHCN"][0]
    assert words["ngày"][2] <= day.evidence[0].box[0] <= day.evidence[0].box[2] <= words["tháng"][0]
    assert values(reading, "code_notation", "type_name") == ["KH-KHCN", "Kế hoạch"]


def test_a_later_pages_head_is_another_papers_and_proposed_as_a_split() -> None:
    other = state_head(agency=("UBND HUYỆN KHE NGÀN",), code="Số: 7/BC-UBND", day="Khe Ngàn, ngày 01 tháng 02 năm 2022")
    own = [piece for piece in state_head() if not piece[2].startswith("Số:")]
    reading = read(set_page(*own, *SUBJECT, *body(10)), set_page(*other, *body(8), number=2))
    assert is_absent(reading, "code_number", "code_notation")
    assert values(reading, "organ_name", "issued_date") == ["SỞ Y TẾ", "2024-04-03"]
    (split,) = reading.splits
    assert (split.page, split.reason) == (2, "quoc_hieu")
    assert split.score > 0.9


def test_blank_sheets_and_page_numbers_that_start_again_are_proposed_as_splits() -> None:
    pages = [
        set_page(*state_head(), *body(10)),
        set_page((-2.5, 1240, "2"), *body(3), number=2),
        set_page(number=3),
        set_page(*body(3), number=4),
        set_page((-2.5, 1240, "3"), *body(3), number=5),
        set_page((-2.5, 1240, "1"), *body(3), number=6),
    ]
    assert [(split.page, split.reason) for split in read(*pages).splits] == [(4, "blank_sheet"), (6, "page_one")]


@pytest.mark.parametrize("mark", ["MẬT", "TỐI MẬT", "TUYỆT MẬT"])
def test_a_secret_mark_stops_the_reading(mark: str) -> None:
    reading = read(set_page(*state_head(), (4, 500, mark), *SUBJECT, *body(10)))
    assert reading.secret
    assert set(reading.fields) == {"security_mark"}
    assert values(reading, "security_mark") == [mark]


def test_the_word_secret_in_running_text_or_a_title_is_no_mark() -> None:
    subject = [
        (5, MIDDLE, "QUYẾT ĐỊNH"),
        (6, MIDDLE, "BAN HÀNH DANH MỤC BÍ MẬT NHÀ NƯỚC"),
        (7, MIDDLE, "độ mật của ngành"),
    ]
    text = paragraph(
        9,
        "Giao Văn phòng bảo quản tài liệu mật, tối mật theo quy định về bí",
        "mật nhà nước; không sao chụp tài liệu mật khi chưa được phép của cấp trên.",
    )
    reading = read(set_page(*state_head(), *subject, *text, *body(12)))
    assert not reading.secret
    assert values(reading, "code_number") == ["138"]


def test_an_urgent_mark_is_the_priority() -> None:
    reading = read(set_page(*state_head(), (4, 560, "HỎA TỐC"), *SUBJECT, *body(10)))
    assert values(reading, "priority", "organ_name", "subject") == [
        "HỎA TỐC",
        "SỞ Y TẾ",
        "Về việc thành lập Tổ công tác rà soát hồ sơ lưu trữ năm 2024",
    ]


@pytest.mark.parametrize(
    ("code", "number", "notation"),
    [
        ("Số 27 CV/SYT", "27", "CV/SYT"),
        ("Số: 92- BC/SYT", "92", "BC/SYT"),
        ("Số 123 QĐ/UB", "123", "QĐ/UB"),
        ("Số: 52-118/2023/GP-SDL", "52-118", "GP-SDL"),
        ("Số: 3176B/QĐ-SYT", "3176B", "QĐ-SYT"),
    ],
)
def test_a_stroke_may_be_the_notations_own_and_a_dash_the_numbers(code: str, number: str, notation: str) -> None:
    reading = read(set_page(*state_head(code=code), *SUBJECT, *body(10)))
    assert values(reading, "code_number", "code_notation") == [number, notation]


def test_a_mark_stamped_between_the_columns_does_not_end_the_head() -> None:
    stamped = (2, MIDDLE, "HỎA TỐC")
    reading = read(set_page(*state_head(), stamped, *SUBJECT, *body(10)))
    assert values(reading, *CODE, "place") == ["138", "QĐ-SYT", "2024-04-03", "Sông Hồng"]


def test_a_stray_dash_makes_no_number_and_digits_read_as_a_type_no_notation() -> None:
    strayed = read(set_page(*state_head(code="Số: 1-23/QĐ-SYT"), *SUBJECT, *body(10)))
    assert _field(strayed, "code_number").confidence < 0.7
    typed = read(set_page(*state_head(code="Số: 1 TB/QĐ-SYT"), *SUBJECT, *body(10)))
    assert values(typed, "code_notation") == ["QĐ-SYT"]
    assert _field(typed, "code_number").confidence < 0.7


def test_a_number_under_a_certificates_title_leaves_the_columns_of_its_head_apart() -> None:
    head = [piece for piece in state_head() if not piece[2].startswith(("Số:", "Sông"))]
    under = [(4, MIDDLE, "GIẤY PHÉP"), (5, MIDDLE, "HOẠT ĐỘNG KHÁM BỆNH, CHỮA BỆNH"), (6, MIDDLE, "Số: 731/GP-SYT")]
    reading = read(set_page(*head, *under, at_left(8, "Tên cơ sở: Phòng khám đa khoa Khe Ngàn"), merged=True))
    assert values(reading, "code_number", "parent_organ_name") == ["731", "UBND TỈNH SÔNG HỒNG"]


def test_minutes_say_in_their_opening_when_they_were_made() -> None:
    head = [piece for piece in state_head() if not piece[2].startswith("Sông Hồng, ngày")]
    opening = paragraph(8, "Hôm nay, vào hồi 08 giờ 30 phút, ngày 05 tháng 6 năm 2019, tại trụ sở Sở Y tế.")
    reading = read(set_page(*head, (6, MIDDLE, "BIÊN BẢN"), (7, MIDDLE, "Họp xét nâng bậc lương"), *opening))
    assert values(reading, "issued_date", "type_name") == ["2019-06-05", "Biên bản"]
    assert is_absent(reading, "place")


def test_a_date_whose_year_alone_is_missing_is_no_blank() -> None:
    whole = read(set_page(*state_head(day="Sông Hồng, ngày tháng năm"), *SUBJECT, *body(10)))
    torn = read(set_page(*state_head(day="Sông Hồng, ngày 03 tháng 4 năm"), *SUBJECT, *body(10)))
    assert values(whole, "issued_date") == values(torn, "issued_date") == [None]
    assert _field(torn, "issued_date").confidence < 0.2


def test_a_party_paper_has_its_own_head() -> None:
    reading = read(
        set_page(
            (0, LEFT, "ĐẢNG BỘ TỈNH SÔNG HỒNG"),
            (1, LEFT, "HUYỆN ỦY KHE NGÀN"),
            (2, LEFT, "*"),
            (3, LEFT, "Số 125-TB/HU"),
            (0, RIGHT, "ĐẢNG CỘNG SẢN VIỆT NAM"),
            (3, RIGHT, "Khe Ngàn, ngày 12 tháng 10 năm 2021"),
            (5, MIDDLE, "THÔNG BÁO"),
            (6, MIDDLE, "Kết luận của Ban Thường vụ Huyện ủy"),
            (7, MIDDLE, "-----"),
            *paragraph(9, "Ngày 10 tháng 10 năm 2021, Ban Thường vụ Huyện ủy họp và kết luận như sau."),
        )
    )
    assert values(reading, *CODE) == ["125", "TB/HU", "2021-10-12"]
    assert values(reading, "type_name", "organ_name") == ["Thông báo", "HUYỆN ỦY KHE NGÀN"]


def test_recipients_are_told_one_a_line_without_who_signs() -> None:
    reading = read(
        set_page(
            *state_head(),
            *SUBJECT,
            *body(10),
            at_left(22, "Nơi nhận:"),
            (22, RIGHT, "GIÁM ĐỐC"),
            at_left(23, "- Như Điều 3;"),
            at_left(24, "- Các phòng chuyên môn, đơn vị"),
            at_left(25, "trực thuộc Sở;"),
            at_left(26, "- Lưu: VT, NVY."),
            (26, RIGHT, "Trần Văn Mẫn"),
        )
    )
    assert values(reading, "recipients") == [
        "- Như Điều 3;\n- Các phòng chuyên môn, đơn vị trực thuộc Sở;\n- Lưu: VT, NVY."
    ]


def test_a_day_in_the_future_or_after_none_of_the_calendar_is_not_believed() -> None:
    late = read(set_page(*state_head(day="Sông Hồng, ngày 03 tháng 4 năm 2031"), *SUBJECT, *body(10)))
    assert _field(late, "issued_date").confidence < 0.2
    never = read(set_page(*state_head(day="Sông Hồng, ngày 31 tháng 4 năm 2024"), *SUBJECT, *body(10)))
    assert never.fields["issued_date"].value is None
    assert never.fields["issued_date"].confidence < 0.2


def test_a_day_before_papers_that_it_cites_is_doubted() -> None:
    sure = read(set_page(*state_head(), *SUBJECT, *body(10)))
    doubted = read(set_page(*state_head(day="Sông Hồng, ngày 03 tháng 4 năm 2021"), *SUBJECT, *body(10)))
    assert _field(doubted, "issued_date").confidence < 0.6 * _field(sure, "issued_date").confidence


def test_of_two_pages_on_one_sheet_the_left_one_is_read() -> None:
    left = set_page(*state_head(), *SUBJECT, *body(10))
    other = set_page(*state_head(agency=("UBND XÃ AN LỘC",), code="Số: 7/BC-UBND"), *body(10))
    right = tuple(
        block_of(
            [line_of([Word(w.text, (w.box[0] + WIDTH, w.box[1], w.box[2] + WIDTH, w.box[3]), 0.9) for w in line.words])]
        )
        for line in other.lines()
    )
    reading = read(replace(left, width_px=2 * WIDTH, blocks=(*left.blocks, *right)))
    assert values(reading, *CODE, "organ_name") == ["138", "QĐ-SYT", "2024-04-03", "SỞ Y TẾ"]


def test_a_stamp_that_ate_into_the_agencys_name_makes_it_doubtful() -> None:
    sure = read(set_page(*state_head(), *SUBJECT, *body(10)))
    eaten = read(
        set_page(
            *state_head(agency=("UBND TỈNH SÔNG HỒNG", "gHủ~3 ỆNxx~2 khỏa~3", "KHU VỰC YÊN Ổ")), *SUBJECT, *body(10)
        )
    )
    assert _field(eaten, "organ_name").confidence < 0.8 * _field(sure, "organ_name").confidence


def test_a_number_that_cannot_be_read_tells_where_to_look_again() -> None:
    reading = read(set_page(*state_head(code="Số:"), *SUBJECT, *body(10)))
    number = _field(reading, "code_number")
    assert number.value is None
    assert number.confidence < 0.1
    assert number.evidence[0].box[0] < LEFT < number.evidence[0].box[2]


def test_a_mark_stamped_beside_the_title_is_no_part_of_it() -> None:
    title = [(5, 560, "KHẨN"), (5, MIDDLE, "QUYẾT ĐỊNH"), *SUBJECT[1:]]
    reading = read(set_page(*state_head(), *title, *body(10), merged=True))
    assert values(reading, "type_name", "subject", "priority") == [
        "Quyết định",
        "Về việc thành lập Tổ công tác rà soát hồ sơ lưu trữ năm 2024",
        "KHẨN",
    ]
