"""The lists that stand beside this file as text: one `name | entry | entry …` a line, the same name on as many as it needs."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sohoa.model import nfc


@cache
def lines_of(name: str) -> tuple[str, ...]:
    """The lines of a list, without comments and empty ones."""
    text = (files("ocr_workers.reading") / name).read_text(encoding="utf-8")
    return tuple(line.strip() for line in nfc(text).splitlines() if line.strip() and not line.startswith("#"))


@cache
def listed(name: str) -> dict[str, tuple[str, ...]]:
    """The entries of a list by their name."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines_of(name):
        key, *entries = [part.strip() for part in line.split("|")]
        found[key] = (*found.get(key, ()), *entries)
    return found
