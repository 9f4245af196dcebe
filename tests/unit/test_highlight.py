"""Highlights: the right letters and boxes of the original text, exact words first, quick on long documents."""

from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from sohoa.model import Block, Box, Line, Page, Word, union
from storage.index.highlight import SNIPPET_LENGTH, highlight
from storage.index.protocol import IndexedPage, Snippet, indexed_page, pack_words, unpack_words
from storage.index.query import parse_query
from storage.index.stored_pages import StoredPages, pack_pages


def page_of(text: str, *, number: int = 1) -> Page:
    """A page whose words lie in a grid: word `i` of line `j` in a box that says so."""
    lines = []
    for row, line in enumerate(text.split("\n")):
        words = tuple(
            Word(word, (100 * place, 50 * row, 100 * place + 90, 50 * row + 40), 0.9)
            for place, word in enumerate(line.split())
        )
        lines.append(Line(words, union([word.box for word in words])))
    return Page(number, 2480, 3508, 300.0, "recognised", (Block(tuple(lines), union([line.box for line in lines])),))


def found(text: str, query: str) -> list[tuple[list[str], tuple[Box, ...]]]:
    _, snippets = highlight([indexed_page(page_of(text))], parse_query(query))
    return [(marked(snippet), snippet.boxes) for snippet in snippets]


def marked(snippet: Snippet) -> list[str]:
    return [snippet.text[start:end] for start, end in snippet.highlights]


def test_folded_word_is_marked_in_the_original_with_its_box() -> None:
    assert found("Căn cứ Quyết định này", "quyet") == [(["Quyết"], ((200, 0, 290, 40),))]


def test_phrase_over_a_line_break_is_marked_whole_with_both_boxes() -> None:
    assert found("về việc quyết\nđịnh cấp phép", '"quyết định"') == [
        (["quyết\nđịnh"], ((200, 0, 290, 40), (0, 50, 90, 90)))
    ]


def test_exact_spelling_is_preferred_to_folded_ones() -> None:
    assert found("đương nhiên con đường", "đường")[0][0] == ["đường"]
    assert found("đương nhiên con đường", "duong")[0][0] == ["đương", "đường"]
    assert found("đương nhiên", "đường")[0][0] == ["đương"]


def test_both_tone_styles_are_exact() -> None:
    assert found("hoả hoà hòa", "hòa")[0][0] == ["hoà", "hòa"]


def test_code_is_marked_however_it_is_typed() -> None:
    text = "Số: 138/QĐ-KHCN ngày"
    for typed in ("138/QĐ-KHCN", "138/qd-khcn", "138qdkhcn"):
        assert found(text, typed)[0][0] == ["138/QĐ-KHCN"]
    assert found(text, "QĐ-KHCN")[0][0] == ["QĐ-KHCN"]
    assert found(text, "138 qd khcn")[0] == (["138", "QĐ", "KHCN"], ((100, 0, 190, 40),))
    assert found("công văn 05/BNV-VP", "5/BNV-VP")[0][0] == ["05/BNV-VP"]


def test_part_of_a_word_is_not_marked() -> None:
    assert found("toan toàn an", "an") == [(["an"], ((200, 0, 290, 40),))]


def test_snippet_is_cut_between_words_and_is_a_piece_of_the_page() -> None:
    text = " ".join(f"chữ{number}" for number in range(300))
    _, (snippet,) = highlight([IndexedPage(1, text)], parse_query("chữ150"))
    assert snippet.text in text
    assert 150 <= len(snippet.text) <= SNIPPET_LENGTH
    assert set(snippet.text.split()) <= set(text.split())
    assert marked(snippet) == ["chữ150"]


def test_snippet_shows_where_most_words_stand_together() -> None:
    text = "khoa " + "lấp " * 100 + "giấy phép khoa học " + "đầy " * 100 + "học"
    _, snippets = highlight([IndexedPage(1, text)], parse_query("khoa học"))
    assert marked(snippets[0]) == ["khoa", "học"]


def test_found_without_a_word_in_the_pages_shows_the_beginning() -> None:
    numbers, snippets = highlight([IndexedPage(1, " \n"), IndexedPage(2, "Mở đầu")], parse_query("-khác"))
    assert numbers == ()
    assert snippets == (Snippet(2, "Mở đầu", (), ()),)


def test_pages_are_told_by_their_numbers() -> None:
    pages = [IndexedPage(number, "kế hoạch" if number % 2 else "báo cáo") for number in range(3, 9)]
    assert highlight(pages, parse_query("kế hoạch"))[0] == (3, 5, 7)


def test_rare_word_far_behind_many_common_ones_is_still_shown() -> None:
    pages = [IndexedPage(number, "nhà nước " * 50) for number in range(1, 400)] + [IndexedPage(400, "riêng biệt")]
    _, snippets = highlight(pages, parse_query("nước biệt"))
    assert {tuple(set(marked(snippet))) for snippet in snippets} >= {("biệt",)}


@given(st.text(max_size=300), st.text(max_size=40))
def test_any_text_and_query_give_highlights_inside_the_snippet(text: str, typed: str) -> None:
    query = parse_query(f"a {typed.replace(':', ' ')[:400]}")
    for snippet in highlight([IndexedPage(1, text)], query)[1]:
        assert all(0 <= start < end <= len(snippet.text) for start, end in snippet.highlights)


@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=9),
            st.tuples(*[st.integers(0, 70_000)] * 2),
            st.tuples(*[st.integers(0, 900)] * 2),
        )
    )
)
def test_packed_words_come_back(words: list[tuple[str, tuple[int, int], tuple[int, int]]]) -> None:
    rows, offset = [], 0
    for text, (left, top), (width, height) in words:
        rows.append((offset, text, (left, top, left + width, top + height)))
        offset += len(text) + 1
    expected = [[start, start + len(text), *box] for start, text, box in rows]
    assert unpack_words(pack_words(rows)).tolist() == expected


def test_stored_pages_come_back_one_by_one() -> None:
    pages = [indexed_page(page_of("Quyết định\nsố 5", number=1)), IndexedPage(7, ""), IndexedPage(9, "hết")]
    assert list(StoredPages(pack_pages(pages))) == pages


def test_eight_hundred_pages_are_searched_in_a_moment() -> None:
    syllables = random.Random(5).choices(["của", "các", "quyết", "định", "nhà", "nước"], k=600)
    pages = [IndexedPage(number, " ".join(syllables)) for number in range(1, 801)]
    stored = StoredPages(pack_pages([*pages, IndexedPage(801, "thửa ruộng bậc thang")]))
    start = time.thread_time()
    _, snippets = highlight(stored, parse_query("quyết định ruộng"))
    assert time.thread_time() - start < 0.5  # about 0.03 s on an idle core
    assert snippets
