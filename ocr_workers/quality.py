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

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

READ_AT_DPI = 200.0
"""Finer pages are read at this resolution: as well as at 300 dpi, better where print is broken, in three quarters of the time."""
SMALL_DPI = 100.0
"""Everything but recognition looks at a copy of the page at about this resolution."""
LEAST_DPI = 200.0
"""Nghị định 30/2020, phụ lục I: scanned copies have at least 200 dpi."""

_MOST_DPI = 220.0
_INK_CONTRAST = 28
_STRONG_CONTRAST = 52
_MOST_RUNS = 60_000  # of ink along the rows: no more labels than 16 bits hold, which halves the time to give them
_LEAST_CUT = 5  # letters on one edge
_UNEVEN = 25
_PALE = 135
_GRAIN = 14  # how far below the paper's brightness its grain reaches; the palest print is darker
_SHORT_ON_DPI = 0.985  # scanners say 199.98, and page sizes are rounded to whole pixels


@dataclass(frozen=True, slots=True)
class Look:
    """A page's one channel at three sizes, and what the smallest of them shows.

    `full` is the channel that is read (red of a colour page) in the page frame; `sight` is it as the engine sees it,
    `factor` times as large, at `sight_dpi`; `channel` is it shrunk once more by the whole number `shrunk`, with `mm`
    pixels a millimetre. `paper` is `channel` without its print, `contrast` how much darker each pixel is than that;
    `marks` are the boxes of what may be print (left, top, right, bottom, mean contrast), not what punches, staples,
    dust and scanner edges leave; `cropped` says that letters are cut by an edge; `skew_deg` is clockwise-positive.
    """

    full: Grey
    sight: Grey
    factor: float
    sight_dpi: float
    channel: Grey
    shrunk: int
    mm: float
    paper: Grey
    contrast: Grey
    marks: npt.NDArray[np.int32]
    cropped: bool
    skew_deg: float | None


def look_at(image: PageImage) -> Look:
    """Two passes over the full-size pixels (channel, size to read at); all else is done on the small copy."""
    full = channel_of(image.pixels)
    factor = READ_AT_DPI / image.dpi if image.dpi > _MOST_DPI else 1.0
    sight = sized(full, factor)
    shrunk = max(round(image.dpi * factor / SMALL_DPI), 1)
    channel = shrink(sight, shrunk)
    mm = image.dpi * factor / shrunk / 25.4
    paper = _paper_under(channel, mm)
    contrast = np.asarray(cv2.subtract(paper, channel), dtype=np.uint8)
    blobs = _blobs_in(contrast)
    return Look(
        full=full,
        sight=sight,
        factor=factor,
        sight_dpi=image.dpi * factor,
        channel=channel,
        shrunk=shrunk,
        mm=mm,
        paper=paper,
        contrast=contrast,
        marks=_marks_of(blobs, contrast.shape, mm),
        cropped=_cuts_letters(blobs, contrast.shape, mm),
        skew_deg=skew_of(contrast > _INK_CONTRAST),
    )


def sized(picture: Grey, factor: float) -> Grey:
    """The picture `factor` times as large (at most 1)."""
    if factor == 1.0:
        return picture
    how = cv2.INTER_LINEAR if factor > 0.6 else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how), dtype=np.uint8)


