"""The rows of a signature block while it is read: where the name and the titles stand, each read again line by line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

from ocr_workers.reading.line_frame import LineFrame, base_of, usual_size
from ocr_workers.reading.print_lines import PrintWord
from ocr_workers.reading.signature_block import (
    Cell,
    SignatureBlock,
    as_decreed,
    cells_of,
    is_capitals,
    name_like,
    position_like,
    power_in,
)
from ocr_workers.reading.signature_names import NameRead, vote_on_name
from ocr_workers.reading.signature_readings import Ink, LineView, Readings
from ocr_workers.reading.signature_stems import PrintRow
from ocr_workers.reading.signature_titles import TitleRead, TitleRow, combine, is_title, vote_on_row
from ocr_workers.reading.signature_words import COMMON_SURNAMES, GIVEN, SURNAMES, letters, untitled
from sohoa.model import Box, Page, Word, union

_SURE, _SURE_ROW, _SURE_AT_ONCE = 0.97, 0.93, 0.99
_LIKELY, _UNCHANGED = 0.65, 0.02  # what is likely, and hardly more or less so after another view, stays as it is
_LEAST_LINES, _MANY_LINES, _LEAST_TITLE_LINES, _MOST_TITLE_LINES = 1, 5, 1, 5
_PRINTED = 0.97  # the chance of what a page's own text says
_SEALED_MM = 19.0  # below a title: closer than a signature leaves room for a name
_CLOSEST_MM, _ROOM_MM = 6.0, 15.0  # from a title down to a name: never less, seldom less
_NAME_LIKE, _MORE_THAN_PRINT = (
    0.4,
    0.55,
)  # how like a name a reading is that makes a row, against the row its stems show
_TITLE_FOR_SURE, _NO_NAME = 0.85, 0.1
_NAME_FOR_SURE = 0.7
_EDGE_MM = 3.0  # a capital
_BESIDE_MM = 12.0  # how far the middles of two titles of one signer stand apart at most
_LOWER_ROW = 0.6  # how much less sure a position is that print follows which nothing could be read of
_BEFORE_MM = 25.0  # left of a title, where a word of it may stand that was not read
_TALLEST_MM = 8.0  # of a title in one line; a taller one is two lines that were read as one
_ACTING: Final = {"PHUTRACH": "PHỤ TRÁCH", "DIEUHANH": "ĐIỀU HÀNH", "PHUTRACHDIEUHANH": "PHỤ TRÁCH ĐIỀU HÀNH"}
_MOST_TITLES = 3
_MOST_WORDS = 6  # of a name with a degree
_TITLE_LIKE = 0.6
_GREY: Final[tuple[LineView, ...]] = (
    ("grey", 1.0), ("grey-thin", 1.3), ("grey-all", 1.0), ("grey", 1.4), ("grey-thin", 1.0), ("grey-all", 1.4),
)  # fmt: skip
_BLACK: Final[tuple[LineView, ...]] = (
    ("red", 1.0), ("black", 1.3), ("grey", 1.0), ("red-thin", 1.0), ("black-dark", 1.0), ("red", 1.4), ("black-all", 1.0),
    ("stamp", 1.3),
)  # fmt: skip
_RED: Final[tuple[LineView, ...]] = (
    ("stamp", 1.0), ("grey", 1.3), ("stamp-dark", 1.0), ("stamp", 1.4), ("stain-dark", 1.0), ("stamp-dark", 1.3), ("stain", 1.0),
    ("grey-dark", 1.4),
)  # fmt: skip
_UNDER_STROKES: Final[dict[Ink, tuple[LineView, ...]]] = {
    "grey": (
        ("grey-free-dark", 1.5), ("grey-free", 1.0), ("grey-dark", 1.25), ("grey-free-dark", 0.75), ("grey-free-dark", 1.0),
        ("grey-free", 1.5), ("grey-bare-dark", 1.25), ("grey-bare", 1.5),
    ),
    "black": (
        ("black-free-dark", 1.5), ("red-free", 1.0), ("black-dark", 1.25), ("red-free-dark", 0.75), ("black-free-dark", 1.0),
        ("grey-free-dark", 1.25), ("black-bare-dark", 1.25), ("red-bare", 1.5),
    ),
    "red": (
        ("stamp-free-dark", 1.5), ("reddish-free", 1.0), ("reddish-free-dark", 1.25), ("stamp-dark", 1.0), ("stain-dark", 1.5),
        ("stamp-free", 1.0), ("reddish-bare", 1.5), ("stamp-bare-dark", 1.25),
    ),
    "blue": (
        ("bluish-free", 1.5), ("grey-free-dark", 1.0), ("bluish-free-dark", 1.25), ("bluish", 1.5), ("red-free-dark", 1.0),
        ("bluish-free-dark", 0.75), ("bluish-bare", 1.25), ("grey-bare-dark", 1.5),
    ),
}  # fmt: skip
"""Views of a row whose place its stems show, by its ink: strokes taken out, paler ink left out."""
_PRINT_ROOM_MM = 5.0  # beside a row, where a word of it may stand that was not read
_PRINT_VIEWS: Final[dict[Ink, tuple[str, ...]]] = {
    "grey": ("grey", "grey-free"),
    "black": ("red", "grey", "black-free"),
    "red": ("stamp", "reddish"),
    "blue": ("grey", "bluish"),
}
"""Views that the model for spoiled lines is shown, by a row's ink."""


