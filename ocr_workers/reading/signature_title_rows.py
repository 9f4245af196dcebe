"""The titles over the name of a signature block, each row read again view after view: power and position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ocr_workers.reading.signature_block import Cell, as_decreed, is_capitals, name_like, power_in
from ocr_workers.reading.signature_look import (
    CLOSEST_MM,
    EDGE_MM,
    ROOM_MM,
    UNDER_STROKES,
    Look,
    frame_of_words,
    grown,
    level,
    line_views,
    print_views,
    row_box,
    text_lines,
    title_rows,
)
from ocr_workers.reading.signature_names import NameRead, vote_on_name
from ocr_workers.reading.signature_rows import name_row_of
from ocr_workers.reading.signature_titles import TitleRead, TitleRow, combine, fit_of_positions, is_title, vote_on_row
from ocr_workers.reading.signature_words import letters, untitled
from sohoa.model import Box, Word, union

_SURE_ROW = 0.93
_MOST_LINES = 5
_PRINTED = 0.97  # the chance of what a page's own text says
_NAME_LIKE, _NAME_FOR_SURE = 0.4, 0.7
_BESIDE_MM = 12.0  # how far the middles of two titles of one signer stand apart at most
_LOWER_ROW = 0.6  # how much less sure a position is that print follows which nothing could be read of
_BEFORE_MM = 25.0  # left of a title, where a word of it may stand that was not read
_TALLEST_MM = 8.0  # of a title in one line; a taller one is two lines that were read as one
_ACTING: Final = {"PHUTRACH": "PHỤ TRÁCH", "DIEUHANH": "ĐIỀU HÀNH", "PHUTRACHDIEUHANH": "PHỤ TRÁCH ĐIỀU HÀNH"}
_ACTING_BESIDE = 3.5  # heights of a title between its middle and that of PHỤ TRÁCH under it
_MOST_TITLES = 3


def read_title(look: Look) -> TitleRead | None:
    """Each row over the name once more in view after view, until it is sure or has had its share of views."""
    name_row = name_row_of(look)
    rows = title_rows(look.seen, name_row)
    if not rows and name_row is not None and not look.above_read:
        _look_above(look, name_row)
        rows = title_rows(look.seen, name_row)
    if rows and not look.below_read:
        alone = len(rows) == 1 and as_decreed(power_in(rows[0][0].text)[0]) not in ("TM.", "Q.")
        look.unread_below = _print_below(look, rows[-1], name_row)
        if alone or look.unread_below is not None:
            _look_below(look, rows[-1])
            rows = title_rows(look.seen, name_row)
    voted: list[TitleRow | None] = []
    for cells in rows:
        box = row_box(cells)
        over = voted[-1] if voted else None
        place = f"title {round((box[1] + box[3]) / (9 * look.mm))}"
        row = vote_on_row(cells, over, look.fits.get(place))
        views = line_views(look, box)[:_MOST_LINES]
        whole = _with_print_before(look, box) if row is None or row.power is None else box
        if place not in look.had and not look.time_is_up:
            look.fits[place] = _print_title(look, cells, whole)
            look.had[place] = 0
            row = vote_on_row(
                [cell for seen in look.seen for cell in seen if level(cell.box, box)], over, look.fits.get(place)
            )
        while look.had.get(place, 0) < len(views) and not look.time_is_up:
            number = look.had.get(place, 0)
            if row is not None and _row_is_told(row, number if whole == box else number - 1):
                break
            above, beside = ((0.9, 2.5), (0.4, 6.0))[number % 2]
            area = grown(whole, beside=beside * look.mm, above=above * look.mm, inside=look.block.region)
            look.line(views[number][0], area, views[number][1])
            look.had[place] = number + 1
            row = vote_on_row(
                [cell for seen in look.seen for cell in seen if level(cell.box, box)], over, look.fits.get(place)
            )
        voted.append(row)
    title = _with_powers_seen(combine([row for row in voted if row is not None]), look, name_row)
    if title is None or title.position is None:
        return title
    below = look.unread_below
    doubts = (
        below is not None and not any(level(below, row_box(cells)) for cells in rows),
        title.position_box is not None and _goes_on_below(look, title.position_box, voted, name_row),
        title.position_box is not None and title.position_box[3] - title.position_box[1] > _TALLEST_MM * look.mm,
        title.position_box is not None
        and not title.position.startswith("PHÓ ")
        and _with_print_before(look, title.position_box) != title.position_box,
    )
    said = [letters(power_in(text)[1]) for text in look.printed_titles]
    confirmed = letters(title.position) in said and not any(doubts) if said else None
    title = replace(title, position_chance=_LOWER_ROW ** sum(doubts) * title.position_chance, confirmed=confirmed)
    return _in_charge_of(title, [cell for cells in look.seen for cell in cells])


def _print_title(look: Look, cells: Sequence[Cell], box: Box) -> dict[str, float]:
    """What the model for spoiled lines reads of a title joins what was seen; how well each known position fits its row."""
    frame = frame_of_words(look, box, [word for cell in cells for word in cell.words])
    printed = look.print_line(print_views(look, box, None)[0], frame)
    read = [Word(word.text, word.box, word.chance) for word in printed]
    if read:
        look.seen.append([Cell(tuple(read), union([word.box for word in read]))])
        look.printed_titles.append(look.seen[-1][0].text)
    return fit_of_positions(printed)


def _row_is_told(row: TitleRow, lines: int) -> bool:
    """Whether more views of a title hardly tell more. Of a body (TM. ỦY BAN …) only the power word is wanted."""
    return lines > 0 and (row.power_chance if row.position is None else row.chance) >= _SURE_ROW


def read_in_text(own: list[Cell]) -> tuple[NameRead | None, TitleRead | None]:
    """A page that carries its own text needs no second look: what stands there is what was printed."""
    rows = [vote_on_row(cells) for cells in title_rows([own], None)]
    title = combine([row for row in rows if row is not None])
    if title is not None and title.position_chance > 0.2:
        title = replace(title, position_chance=max(title.position_chance, _PRINTED), authority_chance=_PRINTED)
        title = _in_charge_of(title, own)
    like, best = max(((name_like(cell.text), cell) for cell in own), key=lambda one: one[0], default=(0.0, None))
    if best is None or like < _NAME_LIKE:
        return None, title
    name = vote_on_name([best.words])
    if name is not None:
        chance = max(name.chance, _PRINTED) if like >= _NAME_FOR_SURE else name.chance
        name = replace(name, text=" ".join(untitled(best.text).split()), chance=chance)
    return name, title


def _goes_on_below(look: Look, box: Box, rows: Sequence[TitleRow | None], name_row: Box | None) -> bool:
    """Whether several readings saw capitals close below the position that are no title: a part of one that a seal hides."""
    height = box[3] - box[1]
    until = box[3] + 1.5 * height if name_row is None else min(box[3] + 1.5 * height, name_row[1])
    titles = [row.box for row in rows if row is not None]

    def is_more(cell: Cell) -> bool:
        middle = (cell.box[1] + cell.box[3]) / 2
        return (
            box[3] < middle < until
            and is_capitals(cell.text)
            and abs(cell.centre - (box[0] + box[2]) / 2) < _BESIDE_MM * look.mm
            and not any(level(cell.box, title) for title in titles)
        )

    return sum(any(is_more(cell) for cell in cells) for cells in look.seen) > 1


def _in_charge_of(title: TitleRead, cells: Sequence[Cell]) -> TitleRead:
    """The title, or, where PHỤ TRÁCH or ĐIỀU HÀNH stands close below the position, that of a deputy in charge: both lines are
    the position."""
    if title.position is None or title.position_box is None:
        return title
    left, top, right, bottom = title.position_box
    below = [
        cell
        for cell in cells
        if letters(cell.text) in _ACTING
        and top < cell.box[1] < 2 * bottom - top
        and abs(cell.centre - (left + right) / 2) < _ACTING_BESIDE * (bottom - top)
    ]
    if not below:
        return title
    words, both = _ACTING[letters(below[0].text)], union([title.position_box, row_box(below)])
    return replace(
        title, position=f"{title.position} {words}", position_box=both, raw=f"{title.raw} / {words}", confirmed=None
    )


def _with_print_before(look: Look, box: Box) -> Box:
    """A title's box, wider where the stems of letters show that its row begins further left: PHÓ or HIỆU was not read."""
    left, top, right, bottom = box
    beside = _BEFORE_MM * look.mm
    row = look.readings.row_of_print(
        (round(left - beside), round(top - look.mm), round(right + 0.3 * beside), round(bottom + look.mm))
    )
    begins = row is not None and row.box[0] < left - EDGE_MM * look.mm and row.box[2] > left + EDGE_MM * look.mm
    return (row.box[0], top, right, bottom) if row is not None and begins else box


