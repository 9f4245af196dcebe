"""OCRmyPDF's command line on the same papers: two files at a time, each on one core."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import img2pdf

from tests.benchmarks.processes import Run, run
from tests.benchmarks.sample import SampleFile

AT_A_TIME = 2
OPTIONS = ("-l", "vie", "--output-type", "pdfa-2", "--pdfa-backend", "internal", "--jobs", "1")
"""`internal` makes the PDF/A without Ghostscript: Debian 12's is one that OCRmyPDF refuses for PDF/A."""


_NOT_PDFA = frozenset({4, 10})
"""Exit codes for an output that is not the PDF/A asked for; all the work was done by then."""


@dataclass(frozen=True, slots=True)
class Rival:
    """What OCRmyPDF took for all files; `not_pdfa` of them did not become PDF/A and are counted all the same."""

    pages: int
    wall_s: float
    cpu_s: float
    not_pdfa: int


def run_ocrmypdf(files: Sequence[SampleFile], folder: Path) -> Rival:
    """Run it on every file, images wrapped as PDFs (not timed) at their true resolution, which is kind to it."""
    folder.mkdir(parents=True)
    inputs = [_as_pdf(file, folder) for file in files]
    started_s = time.perf_counter()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = list(pool.map(_convert, inputs))
    return Rival(
        pages=sum(file.pages for file in files),
        wall_s=time.perf_counter() - started_s,
        cpu_s=sum(run.cpu_s for run in runs),
        not_pdfa=sum(run.exit_code != 0 for run in runs),
    )


def _as_pdf(file: SampleFile, folder: Path) -> Path:
    if file.source == "scan PDF":
        return file.path
    target = folder / f"{file.path.stem}.pdf"
    with target.open("wb") as stream:
        img2pdf.convert(
            str(file.path),
            outputstream=stream,
            layout_fun=img2pdf.get_fixed_dpi_layout_fun((file.dpi, file.dpi)),
            rotation=img2pdf.Rotation.ifvalid,
        )
    return target


def _convert(path: Path) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("ocrmypdf")), *OPTIONS, str(path), f"{folder}/out.pdf"]
        return run(command, environment={"OMP_THREAD_LIMIT": "1"}, exit_codes={0, *_NOT_PDFA})
