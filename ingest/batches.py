"""The files that a command line means: files, folders with all below them, and globs that the shell left alone."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sohoa.errors import Refused
from sohoa.settings import Settings

Found = Path | tuple[str, Refused]

_JUNK = frozenset(
    {
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "__macosx",
        "@eadir",
        "$recycle.bin",
        "system volume information",
        "lost+found",
    }
)
"""What operating systems leave in folders, in lower case."""


def expand(paths: Sequence[str], *, settings: Settings) -> Iterator[Found]:
    """Every file that `paths` name, in the order given and naturally sorted within a folder (page 2 before page 10).

    Yields (path, Refused) in place of what cannot be had: not_found, not_readable, nested_too_deep; the rest goes on.
    In folders, hidden files and what operating systems leave there are skipped; a folder that links lead to twice is
    taken once. A file that is named itself is always yielded.
    """
    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from _in_given_folder(path, settings=settings)
        elif os.path.lexists(path):
            yield path
        elif glob.has_magic(given):
            yield from _matching(given, settings=settings)
        else:
            yield given, Refused("there is no such file or folder", code="not_found")


def _matching(pattern: str, *, settings: Settings) -> Iterator[Found]:
    matches = sorted(glob.iglob(pattern, recursive=True), key=_natural)  # noqa: PTH207 Path.glob knows no absolute patterns
    kept = [Path(match) for match in matches if not _is_junk(Path(match).name)]
    if not kept:
        yield pattern, Refused("no file matches this pattern", code="not_found")
    for path in kept:
        if not path.is_dir():
            yield path
        elif "**" not in pattern:  # otherwise the pattern has gone below by itself
            yield from _in_given_folder(path, settings=settings)


def _in_given_folder(folder: Path, *, settings: Settings) -> Iterator[Found]:
    empty = True
    for found in _below(folder, depth=1, visited=set(), settings=settings):
        empty = False
        yield found
    if empty:
        yield str(folder), Refused("there is no file in this folder", code="not_found")


def _below(folder: Path, *, depth: int, visited: set[tuple[int, int]], settings: Settings) -> Iterator[Found]:
    if depth > settings.max_folder_depth:
        limit = settings.max_folder_depth
        yield (
            str(folder),
            Refused(f"folders are nested deeper than {limit}: add this one by itself", code="nested_too_deep"),
        )
        return
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir(), key=lambda entry: _natural(entry.name))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        yield str(folder), Refused(f"this folder cannot be read ({why}): look at its rights", code="not_readable")
        return
    if (status.st_dev, status.st_ino) in visited:
        return
    visited.add((status.st_dev, status.st_ino))
    for entry in entries:
        if _is_junk(entry.name):
            continue
        if entry.is_dir():
            yield from _below(entry, depth=depth + 1, visited=visited, settings=settings)
        else:
            yield entry


def _is_junk(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _JUNK


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts digits by their value and letters without regard to case."""
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in re.split(r"(\d+)", text)]
