"""The one way in: accepted means durable, refused means nothing is left behind."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from sqlalchemy import select

from sohoa.errors import BadRequest, Refused, StoreUnavailable
from sohoa.states import DocumentStatus
from storage.archive import Receipt
from storage.archive.archive import Archive
from storage.catalog.documents import list_documents
from storage.catalog.tables import documents, jobs
from storage.registration import register_pending
from tests.support import files
from tests.support.desk import INTAKE, Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        yield opened


def test_accepted_bytes_are_staged_receipted_and_registered_with_their_open_job(desk: Desk) -> None:
    data = files.image_bytes("PNG")
    accepted = desk.bring(data)
    document = accepted.document
    assert accepted.duplicate_of is None
    assert (document.status, document.kind, document.media_type) == (DocumentStatus.RECEIVED, "png", "image/png")
    assert (document.source_name, document.external_id, document.declared) == ("giấy.png", "case-7", {"type": "KH"})
    receipt = desk.archive.read_receipt(document.document_id)
    assert receipt.sha256 == document.original_sha256 == hashlib.sha256(data).hexdigest()
    assert receipt.size_bytes == document.original_size_bytes == len(data)
    assert desk.archive.objects.read(receipt.staged_key) == data
    with desk.database.read() as conn:
        (job,) = conn.execute(select(jobs.c.kind, jobs.c.document_id)).all()
    assert tuple(job) == ("open", document.document_id)


def test_second_upload_of_same_bytes_is_the_first_document_and_leaves_nothing(desk: Desk) -> None:
    data = files.image_bytes("PNG")
    first = desk.bring(data)
    kept = desk.kept()
    second = desk.bring(data, replace(INTAKE, filename="again.png", actor="person:hoa"))
    assert second.duplicate_of == first.document.document_id == second.document.document_id
    assert desk.kept() == kept
    assert desk.count() == (1, 1)


def test_same_bytes_in_another_dossier_or_office_are_another_document(desk: Desk) -> None:
    data = files.image_bytes("PNG")
    for intake in (INTAKE, replace(INTAKE, dossier="2"), replace(INTAKE, dossier=None), replace(INTAKE, office="H03")):
        assert desk.bring(data, intake).duplicate_of is None
    assert desk.bring(data, replace(INTAKE, dossier=None)).duplicate_of is not None
    assert desk.count() == (4, 4)


def test_dossier_code_is_compared_in_one_unicode_form(desk: Desk) -> None:
    data = files.image_bytes("PNG")
    desk.bring(data, replace(INTAKE, dossier=unicodedata.normalize("NFC", "hồ-sơ 1")))
    assert desk.bring(data, replace(INTAKE, dossier=unicodedata.normalize("NFD", " hồ-sơ 1 "))).duplicate_of


@pytest.mark.parametrize("code", ["", "  ", "a/b", "a\\b", "a\nb", "a\x00b", "x" * 65, "a\u202eb", "a\ud800b\n"])
def test_bad_dossier_codes_are_refused(desk: Desk, code: str) -> None:
    assert desk.refuses(files.image_bytes("PNG"), replace(INTAKE, dossier=code)) == "bad_dossier"


@pytest.mark.parametrize(
    "said", [{"external_id": "\ud800"}, {"declared": {"a": object()}}, {"declared": {"a": "\udfff"}}]
)
def test_what_cannot_be_written_down_is_a_bad_request(desk: Desk, said: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        desk.bring(files.image_bytes("PNG"), replace(INTAKE, **said))
    assert desk.kept() == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"Day khong phai PDF\n" * 50, "unsupported_kind"),
        (files.png_header(30_000, 30_000), "too_many_pixels"),
        (files.bare_tiff(2001), "too_many_pages"),
        (files.pdf_bytes(), "no_pages"),
        (files.pdf_bytes((595, 39_685)), "page_too_big"),
        (files.image_bytes("PNG")[:20], "unreadable"),
    ],
)
def test_what_can_never_work_is_refused_and_nothing_is_left(desk: Desk, data: bytes, code: str) -> None:
    assert desk.refuses(data) == code


@pytest.mark.parametrize(
    "data",
    [
        files.locked_pdf(),
        files.broken_xref_pdf(),
        files.pdf_bytes(*[(595, 842)] * 30)[:1500],
        files.looping_tiff(),
        files.image_bytes("JPEG")[:-400],
        files.image_bytes("TIFF", compression="tiff_lzw")[:-400],
    ],
)
def test_what_a_person_can_release_is_accepted(desk: Desk, data: bytes) -> None:
    accepted = desk.bring(data)
    assert desk.archive.objects.read(desk.archive.read_receipt(accepted.document.document_id).staged_key) == data


def test_stream_that_passes_the_limit_is_cut_off(desk: Desk) -> None:
    class Endless(io.RawIOBase):
        bytes_read = 0

        def read(self, size: int = -1, /) -> bytes:
            self.bytes_read += size
            return b"\xff\xd8\xff" + bytes(size - 3)

    endless = Endless()
    assert desk.refuses(cast(BinaryIO, endless), max_file_bytes=5_000_000) == "too_large"
    assert endless.bytes_read < 10_000_000


def test_stream_that_breaks_off_with_an_error_leaves_nothing(desk: Desk) -> None:
    class Broken(io.RawIOBase):
        def __init__(self) -> None:
            self.rest = io.BytesIO(files.image_bytes("PNG"))

        def read(self, size: int = -1, /) -> bytes:
            if not (chunk := self.rest.read(size)):
                raise ConnectionResetError
            return chunk

    with pytest.raises(ConnectionResetError):
        desk.bring(cast(BinaryIO, Broken()))
    assert desk.kept() == []


def test_memory_does_not_grow_with_the_file(desk: Desk) -> None:
    import tracemalloc

    class Long(io.RawIOBase):
        left = 64 * 1024 * 1024

        def read(self, size: int = -1, /) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return b"%PDF-1.7\n1 0 obj\n".ljust(size, b"\0")[:size]

    tracemalloc.start()
    desk.bring(cast(BinaryIO, Long()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 1024 * 1024


def test_low_disk_is_refused_before_anything_is_written(desk: Desk) -> None:
    assert desk.refuses(files.image_bytes("PNG"), min_free_bytes=1 << 62) == "disk_low"


class _DiskFull:
    """Fails the n-th write to a file descriptor, file made, link or fsync of this process, as a full disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, at: int) -> None:
        self.left = at
        for name in ("write", "link", "fsync"):
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*args, **options)

        return wrapped


