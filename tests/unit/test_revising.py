"""A better scan in place of a bad one, and pages appended: versions with who, when and why, and nothing ever overwritten."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from sqlalchemy import update

from ingest import decisions, moving
from ingest.receive import Intake, receive
from ingest.revising import revise
from ocr_workers import pipeline, staged
from sohoa.clock import FixedClock
from sohoa.errors import BadRequest, Conflict, DigestMismatch, NotFound, NotValidPdfA, Refused
from sohoa.settings import Settings
from sohoa.states import DocumentStatus, RevisionKind
from storage.archive.receipts import Receipt
from storage.catalog import document_counts, documents, jobs, page_rows, revisions
from storage.catalog.documents import Document
from storage.catalog.tables import documents as documents_table
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.index.query import parse_query
from storage.registration import register_pending
from storage.stores import Stores, open_stores
from tests.support import files, pdf_files
from tests.support.crash import assert_whole
from tests.support.revised import (
    LAN,
    MAI,
    archived,
    events_of,
    kinds_of,
    letter_bytes,
    names_of,
    now_of,
    read,
    record_of,
    revise_with,
)
from tests.support.steps import go_on

REPLACE, APPEND = RevisionKind.REPLACE, RevisionKind.APPEND
A = "H02-230105-0001"
WHOLE = {"document.pdf", "text.txt", "alto.xml.gz", "quality.json", "record.json", "premis.jsonl"}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with open_stores(Settings(home=tmp_path, office="H02", min_free_bytes=0), clock=FixedClock()) as opened:
        yield opened


def test_a_replaced_document_keeps_its_id_and_its_old_scan_in_the_old_version(stores: Stores) -> None:
    old, new = letter_bytes("Bản mờ"), letter_bytes("Bản rõ", "Trang hai")
    document = archived(stores, "Bản mờ", dossier=A)
    accepted = revise_with(stores, document, new)
    assert accepted.document_id == document.document_id
    go_on(stores)
    after = now_of(stores, document)
    assert (after.status, after.version, after.pages_total, after.revision) == (DocumentStatus.ARCHIVED, 2, 2, None)
    assert after.original_sha256 == hashlib.sha256(new).hexdigest()
    assert (after.source_name, after.source.original_sha256) == ("quét lại.pdf", after.original_sha256)
    assert (after.actor, after.received_at) == (document.actor, document.received_at)
    assert names_of(stores, after) == WHOLE | {"original.pdf"}
    assert read(stores, after, "original.pdf") == new
    assert read(stores, after, "text.txt").decode() == "Bản rõ\fTrang hai"
    before = f"documents/{document.document_id}/original.pdf"
    with stores.archive.open_file(after.archived_in, before, version=1) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == document.original_sha256
    assert hashlib.sha256(old).hexdigest() != after.original_sha256
    with stores.database.read() as connection:
        assert [page.number for page in page_rows.pages_of(connection, document.document_id)] == [1, 2]
        assert len(documents.list_documents(connection).items) == 1
    assert list(stores.archive.objects.list("staging/")) == []
    assert assert_whole(stores.settings.folder_of("")) == {after.archived_in: 2}


def test_a_scan_of_another_kind_leaves_no_old_original_in_the_newest_version(stores: Stores) -> None:
    document = archived(stores, "Bản mờ")
    with stores.database.write() as connection:  # as if its original were a picture: the row says what to remove
        documents.amend(connection, document.document_id, now=stores.clock.now(), kind="jpg")
    version = stores.archive.commit_and_record(
        document.archived_in,
        [
            stores.archive.stage(document.document_id, "original.jpg", b"a picture"),
        ],
        removed=[f"documents/{document.document_id}/original.pdf"],
        actor=LAN,
        message="picture",
    )
    assert version.commit.version == 2
    revise_with(stores, document, letter_bytes("Bản rõ"))
    go_on(stores)
    after = now_of(stores, document)
    assert names_of(stores, after) == WHOLE | {"original.pdf"}
    assert after.version == 3


def test_premis_tells_who_replaced_what_and_why_with_person_and_software(stores: Stores) -> None:
    document = archived(stores, "Bản mờ")
    revise_with(stores, document, letter_bytes("Bản rõ"), reason="dấu bị cắt")
    go_on(stores)
    after = now_of(stores, document)
    kinds = kinds_of(events_of(stores, after))
    for kind in (
        "ingestion",
        "message digest calculation",
        "format identification",
        "validation",
        "normalization",
        "fixity check",
        "accession",
    ):
        assert kinds.count(kind) == 2, kind
    receipt = record_of(stores, after)["original"]["receipt"]
    [change] = [
        event for event in events_of(stores, after) if event["eventIdentifier"]["eventIdentifierValue"] == receipt
    ]
    assert change["eventType"] == "modification"
    detail = change["eventDetailInformation"]["eventDetailExtension"]
    assert detail == {"change": "replace", "reason": "dấu bị cắt", "original": after.original_sha256}
    [deletion] = [event for event in events_of(stores, after) if event["eventType"] == "deletion"]
    assert deletion["eventDetailInformation"]["eventDetailExtension"] == {
        "files": ["original.pdf"],
        "object_id": document.archived_in,
        "kept_in_version": 1,
    }
    for event in events_of(stores, after):
        agents = event["linkingAgentIdentifier"]
        assert [agent["linkingAgentRole"] for agent in agents] == ["implementer", "executing program"]
        assert " " in agents[1]["linkingAgentIdentifierValue"], "name and version"
    assert change["linkingAgentIdentifier"][0]["linkingAgentIdentifierValue"] == MAI
    version = stores.archive.inventory(after.archived_in).versions[-1]
    assert (version.actor, version.message) == (MAI, f"replace {document.document_id}")


def test_the_record_says_where_the_old_scan_is_and_under_which_receipt_each_original_came(stores: Stores) -> None:
    document = archived(stores, "Bản mờ")
    revise_with(stores, document, letter_bytes("Bản rõ"))
    go_on(stores)
    record = record_of(stores, document)
    assert (
        record["original"]["sha256"] == record["source"]["original_sha256"] == now_of(stores, document).original_sha256
    )
    receipt = stores.archive.read_receipt(record["original"]["receipt"])
    assert (receipt.sha256, receipt.actor) == (record["original"]["sha256"], MAI)
    assert receipt.revising is not None
    assert (receipt.revising.document_id, receipt.revising.kind) == (document.document_id, "replace")
    [replaced] = record["replaced"]
    assert replaced["original"]["sha256"] == document.original_sha256
    assert replaced["original"]["receipt"] == document.document_id
    assert (replaced["object_id"], replaced["version"]) == (document.archived_in, 1)


def test_the_old_rendition_is_served_and_found_until_the_new_one_is_archived(stores: Stores) -> None:
    document = archived(stores, "Bản mờ cũ")
    _index(stores)
    revise_with(stores, document, letter_bytes("Bản rõ mới"))
    _stage(stores, most=2)  # opened and its page taken, not yet composed
    _index(stores)
    meanwhile = now_of(stores, document)
    assert meanwhile.revision is not None
    assert (meanwhile.revision.kind, meanwhile.revision.status) == ("replace", "received")
    assert dataclasses.replace(
        meanwhile, revision=None, changed_seq=0, changed_at=document.changed_at, searchable_at=None
    ) == dataclasses.replace(document, changed_seq=0, searchable_at=None)
    assert read(stores, meanwhile, "text.txt").decode() == "Bản mờ cũ"
    assert _found(stores, "cũ") == [document.document_id]
    go_on(stores)
    _index(stores)
    assert _found(stores, "cũ") == []
    assert _found(stores, "mới") == [document.document_id]


@pytest.mark.parametrize("kind", [REPLACE, APPEND])
def test_a_revision_that_is_held_leaves_the_document_as_it_was_and_says_so(
    stores: Stores, kind: RevisionKind, tmp_path: Path
) -> None:
    document = archived(stores, "Bản tốt", dossier=A)
    locked = pdf_files.encrypted(tmp_path / "locked.pdf", user="bí mật").read_bytes()
    revise_with(stores, document, locked, kind=kind)
    go_on(stores)
    after = now_of(stores, document)
    assert after.revision is not None
    assert (after.revision.status, after.revision.code, after.revision.stage) == ("held", "encrypted", "open")
    assert (after.status, after.original_sha256, after.pdf_sha256) == (
        DocumentStatus.ARCHIVED,
        document.original_sha256,
        document.pdf_sha256,
    )
    assert after.version == 2
    kept = f"revisions/{after.revision.receipt}/original.pdf"
    assert names_of(stores, after) == WHOLE | {"original.pdf", kept}
    assert read(stores, after, kept) == locked
    record = record_of(stores, after)
    assert record["status"] == "archived"
    assert record["revision"] == dataclasses.asdict(after.revision)
    last = events_of(stores, after)[-1]
    assert (last["eventType"], last["eventOutcomeInformation"]["eventOutcome"]) == ("modification", "failure")
    assert assert_whole(stores.settings.folder_of("")) == {after.archived_in: 2}
    # and another one may be tried at once
    revise_with(stores, after, letter_bytes("Bản khác"), kind=kind)
    go_on(stores)
    again = now_of(stores, document)
    assert (again.revision, again.version) == (None, 3)
    assert kept in names_of(stores, again)


def test_a_revision_that_fails_leaves_the_document_as_it_was_and_says_so(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = archived(stores, "Bản tốt")

    def fails(*_: object, **__: object) -> None:
        raise NotValidPdfA("no rung holds")

    revise_with(stores, document, letter_bytes("Bản lạ"))
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "compose", fails)
        go_on(stores)
    after = now_of(stores, document)
    assert after.revision is not None
    assert (after.revision.status, after.revision.code, after.revision.stage) == ("failed", "not_valid_pdfa", "compose")
    assert (after.status, after.code, after.pdf_sha256) == (DocumentStatus.ARCHIVED, None, document.pdf_sha256)
    with stores.database.read() as connection:
        assert len(page_rows.pages_of(connection, document.document_id)) == 1


def test_a_held_document_that_is_replaced_by_a_good_scan_is_archived(stores: Stores, tmp_path: Path) -> None:
    locked = pdf_files.encrypted(tmp_path / "locked.pdf", user="bí mật").read_bytes()
    held = _receive(stores, locked)
    go_on(stores)
    assert now_of(stores, held).status is DocumentStatus.HELD
    revise_with(stores, held, letter_bytes("Bản không khóa"))
    go_on(stores)
    after = now_of(stores, held)
    assert (after.status, after.code, after.stage, after.version) == (DocumentStatus.ARCHIVED, None, None, 2)
    assert record_of(stores, after)["error"] is None
    assert names_of(stores, after) == WHOLE | {"original.pdf"}


def test_appended_pages_follow_and_every_original_stays(stores: Stores) -> None:
    more = letter_bytes("Trang ba", "Trang bốn")
    document = archived(stores, "Trang một", "Trang hai", dossier=A)
    revise_with(stores, document, more, kind=APPEND, filename="thiếu.pdf", reason="quên hai trang")
    go_on(stores)
    after = now_of(stores, document)
    assert (after.pages_total, after.original_sha256, after.version) == (4, document.original_sha256, 2)
    assert names_of(stores, after) == WHOLE | {"original.pdf", "original-2.pdf"}
    assert read(stores, after, "original-2.pdf") == more
    assert read(stores, after, "text.txt").decode() == "Trang một\fTrang hai\fTrang ba\fTrang bốn"
    with pikepdf.open(io.BytesIO(read(stores, after, "document.pdf"))) as pdf:
        assert len(pdf.pages) == 4
    record = record_of(stores, after)
    assert [page["number"] for page in record["pages"]] == [1, 2, 3, 4]
    [appended] = record["appended"]
    assert appended == dataclasses.asdict(after.appended[0])
    assert (appended["path"], appended["pages"], appended["filename"]) == ("original-2.pdf", 2, "thiếu.pdf")
    assert record["original"]["sha256"] == document.original_sha256
    assert record["pdf"]["sha256"] == after.pdf_sha256
    with stores.database.read() as connection:
        rows = page_rows.pages_of(connection, document.document_id)
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert {row.status for row in rows} == {"kept"}
    assert list(stores.archive.objects.list("staging/")) == []

    revise_with(stores, after, letter_bytes("Trang năm"), kind=APPEND)
    go_on(stores)
    third = now_of(stores, document)
    assert [one.path for one in third.appended] == ["original-2.pdf", "original-3.pdf"]
    assert read(stores, third, "text.txt").decode().count("\f") == 4
    manifest = stores.archive.inventory(third.archived_in).manifest
    assert manifest[document.original_sha256][0].startswith("v1/content/"), "originals are not copied"

    revise_with(stores, third, letter_bytes("Tất cả quét lại"))
    go_on(stores)
    fourth = now_of(stores, document)
    assert (fourth.pages_total, fourth.appended) == (1, ())
    assert names_of(stores, fourth) == WHOLE | {"original.pdf"}
    assert [len(old["appended"]) for old in record_of(stores, fourth)["replaced"]] == [2]
    assert assert_whole(stores.settings.folder_of("")) == {fourth.archived_in: 4}


def test_a_picture_may_follow_a_pdf_and_what_was_done_to_it_is_told_of_its_page_in_the_whole(stores: Stores) -> None:
    document = archived(stores, "Trang một", "Trang hai")
    picture = files.image_bytes("BMP", files.drawing((620, 400)))
    revise_with(stores, document, picture, kind=APPEND, filename="ba.bmp")
    go_on(stores)
    after = now_of(stores, document)
    assert (after.pages_total, after.revision) == (3, None)
    assert names_of(stores, after) == WHOLE | {"original.pdf", "original-2.bmp"}
    assert [page["number"] for page in record_of(stores, after)["pages"]] == [1, 2, 3]
    details = [event["eventDetailInformation"].get("eventDetailExtension", {}) for event in events_of(stores, after)]
    assert [detail["page"] for detail in details if detail.get("page")] == [3]


@pytest.mark.parametrize("kind", [REPLACE, APPEND])
def test_a_document_that_the_archive_never_took_is_not_revised(stores: Stores, kind: RevisionKind) -> None:
    document = archived(stores, "Bản mờ")
    with stores.database.write() as connection:
        row = update(documents_table).where(documents_table.c.document_id == document.document_id)
        connection.execute(row.values(status=DocumentStatus.FAILED, version=None, object_id=None, sequence=None))
    with pytest.raises(Conflict, match="not in the archive yet"):
        revise_with(stores, document, letter_bytes("Bản rõ"), kind=kind)
    with stores.database.read() as connection:
        assert revisions.open_for(connection, document.document_id) is None


def test_only_an_archived_document_can_be_appended_to(stores: Stores, tmp_path: Path) -> None:
    locked = pdf_files.encrypted(tmp_path / "locked.pdf", user="bí mật").read_bytes()
    held = _receive(stores, locked)
    go_on(stores)
    with pytest.raises(Conflict, match="replace it"):
        revise_with(stores, now_of(stores, held), letter_bytes("x"), kind=APPEND)


def test_what_is_being_revised_can_be_neither_revised_nor_moved_nor_withdrawn(stores: Stores) -> None:
    document = archived(stores, "Bản tốt", dossier=A)
    revise_with(stores, document, letter_bytes("Một"))
    for attempt in (
        lambda: revise_with(stores, document, letter_bytes("Hai")),
        lambda: moving.move(stores, document, to="B", actor=LAN, reason="x"),
        lambda: decisions.withdraw(stores, document, actor=LAN, reason="x"),
    ):
        with pytest.raises(Conflict) as caught:
            attempt()  # type: ignore[no-untyped-call]
        assert caught.value.code == "busy"
    go_on(stores)
    assert read(stores, document, "text.txt").decode() == "Một"


def test_withdrawn_and_unfinished_documents_are_not_revised_and_nothing_is_kept(stores: Stores) -> None:
    document = archived(stores, "Bản tốt")
    decisions.withdraw(stores, document, actor=LAN, reason="x")
    with pytest.raises(Conflict):
        revise_with(stores, document, letter_bytes("Một"))
    unfinished = _receive(stores, letter_bytes("Chưa xong"))
    with pytest.raises(Conflict) as caught:
        revise_with(stores, unfinished, letter_bytes("Hai"))
    assert caught.value.code == "busy"
    assert len(list(stores.archive.objects.list("receipts/"))) == 2


def test_bytes_that_are_a_document_there_already_are_a_conflict_that_names_it(stores: Stores) -> None:
    document = archived(stores, "Một", dossier=A)
    other = archived(stores, "Hai", dossier=A)
    for data, named in (
        (_original(stores, document), document.document_id),
        (_original(stores, other), other.document_id),
    ):
        with pytest.raises(Conflict, match=named) as caught:
            revise_with(stores, document, data)
        assert caught.value.code == "duplicate"
    revise_with(stores, document, letter_bytes("Thêm"), kind=APPEND)
    go_on(stores)
    with pytest.raises(Conflict) as caught:
        revise_with(stores, document, letter_bytes("Thêm"), kind=APPEND)
    assert caught.value.code == "duplicate"
    assert len(list(stores.archive.objects.list("receipts/"))) == 3
    assert list(stores.archive.objects.list("staging/")) == []


def test_bytes_on_their_way_into_a_document_are_that_document(stores: Stores) -> None:
    document = archived(stores, "Một")
    revise_with(stores, document, letter_bytes("Hai"))
    accepted = receive(
        io.BytesIO(letter_bytes("Hai")),
        Intake(filename="b.pdf", office="H02", dossier=None, actor="person:mai"),
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    )
    assert (accepted.document.document_id, accepted.duplicate_of) == (document.document_id, document.document_id)


def test_what_intake_refuses_is_refused_and_a_reason_is_needed(stores: Stores) -> None:
    document = archived(stores, "Một")
    with pytest.raises(Refused) as caught:
        revise_with(stores, document, b"just words")
    assert caught.value.code == "unsupported_kind"
    with pytest.raises(BadRequest):
        revise_with(stores, document, letter_bytes("Hai"), reason=" ")
    after = now_of(stores, document)
    assert (after.revision, after.changed_seq) == (None, document.changed_seq)


def test_a_revision_is_no_document_to_anybody(stores: Stores) -> None:
    document = archived(stores, "Một", dossier=A)
    revise_with(stores, document, letter_bytes("Hai"))
    with stores.database.read() as connection:
        revision = revisions.open_for(connection, document.document_id)
        assert revision is not None
        assert [each.document_id for each in documents.list_documents(connection, dossier=A).items] == [
            document.document_id
        ]
        assert document_counts.count_by_status(connection) == {DocumentStatus.ARCHIVED: 1}
        with pytest.raises(NotFound):
            documents.find(connection, revision.document_id)


@pytest.mark.parametrize("kind", [REPLACE, APPEND])
def test_a_revision_whose_process_dies_before_its_row_is_begun_by_the_sweeper(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, kind: RevisionKind
) -> None:
    document = archived(stores, "Một")
    written = stores.archive.write_receipt

    def write_and_die(receipt: Receipt) -> None:
        written(receipt)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stores.archive, "write_receipt", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            revise_with(stores, document, letter_bytes("Hai"), kind=kind)
    assert now_of(stores, document).revision is None
    assert register_pending(stores.archive, stores.database, stores.clock) == 1
    assert register_pending(stores.archive, stores.database, stores.clock) == 0
    go_on(stores)
    assert (now_of(stores, document).version, now_of(stores, document).revision) == (2, None)


@pytest.mark.parametrize("kind", [REPLACE, APPEND])
@pytest.mark.parametrize("locked", [False, True], ids=["got through", "held"])
def test_a_revision_that_is_over_is_not_done_again_because_its_staging_was_not_cleared(
    stores: Stores, kind: RevisionKind, locked: bool, tmp_path: Path
) -> None:
    document = archived(stores, "Một")
    data = pdf_files.encrypted(tmp_path / "locked.pdf", user="x").read_bytes() if locked else letter_bytes("Hai")
    revise_with(stores, document, data, kind=kind)
    with stores.database.read() as connection:
        revision = revisions.open_for(connection, document.document_id)
    assert revision is not None
    go_on(stores)
    after = now_of(stores, document)
    assert after.version == 2
    stores.archive.stage(revision.document_id, "original.pdf", data)
    go_on(stores)
    assert now_of(stores, document) == after
    assert list(stores.archive.objects.list("staging/")) == []


def test_a_receipt_for_a_document_withdrawn_meanwhile_is_kept_with_it_as_a_failed_revision(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = archived(stores, "Một")
    written = stores.archive.write_receipt

    def write_and_die(receipt: Receipt) -> None:
        written(receipt)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stores.archive, "write_receipt", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            revise_with(stores, document, letter_bytes("Hai"))
    decisions.withdraw(stores, document, actor=LAN, reason="x")
    go_on(stores)
    after = now_of(stores, document)
    assert after.status is DocumentStatus.WITHDRAWN
    assert after.revision is not None
    assert (after.revision.status, after.revision.code) == ("failed", "conflict")
    assert read(stores, after, f"revisions/{after.revision.receipt}/original.pdf") == letter_bytes("Hai")


def test_a_revision_that_the_archive_could_not_take_is_tried_again_by_retry(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = archived(stores, "Một")
    revise_with(stores, document, letter_bytes("Hai"))
    with monkeypatch.context() as patch:
        patch.setattr(stores.archive, "commit_and_record", _digest_mismatch)
        go_on(stores)
    stopped = now_of(stores, document)
    assert stopped.revision is not None
    assert (stopped.revision.status, stopped.revision.stage) == ("failed", "commit")
    assert (stopped.status, stopped.version) == (DocumentStatus.ARCHIVED, 1)
    assert list(stores.archive.objects.list("staging/")) != []
    again = decisions.retry(stores, stopped, actor=LAN)
    assert again.revision is not None
    assert again.revision.status == "received"
    go_on(stores)
    assert (now_of(stores, document).version, now_of(stores, document).revision) == (2, None)


def test_a_replaced_document_moves_with_what_it_has_now(stores: Stores) -> None:
    document = archived(stores, "Một", dossier=A)
    revise_with(stores, document, letter_bytes("Hai"))
    go_on(stores)
    revise_with(stores, document, letter_bytes("Thêm"), kind=APPEND)
    go_on(stores)
    moved = moving.move(stores, now_of(stores, document), to=None, actor=LAN, reason="x")
    assert names_of(stores, moved) == WHOLE | {"original.pdf", "original-2.pdf"}
    revise_with(stores, moved, letter_bytes("Thêm nữa"), kind=APPEND)
    go_on(stores)
    assert now_of(stores, moved).pages_total == 3


def test_an_original_that_changed_in_staging_is_not_committed(stores: Stores) -> None:
    document = _receive(stores, files.image_bytes("PNG", files.drawing((60, 61))))
    key = f"staging/{document.document_id}/original.png"
    path = stores.settings.folder_of("") / key
    path.chmod(0o640)
    path.write_bytes(files.image_bytes("PNG", files.drawing((60, 62))))
    with stores.database.write() as connection:
        jobs.drop_document(connection, document.document_id)
    for name in ("record.json", "premis.jsonl", "quality.json"):
        stores.archive.stage(document.document_id, name, b"{}")
    wanted = staged.files_to_commit(
        document, stores.archive, composed=False, folder="documents/x/", original="documents/x/o", digests={}
    )
    with pytest.raises(DigestMismatch, match=f"{key}: its bytes are no longer those announced"):
        stores.archive.commit_and_record(document.archived_in, wanted, actor=LAN, message="x")


def test_a_file_by_path_is_taken_in_as_any_other(stores: Stores, tmp_path: Path) -> None:
    document = archived(stores, "Một")
    path = tmp_path / "hai.pdf"
    path.write_bytes(letter_bytes("Hai"))
    revise(stores, document, path, kind=REPLACE, filename=path.name, actor=MAI, reason="x")
    go_on(stores)
    assert read(stores, document, "text.txt").decode() == "Hai"


def _receive(stores: Stores, data: bytes) -> Document:
    return receive(
        io.BytesIO(data),
        Intake(filename="a.pdf", office="H02", dossier=None, actor=LAN),
        archive=stores.archive,
        database=stores.database,
        settings=stores.settings,
        clock=stores.clock,
    ).document


def _original(stores: Stores, document: Document) -> bytes:
    return read(stores, document, "original.pdf")


def _stage(stores: Stores, *, most: int) -> None:
    tools = pipeline.Tools(stores.settings, stores.archive, stores.database, stores.clock, "worker")
    for _ in range(most):
        assert pipeline.run_next(tools, started=lambda job, limit_s: None)


def _index(stores: Stores) -> None:
    with open_index(stores.settings, mode="write") as index:
        while index_outbox(stores.database, stores.archive, index, clock=stores.clock):
            pass


def _found(stores: Stores, query: str) -> list[str]:
    with open_index(stores.settings, mode="read") as index:
        return [hit.document_id for hit in index.search(parse_query(query), office=None, limit=10).hits]


def _digest_mismatch(*_: object, **__: object) -> None:
    raise DigestMismatch("the disk says other bytes")
