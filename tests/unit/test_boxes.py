"""Word boxes end where the ink ends."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ocr_workers.boxes import block_of, line_of, moved, snapped, words_of
from ocr_workers.pages import PageImage
from ocr_workers.recognise import Recogniser
from sohoa.model import Block, Box, Word
from sohoa.settings import Settings
from tests.support import press
from tests.support.press import DrawnPage

Pixels = npt.NDArray[np.uint8]
WHITE = np.full((10, 10), 250, np.uint8)
INK = (100, 60, 180, 100)
"""Where the letters of the drawn word stand."""


def _sheet() -> Pixels:
    """Two posts and a bar between them: one word."""
    sheet = np.full((200, 400), 250, np.uint8)
    left, top, right, bottom = INK
    sheet[top:bottom, left : left + 6] = 20
    sheet[top:bottom, right - 6 : right] = 20
    sheet[78:84, left:right] = 20
    return sheet


def _blocks(*boxes: Box) -> tuple[Block, ...]:
    return (block_of([line_of([Word("từ", box, 0.9) for box in boxes])]),)


def _snap(sheet: Pixels, *boxes: Box) -> list[Box]:
    return [word.box for word in words_of(snapped(_blocks(*boxes), page=sheet, paper=WHITE, dpi=300))]


@pytest.mark.parametrize(
    "read",
    [
        (96, 57, 184, 104),
        (103, 62, 177, 98),
        (97, 63, 178, 103),
        INK,
        (89, 60, 191, 100),
    ],
    ids=["loose", "tight", "shifted", "right", "far off to both sides"],
)
def test_a_box_that_is_a_little_off_goes_to_the_ink(read: Box) -> None:
    assert _snap(_sheet(), read) == [INK]


def test_pale_print_on_dark_paper_is_ink_too() -> None:
    sheet = np.where(_sheet() < 128, 120, 180).astype(np.uint8)
    blocks = snapped(_blocks((97, 58, 183, 98)), page=sheet, paper=np.full((4, 4), 180, np.uint8), dpi=300)
    assert [word.box for word in words_of(blocks)] == [INK]


def test_a_neighbour_an_underline_and_a_rule_are_not_swallowed() -> None:
    sheet = _sheet()
    sheet[60:100, 190:230] = 20  # the next word
    sheet[104:107, 60:300] = 20  # an underline
    sheet[20:180, 94:96] = 20  # a table's rule
    assert _snap(sheet, (98, 58, 184, 101)) == [INK]


def test_a_stroke_through_the_word_is_not_followed() -> None:
    sheet = _sheet()
    cv2.line(sheet, (20, 90), (380, 70), 20, 4)
    ((left, _, right, _),) = _snap(sheet, INK)
    assert (left, right) == (100, 180)


def test_a_word_at_the_very_edge_or_without_ink_keeps_its_box() -> None:
    sheet = _sheet()
    boxes = ((0, 0, 30, 20), (395, 190, 400, 200), (250, 120, 300, 150), (60, 40, 60, 50))
    assert _snap(sheet, *boxes) == list(boxes)
    assert snapped((), page=sheet, paper=WHITE, dpi=300) == ()


def test_lines_and_blocks_and_baselines_follow_their_words() -> None:
    words = [Word("a", (96, 57, 184, 104), 0.9)]
    line = line_of(words, ((96.0, 100.0), (184.0, 100.0)))
    (block,) = snapped((block_of([line]),), page=_sheet(), paper=WHITE, dpi=300)
    assert (block.box, block.lines[0].box) == (INK, INK)
    assert block.lines[0].baseline == (0.0, 0.0)


def test_moved_words_keep_their_size() -> None:
    assert [word.box for word in words_of(moved(_blocks((1, 2, 11, 22)), 5, -1))] == [(6, 1, 16, 21)]


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    with Recogniser(Settings(_env_file=None)) as held:
        yield held


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "level", "least"),
    [
        ("quyet_dinh", "clean", 0.97),
        ("thong_bao", "typical", 0.97),
        ("form_01", "poor", 0.93),
        ("phone_photo", "typical", 0.95),
    ],
)
def test_words_of_drawn_papers_are_boxed_within_two_pixels(
    recogniser: Recogniser, kind: str, level: str, least: float
) -> None:
    drawn = press.draw(kind, seed=21, level=level, pages=1).pages[0]
    page = recogniser.recognise(PageImage(1, np.asarray(drawn.image, np.uint8), drawn.dpi, False, "colour"))
    farthest = _farthest_sides(drawn, list(page.words()))
    assert len(farthest) > 0.9 * len(drawn.words)
    assert np.mean(np.array(farthest) <= 2) >= least


def _farthest_sides(drawn: DrawnPage, words: list[Word]) -> list[int]:
    """For each word read right, in its place: how far off the worst of its four sides is."""
    farthest: list[int] = []
    for truth in drawn.words:
        x, y = (truth.box[0] + truth.box[2]) / 2, (truth.box[1] + truth.box[3]) / 2
        here = [
            word
            for word in words
            if word.text == truth.text and word.box[0] <= x <= word.box[2] and word.box[1] <= y <= word.box[3]
        ]
        if here:
            farthest.append(max(abs(a - b) for a, b in zip(here[0].box, truth.box, strict=True)))
    return farthest