def test_disk_full_at_each_write_accepts_nothing_or_a_document_that_is_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = files.image_bytes("PNG")
    outcomes = []
    for at in range(1, 100):
        with monkeypatch.context() as patch:
            disk = _DiskFull(patch, at=at)
            outcomes.append(_outcome(desk, data))
        if disk.left > 0:
            break
        if outcomes[-1] == "disk_full":
            assert desk.kept() == []
            assert desk.count() == (0, 0)
        else:
            # The receipt had its name already when its folder could not be synced: it stands, and is registered.
            assert outcomes[-1] == "store_unavailable"
            assert register_pending(desk.archive, desk.database, desk.clock) == 1
            assert desk.count() == (1, 1)
            _forget_everything(desk)
    assert outcomes[-1] == "accepted"
    assert outcomes.count("disk_full") >= 5
    assert outcomes.count("store_unavailable") <= 1
    assert desk.count() == (1, 1)


def _outcome(desk: Desk, data: bytes) -> str:
    try:
        desk.bring(data)
    except (Refused, StoreUnavailable) as error:
        return error.code if isinstance(error, Refused) else "store_unavailable"
    return "accepted"


def _forget_everything(desk: Desk) -> None:
    with desk.database.write() as conn:
        conn.execute(jobs.delete())
        conn.execute(documents.delete())
    for pattern in ("receipts/*", "staging/*/*"):
        for path in (desk.root / "archive").glob(pattern):
            path.unlink()


def test_crash_between_receipt_and_catalogue_is_made_good(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    data = files.image_bytes("PNG")
    document_id = _crash_after_receipt(desk, data, monkeypatch)
    assert desk.count() == (0, 0)
    received_at = desk.clock.now()
    desk.clock.advance(seconds=3600)
    assert register_pending(desk.archive, desk.database, desk.clock) == 1
    with desk.database.read() as conn:
        (document,) = list_documents(conn, changed_since=desk.clock.now()).items
    assert (document.received_at, document.changed_at) == (received_at, desk.clock.now())
    assert desk.count() == (1, 1)
    assert register_pending(desk.archive, desk.database, desk.clock) == 0
    assert desk.bring(data).duplicate_of == document_id


def test_receipt_whose_bytes_came_again_meanwhile_resolves_to_that_document(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = files.image_bytes("PNG")
    lost = _crash_after_receipt(desk, data, monkeypatch)
    again = desk.bring(data)
    assert again.duplicate_of is None
    assert register_pending(desk.archive, desk.database, desk.clock) == 0
    assert desk.count() == (1, 1)
    [pending] = desk.archive.pending_receipts()
    assert isinstance(pending, Receipt)
    assert pending.document_id == again.document.document_id
    assert desk.archive.has_receipt(lost)


def _crash_after_receipt(desk: Desk, data: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    """The process dies once the receipt is durable, before the catalogue has committed."""
    written: list[str] = []

    class Killed(BaseException):
        pass

    with monkeypatch.context() as patch:
        write_receipt = Archive.write_receipt

        def write_and_die(archive: Archive, receipt: Any) -> None:
            write_receipt(archive, receipt)
            written.append(receipt.document_id)
            raise Killed

        patch.setattr(Archive, "write_receipt", write_and_die)
        with pytest.raises(Killed):
            desk.bring(data)
    return written[0]
