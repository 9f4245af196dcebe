"""An office whose papers go all the way through the real stages, with an engine that reads what a script says."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from ingest import decisions, moving
from ingest.receive import Accepted, Intake, receive
from ingest.revising import revise
from ingest.sniff import Kind
from ocr_workers import pipeline, revised
from ocr_workers.compose import Composition
from ocr_workers.pages import DocumentPlan, PagePlan
from ocr_workers.pipeline import Tools
from ocr_workers.reading.sight import NO_SIGHT, Sight
from ocr_workers.recognise import Recogniser
from sohoa.clock import FixedClock
from sohoa.errors import Held, StageFailed
from sohoa.model import Actor, Page, Quality, Sha256
from sohoa.settings import Settings
from sohoa.states import PageStatus, RevisionKind
from storage.archive.layout import sha256_of
from storage.catalog import documents
from storage.catalog.documents import Document
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.stores import Stores, open_stores
from tests.support import files
from tests.support.archived import page_saying

LAN, MAI = Actor("person:lan"), Actor("person:mai")
_WORDS = ("hòa giải", "quyết định", "giấy phép xây dựng", "hợp đồng thuê nhà", "chứng thực chữ ký", "khai sinh")


@dataclass(frozen=True, slots=True)
class Paper:
    """What the engine will say of a paper: each page's status, the error that opening or composing it ends with, and, where
    that matters, what is on its first page."""

    pages: tuple[PageStatus, ...] = (PageStatus.RECOGNISED,)
    opening: Held | StageFailed | None = None
    composing: StageFailed | None = None
    warnings: tuple[str, ...] = ()
    first_page: Page | None = None


@dataclass(slots=True)
class WorkedOffice:
    """Stores on a folder and a worker that reads from a script. `bring` leaves a paper where the script takes it."""

    stores: Stores
    clock: FixedClock
    tools: Tools
    script: Paper = field(default_factory=Paper)
    _brought: Iterator[int] = field(default_factory=itertools.count)

    def bring(self, paper: Paper, *, office: str = "H02", dossier: str | None = None, **said: Any) -> Document:
        """A new paper, taken in and worked on to its end; the document as it is then."""
        document = self.receive(office=office, dossier=dossier, **said).document
        return self.work(document, paper)

    def receive(
        self, data: bytes | None = None, *, office: str = "H02", dossier: str | None = None, **said: Any
    ) -> Accepted:
        """A paper taken in; without `data` one that never came before."""
        self.clock.advance(seconds=0.037)
        number = next(self._brought)
        intake = Intake(filename=f"giấy {number}.png", office=office, dossier=dossier, actor=LAN, **said)
        stores = self.stores
        return receive(
            io.BytesIO(data or picture(number)),
            intake,
            archive=stores.archive,
            database=stores.database,
            settings=stores.settings,
            clock=self.clock,
        )

    def work(self, document: Document, paper: Paper, *, most: int = 1000) -> Document:
        """Do what waits (at most so many jobs), the engine saying what `paper` says."""
        self.script = paper
        for _ in range(most):
            self.clock.advance(seconds=0.011)
            if not pipeline.run_next(self.tools, started=lambda job, limit_s: None):
                break
        return self.now(document)

    def release(self, document: Document, *, then: Paper | None) -> Document:
        """A person releases a held paper, and it is worked on unless `then` is None."""
        decisions.release(self.stores, document, actor=MAI, reason="không còn bản khác")
        return self.now(document) if then is None else self.work(document, then)

    def retry(self, document: Document, *, then: Paper | None) -> Document:
        decisions.retry(self.stores, document, actor=MAI)
        return self.now(document) if then is None else self.work(document, then)

    def withdraw(self, document: Document) -> Document:
        return decisions.withdraw(self.stores, document, actor=MAI, reason="quét nhầm")

    def move(self, document: Document, to: str | None) -> Document:
        self.clock.advance(seconds=0.013)
        return moving.move(self.stores, document, to=to, actor=MAI, reason="nhầm hồ sơ")

    def revise(self, document: Document, kind: RevisionKind, *, then: Paper | None, data: bytes = b"") -> Document:
        """A new original, without `data` one that never came before, worked on unless `then` is None."""
        self.clock.advance(seconds=0.017)
        number = next(self._brought)
        source = io.BytesIO(data or picture(number))
        name = f"quét lại {number}.png"
        revise(self.stores, document, source, kind=kind, filename=name, actor=MAI, reason="thiếu trang")
        return self.now(document) if then is None else self.work(document, then)

    def now(self, document: Document) -> Document:
        with self.stores.database.read() as connection:
            return documents.get(connection, document.document_id)

    def index(self) -> None:
        """Take all that waits into the search index."""
        with open_index(self.stores.settings, mode="write") as index:
            while index_outbox(self.stores.database, self.stores.archive, index, clock=self.clock):
                self.clock.advance(seconds=0.5)


@contextmanager
def worked_office(
    home: Path, monkeypatch: pytest.MonkeyPatch, *, catalog_url: str = "", settings: Settings | None = None
) -> Iterator[WorkedOffice]:
    """An office in `home` (or by `settings`) whose engine is a script. Papers outlive it: open the same home again to look
    at them."""
    clock = FixedClock()
    settings = settings or Settings(home=home, office="H02", min_free_bytes=0, catalog_url=catalog_url)
    with open_stores(settings, clock=clock) as stores:
        tools = Tools(settings, stores.archive, stores.database, clock, "worker", cast(Recogniser, _Reader()))
        office = WorkedOffice(stores, clock, tools)
        monkeypatch.setattr(pipeline, "plan_document", lambda *_, **how: _planned(office.script, **how))
        monkeypatch.setattr(pipeline, "load_page", lambda _, plan, number: _page(office.script, number))
        monkeypatch.setattr(Sight, "of_document", lambda *_: NO_SIGHT)
        monkeypatch.setattr(pipeline, "compose", lambda *given, **_: _composed(office.script, cast(Path, given[3])))
        monkeypatch.setattr(revised, "append_pdf", lambda *given, **_: _joined(*given[:4]))
        yield office


def every_state(office: WorkedOffice, count: int) -> None:
    """Bring `count` papers, one after the other in each of the states a paper can be left in, and index what is over."""
    ways = itertools.cycle(_WAYS)
    for number in range(count):
        where: dict[str, Any] = {
            "office": ("H02", "H02", "so-khcn", "H56.14")[number % 4],
            "dossier": None if number % 3 == 0 else f"000.00.05.H02-230105-{number // 30:04}",
        }
        if number % 5 == 0:
            where |= {"external_id": f"case-{number}", "declared": {"type": "KH", "số": number, "tên": "Đỗ Thị Ánh"}}
        next(ways)(office, where)
        office.clock.advance(seconds=0.4)
    office.index()


def picture(number: int) -> bytes:
    """A PNG that no other number gives: an odd one is small, an even one too large to travel in an intent."""
    image = files.drawing((40, 40))
    if number % 2 == 0:
        image = Image.frombytes("RGB", (160, 160), random.Random(number).randbytes(160 * 160 * 3))
    image.putpixel((20, 20), (number % 256, number // 256 % 256, number // 65536))
    return files.image_bytes("PNG", image)


READ, KEPT, BLANK, FAILED = PageStatus.RECOGNISED, PageStatus.KEPT, PageStatus.BLANK, PageStatus.FAILED
WHOLE = Paper()
MIXED = Paper(pages=(READ, BLANK, FAILED, KEPT), warnings=("low_dpi", "signed_original_kept"))
UNREADABLE = Paper(pages=(FAILED, FAILED))
LOCKED = Paper(opening=Held("needs its password", code="encrypted"))
DAMAGED = Paper(opening=Held("its end is missing", code="damaged"), warnings=("damaged",))
HOPELESS = Paper(opening=StageFailed("no page can be told apart", code="unreadable"))
NOT_PDFA = Paper(pages=(READ, READ), composing=StageFailed("no rung gave PDF/A", code="not_valid_pdfa"))


def _archived_after_withdrawal(office: WorkedOffice, where: dict[str, Any]) -> None:
    """The same bytes come again after they were withdrawn, and are another document."""
    data = picture(1_000_000 + next(office._brought))
    first = office.work(office.receive(data, **where).document, WHOLE)
    office.withdraw(first)
    office.work(office.receive(data, **where).document, MIXED)


def _same_bytes_where_they_were_moved_from(office: WorkedOffice, where: dict[str, Any]) -> None:
    data = picture(2_000_000 + next(office._brought))
    office.move(office.work(office.receive(data, **where).document, WHOLE), "D-chuyển")
    office.work(office.receive(data, **where).document, MIXED)


def _original_brought_back(office: WorkedOffice, where: dict[str, Any]) -> None:
    """A replacement is itself replaced, by the bytes of the first original, from another file."""
    data = picture(3_000_000 + next(office._brought))
    document = office.work(office.receive(data, **where).document, WHOLE)
    office.revise(document, REPLACE, then=MIXED)
    office.revise(document, REPLACE, then=WHOLE, data=data)


def _moved_there_and_back(office: WorkedOffice, where: dict[str, Any]) -> None:
    document = office.bring(MIXED, **where)
    office.move(document, "D-chuyển")
    office.move(document, where["dossier"])


def _revised_again_and_again(office: WorkedOffice, where: dict[str, Any]) -> None:
    """Every kind of revision, got through or not, with moves between."""
    document = office.bring(WHOLE, **where)
    office.revise(document, APPEND, then=MIXED)
    office.revise(document, REPLACE, then=LOCKED)
    office.move(document, "D-chuyển")
    office.revise(document, APPEND, then=HOPELESS)
    office.revise(document, REPLACE, then=NOT_PDFA)
    office.revise(document, APPEND, then=WHOLE)
    office.move(document, None)
    office.revise(document, REPLACE, then=MIXED)
    office.revise(document, APPEND, then=MIXED)
    office.revise(document, REPLACE, then=UNREADABLE)


REPLACE, APPEND = RevisionKind.REPLACE, RevisionKind.APPEND
_WAYS = (
    lambda office, where: office.bring(WHOLE, **where),
    lambda office, where: office.bring(MIXED, **where),
    lambda office, where: office.bring(LOCKED, **where),
    lambda office, where: office.bring(DAMAGED, **where),
    lambda office, where: office.bring(HOPELESS, **where),
    lambda office, where: office.bring(UNREADABLE, **where),
    lambda office, where: office.bring(NOT_PDFA, **where),
    lambda office, where: office.withdraw(office.bring(WHOLE, **where)),
    lambda office, where: office.withdraw(office.bring(NOT_PDFA, **where)),
    lambda office, where: office.release(office.bring(DAMAGED, **where), then=MIXED),
    lambda office, where: office.retry(office.bring(NOT_PDFA, **where), then=WHOLE),
    lambda office, where: office.retry(office.bring(NOT_PDFA, **where), then=HOPELESS),
    lambda office, where: office.retry(office.bring(HOPELESS, **where), then=HOPELESS),
    lambda office, where: office.withdraw(office.release(office.bring(DAMAGED, **where), then=MIXED)),
    _archived_after_withdrawal,
    lambda office, where: office.move(office.bring(WHOLE, **where), "D-chuyển"),
    lambda office, where: office.move(office.bring(LOCKED, **where), "D-chuyển"),
    lambda office, where: office.move(office.bring(NOT_PDFA, **where), "D-chuyển"),
    lambda office, where: office.move(office.bring(MIXED, **where), None),
    lambda office, where: office.withdraw(office.move(office.bring(MIXED, **where), "D-chuyển")),
    lambda office, where: office.retry(office.move(office.bring(NOT_PDFA, **where), "D-chuyển"), then=MIXED),
    _moved_there_and_back,
    _same_bytes_where_they_were_moved_from,
    lambda office, where: office.revise(office.bring(MIXED, **where), REPLACE, then=WHOLE),
    lambda office, where: office.revise(office.bring(LOCKED, **where), REPLACE, then=MIXED),
    lambda office, where: office.revise(office.bring(NOT_PDFA, **where), REPLACE, then=MIXED),
    lambda office, where: office.revise(office.bring(WHOLE, **where), APPEND, then=MIXED),
    lambda office, where: office.revise(office.bring(MIXED, **where), REPLACE, then=HOPELESS),
    lambda office, where: office.revise(office.bring(MIXED, **where), APPEND, then=LOCKED),
    lambda office, where: office.revise(office.bring(NOT_PDFA, **where), REPLACE, then=UNREADABLE),
    lambda office, where: office.retry(
        office.revise(office.bring(NOT_PDFA, **where), REPLACE, then=HOPELESS), then=MIXED
    ),
    lambda office, where: office.withdraw(office.revise(office.bring(MIXED, **where), APPEND, then=NOT_PDFA)),
    _original_brought_back,
    _revised_again_and_again,
)


class _Reader:
    """Who the engine is said to be; no crop is read again, for the pages have no pixels."""

    engine = None

    def identity(self) -> dict[str, Any]:
        return {"engine": "script", "engine_version": "1", "language": "vie", "models": {"vie": "0" * 64}}


def _planned(paper: Paper, *, accept_damage: bool, **_: Any) -> DocumentPlan:
    if paper.opening is not None and not (accept_damage and paper.opening.code == "damaged"):
        raise paper.opening
    pages = tuple(PagePlan(number, "image", 2480, 3508, 300.0) for number in range(1, len(paper.pages) + 1))
    return DocumentPlan(Kind.PNG, pages, warnings=paper.warnings)


def _page(paper: Paper, number: int) -> Page:
    """What is read is never the same twice: words, time spent and measures go by the page's number."""
    status = paper.pages[number - 1]
    read = page_saying(number, f"{_WORDS[(number - 1) % len(_WORDS)]} trang {number}")
    if number == 1 and paper.first_page is not None:
        read = paper.first_page
    quality = Quality(300.0, False, 0.1 / number, 812.5 + number, 0.06, 0.93, "colour", ("not_colour",) * (number % 2))
    lane = {READ: "tesserocr", KEPT: "text_layer"}.get(status, "none")
    about: dict[str, Any] = {"status": status, "lane": lane, "recognise_ms": 700 + number, "quality": quality}
    if status in (BLANK, FAILED):
        about |= {"blocks": ()}
    if status is FAILED:
        about |= {"code": "timeout", "quality": None}
    return replace(read, **about)


def _composed(paper: Paper, target: Path) -> Composition:
    if paper.composing is not None:
        raise paper.composing
    pdf = b"%PDF-1.7 of " + str(len(paper.pages)).encode()
    target.write_bytes(pdf)
    return Composition(Sha256(sha256_of(pdf)), len(pdf), "PDF/A-2b", {"valid": True}, "image", [])


def _joined(part: Composition, part_path: Path, target: Path, base: Document) -> Composition:
    pdf = f"%PDF-1.7 of {base.pdf_sha256} and ".encode() + part_path.read_bytes()
    target.write_bytes(pdf)
    return replace(part, pdf_sha256=Sha256(sha256_of(pdf)), size_bytes=len(pdf))
