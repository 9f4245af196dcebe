"""A paper whose fields can be read from its words, and what a person has to say of it before it is done."""

from __future__ import annotations

from typing import Any

from ingest import reviewing
from ingest.reviewing import Correction
from sohoa.states import WantedKind
from tests.support.set_pages import MIDDLE, body, set_page, state_head
from tests.support.worked import APPEND, LAN, LOCKED, MAI, MIXED, REPLACE, WHOLE, Paper, WorkedOffice

TITLE = [(5.0, MIDDLE, "QUYẾT ĐỊNH"), (6.0, MIDDLE, "Về việc thành lập Tổ công tác rà soát")]
DECISION = Paper(first_page=set_page(*state_head(), *TITLE, *body(10)))
MISSING = ("signer_name", "signer_position")
"""What is mandatory of it and stands nowhere on it."""


def unreadable() -> dict[str, Correction]:
    return {name: Correction(None) for name in MISSING}


def every_review(office: WorkedOffice, where: dict[str, Any]) -> None:
    """Papers that people confirmed, corrected, checked twice, sent back, moved, revised and withdrew, and one claimed."""
    stores = office.stores
    said = unreadable() | {"subject": Correction("Về việc hòa giải"), "code_number": Correction(None)}
    office.bring(DECISION, **where)
    done = reviewing.confirm(stores, office.bring(DECISION, **where), actor=LAN, corrections=unreadable())
    office.move(done, "D-chuyển")
    done = reviewing.confirm(stores, office.bring(DECISION, **where), actor=LAN, corrections=said)
    office.revise(done, APPEND, then=MIXED)
    office.revise(done, REPLACE, then=LOCKED)
    again = reviewing.confirm(stores, office.now(done), actor=MAI, corrections={"subject": Correction("Khác")})
    office.revise(again, REPLACE, then=DECISION)
    office.withdraw(reviewing.confirm(stores, office.bring(DECISION, **where), actor=LAN, corrections=said))
    for kind in (WantedKind.RESCAN, WantedKind.ROTATE):
        document = office.bring(DECISION, **where)
        asked = reviewing.ask_for(stores, document, kind, actor=LAN, reason="trang 1 lộn ngược", pages=[1])
        office.revise(asked, APPEND, then=WHOLE)
    twice = office.bring(DECISION, **where)
    stores.settings.__dict__["second_check_share"] = 1.0
    first = reviewing.confirm(stores, twice, actor=LAN, corrections=said)
    waits = reviewing.confirm(stores, office.bring(DECISION, **where), actor=LAN, corrections=said)
    office.revise(waits, APPEND, then=WHOLE)
    stores.settings.__dict__["second_check_share"] = 0.0
    reviewing.confirm(stores, first, actor=MAI, corrections={"subject": Correction("Về việc hòa giải cơ sở")})


def read_field(value: str | None, *, accepted: bool = True, page: int = 1, raw: str | None = None) -> dict[str, Any]:
    """A field as the machine read it (model.field_to_dict)."""
    return {
        "value": value,
        "display": value,
        "raw": value or "" if raw is None else raw,
        "confidence": 0.9 if accepted else 0.4,
        "evidence": [{"page": page, "box": [100, 100, 280, 150]}],
        "origin": "machine",
        "accepted": accepted,
    }


def read_fields(**more: str | None) -> dict[str, Any]:
    """All that is mandatory of a decision, its number unsure, and `more`."""
    sure = {
        "type_name": "Quyết định",
        "code_notation": "QĐ-KHCN",
        "issued_date": "2023-01-15",
        "organ_name": "SỞ KHOA HỌC VÀ CÔNG NGHỆ",
        "subject": "Về việc hòa giải",
        "signer_name": "Nguyễn Văn An",
        "signer_position": "GIÁM ĐỐC",
    } | more
    fields = {name: read_field(value) for name, value in sure.items()}
    return fields | {"code_number": read_field("138", accepted=False)}
