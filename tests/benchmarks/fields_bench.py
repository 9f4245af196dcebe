"""`make accuracy`: how right the fields are on drawn and real papers, against plain Tesseract and patterns; docs/accuracy.md.

python -m tests.benchmarks.fields_bench [--write FILE] [--quick | --smoke] [--processes N] [--mnist FOLDER]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sohoa import logs
from tests.benchmarks import fields_learning, fields_pictures, fields_time
from tests.benchmarks.fields_report import Groups, figures, sections
from tests.benchmarks.fields_sample import CACHE, SEED, Outcome, Task, read_all, real_names
from tests.benchmarks.machine import this_machine
from tests.benchmarks.report import figure_table
from tests.benchmarks.say import say
from tests.support import press

IMAGES = Path("docs/images")


@dataclass(frozen=True, slots=True)
class Size:
    """How many drawn papers of each level, of each kind of bad input and of one office, whether real papers are read, and how
    many drawn ones the time is taken of."""

    name: str
    papers: dict[str, int]
    spoiled: int
    real: bool
    of_office: int = 0
    timed: int = 0


FULL = Size("full", {"typical": 120, "clean": 30, "poor": 50, "fax": 20}, 3, real=True, of_office=20, timed=20)
QUICK = Size("quick", {"typical": 24, "clean": 8, "poor": 8, "fax": 4}, 1, real=True, of_office=10, timed=6)
SMOKE = Size("smoke", {"typical": 2, "clean": 0, "poor": 1}, 0, real=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fields_bench", description="Accuracy of fields.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there instead of printing it")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--smoke", action="store_true", help="just enough to see that everything runs")
    parser.add_argument("--processes", type=int, default=2, help="how many papers are read at a time")
    parser.add_argument(
        "--mnist", default="", metavar="FOLDER", help="write by hand with these digits (0.json to 9.json)"
    )
    asked = parser.parse_args()
    logs.set_up("warning")
    size = SMOKE if asked.smoke else QUICK if asked.quick else FULL
    command = "make accuracy" if size is FULL else f"python -m tests.benchmarks.fields_bench --{size.name}"
    if asked.mnist:
        command += " with digits of MNIST"
    images = IMAGES if asked.write else CACHE
    report = measure(
        tasks(size, mnist=asked.mnist),
        size_name=size.name,
        command=command,
        processes=asked.processes,
        images=images,
        of_office=size.of_office,
        timed=size.timed,
    )
    if asked.write is None:
        sys.stdout.write(report)
    else:
        asked.write.write_text(report, encoding="utf-8")
        say(f"written to {asked.write}")
    return 0


def tasks(size: Size, *, mnist: str = "") -> list[Task]:
    """Drawn papers from SEED up, no seed twice and a small size's among a large one's; then bad inputs and the real ones."""
    wanted: list[Task] = []
    for place, (level, count) in enumerate(size.papers.items()):
        seeds = range(SEED + 1_000 * place, SEED + 1_000 * place + count)
        wanted += [Task(level, seed=seed, level=level, mnist=mnist) for seed in seeds]
    for kind in press.SPOILED:
        wanted += [Task("bad input", seed=SEED + 5_000 + number, kind=kind) for number in range(size.spoiled)]
    if size.real:
        wanted += [Task("real", name=name) for name in real_names()]
    return wanted


def measure(
    todo: Sequence[Task],
    *,
    size_name: str,
    command: str,
    processes: int,
    images: Path,
    of_office: int = 0,
    timed: int = 0,
) -> str:
    """Read everything, draw the pictures and give the report."""
    started_at, machine = datetime.now(UTC), this_machine()
    costs = fields_time.measure(timed) if timed else []
    say(f"{len(todo)} papers, {processes} at a time; recognised pages are kept in {CACHE}")
    outcomes: list[Outcome] = []
    for number, outcome in enumerate(read_all(todo, processes=processes), 1):
        outcomes.append(outcome)
        if number % 20 == 0:
            say(f"{number} papers read")
    groups = Groups.of(outcomes)
    fields_pictures.draw_calibration(groups.curves(), images / "calibration.png")
    hard = fields_pictures.hard_five(outcomes)
    if hard:
        fields_pictures.draw_hard(hard, images / "hard-papers.png")
    lines = ["# Accuracy of fields", "", f"Written by `{command}`, which repeats it; do not edit.", ""]
    lines += [*figure_table([*figures(groups), *costs]), "", *sections(groups, hard)]
    if of_office:
        lines += [*fields_learning.measure(of_office), ""]
    lines += [
        "## Where and how",
        "",
        f"- {started_at:%Y-%m-%d %H:%M} UTC, size `{size_name}`",
        *machine.lines(),
        *_how(outcomes),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _how(outcomes: Sequence[Outcome]) -> list[str]:
    drawn = [each for each in outcomes if each.cer]
    pages = sum(each.pages for each in outcomes)
    layouts = len({each.extra["layout"] for each in drawn})
    return [
        f"- {len(outcomes)} papers of {pages} pages; {len(drawn)} drawn by draw_varied from seed {SEED}: {layouts} layouts",
        "- drawn at 300 dpi, fax at 200; none of these seeds is used for rules, models or thresholds",
        "- the baseline is Tesseract's command line through pytesseract, its defaults, and the starting patterns",
    ]


if __name__ == "__main__":
    sys.exit(main())
