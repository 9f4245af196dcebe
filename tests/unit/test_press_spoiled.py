"""Bad inputs are drawn as they say: turned, doubled, headless, with decoys that stand on the paper and are not its truth."""

from __future__ import annotations

import pytest

from tests.support.press import LEVELS, SPOILED
from tests.support.press.spoiled import (
    annex_without_head,
    arrival_beside_date,
    several_documents,
    sideways,
    two_numbers,
    upside_down,
)
from tests.support.press.varied import draw_varied

DPI = 50


@pytest.mark.parametrize("kind", SPOILED)
def test_every_kind_of_bad_input_is_drawn_the_same_from_the_same_seed(kind: str) -> None:
    options = {"pages": 3} if kind == "annex_without_head" else {}
    first, again = (SPOILED[kind](9, dpi=DPI, **options) for _ in range(2))
    assert first.extra["kind"] == kind
    assert first.fields == again.fields
    assert [page.image.tobytes() for page in first.pages] == [page.image.tobytes() for page in again.pages]
    for page in first.pages:
        assert [word.text for word in page.words] == page.text.split()
        for word in page.words:
            assert word.box[0] < word.box[2] <= page.image.width + 3
            assert word.box[1] < word.box[3] <= page.image.height + 3


@pytest.mark.parametrize("level", LEVELS)
def test_bad_inputs_come_at_every_level(level: str) -> None:
    assert two_numbers(1, level=level, dpi=DPI).level == level


def test_turned_pages_carry_their_words_along() -> None:
    upright = draw_varied(9, dpi=DPI)
    over, side = upside_down(9, dpi=DPI), sideways(9, dpi=DPI)
    width, height = upright.pages[0].image.size
    assert over.pages[0].image.size == (width, height)
    assert side.pages[0].image.size == (height, width)
    first = upright.pages[0].words[0].box
    assert over.pages[0].words[0].box == (width - first[2], height - first[3], width - first[0], height - first[1])


def test_decoys_stand_on_the_paper_and_are_not_its_values() -> None:
    for paper in (two_numbers(3, dpi=DPI), arrival_beside_date(4, dpi=DPI)):
        for name, values in paper.extra["decoys"].items():
            assert paper.fields[name] not in values
        [number] = paper.extra["decoys"]["code_number"]
        assert number in paper.text


def test_several_documents_tell_where_each_begins() -> None:
    paper = several_documents(2, dpi=DPI)
    starts = [document["from_page"] for document in paper.extra["documents"]]
    assert starts[0] == 1
    assert starts == sorted(set(starts))
    assert len(paper.pages) >= len(starts) == 3


def test_an_annex_is_as_long_as_asked_for_and_tells_no_fields() -> None:
    paper = annex_without_head(1, dpi=30, pages=60)
    assert len(paper.pages) == 60
    assert paper.fields["code_number"] is None
