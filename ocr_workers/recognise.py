"""One page read: channel, measures, blank?, skew, the engine, which way up, coloured text (design.md, "Recognising")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from ocr_workers.boxes import baseline_of, block_of, line_of, mapped, moved, snapped, words_of
from ocr_workers.deskew import in_page_frame, set_upright
from ocr_workers.engine import Engine, Grey, Layout, Reading
from ocr_workers.inks import Lifted, ink_made_dark, lift_ink
from ocr_workers.layout import in_reading_order
from ocr_workers.missed_text import TIGHT, WIDE, find_missed, misses_much, new_lines
from ocr_workers.orientation import find_turn, lies_on_its_side, turned
from ocr_workers.pages import PageImage
from ocr_workers.quality import (
    Look,
    is_blank,
    is_hard_to_see,
    is_nearly_blank,
    look_at,
    made_even,
    measure,
    on_white,
    sized,
)
from ocr_workers.red_text import (
    RedText,
    find_red_text,
    keep_text,
    merge,
    outside_seals,
    red_made_dark,
    without_box,
    without_seals,
)
from sohoa.model import Block, Box, Line, Page, Word
from sohoa.settings import Settings
from sohoa.states import PageStatus

_WHITE = np.full((1, 1), 255, dtype=np.uint8)
_LEAST_SKEW_DEG = 0.5
_DOUBT = 0.72  # a mean confidence below which the page may lie on its side or head
_SURE_OF_A_WORD = 0.5
_UNSURE_STROKE = 0.3
_HOPELESS = 0.08
_LEAST_LETTERS = 4
_COARSE_DPI = 150.0  # small print of coarser scans is enlarged before it is read once more
_HUGE = 2.2
_EDGE_SHARE = 0.012


class Recogniser:
    """Holds the loaded model; one a process, one page at a time."""

    def __init__(self, settings: Settings) -> None:
        """Raises SetupError `model_missing` or `engine_missing`."""
        cv2.setNumThreads(1)  # one process a core
        self._engine = Engine(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the model's memory back."""
        self._engine.close()

    @property
    def engine(self) -> Engine:
        """The loaded model, for who reads a crop again; in the same thread only."""
        return self._engine

    def identity(self) -> dict[str, Any]:
        """`{engine, engine_version, language, models: {file name: sha256}}`, for PREMIS and `doctor`."""
        return self._engine.identity()

    def recognise(self, image: PageImage, *, upright: bool = False) -> Page:
        """Read one page; status `recognised` or `blank`. `upright`: a person has said how it stands, no turn is looked for.
        Raises StageFailed `engine_failed`."""
        look, lifted = _without_ink(image)
        if is_blank(look):
            return _page(image, look, blocks=(), status=PageStatus.BLANK, spent_ms=0.0)
        blocks, spent_ms = self._read_black(look, image.dpi)
        if not upright and (lies_on_its_side(blocks) or _is_doubtful(blocks, look)):
            turn_deg, looking_ms = find_turn(look, self._engine)
            spent_ms += looking_ms
            if turn_deg:
                page = self._read_turned(replace(image, pixels=turned(image.pixels, turn_deg)))
                return replace(page, turn_deg=turn_deg, recognise_ms=page.recognise_ms + round(spent_ms))
        return self._finished(image, look, lifted, blocks, spent_ms)

    def _read_turned(self, image: PageImage) -> Page:
        look, lifted = _without_ink(image)
        blocks, spent_ms = self._read_black(look, image.dpi)
        return self._finished(image, look, lifted, blocks, spent_ms)

    def _finished(
        self, image: PageImage, look: Look, lifted: Lifted | None, blocks: tuple[Block, ...], spent_ms: float
    ) -> Page:
        """Coloured text added, noise dropped; a page on which no word came of a few faint marks is blank after all."""
        red = find_red_text(image)
        blocks, colour_ms = self._with_coloured_text(image, look, blocks, red, lifted)
        blocks = without_noise(blocks, image.width_px, image.height_px)
        blocks, again_ms = self._with_missed_text(image, look, blocks, red)
        spent_ms += again_ms
        if is_nearly_blank(look) and not any(_is_sure(word) for word in words_of(blocks)):
            return _page(image, look, blocks=(), status=PageStatus.BLANK, spent_ms=spent_ms + colour_ms)
        return _page(image, look, blocks=blocks, status=PageStatus.RECOGNISED, spent_ms=spent_ms + colour_ms)

    def _read_black(self, look: Look, dpi: float) -> tuple[tuple[Block, ...], float]:
        """What the engine reads in the one channel, in the page frame, and its time in ms."""
        sight = made_even(look.sight, look) if is_hard_to_see(look) else on_white(look.sight, look)
        if look.skew_deg is None or abs(look.skew_deg) < _LEAST_SKEW_DEG:
            reading = self._engine.read(sight, dpi=look.sight_dpi, layout=Layout.PAGE)
            blocks = in_reading_order(reading.blocks)
        else:
            upright = set_upright(sight, look.skew_deg)
            reading = self._engine.read(upright.image, dpi=look.sight_dpi, layout=Layout.PAGE)
            blocks = in_page_frame(in_reading_order(reading.blocks), upright)
        blocks = _back_to_size(blocks, look.factor, look.full)
        return snapped(blocks, page=look.full, paper=look.paper, dpi=dpi), reading.elapsed_ms

    def _with_coloured_text(
        self, image: PageImage, look: Look, blocks: tuple[Block, ...], red: RedText, lifted: Lifted | None
    ) -> tuple[tuple[Block, ...], float]:
        spent_ms = 0.0
        lines: list[Line] = []
        for region, pieces in _coloured_pieces(image, red, lifted):
            for piece in pieces:
                reading = self._engine.read(sized(piece, look.factor), dpi=look.sight_dpi, layout=Layout.BLOCK)
                spent_ms += reading.elapsed_ms
                here = _back_to_size(reading.blocks, look.factor, piece)
                here = moved(snapped(here, page=piece, paper=_WHITE, dpi=image.dpi), region[0], region[1])
                lines += [line for block in here for line in block.lines]
                if here and all(word.confidence >= _SURE_OF_A_WORD for word in words_of(here)):
                    break
        return merge(blocks, keep_text(lines, red)), spent_ms

    def _with_missed_text(
        self, image: PageImage, look: Look, blocks: tuple[Block, ...], red: RedText
    ) -> tuple[tuple[Block, ...], float]:
        """Print that no word covers is read once more in pieces, and what stays without words in tighter ones."""
        spent_ms = 0.0
        for margins in (WIDE, TIGHT):
            words = list(words_of(blocks))
            found: list[Line] = []
            for region in find_missed(look, words, margins):
                reading = self._read_piece(look, region, image.dpi)
                spent_ms += reading.elapsed_ms
                lines = (line for block in reading.blocks for line in block.lines)
                found += new_lines(lines, words, _scaled(region, 1 / look.factor))
            blocks = merge(blocks, outside_seals(found, red))
        return blocks, spent_ms

    def _read_piece(self, look: Look, region: Box, dpi: float) -> Reading:
        """A region of the page as the engine sees it, set upright, coarse print enlarged; words in the page frame."""
        left, top, right, bottom = region
        larger = 2 if look.sight_dpi < _COARSE_DPI else 1
        piece = np.ascontiguousarray(look.sight[top:bottom, left:right])
        if larger > 1:
            piece = np.asarray(cv2.resize(piece, None, fx=larger, fy=larger, interpolation=cv2.INTER_CUBIC), np.uint8)
        upright = set_upright(piece, look.skew_deg or 0.0)
        reading = self._engine.read(upright.image, dpi=look.sight_dpi * larger, layout=Layout.BLOCK)
        factor = look.factor * larger
        blocks = mapped(
            in_page_frame(reading.blocks, upright),
            lambda box: _scaled(
                (
                    box[0] + left * larger,
                    box[1] + top * larger,
                    box[2] + left * larger,
                    box[3] + top * larger,
                ),
                1 / factor,
            ),
            lambda x, y: ((x + left * larger) / factor, (y + top * larger) / factor),
        )
        return replace(reading, blocks=snapped(blocks, page=look.full, paper=look.paper, dpi=dpi))


