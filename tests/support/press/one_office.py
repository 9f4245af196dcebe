"""The papers of one office, one after the other: its few signers, its registers whose numbers rise with the date."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from tests.support.press import wear
from tests.support.press.agencies import draw_office
from tests.support.press.facts import Facts, Office, Signature, draw_person
from tests.support.press.hands import STROKES, Hands
from tests.support.press.layouts import LAYOUTS
from tests.support.press.paper import Paper
from tests.support.press.varied import finish, new_book, retold, set_paper, tell

_OF_ONE = [name for name, each in LAYOUTS.items() if each.head == "state" and each.foot == "one" and each.code != "GCN"]


def draw_office_papers(
    count: int,
    *,
    seed: int,
    level: str = "typical",
    dpi: int = 300,
    hands: Hands = STROKES,
    start: date = date(2022, 1, 4),
) -> Iterator[Paper]:
    """`count` papers of the office of this seed, by date, of its eight usual layouts; the same arguments draw the same.

    A register (one a type) counts on from paper to paper and begins anew with the year; head and two deputies sign.
    """
    rng = random.Random(f"office {seed}")
    office = draw_office(rng)
    names = [draw_person(rng) for _ in range(3)]
    layouts = rng.sample(_OF_ONE, 8)
    weights = [LAYOUTS[name].weight for name in layouts]
    registers = {name: rng.randint(1, 400) for name in layouts}
    day = start
    for number in range(count):
        layout = rng.choices(layouts, weights)[0]
        later = day + timedelta(days=rng.randint(0, 6))
        if later.year > day.year:
            registers = dict.fromkeys(layouts, 0)
        day = later
        registers[layout] += rng.randint(1, 9)
        told = tell(layout, random.Random(f"office {seed} paper {number}"))
        own = random.Random(f"office {seed} rest {number}")
        facts: Facts = replace(
            told.facts,
            office=office,
            number=None if told.facts.number is None else f"{registers[layout]:02d}",
            issued=day,
            signature=_signature(office, names, LAYOUTS[layout].alone, own),
        )
        told = retold(told, facts, own)
        book = new_book(told, seed=seed * 1000 + number, dpi=wear.FAX_DPI if level == "fax" else dpi, hands=hands)
        fields, extra = set_paper(book, told, own, marks=0.1)
        name = f"office-{seed:03d}-{number:03d}-{layout}-{level}"
        yield finish(
            book, name, level=level, seed=seed * 1000 + number, scan=told.style.scan, fields=fields, extra=extra
        )


def _signature(office: Office, names: list[str], alone: bool, rng: random.Random) -> Signature:
    """The head, or one of two deputies for him."""
    lead = (f"TM. {office.body}",) if office.body and not alone else ()
    who = rng.choices((0, 1, 2), (4, 4, 2))[0]
    if who == 0:
        return Signature((*lead, office.head), "TM." if lead else None, office.head, names[0])
    return Signature((*lead, f"KT. {office.head}", office.deputy), "KT.", office.deputy, names[who])
