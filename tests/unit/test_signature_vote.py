"""Readings of a name and of titles are voted on: what wins was read, and how sure the vote is says whether it may be right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ocr_workers.reading.print_lines import ALPHABET, PrintWord, fit
from ocr_workers.reading.signature_block import Cell, power_in
from ocr_workers.reading.signature_names import NameRead, vote_on_name
from ocr_workers.reading.signature_titles import TitleRead, combine, fit_of_positions, vote_on_row
from ocr_workers.reading.signature_words import is_syllable, untitled
from ocr_workers.reading.text import distance
from sohoa.model import Word, union

PITCH = 20


def _words(text: str, confidence: float = 0.95, *, left: int = 100, top: int = 0) -> list[Word]:
    """A reading of one line, each letter 20 pixels wide; `_` leaves a letter's room empty."""
    found = []
    at = left
    for part in text.split(" "):
        width = PITCH * len(part)
        if part.strip("_"):
            found.append(Word(part, (at, top, at + width, top + 30), confidence))
        at += width + PITCH
    return found


def _vote(*readings: str | tuple[str, float]) -> NameRead:
    read = vote_on_name([_words(*((one,) if isinstance(one, str) else one)) for one in readings])
    assert read is not None
    return read


def _row(*readings: str, top: int = 0) -> list[Cell]:
    lines = [_words(text, 0.93, top=top) for text in readings]
    return [Cell(tuple(words), union([word.box for word in words])) for words in lines]


def _titles(*rows: tuple[str, ...]) -> TitleRead:
    voted = [vote_on_row(_row(*readings, top=60 * number)) for number, readings in enumerate(rows)]
    title = combine([row for row in voted if row is not None])
    assert title is not None
    return title


def test_readings_that_agree_are_sure() -> None:
    read = _vote("Lý Thu Khuê", "Lý Thu Khuê", "Lý Thu Khuê", "Lý Thu Khuê")
    assert read.text == "Lý Thu Khuê"
    assert read.chance > 0.9


def test_a_title_that_the_engine_believes_nothing_of_is_weak_and_no_fault() -> None:
    words = _words("KT. GIÁM ĐỐC", 0.0)
    row = vote_on_row([Cell(tuple(words), union([word.box for word in words]))])
    assert row is not None
    assert (row.power, row.position) == ("KT.", "GIÁM ĐỐC")


def test_each_syllable_may_come_from_another_reading() -> None:
    read = _vote(("______ Trúc Sử", 0.9), ("Nguyễn Trúc Sử", 0.8), ("Nguyễn ____ Sử", 0.9), ("Nguyễn Trúc Sử", 0.7))
    assert read.text == "Nguyễn Trúc Sử"


def test_a_common_surname_is_restored_from_its_letters_alone() -> None:
    assert _vote("Nguyên Trúc Sử", "Nguyên Trúc Sử").text == "Nguyễn Trúc Sử"


def test_a_rare_surname_that_was_read_stays() -> None:
    assert _vote("Hạ Bá Cẩn", "Hạ Bá Cẩn", "Hạ Bá Cẩn").text == "Hạ Bá Cẩn"


def test_a_name_that_no_list_holds_is_read_as_it_stands() -> None:
    assert _vote("Khương Duyệt Ngoạn", "Khương Duyệt Ngoạn", "Khương Duyệt Ngoạn").text == "Khương Duyệt Ngoạn"


def test_the_most_frequent_names_are_restored_from_their_letters_alone() -> None:
    assert _vote("Lê Thí Bằng Anh", "Lê Thí Bằng Anh", "Lê Thí Bằng Anh").text == "Lê Thị Bằng Anh"
    assert _vote("Ngô Vàn Nghĩa", "Ngô Vàn Nghĩa", "Ngô Vàn Nghĩa").text == "Ngô Văn Nghĩa"
    for own in ("Lê Thị Vân", "Nguyễn Văn Vấn", "Lê Quang Hướng"):  # names of their own
        assert _vote(own, own, own).text == own


