"""Which way up a page lies is found on drawn papers, whichever way it was laid on the glass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ocr_workers.boxes import block_of, line_of
from ocr_workers.engine import Engine
from ocr_workers.orientation import find_turn, lies_on_its_side, turned
from ocr_workers.pages import PageImage
from ocr_workers.quality import look_at
from sohoa.model import Block, Word
from sohoa.settings import Settings
from tests.support import press


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    held = Engine(Settings(_env_file=None))
    yield held
    held.close()


def _words(*, wide: int, tall: int) -> tuple[Block, ...]:
    return (block_of([line_of([Word("Quyết", (10, 10, 10 + wide, 10 + tall), 0.9)])]),)


def test_words_taller_than_wide_lie_on_their_side() -> None:
    assert lies_on_its_side(_words(wide=20, tall=80))
    assert not lies_on_its_side(_words(wide=80, tall=20))
    assert not lies_on_its_side(())


def test_a_turn_is_clockwise() -> None:
    corner = np.array([[1, 2], [3, 4]], np.uint8)
    assert turned(corner, 90).tolist() == [[3, 1], [4, 2]]
    assert turned(corner, 270).tolist() == [[2, 4], [1, 3]]
    assert turned(corner, 0) is corner


@pytest.mark.slow
@pytest.mark.parametrize("turn_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("kind", ["quyet_dinh", "form_01", "ke_hoach"])
def test_the_turn_that_makes_a_drawn_paper_readable_is_found(engine: Engine, kind: str, turn_deg: int) -> None:
    drawn = press.draw(kind, seed=8, level="typical", dpi=200).pages[0]
    lying = np.ascontiguousarray(np.rot90(np.asarray(drawn.image, np.uint8), turn_deg // 90))
    found, _ = find_turn(look_at(PageImage(1, lying, drawn.dpi, False, "colour")), engine)
    assert found == turn_deg
