"""Varied papers: any layout, office, style, filling and stamp by a seed, worn by a level, with the truth of every field."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from sohoa.errors import BadRequest
from tests.support.press import agencies, stamps, wear, wording
from tests.support.press.book import Book
from tests.support.press.facts import Facts, Office, Signature, draw_person
from tests.support.press.hands import STROKES, Hands
from tests.support.press.heads import PARTY, UNION, date_runs, head, title
from tests.support.press.kinds import Fields
from tests.support.press.layouts import LAYOUTS, Layout
from tests.support.press.paper import DrawnPage, Paper, Zone
from tests.support.press.parts import frame
from tests.support.press.sheet import Run
from tests.support.press.style import Filling, Style, draw_style, open_book
from tests.support.press.tails import Signed, foot, paraph, varied_signature

LEVELS = ("clean", "typical", "poor", "fax")


@dataclass(frozen=True, slots=True)
class Told:
    """What is decided of a paper before a line of it is set."""

    layout: str
    facts: Facts
    style: Style
    other: Facts | None
    subject: str | None
    notation: str | None
    code: str | None


MARKS = 0.16
"""How often a paper bears a stamp of arrival, and as often one of urgency."""


def draw_varied(
    seed: int,
    *,
    layout: str | None = None,
    level: str = "typical",
    dpi: int = 300,
    hands: Hands = STROKES,
    marks: float = MARKS,
) -> Paper:
    """Draw one varied paper; the same arguments give the same pixels and truth, and levels of one seed say the same.

    `layout` is one of LAYOUTS, drawn by its weight where None; `hands` writes what is filled in with a pen; `marks` is how
    often there is a stamp of arrival, as often one of urgency, a quarter as often a security mark. A fax is drawn at
    200 dpi. Raises BadRequest for an unknown layout or level.
    """
    if level not in LEVELS:
        raise BadRequest(f"no such level: {level}; there are {', '.join(LEVELS)}")
    if layout is not None and layout not in LAYOUTS:
        raise BadRequest(f"no such layout: {layout}; there are {', '.join(LAYOUTS)}")
    dpi = wear.FAX_DPI if level == "fax" else dpi
    rng = random.Random(f"varied {seed}")
    layout = layout or rng.choices(list(LAYOUTS), [each.weight for each in LAYOUTS.values()])[0]
    told = tell(layout, rng)
    book = new_book(told, seed=seed, dpi=dpi, hands=hands, pages=_pages(rng))
    fields, extra = set_paper(book, told, rng, marks=marks)
    return finish(
        book, f"{layout}-{seed:05d}-{level}", level=level, seed=seed, scan=told.style.scan, fields=fields, extra=extra
    )


def new_book(told: Told, *, seed: int, dpi: int, hands: Hands = STROKES, pages: int = 1) -> Book:
    """An empty book in the style of what is told."""
    ink = np.random.default_rng([seed, list(LAYOUTS).index(told.layout)])
    style = told.style
    book = Book(dpi, ink, style.family, style.body_pt, pages, top_mm=style.top, hands=hands)
    open_book(book, style)
    return book


def tell(layout: str, rng: random.Random, *, style: Style | None = None) -> Told:
    """Draw all that a paper of `layout` says and how it looks."""
    plan = LAYOUTS[layout]
    office = agencies.draw_party(rng) if plan.head == "party" else agencies.draw_office(rng)
    if plan.head == "union":
        office = Office(
            ("BCH ĐOÀN TỈNH " + office.place.upper(),), ("BAN THƯỜNG VỤ",), "ĐTN", "BÍ THƯ", "PHÓ BÍ THƯ", office.place
        )
    style = style or draw_style(rng, old=plan.years[1] < 2020)
    if style.number.type is not None and style.number.means == "pen":
        # What is written is not always by the same pen.
        style = replace(style, number=replace(style.number, type=style.number.type.at(rng.uniform(15, 23))))
    other: Facts | None = None
    if plan.foot == "two":
        partner = agencies.draw_office(rng)
        other = _facts(plan, partner, style, rng)
        if plan.code in ("KH", "QC"):
            office = replace(
                office, parent=(), name=(*office.name, *(f"- {partner.name[0]}", *partner.name[1:])), body=None
            )
            office = replace(office, short=f"{office.short}-{partner.short}")
    facts = _facts(plan, office, style, rng)
    if plan.foot == "approved":
        boss = Signature(
            (rng.choice(("PHÊ DUYỆT", "DUYỆT CỦA LÃNH ĐẠO")), "GIÁM ĐỐC"), None, "GIÁM ĐỐC", draw_person(rng)
        )
        other = replace(facts, signature=boss)
    if facts.number is None:
        style = replace(style, number=Filling("blank"))
    if not facts.day_known:
        style = replace(style, day=Filling("blank"))
    notation, code = _codes(plan, facts, rng)
    return Told(layout, facts, style, other, _subject(plan, facts, style, rng), notation, code)


def retold(told: Told, facts: Facts, rng: random.Random) -> Told:
    """The same paper with other facts: its notation and code follow from them."""
    notation, code = _codes(LAYOUTS[told.layout], facts, rng)
    return replace(told, facts=facts, notation=notation, code=code)


def set_paper(book: Book, told: Told, rng: random.Random, *, marks: float) -> tuple[Fields, dict[str, Any]]:
    """Set the paper into an empty book; returns its fields (without page_amount) and what else is known of it."""
    plan, facts, style = LAYOUTS[told.layout], told.facts, told.style
    extra: dict[str, Any] = {"layout": told.layout, "handwritten": style.handwritten, "seal": style.seal, "stamps": []}
    extra["number_by"], extra["day_by"] = style.number.means, style.day.means
    fields: Fields = {"priority": None, "security_mark": None}
    if plan.frame:
        frame(book.sheet)
    over = {"party": PARTY, "union": UNION}.get(plan.head)
    about = told.subject if plan.about else None
    if plan.head == "bare":
        _bare_head(book, facts)
    else:
        head(book, facts, style, code=told.code, about=about, over=over, date_above=plan.date_above)
    if plan.title:
        title(book, style, plan.title, told.subject)
    fields |= plan.body(book, facts, rng)
    paraph(book, rng)
    if not plan.date_above:
        book.need(75)
        with book.zone("issued_date"):
            book.sheet.centred(date_runs(facts, style, book), 148, book.next_baseline())
    signed = _foot(book, told, rng)
    main_sheets = len(book.sheets)
    if rng.random() < marks:
        extra["stamps"].append("arrival")
        extra |= stamps.arrival(_front(book), facts, rng)
    if rng.random() < marks:
        extra["stamps"].append("priority")
        fields["priority"] = stamps.urgent(_front(book), rng)
    if rng.random() < marks / 4:
        extra["stamps"].append("security_mark")
        fields["security_mark"] = stamps.secret(_front(book), rng)
    if rng.random() < marks / 2:
        extra["stamps"].append("copy")
        stamps.copied(book, facts, rng)
    if rng.random() < 0.1:
        extra["attached"] = attach(book, told, rng)
        extra["attached_from_page"] = main_sheets + 1
    extra["signers"] = [name for _, _, name in _answering(plan, signed) if name]
    extra["signer_positions"] = [position for _, position, _ in _answering(plan, signed) if position]
    if plan.foot == "approved":
        extra["approver"] = signed.signers[1][2]
    return _fields(plan, told, signed) | fields, extra


def attach(book: Book, told: Told, rng: random.Random) -> str:
    """Attach an annex, or another agency's paper with a head of its own; none of it is this paper's truth."""
    zones = len(book.zones)
    wanted, book.wanted = book.wanted, len(book.sheets) + 1
    number = book.page_number
    if rng.random() < 0.5:
        book.turn_page()
        facts = told.facts
        shown = facts.number if told.style.number.means == "print" else "      "
        day = f"{facts.issued:%d/%m/%Y}" if told.style.day.means == "print" else f"    /{facts.issued:%m/%Y}"
        book.centred(rng.choice(("PHỤ LỤC", "PHỤ LỤC I", "DANH SÁCH")), book.bold, after_mm=1)
        book.centred(f"(Kèm theo Văn bản số {shown}{told.code or ''} ngày {day})", book.italic, after_mm=4)
        rows = [
            (str(place), draw_person(rng), wording.say("{district}", facts, rng), "")
            for place in range(1, rng.randint(5, 12))
        ]
        span = book.right_mm - book.left_mm
        book.table(("STT", "Họ và tên", "Địa chỉ", "Ghi chú"), rows, (14, 60, span - 104, 30))
        kind = "annex"
    else:
        book.page_number = "none"
        book.turn_page()
        book.y_mm = rng.uniform(14, 30)
        other = tell(rng.choice(("quyet_dinh", "cong_van", "thong_bao", "to_trinh")), rng)
        set_paper(book, other, rng, marks=0.0)
        kind = "paper"
    book.wanted, book.page_number = wanted, number
    del book.zones[zones:]
    return kind


def finish(
    book: Book, name: str, *, level: str, seed: int, fields: Fields, extra: dict[str, Any], scan: str = "colour"
) -> Paper:
    """Wear the sheets by `level`, count them and place the zones on the worn pages."""
    fields = {**fields, "page_amount": str(len(book.sheets))}
    rng = np.random.default_rng([seed, LEVELS.index(level), 77])
    pages: list[DrawnPage] = []
    for number, sheet in enumerate(book.sheets):
        behind = book.sheets[number - 1].pixels if number else book.sheets[-1].pixels
        worn = (wear.fax if level == "fax" else wear.scan)(sheet, wear.LEVEL_WEAR[level], rng=rng, behind=behind)
        pages.append(_scanned(worn, scan))
    type_name = fields["type_name"] or ""
    return Paper(name, type_name, level, tuple(pages), fields, extra=extra, zones=placed_zones(book, pages))


def _scanned(page: DrawnPage, scan: str) -> DrawnPage:
    """The page as a scanner without colour, or with black and white alone, gives it."""
    if scan == "colour" or page.image.mode != "RGB":
        return page
    grey = page.image.convert("L")
    return replace(
        page, image=grey if scan == "grey" else grey.point(lambda value: 255 if value >= 150 else 0, mode="1")
    )


def placed_zones(book: Book, pages: Sequence[DrawnPage]) -> tuple[Zone, ...]:
    """The boxes of the book's zones on its worn pages."""
    zones = []
    for name, sheet, first, last in book.zones:
        boxes = [word.box for word in pages[sheet].words[first:last]]
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        zones.append(Zone(name, sheet + 1, (min(lefts), min(tops), max(rights), max(bottoms))))
    return tuple(zones)


