"""What every search index must do: find, rank, count, keep offices apart, forget nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest

from sohoa.errors import BadQuery
from sohoa.model import DocumentId, OfficeId
from sohoa.settings import Settings
from storage.index import open_index
from storage.index.protocol import Hit, IndexedPage, IndexEntry, SearchIndex, SearchPage, pack_words
from storage.index.query import parse_query
from storage.index.tantivy_index import MOST_RESULTS
from tests.support.indexes import JANUARY, KHCN, NOI_VU, entry, names, search


def test_exact_spelling_ranks_strictly_above_folded_ones(index: SearchIndex) -> None:
    index.write([entry("folded", "đương đương đương đương"), entry("exact", "x " * 500 + "đường" + " y" * 500)])
    assert names(index, "đường") == ["exact", "folded"]
    assert sorted(names(index, "duong")) == ["exact", "folded"]
    scores = [hit.score for hit in search(index, "đường").hits]
    assert scores == sorted(scores, reverse=True)


def test_no_bonus_lifts_a_folded_spelling_above_an_exact_one(index: SearchIndex) -> None:
    exact = entry("exact", "bộ" + " x" * 900 + " đường" + " y" * 900)
    folded = [replace(entry(f"folded {n}", "đương bộ " * 90), filename="đương bộ đương bộ.pdf") for n in range(3)]
    others = [entry(f"other {n}", "đường ray " * 9) for n in range(40)]  # so that the exact word is worth little
    index.write([exact, *folded, *others])
    assert names(index, "đường bộ")[0] == "exact"
    assert len(names(index, "đường bộ")) == 4


def test_all_words_must_be_somewhere_in_the_document(index: SearchIndex) -> None:
    index.write([entry("both", "khoa", "học"), entry("one", "khoa khoa")])
    assert names(index, "học khoa") == ["both"]


def test_neighbouring_words_rank_above_scattered_ones(index: SearchIndex) -> None:
    index.write(
        [
            entry("scattered", "quyết một hai ba bốn năm định sáu"),
            entry("together", "một hai ba bốn quyết định năm sáu"),
        ]
    )
    assert names(index, "quyết định") == ["together", "scattered"]
    assert names(index, "quyet dinh") == ["together", "scattered"]


def test_phrases_of_any_length_keep_their_order(index: SearchIndex) -> None:
    index.write([entry("right", "Bà Nguyễn Thị\nHòa ở đây"), entry("wrong", "Thị Hòa và Nguyễn Thị An")])
    assert names(index, '"nguyễn thị hoà"') == ["right"]
    assert names(index, '"nguyen thi hoa"') == ["right"]
    assert names(index, '"thị hòa"') == ["right", "wrong"] or names(index, '"thị hòa"') == ["wrong", "right"]
    assert names(index, '"hòa thị"') == []


def test_exact_phrase_ranks_above_a_folded_one(index: SearchIndex) -> None:
    index.write([entry("folded", "hoa binh " * 9), entry("exact", "nước hoà bình")])
    assert names(index, '"hòa bình"') == ["exact", "folded"]


def test_phrase_does_not_reach_over_pages(index: SearchIndex) -> None:
    index.write([entry("pages", "cuối trang quyết", "định đầu trang")])
    assert names(index, '"quyết định"') == []


@pytest.mark.parametrize(
    "typed", ["138/QĐ-KHCN", "138", "QĐ-KHCN", "138/qd-khcn", "138qdkhcn", "138 qd khcn", "qđkhcn", "KHCN", "0138"]
)
def test_code_is_found_whole_in_part_folded_and_without_punctuation(index: SearchIndex, typed: str) -> None:
    index.write([entry("it", "Số: 138/QĐ-KHCN"), entry("other", "Số: 139/KH-UBND ngày 13/8/2023")])
    assert names(index, typed) == ["it"]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("05/BNV-VP", "5/BNV-VP"),
        ("5/BNV-VP", "05/BNV-VP"),
        ("05/BNV-VP", "5bnvvp"),
        ("138QĐ-KHCN", "138/QĐ-KHCN"),
        ("138 /QĐ - KHCN", "138/QĐ-KHCN"),
        ("138/QÐ-KHCN", "138/QĐ-KHCN"),
        ("000.00.05.H02-230105-0001", "000.00.05.H02-230105-0001"),
        ("000.00.05.H02-230105-0001", "0000005H022301050001"),
        ("000.00.05.H02-230105-0001", "H02-230105"),
        ("2.000488.000.00.00.H56", "2.000488"),
        ("2.000488.000.00.00.H56", "2000488"),
        ("CCCD 024190001234", "024190001234"),
    ],
)
def test_official_codes_are_found(index: SearchIndex, text: str, typed: str) -> None:
    index.write([entry("it", f"có mã {text} đây"), entry("other", "có 14 mã khác")])
    assert names(index, typed) == ["it"]


def test_date_written_with_slashes_is_not_a_short_number(index: SearchIndex) -> None:
    index.write([entry("date", "ngày 13/8/2023")])
    assert names(index, "138") == []


def test_decomposed_text_and_query_meet(index: SearchIndex) -> None:
    index.write([entry("nfd", unicodedata.normalize("NFD", "Quyết định"))])
    assert names(index, unicodedata.normalize("NFD", '"quyết định"')) == ["nfd"]


def test_excluded_words_keep_documents_out(index: SearchIndex) -> None:
    index.write([entry("road", "con đường"), entry("natural", "đương nhiên"), entry("other", "khác")])
    assert sorted(names(index, "-đường")) == ["natural", "other"]
    assert names(index, "-duong") == ["other"]
    assert names(index, 'con -"đương nhiên"') == ["road"]


def test_an_office_sees_and_counts_only_its_own(index: SearchIndex) -> None:
    index.write([entry("own", "kế hoạch"), entry("foreign", "kế hoạch", office=NOI_VU)])
    for typed in ("kế hoạch", "-khác", "kind:pdf", '"kế hoạch"', "office:so-noi-vu kế", "ke hoach"):
        found = search(index, typed, office=KHCN)
        assert {hit.document_id for hit in found.hits} <= {"own"}
        assert found.total == len(found.hits)
    assert search(index, "kế hoạch").total == 2
    assert search(index, "kế", office=OfficeId("so")).total == 0


def test_older_sequence_is_ignored_and_the_same_one_changes_nothing(index: SearchIndex) -> None:
    index.write([entry("it", "mới", sequence=7)])
    index.write([entry("it", "cũ", sequence=6)])
    index.write([entry("it", "mới", sequence=7), entry("it", "cũ", sequence=3)])
    assert names(index, "mới") == ["it"]
    assert names(index, "cũ") == []
    assert index.count() == 1


def test_the_sequence_of_each_document_can_be_asked_for_tombstones_too(index: SearchIndex) -> None:
    index.write([entry("it", "một"), IndexEntry(DocumentId("gone"), sequence=7, deleted=True)])
    (sequence,) = index.sequences(["it"]).values()
    assert index.sequences(["it", "gone", "unknown"]) == {"it": sequence, "gone": 7}
    index.write([IndexEntry(DocumentId("it"), sequence=sequence + 5, filename="x")])
    assert index.sequences(iter(["it"])) == {"it": sequence + 5}
    assert index.sequences([]) == {}


def test_tombstone_hides_a_document_and_outlives_late_writes(index: SearchIndex) -> None:
    index.write([entry("it", "kế hoạch", sequence=1), entry("other", "kế hoạch", sequence=2)])
    index.write([IndexEntry(DocumentId("it"), sequence=5, deleted=True)])
    index.write([entry("it", "kế hoạch", sequence=4)])
    assert names(index, "kế hoạch") == ["other"]
    assert names(index, "-khác") == ["other"]
    assert index.count() == 1


def test_hit_carries_pages_snippets_and_boxes(index: SearchIndex) -> None:
    words = pack_words([(0, "Kế", (10, 20, 60, 50)), (3, "hoạch", (70, 20, 190, 50))])
    index.write(
        [
            replace(
                entry("it", "trang đầu"), dossier="D-1", pages=[IndexedPage(1, "a"), IndexedPage(2, "Kế hoạch", words)]
            )
        ]
    )
    (hit,) = search(index, '"ke hoach"').hits
    (snippet,) = hit.snippets
    assert (hit.dossier, hit.office, hit.filename, hit.page_count, hit.pages) == ("D-1", KHCN, "it.pdf", 2, (2,))
    assert (hit.received_at, hit.archived_at) == (JANUARY, JANUARY + timedelta(minutes=2))
    assert snippet.highlights == ((0, 8),)
    assert snippet.boxes == ((10, 20, 60, 50), (70, 20, 190, 50))


@pytest.mark.parametrize("typed", ["đường", "duong", "-khác"])
def test_cursor_walks_through_every_hit_once(index: SearchIndex, typed: str) -> None:
    index.write([entry(f"{number:02}", "đường" if number % 3 else "đương") for number in range(11)])
    seen: list[Hit] = []
    cursor: str | None = None
    while True:
        page = index.search(parse_query(typed), office=None, limit=3, cursor=cursor)
        seen += page.hits
        assert page.total == 11
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len({hit.document_id for hit in seen}) == len(seen) == 11
    if typed == "đường":
        assert all(int(hit.document_id) % 3 for hit in seen[:7])


@pytest.mark.parametrize("cursor", ["", "-1", "x", "٣", str(MOST_RESULTS), "9" * 5000])
def test_made_up_cursor_is_refused(index: SearchIndex, cursor: str) -> None:
    with pytest.raises(BadQuery, match="cursor"):
        index.search(parse_query("a"), office=None, cursor=cursor)


def test_new_index_is_empty_and_answers(index_settings: Settings) -> None:
    with open_index(index_settings) as reader:
        assert search(reader, "gì đó") == SearchPage(0, (), None)
        assert reader.count() == 0
