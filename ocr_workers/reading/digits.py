"""Reads the digits between two printed labels, whether printed, stamped or by hand, and says how sure it is.

A small convolutional model (digits.onnx, trained by tests/training/train_lines.py on drawn lines) gives each column of a crop
the probability of each class; digit_decode.py turns them into what may stand there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.reading.digit_decode import ALPHABET, Grammar, Scores, masses, no_digits_outside
from ocr_workers.reading.digit_ink import Layers, layers_of, lifted, runs_across, set_apart
from ocr_workers.reading.digit_spans import DateSpans, Span, locate_spans
from ocr_workers.reading.levels import darkest, percentile
from ocr_workers.reading.line_model import CROP_HEIGHT, LineModel, prepared

__all__ = [
    "ALPHABET",
    "BLANK",
    "DateSpans",
    "DigitReader",
    "Grammar",
    "Reading",
    "Span",
    "locate_spans",
]

Pixels = npt.NDArray[np.uint8]

ROOM_PX = 18
"""Above and below a crop, where digits by hand may reach that are lifted into it."""
WIDE_PX = 300
"""A crop that is wider is looked at in one view only."""
MOST_PX = 2000
VIEWS = ((1.0, 1.0), (1.1, 0.9), (0.95, 1.1))
"""How a crop is looked at: its width, and its print's size, by so much. The views vote, unless the first is sure."""
SURE_AT_ONCE = 0.97
MODEL = Path(__file__).with_name("digits.onnx")
BLANK = ""
LEAST = 5e-3
CALIBRATION = {
    Grammar.NUMBER: (1.14, 0.32),
    Grammar.DAY: (0.96, 0.16),
    Grammar.MONTH: (0.94, 0.28),
    Grammar.YEAR: (1.12, 0.41),
}
"""Slope and offset over the logit of a text's mass, fitted on drawn lines (tests/training/measure_digits.py --fit)."""
UNPLACED_MOST = 0.8
"""As sure as a reading may be where no word told of the labels: it may be another line."""

CUT_MOST = 0.5
"""And where ink goes on below what the model sees: half a 3 is a 2."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a room: the text, BLANK where nothing is written there, and the chance that it is right."""

    text: str
    probability: float


class DigitReader:
    """The model, loaded at the first reading. One thread; not to be shared between threads."""

    def __init__(self, model: Path = MODEL, *, calibrated: bool = True) -> None:
        """`calibrated`: False gives the model's own masses, to fit CALIBRATION on."""
        self._model = LineModel(model)
        self._calibrated = calibrated

    def read(self, pixels: Pixels, span: Span, grammar: Grammar) -> tuple[Reading, ...]:
        """What may stand in `span` of the page `pixels` (grey, or RGB), best first; empty where nothing could be read."""
        return self.read_all(pixels, [(span, grammar)])[0]

    def read_all(self, pixels: Pixels, asked: Sequence[tuple[Span, Grammar]]) -> list[tuple[Reading, ...]]:
        """One answer for each span."""
        looks = {span: _look(pixels, span) for span, _ in asked}
        return [self._answer(looks[span], grammar, placed=span.labels_seen > 0) for span, grammar in asked]

    def read_crops(
        self, crops: Sequence[Pixels], grammar: Grammar, rooms: Sequence[tuple[float, float]]
    ) -> list[tuple[Reading, ...]]:
        """The same for crops of lines, each with the room's left and right x in it.

        A crop (grey, or RGB) is about two ems of the print high, its baseline at 0.7 of that, and reaches over both labels.
        """
        return [
            self._answer(_Look(_to_height(darkest(crop)), (left / width, right / width)), grammar, placed=True)
            for crop, (left, right) in zip(crops, rooms, strict=True)
            for width in [crop.shape[1]]
        ]

    def _answer(self, look: _Look, grammar: Grammar, *, placed: bool) -> tuple[Reading, ...]:
        """What one view says where it is sure; else what all views do."""
        if not look.columns:
            look.columns.append(self._model.columns(_view(look.crop, *VIEWS[0])))
        readings = self._readings(look, grammar, placed=placed)
        is_sure = bool(readings) and readings[0].probability >= SURE_AT_ONCE
        if is_sure or len(look.columns) > 1 or look.crop.shape[1] > WIDE_PX:
            return readings
        look.columns += [self._model.columns(_view(look.crop, *way)) for way in VIEWS[1:]]
        return self._readings(look, grammar, placed=placed)

    def _readings(self, look: _Look, grammar: Grammar, *, placed: bool) -> tuple[Reading, ...]:
        """The views' mean masses, calibrated, best first."""
        left, right = look.room
        columns = (
            look.columns if look.ink is None else [no_digits_outside(view, look.ink, grammar) for view in look.columns]
        )
        votes = [
            masses(view, grammar, before=round(left * len(view)), after=round(right * len(view)), by_labels=not placed)
            for view in columns
        ]
        texts = {text for vote in votes for text in vote}
        mean = {text: sum(vote.get(text, 0.0) for vote in votes) / len(votes) for text in texts}
        if self._calibrated:
            most = CUT_MOST if look.is_cut else 1.0 if placed else UNPLACED_MOST
            mean = {text: min(most, _calibrated(mass, grammar)) for text, mass in mean.items()}
        best = sorted(texts, key=lambda text: (-mean[text], text))
        return tuple(Reading(text, mean[text]) for text in best if mean[text] > LEAST)


