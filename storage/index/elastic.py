"""The search index on an Elasticsearch cluster, for any number of machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from elasticsearch import ApiError

from sohoa.errors import EntriesRefused, IndexAway, SetupError
from sohoa.model import OfficeId
from sohoa.settings import Settings
from storage.index.elastic_bulk import Bulk
from storage.index.elastic_client import WRITE_TIMEOUT_S, Cluster
from storage.index.elastic_form import FORM, body_of
from storage.index.elastic_place import Place, parse_place, read_credentials
from storage.index.elastic_query import LIVE
from storage.index.elastic_search import search
from storage.index.protocol import IndexEntry, SearchPage, Sort
from storage.index.query import Query

_AT_ONCE = 500
"""Documents whose versions are asked for in one request."""


class ElasticIndex:
    """The index that goes by `alias`: the one in use, or the one that a rebuild fills. Threads may share.

    What is written to the one in use goes to the other as well, so that nothing is lost when they are swapped. Every call
    raises IndexAway where the cluster is away, too busy, or refuses us.
    """

    def __init__(self, cluster: Cluster, place: Place, alias: str) -> None:
        self._cluster = cluster
        self._place = place
        self._alias = alias
        self._bulk = Bulk(cluster)

    def make_ready(self) -> None:
        """Make the index where there is none. Raises SetupError (`index_outdated`) where there is one of another form."""
        with self._cluster.asked() as library:
            is_there = bool(library.indices.exists_alias(name=self._alias))
        if not is_there:
            with self._cluster.asked(timeout_s=WRITE_TIMEOUT_S) as library:
                # Always the same name: of two processes that make the first index, one finds it made.
                create(library, self._place, 1, alias=self._alias)
        with self._cluster.asked() as library:
            found = library.indices.get_mapping(index=self._alias)
        if any(each["mappings"].get("_meta", {}).get("form") != FORM for each in found.values()) or len(found) != 1:
            raise SetupError(
                f"the index {self._alias} was made by another version of Sohoa: sohoa rebuild --index",
                code="index_outdated",
            )

    def write(self, entries: Sequence[IndexEntry]) -> None:
        """Make `entries` searchable and durable; repeating that, or writing an older sequence, changes nothing.

        Raises EntriesRefused where all are written but those that it names.
        """
        newest = {entry.document_id: entry for entry in sorted(entries, key=lambda entry: entry.sequence)}
        if not newest:
            return
        # Asked before anything is written: a rebuild that begins later reads what these entries say from the catalogue.
        beside = self._alias == self._place.alias and self._is_rebuilt()
        refused = self._bulk.send(self._alias, newest.values())
        if beside:
            try:
                refused |= self._bulk.send(self._place.next, newest.values())
            except IndexAway as error:
                if error.code != "index_missing":
                    raise
                self._bulk.send(self._alias, newest.values())  # swapped meanwhile: what is in use now has not got them
        self.refresh()
        if refused:
            raise EntriesRefused(refused)

    def refresh(self) -> None:
        """Make all that was written searchable."""
        with self._cluster.asked(timeout_s=WRITE_TIMEOUT_S) as library:
            library.indices.refresh(index=self._alias)

    def search(
        self,
        query: Query,
        *,
        office: OfficeId | None,
        limit: int = 20,
        cursor: str | None = None,
        sort: Sort = "relevance",
        facets: Sequence[str] = (),
    ) -> SearchPage:
        """The documents that match, best first; without words to rank by, those received last first.

        From its second page on a search walks through the index as it was when that page was asked for. Raises BadQuery
        for a cursor that no search gave or whose time is over, and for a facet that there is not.
        """
        return search(
            self._cluster,
            self._alias,
            query,
            office=office,
            limit=limit,
            cursor=cursor,
            sort=sort,
            facets=facets,
        )

    def count(self) -> int:
        """The number of documents that can be found (without tombstones)."""
        with self._cluster.asked() as library:
            return int(library.count(index=self._alias, query=LIVE)["count"])

    def sequences(self, document_ids: Iterable[str]) -> dict[str, int]:
        """The sequence that each of these documents was last written with, tombstones too; unknown ones are left out."""
        asked, found = list(document_ids), dict[str, int]()
        for first in range(0, len(asked), _AT_ONCE):
            with self._cluster.asked(timeout_s=WRITE_TIMEOUT_S) as library:
                answer = library.mget(index=self._alias, ids=asked[first : first + _AT_ONCE], source=False)
            if any("error" in each for each in answer["docs"]):
                raise IndexAway("Elasticsearch cannot read a part of the index", code="index_overloaded")
            found |= {each["_id"]: int(each["_version"]) for each in answer["docs"] if each["found"]}
        return found

    def close(self) -> None:
        """Let go of all connections."""
        self._cluster.close()

    def _is_rebuilt(self) -> bool:
        with self._cluster.asked() as library:
            return bool(library.indices.exists_alias(name=self._place.next))


def connect(settings: Settings) -> tuple[Cluster, Place]:
    """The cluster that the settings name, which is not asked anything yet. Raises SetupError."""
    place = parse_place(settings.index_url)
    return Cluster(place, read_credentials(settings)), place


def create(library: Any, place: Place, number: int, *, alias: str) -> None:
    """Make an index that goes by `alias` from its first moment; nothing where there is one of that number."""
    try:
        library.indices.create(index=place.index(number), aliases={alias: {}}, **body_of(place))
    except ApiError as error:
        if error.status_code != 400 or "resource_already_exists" not in str(error.error):
            raise
