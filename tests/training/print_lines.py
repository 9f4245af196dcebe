"""Draws lines of print as seals, pens and scanners leave them, with what stands there: names, titles, agencies, codes, prose."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ocr_workers.reading import print_lines
from ocr_workers.reading.print_lines import ALPHABET
from ocr_workers.reading.signature_words import COMMON_SURNAMES, FREQUENT, GIVEN, SURNAMES
from ocr_workers.reading.syllables import syllables
from tests.training.digit_hands import HEIGHT, Grey, font_of, system_fonts
from tests.training.digit_wear import worn

_TIMES = ("LiberationSerif", "texgyretermes", "FreeSerif")
_OTHERS = ("LiberationSans", "DejaVuSerif", "DejaVuSans", "FreeSans")
_WIDEST = 2 * 620
_TITLES = """
chủ tịch; phó chủ tịch; giám đốc; phó giám đốc; bộ trưởng; thứ trưởng; cục trưởng; phó cục trưởng; chi cục trưởng; vụ trưởng;
trưởng phòng; phó trưởng phòng; chánh văn phòng; phó chánh văn phòng; trưởng ban; phó trưởng ban; hiệu trưởng; phó hiệu trưởng;
tổng giám đốc; viện trưởng; phó viện trưởng; chánh thanh tra; chánh án; bí thư; phó bí thư; trưởng công an; chủ nhiệm; tổ trưởng;
kt. chủ tịch; kt. giám đốc; tm. ủy ban nhân dân; tl. chủ tịch; tuq. chủ tịch; q. giám đốc; thủ tướng chính phủ;
thủ trưởng cơ quan; kt. bộ trưởng; tm. ban thường vụ; kt. trưởng phòng; kt. cục trưởng; trưởng phòng tổ chức; đội trưởng;
chỉ huy trưởng; hội trưởng
"""
_BODIES = """
ủy ban nhân dân; uỷ ban nhân dân; ubnd; hội đồng nhân dân; sở; phòng; chi cục; cục; tổng cục; trung tâm; ban quản lý; trường;
bệnh viện; công ty; bảo hiểm xã hội; công an; tòa án nhân dân; viện kiểm sát nhân dân; bộ; văn phòng; đảng ủy; huyện ủy
"""
_BEFORE_NAMES = ("ThS. ", "TS. ", "PGS.TS. ", "BS. ", "Đại tá ", "BSCKII. ", "Ông ", "(Đã ký) ")
_PLACES = "tỉnh; thành phố; huyện; quận; thị xã; thị trấn; xã; phường"
_NOTATIONS = "QĐ BC TB GM KH TTr NQ CV CT HD GP BB GCN PB GT TTg NĐ-CP TT ĐA CTr QC QyĐ STD ĐK HDHS TNHS KQGQ"
_OFFICES = """
UBND SKHCN STC SNV SYT SGDĐT SXD STNMT SNN BQL VP HĐND BVĐK TTYT CAT KSBT CTK PGDĐT SNgV BKHCN BNV TCCB TCHC NVY KTN ĐU TU VPTU
"""


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A crop CROP_HEIGHT high and its text."""

    pixels: Grey
    text: str


def draw_line(rng: np.random.Generator, fonts: tuple[Path, ...]) -> DrawnLine:
    """One line; `fonts`: files of further print fonts that know Vietnamese. Without text now and then: strokes alone."""
    text = "" if rng.random() < 0.02 else _text(rng)
    font = font_of(_font(rng, fonts), round(HEIGHT * rng.uniform(0.42, 0.63)))
    em = float(font.size)
    spread = em * float(rng.choice([0.0, rng.uniform(-0.03, 0.12)], p=[0.8, 0.2]))
    glyphs = [font.getlength(char) + spread for char in text]
    width = sum(glyphs) if spread else font.getlength(text)
    left, right = em * rng.uniform(0.05, 1.2, 2)
    picture = Image.new("L", (round(min(width, 4 * _WIDEST) + left + right) + 8, HEIGHT))
    draw = ImageDraw.Draw(picture)
    base = HEIGHT * rng.normal(0.715, 0.025)
    if spread:
        x = left
        for char, step in zip(text, glyphs, strict=True):
            draw.text((x, base), char, fill=255, font=font, anchor="ls")
            x += step
    else:
        draw.text((left, base), text, fill=255, font=font, anchor="ls")
    ink = np.asarray(picture).copy()
    ink = (ink * rng.uniform(0.55, 1.0)).astype(np.uint8)
    if rng.random() < 0.25:  # narrower or wider than its font
        ink = np.asarray(
            cv2.resize(ink, None, fx=rng.uniform(0.82, 1.2), fy=1.0, interpolation=cv2.INTER_AREA), np.uint8
        )
    _neighbours(ink, font, base, rng)
    _over(ink, em, rng)
    return DrawnLine(worn(ink, rng), text)


