"""What hands leave on a paper: the red round seal, the blue signature, the boxed stamp."""

from __future__ import annotations

import cv2
import numpy as np

from tests.support.press.fonts import SANS, font
from tests.support.press.hands import smooth
from tests.support.press.sheet import BLUE, RED, Array, Colour, Sheet

_RIM_LETTER = 0.16
"""The size of a letter on a seal's rim, as a share of the radius."""


def seal(
    sheet: Sheet,
    centre_mm: tuple[float, float],
    *,
    rim: str,
    inside: tuple[str, ...],
    diameter_mm: float = 36.0,
    colour: Colour = RED,
) -> None:
    """A round seal, a little turned and unevenly pressed; print beneath shows. No word of it is truth."""
    radius = sheet.px(diameter_mm / 2)
    side = 2 * radius + 8
    mask = np.zeros((side, side), np.uint8)
    middle = side // 2
    thick = max(2, sheet.px(0.55))
    cv2.circle(mask, (middle, middle), radius - thick, 255, thick, cv2.LINE_AA)
    cv2.circle(mask, (middle, middle), round(radius * 0.88), 255, max(1, thick // 3), cv2.LINE_AA)
    cv2.circle(mask, (middle, middle), round(radius * 0.60), 255, max(1, thick // 2), cv2.LINE_AA)
    text = f"{rim.strip()} ★ "
    widths = [
        font(SANS.bold, round(radius * _RIM_LETTER)).getlength(letter if letter != "★" else "M") for letter in text
    ]
    ends = np.cumsum(widths) * 360 / sum(widths)
    for letter, angle in zip(text, 90 + ends - np.array(widths) * 180 / sum(widths), strict=True):
        if letter == "★":
            _star(mask, middle, round(radius * 0.74), float(angle), round(radius * 0.1))
        elif letter != " ":
            _rim_letter(mask, letter, radius, float(angle))
    size = round(radius * 0.20)
    while max(font(SANS.bold, size).getlength(line) for line in inside) > radius * 1.06:
        size -= 1
    for number, line in enumerate(inside):
        shift = round((number - (len(inside) - 1) / 2) * size * 1.3)
        _centred(mask, line, size, middle + shift)
    turn = cv2.getRotationMatrix2D((middle, middle), float(sheet.rng.uniform(-25, 25)), 1.0)
    turned = np.asarray(cv2.warpAffine(mask, turn, (side, side)), np.uint8)
    left, top = sheet.px(centre_mm[0]) - middle, sheet.px(centre_mm[1]) - middle
    sheet.press_on(_uneven(turned, sheet.rng), left, top, colour, opacity=float(sheet.rng.uniform(0.72, 0.92)))


def signature(sheet: Sheet, centre_mm: tuple[float, float], *, width_mm: float = 38.0, colour: Colour = BLUE) -> None:
    """A quick stroke of ink: a smooth curve through random points, with a flourish below."""
    rng = sheet.rng
    width, height = sheet.px(width_mm), sheet.px(width_mm * 0.5)
    count = int(rng.integers(7, 12))
    xs = np.sort(rng.uniform(0.05, 0.8, count)) + rng.normal(0, 0.05, count)
    ys = 0.5 + rng.normal(0, 0.2, count) * np.linspace(1.2, 0.5, count)
    points = np.column_stack((np.append(xs, (0.1, 0.98)), np.append(ys, (0.85, 0.72))))
    curve = (smooth(np.clip(points, 0.02, 0.98)) * (width, height)).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    pen = max(1, sheet.px(0.35))
    for start in range(0, len(curve) - 4, 4):
        thick = max(1, round(pen * float(rng.uniform(0.7, 1.4))))
        cv2.polylines(mask, [curve[start : start + 6].reshape(-1, 1, 2)], False, 255, thick, cv2.LINE_AA)
    sheet.press_on(mask, sheet.px(centre_mm[0]) - width // 2, sheet.px(centre_mm[1]) - height // 2, colour, opacity=0.9)


def _uneven(mask: Array, rng: np.random.Generator) -> Array:
    """Ink that took well in some places and hardly in others."""
    patches = rng.uniform(0.55, 1.1, (7, 7)).astype(np.float32)
    field = cv2.resize(patches, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_CUBIC)
    grain = rng.uniform(0.75, 1.15, mask.shape).astype(np.float32)
    return np.asarray(np.clip(mask * field * grain, 0, 255), np.uint8)


def _letter(letter: str, size_px: int) -> Array:
    core, _ = font(SANS.bold, size_px).getmask2(letter, "L")
    width, height = core.size
    return np.array(core, np.uint8).reshape(height, width)


def _rim_letter(mask: Array, letter: str, radius: int, angle_deg: float) -> None:
    """A letter on the rim, its foot towards the centre; angles clockwise from the right."""
    glyph = _letter(letter, round(radius * _RIM_LETTER))
    side = mask.shape[0]
    middle = side / 2
    canvas = np.zeros_like(mask)
    top = round(middle - radius * 0.74 - glyph.shape[0] / 2)
    left = round(middle - glyph.shape[1] / 2)
    canvas[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
    turn = cv2.getRotationMatrix2D((middle, middle), -(angle_deg + 90), 1.0)
    np.maximum(mask, cv2.warpAffine(canvas, turn, (side, side)), out=mask)


def _centred(mask: Array, text: str, size_px: int, middle_y: int) -> None:
    glyph = _letter(text, size_px)
    top, left = middle_y - glyph.shape[0] // 2, (mask.shape[1] - glyph.shape[1]) // 2
    mask[top : top + glyph.shape[0], left : left + glyph.shape[1]] |= glyph


def _star(mask: Array, middle: int, at_radius: int, angle_deg: float, size: int) -> None:
    angle = np.deg2rad(angle_deg)
    centre = np.array([middle + at_radius * np.cos(angle), middle + at_radius * np.sin(angle)])
    spikes = np.deg2rad(angle_deg + np.arange(10) * 36)
    lengths = np.where(np.arange(10) % 2 == 0, size, size * 0.4)
    points = centre + np.column_stack((np.cos(spikes), np.sin(spikes))) * lengths[:, None]
    cv2.fillPoly(mask, [points.astype(np.int32).reshape(-1, 1, 2)], 255, cv2.LINE_AA)
