"""The ledger read as a stranger would: is it whole, does each entry follow from the one before, what does it name?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sohoa.clock import parse_moment
from sohoa.errors import NotFound
from sohoa.model import Actor, Sha256
from storage.archive.certificate import Certificate
from storage.archive.layout import ledger_key, sha256_of, to_json
from storage.archive.ledger import Commit, Entry, commit_to_dict, entry_to_dict, parse_entry
from storage.archive.verify_findings import VerifyFinding, finding
from storage.archive.verify_objects import ObjectChecked
from storage.objects.protocol import Objects

LEDGER = "ledger/"
_KEY = re.compile(r"ledger/\d{3}/\d{3}/(\d{12})\.json")


@dataclass(frozen=True, slots=True)
class Named:
    """What the ledger says of one version: the entry's number, the digest of all that it says, and that of the inventory."""

    sequence: int
    sha256: str
    inventory_sha256: str


@dataclass(frozen=True, slots=True)
class Told:
    """A certificate of disposal and the number of the entry that holds it."""

    sequence: int
    certificate: Certificate


@dataclass(slots=True)
class LedgerRead:
    """What the entries read so far name: object id → version → Named."""

    named: dict[str, dict[int, Named]] = field(default_factory=dict)
    disposals: dict[str, Told] = field(default_factory=dict)
    """What was disposed of, by object id."""
    entries: int = 0
    head_sequence: int = 0
    head_sha256: Sha256 | None = None
    first_recorded_at: datetime | None = None
    recorded_at: datetime | None = None
    anchors: dict[int, set[str]] = field(default_factory=dict)
    """Digests that entries had when the fixity check wrote them down, by number."""


def read_on(objects: Objects, ledger: LedgerRead) -> Iterator[VerifyFinding]:
    """Read the entries after those read already, and tell what is wrong with them."""
    if ledger.head_sequence == 0:
        for key in objects.list(LEDGER):
            yield from _read_listed(objects, ledger, key)
        return
    while objects.exists(key := ledger_key(ledger.head_sequence + 1)):
        yield from _read_listed(objects, ledger, key)


def cut_off(ledger: LedgerRead) -> Iterator[VerifyFinding]:
    """Entries that were there when the fixity check wrote their digests down and are beyond the ledger's end now."""
    for sequence in sorted(each for each in ledger.anchors if each > ledger.head_sequence):
        yield finding("ledger_rewritten", ledger_key(sequence), "it was there and is gone with all after it")


def compare(checked: ObjectChecked, ledger: LedgerRead) -> Iterator[VerifyFinding]:
    """Each version of an object against what the ledger says of it."""
    report = checked.report
    if report.inventory is None or report.object_id is None:
        return
    named = ledger.named.get(report.object_id, {})
    for version, name in _versions(checked):
        where = f"{report.root}{name}/inventory.json"
        if version not in named:
            pending = version in checked.open_versions
            detail = "no ledger entry names this version"
            yield finding("not_in_ledger", where, detail, severity="pending" if pending else None)
            continue
        commit = _commit_of(checked, version, name)
        if commit is None or _digest(commit) != named[version].sha256:
            detail = f"{where} is not what the entry says of it"
            yield finding("ledger_disagrees", ledger_key(named[version].sequence), detail)
    known = {version for version, _ in _versions(checked)}
    for version in sorted(named.keys() - known):
        detail = f"ledger entry {named[version].sequence} names version {version}, which is not there"
        yield finding("version_missing", report.root, detail)


def named_in(commit: Commit, sequence: int) -> Named:
    """What an entry says of one version."""
    return Named(sequence, _digest(commit), commit.inventory_sha256)


def commits_of(checked: ObjectChecked) -> list[Commit]:
    """What the ledger must say of an object's versions; those that cannot say it are left out."""
    return [
        commit for version, name in _versions(checked) if (commit := _commit_of(checked, version, name)) is not None
    ]