def print_fonts(folder: Path | None, *, held_out: bool) -> tuple[Path, ...]:
    """Font files under `folder`; a ninth of them is held out of the training."""
    files = sorted(folder.glob("**/*.ttf")) if folder else []
    return tuple(file for n, file in enumerate(files) if (n % 9 == 4) == held_out)


def _text(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.36:
        text = _name(rng)
    elif kind < 0.48:
        text = _one(_TITLES, rng)
        text = text.upper() if rng.random() < 0.85 else text.capitalize()
    elif kind < 0.62:
        text = " ".join(
            part for part in (_one(_BODIES, rng), _one(_PLACES, rng), *_loose(rng, 1, 3)) if rng.random() < 0.9
        )
        text = text.upper() if rng.random() < 0.85 else text.title()
    elif kind < 0.74:
        text = _code(rng)
    elif kind < 0.86:
        phrases = _phrases()
        text = str(phrases[int(rng.integers(len(phrases)))])
        text = _cased(text, rng)
    else:
        text = _cased(" ".join(_loose(rng, 1, 6)), rng)
        if rng.random() < 0.3:
            text += str(rng.choice([",", ".", ";", ":", "./.", ")"]))
    return unicodedata.normalize("NFC", " ".join(text.split()))[:44].strip()


def _name(rng: np.random.Generator) -> str:
    """A person's: mostly of names that people bear, often of any syllables, so that the model reads rather than guesses."""
    loose = rng.random() < 0.4
    surnames = sorted(COMMON_SURNAMES) if rng.random() < 0.7 else sorted(SURNAMES)
    parts = [surnames[int(rng.integers(len(surnames)))]]
    if loose:
        parts += [part.capitalize() for part in _loose(rng, 1, 4)]
    else:
        given = sorted(FREQUENT | GIVEN)
        middle = (
            [str(rng.choice(["Văn", "Thị", "Hữu", "Đức", "Minh", "Xuân", "Ngọc", "Quang"]))]
            if rng.random() < 0.5
            else []
        )
        parts += middle + [given[int(rng.integers(len(given)))] for _ in range(int(rng.integers(1, 3)))]
    name = " ".join(parts)
    before = str(rng.choice(_BEFORE_NAMES)) if rng.random() < 0.16 else ""
    return name.upper() if rng.random() < 0.12 else before + name


def _code(rng: np.random.Generator) -> str:
    def one(words: str) -> str:
        options = words.split()
        return options[int(rng.integers(len(options)))]

    made_up = "".join(rng.choice(list("ABCDĐGHKLMNPQSTUVXY"), int(rng.integers(2, 6))))
    first, second = one(str(rng.choice([_NOTATIONS, _NOTATIONS, _OFFICES]))), str(rng.choice([one(_OFFICES), made_up]))
    notation = f"{first}{rng.choice(['-', '-', '/'])}{second}"
    number = str(rng.integers(1, 9999)).zfill(int(rng.integers(1, 4)))
    kind = rng.random()
    if kind < 0.3:
        return notation
    if kind < 0.5:
        return f"/{notation}"
    if kind < 0.8:
        return f"Số: {number}/{notation}"
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(1995, 2028))
    if kind < 0.9:
        return f"ngày {day:02d} tháng {month} năm {year}"
    others = (
        f"{day:02d}/{month:02d}/{year}", f"{number}.{rng.integers(100, 999)}", f"({number}%)", f"Điều {day}.", f"{number} m2",
        f"Khoản {month}, Điều {day}",
    )  # fmt: skip
    return str(rng.choice(others))


