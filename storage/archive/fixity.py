"""Rolling fixity: every byte of the archive read again within a period, at a rate, going on where it stopped.

A round goes through the units of the archive in the order of their keys: each ledger entry, each OCFL object, each
receipt. What was read, and what was wrong, is written into the chain `fixity/` (chain.py) as stretches, from a key to a
key, and only after the reading. So where a round stands, when each object was read last, and which checks have failed is
told by the chain alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sohoa.clock import Clock, isoformat, parse_moment
from sohoa.errors import DigestMismatch, NotFound
from sohoa.model import own_keys
from storage.archive.certificate import Certificate
from storage.archive.chain import Chain, Link
from storage.archive.layout import ledger_key, object_root, sha256_of
from storage.archive.ledger import parse_entry
from storage.archive.ocfl_root import HashedNTuple, RootReport, check_root_files
from storage.archive.verify_findings import VerifyFinding, finding
from storage.archive.verify_objects import ACCEPTED, ROOT, ObjectChecked, check_object, check_root_bytes
from storage.objects.protocol import Objects

NAME = "fixity"
MOST_KEPT = 1000
"""So many open failures are carried along by name; more of them is a broken disk, not a list to work through."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that failed. `since` is the number of the chain's entry that told it first, without a success between.

    `documents` are those of the object's newest version, first those that the damaged file belongs to.
    """

    code: str
    where: str
    detail: str
    object_id: str | None
    documents: tuple[str, ...]
    since: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was read at one go: the units after `after` up to and with `upto`, in the order of keys."""

    round: int
    round_started_at: datetime
    started_at: datetime
    after: str
    upto: str
    units: int = 0
    objects: int = 0
    size_bytes: int = 0
    failures: tuple[Failure, ...] = ()
    ends_round: bool = False


@dataclass(frozen=True, slots=True)
class Cover:
    """How the rolling check stands.

    `read_since`: every object there was then has been read since that moment (None before the first round is over).
    `failures` are those not followed by a success, `failures_count` counts them all.
    """

    round: int
    round_started_at: datetime
    round_is_over: bool
    read_since: datetime | None
    failures: tuple[Failure, ...]
    failures_count: int
    checked_at: datetime

    def is_within(self, period: timedelta, *, now: datetime) -> bool:
        """Whether every object has been read within `period`, or the first round still has time for it."""
        return now - (self.read_since or self.round_started_at) <= period


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that was read whole: an object, a ledger entry or a receipt, with what is wrong with it."""

    key: str
    size_bytes: int
    findings: tuple[VerifyFinding, ...] = ()
    checked: ObjectChecked | None = None


CheckReceipt = Callable[[str], Iterator[VerifyFinding]]
"""Takes a document's id; what is wrong with its receipt."""
Disposed = Callable[[str], Certificate | None]
"""Takes an object's root; its certificate where the ledger says that it was disposed of."""


def read_cover(objects: Objects, clock: Clock) -> Cover | None:
    """The cover as the newest entry of the chain tells it, None where nothing was ever checked."""
    newest = next(Chain(objects, clock, NAME).newest_first(), None)
    return None if newest is None else cover_of(newest)


def read_units(
    objects: Objects,
    *,
    after: str,
    ledger_head: int,
    anchors: Mapping[int, str],
    check_receipt: CheckReceipt,
    disposed: Disposed,
) -> Iterator[Unit]:
    """Read the units after the key `after` ("" for all), each as it is asked for. Nothing is written.

    `anchors` are digests that ledger entries had earlier, by number. Raises StoreUnavailable where the store as a whole
    cannot be read.
    """
    yield from _ledger_units(objects, after, ledger_head, anchors, disposed)
    if after < ROOT:
        yield _root_unit(objects)
    if after < "ocfl0":  # the first key after all that begin with ocfl/
        root_report = RootReport()
        layout = check_root_files(objects, ROOT, root_report)
        for root in _object_roots(objects, after):
            yield _object_unit(objects, root, layout, root_report, disposed)
    for key in objects.list("receipts/"):
        if key > after:
            yield _receipt_unit(objects, key, check_receipt)


