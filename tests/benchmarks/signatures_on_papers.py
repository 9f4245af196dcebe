"""Who signed, as read: `python -m tests.benchmarks.signatures_on_papers [--press COUNT --level LEVEL --seed SEED]`.

Without --press the papers of ../shared/papers are read, kiengiang apart; SOHOA_PAGES_CACHE may name a folder that holds
their pages as recognised (NAME.json, NAME.P.png), else they are recognised first. Prints names of papers, never their text.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

import cv2
import numpy as np
from PIL import Image

from ingest.sniff import Kind
from ocr_workers.engine import Engine
from ocr_workers.orientation import turned
from ocr_workers.pages import PageImage, load_page, plan_document
from ocr_workers.reading.signature import SignatureReading, read_signature
from ocr_workers.reading.signature_views import Pixels
from ocr_workers.recognise import Recogniser
from sohoa.model import Page, page_from_dict
from sohoa.settings import Settings
from tests.benchmarks.say import say
from tests.support import press

PAPERS = Path(__file__).resolve().parents[3] / "shared" / "papers"
FIELDS = ("signer_name", "signer_position", "signing_authority")
ACCEPT = 0.9
_KINDS = {".pdf": Kind.PDF, ".png": Kind.PNG, ".jpg": Kind.JPEG}


@dataclass(frozen=True, slots=True)
class InMemory:
    """The pixels of a document's pages in their frames; a page of text alone has none."""

    pages: dict[int, Pixels] = field(default_factory=dict)

    def pixels(self, number: int) -> Pixels | None:
        return self.pages.get(number)


@dataclass(frozen=True, slots=True)
class Case:
    """One document to read, and who may be said to have signed it: a value of `truth` per field, or one of its rivals."""

    name: str
    group: str
    pages: tuple[Page, ...]
    sight: InMemory
    truth: dict[str, tuple[str | None, ...]]


@dataclass(slots=True)
class Tally:
    """Of one group and field: read right, all, and of those at or over ACCEPT right and wrong."""

    right: int = 0
    total: int = 0
    sure_right: int = 0
    sure_wrong: int = 0


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--press", type=int, default=0, help="draw so many papers instead of reading ../shared/papers")
    options.add_argument("--level", default="typical")
    options.add_argument("--seed", type=int, default=7_700)
    options.add_argument("--verbose", action="store_true", help="each paper's right and wrong fields with their scores")
    chosen = options.parse_args(arguments)
    cases = _drawn(chosen.press, chosen.level, chosen.seed) if chosen.press else _papers()
    engine = Engine(Settings())
    tallies: dict[tuple[str, str], Tally] = {}
    spent: list[float] = []
    share: list[float] = []
    for case in cases:
        reading = read_signature(case.pages, case.sight, engine)
        spent.append(reading.spent_ms)
        share.append(reading.spent_ms / max(sum(page.recognise_ms for page in case.pages), 1))
        marks = [_count(tallies, case, reading, name) for name in FIELDS]
        if chosen.verbose:
            say(f"{case.name}: {', '.join(marks)}; {reading.spent_ms:.0f} ms, {reading.reads} reads")
    for (group, name), tally in sorted(tallies.items()):
        sure = tally.sure_right + tally.sure_wrong
        _out(
            f"{group:14} {name:18} {tally.right:4} of {tally.total:4} ({100 * tally.right / max(tally.total, 1):5.1f} %)"
            f"   at {ACCEPT} and over: {sure}, wrong {tally.sure_wrong}"
        )
    if spent:
        _out(f"time a document: mean {fmean(spent):.0f} ms, median {median(spent):.0f}, worst {max(spent):.0f} (CPU)")
    return 0


def _out(line: str) -> None:
    sys.stdout.write(line + "\n")