@dataclass(slots=True)
class Look:
    """A block while it is read: cells by reading, the page pass's first; which line views each row has had."""

    page: Page
    block: SignatureBlock
    readings: Readings
    until: float
    seen: list[list[Cell]]
    had: dict[str, int] = field(default_factory=dict)
    reads: int = 0
    above_read: bool = False
    below_read: bool = False
    seen_titles: bool = False
    printed: PrintRow | None = None
    print_sought: bool = False
    unread_below: Box | None = None
    prints: dict[tuple[str, LineFrame], list[PrintWord]] = field(default_factory=dict)
    printed_titles: list[str] = field(default_factory=list)

    @property
    def mm(self) -> float:
        return self.page.dpi / 25.4

    @property
    def time_is_up(self) -> bool:
        return time.thread_time() > self.until

    def sparse(self, view: str) -> None:
        """Read the whole block in one view."""
        below_titles = self.block.titles and self.seen_titles
        top = max(cell.box[3] for cell in self.block.titles) if below_titles else self.block.region[1]
        left, _, right, bottom = self.block.region
        self.seen.append(self.readings.sparse(view, (left, round(top), right, bottom)))
        self.reads += 1

    def print_line(self, view: str, frame: LineFrame) -> list[PrintWord]:
        """One line of print in one view, by the model for spoiled lines; each is read once."""
        if (view, frame) not in self.prints:
            self.prints[view, frame] = self.readings.print_line(view, frame)
        return self.prints[view, frame]

    def line(self, view: str, box: Box, larger: float, slope: float = 0.0) -> None:
        """Read one row in one view; what stands in it joins what was seen."""
        self.reads += 1
        words = self.readings.line(view, box, larger, slope)
        if words:
            self.seen.append([Cell(tuple(words), union([word.box for word in words]))])


