"""Coloured ink that darkens the channel that is read (pens, blue and violet stamps): lifted off the black print, and itself.

Inks absorb one after the other, so by Beer-Lambert's law their densities add up. Black ink is as dense in all three channels,
a coloured one is not: of what its paler channel shows, its share is the denser channel's times a ratio that is the ink's own.
That ratio is measured round about each pixel, so pens and stamps of several colours may cross.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.engine import Grey
from ocr_workers.pages import PageImage
from ocr_workers.quality import SMALL_DPI, channel_of, shrink
from ocr_workers.red_text import in_page, joined, runs_of_letters, without_frames
from sohoa.model import Box

Density = npt.NDArray[np.float32]
"""Optical density (natural logarithm) of each pixel; 0 is the paper's."""
Mask = npt.NDArray[np.uint8]
"""1 where something is, else 0."""
Flags = npt.NDArray[np.bool_]

_COLOURED = 0.25  # how far the densities of two channels are apart: less is the fringe of black print
_DENSE, _SEEN = 0.35, 0.2  # least density in any channel, and in the red one, which is read
_PURE, _PALE = 0.65, 1.0  # of the densest channel's, the palest one's at most, and its own: more is black
_BLACK = 0.5  # least density of black ink in every channel
_RED = (0.65, 0.45)  # of the densest channel's: blue's at least and red's at most
_LEAST_MM2, _LEAST_HERE_MM2 = 4.0, 1.0  # of coloured ink, on a page and in one place
_MOST_SHARE = 0.5  # of the black ink: with more of it the paper itself is written in colour
_CLEAR = 0.1  # of a stamp's ink, the print in its place at most where nothing needs to be lifted off
_MOSTLY = 0.3  # of a stamp's ink, what its letters have at least
_GHOST = 0.4  # density in the red channel from which red ink disturbs what is read there
_NEAR_MM, _ABOUT_MM = 0.5, 2.0  # how far beside ink its fringe reaches, and how far its ratio is measured
_LEAST_REST = 0.2  # of an ink's density, the part that black print lacks; less cannot be told from it
_TRACE, _STRONGER = 0.3, 1.4  # density of what an ink's edges leave, and how much denser print is made for it
_PALE_RED, _DARK_RED, _STEEP = 0.35, 0.7, 2.0  # densities between which a red's pale trace fades out of the red channel
_LETTER_MM, _LEAST_LETTERS = (1.1, 7.0), 4
_LEAST_DPI = 130.0  # of coarser scans a letter is so few pixels that none is all black
_DARKEST = 6  # levels below say nothing of their ink
_TO_DARK, _TO_LIGHT = 2.5, 0.1


@dataclass(frozen=True, slots=True)
class Lifted:
    """A page's channel without coloured ink, and where letters of such ink stood (red ones are not told); in page pixels."""

    black: Grey
    regions: tuple[Box, ...]


def lift_ink(image: PageImage) -> Lifted | None:
    """Coloured ink off the channel that is read; stamps that lie on clean paper stay in it, for they are read best there.

    None where there is nothing to lift, and where the paper itself is written in colour.
    """
    if image.pixels.ndim == 2 or image.dpi < _LEAST_DPI:
        return None
    shrunk = max(round(image.dpi / SMALL_DPI), 1)
    mm = image.dpi / shrunk / 25.4
    small = shrink(image.pixels, shrunk)
    paper = _paper(small)
    densities = _densities(small, paper)
    ink = without_frames(_coloured(densities), mm)
    print_ = densities.min(axis=0) > _BLACK
    amount = cv2.countNonZero(ink)
    if amount < _LEAST_MM2 * mm**2 or amount > _MOST_SHARE * np.count_nonzero(print_):
        return None
    letters = _letters((ink > 0) & ~_is_red(densities), mm)
    black: Grey | None = None
    for place, own in _places(ink, mm):
        here = np.count_nonzero(own & (ink[place] > 0))
        is_clear = np.count_nonzero(own & print_[place]) < _CLEAR * here
        if is_clear and np.count_nonzero(letters[place][own]) > _MOSTLY * here:
            letters[place][own] = 0
        elif here >= _LEAST_HERE_MM2 * mm**2:
            black = channel_of(image.pixels).copy() if black is None else black
            part = tuple(slice(side.start * shrunk, side.stop * shrunk) for side in place)
            black[part] = _without_ink(image.pixels[part], black[part], paper, image.dpi / 25.4)
    return None if black is None else Lifted(black, _lettered(letters, image, shrunk, mm))


