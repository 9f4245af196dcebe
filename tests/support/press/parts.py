"""The parts every official paper shares: the two-column header, the title, the recipients and the signature block."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.support.press import stock
from tests.support.press.book import BOTTOM_MM, LEFT_MM, MIDDLE_MM, Book
from tests.support.press.facts import Facts
from tests.support.press.fonts import PEN
from tests.support.press.marks import seal, signature
from tests.support.press.sheet import BLUE, RED, Run, Sheet, Type, wrap

SIGNATURE_MM = 66.0
"""How much height recipients and signature block take."""
_LEFT_CENTRE_MM, _LEFT_WIDTH_MM = 60.0, 62.0
_RIGHT_CENTRE_MM, _RIGHT_WIDTH_MM = 147.0, 92.0


def header(book: Book, facts: Facts, notation: str, *, about: str | None = None) -> None:
    """Agency and number left, Quốc hiệu and date right; `about` is a công văn's subject, below the number."""
    sheet, top = book.sheet, book.y_mm
    size, step = 12.5, 5.3
    plain, bold = book.body.at(size), book.bold.at(size)
    y = top
    for text in facts.office.parent:
        y += step
        fitted(sheet, text, plain, _LEFT_CENTRE_MM, _LEFT_WIDTH_MM, y)
    for text in facts.office.name:
        y += step
        left, right = fitted(sheet, text, bold, _LEFT_CENTRE_MM, _LEFT_WIDTH_MM, y)
    middle, part = (left + right) / 2, (right - left) / 5
    sheet.rule((middle - part, y + 1.6), (middle + part, y + 1.6))
    y = max(y, top + 2 * step) + 8.5
    number_y = y
    sheet.centred(_number_runs(facts, notation, book), _LEFT_CENTRE_MM, y)
    if about is not None:
        for line in wrap(sheet, [Run(f"V/v {about}", plain)], _LEFT_WIDTH_MM):
            y += step
            sheet.centred(line, _LEFT_CENTRE_MM, y)
    republic = "CỘNG HOÀ XÃ HỘI CHỦ NGHĨA VIỆT NAM" if facts.old_tone else "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
    fitted(sheet, republic, bold, _RIGHT_CENTRE_MM, _RIGHT_WIDTH_MM, top + step)
    left, right = fitted(
        sheet, "Độc lập - Tự do - Hạnh phúc", bold.at(size + 0.5), _RIGHT_CENTRE_MM, _RIGHT_WIDTH_MM, top + 2 * step
    )
    sheet.rule((left, top + 2 * step + 1.7), (right, top + 2 * step + 1.7))
    sheet.centred(_date_runs(facts, book), _RIGHT_CENTRE_MM, number_y)
    book.y_mm = y + 8.0


def title(book: Book, text: str, subject: str | None) -> None:
    """The type's name in capitals and, beneath, the subject in bold with a short rule."""
    book.centred(text, book.bold.at(book.body_pt + 0.5))
    if subject is not None:
        width = book.centred(subject, book.bold)
        part = min(18.0, width / 4)
        book.sheet.rule((MIDDLE_MM - part, book.y_mm + 2.0), (MIDDLE_MM + part, book.y_mm + 2.0))
    book.space(6.0)


def recipients_and_signature(book: Book, facts: Facts, rng: random.Random, *, archive: str) -> str:
    """Nơi nhận on the left; power, position, signature, seal, name on the right. Returns the recipients as printed."""
    book.need(SIGNATURE_MM)
    sheet, top = book.sheet, book.y_mm + 3.0
    small = book.body.at(book.body_pt - 2.5)
    y = top + 5.0
    sheet.line([Run("Nơi nhận:", Type(book.family.bold_italic, small.size_pt + 1, shaky_mm=book.shaky_mm))], LEFT_MM, y)
    entries = [facts.say(entry, rng) for entry in rng.sample(stock.RECIPIENTS, rng.randint(2, 4))] + [
        f"- Lưu: VT, {archive}."
    ]
    for entry in entries:
        y += 4.6
        sheet.line([Run(entry, small)], LEFT_MM, y)
    sign(book, facts, rng, top_mm=top)
    return "\n".join(entries)


