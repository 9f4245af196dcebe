"""A document's pages as one block of bytes that an index can store, read back page by page as they are needed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import overload

from storage.index.protocol import IndexedPage

_COUNT = struct.Struct("<I")
_PAGE = struct.Struct("<III")
"""A page's number and the sizes of its deflated text and of its packed words."""
_COMPRESSION = 6


def pack_pages(pages: Sequence[IndexedPage]) -> bytes:
    """All pages in one block: a directory, then each page's deflated text and packed words."""
    texts = [zlib.compress(page.text.encode(), _COMPRESSION) for page in pages]
    directory = [_PAGE.pack(page.number, len(text), len(page.words)) for page, text in zip(pages, texts, strict=True)]
    bodies = [part for page, text in zip(pages, texts, strict=True) for part in (text, page.words)]
    return b"".join([_COUNT.pack(len(pages)), *directory, *bodies])


class StoredPages(Sequence[IndexedPage]):
    """The pages of a block that :func:`pack_pages` wrote; a page is inflated when it is asked for."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        (count,) = _COUNT.unpack_from(block)
        place = _COUNT.size + count * _PAGE.size
        self._places: list[tuple[int, int, int, int]] = []
        for number, text_size, words_size in _PAGE.iter_unpack(block[_COUNT.size : place]):
            self._places.append((number, place, place + text_size, place + text_size + words_size))
            place += text_size + words_size

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> IndexedPage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[IndexedPage]: ...
    def __getitem__(self, index: int | slice) -> IndexedPage | Sequence[IndexedPage]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number, text, words, end = self._places[index]
        return IndexedPage(number, zlib.decompress(self._block[text:words]).decode(), self._block[words:end])
