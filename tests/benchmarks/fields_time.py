"""What reading costs beside recognising: drawn papers recognised and read one after the other in one process, nothing kept."""

from __future__ import annotations

import time
from datetime import date

from ocr_workers.engine import Engine, Grey, Layout
from ocr_workers.engine import Reading as EngineReading
from ocr_workers.orientation import turned
from ocr_workers.reading.reader import Reader
from ocr_workers.reading.sight import Sight
from ocr_workers.recognise import Recogniser
from sohoa.settings import Settings
from tests.benchmarks.fields_sample import CACHE, SEED, page_image
from tests.benchmarks.report import Figure
from tests.support import press

_MOST, _MOST_AGAIN = 0.20, 0.15
_LEVEL = "typical"


class _Timed(Engine):
    """An engine that adds up how long it is asked to read."""

    spent_s = 0.0

    def read(self, image: Grey, *, dpi: float, layout: Layout) -> EngineReading:
        started_s = time.perf_counter()
        try:
            return super().read(image, dpi=dpi, layout=layout)
        finally:
            self.spent_s += time.perf_counter() - started_s


def measure(papers: int) -> list[Figure]:
    """Time for reading over time for recognising, and the share of it in which the engine reads parts of a page again."""
    settings = Settings(home=CACHE / "home")
    recogniser, engine = Recogniser(settings), _Timed(settings)
    reader = Reader(settings, engine)
    recognising_s = reading_s = again_s = 0.0
    for number in range(papers + 1):
        paper = press.draw_varied(SEED + 8_000 + number, level=_LEVEL)
        images = [page_image(page, at) for at, page in enumerate(paper.pages, 1)]
        engine.spent_s = 0.0
        started_s = time.perf_counter()
        pages = [recogniser.recognise(image) for image in images]
        recognised_s = time.perf_counter()
        pixels = [turned(image.pixels, page.turn_deg) for image, page in zip(images, pages, strict=True)]
        reader.read(pages, Sight(lambda at, pixels=pixels: pixels[at - 1]), today=date(2026, 1, 1))  # type: ignore[misc]
        if number:  # the first one loads what is loaded once
            recognising_s += recognised_s - started_s
            reading_s += time.perf_counter() - recognised_s
            again_s += engine.spent_s
    engine.close()
    return [
        _figure("reading", f"time over recognising, {papers} papers in one process", reading_s / recognising_s, _MOST),
        _figure("again", "of it the engine reading parts of a page again", again_s / recognising_s, _MOST_AGAIN),
    ]


def _figure(key: str, what: str, share: float, most: float) -> Figure:
    return Figure(key, what, f"≤ {100 * most:.0f} %", f"+ {100 * share:.0f} %", share <= most)
