"""Bad inputs as an office has them: turned, doubled, photographed, without a head, quoting others, several in one scan.

Each function draws one Paper by a seed. `extra["kind"]` is its name in SPOILED; `extra["decoys"]` are values that stand on the
paper and must not be taken, by field.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import cv2
import numpy as np
from PIL import Image

from tests.support.press import stamps, wording
from tests.support.press.book import Book
from tests.support.press.facts import draw_person
from tests.support.press.fonts import TYPEWRITER
from tests.support.press.marks import seal
from tests.support.press.paper import DrawnPage, Paper, TruthWord
from tests.support.press.sheet import BLUE, Run, Type
from tests.support.press.style import draw_style, printed
from tests.support.press.varied import Told, draw_varied, finish, new_book, set_paper, tell

_NOTHING: dict[str, str | None] = dict.fromkeys(
    (
        "type_name", "code_number", "code_notation", "issued_date", "place", "organ_name", "parent_organ_name", "subject",
        "signer_name", "signer_position", "signing_authority", "recipients", "priority", "security_mark",
    )
)  # fmt: skip


def upside_down(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    paper = draw_varied(seed, level=level, dpi=dpi)
    return _named(replace(paper, pages=tuple(turned(page, 180) for page in paper.pages)), "upside_down")


def sideways(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    paper = draw_varied(seed, level=level, dpi=dpi)
    quarter = 90 if seed % 2 else 270
    return _named(replace(paper, pages=tuple(turned(page, quarter) for page in paper.pages)), "sideways")


def two_up(seed: int, *, level: str = "typical", dpi: int = 200) -> Paper:
    """Two pages side by side on one image, as a copier of bound papers leaves them."""
    paper = draw_varied(seed, layout="bao_cao", level=level, dpi=dpi)
    second = (
        paper.pages[1]
        if len(paper.pages) > 1
        else draw_varied(seed + 1, layout="bao_cao", level=level, dpi=dpi).pages[0]
    )
    left, right = paper.pages[0], second
    width = left.image.width
    image = Image.new("RGB", (width + right.image.width, left.image.height), "white")
    image.paste(left.image.convert("RGB"), (0, 0))
    image.paste(right.image.convert("RGB"), (width, 0))
    words = (*left.words, *(TruthWord(word.text, _moved(word.box, width)) for word in right.words))
    page = DrawnPage(image, left.dpi, f"{left.text}\n{right.text}", words, blank=False)
    return _named(replace(paper, pages=(page,), zones=()), "two_up")


def photo_at_an_angle(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    """Every page on a dark table with much of it showing, seen from a corner, a shadow over one side."""
    paper = draw_varied(seed, level=level, dpi=dpi)
    rng = np.random.default_rng([seed, 5])
    return _named(
        replace(paper, pages=tuple(_photographed(page, rng) for page in paper.pages), zones=()), "photo_at_an_angle"
    )


def only_a_seal(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    told, rng = _told("thong_bao", seed)
    book = new_book(told, seed=seed, dpi=dpi)
    at = (rng.uniform(60, 150), rng.uniform(80, 220))
    seal(book.sheet, at, rim="CỘNG HÒA XHCN VIỆT NAM", inside=("PHÒNG", "TỔ CHỨC"))
    return _finished(book, "only_a_seal", seed, level, dict(_NOTHING), {})


def foreign_paper(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    """A letter in English: it has a number and a date, but none in the form of a Vietnamese paper."""
    told, rng = _told("cong_van", seed)
    book = new_book(told, seed=seed, dpi=dpi)
    book.centred("DEPARTMENT OF MEASURES", book.bold, after_mm=2)
    book.centred("14 Harbour Road, Port Ellery", book.body, after_mm=8)
    book.paragraph(Run(f"Ref. No: {rng.randint(10, 900)}/DM-{rng.randint(1, 40)}", book.body), indent_mm=0)
    book.paragraph(Run(f"Date: {rng.randint(1, 28)} March {rng.randint(2015, 2025)}", book.body), indent_mm=0)
    book.centred("CERTIFICATE OF CALIBRATION", book.bold, after_mm=4)
    for sentence in (
        "This is to certify that the instrument named below has been compared with the reference standard of this laboratory.",
        "The results relate only to the item that was received and do not replace any national approval of the type.",
        "The expanded uncertainty was computed with a coverage factor of two; the room was kept at twenty degrees.",
    ):
        book.paragraph(Run(sentence, book.body))
    book.paragraph(Run("Yours faithfully, A. N. Other, Head of Laboratory", book.body))
    return _finished(book, "foreign_paper", seed, level, _NOTHING | {"language": None}, {})


def annex_without_head(seed: int, *, level: str = "typical", dpi: int = 300, pages: int = 60) -> Paper:
    """Pages of tables and prose whose first page has no head; other papers' numbers stand all over it."""
    told, rng = _told("ke_hoach", seed)
    book = new_book(told, seed=seed, dpi=dpi, pages=pages)
    prose = wording.prose(told.facts, rng)
    while len(book.sheets) < pages:
        rows = [
            (str(n), draw_person(rng), wording.say("Số {number}/QĐ-UBND ngày {date}", told.facts, rng))
            for n in range(1, 15)
        ]
        book.table(("STT", "Họ và tên", "Văn bản"), rows, (14, 60, book.right_mm - book.left_mm - 74))
        book.paragraph(Run(next(prose), book.body))
        if len(book.sheets) < pages:
            book.turn_page()
    return _finished(book, "annex_without_head", seed, level, dict(_NOTHING), {})


