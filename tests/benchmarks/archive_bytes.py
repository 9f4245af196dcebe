"""Bytes: what the archive keeps of a document beside its original and its PDF, counted in the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.archive.layout import object_root, receipt_key
from tests.benchmarks.processes import archive
from tests.benchmarks.report import Figure, table
from tests.benchmarks.sample import SampleFile, describe, draw_sample
from tests.benchmarks.say import say

MOST_OF_COLOUR = 0.05
G4_DOCUMENT_BYTES, G4_PAGE_BYTES = 40_000, 15_000


@dataclass(frozen=True, slots=True)
class Kept:
    """One document: its original and PDF, what else of it is in the archive, and in how many files all of it is."""

    paper: SampleFile
    file_bytes: int
    other_bytes: int
    files: int

    @property
    def of_files(self) -> float:
        return self.other_bytes / self.file_bytes

    @property
    def of_allowed(self) -> float:
        """Against what a G4 document may have."""
        return self.other_bytes / (G4_DOCUMENT_BYTES + G4_PAGE_BYTES * self.paper.pages)


@dataclass(frozen=True, slots=True)
class Bytes:
    """All documents of the sample. `ledger_bytes` are those of one ledger entry on average."""

    sample: str
    kept: tuple[Kept, ...]
    ledger_bytes: float

    def figures(self) -> list[Figure]:
        colour, g4 = self._of("JPEG"), self._of("G4 TIFF")
        worst = max(each.of_files for each in colour)
        most = max(g4, key=lambda each: each.of_allowed)
        return [
            Figure(
                "bytes-colour",
                "bytes beside original and PDF, colour JPEG",
                f"≤ {MOST_OF_COLOUR:.0%} of them",
                f"{_all(colour):.1%} (worst document {worst:.1%})",
                worst <= MOST_OF_COLOUR,
            ),
            Figure(
                "bytes-g4",
                "bytes beside original and PDF, G4",
                f"≤ {G4_DOCUMENT_BYTES // 1000} kB + {G4_PAGE_BYTES // 1000} kB a page",
                f"worst document {most.other_bytes / 1000:.0f} kB for {most.paper.pages} pages, {most.of_allowed:.0%} of that",
                most.of_allowed <= 1,
            ),
        ]

    def details(self) -> list[str]:
        rows = []
        for source in sorted({each.paper.source for each in self.kept}):
            found = self._of(source)
            pages = sum(each.paper.pages for each in found)
            other = sum(each.other_bytes for each in found)
            rows.append(
                [
                    source,
                    len(found),
                    pages,
                    f"{sum(each.file_bytes for each in found) / 1000:,.0f}",
                    f"{other / 1000:,.1f}",
                    f"{other / pages / 1000:.1f}",
                    f"{_all(found):.1%}",
                    f"{sum(each.files for each in found) / len(found):.0f}",
                ]
            )
        return [
            (
                f"{self.sample} Counted are the object's whole folder, inventories included, the receipt, and the ledger entry "
                f"({self.ledger_bytes:,.0f} bytes) a document; lengths of files, not blocks of the disk (2 kB more a file)."
            ),
            "",
            *table(
                [
                    "source",
                    "documents",
                    "pages",
                    "kB original and PDF",
                    "kB beside",
                    "kB a page",
                    "beside ÷ both",
                    "files",
                ],
                rows,
            ),
        ]

    def _of(self, source: str) -> list[Kept]:
        return [each for each in self.kept if each.paper.source == source]


def measure(work: Path, *, pages: int) -> Bytes:
    """Archive drawn papers of some `pages` pages and weigh what lies in the archive's folder afterwards."""
    say("drawing, and archiving with two workers, to weigh the archive")
    papers = draw_sample(work / "papers", pages=pages)
    archived = archive([paper.path for paper in papers], home=work / "home", workers=2)
    store = work / "home/archive"
    entries = [path.stat().st_size for path in (store / "ledger").rglob("*.json")]
    ledger_bytes = sum(entries) / len(papers)
    of_path = {document["source"]: document for document in archived.documents}
    kept = []
    for paper in papers:
        document = of_path[str(paper.path)]
        document_id = document["document_id"]
        files = [
            path for path in (store / object_root(f"urn:sohoa:document:{document_id}")).rglob("*") if path.is_file()
        ]
        file_bytes = paper.path.stat().st_size + int(document["pdf"]["size_bytes"])
        whole = sum(path.stat().st_size for path in files) + (store / receipt_key(document_id)).stat().st_size
        kept.append(Kept(paper, file_bytes, round(whole + ledger_bytes) - file_bytes, len(files) + 1))
    return Bytes(describe(papers), tuple(kept), ledger_bytes)


def _all(kept: Sequence[Kept]) -> float:
    return sum(each.other_bytes for each in kept) / sum(each.file_bytes for each in kept)