def _without_ink(image: PageImage) -> tuple[Look, Lifted | None]:
    """The page as it is looked at, without coloured ink unless hardly anything else is on it."""
    lifted = lift_ink(image)
    if lifted is not None:
        look = look_at(replace(image, pixels=lifted.black))
        if not is_nearly_blank(look):
            return look, lifted
    return look_at(image), None


def _coloured_pieces(image: PageImage, red: RedText, lifted: Lifted | None) -> Iterator[tuple[Box, Iterable[Grey]]]:
    """Regions of coloured text, and each as the engine may see it, the next where the one before was not read surely."""
    for region in red.regions:
        dark = red_made_dark(image.pixels, region)
        yield region, (dark, *without_box(dark), *without_seals(dark, region, red))
    for region in lifted.regions if lifted is not None else ():
        yield region, (ink_made_dark(image.pixels, region),)


def mean_confidence(blocks: tuple[Block, ...]) -> float | None:
    """Over the characters of all words, None without any."""
    letters = sum(len(word.text) for word in words_of(blocks))
    if not letters:
        return None
    return round(sum(len(word.text) * word.confidence for word in words_of(blocks)) / letters, 4)


def without_noise(blocks: tuple[Block, ...], width_px: int, height_px: int) -> tuple[Block, ...]:
    """Drop what no one wrote: rules, unsure punctuation, strokes of signatures. Everything else stays as it was read."""
    heights = [word.box[3] - word.box[1] for word in words_of(blocks)]
    sheet = _Sheet(width_px, height_px, median(heights) if heights else 0.0)
    kept: list[Block] = []
    for block in blocks:
        lines: list[Line] = []
        for line in block.lines:
            words = [word for word in line.words if not _is_noise(word, line, sheet)]
            if len(words) == len(line.words):
                lines.append(line)
            elif words:
                lines.append(line_of(words, baseline_of(line)))
        if lines:
            kept.append(block_of(lines))
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The page's size and the height of a middling word, in pixels."""

    width: int
    height: int
    word_height: float


