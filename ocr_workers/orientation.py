"""Which way up a page lies, asked only where the first reading went badly: a piece of the page is read four ways."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ocr_workers.boxes import words_of
from ocr_workers.engine import Engine, Grey, Layout
from ocr_workers.quality import Look
from sohoa.model import Block

_ROTATE: Final = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_PIECE_INCHES = 2.4
_READABLE = 0.75
_CLEARLY_BETTER = 1.35


def turned(pixels: npt.NDArray[np.uint8], turn_deg: int) -> npt.NDArray[np.uint8]:
    """The picture after a clockwise quarter turn of `turn_deg` (0, 90, 180, 270)."""
    if turn_deg == 0:
        return pixels
    return np.ascontiguousarray(cv2.rotate(pixels, _ROTATE[turn_deg]))


def lies_on_its_side(blocks: tuple[Block, ...]) -> bool:
    """Most letters stand in words taller than wide: a page turned left is read, and well, but sideways."""
    long = [word for word in words_of(blocks) if len(word.text) > 2]
    tall = sum(len(word.text) for word in long if word.box[3] - word.box[1] > word.box[2] - word.box[0])
    return 2 * tall > sum(len(word.text) for word in long)


def find_turn(look: Look, engine: Engine) -> tuple[int, float]:
    """The clockwise quarter turn that makes the page readable (0: none clearly does), and the engine's time in ms."""
    piece = _fullest_piece(look, round(_PIECE_INCHES * look.sight_dpi))
    scores: dict[int, float] = {}
    spent_ms = 0.0
    for turn_deg in _likeliest_first(look):
        reading = engine.read(turned(piece, turn_deg), dpi=look.sight_dpi, layout=Layout.BLOCK)
        spent_ms += reading.elapsed_ms
        words = [word for word in words_of(reading.blocks) if len(word.text) > 1]
        letters = sum(len(word.text) for word in words)
        scores[turn_deg] = sum(len(word.text) * word.confidence**2 for word in words)
        if len(words) >= 8 and sum(len(word.text) * word.confidence for word in words) > _READABLE * letters:
            return turn_deg, spent_ms
    best = max(scores, key=lambda turn_deg: scores[turn_deg])
    return (best if scores[best] > _CLEARLY_BETTER * scores[0] else 0), spent_ms


def _likeliest_first(look: Look) -> tuple[int, ...]:
    """Lines of print make the sums of ink along them jump: jumps from column to column tell of a page on its side."""
    ink = (look.contrast > 40).astype(np.float64)
    by_row, by_column = (float(np.square(np.diff(ink.mean(axis=axis))).mean()) for axis in (1, 0))
    return (270, 90, 0, 180) if by_column > by_row else (180, 0, 90, 270)


def _fullest_piece(look: Look, side: int) -> Grey:
    """The square of `side` pixels with the most print in it, of the page as the engine sees it."""
    window = max(side // look.shrunk, 8)
    ink = (look.contrast > 40).astype(np.float32)
    density = cv2.boxFilter(ink, -1, (window, window), normalize=False, borderType=cv2.BORDER_CONSTANT)
    y, x = np.unravel_index(int(np.argmax(density)), density.shape)
    left = min(max(int(x) * look.shrunk - side // 2, 0), max(look.sight.shape[1] - side, 0))
    top = min(max(int(y) * look.shrunk - side // 2, 0), max(look.sight.shape[0] - side, 0))
    return np.ascontiguousarray(look.sight[top : top + side, left : left + side])
