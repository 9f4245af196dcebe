"""The invisible text: it says what was read, in that order, and lies on the ink."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pikepdf
import pypdfium2 as pdfium
import pytest

from ocr_workers.text_check import assert_text_equal, normalise
from ocr_workers.text_layer import lay_text, write_text_layer
from sohoa.errors import TextMismatch
from sohoa.model import Block, Box, Line, Page, Word, union

_VIETNAMESE = [
    "ỦY",
    "BAN",
    "NHÂN",
    "DÂN",
    "tỉnh",
    "Đắk",
    "Lắk",
    "cộng",
    "hòa",
    "xã",
    "hội",
    "chủ",
    "nghĩa",
    "Việt",
    "Nam:",
    "138/QĐ-KHCN",
    "(nơi",
    "nhận)",
]
_A4 = (2480, 3508)


def _page(*lines: list[tuple[str, Box]], baseline: tuple[float, float] | None = None, number: int = 1) -> Page:
    made = tuple(
        Line(tuple(Word(text, box, 0.9) for text, box in line), union([box for _, box in line]), baseline)
        for line in lines
    )
    return Page(number, *_A4, 300.0, "recognised", (Block(made, union([line.box for line in made])),))


def _row(texts: list[str], *, left: int = 200, top: int = 400, gap: int = 12) -> list[tuple[str, Box]]:
    row = []
    for text in texts:
        row.append((text, (left, top, left + 22 * len(text), top + 44)))
        left += 22 * len(text) + gap
    return row


def _many_rows(*, seed: int, words: int = 300) -> Page:
    drawn = random.Random(seed)
    texts = [drawn.choice(_VIETNAMESE) for _ in range(words)]
    rows = [texts[start : start + 8] for start in range(0, words, 8)]
    return _page(*(_row(row, top=200 + 68 * number) for number, row in enumerate(rows)), baseline=(0.001, -9.0))


@contextmanager
def _text_page(pdf: Path, index: int = 0) -> Iterator[pdfium.PdfTextPage]:
    document = pdfium.PdfDocument(pdf)
    page = document[index]
    text_page = page.get_textpage()
    yield text_page
    text_page.close()
    page.close()
    document.close()


def _drawn(page: Page, folder: Path) -> str:
    write_text_layer([page], folder / "layer.pdf")
    with _text_page(folder / "layer.pdf") as text_page:
        return str(text_page.get_text_range())


def test_the_layer_says_what_was_read(tmp_path: Path) -> None:
    pages = [_many_rows(seed=1), Page(2, *_A4, 300.0, "blank"), _many_rows(seed=3)]

    write_text_layer(pages, tmp_path / "layer.pdf")

    assert_text_equal(tmp_path / "layer.pdf", pages)


def test_a_word_that_differs_is_noticed_and_the_page_is_named_but_not_its_text(tmp_path: Path) -> None:
    write_text_layer([_page(_row(["số", "12"]))], tmp_path / "layer.pdf")

    with pytest.raises(TextMismatch) as caught:
        assert_text_equal(tmp_path / "layer.pdf", [_page(_row(["số", "13"]))])

    assert "page 1" in caught.value.detail
    assert "12" not in caught.value.detail
    assert "13" not in caught.value.detail


def test_text_on_a_page_that_was_read_as_blank_is_noticed(tmp_path: Path) -> None:
    write_text_layer([_page(_row(["số"]))], tmp_path / "layer.pdf")

    with pytest.raises(TextMismatch):
        assert_text_equal(tmp_path / "layer.pdf", [Page(1, *_A4, 300.0, "blank")])


def test_a_missing_page_is_noticed(tmp_path: Path) -> None:
    write_text_layer([_page(_row(["số"]))], tmp_path / "layer.pdf")

    with pytest.raises(TextMismatch):
        assert_text_equal(tmp_path / "layer.pdf", [_page(_row(["số"])), Page(2, *_A4, 300.0, "blank")])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_selected_words_are_within_two_pixels_of_the_ink_however_the_page_is_turned(tmp_path: Path, turn: int) -> None:
    page = _many_rows(seed=5)
    size = (595.2, 841.92) if turn % 180 == 0 else (841.92, 595.2)
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=size)
        pdf.pages[0].Rotate = turn
        lay_text(pdf, lambda: [(0, page)])
        pdf.save(tmp_path / "turned.pdf")

    assert_text_equal(tmp_path / "turned.pdf", [page])
    with _text_page(tmp_path / "turned.pdf") as text_page:
        assert _furthest_off(text_page, page, turn=turn) < 2.0


@pytest.mark.parametrize("slope", [0.02, -0.02, 0.1, -0.1])
def test_a_slanted_line_is_followed(tmp_path: Path, slope: float) -> None:
    row = [
        (text, (left, top + round(slope * left), right, bottom + round(slope * left)))
        for text, (left, top, right, bottom) in _row(_VIETNAMESE[:8])
    ]
    box = union([box for _, box in row])
    page = _page(row, baseline=(slope, row[0][1][3] - 9.0 - box[3]))

    write_text_layer([page], tmp_path / "layer.pdf")

    assert_text_equal(tmp_path / "layer.pdf", [page])
    with _text_page(tmp_path / "layer.pdf") as text_page:
        assert _furthest_off(text_page, page) < 2.0
        first, last = text_page.get_charbox(0), text_page.get_charbox(normalise(text_page.get_text_range()).rindex("n"))
    fallen_px = (first[1] - last[1]) * 300 / 72
    assert fallen_px == pytest.approx(slope * (last[0] - first[0]) * 300 / 72, abs=3.0)


def _furthest_off(text_page: pdfium.PdfTextPage, page: Page, *, turn: int = 0) -> float:
    """How many pixels the left and right edges of drawn words are from those of the words read, at most."""
    text, at, worst = text_page.get_text_range(), 0, 0.0
    for word in page.words():
        at = text.index(word.text, at)
        boxes = [text_page.get_charbox(index) for index in range(at, at + len(word.text))]
        left, right = _displayed_span(boxes, turn)
        worst = max(worst, abs(left - word.box[0]), abs(right - word.box[2]))
        at += len(word.text)
    return worst


def _displayed_span(boxes: list[tuple[float, float, float, float]], turn: int) -> tuple[float, float]:
    lows = [box[1] if turn in (90, 270) else box[0] for box in boxes]
    highs = [box[3] if turn in (90, 270) else box[2] for box in boxes]
    low, high = min(lows) * 300 / 72, max(highs) * 300 / 72
    return (low, high) if turn in (0, 90) else (_A4[0] - high, _A4[0] - low)


def test_text_fits_a_page_whose_box_does_not_start_at_zero(tmp_path: Path) -> None:
    page = _page(_row(["Việt", "Nam"]))
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(700, 900))
        pdf.pages[0].obj.MediaBox = pikepdf.Array([50, 30, 50 + 595.2, 30 + 841.92])
        lay_text(pdf, lambda: [(0, page)])
        pdf.save(tmp_path / "moved.pdf")

    with _text_page(tmp_path / "moved.pdf") as text_page:
        left = text_page.get_charbox(0)[0]
    assert (left - 50) * 300 / 72 == pytest.approx(200, abs=1)


@pytest.mark.parametrize(
    "texts",
    [
        ["Quyết", "định-"],
        ["-", "-", "-", "-"],
        ["|", "|", "|", "l", "l", "1", "1"],
        ["☐", "•", "“Việt”", "–", "…", "m²", "½", "№", "→", "\U00020bb7"],
        ["\u00d0à", "Đà", "đ", "ð"],
        ["x\u0323", "o\u031b\u0309", "a\u0306\u0301"],
        ["(", ")", "\\", "\\(", "<>", "[]", "{}", "%"],
        ["ﬁ", "ﬂoat", "ﬃ", "אב", "ש"],
    ],
)
def test_odd_words_come_back_as_they_were_read(tmp_path: Path, texts: list[str]) -> None:
    page = _page(_row(texts), _row(["tiếp", "theo"], top=480))

    assert normalise(_drawn(page, tmp_path)) == normalise(page.text)


def test_more_than_a_thousand_different_characters_keep_their_unicode(tmp_path: Path) -> None:
    texts = [chr(code) for code in range(0x4E00, 0x4E00 + 1200)]
    page = _page(*(_row(texts[start : start + 40], top=100 + start * 2) for start in range(0, len(texts), 40)))

    assert normalise(_drawn(page, tmp_path)) == normalise(page.text)


def test_lines_read_from_right_to_left_on_one_baseline_keep_their_reading_order(tmp_path: Path) -> None:
    page = _page(_row(["phải"], left=1500), _row(["trái"], left=200), _row(["giữa"], left=900))

    assert normalise(_drawn(page, tmp_path)) == "phải trái giữa"


def test_equal_words_that_overlap_are_all_kept(tmp_path: Path) -> None:
    page = _page([("Nam", (200, 400, 300, 444)), ("Nam", (205, 401, 305, 445)), ("Nam", (203, 400, 303, 444))])

    assert normalise(_drawn(page, tmp_path)) == "Nam Nam Nam"


def test_words_that_start_with_the_same_letters_in_the_same_place_are_kept_whole(tmp_path: Path) -> None:
    page = _page([("số:", (200, 400, 300, 444)), ("số", (201, 401, 268, 445)), ("sống", (202, 400, 335, 444))])

    assert normalise(_drawn(page, tmp_path)) == "số: số sống"


def test_a_hyphen_at_a_lines_end_stays_a_hyphen_with_a_break_after_it(tmp_path: Path) -> None:
    page = _page(_row(["Quyết", "định-"]), _row(["tiếp", "theo"], top=480))

    assert _drawn(page, tmp_path).split() == ["Quyết", "định-", "tiếp", "theo"]


def test_random_layouts_come_back_as_they_were_read(tmp_path: Path) -> None:
    drawn = random.Random(7)
    pages = []
    for number in range(1, 31):
        rows = []
        for _ in range(drawn.randint(1, 25)):
            texts = [drawn.choice([*_VIETNAMESE, "-", ".", "|", "l"]) for _ in range(drawn.randint(1, 6))]
            left, top = drawn.randint(0, 1200), drawn.randint(0, 3400)
            rows.append(_row(texts, left=left, top=top, gap=drawn.randint(-4, 60)))
        pages.append(_page(*rows, baseline=(drawn.uniform(-0.02, 0.02), -8.0), number=number))

    write_text_layer(pages, tmp_path / "layer.pdf")

    assert_text_equal(tmp_path / "layer.pdf", pages)


def test_all_text_is_invisible_and_one_font_serves_all_pages(tmp_path: Path) -> None:
    write_text_layer([_many_rows(seed=1), _many_rows(seed=2)], tmp_path / "layer.pdf")

    with pikepdf.open(tmp_path / "layer.pdf") as pdf:
        fonts = {page.Resources.Font.SohoaText.objgen for page in pdf.pages}
        contents = b"\n".join(page.Contents[0].read_bytes() for page in pdf.pages)
    assert len(fonts) == 1
    assert re.findall(rb"(\d+) Tr\b", contents) == [b"3", b"3"]
    document = pdfium.PdfDocument(tmp_path / "layer.pdf")
    shades = document[0].render(scale=1).to_pil().convert("L").getextrema()
    document.close()
    assert shades == (255, 255)


def test_a_page_of_text_costs_less_than_five_kilobytes_and_a_document_less_than_four_more(tmp_path: Path) -> None:
    write_text_layer([_many_rows(seed=1, words=400)], tmp_path / "one.pdf")
    write_text_layer([_many_rows(seed=seed, words=400) for seed in range(1, 11)], tmp_path / "ten.pdf")

    one, ten = (tmp_path / "one.pdf").stat().st_size, (tmp_path / "ten.pdf").stat().st_size
    per_page = (ten - one) / 9
    assert per_page < 5_000
    assert one - per_page < 4_000


def test_the_same_pages_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        write_text_layer([_many_rows(seed=1)], tmp_path / name)

    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("a\x02b", "a-\nb"),
        ("a\ufffe\r\nb", "a- b"),
        ("  a \r\n\t b ", "a b"),
        ("Vie\u0323\u0302t", "Việt"),
        ("fi", "\ufb01"),
    ],
)
def test_normalisation_makes_equal_what_only_drawing_tells_apart(drawn: str, read: str) -> None:
    assert normalise(drawn) == normalise(read)


@pytest.mark.parametrize(("one", "other"), [("ab", "a b"), ("a-b", "ab"), ("hòa", "hoà"), ("Đ", "\u00d0")])
def test_normalisation_keeps_apart_what_differs(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)
