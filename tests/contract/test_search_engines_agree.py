"""Both engines over the same papers: the same hits in the same classes, places, counts and dates, whatever is asked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sohoa.model import DocumentId, OfficeId
from sohoa.settings import Settings
from storage.index import open_index
from storage.index.dates import OFFICE_TIME
from storage.index.elastic_query import TIER_SCORE
from storage.index.protocol import FACETS, Hit, IndexedPage, IndexEntry, SearchIndex, Sort, pack_words
from storage.index.query import parse_query
from storage.index.tantivy_index import TIER_SCORE as TANTIVY_TIER_SCORE
from tests.support import servers
from tests.support.indexes import ELASTIC, JANUARY, KHCN, NOI_VU, elastic_url, entry

pytestmark = pytest.mark.servers

WORDS = (
    "đường", "đương", "duong", "Đường", "khoa", "học", "và", "công", "nghệ", "hòa", "hoà", "hoa", "bình", "Bình",
    "quyết", "định", "kế", "hoạch", "Nguyễn", "Thị", "Hòa", "giấy", "phép", "sở", "nội", "vụ", "138/QĐ-KHCN",
    "05/BNV-VP", "138", "5", "0138", "13/8/2023", "024190001234", "H02-230105", "H56", "cấp", "cap", "cập",
    "ngày", "tháng", "năm", "2023", "x-quang",
)  # fmt: skip
TYPED = (*WORDS, "138qdkhcn", "138 /qd-khcn", "05bnvvp", "QĐKHCN")
TYPES = ("Quyết định", "Kế hoạch", "Giấy phép", "")
SIGNERS = ("Nguyễn Thị Hòa", "Đỗ Văn Bình", "Trần Thị Bé", "")
FILTERS = (
    "received:2023-01", "ngay:2022..2023", "date:>=2024", "-received:2023-01", "valid_until:2026", "so:138",
    'signer:"hòa thị"', '-loai:"quyết định"', "organ:công", "office:so-khcn", "owner_id:024190001234",
    "hoso:H02-230105", "status:archived", "-kind:pdf",
)  # fmt: skip
PAPERS, QUERIES = 80, 250


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SearchIndex, SearchIndex]]:
    """tantivy and Elasticsearch, told the same in the same order: papers, newer versions of some, tombstones of others."""
    chance = random.Random(7)
    papers = [_paper(chance, number) for number in range(PAPERS)]
    again = [replace(_paper(chance, number), sequence=2) for number in range(0, PAPERS, 7)]
    gone = [IndexEntry(DocumentId(f"d{number:03}"), sequence=3, deleted=True) for number in range(0, PAPERS, 11)]
    home: Path = tmp_path_factory.mktemp("engines")
    with (
        elastic_url(servers.wanted(ELASTIC)) as url,
        open_index(Settings(home=home), mode="write") as embedded,
        open_index(Settings(home=home, index_url=url), mode="write") as served,
    ):
        for index in (embedded, served):
            for batch in (papers, again, gone, papers[::5]):
                index.write(batch)
        yield embedded, served


@pytest.mark.parametrize("office", [None, KHCN])
def test_the_same_is_found_in_the_same_class_and_place(
    engines: tuple[SearchIndex, SearchIndex], office: OfficeId | None
) -> None:
    chance = random.Random(11)
    found_something = in_both_classes = 0
    for _ in range(QUERIES):
        typed = _typed(chance)
        embedded, served = (
            index.search(parse_query(typed), office=office, limit=PAPERS, facets=FACETS) for index in engines
        )
        assert embedded.total == served.total, typed
        assert _told(embedded.hits) == _told(served.hits), typed
        assert _facets(embedded.facets) == _facets(served.facets), typed
        better = _better(embedded.hits, TANTIVY_TIER_SCORE)
        assert better == _better(served.hits, TIER_SCORE), typed
        assert {hit.document_id for hit in served.hits[: len(better)]} == better, typed
        found_something += embedded.total > 0
        in_both_classes += 0 < len(better) < embedded.total
    assert found_something > QUERIES / 2
    assert in_both_classes > QUERIES / 20


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_the_same_order_by_date(engines: tuple[SearchIndex, SearchIndex], sort: Sort) -> None:
    chance = random.Random(13)
    for _ in range(30):
        typed = chance.choice((_typed(chance), chance.choice(TYPED)))
        days = [
            [
                _DAYS[hit.document_id]
                for hit in index.search(parse_query(typed), office=None, limit=PAPERS, sort=sort).hits
            ]
            for index in engines
        ]
        assert days[0] == days[1], typed


@pytest.mark.parametrize("typed", ["đường", "duong", "-khác", "quyết định"])
def test_walking_page_by_page_gives_what_one_page_gives(engines: tuple[SearchIndex, SearchIndex], typed: str) -> None:
    for index in engines:
        whole = index.search(parse_query(typed), office=None, limit=PAPERS).hits
        walked: list[Hit] = []
        cursor: str | None = None
        while True:
            page = index.search(parse_query(typed), office=None, limit=7, cursor=cursor)
            walked += page.hits
            if (cursor := page.next_cursor) is None:
                break
        assert walked == list(whole)


_DAYS: dict[str, str] = {}
"""By document what it is sorted by: its own date, else the day it was received."""


def _paper(chance: random.Random, number: int) -> IndexEntry:
    pages = []
    for page in range(1, chance.randint(2, 4)):
        words = [chance.choice(WORDS) for _ in range(chance.randint(1, 60))]
        text, places = "", []
        for word in words:
            places.append((len(text), word, (len(text), 0, len(text) + len(word), 40)))
            text += f"{word}{chance.choice((' ', ' ', ' ', chr(10)))}"
        pages.append(IndexedPage(page, text, pack_words(places)))
    received = JANUARY + timedelta(days=chance.randint(-400, 400))
    day = f"202{chance.randint(1, 4)}-0{chance.randint(1, 9)}-11" if chance.random() < 0.7 else ""
    fields = {
        "type_name": chance.choice(TYPES),
        "signer_name": chance.choice(SIGNERS),
        "issued_date": day,
        "organ_name": chance.choice(("SỞ KHOA HỌC VÀ CÔNG NGHỆ", "SỞ NỘI VỤ", "")),
        "code_number": chance.choice(("138", "0138", "5", "")),
        "owner_id": chance.choice(("024190001234", "")),
        "valid_until": chance.choice(("2026-02-28", "")),
        "subject": " ".join(chance.choice(WORDS) for _ in range(5)),
    }
    _DAYS[f"d{number:03}"] = day or received.astimezone(OFFICE_TIME).date().isoformat()
    return replace(
        entry(f"d{number:03}", office=chance.choice((KHCN, NOI_VU))),
        dossier=chance.choice((None, "000.00.05.H02-230105-0001")),
        kind=chance.choice(("pdf", "tif")),
        received_at=received,
        fields={name: value for name, value in fields.items() if value},
        pages=pages,
    )


def _typed(chance: random.Random) -> str:
    some = [chance.choice(TYPED) for _ in range(chance.choice((1, 1, 2, 3)))]
    kind = chance.random()
    if kind < 0.25:
        some = [f'"{" ".join(some)}"']
    elif kind < 0.4:
        some.append(f"-{chance.choice(WORDS)}")
    elif kind < 0.65:
        some = [*some[: chance.randint(0, 1)], chance.choice(FILTERS)]
    return " ".join(some)


def _told(hits: tuple[Hit, ...]) -> dict[str, Hit]:
    """By document all that a hit says but its score."""
    return {hit.document_id: replace(hit, score=0.0) for hit in hits}


def _better(hits: tuple[Hit, ...], tier_score: float) -> set[str]:
    return {hit.document_id for hit in hits if hit.score >= tier_score}


def _facets(facets: object) -> object:
    assert isinstance(facets, dict)
    return {name: list(counts) for name, counts in facets.items()}
