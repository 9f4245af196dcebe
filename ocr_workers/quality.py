"""How good a page image is: one look at a small copy gives its measures, its warnings, and whether it is blank."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.deskew import skew_of
from ocr_workers.engine import Grey
from ocr_workers.pages import PageImage
from sohoa.model import Quality

SMALL_DPI = 100.0
"""Everything but recognition looks at a copy of the page at this resolution."""
LEAST_DPI = 200.0
"""Nghị định 30/2020, phụ lục I: scanned copies have at least 200 dpi."""

_INK_CONTRAST = 28
_STRONG_CONTRAST = 52
_UNEVEN = 25
_PALE = 135
_SHORT_ON_DPI = 0.985  # scanners say 199.98, and page sizes are rounded to whole pixels


@dataclass(frozen=True, slots=True)
class Look:
    """A page seen from afar: a copy shrunk by the whole number that comes nearest to SMALL_DPI.

    `colours` is RGB or None for a page without colour; `channel` is the one that is read (red of a colour page);
    `paper` is it without its print, `contrast` how much darker each pixel is than that; `marks` are the boxes of what
    may be print (left, top, right, bottom, mean contrast), not what punches, staples, dust and scanner edges leave;
    `skew_deg` is clockwise-positive; `shrunk` is the whole number and `mm` the pixels a millimetre that are left.
    """

    colours: npt.NDArray[np.uint8] | None
    channel: Grey
    paper: Grey
    contrast: Grey
    marks: npt.NDArray[np.int32]
    skew_deg: float | None
    shrunk: int
    mm: float


def look_at(image: PageImage) -> Look:
    """One pass over the full-size pixels; all else is done on the small copy."""
    shrunk = max(round(image.dpi / SMALL_DPI), 1)
    small = _shrink(image.pixels, shrunk)
    mm = image.dpi / shrunk / 25.4
    colours = small if small.ndim == 3 else None
    channel = small if colours is None else channel_of(colours)
    paper = _paper_under(channel, mm)
    contrast = np.asarray(cv2.subtract(paper, channel), dtype=np.uint8)
    return Look(
        colours=colours,
        channel=channel,
        paper=paper,
        contrast=contrast,
        marks=_marks_on(contrast, mm),
        skew_deg=skew_of(contrast > _INK_CONTRAST),
        shrunk=shrunk,
        mm=mm,
    )


def _shrink(pixels: npt.NDArray[np.uint8], by: int) -> npt.NDArray[np.uint8]:
    """Means of `by` x `by` pixels; a whole number is far faster than a fraction. A rest at the edges is left out."""
    height, width = pixels.shape[0] // by, pixels.shape[1] // by
    if by == 1 or not height or not width:
        return pixels
    whole = pixels[: height * by, : width * by]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def channel_of(pixels: npt.NDArray[np.uint8]) -> Grey:
    """The 8-bit channel that is read: red of a colour page (there a red seal vanishes), else the page itself."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.extractChannel(pixels, 0), dtype=np.uint8)


def measure(image: PageImage, *, look: Look | None = None, mean_confidence: float | None = None) -> Quality:
    """Everything that Quality says of one page. `look` saves looking twice."""
    look = look or look_at(image)
    grey = look.channel if look.colours is None else cv2.cvtColor(look.colours, cv2.COLOR_RGB2GRAY)
    scale = SMALL_DPI / 25.4 / look.mm
    if not 0.98 < scale < 1.02:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ink = look.contrast > _INK_CONTRAST
    return Quality(
        dpi=image.dpi,
        dpi_inferred=image.dpi_inferred,
        skew_deg=look.skew_deg,
        sharpness=round(float(cv2.Laplacian(grey, cv2.CV_32F).var()), 1),
        ink_share=round(float(np.count_nonzero(ink)) / ink.size, 5),
        mean_confidence=mean_confidence,
        colour=image.colour,
        warnings=_warnings(image, look),
    )


def is_blank(look: Look) -> bool:
    """Nothing that could be print: the engine is spared. One faint line or a page number is print."""
    return len(look.marks) == 0


