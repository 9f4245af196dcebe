"""The head of a varied paper: agency, Quốc hiệu or the Party's line, number, place and date, title or "V/v"."""

from __future__ import annotations

import random

from tests.support.press.book import Book
from tests.support.press.facts import Facts
from tests.support.press.parts import fitted
from tests.support.press.sheet import Run, Type, wrap
from tests.support.press.style import Style

PARTY = "ĐẢNG CỘNG SẢN VIỆT NAM"
UNION = "ĐOÀN TNCS HỒ CHÍ MINH"


def head(
    book: Book,
    facts: Facts,
    style: Style,
    *,
    code: str | None,
    about: str | None = None,
    over: str | None = None,
    date_above: bool = True,
) -> None:
    """The two columns from `book.y_mm` down.

    `code` is what follows the number ("/QĐ-UBND", "-QĐ/TU"); None draws no number at all. `about` is a công văn's
    subject with its label. `over` stands in for the Quốc hiệu. Without `date_above` the date stands by the signature.
    """
    sheet, top = book.sheet, book.y_mm
    plain, bold = book.body.at(style.head_pt), book.bold.at(style.head_pt)
    step = style.head_pt * 0.43
    centre, width = style.left
    y = top
    with book.zone("parent_organ_name"):
        for text in facts.office.parent:
            y += step
            fitted(sheet, text, bold if style.parent_bold else plain, centre, width, y)
    with book.zone("organ_name"):
        for text in facts.office.name:
            y += step
            left, right = fitted(sheet, text, bold, centre, width, y)
    if over == PARTY:
        y += step * 0.8
        sheet.centred(Run("*", plain), centre, y + 1)
    else:
        _rule(book, style, (left + right) / 2, (right - left) / 5, y + 1.6)
    date_y = max(y, top + 2 * step) + style.gap
    number_y = max(date_y + style.number_shift, y + 5.0)
    y = number_y
    if code is not None:
        with book.zone("code"):
            runs = _number(facts, style, book, code)
            start, _ = sheet.centred(runs, centre, number_y)
        if style.leader and style.number.means == "pen" and len(runs) == 3:
            x = start + sheet.width_mm(runs[0].text, runs[0].type)
            _dots(book, x, x + sheet.width_mm(runs[1].text, runs[1].type), number_y)
    if about is not None:
        kind = bold if style.about_bold else book.italic.at(style.head_pt) if style.about_italic else plain
        with book.zone("subject"):
            for line in wrap(sheet, [Run(about, kind.at(style.head_pt - 0.5))], width * 0.97):
                y += step
                sheet.centred(line, centre, y)
    _nation(book, facts, style, top=top, over=over)
    if date_above:
        with book.zone("issued_date"):
            sheet.centred(date_runs(facts, style, book), style.right[0], date_y)
    book.y_mm = max(y, date_y) + 8.0


def title(book: Book, style: Style, text: str, subject: str | None) -> None:
    """The type's name in capitals and beneath it the subject."""
    with book.zone("type_name"):
        book.centred(text, book.bold.at(book.body_pt + style.title_pt), width_mm=style.title_width)
    if subject is not None:
        with book.zone("subject"):
            width = book.centred(subject, book.bold if style.title_bold else book.body, width_mm=style.title_width)
        if style.title_rule:
            part = min(18.0, width / 4)
            y = book.y_mm + 2.0
            book.sheet.rule((book.middle_mm - part, y), (book.middle_mm + part, y))
    book.space(6.0)


def date_runs(facts: Facts, style: Style, book: Book) -> list[Run]:
    """Place and date as this paper prints, stamps or leaves it."""
    kind = (book.italic if style.date_italic else book.body).at(style.date_pt)
    issued, means = facts.issued, style.day.means
    day = f"{issued.day:02d}" if style.pad != "none" or means == "machine" else str(issued.day)
    month = (
        f"{issued.month:02d}" if style.pad == "all" or (style.pad == "law" and issued.month < 3) else str(issued.month)
    )
    inked = style.day.type_in(kind)
    place = f"{facts.office.place}{style.comma}ngày"
    if means == "blank":
        gap = style.leader or "     "
        return [Run(f"{place} {gap} tháng {month if facts.issued.day % 2 else gap} năm {issued.year}", kind)]
    if means == "print":
        return [Run(f"{place} {day} tháng {month} năm {issued.year}", kind)]
    months = [Run(" ", kind), Run(month, inked), Run(" ", kind)] if style.month_by_hand else [Run(f" {month} ", kind)]
    return [Run(f"{place} ", kind), Run(day, inked), Run(" tháng", kind), *months, Run(f"năm {issued.year}", kind)]


def _number(facts: Facts, style: Style, book: Book, code: str) -> list[Run]:
    plain = book.body.at(style.head_pt + 0.5)
    means = style.number.means
    slash = style.slash if code.startswith("/") else "-"
    code = slash + code[1:].replace("-", style.hyphen) if code.startswith("/") else code
    if means == "blank" or facts.number is None:
        return [Run(f"{style.number_label}{style.leader or ' ' * (6 + facts.issued.day % 6)}{code}", plain)]
    if means == "print":
        return [Run(f"{style.number_label}{facts.number}{code}", plain)]
    return [Run(style.number_label, plain), Run(facts.number, style.number.type_in(plain)), Run(code, plain)]


def _nation(book: Book, facts: Facts, style: Style, *, top: float, over: str | None) -> None:
    sheet, bold = book.sheet, book.bold.at(style.head_pt)
    step = style.head_pt * 0.43
    centre, width = style.right
    width = min(width, 2 * (208 - centre))
    if over is not None:
        left, right = fitted(sheet, over, bold.at(style.head_pt + 1.5), centre, width, top + step)
        sheet.rule((left, top + step + 1.7), (right, top + step + 1.7))
        return
    republic = "CỘNG HOÀ XÃ HỘI CHỦ NGHĨA VIỆT NAM" if facts.old_tone else "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
    with book.zone("nation"):
        fitted(sheet, republic, bold, centre, width, top + step)
        left, right = fitted(sheet, style.motto, bold.at(style.head_pt + 0.5), centre, width, top + 2 * step)
    _rule(book, style, (left + right) / 2, (right - left) / 2, top + 2 * step + 1.7)


def _rule(book: Book, style: Style, centre: float, half: float, y: float) -> None:
    if style.rule == "line":
        book.sheet.rule((centre - half, y), (centre + half, y))
    elif style.rule == "dashes":
        x = centre - half
        while x < centre + half:
            book.sheet.rule((x, y + 0.6), (x + 1.0, y + 0.6))
            x += 1.6


def _dots(book: Book, left: float, right: float, y: float) -> None:
    """A leader of dots beneath what is written; nothing of it is text."""
    while left < right:
        book.sheet.rule((left, y), (left + 0.3, y), thick_mm=0.3)
        left += 1.1


def letter_to(book: Book, rng: random.Random, addressees: list[str]) -> None:
    """ "Kính gửi": on one line, or a list beneath."""
    type_: Type = book.body
    with book.zone("addressee"):
        if len(addressees) == 1:
            book.centred(f"Kính gửi: {addressees[0]}.".replace("..", "."), type_, after_mm=4)
            return
        centre = book.middle_mm - rng.uniform(20, 45)
        book.sheet.line([Run("Kính gửi:", type_)], centre, book.next_baseline())
        for each in addressees:
            book.sheet.line([Run(f"- {each};", type_)], centre + 14, book.next_baseline())
    book.space(4)
