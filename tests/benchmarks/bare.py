"""Recognition alone: Tesseract in this process on the sample's page images, decoded beforehand, nothing else done."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.sniff import Kind
from ocr_workers.engine import Grey
from ocr_workers.pages import PageImage, load_page, plan_document
from ocr_workers.quality import channel_of
from sohoa.settings import Settings
from tests.benchmarks.sample import SampleFile

REDUCED_DPI = 200.0
"""What Sohoa reads at: it makes finer pages smaller first."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Time on the clock and processor time."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


@dataclass(frozen=True, slots=True)
class Bare:
    """The engine's time over `pages` pages: as scanned, and made smaller to REDUCED_DPI beforehand."""

    pages: int
    full: Spent
    reduced: Spent


def recognise_bare(files: Iterable[SampleFile], settings: Settings) -> Bare:
    """Each page's one 8-bit channel (red of a colour page) through an engine that was loaded before, one thread."""
    engine = _BareEngine(settings)
    pages, full, reduced = 0, Spent(), Spent()
    for file in files:
        for page in _page_images(file, settings):
            channel = channel_of(page.pixels)
            factor = REDUCED_DPI / file.dpi
            smaller = np.asarray(
                cv2.resize(channel, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8
            )
            full += engine.read(channel, dpi=file.dpi)
            reduced += engine.read(smaller, dpi=REDUCED_DPI)
            pages += 1
    engine.close()
    return Bare(pages, full, reduced)


class _BareEngine:
    """tesserocr with the model that Sohoa uses, loaded once."""

    def __init__(self, settings: Settings) -> None:
        os.environ["OMP_THREAD_LIMIT"] = "1"
        import tesserocr

        self._api = tesserocr.PyTessBaseAPI(
            path=str(settings.tessdata), lang=settings.language, psm=tesserocr.PSM.AUTO, oem=tesserocr.OEM.LSTM_ONLY
        )
        self._api.SetVariable("tessedit_do_invert", "0")

    def read(self, image: Grey, *, dpi: float) -> Spent:
        height, width = image.shape
        self._api.SetImageBytes(image.tobytes(), width, height, 1, width)
        self._api.SetSourceResolution(round(dpi))
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        self._api.Recognize()
        spent = Spent(time.perf_counter() - wall_s, time.process_time() - cpu_s)
        self._api.Clear()
        return spent

    def close(self) -> None:
        self._api.End()


def _page_images(file: SampleFile, settings: Settings) -> Iterator[PageImage]:
    plan = plan_document(file.path, Kind(file.path.suffix[1:]), settings=settings)
    for number in range(1, len(plan.pages) + 1):
        page = load_page(file.path, plan, number)
        if isinstance(page, PageImage):
            yield page
