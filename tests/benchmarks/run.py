"""`make bench`: measures everything in one run and writes docs/benchmarks.md.

python -m tests.benchmarks.run [--write FILE] [--quick] [--only SECTION]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import accuracy, ladder, memory, searching, sizes, speed, uploads
from tests.benchmarks.report import Measured
from tests.benchmarks.running import Benchmark
from tests.benchmarks.size import FULL, QUICK, SMOKE, Size

SECTIONS: dict[str, Callable[[Path, Size], Measured]] = {
    "speed": speed.measure,
    "bytes": sizes.measure,
    "accuracy": accuracy.measure,
    "memory": memory.measure,
    "search": searching.measure,
    "upload": uploads.measure,
    "ladder": ladder.measure,
}
EXPLANATIONS: dict[str, str] = {
    "rival": "bare recognition at 200 dpi alone takes a sixth of OCRmyPDF's processor time a page (the table has both), so with "
    "nothing at all around the engine two cores could give 6 times its pages; what is left goes into decoding the scan, "
    "measuring, composing and checking the PDF/A and committing, the rest into starting the command",
    "own": "what is not the engine is decoding the scan (50-270 ms, PNG the slowest), measuring and snapping boxes, composing "
    "and checking the PDF/A, and committing; the engine's own time shrank when pages came to be read at 200 dpi, which raises "
    "the ratio though every page is done sooner",
    "workers": "two engines at once slow each other: a page takes about a tenth more processor time with two workers than with "
    "one (the last column), for they share cache and memory; and the command itself, which takes in, indexes and supervises, "
    "needs some of the same two cores",
    "search": "most of the time goes into snippets: unpacking the stored pages of 20 hits and finding the words in them; the "
    "engine itself takes 0.2 to 5 ms",
    "upload": "the receipt waits for two fsyncs and the inspection of the file, behind two workers that keep both cores busy "
    "at nice 10",
    "memory": "the table of details shows which size takes more",
}
"""Why a figure is missed, by its key (report.Figure); printed under the table only while it is."""


BENCHMARK = Benchmark(
    title="Benchmarks",
    target="make bench",
    module="tests.benchmarks.run",
    sections=SECTIONS,
    sizes={size.name: size for size in (FULL, QUICK, SMOKE)},
    explanations=EXPLANATIONS,
)

if __name__ == "__main__":
    sys.exit(BENCHMARK.run(BENCHMARK.parser().parse_args()))
