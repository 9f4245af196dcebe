"""The reader that the accuracy of fields is measured on: the one place to wire it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocr_workers.engine import Engine
from ocr_workers.reading.confidence import Calibration
from ocr_workers.reading.dictionary import EMPTY, Dictionary
from ocr_workers.reading.fields import Reading
from ocr_workers.reading.reader import Reader
from ocr_workers.reading.sight import NO_SIGHT, Sight
from sohoa.model import Field, Page
from sohoa.settings import Settings

Pixels = npt.NDArray[np.uint8]
LoadImage = Callable[[int], Pixels | None]
"""The pixels of a page, by its number, in the page frame (turned as the page was found to lie); None for a born-digital one."""


def read(
    pages: Sequence[Page], load_image: LoadImage, *, home: Path, known: Dictionary = EMPTY, measured: bool = True
) -> Reading:
    """The paper as Sohoa reads it; `home` is a folder for settings to name. `measured`: False: without any calibration."""
    return _reader(home, measured).read(pages, Sight(load_image), today=datetime.now(UTC).date(), known=known)


def read_once(pages: Sequence[Page], *, home: Path) -> Mapping[str, Field]:
    """The same from the page's words alone: before any second look at its pixels."""
    return _reader(home, True).read(pages, NO_SIGHT, today=datetime.now(UTC).date()).fields


@lru_cache(maxsize=2)
def _reader(home: Path, measured: bool) -> Reader:
    settings = Settings(home=home)
    return Reader(settings, Engine(settings), None if measured else Calibration({}))