def ink_made_dark(pixels: npt.NDArray[np.uint8], region: Box) -> Grey:
    """The region as the engine should see it: coloured ink dark, black print and red ink gone."""
    left, top, right, bottom = region
    part = pixels[top:bottom, left:right]
    densities = _densities(part, _paper(part))
    purity = np.where(_is_red(densities), np.float32(0), densities.max(axis=0) - densities.min(axis=0))
    return np.asarray(255 * np.exp(-_TO_DARK * np.maximum(purity - _TO_LIGHT, 0)), np.uint8)


def _is_red(densities: Density) -> Flags:
    high = densities.max(axis=0)
    return np.asarray((densities[2] > _RED[0] * high) & (densities[0] < _RED[1] * high))


def _letters(ink: Flags, mm: float) -> Mask:
    """The marks of a letter's size."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.view(np.uint8), connectivity=8)
    tall, wide = stats[:, 3] / mm, stats[:, 2] / mm
    is_letter = (tall >= _LETTER_MM[0]) & (tall <= _LETTER_MM[1]) & (wide <= _LETTER_MM[1])
    is_letter[0] = False
    return np.asarray(is_letter[labels], np.uint8)


def _lettered(letters: Mask, image: PageImage, shrunk: int, mm: float) -> tuple[Box, ...]:
    """Where several letters stand side by side: no pen's number, no signature."""
    found = []
    for left, top, right, bottom in runs_of_letters(letters, mm):
        left, top = max(left, 0), max(top, 0)
        marks = cv2.connectedComponents(letters[top:bottom, left:right])[0] - 1
        if marks >= _LEAST_LETTERS:
            found.append(in_page((left, top, right, bottom), shrunk, image))
    return tuple(joined(found))


def _places(ink: Mask, mm: float) -> Iterator[tuple[tuple[slice, slice], Flags]]:
    """Where ink stands together: rows and columns, and which pixels there are of it and round it."""
    reach = round(2 * _ABOUT_MM * mm) | 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(ink, np.ones((reach, reach), np.uint8)))
    for number, (left, top, wide, tall, _) in enumerate(stats[1:].tolist(), 1):
        place = (slice(top, top + tall), slice(left, left + wide))
        yield place, labels[place] == number


def _without_ink(pixels: npt.NDArray[np.uint8], channel: Grey, paper: list[float], mm: float) -> Grey:
    """A cut of the page's `channel` without the coloured ink that its `pixels` show."""
    densities = _densities(pixels, paper)
    high, low = densities.max(axis=0), densities.min(axis=0)
    ink = _coloured(densities)
    reddish = (densities[0] <= densities[2]) & (ink > 0)
    if reddish.any() and np.median(densities[0][reddish]) < _GHOST:
        ink[reddish] = 0  # the red channel itself is as good as rid of it
        channel = _faded(channel, densities[0], _grown(reddish.view(np.uint8), 3), paper[0])
    side = round(2 * _ABOUT_MM * mm) | 1
    weight = np.where(ink > 0, high - low, np.float32(0))
    dense, pale = (cv2.blur(weight * part, (side, side)) for part in (high, low))
    ratio = pale / np.maximum(dense, np.finfo(np.float32).eps)
    print_ = (low - ratio * high) / np.maximum(1 - ratio, _LEAST_REST)
    lifted = paper[0] * np.exp(-_STRONGER * np.maximum(print_ - _TRACE, 0))
    near = _grown(ink, round(2 * _NEAR_MM * mm) | 1)
    return np.where(near, np.maximum(lifted, channel), channel).astype(np.uint8)


def _faded(channel: Grey, density: Density, red: Flags, paper: float) -> Grey:
    """The red channel without the pale trace that red ink leaves in it."""
    paler = paper * np.exp(-_STEEP * np.maximum(density - _PALE_RED, 0))
    return np.where(red & (density < _DARK_RED), np.maximum(paler, channel), channel).astype(np.uint8)


def _coloured(densities: Density) -> Mask:
    high, low = densities.max(axis=0), densities.min(axis=0)
    is_dense = (high > _DENSE) & (densities[0] > _SEEN)
    return np.asarray((high - low > _COLOURED) & is_dense & (low < _PURE * high) & (low < _PALE)).view(np.uint8)


def _grown(mask: Mask, side: int) -> Flags:
    return np.asarray(cv2.dilate(mask, np.ones((side, side), np.uint8)), np.uint8) > 0


def _paper(small: npt.NDArray[np.uint8]) -> list[float]:
    return [max(float(np.percentile(small[..., channel], 80)), 1.0) for channel in range(3)]


def _densities(pixels: npt.NDArray[np.uint8], paper: list[float]) -> Density:
    levels = np.maximum(np.arange(256, dtype=np.float32), _DARKEST)
    tables = [np.log(np.float32(white) / levels) for white in paper]
    return np.stack([cv2.LUT(np.ascontiguousarray(pixels[..., n]), table) for n, table in enumerate(tables)])