def _pages(rng: random.Random) -> int:
    return rng.choices((1, 2, 3), (7, 2.5, 0.5))[0]


def _facts(plan: Layout, office: Office, style: Style, rng: random.Random) -> Facts:
    number = rng.choice((rng.randint(1, 99), rng.randint(100, 999), rng.randint(1000, 4999), rng.randint(1, 9999)))
    text = f"{number:02d}" if rng.random() < 0.9 else str(number)
    if rng.random() < 0.04 and style.number.means in ("print", "pen"):
        text += rng.choice("AB")
    first, last = plan.years
    issued = date(rng.randint(first, last), 1, 1) + timedelta(days=rng.randrange(365))
    return Facts(
        office=office,
        number=None if style.number.means == "blank" else text,
        issued=issued,
        day_known=style.day.means != "blank",
        by_pen=style.number.means == "pen",
        signature=varied_signature(rng, office, alone=plan.alone),
        old_tone=rng.random() < 0.25,
    )


def _codes(plan: Layout, facts: Facts, rng: random.Random) -> tuple[str | None, str | None]:
    """The notation as a value, and what is printed after the number."""
    short = facts.office.short
    if plan.head == "bare":
        return None, None
    if plan.head == "party":
        return f"{plan.code}/{short}", f"-{plan.code}/{short}"
    if plan.head == "union":
        return f"{plan.code}/{short}", f"-{plan.code}/{short}"
    if plan.type_name == "Công văn":
        unit = rng.choice(("VP", "NV", "KHTC", "TCHC", "NVY", "KSTTHC", "VX", "NC", "TH", "TCCB", "KTN"))
        notation = f"{short}-{unit}" if rng.random() < 0.9 else short
    elif plan.foot == "desk" and rng.random() < 0.5:
        notation = plan.code
    else:
        notation = f"{plan.code}-{short}"
    return notation, f"/{facts.issued.year}/{notation}" if plan.number == "year" else f"/{notation}"


