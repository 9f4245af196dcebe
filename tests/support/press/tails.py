"""The foot of a varied paper: recipients, power and position, signature, seal, name; one signer or two; e-signatures."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.support.press import wording
from tests.support.press.book import BOTTOM_MM, Book
from tests.support.press.facts import Facts, Office, Signature, draw_person
from tests.support.press.fonts import SANS
from tests.support.press.marks import seal, signature
from tests.support.press.parts import fitted, in_seal
from tests.support.press.sheet import BLACK, BLUE, RED, Colour, Run, Sheet, Type
from tests.support.press.style import Style

SIGNATURE_MM = 66.0
_GREY: Colour = (70, 70, 74)
_PARTS = ("VỤ TRƯỞNG VỤ PHÁP CHẾ", "TRƯỞNG PHÒNG NGHIỆP VỤ", "CHÁNH VĂN PHÒNG", "TRƯỞNG PHÒNG TỔ CHỨC")


@dataclass(frozen=True, slots=True)
class Signed:
    """What the foot says: `signers` are (authority, position, name), the first that of the issuer."""

    recipients: str | None
    signers: tuple[tuple[str | None, str, str], ...]


def varied_signature(rng: random.Random, office: Office, *, alone: bool = False) -> Signature:
    """Who signs, and under which power: himself, TM., KT., TL., TUQ., Q., or KT. under a TL."""
    lead = (f"TM. {office.body}",) if office.body and not alone else ()
    name = draw_person(rng)
    if rng.random() < 0.15:
        name = f"{name} {rng.choice(('Anh', 'Hà', 'Vân', 'Long'))}"
    elif rng.random() < 0.12:
        name = f"{name.split()[0]} {name.split()[-1]}"
    way = rng.random()
    if way < 0.42:
        return Signature((*lead, office.head), "TM." if lead else None, office.head, name)
    if way < 0.82:
        return Signature((*lead, f"KT. {office.head}", office.deputy), "KT.", office.deputy, name)
    if way < 0.9:
        position = rng.choice(_PARTS)
        return Signature((f"TL. {office.head}", position), "TL.", position, name)
    if way < 0.93:
        return Signature((f"TUQ. {office.head}", office.deputy), "TUQ.", office.deputy, name)
    if way < 0.96:
        return Signature((*lead, f"Q. {office.head}"), "Q.", office.head, name)
    position = "PHÓ CHÁNH VĂN PHÒNG"
    return Signature((f"TL. {office.head}", "KT. CHÁNH VĂN PHÒNG", position), "KT.", position, name)


def foot(
    book: Book, facts: Facts, rng: random.Random, style: Style, *, recipients: bool = True, other: Facts | None = None
) -> Signed:
    """Recipients left, signature right; with `other`, its signer left and the recipients beneath or above."""
    book.need(SIGNATURE_MM + (30 if other is not None else 0))
    entries: list[str] = []
    top = book.y_mm + rng.uniform(1, 6)
    if other is not None:
        left, right = book.left_mm + 38, book.right_mm - 38
        bottoms = [
            block(book, other, rng, style, top_mm=top, centre_mm=left),
            block(book, facts, rng, style, top_mm=top, centre_mm=right),
        ]
        if recipients:
            entries = _recipients(book, facts, rng, style, max(bottoms) + 5)
        pairs = (facts.signature, other.signature)
        return Signed("\n".join(entries) or None, tuple((each.authority, each.position, each.name) for each in pairs))
    if recipients:
        entries = _recipients(book, facts, rng, style, top)
    block(book, facts, rng, style, top_mm=top, centre_mm=rng.uniform(140, 156))
    own = facts.signature
    return Signed("\n".join(entries) or None, ((own.authority, own.position, own.name),))


def block(book: Book, facts: Facts, rng: random.Random, style: Style, *, top_mm: float, centre_mm: float) -> float:
    """One signature block; returns the height of its name."""
    sheet, y = book.sheet, top_mm
    lines = facts.signature.lines
    stamped_position = style.name_ink == "red" and lines[0].startswith("KT.") and rng.random() < 0.6
    with book.zone("signer_position"):
        for number, line in enumerate(lines):
            y += 5.3
            last = number == len(lines) - 1
            if line.startswith("KT. ") and style.kt_by_hand:
                _by_hand_kt(book, line, centre_mm, y)
            elif last and stamped_position:
                red = Type(SANS.bold, book.body_pt - 1, RED)
                sheet.centred(Run(line, red), centre_mm, y, angle_deg=rng.uniform(-2.5, 2.5))
            else:
                fitted(sheet, line, book.bold, centre_mm, 80.0, y)
    below = y
    name_y = min(y + rng.uniform(20.0, 33.0), BOTTOM_MM + 6)
    ink = {"print": BLACK, "red": RED, "blue": BLUE}[style.name_ink]
    type_ = Type(book.family.bold if style.name_ink == "print" or rng.random() < 0.5 else SANS.bold, book.body_pt, ink)
    angle = 0.0 if style.name_ink == "print" else rng.uniform(-4.0, 4.0)
    with book.zone("signer_name"):
        sheet.centred(Run(facts.signature.name, type_), centre_mm, name_y, angle_deg=angle)
    way = rng.random()
    if style.seal == "none" and way < 0.2:
        sheet.centred(Run(rng.choice(("(Đã ký)", "Đã ký", "(đã ký)")), book.italic), centre_mm, (below + name_y) / 2)
    elif style.seal == "none" and way < 0.6:
        e_signature(sheet, facts, (centre_mm - 30, below + 3), rng)
    else:
        middle = below + (name_y - below) * rng.uniform(0.35, 0.75)
        pen = rng.choice((BLUE, BLUE, BLUE, BLACK))
        signature(sheet, (centre_mm + rng.uniform(-6, 10), middle), width_mm=rng.uniform(28, 52), colour=pen)
    if style.seal != "none":
        seal(
            sheet,
            (centre_mm - rng.uniform(8, 24), below + (name_y - below) * rng.uniform(0.2, 0.8)),
            rim=" ".join((*facts.office.parent, "CỘNG HÒA XHCN VIỆT NAM")),
            inside=in_seal(" ".join(facts.office.name)),
            diameter_mm=rng.uniform(30, 37),
            colour=RED if style.seal == "red" else _GREY,
        )
    book.y_mm = max(book.y_mm, name_y + 4)
    return name_y


def e_signature(sheet: Sheet, facts: Facts, at_mm: tuple[float, float], rng: random.Random) -> None:
    """What a signing program draws on the page: who, of which agency, when (a day or two after the issue date)."""
    x, y = at_mm
    colour = rng.choice((RED, (40, 60, 160), BLACK))
    small = Type(SANS.regular, 7.0, colour)
    clock = f"{rng.randint(7, 17):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    day = facts.issued.replace(day=min(28, facts.issued.day + rng.randint(0, 2)))
    agency = " ".join(facts.office.name).capitalize()
    for number, line in enumerate(
        (f"Ký bởi: {agency}", f"Cơ quan: {agency}", f"Ngày ký: {day:%d-%m-%Y} {clock} +07:00")
    ):
        sheet.line([Run(line, small)], x + 2, y + 4 + number * 3.2)
    for start, end in (((x, y), (x + 60, y)), ((x, y + 12.5), (x + 60, y + 12.5))):
        sheet.rule(start, end, colour=colour)


def paraph(book: Book, rng: random.Random) -> None:
    """The drafter's initials after the last word of the body."""
    if rng.random() < 0.5:
        at = (book.left_mm + rng.uniform(20, 130), book.y_mm - rng.uniform(1, 3))
        signature(book.sheet, at, width_mm=rng.uniform(9, 18), colour=rng.choice((BLUE, BLACK)))


