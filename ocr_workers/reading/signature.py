"""Who signed: name, position and power, read several times in the signature block, each with a score and where it stands.

`read_signature` finds the block (signature_block), reads it in views in which seal, pen and strokes are gone
(signature_views, signature_readings), and lets the readings vote (signature_names, signature_titles).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ocr_workers.boxes import block_of, line_of
from ocr_workers.engine import Engine
from ocr_workers.reading.print_lines import PrintReader
from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.signature_block import (
    Cell,
    SignatureBlock,
    cells_of,
    find_blocks,
    name_like,
    position_like,
    power_in,
)
from ocr_workers.reading.signature_look import Look, level
from ocr_workers.reading.signature_names import NameRead
from ocr_workers.reading.signature_readings import Readings
from ocr_workers.reading.signature_rows import find_print, name_row_of, read_name
from ocr_workers.reading.signature_title_rows import read_in_text, read_title
from ocr_workers.reading.signature_titles import TitleRead
from ocr_workers.reading.signature_views import Pixels, views_of
from sohoa.model import Box, Evidence, Page

_BUDGET_MS = 1000.0
_SOUND = 0.85  # below, the whole block is read again, until that changes nothing
_TITLE = 0.85  # how like a known position a name's row reads that is a title's
_NAME_SIGN = 0.3  # what a name that only a second look found says for the block


class SeesPages(Protocol):
    """Gives the pixels of a page in its frame."""

    def pixels(self, number: int) -> Pixels | None:
        """Page `number`, counted from 1: uint8, (height, width) grey or (height, width, 3) RGB; None where it has none."""


@dataclass(frozen=True, slots=True)
class SignatureReading:
    """Candidates for the three fields, best first; of a joint paper the first signer's before the second's. A value of None
    says that nothing of the kind stands there."""

    signer_name: tuple[Candidate, ...] = ()
    signer_position: tuple[Candidate, ...] = ()
    signing_authority: tuple[Candidate, ...] = ()
    page: int | None = None
    spent_ms: float = 0.0
    reads: int = 0


def read_signature(
    pages: Sequence[Page],
    sight: SeesPages,
    engine: Engine,
    prints: PrintReader,
    *,
    budget_ms: float = _BUDGET_MS,
) -> SignatureReading:
    """Find the block and read it; nothing found is an empty reading."""
    started = time.thread_time()
    names: list[Candidate] = []
    positions: list[Candidate] = []
    authorities: list[Candidate] = []
    blocks = find_blocks(pages)
    reads = 0
    if not blocks and (last := _last_read(pages)) is not None:
        again = _with_corner_read(last, sight, engine, prints)
        pages, blocks, reads = [again], find_blocks([again]), 1
    for number, block in enumerate(blocks):
        page = next(page for page in pages if page.number == block.page)
        until = started + budget_ms * (number + 1) / len(blocks) / 1000
        signer = _read_block(page, block, sight, engine, prints, until=until)
        reads += signer.reads
        found_name = block.name is None and signer.name is not None and signer.name.chance >= _SOUND
        trust = 0.55 + 0.45 * min((block.score + _NAME_SIGN * found_name) / 0.8, 1.0)
        second = 0.98**number
        names += _candidates(signer.name, block.page, trust * second)
        positions += _position_candidates(signer.title, block.page, trust * second)
        authorities += _authority_candidates(signer.title, block.page, trust * second)
    return SignatureReading(
        signer_name=tuple(names),
        signer_position=tuple(positions),
        signing_authority=tuple(authorities),
        page=blocks[0].page if blocks else None,
        spent_ms=(time.thread_time() - started) * 1000,
        reads=reads,
    )


def _last_read(pages: Sequence[Page]) -> Page | None:
    """The page to look at where none shows a signature: the last that was recognised."""
    return next((page for page in reversed(pages) if page.lane != "text_layer" and page.blocks), None)


def _with_corner_read(page: Page, sight: SeesPages, engine: Engine, prints: PrintReader) -> Page:
    """The page with what a sparse reading finds in its lower right part, where the page pass may have seen a seal only."""
    corner = (round(0.35 * page.width_px), round(0.4 * page.height_px), page.width_px, page.height_px)
    pixels = sight.pixels(page.number)
    if pixels is None:
        return page
    readings = Readings(views_of(pixels, corner, dpi=page.dpi), engine, prints)
    view = "red" if readings.views.is_coloured else "grey-thin"
    known = [word.box for word in page.words() if word.confidence >= 0.5]
    for box in known:
        left, top, right, bottom = readings.views.here(box)
        readings.views.picture(view)[top:bottom, left:right] = 255
    cells = readings.sparse(view, corner)
    lines = [
        line_of(list(cell.words))
        for cell in cells
        if not any(level(cell.box, box) and _meet(cell.box, box) for box in known)
    ]
    return replace(page, blocks=(*page.blocks, block_of(lines))) if lines else page


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2]


@dataclass(frozen=True, slots=True)
class _Signer:
    name: NameRead | None
    title: TitleRead | None
    reads: int


def _read_block(
    page: Page, block: SignatureBlock, sight: SeesPages, engine: Engine, prints: PrintReader, *, until: float
) -> _Signer:
    region = block.region
    if region[2] - region[0] < 40 or region[3] - region[1] < 40:
        return _Signer(None, None, 0)
    own = [cell for cell in cells_of(page) if _within(cell.box, region)]
    if page.lane == "text_layer":
        return _Signer(*read_in_text(own), 0)
    pixels = sight.pixels(page.number)
    if pixels is None:
        return _Signer(None, None, 0)
    readings = Readings(views_of(pixels, region, dpi=page.dpi), engine, prints)
    look = Look(page, block, readings, until, [own])
    pending = list(_sparse_views(readings, block))
    if not _titles_seem_fine(block):
        look.sparse(pending.pop(0))
    if not _name_seems_fine(block):
        find_print(look)
        if look.printed is None and not look.reads:
            look.sparse(pending.pop(0))
    said: tuple[str | None, str | None, str | None] = (None, None, None)
    while True:
        was, name, title = name_row_of(look), read_name(look), read_title(look)
        if name is not None and look.printed is not None and position_like(name.text)[1] >= _TITLE:
            find_print(look)  # what stems showed was a title that no reading had seen before; now it is known
            look.had.pop("name", None)
            name = read_name(look)
        is_named = name is not None and name.chance >= _SOUND
        is_titled = title is not None and title.position_chance >= _SOUND
        if not is_named and not look.print_sought:
            find_print(look)
            look.had.pop("name", None)
            continue
        says = (
            None if name is None else name.text,
            None if title is None else title.position,
            None if title is None else title.authority,
        )
        is_unchanged = says == said and any(says)
        if (is_titled and (is_named or look.printed)) or is_unchanged or not pending or look.time_is_up:
            return _Signer(name, title, look.reads)
        said = says
        look.seen_titles = is_titled
        look.sparse(pending.pop(0))
        if (row := name_row_of(look)) is not None and (was is None or _changed(was, row)):
            look.had.pop("name", None)


def _changed(was: Box, row: Box) -> bool:
    return row[2] - row[0] > 1.1 * (was[2] - was[0])


def _name_seems_fine(block: SignatureBlock) -> bool:
    """The page pass read the name well enough to know where its row stands."""
    return block.name is not None and name_like(block.name.text) >= 0.8 and _believed(block.name)


def _titles_seem_fine(block: SignatureBlock) -> bool:
    """The page pass read the titles well enough to know where their rows stand."""
    known = all(power_in(cell.text)[0] or position_like(cell.text)[1] >= 0.85 for cell in block.titles)
    return bool(block.titles) and known and all(_believed(cell) for cell in block.titles)


def _believed(cell: Cell) -> bool:
    return all(word.confidence >= 0.6 for word in cell.words)


def _sparse_views(readings: Readings, block: SignatureBlock) -> tuple[str, ...]:
    if not readings.views.is_coloured:
        return ("grey-thin",)
    if block.name is not None and readings.is_red(block.name.box):
        return ("stamp", "red")
    return ("red", "stamp", "stain-dark") if readings.views.red_share > 0.004 else ("red",)


def _within(box: Box, region: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region[0] <= x < region[2] and region[1] <= y < region[3]


def _candidates(name: NameRead | None, page: int, trust: float) -> list[Candidate]:
    if name is None or not name.text:
        return []
    score, place = round(name.chance * trust, 4), (Evidence(page, name.box),)
    return [Candidate(name.text, name.raw, score, place, "signature", *_votes(name.confirmed))]


def _votes(confirmed: bool | None) -> tuple[int, int]:
    """Of how many looks how many say so: the engine's readings together are one, the model for spoiled lines another."""
    return (1, 1) if confirmed is None else (1 + confirmed, 2)


def _position_candidates(title: TitleRead | None, page: int, trust: float) -> list[Candidate]:
    if title is None or title.position_box is None:
        return []
    score = round(title.position_chance * trust, 4)
    place = (Evidence(page, title.position_box),)
    return [Candidate(title.position, title.raw, score, place, "signature", *_votes(title.confirmed))]


def _authority_candidates(title: TitleRead | None, page: int, trust: float) -> list[Candidate]:
    if title is None or title.authority_box is None:
        return []
    score = round(title.authority_chance * trust, 4)
    return [Candidate(title.authority, title.raw, score, (Evidence(page, title.authority_box),), "signature")]
