"""A worker's reader of papers: fields with calibrated confidence, accepted or not, and what a person must look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from ocr_workers.reading.confidence import Calibration, calibration
from ocr_workers.reading.dictionary import EMPTY, Dictionary
from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.sight import Sight
from sohoa.mandatory import mandatory_fields
from sohoa.model import Field, Page
from sohoa.settings import Settings


class Reader:
    """Holds what reading needs beside the words; one a process."""

    def __init__(self, settings: Settings, measured: Calibration | None = None) -> None:
        """`measured`: other curves than those that come with this version."""
        self._least = settings.accept_confidence
        self._measured = measured or calibration()

    def read(
        self,
        pages: Sequence[Page],
        sight: Sight,
        *,
        today: date,
        known: Dictionary = EMPTY,
        mark_released: bool = False,
    ) -> Reading:
        """Read the fields of one document. `known`: what people confirmed in its office. `mark_released`: what looks like a
        security mark is none."""
        reading = read_fields(
            pages, sight, today=today, known=known.weigh, calibrate=self._measured.chance, mark_released=mark_released
        )
        return replace(reading, fields={name: self._judged(name, one, reading) for name, one in reading.fields.items()})

    def _judged(self, name: str, one: Field, reading: Reading) -> Field:
        enough = self._measured.accepts(name, reading.candidates[name][0])
        return replace(one, accepted=enough and one.confidence >= self._least)


def unsure(fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The mandatory fields of this paper's type that nobody can be sure of yet: a person is needed for them."""
    type_name = fields.get("type_name")
    wanted = mandatory_fields(None if type_name is None else type_name.value)
    return tuple(name for name in wanted if name not in fields or not fields[name].accepted)
