"""Measures the digit reader, and fits its calibration.

    python -m tests.training.measure_digits [--model FILE] [--mnist DIR --fonts DIR] [--drawn 400] [--papers DIR] [--fit]

On drawn lines of a seed that no training uses (with --mnist and --fonts: on digits and fonts that training left out), and on
the first pages of real papers transcribed as ../shared/papers are. --fit prints the constants of CALIBRATION in digits.py.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ingest.sniff import Kind
from ocr_workers.orientation import turned
from ocr_workers.pages import load_page, plan_document
from ocr_workers.reading.digit_spans import locate_spans
from ocr_workers.reading.digits import MODEL, DigitReader, Grammar, Reading
from ocr_workers.recognise import Recogniser
from sohoa.model import Page, page_from_dict
from sohoa.settings import Settings
from tests.training.digit_hands import Hands, load_hands
from tests.training.digit_lines import draw_crop

SEED = 20260731
SURE = 0.9
PULL = 20.0
"""As if so many readings more had said that the masses are right as they are."""
KINDS = {".pdf": Kind.PDF, ".png": Kind.PNG, ".jpg": Kind.JPEG}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read of one room, and what stands there (None: it was not located)."""

    kind: str
    truth: str
    readings: tuple[Reading, ...] | None

    @property
    def top(self) -> Reading | None:
        return self.readings[0] if self.readings else None

    @property
    def right(self) -> bool:
        top = self.top
        if top is None:
            return False
        return top.text == self.truth or (
            self.dated and bool(top.text) and top.text.lstrip("0") == self.truth.lstrip("0")
        )

    @property
    def dated(self) -> bool:
        return not self.kind.startswith("number")


def drawn(reader: DigitReader, hands: Hands, count: int, *, seed: int) -> Iterator[Outcome]:
    rng = np.random.default_rng(seed)
    for grammar in Grammar:
        for _ in range(0, count, 20):
            crops = [draw_crop(rng, hands, kind=grammar.value, whole=True) for _ in range(20)]
            found = reader.read_crops(
                [crop.pixels for crop in crops], grammar, [(crop.left, crop.right) for crop in crops]
            )
            for crop, readings in zip(crops, found, strict=True):
                yield Outcome(f"{grammar.value} {'blank' if crop.text == '' else 'drawn'}", crop.text, readings)


def papers(reader: DigitReader, folder: Path, cached: Path | None) -> Iterator[Outcome]:
    spent_ms = []
    for truth_file in sorted(folder.glob("*.json")):
        truth = json.loads(truth_file.read_text())
        fields, by_hand = truth["fields"], truth["extra"].get("handwritten") or []
        date = fields.get("issued_date") or ""
        want = {"number": fields.get("code_number"), "day": date[8:], "month": date[5:7], "year": date[:4]}
        page, pixels = _first_page(truth_file, cached)
        began = time.perf_counter()
        number, dates = locate_spans(page)
        asked = [(number, Grammar.NUMBER)] if number else []
        if dates:
            asked += [(dates.day, Grammar.DAY), (dates.month, Grammar.MONTH), (dates.year, Grammar.YEAR)]
        found = dict(zip((grammar.value for _, grammar in asked), reader.read_all(pixels, asked), strict=True))
        spent_ms.append((time.perf_counter() - began) * 1000)
        for kind, text in want.items():
            hand = (kind == "number" and "number" in by_hand) or (kind == "day" and "issued_date" in by_hand)
            how = "born digital" if truth["level"] == "born-digital" else "by hand" if hand else "printed"
            if text:
                yield Outcome(f"{kind} {how}", text, found.get(kind))
    print(f"time a page: median {np.median(spent_ms):.0f} ms, most {max(spent_ms):.0f} ms")