def test_readings_that_differ_are_not_sure() -> None:
    assert _vote(("Lê Hằng Vinh", 0.8), ("Lê Hồng Vinh", 0.8), ("Lê Hùng Vinh", 0.8)).chance < 0.5


def test_a_mark_that_makes_a_rare_name_of_a_common_one_is_doubted() -> None:
    assert _vote("Tạ Khác Thiệp", "Tạ Khác Thiệp", "Tạ Khác Thiệp", "Tạ Khác Thiệp").chance < 0.9


def test_what_a_seal_hides_before_a_name_lowers_its_chance() -> None:
    whole = _vote("Hoàng Sử", "Hoàng Sử", "Hoàng Sử")
    hidden = _vote("Fế Hoàng Sử", "MA Hoàng Sử", "-H Hoàng Sử")
    assert hidden.chance < 0.6 * whole.chance


def test_a_name_that_breaks_off_after_its_middle_name_is_not_sure() -> None:
    assert _vote("Nguyễn Văn", "Nguyễn Văn", "Nguyễn Văn", "Nguyễn Văn").chance < 0.4


def test_strokes_beside_a_name_are_left_out() -> None:
    assert (
        _vote("|/ Lý Thu Khuê -", "— Lý Thu Khuê .", "Lý Thu Khuê", left_out := "“ Lý Thu Khuê").text == "Lý Thu Khuê"
    )
    assert left_out


def test_syllables_run_together_or_torn_are_set_right() -> None:
    run = vote_on_name([_words("LýThuKhuê"), _words("Lý Thu Khuê", left=100), _words("Lý Thu Khuê", left=100)])
    assert run is not None
    assert run.text == "Lý Thu Khuê"
    torn = vote_on_name([_words("Đỗ V ăn Sử"), _words("Đỗ V ăn Sử")])
    assert torn is not None
    assert torn.text == "Đỗ Văn Sử"


def test_a_surname_with_a_stroke_through_its_capital_is_told_by_its_other_letters() -> None:
    assert _vote(("lồ Hữu Bằng", 0.7), ("Hô Hữu Bằng", 0.6), ("lồ Hữu Bằng", 0.7)).text == "Hồ Hữu Bằng"
    assert _vote(("[ê Bích Tuyết", 0.8), ("ê Bích Tuyết", 0.8), ("Íê Bích Tuyết", 0.6)).text == "Lê Bích Tuyết"


def test_a_syllable_that_vietnamese_cannot_spell_is_the_name_it_is_most_like() -> None:
    read = _vote(("Quách Văn UyêHi", 0.7), ("Quách Văn Uyêh", 0.7), ("Quách Văn UyêH", 0.6))
    assert read.text == "Quách Văn Uyên"


def test_what_may_be_one_name_or_another_is_not_sure() -> None:
    assert _vote(("#ấng Hữu Bằng", 0.6), ("ầng Hữu Bằng", 0.5), ("ống Hữu Bằng", 0.5)).chance < 0.5


def test_signs_between_syllables_part_them() -> None:
    assert _vote("Huỳnh-Đức Cẩn", "Huỳnh-Đức Cẩn", "Huỳnh-Đức Cẩn").text == "Huỳnh Đức Cẩn"


def test_capitals_within_a_name_that_has_small_letters_are_misread() -> None:
    assert _vote("HỒ Thị Hậu", "Hồ THỊ Hậu", "Hồ Thị Hậu").text == "Hồ Thị Hậu"
    assert _vote("Hồ Thị TuYếT", "Hồ Thị TuYếT", "Hồ Thị TuYếT").text == "Hồ Thị Tuyết"
    assert _vote("HỒ THỊ HẬU", "HỒ THỊ HẬU", "HỒ THỊ HẬU").text == "HỒ THỊ HẬU"


