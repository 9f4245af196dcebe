"""Where a paper is signed: the block of power, position and name, found by several signs of it together, never by one label.

Signs: a position or a power word in capitals, a person's name below it, "Nơi nhận" beside it. Papers from before 2020, joint
papers (two blocks side by side), party papers and certificates lack some of them; annexes come after the block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Final

from ocr_workers.reading.signature_words import (
    CLERKS,
    COMMON_SURNAMES,
    GIVEN,
    POSITIONS,
    ROLES,
    SURNAMES,
    alike,
    fold,
    is_syllable,
    letters,
    untitled,
)
from sohoa.model import Box, Page, Word, union

_GAP = 1.8  # heights of a word between two columns that the engine took for one line
_ALIKE = 0.72  # from here capitals are taken for a known position
_STRONG = 0.62
_SIGNED_MM = (4.0, 78.0)  # between the position and the name below it
_MOST_BLOCKS = 2
_LONGEST = 70
_RIGHT = 0.58  # of a page's width: titles centred further right stand in the signer's column
_UNSIGNED, _CENTRED = (
    0.75,
    0.5,
)  # what titles count for without a name and without recipients beside, there and elsewhere
_APPROVER = 0.3
_BESIDE = 0.5  # of the first block's score: less is no second signer's
_POWER: Final = re.compile(
    r"^\W{0,2}(T\W?M|T\W?U\W?Q|K\W?T|T\W?L|Q)\s?[.,:•;·-]+\s*(?=\w)|^\W{0,2}(T/?M|T/?U/?Q|K/?T|T/?L)\s+(?=\w)"
)
_FOLDED_POSITIONS: Final = tuple((name, letters(name)) for name in (*POSITIONS, *ROLES))
_NOT_NAMES: Final = (
    "QUYETDINH", "NGHIQUYET", "KINHGUI", "DIEU", "NOINHAN", "CANCU", "THONGBAO", "DOCLAP", "CONGHOA", "KYTEN", "DANGKY",
    "DANHSACH", "HANOI", "TONGCONG", "HOTEN", "HOVATEN", "GHICHU", "LAODONG", "PHULUC",
)  # fmt: skip
_APPROVALS: Final = ("DUYET", "THAMDINH")
_ANNEX: Final = ("PHULUC", "BIEUMAU", "DANHSACH", "MAUSO")


@dataclass(frozen=True, slots=True)
class Cell:
    """Words side by side in one column of a line."""

    words: tuple[Word, ...]
    box: Box

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def centre(self) -> float:
        return (self.box[0] + self.box[2]) / 2

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


@dataclass(frozen=True, slots=True)
class SignatureBlock:
    """One signer's place on a page, in its page frame.

    `titles` are the cells of power and position as the page pass read them, `name` the name's cell, each where found;
    `region` is all that may belong to the block. `score` in [0, 1]: how many signs speak for it.
    """

    page: int
    region: Box
    titles: tuple[Cell, ...]
    name: Cell | None
    score: float


def find_blocks(pages: Sequence[Page]) -> tuple[SignatureBlock, ...]:
    """The likeliest block first; of a joint paper both, from left to right. Empty where nothing looks like a signature."""
    best: list[SignatureBlock] = []
    for page in pages:
        if page.number > 1 and best and _is_annex(page):
            continue
        found = _blocks_on(page)
        if found and (not best or found[0].score > best[0].score + 0.15):
            best = found
        if best and best[0].score >= _STRONG:
            break
    return tuple(best)


def cells_of(page: Page) -> list[Cell]:
    """The page's lines cut where columns part."""
    return [cell for line in page.lines() for cell in cut(line.words)]