def _loose(rng: np.random.Generator, least: int, most: int) -> list[str]:
    """So many syllables of the language, common or not."""
    known = _syllables()
    return [known[int(rng.integers(len(known)))] for _ in range(int(rng.integers(least, most + 1)))]


def _cased(text: str, rng: np.random.Generator) -> str:
    kind = rng.random()
    return text.upper() if kind < 0.35 else text.capitalize() if kind < 0.65 else text


def _one(phrases: str, rng: np.random.Generator) -> str:
    options = [phrase.strip() for phrase in phrases.split(";")]
    return options[int(rng.integers(len(options)))]


@lru_cache(maxsize=1)
def _syllables() -> list[str]:
    return sorted(one for one in syllables() if set(one) <= set(ALPHABET))


@lru_cache(maxsize=1)
def _phrases() -> list[str]:
    lines = Path(print_lines.__file__).with_name("office_words.txt").read_text().splitlines()
    return [
        phrase.strip() for line in lines if not line.startswith("#") for phrase in line.split(";") if phrase.strip()
    ]


@lru_cache(maxsize=8)
def _system_print(names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(file for file in system_fonts() if file.name.startswith(names) and "Math" not in file.name)


def _font(rng: np.random.Generator, fonts: tuple[Path, ...]) -> Path:
    kind = rng.random()
    if kind < 0.62 or not fonts:
        files = _system_print(_TIMES)
    elif kind < 0.74:
        files = _system_print(_OTHERS)
    else:
        files = fonts
    return files[int(rng.integers(len(files)))]


def _neighbours(ink: Grey, font: ImageFont.FreeTypeFont, base: float, rng: np.random.Generator) -> None:
    """Lines above and below that reach into the crop, rules and dots under it, specks."""
    height, width = ink.shape
    if rng.random() < 0.3:
        picture = Image.new("L", (width, height))
        words = _cased(" ".join(_loose(rng, 3, 9)), rng)
        em = font.size
        y = base + em * rng.uniform(1.05, 1.4) if rng.random() < 0.5 else base - em * rng.uniform(1.05, 1.5)
        ImageDraw.Draw(picture).text(
            (rng.uniform(-300, width / 2), y), words, fill=int(rng.uniform(120, 255)), font=font, anchor="ls"
        )
        np.maximum(ink, np.asarray(picture), out=ink)
    if rng.random() < 0.12:
        y = round(base + rng.uniform(6, 26))
        start, end = sorted(int(x) for x in rng.uniform(-50, width + 50, 2))
        cv2.line(
            ink, (start, y), (end, y + int(rng.integers(-2, 3))), int(rng.uniform(120, 255)), int(rng.integers(1, 5))
        )
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 25))):
            at = (int(rng.uniform(0, width)), int(rng.integers(height)))
            cv2.circle(ink, at, int(rng.integers(1, 4)), int(rng.integers(60, 255)), -1, cv2.LINE_AA)