def _subject(plan: Layout, facts: Facts, style: Style, rng: random.Random) -> str | None:
    if not plan.subject:
        return None
    if plan.subject.isupper():
        return plan.subject
    text = wording.subject(plan.subject, facts, rng)
    if not plan.about:
        return text[0].upper() + text[1:]
    text = text[0].upper() + text[1:] if rng.random() < 0.25 else text
    return " ".join(f"{style.about_label}{text}{rng.choice(('', '', '', '.'))}".split())


def _front(book: Book) -> Book:
    """The book, opened at its first page: stamps of the registry stand there."""
    front = replace(book)
    front.sheets, front.zones = book.sheets[:1], book.zones
    return front


def _bare_head(book: Book, facts: Facts) -> None:
    book.space(8)
    with book.zone("parent_organ_name"):
        for text in facts.office.parent:
            book.centred(text, book.body)
    with book.zone("organ_name"):
        for text in facts.office.name:
            book.centred(text, book.bold)
    book.space(10)


def _foot(book: Book, told: Told, rng: random.Random) -> Signed:
    plan, facts = LAYOUTS[told.layout], told.facts
    if plan.foot == "none":
        return Signed(None, ((None, "", ""),))
    if plan.foot != "desk":
        return foot(book, facts, rng, told.style, recipients=plan.recipients and rng.random() < 0.97, other=told.other)
    book.need(48)
    y, clerk = book.y_mm + 8, draw_person(rng)
    columns = (
        (book.left_mm + 38, "NGƯỜI NỘP HỒ SƠ", draw_person(rng)),
        (book.right_mm - 40, "NGƯỜI TIẾP NHẬN HỒ SƠ", clerk),
    )
    for centre, who, name in columns:
        book.sheet.centred(Run(who, book.bold), centre, y)
        book.sheet.centred(Run("(Ký và ghi rõ họ tên)", book.italic.at(book.body_pt - 1)), centre, y + 5.3)
        book.sheet.centred(Run(name, book.bold), centre, y + 30)
    book.y_mm = y + 34
    return Signed(None, ((None, columns[1][1], clerk),))


def _answering(plan: Layout, signed: Signed) -> tuple[tuple[str | None, str, str], ...]:
    """Who signs for the issuers: of a paper that was approved, not who approved it."""
    return signed.signers[:1] if plan.foot == "approved" else signed.signers


def _fields(plan: Layout, told: Told, signed: Signed) -> Fields:
    facts, style = told.facts, told.style
    authority, position, name = signed.signers[0]
    dated = style.day.means != "blank" and plan.head != "bare"
    return {
        "type_name": plan.type_name,
        "code_number": facts.number if told.code is not None else None,
        "code_notation": told.notation,
        "issued_date": facts.issued.isoformat() if dated else None,
        "place": facts.office.place if plan.head != "bare" else None,
        "organ_name": " ".join(facts.office.name),
        "parent_organ_name": " ".join(facts.office.parent) or None,
        "subject": told.subject,
        "signer_name": name or None,
        "signer_position": position or None,
        "signing_authority": authority,
        "recipients": signed.recipients,
        "language": "Tiếng Việt",
    }
