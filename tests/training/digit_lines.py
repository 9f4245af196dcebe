"""Draws crops of a paper's number and date lines ("Số: 2082/QĐ-UBND", "ngày 06 tháng 11 năm 2017") with what stands there."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocr_workers.reading.digits import ALPHABET
from tests.training.digit_hands import BASELINE, EM, HEIGHT, PRINT, Grey, Hands, by_hand, font_of, pick_font
from tests.training.digit_wear import add_strays, worn

LETTERS = "ABCDab"


@dataclass(frozen=True, slots=True)
class DrawnCrop:
    """A crop CROP_HEIGHT high, the tokens in it (of ALPHABET), what was written in its room, and between which x the room is."""

    pixels: Grey
    tokens: str
    kind: str
    text: str
    left: float
    right: float


@dataclass(slots=True)
class _Line:
    """A line under the pen: ink so far, where the next thing goes, and each token with the span it fills."""

    ink: Grey
    x: float
    tokens: list[tuple[str, float, float]] = field(default_factory=list)

    def put(self, mask: Grey, x: float, y: float, darkness: float) -> None:
        left, top = round(x), round(y)
        low_y, low_x = max(0, -top), max(0, -left)
        high_y, high_x = min(mask.shape[0], self.ink.shape[0] - top), min(mask.shape[1], self.ink.shape[1] - left)
        if high_y <= low_y or high_x <= low_x:
            return
        part = (mask[low_y:high_y, low_x:high_x] * darkness).astype(np.uint8)
        view = self.ink[top + low_y : top + high_y, left + low_x : left + high_x]
        np.maximum(view, part, out=view)

    def print(self, text: str, font: ImageFont.FreeTypeFont, darkness: float, token: str | None = None) -> None:
        """Printed text; `token` for all of it, or one for each character: a digit, a slash, x for any other."""
        width = font.getlength(text)
        pad = 6
        image = Image.new("L", (round(width) + 2 * pad, HEIGHT + 40))
        ImageDraw.Draw(image).text((pad, BASELINE + 20), text, fill=255, font=font, anchor="ls")
        self.put(np.asarray(image), self.x - pad, -20, darkness)
        if token is not None:
            self.tokens.append((token, self.x, self.x + width))
        else:
            for n, char in enumerate(text):
                if char not in " .:,-":
                    start = self.x + font.getlength(text[:n])
                    self.tokens.append((char if char in "0123456789/" else "x", start, start + font.getlength(char)))
        self.x += width


def draw_crop(
    rng: np.random.Generator, hands: Hands, *, kind: str | None = None, text: str | None = None, whole: bool = False
) -> DrawnCrop:
    """`kind`: number, day, month, year, date, words or None for any; `text`: what is written ("" for a blank), or None for any.

    `whole`: both labels are in the crop, as the reader cuts it; else it may be cut anywhere around them.
    """
    kind = kind or str(
        rng.choice(["number", "day", "month", "year", "date", "words"], p=[0.47, 0.23, 0.12, 0.06, 0.08, 0.04])
    )
    line = _Line(np.zeros((HEIGHT, 3200), np.uint8), 500.0)
    size = round(EM * rng.uniform(0.82, 1.15))
    dark = rng.uniform(0.6, 1.0)
    if kind == "words":
        first, last, text = *_words(line, rng, size, dark), ""
    elif kind == "number":
        text = _number(rng) if text is None else text
        first, last = _number_line(line, rng, hands, size, dark, text)
    else:
        text = _date_part(kind, rng) if text is None and kind != "date" else text
        first, last = _date_line(line, rng, hands, size, dark, kind, text)
    left, right = _whole_window(line, first, last) if whole else _window(line, first, last, rng)
    add_strays(line.ink, left, right, rng)
    crop = line.ink[:, round(left) : round(right)]
    tokens = "".join(t for t, start, end in line.tokens if (min(end, right) - max(start, left)) > 0.6 * (end - start))
    room = [end for token, _, end in line.tokens if token in "SNTM" and end <= last]
    pixels = worn(crop, rng)
    scale = pixels.shape[1] / crop.shape[1]
    return DrawnCrop(pixels, tokens, kind, text or "", ((room or [first])[-1] - left) * scale, (last - left) * scale)


def _number_line(
    line: _Line, rng: np.random.Generator, hands: Hands, size: int, dark: float, text: str
) -> tuple[float, float]:
    font = font_of(pick_font(PRINT, rng, italic=bool(rng.random() < 0.12)), size)
    first = line.x
    line.print(
        str(rng.choice(["Số:", "Số", "Số :", "SỐ:", "Số.", "số:"], p=[0.6, 0.1, 0.1, 0.05, 0.05, 0.1])), font, dark, "S"
    )
    _entry(line, rng, hands, font, dark, text, wide=bool(rng.random() < 0.35))
    last = line.x
    heads = [
        "QĐ",
        "UBND",
        "SYT",
        "BC",
        "TB",
        "GM",
        "KH",
        "TTr",
        "NQ",
        "CV",
        "SKHCN",
        "2023",
        "BGD",
        "HD",
        "GP",
        "TTYT",
        "XN",
        "CT",
    ]
    line.print("/", font, dark)
    line.print(str(rng.choice(heads)) + str(rng.choice(["-", "/", "-", ""])) + str(rng.choice(heads)), font, dark)
    return first, last


def _words(line: _Line, rng: np.random.Generator, size: int, dark: float) -> tuple[float, float]:
    """A line that is neither a number's nor a date's: nothing in it is an answer."""
    font = font_of(pick_font(PRINT, rng), size)
    first = line.x
    for _ in range(3):
        letters = list(str(rng.choice(["aeghiknoưđôếxcmtuyb", "ABCDĐEGHIKLMNOPQSTUVXY", "aghinotuLTVB"])))
        line.print("".join(str(char) for char in rng.choice(letters, int(rng.integers(2, 7)))) + " ", font, dark)
    return first, line.x - EM * rng.uniform(0.5, 4.0)


def _date_line(
    line: _Line, rng: np.random.Generator, hands: Hands, size: int, dark: float, kind: str, text: str | None
) -> tuple[float, float]:
    font = font_of(pick_font(PRINT[:3], rng, italic=bool(rng.random() < 0.85)), size)
    by_hand = rng.random() < 0.5
    line.print(str(rng.choice(["Giang, ", "Nội, ", "Lào Cai, ", "Tĩnh,", "Huế ", "A Lưới, ", ""])), font, dark)
    starts = {}
    parts = (("day", "ngày", "N"), ("month", "tháng", "T"), ("year", "năm", "M"))
    for name, label, token in parts:
        starts[name] = line.x
        line.print(label, font, dark, token)
        written_text = _date_part(name, rng) if text is None or name != kind else text
        hand = by_hand if name != "year" else by_hand and rng.random() < 0.15
        hand = hand and (name == "day" or rng.random() < 0.6)
        _entry(line, rng, hands, font, dark, written_text, wide=False, printed=not hand)
    starts["end"] = line.x
    order = ["day", "month", "year", "end"]
    if kind == "date":
        return starts["day"], starts["end"]
    return starts[kind], starts[order[order.index(kind) + 1]]


def _date_part(name: str, rng: np.random.Generator) -> str:
    if rng.random() < (0.08 if name != "year" else 0.01):
        return ""
    if name == "day":
        value = int(rng.integers(1, 32))
        return f"{value:02d}" if rng.random() < 0.7 else str(value)
    if name == "month":
        value = int(rng.integers(1, 13))
        return f"{value:02d}" if rng.random() < 0.6 else str(value)
    return str(rng.choice([f"20{rng.integers(0, 40):02d}", f"19{rng.integers(60, 100)}"], p=[0.9, 0.1]))


def _number(rng: np.random.Generator) -> str:
    if rng.random() < 0.07:
        return ""
    length = int(rng.choice([1, 2, 3, 4, 5], p=[0.05, 0.24, 0.34, 0.33, 0.04]))
    digits = "".join(str(d) for d in rng.integers(0, 10, length))
    if rng.random() < 0.3:
        digits = digits.replace(digits[0], str(rng.integers(1, 5)), 1)
    letter = LETTERS[int(rng.integers(len(LETTERS)))] if rng.random() < 0.1 else ""
    return digits + ("a" if letter == "b" and rng.random() < 0.7 else letter)


def _entry(
    line: _Line,
    rng: np.random.Generator,
    hands: Hands,
    font: ImageFont.FreeTypeFont,
    dark: float,
    text: str,
    *,
    wide: bool,
    printed: bool | None = None,
) -> None:
    """What stands between two labels: printed with them, or a room left for it that was filled by hand, by a stamp or not."""
    em = float(font.size)
    if printed is None:
        printed = rng.random() < 0.3
    if printed and text:
        line.x += em * rng.choice([0.25, rng.uniform(0.0, 0.7)])
        line.print(text, font, dark) if text.isdigit() else _letters(line, text, font, dark)
        line.x += em * rng.choice([0.0 if wide else 0.25, rng.uniform(0, 0.6)])
        return
    start = line.x
    mask, per_char = by_hand(text, rng, hands, em) if text else (np.zeros((1, 1), np.uint8), [])
    room = max(em * rng.uniform(0.8, 3.2 if wide else 2.4), mask.shape[1] * rng.uniform(0.85, 1.3) if text else 0.0)
    x = start + rng.uniform(0.0, max(1.0, room - mask.shape[1])) + em * rng.normal(0, 0.05)
    y = BASELINE - mask.shape[0] + em * rng.normal(0.05, 0.13)
    if text:
        pen_dark = dark * rng.uniform(0.65, 1.0) if rng.random() < 0.7 else rng.uniform(0.35, 1.0)
        line.put(mask, x, y, pen_dark)
        line.tokens += [(char, x + left, x + right) for char, left, right in per_char]
    if rng.random() < (0.12 if text else 0.3):
        _leaders(line, start, start + room, em, dark, rng)
    line.x = start + room


def _letters(line: _Line, text: str, font: ImageFont.FreeTypeFont, dark: float) -> None:
    for char in text:
        line.print(char, font, dark, char)


def _leaders(line: _Line, left: float, right: float, em: float, dark: float, rng: np.random.Generator) -> None:
    """The dotted line a form leaves to write on."""
    step = em * rng.uniform(0.14, 0.3)
    radius = max(1, round(em * rng.uniform(0.025, 0.045)))
    for x in np.arange(left + step, right, step):
        cv2.circle(line.ink, (round(x), BASELINE - 1), radius, int(255 * dark), -1, cv2.LINE_AA)


def _window(line: _Line, first: float, last: float, rng: np.random.Generator) -> tuple[float, float]:
    """Where the crop is cut: around the labels, or inside one, never in the middle of a label."""
    labels = [(start, end) for token, start, end in line.tokens if token in "SNTM"]
    left = first - EM * rng.uniform(0.05, 0.8)
    right = last + EM * rng.uniform(0.3, 2.4)
    mine = [(start, end) for start, end in labels if abs(start - first) < 1]
    if mine and rng.random() < 0.25:
        left = mine[0][1] - (mine[0][1] - mine[0][0]) * rng.uniform(0.0, 0.3)
    for start, end in labels:
        if start < right < end:
            right = (
                end + EM * rng.uniform(0.0, 0.3)
                if rng.random() < 0.6
                else start + (end - start) * rng.uniform(0.0, 0.3)
            )
    return left, right


def _whole_window(line: _Line, first: float, last: float) -> tuple[float, float]:
    ends = [end for token, start, end in line.tokens if token in "NTM" and abs(start - last) < 1]
    return first - 0.2 * EM, (ends[0] if ends else last + 1.6 * EM) + 0.2 * EM


def encode(tokens: str) -> list[int]:
    """Class numbers of tokens; 0 is CTC's blank."""
    return [ALPHABET.index(token) + 1 for token in tokens]