def test_a_name_that_leaves_out_print_beside_it_is_not_sure_and_nothing_is_made_up() -> None:
    readings = [_words("Trọng Văn Hậu")] * 4
    whole, cut = vote_on_name(readings, (110, 340)), vote_on_name(readings, (10, 340))
    assert whole is not None
    assert cut is not None
    assert cut.text == whole.text
    assert cut.chance < 0.6 * whole.chance


def test_print_beside_a_name_makes_a_name_of_half_a_syllable() -> None:
    readings = [_words("__ Văn Kỷ", 0.9)] * 4 + [_words("-ý Văn Kỷ", 0.6)] * 2
    alone, seen = vote_on_name(readings), vote_on_name(readings, (130, 240))
    assert alone is not None
    assert seen is not None
    assert (alone.text, seen.text) == ("Văn Kỷ", "Lý Văn Kỷ")


def test_nothing_is_no_name() -> None:
    assert vote_on_name([]) is None
    assert vote_on_name([_words("| — .")]) is None or vote_on_name([_words("| — .")]).chance < 0.1  # type: ignore[union-attr]


def test_a_deputy_signs_in_the_heads_place() -> None:
    title = _titles(("KT. GIÁM ĐỐC", "KT, GIÁM ĐÓC"), ("PHÓ GIÁM ĐỐC", "PHÓ GIÁM ĐÓC", "PHO GIÁM ĐỐC"))
    assert (title.position, title.authority) == ("PHÓ GIÁM ĐỐC", "KT.")
    assert title.position_chance > 0.85


def test_the_last_power_word_counts() -> None:
    title = _titles(("TM. ỦY BAN NHÂN DÂN",), ("KT. CHỦ TỊCH",), ("PHÓ CHỦ TỊCH",))
    assert (title.position, title.authority) == ("PHÓ CHỦ TỊCH", "KT.")
    head = _titles(("TM. ỦY BAN NHÂN DÂN",), ("CHỦ TỊCH",))
    assert (head.position, head.authority) == ("CHỦ TỊCH", "TM.")


def test_a_deputy_below_the_head_of_a_body_signs_by_a_power_word_that_was_not_read() -> None:
    title = _titles(("TM. ỦY BAN NHÂN DÂN",), (". CHỦ TỊCH", "CHỦ TỊCH"), ("PHÓ CHỦ TỊCH", "HÓ CHỦ TỊCH"))
    assert (title.position, title.authority) == ("PHÓ CHỦ TỊCH", "KT.")
    twice = _titles(("TM. ỦY BAN NHÂN DÂN",), ("CHỦ TỊCH",), ("CHỦ TỊCH",))
    assert (twice.position, twice.authority) == ("CHỦ TỊCH", "TM.")
    assert twice.position_chance < 0.5


@pytest.mark.parametrize("below", ["TRƯỜNG", "TRƯỞNG PHÒNG"])
def test_a_title_with_another_below_is_the_heads_whose_power_word_was_not_read(below: str) -> None:
    alone, followed = _titles(("BỘ TRƯỞNG", "BỘ TRƯỞNG")), _titles(("BỘ TRƯỞNG", "BỘ TRƯỞNG"), (below,))
    assert (alone.position, followed.position) == ("BỘ TRƯỞNG", "BỘ TRƯỞNG")
    assert followed.position_chance < 0.5 * alone.position_chance


def test_a_party_paper_prints_its_power_with_a_stroke() -> None:
    title = _titles(("T/M BAN THƯỜNG VỤ",), ("PHÓ BÍ THƯ",))
    assert (title.position, title.authority) == ("PHÓ BÍ THƯ", "T/M")


def test_a_head_alone_signs_without_a_power_word() -> None:
    title = _titles(("HIỆU TRƯỞNG", "HIỆU TRƯỞNG"))
    assert (title.position, title.authority) == ("HIỆU TRƯỞNG", None)


