"""A page that hung or killed the engine is read once more by Tesseract's command line, under a time limit."""

from __future__ import annotations

import time
from itertools import groupby
from typing import Any

import pytesseract
from PIL import Image

from ocr_workers.boxes import block_of, line_of
from ocr_workers.engine import clean, model_files
from ocr_workers.pages import PageImage
from ocr_workers.quality import channel_of, is_blank, look_at, measure
from ocr_workers.recognise import mean_confidence, without_noise
from sohoa.errors import SetupError, StageFailed
from sohoa.model import Block, Line, Page, Word
from sohoa.settings import Settings
from sohoa.states import PageStatus

_WORD_LEVEL = 5


def recognise_in_subprocess(image: PageImage, settings: Settings) -> Page:
    """Read one page through pytesseract, as it stands: not turned, not set upright, red text not read again.

    Raises StageFailed `timeout` (longer than settings.second_chance_timeout_s) or `engine_failed`; SetupError
    `model_missing` or `engine_missing` where the machine lacks the model or the `tesseract` command.
    """
    model_files(settings)
    look = look_at(image)
    started = time.perf_counter()
    blocks = () if is_blank(look) else without_noise(_blocks(_table(image, settings)), image.width_px, image.height_px)
    elapsed_ms = 0 if is_blank(look) else round((time.perf_counter() - started) * 1000)
    return Page(
        number=image.number,
        width_px=image.width_px,
        height_px=image.height_px,
        dpi=image.dpi,
        status=PageStatus.BLANK if is_blank(look) else PageStatus.RECOGNISED,
        blocks=blocks,
        quality=measure(image, look=look, mean_confidence=mean_confidence(blocks)),
        lane="pytesseract",
        recognise_ms=elapsed_ms,
    )


def _table(image: PageImage, settings: Settings) -> dict[str, list[Any]]:
    """Tesseract's TSV as columns."""
    options = f'--tessdata-dir "{settings.tessdata}" --oem 1 --psm 3 --dpi {round(image.dpi)} -c tessedit_do_invert=0'
    try:
        table: dict[str, list[Any]] = pytesseract.image_to_data(
            Image.fromarray(channel_of(image.pixels)),
            lang=settings.language,
            config=options,
            output_type=pytesseract.Output.DICT,
            timeout=settings.second_chance_timeout_s,
        )
    except pytesseract.TesseractNotFoundError as missing:
        detail = "the command `tesseract` is missing: run `apt-get install tesseract-ocr`"
        raise SetupError(detail, code="engine_missing") from missing
    except pytesseract.TesseractError as failure:
        raise StageFailed("the recognition engine failed on this page twice", code="engine_failed") from failure
    except RuntimeError as late:  # pytesseract's only sign of a timeout
        raise StageFailed(
            f"recognising this page took longer than {settings.second_chance_timeout_s:g} s, twice", code="timeout"
        ) from late
    return table


def _blocks(table: dict[str, list[Any]]) -> tuple[Block, ...]:
    rows = [row for row in zip(*(table[name] for name in _COLUMNS), strict=True) if row[0] == _WORD_LEVEL]
    blocks: list[Block] = []
    for _, in_block in groupby(rows, key=lambda row: row[1]):
        lines: list[Line] = []
        for _, in_line in groupby(in_block, key=lambda row: row[1:4]):
            words = [
                Word(text=text, box=(x, y, x + width, y + height), confidence=max(float(confidence), 0.0) / 100)
                for *_, x, y, width, height, confidence, raw in in_line
                if (text := clean(str(raw)))
            ]
            if words:
                lines.append(line_of(words))
        if lines:
            blocks.append(block_of(lines))
    return tuple(blocks)


_COLUMNS = ("level", "block_num", "par_num", "line_num", "left", "top", "width", "height", "conf", "text")