def _count(tallies: dict[tuple[str, str], Tally], case: Case, reading: SignatureReading, name: str) -> str:
    if name not in case.truth:
        return f"{name} -"
    tally = tallies.setdefault((case.group, name), Tally())
    candidates = getattr(reading, name)
    tally.total += 1
    if not candidates:
        right = case.truth[name] == (None,)
        tally.right += right
        return f"{name} none{' ok' if right else ' BAD'}"
    right = candidates[0].value in case.truth[name]
    tally.right += right
    if candidates[0].score >= ACCEPT:
        tally.sure_right += right
        tally.sure_wrong += not right
    return f"{name} {'ok' if right else 'BAD'} {candidates[0].score:.2f}"


def _papers() -> Iterator[Case]:
    cache = os.environ.get("SOHOA_PAGES_CACHE")
    for told in sorted(PAPERS.glob("*.json")):
        said = json.loads(told.read_text())
        fields = said["fields"]
        signers = said.get("extra", {}).get("signers", [])
        truth: dict[str, tuple[str | None, ...]] = {name: (fields[name],) for name in FIELDS if name in fields}
        if "signer_name" in truth:
            truth["signer_name"] += tuple(one["name"] if isinstance(one, dict) else one for one in signers)
        group = "kiengiang" if said.get("agency_group") == "kiengiang" else str(said["level"])
        pages, sight = _cached(Path(cache), told.stem) if cache else _recognised(told.stem)
        yield Case(told.stem, group, pages, sight, truth)


def _cached(folder: Path, name: str) -> tuple[tuple[Page, ...], InMemory]:
    pages = tuple(page_from_dict(page) for page in json.loads((folder / f"{name}.json").read_text()))
    seen: dict[int, Pixels] = {}
    for page in pages:
        if page.lane != "text_layer":
            image = cv2.imread(str(folder / f"{name}.{page.number}.png"), cv2.IMREAD_UNCHANGED)
            assert image is not None
            seen[page.number] = np.asarray(
                image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8
            )
    return pages, InMemory(seen)


def _recognised(name: str) -> tuple[tuple[Page, ...], InMemory]:
    original = next(PAPERS / f"{name}{ending}" for ending in _KINDS if (PAPERS / f"{name}{ending}").is_file())
    settings = Settings()
    plan = plan_document(original, _KINDS[original.suffix], settings=settings)
    pages: list[Page] = []
    seen: dict[int, Pixels] = {}
    with Recogniser(settings) as recogniser:
        for number in range(1, len(plan.pages) + 1):
            loaded = load_page(original, plan, number)
            page = loaded if isinstance(loaded, Page) else recogniser.recognise(loaded)
            if isinstance(loaded, PageImage):
                seen[number] = turned(loaded.pixels, page.turn_deg)
            pages.append(page)
    return tuple(pages), InMemory(seen)


def _drawn(count: int, level: str, seed: int) -> Iterator[Case]:
    with Recogniser(Settings()) as recogniser:
        for number in range(count):
            paper = press.draw(press.KINDS[number % len(press.KINDS)], seed=seed + number, level=level)
            pages: list[Page] = []
            seen: dict[int, Pixels] = {}
            for place, drawn in enumerate(paper.pages, 1):
                image = page_image(drawn.image, number=place, dpi=drawn.dpi)
                page = recogniser.recognise(image)
                seen[place] = turned(image.pixels, page.turn_deg)
                pages.append(page)
            truth: dict[str, tuple[str | None, ...]] = {
                name: (paper.fields[name],) for name in FIELDS if name in paper.fields
            }
            yield Case(paper.name, f"press {level}", tuple(pages), InMemory(seen), truth)


def page_image(image: Image.Image, *, number: int, dpi: int) -> PageImage:
    """A drawn page as the loader would hand it out."""
    pixels = np.array(image.convert("L") if image.mode == "1" else image)
    colour = {"RGB": "colour", "L": "grey", "1": "bitonal"}[image.mode]
    return PageImage(number, np.ascontiguousarray(pixels), float(dpi), False, colour)  # type: ignore[arg-type]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
