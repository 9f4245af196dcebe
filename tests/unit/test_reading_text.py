"""Marks are put right only where neighbours leave no doubt; capitals are undone; syllables are a closed set."""

from __future__ import annotations

import pytest

from ocr_workers.reading.marks import pairs_of, parted, put_right
from ocr_workers.reading.sense import impossible_words
from ocr_workers.reading.syllables import is_syllable, syllables
from ocr_workers.reading.text import agency, begins_with, likeness, name_of_person, sentence, spaced
from tests.support.set_pages import paragraph, set_page


@pytest.mark.parametrize(
    ("read", "printed"),
    [
        ("thú tục hành chính", "thủ tục hành chính"),
        ("sửa đối, bồ sung", "sửa đổi, bổ sung"),
        ("SỞ Y TẺ", "SỞ Y TẾ"),
        ("UBND TINH BẮC KẠN", "UBND TỈNH BẮC KẠN"),
        ("UBND TỈNH HÀ TỈNH", "UBND TỈNH HÀ TĨNH"),
        ("VIỆN KIÊM SÁT NHÂN DÂN TÓI CAO", "VIỆN KIỂM SÁT NHÂN DÂN TỐI CAO"),
        ("Uỷ ban nhân dân", "Uỷ ban nhân dân"),
        ("hoà giải ở cơ sở", "hoà giải ở cơ sở"),
    ],
)
def test_marks_are_put_right_by_neighbours_and_either_place_of_the_tone_stays(read: str, printed: str) -> None:
    assert " ".join(put_right(read.split())) == printed


@pytest.mark.parametrize(
    "text",
    [
        "UBND TỈNH LAM GIANG",
        "đường Bờ Kè, xã Đông Sa",
        "ông Bồ Sùng",
        "Công ty Thú Hoang",
        "138/QĐ-SYT",
        "photo USB",
        "bản sao y",
    ],
)
def test_names_codes_and_what_is_unknown_stay_as_read(text: str) -> None:
    assert " ".join(put_right(text.split())) == text


def test_a_name_read_surely_elsewhere_on_the_paper_is_a_witness_but_no_word_is_its_own() -> None:
    page = set_page(*paragraph(0, "Các xã của huyện Khe Ngàn được giao chỉ tiêu; huyện Khe Ngàn tổng hợp."))
    own = pairs_of([page])
    assert put_right(["KHE", "NGẢN"], own) == ["KHE", "NGÀN"]
    assert put_right(["KHE", "NGẢN"]) == ["KHE", "NGẢN"]
    assert own["khe", "ngàn"] == 2
    line = "về việc luân chuyên cán bộ"
    itself = pairs_of([set_page(*paragraph(0, line))])
    assert " ".join(put_right(line.split(), itself, [0.95] * 6)) == "về việc luân chuyển cán bộ"


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ("XUYÊNHẠ", ["XUYÊN", "HẠ"]),
        ("KHÁM,CHỮA", ["KHÁM,", "CHỮA"]),
        ("Nghiệpvụ;", ["Nghiệp", "vụ;"]),
        ("internet", ["internet"]),
        ("Nguyễn", ["Nguyễn"]),
    ],
)
def test_words_run_together_are_parted_where_that_can_be_in_one_way(read: str, words: list[str]) -> None:
    assert parted(read) == words


def test_syllables_are_a_closed_set() -> None:
    assert 15_000 < len(syllables()) < 25_000
    for word in [
        "nguyễn",
        "nghiêng",
        "quyết",
        "hoà",
        "hòa",
        "thuỷ",
        "thủy",
        "quý",
        "gì",
        "giếng",
        "khuya",
        "ngoằn",
        "đắk",
        "quanh",
        "xoong",
    ]:
        assert is_syllable(word), word
    for word in ["quyêt", "cếnh", "ngì", "kư", "tât", "nghoa", "bl", "hoat", "ưiề", "ccông"]:
        assert not is_syllable(word), word
    assert impossible_words("về việc thưc hiện QĐ-UBND tại TTYT huyện") == ["thưc"]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("SỞ Y TẾ", "Sở Y tế"),
        ("ỦY BAN NHÂN DÂN TỈNH KIÊN GIANG", "Ủy ban nhân dân tỉnh Kiên Giang"),
        ("UBND THÀNH PHỐ HÀ GIANG", "UBND thành phố Hà Giang"),
        ("SỞ KHOA HỌC VÀ CÔNG NGHỆ", "Sở Khoa học và Công nghệ"),
        ("CHI CỤC KIỂM LÂM", "Chi cục Kiểm lâm"),
        ("Sở Nội vụ", "Sở Nội vụ"),
    ],
)
def test_an_agencys_capitals_are_undone(printed: str, shown: str) -> None:
    assert agency(printed) == shown


def test_other_capitals_are_undone_and_abbreviations_stay() -> None:
    assert sentence("KT. GIÁM ĐỐC") == "KT. giám đốc"
    assert sentence("PHÓ CHỦ TỊCH") == "Phó chủ tịch"
    assert sentence("Về việc cử công chức") == "Về việc cử công chức"
    assert name_of_person("TRẦN THỊ BÍCH UYÊN") == "Trần Thị Bích Uyên"


def test_anchors_are_alike_though_read_badly() -> None:
    assert likeness("CỌNG HOÀ XÃ HỌI CHŨ NGHIA VIỆT NAM", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM") == 1.0
    assert likeness("CỘNG Hồ4 XÁ HỘI CHÚ NGHĨA VIẸT NAN", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM") > 0.9
    assert begins_with("Nơi nhậm: - Như trên", "Nơi nhận") > 0.8
    assert likeness("Căn cứ Luật", "Nơi nhận") < 0.5


def test_white_space_and_eth_are_made_one() -> None:
    assert spaced(" BGÐ  ( để b/c ) ;") == "BGĐ (để b/c);"
