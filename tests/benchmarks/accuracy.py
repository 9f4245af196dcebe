"""Accuracy: wrong characters on drawn papers of each level, as Sohoa reads them and as Tesseract alone does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

import numpy as np

from ocr_workers.engine import Engine, Layout
from ocr_workers.pages import PageImage
from ocr_workers.quality import channel_of
from ocr_workers.recognise import Recogniser
from sohoa.model import Box
from sohoa.settings import Settings
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.size import Size
from tests.support import press
from tests.support.press import DrawnPage

SEED = 5_200
_NOTE = (
    "The rate is of wrong, missing and surplus characters against the truth, NFC, with words put into the truth's "
    "order by where they stand. Tesseract alone reads the same channel (red of a colour page) of the page as scanned, once."
)
_COLOURS: dict[str, Literal["colour", "grey", "bitonal"]] = {"RGB": "colour", "L": "grey", "1": "bitonal"}


@dataclass(frozen=True, slots=True)
class LevelRates:
    """Error rates of the pages of one level, in the order of press.KINDS."""

    level: str
    sohoa: tuple[float, ...]
    bare: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Every level of the press."""

    kinds: tuple[str, ...]
    levels: tuple[LevelRates, ...]

    def figures(self) -> list[Figure]:
        measured = ", ".join(f"{level.level} {_percent(fmean(level.sohoa))}" for level in self.levels)
        return [Figure("cer", "wrong characters (CER) on drawn papers", "-", measured, None)]

    def details(self) -> list[str]:
        rows = [
            (
                level.level,
                len(level.sohoa),
                _percent(fmean(level.sohoa)),
                _percent(max(level.sohoa)),
                _percent(fmean(level.bare)),
            )
            for level in self.levels
        ]
        worst = [
            (kind, *(_percent(level.sohoa[place]) for level in self.levels)) for place, kind in enumerate(self.kinds)
        ]
        return [
            f"One page of each of {len(self.kinds)} kinds of paper, seed {SEED}. {_NOTE}",
            "",
            *table(("Level", "pages", "Sohoa, mean", "Sohoa, worst page", "Tesseract alone, mean"), rows),
            "",
            *table(("Sohoa by kind", *(level.level for level in self.levels)), worst),
        ]


def measure(work: Path, size: Size) -> Accuracy:
    """Draw and read one page of each kind at each level."""
    settings = Settings(home=work)
    kinds = press.KINDS[: size.kinds]
    levels = []
    engine = Engine(settings)
    with Recogniser(settings) as recogniser:
        for level in press.LEVELS:
            say(f"reading {len(kinds)} pages of level {level}")
            pages = [press.draw(kind, seed=SEED, level=level, pages=1).pages[0] for kind in kinds]
            levels.append(
                LevelRates(
                    level,
                    sohoa=tuple(_rate_of_sohoa(page, recogniser) for page in pages),
                    bare=tuple(_rate_of_bare(page, engine) for page in pages),
                )
            )
    engine.close()
    return Accuracy(tuple(kinds), tuple(levels))


def _rate_of_sohoa(page: DrawnPage, recogniser: Recogniser) -> float:
    read = recogniser.recognise(_image(page))
    return press.placed_error_rate(page, [(word.text, word.box) for word in read.words()])


def _rate_of_bare(page: DrawnPage, engine: Engine) -> float:
    reading = engine.read(channel_of(_image(page).pixels), dpi=page.dpi, layout=Layout.PAGE)
    words: Sequence[tuple[str, Box]] = [
        (word.text, word.box) for block in reading.blocks for line in block.lines for word in line.words
    ]
    return press.placed_error_rate(page, words)


def _image(page: DrawnPage) -> PageImage:
    mode = page.image.mode
    pixels = np.ascontiguousarray(np.asarray(page.image.convert("L") if mode == "1" else page.image, np.uint8))
    return PageImage(1, pixels, dpi=float(page.dpi), dpi_inferred=False, colour=_COLOURS[mode])


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"
