"""Specks of a bitonal page, as fax machines and old copiers leave them by the thousand, taken away before it is read.

Each is smaller than a full stop, yet the engine makes dots, accents and dashes of them. Only what is read is cleaned:
the original and the archived pages stay as they came.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_LARGEST_IN = 0.0125  # the side of a square of ink that is a speck; the full stop of a paper's 13 point has 0.02
_MANY_TO_IN2 = 5.0  # specks to a square inch; dotted lines and broken print leave fewer


def without_specks(pixels: Pixels, dpi: float) -> Pixels:
    """A bitonal page (0 black, 255 white) without its specks where it has many; else the same array."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(255 - pixels, connectivity=8, ltype=cv2.CV_32S)
    small = stats[:, cv2.CC_STAT_AREA] <= (_LARGEST_IN * dpi) ** 2
    small[0] = False  # the paper
    if small.sum() < _MANY_TO_IN2 * pixels.size / dpi**2:
        return pixels
    return np.where(small[labels], np.uint8(255), pixels)
