"""What stands together in office prose, and how districts are spelt, decides between marks, and tells where one is in doubt."""

from __future__ import annotations

import pytest

from ocr_workers.reading.marks import districts, is_doubtful, put_right
from ocr_workers.reading.sense import Candidates, Days, weigh
from ocr_workers.reading.sight import Candidate


def _right(text: str, sure: float = 0.95) -> str:
    words = text.split()
    return " ".join(put_right(words, None, [sure] * len(words)))


@pytest.mark.parametrize(
    ("read", "printed"),
    [
        ("theo hình thực đối tác công tư", "theo hình thức đối tác công tư"),
        ("Báo cáo kiêm toán ngân sách", "Báo cáo kiểm toán ngân sách"),
        ("lớp tố chức tập huấn", "lớp tổ chức tập huấn"),
        ("kinh doanh xăng đầu", "kinh doanh xăng dầu"),
        ("vùng nước cảng biến", "vùng nước cảng biển"),
        ("xóa nhà tạm, nhà đột nát", "xóa nhà tạm, nhà dột nát"),
        ("thụ lý vụ án", "thụ lý vụ án"),
    ],
)
def test_phrases_of_every_field_put_marks_right_though_the_engine_is_sure(read: str, printed: str) -> None:
    assert _right(read) == printed


@pytest.mark.parametrize(
    "text",
    [
        "tuyên truyền, vận động nhân dân",
        "Về việc tặng Giấy khen",
        "các nguồn hợp pháp khác theo quy định",
        "Qua kiểm tra, đã công bố; trong đó có",
        "Cán bộ tại Bộ phận",
        "mọi hình thức.",
        "phải qua đấu thầu",
        "SỞ GD&ĐT, CAT (để b/c)",
        "lũ trên sông Kiến Giang",
        "UBND XÃ ĐỨC PHỔ",
    ],
)
def test_what_is_right_stays_though_another_reading_stands_in_more_phrases(text: str) -> None:
    assert _right(text) == text


@pytest.mark.parametrize(
    ("read", "printed"),
    [
        ("UBND HUYỆN NGỌC HIẾN", "UBND HUYỆN NGỌC HIỂN"),
        ("huyện Nghỉ Xuân thời kỳ", "huyện Nghi Xuân thời kỳ"),
        ("UBND QUẬN LIÊN CHIẾU", "UBND QUẬN LIÊN CHIỂU"),
        ("thị xã Hồng Lính", "thị xã Hồng Lĩnh"),
        ("UBND xã Vĩnh Sơn", "UBND xã Vĩnh Sơn"),  # a commune beside the district Vinh Sơn there is none
        ("huyện Thanh Trị", "huyện Thanh Trị"),  # Thanh Trì or Thạnh Trị
        ("UBND HUYỆN KHE NGÀN", "UBND HUYỆN KHE NGÀN"),
        ("mới huyện chủ trì theo", "mới huyện chủ trì theo"),
    ],
)
def test_a_district_is_spelt_as_there_is_one_and_nothing_else_is(read: str, printed: str) -> None:
    assert _right(read) == printed


def test_of_districts_that_differ_in_marks_alone_none_is_taken() -> None:
    assert "thanh tri" not in districts()
    assert districts()["cu chi"] == "Củ Chi"
    assert len(districts()) > 600


@pytest.mark.parametrize(
    "text",
    [
        "Quy định mức chỉ hỗ trợ",
        "TRƯỜNG CAO ĐẢNG KỸ THUẬT",
        "PHONG KINH TẾ VÀ HẠ TẦNG",
        "TÔNG CÔNG TY ĐIỆN LỰC",
    ],
)
def test_a_word_that_with_other_marks_were_far_likelier_is_doubted(text: str) -> None:
    assert is_doubtful(text)


@pytest.mark.parametrize(
    "text",
    [
        "Quy định mức chi hỗ trợ",
        "TRƯỜNG CAO ĐẲNG KỸ THUẬT",
        "Về việc công nhận kết quả bầu cử",
        "V/v nghỉ hưu đối với ông Đinh Công Tạo, xã Hố Quáng",
        "UBND XÃ NẬM SỎ",
        "12/2021/TT-BNV",
        "",
    ],
)
def test_what_is_usual_and_names_are_not_doubted(text: str) -> None:
    assert not is_doubtful(text)


def test_a_doubtful_word_makes_its_field_less_sure() -> None:
    found: Candidates = {
        "subject": (Candidate("Quy định mức chỉ hỗ trợ", "", 0.9, ()),),
        "organ_name": (Candidate("TRƯỜNG CAO ĐẲNG KỸ THUẬT", "", 0.9, ()),),
    }
    weighed = weigh(found, Days(None, None), None)
    assert weighed["subject"][0].score < 0.7
    assert weighed["organ_name"][0].score == 0.9


def test_on_a_form_the_notation_is_not_the_agencys() -> None:
    organ, code = Candidate("UBND TỈNH SƠN LA", "", 0.9, ()), Candidate("TNHS", "", 0.9, ())
    scores = [
        weigh(
            {"organ_name": (organ,), "code_notation": (code,), "type_name": (Candidate(name, "", 0.9, ()),)},
            Days(None, None),
            None,
        )["organ_name"][0].score
        for name in ("Giấy tiếp nhận hồ sơ và hẹn trả kết quả", "Thông báo")
    ]
    assert scores[0] == 0.9
    assert scores[1] < 0.6