def read_name(look: Look) -> NameRead | None:
    """The name's row once more in view after view, until the vote is sure or the views are through."""
    row = name_row_of(look)
    if row is None:
        return None
    printed = look.printed if look.printed is not None and _meet(look.printed.box, row) else None
    inside = look.block.region
    if printed is not None:
        areas = [
            _grown(printed.box, beside=0.6 * look.mm, above=1.2 * look.mm, inside=inside),
            _grown(row, beside=1.2 * look.mm, above=1.7 * look.mm, inside=inside),
        ]
        views = _UNDER_STROKES[look.readings.ink_of(printed.box)]
    else:
        areas = [
            _grown(row, beside=2 * look.mm, above=1.2 * look.mm, inside=inside),
            _grown(row, beside=9 * look.mm, above=1.8 * look.mm, inside=inside),
        ]
        views = _line_views(look, row)
    print_to = None if printed is None else (printed.box[0] + _EDGE_MM * look.mm, printed.box[2] - _EDGE_MM * look.mm)
    frame = _frame_of(look, row, printed)
    prints = [look.print_line(view, frame) for view in _print_views(look, row, printed)]
    before: NameRead | None = None
    while True:
        number = look.had.get("name", 0)
        at_end = number >= len(views) or look.time_is_up
        if at_end or number >= _LEAST_LINES:
            name = vote_on_name(_row_words(look, row), print_to, prints=prints)
            if at_end or (name is not None and _is_told(name, before, number)):
                return None if name is None else _unless_title(name)
            before = name
        view, larger = views[number]
        look.line(view, areas[number % 2], larger, 0.0 if printed is None else printed.slope)
        look.had["name"] = number + 1


def _frame_of(look: Look, row: Box, printed: PrintRow | None) -> LineFrame:
    """The name's row as a line of print: as its stems tell, or else the words that readings have of it."""
    if printed is None:
        return _frame_of_words(look, row, [word for words in _row_words(look, row) for word in words])
    frame = _frame_of_words(look, printed.box, [])
    middle = (printed.box[0] + printed.box[2]) / 2
    return replace(frame, base=frame.base + printed.slope * (frame.left - middle), slope=printed.slope)


def _frame_of_words(look: Look, box: Box, words: Sequence[Word]) -> LineFrame:
    """A level row in `box` with room beside it, its base line told by words in it, or by the box where there are none."""
    usual = usual_size(tuple(look.page.lines()), look.page.dpi)
    room, inside = _PRINT_ROOM_MM * look.mm, look.block.region
    start, end = max(box[0] - room, float(inside[0])), min(box[2] + room, float(inside[2]))
    spelt = [word for word in words if sum(map(str.isalpha, word.text)) > 1]
    return LineFrame(start, end, base_of(spelt, usual) if spelt else float(box[3]), 0.0, usual)


def _print_views(look: Look, row: Box, printed: PrintRow | None) -> tuple[str, ...]:
    ink = look.readings.ink_of(row if printed is None else printed.box)
    return _PRINT_VIEWS["black" if ink == "grey" and look.readings.views.is_coloured else ink]


def _unless_title(name: NameRead) -> NameRead:
    """The name; hardly to be believed where it reads like a title or, in capitals, opens with no surname, as bodies do. None of
    two syllables, or that opens with what is no surname, is confirmed: engine and model lose the same beginning or end."""
    first = name.text.split()[0]
    is_other = position_like(name.text)[1] >= _TITLE_FOR_SURE or (
        name.text.isupper() and first.capitalize() not in SURNAMES | COMMON_SURNAMES
    )
    if is_other:
        return replace(name, chance=_NO_NAME * name.chance)
    opens = first.capitalize() in SURNAMES | COMMON_SURNAMES
    is_whole = opens and len(name.text.split()) > 2
    return name if is_whole or name.confirmed is None else replace(name, confirmed=False)


def _is_told(name: NameRead, before: NameRead | None, lines: int) -> bool:
    """Whether more views of the row hardly tell more: the name is sure, or likely and the last of many changed nothing."""
    unchanged = before is not None and before.text == name.text and abs(before.chance - name.chance) < _UNCHANGED
    return name.chance >= _SURE or (unchanged and name.chance >= _LIKELY and lines >= _MANY_LINES)


