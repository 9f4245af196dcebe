"""A Query in tantivy's terms: what must match, and how matches rank.

Documents that hold a word exactly as typed come strictly before those that only hold it with other marks: each exact term
adds more than all BM25 scores of the query can. Who types no marks at all (`duong`) gets every spelling alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from tantivy import FieldType, Occur, Schema
from tantivy import Query as Clause

from sohoa.model import OfficeId
from storage.index.query import DateFilter, Query, Term, TextFilter, squash
from storage.index.terms import attribute_words

_MOST_SCORE_A_TERM = 128.0
"""More than one term's BM25 parts add up to: idf stays under 17, the saturated frequency under 2.2, over the boosts below."""
_EXACT_BOOST = 0.3
_TITLE_BOOST = 1.0
_NEIGHBOUR_BOOST = 1.0

_Parts = list[tuple[Occur, Clause]]


def build_query(schema: Schema, query: Query, *, office: OfficeId | None) -> Clause:
    """What `query` finds, with everything that ranks it."""
    return Clause.boolean_query(_required(schema, query, office=office) + _ranking(schema, query))


def count_query(schema: Schema, query: Query, *, office: OfficeId | None) -> Clause:
    """What `query` finds, for counting only."""
    return Clause.boolean_query(_required(schema, query, office=office))


def document_query(schema: Schema, document_id: str) -> Clause:
    """The one document, or its tombstone."""
    return Clause.term_query(schema, "id", document_id, "basic")


def _required(schema: Schema, query: Query, *, office: OfficeId | None) -> _Parts:
    parts: _Parts = [(Occur.Must, _folded(schema, term)) for term in query.must]
    if office is not None:
        parts.append((Occur.Must, _unranked(Clause.term_query(schema, "office", office, "basic"))))
    for wanted in query.filters:
        clause = _date(schema, wanted) if isinstance(wanted, DateFilter) else _attribute(schema, wanted)
        parts.append((Occur.MustNot if wanted.negated else Occur.Must, _unranked(clause)))
    if not any(occur is Occur.Must for occur, _ in parts):
        parts.append((Occur.Must, _unranked(Clause.term_query(schema, "live", True, "basic"))))
    for term in query.must_not:
        parts.append(
            (
                Occur.MustNot,
                _words(schema, "exact", [key.exact for key in term.keys]) if query.marked else _folded(schema, term),
            )
        )
    return parts


def _ranking(schema: Schema, query: Query) -> _Parts:
    return [(Occur.Should, clause) for clause in _bonuses(schema, query)]


def _bonuses(schema: Schema, query: Query) -> Iterator[Clause]:
    tier = _MOST_SCORE_A_TERM * len(query.must)
    for term in query.must:
        exact = _words(schema, "exact", [key.exact for key in term.keys])
        yield Clause.boost_query(exact, _EXACT_BOOST)
        if query.marked:
            yield Clause.const_score_query(exact, tier)
        yield Clause.boost_query(_words(schema, "title", [key.folded for key in term.keys]), _TITLE_BOOST)
    for first, second in pairwise(query.must):
        words = [key.folded for key in (*first.keys, *second.keys)]
        yield Clause.boost_query(_words(schema, "folded", words), _NEIGHBOUR_BOOST)


def _folded(schema: Schema, term: Term) -> Clause:
    words = _words(schema, "folded", [key.folded for key in term.keys])
    if term.squashed is None:
        return words
    return Clause.boolean_query(
        [(Occur.Should, words), (Occur.Should, Clause.term_query(schema, "codes", term.squashed, "basic"))]
    )


def _attribute(schema: Schema, wanted: TextFilter) -> Clause:
    words = _words(schema, "attributes", attribute_words(wanted.field, [key.folded for key in wanted.keys]))
    joined = Clause.term_query(schema, "attributes", attribute_words(wanted.field, [squash(wanted.keys)])[0])
    return Clause.boolean_query([(Occur.Should, words), (Occur.Should, joined)])


def _date(schema: Schema, wanted: DateFilter) -> Clause:
    return Clause.range_query(
        schema, wanted.field, FieldType.Integer, _seconds(wanted.start), _seconds(wanted.end), include_upper=False
    )


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _words(schema: Schema, field: str, words: Sequence[str]) -> Clause:
    if len(words) == 1:
        return Clause.term_query(schema, field, words[0])
    return Clause.phrase_query(schema, field, list(words))


def _unranked(clause: Clause) -> Clause:
    return Clause.const_score_query(clause, 0.0)
