"""Reading one object of our archive whole: is it valid OCFL, and is what is wrong with it only a commit in progress?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sohoa.errors import DigestMismatch, NotFound, StoreUnavailable
from storage.archive.commit import open_intents
from storage.archive.disposal import open_disposals, parse_disposal
from storage.archive.layout import INTENTS, root_files
from storage.archive.ocfl_root import HashedNTuple, RootReport, check_place
from storage.archive.ocfl_rules import Finding
from storage.archive.ocfl_validate import ObjectReport, validate_object
from storage.archive.verify_findings import VerifyFinding, finding
from storage.objects.protocol import Objects

ROOT = "ocfl/"
ACCEPTED = frozenset({"W004"})
"""What every object of Sohoa's has, by decision (docs/decisions/0001-sha256-in-ocfl.md)."""
_LOOKS = 3
"""An object that is being committed may change between two looks at it; one at rest does not."""


@dataclass(frozen=True, slots=True)
class ObjectChecked:
    """An object, read whole, with what is wrong with it. `open_versions` are reserved and not finished."""

    report: ObjectReport
    findings: tuple[VerifyFinding, ...]
    open_versions: frozenset[int]

    @property
    def is_sound(self) -> bool:
        """Whether every byte was read and is the one committed. A commit in progress does not change that."""
        return all(found.severity == "pending" for found in self.findings)


def check_object(objects: Objects, root: str, *, layout: HashedNTuple | None, root_report: RootReport) -> ObjectChecked:
    """Read the object at `root` (ending in "/"): structure and every digest.

    While a version is reserved, what is unfinished in it or in the object's own folder is `pending`; damage in a
    committed version is an error all the same. Raises StoreUnavailable where the store as a whole cannot be read.
    """
    open_versions: frozenset[int] = frozenset()
    for look in range(_LOOKS):
        report = validate_object(objects, root)
        check_place(report, root_report, root=ROOT, layout=layout)
        wrong = [found for found in report.findings if found.code not in ACCEPTED]
        if report.unreadable:
            probe(objects)
        open_versions = _open_versions(objects, root)
        if not wrong or (open_versions and look):
            break
    graded = [_graded(found, report, open_versions) for found in wrong]
    graded += [finding("altered", key, "this is not how Sohoa spells it") for key in sorted(report.irregular)]
    return ObjectChecked(report, tuple(graded), open_versions)


def check_root_bytes(objects: Objects) -> Iterator[VerifyFinding]:
    """The storage root's own files hold exactly what Sohoa writes. What is missing is told by the OCFL check."""
    for key, data in root_files().items():
        try:
            if objects.read(key) != data:
                yield finding("altered", key, "it does not hold what Sohoa writes there")
        except NotFound:
            if not key.endswith("0=ocfl_1.1"):
                yield finding("altered", key, "it is gone")


def check_intents(objects: Objects) -> Iterator[VerifyFinding]:
    """Each reserved version says which it is and what is to be in it."""
    for intent in open_intents(objects):
        if isinstance(intent, DigestMismatch):
            yield finding("intent_damaged", intent.detail.partition(" ")[0], "what reserves a version cannot be read")
    for key, reserved in open_disposals(objects):
        try:
            parse_disposal(reserved)
        except DigestMismatch as damage:
            yield finding("intent_damaged", key, damage.detail)


def probe(objects: Objects) -> None:
    """Raise StoreUnavailable where not even the root's declaration can be read: then no file is to blame."""
    try:
        objects.read(f"{ROOT}0=ocfl_1.1")
    except NotFound:
        raise StoreUnavailable("the archive is not there any more: is its disk mounted?") from None


def _graded(found: Finding, report: ObjectReport, open_versions: frozenset[int]) -> VerifyFinding:
    if found.where in report.unreadable:
        return finding("unreadable", found.where, found.detail)
    inner = found.where.removeprefix(report.root)
    top = inner.partition("/")[0]
    unfinished = any(top == f"v{version}" for version in open_versions)
    of_the_object = "/" not in inner and not (top.startswith("v") and top[1:].isdigit())
    pending = bool(open_versions) and (unfinished or of_the_object)
    return finding(found.code, found.where, found.detail, severity="pending" if pending else None)


def _open_versions(objects: Objects, root: str) -> frozenset[int]:
    digest = root.rstrip("/").rpartition("/")[2]
    keys = objects.list(f"{INTENTS}{digest}/")
    return frozenset(int(key.split("/")[2][1:-5]) for key in keys if key.count("/") == 2)