def sign(book: Book, facts: Facts, rng: random.Random, *, top_mm: float, centre_mm: float = 150.0) -> None:
    """The signature block alone, from `top_mm` down; one name in five is a red rubber stamp set a little askew."""
    sheet, y = book.sheet, top_mm
    for line in facts.signature.lines:
        y += 5.3
        fitted(sheet, line, book.bold, centre_mm, 78.0, y)
    below_title = y
    name_y = min(y + rng.uniform(27.0, 33.0), BOTTOM_MM + 4)
    stamped = rng.random() < 0.2 and not book.shaky_mm
    name_type = Type(book.family.bold, book.body_pt, RED) if stamped else book.bold
    sheet.centred(
        Run(facts.signature.name, name_type), centre_mm, name_y, angle_deg=rng.uniform(-3.0, 3.0) if stamped else 0.0
    )
    middle = below_title + (name_y - below_title) * 0.5
    signature(sheet, (centre_mm + rng.uniform(-4, 6), middle))
    seal(
        sheet,
        (centre_mm - rng.uniform(14, 22), middle + rng.uniform(-2, 4)),
        rim=" ".join((*facts.office.parent, "CỘNG HÒA XHCN VIỆT NAM")),
        inside=in_seal(" ".join(facts.office.name)),
    )
    book.y_mm = name_y + 4


def in_seal(name: str) -> tuple[str, ...]:
    """The agency's name as it stands within a seal: up to three lines of about equal length."""
    words = name.split()
    per_line = -(-len(words) // 3)
    return tuple(" ".join(words[start : start + per_line]) for start in range(0, len(words), per_line))


def _number_runs(facts: Facts, notation: str, book: Book) -> list[Run]:
    plain = book.body.at(12.5)
    if facts.number is None:
        return [Run(f"Số:        /{notation}", plain)]
    if facts.by_pen:
        return [Run("Số: ", plain), Run(facts.number, _pen(book)), Run(f"/{notation}", plain)]
    return [Run(f"Số: {facts.number}/{notation}", plain)]


def _date_runs(facts: Facts, book: Book) -> list[Run]:
    italic = book.italic.at(13.0)
    ending = f" tháng {facts.month_text} năm {facts.issued.year}"
    if facts.by_pen and facts.day_known:
        return [Run(f"{facts.office.place}, ngày ", italic), Run(facts.day_text, _pen(book)), Run(ending, italic)]
    return [Run(f"{facts.office.place}, ngày {facts.day_text}{ending}", italic)]


def _pen(book: Book) -> Type:
    return replace(book.body, file_name=PEN, size_pt=17.0, colour=BLUE)


def fitted(sheet: Sheet, text: str, type_: Type, centre_mm: float, width_mm: float, y_mm: float) -> tuple[float, float]:
    """A line that must not be wider than its column: set smaller where it would be, down to 9 points."""
    while type_.size_pt > 9 and sheet.width_mm(text, type_) > width_mm:
        type_ = type_.at(type_.size_pt - 0.5)
    return sheet.centred(Run(text, type_), centre_mm, y_mm)


def label(book: Book, name: str, value: str) -> None:
    """A label line of a form or a licence: the label plain, the value bold."""
    book.paragraph([Run(name, book.body), Run(f" {value}", book.bold)], indent_mm=0.0, after_mm=1.2)


def frame(sheet: Sheet) -> None:
    """The double frame of a certificate."""
    for inset, thick in ((9.0, 0.9), (11.0, 0.3)):
        left, top, right, bottom = inset, inset, 210 - inset, 297 - inset
        for start, end in (
            ((left, top), (right, top)),
            ((left, bottom), (right, bottom)),
            ((left, top), (left, bottom)),
            ((right, top), (right, bottom)),
        ):
            sheet.rule(start, end, thick_mm=thick, colour=(150, 60, 50))
