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


@dataclass(frozen=True, slots=True)
class Curve:
    """Of one field: the chance that a candidate of each score is right (rising), and the score from which on it is accepted."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]
    enough: float

    def chance(self, score: float) -> float:
        return float(np.interp(score, self.scores, self.chances))


class Calibration:
    """The curves by field name."""

    def __init__(self, curves: Mapping[str, Curve]) -> None:
        self._curves = curves

    def chance(self, name: str, ones: Sequence[Candidate]) -> float:
        """The chance in [0, 1] that the first of a field's candidates is right."""
        curve = self._curves.get(name)
        return min(ones[0].score, _UNMEASURED) if curve is None else curve.chance(ones[0].score)

    def accepts(self, name: str, ones: Sequence[Candidate]) -> bool:
        """Whether nobody needs to look. A known value that was only nearly read is never enough."""
        curve = self._curves.get(name)
        return bool(ones) and curve is not None and ones[0].source != NEAR and ones[0].score >= curve.enough


@cache
def calibration() -> Calibration:
    """The one that comes with this version."""
    found = json.loads((files("ocr_workers.reading") / "calibration.json").read_text(encoding="utf-8"))
    return Calibration(
        {
            name: Curve(tuple(curve["scores"]), tuple(curve["chances"]), curve["enough"])
            for name, curve in found["fields"].items()
        }
    )
