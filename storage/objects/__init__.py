"""Where the bytes are kept: one small protocol, and the folder and the S3 server that implement it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sohoa.errors import SetupError
from sohoa.settings import Settings
from storage.objects.protocol import Objects

if TYPE_CHECKING:
    from storage.objects.s3 import S3Objects


def open_objects(root: Path) -> Objects:
    """The store in the folder `root`, which is made where it is missing. Raises StoreUnavailable, and SetupError
    (`store_unfit`) for a file system that cannot keep the protocol's promises."""
    from storage.objects.folder import FolderObjects

    return FolderObjects(root)


def open_store(settings: Settings, *, url: str | None = None, probed: bool = True) -> Objects:
    """The store that `url` names (default: SOHOA_ARCHIVE_URL), made where it is missing.

    With `probed`, an S3 server is asked first whether it keeps its promises; without, that waits until something is
    written, so that a process can start while the server is away. Raises StoreUnavailable; SetupError where the store
    is unfit, lets us do nothing, or is named in a way that cannot be used.
    """
    url = settings.archive_url if url is None else url
    if not url.startswith("s3:"):
        return open_objects(settings.folder_of(url))
    objects = open_s3(settings, url=url)
    if probed:
        objects.make_ready()
    return objects


def examine(settings: Settings) -> tuple[str, list[str]]:
    """What the archive's store is, asked anew whether it keeps its promises, and what an operator should mend in it.

    Raises SetupError where it does not keep them, StoreUnavailable.
    """
    if not settings.archive_url.startswith("s3:"):
        folder = settings.folder_of(settings.archive_url)
        open_objects(folder)
        return f"the folder {folder}: hard links and renames hold", []
    return open_s3(settings, url=settings.archive_url).examine()


def check_url(settings: Settings) -> None:
    """Raise ValueError or SetupError where SOHOA_ARCHIVE_URL or the keys to it cannot be used as they are written."""
    if settings.archive_url.startswith("s3:"):
        try:
            open_s3(settings, url=settings.archive_url)
        except SetupError as error:
            raise SetupError(f"SOHOA_ARCHIVE_URL cannot be used: {error.detail}", code=error.code) from error
    else:
        settings.folder_of(settings.archive_url)


def open_s3(settings: Settings, *, url: str) -> S3Objects:
    """The store on an S3 server, which is not asked anything yet. Raises SetupError."""
    from storage.objects.local_copies import LocalCopies
    from storage.objects.s3 import S3Objects
    from storage.objects.s3_client import S3Client
    from storage.objects.s3_place import parse_place, read_keys

    place = parse_place(url)
    client = S3Client(place, read_keys(settings))
    return S3Objects(client, place, LocalCopies(settings.home.absolute() / "copies"))
