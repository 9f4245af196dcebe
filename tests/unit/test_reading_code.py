"""Numbers, notations and types, printed well and badly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from ocr_workers.engine import Engine
from ocr_workers.reading.by_hand import ByHand
from ocr_workers.reading.code import find_code
from ocr_workers.reading.confidence import calibration
from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.issued import find_date
from ocr_workers.reading.reader import Reader
from ocr_workers.reading.sense import Candidates
from ocr_workers.reading.sight import NO_SIGHT, Candidate, Sight
from ocr_workers.reading.spans import sheet_of
from ocr_workers.reading.stamps import marks_unread
from ocr_workers.reading.types import title_in
from ocr_workers.reading.zones import find_head
from sohoa.model import Evidence
from sohoa.paper_types import paper_types
from sohoa.settings import Settings
from tests.support.press.fonts import LIBERATION, font
from tests.support.set_pages import HEIGHT, MIDDLE, RIGHT, WIDTH, body, set_page, state_head

TODAY = date(2026, 1, 1)


def _read(code: str, title: str = "QUYẾT ĐỊNH", day: str = "Sông Hồng, ngày 03 tháng 4 năm 2024") -> Reading:
    page = set_page(
        *state_head(code=code, day=day), (5, MIDDLE, title), (6, MIDDLE, "Về việc kiện toàn Hội đồng"), *body(9)
    )
    return read_fields([page], NO_SIGHT, today=TODAY)


@pytest.mark.parametrize(
    ("printed", "number", "notation"),
    [
        ("Số: 138/QĐ-SYT", "138", "QĐ-SYT"),
        ("Số : 07 /QĐ - SYT", "07", "QĐ-SYT"),
        ("Só:3176B/QÐ-SYT", "3176B", "QĐ-SYT"),
        ("Số: 12/2019/QĐ-UBND", "12", "QĐ-UBND"),
        ("số 9/QĐ–BVĐK", "9", "QĐ-BVĐK"),
        ("Số: 55⁄QB-SYT", "55", "QĐ-SYT"),
        ("Số: 55/QĐÐ-ƯBND", "55", "QĐ-UBND"),
        ("Số: 21/QĐ-CT.UBND", "21", "QĐ-CT.UBND"),
        ("Số: 300/QĐ-TTra", "300", "QĐ-TTra"),
    ],
)
def test_number_and_notation_as_offices_print_them(printed: str, number: str, notation: str) -> None:
    reading = _read(printed)
    assert reading.fields["code_number"].value == number
    assert reading.fields["code_notation"].value == notation


def test_scribbles_for_a_number_are_unread_not_guessed() -> None:
    reading = _read("Số: 4Ý€~3 /QĐ-SYT")
    assert reading.fields["code_number"].confidence < 0.3
    assert reading.fields["code_notation"].value == "QĐ-SYT"


def test_a_lost_stroke_is_found_by_the_type_after_it_and_doubted() -> None:
    reading = _read("Số: 1230QĐ-SYT")
    assert reading.fields["code_notation"].value == "QĐ-SYT"
    assert reading.fields["code_number"].confidence < 0.6


@pytest.mark.parametrize(
    "day", ["ngày 5 tháng 04 năm 2024", "ngày. 5tháng 4 năm 2024", "ngày 05 tháng4 năm 2024", "ngay 5 thang 4 nam 2024"]
)
def test_days_are_read_though_words_are_stuck_together(day: str) -> None:
    assert _read("Số: 1/QĐ-SYT", day=f"Sông Hồng, {day}").fields["issued_date"].value == "2024-04-05"


def test_every_type_of_the_list_is_told_by_its_title() -> None:
    for kind in paper_types():
        page = set_page((5, MIDDLE, kind.name.upper()))
        title = title_in([sheet_of(page).span(row) for row in sheet_of(page).rows])
        assert title is not None
        assert title.type.name == kind.name


def test_a_title_set_wide_or_read_badly_is_known_and_a_sentence_is_none() -> None:
    assert _read("Số: 1/QĐ-SYT", title="Q U Y Ế T Đ Ị N H").fields["type_name"].value == "Quyết định"
    assert _read("Số: 1/TTr-SYT", title="TƠ TRINH").fields["type_name"].value == "Tờ trình"
    assert _read("Số: 1/SYT-VP", title="Quyết định này có hiệu lực").fields["type_name"].value == "Công văn"


def test_a_notation_that_speaks_against_the_title_lowers_both() -> None:
    sure, torn = _read("Số: 1/QĐ-SYT"), _read("Số: 1/KH-SYT")
    assert torn.fields["type_name"].value == "Quyết định"
    for name in ("type_name", "code_notation"):
        assert torn.fields[name].confidence < 0.8 * sure.fields[name].confidence


def test_digits_from_pixels_outvote_a_doubtful_word_and_strengthen_a_like_one() -> None:
    page = set_page(*state_head(code="Số: 4~4 /QĐ-SYT"), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    room = find_code(find_head(page, sheet_of(page))).gap  # type: ignore[union-attr]
    other = read_fields([page], NO_SIGHT, today=TODAY, digits=lambda *_: ByHand([("412", 0.9)], room))
    assert [one.value for one in other.candidates["code_number"]] == ["412", "4"]
    alike = read_fields([page], NO_SIGHT, today=TODAY, digits=lambda *_: ByHand([("4", 0.9)], room))
    assert alike.fields["code_number"].confidence > 0.85
    elsewhere = (room[0], room[1] + 900, room[2], room[3] + 900)
    ignored = read_fields([page], NO_SIGHT, today=TODAY, digits=lambda *_: ByHand([("412", 0.9)], elsewhere))
    assert [one.value for one in ignored.candidates["code_number"]] == ["4"]


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("QC-GTvT", "QC-GTVT"),
        ("QĐ-BỌL", "QĐ-BQL"),
        ("TTr-sTP", "TTr-STP"),
        ("QĐ-ktth", "QĐ-ktth"),
        ("ZđŠQĐ-TCKH", "QĐ-TCKH"),
        ("QĐ-NHNo", "QĐ-NHNo"),
        ("UBND.KH", "UBND.KH"),
        ("TC&KH", "TC&KH"),
        ("QĐ-QLĐÐ", "QĐ-QLĐĐ"),
    ],
)
def test_letters_of_a_notation_that_look_alike_are_put_right(printed: str, value: str) -> None:
    assert _read(f"Số: 138/{printed}").fields["code_notation"].value == value


@pytest.mark.parametrize("doubtful", ["QĐ-QLĐÐ", "QĐ-BỐL", "QĐ-ktth"])
def test_a_notation_that_may_be_misread_is_not_accepted_even_where_readings_agree(doubtful: str) -> None:
    one = _read(f"Số: 138/{doubtful}").candidates["code_notation"][0]
    assert not calibration().accepts("code_notation", [replace(one, votes=2, looks=2)])


def test_one_letter_is_hardly_a_notation() -> None:
    whole, scrap = (_read(f"Số: 138/{sign}").candidates["code_notation"][0].score for sign in ("SYT", "Z"))
    assert scrap < 0.15 * whole


def test_digits_that_are_hardly_read_stand_before_a_blank_where_there_is_ink() -> None:
    page = set_page(*state_head(code="Số: ....... /QĐ-SYT"), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    room = find_code(find_head(page, sheet_of(page))).gap  # type: ignore[union-attr]
    inked = np.full((page.height_px, page.width_px), 250, np.uint8)
    inked[room[1] : room[3], room[0] : room[2] : 3] = 20
    hand = ByHand([("412", 0.01)], room)
    reading = read_fields([page], Sight(lambda _: inked), today=TODAY, digits=lambda *_: hand)
    assert [one.value for one in reading.candidates["code_number"]] == ["412", None]
    blank = read_fields(
        [page], Sight(lambda _: np.full_like(inked, 250)), today=TODAY, digits=lambda *_: ByHand([], room)
    )
    assert blank.candidates["code_number"][0].value is None
    assert blank.candidates["code_number"][0].score > 0.5


@pytest.mark.parametrize("stray", ["Ö/", "Ở/", "Ø /"])
def test_one_letter_that_no_abbreviation_is_belongs_to_the_number_by_hand(stray: str) -> None:
    assert _read(f"Số: 12/{stray}UBND-VX").fields["code_notation"].value == "UBND-VX"
    assert _read("Số: 12/Đ/UBND-VX").fields["code_notation"].value == "QĐ/UBND-VX"  # a letter that one may be stays


def test_print_that_two_readers_read_differently_is_never_sure() -> None:
    page = set_page(*state_head(code="Số: 726/QĐ-SYT"), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    room = find_code(find_head(page, sheet_of(page))).gap  # type: ignore[union-attr]

    def scores(text: str) -> dict[str | None, float]:
        hand = ByHand([(text, 0.95)], room)
        read = read_fields([page], NO_SIGHT, today=TODAY, digits=lambda *_: hand).candidates["code_number"]
        return {one.value: one.score for one in read}

    assert scores("726")["726"] > 0.9
    assert max(scores("226").values()) < 0.7


def test_a_dictionary_and_a_signature_reader_are_asked_and_confidence_is_calibrated() -> None:
    page = set_page(*state_head(), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    signer = Candidate("Trần Văn Mẫn", "Trần Văn Mẫn", 0.7, (Evidence(1, (1, 2, 3, 4)),), "signature")

    def known(found: Candidates) -> Candidates:
        assert found["signer_name"] == (signer,)
        return found

    reading = read_fields(
        [page],
        NO_SIGHT,
        today=TODAY,
        signature=lambda pages, sight: {"signer_name": (signer,)},
        known=known,
        calibrate=lambda name, ones: 0.123 if name == "signer_name" else ones[0].score,
    )
    assert reading.fields["signer_name"].confidence == 0.123
    assert reading.fields["signer_name"].display == "Trần Văn Mẫn"


def test_a_red_boxed_mark_that_was_not_read_is_looked_at_again() -> None:
    page = set_page(*state_head(), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    paper = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    cv2.rectangle(paper, (400, 560), (700, 660), (200, 30, 40), 6)
    cv2.putText(paper, "MAT", (450, 640), cv2.FONT_HERSHEY_SIMPLEX, 2.4, (200, 30, 40), 9)
    cv2.circle(paper, (1600, 900), 110, (200, 30, 40), 8)  # a seal is no such mark
    sight = Sight(lambda number: paper)
    assert len(marks_unread(sheet_of(page), sight)) == 1
    assert read_fields([page], sight, today=TODAY, look=lambda crop: "MẬT").secret
    assert read_fields([page], sight, today=TODAY, look=lambda crop: "KHẨN").fields["priority"].value == "KHẨN"
    assert not read_fields([page], sight, today=TODAY, look=lambda crop: "SAO Y").secret


def test_a_mark_stamped_over_print_is_looked_at_all_the_same() -> None:
    page = set_page(*state_head(), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    paper = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    title = next(word for word in page.words() if word.text == "QUYẾT")
    left, top, right, bottom = title.box
    cv2.rectangle(paper, (left - 40, top - 30), (right + 60, bottom + 30), (200, 30, 40), 6)
    cv2.line(paper, (left, top), (right, bottom), (200, 30, 40), 20)
    assert marks_unread(sheet_of(page), Sight(lambda number: paper))
    assert read_fields([page], Sight(lambda number: paper), today=TODAY, look=lambda crop: "MẬT").secret


@pytest.mark.slow
@pytest.mark.parametrize("mark", ["MẬT", "TỐI MẬT"])
def test_a_pale_mark_askew_in_a_frame_that_is_hardly_seen_is_read(mark: str, tmp_path: Path) -> None:
    page = set_page(*state_head(), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    picture = Image.new("RGB", (620, 260), (252, 252, 250))
    draw = ImageDraw.Draw(picture)
    draw.text((310, 130), mark, fill=(228, 120, 122), font=font(LIBERATION.bold, 54), anchor="mm")
    draw.rectangle((90, 60, 530, 200), outline=(250, 238, 238), width=4)
    paper = np.full((HEIGHT, WIDTH, 3), 252, np.uint8)
    paper[420:680, 1700:2320] = np.asarray(picture.rotate(-4, fillcolor=(252, 252, 250)))
    settings = Settings(home=tmp_path)
    engine = Engine(settings)
    read = Reader(settings, engine).read([page], Sight(lambda number: paper), today=TODAY)
    engine.close()
    assert read.secret
    assert read.fields["security_mark"].value in (mark, "MẬT")


def _dated(day: list[tuple[str, float]], month: list[tuple[str, float]]) -> list[tuple[str | None, float]]:
    page = set_page(*state_head(day="Sông Hồng, ngày ..~1 tháng ..~1 năm 2024"), (5, MIDDLE, "QUYẾT ĐỊNH"), *body(9))
    line = find_date(find_head(page, sheet_of(page)))
    assert line is not None
    parts = {"day": day, "month": month}
    hand = ByHand(parts=parts, rooms={name: line.gaps[name] for name in parts})
    reading = read_fields([page], NO_SIGHT, today=TODAY, digits=lambda *_: hand)
    return [(one.value, one.score) for one in reading.candidates["issued_date"]]


def test_a_day_with_and_without_its_zero_is_one_reading_as_sure_as_both() -> None:
    both = _dated([("6", 0.5), ("06", 0.4)], [("11", 0.99)])
    alone = _dated([("6", 0.5)], [("11", 0.99)])
    assert (both[0][0], alone[0][0]) == ("2024-11-06", "2024-11-06")
    assert both[0][1] > 1.5 * alone[0][1]


def test_a_month_is_rather_february_than_august_where_a_zero_stands_before_it() -> None:
    assert _dated([("18", 0.95)], [("08", 0.6), ("02", 0.3)])[0][0] == "2024-02-18"
    assert _dated([("18", 0.95)], [("08", 0.9), ("02", 0.05)])[0][0] == "2024-08-18"


@pytest.mark.parametrize(
    ("printed", "notation"),
    [
        ("Số: 12/KV XIII-TH", "KV XIII-TH"),
        ("Số: 12/VNPT QNh-KTĐT", "VNPT QNh-KTĐT"),
        ("Số: 12/QBPC-AT+KT", "QBPC-AT+KT"),
        ("Số: 12/GCN - UBND", "GCN-UBND"),
    ],
)
def test_a_notation_may_have_a_part_of_two_words_or_a_plus(printed: str, notation: str) -> None:
    assert [one.value for one in _read(printed).candidates["code_notation"][:1]] == [notation]


@pytest.mark.parametrize("part", ["KTI", "KT1", "TTPTQĐKTTNMT"])
def test_a_part_that_ends_in_a_stroke_or_may_have_lost_a_sign_is_doubted(part: str) -> None:
    sure, doubtful = (_read(f"Số: 12/QĐ-{one}").candidates["code_notation"][0].score for one in ("KTHT", part))
    assert doubtful < 0.6 * sure


def test_what_was_done_on_another_day_is_not_the_day_of_issue() -> None:
    page = set_page(
        *(piece for piece in state_head(code="Số: 12", day="") if piece[2]),
        (5, MIDDLE, "GIẤY CHỨNG NHẬN"),
        (6, MIDDLE, "Đăng ký lần đầu, ngày 09 tháng 6 năm 2017"),
        *body(9),
        (26, RIGHT, "Quận 3, ngày 15 tháng 3 năm 2021"),
    )
    reading = read_fields([page], NO_SIGHT, today=TODAY)
    assert reading.fields["issued_date"].value == "2021-03-15"
    assert reading.fields["place"].value == "Quận 3"


@pytest.mark.parametrize("place", ["Quận 12", "Phường 7", "Hà Nội"])
def test_a_place_may_be_numbered(place: str) -> None:
    assert _read("Số: 12/QĐ-SYT", day=f"{place}, ngày 03 tháng 4 năm 2024").fields["place"].value == place