def cut(words: Iterable[Word]) -> list[Cell]:
    """Words of one line as cells."""
    line = sorted(words, key=lambda word: word.box[0])
    if not line:
        return []
    height = median(word.box[3] - word.box[1] for word in line)
    cells: list[list[Word]] = []
    for word in line:
        if cells and word.box[0] - cells[-1][-1].box[2] < _GAP * height:
            cells[-1].append(word)
        else:
            cells.append([word])
    return [Cell(tuple(group), union([word.box for word in group])) for group in cells]


@lru_cache(maxsize=8192)
def power_in(text: str) -> tuple[str | None, str]:
    """The power word a line opens with (`KT.`, or `T/M` as party papers have it), and the rest of the line."""
    plain = re.sub(r"^\W{0,2}(?:TÌ|TI|[1IĨ])(?=[ML][.,])", "T", text.strip())
    match = _POWER.match(plain)
    if match is None:
        return None, text
    word = match[1] or match[2]
    power = f"{word[0]}/{word[2:].replace('/', '')}" if "/" in word else f"{re.sub(r'[^A-Z]', '', word)}."
    return power, plain[match.end() :].strip()


def as_decreed(power: str | None) -> str | None:
    """The power word as Nghị định 30/2020 writes it: party papers print `T/M` for `TM.`."""
    return power.replace("/", "") + "." if power and "/" in power else power


@lru_cache(maxsize=8192)
def position_like(text: str) -> tuple[str | None, float]:
    """The known position that capitals look most like, and how much, in [0, 1]; a tail (`… SỞ Y TẾ`) does not count."""
    read = letters(text)
    if len(read) < 4:
        return None, 0.0
    best, how = None, 0.0
    for name, known in _FOLDED_POSITIONS:
        if abs(len(known) - len(read)) <= 0.4 * len(known):
            ratio = alike(known, read)
        elif len(read) > len(known):
            ratio = alike(known, read[: len(known)]) - 0.06
        else:
            continue
        if ratio > how or (ratio == how and best is not None and len(name) > len(best)):
            best, how = name, ratio
    return best, how


@lru_cache(maxsize=8192)
def name_like(text: str) -> float:
    """How much a line looks like nothing but a person's name, in [0, 1]."""
    plain = untitled(re.sub(r"[^\w\s.'-]|[\d_]", " ", text).strip())
    parts = [part.strip(".'-") for part in plain.split() if any(map(str.isalpha, part))]
    if not 2 <= len(parts) <= 5 or letters(plain).startswith(_NOT_NAMES):
        return 0.0
    shaped = [
        part for part in parts if part[:1].isupper() and (part[1:].islower() or part.isupper()) and len(part) <= 7
    ]
    if len(shaped) < len(parts) - (len(parts) > 2):
        return 0.0
    first = parts[0].capitalize()
    surname = (
        1.0
        if first in COMMON_SURNAMES
        else 0.85
        if first in SURNAMES
        else max(_like_a_surname(part) for part in parts[:2])
    )
    given = sum(part.capitalize() in GIVEN for part in parts[1:]) / (len(parts) - 1)
    spelt = sum(is_syllable(part) for part in parts) / len(parts)
    capitals = 0.5 if any(len(part) > 1 and part.isupper() for part in parts) else 1.0
    return capitals * (0.5 * surname + 0.3 * given + 0.2 * spelt)


def _like_a_surname(part: str) -> float:
    known = fold(part)
    if known in _FOLDED_SURNAMES:
        return 0.75
    return 0.6 if len(known) >= 5 and any(alike(known, other) >= 0.8 for other in _FOLDED_SURNAMES) else 0.0


_FOLDED_SURNAMES: Final = frozenset(fold(name) for name in COMMON_SURNAMES)


def is_capitals(text: str) -> bool:
    """Mostly capitals."""
    signs = [c for c in text if c.isalpha()]
    return len(signs) >= 4 and sum(c.isupper() for c in signs) >= 0.7 * len(signs)


def _is_annex(page: Page) -> bool:
    first = "".join(letters(line.text) for line in list(page.lines())[:3])
    return first.startswith(_ANNEX)


