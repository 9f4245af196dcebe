"""Who has a catalogue that is a file: any number of processes that use it, or one that puts another in its place.

An advisory lock on `<catalogue>.lock` beside the file, not a lease inside it: it holds where the catalogue is damaged or gone,
and the system gives it back the moment a process ends, however it ends. SQLite's own locks cannot do this: they guard a
file, and replacing takes the file away.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sohoa.errors import Conflict, StoreUnavailable


def share(catalogue: Path) -> int:
    """Use the catalogue beside others until the descriptor that is returned is closed.

    Raises StoreUnavailable while somebody has it alone.
    """
    try:
        return _locked(catalogue, fcntl.LOCK_SH)
    except BlockingIOError:
        raise StoreUnavailable(
            "the catalogue is being rebuilt or restored just now: wait until that is finished"
        ) from None


@contextmanager
def alone(catalogue: Path) -> Iterator[None]:
    """Have the catalogue for oneself. Raises Conflict (`in_use`) while any process uses it."""
    catalogue.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = _locked(catalogue, fcntl.LOCK_EX)
    except BlockingIOError:
        raise Conflict(
            "the catalogue is in use by another sohoa command (serve, work, archive …): stop it, then try again",
            code="in_use",
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def _locked(catalogue: Path, how: int) -> int:
    path = catalogue.with_name(f"{catalogue.name}.lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise StoreUnavailable(f"{path} cannot be opened ({why}): set SOHOA_HOME to a folder of yours") from error
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