def _with_powers_seen(title: TitleRead | None, look: Look, name_row: Box | None) -> TitleRead | None:
    """That no power word stands there is in doubt where any reading saw one, and the position as well where it stands beside
    that, for then a deputy's may follow."""
    if title is None or title.authority is not None:
        return title
    beside = title.position_box
    if beside is not None and any(
        level(cell.box, beside) and cell.box[2] <= beside[0] + look.mm and power_in(f"{cell.text} X")[0]
        for cells in look.seen
        for cell in cells
    ):
        return replace(
            title, position_chance=_LOWER_ROW * title.position_chance, authority_chance=0.3 * title.authority_chance
        )
    above = [cell for cells in look.seen for cell in cells if name_row is None or cell.box[3] <= name_row[1]]
    if any(power_in(cell.text)[0] and is_title(power_in(cell.text)[1]) for cell in above):
        return replace(title, authority_chance=0.3 * title.authority_chance)
    return title


def _look_above(look: Look, name_row: Box) -> None:
    """Titles that no reading saw, as under a seal, stand where stems show rows of print above the name."""
    look.above_read = True
    left, top, right, _ = look.block.region
    known = text_lines(look.page)
    for _ in range(_MOST_TITLES):
        above = (left, top, right, round(name_row[1] - CLOSEST_MM * look.mm))
        row = look.readings.row_of_print(above, without=known)
        if row is None:
            return
        area = grown(row.box, beside=1.2 * look.mm, above=1.2 * look.mm, inside=look.block.region)
        for view, larger in UNDER_STROKES[look.readings.ink_of(row.box)][:1]:
            look.line(view, area, larger, row.slope)
        known.append(row.box)