def _blocks_on(page: Page) -> list[SignatureBlock]:
    cells = cells_of(page)
    mm = page.dpi / 25.4
    labels = [cell for cell in cells if _is_recipients(cell) and cell.box[0] < 0.5 * page.width_px]
    below_header = 0.22 * page.height_px if page.number == 1 else 0.0
    names = [(cell, like) for cell in cells if (like := name_like(cell.text)) >= 0.5 and cell.box[1] > below_header]
    blocks = [
        _with_titles(page, group, how, names, labels)
        for group, how in _title_groups([cell for cell in cells if cell.box[1] > below_header], mm)
    ]
    taken = {id(block.name) for block in blocks}
    blocks += [
        block
        for cell, like in names
        if id(cell) not in taken and (block := _by_name(page, cell, like, labels)) is not None
    ]
    seen = blocks
    blocks = sorted((block for block in blocks if block.score > 0.25), key=lambda block: -block.score)
    if not blocks:
        return [_by_label(page, labels[-1])] if labels else []
    if _is_role(blocks[0]):
        beside = [block for block in seen if _is_role(block) and _is_level(block, blocks[0], mm)]
        near = [block for block in blocks if block.score > blocks[0].score - 0.2]
        return [max((*near, *beside), key=_officials_place)]
    if _is_clerk(blocks[0]):
        blocks = [block for block in blocks[1:] if _is_level(block, blocks[0], mm)] or blocks
    beside = [
        block
        for block in blocks[1:]
        if block.score > _BESIDE * blocks[0].score and _stands_beside(block, blocks[0], mm) and not _is_clerk(block)
    ]
    return sorted([blocks[0], *beside[: _MOST_BLOCKS - 1]], key=lambda block: block.region[0]) if beside else blocks[:1]


def _is_role(block: SignatureBlock) -> bool:
    return bool(block.titles) and position_like(block.titles[0].text)[0] in ROLES


def _is_clerk(block: SignatureBlock) -> bool:
    return bool(block.titles) and position_like(block.titles[0].text)[0] in CLERKS


def _officials_place(block: SignatureBlock) -> tuple[bool, int]:
    """A form is signed by citizen and official: who holds a position, or stands to the right, signs for the office."""
    return (not _is_role(block), block.region[0])


def _is_recipients(cell: Cell) -> bool:
    read = letters(" ".join(word.text for word in cell.words[:3]))
    return any(alike(read[:7], known) >= 0.8 for known in ("NOINHAN", "NOIGUI")) and not read.startswith("NOIDUNG")


def _title_groups(cells: list[Cell], mm: float) -> list[tuple[list[Cell], float]]:
    """Cells of power and position, stacked; with how sure the best of each stack is."""
    likely: list[tuple[Cell, float]] = []
    for cell in cells:
        if not is_capitals(cell.text) or len(cell.text) > _LONGEST:
            continue
        power, rest = power_in(cell.text)
        how = position_like(rest)[1]
        if power is not None:
            how = max(how, 0.85)
        if how >= _ALIKE:
            likely.append((cell, how))
    groups: list[tuple[list[Cell], float]] = []
    for cell, how in sorted(likely, key=lambda pair: pair[0].box[1]):
        for number, (group, best) in enumerate(groups):
            last = group[-1]
            if cell.box[1] - last.box[3] < 7 * mm and abs(cell.centre - last.centre) < 22 * mm:
                groups[number] = ([*group, cell], max(best, how))
                break
        else:
            groups.append(([cell], how))
    return groups