def _is_noise(word: Word, line: Line, sheet: _Sheet) -> bool:
    left, top, right, bottom = word.box
    if right - left < 2 or bottom - top < 2 or word.text in {"|", "||", "¦", "‖"}:
        return True
    letters = sum(map(str.isalnum, word.text))
    if letters:
        if word.confidence < _HOPELESS and not _may_be_wanted(word.text, letters):
            return True
        return word.confidence < _SURE_OF_A_WORD and _is_scrawl(word, line, sheet)
    on_edge = (
        left < sheet.width * _EDGE_SHARE
        or right > sheet.width * (1 - _EDGE_SHARE)
        or top < sheet.height * _EDGE_SHARE
        or bottom > sheet.height * (1 - _EDGE_SHARE)
    )
    alone = len(line.words) == 1
    return word.confidence < (_SURE_OF_A_WORD if on_edge or alone else _UNSURE_STROKE)


def _may_be_wanted(text: str, letters: int) -> bool:
    """A number or a whole word, however doubtful: clerks search for numbers, and hold a guess against the paper."""
    return any(map(str.isdigit, text)) or (letters >= 3 and 2 * letters > len(text))


def _is_scrawl(word: Word, line: Line, sheet: _Sheet) -> bool:
    """A stroke of a signature or a seal: in no line of text, and huge or hardly a letter."""
    if len(line.words) > 2 or any(_is_sure(other) for other in line.words):
        return False
    few_letters = sum(map(str.isalnum, word.text)) < _LEAST_LETTERS
    return few_letters or word.box[3] - word.box[1] > _HUGE * sheet.word_height


def _is_sure(word: Word) -> bool:
    return word.confidence >= _SURE_OF_A_WORD and any(character.isalnum() for character in word.text)


def _is_doubtful(blocks: tuple[Block, ...], look: Look) -> bool:
    """The reading is poor, or there are far fewer letters than marks that look like letters."""
    confidence = mean_confidence(blocks)
    letters = sum(len(word.text) for word in words_of(blocks))
    return len(look.marks) > 30 and (confidence is None or confidence < _DOUBT or letters < 0.25 * len(look.marks))


def _back_to_size(blocks: tuple[Block, ...], factor: float, picture: Grey) -> tuple[Block, ...]:
    if factor == 1.0:
        return blocks
    height, width = picture.shape

    def box_to(box: Box) -> Box:
        left, top, right, bottom = (round(side / factor) for side in box)
        return (left, top, min(right, width), min(bottom, height))

    return mapped(blocks, box_to, lambda x, y: (x / factor, y / factor))


def _scaled(box: Box, by: float) -> Box:
    left, top, right, bottom = (round(side * by) for side in box)
    return (left, top, right, bottom)


def _page(image: PageImage, look: Look, *, blocks: tuple[Block, ...], status: PageStatus, spent_ms: float) -> Page:
    quality = measure(image, look=look, mean_confidence=mean_confidence(blocks))
    if status is PageStatus.RECOGNISED and misses_much(look, words_of(blocks)):
        quality = replace(quality, warnings=(*quality.warnings, "text_missed"))
    return Page(
        number=image.number,
        width_px=image.width_px,
        height_px=image.height_px,
        dpi=image.dpi,
        status=status,
        blocks=blocks,
        quality=quality,
        lane="tesserocr",
        recognise_ms=round(spent_ms),
    )
