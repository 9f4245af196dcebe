"""`make bench`: measures everything in one run and writes docs/benchmarks.md.

python -m tests.benchmarks.run [--write FILE] [--quick] [--only SECTION]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sohoa import logs
from sohoa.errors import SohoaError
from tests.benchmarks import accuracy, ladder, memory, searching, sizes, speed, uploads
from tests.benchmarks.machine import this_machine
from tests.benchmarks.processes import CommandFailed
from tests.benchmarks.report import Measured, NotMeasured, figure_table, write_report
from tests.benchmarks.say import say
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


def main() -> int:
    """Run the sections that are asked for, one after the other; print or write the report. 1 where one failed."""
    asked = _arguments()
    logs.set_up("warning")
    size = SMOKE if asked.smoke else QUICK if asked.quick else FULL
    started_at = datetime.now(UTC)
    machine = this_machine()
    measured: dict[str, Measured] = {}
    for name in asked.only or SECTIONS:
        with tempfile.TemporaryDirectory(prefix=f"sohoa-bench-{name}-") as work:
            measured[name] = _measure(name, Path(work), size)
        figures = measured[name].figures()
        say("\n".join(["done:", *figure_table(figures)]))
    titles = {name.capitalize(): result for name, result in measured.items()}
    report = write_report(
        titles, machine=machine, size_name=size.name, started_at=started_at, explanations=EXPLANATIONS
    )
    if asked.write is None:
        sys.stdout.write(report)
    else:
        asked.write.write_text(report, encoding="utf-8")
        say(f"written to {asked.write}")
    return 1 if any(isinstance(result, NotMeasured) for result in measured.values()) else 0


def _measure(name: str, work: Path, size: Size) -> Measured:
    try:
        return SECTIONS[name](work, size)
    except (CommandFailed, SohoaError) as error:
        reason = error.detail if isinstance(error, SohoaError) else str(error)
        say(f"{name} could not be measured: {reason}")
        return NotMeasured(reason.split("\n", 1)[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.run", description="Measure Sohoa.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there instead of printing it")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="one section; may be given several times")
    parser.add_argument("--quick", action="store_true", help="fewer pages; no 200 and 800 pages, no 100,000 documents")
    parser.add_argument("--smoke", action="store_true", help="just enough to see that everything runs")
    asked = parser.parse_args()
    if asked.write is not None and asked.only:
        parser.error("--write is for the whole report: leave --only out")
    return asked


if __name__ == "__main__":
    sys.exit(main())
