"""From a fresh print to what a scanner, a fax or a phone makes of it; word boxes go along with the geometry."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.support.press.paper import DrawnPage, TruthWord
from tests.support.press.sheet import A4_MM, Array, PlacedWord, Points, Sheet

Matrix = npt.NDArray[np.float64]

FAX_DPI = 200


@dataclass(frozen=True, slots=True)
class Wear:
    """How hard a level treats a page: lengths in millimetres, shares in [0, 1], noise as a deviation in grey values."""

    skew_deg: float
    blur_mm: float
    noise: float
    jpeg_quality: int
    ink: float
    paper: tuple[int, int, int]
    show_through: float
    shade: float
    holes_share: float
    specks: int


LEVEL_WEAR = {
    "clean": Wear(0.0, 0.0, 1.5, 92, 1.0, (254, 253, 251), 0.0, 0.0, 0.0, 0),
    "typical": Wear(0.6, 0.045, 5.0, 80, 0.92, (248, 246, 241), 0.05, 0.05, 0.3, 15),
    "poor": Wear(1.6, 0.085, 11.0, 50, 0.72, (232, 229, 220), 0.13, 0.16, 0.5, 120),
    "fax": Wear(0.8, 0.05, 9.0, 80, 0.9, (244, 244, 244), 0.05, 0.08, 0.2, 80),
}


def scan(sheet: Sheet, wear: Wear, *, rng: np.random.Generator, behind: Array | None) -> DrawnPage:
    """The sheet on a flatbed or through a feeder. `behind` is the other side's print, which shines through mirrored."""
    pixels = _aged(sheet, wear, rng, behind)
    height, width = pixels.shape[:2]
    skew_deg = float(rng.uniform(-1, 1)) * wear.skew_deg
    turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), skew_deg, 1.0), np.float64)
    turn[:, 2] += rng.uniform(-1, 1, 2) * sheet.px(1.2) * min(1.0, wear.skew_deg)
    matrix = np.vstack((turn, (0.0, 0.0, 1.0)))
    if wear.skew_deg:
        pixels = _array(cv2.warpAffine(pixels, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=wear.paper))
    _holes_and_specks(pixels, sheet, wear, rng)
    pixels = _optics(pixels, wear, rng, dpi=sheet.dpi)
    return DrawnPage(
        _jpeg(pixels, wear.jpeg_quality),
        sheet.dpi,
        "\n".join(sheet.lines),
        _boxes(sheet.words, matrix, (width, height)),
        not sheet.words,
    )


def fax(sheet: Sheet, wear: Wear, *, rng: np.random.Generator, behind: Array | None) -> DrawnPage:
    """A bitonal page of a fax machine, with pepper and salt and here and there a streak."""
    flat = scan(sheet, wear, rng=rng, behind=behind)
    grey = np.array(flat.image.convert("L"))
    black = grey < 150
    dust = rng.random(grey.shape, dtype=np.float32)
    black = (black & (dust > 0.012)) | (dust > 0.9988)
    for _ in range(int(rng.integers(0, 3))):
        column = int(rng.integers(0, grey.shape[1]))
        black[int(rng.integers(0, grey.shape[0])) :, column] = True
    image = Image.fromarray(np.where(black, 0, 255).astype(np.uint8)).convert("1", dither=Image.Dither.NONE)
    return DrawnPage(image, flat.dpi, flat.text, flat.words, flat.blank)


