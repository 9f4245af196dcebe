"""Names in a folder store of which nobody knows whether the disk has them, for the fsync that was to make them durable failed.

The kernel tells of a failed write once, and an fsync that ends well afterwards proves nothing. A name in doubt is therefore
written anew before anybody goes by it. What is in doubt is told to other processes by a mark beside the store, which need
not be durable: after a power cut the disk itself says what it has.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path


class Doubts:
    """The names in doubt below `root`. Threads and processes may share them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._marks = root / ".doubtful"
        self._own: set[Path] = set()

    def add(self, name: Path) -> None:
        """The fsync of the folder of `name` failed. Where the disk takes no mark either, this process alone knows."""
        self._own.add(name)
        with suppress(OSError):
            self._marks.mkdir(mode=0o750, exist_ok=True)
            os.close(os.open(self._mark(name), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o640))

    def about(self, name: Path) -> bool:
        """Whether `name` is in doubt."""
        return name in self._own or (self._marks.exists() and self._mark(name).exists())

    def drop(self, name: Path) -> None:
        """`name` was written anew, or is not there any more."""
        if self.about(name):
            self._mark(name).unlink(missing_ok=True)
            self._own.discard(name)
            with suppress(OSError):  # others are in doubt still
                self._marks.rmdir()

    def _mark(self, name: Path) -> Path:
        return self._marks / hashlib.sha256(name.relative_to(self._root).as_posix().encode()).hexdigest()