@dataclass(slots=True)
class Progress:
    """Where the check stands: the round under way, and what is still to be superseded of the round before."""

    round: int
    round_started_at: datetime
    position: str
    is_over: bool
    old: list[Stretch]
    """The last complete round's stretches that this one has not read again, in order."""
    new: list[Stretch] = field(default_factory=list)
    anchors: dict[int, str] = field(default_factory=dict)
    """The digest that a ledger entry had when it was first written down here, by its number."""

    def failures(self) -> list[Failure]:
        """Failures not followed by a success."""
        old = [each for stretch in self.old for each in stretch.failures if not self._is_passed(each)]
        return [*(each for stretch in self.new for each in stretch.failures), *old]

    def read_since(self) -> datetime | None:
        """Since when every object has been read."""
        if self.old:
            return self.old[0].started_at
        return self.new[0].started_at if self.is_over and self.new else None

    def add(self, stretch: Stretch) -> None:
        """Take a stretch that is in the chain into account."""
        if stretch.round < self.round:
            return  # of somebody who lost the lease without noticing
        if stretch.round > self.round:
            self.old = self.new if self.is_over else self.old
            self.new, self.round, self.round_started_at = [], stretch.round, stretch.round_started_at
            self.position, self.is_over = "", False
        self.new.append(stretch)
        self.position, self.is_over = max(self.position, stretch.upto), self.is_over or stretch.ends_round
        while self.old and (self.is_over or self.old[0].upto <= self.position):
            self.old.pop(0)

    def _is_passed(self, failure: Failure) -> bool:
        return unit_of(failure.where) <= self.position


def load_progress(chain: Chain, *, now: datetime) -> Progress:
    """Where the check stands, from the newest entries of the chain: those of this round and of the one before."""
    links: list[Link] = []
    try:
        for link in chain.newest_first():
            if links and _stretch_of(links[0]).round - _stretch_of(link).round > 1:
                break
            links.append(link)
    except DigestMismatch:
        if not links:
            raise
        # `verify` tells it as fixity_broken; what was read before the break counts as not read.
    progress = Progress(round=0, round_started_at=now, position="", is_over=True, old=[])
    for link in reversed(links):
        progress.add(_stretch_of(link))
        if anchor := anchor_of(link):
            progress.anchors.setdefault(*anchor)
    return progress


def record(chain: Chain, progress: Progress, stretch: Stretch, *, anchor: tuple[int, str] | None) -> Stretch:
    """Write down what was read and found, with the newest ledger entry's number and digest, and take it into account.

    Returns the stretch as it was written: each failure says since when it is known.
    """
    head = chain.head()
    sequence = 1 if head is None else head.sequence + 1
    known = {(each.code, each.where): each.since for each in progress.failures()}
    failures = tuple(replace(each, since=known.get((each.code, each.where), sequence)) for each in stretch.failures)
    stretch = replace(stretch, failures=failures)
    progress.add(stretch)
    told = progress.failures()
    since = progress.read_since()
    cover = {
        "read_since": None if since is None else isoformat(since),
        "failures": [asdict(each) for each in told[:MOST_KEPT]],
        "failures_count": len(told),
    }
    anchored = None if anchor is None else {"sequence": anchor[0], "sha256": anchor[1]}
    if anchor is not None:
        progress.anchors.setdefault(*anchor)
    chain.append({"stretch": _stretch_to_dict(stretch), "cover": cover, "ledger": anchored})
    return stretch


def failures_of(unit: Unit) -> Iterator[Failure]:
    """What is wrong with a unit and not merely unfinished, as failures to be written down."""
    for found in unit.findings:
        if found.severity != "error":
            continue
        object_id = None if unit.checked is None else unit.checked.report.object_id
        documents = _documents_hit(found.where, unit.checked)
        yield Failure(found.code, found.where, found.detail, object_id, documents, since=0)


def anchor_of(link: Link) -> tuple[int, str] | None:
    """The number of the ledger entry that was the newest when this was written, and its digest then."""
    anchor = link.body.get("ledger")
    return None if anchor is None else (anchor["sequence"], anchor["sha256"])


def cover_of(link: Link) -> Cover:
    """How the check stood when an entry of the chain was written."""
    stretch, cover = _stretch_of(link), link.body["cover"]
    return Cover(
        round=stretch.round,
        round_started_at=stretch.round_started_at,
        round_is_over=stretch.ends_round,
        read_since=None if cover["read_since"] is None else parse_moment(cover["read_since"]),
        failures=tuple(_failure(each) for each in cover["failures"]),
        failures_count=cover["failures_count"],
        checked_at=link.recorded_at,
    )


def unit_of(key: str) -> str:
    """The key of the unit that a key of the store belongs to."""
    if key.startswith(ROOT) and key.count("/") > 4:
        return "/".join(key.split("/")[:5]) + "/"
    return ROOT if key.startswith(ROOT) else key


def _ledger_units(
    objects: Objects, after: str, head: int, anchors: Mapping[int, str], disposed: Disposed
) -> Iterator[Unit]:
    """Each entry: its own form, that it follows from the one before, and that what it names is there.

    The entry after holds an entry's bytes fast, and `anchors` do so for the last ones.
    """
    if after >= "ledger0":  # the first key after all that begin with ledger/
        return
    start = int(after.rpartition("/")[2].removesuffix(".json")) + 1 if after.startswith("ledger/") else 1
    before = sha256_of(objects.read(ledger_key(start - 1))) if start > 1 else None
    for sequence in range(start, max([head, *anchors]) + 1):
        key = ledger_key(sequence)
        try:
            data = objects.read(key)
        except NotFound:
            yield Unit(key, 0, (finding("ledger_gap", key, "the entry is gone"),))
            before = None
            continue
        sha256 = sha256_of(data)
        wrong = list(_entry_findings(objects, data, sequence, disposed))
        if sequence in anchors and sha256 != anchors[sequence]:
            wrong.append(finding("ledger_rewritten", key, "it is not what it was when its digest was written down"))
        previous = _previous_of(data)
        if before is not None and previous != before:
            wrong.append(finding("ledger_broken", key, f"it does not follow from {ledger_key(sequence - 1)}"))
        before = sha256
        yield Unit(key, len(data), tuple(wrong))


