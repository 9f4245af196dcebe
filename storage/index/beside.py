"""The index that a rebuild fills beside the one in use, and how it takes that one's place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sohoa.settings import Settings
from storage.catalog.replacing import BEFORE, sync
from storage.index import is_served
from storage.index.protocol import SearchIndex


class IndexBeside(Protocol):
    """A half-made index. A crash at any point leaves one whole index in use, and the same calls go on from there."""

    @contextmanager
    def open(self) -> Iterator[SearchIndex]:
        """The index, made where there is none yet. Raises as open_index does."""
        ...

    def put_in_use(self, tell: Callable[[], None]) -> None:
        """Let it take the place of the one in use, which stays aside; nothing where it has done so already. `tell` is
        called where neither is in the place."""
        ...

    def drop_old(self) -> None:
        """Throw away what was in use before."""
        ...

    def discard(self) -> None:
        """Throw away what an earlier rebuild left."""
        ...


def beside(settings: Settings) -> IndexBeside:
    """The half-made index of the kind that the settings name; nothing is made or asked yet. Raises SetupError."""
    if not is_served(settings):
        return FolderBeside(settings.index_root())
    from storage.index.elastic_beside import ElasticBeside

    return ElasticBeside(settings)


class FolderBeside:
    """Beside the embedded index in the folder `root`, as the folder `<root>.rebuild`; swapped by renaming."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made = root.with_name(f"{root.name}.rebuild")
        self._old = root.with_name(root.name + BEFORE)

    @contextmanager
    def open(self) -> Iterator[SearchIndex]:
        from storage.index.tantivy_index import TantivyIndex

        index = TantivyIndex(self._made, "write")
        try:
            yield index
        finally:
            index.close()

    def put_in_use(self, tell: Callable[[], None]) -> None:
        if not self._made.exists():
            return
        self.drop_old()
        if self._root.exists():
            self._root.rename(self._old)
            tell()
        self._made.rename(self._root)
        sync(self._root.parent)

    def drop_old(self) -> None:
        shutil.rmtree(self._old, ignore_errors=True)

    def discard(self) -> None:
        shutil.rmtree(self._made, ignore_errors=True)
