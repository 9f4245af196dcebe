"""Columns are read one after the other, tables row by row, and torn lines are whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ocr_workers.boxes import block_of, line_of
from ocr_workers.layout import in_reading_order
from ocr_workers.pages import PageImage
from ocr_workers.recognise import Recogniser
from sohoa.model import Block, Line, Word
from sohoa.settings import Settings
from tests.support import press
from tests.support.press import character_error_rate

HEIGHT, LETTER, SPACE, PITCH = 40, 18, 12, 70


def _line(row: float, *pieces: tuple[int, str]) -> Line:
    """A line whose pieces begin at the x given."""
    words = []
    top = round(row * PITCH)
    for x, piece in pieces:
        for text in piece.split():
            words.append(Word(text, (x, top, x + LETTER * len(text), top + HEIGHT), 0.9))
            x += LETTER * len(text) + SPACE
    return line_of(words)


def _texts(blocks: tuple[Block, ...]) -> list[list[str]]:
    return [[line.text for line in block.lines] for block in blocks]


HEAD = (
    _line(0, (100, "UBND TỈNH SÔNG HỒNG"), (800, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")),
    _line(1, (120, "SỞ KHOA HỌC"), (900, "Độc lập - Tự do - Hạnh phúc")),
    _line(2, (110, "Số: 12/SKHCN"), (880, "Sông Hồng, ngày 3 tháng 4 năm 2024")),
)
AGENCY = ["UBND TỈNH SÔNG HỒNG", "SỞ KHOA HỌC", "Số: 12/SKHCN"]
MOTTO = ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Sông Hồng, ngày 3 tháng 4 năm 2024"]
TITLE = _line(6, (500, "QUYẾT ĐỊNH VỀ VIỆC PHÊ DUYỆT KẾ HOẠCH"))
BODY = _line(8, (100, "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6 năm 2015 của Quốc hội"))


def test_the_left_column_of_the_head_comes_before_the_right_one() -> None:
    blocks = (block_of(list(HEAD)), block_of([TITLE, BODY]))
    assert _texts(in_reading_order(blocks)) == [AGENCY, MOTTO, [TITLE.text, BODY.text]]


def test_a_head_that_came_in_several_blocks_with_the_title_is_parted_all_the_same() -> None:
    blocks = (block_of([HEAD[0]]), block_of([*HEAD[1:], TITLE]), block_of([BODY]))
    assert _texts(in_reading_order(blocks)) == [AGENCY, MOTTO, [TITLE.text], [BODY.text]]


def test_a_subject_below_the_number_belongs_to_the_left_column() -> None:
    blocks = (block_of([*HEAD, _line(3, (100, "V/v cho ý kiến"))]), block_of([BODY]))
    assert _texts(in_reading_order(blocks)) == [[*AGENCY, "V/v cho ý kiến"], MOTTO, [BODY.text]]


def test_the_receivers_come_before_who_signs() -> None:
    foot = [
        _line(20, (100, "Nơi nhận:"), (1200, "KT. GIÁM ĐỐC")),
        _line(21, (100, "- Như trên;"), (1180, "PHÓ GIÁM ĐỐC")),
        _line(22, (100, "- Lưu: VT.")),
    ]
    read = _texts(in_reading_order((block_of([BODY]), block_of(foot))))
    assert read == [[BODY.text], ["Nơi nhận:", "- Như trên;", "- Lưu: VT."], ["KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"]]


def test_two_who_sign_side_by_side_have_their_names_under_their_titles() -> None:
    foot = [
        _line(20, (200, "NGƯỜI NỘP HỒ SƠ"), (1200, "NGƯỜI TIẾP NHẬN")),
        _line(21, (200, "(Ký, ghi rõ họ tên)"), (1200, "(Ký, ghi rõ họ tên)")),
        _line(25, (250, "Hà Văn An"), (1250, "Lê Thị Bình")),
    ]
    assert _texts(in_reading_order((block_of(foot),))) == [
        ["NGƯỜI NỘP HỒ SƠ", "(Ký, ghi rõ họ tên)", "Hà Văn An"],
        ["NGƯỜI TIẾP NHẬN", "(Ký, ghi rõ họ tên)", "Lê Thị Bình"],
    ]


def test_a_table_stays_in_rows() -> None:
    table = [
        _line(row, (100, f"{row}"), (300, "Kiểm tra thực địa"), (900, "Văn phòng"), (1300, "Tháng 12/2024"))
        for row in range(4)
    ]
    blocks = (block_of(table),)
    assert in_reading_order(blocks) == blocks


def test_a_long_list_of_labels_and_values_stays_in_rows() -> None:
    rows = [_line(row, (100, "Tên thiết bị:"), (900, "Máy đo liều bức xạ")) for row in range(10)]
    blocks = (block_of(rows),)
    assert in_reading_order(blocks) == blocks


def test_one_wide_gap_alone_parts_nothing() -> None:
    blocks = (block_of([_line(0, (100, "Số: 12/SKHCN"), (900, "Sông Hồng, ngày 3")), TITLE, BODY]),)
    assert in_reading_order(blocks) == blocks


def test_a_line_torn_in_two_blocks_is_whole_again() -> None:
    first, second = _line(0, (100, "Những nội dung khác không")), _line(1, (100, "định hiện hành của pháp luật"))
    rest = _line(0, (first.box[2] + SPACE, "nêu tại văn bản này"))
    blocks = (block_of([first, second]), block_of([rest]))
    assert _texts(in_reading_order(blocks)) == [["Những nội dung khác không nêu tại văn bản này", second.text]]


def test_nothing_read_is_nothing_ordered() -> None:
    assert in_reading_order(()) == ()


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    with Recogniser(Settings(_env_file=None)) as held:
        yield held


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cong_van", "ke_hoach", "form_01"])
def test_drawn_papers_are_read_in_the_order_in_which_they_are_written(recogniser: Recogniser, kind: str) -> None:
    drawn = press.draw(kind, seed=21, level="typical").pages[0]
    page = recogniser.recognise(PageImage(1, np.asarray(drawn.image, np.uint8), drawn.dpi, False, "colour"))
    assert character_error_rate(drawn.text, page.text) < 0.03
