"""What a check of the archive can find: codes, how bad each is, and what to do (docs/operations/verify.md is made from this)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "pending"]

_RESTORE = "restore the file from a copy of the archive; do not mend it by hand"
_REBUILD = "the archive is right: rebuild the catalogue from it"
_REINDEX = "make it anew from the archive: delete its folder (on Elasticsearch: `sohoa rebuild --index`)"
_WAIT = "nothing: the housekeeper finishes it; if it is still there an hour later, see the log"

ADVICE: Final[dict[str, tuple[Severity, str, str]]] = {
    "E…": ("error", "not valid OCFL: the code is the specification's (E092: a file's bytes are not those committed)", _RESTORE),
    "W010": ("error", "a version has no inventory of its own, as every version of Sohoa's has", _RESTORE),
    "W…": ("warning", "OCFL advises against it (W004 is left out: an ADR accepts it)", "look at how it came there"),
    "unreadable": ("error", "the store has the file and cannot read it", "check the disk, then restore the file from a copy"),
    "altered": ("error", "valid OCFL, and yet not the bytes that Sohoa wrote", _RESTORE),
    "commit_open": ("pending", "a version is reserved and not finished", _WAIT),
    "intent_damaged": (
        "error",
        "what reserves a version cannot be read: its object takes no version until it can",
        "restore the file from a copy, or ask for help: of the version nothing but its files may be there",
    ),
    "object_missing": ("error", "the ledger names an object that is not in the archive", _RESTORE),
    "version_missing": ("error", "the ledger names a version that its object does not have", _RESTORE),
    "not_in_ledger": (
        "error",
        "a committed version that no ledger entry names",
        "an entry was lost or the version was put there past Sohoa: compare with a copy",
    ),
    "ledger_twice": ("error", "two ledger entries name the same version", "compare the ledger with a copy"),
    "ledger_disagrees": (
        "error",
        "a ledger entry does not say of a version what the version says itself (digest, moment, actor, message)",
        "one of the two was altered: compare both with a copy",
    ),
    "ledger_gap": ("error", "entries are missing in the ledger", _RESTORE),
    "ledger_broken": ("error", "an entry does not follow from the one before it", "one of the two was altered: restore both"),
    "ledger_damaged": ("error", "a ledger entry cannot be what was written", _RESTORE),
    "ledger_stray": ("error", "a key in the ledger's folders that is no entry", "find out who put it there"),
    "head_missing": (
        "error",
        "an entry that was published as the head is not there: the ledger was cut short",
        "restore the ledger and what it names from a copy; find out who could write to the archive",
    ),
    "head_differs": (
        "error",
        "an entry that was published as the head has other bytes now: the chain was written anew",
        "restore the ledger and what it names from a copy; find out who could write to the archive",
    ),
    "ledger_rewritten": (
        "error",
        "a ledger entry is not what it was when the fixity check wrote its digest down, or was cut off",
        "restore the ledger from a copy",
    ),
    "commit_after_disposal": (
        "error",
        "the ledger has a version of an object that it says was disposed of before",
        "an entry was forged: compare the ledger with a copy",
    ),
    "certificate_missing": ("error", "the ledger disposes of an object whose certificate is not beside it", _RESTORE),
    "certificate_disagrees": (
        "error",
        "a certificate of disposal is not what the ledger says of the object",
        "one of the two was altered: compare both with a copy",
    ),
    "certificate_unrecorded": (
        "error",
        "a certificate of disposal that no ledger entry holds",
        "an entry was lost or the certificate was put there past Sohoa: compare with a copy",
    ),
    "disposal_open": ("pending", "an object is being disposed of", _WAIT),
    "disposed_left": (
        "warning",
        "files of an object that was disposed of are still there",
        "find out who brought them back; a copy made before may still have them",
    ),
    "receipt_missing": ("error", "a document without a receipt", _RESTORE),
    "receipt_damaged": ("error", "a receipt cannot be what was written", _RESTORE),
    "receipt_disagrees": (
        "error",
        "a receipt says something else than the document it was given for",
        "one of the two was altered: compare both with a copy",
    ),
    "receipt_without_document": ("error", "a receipt of which there is no document", "restore the document from a copy"),
    "receipt_pending": ("pending", "a receipt whose document is not registered yet", _WAIT),
    "spooled": (
        "pending",
        "accepted while the archive's store was away, and not carried to it yet",
        "nothing: it is carried as soon as the store answers",
    ),
    "original_missing": ("error", "an accepted paper is neither staged nor committed", "restore it, or ask its sender"),
    "original_damaged": ("error", "the staged bytes of an accepted paper are not the receipt's", "restore it, or ask its sender"),
    "document_missing": ("error", "the catalogue has a document that the archive does not have", _RESTORE),
    "document_twice": ("error", "a document is in the newest version of two objects", "find out which one the ledger has later"),
    "not_in_catalog": ("error", "a document in the archive that the catalogue does not know", _REBUILD),
    "catalog_disagrees": ("error", "the catalogue says something else of a document than the archive", _REBUILD),
    "catalog_pending": ("pending", "the catalogue has yet to learn of a commit", _WAIT),
    "record_disagrees": ("error", "a document's record.json says something else than the catalogue", _REBUILD),
    "pdfa_invalid": ("error", "an archived PDF does not pass the PDF/A validator any more", "keep it; make the rendition anew"),
    "not_in_index": ("error", "a searchable document that the index does not have", _REINDEX),
    "index_behind": ("error", "the index has an older state of a document and nobody will tell it", _REINDEX),
    "index_pending": ("pending", "the index has yet to learn of a document", _WAIT),
    "index_surplus": ("error", "the index finds more documents than there are", _REINDEX),
    "index_unusable": ("error", "the index cannot be opened", _REINDEX),
    "fixity_broken": ("error", "the fixity check's own entries do not follow from each other", _RESTORE),
    "fixity_late": (
        "warning",
        "not every object was read within the period",
        "keep `sohoa serve` or `work` running, or raise SOHOA_FIXITY_RATE_MB_S",
    ),
    "audit_broken": ("error", "the read audit's own entries are not what was written, one after the other", _RESTORE),
    "audit_cut": (
        "error",
        "entries at the end of the read audit are gone, or were when the next one was written (this stays told)",
        "compare `audit/` with a copy; find out who could write to the archive",
    ),
    "audit_twice": ("error", "two entries of the read audit hold the same viewing", "compare `audit/` with a copy"),
    "audit_late": (
        "warning",
        "a viewing waits in the catalogue for more than an hour to be entered in the audit",
        "keep `sohoa serve` or `work` running; if one runs, see the log for `auditing`",
    ),
    "not_searchable": ("warning", "the index has a document's names alone: its text could not be read", "see the log"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VerifyFinding:
    """One thing that is not as it should be. `where` is a key of the store, a document's or an object's id."""

    code: str
    severity: Severity
    where: str
    detail: str

    @property
    def do(self) -> str:
        """What the operator can do about it."""
        return _advice(self.code)[2]


def finding(code: str, where: str, detail: str, *, severity: Severity | None = None) -> VerifyFinding:
    """A finding with the severity that its code has, unless told otherwise. KeyError for a code that is not listed."""
    return VerifyFinding(code, severity or _advice(code)[0], where, detail)


def _advice(code: str) -> tuple[Severity, str, str]:
    return ADVICE[f"{code[0]}…" if code[1:].isdigit() and code not in ADVICE else code]
