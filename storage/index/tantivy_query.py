"""A Query in tantivy's terms: what must match, and how matches rank.

Who types marks means them: documents that hold every word exactly as typed come first, all of them, then those that
hold some word only with other marks. Who types none (`duong`) gets every spelling alike. Inside such a tier BM25 ranks,
and words that stand next to each other as typed count once more: most Vietnamese words are two syllables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

from tantivy import FieldType, Occur, Schema
from tantivy import Query as Clause

from sohoa.model import OfficeId
from storage.index.fold import Key
from storage.index.query import NAME_FIELDS, WHOLE_FIELDS, DateFilter, Query, Term, TextFilter, squash, whole
from storage.index.terms import attribute_words, pair

_EXACT_BOOST = 0.3
_TITLE_BOOST = 1.0
_NEIGHBOUR_BOOST = 1.0

_Form = Literal["exact", "folded"]
_Parts = list[tuple[Occur, Clause]]


def tiers(schema: Schema, query: Query, *, office: OfficeId | None) -> list[Clause]:
    """What `query` finds, in one clause or, best first, in two that have no document in common."""
    limits = _limits(schema, query, office=office)
    folded: _Parts = [(Occur.Must, _folded(schema, term)) for term in query.must]
    if not (query.marked and query.must):
        return [Clause.boolean_query(folded + limits + _bonuses(schema, query, "folded"))]
    exact: _Parts = [(Occur.Must, _words(schema, "exact", term.keys)) for term in query.must]
    not_exact = (Occur.MustNot, Clause.boolean_query(exact))
    return [
        Clause.boolean_query(exact + limits + _bonuses(schema, query, "exact")),
        Clause.boolean_query([*folded, *limits, *_bonuses(schema, query, "folded"), not_exact]),
    ]


def counted(schema: Schema, query: Query, *, office: OfficeId | None) -> Clause:
    """All that `query` finds, for counting only."""
    folded: _Parts = [(Occur.Must, _folded(schema, term)) for term in query.must]
    return Clause.boolean_query(folded + _limits(schema, query, office=office))


def document_query(schema: Schema, document_id: str) -> Clause:
    """The one document, or its tombstone."""
    return Clause.term_query(schema, "id", document_id, "basic")


def _limits(schema: Schema, query: Query, *, office: OfficeId | None) -> _Parts:
    """Everything that leaves documents out and does not rank those that stay."""
    parts: _Parts = []
    if office is not None:
        parts.append((Occur.Must, _unranked(Clause.term_query(schema, "office", office, "basic"))))
    for wanted in query.filters:
        clause = _date(schema, wanted) if isinstance(wanted, DateFilter) else _attribute(schema, wanted)
        parts.append((Occur.MustNot if wanted.negated else Occur.Must, _unranked(clause)))
    for term in query.must_not:
        unwanted = _words(schema, "exact", term.keys) if query.marked else _folded(schema, term)
        parts.append((Occur.MustNot, unwanted))
    if not query.must and not any(occur is Occur.Must for occur, _ in parts):
        parts.append((Occur.Must, _unranked(Clause.term_query(schema, "live", True, "basic"))))
    return parts


def _bonuses(schema: Schema, query: Query, form: _Form) -> _Parts:
    return [(Occur.Should, clause) for clause in _bonus_clauses(schema, query, form)]


def _bonus_clauses(schema: Schema, query: Query, form: _Form) -> Iterator[Clause]:
    for term in query.must:
        if form == "folded":
            yield Clause.boost_query(_words(schema, "exact", term.keys), _EXACT_BOOST)
        folded = [key.folded for key in term.keys]
        yield Clause.boost_query(_sequence(schema, "title", folded), _TITLE_BOOST)
    for first, second in pairwise(query.must):
        yield Clause.boost_query(_pair(schema, first.keys[-1], second.keys[0]), _NEIGHBOUR_BOOST)


def _folded(schema: Schema, term: Term) -> Clause:
    words = _words(schema, "folded", term.keys)
    if term.squashed is None:
        return words
    code = Clause.term_query(schema, "codes", term.squashed, "basic")
    return Clause.boolean_query([(Occur.Should, words), (Occur.Should, code)])


def _words(schema: Schema, form: _Form, words: Sequence[Key]) -> Clause:
    """The words next to each other. Only documents with all their (folded) pairs have their positions compared."""
    if len(words) == 1:
        return Clause.term_query(schema, form, getattr(words[0], form))
    pairs = [_pair(schema, *both) for both in pairwise(words)]
    if form == "folded" and len(pairs) == 1:
        return pairs[0]
    phrase = _sequence(schema, form, [getattr(key, form) for key in words])
    return Clause.boolean_query([(Occur.Must, clause) for clause in (*pairs, phrase)])


def _pair(schema: Schema, first: Key, second: Key) -> Clause:
    return Clause.term_query(schema, "pairs", pair(first.folded, second.folded))


def _attribute(schema: Schema, wanted: TextFilter) -> Clause:
    if wanted.field in WHOLE_FIELDS:
        return Clause.term_query(schema, "attributes", attribute_words(wanted.field, [whole(wanted.keys)])[0])
    if wanted.field in NAME_FIELDS:
        named = attribute_words(wanted.field, [key.folded for key in wanted.keys])
        return Clause.boolean_query([(Occur.Must, Clause.term_query(schema, "attributes", word)) for word in named])
    words = _sequence(schema, "attributes", attribute_words(wanted.field, [key.folded for key in wanted.keys]))
    joined = Clause.term_query(schema, "attributes", attribute_words(wanted.field, [squash(wanted.keys)])[0])
    return Clause.boolean_query([(Occur.Should, words), (Occur.Should, joined)])


def _date(schema: Schema, wanted: DateFilter) -> Clause:
    start, end = _seconds(wanted.start), _seconds(wanted.end)
    return Clause.range_query(schema, wanted.field, FieldType.Integer, start, end, include_upper=end is None)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _sequence(schema: Schema, field: str, words: list[str]) -> Clause:
    if len(words) == 1:
        return Clause.term_query(schema, field, words[0])
    return Clause.phrase_query(schema, field, list[str | tuple[int, str]](words))


def _unranked(clause: Clause) -> Clause:
    return Clause.const_score_query(clause, 0.0)
