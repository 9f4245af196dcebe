"""The ladder to PDF/A: which rung born-digital PDFs take (kept, ocrmypdf, rasterised), by the program that wrote them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pikepdf
from fpdf import FPDF

from tests.benchmarks.in_process import work_through
from tests.benchmarks.processes import run
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.size import Size
from tests.support import press
from tests.support.press import fonts

REAL_PAPERS = Path(__file__).resolve().parents[3] / "shared" / "papers"
ROUTES = ("kept", "ocrmypdf", "rasterised")
_SEED = 8_500
_PORTAL_TEXT = (
    "Receipt of an application, as a portal without fonts of its own prints it.\n\n" + "Line of a form: value\n" * 20
)


@dataclass(frozen=True, slots=True)
class Group:
    """PDFs from one kind of program and how they ended: a route, or a status with its code."""

    name: str
    endings: tuple[str, ...]

    def share(self, ending: str) -> str:
        return f"{self.endings.count(ending)} of {len(self.endings)}"


@dataclass(frozen=True, slots=True)
class Ladder:
    """All groups; `left_out` says which could not be had here, and why."""

    groups: tuple[Group, ...]
    left_out: tuple[str, ...]

    def figures(self) -> list[Figure]:
        ended = Counter(ending for group in self.groups for ending in group.endings)
        measured = ", ".join(f"{name} {count}" for name, count in ended.most_common())
        return [Figure("ladder", "born-digital PDFs by the way they became PDF/A", "-", measured, None)]

    def details(self) -> list[str]:
        others = sorted({ending for group in self.groups for ending in group.endings} - set(ROUTES))
        heads = ("PDFs from", "documents", *ROUTES, *others)
        rows = [
            (group.name, len(group.endings), *(group.share(route) for route in (*ROUTES, *others)))
            for group in self.groups
        ]
        return [*table(heads, rows), *(f"\nLeft out: {reason}." for reason in self.left_out)]


def measure(work: Path, size: Size) -> Ladder:
    """Make or find the PDFs and archive each group in this process."""
    found: dict[str, list[Path]] = {}
    left_out: list[str] = []
    for name, write in (("fpdf2, fonts embedded", _with_fonts), ("fpdf2, fonts not embedded", _without_fonts)):
        found[name] = [_made(write, work / name.replace(" ", "-"), number) for number in range(size.born_digital)]
    soffice = shutil.which("soffice")
    if soffice:
        found["LibreOffice"] = [_by_libreoffice(soffice, work / "lo", number) for number in range(size.born_digital)]
    else:
        left_out.append("LibreOffice is not installed")
    if REAL_PAPERS.is_dir():
        for path in _real_born_digital():
            found.setdefault(f"real papers, {_writer_of(path)}", []).append(path)
    else:
        left_out.append("../shared/papers is not here")
    groups: list[Group] = []
    for name, paths in found.items():
        say(f"the ladder: {len(paths)} PDFs, {name}")
        groups.append(Group(name, work_through(paths, home=work / f"home-{len(groups)}").endings))
    return Ladder(tuple(groups), tuple(left_out))


def _made(write: Callable[[Path, int], None], folder: Path, number: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:02d}.pdf"
    write(path, number)
    return path


def _with_fonts(path: Path, number: int) -> None:
    pdf = FPDF(format="A4")
    pdf.add_font("serif", fname=str(fonts.font(fonts.LIBERATION.regular, 12).path))
    pdf.set_font("serif", size=13)
    pdf.add_page()
    pdf.multi_cell(0, 7, _text(number))
    pdf.output(str(path))


def _without_fonts(path: Path, number: int) -> None:
    pdf = FPDF(format="A4")
    pdf.set_font("Helvetica", size=12)
    pdf.add_page()
    pdf.multi_cell(0, 7, f"{number}\n{_PORTAL_TEXT}")
    pdf.output(str(path))


def _by_libreoffice(soffice: str, folder: Path, number: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{number:02d}.txt"
    source.write_text(_text(number), encoding="utf-8-sig")
    command = [soffice, "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(source)]
    run(command, environment={"HOME": str(folder)})
    return source.with_suffix(".pdf")


def _text(number: int) -> str:
    kind = press.KINDS[number % len(press.KINDS)]
    return press.draw(kind, seed=_SEED + number, level="clean", dpi=100, pages=1).text


def _real_born_digital() -> list[Path]:
    """The PDFs among the real papers whose transcription says that they are born digital."""
    described = ((path, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(REAL_PAPERS.glob("*.json")))
    papers = (path.with_suffix(".pdf") for path, known in described if known["level"] == "born-digital")
    return [path for path in papers if path.exists()]


def _writer_of(path: Path) -> str:
    """The family of programs that wrote the PDF, by what it says of itself."""
    with pikepdf.open(path) as pdf:
        said = " ".join(str(pdf.docinfo.get(name, "")) for name in ("/Producer", "/Creator"))
    families = {"Word": "Microsoft", "LibreOffice": "LibreOffice", "iText": "iText", "Acrobat": "Acrobat"}
    return next((family for family, mark in families.items() if mark.lower() in said.lower()), "other programs")
