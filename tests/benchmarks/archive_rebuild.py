"""Rebuilding: documents a second out of an archive of two-page documents, catalogue and index apart.

python -m tests.benchmarks.archive_rebuild [DOCUMENTS]
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from sohoa.clock import SystemClock
from sohoa.model import DossierCode
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.archive.archive import Archive
from storage.rebuild.rebuild import Rebuilt, rebuild
from storage.stores import open_archive
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.staged_documents import LINES, PAGES, WORDS_A_LINE, commit_staged, stage_document

LEAST_DOCUMENTS_A_SECOND = 500
DOCUMENTS = 3000
_IN_DOSSIERS_OF = 8
_NOTE = (
    f"Documents of {PAGES} pages of {WORDS_A_LINE * LINES} words, half of them in dossiers of {_IN_DOSSIERS_OF}, in a "
    "folder whose files are cached; one process. The catalogue is ledger, objects and receipts; the index is filled after it."
)


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """One rebuild of so many documents."""

    documents: int
    catalogue_s: float
    index_s: float

    def figures(self) -> list[Figure]:
        rate = self.documents / self.catalogue_s
        return [
            Figure(
                "rebuild",
                f"rebuild of the catalogue, {self.documents:,} documents in a folder",
                f"≥ {LEAST_DOCUMENTS_A_SECOND} documents/s",
                f"{rate:.0f} documents/s (the index after it: {self.documents / self.index_s:.0f} documents/s)",
                rate >= LEAST_DOCUMENTS_A_SECOND,
            )
        ]

    def details(self) -> list[str]:
        rows = [
            [name, f"{seconds:.1f}", f"{self.documents / seconds:.0f}"]
            for name, seconds in (
                ("catalogue", self.catalogue_s),
                ("index", self.index_s),
                ("both", self.catalogue_s + self.index_s),
            )
        ]
        return [_NOTE, "", *table(["step", "s", "documents/s"], rows)]


def measure(folder: Path, *, documents: int = DOCUMENTS) -> Rebuilding:
    """Make an archive in `folder` and rebuild catalogue and index from it."""
    settings, clock = Settings(home=folder, min_free_bytes=0), SystemClock()
    archive = open_archive(settings, clock)
    archive.initialise()
    with mock.patch("os.fsync"):  # only making the documents is helped by that; rebuilding is measured as it is
        for number in range(documents):
            _make(number, archive, clock, settings.temporary_folder())
            if number % 500 == 499:
                say(f"{number + 1} documents made")
    rebuilt = rebuild(settings, open_archive(settings, clock), clock)
    _check(rebuilt, documents)
    return Rebuilding(documents, rebuilt.catalogue_s, rebuilt.index_s)


def _check(rebuilt: Rebuilt, documents: int) -> None:
    assert rebuilt.findings == ()
    assert rebuilt.documents == {DocumentStatus.ARCHIVED: documents}
    assert rebuilt.pages == documents * PAGES


def _make(number: int, archive: Archive, clock: SystemClock, temporary: Path) -> None:
    """Accept and commit one document as the stages do, with what the engine and the composer would have made."""
    dossier = None if number % 2 else DossierCode(f"000.00.05.H02-230105-{number // (2 * _IN_DOSSIERS_OF):04}")
    original, pdf = b"original %d" % number, b"%%PDF-1.7 %d" % number
    paper = stage_document(number, archive, clock, original=original, pdf=pdf, temporary=temporary, dossier=dossier)
    commit_staged(paper, archive)
    archive.clear_staging(paper.document.document_id)


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS
    with tempfile.TemporaryDirectory(prefix="sohoa-rebuild-") as folder:
        measured = measure(Path(folder), documents=documents)
    print("\n".join(measured.details()))
    for figure in measured.figures():
        print(f"\n{figure.what}: {figure.measured}; to reach: {figure.at_least}: {figure.verdict}")


if __name__ == "__main__":
    main()