def _recipients(book: Book, facts: Facts, rng: random.Random, style: Style, top_mm: float) -> list[str]:
    sheet = book.sheet
    small = book.body.at(book.body_pt - rng.choice((1.5, 2.5, 2.5)))
    kind = Type(book.family.bold_italic, small.size_pt + 1)
    x = book.left_mm + rng.uniform(0, 6)
    y = top_mm + 5.0
    entries = wording.recipients(facts, rng)
    with book.zone("recipients"):
        sheet.line([Run(style.recipients_label, kind)], x, y)
        for entry in entries:
            y += small.size_pt * 0.42
            sheet.line([Run(entry, small)], x, y)
    book.y_mm = max(book.y_mm, y + 4)
    return entries


def _by_hand_kt(book: Book, line: str, centre_mm: float, y_mm: float) -> None:
    """ "KT." written with a pen before the printed head's position."""
    sheet, rest = book.sheet, line.removeprefix("KT. ")
    left, _ = sheet.centred(Run(rest, book.bold), centre_mm, y_mm)
    pen = Type("", 16.0, BLUE, by_hand=True)
    lines = len(sheet.lines)
    words = len(sheet.words)
    sheet.line([Run("KT.", pen)], left - 8, y_mm - 0.5)
    # It stands before what is printed.
    sheet.words.insert(words - len(rest.split()), sheet.words.pop())
    sheet.lines[lines - 1 :] = [f"KT. {rest}"]
