"""What the OCFL validator reads: keys and streams, from any store or from a folder that it must leave as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from sohoa.errors import NotFound, StoreUnavailable


class Tree(Protocol):
    """The part of storage.objects' Objects that reading needs. A key that ends in "/" is an empty folder."""

    def list(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, in the order of the whole keys. Raises StoreUnavailable."""
        ...

    def open(self, key: str) -> BinaryIO:
        """The bytes of a key. Raises NotFound, StoreUnavailable."""
        ...


class FolderTree:
    """A folder of somebody's. Nothing is written into it and no symbolic link is followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def list(self, prefix: str) -> Iterator[str]:
        yield from _keys_below(self._root, prefix.rpartition("/")[0], prefix)

    def open(self, key: str) -> BinaryIO:
        try:
            descriptor = os.open(self._root / key, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            return os.fdopen(descriptor, "rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound(f"{key} is not there") from None
        except OSError as error:
            raise StoreUnavailable(f"{key} cannot be read ({error.strerror})") from error


def symbolic_links(root: Path) -> Iterator[str]:
    """Every symbolic link in and below a folder, relative to it (OCFL allows none: E090)."""
    for folder, folders, files in os.walk(root):
        for name in sorted((*folders, *files)):
            path = Path(folder, name)
            if path.is_symlink():
                yield path.relative_to(root).as_posix()


def _keys_below(root: Path, folder: str, prefix: str) -> Iterator[str]:
    try:
        with os.scandir(root / folder) as entries:
            names = sorted(entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise StoreUnavailable(f"the folder {folder or root} cannot be read ({error.strerror})") from error
    before = f"{folder}/" if folder else ""
    if not names and before.startswith(prefix) and before:
        yield before
    for key in (before + name for name in names):
        if not key.startswith(prefix) and not prefix.startswith(key):
            continue
        if key.endswith("/"):
            yield from _keys_below(root, key.removesuffix("/"), prefix)
        else:
            yield key
