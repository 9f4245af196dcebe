"""Searches an index on Elasticsearch: one page of hits, how many there are in all, and the facets asked for."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from elasticsearch import ApiError

from sohoa.errors import BadQuery, IndexAway
from sohoa.model import OfficeId
from storage.index.elastic_client import SEARCH_BUDGET_S, Cluster
from storage.index.elastic_cursor import KEPT, OVER, Cursor, parse_cursor
from storage.index.elastic_query import TIER_SCORE, best_tier, is_tiered, ranked, unranked
from storage.index.protocol import FACETS, MOST_OF_A_FACET, Hit, SearchPage, Sort
from storage.index.query import Query
from storage.index.stored_hit import hit_of

_BUCKETS_A_SHARD = 1000
"""So that a facet's counts are right on several shards as well, but for values that are rare everywhere."""


def search(
    cluster: Cluster,
    alias: str,
    query: Query,
    *,
    office: OfficeId | None,
    limit: int,
    cursor: str | None,
    sort: Sort,
    facets: Sequence[str],
) -> SearchPage:
    """As protocol.SearchIndex says, of the index that goes by `alias`. Raises BadQuery, IndexAway."""
    if unknown := set(facets) - set(FACETS):
        raise BadQuery(f"there is no facet {', '.join(sorted(unknown))}: use {', '.join(FACETS)}")
    if limit < 1:
        raise BadQuery("the limit must be at least 1")
    order, direction = _order(query, sort)
    at = None if cursor is None else parse_cursor(cursor, order=f"{order} {direction}")
    view = _View(cluster, alias, at)
    hits: dict[str, Any] = {
        "size": limit,
        "sort": [{order: direction}, {"id": "asc"}],
        "source": False,
        "stored_fields": ["head", "pages"],
    }
    if at is not None:
        hits["search_after"] = [at.value, at.document_id]
    counts = {"track_total_hits": True, "aggs": {name: _counting(name) for name in facets}}
    by_score = order == "_score"
    try:
        found, counted = _ask(view, query, office, hits, counts, by_score=by_score)
    except IndexAway:
        view.forget_own()
        raise
    # Hits and total are asked for one after the other: a paper may go in between.
    total = max(int(counted["hits"]["total"]["value"]), len(found))
    seen = (at.seen if at else 0) + len(found)
    following = None
    if found and seen < total:
        value, document_id = found[-1]["sort"][:2]
        following = str(Cursor(f"{order} {direction}", value, document_id, seen, view.point))
    else:
        view.forget()
    buckets = {
        name: [(each["key"], int(each["doc_count"])) for each in counted["aggregations"][name]["buckets"]]
        for name in facets
    }
    return SearchPage(total, tuple(_hit(each, query, by_score=by_score) for each in found), following, buckets)


class _View:
    """What a search looks at: the index as it is or, from its second page on, as it was at a `point` in time ("": none)."""

    def __init__(self, cluster: Cluster, alias: str, at: Cursor | None) -> None:
        self._cluster = cluster
        self._alias = alias
        self._at = at
        self.point = "" if at is None else at.point

    def ask(self, body: dict[str, Any]) -> Any:
        """Elasticsearch's answer. Raises BadQuery where it does not know the cursor, or not any more, and IndexAway."""
        where: dict[str, Any] = {"index": self._alias}
        try:
            with self._cluster.asked() as library:
                if self._at is not None:
                    self.point = self.point or library.open_point_in_time(index=self._alias, keep_alive=KEPT)["id"]
                    where = {"pit": {"id": self.point, "keep_alive": KEPT}}
                answer = library.search(
                    **body, **where, timeout=f"{SEARCH_BUDGET_S * 1000:.0f}ms", allow_partial_search_results=False
                )
        except IndexAway as error:
            cause = error.__cause__
            status = cause.status_code if isinstance(cause, ApiError) else 0
            if self._at is not None and ((status == 404 and self._at.point) or status == 400):
                # 400: no search gave that cursor
                self.forget_own()
                raise BadQuery(OVER) from error
            raise
        if answer["timed_out"]:
            raise IndexAway("the search took too long: ask for less, or try again in a moment", code="index_timeout")
        self.point = str(answer.get("pit_id", ""))
        return answer

    def forget_own(self) -> None:
        """Let go of a point in time that this request began: nobody has a cursor with it."""
        if self._at is not None and self.point != self._at.point:
            self.forget()

    def forget(self) -> None:
        """Let go of the point in time, which ends by itself as well."""
        if self.point:
            with suppress(IndexAway), self._cluster.asked() as library:
                library.close_point_in_time(id=self.point)


def _ask(
    view: _View,
    query: Query,
    office: OfficeId | None,
    hits: dict[str, Any],
    counts: dict[str, Any],
    *,
    by_score: bool,
) -> tuple[list[Any], Any]:
    """The hits, and an answer with their number and the facets.

    Most pages are full of the best tier. That alone is asked for without counting, so that most documents need not be
    scored, and then the number without scores: together half the work of one request for everything (ADR 28).
    """
    after = hits.get("search_after")
    if by_score and is_tiered(query) and (after is None or after[0] >= TIER_SCORE):
        best = view.ask({"query": best_tier(query, office=office), "track_total_hits": False, **hits})["hits"]["hits"]
        if len(best) == hits["size"]:
            return best, view.ask({"query": unranked(query, office=office), "size": 0, **counts})
    clause = ranked(query, office=office) if by_score else unranked(query, office=office)
    answer = view.ask({"query": clause, **hits, **counts})
    return answer["hits"]["hits"], answer


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
