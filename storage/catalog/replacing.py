"""Puts a finished catalogue in the place of the one in use, in one step, and keeps the old one beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sohoa.errors import StoreUnavailable

BEFORE = ".before"
"""What is added to the name of the catalogue that was in use."""
_LOGS = ("-wal", "-shm")


def replace_catalogue(new: Path, in_use: Path) -> None:
    """Make `new` the catalogue. The caller has the catalogue alone (in_use.alone) and has closed `new`.

    The old one is kept as `<name>.before` until the next time. A crash leaves either catalogue whole in the place, never
    none, and never one with the other's write-ahead log: SQLite would play that log into whatever file it lies beside.
    """
    _settle(new)
    if any(_beside(new, log).exists() for log in _LOGS):
        raise StoreUnavailable(f"{new} is still open somewhere; try again")
    if in_use.exists():
        shutil.copymode(in_use, new)
        _set_aside(in_use)
    else:
        for log in _LOGS:
            _beside(in_use, log).unlink(missing_ok=True)
    sync(new)
    new.replace(in_use)
    sync(in_use.parent)


def _set_aside(in_use: Path) -> None:
    """Give the old catalogue a second name that stays, with its log where that cannot be written into it."""
    before = _beside(in_use, BEFORE)
    for old in (before, *(_beside(before, log) for log in _LOGS)):
        old.unlink(missing_ok=True)
    with suppress(sqlite3.DatabaseError):  # a damaged one is kept as it is
        _settle(in_use)
    for log in _LOGS:
        with suppress(FileNotFoundError):
            _beside(in_use, log).rename(_beside(before, log))
    os.link(in_use, before)


def _settle(catalogue: Path) -> None:
    """Write the log into the file; whoever closes last takes the log away."""
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
