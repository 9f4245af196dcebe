"""The name's row of a signature block: where it stands, and what it says, read again view after view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ocr_workers.boxes import on_one_line
from ocr_workers.reading.line_frame import LineFrame
from ocr_workers.reading.signature_block import Cell, is_capitals, name_like, position_like
from ocr_workers.reading.signature_likeness import names_like
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
from ocr_workers.reading.signature_names import SIGNS, NameRead, vote_on_name
from ocr_workers.reading.signature_stems import PrintRow
from ocr_workers.reading.signature_words import COMMON_SURNAMES, GIVEN, SURNAMES
from sohoa.model import Box, Word, union

_SURE = 0.97
_LIKELY, _UNCHANGED = 0.65, 0.02  # what is likely, and hardly more or less so after another view, stays as it is
_LEAST_LINES, _MANY_LINES = 1, 5
_SEALED_MM = 19.0  # below a title: closer than a signature leaves room for a name
_NAME_LIKE = 0.4  # how like a name a reading is that makes a row
_MORE_THAN_PRINT = 0.55  # and one that does so against the row its stems show
_TITLE_FOR_SURE, _NO_NAME = 0.85, 0.1
_HIDDEN_MM = 12.0  # left of what was read of a name, where a seal may hide its first syllables
_SPACE_EMS = 1.0  # between words of a name at most
_LEAST_SURNAME = 0.15  # how sure the model is at least of a syllable where nothing else was read
_CLEAR_SURNAME = 0.5  # and where something was, but no name


def read_name(look: Look) -> NameRead | None:
    """The name's row once more in view after view, until the vote is sure or the views are through."""
    row = name_row_of(look)
    if row is None:
        return None
    printed = look.printed if look.printed is not None and on_one_line(look.printed.box, row) else None
    inside = look.block.region
    if printed is not None:
        areas = [
            grown(printed.box, beside=0.6 * look.mm, above=1.2 * look.mm, inside=inside),
            grown(row, beside=1.2 * look.mm, above=1.7 * look.mm, inside=inside),
        ]
        views = UNDER_STROKES[look.readings.ink_of(printed.box)]
    else:
        areas = [
            grown(row, beside=2 * look.mm, above=1.2 * look.mm, inside=inside),
            grown(row, beside=9 * look.mm, above=1.8 * look.mm, inside=inside),
        ]
        views = line_views(look, row)
    print_to = None if printed is None else (printed.box[0] + EDGE_MM * look.mm, printed.box[2] - EDGE_MM * look.mm)
    frame = _frame_of(look, row, printed)
    print_ways = print_views(look, row, printed)
    prints = [look.print_line(view, frame) for view in print_ways]
    before: NameRead | None = None
    while True:
        number = look.had.get("name", 0)
        at_end = number >= len(views) or look.time_is_up
        if at_end or number >= _LEAST_LINES:
            name = vote_on_name(row_words(look, row), print_to, prints=prints)
            if at_end or (name is not None and _is_told(name, before, number)):
                return None if name is None else _unless_title(_with_surname(name, look, print_ways[0], frame))
            before = name
        view, larger = views[number]
        look.line(view, areas[number % 2], larger, 0.0 if printed is None else printed.slope)
        look.had["name"] = number + 1


def _frame_of(look: Look, row: Box, printed: PrintRow | None) -> LineFrame:
    """The name's row as a line of print: as its stems tell, or else the words that readings have of it."""
    if printed is None:
        return frame_of_words(look, row, [word for words in row_words(look, row) for word in words])
    frame = frame_of_words(look, printed.box, [])
    middle = (printed.box[0] + printed.box[2]) / 2
    return replace(frame, base=frame.base + printed.slope * (frame.left - middle), slope=printed.slope)


def _with_surname(name: NameRead, look: Look, view: str, frame: LineFrame) -> NameRead:
    """The name with the surname that a seal hid from all readings, where the model for spoiled lines sees one further left than
    they saw print; it is not confirmed then."""
    left = max(frame.left - _HIDDEN_MM * look.mm, float(look.block.region[0]))
    wide = replace(frame, left=left, base=frame.base - frame.slope * (frame.left - left))
    read = look.print_line(view, wide)
    opens = name.text.split()[0]
    own = next((word for word in read if word.text.strip(SIGNS) == opens), None)
    reach = name.box[0] if own is None else own.box[0]
    found = False
    for word in reversed([word for word in read if word.box[0] + word.box[2] < 2 * reach]):
        text = word.text.strip(SIGNS)
        is_outside = word.box[0] + word.box[2] < 2 * frame.left
        options = names_like(text, opens=True) if is_outside else (text,) if text in COMMON_SURNAMES else ()
        is_near = -_SPACE_EMS * frame.em < reach - word.box[2] < _SPACE_EMS * frame.em
        least = _LEAST_SURNAME if is_outside else _CLEAR_SURNAME
        if not is_near or word.chance < least or len(text) < 2 or not options:
            break
        likeliest = options[int(np.argmax(word.chances(options)))]
        name = replace(name, text=f"{likeliest} {name.text}", box=union([name.box, word.box]))
        reach, found = word.box[0], True
    return replace(name, confirmed=False) if found else name


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


def find_print(look: Look) -> None:
    """Where letters' stems show a row of print below the titles."""
    left, top, right, bottom = look.block.region
    seen = [cell for cells in title_rows(look.seen, None) for cell in cells if is_capitals(cell.text)]
    titles = [cell.box[3] for cell in (*look.block.titles, *seen)]
    end = max(titles, default=top)
    start = end + CLOSEST_MM * look.mm if titles else top
    look.print_sought = True
    look.printed = look.readings.row_of_print(
        (left, round(start), right, bottom),
        doubtful_to=end + ROOM_MM * look.mm if titles else 0.0,
        without=text_lines(look.page),
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
    row = row_box([other for _, other in same_row])
    if printed is None:
        return row
    if on_one_line(row, printed):
        return (min(row[0], printed[0]), printed[1], max(row[2], printed[2]), printed[3])
    return row if max(like for like, _ in same_row) >= _MORE_THAN_PRINT else printed


def _part_of_name(cell: Cell) -> float:
    """A name of which a seal hides a part still shows a syllable."""
    parts = [word.text for word in cell.words if word.confidence >= 0.75 and word.text in GIVEN]
    return 0.3 if parts and len(cell.words) <= 5 else 0.0


def row_words(look: Look, row: Box) -> list[list[Word]]:
    mm = look.page.dpi / 25.4
    left, right = row[0] - 14 * mm, row[2] + 14 * mm
    found = []
    for cells in look.seen:
        words = [w for cell in cells for w in cell.words if level(w.box, row) and w.box[0] > left and w.box[2] < right]
        if words:
            found.append(words)
    return found
