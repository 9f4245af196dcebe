"""An office on a temporary folder that knows Sohoa as a command only: runs it, reads its JSON, looks at what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from ocr_workers.housekeeping import clear_finished_staging, finish_interrupted, hand_out_again
from sohoa.clock import FixedClock, SystemClock
from sohoa.settings import Settings
from storage.catalog import documents, jobs
from storage.catalog.documents import Document
from storage.stores import Stores, open_stores
from tests.support.crash import assert_whole
from tests.support.pdf_files import FALLBACK, SERIF

COMMAND = Path(sys.executable).with_name("sohoa")
TIME_LIMIT_S = 600.0
PROMPTLY_S = 120.0
_QUICK = {"SOHOA_LEASE_S": "4", "SOHOA_MIN_FREE_BYTES": "0", "SOHOA_JOBS": "2"}
_FONT = str(SERIF if SERIF.exists() else FALLBACK)


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True)
class Office:
    """A fresh SOHOA_HOME under `root` and the settings that every command of it gets."""

    root: Path
    settings: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.root / "sohoa-data"

    @property
    def archive_root(self) -> Path:
        return Path(self.environment()["SOHOA_ARCHIVE_URL"].removeprefix("file://"))

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SOHOA_")}
        here = {"SOHOA_HOME": str(self.home), "SOHOA_ARCHIVE_URL": f"file://{self.home / 'archive'}"}
        return {**kept, **_QUICK, **here, **self.settings, **settings}

    def start(self, *arguments: str | Path, through: Sequence[str] = (), **settings: str) -> subprocess.Popen[str]:
        """A running command, the leader of its own process group; `through` is a command that runs it."""
        process = subprocess.Popen(
            [*through, str(COMMAND), *map(str, arguments)],
            env=self.environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str | Path, **settings: str) -> Run:
        """A command run to its end. Nobody may ever see a traceback."""
        return ended(self.start(*arguments, **settings))

    def with_settings(self, **settings: str) -> Office:
        """The same office under other settings."""
        return replace(self, settings={**self.settings, **settings})

    def close(self) -> None:
        """Kill what a failed test has left running."""
        for process in self.started:
            kill_group(process)
            process.communicate()

    def archive(
        self, *paths: str | Path, code: int = 0, dossier: str | None = None, **settings: str
    ) -> list[dict[str, Any]]:
        """`sohoa archive --json`, which must end with `code`; one result a file."""
        where = () if dossier is None else ("--dossier", dossier)
        run = self.run("archive", "--json", *where, *paths, **settings)
        assert run.code == code, (run.code, run.out, run.err)
        return run.lines

    def search(self, query: str, *, limit: int = 100) -> list[dict[str, Any]]:
        """The hits of `sohoa search --json`, at most `limit`."""
        run = self.run("search", query, "--limit", str(limit), "--json")
        assert run.code == 0, run.err
        found = json.loads(run.out)
        assert found.keys() == {"total", "hits"}
        hits: list[dict[str, Any]] = found["hits"]
        return hits

    def status(self, document_id: str | None = None) -> dict[str, Any]:
        run = self.run("status", *([] if document_id is None else [document_id]), "--json")
        assert run.code == 0, run.err
        shown: dict[str, Any] = json.loads(run.out)
        return shown

    @contextmanager
    def stores(self, *, later: timedelta = timedelta()) -> Iterator[Stores]:
        """The stores themselves, to look at; the clock may be ahead."""
        catalog_url = self.settings.get("SOHOA_CATALOG_URL", "")
        here = {"home": self.home, "archive_url": f"file://{self.archive_root}", "catalog_url": catalog_url}
        settings = Settings().model_copy(update={**here, "min_free_bytes": 0})
        with open_stores(settings, clock=FixedClock(SystemClock().now() + later)) as stores:
            yield stores

    def documents(self) -> list[Document]:
        with self.stores() as stores, stores.database.read() as connection:
            return list(documents.list_documents(connection, limit=500).items)

    def assert_in_order(self) -> list[Document]:
        """Assert what is promised of an office at rest, whatever happened to it before; all its documents.

        Each receipt is exactly one document, of the receipt's digest; each is archived, held or failed and lies in the
        archive byte for byte; no job is left that somebody would do, no intent, nothing staged; OCFL and ledger are whole.
        """
        with self.stores(later=timedelta(days=2)) as stores:
            finish_interrupted(stores)
            hand_out_again(stores)
            clear_finished_staging(stores)
            assert list(stores.archive.objects.list("staging/")) == []
            with stores.database.read() as connection:
                waiting = {state for states in jobs.counts(connection).values() for state in states}
                here = list(documents.list_documents(connection, limit=500).items)
            assert waiting <= {"failed"}
            keys = [(each.office, each.dossier, each.original_sha256) for each in here if each.status != "withdrawn"]
            assert len(set(keys)) == len(keys)
            for name in stores.archive.objects.list("receipts/"):
                receipt = stores.archive.read_receipt(Path(name).stem)
                key = (receipt.office, receipt.dossier, receipt.sha256)
                if receipt.revising is not None:
                    [base] = [each for each in here if each.document_id == receipt.revising.document_id]
                    assert receipt.sha256 in stores.archive.inventory(base.archived_in).manifest
                    continue
                assert key in keys or receipt.document_id in {each.document_id for each in here}
            for document in here:
                assert document.status in ("archived", "held", "failed", "withdrawn"), document
                assert stores.archive.has_receipt(document.document_id)
                name = f"documents/{document.document_id}/original.{document.kind}"
                kept = stores.archive.files(document.archived_in)[name]
                assert (kept.sha256, kept.size_bytes) == (document.original_sha256, document.original_size_bytes)
        assert_whole(self.archive_root)
        return here


def ended(process: subprocess.Popen[str], *, within_s: float = TIME_LIMIT_S) -> Run:
    """How the process ended; it is killed with all its children where it takes too long."""
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        kill_group(process)
        out, err = process.communicate()
        raise AssertionError(f"{process.args!r} took longer than {within_s} s\n{out}\n{err}") from None
    assert "Traceback" not in err, err
    assert "traceback" not in err.lower(), err
    return Run(process.returncode, out, err)


def kill_group(process: subprocess.Popen[str]) -> None:
    """kill -9 for a command, while it runs, and everything that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def wait_until(true: Callable[[], bool], *, running: subprocess.Popen[str], within_s: float = PROMPTLY_S) -> None:
    """Look every 20 ms until it is so, while the process runs."""
    until_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until_s, "it never happened"
        with suppress(subprocess.TimeoutExpired):
            running.wait(timeout=0.02)
            raise AssertionError(f"ended with {running.returncode} too early")


