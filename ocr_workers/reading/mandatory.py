"""Which fields a paper of each kind must have before nobody needs to look at it (domain of Nghị định 30/2020 and the desk)."""

from __future__ import annotations

from ocr_workers.reading.types import type_named

_SIGNED = ("type_name", "issued_date", "organ_name", "signer_name")
_BY_KIND = {
    "act": (*_SIGNED, "code_number", "code_notation", "subject", "signer_position"),
    "certificate": (*_SIGNED, "code_number", "owner_name"),
    "form": ("type_name", "dossier_code", "applicant_name", "received_date"),
}
_UNKNOWN = ("type_name", "organ_name", "issued_date")


def mandatory_fields(type_name: str | None) -> tuple[str, ...]:
    """By the paper's type; what every paper should tell where its type is not known."""
    kind = None if type_name is None else type_named(type_name)
    return _UNKNOWN if kind is None else _BY_KIND[kind.kind]
