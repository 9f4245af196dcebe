"""Drawing one paper: facts by the seed, pages set, each then worn by its level."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from PIL import Image

from sohoa.errors import BadRequest
from tests.support.press import wear
from tests.support.press.book import TOP_MM, Book
from tests.support.press.facts import draw_facts
from tests.support.press.fonts import OFFICE_FAMILIES, TYPEWRITER
from tests.support.press.kinds import SETTERS, Fields
from tests.support.press.paper import DrawnPage, Paper
from tests.support.press.sheet import Sheet

KINDS: tuple[str, ...] = tuple(SETTERS)
LEVELS = ("clean", "typical", "poor", "fax")
_BODY_PT = (14.0, 13.5, 13.0, 12.5, 12.0, 11.5, 11.0)


def draw(kind: str, *, seed: int, level: str = "typical", dpi: int = 300, pages: int | None = None) -> Paper:
    """Draw one paper. The same arguments give the same pixels and the same truth; levels of one seed say the same.

    `pages`: how many pages it must have; drawn from 1 to 3 where None. A fax is always drawn at 200 dpi; a phone
    photo's `dpi` is that of the sheet within it. Raises BadRequest for an unknown kind or level and for a page count
    that the kind cannot have, SetupError where a font is missing.
    """
    if kind not in KINDS:
        raise BadRequest(f"no such kind of paper: {kind}; there are {', '.join(KINDS)}")
    if level not in LEVELS:
        raise BadRequest(f"no such level: {level}; there are {', '.join(LEVELS)}")
    if pages is not None and pages < 1:
        raise BadRequest("a paper has at least one page")
    dpi = wear.FAX_DPI if level == "fax" else dpi
    wanted = pages or random.Random(f"pages {kind} {seed}").choices((1, 2, 3), (6, 3, 1))[0]
    book, fields = _set_to_fit(kind, seed=seed, dpi=dpi, wanted=wanted)
    fields["page_amount"] = str(len(book.sheets))
    rng = np.random.default_rng([seed, KINDS.index(kind), LEVELS.index(level)])
    drawn = []
    for number, sheet in enumerate(book.sheets):
        behind = book.sheets[number - 1] if number else book.sheets[-1]
        drawn.append(_worn(sheet, kind, level=level, rng=rng, behind=behind))
    name = f"{kind}-{seed:04d}-{level}"
    return Paper(name, str(fields["type_name"]), level, tuple(drawn), fields)


def with_blank_back(paper: Paper, *, seed: int) -> Paper:
    """The paper scanned on both sides: an empty page after its last, on which the print only shines through."""
    last = paper.pages[-1]
    rng = np.random.default_rng([seed, LEVELS.index(paper.level)])
    back, front = Sheet(last.dpi, rng), Sheet(last.dpi, rng)
    height, width = front.pixels.shape[:2]
    front.pixels[:] = np.array(last.image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
    return replace(paper, pages=(*paper.pages, _worn(back, "", level=paper.level, rng=rng, behind=front)))


def _set_to_fit(kind: str, *, seed: int, dpi: int, wanted: int) -> tuple[Book, Fields]:
    """Set the paper in the largest size in which it has the pages wanted."""
    old = kind == "typewritten"
    for body_pt in _BODY_PT:
        rng = random.Random(f"paper {kind} {seed}")
        facts = draw_facts(rng, years=(1986, 1999) if old else (2016, 2025))
        family = TYPEWRITER if old else rng.choice(OFFICE_FAMILIES)
        largest = 12.0 if old else rng.choice((14.0, 13.5, 13.0))
        top_mm = TOP_MM + rng.uniform(-4, 8)
        if body_pt > largest:
            continue
        if old:
            facts = replace(facts, by_pen=False)
        book = Book(
            dpi,
            np.random.default_rng([seed, KINDS.index(kind)]),
            family,
            body_pt,
            wanted,
            shaky_mm=0.06 if old else 0.0,
            top_mm=top_mm,
        )
        fields = SETTERS[kind](book, facts, rng)
        if len(book.sheets) == wanted:
            return book, fields
    raise BadRequest(f"a {kind} of seed {seed} does not fit on {wanted} pages")


def _worn(sheet: Sheet, kind: str, *, level: str, rng: np.random.Generator, behind: Sheet) -> DrawnPage:
    treatment = wear.LEVEL_WEAR[level]
    if kind == "typewritten":
        treatment = replace(
            treatment, paper=(238, 226, 196), blur_mm=treatment.blur_mm + 0.02, ink=treatment.ink * 0.92
        )
    if kind == "phone_photo" and level != "fax":
        return wear.photo(sheet, treatment, rng=rng)
    if level == "fax":
        return wear.fax(sheet, treatment, rng=rng, behind=behind.pixels)
    return wear.scan(sheet, treatment, rng=rng, behind=behind.pixels)
