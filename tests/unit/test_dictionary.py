"""What was confirmed makes readings surer, names what they come near to, and never makes a wrong value an accepted one."""

from __future__ import annotations

import pytest

from ocr_workers.reading.confidence import Calibration, Curve
from ocr_workers.reading.dictionary import EMPTY, NEAR, Dictionary
from ocr_workers.reading.sense import Candidates
from ocr_workers.reading.sight import Candidate
from sohoa.model import Evidence

PLACE = (Evidence(1, (10, 20, 300, 60)),)
HEAD = {"organ_name": "SỞ Y TẾ", "signer_name": "Trần Văn Bình", "signer_position": "GIÁM ĐỐC"}
OFFICE = Dictionary([HEAD] * 20)
SURE = Calibration({(name, "alone"): Curve((0.0, 1.0), (0.0, 1.0), 0.9) for name in HEAD})


def _found(**values: tuple[str, float]) -> dict[str, tuple[Candidate, ...]]:
    return {name: (Candidate(value, value, score, PLACE),) for name, (value, score) in values.items()}


def test_a_known_value_that_was_read_is_surer_and_more_so_the_oftener_it_was_confirmed() -> None:
    found = _found(signer_name=("Trần Văn Bình", 0.6))
    once = Dictionary([HEAD]).weigh(found)["signer_name"][0]
    often = OFFICE.weigh(found)["signer_name"][0]
    assert 0.6 < once.score < often.score < 1
    assert once.value == "Trần Văn Bình"


def test_a_poor_reading_gets_the_known_value_beside_it_with_the_evidence_of_the_page() -> None:
    best = OFFICE.weigh(_found(signer_name=("Trần Vàn Binh", 0.3)))["signer_name"][0]
    assert (best.value, best.raw, best.evidence, best.source) == ("Trần Văn Bình", "Trần Vàn Binh", PLACE, NEAR)


def test_a_sure_reading_stays_before_a_known_value_that_is_almost_the_same() -> None:
    best = OFFICE.weigh(_found(signer_name=("Trần Văn Bính", 0.85)))["signer_name"][0]
    assert best.value == "Trần Văn Bính"


@pytest.mark.parametrize("score", [0.0, 0.2, 0.5, 0.7])
@pytest.mark.parametrize("value", ["Trần Văn Bính", "Trần Vân Bình", "Trân Văn Bình", "Trần Văn Binh"])
def test_a_misleading_dictionary_never_makes_an_accepted_wrong_value(value: str, score: float) -> None:
    """The paper says `value`; people have confirmed another name like it, twenty times, for this very agency and position."""
    found = _found(signer_name=(value, score), organ_name=("SỞ Y TẾ", 0.99), signer_position=("GIÁM ĐỐC", 0.99))
    best = OFFICE.weigh(found)["signer_name"][0]
    assert best.value == value or not SURE.accepts("signer_name", [best])


def test_that_the_head_is_known_does_not_make_surer_that_no_deputy_signed() -> None:
    found = _found(signer_position=("GIÁM ĐỐC", 0.4))
    assert OFFICE.weigh(found) == found
    deputies = Dictionary([HEAD | {"signer_position": "PHÓ GIÁM ĐỐC"}] * 20)
    assert deputies.weigh(_found(signer_position=("PHÓ GIÁM ĐỐC", 0.4)))["signer_position"][0].score > 0.7


@pytest.mark.parametrize(
    ("name", "read", "known"),
    [
        ("code_notation", "SYT-NVY", "SYT-NVD"),
        ("signer_position", "PHÓ GIÁM ĐỐC", "GIÁM ĐỐC"),
        ("organ_name", "SỞ TƯ PHÁP", "SỞ TÀI CHÍNH"),
    ],
)
def test_a_poor_reading_is_not_taken_for_a_known_value_that_may_well_be_another(
    name: str, read: str, known: str
) -> None:
    found = Dictionary([{name: known}] * 50).weigh(_found(**{name: (read, 0.1)}))
    assert [one.value for one in found[name]] == [read]


def test_a_known_value_does_not_overtake_another_that_was_read_better() -> None:
    read = (Candidate("BC-SYT", "BC-SYT", 0.6, PLACE), Candidate("QĐ-SYT", "QĐ-SYT", 0.5, PLACE))
    found = Dictionary([{"code_notation": "QĐ-SYT"}] * 50).weigh({"code_notation": read})
    assert [one.value for one in found["code_notation"]] == ["BC-SYT", "QĐ-SYT"]


def test_the_paper_s_own_place_of_the_tone_stays() -> None:
    known = Dictionary([{"organ_name": "ỦY BAN NHÂN DÂN XÃ BÃI SẬY"}] * 50)
    found = known.weigh(_found(organ_name=("UỶ BAN NHÂN DÂN XÃ BÃI SẬY", 0.2)))
    assert [one.value for one in found["organ_name"]] == ["UỶ BAN NHÂN DÂN XÃ BÃI SẬY"]


def test_nothing_is_made_of_nothing() -> None:
    assert OFFICE.weigh({}) == {}
    assert OFFICE.weigh({"signer_name": ()}) == {"signer_name": ()}
    assert OFFICE.weigh(_found(signer_name=("Lê Thị Hồng Nhung", 0.2)))["signer_name"][0].value == "Lê Thị Hồng Nhung"
    blank: Candidates = {"signer_name": (Candidate(None, "", 0.9, PLACE),)}
    assert OFFICE.weigh(blank) == blank


def test_an_empty_dictionary_changes_nothing() -> None:
    found = _found(signer_name=("Trần Văn Bình", 0.6), organ_name=("SỞ Y TẾ", 0.4))
    assert EMPTY.weigh(found) == found


def test_between_two_known_values_as_near_none_is_chosen() -> None:
    two = Dictionary([{"signer_name": "Trần Văn Bình"}, {"signer_name": "Trần Văn Bính"}])
    assert [one.value for one in two.weigh(_found(signer_name=("Trần Văn Binh", 0.3)))["signer_name"]] == [
        "Trần Văn Binh"
    ]


def test_a_signer_known_for_another_agency_or_position_helps_less() -> None:
    at_home = OFFICE.weigh(_found(signer_name=("Trần Văn Bình", 0.6), organ_name=("SỞ Y TẾ", 0.9)))
    elsewhere = OFFICE.weigh(_found(signer_name=("Trần Văn Bình", 0.6), organ_name=("SỞ TÀI CHÍNH", 0.9)))
    assert elsewhere["signer_name"][0].score < at_home["signer_name"][0].score
