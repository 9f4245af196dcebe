"""Power and position over a signature, voted on row by row: `KT. GIÁM ĐỐC` / `PHÓ GIÁM ĐỐC` says KT. and PHÓ GIÁM ĐỐC."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ocr_workers.reading.print_lines import PrintWord, fit
from ocr_workers.reading.signature_block import Cell, as_decreed, is_capitals, position_like, power_in
from ocr_workers.reading.signature_words import POSITIONS, ROLES, is_syllable, letters
from ocr_workers.reading.text import distance
from sohoa.model import Box, nfc, union

_SHARE = 0.6
_PER_EDIT = 2.1  # log chance of a letter read wrongly
_PER_MARK = 0.8  # of a mark
_WORST = 9.0  # a reading of something else altogether
_LEAST_ALIKE = 0.7
_FIT_SHARE, _WORST_FIT, _FITS = 0.4, 20.0, 12.0
"""What the pixels count for beside the readings, how much they may speak against a position, and how much of that lets one
still be likely."""
_TINY = 1e-300
_ITS_DEPUTY, _NO_DEPUTY = 0.4, 1e-3  # how common the head's deputy is below KT., and how much less what is no deputy
_DEPUTIES = ("PHÓ ", "THỨ TRƯỞNG", "ỦY VIÊN")
_UNSEEN_POWER = 0.4  # how far a title with another below is the signer's: it may be the head's, its KT. not read
_LEAST_CONFIDENCE = 0.01  # engines say 0 of what they read; a vote must weigh something
_KNOWN: Final = tuple((name, letters(name)) for name in (*POSITIONS, *ROLES))
_SIZES: Final = sorted({len(name.split()) for name, _ in _KNOWN})
_COMMON: Final = frozenset(
    {
        "GIÁM ĐỐC",
        "PHÓ GIÁM ĐỐC",
        "CHỦ TỊCH",
        "PHÓ CHỦ TỊCH",
        "CHÁNH VĂN PHÒNG",
        "HIỆU TRƯỞNG",
        "TRƯỞNG PHÒNG",
        "CỤC TRƯỞNG",
        "BÍ THƯ",
    }
)

_ENDINGS: Final = (
    "GIAMDOC", "CHUTICH", "HIEUTRUONG", "VIENTRUONG", "CUCTRUONG", "BOTRUONG", "TRUONGPHONG", "CHANHVANPHONG", "TRUONGBAN",
)  # fmt: skip
_REAL_BEGINNINGS: Final = ("PHO", "CHI", "VU", "BO")


@dataclass(frozen=True, slots=True)
class TitleRow:
    """One row over the signature: the power word it opens with, what it names, its box, and the chances of both.

    `position` is known or read as it stands; None for a body (`TM. ỦY BAN NHÂN DÂN`). `prefixed`: the share of readings
    that saw letters of something before a known position, as of a power word written by hand.
    """

    power: str | None
    position: str | None
    chance: float
    power_chance: float
    box: Box
    raw: str
    known: bool
    prefixed: float = 0.0


@dataclass(frozen=True, slots=True)
class TitleRead:
    """What all rows say together. `authority` may be None for sure: no power word stands there. `confirmed`: whether the model
    for spoiled lines by itself reads the same position, None where it was not asked."""

    position: str | None
    position_chance: float
    position_box: Box | None
    authority: str | None
    authority_chance: float
    authority_box: Box | None
    raw: str
    confirmed: bool | None = None


def fit_of_positions(words: Sequence[PrintWord]) -> dict[str, float]:
    """How much worse each known position fits the pixels of a row than what the model for spoiled lines reads in it, as the log
    of the two chances; a power word before it or none."""
    if not words:
        return {}
    columns = np.concatenate([word.columns for word in words])
    read = "".join(word.text for word in words)
    options = [read, *(f"{power}{name.replace(' ', '')}" for name, _ in _KNOWN for power in ("", "KT."))]
    logs = np.log(np.maximum(fit(columns, options), _TINY))
    best = logs[1:].reshape(-1, 2).max(axis=1) - logs[0]
    return {name: float(log) for (name, _), log in zip(_KNOWN, best, strict=True)}


def vote_on_row(
    cells: Sequence[Cell], above: TitleRow | None = None, fits: Mapping[str, float] | None = None
) -> TitleRow | None:
    """`cells`: what each reading saw of one row, `above` the row over it: under KT. and a head the head's deputy stands
    (Nghị định 30/2020, PL I, II.7); `fits` as `fit_of_positions` gives them. None where it is no title."""
    reads = [(power_in(cell.text), _confidence(cell), cell) for cell in cells if is_title(cell.text)]
    if not reads:
        return None
    weights: dict[str | None, float] = {}
    before = 0
    rests: list[tuple[str, float]] = []
    for (power, rest), sure, _ in reads:
        rest, cut_off = _without_beginning(rest) if power is None else (rest, False)
        if len(letters(rest)) >= 3:
            rests.append((rest, sure))
        before += cut_off
        if not cut_off:  # else something stands there that this reading could not read
            weights[power] = weights.get(power, 0.0) + sure
    power = max(weights, key=lambda one: weights[one]) if weights else None
    position, chance, known = _position(rests, _head_in_whose_place(above), fits or {})
    if power is None and not known and len(weights) > 1:
        power = max((one for one in weights if one), key=lambda one: weights[one])  # a body never stands there alone
    box = union([cell.box for _, _, cell in reads])
    raw = max(reads, key=lambda read: read[1])[2].text
    if position is None and power is None:
        return None
    share = weights[power] / sum(weights.values()) if weights else 0.5
    power_chance = share * (1 - 0.5 ** (1 + sum(one == power for (one, _), _, _ in reads)))
    return TitleRow(power, position, chance, power_chance, box, raw, known, before / len(reads))


def is_title(text: str) -> bool:
    """Capitals, a power word, or letters of a known position, whatever their case came out as."""
    return is_capitals(text) or power_in(text)[0] is not None or position_like(text)[1] >= 0.75


def _without_beginning(text: str) -> tuple[str, bool]:
    """The text without one to three letters before a common position that it ends on; and whether it had some."""
    read = letters(text)
    for known in _ENDINGS:
        extra = len(read) - len(known)
        if 1 <= extra <= 3 and distance(known, read[extra:]) <= len(known) // 6:
            if any(distance(read[:extra], real) <= len(real) - 2 for real in _REAL_BEGINNINGS):
                return text, False
            return known, True
    return text, False


def _confidence(cell: Cell) -> float:
    signs = sum(len(word.text) for word in cell.words)
    return max(sum(len(word.text) * word.confidence for word in cell.words) / max(signs, 1), _LEAST_CONFIDENCE)


def _head_in_whose_place(above: TitleRow | None) -> str | None:
    """The head whose deputy the next row names."""
    return above.position if above is not None and above.known and as_decreed(above.power) == "KT." else None


def _commonness(name: str, head: str | None) -> float:
    """How often a position stands over a signature; below KT. and the title of `head`."""
    usual = 0.05 if name in _COMMON else 0.005
    if head is None:
        return usual
    if _deputy_of(name, head) == name:
        return _ITS_DEPUTY
    return usual * (1.0 if name.startswith(_DEPUTIES) else _NO_DEPUTY)


def _position(
    reads: list[tuple[str, float]], head: str | None, fits: Mapping[str, float]
) -> tuple[str | None, float, bool]:
    """The likeliest known position, or, where a known one is only how the row begins, the row as most read it."""
    if not reads:
        return None, 0.0, False
    folded = [(letters(text), text, sure) for text, sure in reads]
    weighed: dict[str, float] = {}
    closest: dict[str, float] = {}
    for name, known in _KNOWN:
        log = math.log(_commonness(name, head))
        for read, text, sure in folded:
            edits = _distance(known, read)
            marks = _PER_MARK * _other_marks(name, text) if edits == 0 else 0.0
            log -= _SHARE * (0.15 + 0.85 * sure) * min(_PER_EDIT * edits + marks, _WORST)
            closest[name] = max(closest.get(name, 0.0), 1 - edits / max(len(known), len(read)))
        if name in fits:
            log += _FIT_SHARE * max(fits[name], -_WORST_FIT)
            closest[name] = max(closest[name], _LEAST_ALIKE if fits[name] > -_FITS else 0.0)
        weighed[name] = log
    likely = {name: log for name, log in weighed.items() if closest[name] >= _LEAST_ALIKE}
    unknown = math.log(1e-3) - _SHARE * 1.3 * sum(0.15 + 0.85 * sure for _, _, sure in folded)
    longer = _with_tail(reads)
    if not likely:
        return (longer[0], longer[1], False) if longer else (None, 0.0, False)
    best = max(likely, key=lambda name: likely[name])
    if longer and longer[2] > closest[best]:
        return longer[0], longer[1], False
    top = max(likely[best], unknown)
    total = sum(math.exp(log - top) for log in weighed.values()) + math.exp(unknown - top)
    return best, math.exp(likely[best] - top) / total, True


@lru_cache(maxsize=65536)
def _distance(known: str, read: str) -> int:
    if abs(len(known) - len(read)) > max(len(known), len(read)) // 2:
        return max(len(known), len(read))
    return distance(known, read)


def _other_marks(known: str, text: str) -> int:
    """How many letters carry other marks; both have the same letters."""
    one, other = (nfc("".join(c for c in word.upper() if c.isalpha())) for word in (known, text))
    return sum(a != b for a, b in zip(one, other, strict=False))


def _with_tail(reads: list[tuple[str, float]]) -> tuple[str, float, float] | None:
    """`TRƯỞNG PHÒNG TỔ CHỨC CÁN BỘ`: a known head, then syllables that readings agree on; with chance and likeness."""
    by_text: dict[str, float] = {}
    likeness: dict[str, float] = {}
    for text, sure in reads:
        plain = re.sub(r"[^\w\s,.-]", " ", text).strip(" .,-")
        parts = plain.split()
        heads = {
            count: letters(" ".join(parts[:count]))
            for count in _SIZES
            if count < len(parts) and _is_tail(parts[count:])
        }
        for name, known in _KNOWN:
            count = len(name.split())
            if count not in heads:
                continue
            head, tail = heads[count], parts[count:]
            alike = 1 - _distance(known, head) / max(len(known), len(head), 1)
            if alike >= 0.8:
                whole = f"{name} {' '.join(tail)}"
                by_text[whole] = by_text.get(whole, 0.0) + sure * alike
                likeness[whole] = max(likeness.get(whole, 0.0), alike + 0.01 * count)
    if not by_text:
        return None
    best = max(by_text, key=lambda text: by_text[text] * likeness[text])
    chance = by_text[best] / (sum(sure for _, sure in reads) + 0.3) * 0.85
    return best, min(chance, 0.95), min(likeness[best], 1.0)


def _is_tail(parts: Sequence[str]) -> bool:
    """Whether these words may go on with a position: capitals that are spelt as syllables are."""
    spelt = all(is_syllable(part.strip(",.-")) and part.isupper() for part in parts if part not in "-,")
    return spelt and len(letters("".join(parts))) >= 3


def combine(rows: Sequence[TitleRow]) -> TitleRead | None:
    """From the top: power words lead, the last of them counts, the position follows it (Nghị định 30/2020, PL I, II.7)."""
    if not rows:
        return None
    leading = [number for number, row in enumerate(rows) if row.power]
    raw = " / ".join(row.raw for row in rows)
    if leading:
        last = leading[-1]
        row, below = rows[last], [one for one in rows[last + 1 :] if one.position]
        stamped = _stamped_below(below, raw) if as_decreed(row.power) == "TM." else None
        if stamped is not None and stamped.position == below[1].position:
            return stamped
        if below:
            position, chance, box = _named_below(row, below[0])
            chance *= _UNSEEN_POWER if len(below) > 1 else 1.0
        elif as_decreed(row.power) in ("Q.", "TM.") and row.position and row.known:
            position, chance, box = row.position, row.chance, row.box
        else:
            position, chance, box = None, 0.0, None
        return TitleRead(position, chance, box, row.power, row.power_chance, row.box, raw)
    named = [row for row in rows if row.position]
    if not named:
        return None
    head = named[0]
    if (stamped := _stamped_below(named, raw)) is not None:
        return stamped
    if len(named) > 1 and named[1].known and not head.known:
        head = named[1]
    if head.position in ROLES:
        return TitleRead(head.position, head.chance, head.box, None, 0.9 * head.chance, head.box, raw)
    alone = (1 - 0.8 * head.prefixed) * (1.0 if head is rows[-1] else _UNSEEN_POWER)
    return TitleRead(head.position, head.chance * alone, head.box, None, 0.9 * head.chance * alone, head.box, raw)


def _stamped_below(named: Sequence[TitleRow], raw: str) -> TitleRead | None:
    """ "KT." is often written by hand before a printed head's title, with the deputy's stamped below it."""
    if len(named) < 2 or not named[0].position:
        return None
    head, stamped = named[:2]
    deputy = _deputy_of(stamped.position, named[0].position)
    if deputy is None:
        return None
    chance = stamped.chance if deputy == stamped.position else 0.75
    power_chance = (0.85 + 0.1 * head.prefixed) * min(chance, max(head.chance, 0.8))
    return TitleRead(deputy, chance, stamped.box, "KT.", power_chance, head.box, raw)


def _named_below(row: TitleRow, below: TitleRow) -> tuple[str | None, float, Box | None]:
    """Who signs in the head's place is not the head: the head's title once more is the deputy's, half read."""
    if (
        not row.known
        or row.position is None
        or below.position != row.position
        or as_decreed(row.power) in ("TM.", "Q.")
    ):
        return below.position, below.chance, below.box
    deputy = _deputy_of(below.position, row.position)
    if as_decreed(row.power) != "KT." or deputy is None:
        return None, 0.0, None
    return deputy, 0.7 * below.chance, below.box


def _deputy_of(below: str | None, head: str) -> str | None:
    """The deputy's position, where the row below names the head's deputy, or once more the head: PHÓ was not read then."""
    if not below:
        return None
    if below.startswith(f"PHÓ {head}") or (below.startswith("THỨ TRƯỞNG") and head.startswith("BỘ TRƯỞNG")):
        return below
    deputy = f"PHÓ {head}"
    return deputy if below == head and deputy in POSITIONS else None
