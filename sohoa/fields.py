"""Every field of a paper by name: what its value must be like, and how an id number is hidden.

Names and longest values are those of Nghị định 30/2020, PL VI; where that gives none, ours are wide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sohoa.errors import BadRequest
from sohoa.model import nfc
from sohoa.paper_types import OTHER, type_named

_DOSSIER = re.compile(r"(?:\d{3}\.\d{2}\.\d{2}\.[GH]\d{2}|[GH]\d{2}(?:\.\d{1,3}){0,5})-\d{6}-\d{4,5}")
_PROCEDURE = re.compile(r"[123]\.\d{6}(?:\.\d{3}\.\d{2}\.\d{2})?(?:\.[GH]\d{2})?")
_NUMBER = re.compile(r"\d{1,10}[A-ZĐ]?")
_COUNT = re.compile(r"[1-9]\d{0,3}|0")
_OWNER_ID = re.compile(r"\d{9}|\d{12}|\d{10}(?:-\d{3})?|[A-Z]\d{7,8}")
_EARLIEST = date(1900, 1, 1)
ID_KINDS = ("CCCD", "CMND", "MST", "MSDN", "Hộ chiếu")


def _day(value: str) -> bool:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return False
    return day.isoformat() == value and day >= _EARLIEST


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field's value must be: at most `most` characters and, where there is a `check`, `like` says what it wants."""

    most: int
    like: str = ""
    check: Callable[[str], object] | None = None


def _text(most: int) -> Rule:
    return Rule(most)


_DATE = Rule(10, "a day that there is, as 2023-01-31", _day)
RULES: Mapping[str, Rule] = {
    "type_name": Rule(100, "a type of the list, as Quyết định", lambda value: type_named(value) or value == OTHER),
    "code_number": Rule(11, "digits, with one capital after them at most", _NUMBER.fullmatch),
    "code_notation": Rule(30, "without the number and without spaces", lambda value: not re.search(r"\s", value)),
    "issued_date": _DATE,
    "place": _text(100),
    "organ_name": _text(200),
    "parent_organ_name": _text(200),
    "subject": _text(500),
    "signer_name": Rule(50, "a name, which has no digits", lambda value: not re.search(r"\d", value)),
    "signer_position": _text(100),
    "signing_authority": _text(30),
    "recipients": _text(4000),
    "page_amount": Rule(4, "a number of pages", _COUNT.fullmatch),
    "language": _text(30),
    "priority": _text(30),
    "security_mark": _text(10),
    "valid_from": _DATE,
    "valid_until": _DATE,
    "owner_name": _text(200),
    "owner_id": Rule(14, "9 or 12 digits, or a tax code or passport number", _OWNER_ID.fullmatch),
    "owner_id_kind": Rule(10, f"one of {', '.join(ID_KINDS)}", lambda value: value in ID_KINDS),
    "address": _text(500),
    "dossier_code": Rule(40, "a dossier's code, as 000.00.05.H02-230105-0001", _DOSSIER.fullmatch),
    "procedure_code": Rule(30, "a procedure's code, as 2.000488", _PROCEDURE.fullmatch),
    "applicant_name": _text(200),
    "received_date": _DATE,
    "due_date": _DATE,
    "components": _text(4000),
}
"""By name: the fields that there are."""
LISTS = frozenset({"recipients", "components"})
"""Values of several lines."""
ID_FIELDS = frozenset({"owner_id"})


def check_name(name: str) -> Rule:
    """The rule of a field that a person may correct. Raises BadRequest (bad_value)."""
    rule = RULES.get(name)
    if rule is None:
        raise BadRequest(f"there is no such field; use {', '.join(RULES)}", code="bad_value")
    if name == "security_mark":
        raise BadRequest("a paper that bears a security mark is not corrected: withdraw it", code="bad_value")
    return rule


def clean_value(name: str, value: str) -> str:
    """A value as it is kept: NFC, spaces collapsed, lists a line an entry. Raises BadRequest (bad_value), which never repeats
    the value."""
    rule = check_name(name)
    lines = [" ".join(line.split()) for line in nfc(value).splitlines()]
    kept = ("\n" if name in LISTS else " ").join(line for line in lines if line)
    if not kept or any(not character.isprintable() for character in kept.replace("\n", " ")):
        raise BadRequest(f"{name}: give what is printed on the paper, or mark it as unreadable", code="bad_value")
    if len(kept) > rule.most:
        raise BadRequest(f"{name} has at most {rule.most} characters", code="bad_value")
    if rule.check is not None and not rule.check(kept):
        raise BadRequest(f"{name} must be {rule.like}", code="bad_value")
    return kept


_LEFT = 3
_ID = re.compile(r"(?<![\d/.-])(?:\d(?:[ .]?\d){11}|\d(?:[ .]?\d){8})(?![\d/])")
_DIGITS = re.compile(r"[0-9A-Z]")


def mask_ids(text: str) -> str:
    """The text with all but the last three digits of whatever may be a citizen's number (9 or 12 digits) as stars; as long
    as it was, so that offsets in it stay true."""
    return _ID.sub(lambda match: _starred(match.group()), text)


def masked_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields (model.field_to_dict) as a listing may show them."""
    return {name: _masked(name, one) if isinstance(one, dict) else one for name, one in fields.items()}


def masked_values(values: Any) -> Any:
    """Any JSON value with what may be a citizen's number hidden."""
    if isinstance(values, dict):
        return {
            name: _starred(str(value)) if name in ID_FIELDS and isinstance(value, str | int) else masked_values(value)
            for name, value in values.items()
        }
    if isinstance(values, list):
        return [masked_values(value) for value in values]
    if isinstance(values, bool) or not isinstance(values, str | int):
        return values
    hidden = mask_ids(str(values))
    return hidden if hidden != str(values) else values


def has_ids(fields: Mapping[str, Any]) -> bool:
    """Whether a listing would hide something of these fields."""
    return masked_fields(fields) != dict(fields)


def _masked(name: str, one: dict[str, Any]) -> dict[str, Any]:
    hide = _starred if name in ID_FIELDS else mask_ids
    texts = {key: one.get(key) for key in ("value", "display", "raw")}
    return one | {key: hide(text) for key, text in texts.items() if isinstance(text, str)}


def _starred(text: str) -> str:
    keep = len(_DIGITS.findall(text)) - _LEFT
    seen = 0

    def star(match: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        return "*" if seen <= keep else match.group()

    return _DIGITS.sub(star, text)
