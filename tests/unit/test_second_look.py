"""The second look reads the head's parts anew from their pixels and puts the words where they stand on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import pytest

from ocr_workers.boxes import block_of, line_of
from ocr_workers.engine import Engine
from ocr_workers.orientation import turned
from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.marks import pairs_of
from ocr_workers.reading.print_lines import PrintReader
from ocr_workers.reading.second_look import Look, Part, Parts, look_again, parts_of
from ocr_workers.reading.sense import days_on
from ocr_workers.reading.sight import NO_SIGHT, Sight
from ocr_workers.reading.spans import sheet_of
from ocr_workers.reading.text import letters
from ocr_workers.reading.top import Top, read_top
from ocr_workers.recognise import Recogniser
from sohoa.model import Block, Page
from sohoa.settings import Settings
from tests.benchmarks.fields_sample import page_image
from tests.support import press
from tests.support.set_pages import MIDDLE, body, set_page, state_head


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def engine(settings: Settings) -> Engine:
    return Engine(settings)


@pytest.fixture(scope="module")
def prints() -> PrintReader:
    return PrintReader()


@pytest.fixture(scope="module")
def paper() -> press.Paper:
    return press.draw_varied(31, layout="quyet_dinh", level="clean", marks=0.0)


@pytest.fixture(scope="module")
def page(paper: press.Paper, settings: Settings) -> Page:
    return Recogniser(settings).recognise(page_image(paper.pages[0], 1))


@pytest.fixture(scope="module")
def sight(paper: press.Paper, page: Page) -> Sight:
    pixels = turned(page_image(paper.pages[0], 1).pixels, page.turn_deg)
    return Sight(lambda number: pixels)


def _top(page: Page) -> Top:
    sheet = sheet_of(page)
    own, days = pairs_of([page]), days_on([sheet])
    return read_top(sheet, last=sheet, sight=NO_SIGHT, own=own, days=days, today=date(2026, 1, 1), digits=None)


def _parts(page: Page) -> Parts:
    return parts_of(sheet_of(page), _top(page))


def test_the_parts_hold_agency_and_number_date_and_subject(page: Page) -> None:
    parts, found = _parts(page), _top(page).found
    for name, part in (("organ_name", parts.left), ("issued_date", parts.date), ("subject", parts.subject)):
        for place in found[name][0].evidence:
            assert part.box[0] <= place.box[0] < place.box[2] <= part.box[2], name
            assert part.box[1] <= place.box[1] < place.box[3] <= part.box[3], name


def test_agencies_alone_leave_out_the_number_and_the_date_the_motto(page: Page) -> None:
    parts, found = _parts(page), _top(page).found
    organ, number = found["organ_name"][0].evidence[-1].box, found["code_number"][0].evidence[0].box
    assert organ[3] <= parts.agencies.box[3] <= number[1]
    motto = next(word.box for word in page.words() if word.text.upper() == "PHÚC")
    assert motto[3] <= parts.date.box[1]


def test_each_look_reads_the_same_fields_with_boxes_on_the_same_print(
    page: Page, sight: Sight, engine: Engine, prints: PrintReader
) -> None:
    parts, first = _parts(page), _top(page).found
    every = [parts.left, parts.date, parts.subject]
    looks = look_again(every, page, sight, engine=engine, prints=prints)
    assert len(looks) == 4
    for number, look in enumerate(looks):
        again = _top(look([part for part in every if number <= len(part.ways)])).found
        for name in ("organ_name", "issued_date", "subject"):
            one, other = first[name][0], again[name][0]
            assert letters(one.value or "") == letters(other.value or ""), name
            for here, there in zip(one.evidence, other.evidence, strict=True):
                assert here.box == pytest.approx(there.box, abs=0.05 * page.dpi), name


def test_words_outside_the_parts_stay_and_words_inside_are_replaced(
    page: Page, sight: Sight, engine: Engine, prints: PrintReader
) -> None:
    parts = _parts(page)
    look = look_again([parts.left, parts.date], page, sight, engine=engine, prints=prints)[0]([parts.left])
    left, top, right, bottom = parts.left.box

    def is_left(box: tuple[int, int, int, int]) -> bool:
        return left <= (box[0] + box[2]) / 2 < right and top <= (box[1] + box[3]) / 2 < bottom

    others = [word for word in page.words() if not is_left(word.box)]
    assert sorted(word.box for word in look.words() if not is_left(word.box)) == sorted(word.box for word in others)
    assert {word.box for word in look.words() if is_left(word.box)} != {
        word.box for word in page.words() if is_left(word.box)
    }


def test_what_the_page_pass_lost_is_found_by_looking_again(
    page: Page, sight: Sight, engine: Engine, prints: PrintReader
) -> None:
    parts, wanted = _parts(page), _top(page).found["code_notation"][0].value
    lost = _without(page, parts.left.box)
    assert "code_notation" not in _top(lost).found
    found = [
        again["code_notation"][0].value
        for look in look_again([parts.left], lost, sight, engine=engine, prints=prints)
        if "code_notation" in (again := _top(look([parts.left])).found)
    ]
    assert found.count(wanted) >= 2


def test_a_title_that_the_page_pass_lost_is_looked_for_under_the_head(
    page: Page, sight: Sight, engine: Engine, prints: PrintReader
) -> None:
    first = _top(page)
    assert first.title is not None
    title = [span.box for span in first.title.spans]
    under = first.found["subject"][0].evidence[-1].box[3]
    kept = [[line for line in block.lines if not title[0][1] <= line.box[3] <= under] for block in page.blocks]
    lost = replace(page, blocks=tuple(block_of(lines) for lines in kept if lines))
    assert _top(lost).title is None
    parts = parts_of(sheet_of(lost), _top(lost))
    assert parts.subject.box[1] < title[0][1] < title[-1][3] < parts.subject.box[3]
    looks = look_again([parts.subject], lost, sight, engine=engine, prints=prints)[1:]
    found = [_top(look([parts.subject])).found for look in looks[: len(parts.subject.ways)]]
    assert [one["type_name"][0].value for one in found] == ["Quyết định"] * len(found)
    assert all(
        letters(one["subject"][0].value or "") == letters(first.found["subject"][0].value or "") for one in found
    )


def test_without_pixels_or_parts_there_is_nothing_to_look_at(
    page: Page, sight: Sight, engine: Engine, prints: PrintReader
) -> None:
    parts = _parts(page)
    assert look_again([parts.left], page, NO_SIGHT, engine=engine, prints=prints) == ()
    assert look_again([], page, sight, engine=engine, prints=prints) == ()


class _Looks:
    """Readings of a page by hand, one after the other, and the parts that each was asked for."""

    def __init__(self, *pages: Page) -> None:
        self._pages = pages
        self.asked: list[Sequence[Part]] = []

    def __call__(self, parts: Sequence[Part], page: Page, sight: Sight) -> Sequence[Look]:
        def look(again: Page, asked: Sequence[Part]) -> Page:
            self.asked.append(asked)
            return again

        return [partial(look, again) for again in self._pages] if parts else []


def _decision(organ: str, code: str = "Số: 138/QĐ-SYT", subject: str = "Về việc thành lập Tổ~8 công tác") -> Page:
    head = state_head(agency=("UBND TỈNH SÔNG HỒNG", organ), code=code)
    return set_page(*head, (6, MIDDLE, "QUYẾT ĐỊNH"), (7, MIDDLE, subject), *body(9))


def _read(looks: _Looks, page: Page, *sure: str) -> Reading:
    return read_fields(
        [page], NO_SIGHT, today=date(2026, 1, 1), again=looks, sure=lambda name, ones: name in sure and bool(ones)
    )


def test_a_field_that_one_reading_tells_surely_is_not_read_again() -> None:
    page = _decision("SỞ Y TẾ")
    looks = _Looks(page, page, page)
    found = _read(looks, page, "issued_date", "place", "subject", "code_number").candidates
    assert [len(parts) for parts in looks.asked] == [1]
    names = ("organ_name", "code_number", "issued_date", "subject")
    assert [found[name][0].looks for name in names] == [2, 1, 1, 1]
    assert not replace(looks.asked[0][0], box=(0, 0, 10, 900)).can_be_read


def test_where_two_readings_agree_a_part_is_done_and_where_they_do_not_all_ways_vote() -> None:
    page = _decision("SỞ Y TẾ")
    looks = _Looks(_decision("SỞ TƯ PHÁP"), page, page)
    found = _read(looks, page).candidates
    assert [len(parts) for parts in looks.asked] == [3, 2, 1]  # the subject is told by three, the date by two
    assert (found["organ_name"][0].value, found["organ_name"][0].votes, found["organ_name"][0].looks) == (
        "SỞ Y TẾ",
        3,
        4,
    )
    assert [(found[name][0].votes, found[name][0].looks) for name in ("code_notation", "subject")] == [(2, 2), (3, 3)]


def test_two_readings_tell_a_subject_of_which_no_word_is_in_doubt() -> None:
    sure = _decision("SỞ Y TẾ", subject="Về việc thành lập Tổ công tác")
    for other, looks in ((sure, 2), (_decision("SỞ Y TẾ"), 3)):
        assert _read(_Looks(other, sure, sure), sure).candidates["subject"][0].looks == looks


def test_readings_that_agree_on_what_is_hardly_credible_are_not_enough() -> None:
    parts = _parts(_decision("SỞ Y TẾ"))
    assert [parts.left.is_told(2, score) for score in (0.9, 0.1, None)] == [True, False, False]
    assert [parts.subject.is_told(readings, 0.9) for readings in (2, 3)] == [False, True]
    assert parts.left.is_told(5, None)


def test_what_two_readings_agree_on_stays_whatever_later_ones_say() -> None:
    page = _decision("SỞ Y TẾ")
    other = _decision("SỞ Y TẾ", "Số: 777/QĐ-SYT")
    number = _read(_Looks(_decision("SỞ TƯ PHÁP"), other, other), page).candidates["code_number"][0]
    assert (number.value, number.votes, number.looks) == ("138", 2, 2)


def _without(page: Page, part: tuple[int, int, int, int]) -> Page:
    blocks: list[Block] = []
    for block in page.blocks:
        kept = [
            [w for w in line.words if not (part[0] <= w.box[0] < part[2] and part[1] + 250 <= w.box[1] < part[3])]
            for line in block.lines
        ]
        if any(kept):
            blocks.append(block_of([line_of(words) for words in kept if words]))
    return replace(page, blocks=tuple(blocks))
