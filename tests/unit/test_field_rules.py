"""What a field's value must be, told without repeating it, and citizens' numbers hidden as long as they were."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sohoa.errors import BadRequest
from sohoa.fields import RULES, clean_value, has_ids, mask_ids, masked_fields, masked_values

NUMBER = "024190001234"


@pytest.mark.parametrize(
    ("name", "given_value", "kept"),
    [
        ("subject", unicodedata.normalize("NFD", " Về  việc\n hòa giải "), "Về việc hòa giải"),
        ("recipients", "- Như trên;\r\n\n -  Lưu: VT.", "- Như trên;\n- Lưu: VT."),
        ("code_number", "0138", "0138"),
        ("code_number", "3176B", "3176B"),
        ("code_notation", "QĐ-KHCN", "QĐ-KHCN"),
        ("issued_date", "2024-02-29", "2024-02-29"),
        ("type_name", "Công văn", "Công văn"),
        ("type_name", "other", "other"),
        ("owner_id", NUMBER, NUMBER),
        ("dossier_code", "000.00.05.H02-230105-0001", "000.00.05.H02-230105-0001"),
    ],
)
def test_good_values_are_kept_in_one_form(name: str, given_value: str, kept: str) -> None:
    assert clean_value(name, given_value) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issued_date", "2023-02-29"),
        ("issued_date", "31/01/2023"),
        ("issued_date", "20230131"),
        ("issued_date", "2023-W05-1"),
        ("due_date", "0001-01-01"),
        ("type_name", "Quyết định lạ"),
        ("code_number", "138/QĐ"),
        ("code_number", "123456789012"),
        ("code_notation", "QĐ - KHCN"),
        ("subject", "x" * 501),
        ("subject", "   "),
        ("subject", "a\u202eb"),
        ("signer_name", "Nguyễn 4n"),
        ("owner_id", "12345"),
        ("security_mark", "KHẨN"),
        ("page_amount", "hai"),
        ("no_such_field", "x"),
    ],
)
def test_bad_values_are_refused_without_being_repeated(name: str, value: str) -> None:
    with pytest.raises(BadRequest) as refused:
        clean_value(name, value)
    assert refused.value.code == "bad_value"
    assert len(value.strip()) < 3 or value not in refused.value.detail


@given(st.sampled_from(sorted(RULES)), st.text(max_size=40))
def test_whatever_is_given_is_kept_or_refused_and_keeping_twice_is_keeping_once(name: str, value: str) -> None:
    try:
        kept = clean_value(name, value)
    except BadRequest:
        return
    assert clean_value(name, kept) == kept
    assert len(kept) <= RULES[name].most


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"CCCD {NUMBER}, cấp", "CCCD *********234, cấp"),
        ("CMND số 271234567", "CMND số ******567"),
        ("024 190 001 234", "*** *** *** 234"),
        ("ngày 13/8/2023, ĐT 0912345678", "ngày 13/8/2023, ĐT 0912345678"),
        ("000.00.05.H02-230105-0001", "000.00.05.H02-230105-0001"),
    ],
)
def test_citizens_numbers_are_hidden_and_other_numbers_are_not(text: str, hidden: str) -> None:
    assert mask_ids(text) == hidden


@given(st.text(alphabet="0123456789 .,-/ABĐ", max_size=60))
def test_hidden_text_is_as_long_and_hiding_twice_is_hiding_once(text: str) -> None:
    hidden = mask_ids(text)
    assert len(hidden) == len(text)
    assert mask_ids(hidden) == hidden


def test_fields_are_hidden_in_value_display_and_raw() -> None:
    owner: dict[str, object] = {
        "value": NUMBER,
        "display": NUMBER,
        "raw": f"số {NUMBER}",
        "confidence": 0.9,
        "evidence": [],
    }
    subject: dict[str, object] = {
        "value": f"của {NUMBER}",
        "display": None,
        "raw": "",
        "confidence": 0.9,
        "evidence": [],
    }
    tax: dict[str, object] = {"value": "0123456789-001", "display": None, "raw": "", "confidence": 0.9, "evidence": []}
    for one in (owner, subject):
        assert NUMBER not in str(masked_fields({"owner_id": owner, "subject": one}))
    assert masked_fields({"owner_id": tax})["owner_id"]["value"] == "**********-001"
    assert has_ids({"owner_id": owner})
    assert not has_ids({"type_name": {"value": "Quyết định", "display": "Quyết định", "raw": "QUYẾT ĐỊNH"}})


def test_what_a_sender_declared_is_hidden_too() -> None:
    declared = {"owner_id": 24190001234, "note": [f"số {NUMBER}"], "số": 138, "urgent": True, "id": 24190001234567}
    assert masked_values(declared) == {
        "owner_id": "********234",
        "note": ["số *********234"],
        "số": 138,
        "urgent": True,
        "id": 24190001234567,
    }