def read_title(look: Look) -> TitleRead | None:
    """Each row over the name once more in view after view, until it is sure or has had its share of views."""
    name_row = name_row_of(look)
    rows = _title_rows(look.seen, name_row)
    if not rows and name_row is not None and not look.above_read:
        _look_above(look, name_row)
        rows = _title_rows(look.seen, name_row)
    if rows and not look.below_read:
        alone = len(rows) == 1 and as_decreed(power_in(rows[0][0].text)[0]) not in ("TM.", "Q.")
        look.unread_below = _print_below(look, rows[-1], name_row)
        if alone or look.unread_below is not None:
            _look_below(look, rows[-1])
            rows = _title_rows(look.seen, name_row)
    voted: list[TitleRow | None] = []
    for cells in rows:
        box = _row_box(cells)
        row = vote_on_row(cells)
        place = f"title {round((box[1] + box[3]) / (9 * look.mm))}"
        views = _line_views(look, box)[:_MOST_TITLE_LINES]
        whole = _with_print_before(look, box) if row is None or row.power is None else box
        if place not in look.had and not look.time_is_up:
            _print_title(look, cells, whole)
            look.had[place] = 0
            row = vote_on_row([cell for seen in look.seen for cell in seen if level(cell.box, box)])
        while look.had.get(place, 0) < len(views) and not look.time_is_up:
            number = look.had.get(place, 0)
            if row is not None and _row_is_told(row, number if whole == box else number - 1):
                break
            above, beside = ((0.9, 2.5), (0.4, 6.0))[number % 2]
            area = _grown(whole, beside=beside * look.mm, above=above * look.mm, inside=look.block.region)
            look.line(views[number][0], area, views[number][1])
            look.had[place] = number + 1
            row = vote_on_row([cell for seen in look.seen for cell in seen if level(cell.box, box)])
        voted.append(row)
    title = _with_powers_seen(combine([row for row in voted if row is not None]), look, name_row)
    if title is None or title.position is None:
        return title
    below = look.unread_below
    doubts = (
        below is not None and not any(level(below, _row_box(cells)) for cells in rows),
        title.position_box is not None and _goes_on_below(look, title.position_box, voted, name_row),
        title.position_box is not None and title.position_box[3] - title.position_box[1] > _TALLEST_MM * look.mm,
        title.position_box is not None
        and not title.position.startswith("PHÓ ")
        and _with_print_before(look, title.position_box) != title.position_box,
    )
    said = [letters(power_in(text)[1]) for text in look.printed_titles]
    confirmed = letters(title.position) in said and not any(doubts) if said else None
    title = replace(title, position_chance=_LOWER_ROW ** sum(doubts) * title.position_chance, confirmed=confirmed)
    acting = _acting_below(look, title.position_box) if title.position_box is not None else None
    return title if acting is None else _in_charge(title, *acting)


def _print_title(look: Look, cells: Sequence[Cell], box: Box) -> None:
    """What the model for spoiled lines reads of a title joins what was seen."""
    frame = _frame_of_words(look, box, [word for cell in cells for word in cell.words])
    read = [Word(word.text, word.box, word.chance) for word in look.print_line(_print_views(look, box, None)[0], frame)]
    if read:
        look.seen.append([Cell(tuple(read), union([word.box for word in read]))])
        look.printed_titles.append(look.seen[-1][0].text)


def _row_is_told(row: TitleRow, lines: int) -> bool:
    """Whether more views of a title hardly tell more. Of a body (TM. ỦY BAN …) only the power word is wanted."""
    if lines < _LEAST_TITLE_LINES:
        return lines > 0 and row.chance >= _SURE_AT_ONCE
    return (row.power_chance if row.position is None else row.chance) >= _SURE_ROW


def read_in_text(own: list[Cell]) -> tuple[NameRead | None, TitleRead | None]:
    """A page that carries its own text needs no second look: what stands there is what was printed."""
    rows = [vote_on_row(cells) for cells in _title_rows([own], None)]
    title = combine([row for row in rows if row is not None])
    if title is not None and title.position_chance > 0.2:
        title = replace(title, position_chance=max(title.position_chance, _PRINTED), authority_chance=_PRINTED)
    like, best = max(((name_like(cell.text), cell) for cell in own), key=lambda one: one[0], default=(0.0, None))
    if best is None or like < _NAME_LIKE:
        return None, title
    name = vote_on_name([best.words])
    if name is not None:
        chance = max(name.chance, _PRINTED) if like >= _NAME_FOR_SURE else name.chance
        name = replace(name, text=" ".join(untitled(best.text).split()), chance=chance)
    return name, title