def _over(ink: Grey, em: float, rng: np.random.Generator) -> None:
    """What runs over the print: a signature, a seal's rim and letters; and the gaps that taking strokes away leaves."""
    kind = rng.random()
    if kind < 0.38:
        for _ in range(int(rng.integers(1, 4))):
            _stroke(ink, em, rng, int(rng.uniform(60, 255)))
    if kind < 0.18 or kind > 0.85:
        _seal(ink, em, rng)
    if 0.3 < kind < 0.48:
        for _ in range(int(rng.integers(1, 5))):
            _stroke(ink, em, rng, 0)
    if rng.random() < 0.05:
        mask = rng.random((ink.shape[0] // 2 + 1, ink.shape[1] // 2 + 1)) < rng.uniform(0.02, 0.2)
        gone = cv2.resize(mask.astype(np.uint8), (ink.shape[1], ink.shape[0]), interpolation=cv2.INTER_NEAREST)
        ink[gone > 0] = ink[gone > 0] // 3


def _stroke(ink: Grey, em: float, rng: np.random.Generator, level: int) -> None:
    """A pen's sweep through the line; level 0 takes ink away along it."""
    height, width = ink.shape
    count = int(rng.integers(3, 9))
    x = rng.uniform(-0.2, 1.0) * width
    y = rng.uniform(-0.3, 1.3) * height
    points = []
    heading = rng.uniform(0, 2 * np.pi)
    for _ in range(count):
        points.append((x, y))
        heading += rng.normal(0, 0.9)
        step = em * rng.uniform(0.4, 2.8)
        x, y = x + step * np.cos(heading), y + 0.7 * step * np.sin(heading)
    spots = np.array([points[0], *points, points[-1]])
    steps = np.linspace(0, 1, 9)[:, None]
    curve = np.concatenate(
        [
            0.5
            * (2 * b + (c - a) * steps + (2 * a - 5 * b + 4 * c - d) * steps**2 + (3 * b - a - 3 * c + d) * steps**3)
            for a, b, c, d in zip(spots, spots[1:], spots[2:], spots[3:], strict=False)
        ]
    )
    thick = max(1, round(em * rng.uniform(0.025, 0.13)))
    drawn = np.zeros_like(ink)
    cv2.polylines(drawn, [np.round(curve * 8).astype(np.int32)], False, 255, thick, cv2.LINE_AA, 3)
    if level:
        np.maximum(ink, (drawn.astype(np.uint16) * level // 255).astype(np.uint8), out=ink)
    else:
        ink[drawn > 120] = 0


def _seal(ink: Grey, em: float, rng: np.random.Generator) -> None:
    """A round seal's rims and letters, as dark as it is in the channel that is looked at."""
    height, width = ink.shape
    radius = em * rng.uniform(3.2, 5.6)
    centre = (rng.uniform(-0.5, 1.2) * width, height / 2 + rng.uniform(-1.0, 1.0) * radius)
    level = int(rng.choice([rng.uniform(20, 90), rng.uniform(90, 200)], p=[0.6, 0.4]))
    drawn = np.zeros_like(ink)
    middle = (round(centre[0]), round(centre[1]))
    for share in (1.0, 0.94, 0.62):
        if rng.random() < 0.85:
            cv2.circle(drawn, middle, round(radius * share), 255, int(rng.integers(2, 8)), cv2.LINE_AA)
    letters = "".join(rng.choice(list("ABCDĐEGHIKLMNOPQRSTUVXY"), 40))
    font = font_of(_system_print(("LiberationSans",))[0], max(8, round(radius * 0.2)))
    for n, char in enumerate(letters):
        turn = 2 * np.pi * n / len(letters)
        x, y = centre[0] + 0.78 * radius * np.cos(turn), centre[1] + 0.78 * radius * np.sin(turn)
        if -20 < x < width + 20 and -20 < y < height + 20:
            cell = Image.new("L", (60, 60))
            ImageDraw.Draw(cell).text((30, 30), char, fill=255, font=font, anchor="mm")
            glyph = np.asarray(cell.rotate(-np.degrees(turn) - 90))
            left, top = round(x) - 30, round(y) - 30
            low_x, low_y = max(0, -left), max(0, -top)
            part = glyph[low_y : max(low_y, min(60, height - top)), low_x : max(low_x, min(60, width - left))]
            if part.size:
                view = drawn[top + low_y : top + low_y + part.shape[0], left + low_x : left + low_x + part.shape[1]]
                np.maximum(view, part, out=view)
    if rng.random() < 0.5:
        drawn[rng.random(drawn.shape) < rng.uniform(0.0, 0.5)] = 0
    worn_seal: npt.NDArray[np.uint16] = drawn.astype(np.uint16) * level // 255
    np.copyto(ink, np.minimum(255, np.maximum(ink, worn_seal) + np.minimum(ink, worn_seal) // 2).astype(np.uint8))
