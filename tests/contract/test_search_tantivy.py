"""The embedded index alone: processes that share its folder, and files that are damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sohoa.errors import SetupError, StoreUnavailable
from storage.index.tantivy_index import TantivyIndex
from tests.support.indexes import entry, names, search


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def index(root: Path) -> Iterator[TantivyIndex]:
    opened = TantivyIndex(root, "write")
    yield opened
    opened.close()


def test_reader_sees_what_was_committed_since_it_was_opened(root: Path, index: TantivyIndex) -> None:
    reader = TantivyIndex(root)
    index.write([entry("it", "kế hoạch")])
    assert names(reader, "kế") == ["it"]
    index.write([entry("more", "kế hoạch")])
    assert sorted(names(reader, "kế")) == ["it", "more"]


def test_second_writer_is_told_to_wait(root: Path, index: TantivyIndex) -> None:
    with pytest.raises(StoreUnavailable, match="another process") as refused:
        TantivyIndex(root, "write")
    assert refused.value.code == "index_busy"
    index.close()
    TantivyIndex(root, "write").close()


@pytest.mark.parametrize("victim", ["meta.json", "*.store", "*.idx", "*.fast", "*.term", "*.pos", "*.fieldnorm"])
@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_damaged_files_are_told_with_what_to_do(root: Path, victim: str, harm: str) -> None:
    writer = TantivyIndex(root, "write")
    writer.write([entry("it", "kế hoạch")])
    writer.close()
    (file,) = root.glob(victim)
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(SetupError, match="delete its folder") as told:
        search(TantivyIndex(root), "kế")
    assert told.value.code == "index_damaged"
