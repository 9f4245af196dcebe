"""A sheet of paper to print on: words with their ink outlines, rules, and lines of text in reading order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from tests.support.press.fonts import font
from tests.support.press.hands import STROKES, Hands, reach

Array = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

BLACK: Colour = (22, 22, 26)
BLUE: Colour = (36, 52, 150)
RED: Colour = (205, 36, 44)

A4_MM = (210.0, 297.0)
MM_PER_PT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Type:
    """How text is set: font file, size in points, colour, and in millimetres how unsteadily the letters stand.

    `by_hand`: written with a pen (digits and a few letters); the font file then means nothing.
    """

    file_name: str
    size_pt: float
    colour: Colour = BLACK
    shaky_mm: float = 0.0
    by_hand: bool = False

    def at(self, size_pt: float) -> Type:
        return replace(self, size_pt=size_pt)


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text (NFC) in one type. On a line, runs that touch make one word; a paragraph parts its runs."""

    text: str
    type: Type


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A printed word and the outline of its ink: (n, 2) centres of pixels on the convex hull, x before y."""

    text: str
    outline: Points


@dataclass(slots=True)
class Sheet:
    """An A4 page in the making. Millimetres from the top left corner outside, RGB pixels within (255 = no ink)."""

    dpi: int
    rng: np.random.Generator
    hands: Hands = STROKES
    pixels: Array = field(init=False)
    words: list[PlacedWord] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        width, height = (self.px(side) for side in A4_MM)
        self.pixels = np.full((height, width, 3), 255, np.uint8)

    def px(self, mm: float) -> int:
        return round(mm * self.dpi / 25.4)

    def width_mm(self, text: str, type_: Type) -> float:
        """How far `text` reaches; the same at every resolution, so that lines break alike."""
        if type_.by_hand:
            return reach(text) * type_.size_pt * MM_PER_PT
        return sum(_advance(letter, type_.file_name) for letter in text) * type_.size_pt * MM_PER_PT

    def line(
        self,
        runs: Sequence[Run],
        left_mm: float,
        baseline_mm: float,
        *,
        gap_mm: float | None = None,
        angle_deg: float = 0.0,
    ) -> float:
        """Print one line; spaces are `gap_mm` wide where given (justified text). Returns the right end in millimetres.

        `angle_deg` turns the line about its left end, clockwise.
        """
        x = left_mm
        texts: list[str] = []
        turn = np.deg2rad(angle_deg)
        touching = False
        for run in runs:
            space = self.width_mm(" ", run.type) if gap_mm is None else gap_mm
            for number, word in enumerate(run.text.split(" ")):
                if number:
                    x += space
                    touching = False
                if not word:
                    continue
                along = x - left_mm
                at = (left_mm + along * float(np.cos(turn)), baseline_mm + along * float(np.sin(turn)))
                placed = self._word(word, run.type, at, angle_deg)
                x += self.width_mm(word, run.type)
                if touching:
                    before = self.words.pop()
                    placed = PlacedWord(before.text + placed.text, np.concatenate((before.outline, placed.outline)))
                    texts[-1] = placed.text
                else:
                    texts.append(placed.text)
                self.words.append(placed)
                touching = True
        if texts:
            self.lines.append(" ".join(texts))
        return x

    def centred(
        self, runs: Sequence[Run] | Run, centre_mm: float, baseline_mm: float, *, angle_deg: float = 0.0
    ) -> tuple[float, float]:
        """Print one line around `centre_mm`; returns its left and right ends."""
        runs = [runs] if isinstance(runs, Run) else runs
        width = sum(self.width_mm(run.text, run.type) for run in runs)
        left = centre_mm - width / 2
        return left, self.line(runs, left, baseline_mm, angle_deg=angle_deg)

    def rule(
        self,
        start_mm: tuple[float, float],
        end_mm: tuple[float, float],
        *,
        thick_mm: float = 0.2,
        colour: Colour = BLACK,
    ) -> None:
        """A straight horizontal or vertical line."""
        thick = max(1, self.px(thick_mm))
        (x0, y0), (x1, y1) = ((self.px(x), self.px(y)) for x, y in (start_mm, end_mm))
        self.pixels[y0 : max(y1, y0 + thick), x0 : max(x1, x0 + thick)] = colour

    def press_on(self, mask: Array, left_px: int, top_px: int, colour: Colour, *, opacity: float = 1.0) -> None:
        """Lay ink on the sheet as a filter, so that what lies beneath stays to be seen. `mask`: 255 = full ink."""
        height, width = self.pixels.shape[:2]
        y0, x0 = max(0, top_px), max(0, left_px)
        y1, x1 = min(height, top_px + mask.shape[0]), min(width, left_px + mask.shape[1])
        if y0 >= y1 or x0 >= x1:
            return
        cover = mask[y0 - top_px : y1 - top_px, x0 - left_px : x1 - left_px, None].astype(np.float32) * (opacity / 255)
        through = 1 - cover * (1 - np.array(colour, np.float32) / 255)
        area = self.pixels[y0:y1, x0:x1]
        area[:] = (area * through + 0.5).astype(np.uint8)

    def _size_px(self, type_: Type) -> float:
        return type_.size_pt * self.dpi / 72

    def _word(self, text: str, type_: Type, at_mm: tuple[float, float], angle_deg: float) -> PlacedWord:
        left_mm, baseline = at_mm[0], self.px(at_mm[1])
        if type_.by_hand:
            return PlacedWord(text, self._pen(text, type_, (self.px(left_mm), baseline)))
        if not type_.shaky_mm:
            return PlacedWord(text, self._ink(text, type_, (self.px(left_mm), baseline), angle_deg, opacity=1.0))
        outlines = []
        for letter in text:
            shake = round(float(self.rng.normal(0, self.dpi * type_.shaky_mm / 25.4)))
            strength = float(np.clip(self.rng.normal(0.88, 0.1), 0.55, 1.0))
            outlines.append(self._ink(letter, type_, (self.px(left_mm), baseline + shake), angle_deg, opacity=strength))
            left_mm += self.width_mm(letter, type_)
        return PlacedWord(text, np.concatenate(outlines))

    def _pen(self, text: str, type_: Type, at_px: tuple[int, int]) -> Points:
        mask, dx, dy = self.hands.write(text, self._size_px(type_), self.rng)
        left, top = at_px[0] + dx, at_px[1] + dy
        self.press_on(mask, left, top, type_.colour, opacity=float(self.rng.uniform(0.75, 0.98)))
        return _outline(mask) + np.array([left, top], np.float32)

    def _ink(self, text: str, type_: Type, at_px: tuple[int, int], angle_deg: float, *, opacity: float) -> Points:
        mask, dx, dy, hull = _glyphs(text, type_.file_name, self._size_px(type_))
        x, y = at_px
        if angle_deg and len(hull):
            # The word is turned about the start of its baseline, on a canvas that holds it at any small angle.
            side = int(np.hypot(*mask.shape) * 2)
            middle = side // 2
            canvas = np.zeros((side, side), np.uint8)
            canvas[middle + dy : middle + dy + mask.shape[0], middle + dx : middle + dx + mask.shape[1]] = mask
            turn = cv2.getRotationMatrix2D((middle, middle), -angle_deg, 1.0)
            mask, dx, dy = np.asarray(cv2.warpAffine(canvas, turn, (side, side)), np.uint8), -middle, -middle
            hull = _outline(mask) + np.array([dx, dy], np.float32)
        self.press_on(mask, x + dx, y + dy, type_.colour, opacity=opacity)
        return hull + np.array([x, y], np.float32)


def wrap(sheet: Sheet, runs: Iterable[Run], width_mm: float, *, first_indent_mm: float = 0.0) -> list[list[Run]]:
    """Break runs into lines no wider than `width_mm`; the first is shorter by the indent."""
    lines: list[list[Run]] = [[]]
    used = first_indent_mm
    for run in runs:
        space = sheet.width_mm(" ", run.type)
        for word in run.text.split():
            width = sheet.width_mm(word, run.type)
            if lines[-1] and used + space + width > width_mm:
                lines.append([])
                used = 0.0
            line = lines[-1]
            used += width + (space if line else 0.0)
            if line and line[-1].type == run.type:
                line[-1] = Run(f"{line[-1].text} {word}", run.type)
            else:
                line.append(Run(f" {word}" if line else word, run.type))
    return [line for line in lines if line]


def gap_to_fill(sheet: Sheet, runs: Sequence[Run], width_mm: float) -> float | None:
    """The space that makes this line `width_mm` wide; None where it has no space or would gape."""
    spaces = sum(run.text.count(" ") for run in runs)
    if not spaces:
        return None
    letters = sum(sheet.width_mm(run.text.replace(" ", ""), run.type) for run in runs)
    natural = sheet.width_mm(" ", runs[0].type)
    gap = (width_mm - letters) / spaces
    return gap if natural * 0.7 <= gap <= natural * 3.5 else None


@lru_cache(maxsize=8192)
def _advance(letter: str, file_name: str) -> float:
    """How far a letter reaches, in ems."""
    return float(font(file_name, 1000).getlength(letter)) / 1000


@lru_cache(maxsize=4096)
def _glyphs(text: str, file_name: str, size_px: float) -> tuple[Array, int, int, Points]:
    """The ink of a word: its mask, the mask's offset from the start of the baseline, and its outline from there."""
    core, (dx, dy) = font(file_name, size_px).getmask2(text, "L", anchor="ls")
    width, height = core.size
    mask = np.array(core, np.uint8).reshape(height, width) if width and height else np.zeros((1, 1), np.uint8)
    return mask, dx, dy, _outline(mask) + np.array([dx, dy], np.float32)


def _outline(mask: Array) -> Points:
    """The convex hull of the ink in `mask`, as (n, 2) pixel centres; empty where there is none."""
    ys, xs = np.nonzero(mask > 64)
    if not len(xs):
        return np.zeros((0, 2), np.float32)
    points = np.column_stack((xs, ys)).astype(np.float32)
    return np.asarray(cv2.convexHull(points), np.float32).reshape(-1, 2)
