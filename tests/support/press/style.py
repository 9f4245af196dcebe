"""How one varied paper is set and filled in: everything about its look that the law leaves open or offices ignore."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tests.support.press.book import Book
from tests.support.press.fonts import FREE, LIBERATION, SANS, TERMES, TYPEWRITER, Family
from tests.support.press.sheet import BLACK, BLUE, RED, Colour, Type

BLUE_BLACK: Colour = (30, 34, 92)
FAMILIES = (LIBERATION,) * 5 + (TERMES, TERMES, FREE, FREE, SANS)
_MACHINES = ("LiberationSans-Bold.ttf", "texgyreheroscn-bold.otf", "texgyreschola-bold.otf", "texgyrecursor-bold.otf")


@dataclass(frozen=True, slots=True)
class Filling:
    """How a blank was filled in: `means` is print | pen | machine | blank, `type` the letters of pen and machine."""

    means: str
    type: Type | None = None

    def type_in(self, printed: Type) -> Type:
        return self.type or printed


@dataclass(frozen=True, slots=True)
class Style:
    """The look of one paper; lengths in millimetres, sizes in points.

    `scan` is colour | grey | bitonal; `leader` are the dots printed where number and day are to be filled in.
    """

    family: Family
    body_pt: float
    spread: float
    top: float
    margins: tuple[float, float]
    page_number: str
    left: tuple[float, float]
    right: tuple[float, float]
    head_pt: float
    date_pt: float
    parent_bold: bool
    rule: str
    motto: str
    number_label: str
    slash: str
    hyphen: str
    number_shift: float
    gap: float
    about_label: str
    about_bold: bool
    about_italic: bool
    title_bold: bool
    title_pt: float
    title_width: float
    title_rule: bool
    date_italic: bool
    comma: str
    pad: str
    recipients_label: str
    number: Filling
    day: Filling
    month_by_hand: bool
    kt_by_hand: bool
    name_ink: str
    seal: str
    scan: str
    leader: str

    @property
    def handwritten(self) -> list[str]:
        """What is written with a pen, under the names that the transcriptions of real papers use."""
        written = [
            ("number", self.number.means == "pen"),
            ("issued_date", self.day.means == "pen"),
            ("authority", self.kt_by_hand),
        ]
        return [name for name, by_hand in written if by_hand]


def draw_style(rng: random.Random, *, old: bool = False) -> Style:
    """A style; `old` is one of before 2020, when more was filled in by hand."""
    left_width = rng.uniform(56, 74)
    left = rng.uniform(54, 66)
    right = max(rng.uniform(138, 152), left + left_width / 2 + 45 + rng.uniform(-3, 6))
    number = _filling(rng, by_hand=0.5 if old else 0.42)
    day = _day_filling(number, rng)
    left_margin = rng.uniform(25, 33)
    return Style(
        family=TYPEWRITER if old and rng.random() < 0.12 else rng.choice(FAMILIES),
        body_pt=rng.choice((12.0, 12.5, 13.0, 13.0, 13.5, 14.0)),
        spread=rng.choice((1.15, 1.2, 1.24, 1.3)),
        top=rng.uniform(11, 34),
        margins=(left_margin, rng.uniform(188, 196)),
        page_number=rng.choice(("top", "top", "dashed", "foot", "none")),
        left=(left, left_width),
        right=(right, rng.uniform(84, 94)),
        head_pt=rng.choice((11.5, 12.0, 12.5, 13.0)),
        date_pt=rng.choice((12.5, 13.0, 13.5, 14.0)),
        parent_bold=rng.random() < 0.12,
        rule=rng.choice(("line", "line", "line", "dashes", "none")),
        motto=rng.choice(("Độc lập - Tự do - Hạnh phúc", "Độc lập - Tự do - Hạnh phúc", "Độc lập – Tự do – Hạnh phúc")),
        number_label=rng.choice(("Số: ", "Số: ", "Số:", "Số : ", "Số ")),
        slash=rng.choices(("/", " /", " / ", "/ "), (8, 2, 1, 0.5))[0],
        hyphen=rng.choices(("-", "- ", " - "), (12, 0.6, 0.5))[0],
        number_shift=rng.choices((0.0, rng.uniform(-1.5, 1.5), 6.0, -6.0), (5, 3, 0.6, 0.6))[0],
        gap=rng.uniform(6.0, 9.5),
        about_label=rng.choices(("V/v ", "V/v: ", "V/V ", "v/v ", "Về việc ", "Về việc: "), (10, 1, 0.7, 1, 2, 0.4))[0],
        about_bold=rng.random() < 0.08,
        about_italic=rng.random() < 0.15,
        title_bold=rng.random() < 0.85,
        title_pt=rng.choice((0.0, 0.5, 1.0, 2.0)),
        title_width=rng.uniform(105, 150),
        title_rule=rng.random() < 0.75,
        date_italic=rng.random() < 0.9,
        comma=rng.choices((", ", " , ", " ", ","), (16, 1, 1, 1))[0],
        pad=rng.choices(("law", "all", "none"), (6, 3, 2))[0],
        recipients_label=rng.choice(("Nơi nhận:", "Nơi nhận:", "Nơi nhận :", "NƠI NHẬN:", "Nơi gửi:" if old else "Nơi nhận:")),
        number=number,
        day=day,
        month_by_hand=day.means in ("pen", "machine") and rng.random() < 0.35,
        kt_by_hand=rng.random() < 0.1,
        name_ink=rng.choices(("print", "red", "blue"), (8, 1.5, 0.7))[0],
        seal=rng.choices(("red", "black", "none"), (8.5, 1, 0.5))[0],
        scan=rng.choices(("colour", "grey", "bitonal"), (8.4, 1, 0.6))[0],
        leader=rng.choices(("", "....", "......", "…….."), (7, 1, 1, 0.6))[0],
    )  # fmt: skip


def printed(style: Style) -> Style:
    """The same look with nothing filled in by hand or by machine."""
    return replace(style, number=Filling("print"), day=Filling("print"), month_by_hand=False, kt_by_hand=False)


def open_book(book: Book, style: Style) -> None:
    """Give a fresh book what the style says about margins and page numbers."""
    book.left_mm, book.right_mm = style.margins
    book.page_number = style.page_number
    book.spread = style.spread


def _filling(rng: random.Random, *, by_hand: float) -> Filling:
    draw = rng.random()
    if draw < by_hand:
        colour = rng.choice((BLUE, BLUE, BLUE_BLACK, BLACK, (60, 60, 70)))
        return Filling("pen", Type("", rng.uniform(15, 23), colour, by_hand=True))
    if draw < by_hand + 0.12:
        colour = rng.choice((BLACK, BLACK, BLUE, RED))
        return Filling(
            "machine", Type(rng.choice(_MACHINES), rng.uniform(13, 17), colour, shaky_mm=rng.uniform(0.08, 0.28))
        )
    return Filling("blank" if draw < by_hand + 0.17 else "print")


def _day_filling(number: Filling, rng: random.Random) -> Filling:
    draw = rng.random()
    if number.means in ("pen", "machine") and draw < 0.7:
        return number
    if number.means == "blank" and draw < 0.6:
        return number
    return Filling("blank") if draw > 0.985 else Filling("print")
