"""The second look reads the head's parts anew from their pixels and puts the words where they stand on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import pytest

from ocr_workers.boxes import block_of, line_of
from ocr_workers.engine import Engine
from ocr_workers.orientation import turned
from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.marks import pairs_of
from ocr_workers.reading.second_look import Parts, can_be_read, look_again, parts_of
from ocr_workers.reading.sense import days_on
from ocr_workers.reading.sight import NO_SIGHT, Sight
from ocr_workers.reading.spans import sheet_of
from ocr_workers.reading.text import letters
from ocr_workers.reading.top import Top, read_top
from ocr_workers.recognise import Recogniser
from sohoa.model import Block, Box, Page
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
    top = _top(page)
    return parts_of(sheet_of(page), top.head, top.title, top.found["subject"][0].evidence)


def test_the_parts_hold_agency_and_number_date_and_subject(page: Page) -> None:
    parts, found = _parts(page), _top(page).found
    for name, part in (("organ_name", parts.left), ("issued_date", parts.right), ("subject", parts.subject)):
        for place in found[name][0].evidence:
            assert part[0] <= place.box[0] < place.box[2] <= part[2], name
            assert part[1] <= place.box[1] < place.box[3] <= part[3], name


def test_each_look_reads_the_same_fields_with_boxes_on_the_same_print(page: Page, sight: Sight, engine: Engine) -> None:
    parts, first = _parts(page), _top(page).found
    looks = list(look_again([parts.left, parts.right, parts.subject], page, sight, engine=engine))
    assert len(looks) == 3
    for look in looks:
        again = _top(look).found
        for name in ("organ_name", "issued_date", "subject"):
            one, other = first[name][0], again[name][0]
            assert letters(one.value or "") == letters(other.value or ""), name
            for here, there in zip(one.evidence, other.evidence, strict=True):
                assert here.box == pytest.approx(there.box, abs=0.05 * page.dpi), name


def test_words_outside_the_parts_stay_and_words_inside_are_replaced(page: Page, sight: Sight, engine: Engine) -> None:
    parts = _parts(page)
    look = next(look_again([parts.left], page, sight, engine=engine))
    left, top, right, bottom = parts.left

    def is_left(box: tuple[int, int, int, int]) -> bool:
        return left <= (box[0] + box[2]) / 2 < right and top <= (box[1] + box[3]) / 2 < bottom

    others = [word for word in page.words() if not is_left(word.box)]
    assert sorted(word.box for word in look.words() if not is_left(word.box)) == sorted(word.box for word in others)
    assert {word.box for word in look.words() if is_left(word.box)} != {
        word.box for word in page.words() if is_left(word.box)
    }


def test_what_the_page_pass_lost_is_found_by_looking_again(page: Page, sight: Sight, engine: Engine) -> None:
    parts, wanted = _parts(page), _top(page).found["code_notation"][0].value
    lost = _without(page, parts.left)
    assert "code_notation" not in _top(lost).found
    found = [
        _top(look).found["code_notation"][0].value for look in look_again([parts.left], lost, sight, engine=engine)
    ]
    assert found.count(wanted) >= 2


def test_without_pixels_or_parts_there_is_nothing_to_look_at(page: Page, sight: Sight, engine: Engine) -> None:
    parts = _parts(page)
    assert list(look_again([parts.left], page, NO_SIGHT, engine=engine)) == []
    assert list(look_again([], page, sight, engine=engine)) == []


def test_what_was_not_read_again_is_not_taken_for_agreed() -> None:
    page = set_page(*state_head(), (6, MIDDLE, "QUYẾT ĐỊNH"), (7, MIDDLE, "Về việc thành lập Tổ công tác"), *body(9))
    asked: list[Box] = []

    def again(parts: Sequence[Box], page: Page, sight: Sight) -> Iterator[Page]:
        asked.extend(parts)
        yield page
        yield page

    def read(sure: tuple[str, ...]) -> Reading:
        return read_fields([page], NO_SIGHT, today=date(2026, 1, 1), again=again, sure=lambda name, ones: name in sure)

    looked = read(sure=("issued_date", "place", "subject"))
    assert len(asked) == 1
    assert [looked.candidates[name][0].looks for name in ("organ_name", "issued_date", "subject")] == [3, 1, 1]
    assert not can_be_read((0, 0, 10, 900))


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
