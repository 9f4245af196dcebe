"""Reads a line of print that the engine reads badly: under a seal, through a signature, pale, spoiled.

A small convolutional model (print_lines.onnx, trained by tests/training/train_lines.py on drawn lines) gives each column of a
line the probability of each letter; of these come the words, and how well any other word would fit where one stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.reading.levels import percentile
from ocr_workers.reading.line_frame import LineFrame
from ocr_workers.reading.line_model import COLUMN_PX, CROP_HEIGHT, LineModel, prepared
from sohoa.model import Box

Pixels = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]
MODEL = Path(__file__).with_name("print_lines.onnx")
BASE = 0.715
"""Where in a crop the base line is, from its top, in shares of its height."""
EMS = 1.9
"""How many sizes of its print a crop is high."""
ALPHABET = " -./,:;()%&'\"+0123456789" + "".join(
    low + low.upper()
    for low in (
        *"bcdđfghjklmnpqrstvwxz",
        *"aàáãảạăằắẵẳặâầấẫẩậeèéẽẻẹêềếễểệiìíĩỉịoòóõỏọôồốỗổộơờớỡởợuùúũủụưừứữửựyỳýỹỷỵ",
    )
)
"""The model's classes after CTC's blank."""

_SPACE = ALPHABET.index(" ") + 1
_WIDEST_PX = 4000  # of a crop: no line of a page in letters that can be read is wider
_TINY = 1e-300
_LETTER = 2.5  # columns that half a letter is wide
_HIGH, _LOW = 0.75, 0.2  # sizes of print that a word reaches above its base line and below


@dataclass(frozen=True, slots=True)
class PrintWord:
    """A word of a line: its text, its box in the picture, the chance that it is right, and each of its columns' class
    probabilities (columns x classes)."""

    text: str
    box: Box
    chance: float
    columns: Scores

    def chances(self, options: Sequence[str]) -> npt.NDArray[np.float64]:
        """How probable each of `options` is in this place; all strings together make 1."""
        return fit(self.columns, options)


class PrintReader:
    """The model, loaded at the first line. One thread; not to be shared between threads."""

    def __init__(self, model: Path = MODEL) -> None:
        self._model = LineModel(model)

    def read(self, picture: Pixels, frame: LineFrame) -> list[PrintWord]:
        """The words of a line of `picture` (grey, dark on light), from left to right."""
        scale = CROP_HEIGHT / (EMS * frame.em)
        if (frame.right - frame.left) * scale > _WIDEST_PX:
            return []
        columns = self._model.columns(prepared(_crop(picture, frame, scale)))
        found = []
        for text, (start, stop), (first, last) in _words(columns):
            ends = (first - _LETTER, last + _LETTER)
            left, right = (round(frame.left + column * COLUMN_PX / scale) for column in ends)
            base = frame.base + frame.slope * (left - frame.left)
            box = (left, round(base - _HIGH * frame.em), right, round(base + _LOW * frame.em))
            part = columns[start:stop]
            found.append(PrintWord(text, box, float(fit(part, [text])[0]), part))
        return found


def _crop(picture: Pixels, frame: LineFrame, scale: float) -> Pixels:
    """The line level and CROP_HEIGHT high; beyond the picture is paper."""
    width = max(8, round((frame.right - frame.left) * scale))
    picture, frame = _band(picture, frame)
    if scale < 1:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.35 / scale), np.uint8)
    place = np.array(
        [
            [scale, 0.0, -frame.left * scale],
            [-frame.slope * scale, scale, BASE * CROP_HEIGHT - (frame.base - frame.slope * frame.left) * scale],
        ]
    )
    paper = percentile(picture, 80)
    return np.asarray(
        cv2.warpAffine(picture, place, (width, CROP_HEIGHT), borderMode=cv2.BORDER_CONSTANT, borderValue=paper),
        np.uint8,
    )


def _band(picture: Pixels, frame: LineFrame) -> tuple[Pixels, LineFrame]:
    """The part of the picture that the line stands in, and where it stands there."""
    rise = abs(frame.slope) * (frame.right - frame.left)
    top = max(0, math.floor(frame.base - 1.6 * frame.em - rise))
    bottom, left = math.ceil(frame.base + 1.2 * frame.em + rise), max(0, math.floor(frame.left - frame.em))
    part = picture[top : max(bottom, top + 1), left : math.ceil(frame.right + frame.em)]
    if not part.size:
        return picture, frame
    return part, replace(frame, left=frame.left - left, right=frame.right - left, base=frame.base - top)


def _words(columns: Scores) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
    """The likeliest letters column by column, parted at spaces: each word's text, the columns between the spaces around it, and
    its first letter's column and its last one's."""
    best = columns.argmax(axis=1)
    found = []
    text, start, first, last = "", 0, 0, 0
    for at, (before, now) in enumerate(zip([0, *best[:-1]], best, strict=True)):
        if now == _SPACE:
            if text:
                found.append((text, (start, at), (first, last)))
            text, start = "", at + 1
        elif now and now != before:
            first, last = (first if text else at), at
            text += ALPHABET[now - 1]
    if text:
        found.append((text, (start, len(columns)), (first, last)))
    return found


def fit(columns: Scores, options: Sequence[str]) -> npt.NDArray[np.float64]:
    """The chance of each text given a word's columns (CTC's forward sum)."""
    longest = max(map(len, options), default=0)
    labels = np.zeros((len(options), 2 * longest + 1), np.int64)
    for row, text in zip(labels, options, strict=True):
        row[1 : 2 * len(text) : 2] = [ALPHABET.find(char) + 1 for char in text]
    skip = np.zeros(labels.shape, bool)
    skip[:, 3::2] = (labels[:, 3::2] != labels[:, 1:-2:2]) if longest > 1 else skip[:, 3::2]
    reached = np.zeros(labels.shape)
    scale = np.zeros(len(options))
    for at, column in enumerate(columns):
        seen = column[labels]
        if at == 0:
            reached[:, :2] = seen[:, :2]
        else:
            step = reached.copy()
            step[:, 1:] += reached[:, :-1]
            step[:, 2:] += np.where(skip[:, 2:], reached[:, :-2], 0.0)
            reached = step * seen
        top = np.maximum(reached.max(axis=1), _TINY)
        reached /= top[:, None]
        scale += np.log(top)
    ends = np.array([2 * len(text) for text in options], np.int64)
    rows = np.arange(len(options))
    total = reached[rows, ends] + np.where(ends > 0, reached[rows, ends - 1], 0.0)
    spelt = np.array([all(char in ALPHABET for char in text) for text in options])
    return np.asarray(np.where(spelt & (total > 0), np.exp(np.log(np.maximum(total, _TINY)) + scale), 0.0))
