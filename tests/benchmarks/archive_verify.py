"""Verifying: megabytes a second a core over files that are cached, everything compared with everything."""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest import mock

from sohoa.clock import SystemClock
from sohoa.settings import Settings
from storage.archive.verify import verify_archive
from storage.index import open_index
from storage.rebuild.rebuild import rebuild
from storage.stores import open_archive, open_stores
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.staged_documents import PAGES, commit_staged, stage_document

LEAST_MB_S = 300.0
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """Documents of one size: what they are, and how large original and PDF are, each."""

    name: str
    file_bytes: int


COLOUR = Kind("colour (original and PDF 4 MB each)", 4_000_000)
G4 = Kind("G4 (original and PDF 100 kB each)", 100_000)


@dataclass(frozen=True, slots=True)
class Verified:
    """One archive, verified several times. Seconds are medians; `cpu_s` is of this process."""

    kind: Kind
    documents: int
    size_bytes: int
    wall_s: float
    cpu_s: float

    @property
    def mb_a_core_s(self) -> float:
        return self.size_bytes / _MEGABYTE / self.cpu_s


@dataclass(frozen=True, slots=True)
class Verifying:
    """Archives of both kinds, and what SHA-256 alone does on this machine."""

    verified: tuple[Verified, ...]
    sha256_mb_s: float

    def figures(self) -> list[Figure]:
        colour = self.verified[0]
        return [
            Figure(
                "verify",
                f"verify, {colour.documents} documents, {colour.kind.name}, cached",
                f"≥ {LEAST_MB_S:.0f} MB/s a core",
                f"{colour.mb_a_core_s:.0f} MB/s a core (SHA-256 alone: {self.sha256_mb_s:.0f} MB/s)",
                colour.mb_a_core_s >= LEAST_MB_S,
            )
        ]

    def details(self) -> list[str]:
        rows = [
            [
                each.kind.name,
                each.documents,
                f"{each.size_bytes / _MEGABYTE:.0f}",
                f"{each.wall_s:.2f}",
                f"{each.cpu_s:.2f}",
                f"{each.mb_a_core_s:.0f}",
                f"{each.cpu_s / each.documents * 1000:.1f}",
            ]
            for each in self.verified
        ]
        return [
            (
                f"`sohoa verify` without its start and without PDF/A validation: every byte of documents of {PAGES} pages in a "
                "folder, ledger, objects, receipts, catalogue and index compared. Medians; the first run, which fills the cache, "
                "is not counted. Megabytes are those of the objects' content."
            ),
            "",
            *table(["documents", "count", "MB", "wall s", "processor s", "MB/s a core", "ms a document"], rows),
        ]


def measure(work: Path, *, documents: int, repeats: int) -> Verifying:
    """Make archives in `work` and verify each `repeats` times."""
    return Verifying(
        tuple(
            _verified(work / f"verify-{number}", kind, documents, repeats) for number, kind in enumerate((COLOUR, G4))
        ),
        _sha256_mb_s(),
    )


def _verified(home: Path, kind: Kind, documents: int, repeats: int) -> Verified:
    settings, clock = Settings(home=home, min_free_bytes=0), SystemClock()
    archive = open_archive(settings, clock)
    archive.initialise()
    chance = random.Random(9)
    with mock.patch("os.fsync"):  # only making the documents is helped by that
        for number in range(documents):
            paper = stage_document(
                number,
                archive,
                clock,
                original=chance.randbytes(kind.file_bytes),
                pdf=chance.randbytes(kind.file_bytes),
                temporary=settings.temporary_folder(),
            )
            commit_staged(paper, archive)
            archive.clear_staging(paper.document.document_id)
        assert rebuild(settings, open_archive(settings, clock), clock).findings == ()
    say(f"verifying {documents} documents, {kind.name}")
    wall_s, cpu_s = [], []
    with open_stores(settings) as stores, open_index(settings) as index:
        for _ in range(repeats + 1):
            started_s, used_s = time.perf_counter(), time.process_time()
            report = verify_archive(stores, index, check_pdf=_never, sample=0, chance=random.Random(0))
            wall_s.append(time.perf_counter() - started_s)
            cpu_s.append(time.process_time() - used_s)
            assert report.is_clean, report.findings[:3]
            assert report.checked["documents"] == documents
    return Verified(kind, documents, report.checked["size_bytes"], median(wall_s[1:]), median(cpu_s[1:]))


def _never(path: Path, conformance: str) -> str | None:
    raise AssertionError("no PDF is drawn")


def _sha256_mb_s() -> float:
    data = bytes(1024 * 1024)
    used_s = time.process_time()
    digest = hashlib.sha256()
    for _ in range(500):
        digest.update(data)
    return 500 * len(data) / _MEGABYTE / (time.process_time() - used_s)
