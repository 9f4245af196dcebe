"""`make bench-scale`: measures the big engines in one run and writes docs/benchmarks-scale.md.

python -m tests.benchmarks.scale_run [--write FILE] [--quick] [--smoke] [--only SECTION] [--work FOLDER]
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import scale_dispatch, scale_search, scale_workers
from tests.benchmarks.report import Measured
from tests.benchmarks.running import Benchmark
from tests.benchmarks.scale_size import FULL, QUICK, SMOKE, Size

WORK = Path("/var/tmp")
"""A disk, where `/tmp` may be memory."""
SECTIONS: dict[str, Callable[[Path, Size], Measured]] = {
    "workers": scale_workers.measure,
    "dispatch": scale_dispatch.measure,
    "search": scale_search.measure,
}
_SHARED = "engine, client and disk share two cores here"
EXPLANATIONS: dict[str, str] = {
    "two": "the engines need part of the cores that the second worker would have, and two engines of recognition slow each other",
    "overhead-2": "the engines' processor time, in the table below, is spent on cores that they share with the worker",
    "overhead-10": "the engines' processor time, in the table below, is spent on cores that they share with the worker",
    "capacity-2": "work that nobody can share, in the table below; docs/capacity.md",
    "capacity-10": "work that nobody can share, in the table below; docs/capacity.md",
    "dispatch": "each job is two transactions that wait for the disk",
    "indexing-elasticsearch": f"{_SHARED}: the table of CPU says what each needs",
    "indexing-tantivy": f"{_SHARED}: Python makes the terms on one, tantivy's one thread fills the other",
    "search-elasticsearch": "the frequent words decide: both tiers of a query are scored over a large part of all papers",
    "search-tantivy": "the frequent words decide: both tiers of a query are scored over a large part of all papers",
}
"""Why a figure is missed, by its key (report.Figure); printed under the table only while it is."""
BENCHMARK = Benchmark(
    title="Benchmarks of the big engines",
    target="make bench-scale",
    module="tests.benchmarks.scale_run",
    sections=SECTIONS,
    sizes={size.name: size for size in (FULL, QUICK, SMOKE)},
    explanations=EXPLANATIONS,
)


def main() -> int:
    """Measure on a disk."""
    for noisy in ("httpx", "elastic_transport"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    parser = BENCHMARK.parser()
    parser.add_argument("--work", type=Path, default=WORK, metavar="FOLDER", help="where to work: a folder on a disk")
    asked = parser.parse_args()
    return BENCHMARK.run(asked, folder=asked.work)


if __name__ == "__main__":
    sys.exit(main())
