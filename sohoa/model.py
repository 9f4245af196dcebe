"""The values that every part of Sohoa speaks in: pages, words, boxes, quality, documents (docs/glossary.md).

All boxes are ``(left, top, right, bottom)`` in pixels of the page frame, right and bottom exclusive. The page frame is the
page as displayed at full resolution: after EXIF orientation, PDF /Rotate and a quarter turn that was found, before deskew;
a born-digital page counts as rendered at 300 dpi.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, NewType

DocumentId = NewType("DocumentId", str)
"""A ULID; never changes."""
Actor = NewType("Actor", str)
"""`person:<id>` or `system:<id>`; every event names one."""
OfficeId = NewType("OfficeId", str)
DossierCode = NewType("DossierCode", str)
Sha256 = NewType("Sha256", str)
"""64 lower-case hexadecimal digits."""

Box = tuple[int, int, int, int]

BORN_DIGITAL_DPI = 300.0
"""The resolution a born-digital page counts as rendered at."""
PAGE_BREAK = "\f"
"""Between pages in text.txt."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word as read: NFC text without white space, its box, and the engine's confidence in [0, 1]."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Line:
    """Words in reading order. `baseline` is (slope, offset): y = bottom of the box + offset + slope * (x - left), in pixels."""

    words: tuple[Word, ...]
    box: Box
    baseline: tuple[float, float] | None = None

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together (a paragraph, a table cell, a header column), in reading order."""

    lines: tuple[Line, ...]
    box: Box

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured on one page image.

    `skew_deg` is clockwise-positive, None where it could not be told. `sharpness` is the variance of the Laplacian of the
    channel that is read (red of a colour page) at 100 dpi. `ink_share` is the share of dark pixels in [0, 1].
    `mean_confidence` is over characters of read words, None where none were read. `colour` is colour | grey | bitonal.
    `warnings` holds codes: low_dpi, not_colour, cropped, dpi_inferred, text_missed.
    """

    dpi: float
    dpi_inferred: bool
    skew_deg: float | None
    sharpness: float
    ink_share: float
    mean_confidence: float | None
    colour: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page with everything read from it, in the page frame.

    `number` counts from 1. `turn_deg` is the quarter turn that was found (0, 90, 180, 270 clockwise, to be written as
    /Rotate on top of what the source already says); width, height and boxes are after it. `status` is a PageStatus value:
    recognised, kept, blank or failed; `code` says why a failed page failed. `lane` says who read it: tesserocr, pytesseract,
    text_layer, or none.
    """

    number: int
    width_px: int
    height_px: int
    dpi: float
    status: str
    blocks: tuple[Block, ...] = ()
    turn_deg: int = 0
    quality: Quality | None = None
    code: str | None = None
    lane: str = "none"
    recognise_ms: int = 0

    @property
    def text(self) -> str:
        """NFC plain text in reading order: words parted by a space, lines by a line feed, blocks by an empty line."""
        return "\n\n".join(block.text for block in self.blocks)

    def lines(self) -> Iterator[Line]:
        for block in self.blocks:
            yield from block.lines

    def words(self) -> Iterator[Word]:
        for line in self.lines():
            yield from line.words

    def words_with_offsets(self) -> Iterator[tuple[int, Word]]:
        """Each word with the offset of its first character in :attr:`text`."""
        offset = 0
        for block_number, block in enumerate(self.blocks):
            offset += 2 if block_number else 0
            for line_number, line in enumerate(block.lines):
                offset += 1 if line_number else 0
                for word_number, word in enumerate(line.words):
                    offset += 1 if word_number else 0
                    yield offset, word
                    offset += len(word.text)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where on the paper a field was read: the page, counted from 1, and a box in its page frame."""

    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Field:
    """A value read from a document (Nghị định 30/2020, PL VI), with where and how surely it was read.

    `value`: as printed, NFC, spaces collapsed, the paper's letter case and leading zeros; dates ISO 8601; `type_name` from
    the controlled list; None where the paper leaves it blank (its evidence is then the blank) or where nothing can be read.
    `display`: the value with the house's capitals undone. `raw`: what the engine read there. `confidence` in [0, 1] is the
    chance that `value` is right, calibrated. `origin` is an Origin value. `accepted`: sure enough to need nobody.
    """

    value: str | None
    confidence: float
    evidence: tuple[Evidence, ...] = ()
    raw: str = ""
    display: str | None = None
    origin: str = "machine"
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Which pages of which original a document is. `pages` are [from, to] ranges counted from 1, both inclusive; none: all.

    `document_id` is the document that it was split from, whose original that is.
    """

    original_sha256: Sha256
    pages: tuple[tuple[int, int], ...]
    document_id: DocumentId | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A document that another was split into, and which pages of that it has: the first and the last, counted from 1."""

    document_id: DocumentId
    pages: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Appended:
    """A further original of a document, whose pages follow those before.

    `path` is its name in the document's folder in the archive (`original-2.jpg`), `pages` how many pages it brought,
    `receipt` the id of the receipt that it came in under. These are also the keys in record.json.
    """

    path: str
    filename: str
    media_type: str
    sha256: Sha256
    size_bytes: int
    pages: int
    receipt: DocumentId


