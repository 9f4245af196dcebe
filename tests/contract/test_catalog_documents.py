"""Documents, their pages and the outbox: one document per bytes and place, allowed moves, lists that miss nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from sohoa.clock import FixedClock
from sohoa.errors import AlreadyExists, Conflict, NotFound
from sohoa.model import Actor, DocumentId, DossierCode, OfficeId, Sha256, Source
from sohoa.states import DocumentStatus, PageStatus, Review
from storage.catalog import document_counts, documents, outbox, page_rows
from storage.catalog.database import Database
from storage.catalog.documents import Document, NewDocument
from tests.support.catalogues import plan_of

RECEIVED, RECOGNISED, ARCHIVED = DocumentStatus.RECEIVED, DocumentStatus.RECOGNISED, DocumentStatus.ARCHIVED
HELD, FAILED, WITHDRAWN = DocumentStatus.HELD, DocumentStatus.FAILED, DocumentStatus.WITHDRAWN
DOSSIER = DossierCode("H38.19-260102-0001")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def db(catalogue_url: str) -> Iterator[Database]:
    catalogue = Database(catalogue_url)
    yield catalogue
    catalogue.close()


def new_document(number: int, *, sha256: str | None = None, dossier: DossierCode | None = None) -> NewDocument:
    return NewDocument(
        document_id=DocumentId(f"01JGFJJZ{number:018d}"),
        office=OfficeId("local"),
        dossier=dossier,
        source_name="tờ trình.pdf",
        source=Source(Sha256(sha256 or f"{number:064x}"), ((1, 2), (5, 5))),
        original_size_bytes=123,
        kind="pdf",
        media_type="application/pdf",
        actor=Actor("person:lan"),
        received_at=FixedClock().now(),
    )


def store(db: Database, new: NewDocument) -> Document:
    with db.write() as conn:
        return documents.insert_document(conn, new, now=new.received_at)


def test_registered_document_is_given_back_as_it_was(db: Database) -> None:
    new = replace(new_document(1, dossier=DOSSIER), external_id="x-1", declared={"số": 138}, warnings=("low_dpi",))
    made = store(db, new)
    with db.read() as conn:
        assert documents.get(conn, new.document_id) == made
    for name in (
        "document_id",
        "office",
        "dossier",
        "source_name",
        "source",
        "kind",
        "actor",
        "received_at",
        "declared",
    ):
        assert getattr(made, name) == getattr(new, name)
    assert (made.status, made.review, made.original_sha256) == (RECEIVED, Review.NONE, new.source.original_sha256)
    assert (made.external_id, made.warnings, made.pages_failed, made.pages_total) == ("x-1", ("low_dpi",), (), None)


def test_document_of_another_office_is_not_found(db: Database) -> None:
    made = store(db, new_document(1))
    with db.read() as conn:
        assert documents.get(conn, made.document_id, office="local") == made
        with pytest.raises(NotFound):
            documents.get(conn, made.document_id, office="other")
        with pytest.raises(NotFound):
            documents.get(conn, "nobody")


def test_withdrawn_and_other_offices_documents_are_hidden(db: Database, clock: FixedClock) -> None:
    kept, withdrawn, foreign = (new_document(number) for number in (1, 2, 3))
    for new in (kept, withdrawn, replace(foreign, office=OfficeId("other"))):
        store(db, new)
    with db.write() as conn:
        documents.move(conn, withdrawn.document_id, HELD, now=clock.now())
        documents.move(conn, withdrawn.document_id, WITHDRAWN, now=clock.now())
    asked = [kept.document_id, withdrawn.document_id, foreign.document_id, "unknown"]
    with db.read() as conn:
        assert documents.hidden(conn, asked, office=None) == {withdrawn.document_id}
        assert documents.hidden(conn, asked, office="local") == {withdrawn.document_id, foreign.document_id}
        assert documents.hidden(conn, [], office="local") == set()


def test_same_bytes_are_one_document_in_one_place_only(db: Database) -> None:
    places = [
        new_document(1, sha256="a" * 64),
        new_document(2, sha256="a" * 64, dossier=DOSSIER),
        new_document(3, sha256="a" * 64, dossier=DossierCode("H38.19-260102-0002")),
        replace(new_document(4, sha256="a" * 64), office=OfficeId("other")),
    ]
    for place in places:
        made = store(db, place)
        with db.read() as conn:
            found = documents.find_duplicate(conn, office=place.office, dossier=place.dossier, sha256="a" * 64)
            assert found == made
        with pytest.raises(AlreadyExists):
            store(db, replace(place, document_id=DocumentId("9" + place.document_id[1:])))
    with db.read() as conn:
        assert documents.find_duplicate(conn, office="local", dossier=None, sha256="b" * 64) is None


def test_withdrawn_document_does_not_keep_its_bytes_from_coming_again(db: Database, clock: FixedClock) -> None:
    first = store(db, new_document(1, sha256="a" * 64))
    with db.write() as conn:
        documents.move(conn, first.document_id, HELD, now=clock.now(), code="encrypted")
        documents.move(conn, first.document_id, WITHDRAWN, now=clock.now())
        assert documents.find_duplicate(conn, office="local", dossier=None, sha256="a" * 64) is None
    second = store(db, new_document(2, sha256="a" * 64))
    with db.read() as conn:
        assert documents.find_duplicate(conn, office="local", dossier=None, sha256="a" * 64) == second


def test_duplicate_is_found_through_the_index_that_forbids_it(db: Database) -> None:
    seen: list[tuple[str, Any]] = []
    with db.read() as conn:

        @event.listens_for(conn, "before_cursor_execute")
        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
            seen.append((statement, parameters))

        documents.find_duplicate(conn, office="local", dossier=None, sha256="a" * 64)
        documents.find_duplicate(conn, office="local", dossier=DOSSIER, sha256="a" * 64)
        plans = [plan_of(conn, query, values)[0] for query, values in seen[:2]]
    assert "uq_documents_bytes_in_office" in plans[0]
    assert "uq_documents_bytes_in_dossier" in plans[1]


def test_move_that_may_not_be_changes_nothing(db: Database, clock: FixedClock) -> None:
    made = store(db, new_document(1))
    with db.write() as conn, pytest.raises(Conflict):
        documents.move(conn, made.document_id, ARCHIVED, now=clock.now())
    with db.read() as conn:
        assert documents.get(conn, made.document_id) == made
    with db.write() as conn, pytest.raises(NotFound):
        documents.move(conn, "nobody", HELD, now=clock.now())


def test_document_goes_its_way_to_the_archive(db: Database, clock: FixedClock) -> None:
    made = store(db, new_document(1))
    clock.advance(seconds=5)
    with db.write() as conn:
        documents.move(
            conn, made.document_id, RECOGNISED, now=clock.now(), pages_failed=(2,), warnings=("page_failed",)
        )
        archived = documents.move(
            conn,
            made.document_id,
            ARCHIVED,
            now=clock.now(),
            archived_at=clock.now(),
            object_id="urn:sohoa:document:x",
            version=1,
            sequence=7,
            pdf_sha256="c" * 64,
            pdf_size_bytes=456,
            conformance="PDF/A-2b",
        )
    assert (archived.status, archived.archived_at, archived.changed_at) == (ARCHIVED, clock.now(), clock.now())
    assert (archived.pages_failed, archived.warnings) == ((2,), ("page_failed",))
    assert (archived.object_id, archived.version, archived.sequence) == ("urn:sohoa:document:x", 1, 7)
    assert (archived.pdf_sha256, archived.pdf_size_bytes, archived.conformance) == ("c" * 64, 456, "PDF/A-2b")


def test_why_a_document_was_held_is_forgotten_once_it_is_not(db: Database, clock: FixedClock) -> None:
    made = store(db, new_document(1))
    with db.write() as conn:
        held = documents.move(conn, made.document_id, HELD, now=clock.now(), code="encrypted", stage="open", detail="d")
        still = documents.move(conn, made.document_id, HELD, now=clock.now(), review=Review.NEEDED)
        assert (held.code, still.code, still.stage, still.detail) == ("encrypted", "encrypted", "open", "d")
        freed = documents.move(conn, made.document_id, RECEIVED, now=clock.now())
    assert (freed.code, freed.stage, freed.detail, freed.review) == (None, None, None, Review.NEEDED)


def test_every_change_takes_the_next_number(db: Database, clock: FixedClock) -> None:
    made = [store(db, new_document(number)) for number in range(3)]
    with db.write() as conn:
        numbers = [document.changed_seq for document in made]
        numbers.append(documents.move(conn, made[0].document_id, RECOGNISED, now=clock.now()).changed_seq)
        numbers.append(
            documents.amend(conn, made[1].document_id, now=clock.now(), searchable_at=clock.now()).changed_seq
        )
        with pytest.raises(NotFound):
            documents.amend(conn, "nobody", now=clock.now(), review=Review.DONE)
    assert numbers == sorted(set(numbers))


def test_lists_are_filtered_by_all_that_is_given(db: Database, clock: FixedClock) -> None:
    a = store(db, replace(new_document(1, dossier=DOSSIER), external_id="e"))
    b = store(db, new_document(2, dossier=DOSSIER))
    c = store(db, replace(new_document(3), office=OfficeId("other")))
    clock.advance(seconds=60)
    with db.write() as conn:
        b = documents.move(conn, b.document_id, FAILED, now=clock.now(), code="no_pages", stage="open")

    def listed(**filters: object) -> list[str]:
        with db.read() as conn:
            return [item.document_id for item in documents.list_documents(conn, **filters).items]  # type: ignore[arg-type]

    assert listed() == [a.document_id, c.document_id, b.document_id]
    assert listed(office="local") == [a.document_id, b.document_id]
    assert listed(office="local", dossier=DOSSIER, status=RECEIVED) == [a.document_id]
    assert listed(office="local", external_id="e") == [a.document_id]
    assert listed(office="other", external_id="e") == []
    assert listed(changed_since=clock.now()) == [b.document_id]
    assert listed(changed_since=clock.now() + timedelta(microseconds=1)) == []
    assert listed(changed_since=clock.now() - timedelta(hours=1), office="other") == [c.document_id]
    with db.read() as conn:
        assert document_counts.count_by_status(conn) == {RECEIVED: 2, FAILED: 1}
        assert document_counts.count_by_status(conn, office="local") == {RECEIVED: 1, FAILED: 1}


def test_following_cursors_misses_no_document_while_documents_change(db: Database, clock: FixedClock) -> None:
    made = [store(db, new_document(number)).document_id for number in range(10)]
    seen: list[str] = []
    cursor: int | None = None
    changing = iter([made[0], made[4], made[9]])
    while True:
        with db.read() as conn:
            page = documents.list_documents(conn, office="local", after=cursor, limit=3)
        seen += [item.document_id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        changed = next(changing, None)
        if changed is not None:
            with db.write() as conn:
                documents.amend(conn, changed, now=clock.now(), review=Review.NEEDED)
    assert set(seen) == set(made)
    assert {document_id for document_id in seen if seen.count(document_id) > 1} == {made[0], made[4]}  # changed after


def test_last_page_of_a_list_has_no_cursor_even_when_it_is_full(db: Database) -> None:
    for number in range(4):
        store(db, new_document(number))
    with db.read() as conn:
        first = documents.list_documents(conn, limit=2)
        second = documents.list_documents(conn, limit=2, after=first.next_cursor)
    assert (len(first.items), len(second.items), second.next_cursor) == (2, 2, None)


def finish(db: Database, document_id: str, number: int, status: PageStatus = PageStatus.RECOGNISED) -> int:
    with db.write() as conn:
        return page_rows.finish_page(conn, document_id, number, status=status, lane="tesserocr", recognise_ms=700)


def test_pages_are_counted_down_and_a_page_counts_once(db: Database) -> None:
    document_id = store(db, new_document(1)).document_id
    with db.write() as conn:
        page_rows.plan_pages(conn, document_id, 3)
    assert [finish(db, document_id, number) for number in (2, 2, 1, 3, 3)] == [2, 2, 1, 0, 0]
    with db.read() as conn:
        document = documents.get(conn, document_id)
    assert (document.pages_total, document.pages_pending) == (3, 0)
    with pytest.raises(NotFound):
        finish(db, document_id, 4)


def test_finished_page_keeps_what_was_first_said_of_it(db: Database) -> None:
    document_id = store(db, new_document(1)).document_id
    with db.write() as conn:
        page_rows.plan_pages(conn, document_id, 2)
        page_rows.finish_page(
            conn,
            document_id,
            1,
            status=PageStatus.FAILED,
            code="timeout",
            lane="none",
            recognise_ms=9,
            quality={"dpi": 300},
        )
    finish(db, document_id, 1)
    with db.read() as conn:
        assert page_rows.pages_of(conn, document_id) == [
            page_rows.PageRow(1, PageStatus.FAILED, "timeout", "none", 9, {"dpi": 300}),
            page_rows.PageRow(2, PageStatus.PENDING, None, "none", 0, None),
        ]


def test_pages_can_be_made_pending_again(db: Database) -> None:
    document_id = store(db, new_document(1)).document_id
    with db.write() as conn:
        page_rows.plan_pages(conn, document_id, 3)
    for number in (1, 2, 3):
        finish(db, document_id, number)
    with db.write() as conn:
        assert page_rows.reset_pages(conn, document_id, numbers=[2]) == 1
        assert page_rows.reset_pages(conn, document_id) == 3
        page_rows.plan_pages(conn, document_id, 1)
        assert len(page_rows.pages_of(conn, document_id)) == 1
    assert finish(db, document_id, 1) == 0


def test_exactly_one_of_many_workers_finishes_the_last_page(db: Database) -> None:
    document_id = store(db, new_document(1)).document_id
    with db.write() as conn:
        page_rows.plan_pages(conn, document_id, 8)
    left: list[int] = []
    together = threading.Barrier(8)

    def work(number: int) -> None:
        together.wait()
        left.append(finish(db, document_id, number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(left) == list(range(8))


def test_outbox_keeps_its_order_and_what_comes_while_it_is_read(db: Database, clock: FixedClock) -> None:
    ids = [store(db, new_document(number)).document_id for number in range(3)]
    with db.write() as conn:
        assert outbox.oldest_at(conn) is None
        for document_id in ids:
            outbox.put(conn, document_id, now=clock.now())
            clock.advance(seconds=1)
    with db.read() as conn:
        taken = outbox.take(conn, limit=2)
    with db.write() as conn:
        outbox.put(conn, ids[0], now=clock.now())
        outbox.remove(conn, taken)
        assert [row.document_id for row in outbox.take(conn, limit=9)] == [ids[2], ids[0]]
        assert outbox.pending_count(conn) == 2
        assert outbox.oldest_at(conn) == clock.now() - timedelta(seconds=1)


def test_outbox_and_pages_go_with_their_document(db: Database, clock: FixedClock) -> None:
    document_id = store(db, new_document(1)).document_id
    with db.write() as conn:
        outbox.put(conn, document_id, now=clock.now())
        page_rows.plan_pages(conn, document_id, 2)
        conn.execute(text("DELETE FROM documents"))
        assert outbox.pending_count(conn) == 0
        assert page_rows.pages_of(conn, document_id) == []