def photo(sheet: Sheet, wear: Wear, *, rng: np.random.Generator) -> DrawnPage:
    """The sheet on a dark table, taken by a phone held at an angle in uneven light; its JPEG is stored on its side."""
    pixels = _aged(sheet, wear, rng, None)
    height, width = pixels.shape[:2]
    inset = 0.055
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    pulled = np.array([(inset, inset), (1 - inset, inset), (1 - inset, 1 - inset), (inset, 1 - inset)]) + rng.uniform(
        -0.03, 0.03, (4, 2)
    )
    matrix = np.asarray(cv2.getPerspectiveTransform(corners, (pulled * (width, height)).astype(np.float32)), np.float64)
    table = _array(
        cv2.resize(rng.integers(35, 85, (6, 4, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    )
    table[:] = table.mean(axis=2, keepdims=True) * np.array([1.0, 0.86, 0.72])
    cv2.warpPerspective(
        pixels, matrix, (width, height), dst=table, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    light = rng.uniform(0.72, 1.0, (3, 2))
    field = cv2.resize((light * 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    lit = _array(cv2.multiply(table, cv2.merge((field, field, field)), scale=1 / 255))
    image = _jpeg(_optics(lit, wear, rng, dpi=sheet.dpi), min(wear.jpeg_quality, 85))
    dpi = round(sheet.dpi * (1 - 2 * inset))
    words = _boxes(sheet.words, matrix, (width, height))
    return DrawnPage(image, dpi, "\n".join(sheet.lines), words, not words, exif_orientation=6)


def _aged(sheet: Sheet, wear: Wear, rng: np.random.Generator, behind: Array | None) -> Array:
    """Paper tone, pale ink, what shines through from behind, and shade towards the edges."""
    pixels = sheet.pixels
    if behind is not None and wear.show_through:
        ghost = cv2.GaussianBlur(cv2.cvtColor(behind[:, ::-1], cv2.COLOR_RGB2GRAY), (0, 0), sheet.dpi / 100)
        ghost = cv2.convertScaleAbs(ghost, alpha=wear.show_through, beta=255 * (1 - wear.show_through))
        pixels = _array(cv2.multiply(pixels, cv2.merge((ghost, ghost, ghost)), scale=1 / 255))
    value = np.arange(256, dtype=np.float32)
    faded = 255 - wear.ink * (255 - value)
    tones = np.stack([faded * tone / 255 for tone in wear.paper], axis=-1).astype(np.uint8)
    pixels = _array(cv2.LUT(pixels, tones.reshape(1, 256, 3)))
    if wear.shade:
        patch = (255 * (1 - wear.shade * rng.random((5, 4)))).astype(np.uint8)
        field = cv2.resize(patch, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_CUBIC)
        pixels = _array(cv2.multiply(pixels, cv2.merge((field, field, field)), scale=1 / 255))
    return pixels


def _holes_and_specks(pixels: Array, sheet: Sheet, wear: Wear, rng: np.random.Generator) -> None:
    if rng.random() < wear.holes_share:
        middle = A4_MM[1] / 2 + float(rng.uniform(-4, 4))
        for y in (middle - 40, middle + 40):
            cv2.circle(pixels, (sheet.px(11), sheet.px(y)), sheet.px(2.8), (88, 88, 90), -1, cv2.LINE_AA)
    for _ in range(wear.specks):
        at = (int(rng.integers(0, pixels.shape[1])), int(rng.integers(0, pixels.shape[0])))
        cv2.circle(pixels, at, max(1, sheet.px(float(rng.uniform(0.03, 0.16)))), (90, 88, 84), -1, cv2.LINE_AA)


def _optics(pixels: Array, wear: Wear, rng: np.random.Generator, *, dpi: int) -> Array:
    sigma = wear.blur_mm * dpi / 25.4
    if sigma > 0.2:
        pixels = _array(cv2.GaussianBlur(pixels, (0, 0), sigma))
    height, width = pixels.shape[:2]
    band = -(-height // 8)
    noise = (rng.standard_normal((band, width, 3), dtype=np.float32) * wear.noise).astype(np.int16)
    for top in range(0, height, band):
        rows = pixels[top : top + band]
        shifted = np.roll(noise, int(rng.integers(0, width)), axis=1)[: rows.shape[0]]
        rows[:] = cv2.add(rows, shifted, dtype=cv2.CV_8U)
    return pixels


def _jpeg(pixels: Array, quality: int) -> Image.Image:
    """The pixels after one pass through JPEG, as scanners store them."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=quality)
    image = Image.open(encoded)
    image.load()
    return image.copy()


def _boxes(words: Sequence[PlacedWord], matrix: Matrix, size: tuple[int, int]) -> tuple[TruthWord, ...]:
    """Where the ink of each word came to lie: the bounds of its transformed outline, clipped to the page."""
    placed = []
    for word in words:
        points: Points = np.asarray(
            cv2.perspectiveTransform(word.outline.reshape(-1, 1, 2), matrix), np.float32
        ).reshape(-1, 2)
        left, top = (max(0, int(np.floor(edge + 0.25))) for edge in points.min(axis=0))
        right, bottom = (int(np.ceil(edge - 0.25)) + 1 for edge in points.max(axis=0))
        placed.append(TruthWord(word.text, (left, top, min(size[0], right), min(size[1], bottom))))
    return tuple(placed)


def _array(pixels: object) -> Array:
    return np.ascontiguousarray(pixels, dtype=np.uint8)
