"""Old Vietnamese font encodings are told from Unicode text."""

from __future__ import annotations

import pytest

from ocr_workers.legacy_text import from_tcvn3, from_vni, is_syllable, looks_legacy

UNICODE = "Cộng hòa xã hội chủ nghĩa Việt Nam. Độc lập - Tự do - Hạnh phúc. Căn cứ Luật Tổ chức chính quyền địa phương."
TCVN3 = "Céng hßa x· héi chñ nghÜa ViÖt Nam. §éc lËp - Tù do - H¹nh phóc"
VNI = "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam. Ñoäc laäp - Töï do - Haïnh phuùc"


@pytest.mark.parametrize("text", [TCVN3, VNI, VNI.upper()])
def test_text_of_an_old_encoding_is_found_without_help_of_font_names(text: str) -> None:
    assert looks_legacy(text)


@pytest.mark.parametrize(
    "text",
    [
        UNICODE,
        UNICODE.upper(),
        "The quick brown fox jumps over the lazy dog",
        "Où est passée la pièce jointe ? Les élèves ont été reçus à l'hôtel de ville; voilà le problème.",
        "Größe, Straße, Übermut, schön, Maß und Häuser für Kölner Bürger",
        "• mục một · mục hai ® © § 5 «Điều 1»",
        "",
    ],
)
def test_real_text_is_not_taken_for_an_old_encoding(text: str) -> None:
    assert not looks_legacy(text, ["ABCDEF+TimesNewRomanPSMT"])


def test_a_page_that_is_old_in_part_is_found() -> None:
    assert looks_legacy(UNICODE + " " + TCVN3)


@pytest.mark.parametrize("font", [".VnTime", "ABCDEF+.VnArialH", "VNI-Times", "QWERTY+VNI-Helve"])
def test_an_old_font_needs_only_one_word_of_evidence(font: str) -> None:
    assert looks_legacy("héi", [font])
    assert not looks_legacy("héi", ["Arial"])


def test_an_old_font_that_maps_to_unicode_is_believed() -> None:
    assert not looks_legacy(UNICODE, [".VnTime"])


def test_both_encodings_decode_to_the_same_words() -> None:
    words = "Cộng hòa xã hội chủ nghĩa Việt Nam. Độc lập - Tự do - Hạnh phúc"
    assert from_tcvn3(TCVN3) == words
    assert from_vni(VNI) == words.lower()


@pytest.mark.parametrize("word", ["nghĩa", "quyết", "thuở", "khuỷu", "giếng", "ươm", "oẳn", "YẾU"])
def test_vietnamese_spelling_is_accepted(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["héi", "chñ", "hßa", "élèves", "coäng", "strasse", "việtnam"])
def test_other_spelling_is_not_a_syllable(word: str) -> None:
    assert not is_syllable(word)