def _entry_findings(objects: Objects, data: bytes, sequence: int, disposed: Disposed) -> Iterator[VerifyFinding]:
    key = ledger_key(sequence)
    try:
        entry = parse_entry(data)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield finding("ledger_damaged", key, "it is not an entry as Sohoa writes them")
        return
    if entry.sequence != sequence or (sequence == 1) != (entry.previous is None):
        yield finding("ledger_damaged", key, f"it says that it is entry {entry.sequence} after {entry.previous}")
    for commit in entry.commits:
        root = object_root(commit.object_id)
        try:
            told = objects.read(f"{root}/v{commit.version}/inventory.json.sha256").partition(b" ")[0].decode()
        except NotFound:
            certificate = disposed(root)
            if certificate is None or commit.version > certificate.head:
                yield finding("version_missing", key, f"version {commit.version} of {commit.object_id} is gone")
                continue
            told = certificate.inventories[commit.version - 1]
        if told != commit.inventory_sha256:
            yield finding("ledger_disagrees", key, f"{root}/v{commit.version}/inventory.json is not what it says")


def _previous_of(data: bytes) -> object:
    try:
        return parse_entry(data).previous
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _root_unit(objects: Objects) -> Unit:
    """The storage root's own files."""
    report = RootReport()
    check_root_files(objects, ROOT, report)
    wrong = [finding(found.code, found.where, found.detail) for found in report.findings if found.code not in ACCEPTED]
    return Unit(ROOT, 0, (*wrong, *check_root_bytes(objects)))


def _object_roots(objects: Objects, after: str) -> Iterator[str]:
    """Keys of the roots of all objects after `after`, in order. What begins with the same two digits is listed at a time: a
    round that goes on lists 1/256 of the archive again at most, and an archive of a few papers costs few requests."""
    begun = after.split("/")[1][:2] if after.startswith(ROOT) and after != ROOT else "00"
    for number in range(int(begun, 16), 16**2):
        for root, _ in groupby(objects.list(f"{ROOT}{number:02x}"), key=lambda key: "/".join(key.split("/")[:5]) + "/"):
            if root > after:
                yield root


def _object_unit(
    objects: Objects, root: str, layout: HashedNTuple | None, root_report: RootReport, disposed: Disposed
) -> Unit:
    checked = check_object(objects, root, layout=layout, root_report=root_report)
    findings = checked.findings
    if findings and disposed(root) is not None:
        findings = ()  # it was deleted while it was read
    return Unit(root, checked.report.size_bytes, findings, checked)


def _receipt_unit(objects: Objects, key: str, check_receipt: CheckReceipt) -> Unit:
    try:
        size_bytes = len(objects.read(key))
    except NotFound:
        size_bytes = 0  # told by what follows
    return Unit(key, size_bytes, tuple(check_receipt(key.removeprefix("receipts/").removesuffix(".json"))))


def _documents_hit(where: str, checked: ObjectChecked | None) -> tuple[str, ...]:
    inventory = None if checked is None else checked.report.inventory
    if checked is None or inventory is None or inventory.head is None:
        return ()
    inner = where.removeprefix(checked.report.root)
    damaged = {digest for digest, paths in inventory.manifest.items() if inner in paths}
    state = inventory.versions[inventory.head].state
    parts = [(digest, path.split("/")) for path, digest in state.items() if path.startswith("documents/")]
    hit = {part[1] for digest, part in parts if digest in damaged}
    return (*sorted(hit), *sorted({part[1] for _, part in parts} - hit))


def _stretch_to_dict(stretch: Stretch) -> dict[str, Any]:
    moments = {name: isoformat(getattr(stretch, name)) for name in ("round_started_at", "started_at")}
    return {**asdict(stretch), **moments}


def _stretch_of(link: Link) -> Stretch:
    found = link.body["stretch"]
    moments = {name: parse_moment(found[name]) for name in ("round_started_at", "started_at")}
    return Stretch(
        **{**own_keys(Stretch, found), **moments, "failures": tuple(_failure(each) for each in found["failures"])}
    )


def _failure(found: Mapping[str, Any]) -> Failure:
    return Failure(**{**own_keys(Failure, found), "documents": tuple(found["documents"])})
