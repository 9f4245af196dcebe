"""The papers that fields are measured on, recognised and read: drawn ones of a seed of their own, bad inputs, real ones."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pypdfium2
from PIL import Image

from ingest.sniff import Kind
from ocr_workers.boxes import block_of, line_of
from ocr_workers.orientation import turned
from ocr_workers.pages import PageImage, load_page, plan_document
from ocr_workers.reading.dictionary import EMPTY, Dictionary
from ocr_workers.reading.fields import Reading
from ocr_workers.reading.into_text import with_fields
from ocr_workers.reading.sight import Candidate
from ocr_workers.recognise import Recogniser
from ocr_workers.specks import without_specks
from sohoa.model import BORN_DIGITAL_DPI, Field, Page, Word, page_from_dict, page_to_dict
from sohoa.settings import Settings
from tests.benchmarks import fields_baseline, fields_reader
from tests.benchmarks.fields_reader import Pixels
from tests.support import press
from tests.support.press.hands import STROKES, MnistHands

SEED = 910_000
"""The papers' own: rules, models, thresholds and calibration must never have seen what is drawn from here up."""
PAPERS = Path(__file__).resolve().parents[2].parent / "shared" / "papers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sohoa-accuracy"
_KINDS = {".pdf": Kind.PDF, ".png": Kind.PNG, ".jpg": Kind.JPEG}
_COLOURS: dict[str, Literal["colour", "grey", "bitonal"]] = {"RGB": "colour", "L": "grey", "1": "bitonal"}


@dataclass(frozen=True, slots=True)
class Task:
    """One paper to read: drawn by `seed` at `level`, a bad input of `kind`, or a real one by the name of its transcription.

    `plain`: whether plain Tesseract reads it as well. `mnist`: the folder of digits that people wrote, which then fill in what
    is written by hand (press.hands.MnistHands). `layout`: one of press.LAYOUTS, drawn by lot where empty.
    `typed`: the paper is not scanned, its file holds its text.
    """

    group: str
    seed: int = 0
    level: str = "typical"
    kind: str = ""
    name: str = ""
    mnist: str = ""
    plain: bool = True
    layout: str = ""
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one paper: its truth, what each reader said, and error rates a page (drawn papers).

    `best` and `alone` are the first candidate of each field, after all looks and of the page's own pass; `cer_alone` is that
    of the pass, `cer` and `wer` are those of the text that is archived.
    """

    task: Task
    truth: Mapping[str, str | None]
    extra: Mapping[str, Any]
    read: Mapping[str, Field]
    best: Mapping[str, Candidate]
    alone: Mapping[str, Candidate]
    once: Mapping[str, Field]
    plain: Mapping[str, Field]
    error: str | None = None
    cer: tuple[float, ...] = ()
    wer: tuple[float, ...] = ()
    cer_alone: tuple[float, ...] = ()
    pages: int = 0


@dataclass(slots=True)
class _Given:
    """A paper before it is read: its pages' pixels as scanned, recognised pages and plain texts."""

    pages: list[Page] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    load: Callable[[int], Pixels | None] = lambda number: None


def read_all(tasks: Sequence[Task], *, processes: int = 2, measured: bool = True) -> Iterator[Outcome]:
    """The outcome of each task, in order; pages that were recognised before come out of CACHE.

    `measured`: False reads as if nothing had been measured before, so that every field is looked at as often as can be.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    if processes == 1:
        yield from map(partial(read_one, measured=measured), tasks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(read_one, measured=measured), tasks)


def read_one(task: Task, *, measured: bool = True) -> Outcome:
    """Draw or open one paper, recognise it, and let both readers read it; a reader's crash is an outcome."""
    return read_paper(task, None if task.name else drawn(task), measured=measured)


def read_paper(task: Task, paper: press.Paper | None, *, known: Dictionary = EMPTY, measured: bool = True) -> Outcome:
    """The same of a paper that is drawn already; `known`: what people have confirmed before."""
    given = _real(task.name) if paper is None else _pages_of(paper, task)
    truth, extra = _truth_of(task.name) if paper is None else (paper.fields, paper.extra)
    error = None
    reading = Reading()
    try:
        reading = fields_reader.read(given.pages, given.load, home=CACHE / "home", known=known, measured=measured)
    except Exception as crash:  # noqa: BLE001  (that it crashed is a figure)
        error = f"{type(crash).__name__}: {crash}"
    measured_pages = (
        list(zip(paper.pages, given.pages, strict=True)) if paper and not task.kind and not task.typed else []
    )
    rates = [_rates(page, with_fields(got, reading.fields)) for page, got in measured_pages]
    return Outcome(
        task,
        truth,
        extra,
        reading.fields,
        {name: ones[0] for name, ones in reading.candidates.items()},
        {name: ones[0] for name, ones in reading.alone.items() if ones},
        fields_reader.read_once(given.pages, home=CACHE / "home") if error is None else {},
        fields_baseline.match(given.texts),
        error,
        cer=tuple(cer for cer, _ in rates),
        wer=tuple(wer for _, wer in rates),
        cer_alone=tuple(_rates(page, got)[0] for page, got in measured_pages),
        pages=len(given.pages),
    )


def drawn(task: Task) -> press.Paper:
    """The drawn paper of a task."""
    if not task.kind:
        hands = MnistHands(Path(task.mnist)) if task.mnist else STROKES
        marks = 0.0 if task.typed else press.MARKS  # nobody stamps a file
        return press.draw_varied(task.seed, layout=task.layout or None, level=task.level, hands=hands, marks=marks)
    options = {"pages": 6} if task.kind == "annex_without_head" else {}
    return press.SPOILED[task.kind](task.seed, level=task.level, **options)


