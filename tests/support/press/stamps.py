"""Stamps over a paper: ĐẾN with a number and a date of its own, urgency, security marks, SAO Y. Their words are truth."""

from __future__ import annotations

import random
from datetime import date, timedelta

import cv2
import numpy as np

from tests.support.press.book import Book
from tests.support.press.facts import Facts
from tests.support.press.fonts import LIBERATION, SANS
from tests.support.press.sheet import BLUE, RED, Colour, Run, Sheet, Type

PRIORITIES = ("KHẨN", "THƯỢNG KHẨN", "HỎA TỐC", "HỎA TỐC", "HỎA TỐC HẸN GIỜ", "HOẢ TỐC")
SECURITY_MARKS = ("MẬT", "TỐI MẬT", "TUYỆT MẬT")


def boxed(
    sheet: Sheet, text: str, at_mm: tuple[float, float], *, size_pt: float, colour: Colour = RED, angle_deg: float = 0.0
) -> None:
    """A word in a frame, as urgency and secrecy are stamped; `at_mm` is the start of its baseline."""
    type_ = Type(LIBERATION.bold, size_pt, colour)
    width, tall = sheet.width_mm(text, type_), size_pt * 0.36
    x, y = at_mm
    sheet.line([Run(text, type_)], x, y, angle_deg=angle_deg)
    _frame(sheet, (x - 3, y - tall - 1.5, x + width + 3, y + 2.5), at_mm, colour, angle_deg)


def arrival(
    book: Book, facts: Facts, rng: random.Random, *, at_mm: tuple[float, float] | None = None
) -> dict[str, str]:
    """The incoming registry's stamp; returns its number and date (ISO), which are not those of the paper."""
    sheet = book.sheet
    colour = rng.choice((RED, RED, (150, 40, 110), BLUE))
    x, y = at_mm or (
        book.left_mm + rng.uniform(-14, 6),
        rng.choice((rng.uniform(60, 78), rng.uniform(60, 78), rng.uniform(14, 30), 235.0)),
    )
    arrived = facts.issued + timedelta(days=rng.randint(0, 9))
    number = str(rng.randint(1, 9999))
    angle = rng.uniform(-3.5, 3.5)
    small, bold = Type(SANS.regular, 8.5, colour), Type(SANS.bold, 11.0, colour)
    pen = Type("", 16.0, rng.choice((BLUE, (40, 40, 50))), by_hand=True)
    filled = pen if rng.random() < 0.7 else Type(SANS.bold, 11.0, colour, shaky_mm=0.15)
    day = _slashed(arrived)
    organ = " ".join((facts.office.parent or facts.office.name)[:1])
    with book.zone("arrival"):
        sheet.line([Run(organ, Type(SANS.bold, 7.0, colour))], x + 3, y + 4, angle_deg=angle)
        sheet.line([Run(rng.choice(("ĐẾN", "CÔNG VĂN ĐẾN", "VĂN BẢN ĐẾN")), bold)], x + 3, y + 10, angle_deg=angle)
        sheet.line([Run(rng.choice(("Số: ", "Số:......")), small), Run(number, filled)], x + 3, y + 16, angle_deg=angle)
        sheet.line([Run(rng.choice(("Ngày: ", "Ngày:...")), small), Run(day, filled)], x + 3, y + 22, angle_deg=angle)
        if rng.random() < 0.6:
            sheet.line([Run("Chuyển:...................", small)], x + 3, y + 28, angle_deg=angle)
    _frame(sheet, (x, y, x + 52, y + 31), (x, y), colour, angle)
    return {"arrival_number": number, "arrival_date": arrived.isoformat()}


def urgent(book: Book, rng: random.Random) -> str:
    """A stamp of urgency under the number or over the head; returns what it says."""
    text = rng.choice(PRIORITIES)
    _stamp(book, rng, text, "priority")
    return text


def secret(book: Book, rng: random.Random, *, text: str | None = None) -> str:
    """A security mark; returns what it says."""
    text = text or rng.choice(SECURITY_MARKS)
    _stamp(book, rng, text, "security_mark")
    return text


def copied(book: Book, facts: Facts, rng: random.Random) -> None:
    """The form of a copy: an e-signature stamp top right, or a stamp at the foot with a number and a date of its own."""
    sheet = book.sheets[0]
    colour = rng.choice((RED, (20, 20, 20), BLUE))
    form = rng.choice(("SAO Y", "SAO Y BẢN CHÍNH", "SAO LỤC", "TRÍCH SAO"))
    when = facts.issued + timedelta(days=rng.randint(0, 30))
    organ = " ".join(facts.office.name)
    clock = f"{rng.randint(7, 17):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    if rng.random() < 0.5:
        small = Type(LIBERATION.regular, 8.0, colour)
        for number, line in enumerate(
            (f"{form}; {organ.capitalize()}", f"Thời gian ký: {when:%d.%m.%Y} {clock} +07:00")
        ):
            sheet.line([Run(line, small)], 128, 6.0 + 3.6 * number)
        return
    bold, small = Type(SANS.bold, 10.0, colour), Type(SANS.regular, 8.5, colour)
    x, y, angle = rng.uniform(20, 60), rng.uniform(262, 276), rng.uniform(-3, 3)
    sheet.line([Run(form, bold)], x, y, angle_deg=angle)
    line = f"Số: {rng.randint(1, 900)}/SY-VP, ngày {when.day:02d} tháng {when.month} năm {when.year}"
    sheet.line([Run(line, small)], x, y + 5, angle_deg=angle)


def _stamp(book: Book, rng: random.Random, text: str, zone: str) -> None:
    sheet = book.sheets[0]
    size = rng.uniform(13, 19)
    spots = ((book.left_mm + rng.uniform(0, 16), rng.uniform(52, 66)), (rng.uniform(22, 60), rng.uniform(9, 14)))
    with book.zone(zone):
        boxed(sheet, text, rng.choice(spots), size_pt=size, angle_deg=rng.choice((0.0, rng.uniform(-5, 5))))


def _slashed(day: date) -> str:
    return f"{day.day}/{day.month}/{day.year}"


def _frame(
    sheet: Sheet,
    box_mm: tuple[float, float, float, float],
    pivot_mm: tuple[float, float],
    colour: Colour,
    angle_deg: float,
) -> None:
    left, top, right, bottom = box_mm
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) - pivot_mm
    turn = np.deg2rad(angle_deg)
    turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + pivot_mm
    points = np.round(turned * sheet.dpi / 25.4).astype(np.int32)
    offset = points.min(axis=0) - 4
    mask = np.zeros((np.ptp(points[:, 1]) + 9, np.ptp(points[:, 0]) + 9), np.uint8)
    cv2.polylines(mask, [(points - offset).reshape(-1, 1, 2)], True, 255, max(1, sheet.px(0.5)), cv2.LINE_AA)
    sheet.press_on(mask, int(offset[0]), int(offset[1]), colour, opacity=0.85)