def _commit_of(checked: ObjectChecked, version: int, name: str) -> Commit | None:
    report = checked.report
    if report.inventory is None or report.object_id is None:
        return None
    block = report.inventory.versions[name]
    try:
        return Commit(
            object_id=report.object_id,
            version=version,
            inventory_sha256=Sha256(report.inventory_sha256.get(name, "")),
            committed_at=parse_moment(block.created),
            actor=Actor(block.user["name"]),
            message=block.message,
        )
    except (TypeError, ValueError, KeyError):
        return None


def _versions(checked: ObjectChecked) -> list[tuple[int, str]]:
    inventory = checked.report.inventory
    names = [] if inventory is None else [name for name in inventory.versions if name[1:].isdigit()]
    return sorted((int(name[1:]), name) for name in names)


def _read_listed(objects: Objects, ledger: LedgerRead, key: str) -> Iterator[VerifyFinding]:
    match = _KEY.fullmatch(key)
    if match is None or ledger_key(int(match[1])) != key:
        yield finding("ledger_stray", key, "this is not the key of an entry")
        return
    sequence, expected = int(match[1]), ledger.head_sequence + 1
    if sequence != expected:
        missing = ledger_key(expected) if sequence == expected + 1 else f"{ledger_key(expected)} and those after it"
        yield finding("ledger_gap", key, f"{missing} before this one: missing")
    try:
        data = objects.read(key)
    except NotFound:
        yield finding("ledger_gap", key, "listed and not there")
        return
    if ledger.anchors.get(sequence, set()) - {sha256_of(data)}:
        yield finding("ledger_rewritten", key, "it is not what it was when its digest was written down")
    entry = _parsed(data, sequence)
    previous = ledger.head_sha256
    ledger.entries, ledger.head_sequence, ledger.head_sha256 = ledger.entries + 1, sequence, sha256_of(data)
    if entry is None:
        yield finding("ledger_damaged", key, "it is not an entry as Sohoa writes them")
        return
    if entry.previous != previous and sequence == expected:
        before = ledger_key(sequence - 1) if sequence > 1 else "nothing, as the first entry must"
        yield finding("ledger_broken", key, f"it does not follow from {before}")
    if ledger.recorded_at is not None and entry.recorded_at < ledger.recorded_at:
        yield finding("ledger_damaged", key, "it is older than the entry before it")
    ledger.recorded_at = entry.recorded_at
    ledger.first_recorded_at = ledger.first_recorded_at or entry.recorded_at
    for commit in entry.commits:
        if entry.recorded_at < commit.committed_at:
            yield finding("ledger_damaged", key, f"it is older than what it records of {commit.object_id}")
        versions = ledger.named.setdefault(commit.object_id, {})
        if commit.version in versions:
            first = ledger_key(versions[commit.version].sequence)
            yield finding("ledger_twice", key, f"{first} names version {commit.version} of {commit.object_id} too")
            continue
        if told := ledger.disposals.get(commit.object_id):
            detail = f"{commit.object_id} was disposed of before, by {ledger_key(told.sequence)}"
            yield finding("commit_after_disposal", key, detail)
        versions[commit.version] = named_in(commit, sequence)
    for certificate in entry.disposals:
        if told := ledger.disposals.get(certificate.object_id):
            detail = f"{ledger_key(told.sequence)} disposes of {certificate.object_id} too"
            yield finding("ledger_twice", key, detail)
            continue
        ledger.disposals[certificate.object_id] = Told(sequence, certificate)


def _parsed(data: bytes, sequence: int) -> Entry | None:
    """The entry, None where the bytes cannot be what was written under this number."""
    try:
        entry = parse_entry(data)
        canonical = to_json(entry_to_dict(entry) | {"sequence": sequence})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return entry if canonical == data and json.loads(data)["sequence"] == sequence else None


def _digest(commit: Commit) -> str:
    return sha256_of(to_json(commit_to_dict(commit)))
