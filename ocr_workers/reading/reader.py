"""A worker's reader of papers: fields with calibrated confidence, accepted or not, and what a person must look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import cv2
import numpy as np

from ocr_workers.engine import Engine, Layout
from ocr_workers.reading.by_hand import read_by_hand
from ocr_workers.reading.confidence import Calibration, calibration
from ocr_workers.reading.dictionary import EMPTY, Dictionary
from ocr_workers.reading.digits import DigitReader
from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.levels import percentile
from ocr_workers.reading.print_lines import PrintReader
from ocr_workers.reading.second_look import look_again
from ocr_workers.reading.sense import Candidates
from ocr_workers.reading.sight import Pixels, Sight
from ocr_workers.reading.signature import read_signature
from sohoa.mandatory import mandatory_fields
from sohoa.model import Field, Page
from sohoa.settings import Settings

_CROP_DPI = 300.0


class Reader:
    """Holds what reading needs beside the words; one a process."""

    def __init__(self, settings: Settings, engine: Engine, measured: Calibration | None = None) -> None:
        """`engine` reads crops again. `measured`: other curves than those that come with this version."""
        self._least = settings.accept_confidence
        self._engine = engine
        self._digits = DigitReader()
        self._prints = PrintReader()
        self._measured = calibration() if measured is None else measured

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
            pages,
            sight,
            today=today,
            digits=partial(read_by_hand, reader=self._digits),
            signature=self._signature,
            known=known.weigh,
            calibrate=self._measured.chance,
            look=self._marks,
            again=partial(look_again, engine=self._engine, prints=self._prints),
            sure=self._measured.accepts,
            mark_released=mark_released,
        )
        return replace(reading, fields={name: self._judged(name, one, reading) for name, one in reading.fields.items()})

    def _signature(self, pages: Sequence[Page], sight: Sight) -> Candidates:
        read = read_signature(pages, sight, self._engine, self._prints)
        return {name: getattr(read, name) for name in ("signer_name", "signer_position", "signing_authority")}

    def _marks(self, crop: Pixels) -> str:
        """The print in a crop, red print dark, scattered: a mark's box is a line of its own to an engine that looks for lines."""
        grey = np.ascontiguousarray(crop if crop.ndim == 2 else crop[:, :, 1])
        dark, paper = percentile(grey, 2), percentile(grey, 70)
        table = np.clip((np.arange(256) - dark) * (255 / max(paper - dark, 1.0)), 0, 255).astype(np.uint8)
        read = self._engine.read(np.asarray(cv2.LUT(grey, table), np.uint8), dpi=_CROP_DPI, layout=Layout.SPARSE)
        return "\n".join(block.text for block in read.blocks)

    def _judged(self, name: str, one: Field, reading: Reading) -> Field:
        enough = self._measured.accepts(name, reading.candidates[name])
        return replace(one, accepted=enough and one.confidence >= self._least)


def unsure(fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The mandatory fields of this paper's type that nobody can be sure of yet: a person is needed for them."""
    type_name = fields.get("type_name")
    wanted = mandatory_fields(None if type_name is None else type_name.value)
    return tuple(name for name in wanted if name not in fields or not fields[name].accepted)