def _first_page(truth_file: Path, cached: Path | None) -> tuple[Page, npt.NDArray[np.uint8]]:
    if cached:
        page = page_from_dict(json.loads((cached / truth_file.name).read_text())[0])
        image = cv2.imread(str(cached / f"{truth_file.stem}.1.png"))
        assert image is not None
        return page, np.asarray(image[:, :, ::-1], np.uint8)
    source = next(path for path in truth_file.parent.glob(f"{truth_file.stem}.*") if path.suffix in KINDS)
    settings = Settings()
    got = load_page(source, plan_document(source, KINDS[source.suffix], settings=settings), 1)
    if isinstance(got, Page):
        return got, np.full((got.height_px, got.width_px), 255, np.uint8)
    page = Recogniser(settings).recognise(got)
    return page, np.asarray(turned(got.pixels, page.turn_deg), np.uint8)


def table(outcomes: list[Outcome]) -> str:
    rows = [f"{'':22}{'n':>6}{'located':>9}{'right':>8}{'right >= 0.9':>14}{'wrong >= 0.9':>14}"]
    for kind in sorted({outcome.kind for outcome in outcomes}):
        mine = [outcome for outcome in outcomes if outcome.kind == kind]
        sure = [outcome for outcome in mine if outcome.top and outcome.top.probability >= SURE]
        right = sum(outcome.right for outcome in mine)
        located = sum(outcome.readings is not None for outcome in mine)
        rows.append(
            f"{kind:22}{len(mine):6}{located:9}{right:8}{sum(o.right for o in sure):14}{sum(not o.right for o in sure):14}"
        )
    return "\n".join(rows)


def reliability(outcomes: list[Outcome]) -> str:
    rows = ["said       n   right"]
    tops = [(outcome.top.probability, outcome.right) for outcome in outcomes if outcome.top]
    edges = (0.0, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.001)
    for low, high in pairwise(edges):
        inside = [right for probability, right in tops if low <= probability < high]
        if inside:
            rows.append(f"{low:.2f}-{min(high, 1):.2f}{len(inside):6}{np.mean(inside):8.3f}")
    return "\n".join(rows)


def fit(outcomes: list[Outcome]) -> tuple[float, float]:
    """Platt's slope and offset over the logit of the best reading's mass, drawn towards 1 and 0: real papers differ."""
    pairs = [(outcome.top.probability, outcome.right) for outcome in outcomes if outcome.top]
    mass = np.clip([probability for probability, _ in pairs], 1e-4, 1 - 1e-4)
    x, y = np.log(mass / (1 - mass)), np.array([float(right) for _, right in pairs])
    weights = same = np.array([1.0, 0.0])
    design = np.stack([x, np.ones_like(x)], axis=1)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (y - chance) - PULL * (weights - same)
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + PULL * np.eye(2)
        weights = weights + np.linalg.solve(hessian, gradient)
    return float(weights[0]), float(weights[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--fonts", type=Path)
    parser.add_argument("--drawn", type=int, default=400)
    parser.add_argument("--papers", type=Path)
    parser.add_argument("--pages", type=Path, help="pages already recognised: NAME.json and NAME.1.png")
    parser.add_argument("--fit", action="store_true")
    args: Any = parser.parse_args()
    hands = load_hands(args.mnist, args.fonts, held_out=True)
    reader = DigitReader(args.model)
    if args.fit:
        raw = list(drawn(DigitReader(args.model, calibrated=False), hands, args.drawn, seed=SEED + 1))
        for grammar in Grammar:
            slope, offset = fit([outcome for outcome in raw if outcome.kind.startswith(grammar.value)])
            print(f"    Grammar.{grammar.name}: ({slope:.3f}, {offset:.3f}),")
        return
    if args.drawn:
        outcomes = list(drawn(reader, hands, args.drawn, seed=SEED))
        print("Drawn lines\n" + table(outcomes) + "\n" + reliability(outcomes))
    if args.papers:
        outcomes = list(papers(reader, args.papers, args.pages))
        print("Real papers\n" + table(outcomes) + "\n" + reliability(outcomes))


if __name__ == "__main__":
    main()
