"""Where the bytes are kept: one small protocol, and the folder that implements it."""

from __future__ import annotations

from pathlib import Path

from storage.objects.protocol import Objects


def open_objects(root: Path) -> Objects:
    """The store in the folder `root`, which is made where it is missing. Raises StoreUnavailable."""
    from storage.objects.folder import FolderObjects

    return FolderObjects(root)
