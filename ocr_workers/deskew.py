"""How far a page leans, and the page set upright for the recogniser's eyes, with the way back for what was read."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.boxes import mapped
from ocr_workers.engine import Grey
from sohoa.model import Block, Box

_WIDEST_DEG = 7.0
_COARSE_DEG = 0.5
_FINE_DEG = 0.05
_LEAST_INK = 300
_COARSE_POINTS, _FINE_POINTS = 16_000, 40_000
_CLEAR = 1.12  # how much sharper the best profile must be than the middling one


def skew_of(ink: npt.NDArray[np.bool_]) -> float | None:
    """Degrees that the lines of print fall to the right (clockwise-positive), None where the ink shows no lines.

    The ink is summed along slanted rows; at the right slant lines and gaps between them part most sharply.
    """
    amount = int(np.count_nonzero(ink))
    if amount < _LEAST_INK:
        return None
    coarse = np.arange(-_WIDEST_DEG, _WIDEST_DEG + _COARSE_DEG / 2, _COARSE_DEG)
    sharpness = _sharpness(ink, coarse, step=amount // _COARSE_POINTS + 1)
    best = int(np.argmax(sharpness))
    if sharpness[best] < _CLEAR * float(np.median(sharpness)) or best in (0, len(coarse) - 1):
        return None
    fine = coarse[best] + np.arange(-_COARSE_DEG, _COARSE_DEG + _FINE_DEG / 2, _FINE_DEG)
    return round(float(fine[int(np.argmax(_sharpness(ink, fine, step=amount // _FINE_POINTS + 1)))]), 2)


def _sharpness(ink: npt.NDArray[np.bool_], angles_deg: npt.NDArray[np.float64], *, step: int) -> list[float]:
    """How sharply lines and gaps part at each angle, told from every `step`th column (whole columns keep the lines)."""
    columns = np.ascontiguousarray(ink[:, ::step])
    y, x = np.divmod(np.flatnonzero(columns), columns.shape[1])
    x32, y32 = (x * step).astype(np.float32), y.astype(np.float32)
    found = []
    for angle in angles_deg.tolist():
        rows = y32 - x32 * np.float32(math.tan(math.radians(angle)))
        counts = np.bincount((rows - rows.min()).astype(np.int32))
        found.append(float(np.square(np.diff(counts.astype(np.float64))).sum()))
    return found


@dataclass(frozen=True, slots=True)
class Upright:
    """A picture turned back by its skew, same size, and the way back into the frame it came from."""

    image: Grey
    skew_deg: float
    back: npt.NDArray[np.float64]


def set_upright(image: Grey, skew_deg: float) -> Upright:
    """Turn round the middle by `skew_deg` anticlockwise; what comes into view is paper white."""
    height, width = image.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), skew_deg, 1.0)
    turned = cv2.warpAffine(
        image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255
    )
    return Upright(
        image=np.asarray(turned, dtype=np.uint8),
        skew_deg=skew_deg,
        back=np.asarray(cv2.invertAffineTransform(turn), dtype=np.float64),
    )


def in_page_frame(blocks: tuple[Block, ...], upright: Upright) -> tuple[Block, ...]:
    """What was read on the upright picture, with boxes and baselines where it stands on the leaning page."""
    height, width = upright.image.shape
    (a, b, c), (d, e, f) = upright.back.tolist()

    def point_to(x: float, y: float) -> tuple[float, float]:
        return a * x + b * y + c, d * x + e * y + f

    def box_to(box: Box) -> Box:
        corners = [point_to(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        return (
            max(math.floor(min(x for x, _ in corners)), 0),
            max(math.floor(min(y for _, y in corners)), 0),
            min(math.ceil(max(x for x, _ in corners)), width),
            min(math.ceil(max(y for _, y in corners)), height),
        )

    return mapped(blocks, box_to, point_to)
