"""What columns of class probabilities can say under each grammar."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from ocr_workers.reading.digit_decode import ALPHABET, Grammar, Scores, masses, no_digits_outside


def _columns(tokens: str, *, sure: float = 0.98) -> Scores:
    """Two columns for each token, one of nothing after it; `sure` for the token, the rest spread over the others."""
    classes = [number for token in tokens for number in (ALPHABET.index(token) + 1,) * 2 + (0,)]
    scores = np.full((len(classes), len(ALPHABET) + 1), (1 - sure) / len(ALPHABET), np.float32)
    scores[np.arange(len(classes)), classes] = sure
    return scores


def _read(tokens: str, grammar: Grammar, *, by_labels: bool = False) -> dict[str, float]:
    columns = _columns(tokens)
    return masses(columns, grammar, before=0, after=len(columns), by_labels=by_labels)


@pytest.mark.parametrize(
    ("tokens", "grammar", "text"),
    [
        ("S2082/xx", Grammar.NUMBER, "2082"),
        ("S3176B/xx", Grammar.NUMBER, "3176B"),
        ("S11/2017/x", Grammar.NUMBER, "11"),
        ("7N06T11", Grammar.DAY, "06"),
        ("6T11M", Grammar.MONTH, "11"),
        ("1M2017", Grammar.YEAR, "2017"),
        ("S/xx", Grammar.NUMBER, ""),
        ("NT", Grammar.DAY, ""),
    ],
)
def test_room_is_what_stands_between_its_labels(tokens: str, grammar: Grammar, text: str) -> None:
    found = _read(tokens, grammar)
    assert max(found, key=lambda other: found[other]) == text
    assert found[text] > 0.5


@pytest.mark.parametrize(
    ("tokens", "grammar"),
    [
        ("S12x/", Grammar.NUMBER),
        ("Sx/", Grammar.NUMBER),
        ("N32T", Grammar.DAY),
        ("N00T", Grammar.DAY),
        ("NxT", Grammar.DAY),
        ("T13M", Grammar.MONTH),
        ("M1817", Grammar.YEAR),
    ],
)
def test_what_the_grammar_does_not_have_leaves_the_room_unread(tokens: str, grammar: Grammar) -> None:
    assert max(_read(tokens, grammar).values(), default=0.0) < 0.2


@pytest.mark.parametrize("tokens", ["", "S", "/", "xx"])
def test_blank_counts_only_between_labels_that_were_seen(tokens: str) -> None:
    columns = np.concatenate([_columns(tokens), np.eye(1, len(ALPHABET) + 1, dtype=np.float32).repeat(20, axis=0)])
    assert masses(columns, Grammar.NUMBER, before=0, after=len(columns)).get("", 0.0) < 0.2


@pytest.mark.parametrize("tokens", ["S12", "12/"])
def test_where_nobody_knows_the_room_both_labels_must_be_seen(tokens: str) -> None:
    assert _read(tokens, Grammar.NUMBER)["12"] > 0.5
    assert _read(tokens, Grammar.NUMBER, by_labels=True).get("12", 0.0) < 0.2
    assert _read("S12/", Grammar.NUMBER, by_labels=True)["12"] > 0.5


def test_digits_between_no_labels_at_all_are_not_the_room() -> None:
    assert _read("12", Grammar.NUMBER).get("12", 0.0) < 0.5


def test_letters_outside_the_room_are_what_is_left_of_labels() -> None:
    columns = _columns("x12xT")
    assert masses(columns, Grammar.DAY, before=3, after=9)["12"] > 0.5


def test_where_digits_are_known_to_stand_a_stroke_behind_them_is_the_slash_and_one_before_nothing() -> None:
    columns = np.repeat(_columns("S1861"), 3, axis=0)  # a stroke before, 86, and the slash read as a 1
    read = partial(masses, grammar=Grammar.NUMBER, before=0, after=len(columns))
    assert max(read(columns), key=read(columns).__getitem__) == "1861"
    told = read(no_digits_outside(columns, (18 / 45, 33 / 45), Grammar.NUMBER))
    assert max(told, key=told.__getitem__) == "86"
