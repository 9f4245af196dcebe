"""What a rebuild found damaged or missing in the archive: said by code and id, and never in the way of the rest."""

from __future__ import annotations

from dataclasses import dataclass

from sohoa.errors import SohoaError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. `object_id` and `document_id` say where, "" where that is not known or all of it is meant.

    Codes: object_damaged, document_damaged, same_bytes_twice, version_not_in_ledger, ledger_damaged, receipt_damaged,
    original_missing, commit_unfinished.
    """

    code: str
    detail: str
    object_id: str = ""
    document_id: str = ""


UNUSABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What JSON of the wrong form raises when it is read; ValueError is also what is no JSON at all."""


def why(error: Exception) -> str:
    """An error in a few words that hold nothing of what was read."""
    return error.detail if isinstance(error, SohoaError) else "its JSON is not of the form that Sohoa writes"