@dataclass(frozen=True, slots=True)
class Revision:
    """An original that is to replace or continue a document's, or a turning of its pages: still worked on, or, where it did
    not get through, how it ended. These are also the keys in record.json.

    `receipt` is the id of its receipt (a turning brings no bytes and has none) and of its PREMIS event, `kind` a
    RevisionKind value, `status` a DocumentStatus value: `received`, or `held` and `failed` with `code`, `stage` and
    `detail`; `at` is RFC 3339.
    """

    receipt: DocumentId
    kind: str
    actor: Actor
    at: str
    reason: str
    status: str = "received"
    code: str | None = None
    stage: str | None = None
    detail: str | None = None


def source_to_dict(source: Source) -> dict[str, Any]:
    """A source as plain JSON values, as record.json and the catalogue have it."""
    about = {"original_sha256": source.original_sha256, "pages": [list(pages) for pages in source.pages]}
    return about if source.document_id is None else {**about, "document_id": source.document_id}


def source_from_dict(data: dict[str, Any]) -> Source:
    """The source that :func:`source_to_dict` wrote."""
    pages = tuple((first, last) for first, last in data["pages"])
    return Source(data["original_sha256"], pages, data.get("document_id"))


def part_to_dict(part: Part) -> dict[str, Any]:
    """A part as plain JSON values."""
    return {"document_id": part.document_id, "pages": list(part.pages)}


def part_from_dict(data: dict[str, Any]) -> Part:
    """The part that :func:`part_to_dict` wrote."""
    first, last = data["pages"]
    return Part(data["document_id"], (first, last))


def own_keys(kind: type, said: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the keys in `said` that the dataclass `kind` has: a newer Sohoa may have written more (docs/decisions/0032)."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in said.items() if name in names}


def nfc(text: str) -> str:
    """Vietnamese text in the one form that is stored everywhere (Unicode NFC)."""
    return unicodedata.normalize("NFC", text)


def union(boxes: list[Box]) -> Box:
    """The smallest box around all of `boxes` (at least one)."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def page_to_dict(page: Page) -> dict[str, Any]:
    """A page as plain JSON values, compact: words are [text, left, top, right, bottom, confidence]."""
    quality = page.quality
    return {
        "number": page.number,
        "width_px": page.width_px,
        "height_px": page.height_px,
        "dpi": page.dpi,
        "status": page.status,
        "turn_deg": page.turn_deg,
        "code": page.code,
        "lane": page.lane,
        "recognise_ms": page.recognise_ms,
        "quality": None if quality is None else quality_to_dict(quality),
        "blocks": [
            {
                "box": list(block.box),
                "lines": [
                    {
                        "box": list(line.box),
                        "baseline": None if line.baseline is None else list(line.baseline),
                        "words": [[word.text, *word.box, round(word.confidence, 4)] for word in line.words],
                    }
                    for line in block.lines
                ],
            }
            for block in page.blocks
        ],
    }


def page_from_dict(data: dict[str, Any]) -> Page:
    """The page that :func:`page_to_dict` wrote."""
    return Page(
        number=data["number"],
        width_px=data["width_px"],
        height_px=data["height_px"],
        dpi=data["dpi"],
        status=data["status"],
        turn_deg=data["turn_deg"],
        code=data["code"],
        lane=data["lane"],
        recognise_ms=data["recognise_ms"],
        quality=None if data["quality"] is None else quality_from_dict(data["quality"]),
        blocks=tuple(
            Block(
                box=_box(block["box"]),
                lines=tuple(
                    Line(
                        box=_box(line["box"]),
                        baseline=None if line["baseline"] is None else (line["baseline"][0], line["baseline"][1]),
                        words=tuple(Word(text=w[0], box=_box(w[1:5]), confidence=w[5]) for w in line["words"]),
                    )
                    for line in block["lines"]
                ),
            )
            for block in data["blocks"]
        ),
    )


def field_to_dict(field: Field) -> dict[str, Any]:
    """A field as plain JSON values: what `fields` in record.json, the API and `archive --json` hold under its name."""
    return {
        "value": field.value,
        "display": field.display,
        "raw": field.raw,
        "confidence": round(field.confidence, 4),
        "evidence": [{"page": place.page, "box": list(place.box)} for place in field.evidence],
        "origin": field.origin,
        "accepted": field.accepted,
    }


def field_from_dict(data: dict[str, Any]) -> Field:
    """The field that :func:`field_to_dict` wrote."""
    evidence = tuple(Evidence(place["page"], _box(place["box"])) for place in data["evidence"])
    return Field(**{**own_keys(Field, data), "evidence": evidence})


def quality_to_dict(quality: Quality) -> dict[str, Any]:
    """Quality as plain JSON values (also what quality.json holds for each page)."""
    return {
        "dpi": quality.dpi,
        "dpi_inferred": quality.dpi_inferred,
        "skew_deg": quality.skew_deg,
        "sharpness": quality.sharpness,
        "ink_share": quality.ink_share,
        "mean_confidence": quality.mean_confidence,
        "colour": quality.colour,
        "warnings": list(quality.warnings),
    }


def quality_from_dict(data: dict[str, Any]) -> Quality:
    """The quality that :func:`quality_to_dict` wrote."""
    return Quality(**{**own_keys(Quality, data), "warnings": tuple(data["warnings"])})


def _box(values: list[int]) -> Box:
    return (values[0], values[1], values[2], values[3])
