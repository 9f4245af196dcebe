"""The entry: every field of a paper from its pages, with raw confidence and evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

from ocr_workers.reading.sight import Candidate, Pixels, Sight
from sohoa.model import Field, Page

Grammar = Literal["number", "day", "month", "year"]
"""What may stand in a gap of a printed line: `number` may end in a letter, `day` is 1-31, `month` 1-12."""
Candidates = dict[str, tuple[Candidate, ...]]
"""By field name, best first."""


class DigitReader(Protocol):
    """Reads digits written or stamped into the gap between two printed words."""

    def read(self, crop: Pixels, grammar: Grammar) -> list[tuple[str, float]]:
        """Readings with their probabilities, best first; "" stands for a blank."""
        ...


SignatureReader = Callable[[Sequence[Page], Sight], Candidates]
"""Candidates for signer_name, signer_position and signing_authority."""


@dataclass(frozen=True, slots=True)
class Split:
    """A proposal: another document begins on `page`, for `reason` (quoc_hieu, blank_sheet, page_one)."""

    page: int
    reason: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read of a paper.

    `fields` holds the best candidate of each, `candidates` all of them for who calibrates or compares. `splits` are only
    proposed. `security_mark` is in `fields` where the paper bears one; processing then stops.
    """

    fields: dict[str, Field] = field(default_factory=dict)
    candidates: Candidates = field(default_factory=dict)
    splits: tuple[Split, ...] = ()


def read_fields(
    pages: Sequence[Page],
    sight: Sight,
    *,
    today: date,
    digits: DigitReader | None = None,
    signature: SignatureReader | None = None,
    known: Callable[[Candidates], Candidates] | None = None,
    calibrate: Callable[[str, float], float] | None = None,
) -> Reading:
    """Read `pages` of one document. Confidence is the candidates' score unless `calibrate(name, score)` turns it into a chance.

    `known` is the office's dictionary: it may only change the scores of candidates that have evidence.
    """
    raise NotImplementedError
