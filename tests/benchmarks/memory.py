"""Memory: the most that a worker process ever held, by the length and the size of what it worked on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import img2pdf
from PIL import Image

from tests.benchmarks.processes import CommandFailed, archive
from tests.benchmarks.report import Figure, table
from tests.benchmarks.say import say
from tests.benchmarks.size import Size
from tests.support import press

MOST_BYTES = 450_000_000
FLAT_WITHIN = 1.15
"""The longest document against the shortest: what still counts as flat."""
LONGEST_PAGES = 800
"""Without a document as long as this, the figure to reach is not measured."""
SEED = 6_300
WORKERS = 2
_QUALITY = 80
_NOTE = (
    f"One document at a time through `sohoa archive --jobs {WORKERS}`; the peak is VmHWM (all resident memory, shared "
    "libraries and the model included) of whichever worker had more. Long documents are scan PDFs of three full drawn "
    "pages in turn (no light ones), each page with bytes of its own. "
    f"Flat means that the longest takes at most {FLAT_WITHIN} × the shortest."
)


@dataclass(frozen=True, slots=True)
class Peak:
    """One document and the highest peak of a worker that worked on it."""

    what: str
    pages: int
    file_bytes: int
    peak_bytes: int
    wall_s: float


@dataclass(frozen=True, slots=True)
class Memory:
    """A4 at 300 dpi from short to long, then larger pages."""

    by_length: tuple[Peak, ...]
    large: tuple[Peak, ...]

    def figures(self) -> list[Figure]:
        first, last = self.by_length[0], self.by_length[-1]
        most, growth = max(peak.peak_bytes for peak in self.by_length), last.peak_bytes / first.peak_bytes
        peaks = ", ".join(f"{peak.pages} pages {_mb(peak.peak_bytes)}" for peak in self.by_length)
        return [
            Figure(
                "memory",
                "peak memory of a worker, A4 at 300 dpi, short and long documents alike",
                f"≤ {_mb(MOST_BYTES)} and flat",
                f"{peaks} ({growth:.2f} ×)",
                most <= MOST_BYTES and growth <= FLAT_WITHIN if last.pages >= LONGEST_PAGES else None,
            ),
            Figure(
                "large",
                "peak memory of a worker, larger pages",
                "a stated bound",
                ", ".join(f"{peak.what} {_mb(peak.peak_bytes)}" for peak in self.large),
                None,
            ),
        ]

    def details(self) -> list[str]:
        rows = [
            (
                peak.what,
                peak.pages,
                f"{peak.file_bytes / 1e6:.1f}",
                f"{peak.peak_bytes / 1e6:.0f}",
                f"{peak.wall_s:.1f}",
                f"{peak.pages / peak.wall_s:.2f}",
            )
            for peak in (*self.by_length, *self.large)
        ]
        return [
            _NOTE,
            "",
            *table(("Document", "pages", "MB", "peak MB of a worker", "seconds", "pages/s"), rows),
        ]


def measure(work: Path, size: Size) -> Memory:
    """Archive documents of growing length, then one page A3 at 300 dpi and one A4 at 600 dpi."""
    work.mkdir(parents=True, exist_ok=True)
    kinds = ("quyet_dinh", "cong_van", "thong_bao")
    images = [_jpeg(press.draw(kind, seed=SEED, pages=1).pages[0].image, dpi=300) for kind in kinds]
    by_length = []
    for pages in size.long_documents:
        path = work / f"{pages}-pages.pdf"
        with path.open("wb") as stream:
            img2pdf.convert(list(_numbered(images, pages)), outputstream=stream, engine=img2pdf.Engine.internal)
        by_length.append(_peak(path, "A4, 300 dpi", pages=pages, work=work))
    big_image = press.draw(kinds[0], seed=SEED, dpi=600, pages=1).pages[0].image
    large = []
    for what, name, image, dpi in (
        ("A3, 300 dpi", "a3.jpg", _side_by_side(images), 300),
        ("A4, 600 dpi", "a4-600.jpg", big_image, 600),
    ):
        path = work / name
        path.write_bytes(_jpeg(image, dpi=dpi))
        large.append(_peak(path, what, pages=1, work=work))
    return Memory(tuple(by_length), tuple(large))


def _peak(path: Path, what: str, *, pages: int, work: Path) -> Peak:
    say(f"peak memory: {what}, {pages} pages")
    run = archive([path], home=work / f"home-{path.stem}", workers=WORKERS, watch_memory=True).run
    if run.peak_worker_bytes == 0:
        raise CommandFailed("no worker was seen, so its memory could not be measured")
    return Peak(what, pages, path.stat().st_size, run.peak_worker_bytes, run.wall_s)


def _numbered(images: list[bytes], count: int) -> Iterator[bytes]:
    """`count` JPEGs, each with a comment of its own after the start marker, so that no two have the same bytes."""
    for number, image in enumerate(islice(cycle(images), count)):
        comment = f"page {number + 1}".encode()
        yield image[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + image[2:]


def _side_by_side(images: list[bytes]) -> Image.Image:
    left, right = (Image.open(io.BytesIO(data)) for data in images[:2])
    sheet = Image.new("RGB", (left.width + right.width, left.height), "white")
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width, 0))
    return sheet


def _jpeg(image: Image.Image, *, dpi: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY, dpi=(dpi, dpi))
    return out.getvalue()


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"
