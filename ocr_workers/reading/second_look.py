"""The head of page 1 read again, so that several readings of it can vote: column by column, scattered, without coloured ink.

The page's own pass reads head and body as one picture: a stamp over the number, a pen's digits between printed words or a
line that runs across both columns cost it words that it reads well when it sees them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ocr_workers.boxes import block_of, line_of, mapped
from ocr_workers.engine import Engine, Layout
from ocr_workers.reading.sight import Sight
from ocr_workers.reading.signature_views import Views, views_of
from ocr_workers.reading.spans import Sheet
from ocr_workers.reading.types import Title
from ocr_workers.reading.zones import Head, is_body
from sohoa.model import Block, Box, Page

Again = Callable[["Area", Page, Sight], Iterator[Page]]
"""Gives page 1 with its head read anew, another way each time."""
_ABOVE, _BELOW = (
    4.0,
    14.0,
)  # middling heights above Quốc hiệu and below it that the head takes where nothing else ends it
_SUBJECT_LINES = 9
_LOWEST = 0.55  # of the page: no head reaches further down
_EDGE = 10  # white pixels that the engine wants around print


@dataclass(frozen=True, slots=True)
class Area:
    """Where a page's head stands, in its frame: from `top` on two columns that part at `gutter` (0: one), from `middle` on
    title and subject, up to `bottom`."""

    top: int
    middle: int
    bottom: int
    gutter: int


def area_of(sheet: Sheet, head: Head, title: Title | None) -> Area:
    """The head's place as the first reading tells it; the upper third of the page where it tells little."""
    page, high = sheet.page, sheet.height
    columns = [span.box for span in (*head.left, *head.right)]
    top = min((box[1] for box in columns), default=0) - _ABOVE * high
    end = max((box[3] for box in columns), default=page.height_px / 4) + _BELOW * high
    below = [span for span in head.below if is_body(span.text) and span.box[3] - span.box[1] < 3 * high]
    if title is not None:
        end = title.spans[-1].box[3] + 1.6 * _SUBJECT_LINES * high
        below = [span for span in below if span.box[1] > title.spans[-1].box[3]]
    end = min([end, *(span.box[1] - 0.2 * high for span in below[:1]), _LOWEST * page.height_px])
    middle = end if title is None else min(title.spans[0].box[1] - 0.3 * high, end)
    return Area(max(round(top), 0), round(middle), min(round(end), page.height_px), round(head.gutter))


def look_again(area: Area, page: Page, sight: Sight, *, engine: Engine) -> Iterator[Page]:
    """`page` with the words of `area` as they are read there each other way; nothing where the page has no pixels."""
    pixels = sight.pixels(page.number)
    if pixels is None or area.bottom - area.top < 40:
        return
    views = views_of(pixels, (0, area.top, page.width_px, area.bottom), dpi=page.dpi)
    black = "black" if views.is_coloured else "grey"
    yield _with(page, area, _read(views, black, _parts(area, page), Layout.BLOCK, engine))
    yield _with(page, area, _read(views, black, [views.region], Layout.SPARSE, engine))
    other = "red" if views.is_coloured else "grey-thin"
    yield _with(page, area, _read(views, other, _parts(area, page), Layout.BLOCK, engine))


def _parts(area: Area, page: Page) -> list[Box]:
    """The two columns, and what stands under both of them."""
    parts = [(0, area.top, area.gutter, area.middle), (area.gutter, area.top, page.width_px, area.middle)]
    parts.append((0, area.middle, page.width_px, area.bottom))
    return [part for part in parts if part[2] - part[0] > 40 and part[3] - part[1] > 20]


def _read(views: Views, name: str, parts: Sequence[Box], layout: Layout, engine: Engine) -> list[Block]:
    found: list[Block] = []
    for part in parts:
        left, top, right, bottom = views.here(part)
        piece = views.picture(name)[top:bottom, left:right]
        piece = np.asarray(
            cv2.copyMakeBorder(piece, _EDGE, _EDGE, _EDGE, _EDGE, cv2.BORDER_CONSTANT, value=255), np.uint8
        )
        read = engine.read(np.ascontiguousarray(piece), dpi=views.dpi, layout=layout)
        found += mapped(read.blocks, _box_back(views, left, top), _point_back(views, left, top))
    return found


def _box_back(views: Views, left: int, top: int) -> Callable[[Box], Box]:
    def back(box: Box) -> Box:
        x, y = left - _EDGE, top - _EDGE
        return views.on_page((box[0] + x, box[1] + y, box[2] + x, box[3] + y))

    return back


def _point_back(views: Views, left: int, top: int) -> Callable[[float, float], tuple[float, float]]:
    def back(x: float, y: float) -> tuple[float, float]:
        return (
            (x + left - _EDGE) / views.factor + views.region[0],
            (y + top - _EDGE) / views.factor + views.region[1],
        )

    return back


def _with(page: Page, area: Area, read: Sequence[Block]) -> Page:
    """The page, what was read in `area` before replaced by `read`."""
    blocks = list(read)
    for block in page.blocks:
        lines = [
            [word for word in line.words if not area.top <= (word.box[1] + word.box[3]) / 2 < area.bottom]
            for line in block.lines
        ]
        if any(lines):
            blocks.append(block_of([line_of(words) for words in lines if words]))
    return replace(page, blocks=tuple(blocks))
