"""A page of a large PDF is read without the rest of it: the same pixels, each block once a machine, and a store that goes away is
no damaged paper."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import numpy as np
import pytest

from ingest.sniff import Kind
from ocr_workers import staged
from ocr_workers.outcomes import OutOfTime
from ocr_workers.pages import DocumentPlan, PageImage, load_page, plan_document
from sohoa.errors import Held, NotFound, SohoaError, StageFailed, StoreUnavailable
from sohoa.settings import Settings
from storage.archive.archive import Archive
from storage.catalog.documents import Document
from storage.objects import local_copies, s3
from storage.objects.local_copies import LocalCopies
from storage.objects.ranges import BLOCK_BYTES, Ranges, length_of
from storage.objects.s3 import S3Objects
from tests.support import pdf_files
from tests.support.faulty_proxy import FaultyProxy, between
from tests.support.object_stores import S3_SERVERS, fresh_s3
from tests.support.pdf_samples import pdf_samples
from tests.support.servers import wanted

SAMPLES = pdf_samples()
KEY = "staging/A/original.pdf"


class Afar:
    """An object somewhere else, and which blocks of it were asked for."""

    def __init__(self, data: bytes, folder: Path) -> None:
        self.data, self.asked, self.requests = data, list[int](), 0
        self.copies = LocalCopies(folder)

    def fetch(self, start: int, end: int) -> bytes:
        self.requests += 1
        self.asked += range(start // BLOCK_BYTES, -(-end // BLOCK_BYTES))
        return self.data[start:end]

    def opened(self, use: Callable[[Ranges], None], *, fetch: Callable[[int, int], bytes] | None = None) -> None:
        with self.copies.in_parts("k", "e", size_bytes=len(self.data)) as descriptor:
            use(Ranges(descriptor, len(self.data), fetch or self.fetch))


def test_what_is_read_here_and_there_is_what_lies_there_and_no_block_comes_twice(tmp_path: Path) -> None:
    rng = random.Random(7)
    afar = Afar(rng.randbytes(40 * BLOCK_BYTES + 123), tmp_path)
    plain = io.BytesIO(afar.data)

    def read(stream: Ranges) -> None:
        for _ in range(300):
            at, size = rng.randrange(len(afar.data) + 10), rng.choice((0, 1, 100, BLOCK_BYTES, 5 * BLOCK_BYTES))
            assert stream.seek(at) == plain.seek(at)
            assert stream.read(size) == plain.read(size)
            assert stream.tell() == plain.tell()
        assert stream.seek(-50, os.SEEK_END) == plain.seek(-50, os.SEEK_END)
        assert stream.read() == plain.read()

    for _ in range(2):  # the second is another process: it finds what the first has fetched
        afar.opened(read)
    assert len(afar.asked) == len(set(afar.asked))


def test_what_the_disk_took_only_a_part_of_is_told_and_never_taken_for_the_objects_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    afar = Afar(random.Random(3).randbytes(4 * BLOCK_BYTES), tmp_path)
    whole = os.pwrite
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", lambda file, data, at: whole(file, data[: len(data) // 2], at))
        with pytest.raises(StoreUnavailable) as raised:
            afar.opened(_read_all_or_raise)
    assert raised.value.code == "disk_full"
    afar.opened(lambda stream: _assert_is(stream, afar.data))


def test_a_store_that_gives_less_than_was_asked_for_is_told_and_never_believed(tmp_path: Path) -> None:
    afar = Afar(random.Random(3).randbytes(4 * BLOCK_BYTES), tmp_path)
    with pytest.raises(StoreUnavailable, match="asked for"):
        afar.opened(_read_all_or_raise, fetch=lambda start, end: afar.data[start : end - 1])
    afar.opened(lambda stream: _assert_is(stream, afar.data))


def _read_all_or_raise(stream: Ranges) -> None:
    stream.read()
    if stream.trouble is not None:
        raise stream.trouble


def _assert_is(stream: Ranges, data: bytes) -> None:
    assert stream.read() == data


def test_who_goes_on_reading_is_sent_more_at_a_time_and_who_jumps_is_not(tmp_path: Path) -> None:
    afar = Afar(bytes(100 * BLOCK_BYTES), tmp_path)

    def jump(stream: Ranges) -> None:
        for number in (90, 30, 60):
            stream.seek(number * BLOCK_BYTES)
            stream.read(10)

    def go_on(stream: Ranges) -> None:
        while stream.read(1000):
            pass

    afar.opened(jump)
    assert afar.asked == [90, 30, 60]
    afar.opened(go_on)
    assert sorted(afar.asked) == list(range(100))
    assert afar.requests < 25


@pytest.mark.parametrize("name", SAMPLES)
def test_a_page_is_the_same_as_from_a_file(name: str, tmp_path: Path) -> None:
    original = SAMPLES[name].make(tmp_path / "original.pdf")
    try:
        plan = plan_document(original, Kind.PDF, settings=Settings(), accept_damage=True)
    except (Held, StageFailed):
        return
    afar = Afar(original.read_bytes(), tmp_path / "copies")
    for page in plan.pages:
        _loaded(
            original, plan, page.number
        )  # PDFium draws a font that is not embedded otherwise the first time in a process
        afar.opened(lambda stream, number=page.number: _same(original, stream, plan, number))  # type: ignore[misc]


def _same(original: Path, stream: Ranges, plan: DocumentPlan, number: int) -> None:
    expected, found = (_loaded(source, plan, number) for source in (original, cast(BinaryIO, stream)))
    if isinstance(expected, PageImage) and isinstance(found, PageImage):
        assert np.array_equal(found.pixels, expected.pixels)
        expected, found = repr((expected.dpi, expected.colour)), repr((found.dpi, found.colour))
    assert found == expected
    assert stream.trouble is None


def _loaded(source: Path | BinaryIO, plan: DocumentPlan, number: int) -> object:
    try:
        return load_page(source, plan, number)
    except SohoaError as error:
        return error.code


@pytest.mark.parametrize("trouble", [StoreUnavailable("away"), OutOfTime()], ids=["store", "time"])
@pytest.mark.parametrize("after", range(0, 12, 3))
def test_trouble_in_the_middle_is_kept_and_nothing_is_asked_for_after_it(
    trouble: BaseException, after: int, tmp_path: Path
) -> None:
    original = pdf_files.scan(tmp_path / "scan.pdf", pages=3)
    plan = plan_document(original, Kind.PDF, settings=Settings())
    afar = Afar(original.read_bytes(), tmp_path / "copies")

    def fetch(start: int, end: int) -> bytes:
        if afar.requests == after:
            afar.requests += 1
            raise trouble
        assert afar.requests < after
        return afar.fetch(start, end)

    def load(stream: Ranges) -> None:
        found = _loaded(cast(BinaryIO, stream), plan, 2)
        assert (stream.trouble is trouble) == (afar.requests > after)
        assert stream.trouble is not None or isinstance(found, PageImage)

    afar.opened(load, fetch=fetch)


def test_parts_count_by_what_has_come_of_them_and_go_as_whole_copies_do(tmp_path: Path) -> None:
    copies = LocalCopies(tmp_path, keep_bytes=3 * BLOCK_BYTES)
    for number in range(5):
        data = bytes([number]) * 50 * BLOCK_BYTES
        with copies.in_parts(f"k{number}", "e", size_bytes=len(data)) as descriptor:
            Ranges(descriptor, len(data), lambda start, end, data=data: data[start:end]).read(BLOCK_BYTES)  # type: ignore[misc]
    left = list(tmp_path.glob("*.parts"))
    assert 0 < len(left) < 4
    assert all(path.stat().st_size == length_of(50 * BLOCK_BYTES) for path in left)


def test_what_was_there_before_the_machine_started_anew_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    afar = Afar(b"x" * 100, tmp_path)

    def read(stream: Ranges) -> None:
        assert stream.read() == afar.data

    afar.opened(read)
    afar.copies.keep("k", "e", io.BytesIO(afar.data)).unlink()
    monkeypatch.setattr(local_copies, "_boot", lambda: "another")
    assert afar.copies.find("k", "e") is None
    afar.opened(read)
    assert afar.requests == 2


# over the real servers


@pytest.fixture(params=S3_SERVERS)
def proxy(request: pytest.FixtureRequest) -> Iterator[FaultyProxy]:
    with between(wanted(request.param).endpoint) as proxy:
        yield proxy


@pytest.fixture
def objects(
    request: pytest.FixtureRequest, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> S3Objects:
    monkeypatch.setattr(s3, "LARGE_BYTES", 10_000)
    return fresh_s3(wanted(request.node.callspec.params["proxy"]), tmp_path / "copies", endpoint=proxy.endpoint)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return pdf_files.scan(tmp_path / "scan.pdf", pages=3)


@pytest.mark.servers
def test_a_large_object_is_read_in_parts_until_it_lies_here_whole(objects: S3Objects, original: Path) -> None:
    objects.create(KEY, original.read_bytes())
    plan = plan_document(original, Kind.PDF, settings=Settings())
    with objects.seekable(KEY) as source:
        assert isinstance(source, Ranges)
        _same(original, source, plan, 2)
    with objects.local_file(KEY) as path, objects.seekable(KEY) as source:
        assert isinstance(source, Path)
        assert source.read_bytes() == path.read_bytes()


@pytest.mark.servers
def test_a_small_object_comes_whole(objects: S3Objects) -> None:
    objects.create(KEY, b"small")
    with objects.seekable(KEY) as source:
        assert isinstance(source, Path)
        assert source.read_bytes() == b"small"


@pytest.mark.servers
def test_a_store_that_goes_away_in_the_middle_is_told_as_that_and_not_as_a_damaged_paper(
    objects: S3Objects, proxy: FaultyProxy, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.objects.s3_client.BUDGET_S", 0.0)
    monkeypatch.setattr("storage.objects.s3_client._FIRST_PAUSE_S", 0.001)
    objects.create(KEY, original.read_bytes())
    plan = plan_document(original, Kind.PDF, settings=Settings())

    def read() -> None:
        with objects.seekable(KEY) as source:
            proxy.down()
            load_page(source, plan, 2)

    with pytest.raises(StoreUnavailable):
        read()


@pytest.mark.servers
def test_an_object_that_was_replaced_meanwhile_is_not_mixed_with_what_was_there(
    objects: S3Objects, original: Path
) -> None:
    data = original.read_bytes()
    objects.create(KEY, data)

    def read() -> None:
        with objects.seekable(KEY) as source:
            assert isinstance(source, Ranges)
            source.read(10)
            objects.create(KEY, data[:-1] + b"x", overwrite=True)
            source.seek(-10, os.SEEK_END)
            source.read(10)

    with pytest.raises(StoreUnavailable, match="replaced"):
        read()


@pytest.mark.servers
@pytest.mark.parametrize(("kind", "is_stream"), [(Kind.PDF, True), (Kind.TIFF, False)])
def test_stage_that_reads_a_page_asks_for_parts_of_pdfs_and_libraries_get_images_whole(
    objects: S3Objects, original: Path, kind: Kind, is_stream: bool
) -> None:
    document = cast(Document, SimpleNamespace(document_id="A", kind=kind.value))
    objects.create(f"staging/A/original.{kind.value}", original.read_bytes())
    archive = cast(Archive, SimpleNamespace(objects=objects))

    def read() -> None:
        with staged.page_source(document, None, archive) as source:
            assert isinstance(source, Ranges) is is_stream
            raise NotFound("mine")

    with pytest.raises(NotFound, match="mine"):
        read()
