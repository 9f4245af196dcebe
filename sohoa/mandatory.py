"""Which fields a paper of each type must have before nobody needs to look at it (Nghị định 30/2020, PL VI; the desk)."""

from __future__ import annotations

from sohoa.paper_types import type_named

_BY_KIND = {
    "act": (
        "type_name", "code_number", "code_notation", "issued_date", "organ_name", "subject", "signer_name",
        "signer_position",
    ),
    "certificate": ("type_name", "code_number", "issued_date", "organ_name", "owner_name", "signer_name"),
    "form": ("type_name", "organ_name", "dossier_code"),
}  # fmt: skip
_UNKNOWN = ("type_name", "organ_name", "issued_date")
_NO_SUBJECT = frozenset(
    {"Giấy giới thiệu", "Giấy ủy quyền", "Giấy nghỉ phép", "Phiếu gửi", "Phiếu chuyển", "Phiếu báo"}
)
_NO_CODE = frozenset({"Sổ theo dõi"})


def mandatory_fields(type_name: str | None) -> tuple[str, ...]:
    """By the paper's type; what every paper should tell where its type is not known."""
    kind = None if type_name is None else type_named(type_name)
    if type_name is None or kind is None:
        return _UNKNOWN
    left_out = {"subject"} if type_name in _NO_SUBJECT else set()
    if any(type_name.startswith(name) for name in _NO_CODE):
        left_out = {"dossier_code"}
    return tuple(name for name in _BY_KIND[kind.kind] if name not in left_out)
