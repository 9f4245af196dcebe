"""What a crop suffers: things reaching in from outside, a pale or fat print, the scanner, a threshold, JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ocr_workers.reading.line_model import CROP_HEIGHT
from tests.training.digit_hands import EM, HEIGHT, PRINT, Grey, font_of, pick_font


def add_strays(ink: Grey, left: float, right: float, rng: np.random.Generator) -> None:
    """What reaches into a crop from outside: rules, letters of the lines above and below, specks, scratches."""
    if rng.random() < 0.25:
        y = int(rng.choice([rng.integers(0, 10), rng.integers(HEIGHT - 14, HEIGHT)]))
        start = rng.uniform(left - 100, right)
        cv2.line(
            ink,
            (round(start), y),
            (round(start + rng.uniform(60, 300)), y + int(rng.integers(-1, 2))),
            230,
            int(rng.integers(1, 4)),
        )
    if rng.random() < 0.25:
        font = font_of(pick_font(PRINT[:2], rng), EM)
        image = Image.new("L", (ink.shape[1], HEIGHT))
        text = "".join(rng.choice(list("ghuyentinhcuaQDNBkpyqj "), 40))
        below = rng.random() < 0.6
        line_y = HEIGHT + rng.uniform(12, 26) if below else -rng.uniform(-6, 8)
        ImageDraw.Draw(image).text((left + rng.uniform(-200, 60), line_y), text, fill=220, font=font, anchor="ls")
        np.maximum(ink, np.asarray(image), out=ink)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 14))):
            at = (int(rng.uniform(left, right)), int(rng.integers(HEIGHT)))
            cv2.circle(ink, at, int(rng.integers(1, 4)), int(rng.integers(90, 255)), -1, cv2.LINE_AA)
    if rng.random() < 0.06:
        at_x = int(rng.uniform(left, right))
        cv2.line(ink, (at_x, 0), (at_x + int(rng.integers(-8, 8)), HEIGHT), int(rng.integers(60, 220)), 1, cv2.LINE_AA)
    if rng.random() < 0.05:
        centre = (int(rng.uniform(left, right)), int(rng.integers(-40, HEIGHT + 40)))
        cv2.circle(
            ink, centre, int(rng.integers(40, 160)), int(rng.integers(60, 170)), int(rng.integers(2, 5)), cv2.LINE_AA
        )


def worn(ink: Grey, rng: np.random.Generator) -> Grey:
    """The ink as a scanner gives it, paper about 255, scaled to CROP_HEIGHT."""
    height, width = ink.shape
    turn = rng.normal(0, 0.006)
    place = np.array([[1, 0, 0], [turn, 1, rng.normal(0, 3.5) - turn * width / 2]], np.float32)
    ink = np.asarray(cv2.warpAffine(ink, place, (width, height)), np.uint8)
    weight = rng.random()
    if weight < 0.12:
        ink = np.asarray(cv2.dilate(ink, np.ones((2, 2), np.uint8)), np.uint8)
    elif weight < 0.2:
        ink = np.asarray(cv2.erode(ink, np.ones((2, 2), np.uint8)), np.uint8)
    scale = float(rng.choice([rng.uniform(0.27, 0.5), rng.uniform(0.5, 1.0), 1.0], p=[0.25, 0.55, 0.2]))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.float32)
    if rng.random() < 0.5:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 1.0)), np.float32)
    paper = 255.0 - rng.choice([0.0, rng.uniform(0, 60)])
    grey = paper - small * (paper - rng.uniform(0, 70)) / 255.0
    if rng.random() < 0.6:
        grey += rng.normal(0, rng.uniform(0, 12), grey.shape)
    if rng.random() < 0.15:
        show = cv2.resize(rng.normal(0, 1, (4, 10)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        grey -= np.clip(show, 0, 2) * rng.uniform(0, 25)
    out = np.clip(grey, 0, 255).astype(np.uint8)
    mode = rng.random()
    if mode < 0.3:
        low, high = (float(level) for level in np.percentile(out, (1, 90)))
        out = np.where(out < low + (high - low) * rng.uniform(0.3, 0.75), 0, 255).astype(np.uint8)
    elif mode < 0.6:
        good, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        assert good
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    final = max(16, round(width * CROP_HEIGHT / height * rng.uniform(0.85, 1.15)))
    return np.asarray(cv2.resize(out, (final, CROP_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