def shrink(pixels: npt.NDArray[np.uint8], by: int) -> npt.NDArray[np.uint8]:
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
    scale = SMALL_DPI / 25.4 / look.mm
    grey = look.channel if 0.98 < scale < 1.02 else sized(look.channel, scale)
    ink = int(np.count_nonzero(look.contrast > _INK_CONTRAST))
    return Quality(
        dpi=image.dpi,
        dpi_inferred=image.dpi_inferred,
        skew_deg=look.skew_deg,
        sharpness=round(float(cv2.Laplacian(grey, cv2.CV_32F).var()), 1),
        ink_share=round(ink / look.contrast.size, 5),
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


def on_white(channel: Grey, look: Look) -> Grey:
    """The page with what is nearly as light as its paper made white: the engine packs and unpacks each line it reads as
    PNG, and grain of the paper is most of that work."""
    light = int(np.median(look.paper[::4, ::4])) - _GRAIN
    to_white = np.arange(256, dtype=np.uint8)
    to_white[max(light, 1) :] = 255
    return np.asarray(cv2.LUT(channel, to_white), dtype=np.uint8)


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


@dataclass(frozen=True, slots=True)
class _Blobs:
    """Connected ink, one row a blob: its box, pixels, pixels of strong contrast, and mean contrast."""

    left: Numbers
    top: Numbers
    right: Numbers
    bottom: Numbers
    area: Numbers
    strong: Numbers
    strength: Numbers


def _blobs_in(contrast: Grey) -> _Blobs:
    ink = np.asarray(cv2.threshold(contrast, _INK_CONTRAST, 1, cv2.THRESH_BINARY)[1], dtype=np.uint8)
    few = np.count_nonzero(ink[:, 1:] > ink[:, :-1]) < _MOST_RUNS
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, ltype=cv2.CV_16U if few else cv2.CV_32S)
    at = np.flatnonzero(ink.view(np.bool_))
    label, weight = labels.ravel()[at], contrast.ravel()[at]
    area = stats[:, 4].astype(np.int64)
    strength = np.bincount(label, weights=weight, minlength=count) / np.maximum(area, 1)
    strong = np.bincount(label[weight > _STRONG_CONTRAST], minlength=count)
    left, top, wide, tall = (stats[1:, column].astype(np.int64) for column in range(4))
    return _Blobs(left, top, left + wide, top + tall, area[1:], strong[1:], strength[1:].astype(np.int64))


def _marks_of(blobs: _Blobs, shape: tuple[int, ...], mm: float) -> npt.NDArray[np.int32]:
    """Boxes of blobs that may be letters: by size, by strength, and not hanging on the edge of the sheet."""
    height, width = shape
    wide, tall = blobs.right - blobs.left, blobs.bottom - blobs.top
    edge, longer, shorter = 1.5 * mm, np.maximum(wide, tall), np.minimum(wide, tall)
    on_edge = (
        (blobs.left <= edge) | (blobs.top <= edge) | (blobs.right >= width - edge) | (blobs.bottom >= height - edge)
    )
    speck = longer < 1.3 * mm
    hole = (shorter > 2.5 * mm) & (blobs.area > 0.6 * wide * tall) & (longer < 1.5 * shorter)
    fold = (shorter <= 0.8 * mm) & (longer > 25 * mm)
    keep = ~(on_edge | speck | hole | fold | (blobs.strong == 0))
    rows = np.stack([blobs.left, blobs.top, blobs.right, blobs.bottom, blobs.strength], axis=1)
    return np.asarray(rows[keep], dtype=np.int32)


def _cuts_letters(blobs: _Blobs, shape: tuple[int, ...], mm: float) -> bool:
    """An edge cuts print: blobs of a letter's size end on its last pixels, each with the next letter of its line beside it.

    Shadows, punch holes, dust and the table round a photographed sheet have no letters beside them.
    """
    height, width = shape
    wide, tall = blobs.right - blobs.left, blobs.bottom - blobs.top
    letter = (tall >= 0.9 * mm) & (tall <= 6 * mm) & (wide <= 40 * mm) & (blobs.strong > 0)
    edges = (blobs.left <= 1, blobs.right >= width - 1, blobs.top <= 1, blobs.bottom >= height - 1)
    return any(_have_neighbours(blobs, letter & edge, letter, mm) >= _LEAST_CUT for edge in edges)


def _have_neighbours(blobs: _Blobs, cut: Flags, letter: Flags, mm: float) -> int:
    """How many of the blobs `cut` have another `letter` level with them and at most 2 mm to the left or right."""
    if np.count_nonzero(cut) < _LEAST_CUT:
        return 0
    left, top, right, bottom = (side[cut][:, None] for side in (blobs.left, blobs.top, blobs.right, blobs.bottom))
    level = np.minimum(bottom, blobs.bottom[letter]) - np.maximum(top, blobs.top[letter]) > 0.5 * (bottom - top)
    gap = np.maximum(blobs.left[letter] - right, left - blobs.right[letter])
    return int(np.count_nonzero((level & (gap > -0.3 * mm) & (gap < 2 * mm)).any(axis=1)))


def _warnings(image: PageImage, look: Look) -> tuple[str, ...]:
    found = {
        "low_dpi": image.dpi < LEAST_DPI * _SHORT_ON_DPI,
        "not_colour": image.colour != "colour",
        "cropped": look.cropped,
        "dpi_inferred": image.dpi_inferred,
    }
    return tuple(code for code, true in found.items() if true)