@dataclass(slots=True)
class _Look:
    """A crop, from where to where in it (shares of its width) the room is and, where they have a colour of their own, the digits;
    whether ink in the room goes on below it; and what the model sees in each view of it that it was shown."""

    crop: Pixels
    room: tuple[float, float]
    ink: tuple[float, float] | None = None
    is_cut: bool = False
    columns: list[Scores] = field(default_factory=list)


def _calibrated(mass: float, grammar: Grammar) -> float:
    slope, offset = CALIBRATION[grammar]
    mass = min(max(mass, 1e-4), 1 - 1e-4)
    chance = 1 / (1 + math.exp(-slope * math.log(mass / (1 - mass)) - offset))
    return chance if mass > 0.5 else min(chance, mass)


def _look(pixels: Pixels, span: Span) -> _Look:
    """The crop of a span, level, CROP_HEIGHT high, digits by hand in it upon the line and, where they have a colour of their own,
    apart from print; beyond the page is paper."""
    left, top, right, bottom = span.box
    scale = CROP_HEIGHT / (2.0 * span.em_px)
    width = min(MOST_PX, max(8, round((right - left) * scale)))
    room = ((span.left - left) / (right - left), (span.right - left) / (right - left))
    rise = 4 + round(abs(span.slope) * (right - left))
    more = round(ROOM_PX / scale)
    low, start = max(0, top - more - rise), max(0, left - 4)
    cut = pixels[low : bottom + more + rise, start : right + 4]
    if not cut.size:
        return _Look(np.full((CROP_HEIGHT, width), 255, np.uint8), room)
    middle = span.baseline - 0.4 * span.em_px  # of what a line is high
    across = [scale, 0.0, (start - left) * scale]
    half = ROOM_PX + CROP_HEIGHT / 2
    down = [-span.slope * scale, scale, half - (middle - low - span.slope * (left - start)) * scale]
    level = np.array([across, down])
    in_room = (room[0] * width, room[1] * width)
    base, em = half + 0.4 * CROP_HEIGHT / 2, CROP_HEIGHT / 2

    def line_of(part: Pixels) -> Pixels:
        """Level, with what stands ROOM_PX above and below the crop."""
        if scale < 1:
            part = np.asarray(cv2.GaussianBlur(part, (0, 0), 0.35 / scale), np.uint8)
        paper, size = percentile(part, 80), (width, CROP_HEIGHT + 2 * ROOM_PX)
        return np.asarray(
            cv2.warpAffine(part, level, size, borderMode=cv2.BORDER_CONSTANT, borderValue=paper), np.uint8
        )

    if not span.labels_seen:
        return _Look(_crop(line_of(darkest(cut))), room)
    layers = layers_of(cut)
    if layers is not None:
        digits = lifted(line_of(layers.inked), in_room, base=base, em=em)
        apart = set_apart(Layers(_crop(line_of(layers.printed)), _crop(digits)), in_room)
        if apart is not None:
            width = apart.crop.shape[1]
            is_cut = runs_across(digits, in_room, ROOM_PX + CROP_HEIGHT)
            return _Look(apart.crop, _shares(apart.room, width), _shares(apart.ink, width), is_cut)
    line = lifted(line_of(darkest(cut)), in_room, base=base, em=em)
    return _Look(_crop(line), room, None, runs_across(line, in_room, ROOM_PX + CROP_HEIGHT))


def _crop(line: Pixels) -> Pixels:
    return line[ROOM_PX:-ROOM_PX]


def _shares(columns: tuple[float, float], width: int) -> tuple[float, float]:
    return columns[0] / width, columns[1] / width


def _to_height(crop: Pixels) -> Pixels:
    if crop.shape[0] == CROP_HEIGHT:
        return crop
    size = (max(8, round(crop.shape[1] * CROP_HEIGHT / crop.shape[0])), CROP_HEIGHT)
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)


def _view(crop: Pixels, stretch: float, zoom: float) -> npt.NDArray[np.float32]:
    """The crop a little wider or narrower, and its print a little larger or smaller about the baseline."""
    base = 0.7 * CROP_HEIGHT
    size = (max(16, round(crop.shape[1] * stretch * zoom)), CROP_HEIGHT)
    place = np.array([[size[0] / crop.shape[1], 0, 0], [0, zoom, base - zoom * base]])
    return prepared(np.asarray(cv2.warpAffine(crop, place, size, borderValue=percentile(crop, 80)), np.uint8))
