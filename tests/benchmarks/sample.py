"""The papers that speed and size are measured on: drawn, seeded, as an office's feeder and phones leave them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from tests.support import press

Source = Literal["JPEG", "G4 TIFF", "scan PDF", "PNG"]

SEED = 4_100
_SOURCES: tuple[Source, ...] = (
    "JPEG", "scan PDF", "G4 TIFF", "JPEG", "scan PDF", "JPEG", "scan PDF", "JPEG", "G4 TIFF", "JPEG", "scan PDF", "PNG",
)  # fmt: skip
_ENDINGS: dict[Source, Literal["jpg", "tif", "pdf", "png"]] = {
    "JPEG": "jpg",
    "G4 TIFF": "tif",
    "scan PDF": "pdf",
    "PNG": "png",
}
_INK_BELOW = 140
"""Where a scanner set to black and white draws the line, of 255."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One drawn paper as a file; `dpi` is the true resolution of its pages, whatever the file says."""

    path: Path
    source: Source
    pages: int
    dpi: int


def draw_sample(folder: Path, *, pages: int) -> list[SampleFile]:
    """Draw papers of all kinds at level typical, 300 dpi, until they have `pages` pages or a few more, none blank."""
    files: list[SampleFile] = []
    while sum(file.pages for file in files) < pages:
        files.append(_draw_file(len(files), folder))
    return files


def draw_blank(folder: Path) -> Path:
    """One white A4 page at 300 dpi, as JPEG: archiving it costs next to nothing but the start of the command."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "blank.jpg"
    Image.new("L", (2480, 3508), 255).save(path, dpi=(300, 300))
    return path


def _draw_file(number: int, folder: Path) -> SampleFile:
    kind = press.KINDS[number % len(press.KINDS)]
    source: Source = "JPEG" if kind == "phone_photo" else _SOURCES[number % len(_SOURCES)]
    single = source in ("JPEG", "PNG")
    paper = press.draw(kind, seed=SEED + number, pages=1 if single else None)
    if source == "G4 TIFF":
        paper = _in_black_and_white(paper)
    (path,) = press.write(replace(paper, name=f"{number + 1:03d}-{paper.name}"), folder, fmt=_ENDINGS[source])
    return SampleFile(path, source, pages=len(paper.pages), dpi=paper.pages[0].dpi)


def _in_black_and_white(paper: press.Paper) -> press.Paper:
    pages = []
    for page in paper.pages:
        grey = np.asarray(page.image.convert("L"))
        pages.append(replace(page, image=Image.fromarray(grey >= _INK_BELOW)))
    return replace(paper, pages=tuple(pages))


def describe(files: list[SampleFile]) -> str:
    """What the sample is, in one sentence."""
    counted = {source: [file for file in files if file.source == source] for source in _ENDINGS}
    parts = [
        f"{len(found)} {source} ({sum(file.pages for file in found)} pages)"
        for source, found in counted.items()
        if found
    ]
    pages = sum(file.pages for file in files)
    return f"{len(files)} drawn papers of {pages} pages, level typical, A4 at 300 dpi, seed {SEED}: {', '.join(parts)}."