def real_names() -> list[str]:
    """The real papers at hand; none where the folder is not there."""
    return sorted(path.stem for path in PAPERS.glob("*.json"))


def _pages_of(paper: press.Paper, task: Task) -> _Given:
    return _typed_pages(paper) if task.typed else _drawn_pages(paper, plain=task.plain)


def _drawn_pages(paper: press.Paper, *, plain: bool) -> _Given:
    given = _Given()
    for number, page in enumerate(paper.pages, 1):
        image = page_image(page, number)
        given.pages.append(_recognised(image))
        if plain:
            given.texts.append(_plain_text(image))
    given.load = lambda number: turned(
        page_image(paper.pages[number - 1], number).pixels, given.pages[number - 1].turn_deg
    )
    return given


def _typed_pages(paper: press.Paper) -> _Given:
    """The pages as a file gives them that was made on a computer: the printed words, nothing to look at."""
    given = _Given()
    for number, page in enumerate(paper.pages, 1):
        words = iter(page.words)
        lines = []
        for text in page.text.splitlines():
            line = [Word(word, next(words).box, 1.0) for word in text.split()]
            if line:
                lines.append(line_of(line))
        blocks = (block_of(lines),) if lines else ()
        given.pages.append(
            Page(
                number,
                page.image.width,
                page.image.height,
                float(page.dpi),
                "blank" if page.blank else "kept",
                blocks,
                lane="text_layer",
            )
        )
    return given


def page_image(page: press.DrawnPage, number: int) -> PageImage:
    """A drawn page as the pipeline would load it; plain Tesseract is shown the same pixels, without specks."""
    mode = page.image.mode
    pixels = np.ascontiguousarray(np.asarray(page.image.convert("L") if mode == "1" else page.image, np.uint8))
    if mode == "1":
        pixels = without_specks(pixels, float(page.dpi))
    return PageImage(number, pixels, dpi=float(page.dpi), dpi_inferred=False, colour=_COLOURS[mode])


def _real(name: str) -> _Given:
    [path] = [PAPERS / f"{name}{ending}" for ending in _KINDS if (PAPERS / f"{name}{ending}").exists()]
    plan = plan_document(path, _KINDS[path.suffix], settings=_settings())
    given = _Given()
    for each in plan.pages:
        loaded = load_page(path, plan, each.number)
        if isinstance(loaded, Page):
            given.pages.append(loaded)
            given.texts.append(_plain_text(_rendered(path, each.number)))
        else:
            given.pages.append(_recognised(loaded))
            given.texts.append(_plain_text(loaded))

    def load(number: int) -> Pixels | None:
        loaded = load_page(path, plan, number)
        if isinstance(loaded, Page):  # a worker has no pixels of such a page either
            return None
        return turned(loaded.pixels, given.pages[number - 1].turn_deg)

    given.load = load
    return given


def _rendered(path: Path, number: int) -> PageImage:
    with pypdfium2.PdfDocument(str(path)) as pdf:
        pixels = pdf[number - 1].render(scale=BORN_DIGITAL_DPI / 72).to_numpy()[:, :, 2::-1]
    return PageImage(number, np.ascontiguousarray(pixels), dpi=BORN_DIGITAL_DPI, dpi_inferred=False, colour="colour")


def _truth_of(name: str) -> tuple[Mapping[str, str | None], Mapping[str, Any]]:
    told = json.loads((PAPERS / f"{name}.json").read_text(encoding="utf-8"))
    return told["fields"], told.get("extra", {}) | {"agency_group": told["agency_group"], "level": told["level"]}


def _recognised(image: PageImage) -> Page:
    def make() -> dict[str, Any]:
        return page_to_dict(_recogniser().recognise(replace(image, number=1)))

    return replace(page_from_dict(_kept("page", image, make)), number=image.number)


def _plain_text(image: PageImage) -> str:
    picture = Image.fromarray(image.pixels)
    picture.info["dpi"] = (image.dpi, image.dpi)
    kept: str = _kept("plain", image, lambda: {"text": fields_baseline.page_text(picture)})["text"]
    return kept


def _kept(what: str, image: PageImage, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """`make()`, or what it gave for the same pixels, engine and code before."""
    digest = hashlib.sha256(f"{what} {image.dpi} {image.colour} {image.pixels.shape} {_versions()}".encode())
    digest.update(image.pixels.tobytes())
    path = CACHE / digest.hexdigest()[:2] / f"{digest.hexdigest()}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
    beside.replace(path)
    return made


@lru_cache(maxsize=1)
def _versions() -> str:
    """The engine with its models, and the code that recognises a page: what a kept page depends on."""
    code = hashlib.sha256()
    root = Path(__file__).resolve().parents[2] / "ocr_workers"
    for name in (
        "boxes",
        "deskew",
        "engine",
        "inks",
        "layout",
        "missed_text",
        "orientation",
        "quality",
        "recognise",
        "red_text",
    ):
        code.update((root / f"{name}.py").read_bytes())
    return json.dumps(_recogniser().identity(), sort_keys=True) + code.hexdigest()


@lru_cache(maxsize=1)
def _recogniser() -> Recogniser:
    return Recogniser(_settings())


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return Settings(home=CACHE / "home")


def _rates(page: press.DrawnPage, got: Page) -> tuple[float, float]:
    words: Iterable[tuple[str, tuple[int, int, int, int]]] = [(word.text, word.box) for word in got.words()]
    text = press.placed_text(page, words)
    return press.character_error_rate(page.text, text), press.word_error_rate(page.text, text)
