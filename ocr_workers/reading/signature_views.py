"""A signature block's pixels as the engine may see them: without seal, without pen, without strokes, at several sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.engine import Grey
from ocr_workers.quality import READ_AT_DPI, sized
from ocr_workers.reading.levels import percentile
from ocr_workers.reading.line_frame import LineFrame
from sohoa.model import Box

Pixels = npt.NDArray[np.uint8]
"""A page in its frame: (height, width) grey, or (height, width, 3) RGB."""

_AS_IT_IS_DPI = (185.0, 220.0)
_SEEN_PAPER_MM = 5.0  # ink is thinner than this, paper is what is left
_INK = 0.42  # of the darkest ink's contrast, from which a pixel counts as ink
_TALLEST_MM = 7.5  # a letter with its marks; what is taller and hangs together is a signature or a seal
_WIDEST_MM = 70.0
_PEN = 18  # how far blue stands above red in a blue pen's ink
_STRONG_COLOUR = 55
_COLOUR = 30  # how far the channels part where ink is coloured


@dataclass(slots=True)
class Views:
    """One region of a page in several channels, each on white paper with dark ink, at about 200 dpi, made when asked for.

    `factor`: how much larger than the page they are. grey: all ink. Of a colour page also red: a red seal is gone; black:
    red and blue ink are gone; stamp: red print is dark, a blue pen is pale; stain: darker red print stands out from the
    paler red of a seal, a blue pen is gone; reddish, bluish: ink of that colour alone, a black pen is gone. `-thin` and
    `-all` are without strokes, `-dark` shows the darker ink alone.
    `red_share` is the share of red pixels.
    """

    region: Box
    dpi: float
    factor: float
    crop: Pixels
    red_share: float
    is_coloured: bool
    made: dict[str, Grey] = field(default_factory=dict)

    def picture(self, name: str) -> Grey:
        """The view of that name."""
        if name not in self.made:
            view, _, way = name.partition("-")
            if way:
                self.made[name] = without_strokes(self.picture(view), self.mm, thin_only=way == "thin")
            else:
                self.made[name] = _on_white(_channel(self.crop, view), self.mm)
        return self.made[name]

    @property
    def mm(self) -> float:
        return self.dpi / 25.4

    def here(self, box: Box) -> Box:
        """A box of the page in the pixels of the views, inside them."""
        left, top, _, _ = self.region
        height, width = self.crop.shape[:2]
        one, two, three, four = (
            round((side - start) * self.factor) for side, start in zip(box, (left, top, left, top), strict=True)
        )
        return (min(max(one, 0), width), min(max(two, 0), height), min(max(three, 0), width), min(max(four, 0), height))

    def frame_here(self, frame: LineFrame) -> LineFrame:
        """A line of the page in the pixels of the views."""
        left, top, _, _ = self.region
        return LineFrame(
            (frame.left - left) * self.factor,
            (frame.right - left) * self.factor,
            (frame.base - top) * self.factor,
            frame.slope,
            frame.em * self.factor,
        )

    def on_page(self, box: Box) -> Box:
        """A box of the views in the page frame."""
        left, top, _, _ = self.region
        one, two, three, four = (round(side / self.factor) for side in box)
        return (one + left, two + top, three + left, four + top)


def views_of(pixels: Pixels, region: Box, *, dpi: float) -> Views:
    """The region of the page as views."""
    left, top, right, bottom = region
    crop = np.ascontiguousarray(pixels[top:bottom, left:right])
    factor = 1.0 if _AS_IT_IS_DPI[0] <= dpi <= _AS_IT_IS_DPI[1] else READ_AT_DPI / dpi
    if factor < 1:
        crop = sized(crop, factor)
    elif factor > 1:
        crop = np.asarray(cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)
    is_coloured, red_share = _colour_of(crop)
    return Views(region, dpi * factor, factor, crop, red_share, is_coloured)


def without_strokes(picture: Grey, mm: float, *, thin_only: bool) -> Grey:
    """Without what hangs together and is taller than a letter; with `thin_only` its thick parts (bold print) stay."""
    ink = (picture < 255 * (1 - _INK)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    big = 1 + np.flatnonzero((stats[1:, 3] > _TALLEST_MM * mm) | (stats[1:, 2] > _WIDEST_MM * mm))
    if not big.size:
        return picture
    strokes = np.zeros_like(ink)
    for one in big:
        left, top, width, height = stats[one, :4]
        part = np.s_[top : top + height, left : left + width]
        strokes[part] |= labels[part] == one
    if thin_only:
        side = max(round(0.32 * mm), 2)
        thick = cv2.morphologyEx(strokes, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
        thick = cv2.dilate(thick, np.ones((3, 3), np.uint8))
        strokes = np.asarray(strokes & (1 - np.minimum(thick, 1)), np.uint8)
    wiped = picture.copy()
    wiped[cv2.dilate(strokes, np.ones((3, 3), np.uint8)) > 0] = 255
    return wiped


def _colour_of(crop: Pixels) -> tuple[bool, float]:
    """Whether there is coloured ink, and the share of red pixels."""
    if crop.ndim == 2:
        return False, 0.0
    red, green, blue = cv2.split(np.ascontiguousarray(crop[::3, ::3]))
    others = cv2.max(green, blue)
    chroma = cv2.subtract(cv2.max(red, others), cv2.min(cv2.min(red, green), blue))
    is_coloured = float(np.mean(chroma > _COLOUR)) >= 0.001
    return is_coloured, float(np.mean(cv2.subtract(red, others) > _COLOUR))


def _channel(crop: Pixels, view: str) -> Grey:
    if crop.ndim == 2:
        return crop
    if view == "grey":
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    red, green, blue = (np.asarray(cv2.extractChannel(crop, number), np.uint8) for number in range(3))
    if view in ("reddish", "bluish"):
        tint = cv2.subtract(red, np.maximum(green, blue)) if view == "reddish" else cv2.subtract(blue, red)
        return np.asarray(255 - cv2.add(tint, tint), np.uint8)
    if view == "red":
        return red
    if view == "stamp":
        return blue
    if view == "black":
        dark = np.maximum(red, blue)
        chroma = cv2.subtract(dark, np.minimum(np.minimum(red, blue), green))
        return np.where(chroma > _STRONG_COLOUR, np.maximum(dark, int(percentile(dark, 90))), dark).astype(np.uint8)
    pen = cv2.dilate((cv2.subtract(blue, red) > _PEN).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.where(pen > 0, int(percentile(red, 90)), red).astype(np.uint8)


def _on_white(picture: Grey, mm: float) -> Grey:
    """Paper white, the darkest ink black."""
    if min(picture.shape) < 8:
        return np.ascontiguousarray(picture)
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    side = max(round(_SEEN_PAPER_MM * mm / 4), 3) | 1
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    paper = cv2.blur(paper, (side, side))
    paper = cv2.resize(paper, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    contrast = np.asarray(cv2.subtract(paper, picture), np.uint8)
    dark = max(percentile(contrast[::2, ::2], 99.3), 40.0)
    to_ink = 255 - np.clip((np.arange(256) - 8) * (245 / dark), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(contrast, to_ink), np.uint8)
