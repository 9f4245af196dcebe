"""From a line's columns to what may stand there: CTC prefixes searched under a field's grammar.

The masses are absolute: what the model took for anything outside the grammar (a letter, a 13th month) stays unread.
"""

from __future__ import annotations

import re
from collections import defaultdict
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

ALPHABET = "0123456789ABCDab/SNTMx"
"""The model's classes after CTC's blank: what may be written, the slash, the labels Số, ngày, tháng, năm, any other letter."""
DIGITS = "0123456789"
LETTERS = "ABCDab"
SLASH = ALPHABET.index("/") + 1
OTHER = ALPHABET.index("x") + 1
LABELS = tuple(ALPHABET.index(label) + 1 for label in "SNTM")
BEAM = 16
SEEN_FROM = 2e-3
"""Classes less probable than this in a column are not followed."""
_ASIDE = 2
"""Columns beside its ink in which the model may tell of a digit."""
_FOLLOWED_FROM = 1e-5
"""Nor are texts: what one may become has no more mass than it has."""


class Grammar(StrEnum):
    """What may stand in a room."""

    NUMBER = "number"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


_WHOLE = {
    Grammar.NUMBER: re.compile(r"|\d{1,6}[ABCDab]?"),
    Grammar.DAY: re.compile(r"|0?[1-9]|[12]\d|3[01]"),
    Grammar.MONTH: re.compile(r"|0?[1-9]|1[0-2]"),
    Grammar.YEAR: re.compile(r"|19[4-9]\d|20[0-6]\d"),
}
_BEGUN = {
    Grammar.NUMBER: re.compile(r"\d{0,6}[ABCDab]?"),
    Grammar.DAY: re.compile(r"|0[1-9]?|[1-9]|[12]\d|3[01]"),
    Grammar.MONTH: re.compile(r"|0[1-9]?|[1-9]|1[0-2]"),
    Grammar.YEAR: re.compile(r"|1|19|19[4-9]|19[4-9]\d|2|20|20[0-6]|20[0-6]\d"),
}


_START = {
    grammar: ALPHABET.index(label) + 1
    for grammar, label in ((Grammar.NUMBER, "S"), (Grammar.DAY, "N"), (Grammar.MONTH, "T"), (Grammar.YEAR, "M"))
}
_END = {
    grammar: ALPHABET.index(label) + 1
    for grammar, label in ((Grammar.NUMBER, "/"), (Grammar.DAY, "T"), (Grammar.MONTH, "M"))
}


def may_be(text: str, grammar: Grammar) -> bool:
    """Whether `text` may stand in such a room; the blank, "", may."""
    return _WHOLE[grammar].fullmatch(text) is not None


def masses(scores: Scores, grammar: Grammar, *, before: int, after: int, by_labels: bool = False) -> dict[str, float]:
    """How probable each text is, given each column's class probabilities (columns x classes; rows sum to 1).

    What stands before the room's own label, or after the next one, is not read. Letters before column `before` and from
    column `after` on are what is left of a label. Of the labels around it at
    least one must be seen, and both for a blank. `by_labels`: nobody knows where the room is, so both for any other text too.
    """
    outside = np.ones(len(scores), bool)
    outside[before:after] = False
    blank = scores[:, 0] + scores[:, list(LABELS)].sum(axis=1) + np.where(outside, scores[:, OTHER], 0.0)
    if grammar is not Grammar.NUMBER:
        blank = blank + np.where(outside, scores[:, SLASH], 0.0)
    start = scores[:, _START[grammar]]
    blank = blank - start
    end = scores[:, _END[grammar]] if grammar is not Grammar.YEAR else np.zeros(len(scores), np.float32)
    if grammar is not Grammar.YEAR and grammar is not Grammar.NUMBER:
        blank = blank - end
    seen_in = _seen(scores)
    ended: dict[str, float] = defaultdict(float)
    waiting = 1.0 if by_labels else 0.0
    labelled = nothing = 0.0  # that the label was seen and nothing since, that the next label then followed
    open_blank: dict[str, float] = {} if by_labels else {"": 1.0}
    open_char: dict[str, float] = {}
    for column, seen in enumerate(seen_in):
        next_blank: dict[str, float] = defaultdict(float)
        next_char: dict[str, float] = defaultdict(float)
        still, begins = float(blank[column]), float(start[column])
        ends = float(end[column]) if column >= before or by_labels else 0.0
        nothing += labelled * ends
        labelled = min(1.0, labelled * still + begins)
        if begins:
            next_blank[""] += begins * (waiting + sum(open_blank.values()) + sum(open_char.values()))
            waiting *= 1.0 - begins
        for text in open_blank.keys() | open_char.keys():
            rested, written = open_blank.get(text, 0.0), open_char.get(text, 0.0)
            next_blank[text] += (rested + written) * still
            if ends:
                ended[text] += (rested + written) * ends
            last = text[-1:]
            for char, share in seen:
                if char == last:
                    next_char[text] += written * share
                    reached = rested * share
                else:
                    reached = (rested + written) * share
                if reached and _may_begin(text + char, grammar):
                    next_char[text + char] += reached
        whole = {text: next_blank.get(text, 0.0) + next_char.get(text, 0.0) for text in next_blank | next_char}
        best = [text for text, mass in whole.items() if mass >= _FOLLOWED_FROM or text == ""]
        if len(best) > BEAM:
            best = sorted(best, key=lambda text: -whole[text])[:BEAM]
        open_blank = {text: next_blank[text] for text in best if text in next_blank}
        open_char = {text: next_char[text] for text in best if text in next_char}
    if not by_labels or grammar is Grammar.YEAR:
        for text in open_blank.keys() | open_char.keys():
            ended[text] += open_blank.get(text, 0.0) + open_char.get(text, 0.0)
    labels = 1.0 - float(np.prod(1.0 - start) * np.prod(1.0 - end))
    placed = {text: mass * labels for text, mass in ended.items()}
    placed[""] = min(placed.get("", 0.0), nothing if grammar is not Grammar.YEAR else labelled)
    return {text: mass for text, mass in placed.items() if may_be(text, grammar)}


def no_digits_outside(scores: Scores, ink: tuple[float, float], grammar: Grammar) -> Scores:
    """The same for digits that are known to stand within `ink` (shares of the width) alone: a stroke after a number is the
    slash, any other nothing."""
    begin, end = (round(share * len(scores)) for share in ink)
    told = scores.copy()
    after = SLASH if grammar is Grammar.NUMBER else 0
    for part, instead in ((told[: max(begin - _ASIDE, 0)], 0), (told[end + _ASIDE :], after)):
        part[:, instead] += part[:, _PLACES].sum(axis=1)
        part[:, _PLACES] = 0.0
    return told


def _seen(scores: Scores) -> list[list[tuple[str, float]]]:
    """Of each column the characters that it may show, with their probabilities."""
    found: list[list[tuple[str, float]]] = [[] for _ in scores]
    shown = scores[:, _PLACES]
    for column, n in zip(*np.nonzero(shown >= SEEN_FROM), strict=True):
        found[column].append((_CLASSES[n], float(shown[column, n])))
    return found


@lru_cache(maxsize=16384)
def _may_begin(text: str, grammar: Grammar) -> bool:
    return _BEGUN[grammar].fullmatch(text) is not None


_CLASSES = tuple(char for char in ALPHABET if char in DIGITS + LETTERS)
_PLACES = [ALPHABET.index(char) + 1 for char in _CLASSES]
