"""Fills the new index out of the catalogue and the archive, and says whether it has all that it must have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sohoa.errors import StoreUnavailable
from sohoa.states import DocumentStatus
from storage.catalog import documents
from storage.index import open_index
from storage.index.beside import IndexBeside
from storage.index.protocol import SearchIndex
from storage.moving.places import Move
from storage.rebuild.index_alone import fill_once
from storage.rebuild.reading import Tell
from storage.stores import Stores

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filled:
    """How many documents can be found, and which by their names alone, or not at all: the engine does not take them."""

    documents: int
    by_name_only: tuple[str, ...]
    missing: tuple[str, ...]


def fill_ahead(stores: Stores, made: IndexBeside, tell: Tell) -> int:
    """Go through the catalogue once and write what the half-made index lacks, while work goes on; how many it has now."""
    with made.open() as index:
        fill_once(stores, index, {}, set(), tell)
        return index.count()


def fill_index(stores: Stores, made: IndexBeside, tell: Tell) -> Filled:
    """Write what the half-made index lacks, until nothing is missing. Nobody changes anything meanwhile.

    One that has more than that was left by something else, and is made anew. Raises StoreUnavailable where it cannot be
    written just now, or does not keep what it is given.
    """
    for _ in range(2):
        tried: dict[str, int] = {}
        by_name: set[str] = set()
        with made.open() as index:
            while fill_once(stores, index, tried, by_name, tell):
                pass
            missing = tried.keys() - index.sequences(tried)
            if is_whole(stores, index, without=missing):
                return Filled(index.count(), tuple(sorted(by_name - missing)), tuple(sorted(missing)))
        made.discard()
    raise StoreUnavailable("the new index has not got what it was given: look at its disk, then try again")


def is_in_place(stores: Stores, move: Move) -> bool:
    """Whether the index in the new place is whole already: an earlier try put it there."""
    with open_index(move.new) as index:
        return is_whole(stores, index, without=())


def is_whole(stores: Stores, index: SearchIndex, *, without: Collection[str]) -> bool:
    """Whether the index has every document that it must have in its newest version, but for some, and no other."""
    found, after = 0, ""
    while True:
        with stores.database.read() as conn:
            rows = documents.by_id(conn, after=after, limit=_AT_ONCE)
        if not rows:
            return index.count() == found
        after = rows[-1].document_id
        wanted = {row.document_id: row.sequence for row in rows if row.sequence is not None}
        there = index.sequences(wanted)
        if any(there.get(each) != wanted[each] for each in wanted if each not in without):
            return False
        found += sum(
            row.document_id in wanted and row.document_id not in without and row.status is not DocumentStatus.WITHDRAWN
            for row in rows
        )
