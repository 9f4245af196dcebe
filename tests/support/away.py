"""A store that goes away at a chosen call and comes back when told, over a real one; and a spool beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from sohoa.errors import StoreAway
from storage.archive.archive import Archive
from storage.objects.protocol import Objects
from storage.spool import Spool
from storage.stores import Stores
from tests.support.crash import Crash, Interposed, count_points


@dataclass(slots=True)
class Away:
    """The store `objects`, which does not answer from call number `at` on (counted from 1), until `at` is changed.

    With `did_it`, that call itself is carried out and only its answer is lost.
    """

    objects: Objects
    at: int = 1
    did_it: bool = False
    calls: int = 0

    def is_away(self) -> bool:
        return False

    def address(self, key: str) -> str:
        return self.objects.address(key)

    def free_bytes(self) -> int:
        return self.objects.free_bytes()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.objects, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                count_points()
                if self.did_it and name in ("create", "copy", "replace", "delete"):
                    method(*args, **kwargs)
            if self.calls >= self.at:
                raise StoreAway("the store does not answer")
            return method(*args, **kwargs)

        return call


def with_spool(stores: Stores, *, most_bytes: int = 1024**3) -> Stores:
    """The same stores with a spool, as if the archive's folder were on another machine."""
    spool = Spool(stores.settings.home / "spool", most_bytes=most_bytes, min_free_bytes=0)
    return replace(stores, spool=spool)


def going_away(stores: Stores, *, at: int = 1, did_it: bool = False) -> tuple[Stores, Away]:
    """The same stores, of which the archive's goes away; `at=1`: it is away."""
    away = Away(stores.archive.objects, at=at, did_it=did_it)
    return replace(stores, archive=Archive(cast(Objects, away), stores.clock)), away


def spool_of(stores: Stores) -> Spool:
    assert stores.spool is not None
    return stores.spool


def with_dying_spool(stores: Stores, *, at: int, after: bool) -> tuple[Stores, Interposed]:
    """The same stores with a spool in whose folder the process dies at call number `at`."""

    def die() -> None:
        raise Crash

    stores = with_spool(stores)
    spool = spool_of(stores)
    interposed = Interposed(spool.objects, at=at, action=die, after=after, only=frozenset())
    spool._objects = cast(Objects, interposed)
    return stores, interposed
