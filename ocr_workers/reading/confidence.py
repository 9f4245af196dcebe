"""From a candidate's score to the chance that it is right, and from which chance on nobody needs to look.

The curves and thresholds of calibration.json are measured on drawn papers held apart (`python -m tests.training.calibrate`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from ocr_workers.reading.dictionary import NEAR
from ocr_workers.reading.sight import Candidate

_UNMEASURED = 0.5
"""What a field without a curve can be sure of at most: then a person looks."""


def how_read(one: Candidate) -> str:
    """Which curve speaks for a candidate: typed (the file's own text), alone (one reading), agreed (all readings of the place
    say it) or mixed."""
    if one.looks < 2:
        return "alone" if one.looks else "typed"
    return "agreed" if one.votes == one.looks else "mixed"


@dataclass(frozen=True, slots=True)
class Curve:
    """Of one field: the chance that a candidate of each score is right (rising), and the score from which on it is accepted."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]
    enough: float

    def chance(self, score: float) -> float:
        return float(np.interp(score, self.scores, self.chances))


class Calibration:
    """The curves by field name and by how the field was read (`how_read`)."""

    def __init__(self, curves: Mapping[tuple[str, str], Curve]) -> None:
        self._curves = curves

    def chance(self, name: str, ones: Sequence[Candidate]) -> float:
        """The chance in [0, 1] that the first of a field's candidates is right."""
        curve = self._curves.get((name, how_read(ones[0])))
        return min(ones[0].score, _UNMEASURED) if curve is None else curve.chance(ones[0].score)

    def accepts(self, name: str, ones: Sequence[Candidate]) -> bool:
        """Whether nobody needs to look. A known value that was only nearly read is never enough, nor one that
        not most of the readings say."""
        if not ones or ones[0].source == NEAR:
            return False
        how = how_read(ones[0])
        if how == "mixed" and 2 * ones[0].votes <= ones[0].looks:
            return False
        curve = self._curves.get((name, how))
        return curve is not None and ones[0].score >= curve.enough


@cache
def calibration() -> Calibration:
    """The one that comes with this version."""
    found = json.loads((files("ocr_workers.reading") / "calibration.json").read_text(encoding="utf-8"))
    return Calibration(
        {
            (name, how): Curve(tuple(curve["scores"]), tuple(curve["chances"]), curve["enough"])
            for name, curves in found["fields"].items()
            for how, curve in curves.items()
        }
    )
