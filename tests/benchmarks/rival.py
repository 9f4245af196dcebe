"""OCRmyPDF's command line on the same papers: two files at a time, each on one core."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import img2pdf

from tests.benchmarks.processes import CommandFailed, run
from tests.benchmarks.sample import SampleFile

AT_A_TIME = 2
OPTIONS = ("-l", "vie", "--output-type", "pdfa-2", "--pdfa-backend", "internal", "--jobs", "1")
"""`internal` makes the PDF/A without Ghostscript: Debian 12's is one that OCRmyPDF refuses for PDF/A."""


@dataclass(frozen=True, slots=True)
class Rival:
    """What OCRmyPDF took for all files. `refused` are those that it could not make PDF/A; their pages do not count."""

    pages: int
    wall_s: float
    cpu_s: float
    refused: int


def run_ocrmypdf(files: Sequence[SampleFile], folder: Path) -> Rival:
    """Run it on every file, images wrapped as PDFs (not timed) at their true resolution, which is kind to it."""
    folder.mkdir(parents=True)
    inputs = [_as_pdf(file, folder) for file in files]
    started_s = time.perf_counter()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        spent = list(pool.map(_convert, inputs))
    wall_s = time.perf_counter() - started_s
    done = [(file, cpu_s) for file, cpu_s in zip(files, spent, strict=True) if cpu_s is not None]
    if not done:
        raise CommandFailed("ocrmypdf made none of the sample PDF/A")
    return Rival(
        pages=sum(file.pages for file, _ in done),
        wall_s=wall_s,
        cpu_s=sum(cpu_s for _, cpu_s in done),
        refused=len(files) - len(done),
    )


def _as_pdf(file: SampleFile, folder: Path) -> Path:
    if file.source == "scan PDF":
        return file.path
    target = folder / f"{file.path.stem}.in.pdf"
    with target.open("wb") as stream:
        img2pdf.convert(
            str(file.path),
            outputstream=stream,
            layout_fun=img2pdf.get_fixed_dpi_layout_fun((file.dpi, file.dpi)),
            rotation=img2pdf.Rotation.ifvalid,
        )
    return target


def _convert(path: Path) -> float | None:
    """Processor seconds, or None where it gave up."""
    target = path.with_name(f"{path.stem}.out.pdf")
    command = [str(Path(sys.executable).with_name("ocrmypdf")), *OPTIONS, str(path), str(target)]
    try:
        return run(command, environment={"OMP_THREAD_LIMIT": "1"}).cpu_s
    except CommandFailed:
        return None
    finally:
        target.unlink(missing_ok=True)
