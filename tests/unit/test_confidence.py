"""Confidence is the measured chance of being right, and what is accepted was hardly ever wrong where it was measured."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ocr_workers.reading.confidence import Calibration, Curve, calibration, how_read
from ocr_workers.reading.dictionary import NEAR
from ocr_workers.reading.sight import Candidate
from sohoa.mandatory import mandatory_fields
from tests.training.calibrate import curve_of


def _read(score: float, source: str = "words") -> Candidate:
    return Candidate("138", "138", score, (), source)


def test_the_chance_lies_between_those_measured_around_a_score() -> None:
    measured = Calibration({("code_number", "alone"): Curve((0.2, 0.6, 1.0), (0.1, 0.5, 0.99), 0.8)})
    assert measured.chance("code_number", [_read(0.4)]) == pytest.approx(0.3)
    assert measured.chance("code_number", [_read(0.0)]) == pytest.approx(0.1)
    assert measured.chance("code_number", [_read(1.0)]) == pytest.approx(0.99)


def test_a_field_that_was_never_measured_is_not_sure_and_not_accepted() -> None:
    measured = Calibration({})
    assert measured.chance("subject", [_read(0.99)]) == 0.5
    assert not measured.accepts("subject", [_read(0.99)])


def test_a_value_that_was_only_nearly_read_is_never_accepted() -> None:
    measured = Calibration({("code_number", "alone"): Curve((0.0, 1.0), (0.0, 1.0), 0.5)})
    assert measured.accepts("code_number", [_read(0.9)])
    assert not measured.accepts("code_number", [_read(0.9, NEAR)])
    assert not measured.accepts("code_number", [_read(0.49)])


@pytest.mark.parametrize(
    ("votes", "looks", "how"), [(0, 0, "typed"), (1, 1, "alone"), (3, 3, "agreed"), (3, 4, "mixed"), (0, 3, "mixed")]
)
def test_readings_that_agree_are_measured_apart_from_those_that_do_not(votes: int, looks: int, how: str) -> None:
    one = Candidate("138", "138", 0.9, (), votes=votes, looks=looks)
    assert how_read(one) == how
    measured = Calibration({("code_number", how): Curve((0.0, 1.0), (0.0, 1.0), 0.5)})
    assert measured.accepts("code_number", [one]) is (votes > 0 or looks == 0)
    assert not measured.accepts("code_number", [replace(one, votes=9, looks=10)]) or how == "mixed"


@pytest.mark.parametrize(("votes", "enough"), [(1, False), (2, False), (3, True)])
def test_what_most_readings_do_not_say_is_never_accepted(votes: int, enough: bool) -> None:
    measured = Calibration({("code_notation", "mixed"): Curve((0.0, 1.0), (0.0, 1.0), 0.2)})
    assert measured.accepts("code_notation", [Candidate("SYT", "SYT", 0.9, (), votes=votes, looks=4)]) is enough


def test_what_is_not_likely_right_is_not_accepted_whatever_it_gains() -> None:
    cases = [(0.4, True), (0.4, False)] * 20 + [(0.9, True)] * 200
    curve = curve_of(cases, costs=0)
    assert curve.enough > 0.4
    assert curve.chance(curve.enough) >= 0.95


def test_nothing_read_is_not_accepted() -> None:
    assert not Calibration({("code_number", "alone"): Curve((0.0, 1.0), (0.0, 1.0), 0.0)}).accepts("code_number", [])


def test_a_curve_rises_and_comes_near_to_the_share_that_is_right() -> None:
    chance = random.Random(5)
    scores = [chance.random() for _ in range(4000)]
    curve = curve_of([(score, chance.random() < score * score) for score in scores])
    assert list(curve.chances) == sorted(curve.chances)
    for score in (0.3, 0.5, 0.7, 0.9):
        assert curve.chance(score) == pytest.approx(score * score, abs=0.08)


def test_what_is_accepted_begins_above_a_wrong_score_that_outweighs_the_right_ones_below_it() -> None:
    cases = [(0.5 + at / 1000, True) for at in range(400)] + [(0.7, False), (0.2, False)]
    margin = 0.79  # other papers' wrong ones may score higher: 290 right ones lie from 0.5 up to here
    assert margin < curve_of(cases, costs=300).enough < 0.82
    assert curve_of(cases, costs=280).enough == 0.5
    assert curve_of([(0.9, False), (0.8, True)]).enough > 1


def test_every_mandatory_field_of_an_act_has_been_measured() -> None:
    measured = calibration()
    for name in mandatory_fields("Quyết định"):
        looks = 2 if name.startswith("signer") else 1  # the model for spoiled lines reads each signature
        assert measured.chance(name, [replace(_read(1.0), votes=looks, looks=looks)]) > 0.5, name
