"""The varied papers: every layout at every level, truth that stands on the paper, and the same from the same seed."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from sohoa.errors import BadRequest
from tests.support.press import LAYOUTS, LEVELS, Paper, draw_office_papers, draw_varied, truth_of

DPI = 50
"""Low, so that a page is drawn in some ten milliseconds."""
SEEDS = range(300, 360)


@pytest.fixture(scope="module")
def papers() -> list[Paper]:
    return [draw_varied(seed, dpi=DPI, level="clean") for seed in SEEDS]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_drawn_at_every_level_and_says_the_same_at_each(layout: str) -> None:
    drawn = [draw_varied(77, layout=layout, level=level, dpi=DPI) for level in LEVELS if level != "fax"]
    assert {paper.level for paper in drawn} == {"clean", "typical", "poor"}
    assert len({paper.text for paper in drawn}) == 1
    assert all(paper.fields == drawn[0].fields for paper in drawn)
    _assert_consistent(drawn[0])


def test_a_varied_fax_is_bitonal() -> None:
    assert {page.image.mode for page in draw_varied(3, layout="cong_van", level="fax").pages} == {"1"}


def test_the_truth_stands_on_each_paper(papers: list[Paper]) -> None:
    for paper in papers:
        _assert_consistent(paper)


def test_there_is_variety(papers: list[Paper]) -> None:
    assert len(LAYOUTS) >= 30
    assert len({paper.extra["layout"] for paper in papers}) >= 20
    assert len({paper.fields["organ_name"] for paper in papers}) >= 45
    assert {paper.extra["number_by"] for paper in papers} == {"print", "pen", "machine", "blank"}
    assert len({paper.fields["subject"] for paper in papers if paper.fields["subject"]}) >= 40
    assert any(paper.fields["code_number"] is None for paper in papers)
    assert any(paper.fields["priority"] for paper in papers)
    assert any("arrival" in paper.extra["stamps"] for paper in papers)
    assert any("attached" in paper.extra for paper in papers)


def test_same_seed_draws_the_same_varied_paper() -> None:
    first, again = (draw_varied(41, dpi=DPI, level="poor") for _ in range(2))
    assert (first.fields, first.extra, first.zones) == (again.fields, again.extra, again.zones)
    for one, other in zip(first.pages, again.pages, strict=True):
        assert one.image.tobytes() == other.image.tobytes()


def test_zones_hold_the_words_of_their_fields(papers: list[Paper]) -> None:
    for paper in papers:
        for zone in paper.zones:
            if zone.name not in ("organ_name", "signer_name"):
                continue
            page = paper.pages[zone.page - 1]
            left, top, right, bottom = zone.box
            inside = {
                word.text
                for word in page.words
                if word.box[0] >= left and word.box[1] >= top and word.box[2] <= right and word.box[3] <= bottom
            }
            signers = " ".join([*paper.extra["signers"], str(paper.extra.get("approver", ""))]).split()
            wanted = (paper.fields["organ_name"] or "").split() if zone.name == "organ_name" else signers
            assert inside & set(wanted), (paper.name, zone.name)


def test_what_is_attached_is_not_the_papers_truth() -> None:
    drawn = (draw_varied(seed, dpi=DPI, level="clean") for seed in range(400, 500))
    attached = list(islice((paper for paper in drawn if paper.extra.get("attached") == "paper"), 2))
    assert len(attached) == 2
    for paper in attached:
        first = paper.extra["attached_from_page"]
        assert first > 1
        assert all(zone.page < first for zone in paper.zones)


def test_an_arrival_stamp_has_a_number_and_a_date_of_its_own(papers: list[Paper]) -> None:
    for paper in papers:
        if "arrival" in paper.extra["stamps"]:
            assert date.fromisoformat(paper.extra["arrival_date"])
            assert paper.extra["arrival_number"] in paper.pages[0].text


def test_ink_is_where_the_handwritten_number_is() -> None:
    for seed in range(12):
        paper = draw_varied(seed, layout="quyet_dinh", level="clean", dpi=100, marks=0.0)
        if paper.extra["number_by"] != "pen":
            continue
        [code] = [zone for zone in paper.zones if zone.name == "code"]
        grey = np.array(paper.pages[0].image.convert("L").crop(code.box))
        assert (grey < 150).mean() > 0.03
        assert paper.extra["handwritten"][0] == "number"


def test_the_truth_of_a_varied_paper_tells_extra_and_zones() -> None:
    paper = draw_varied(5, dpi=DPI)
    truth = truth_of(paper, [Path("a.jpg")])
    assert truth["extra"] == paper.extra
    assert truth["zones"]


def test_unknown_layouts_are_told_with_what_there_is() -> None:
    with pytest.raises(BadRequest, match="cong_van"):
        draw_varied(1, layout="sach")
    with pytest.raises(BadRequest, match="typical"):
        draw_varied(1, level="spotless")


def _assert_consistent(paper: Paper) -> None:
    text = _plain(paper.text)
    fields = paper.fields
    assert fields["type_name"] == "Công văn" or _plain(fields["type_name"] or "").upper() in text.upper(), paper.name
    for name in (
        "code_number", "code_notation", "place", "organ_name", "parent_organ_name", "subject", "signer_name", "signer_position",
        "signing_authority", "recipients", "priority", "security_mark", "owner_name", "owner_id", "address", "dossier_code",
        "procedure_code", "applicant_name",
    ):  # fmt: skip
        value = fields.get(name)
        if value is None:
            continue
        assert unicodedata.is_normalized("NFC", value)
        assert _plain(value) in text, (paper.name, name, value)
    if fields["issued_date"] is not None:
        issued = date.fromisoformat(fields["issued_date"])
        pattern = rf"ngày 0?{issued.day} ?tháng ?0?{issued.month} ?năm {issued.year}"
        assert re.search(pattern, text), paper.name
    assert fields["page_amount"] == str(len(paper.pages))
    for page in paper.pages:
        assert [word.text for word in page.words] == page.text.split(), paper.name
        for word in page.words:
            left, top, right, bottom = word.box
            assert left < right, (paper.name, word)
            assert top < bottom, (paper.name, word)


def _plain(text: str) -> str:
    return re.sub(r" ?- ?", "-", " ".join(text.split()))


def test_papers_of_one_office_have_its_signers_and_rising_numbers() -> None:
    papers = list(draw_office_papers(14, seed=3, level="clean", dpi=DPI))
    for paper in papers:
        _assert_consistent(paper)
    assert len({paper.fields["organ_name"] for paper in papers}) == 1
    assert len({paper.fields["signer_name"] for paper in papers}) <= 3
    registers: dict[str, list[int]] = {}
    for paper in papers:
        if paper.fields["code_number"] is not None:
            registers.setdefault(paper.extra["layout"], []).append(int(paper.fields["code_number"]))
    assert all(numbers == sorted(set(numbers)) for numbers in registers.values())
    again = next(draw_office_papers(14, seed=3, level="clean", dpi=DPI))
    assert again.fields == papers[0].fields


def test_no_paper_rests_on_one_of_a_later_day() -> None:
    cited = 0
    for seed in range(300, 420):
        paper = draw_varied(seed, dpi=DPI, level="clean")
        issued = paper.fields.get("issued_date")
        own = [page.text for page in paper.pages[: paper.extra.get("attached_from_page", 99) - 1]]
        for ground in re.findall(r"^(?:Căn cứ|Thực hiện|Theo|Xét) [^;.]*[;.]", "\n".join(own), re.MULTILINE):
            for day, month, year in re.findall(r"(\d+)(?:/|\s+tháng\s+)(\d+)(?:/|\s+năm\s+)(\d{4})", ground):
                cited += 1
                assert issued is None or f"{year}-{int(month):02d}-{int(day):02d}" <= issued, ground
    assert cited > 50
