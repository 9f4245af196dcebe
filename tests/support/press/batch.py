"""A mixed batch of scans, as an office's feeder and phones leave them in a folder."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from tests.support.press.drawing import KINDS, draw, with_blank_back
from tests.support.press.files import Format, write


def batch(folder: Path, *, count: int, seed: int, level: str = "typical") -> list[Path]:
    """Write `count` papers of all kinds in turn (1-3 pages, JPEG, PDF, TIFF and PNG) and return their files.

    The first PDF or TIFF has a blank back. A phone photo is always a JPEG; a JPEG or PNG holds one page.
    """
    rng = random.Random(f"batch {seed}")
    files: list[Path] = []
    back_wanted = True
    kinds = rng.sample(KINDS, len(KINDS))
    for number in range(count):
        kind = kinds[number % len(kinds)]
        fmt = _format(kind, number, rng)
        single = fmt in ("jpg", "png")
        paper = draw(kind, seed=seed * 1000 + number, level=level, pages=1 if single else None)
        if back_wanted and not single:
            paper = with_blank_back(paper, seed=seed)
            back_wanted = False
        files += write(replace(paper, name=f"{number + 1:03d}-{paper.name}"), folder, fmt=fmt)
    return files


def _format(kind: str, number: int, rng: random.Random) -> Format:
    if kind == "phone_photo":
        return "jpg"
    first: tuple[Format, ...] = ("pdf", "jpg", "tif", "png")
    return first[number] if number < len(first) else rng.choices(first, (5, 4, 2, 1))[0]
