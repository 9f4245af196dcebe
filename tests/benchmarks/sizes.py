"""Size: the bytes of the PDF/A against the bytes of what was scanned, by kind of file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processes import archive
from tests.benchmarks.report import Figure, table
from tests.benchmarks.sample import Source, describe, draw_sample
from tests.benchmarks.say import say
from tests.benchmarks.size import Size

MOST = 1.05
G4_DOCUMENT_BYTES = 16_000
G4_PAGE_BYTES = 3_000
_SMALLEST_SAMPLE = 14
"""Pages; with fewer there would be kinds of file without a paper."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One document: the file as it came and its PDF/A."""

    source: Source
    pages: int
    in_bytes: int
    out_bytes: int

    @property
    def allowed_bytes(self) -> int:
        """What a G4 document may have besides its share, for fonts and text."""
        return G4_DOCUMENT_BYTES + self.pages * G4_PAGE_BYTES if self.source == "G4 TIFF" else 0

    @property
    def ratio(self) -> float:
        """Without what is allowed."""
        return (self.out_bytes - self.allowed_bytes) / self.in_bytes


@dataclass(frozen=True, slots=True)
class Sizes:
    """All documents of the sample."""

    sample: str
    weighed: tuple[Weighed, ...]

    def figures(self) -> list[Figure]:
        return [
            self._figure("jpeg", "JPEG", f"≤ {MOST} ×"),
            self._figure("g4", "G4 TIFF", f"≤ {MOST} × plus 16 kB a document and 3 kB a page"),
        ]

    def details(self) -> list[str]:
        rows = []
        for source in sorted({each.source for each in self.weighed}):
            found = self._of(source)
            in_bytes, out_bytes = sum(each.in_bytes for each in found), sum(each.out_bytes for each in found)
            rows.append(
                (
                    source,
                    len(found),
                    sum(each.pages for each in found),
                    f"{in_bytes / 1000:,.0f}",
                    f"{out_bytes / 1000:,.0f}",
                    f"{out_bytes / in_bytes:.3f}",
                    f"{_all(found):.3f}",
                    f"{max(each.ratio for each in found):.3f}",
                )
            )
        heads = (
            "Source",
            "documents",
            "pages",
            "kB in",
            "kB out",
            "out ÷ in",
            "less what is allowed",
            "worst document",
        )
        return [self.sample, "", *table(heads, rows)]

    def _figure(self, key: str, source: Source, at_least: str) -> Figure:
        found = self._of(source)
        worst = max(each.ratio for each in found)
        measured = f"{_all(found):.3f} × (worst document {worst:.3f} ×)"
        return Figure(key, f"PDF bytes against source image bytes, {source}", at_least, measured, worst <= MOST)

    def _of(self, source: Source) -> list[Weighed]:
        return [each for each in self.weighed if each.source == source]


def measure(work: Path, size: Size) -> Sizes:
    """Archive a sample and weigh what came of it."""
    say("drawing, and archiving with two workers, to weigh the PDFs")
    files = draw_sample(work / "papers", pages=max(size.pages // 2, _SMALLEST_SAMPLE))
    archived = archive([file.path for file in files], home=work / "home", workers=2)
    of_path = {document["source"]: document for document in archived.documents}
    weighed = tuple(
        Weighed(file.source, file.pages, file.path.stat().st_size, int(of_path[str(file.path)]["pdf"]["size_bytes"]))
        for file in files
    )
    return Sizes(describe(files), weighed)


def _all(found: Sequence[Weighed]) -> float:
    """The ratio over all documents of a kind, without what is allowed."""
    return sum(each.out_bytes - each.allowed_bytes for each in found) / sum(each.in_bytes for each in found)