def test_a_deputys_stamp_below_the_head_says_that_the_power_is_by_hand() -> None:
    title = _titles(("V-T.GIÁM ĐÓC", "“T,GIÁM ĐÓC"), ("PHÓ GIÁM ĐỐC", "HÓ GIÁM ĐỐC"))
    assert (title.position, title.authority) == ("PHÓ GIÁM ĐỐC", "KT.")


def test_letters_before_a_heads_title_leave_in_doubt_who_signs() -> None:
    assert _titles(("VT GIÁM ĐÓC", "_KX GIÁM ĐÓC", "ET GIÁM ĐÓC")).position_chance < 0.3
    assert _titles(("GIÁM ĐÓC", "GIÁM ĐÓC", "GIÁM ĐÓC")).position_chance > 0.85


def test_the_head_does_not_sign_in_his_own_place() -> None:
    title = _titles(("KT. CHỦ TỊCH",), ("CHỦ TỊCH",))
    assert title.position == "PHÓ CHỦ TỊCH"
    assert title.position_chance < 0.85


def test_positions_that_differ_by_marks_alone_are_told_apart() -> None:
    assert _titles(("KT. BỘ TRƯỞNG",), ("THỨ TRƯỞNG", "THỨ TRƯỞNG")).position == "THỨ TRƯỞNG"
    assert _titles(("THỦ TRƯỞNG", "THỦ TRƯỞNG")).position == "THỦ TRƯỞNG"


def test_a_position_with_its_unit_is_read_whole() -> None:
    title = _titles(("TL. GIÁM ĐỐC",), ("TRƯỞNG PHÒNG TỔ CHỨC CÁN BỘ", "TRƯỞNG PHÒNG TỔ CHỨC CÁN BỘ"))
    assert (title.position, title.authority) == ("TRƯỞNG PHÒNG TỔ CHỨC CÁN BỘ", "TL.")


def test_a_role_is_told_as_it_is_printed() -> None:
    assert _titles(("NGƯỜI TIẾP NHẬN HỒ SƠ",)).position == "NGƯỜI TIẾP NHẬN HỒ SƠ"


@pytest.mark.parametrize(
    ("line", "power", "rest"),
    [
        ("KT. GIÁM ĐỐC", "KT.", "GIÁM ĐỐC"),
        ("KT.CHỦ TỊCH", "KT.", "CHỦ TỊCH"),
        ("1M. ỦY BAN", "TM.", "ỦY BAN"),
        ("TUQ. BỘ TRƯỞNG", "TUQ.", "BỘ TRƯỞNG"),
        ("Q. GIÁM ĐỐC", "Q.", "GIÁM ĐỐC"),
        ("T/M BAN THƯỜNG VỤ", "T/M", "BAN THƯỜNG VỤ"),
        ("QUYẾT ĐỊNH", None, "QUYẾT ĐỊNH"),
    ],
)
def test_a_power_word_is_taken_off_its_line(line: str, power: str | None, rest: str) -> None:
    assert power_in(line) == (power, rest)


def test_degrees_and_ranks_are_not_part_of_a_name() -> None:
    assert untitled("PGS.TS. Lý Thu Khuê") == "Lý Thu Khuê"
    assert untitled("BS.CKII. Lý Thu Khuê") == "Lý Thu Khuê"
    assert untitled("Đại tá Lý Thu Khuê") == "Lý Thu Khuê"
    assert untitled("Tô Thu Khuê") == "Tô Thu Khuê"


def test_impossible_syllables_are_told() -> None:
    assert all(map(is_syllable, ("Nguyễn", "Khuê", "Quỳnh", "Ánh", "Giang", "Duyệt", "Uyên", "Thuý")))
    assert not any(map(is_syllable, ("Trấ", "Glang", "Nguyê", "xkz", "Thắ", "Hac")))


def test_distance_counts_edits() -> None:
    assert [distance("GIAMDOC", other) for other in ("GIAMDOC", "GIADOC", "XIAMDOI", "")] == [0, 1, 2, 7]


