"""What the press hands out: a paper, its drawn pages, and the truth about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from sohoa.model import Box


@dataclass(frozen=True, slots=True)
class TruthWord:
    """One printed word (NFC, no white space) and the box of its ink in pixels of the final page image."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """One page as a scanner or a phone would give it, upright, and what is printed on it.

    `image` is RGB, L or 1. `text` is NFC in reading order, lines parted by a line feed; splitting it at white space
    gives the texts of `words`. A left header column comes before the right one, "Nơi nhận" before the signature block,
    a table row by row. `exif_orientation` is the tag a JPEG of this page carries; pixels are stored turned to match.
    """

    image: Image.Image
    dpi: int
    text: str
    words: tuple[TruthWord, ...]
    blank: bool
    exif_orientation: int = 1


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a field or another part stands: its page, counted from 1, and the box of its ink in that page's pixels."""

    name: str
    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, and its fields under Nghị định 30's names in snake case.

    Values are as printed (NFC), dates ISO, lists one entry a line. None means that the paper does not carry the value:
    a number or a day left blank, a signer without authority words. Only varied papers tell their `zones`, and as `extra`
    their layout, what is written by hand ("handwritten": number, issued_date, authority), by what number and day were
    filled in, seal, stamps, all signers, an arrival stamp's number and date, and what is attached from which page on.
    """

    name: str
    type_name: str
    level: str
    pages: tuple[DrawnPage, ...]
    fields: dict[str, str | None]
    extra: dict[str, Any] = field(default_factory=dict)
    zones: tuple[Zone, ...] = ()

    @property
    def text(self) -> str:
        """The text of all pages, parted by form feeds."""
        return "\f".join(page.text for page in self.pages)
