"""`make bench-archive`: measures the archive in one run and writes docs/benchmarks-archive.md.

python -m tests.benchmarks.archive_run [--write FILE] [--quick] [--smoke] [--only SECTION] [--work FOLDER]

The S3 servers are those of `make servers`; a section without its servers is not measured and says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.objects.folder import FolderObjects
from storage.objects.protocol import Objects
from tests.benchmarks import (
    archive_audit,
    archive_bytes,
    archive_commit,
    archive_ledger,
    archive_rebuild,
    archive_requests,
    archive_verify,
)
from tests.benchmarks.machine import file_system
from tests.benchmarks.processes import CommandFailed
from tests.benchmarks.report import Measured
from tests.benchmarks.running import Benchmark
from tests.benchmarks.say import say
from tests.support.object_stores import S3_SERVERS, fresh_s3
from tests.support.servers import S3Server, absent, started

WORK = Path("/var/tmp")
"""A disk, where `/tmp` may be memory."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much each section measures."""

    name: str
    commits: int
    verified: int
    verify_repeats: int
    rebuilt: int
    entered: int
    pages: int


FULL = Size("full", commits=100, verified=60, verify_repeats=5, rebuilt=3000, entered=2000, pages=24)
QUICK = Size("quick", commits=30, verified=20, verify_repeats=3, rebuilt=1000, entered=500, pages=14)
SMOKE = Size("smoke", commits=3, verified=3, verify_repeats=1, rebuilt=20, entered=40, pages=14)

_ON_S3 = (
    "the large files four times: copied and read as pinned, copied and read under their final key. Server, its disk and Sohoa "
    "share two cores, which are busy all that time, and now and then the server itself stops for 200 ms (below)"
)
EXPLANATIONS: dict[str, str] = {
    "commit-folder": "the median is what the work takes; beyond it are fsyncs that wait for what else the disk is told to "
    "write, so look at the load average",
    "commit-seaweedfs": _ON_S3,
    "commit-minio": _ON_S3 + "; a copy is four requests there, for MinIO overwrites with a plain one",
    "verify": "see the load average: SHA-256 itself is the bound",
    "rebuild": "see the load average",
    "ledger": "see the load average: the ledger alone is bound by one process's Python",
}
"""Why a figure is missed, by its key (report.Figure); printed under the table only while it is."""
TRIED: tuple[str, ...] = (
    (
        "Ledger: sixteen writers came to 153 commits/s while each who lost a race gathered the others' intents from the store. "
        "Since whoever has a process's ledger names all who wait for it there (docs/decisions/0009), it is the figure above."
    ),
    (
        "S3: copying and reading back a version's files eight at a time and not one after the other, two runs of 30 commits in a "
        "row: SeaweedFS 283 to 234 ms (median) and 415 to 355 ms (p95), MinIO 331 to 264 ms and 408 to 357 ms. It stayed."
    ),
    (
        "S3: small files in the intent instead of pins, digests from the stage that wrote the files instead of a third "
        "reading, and the root files of a first version created instead of looked for (docs/decisions/0019): from p50 192 "
        "and p95 317 ms (SeaweedFS), 222 and 320 ms (MinIO) to what stands above."
    ),
)
"""What was tried for these figures, and what came of it."""


def _commit(work: Path, size: Size) -> Measured:
    stores: dict[str, Objects] = {"folder": FolderObjects(work / "archive")}
    for server in _servers():
        stores[server.name] = fresh_s3(server, work / f"copies-{server.name}")
    return archive_commit.measure(stores, work, repeats=size.commits)


def _requests(work: Path, size: Size) -> Measured:
    return archive_requests.measure(_servers(), work)


def _verify(work: Path, size: Size) -> Measured:
    return archive_verify.measure(work, documents=size.verified, repeats=size.verify_repeats)


def _rebuild(work: Path, size: Size) -> Measured:
    return archive_rebuild.measure(work, documents=size.rebuilt)


def _bytes(work: Path, size: Size) -> Measured:
    return archive_bytes.measure(work, pages=size.pages)


def _audit(work: Path, size: Size) -> Measured:
    return archive_audit.measure(work, viewings=size.entered // 2)


def _ledger(work: Path, size: Size) -> Measured:
    return archive_ledger.measure(work, commits=size.entered)


SECTIONS: dict[str, Callable[[Path, Size], Measured]] = {
    "commit": _commit,
    "verify": _verify,
    "rebuild": _rebuild,
    "bytes": _bytes,
    "requests": _requests,
    "ledger": _ledger,
    "audit": _audit,
}


def _servers() -> list[S3Server]:
    """Both real servers. Raises CommandFailed where one does not run."""
    found = []
    for name in S3_SERVERS:
        server = started(name)
        if server is None:
            raise CommandFailed(absent(name))
        found.append(server)
    return found


BENCHMARK = Benchmark(
    title="Benchmarks of the archive",
    target="make bench-archive",
    module="tests.benchmarks.archive_run",
    sections=SECTIONS,
    sizes={size.name: size for size in (FULL, QUICK, SMOKE)},
    explanations=EXPLANATIONS,
    tried=TRIED,
)


def main() -> int:
    """Measure on a disk, and say which; 2 where the folder to work in is memory."""
    parser = BENCHMARK.parser()
    parser.add_argument("--work", type=Path, default=WORK, metavar="FOLDER", help="where to work: a folder on a disk")
    asked = parser.parse_args()
    disk = file_system(asked.work)
    if disk.startswith("tmpfs"):
        say(f"{asked.work} is {disk}: name a folder on a disk with --work")
        return 2
    where = [f"- everything on {disk}, the S3 servers' data too; servers, client and disk share this machine"]
    return BENCHMARK.run(asked, folder=asked.work, where=where)


if __name__ == "__main__":
    sys.exit(main())
