"""A line as letters with the pixels each stands at, so that what is written between two printed words can be cut out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np

from ocr_workers.reading.levels import darkest, percentile
from ocr_workers.reading.sight import Sight
from ocr_workers.reading.spans import Span
from sohoa.model import Box, Evidence, Word, nfc
from storage.index.fold import fold

_SHOWN_AS = {
    "0": "OoQDÓÒÔÖÕØóòôö",
    "1": "Il|][!iÍÌíì",
    "2": "Zz",
    "4": "A",
    "5": "SsŠ",
    "6": "Gb",
    "7": "T",
    "8": "B&",
    "9": "gq",
}
_LIKE_DIGITS = str.maketrans({sign: digit for digit, signs in _SHOWN_AS.items() for sign in signs})
_TOO_WIDE = 1.35
_LEAST_GAP = 1.0  # heights: what is narrower was no room left for a number
_INK = 0.012  # the share of dark pixels above which a gap is not blank


@dataclass(frozen=True, slots=True)
class Letters:
    """The text of a span, words parted by one space, folded alike, and for each letter its left and right edge."""

    span: Span
    text: str
    folded: str
    edges: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, span: Span) -> Letters:
        text = ""
        edges: list[tuple[float, float]] = []
        for word in span.words:
            if text:
                edges.append((edges[-1][1], float(word.box[0])))
                text += " "
            shown = nfc(word.text)
            wide = (word.box[2] - word.box[0]) / max(len(shown), 1)
            edges += [(word.box[0] + wide * at, word.box[0] + wide * (at + 1)) for at in range(len(shown))]
            text += shown
        return cls(span, text, fold(text), tuple(edges))

    def box(self, start: int, end: int) -> Box:
        """Of the letters `start` to `end` (exclusive), as high as the words they are in; of a gap, as high as the line."""
        left, right = self.edges[start][0], self.edges[max(end - 1, start)][1]
        inside = [word.box for word in self.span.words if word.box[2] > left + 1 and word.box[0] < right - 1]
        boxes = inside or [word.box for word in self.span.words]
        return round(left), min(box[1] for box in boxes), round(right), max(box[3] for box in boxes)

    def between(self, start: int, end: int) -> Box:
        """The room between the letter before `start` and the letter `end`: what is written there, seen or not."""
        while start and self.text[start - 1] == " ":
            start -= 1
        while end < len(self.text) and self.text[end] == " ":
            end += 1
        left = self._end_of(start - 1) if start else self.edges[0][0]
        right = self._begin_of(end) if end < len(self.edges) else self.edges[-1][1]
        right = max(right, left)
        near = [word.box for word in self.span.words if word.box[2] >= left - 2 and word.box[0] <= right + 2]
        boxes = near or [word.box for word in self.span.words]
        return (
            round(left),
            min(box[1] for box in boxes),
            max(round(right), round(left) + 1),
            max(box[3] for box in boxes),
        )

    def _end_of(self, letter: int) -> float:
        """Where a letter ends; of the last letter of a word far too wide for its letters, where print of its size would end."""
        word, first = self._word(letter)
        if word is None or letter != first + len(nfc(word.text)) - 1:
            return self.edges[letter][1]
        wanted = 1.05 * self.pitch * len(nfc(word.text))
        return min(self.edges[letter][1], max(word.box[0] + wanted, self._usual_right(word)))

    def _begin_of(self, letter: int) -> float:
        word, first = self._word(letter)
        if word is None or letter != first:
            return self.edges[letter][0]
        wide = word.box[2] - word.box[0]
        wanted = 1.05 * self.pitch * len(nfc(word.text))
        return self.edges[letter][0] if wide <= _TOO_WIDE * wanted else word.box[2] - wanted

    def _usual_right(self, word: Word) -> float:
        wide = word.box[2] - word.box[0]
        return 0.0 if wide > _TOO_WIDE * self.pitch * len(nfc(word.text)) else float(word.box[2])

    def _word(self, letter: int) -> tuple[Word | None, int]:
        at = 0
        for word in self.span.words:
            if at <= letter < at + len(nfc(word.text)):
                return word, at
            at += len(nfc(word.text)) + 1
        return None, 0

    @property
    def pitch(self) -> float:
        """The width of a middling letter of the line."""
        words = [word for word in self.span.words if len(word.text) > 1]
        return median((word.box[2] - word.box[0]) / len(nfc(word.text)) for word in words or self.span.words)

    def confidence(self, start: int, end: int) -> float:
        """Of the worst word that has some of these letters; 1 where there are none."""
        at, least = 0, 1.0
        for word in self.span.words:
            stop = at + len(nfc(word.text))
            if at < end and stop > start and any(map(str.isalnum, word.text)):
                least = min(least, word.confidence)
            at = stop + 1
        return least

    def evidence(self, start: int, end: int) -> Evidence:
        return Evidence(self.span.page, self.box(start, end))


def as_digits(text: str) -> tuple[str, float]:
    """The digits that `text` shows, look-alikes taken for digits, and a score: 1 where all were digits already."""
    bare = re.sub(r"[\s.…,:;'\"“”_\-–—*()]+", "", nfc(text))
    if bare.isdigit() and bare.isascii():
        return bare, 1.0
    seen = bare.translate(_LIKE_DIGITS)
    if seen.isdigit() and seen.isascii():
        wrong = sum(one != other for one, other in zip(bare, seen, strict=True))
        return seen, 0.6 if wrong == 1 and len(seen) > 1 else 0.35
    return "", 0.0


def ink_in(sight: Sight, page: int, box: Box) -> float | None:
    """The share of `box` that is dark or coloured ink, None where there are no pixels to look at."""
    crop = sight.crop(page, _inside(box))
    if crop is None:
        return None
    grey = darkest(crop)
    paper = percentile(grey, 90)
    return float((grey < 0.62 * paper).mean())


def is_blank(sight: Sight, page: int, box: Box) -> bool | None:
    """Whether nothing is written in `box`: False where it is too narrow to be left blank, None where there are no pixels."""
    if box[2] - box[0] < _LEAST_GAP * (box[3] - box[1]):
        return False
    ink = ink_in(sight, page, box)
    return None if ink is None else ink < _INK


def is_coloured(sight: Sight, page: int, box: Box) -> bool:
    """Whether the ink in `box` is blue or red, as a pen's or a rubber stamp's is; False where it cannot be told."""
    crop = sight.crop(page, box)
    if crop is None or crop.ndim == 2:
        return False
    grey = darkest(crop)
    dark = grey < 0.7 * percentile(grey, 90)
    if dark.sum() < 12:
        return False
    saturation = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV)[..., 1][dark]
    return float(np.median(saturation)) > 75


def ends_high(sight: Sight, page: int, box: Box) -> bool:
    """Whether the last letter in `box` is as tall as the first (V/V, not V/v); False where there are no pixels."""
    crop = sight.crop(page, box)
    if crop is None:
        return False
    grey = darkest(crop)
    dark = grey < 0.6 * percentile(grey, 90)
    inked = np.flatnonzero(dark.sum(axis=0) > 1)
    if not len(inked):
        return False
    dark = dark[:, inked[0] : inked[-1] + 1]
    piece = max(dark.shape[1] // 5, 1)  # narrow enough to leave out the stroke, which is as tall
    first, last = (np.flatnonzero(part.sum(axis=1) > 1) for part in (dark[:, :piece], dark[:, -piece:]))
    if not len(first) or not len(last):
        return False
    return bool(last[0] - first[0] < 0.14 * (max(first[-1], last[-1]) - first[0] + 1))


def _inside(box: Box) -> Box:
    """Without the rim, where neighbouring letters and the dotted line reach in."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    return left + wide // 10, top + high // 8, right - wide // 10, bottom - high // 5
