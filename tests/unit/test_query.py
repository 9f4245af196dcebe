"""The query language: what clerks type becomes terms and filters, or a clear BadQuery."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sohoa.errors import BadQuery
from storage.index.fold import keys
from storage.index.query import DateFilter, Query, Term, TextFilter, parse_query


def word(text: str) -> Term:
    return Term(tuple(keys(text)))


def phrase(text: str) -> Term:
    return Term(tuple(keys(text)), quoted=True)


@given(st.one_of(st.text(), st.text(alphabet='ađ5 "-:/.<>=“”ngay', max_size=60)))
@example('"')
@example('-"')
@example("so:")
@example('so:"')
@example("ngay:-")
@example("ngay:9999-12-31..")
@example("ngay:0001")
@example("\ud800")
def test_whatever_is_typed_is_a_query_or_a_clear_refusal(text: str) -> None:
    try:
        query = parse_query(text)
    except BadQuery:
        return
    else:
        assert query.must or query.must_not or query.filters


def test_words_phrases_and_exclusions_are_told_apart() -> None:
    query = parse_query('khoa "công nghệ" -đất -"nông thôn"')
    assert query.must == (word("khoa"), phrase("công nghệ"))
    assert query.must_not == (word("đất"), phrase("nông thôn"))


def test_decomposed_and_full_width_input_means_the_same() -> None:
    plain = parse_query('quyết "hòa bình" so:138')
    assert parse_query(unicodedata.normalize("NFD", 'quyết "hòa bình" so:138')) == plain
    assert parse_query("quyết　＂hòa bình＂ ｓｏ：１３８") == plain
    assert parse_query("quyết “hòa bình” so:138") == plain


def test_unbalanced_quote_reaches_to_the_end() -> None:
    assert parse_query('quyết "định số') == Query((word("quyết"), phrase("định số")))


def test_lone_dashes_and_other_signs_mean_nothing() -> None:
    assert parse_query("- quyết – định -- / *") == Query((word("quyết"), word("định")))


def test_code_is_one_term_and_its_punctuation_can_be_left_out() -> None:
    (code,) = parse_query("138/QĐ-KHCN").must
    (joined,) = parse_query("138qdkhcn").must
    assert code.squashed == joined.squashed == "138qdkhcn"
    assert len(code.keys) == 3


def test_short_number_is_not_taken_for_a_code_without_punctuation() -> None:
    assert parse_query("138").must[0].squashed is None


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ("office:so-khcn", "office"),
        ("hồ_sơ:H02", "dossier"),
        ("Loại:quyết", "type"),
        ("số:138", "number"),
        ("trang-thai:held", "status"),
        ("name:scan", "filename"),
        ("external_id:HS1", "external_id"),
        ("cơ_quan:sở", "organ"),
    ],
)
def test_field_names_are_vietnamese_or_english(typed: str, field: str) -> None:
    (found,) = parse_query(typed).filters
    assert found.field == field


def test_field_value_may_be_quoted_and_excluded() -> None:
    assert parse_query('-loai:"quyết định"').filters == (TextFilter("type", tuple(keys("quyết định")), negated=True),)


def test_unknown_field_is_text() -> None:
    assert parse_query("foo:bar") == Query((word("foo bar"),))
    assert parse_query('foo:"a b"') == Query((word("foo"), phrase("a b")))


JAN_15 = datetime(2023, 1, 14, 17, tzinfo=UTC)
"""Midnight of 15 January in Việt Nam."""


@pytest.mark.parametrize(
    ("typed", "start", "end"),
    [
        ("ngay:15/01/2023", JAN_15, datetime(2023, 1, 15, 17, tzinfo=UTC)),
        ("nhan:2023-01-15", JAN_15, datetime(2023, 1, 15, 17, tzinfo=UTC)),
        ("ngày:2023-01..2023-03", datetime(2022, 12, 31, 17, tzinfo=UTC), datetime(2023, 3, 31, 17, tzinfo=UTC)),
        ("received:2023", datetime(2022, 12, 31, 17, tzinfo=UTC), datetime(2023, 12, 31, 17, tzinfo=UTC)),
        ("received:12/2023", datetime(2023, 11, 30, 17, tzinfo=UTC), datetime(2023, 12, 31, 17, tzinfo=UTC)),
        ("archived:>=2023-01-15", JAN_15, None),
        ("archived:<15/1/2023", None, JAN_15),
        ("archived:..14/01/2023", None, JAN_15),
    ],
)
def test_dates_are_days_of_the_office(typed: str, start: datetime | None, end: datetime | None) -> None:
    (found,) = parse_query(typed).filters
    assert isinstance(found, DateFilter)
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize("typed", ["ngay:hôm-qua", "ngay:30/02/2023", "received:2023-13", "ngay:..", "ngay:23"])
def test_date_nobody_can_read_is_refused_with_examples(typed: str) -> None:
    with pytest.raises(BadQuery, match="15/01/2023") as refused:
        parse_query(f"{typed}x" if typed == "ngay:.." else typed)
    assert "hôm" not in refused.value.detail


@pytest.mark.parametrize("typed", ["", "   ", "-", '""', "///"])
def test_nothing_to_search_for_is_refused(typed: str) -> None:
    with pytest.raises(BadQuery, match="nothing to search for"):
        parse_query(typed)


def test_limits_are_told() -> None:
    with pytest.raises(BadQuery, match="1000 characters"):
        parse_query("a" * 1001)
    with pytest.raises(BadQuery, match="32 words"):
        parse_query(" ".join(f"w{number}" for number in range(33)))


def test_marks_typed_anywhere_count_for_the_whole_query() -> None:
    assert parse_query("cho duong").marked is False
    assert parse_query("cho đường").marked is True