def _print_below(look: Look, row: list[Cell], name_row: Box | None) -> Box | None:
    """A row of print close below the last title and well above the name: one more title, as a seal may have hidden it."""
    box = row_box(row)
    height = box[3] - box[1]
    left, _, right, bottom = look.block.region
    until = min(bottom if name_row is None else round(name_row[1] - ROOM_MM * look.mm), round(box[3] + 1.9 * height))
    found = look.readings.row_of_print((left, round(box[3] + 0.1 * height), right, until))
    beside = None if found is None else abs((found.box[0] + found.box[2]) / 2 - (box[0] + box[2]) / 2)
    return found.box if found is not None and beside is not None and beside < _BESIDE_MM * look.mm else None


def _look_below(look: Look, row: list[Cell]) -> None:
    """A title stamped close below a printed one, as a deputy's is, may have been missed: look for it there."""
    look.below_read = True
    box = row_box(row)
    height = min(box[3] - box[1], 5.5 * look.mm)
    for drop, view in ((1.0, 0), (0.6, 1), (0.8, 2)):
        top = round(box[3] - height + drop * height)
        band = (box[0] - 14 * look.mm, top, box[2] + 6 * look.mm, top + 1.45 * height)
        area = grown((round(band[0]), top, round(band[2]), round(band[3])), beside=0, above=0, inside=look.block.region)
        look.line(line_views(look, area)[view][0], area, 1.0)
