"""Makes the archive in another store the same, key by key: what is committed as `replicate` does, then all that is not.

`replicate` copies what a copy of an archive needs; an archive that is to be worked on needs as well what is staged or
reserved, the receipts of papers that are not archived yet, and what was set aside as damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from sohoa.errors import DigestMismatch, NotFound, SetupError
from storage.archive.disposal import FIRST
from storage.archive.layout import DISPOSALS, INTENTS, OCFL, PLACE, STAGING
from storage.objects.protocol import DAMAGED, DELETABLE, Objects
from storage.replicate.copying import Copying

_TOGETHER = {OCFL: 5, DAMAGED: 6, STAGING: 2, INTENTS: 2}
"""How many parts of a key name what is compared as a whole: an object, or what is staged for a document. Stores list these in
the same order, but not always the keys within."""
_COPIERS = 8


@dataclass(frozen=True, slots=True)
class Difference:
    """Of an object, a document's staging, or one key: which keys only one of the stores has, and which both have."""

    lacking: frozenset[str]
    more: frozenset[str]
    both: frozenset[str]


def copy_the_rest(copying: Copying, tell: Callable[[int], None] = lambda done: None) -> int:
    """Bring the target to the same keys as the source, and what may change under its key to the same bytes; returns how
    many keys were not the same.

    What the target has of an object that was disposed of at the source is disposed of there as well. Other keys that only
    it has are findings (`not_in_source`). Nobody writes to either store meanwhile.
    """
    changed = 0
    with ThreadPoolExecutor(_COPIERS) as pool:
        for difference in differences(copying.source, copying.target):
            _drop(copying, difference.more)
            mutable = [key for key in difference.both if key.startswith(DELETABLE)]
            anew = [key for key, same in zip(mutable, pool.map(copying.is_same, mutable), strict=True) if not same]
            list(pool.map(copying.verbatim, [*difference.lacking, *anew]))
            changed += len(difference.lacking) + len(difference.more) + len(anew)
            tell(changed)
    return changed


def copy_staged_ahead(copying: Copying) -> None:
    """Copy what is staged and the target has not, while work goes on: then there is less to do when it stands still."""
    with ThreadPoolExecutor(_COPIERS) as pool:
        for difference in differences(copying.source, copying.target, prefix=STAGING):
            list(pool.map(partial(_copy_if_still_there, copying), difference.lacking))


def _copy_if_still_there(copying: Copying, key: str) -> None:
    with suppress(NotFound, DigestMismatch):
        if copying.source.exists(key):
            copying.verbatim(key)


def differences(source: Objects, target: Objects, *, prefix: str = "") -> Iterator[Difference]:
    """What is in one of the stores or in both, in the order of the keys; each store is listed once, nothing is read."""
    one, other = _grouped(source, prefix), _grouped(target, prefix)
    here, there = next(one, None), next(other, None)
    nothing = frozenset[str]()
    while here is not None or there is not None:
        if there is None or (here is not None and here[0] < there[0]):
            assert here is not None
            yield Difference(here[1], nothing, nothing)
            here = next(one, None)
        elif here is None or there[0] < here[0]:
            more = frozenset(key for key in there[1] if not key.startswith(DAMAGED))  # mended at the target
            yield Difference(nothing, more, nothing)
            there = next(other, None)
        else:
            more = frozenset(key for key in there[1] - here[1] if not key.startswith(DAMAGED))
            yield Difference(here[1] - there[1], more, here[1] & there[1])
            here, there = next(one, None), next(other, None)


def _grouped(objects: Objects, prefix: str) -> Iterator[tuple[list[str], frozenset[str]]]:
    """What belongs together, in the order of its names; the few files of the storage root last, for SeaweedFS lists
    `ocfl/0=ocfl_1.1` before `ocfl/08e/…`. Raises SetupError (`store_unfit`) for any other order: nothing could be compared.
    """
    root_files: set[str] = set()
    last = [""]
    for name, keys in groupby(objects.list(prefix), key=_name):
        if name == [PLACE]:
            continue
        if name[0] == "ocfl" and len(name) < _TOGETHER[OCFL]:
            root_files.update(keys)
            continue
        if name <= last:
            raise SetupError(f"the store lists {'/'.join(name)} after {'/'.join(last)}", code="store_unfit")
        last = name
        yield name, frozenset(keys)
    if root_files:
        yield ["~"], frozenset(root_files)


def _name(key: str) -> list[str]:
    parts = key.split("/")
    return parts[: _TOGETHER.get(f"{parts[0]}/", len(parts))]


def _drop(copying: Copying, keys: frozenset[str]) -> None:
    """Take away what the target has of what is no longer at the source. Raises NotAllowed where its store keeps it still."""
    disposed = set()
    for key in keys:
        root = "/".join(key.split("/")[:5])
        if key.startswith(DELETABLE):
            copying.target.delete(key)
        elif key.startswith(OCFL) and copying.source.exists(f"{DISPOSALS}{root.rpartition('/')[2]}/certificate.json"):
            disposed.add(root)
        else:
            copying.find(
                "not_in_source", key, "only the new store has it: it is of another archive, or was changed there"
            )
    for root in disposed:
        copying.target.guard(root, until=None, hold=False)  # what held it was lifted where it was disposed of
        copying.target.dispose(root, first=FIRST)