def _with_titles(
    page: Page, group: list[Cell], how: float, names: list[tuple[Cell, float]], labels: list[Cell]
) -> SignatureBlock:
    mm = page.dpi / 25.4
    box = union([cell.box for cell in group])
    centre = (box[0] + box[2]) / 2
    below = [
        (like - abs(cell.centre - centre) / (100 * mm), cell)
        for cell, like in names
        if _SIGNED_MM[0] * mm <= cell.box[1] - box[3] <= _SIGNED_MM[1] * mm and abs(cell.centre - centre) < 30 * mm
    ]
    like, name = max(below, key=lambda pair: pair[0], default=(0.0, None))
    beside = any(-25 * mm < label.box[1] - box[1] < 40 * mm and label.box[2] < box[2] for label in labels)
    score = 0.4 * how + 0.35 * max(like, 0.0) + 0.2 * beside + 0.05 * (centre > 0.5 * page.width_px)
    if name is None and not beside:  # "CHỦ TỊCH ỦY BAN …" in the middle opens the reasons of a decision
        score *= _UNSIGNED if centre > _RIGHT * page.width_px else _CENTRED
    if any(_approves(cell, box, mm) for cell in cells_of(page)):
        score *= _APPROVER
    bottom = name.box[3] + 6 * mm if name is not None else box[3] + _SIGNED_MM[1] * mm
    reach = 46 * mm
    region = (centre - reach, box[1] - 9 * mm, centre + reach, bottom)
    return SignatureBlock(page.number, _inside(region, page), tuple(group), name, min(score, 1.0))


def _approves(cell: Cell, titles: Box, mm: float) -> bool:
    """Whether a cell right above the titles says that another office approves here what the paper's own signer signed."""
    near = 0 < titles[1] - cell.box[1] < 14 * mm and abs(cell.centre - (titles[0] + titles[2]) / 2) < 25 * mm
    return near and len(cell.words) <= 6 and any(word in letters(cell.text) for word in _APPROVALS)


def _by_name(page: Page, name: Cell, like: float, labels: list[Cell]) -> SignatureBlock | None:
    """A name whose position was not read: alone in the right half, below or beside the recipients' label."""
    mm = page.dpi / 25.4
    if name.centre < 0.5 * page.width_px:
        return None
    drops = [drop for label in labels if -5 * mm < (drop := name.box[1] - label.box[1]) < 85 * mm]
    beside = 1 - min(drops) / (200 * mm) if drops else 0.0
    others = [
        cell
        for cell in cells_of(page)
        if cell.box != name.box
        and cell.box[1] < name.box[3]
        and cell.box[3] > name.box[1]
        and len(letters(cell.text)) > 3
    ]
    alone = all(cell.box[2] < name.box[0] - 3 * mm for cell in others)
    score = (0.35 * like + 0.3 * beside) * (1.0 if alone else 0.5)
    reach = 46 * mm
    region = (name.centre - reach, name.box[1] - 66 * mm, name.centre + reach, name.box[3] + 6 * mm)
    return SignatureBlock(page.number, _inside(region, page), (), name, score)


def _by_label(page: Page, label: Cell) -> SignatureBlock:
    mm = page.dpi / 25.4
    region = (0.42 * page.width_px, label.box[1] - 14 * mm, page.width_px, label.box[1] + 72 * mm)
    return SignatureBlock(page.number, _inside(region, page), (), None, 0.2)


def _stands_beside(block: SignatureBlock, other: SignatureBlock, mm: float) -> bool:
    """A second signer of a joint paper: titles level with the first's, in another column, and signed as well."""
    return block.name is not None and other.name is not None and _is_level(block, other, mm)


def _is_level(block: SignatureBlock, other: SignatureBlock, mm: float) -> bool:
    """Whether both have titles, on one level and in two columns."""
    if not block.titles or not other.titles:
        return False
    one, two = block.titles[0], other.titles[0]
    return abs(one.box[1] - two.box[1]) < 14 * mm and abs(one.centre - two.centre) > 40 * mm


def _inside(box: tuple[float, float, float, float], page: Page) -> Box:
    return (
        max(round(box[0]), 0),
        max(round(box[1]), 0),
        min(round(box[2]), page.width_px),
        min(round(box[3]), page.height_px),
    )