def find_print(look: Look) -> None:
    """Where letters' stems show a row of print below the titles."""
    left, top, right, bottom = look.block.region
    seen = [cell for cells in _title_rows(look.seen, None) for cell in cells if is_capitals(cell.text)]
    titles = [cell.box[3] for cell in (*look.block.titles, *seen)]
    end = max(titles, default=top)
    start = end + _CLOSEST_MM * look.mm if titles else top
    look.print_sought = True
    look.printed = look.readings.row_of_print(
        (left, round(start), right, bottom),
        doubtful_to=end + _ROOM_MM * look.mm if titles else 0.0,
        without=_text_lines(look.page),
    )


def name_row_of(look: Look) -> Box | None:
    """Where the name stands: the row below the titles that most readings took for one; close below them is a seal's text."""
    top = max((cell.box[3] for cell in look.block.titles), default=look.block.region[1])
    likely = [
        (like * (0.5 if look.block.titles and cell.box[1] - top < _SEALED_MM * look.mm else 1.0), cell)
        for cells in look.seen
        for cell in cells
        if cell.box[1] > top - 2 and (like := max(name_like(cell.text), _part_of_name(cell))) > 0
    ]
    printed = None if look.printed is None else look.printed.box
    votes = [sum(like for like, other in likely if level(cell.box, other.box)) + 0.1 * own for own, cell in likely]
    if not votes or max(votes) < _NAME_LIKE:
        return printed
    chosen = likely[votes.index(max(votes))][1]
    same_row = [(like, other) for like, other in likely if level(chosen.box, other.box)]
    row = _row_box([other for _, other in same_row])
    if printed is None:
        return row
    if _meet(row, printed):
        return (min(row[0], printed[0]), printed[1], max(row[2], printed[2]), printed[3])
    return row if max(like for like, _ in same_row) >= _MORE_THAN_PRINT else printed


def _part_of_name(cell: Cell) -> float:
    """A name of which a seal hides a part still shows a syllable."""
    parts = [word.text for word in cell.words if word.confidence >= 0.75 and word.text in GIVEN]
    return 0.3 if parts and len(cell.words) <= 5 else 0.0


def _row_words(look: Look, row: Box) -> list[list[Word]]:
    mm = look.page.dpi / 25.4
    left, right = row[0] - 14 * mm, row[2] + 14 * mm
    found = []
    for cells in look.seen:
        words = [w for cell in cells for w in cell.words if level(w.box, row) and w.box[0] > left and w.box[2] < right]
        if words:
            found.append(words)
    return found


def _title_rows(seen: list[list[Cell]], name_row: Box | None) -> list[list[Cell]]:
    """Cells of all readings that are titles, row by row from the top."""
    rows: list[list[Cell]] = []
    for cells in seen:
        for cell in cells:
            if name_row is not None and cell.box[3] > name_row[1]:
                continue
            power, rest = power_in(cell.text)
            if not is_title(cell.text) or (power is None and position_like(rest)[1] < _TITLE_LIKE):
                continue
            for row in rows:
                if any(level(cell.box, other.box) for other in row):
                    row.append(cell)
                    break
            else:
                rows.append([cell])
    return sorted(rows, key=lambda row: sum(cell.box[1] for cell in row) / len(row))


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


def _acting_below(look: Look, box: Box) -> tuple[str, Box] | None:
    """PHỤ TRÁCH or ĐIỀU HÀNH close below a position, which is a part of it; how it is spelt, and where it stands."""
    cells = [
        cell
        for cells in look.seen
        for cell in cells
        if letters(cell.text) in _ACTING
        and box[1] < cell.box[1] < box[3] + box[3] - box[1]
        and abs(cell.centre - (box[0] + box[2]) / 2) < _BESIDE_MM * look.mm
    ]
    return (_ACTING[letters(cells[0].text)], _row_box(cells)) if cells else None


