"""The accuracy bench counts what it says it counts, and its report is whole whoever reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sohoa.mandatory import mandatory_fields
from sohoa.model import Evidence, Field
from tests.benchmarks import fields_baseline, fields_pictures
from tests.benchmarks.fields_bench import FULL, QUICK, SMOKE, measure, tasks
from tests.benchmarks.fields_report import Groups, figures, sections
from tests.benchmarks.fields_sample import Outcome, Task
from tests.benchmarks.fields_score import (
    Judged,
    Share,
    accepted_right,
    calibration,
    calibration_error,
    exact,
    false_accepts,
    for_review,
    is_right,
    judge,
    mandatory_accepted,
)

TRUTH: dict[str, str | None] = {
    "type_name": "Quyết định", "code_number": "05", "code_notation": "QĐ-SYT", "issued_date": "2021-03-04",
    "organ_name": "SỞ Y TẾ",
    "subject": "Về việc giao chỉ tiêu", "signer_name": "Lê Văn Ổn", "signer_position": "GIÁM ĐỐC",
}  # fmt: skip


def outcome(read: Mapping[str, Field], truth: Mapping[str, str | None] = TRUTH, **extra: Any) -> Outcome:
    task = Task("typical", seed=7)
    return Outcome(
        task, truth, {"layout": "quyet_dinh", **extra}, read, {}, {}, {}, {}, cer=(0.01,), wer=(0.02,), pages=1
    )


def field(value: str | None, confidence: float = 0.9, *, accepted: bool = True) -> Field:
    return Field(value, confidence, (Evidence(1, (300, 300, 900, 360)),), accepted=accepted)


ALL = {name: field(value) for name, value in TRUTH.items()}


def test_wilsons_interval_of_known_counts() -> None:
    low, high = Share(9, 10).interval()
    assert low == pytest.approx(0.596, abs=0.001)
    assert high == pytest.approx(0.982, abs=0.001)
    assert Share(0, 0).interval() == (0.0, 1.0)
    assert str(Share(1, 2)) == "50.0 % (9.5-90.5), 1/2"


def test_a_value_is_right_only_as_printed_but_for_spaces_and_composition() -> None:
    paper = outcome({})
    assert is_right(paper, "subject", "Về việc  giao\u0020chỉ tiêu")
    assert is_right(paper, "organ_name", "SỞ Y TẾ")
    assert not is_right(paper, "code_number", "5")
    assert not is_right(paper, "signer_position", "Giám đốc")
    assert not is_right(paper, "issued_date", None)


def test_any_signer_of_a_joint_paper_is_right() -> None:
    paper = outcome({}, signers=["Lê Văn Ổn", "Tạ Bá Trí"], signer_positions=["GIÁM ĐỐC", "CỤC TRƯỞNG"])
    assert is_right(paper, "signer_name", "Tạ Bá Trí")
    assert is_right(paper, "signer_position", "CỤC TRƯỞNG")
    assert not is_right(paper, "signer_name", "Ai Khác")


def test_wrong_and_accepted_is_counted_apart_from_wrong_and_held_back() -> None:
    read = ALL | {"code_number": field("06"), "organ_name": field("SỞ Y", accepted=False)}
    judged = judge(outcome(read), read)
    assert false_accepts(judged) == Share(1, 8)
    assert accepted_right(judged) == Share(6, 7)
    assert exact(judged, "organ_name") == Share(0, 1)


def test_a_missing_field_says_that_the_paper_has_none() -> None:
    judged = judge(outcome({}, {"priority": None, "code_number": "05"}), {})
    assert [(each.name, each.right) for each in judged] == [("code_number", False), ("priority", True)]


def test_of_a_paper_under_a_security_mark_only_the_mark_counts() -> None:
    paper = outcome({}, TRUTH | {"security_mark": "MẬT"})
    assert [each.name for each in judge(paper, {})] == ["security_mark"]
    assert mandatory_accepted([paper]) == Share(0, 0)


def test_a_paper_goes_to_review_where_one_mandatory_field_is_not_accepted() -> None:
    unsure = ALL | {"signer_name": field("Lê Văn Ổn", accepted=False)}
    assert for_review([outcome(ALL), outcome(unsure)]) == Share(1, 2)
    assert mandatory_accepted([outcome(ALL), outcome(unsure)]) == Share(15, 16)
    assert "subject" not in mandatory_fields("Giấy giới thiệu")
    assert "dossier_code" in mandatory_fields("Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ")


def test_calibration_compares_confidence_with_how_often_it_was_right() -> None:
    judged = [Judged("x", number < 6, 0.85, accepted=False) for number in range(10)]
    [only] = calibration(judged)
    assert only.right == Share(6, 10)
    assert only.mean_confidence == pytest.approx(0.85)
    assert calibration_error([only]) == pytest.approx(0.25)


def test_the_patterns_read_a_clean_head() -> None:
    text = "Số: 138/QĐ-KHCN    Sông Hồng, ngày 05 tháng 9 năm 2023\nV/v giao chỉ tiêu\nKT. GIÁM ĐỐC\nPHÓ GIÁM ĐỐC"
    found = fields_baseline.match([text])
    names = ("code_number", "code_notation", "issued_date", "signing_authority", "signer_position")
    assert [found[name].value for name in names] == ["138", "QĐ-KHCN", "2023-09-05", "KT.", "PHÓ GIÁM ĐỐC"]
    assert fields_baseline.match(["Số:      /KH-KHCN, ngày     tháng 01 năm 2023"])["code_number"].value is None


def test_small_samples_lie_within_the_full_one_and_no_paper_comes_twice() -> None:
    full, quick = tasks(FULL), tasks(QUICK)
    assert set(quick) <= set(full)
    assert len(set(full)) == len(full)
    assert len([task for task in full if task.group in FULL.papers]) >= 250


def test_the_report_has_every_part() -> None:
    read = ALL | {"code_number": field("06", 0.4, accepted=False)}
    groups = Groups.of([outcome(ALL, number_by="pen", handwritten=["number"]), outcome(read)])
    text = "\n".join(sections(groups, fields_pictures.hard_five([outcome(read)])))
    for heading in (
        "## Papers",
        "## Fields",
        "## By hand, by machine, printed",
        "## Calibration",
        "## Five hard drawn papers",
    ):
        assert heading in text
    [number] = [figure for figure in figures(groups) if figure.key == "code_number, typical"]
    assert (number.met, number.measured) == (False, "50.0 % (9.5-90.5), 1/2")


def test_pictures_are_drawn(tmp_path: Path) -> None:
    hard = outcome(ALL)
    fields_pictures.draw_calibration({"drawn": calibration(judge(hard, hard.read))}, tmp_path / "curve.png")
    fields_pictures.draw_hard([hard], tmp_path / "hard.png")
    for name in ("curve.png", "hard.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 600


@pytest.mark.slow
def test_the_bench_runs_from_end_to_end(tmp_path: Path) -> None:
    report = measure(tasks(SMOKE), size_name="smoke", command="a test", processes=1, images=tmp_path)
    assert "## Fields" in report
    assert (tmp_path / "calibration.png").exists()
