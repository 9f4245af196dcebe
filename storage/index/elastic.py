"""The search index on an Elasticsearch cluster, for any number of machines."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from elasticsearch import ApiError

from sohoa.errors import BadQuery, EntriesRefused, IndexAway, SetupError
from sohoa.model import OfficeId
from sohoa.settings import Settings
from storage.index.elastic_bulk import Bulk
from storage.index.elastic_client import SEARCH_BUDGET_S, WRITE_TIMEOUT_S, Cluster
from storage.index.elastic_cursor import KEPT, OVER, Cursor, parse_cursor
from storage.index.elastic_form import FORM, body_of
from storage.index.elastic_place import Place, parse_place, read_credentials
from storage.index.elastic_query import LIVE, ranked, unranked
from storage.index.protocol import FACETS, MOST_OF_A_FACET, Hit, IndexEntry, SearchPage, Sort
from storage.index.query import Query
from storage.index.stored_hit import hit_of

_AT_ONCE = 500
"""Documents whose versions are asked for in one request."""
_BUCKETS_A_SHARD = 1000
"""So that a facet's counts are right on several shards as well, but for values that are rare everywhere."""


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
        if unknown := set(facets) - set(FACETS):
            raise BadQuery(f"there is no facet {', '.join(sorted(unknown))}: use {', '.join(FACETS)}")
        if limit < 1:
            raise BadQuery("the limit must be at least 1")
        order, direction = _order(query, sort)
        at = None if cursor is None else parse_cursor(cursor, order=f"{order} {direction}")
        by_score = order == "_score"
        body: dict[str, Any] = {
            "query": ranked(query, office=office) if by_score else unranked(query, office=office),
            "size": limit,
            "sort": [{order: direction}, {"id": "asc"}],
            "timeout": f"{SEARCH_BUDGET_S * 1000:.0f}ms",
            "track_total_hits": True,
            "source": False,
            "stored_fields": ["head", "pages"],
            "aggs": {name: _counting(name) for name in facets},
        }
        answer, point = self._search(body, at)
        total = int(answer["hits"]["total"]["value"])
        found = answer["hits"]["hits"]
        seen = (at.seen if at else 0) + len(found)
        following = None
        if found and seen < total:
            value, document_id = found[-1]["sort"][:2]
            following = str(Cursor(f"{order} {direction}", value, document_id, seen, point))
        elif point:
            self._forget(point)
        counts = {
            name: [(each["key"], int(each["doc_count"])) for each in answer["aggregations"][name]["buckets"]]
            for name in facets
        }
        return SearchPage(total, tuple(_hit(each, query, by_score=by_score) for each in found), following, counts)

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

    def _search(self, body: dict[str, Any], at: Cursor | None) -> tuple[Any, str]:
        """Elasticsearch's answer, from `at` on, and the point in time that it was given for."""
        where: dict[str, Any] = {"index": self._alias}
        point = ""
        try:
            with self._cluster.asked() as library:
                if at is not None:
                    point = at.point or library.open_point_in_time(index=self._alias, keep_alive=KEPT)["id"]
                    where = {"pit": {"id": point, "keep_alive": KEPT}, "search_after": [at.value, at.document_id]}
                answer = library.search(**body, **where, allow_partial_search_results=False)
        except IndexAway as error:
            cause = error.__cause__
            status = cause.status_code if isinstance(cause, ApiError) else 0
            if at is not None and ((status == 404 and at.point) or status == 400):  # 400: no search gave that cursor
                if point != at.point:
                    self._forget(point)
                raise BadQuery(OVER) from error
            raise
        if answer["timed_out"]:
            raise IndexAway("the search took too long: ask for less, or try again in a moment", code="index_timeout")
        return answer, str(answer.get("pit_id", ""))

    def _forget(self, point: str) -> None:
        with suppress(IndexAway), self._cluster.asked() as library:  # it ends by itself
            library.close_point_in_time(id=point)

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


def _order(query: Query, sort: Sort) -> tuple[str, str]:
    if sort == "relevance":
        return ("_score", "desc") if query.must else ("received", "desc")
    return "day", "desc" if sort == "newest" else "asc"


def _counting(facet: str) -> dict[str, Any]:
    """A facet's most frequent values, the alphabet deciding between those that are alike."""
    order = [{"_count": "desc"}, {"_key": "asc"}]
    return {
        "terms": {
            "field": f"facet_{facet}",
            "size": MOST_OF_A_FACET,
            "shard_size": _BUCKETS_A_SHARD,
            "order": order,
        }
    }


def _hit(found: Any, query: Query, *, by_score: bool) -> Hit:
    head, pages = (base64.b64decode(found["fields"][field][0]) for field in ("head", "pages"))
    return hit_of(head, pages, float(found["sort"][0]) if by_score else 0.0, query)
