"""The controlled list of types of paper, which who reads a paper and who confirms it hold on to alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sohoa.model import nfc

LETTER = "Công văn"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class PaperType:
    """A name of the list in sentence case. `kind`: act (Nghị định 30), form, certificate, or party."""

    name: str
    abbreviations: tuple[str, ...]
    kind: str


@cache
def paper_types() -> tuple[PaperType, ...]:
    """The list of paper_types.txt."""
    text = nfc((files("sohoa") / "paper_types.txt").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = [[part.strip() for part in line.split("|")] for line in lines]
    return tuple(PaperType(name, tuple(short.split()), kind) for kind, name, short in rows)


@cache
def type_of_abbreviation() -> dict[str, PaperType]:
    return {short: kind for kind in reversed(paper_types()) for short in kind.abbreviations}


def type_named(name: str) -> PaperType | None:
    return next((kind for kind in paper_types() if kind.name == name), None)