def carbon_copy(seed: int, *, level: str = "poor", dpi: int = 300) -> Paper:
    """A typewritten paper's third copy: blue-violet, fat and blurred."""
    told, rng = _told("quyet_dinh_2011", seed)
    told = replace(told, style=replace(told.style, family=TYPEWRITER, scan="colour", seal="none", name_ink="print"))
    book = new_book(told, seed=seed, dpi=dpi)
    fields, extra = set_paper(book, told, rng, marks=0.0)
    for sheet in book.sheets:
        grey = cv2.GaussianBlur(cv2.cvtColor(sheet.pixels, cv2.COLOR_RGB2GRAY), (0, 0), max(0.6, dpi / 190))
        faint = 255 - (255 - grey.astype(np.float32))[..., None] * np.array([0.62, 0.66, 0.38])
        sheet.pixels[:] = np.clip(faint, 0, 255).astype(np.uint8)
    return _finished(book, "carbon_copy", seed, level, fields, extra)


def form_by_hand(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    """A printed form whose number, date and values were filled in with a pen."""
    told, rng = _told("mau_02", seed)
    pen = Type("", 18.0, BLUE, by_hand=True)
    style = told.style
    by_pen = replace(style.number, means="pen", type=pen)
    told = replace(told, style=replace(style, number=by_pen, day=by_pen, month_by_hand=True))
    if told.facts.number is None:
        told = replace(told, facts=replace(told.facts, number=str(rng.randint(1, 400))))
    book = new_book(told, seed=seed, dpi=dpi)
    fields, extra = set_paper(book, told, rng, marks=0.0)
    for label, length in (("Số điện thoại:", 10), ("Số hồ sơ giấy:", 5), ("Số bộ hồ sơ:", 2)):
        digits = "".join(str(rng.randint(0, 9)) for _ in range(length))
        book.sheet.line([Run(f"{label} ", book.body), Run(digits, pen)], book.left_mm, book.next_baseline() + 3)
    return _finished(book, "form_by_hand", seed, level, fields, extra)


def quoting_another(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    """Its own number is blank; the "Căn cứ" quote numbers and dates of others."""
    told, rng = _told("quyet_dinh", seed)
    blank = replace(told.style.number, means="blank", type=None)
    told = replace(
        told,
        style=replace(told.style, number=blank, day=blank),
        facts=replace(told.facts, number=None, day_known=False),
    )
    book = new_book(told, seed=seed, dpi=dpi)
    fields, extra = set_paper(book, told, rng, marks=0.0)
    return _finished(book, "quoting_another", seed, level, fields, extra)


def two_numbers(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    """A second number stands on the page: that of the paper it answers, at the top right in a box."""
    told, rng = _told("cong_van", seed)
    book = new_book(told, seed=seed, dpi=dpi)
    fields, extra = set_paper(book, told, rng, marks=0.0)
    number, day = str(rng.randint(5000, 9999)), told.facts.issued - timedelta(days=rng.randint(5, 60))
    small = book.body.at(9.5)
    book.sheets[0].line([Run(f"Phúc đáp Công văn số: {number}/BNV-TCBC", small)], 128, 8)
    book.sheets[0].line([Run(f"ngày {day.day:02d} tháng {day.month:02d} năm {day.year}", small)], 128, 12)
    return _finished(
        book,
        "two_numbers",
        seed,
        level,
        fields,
        extra | {"decoys": {"code_number": [number], "issued_date": [day.isoformat()]}},
    )


def arrival_beside_date(seed: int, *, level: str = "typical", dpi: int = 300) -> Paper:
    """The registry's ĐẾN stamp stands beside the issue date, partly over it."""
    told, rng = _told("thong_bao", seed)
    book = new_book(told, seed=seed, dpi=dpi)
    fields, extra = set_paper(book, told, rng, marks=0.0)
    shown = replace(book)
    shown.sheets, shown.zones = book.sheets[:1], book.zones
    arrived = stamps.arrival(
        shown, told.facts, rng, at_mm=(rng.uniform(138, 152), told.style.top + rng.uniform(22, 28))
    )
    decoys = {"code_number": [arrived["arrival_number"]], "issued_date": [arrived["arrival_date"]]}
    if decoys["issued_date"] == [fields["issued_date"]]:
        decoys["issued_date"] = []
    return _finished(book, "arrival_beside_date", seed, level, fields, extra | arrived | {"decoys": decoys})


def several_documents(seed: int, *, level: str = "typical", dpi: int = 300, count: int = 3) -> Paper:
    """Papers fed together: `fields` are the first's; `extra["documents"]` has each one's first page and fields."""
    papers = [draw_varied(seed * 10 + number, level=level, dpi=dpi, marks=0.0) for number in range(count)]
    documents: list[dict[str, Any]] = []
    pages: list[DrawnPage] = []
    for paper in papers:
        documents.append({"from_page": len(pages) + 1, "fields": paper.fields})
        pages += paper.pages
    fields = papers[0].fields | {"page_amount": str(len(pages))}
    whole = Paper(
        papers[0].name,
        papers[0].type_name,
        level,
        tuple(pages),
        fields,
        extra=papers[0].extra | {"documents": documents},
    )
    return _named(whole, "several_documents")


SPOILED: dict[str, Callable[..., Paper]] = {
    each.__name__: each
    for each in (
        upside_down, sideways, two_up, photo_at_an_angle, only_a_seal, foreign_paper, annex_without_head, carbon_copy,
        form_by_hand, quoting_another, two_numbers, arrival_beside_date, several_documents,
    )
}  # fmt: skip


def turned(page: DrawnPage, quarter_deg: int) -> DrawnPage:
    """The page scanned turned clockwise by 90, 180 or 270 degrees; boxes go along."""
    ways = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    width, height = page.image.size
    words = []
    for word in page.words:
        left, top, right, bottom = word.box
        box = {
            90: (height - bottom, left, height - top, right),
            180: (width - right, height - bottom, width - left, height - top),
            270: (top, width - right, bottom, width - left),
        }[quarter_deg]
        words.append(TruthWord(word.text, box))
    return replace(page, image=page.image.transpose(ways[quarter_deg]), words=tuple(words))


def _photographed(page: DrawnPage, rng: np.random.Generator) -> DrawnPage:
    pixels = np.ascontiguousarray(np.asarray(page.image.convert("RGB"), np.uint8))
    height, width = pixels.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    pulled = np.array([(0.14, 0.1), (0.9, 0.07), (0.96, 0.93), (0.05, 0.9)]) + rng.uniform(-0.03, 0.03, (4, 2))
    matrix = cv2.getPerspectiveTransform(corners, (pulled * (width, height)).astype(np.float32))
    patches = rng.integers(25, 70, (5, 4, 3)).astype(np.uint8)
    table = np.asarray(cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8).copy()
    cv2.warpPerspective(
        pixels, matrix, (width, height), dst=table, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    light = np.linspace(float(rng.uniform(0.55, 0.7)), 1.0, width)[None, :, None]
    image = Image.fromarray((table * light).astype(np.uint8))
    words = []
    for word in page.words:
        left, top, right, bottom = word.box
        outline = np.array([[(left, top)], [(right, top)], [(right, bottom)], [(left, bottom)]], np.float32)
        points = cv2.perspectiveTransform(outline, matrix).reshape(-1, 2)
        low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
        words.append(TruthWord(word.text, (int(low[0]), int(low[1]), int(high[0]), int(high[1]))))
    return replace(page, image=image, words=tuple(words), dpi=round(page.dpi * 0.83))


def _told(layout: str, seed: int) -> tuple[Told, random.Random]:
    """A paper of `layout` that is printed throughout, so that only what the kind is about makes it hard."""
    rng = random.Random(f"spoiled {layout} {seed}")
    return tell(layout, rng, style=printed(draw_style(rng))), rng


def _finished(
    book: Book, kind: str, seed: int, level: str, fields: dict[str, str | None], extra: dict[str, Any]
) -> Paper:
    return _named(finish(book, f"{kind}-{seed:05d}-{level}", level=level, seed=seed, fields=fields, extra=extra), kind)


def _named(paper: Paper, kind: str) -> Paper:
    return replace(
        paper, name=f"{kind}-{paper.name}" if kind not in paper.name else paper.name, extra=paper.extra | {"kind": kind}
    )


def _moved(box: tuple[int, int, int, int], right_px: int) -> tuple[int, int, int, int]:
    return (box[0] + right_px, box[1], box[2] + right_px, box[3])
