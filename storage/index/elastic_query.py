"""A Query in Elasticsearch's terms: what must match, and how matches rank; tantivy_query.py says the same to tantivy.

The better tier (every word exactly as typed) and the other are two ways to match in one request, of which the better
counts: what is in it gets TIER_SCORE on top, which no sum of BM25 comes near.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

from sohoa.model import OfficeId
from storage.index.elastic_form import term
from storage.index.fold import Key
from storage.index.query import NAME_FIELDS, WHOLE_FIELDS, DateFilter, Query, Term, TextFilter, squash, whole
from storage.index.terms import attribute_words, pair

TIER_SCORE = 4096.0
"""A power of two, so that the score on top of it keeps its digits in 32 bits."""
_EXACT_BOOST = 0.3
_TITLE_BOOST = 1.0
_NEIGHBOUR_BOOST = 1.0

_Form = Literal["exact", "folded"]
Clause = dict[str, Any]
LIVE: Clause = {"term": {"live": True}}
_ALL: Clause = {"match_all": {}}


def ranked(query: Query, *, office: OfficeId | None) -> Clause:
    """What `query` finds, scored so that the better tier comes first."""
    folded = _tier(query, "folded", [_folded(each) for each in query.must])
    tiers = {"dis_max": {"queries": [_typed(query), folded]}} if is_tiered(query) else folded
    return _bool(must=[tiers], **_limits(query, office=office))


def is_tiered(query: Query) -> bool:
    """Whether some of what it finds is better than the rest: words as they were typed, with their marks."""
    return query.marked and bool(query.must)


def best_tier(query: Query, *, office: OfficeId | None) -> Clause:
    """What stands first in :func:`ranked`, in the same order with the same scores: for a query that is tiered."""
    return _bool(must=[_typed(query)], **_limits(query, office=office))


def unranked(query: Query, *, office: OfficeId | None) -> Clause:
    """All that `query` finds, for counting and for sorting by date."""
    limits = _limits(query, office=office)
    limits["filter"] += [_folded(each) for each in query.must]
    return _bool(**limits)


def _typed(query: Query) -> Clause:
    exact = _tier(query, "exact", [_words("exact", each.keys) for each in query.must])
    exact["bool"]["must"].append({"constant_score": {"filter": _ALL, "boost": TIER_SCORE}})
    return exact


def _bool(**parts: list[Clause]) -> Clause:
    return {"bool": {name: clauses for name, clauses in parts.items() if clauses}}


def _tier(query: Query, form: _Form, must: list[Clause]) -> Clause:
    return _bool(must=must or [_ALL], should=list(_bonuses(query, form)))


def _limits(query: Query, *, office: OfficeId | None) -> dict[str, list[Clause]]:
    """Everything that leaves documents out and does not rank those that stay."""
    parts: dict[str, list[Clause]] = {"filter": [LIVE], "must_not": []}
    if office is not None:
        parts["filter"].append({"term": {"office": office}})
    for wanted in query.filters:
        clause = _date(wanted) if isinstance(wanted, DateFilter) else _attribute(wanted)
        parts["must_not" if wanted.negated else "filter"].append(clause)
    for each in query.must_not:
        parts["must_not"].append(_words("exact", each.keys) if query.marked else _folded(each))
    return parts


def _bonuses(query: Query, form: _Form) -> Iterator[Clause]:
    for each in query.must:
        if form == "folded":
            yield _boosted(_words("exact", each.keys), _EXACT_BOOST)
        yield _boosted(_sequence("title", [key.folded for key in each.keys]), _TITLE_BOOST)
    for first, second in pairwise(query.must):
        yield _boosted(_pair(first.keys[-1], second.keys[0]), _NEIGHBOUR_BOOST)


def _boosted(clause: Clause, boost: float) -> Clause:
    return {"bool": {"must": [clause], "boost": boost}}


def _folded(each: Term) -> Clause:
    words = _words("folded", each.keys)
    if each.squashed is None:
        return words
    return _bool(should=[words, _term("codes", each.squashed)])


def _words(form: _Form, words: Sequence[Key]) -> Clause:
    """The words next to each other. Only documents with all their (folded) pairs have their positions compared."""
    if len(words) == 1:
        return _term(form, getattr(words[0], form))
    pairs = [_pair(*both) for both in pairwise(words)]
    if form == "folded" and len(pairs) == 1:
        return pairs[0]
    return _bool(must=[*pairs, _sequence(form, [getattr(key, form) for key in words])])


def _pair(first: Key, second: Key) -> Clause:
    return _term("pairs", pair(first.folded, second.folded))


def _attribute(wanted: TextFilter) -> Clause:
    folded = [key.folded for key in wanted.keys]
    if wanted.field in WHOLE_FIELDS:
        return _term("attributes", attribute_words(wanted.field, [whole(wanted.keys)])[0])
    words = attribute_words(wanted.field, folded)
    if wanted.field in NAME_FIELDS:
        return _bool(filter=[_term("attributes", word) for word in words])
    joined = attribute_words(wanted.field, [squash(wanted.keys)])[0]
    return _bool(should=[_sequence("attributes", words), _term("attributes", joined)])


def _date(wanted: DateFilter) -> Clause:
    bounds = {"gte": wanted.start, "lt": wanted.end}
    return {"range": {wanted.field: {name: int(at.timestamp()) for name, at in bounds.items() if at is not None}}}


def _sequence(field: str, words: Sequence[str]) -> Clause:
    if len(words) == 1:
        return _term(field, words[0])
    return {"match_phrase": {field: " ".join(map(term, words))}}


def _term(field: str, word: str) -> Clause:
    return {"term": {field: term(word)}}