def is_nearly_blank(look: Look) -> bool:
    """So few or so faint marks that the page is blank unless the engine makes words of them."""
    if len(look.marks) == 0:
        return True
    return len(look.marks) < 12 or float(np.median(look.marks[:, 4])) < _STRONG_CONTRAST + 5


def is_hard_to_see(look: Look) -> bool:
    """Pale ink, or paper much darker in one corner than in another: one threshold for all would lose print."""
    ink = look.contrast[look.contrast > _INK_CONTRAST]
    if ink.size == 0:
        return False
    darkest, lightest = np.percentile(look.paper[::4, ::4], (4, 96))
    return bool(lightest - darkest > _UNEVEN or np.percentile(ink, 75) < _PALE)


def made_even(channel: Grey, look: Look) -> Grey:
    """The page on white paper with its ink made dark, at the size of `channel`."""
    height, width = channel.shape
    paper = cv2.resize(look.paper, (width, height), interpolation=cv2.INTER_LINEAR)
    dark = max(float(np.percentile(look.contrast[look.contrast > _INK_CONTRAST], 90)), 1.0)
    to_ink = 255 - np.clip(np.arange(256) * (235 / dark), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.subtract(paper, channel), to_ink), dtype=np.uint8)


def _paper_under(channel: Grey, mm: float) -> Grey:
    """The paper is what stays when all that is thinner than 4 mm is painted over."""
    half = channel
    if min(channel.shape) > 1:
        half = np.asarray(cv2.resize(channel, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    side = round(4 * mm / 2) | 1
    paper = cv2.morphologyEx(half, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    paper = cv2.blur(paper, (side, side))
    return np.asarray(
        cv2.resize(paper, (channel.shape[1], channel.shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.uint8
    )


def _marks_on(contrast: Grey, mm: float) -> npt.NDArray[np.int32]:
    """Boxes of connected ink that may be letters: by size, by strength, and not hanging on the edge of the sheet."""
    height, width = contrast.shape
    ink = contrast > _INK_CONTRAST
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    labels_of_ink = labels[ink]
    strong_pixels = np.bincount(labels[contrast > _STRONG_CONTRAST], minlength=count)
    strength = np.bincount(labels_of_ink, weights=contrast[ink], minlength=count)
    left, top, wide, tall, area = (stats[:, column].astype(np.int64) for column in range(5))
    edge, longer, shorter = 1.5 * mm, np.maximum(wide, tall), np.minimum(wide, tall)
    on_edge = (left <= edge) | (top <= edge) | (left + wide >= width - edge) | (top + tall >= height - edge)
    speck = longer < 1.3 * mm
    hole = (shorter > 2.5 * mm) & (area > 0.6 * wide * tall) & (longer < 1.5 * shorter)
    fold = (shorter <= 0.8 * mm) & (longer > 25 * mm)
    keep = ~(on_edge | speck | hole | fold | (strong_pixels == 0))
    keep[0] = False
    rows = np.stack([left, top, left + wide, top + tall, (strength / np.maximum(area, 1)).astype(np.int64)], axis=1)
    return np.asarray(rows[keep], dtype=np.int32)


def _warnings(image: PageImage, look: Look) -> tuple[str, ...]:
    found = {
        "low_dpi": image.dpi < LEAST_DPI * _SHORT_ON_DPI,
        "not_colour": image.colour != "colour",
        "cropped": _is_cropped(look),
        "dpi_inferred": image.dpi_inferred,
    }
    return tuple(code for code, true in found.items() if true)


def _is_cropped(look: Look) -> bool:
    """Letters cut by an edge: many separate strokes end on the last pixels of one side, no long shadow."""
    ink = look.contrast > _STRONG_CONTRAST
    edges = (ink[:2].max(axis=0), ink[-2:].max(axis=0), ink[:, :2].max(axis=1), ink[:, -2:].max(axis=1))
    return any(_cut_strokes(edge, look.mm) >= 8 for edge in edges)


def _cut_strokes(edge: npt.NDArray[np.bool_], mm: float) -> int:
    """How many stroke-wide runs of ink (at most 5 mm) lie along one edge."""
    steps = np.diff(np.concatenate(([0], edge.astype(np.int8), [0])))
    lengths = np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)
    return int(np.count_nonzero(lengths <= 5 * mm))
