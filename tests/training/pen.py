"""Draws digits as a pen would: stroke skeletons in the ways Vietnamese clerks write them, bent at random each time."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]

# Each digit: the ways to write it; each way: its strokes, parted by slashes; each stroke: points x,y in hundredths of the digit's
# height, x to the right and y down. A point given twice is a corner.
WAYS: dict[str, tuple[str, ...]] = {
    "0": (
        "30,0 5,25 5,75 30,100 55,75 55,25 30,0",
        "40,5 15,10 2,50 20,97 50,85 60,40 40,2 25,12",
        "15,10 0,50 20,100 55,80 60,30 35,0 10,5",
    ),
    "1": (
        "20,0 20,50 20,100",
        "0,30 30,0 30,0 30,50 30,100",
        "0,60 20,30 40,0 40,0 40,50 40,100",
        "0,100 22,50 40,0 40,0 42,50 45,100",
        "0,80 20,40 36,0 36,0 34,50 32,100",
        "0,75 25,35 42,2 42,2 40,50 40,90 50,100",
        "5,20 25,0 25,0 25,50 25,100 / 5,100 45,100",
    ),
    "2": (
        "22,38 8,30 12,8 32,0 48,18 38,60 10,98 -2,85 20,78 45,98 70,90",
        "30,35 12,32 10,12 30,0 48,20 40,55 15,95 0,80 25,72 50,100",
        "20,45 5,25 20,2 45,10 45,45 20,90 0,98 5,78 30,85 55,100 75,85",
        "28,28 12,30 8,10 28,0 44,15 36,50 12,92 0,100 2,88 25,88 50,96",
        "5,22 25,0 50,20 35,60 0,100 0,100 30,98 60,100",
        "10,25 30,0 50,25 25,75 5,95 5,80 25,85 60,100 70,90",
        "20,30 10,15 30,0 50,20 30,70 0,95 10,80 40,95 75,95",
        "5,5 55,2 55,2 25,60 0,100 0,100 60,97",
        "15,30 25,10 50,5 50,35 20,80 5,100 0,85 20,80 40,100 65,90",
        "10,30 30,0 50,20 30,60 5,95 0,65 25,60 50,95 70,80",
        "20,25 35,5 50,30 30,70 5,100 0,75 20,70 45,100 85,95",
        "0,30 20,0 45,20 40,60 15,100 -5,80 15,65 40,90 60,80",
    ),
    "3": (
        "5,10 30,0 50,20 20,45 20,45 55,65 40,97 0,90",
        "5,2 50,2 50,2 25,40 25,40 55,60 40,98 0,92",
        "10,15 35,0 45,20 22,45 50,50 50,85 20,100 -5,85",
        "10,8 30,2 40,15 20,35 20,35 45,55 35,100 5,120",
    ),
    "4": (
        "45,0 25,45 -5,100 / 45,0 47,50 45,105 / 5,70 30,62 65,55",
        "20,0 12,45 0,95 / 8,55 30,50 65,42 / 60,-5 50,50 40,105",
        "20,0 10,35 2,62 2,62 35,60 65,58 / 45,30 43,65 42,100",
        "45,0 20,40 0,68 0,68 30,67 65,66 / 45,0 45,50 45,100",
        "10,5 5,50 5,50 30,52 55,48 / 55,0 50,50 48,100",
        "40,0 20,50 0,95 / 40,0 45,50 50,100 / 10,65 55,62",
        "25,0 10,40 -5,70 -5,70 30,62 60,55 / 60,10 50,50 40,105",
        "20,10 10,50 2,90 / 5,52 30,50 60,46 / 62,0 52,50 45,100",
        "45,0 20,45 -10,100 / 45,0 42,60 40,110 / 0,72 30,65 60,60",
    ),
    "5": (
        "55,2 15,3 15,3 10,45 10,45 45,45 50,80 25,100 0,90",
        "15,10 10,45 10,45 45,45 50,80 25,100 0,90 / 15,5 65,0",
        "25,5 15,40 15,40 40,40 45,70 30,95 0,105 / 25,5 60,3",
    ),
    "6": (
        "45,0 15,35 2,75 25,100 50,78 30,55 5,70",
        "30,0 10,40 5,80 25,100 50,85 40,60 10,75",
        "35,0 12,50 12,95 40,100 50,75 30,62 10,80",
        "20,0 8,50 10,95 38,95 42,70 25,62 8,85",
        "55,15 40,0 20,30 10,80 25,100 50,75 30,65 0,105",
        "30,0 25,40 20,80 40,100 50,80 30,70 0,95",
    ),
    "7": (
        "0,5 55,3 55,3 35,50 20,100",
        "0,5 55,3 55,3 35,50 25,100 / 10,52 60,48",
        "0,20 5,5 55,5 55,5 30,60 25,100 / 10,50 75,50",
        "5,10 30,12 50,0 50,0 35,50 30,100 / 10,50 100,42",
        "0,8 50,0 50,0 42,50 40,100 / 15,45 70,40",
    ),
    "8": (
        "45,12 25,0 8,20 30,48 50,75 28,100 5,78 25,50 45,25 42,8",
        "30,45 10,20 30,0 50,20 30,45 5,75 30,100 55,75 30,45",
        "50,5 20,5 15,30 40,55 40,95 10,95 10,65 40,35 60,0",
    ),
    "9": (
        "50,15 25,0 5,25 25,48 50,20 50,20 48,60 45,100",
        "50,10 20,2 5,30 30,45 50,15 50,50 35,95 5,95",
        "45,20 30,0 5,20 15,45 45,30 48,10 40,60 20,100",
        "40,5 10,15 15,40 45,20 50,5 45,70 25,110 0,100",
    ),
    "A": ("0,100 15,50 30,0 30,0 45,50 60,100 / 12,65 50,65",),
    "B": ("10,0 8,50 5,100 / 5,2 45,10 40,40 10,48 10,48 55,60 45,95 5,100",),
    "C": ("55,15 30,0 2,40 20,95 55,85",),
    "a": ("45,50 20,42 2,75 20,100 45,70 47,45 47,45 45,90 55,100",),
    "b": ("10,0 7,50 5,95 5,95 30,100 45,75 30,55 7,70",),
}


def written(text: str, height: int, rng: np.random.Generator) -> Grey:
    """`text` (digits, suffix letters) in one hand: ink 255 on 0, its digits about `height` pixels high, cut to the ink."""
    slant = rng.normal(0.12, 0.15)
    width = rng.uniform(0.7, 1.25)
    pen_px = max(1, round(height * rng.uniform(0.045, 0.13)))
    wobble = rng.uniform(0.015, 0.05)
    gap = rng.uniform(-0.05, 0.35)
    ways = {char: int(rng.integers(len(WAYS[char]))) for char in sorted(set(text))}
    strokes: list[npt.NDArray[np.float64]] = []
    x = 0.0
    y = 0.0
    for char in text:
        way = WAYS[char][ways[char] if rng.random() < 0.8 else int(rng.integers(len(WAYS[char])))]
        size = rng.normal(1.0, 0.07)
        points = [
            np.array([point.split(",") for point in stroke.split()], np.float64) / 100 for stroke in way.split(" / ")
        ]
        curves = [_smooth(stroke + rng.normal(0, wobble, stroke.shape)) for stroke in points]
        curves = [curve * (width * size, size) for curve in curves]
        left = min(float(curve[:, 0].min()) for curve in curves)
        right = max(float(curve[:, 0].max()) for curve in curves)
        y += rng.normal(0, 0.04)
        strokes += [curve + np.array([x - left, y + 1.0 - size]) for curve in curves]
        x += right - left + max(0.04, gap + rng.normal(0, 0.06))
    drawn = np.concatenate(strokes)
    drawn[:, 0] += (1.0 - drawn[:, 1]) * slant
    low = drawn.min(axis=0)
    high = drawn.max(axis=0)
    margin = pen_px + 2
    size_px = ((high - low) * height).astype(int) + 2 * margin
    ink = np.zeros((size_px[1], size_px[0]), np.uint8)
    start = 0
    for curve in strokes:
        part = (drawn[start : start + len(curve)] - low) * height + margin
        start += len(curve)
        cv2.polylines(ink, [np.round(part * 16).astype(np.int32)], False, 255, pen_px, cv2.LINE_AA, 4)
    return ink


def _smooth(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A Catmull-Rom curve through the points; a point given twice is a corner."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    steps = np.linspace(0, 1, 7)[:, None]
    parts = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(
            0.5
            * (
                2 * start
                + (end - before) * steps
                + (2 * before - 5 * start + 4 * end - after) * steps**2
                + (3 * start - before - 3 * end + after) * steps**3
            )
        )
    return np.concatenate(parts)