def first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the first result that `archive --json` prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"ended with {process.wait()} before it printed anything"
    result: dict[str, Any] = json.loads(line)
    return result


def slip(path: Path, *pages: str, form: str = "JPEG") -> Path:
    """A slip of paper (A5 at 150 dpi), one line of large print a page, scanned; several pages need the form TIFF or PDF."""
    sheets = [_sheet(words) for words in pages]
    more = {"save_all": True, "append_images": sheets[1:]} if len(sheets) > 1 else {}
    sheets[0].save(path, form, dpi=(150, 150), **more)
    return path


def dense_sheet(words: str, *, lines: int = 60) -> Image.Image:
    """A page full of small print, which the engine needs seconds for."""
    sheet = Image.new("L", (2480, 3508), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.truetype(_FONT, 34)
    for number in range(lines):
        pen.text((150, 150 + 54 * number), f"{number + 1}. {words}"[:130], fill=0, font=font)
    return sheet


def blank_sheet() -> Image.Image:
    return Image.new("L", (1240, 874), 255)


def letter(path: Path, pages: Sequence[str]) -> Path:
    """A born-digital PDF, a line of text a page: the quickest paper there is."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(FixedClock().now())  # the same words are the same bytes
    pdf.add_font("serif", fname=_FONT)
    for words in pages:
        pdf.add_page()
        pdf.set_font("serif", size=14)
        pdf.multi_cell(0, 9, words)
    pdf.output(str(path))
    return path


def _sheet(words: str) -> Image.Image:
    sheet = Image.new("L", (1240, 874), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.truetype(_FONT, 44)
    for number, line in enumerate(words.split("\n")):
        pen.text((100, 120 + 80 * number), line, fill=0, font=font)
    return sheet