def test_a_box_that_a_stroke_stretched_takes_no_neighbours_place() -> None:
    good = _words("Phan Thị Kỷ Anh")
    wide = [
        replace(word, box=(*word.box[:2], good[2].box[2], word.box[3])) if word.text == "Thị" else word for word in good
    ]
    read = vote_on_name([wide, good, good])
    assert read is not None
    assert read.text == "Phan Thị Kỷ Anh"
    assert read.chance > 0.9


def test_a_tone_on_a_capitals_own_mark_may_be_lost_in_every_reading() -> None:
    assert _vote(*["Huỳnh Đức Ôn"] * 6).chance < 0.93
    assert _vote(*["Huỳnh Đức An"] * 6).chance > 0.97


def test_a_syllable_in_capitals_among_others_proves_less() -> None:
    assert _vote(*["HÀ Thị Kỷ"] * 3).chance < _vote(*["Hà Thị Kỷ"] * 3).chance


@pytest.mark.parametrize(("name", "least"), [("Nguyễn Khắc Tuyết", 0.75), ("Hoàng Khắc Tuyết", 0.0)])
def test_print_before_what_is_nothing_but_a_surname_hides_hardly_another(name: str, least: float) -> None:
    words = _words(name)
    read = vote_on_name([words] * 4, (words[0].box[0] - 40.0, float(words[-1].box[2])))
    whole = vote_on_name([words] * 4)
    assert read is not None
    assert whole is not None
    assert least <= read.chance / whole.chance < (0.9 if least else 0.6)


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("Đại tá Vi Thị Ngọ", "Vi Thị Ngọ"),
        ("ThS. Âu Dương Khải", "Âu Dương Khải"),
        ("BS. CKII. Ninh Thị Thìn", "Ninh Thị Thìn"),
        ("Trung tá. Ninh Thị Thìn", "Ninh Thị Thìn"),
        ("Thượng Tả Quách Thị Yến", "Quách Thị Yến"),
        ("Thiếu Ý Trịnh Mạnh Hậu", "Trịnh Mạnh Hậu"),
        ("ĐẠI TÁ LÊ VĂN HÙNG", "LÊ VĂN HÙNG"),
        ("Điểu K'Rang", "Điểu K'Rang"),
        ("Ksor H’Lâm", "Ksor H'Lâm"),
        ("ĐIỂU K'RANG", "ĐIỂU K'RANG"),
    ],
)
def test_a_rank_is_no_part_of_a_name_and_an_apostrophe_is(printed: str, name: str) -> None:
    assert _vote(*[printed] * 3).text == name


def _printed(text: str, sure: float = 0.9, *, left: int = 100) -> list[PrintWord]:
    """What the model for spoiled lines makes of a line: each letter so sure, a gap after each."""
    found, at = [], left
    for part in text.split(" "):
        columns = np.full((2 * len(part), len(ALPHABET) + 1), (1 - sure) / len(ALPHABET), np.float32)
        columns[1::2, 0] = sure
        for number, char in enumerate(part):
            columns[2 * number, ALPHABET.index(char) + 1] = sure
        width = PITCH * len(part)
        if part.strip("_"):
            found.append(PrintWord(part, (at, 0, at + width, 30), float(fit(columns, [part])[0]), columns))
        at += width + PITCH
    return found


def test_of_marks_that_the_engine_doubts_the_model_for_spoiled_lines_decides() -> None:
    engine = [_words("Lê Thị Hương", 0.6), _words("Lê Thị Hương", 0.5)]
    without, with_model = vote_on_name(engine), vote_on_name(engine, prints=[_printed("Lê Thị Hường")] * 2)
    assert without is not None
    assert with_model is not None
    assert (without.text, without.confirmed) == ("Lê Thị Hương", None)
    assert (with_model.text, with_model.confirmed) == ("Lê Thị Hường", True)


def test_a_name_that_the_model_reads_otherwise_is_not_confirmed() -> None:
    read = vote_on_name([_words("Lý Thu Khuê", 0.97)] * 5, prints=[_printed("Lý Thu Khuệ", 0.5)])
    assert read is not None
    assert (read.text, read.confirmed) == ("Lý Thu Khuê", False)


