"""How many fields are read right: on ../shared/papers and, with --press, on drawn papers. Prints names of papers, no text.

`python -m tests.benchmarks.fields_on_papers [--press SEEDS [--level LEVEL]] [--say]`. Pages are taken from the folder that
SOHOA_LAB_PAGES names (NAME.json: what page_to_dict gives for each page, NAME.P.png: its pixels upright); `--say` prints
values too, for the terminal only.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ocr_workers.pages import PageImage
from ocr_workers.reading.fields import Reading, read_fields
from ocr_workers.reading.sight import Pixels, Sight
from ocr_workers.recognise import Recogniser
from sohoa.model import page_from_dict, page_to_dict
from sohoa.settings import Settings
from tests.support import press

PAPERS = Path(__file__).parents[3] / "shared" / "papers"
TODAY = date(2026, 1, 1)
_PRESS_CACHE = "SOHOA_LAB_PRESS"
Case = tuple[str, dict[str, Any], Reading]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--press", type=int, default=0)
    parser.add_argument("--first", type=int, default=7000)
    parser.add_argument("--level", default="typical")
    parser.add_argument("--say", action="store_true")
    asked = parser.parse_args()
    drawn = asked.press > 0
    cases = _drawn(asked.press, asked.first, asked.level) if drawn else _real(Path(os.environ["SOHOA_LAB_PAGES"]))
    _report(cases, say=asked.say)


def _real(folder: Path) -> Iterator[Case]:
    for truth in sorted(PAPERS.glob("*.json")):
        pages = [page_from_dict(page) for page in json.loads((folder / truth.name).read_text())]
        sight = Sight(partial(_png, folder, truth.stem))
        yield truth.stem, json.loads(truth.read_text())["fields"], read_fields(pages, sight, today=TODAY)


def _png(folder: Path, name: str, number: int) -> Pixels:
    read = cv2.imread(str(folder / f"{name}.{number}.png"))
    assert read is not None
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _of(images: list[Pixels], number: int) -> Pixels:
    return images[number - 1]


def _drawn(seeds: int, first: int, level: str) -> Iterator[Case]:
    """`seeds` papers of every kind; what was recognised is kept in the folder SOHOA_LAB_PRESS, where that is set."""
    kept = os.environ.get(_PRESS_CACHE)
    with Recogniser(Settings()) as recogniser:
        for seed in range(first, first + seeds):
            for kind in press.KINDS:
                paper = press.draw(kind, seed=seed, level=level)
                images = [np.array(page.image.convert("RGB"), dtype=np.uint8) for page in paper.pages]
                path = Path(kept) / f"{paper.name}.json" if kept else None
                if path is not None and path.exists():
                    pages = [page_from_dict(page) for page in json.loads(path.read_text())]
                else:
                    pages = [
                        recogniser.recognise(PageImage(at, pixels, float(page.dpi), False, "colour"))
                        for at, (page, pixels) in enumerate(zip(paper.pages, images, strict=True), 1)
                    ]
                    if path is not None:
                        path.write_text(json.dumps([page_to_dict(page) for page in pages], ensure_ascii=False))
                sight = Sight(partial(_of, images), {page.number: page.turn_deg for page in pages})
                yield paper.name, dict(paper.fields), read_fields(pages, sight, today=TODAY)


def _report(cases: Iterator[Case], *, say: bool) -> None:
    right: dict[str, list[str]] = defaultdict(list)
    wrong: dict[str, list[str]] = defaultdict(list)
    sure_and_wrong: dict[str, int] = defaultdict(int)
    for paper, truth, reading in cases:
        for name, value in truth.items():
            if name.startswith("signer") or name == "signing_authority":
                continue
            got = reading.fields.get(name)
            said = None if got is None else got.value
            if name == "subject" and said is not None and value is not None and not value.startswith(("V/", "v/")):
                said = said.removeprefix("V/v ").removeprefix("V/V ") if paper[:8] == "cong_van" else said
            ok = said == value
            (right if ok else wrong)[name].append(paper)
            if not ok and got is not None and got.confidence > 0.85:
                sure_and_wrong[name] += 1
            if say and not ok:
                print(f"{paper:30} {name:18} {0 if got is None else got.confidence:.2f} {said!r} | {value!r}")
    print(f"{'field':18} {'right':>6} {'of':>5} {'share':>7} {'sure, wrong':>12}  missed")
    for name in sorted({*right, *wrong}):
        hit, all_of = len(right[name]), len(right[name]) + len(wrong[name])
        missed = " ".join(wrong[name][:14])
        print(f"{name:18} {hit:6} {all_of:5} {hit / all_of:7.1%} {sure_and_wrong[name]:12}  {missed}")


if __name__ == "__main__":
    main()
