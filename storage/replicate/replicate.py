"""Makes one archive have all that another has: a copy of the archive, or the archive again from its copy.

The order leaves the target a valid archive at every moment: content before the inventory that names it, versions before
the ledger entry that names them, receipts once what they promise is there, ledger entries last and in their order. So the
last ledger entry at the target says how far it is, and a run goes on from there. Nothing is deleted at the target.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

from sohoa.clock import Clock
from sohoa.errors import Conflict, SetupError
from storage.archive.layout import CHAINS, DISPOSALS, RECEIPTS, STAGING, ledger_key, root_files, sha256_of
from storage.archive.ledger import Commit, Entry, Ledger, parse_entry
from storage.objects.protocol import Objects
from storage.replicate.copying import CopyFinding, Copying, is_whole_json, read_or_none
from storage.replicate.objects import UNUSABLE, copy_versions

BATCH = 50
"""Ledger entries at a time; their objects are copied side by side."""
COPIERS = 8


@dataclass(frozen=True, slots=True)
class Replicated:
    """What was done. `entries` and `versions` are those that the target did not have; `mended` counts damaged files at
    the target that were replaced; `receipts_waiting` are of papers that are not archived yet. `head` is the target's
    newest ledger entry, `of` the source's."""

    entries: int
    versions: int
    sent_files: int
    sent_bytes: int
    mended: int
    receipts_waiting: int
    head: int
    of: int
    findings: tuple[CopyFinding, ...]


Tell = Callable[[int, int], None]
"""Is told how many ledger entries of how many are done."""


def replicate(
    source: Objects,
    target: Objects,
    clock: Clock,
    *,
    thorough: bool = False,
    back: bool = False,
    copiers: int = COPIERS,
    tell: Tell = lambda done, total: None,
) -> Replicated:
    """Copy to `target` what it lacks. What is damaged at the source is a finding and not copied, nor what builds on it.

    `thorough` reads every byte at the target, also of what was copied long ago, and puts right what is damaged there;
    `back` says that the target is the archive and the source its copy, which may lack the newest entries. Raises
    Conflict (`not_a_copy`) where the two are different archives, SetupError where the source is none; StoreUnavailable,
    after which the same call goes on.
    """
    if not source.exists("ocfl/0=ocfl_1.1"):
        raise SetupError("there is no archive to copy from: correct the URL or the setting")
    copying = Copying(source, target)
    waiting, receipts = _receipts(source)
    head = Ledger(source, clock).head()
    reached = _reached(copying, Ledger(target, clock).head(), head, back=back)
    for key, data in root_files().items():
        copying.small(key, data)
    decided = set() if thorough else set(target.list(DISPOSALS))
    for key in source.list(DISPOSALS):
        if key not in decided:
            copying.unvouched(key)
    run = _Run(copying, thorough=thorough)
    with ThreadPoolExecutor(copiers) as pool:
        for numbers in _batches(range(1 if thorough else reached + 1, head + 1)):
            run.copy_entries(numbers, head, pool)
            tell(numbers[-1], head)
        there = set() if thorough else set(target.list(RECEIPTS))
        list(pool.map(copying.unvouched, (key for key in receipts if key not in there)))
    for chain in CHAINS:
        _copy_chain(copying, chain, thorough=thorough)
    return Replicated(
        entries=run.entries,
        versions=run.versions,
        sent_files=copying.sent_files,
        sent_bytes=copying.sent_bytes,
        mended=copying.mended,
        receipts_waiting=waiting,
        head=Ledger(target, clock).head(),
        of=head,
        findings=copying.findings,
    )


