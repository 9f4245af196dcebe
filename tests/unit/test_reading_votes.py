"""Several readings of a head vote: what most say stands first, and how many say so tells how sure it is."""

from __future__ import annotations

from ocr_workers.reading.sight import Candidate
from ocr_workers.reading.votes import agree, voted, word_by_word
from sohoa.model import Evidence

WEIGHTS = (1.9, 1.0, 1.0)
"""The page's own pass and two looks of the engine."""


def _ways(
    *values: tuple[str | None, float] | None, name: str = "code_number"
) -> list[dict[str, tuple[Candidate, ...]]]:
    """One reading each, None where it has nothing of the field."""
    evidence = (Evidence(1, (0, 0, 10, 10)),)
    return [{} if one is None else {name: (Candidate(one[0], one[0] or "", one[1], evidence),)} for one in values]


def _best(ways: list[dict[str, tuple[Candidate, ...]]], name: str = "code_number") -> Candidate:
    return voted(ways, [name])[name][0]


def test_what_most_readings_say_stands_first_with_the_mean_of_its_scores() -> None:
    best = _best(_ways(("139", 0.8), ("138", 0.7), ("138", 0.8)))
    assert (best.value, best.votes, best.looks) == ("138", 2, 3)
    assert best.score == 0.5


def test_all_readings_agree_or_one_found_nothing() -> None:
    agreed = _best(_ways(("138", 0.9), ("138", 0.8), ("138", 0.7)))
    assert (agreed.votes, agreed.looks) == (3, 3)
    missing = _best(_ways(("138", 0.9), ("138", 0.8), None))
    assert (missing.votes, missing.looks) == (2, 3)


def test_a_sure_reading_outweighs_doubtful_ones() -> None:
    assert _best(_ways(("138", 0.9), ("130", 0.2), ("130", 0.2))).value == "138"


def test_only_the_fields_asked_for_are_voted_on() -> None:
    ways = _ways(("138", 0.9), ("139", 0.9), ("139", 0.9))
    assert voted(ways, ["organ_name"]) == {"organ_name": ()}


def test_readings_agree_when_they_say_the_same_and_none_has_nothing() -> None:
    assert agree(_ways(("138", 0.9), ("138", 0.3)), "code_number")
    assert not agree(_ways(("138", 0.9), ("139", 0.3)), "code_number")
    assert not agree(_ways(("138", 0.9), None), "code_number")
    assert not agree(_ways((None, 0.9), None), "code_number")  # a blank is a reading, too
    assert not agree(_ways(None, None), "code_number")


def test_each_word_may_come_from_another_reading() -> None:
    readings = (
        "Về việc thành lập Tổ rà soát",
        "Về việc thành láp Tổ rà soát hồ sơ",
        "Vẻ việc thành lập Tổ rà soát hồ sơ",
    )
    best = _best(_ways(*((text, 0.9) for text in readings), name="subject"), "subject")
    assert best.value == "Về việc thành lập Tổ rà soát hồ sơ"
    assert best.votes == 0  # no reading has it so as a whole


def test_two_looks_outweigh_the_pages_own_pass_unless_its_word_is_known_beside_its_neighbour() -> None:
    own, look = ["hội", "thi", "tìm", "hiểu"], ["hội", "thi", "tìm", "hiếu"]
    assert word_by_word([own, look, look], WEIGHTS).endswith("tìm hiểu")
    own, look = ["xã", "Khe", "Ngàn"], ["xã", "Khê", "Ngàn"]
    assert word_by_word([own, look, look], WEIGHTS) == "xã Khê Ngàn"
    assert word_by_word([own, look, own], WEIGHTS) == "xã Khe Ngàn"


def test_the_model_for_spoiled_lines_and_one_look_outweigh_the_pages_own_pass() -> None:
    own, print_, look = ["XÃ", "VAN", "THỦY"], ["XÃ", "VẠN", "THỦY"], ["XÃ", "VẶN", "THỦY"]
    ways: list[dict[str, tuple[Candidate, ...]]] = [
        {"organ_name": (Candidate(" ".join(words), "", 0.9, ()),)} for words in (own, print_, print_, look)
    ]
    assert voted(ways, ["organ_name"])["organ_name"][0].value == "XÃ VẠN THỦY"
    ways[2] = ways[0]
    assert voted(ways, ["organ_name"])["organ_name"][0].value == "XÃ VAN THỦY"


def test_a_word_that_no_syllable_is_spelt_like_gives_way() -> None:
    own, look = ["ở", "khea", "rừng"], ["ở", "khe", "rừng"]
    assert word_by_word([own, look, look], WEIGHTS) == "ở khe rừng"


def test_a_word_that_office_phrases_have_beside_its_neighbours_weighs_more() -> None:
    own, look = ["vốn", "đầu", "trù", "công"], ["vốn", "đầu", "tư", "công"]
    assert word_by_word([own, look, look], WEIGHTS) == "vốn đầu tư công"


def test_a_roman_numeral_keeps_the_strokes_that_any_reading_saw() -> None:
    readings = [["(đợt", numeral, "năm"] for numeral in ("II)", "II)", "III)")]
    assert word_by_word(readings, WEIGHTS) == "(đợt III) năm"


def test_a_dash_between_two_years_that_any_reading_has_is_kept() -> None:
    without, dashed = ["giai", "đoạn", "2021", "2025", "và", "sau"], ["giai", "đoạn", "2021", "-", "2025", "và", "sau"]
    assert word_by_word([without, dashed, without], [1.9, 1.8, 1.0]) == "giai đoạn 2021 - 2025 và sau"
    other, torn = ["lĩnh", "vực", "bảo", "vệ"], ["lĩnh", "vực", "-", "bảo", "vệ"]
    assert word_by_word([other, torn, other], [1.9, 1.8, 1.0]) == "lĩnh vực bảo vệ"
