"""Folding and words: offsets stay, tones and đ go, both tone styles are one word."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sohoa.model import nfc
from storage.index.fold import WORD, Key, fold, key_of, keys, tokens


@given(st.text())
def test_folded_text_is_as_long_as_the_nfc_text(text: str) -> None:
    assert len(fold(text)) == len(unicodedata.normalize("NFC", text))


@given(st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạằắẳẵặầấẩẫậỳýỷỹỵ Đ-/.019", max_size=40))
def test_tokens_stand_where_they_say_and_fold_to_what_they_say(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    for token in tokens(text):
        word = fold(composed[token.start : token.end])
        assert token.folded == (word.lstrip("0") or "0" if word.isdigit() and len(word) < 5 else word)


def test_every_vietnamese_letter_folds_to_a_plain_one() -> None:
    assert fold("ĂẮẰẲẴẶ âấầẩẫậ êếềểễệ ôốồổỗộ ơớờởỡợ ưứừửữự đĐ ýỳỷỹỵ") == (
        "aaaaaa aaaaaa eeeeee oooooo oooooo uuuuuu dd yyyyy"
    )


def test_eth_and_full_width_letters_fold_as_what_they_look_like() -> None:
    assert fold("QÐ ＱĐ１") == "qd qd1"
    assert keys("QÐ") == keys("QĐ") == [Key("qđ", "qd")]


@pytest.mark.parametrize(
    ("new", "old"), [("hoà", "hòa"), ("HOÁ", "hóa"), ("khoẻ", "khỏe"), ("thuỷ", "thủy"), ("uỷ", "ủy"), ("quý", "qúy")]
)
def test_both_tone_styles_are_one_exact_word(new: str, old: str) -> None:
    assert keys(new) == keys(old) == keys(unicodedata.normalize("NFD", old))


@pytest.mark.parametrize(("one", "other"), [("quỳ", "qùi"), ("hoàn", "hòa"), ("thuở", "thủa"), ("hòa", "hóa")])
def test_different_words_stay_different(one: str, other: str) -> None:
    assert keys(one) != keys(other)


def test_tone_after_qu_stays_on_the_vowel() -> None:
    assert keys("quý quỳ quả") == [Key("quý", "quy"), Key("quỳ", "quy"), Key("quả", "qua")]


def test_short_numbers_lose_leading_zeros_only_when_folded() -> None:
    assert keys("05/BNV-VP 0001 000 000488 024190001234") == [
        Key("05", "5"),
        Key("bnv", "bnv"),
        Key("vp", "vp"),
        Key("0001", "1"),
        Key("000", "0"),
        Key("000488", "000488"),
        Key("024190001234", "024190001234"),
    ]


def test_soft_hyphen_and_zero_width_space_do_not_split_a_word() -> None:
    assert [key.folded for key in keys("quyết\u00ad định kế\u200bhoạch")] == ["quyet", "dinh", "kehoach"]


def test_a_megabyte_is_folded_in_milliseconds() -> None:
    text = "Căn cứ Nghị định số 61/2018/NĐ-CP ngày 23 tháng 4 năm 2018 của Chính phủ " * 10_000
    fold(text[:100])
    start = time.thread_time()
    fold(text)
    assert time.thread_time() - start < 0.1  # about 0.01 s on an idle core


@given(st.text(alphabet="aĐ1\u0301\u200b\u00ad\u1ec7 \u3000\x1c\n_.-/", max_size=30))
def test_keys_of_a_text_are_those_of_its_words_however_it_is_cut(text: str) -> None:
    assert keys(text) == [key_of(word) for word in WORD.findall(nfc(text))]