def test_what_the_model_alone_reads_is_a_name_and_what_it_does_not_see_is_none_of_it() -> None:
    read = vote_on_name([], prints=[_printed("Võ Khắc Ngữ")] * 2)
    assert read is not None
    assert (read.text, read.confirmed) == ("Võ Khắc Ngữ", True)
    beside = vote_on_name([_words("Võ Khắc Ngữ Rá", 0.5)], prints=[_printed("Võ Khắc Ngữ")] * 3)
    assert beside is not None
    assert beside.text == "Võ Khắc Ngữ"


def test_under_kt_and_a_head_the_heads_deputy_stands() -> None:
    head, below = _row("KT. HIỆU TRƯỞNG", "KT. HIỆU TRƯỞNG"), _row("HỤ TRƯỞNG", "PHÓ HẸ TRƯỞNG", top=60)
    above = vote_on_row(head)
    alone, row = vote_on_row(below), vote_on_row(below, above)
    assert alone is not None
    assert row is not None
    assert alone.position != "PHÓ HIỆU TRƯỞNG"
    assert row.position == "PHÓ HIỆU TRƯỞNG"


def test_what_is_no_deputy_is_still_read_under_kt_where_readings_are_sure() -> None:
    title = _titles(("KT. CHỦ TỊCH", "KT. CHỦ TỊCH"), ("ỦY VIÊN", "ỦY VIÊN", "ỦY VIÊN"))
    assert title.position == "ỦY VIÊN"


def _columns(text: str) -> PrintWord:
    """A word as the model for spoiled lines is sure of it."""
    scores = np.full((2 * len(text), len(ALPHABET) + 1), 1e-4, np.float32)
    for at, letter in enumerate(text):
        scores[2 * at, ALPHABET.index(letter) + 1] = 0.9
        scores[2 * at + 1, 0] = 0.9
    return PrintWord(text, (0, 0, 10 * len(text), 30), 0.9, scores)


def test_the_pixels_decide_between_positions_that_readings_leave_open() -> None:
    fits = fit_of_positions([_columns("CỤC"), _columns("TRƯỞNG")])
    assert max(fits, key=lambda name: fits[name]) == "CỤC TRƯỞNG"
    assert fits["CỤC TRƯỞNG"] > -0.1
    assert fits["VỤ TRƯỞNG"] < -5
    read = _row("ỤC TRƯỞNG", "VỤC TRƯỞNG")
    without, seen = vote_on_row(read), vote_on_row(read, None, fits)
    assert without is not None
    assert seen is not None
    assert (seen.position, seen.chance > without.chance) == ("CỤC TRƯỞNG", True)


def test_without_words_of_the_model_nothing_fits() -> None:
    assert fit_of_positions([]) == {}


def test_what_is_no_deputy_hardly_stands_under_kt() -> None:
    above = vote_on_row(_row("KT. BỘ TRƯỞNG", "KT. BỘ TRƯỞNG"))
    read = _row("Ụ TRƯỞNG", "HỤ TRƯỞNG", top=60)
    alone, row = vote_on_row(read), vote_on_row(read, above)
    assert alone is not None
    assert row is not None
    assert alone.position == "VỤ TRƯỞNG"
    assert row.position == "THỨ TRƯỞNG"


def test_a_position_that_the_pixels_show_is_known_though_every_reading_is_far_from_it() -> None:
    read = _row("HUYTR", "HUYTR")
    fits = fit_of_positions([_columns("CHỈ"), _columns("HUY"), _columns("TRƯỞNG")])
    seen = vote_on_row(read, None, fits)
    assert vote_on_row(read) is None or vote_on_row(read).position != "CHỈ HUY TRƯỞNG"  # type: ignore[union-attr]
    assert seen is not None
    assert seen.position == "CHỈ HUY TRƯỞNG"