class _Run:
    """Copies ledger entries with what they name. Once one cannot be copied, no entry after it is, only what they name."""

    def __init__(self, copying: Copying, *, thorough: bool) -> None:
        self.entries = self.versions = 0
        self._copying = copying
        self._thorough = thorough
        self._held = False
        self._broken: set[str] = set()
        """Objects of which a version could not be copied, so that none after it is."""

    def copy_entries(self, numbers: list[int], head: int, pool: ThreadPoolExecutor) -> None:
        entries = [self._read(number, head) for number in numbers]
        commits: dict[str, list[Commit]] = defaultdict(list)
        for _, entry in entries:
            for commit in () if entry is None else entry.commits:
                commits[commit.object_id].append(commit)
        for object_id in self._broken & commits.keys():
            del commits[object_id]
        copy = partial(copy_versions, self._copying, thorough=self._thorough)
        for object_id, whole in zip(commits, pool.map(copy, commits.values()), strict=True):
            self.versions += whole
            if whole < len(commits[object_id]):
                self._broken.add(object_id)
        for data, entry in entries:
            self._held = self._held or entry is None or any(each.object_id in self._broken for each in entry.commits)
            if not self._held and entry is not None:
                key = ledger_key(entry.sequence)
                self.entries += not self._copying.target.exists(key)
                self._copying.small(key, data)

    def _read(self, number: int, head: int) -> tuple[bytes, Entry | None]:
        """An entry, None where it is damaged; the one after it says what its digest must be."""
        key = ledger_key(number)
        data = read_or_none(self._copying.source, key)
        entry = None if data is None else _entry(data, number)
        after = None if number == head else read_or_none(self._copying.source, ledger_key(number + 1))
        following = None if after is None else _entry(after, number + 1)
        if data is None or entry is None:
            self._copying.find("ledger_damaged", key, "the entry is missing or is not as Sohoa writes it")
        elif following is not None and following.previous != sha256_of(data):
            self._copying.find("ledger_damaged", key, "the entry after it does not follow from it: one was altered")
            entry = None
        return data or b"", entry


def _reached(copying: Copying, target_head: int, head: int, *, back: bool) -> int:
    """The newest entry that both have. Raises Conflict where the target is no copy of the source, nor the other way."""
    if target_head > head and not back:
        raise Conflict(
            f"the store has ledger entry {target_head}, the archive only {head}: it is a copy of another archive, or this "
            "one has lost its newest entries (then restore them with --from)",
            code="not_a_copy",
        )
    common = min(target_head, head)
    if common == 0:
        return 0
    data, there = (read_or_none(store, ledger_key(common)) for store in (copying.source, copying.target))
    if data is None or data == there:
        return common
    entry, other = _entry(data, common), None if there is None else _entry(there, common)
    if entry is not None and other is not None and _named(entry) != _named(other):
        raise Conflict(
            f"ledger entry {common} is not the same in the two stores: they hold different archives; name another store",
            code="not_a_copy",
        )
    return common - 1


def _named(entry: Entry) -> set[tuple[str, int, str]]:
    return {(commit.object_id, commit.version, commit.inventory_sha256) for commit in entry.commits}


def _entry(data: bytes, number: int) -> Entry | None:
    try:
        entry = parse_entry(data)
    except UNUSABLE:
        return None
    return entry if is_whole_json(data) and entry.sequence == number else None


def _receipts(source: Objects) -> tuple[int, list[str]]:
    """How many receipts are of papers that are only staged, and the keys of the others.

    Listed before the ledger's head is taken: a paper that is staged no longer is in an entry up to there.
    """
    keys = list(source.list(RECEIPTS))
    staged = {key.split("/")[1] for key in source.list(STAGING)}
    ready = [key for key in keys if key.removeprefix(RECEIPTS).removesuffix(".json") not in staged]
    return len(keys) - len(ready), ready


def _copy_chain(copying: Copying, name: str, *, thorough: bool) -> None:
    """Copy hash-chained daily files in their order, up to the first that is damaged."""
    there = set() if thorough else set(copying.target.list(name))
    keys = sorted(copying.source.list(name), key=lambda key: (key != f"{name}first.json", key))
    for key in keys:
        if key not in there and not copying.unvouched(key):
            return


def _batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(numbers)
    while some := list(islice(remaining, BATCH)):
        yield some
