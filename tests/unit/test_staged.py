"""What the stages leave for each other is fetched as seldom as can be: each fetching may go over the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocr_workers.staged import StagedPages, write_page
from sohoa.model import DocumentId, Page
from tests.support.replicated import archive_in

PAPER = DocumentId("01JGFJJZ000000000000000001")


@pytest.mark.parametrize(("count", "fetched"), [(3, 3), (40, 40), (65, 3 * 65)])
def test_the_pages_of_an_ordinary_document_are_fetched_once_however_often_they_are_gone_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, fetched: int
) -> None:
    """Of a long one they are fetched anew each time: they are never all in memory."""
    archive = archive_in(tmp_path)
    for number in range(1, count + 1):
        write_page(PAPER, Page(number, 2480, 3508, 300.0, "blank", lane="tesserocr"), archive)
    with _counted(archive.objects, monkeypatch) as asked:
        pages = StagedPages(PAPER, count, archive)
        for _ in range(3):
            assert [page.number for page in pages] == list(range(1, count + 1))
    assert asked.total() == fetched


@contextmanager
def _counted(objects: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    asked: Counter[str] = Counter()
    read = type(objects).read  # type: ignore[attr-defined]

    def counted(self: object, key: str) -> bytes:
        asked[key] += 1
        found: bytes = read(self, key)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(type(objects), "read", counted)
        yield asked