def _in_charge(title: TitleRead, words: str, box: Box) -> TitleRead:
    """A deputy in charge: both lines are the position."""
    assert title.position is not None
    assert title.position_box is not None
    both = union([title.position_box, box])
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
    begins = row is not None and row.box[0] < left - _EDGE_MM * look.mm and row.box[2] > left + _EDGE_MM * look.mm
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
    known = _text_lines(look.page)
    for _ in range(_MOST_TITLES):
        above = (left, top, right, round(name_row[1] - _CLOSEST_MM * look.mm))
        row = look.readings.row_of_print(above, without=known)
        if row is None:
            return
        area = _grown(row.box, beside=1.2 * look.mm, above=1.2 * look.mm, inside=look.block.region)
        for view, larger in _UNDER_STROKES[look.readings.ink_of(row.box)][:_LEAST_TITLE_LINES]:
            look.line(view, area, larger, row.slope)
        known.append(row.box)


def _text_lines(page: Page) -> list[Box]:
    """What the page pass read that is longer than a name or a title."""
    return [cell.box for cell in cells_of(page) if len(cell.words) > _MOST_WORDS]


def _print_below(look: Look, row: list[Cell], name_row: Box | None) -> Box | None:
    """A row of print close below the last title and well above the name: one more title, as a seal may have hidden it."""
    box = _row_box(row)
    height = box[3] - box[1]
    left, _, right, bottom = look.block.region
    until = min(bottom if name_row is None else round(name_row[1] - _ROOM_MM * look.mm), round(box[3] + 1.9 * height))
    found = look.readings.row_of_print((left, round(box[3] + 0.1 * height), right, until))
    beside = None if found is None else abs((found.box[0] + found.box[2]) / 2 - (box[0] + box[2]) / 2)
    return found.box if found is not None and beside is not None and beside < _BESIDE_MM * look.mm else None


def _look_below(look: Look, row: list[Cell]) -> None:
    """A title stamped close below a printed one, as a deputy's is, may have been missed: look for it there."""
    look.below_read = True
    box = _row_box(row)
    height = min(box[3] - box[1], 5.5 * look.mm)
    for drop, view in ((1.0, 0), (0.6, 1), (0.8, 2)):
        top = round(box[3] - height + drop * height)
        band = (box[0] - 14 * look.mm, top, box[2] + 6 * look.mm, top + 1.45 * height)
        area = _grown(
            (round(band[0]), top, round(band[2]), round(band[3])), beside=0, above=0, inside=look.block.region
        )
        look.line(_line_views(look, area)[view][0], area, 1.0)


def _row_box(cells: Sequence[Cell]) -> Box:
    """As wide as any reading saw the row, as high as most did: a stroke that touches a letter makes its box tall."""
    box = union([cell.box for cell in cells])
    words = [word for cell in cells for word in cell.words if sum(map(str.isalpha, word.text)) >= 2]
    boxes = [word.box for word in words] or [cell.box for cell in cells]
    return (box[0], round(median(one[1] for one in boxes)), box[2], round(median(one[3] for one in boxes)))


def _line_views(look: Look, box: Box) -> tuple[LineView, ...]:
    if not look.readings.views.is_coloured:
        return _GREY
    return _RED if look.readings.is_red(box) else _BLACK


def _grown(box: Box, *, beside: float, above: float, inside: Box) -> Box:
    return (
        max(round(box[0] - beside), inside[0]),
        max(round(box[1] - above), inside[1]),
        min(round(box[2] + beside), inside[2]),
        min(round(box[3] + above), inside[3]),
    )


def _meet(one: Box, other: Box) -> bool:
    """In one row, one of which may be tilted: the lower box shares half of its height with the other."""
    shared = min(one[3], other[3]) - max(one[1], other[1])
    return 2 * shared > min(one[3] - one[1], other[3] - other[1])


def level(one: Box, other: Box) -> bool:
    """In one row: the middle of each lies well within the other."""
    apart = abs(one[1] + one[3] - other[1] - other[3]) / 2
    heights = (one[3] - one[1], other[3] - other[1])
    return apart < 0.5 * min(heights) or (apart < 0.3 * max(heights) and 2.2 * min(heights) > max(heights))
