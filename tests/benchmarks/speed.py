"""Speed on the same papers and cores: recognition alone, `sohoa archive`, OCRmyPDF's command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sohoa.settings import Settings
from tests.benchmarks import rival
from tests.benchmarks.bare import REDUCED_DPI, Bare, recognise_bare
from tests.benchmarks.in_process import InProcess, work_through
from tests.benchmarks.processes import Archived, archive
from tests.benchmarks.report import Figure, table
from tests.benchmarks.rival import Rival, run_ocrmypdf
from tests.benchmarks.sample import describe, draw_blank, draw_sample
from tests.benchmarks.say import say
from tests.benchmarks.size import Size

AGAINST_RIVAL = 5.0
AGAINST_BARE = 1.35
TWO_AGAINST_ONE = 1.85
_NOTE = (
    "All ratios in the table of figures are of time on the clock. Bare recognition is tesserocr, its model loaded "
    "before, one thread, on the red channel of a colour page; decoding is not counted. Sohoa in one process receives, reads, "
    "composes, commits with fsync and indexes. Its own engine time has the second passes over red text in it, and the "
    "looks at pages that may lie on their side. OCRmyPDF got images wrapped as PDFs of the right resolution."
)


@dataclass(frozen=True, slots=True)
class Command:
    """`sohoa archive` with `workers`; `start_s` is what it takes for one blank page, so mostly starting and ending."""

    workers: int
    archived: Archived
    start_s: float

    @property
    def pages_per_s(self) -> float:
        return self.archived.pages / self.archived.run.wall_s

    @property
    def pages_per_s_once_started(self) -> float:
        return self.archived.pages / (self.archived.run.wall_s - self.start_s)

    @property
    def cpu_s_a_page(self) -> float:
        return self.archived.run.cpu_s / self.archived.pages


@dataclass(frozen=True, slots=True)
class Speed:
    """Everything measured on one sample."""

    sample: str
    bare: Bare
    in_process: InProcess
    one: Command
    two: Command
    rival: Rival

    @property
    def _rival_pages_per_s(self) -> float:
        return self.rival.pages / self.rival.wall_s

    def figures(self) -> list[Figure]:
        against_rival = self.two.pages_per_s / self._rival_pages_per_s
        against_own = self.in_process.wall_s / self.in_process.recognise_s
        against_full = self.in_process.wall_s / self.bare.full.wall_s
        workers = self.two.pages_per_s / self.one.pages_per_s
        started = self.two.pages_per_s_once_started / self.one.pages_per_s_once_started
        return [
            Figure(
                "rival",
                "pages/s, end to end, against OCRmyPDF's command line, two files at a time on two cores",
                f"{AGAINST_RIVAL:.0f} ×",
                f"{against_rival:.1f} ×",
                against_rival >= AGAINST_RIVAL,
            ),
            Figure(
                "bare",
                "time a page end to end against bare recognition of the page as scanned, in the same process",
                f"≤ {AGAINST_BARE} ×",
                f"{against_full:.2f} ×",
                against_full <= AGAINST_BARE,
            ),
            Figure(
                "own",
                f"the same against the engine's time at the {REDUCED_DPI:.0f} dpi that Sohoa reads at, with red text",
                f"≤ {AGAINST_BARE} ×",
                f"{against_own:.2f} ×",
                against_own <= AGAINST_BARE,
            ),
            Figure(
                "workers",
                "two workers against one, the command from start to end",
                f"≥ {TWO_AGAINST_ONE} ×",
                f"{workers:.2f} × ({started:.2f} × without start-up)",
                workers >= TWO_AGAINST_ONE,
            ),
        ]

    def details(self) -> list[str]:
        bare, inside = self.bare, self.in_process
        rows = [
            _row(
                "bare recognition of the pages as scanned, one process", bare.pages, bare.full.wall_s, bare.full.cpu_s
            ),
            _row(
                f"bare recognition at {REDUCED_DPI:.0f} dpi, one process",
                bare.pages,
                bare.reduced.wall_s,
                bare.reduced.cpu_s,
            ),
            _row("Sohoa's pipeline in one process, of this in the engine:", inside.pages, inside.recognise_s, None),
            _row("Sohoa's pipeline in one process, all of it", inside.pages, inside.wall_s, inside.cpu_s),
            *(
                _row(
                    f"`sohoa archive --jobs {command.workers}` (start-up {command.start_s:.1f} s)",
                    command.archived.pages,
                    command.archived.run.wall_s,
                    command.archived.run.cpu_s,
                )
                for command in (self.one, self.two)
            ),
            _row(
                f"`ocrmypdf {' '.join(rival.OPTIONS)}`, {rival.AT_A_TIME} files at a time",
                self.rival.pages,
                self.rival.wall_s,
                self.rival.cpu_s,
            ),
        ]
        started = self.two.pages_per_s_once_started
        ratios = {
            "end to end in one process ÷ bare recognition as scanned, CPU": inside.cpu_s / bare.full.cpu_s,
            f"end to end in one process ÷ bare recognition at {REDUCED_DPI:.0f} dpi, CPU": inside.cpu_s
            / bare.reduced.cpu_s,
            "CPU a page, OCRmyPDF ÷ `sohoa archive --jobs 2`": self.rival.cpu_s
            / self.rival.pages
            / self.two.cpu_s_a_page,
            "pages/s, `sohoa archive --jobs 2` without start-up ÷ OCRmyPDF": started / self._rival_pages_per_s,
        }
        return [
            self.sample,
            "",
            *table(("What", "pages", "seconds", "s a page", "pages/s", "CPU s a page"), rows),
            "",
            *table(("Ratio", "×"), ((name, f"{ratio:.2f}") for name, ratio in ratios.items())),
            "",
            f"{_NOTE} {self.rival.not_pdfa} of its files did not become PDF/A and count all the same.",
        ]


def measure(work: Path, size: Size) -> Speed:
    """Draw the sample and run everything on it, one thing after the other."""
    say(f"drawing about {size.pages} pages")
    files = draw_sample(work / "papers", pages=size.pages)
    paths = [file.path for file in files]
    blank = draw_blank(work / "blank")
    say("bare recognition")
    bare = recognise_bare(files, Settings(home=work / "nowhere"))
    say("the pipeline in one process")
    in_process = work_through(paths, home=work / "home-inside")
    commands = []
    for workers in (1, 2):
        say(f"sohoa archive --jobs {workers}")
        start = archive([blank], home=work / f"home-blank-{workers}", workers=workers)
        archived = archive(paths, home=work / f"home-{workers}", workers=workers)
        commands.append(Command(workers, archived, start.run.wall_s))
    say("ocrmypdf, two files at a time")
    return Speed(describe(files), bare, in_process, commands[0], commands[1], run_ocrmypdf(files, work / "rival"))


def _row(what: str, pages: int, wall_s: float, cpu_s: float | None) -> tuple[str, ...]:
    cpu = "-" if cpu_s is None else f"{cpu_s / pages:.2f}"
    return (what, str(pages), f"{wall_s:.1f}", f"{wall_s / pages:.2f}", f"{pages / wall_s:.2f}", cpu)
