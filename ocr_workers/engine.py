"""Tesseract inside this process: the model is loaded once, each call reads one 8-bit image into words."""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ocr_workers.boxes import Points, block_of, line_of
from sohoa.errors import SetupError, StageFailed
from sohoa.model import Block, Line, Word, nfc
from sohoa.settings import Settings

Grey = npt.NDArray[np.uint8]
"""An 8-bit image, (height, width), 0 black, 255 white, C-contiguous."""

_VARIABLES = {
    "tessedit_do_invert": "0",  # no second try with black and white swapped: papers are dark on light
}


class Layout(IntEnum):
    """What the image holds; the values are Tesseract's page segmentation modes."""

    PAGE = 3
    BLOCK = 6
    LINE = 7
    SPARSE = 11


@dataclass(frozen=True, slots=True)
class Reading:
    """What one call read, in the pixels of the image it was given, and how long the engine's own work took."""

    blocks: tuple[Block, ...]
    elapsed_ms: float


class Engine:
    """A loaded model. Not for two threads at once. `close` gives its memory back."""

    def __init__(self, settings: Settings) -> None:
        """Load the model. Raises SetupError `model_missing` or `engine_missing` (no tesserocr)."""
        self._models = model_files(settings)
        # OpenMP reads its limit when its library is loaded: one process a core, so one thread a process.
        os.environ["OMP_THREAD_LIMIT"] = "1"
        try:
            import tesserocr
        except ImportError as missing:
            raise SetupError(
                "tesserocr is not installed: run `pip install tesserocr`", code="engine_missing"
            ) from missing
        tesserocr.set_leptonica_log_level(tesserocr.LeptLogLevel.NONE)  # its remarks are not for a clerk's terminal
        self._version = str(tesserocr.tesseract_version()).split("\n", 1)[0].strip()
        self._language = settings.language
        self._levels = tesserocr.RIL
        try:
            self._api = tesserocr.PyTessBaseAPI(
                path=str(settings.tessdata), lang=settings.language, psm=Layout.PAGE, oem=tesserocr.OEM.LSTM_ONLY
            )
        except RuntimeError as broken:
            raise SetupError(
                f"Tesseract cannot load {_named(self._models)}: damaged, or without an LSTM part; install it again",
                code="model_missing",
            ) from broken
        for name, value in _VARIABLES.items():
            self._api.SetVariable(name, value)

    def identity(self) -> dict[str, Any]:
        """`{engine, engine_version, language, models: {file name: sha256}}`: with it a reading can be repeated."""
        return {
            "engine": "tesseract",
            "engine_version": self._version.removeprefix("tesseract "),
            "language": self._language,
            "models": {path.name: _sha256_of(path) for path in self._models},
        }

    def read(self, image: Grey, *, dpi: float, layout: Layout) -> Reading:
        """Read one image. Raises StageFailed `engine_failed` where the engine gives up on it."""
        height, width = image.shape
        self._api.SetPageSegMode(layout)
        self._api.SetImageBytes(image.tobytes(), width, height, 1, width)
        self._api.SetSourceResolution(round(min(max(dpi, 70), 2400)))
        started = time.perf_counter()
        done = self._api.Recognize()
        elapsed_ms = (time.perf_counter() - started) * 1000
        if not done:
            raise StageFailed("the recognition engine gave up on this page", code="engine_failed")
        try:
            return Reading(blocks=self._collect(width, height), elapsed_ms=elapsed_ms)
        finally:
            self._api.Clear()

    def close(self) -> None:
        self._api.End()

    def _collect(self, width: int, height: int) -> tuple[Block, ...]:
        """The engine's result as values: blocks of lines of words, in reading order."""
        level = self._levels
        found = self._api.GetIterator()
        if found is None or found.Empty(level.WORD):
            return ()
        # Each question costs the engine's iterator microseconds, so only line starts are asked about.
        rows: list[tuple[bool, Points | None, list[Word]]] = []
        while True:
            if found.IsAtBeginningOf(level.TEXTLINE):
                rows.append((found.IsAtBeginningOf(level.BLOCK), found.Baseline(level.TEXTLINE), []))
            box = found.BoundingBox(level.WORD)
            if box is not None and (text := clean(found.GetUTF8Text(level.WORD))):
                inside = (max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height))
                confidence = min(max(found.Confidence(level.WORD) / 100, 0.0), 1.0)
                rows[-1][2].append(Word(text=text, box=inside, confidence=confidence))
            if not found.Next(level.WORD):
                break
        blocks: list[list[Line]] = []
        for opens_block, baseline, words in rows:
            if opens_block or not blocks:
                blocks.append([])
            if words:
                blocks[-1].append(line_of(words, baseline))
        return tuple(block_of(lines) for lines in blocks if lines)


_SPACES = re.compile(r"\s+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffe\uffff]")


def clean(text: str | None) -> str:
    """The engine's word as NFC text without white space and without characters that nobody sees; may become empty."""
    return nfc(_CONTROLS.sub("", _SPACES.sub("", text or "")))


def model_files(settings: Settings) -> tuple[Path, ...]:
    """The model files that the settings name (`vie`, `vie+eng`). Raises SetupError `model_missing`."""
    paths = tuple(settings.tessdata / f"{name}.traineddata" for name in settings.language.split("+"))
    for path in paths:
        if not path.is_file():
            name = path.name.removesuffix(".traineddata")
            raise SetupError(
                f"the recognition model {path} is missing: "
                f"run `apt-get install tesseract-ocr-{name.replace('_', '-')}` "
                "or set SOHOA_TESSDATA to the folder that holds it",
                code="model_missing",
            )
    return paths


def _named(paths: tuple[Path, ...]) -> str:
    return ", ".join(str(path) for path in paths)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
