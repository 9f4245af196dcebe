"""A disk below a folder store that fails at a chosen call, and a book of what a power cut would leave of it.

The book is what the kernel promises and no more: bytes are durable once their file was fsynced, a name once its folder was
fsynced after the name was given. What a failed fsync left undone, no later fsync of the same file or folder makes good.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.crash import count_points

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class FailingDisk:
    """Watches the folder `root`. fsync number `fails_at` (counted from 1) and `lasting - 1` after it end with EIO."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self._root, self._lost, self._unsynced = root, set[Path](), set[Path]()
        self._sound = {path.stat().st_ino for path in root.rglob("*") if path.is_file()}
        self._bad: set[int] = set()
        self.fsyncs = self.writes = 0
        self._fails_at = self._well_at = self._read_only_from = 0
        really = {name: getattr(os, name) for name in ("open", "link", "replace", "mkdir", "unlink", "rmdir")}
        patch.setattr(os, "fsync", self._fsync)
        patch.setattr(
            os, "open", lambda path, flags, *more, **how: self._open(really["open"], path, flags, *more, **how)
        )
        for name in ("link", "replace", "mkdir"):
            patch.setattr(os, name, self._giving(really[name], moves=name == "replace"))
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, self._taking(really[name]))

    def fail_fsync(self, at: int, *, lasting: int = 1) -> None:
        """From now on, let fsync number `at` and the next ones fail, `lasting` in all."""
        self.fsyncs, self._fails_at, self._well_at = 0, at, at + lasting

    def read_only(self, at: int) -> None:
        """From writing call number `at` on, counted from now, nothing can be written."""
        self.writes, self._read_only_from = 0, at

    def get_well(self) -> None:
        """Nothing fails from now on; what was lost before stays lost."""
        self._fails_at = self._well_at = self._read_only_from = 0

    def not_durable(self, below: str = "") -> set[str]:
        """What is to be seen below a folder of the store and a power cut might take away: names, and files' bytes."""
        top = self._root / below
        names = {path for path in self._lost | self._unsynced if path.exists() and path.is_relative_to(top)}
        bad = {path for path in top.rglob("*") if path.is_file() and path.stat().st_ino in self._bad}
        found = {path.relative_to(self._root).as_posix() for path in names | bad}
        return {path for path in found if not path.startswith(".")}

    def _fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not path.is_relative_to(self._root):
            return
        self.fsyncs += 1
        found = os.fstat(descriptor)
        fails = self._fails_at <= self.fsyncs < self._well_at
        if stat.S_ISDIR(found.st_mode):
            waiting = {name for name in self._unsynced if name.parent == path}
            self._unsynced -= waiting
            self._lost |= waiting if fails else set()
        elif fails:
            self._bad.add(found.st_ino)
        elif found.st_ino not in self._bad:
            self._sound.add(found.st_ino)
        if fails:
            count_points()
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _write(self, path: Any, *, counts: bool = True) -> bool:
        """Whether a path is ours; raises where nothing can be written any more. What takes away fails as well, and is no
        point of its own: the next write is."""
        if not isinstance(path, str | os.PathLike) or not Path(path).is_relative_to(self._root):
            return False
        self.writes += counts
        if self._read_only_from and self.writes >= self._read_only_from:
            if counts and self.writes == self._read_only_from:
                count_points()
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return True

    def _open(self, really: Callable[..., int], path: Any, flags: int, *more: Any, **how: Any) -> int:
        if flags & _WRITING:
            self._write(path)
        descriptor = really(path, flags, *more, **how)
        if flags & os.O_CREAT and flags & os.O_EXCL:
            self._bad.discard(os.fstat(descriptor).st_ino)  # a new file, whatever had its number before
            self._sound.discard(os.fstat(descriptor).st_ino)
        return descriptor

    def _giving(self, really: Callable[..., None], *, moves: bool) -> Callable[..., None]:
        def give(first: Any, *rest: Any, **how: Any) -> None:
            target = rest[0] if rest and isinstance(rest[0], str | os.PathLike) else first
            ours = self._write(target)
            really(first, *rest, **how)
            if ours:
                name = Path(target)
                if name.is_file() and not name.relative_to(self._root).parts[0].startswith("."):
                    assert name.stat().st_ino in self._sound, f"{name} was published before its bytes were durable"
                self._lost.discard(name)
                self._unsynced.add(name)
                if moves:
                    self._unsynced.discard(Path(first))

        return give

    def _taking(self, really: Callable[..., None]) -> Callable[..., None]:
        def take(path: Any, *more: Any, **how: Any) -> None:
            ours = self._write(path, counts=False)
            really(path, *more, **how)
            if ours:
                self._lost.discard(Path(path))
                self._unsynced.discard(Path(path))

        return take
