"""From the outbox into every search index: what is archived is found, and nobody is held up by a paper that cannot be."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from sohoa.clock import FixedClock
from sohoa.errors import EntriesRefused, IndexAway, StoreUnavailable
from sohoa.model import Actor, Block, DocumentId, Line, OfficeId, Page, Sha256, Source, Word
from sohoa.states import DocumentStatus
from storage.archive.alto import write_alto
from storage.archive.archive import Archive
from storage.archive.layout import object_id_of
from storage.catalog import documents, outbox
from storage.catalog.database import Database
from storage.catalog.documents import NewDocument
from storage.index.indexer import index_outbox
from storage.index.protocol import IndexEntry, SearchIndex, SearchPage, Sort
from storage.index.query import Query
from storage.objects import open_objects
from tests.support.indexes import KHCN, names, search


@dataclass(frozen=True)
class Desk:
    """A catalogue and an archive that papers can be put into without recognising anything."""

    database: Database
    archive: Archive
    clock: FixedClock

    def put(self, name: str, *texts: str, alto: bytes | None = None) -> DocumentId:
        """Archive a document with these pages (or these bytes for its text layer) and leave word in the outbox."""
        document_id, now = DocumentId(self.clock.new_ulid()), self.clock.now()
        pages = [_page(number, text) for number, text in enumerate(texts, start=1)]
        layer = alto or gzip.compress(write_alto(pages, source_name=name, software="test", created_at=now))
        files = {"record.json": b'{"fields": {}}', "alto.xml.gz": layer}
        new = NewDocument(
            document_id=document_id,
            office=KHCN,
            dossier=None,
            source_name=name,
            source=Source(Sha256(hashlib.sha256(name.encode()).hexdigest()), ((1, 1),)),
            original_size_bytes=1,
            kind="pdf",
            media_type="application/pdf",
            actor=Actor("person:lan"),
            received_at=now,
            declared={"ghi chú": "hỏa tốc"},
        )
        staged = [self.archive.stage(document_id, file, data) for file, data in files.items()]
        done = self.archive.commit_and_record(
            object_id_of(document_id, None), staged, actor=Actor("person:lan"), message="test"
        )
        with self.database.write() as conn:
            documents.insert_document(conn, new, now=now)
            documents.move(conn, document_id, DocumentStatus.RECOGNISED, now=now)
            documents.move(conn, document_id, DocumentStatus.ARCHIVED, now=now, archived_at=now, sequence=done.sequence)
            outbox.put(conn, document_id, now=now)
        return document_id

    def index_into(self, index: SearchIndex) -> int:
        return index_outbox(self.database, self.archive, index, clock=self.clock)

    def take_one_out(self) -> None:
        with self.database.write() as conn:
            outbox.remove(conn, outbox.take(conn, limit=1))

    def waiting(self) -> int:
        with self.database.read() as conn:
            return outbox.pending_count(conn)

    def searchable_at(self, document_id: DocumentId) -> datetime | None:
        with self.database.read() as conn:
            return documents.get(conn, document_id).searchable_at


def _page(number: int, text: str) -> Page:
    box = (0, 0, 900, 40)
    words = tuple(Word(word, box, 0.9) for word in text.split())
    return Page(number, 2480, 3508, 300.0, "recognised", (Block((Line(words, box),), box),))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database, clock = Database(f"sqlite:///{tmp_path / 'catalog.sqlite'}"), FixedClock()
    database.migrate()
    archive = Archive(open_objects(tmp_path / "archive"), clock)
    archive.initialise()
    yield Desk(database, archive, clock)
    database.close()


def test_archived_document_becomes_searchable_with_its_text_and_what_was_declared(
    desk: Desk, index: SearchIndex
) -> None:
    it = desk.put("tờ trình.pdf", "Kế hoạch năm", "trang hai")
    assert desk.index_into(index) == 1
    (hit,) = search(index, '"kế hoạch" hai').hits
    assert (hit.document_id, hit.page_count, hit.filename) == (it, 2, "tờ trình.pdf")
    assert hit.snippets[0].boxes == ((0, 0, 900, 40),)
    assert names(index, "hỏa tốc") == [it]
    assert desk.waiting() == 0
    assert desk.searchable_at(it) == desk.clock.now()
    assert desk.index_into(index) == 0


def test_withdrawn_document_is_found_no_more(desk: Desk, index: SearchIndex) -> None:
    it = desk.put("a.pdf", "kế hoạch")
    desk.index_into(index)
    with desk.database.write() as conn:
        documents.move(conn, it, DocumentStatus.WITHDRAWN, now=desk.clock.now())
        outbox.put(conn, it, now=desk.clock.now())
    assert desk.index_into(index) == 1
    assert names(index, "kế hoạch") == []
    assert desk.searchable_at(it) is None


@pytest.mark.parametrize(
    "alto",
    [b"not gzip", gzip.compress(b"<not alto"), gzip.compress(b"x" * 99)[:-4]],
    ids=["not gzip", "not ALTO", "cut short"],
)
def test_document_with_a_damaged_text_layer_is_found_by_name_and_holds_up_nobody(
    desk: Desk, index: SearchIndex, alto: bytes
) -> None:
    damaged, sound = desk.put("hỏng.pdf", alto=alto), desk.put("lành.pdf", "kế hoạch")
    desk.index_into(index)
    assert names(index, "kế hoạch") == [sound]
    assert names(index, "filename:hỏng") == [damaged]
    assert desk.searchable_at(damaged) is None
    assert desk.waiting() == 0


@dataclass(frozen=True)
class Refusing:
    """An index that takes no batch with `unwanted` in it: a failure of one document, or, for all, of the engine. One that
    `names` them takes the others."""

    index: SearchIndex
    unwanted: str
    names: bool = False
    away: bool = False
    asked: list[int] = field(default_factory=list)

    def write(self, entries: Sequence[IndexEntry]) -> None:
        self.asked.append(len(entries))
        if self.away:
            raise IndexAway("away")
        unwanted = {
            entry.document_id
            for entry in entries
            if any(self.unwanted in page.text for page in entry.pages) or self.unwanted in ("", entry.filename)
        }
        if unwanted and not self.names:
            raise StoreUnavailable("no")
        self.index.write([entry for entry in entries if entry.document_id not in unwanted])
        if unwanted:
            raise EntriesRefused(frozenset(unwanted))

    def search(
        self,
        query: Query,
        *,
        office: OfficeId | None,
        limit: int = 20,
        cursor: str | None = None,
        sort: Sort = "relevance",
        facets: Sequence[str] = (),
    ) -> SearchPage:
        return self.index.search(query, office=office, limit=limit, cursor=cursor, sort=sort, facets=facets)

    def count(self) -> int:
        return self.index.count()

    def sequences(self, document_ids: Iterable[str]) -> dict[str, int]:
        return self.index.sequences(document_ids)

    def close(self) -> None:
        self.index.close()


@pytest.mark.parametrize("named", [False, True])
def test_document_that_the_index_does_not_take_holds_up_nobody(desk: Desk, index: SearchIndex, named: bool) -> None:
    unwanted, sound = desk.put("độc.pdf", "thuốc độc"), desk.put("lành.pdf", "thuốc bổ")
    assert desk.index_into(Refusing(index, "độc", names=named)) == 2
    assert names(index, "thuốc") == [sound]
    assert names(index, "filename:độc") == [unwanted]
    assert desk.searchable_at(sound) is not None
    assert desk.searchable_at(unwanted) is None


def test_document_of_which_not_even_the_name_is_taken_holds_up_nobody(desk: Desk, index: SearchIndex) -> None:
    unwanted, sound = desk.put("độc.pdf", "thuốc độc"), desk.put("lành.pdf", "thuốc bổ")
    assert desk.index_into(Refusing(index, "độc.pdf", names=True)) == 2
    assert names(index, "thuốc") == [sound]
    assert index.sequences([unwanted]) == {}
    assert (desk.waiting(), desk.searchable_at(unwanted)) == (0, None)


def test_engine_that_is_away_is_asked_once_and_takes_nothing_by_half(desk: Desk, index: SearchIndex) -> None:
    documents = [desk.put("a.pdf", "thuốc bổ"), desk.put("b.pdf", "thuốc bổ")]
    away = Refusing(index, "", away=True)
    with pytest.raises(IndexAway):
        desk.index_into(away)
    assert away.asked == [2]
    assert desk.waiting() == 2
    assert desk.index_into(index) == 2
    assert sorted(names(index, "thuốc bổ")) == sorted(documents)


def test_an_outbox_that_is_told_of_all_again_does_not_grow(desk: Desk) -> None:
    for name in ("a.pdf", "b.pdf"):
        desk.put(name, "kế hoạch")
    desk.take_one_out()
    for _ in range(3):
        with desk.database.write() as conn:
            outbox.put_all(conn, now=desk.clock.now())
        assert desk.waiting() == 2


def test_rows_wait_while_the_index_takes_nothing(desk: Desk, index: SearchIndex) -> None:
    desk.put("a.pdf", "kế hoạch")
    with pytest.raises(StoreUnavailable):
        desk.index_into(Refusing(index, ""))
    assert desk.waiting() == 1
    assert desk.index_into(index) == 1
    assert len(names(index, "kế hoạch")) == 1
