"""ALTO: what was read comes back word for word, whatever the words are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from lxml import etree

from sohoa.errors import BadAlto
from sohoa.model import Block, Line, Page, Quality, Word
from storage.archive.alto import NAMESPACE, read_alto, write_alto, write_alto_to

MADE_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
QUALITY = Quality(
    dpi=300.0,
    dpi_inferred=False,
    skew_deg=-0.4,
    sharpness=812.5,
    ink_share=0.0731,
    mean_confidence=0.94,
    colour="colour",
    warnings=("cropped",),
)


def _line(*texts: str, top: int = 100) -> Line:
    words = tuple(Word(text, (100 + 90 * at, top, 180 + 90 * at, top + 40), 0.9125) for at, text in enumerate(texts))
    box = (100, top, words[-1].box[2], top + 40)
    return Line(words=words, box=box, baseline=(0.0125, -7.5))


def _page(number: int, *lines: Line) -> Page:
    blocks = tuple(Block(lines=(line,), box=line.box) for line in lines)
    return Page(number, 2480, 3508, 300.0, "recognised", blocks, quality=QUALITY, lane="tesserocr", recognise_ms=812)


def _written(*pages: Page) -> bytes:
    return write_alto(pages, source_name="quyết định.pdf", software="sohoa 0.1.0", created_at=MADE_AT)


def test_pages_come_back_as_they_were_written() -> None:
    pages = [
        _page(1, _line("QUYẾT", "ĐỊNH", "<&>"), _line("Điều", "1.", top=200)),
        Page(2, 2480, 3508, 300.0, "blank", lane="tesserocr"),
        Page(3, 3508, 2480, 299.98, "failed", code="timeout", turn_deg=90),
    ]
    back = read_alto(_written(*pages))
    assert [page.text for page in back] == [page.text for page in pages]
    assert [list(page.words()) for page in back] == [list(page.words()) for page in pages]
    assert [page.quality for page in back] == [page.quality for page in pages]
    assert [(page.status, page.code, page.turn_deg, page.dpi, page.lane, page.recognise_ms) for page in back] == [
        (page.status, page.code, page.turn_deg, page.dpi, page.lane, page.recognise_ms) for page in pages
    ]


def test_baselines_come_back_within_a_hundredth_of_a_pixel() -> None:
    line = _line("một", "dòng", "chữ")
    (back,) = read_alto(_written(_page(1, line)))[0].lines()
    assert back.baseline is not None
    assert back.baseline == pytest.approx((0.0125, -7.5), abs=1e-2)
    assert back.baseline[0] == pytest.approx(0.0125, abs=1e-5)


def test_characters_that_xml_forbids_become_replacement_characters_one_for_one() -> None:
    (back,) = read_alto(_written(_page(1, _line("a\x00b\x0bc\ud800\ufffe"))))
    assert back.text == "a\ufffdb\ufffdc\ufffd\ufffd"


def test_the_file_says_its_namespace_unit_and_coordinates() -> None:
    root = etree.fromstring(_written(_page(1, _line("Số:", "12/QĐ"))))
    names = {"a": NAMESPACE}
    assert root.tag == f"{{{NAMESPACE}}}alto"
    assert root.findtext("a:Description/a:MeasurementUnit", namespaces=names) == "pixel"
    assert root.findtext("a:Description/a:sourceImageInformation/a:fileName", namespaces=names) == "quyết định.pdf"
    space = root.find("a:Layout/a:Page/a:PrintSpace", namespaces=names)
    assert space is not None
    line = space.find("a:TextBlock/a:TextLine", namespaces=names)
    assert line is not None
    assert [etree.QName(child).localname for child in line] == ["String", "SP", "String"]
    string = line[2]
    assert (string.get("CONTENT"), string.get("HPOS"), string.get("WIDTH")) == ("12/QĐ", "190", "80")
    assert string.get("WC") == "0.9125"


def test_pages_are_asked_for_one_at_a_time_while_writing() -> None:
    file = io.BytesIO()
    sizes: list[int] = []

    def pages() -> Iterator[Page]:
        for number in range(1, 4):
            sizes.append(file.tell())
            yield _page(number, *(_line("chữ", top=40 * at) for at in range(200)))

    write_alto_to(file, pages(), source_name="x", software="sohoa 1", created_at=MADE_AT)
    assert sizes[2] > sizes[1] > 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<alto/>",
        f'<alto xmlns="{NAMESPACE}"><Layout><Page PAGECLASS="blank"/></Layout></alto>'.encode(),
        f'<!DOCTYPE alto [<!ENTITY e "x">]><alto xmlns="{NAMESPACE}"/>'.encode(),
    ],
    ids=["empty", "text", "no namespace", "page without size", "entities"],
)
def test_anything_else_is_bad_alto(data: bytes) -> None:
    with pytest.raises(BadAlto):
        read_alto(data)


def test_a_file_cut_short_is_bad_alto() -> None:
    with pytest.raises(BadAlto):
        read_alto(_written(_page(1, _line("một")))[:-20])
