"""`sohoa rebuild --index`: a new index on Elasticsearch out of the catalogue and the archive, while everything runs on.

1 make    a new index beside the one in use; from now on the indexer writes to both
2 fill    what the catalogue has and the new index has not, again and again until nothing is missing
3 swap    the aliases; searches in hand end on the old index, which is deleted when nobody can be walking through it any more

Nothing is lost meanwhile: a change that was committed before step 1 is in the catalogue that step 2 reads, one after it goes
to both, and of two writes of one document the newer version stays, in whatever order they come. Withdrawn documents are
written as tombstones, so that no write that was held up somewhere brings one back. Whoever is killed starts again, and only
what is missing is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sohoa.errors import BadRequest
from storage.catalog import document_counts, documents
from storage.catalog.documents import Document
from storage.index import is_served
from storage.index.elastic_cursor import KEPT_S, SEARCH_TIMEOUT_S
from storage.index.indexer import load_entry, write_entries
from storage.index.protocol import SearchIndex
from storage.rebuild.reading import Progress, Tell
from storage.stores import Stores

if TYPE_CHECKING:
    from storage.index.elastic_beside import ElasticBeside

_BATCH = 100
_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class IndexRebuilt:
    """How many documents can be found now, and which are in the new index by their names alone, or not at all."""

    documents: int
    by_name_only: tuple[str, ...]
    missing: tuple[str, ...]


def rebuild_index(
    stores: Stores, *, tell: Tell = lambda _: None, wait: Callable[[float], None] = time.sleep
) -> IndexRebuilt:
    """Make the index anew and put it in use.

    Raises BadRequest for an index in a folder; StoreUnavailable where something cannot be read or written just now: the same
    call then goes on where this one stopped, and the index in use stays as it is.
    """
    if not is_served(stores.settings):
        raise BadRequest("the index is a folder of this machine: delete it (SOHOA_HOME/index), it is then made anew")
    from storage.index.elastic_beside import ElasticBeside

    made = ElasticBeside(stores.settings)
    with made.open() as index:
        tried: dict[str, int] = {}
        by_name: set[str] = set()
        while fill_once(stores, index, tried, by_name, tell):
            pass
        count = index.count()
        missing = tried.keys() - index.sequences(tried)
    made.put_in_use(lambda: None)
    tell(Progress("swap", 1, 2))
    _wait_for_walkers(made, wait)
    made.drop_old()
    tell(Progress("swap", 2, 2))
    return IndexRebuilt(count, tuple(sorted(by_name - missing)), tuple(sorted(missing)))


def _wait_for_walkers(made: ElasticBeside, wait: Callable[[float], None]) -> None:
    """Until nobody can be searching the old index any more: most do not for longer than one search takes."""
    waited_s = SEARCH_TIMEOUT_S
    wait(waited_s)
    while waited_s < KEPT_S and made.is_old_searched():
        wait(_EVERY_S)
        waited_s += _EVERY_S


def fill_once(stores: Stores, index: SearchIndex, tried: dict[str, int], by_name: set[str], tell: Tell) -> int:
    """Go through the catalogue once and write what the index lacks; returns how many that were.

    `tried` has the sequence that each was written with: what the index does not take at all is not tried for ever.
    """
    written, done, after = 0, 0, ""
    with stores.database.read() as connection:
        total = sum(document_counts.count_by_status(connection).values())
    while True:
        with stores.database.read() as connection:
            rows = documents.by_id(connection, after=after, limit=_BATCH)
        if not rows:
            return written
        after = rows[-1].document_id
        lacking = _lacking(rows, index, tried)
        loaded = [load_entry(row, stores.archive) for row in lacking]
        if loaded:
            whole = write_entries(index, loaded)
            by_name |= {each.entry.document_id for each in loaded if each.entry.document_id not in whole}
            by_name |= {each.entry.document_id for each in loaded if not each.whole}
        tried |= {row.document_id: row.sequence or 0 for row in lacking}
        written += len(lacking)
        done += len(rows)
        tell(Progress("index", done, total))


def _lacking(rows: Sequence[Document], index: SearchIndex, tried: Mapping[str, int]) -> list[Document]:
    """Those that the archive has a version of which is newer than the index's."""
    there = index.sequences(row.document_id for row in rows if row.sequence is not None)
    return [
        row
        for row in rows
        if row.sequence is not None
        and row.sequence > there.get(row.document_id, -1)
        and row.sequence > tried.get(row.document_id, -1)
    ]
