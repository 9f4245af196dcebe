"""What every search index must do: find, rank, count, filter, forget nothing, and say so when it is damaged."""

from __future__ import annotations

import gzip
import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sohoa.clock import FixedClock
from sohoa.errors import BadQuery, SetupError, StoreUnavailable
from sohoa.model import Actor, Block, DocumentId, Line, OfficeId, Page, Sha256, Source, Word
from sohoa.states import DocumentStatus
from storage.archive.alto import write_alto
from storage.archive.archive import Archive
from storage.archive.layout import object_id_of
from storage.catalog import documents, outbox
from storage.catalog.database import Database
from storage.catalog.documents import NewDocument
from storage.index.indexer import index_outbox
from storage.index.protocol import Hit, IndexedPage, IndexEntry, SearchIndex, SearchPage, Sort, pack_words
from storage.index.query import Query, parse_query
from storage.index.tantivy_index import MOST_RESULTS, TantivyIndex
from storage.objects import open_objects

KHCN, NOI_VU = OfficeId("so-khcn"), OfficeId("so-noi-vu")
JANUARY = datetime(2023, 1, 15, 2, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def index(root: Path) -> Iterator[SearchIndex]:
    opened = TantivyIndex(root, "write")
    yield opened
    opened.close()


def entry(name: str, *texts: str, sequence: int = 1, office: OfficeId = KHCN) -> IndexEntry:
    return IndexEntry(
        document_id=DocumentId(name),
        sequence=sequence,
        office=office,
        filename=f"{name}.pdf",
        kind="pdf",
        status="archived",
        received_at=JANUARY,
        archived_at=JANUARY + timedelta(minutes=2),
        pages=[IndexedPage(number, text) for number, text in enumerate(texts, start=1)],
    )


def search(index: SearchIndex, typed: str, *, office: OfficeId | None = None, limit: int = 20) -> SearchPage:
    return index.search(parse_query(typed), office=office, limit=limit)


def names(index: SearchIndex, typed: str) -> list[str]:
    found = search(index, typed)
    assert found.total == len(found.hits)
    return [hit.document_id for hit in found.hits]


def test_exact_spelling_ranks_strictly_above_folded_ones(index: SearchIndex) -> None:
    index.write([entry("folded", "đương đương đương đương"), entry("exact", "x " * 500 + "đường" + " y" * 500)])
    assert names(index, "đường") == ["exact", "folded"]
    assert sorted(names(index, "duong")) == ["exact", "folded"]
    scores = [hit.score for hit in search(index, "đường").hits]
    assert scores == sorted(scores, reverse=True)


def test_all_words_must_be_somewhere_in_the_document(index: SearchIndex) -> None:
    index.write([entry("both", "khoa", "học"), entry("one", "khoa khoa")])
    assert names(index, "học khoa") == ["both"]


def test_neighbouring_words_rank_above_scattered_ones(index: SearchIndex) -> None:
    index.write(
        [
            entry("scattered", "quyết một hai ba bốn năm định sáu"),
            entry("together", "một hai ba bốn quyết định năm sáu"),
        ]
    )
    assert names(index, "quyết định") == ["together", "scattered"]
    assert names(index, "quyet dinh") == ["together", "scattered"]


def test_phrases_of_any_length_keep_their_order(index: SearchIndex) -> None:
    index.write([entry("right", "Bà Nguyễn Thị\nHòa ở đây"), entry("wrong", "Thị Hòa và Nguyễn Thị An")])
    assert names(index, '"nguyễn thị hoà"') == ["right"]
    assert names(index, '"nguyen thi hoa"') == ["right"]
    assert names(index, '"thị hòa"') == ["right", "wrong"] or names(index, '"thị hòa"') == ["wrong", "right"]
    assert names(index, '"hòa thị"') == []


def test_exact_phrase_ranks_above_a_folded_one(index: SearchIndex) -> None:
    index.write([entry("folded", "hoa binh " * 9), entry("exact", "nước hoà bình")])
    assert names(index, '"hòa bình"') == ["exact", "folded"]


def test_phrase_does_not_reach_over_pages(index: SearchIndex) -> None:
    index.write([entry("pages", "cuối trang quyết", "định đầu trang")])
    assert names(index, '"quyết định"') == []


@pytest.mark.parametrize(
    "typed", ["138/QĐ-KHCN", "138", "QĐ-KHCN", "138/qd-khcn", "138qdkhcn", "138 qd khcn", "qđkhcn", "KHCN", "0138"]
)
def test_code_is_found_whole_in_part_folded_and_without_punctuation(index: SearchIndex, typed: str) -> None:
    index.write([entry("it", "Số: 138/QĐ-KHCN"), entry("other", "Số: 139/KH-UBND ngày 13/8/2023")])
    assert names(index, typed) == ["it"]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("05/BNV-VP", "5/BNV-VP"),
        ("5/BNV-VP", "05/BNV-VP"),
        ("05/BNV-VP", "5bnvvp"),
        ("138QĐ-KHCN", "138/QĐ-KHCN"),
        ("138 /QĐ - KHCN", "138/QĐ-KHCN"),
        ("138/QÐ-KHCN", "138/QĐ-KHCN"),
        ("000.00.05.H02-230105-0001", "000.00.05.H02-230105-0001"),
        ("000.00.05.H02-230105-0001", "0000005H022301050001"),
        ("000.00.05.H02-230105-0001", "H02-230105"),
        ("2.000488.000.00.00.H56", "2.000488"),
        ("2.000488.000.00.00.H56", "2000488"),
        ("CCCD 024190001234", "024190001234"),
    ],
)
def test_official_codes_are_found(index: SearchIndex, text: str, typed: str) -> None:
    index.write([entry("it", f"có mã {text} đây"), entry("other", "có 14 mã khác")])
    assert names(index, typed) == ["it"]


def test_date_written_with_slashes_is_not_a_short_number(index: SearchIndex) -> None:
    index.write([entry("date", "ngày 13/8/2023")])
    assert names(index, "138") == []


def test_decomposed_text_and_query_meet(index: SearchIndex) -> None:
    index.write([entry("nfd", unicodedata.normalize("NFD", "Quyết định"))])
    assert names(index, unicodedata.normalize("NFD", '"quyết định"')) == ["nfd"]


def test_excluded_words_keep_documents_out(index: SearchIndex) -> None:
    index.write([entry("road", "con đường"), entry("natural", "đương nhiên"), entry("other", "khác")])
    assert sorted(names(index, "-đường")) == ["natural", "other"]
    assert names(index, "-duong") == ["other"]
    assert names(index, 'con -"đương nhiên"') == ["road"]


def test_named_fields_are_asked_for(index: SearchIndex) -> None:
    known = {"type": "Quyết định", "number": "138/QĐ-KHCN", "organ": "Sở Khoa học và Công nghệ", "ghi chú": "hỏa tốc"}
    it = replace(entry("it"), dossier="000.00.05.H02-230105-0001", external_id="HS-77", fields=known)
    index.write([it, replace(entry("other", "138 quyết định"), kind="tif", status="held")])
    for typed in (
        "so:138",
        "number:138qdkhcn",
        'loai:"quyết định"',
        "co_quan:công",
        "hoso:H02-230105",
        "hoso:0000005H022301050001",
        "external_id:HS-77",
        "filename:it",
        "status:archived",
        "-status:held",
        "kind:pdf",
        "hỏa tốc",
        "HS-77",
    ):
        assert names(index, typed) == ["it"], typed


def test_number_on_the_first_page_serves_until_somebody_has_read_it(index: SearchIndex) -> None:
    index.write([entry("it", "UBND TỈNH\nSố: 138 /QĐ-KHCN\nCăn cứ Nghị định số 61/2018/NĐ-CP"), entry("other", "138")])
    assert names(index, "so:138/QĐ-KHCN") == ["it"]
    assert names(index, "so:61") == []


def test_dates_limit_by_the_day_in_vietnam(index: SearchIndex) -> None:
    just_after_midnight = datetime(2023, 1, 14, 17, 30, tzinfo=UTC)
    index.write([replace(entry("it"), received_at=just_after_midnight), replace(entry("later"), received_at=None)])
    assert names(index, "received:15/01/2023") == ["it"]
    assert names(index, "received:2023-01-14") == []
    assert names(index, "ngay:2023-01..2023-03") == ["it"]
    assert sorted(names(index, "archived:>=2023")) == ["it", "later"]
    issued = replace(entry("it", sequence=2), fields={"issued_date": "2022-12-30"})
    index.write([issued])
    assert names(index, "ngay:2022") == ["it"]


PAPER = {
    "type_name": "Giấy phép",
    "code_number": "0138",
    "code_notation": "GP-SKHCN",
    "issued_date": "2023-02-28",
    "place": "Kiên Giang",
    "organ_name": "SỞ KHOA HỌC VÀ CÔNG NGHỆ",
    "parent_organ_name": "UBND TỈNH KIÊN GIANG",
    "subject": "Về việc sử dụng thiết bị X-quang",
    "signer_name": "Nguyễn Thị Hòa",
    "signer_position": "PHÓ GIÁM ĐỐC",
    "signing_authority": "KT. GIÁM ĐỐC",
    "recipients": "Bộ KH&CN; Lưu: VT",
    "page_amount": "3",
    "language": "Tiếng Việt",
    "priority": "HỎA TỐC",
    "valid_from": "2023-03-01",
    "valid_until": "2026-02-28",
    "owner_name": "Đỗ Văn Bình",
    "owner_id": "024190001234",
    "owner_id_kind": "CCCD",
    "address": "12 đường Lê Lợi",
    "dossier_code": "000.00.05.H02-230105-0001",
    "procedure_code": "2.000488.000.00.00.H56",
    "applicant_name": "Trần Thị Bé",
    "received_date": "2023-01-05",
    "due_date": "2023-02-05",
    "components": "Đơn đề nghị; Bản vẽ",
}


@pytest.mark.parametrize(
    "typed",
    [
        'type:"giấy phép"', "type_name:phép", "số:138", "so:0138", "number:138/GP-SKHCN", "code_number:138gpskhcn",
        "date:2023-01..2023-03", "issued_date:2023-02-28", 'địa_danh:"kiên giang"', 'issuer:"khoa học"',
        "organ_name:nghệ", 'chu_quan:"UBND tỉnh"', 'trichyeu:"thiết bị"',
        "signer:hoà", 'chuc_vu:"giám đốc"', 'quyen_han:"KT giám đốc"', "noi_nhan:VT", "so_trang:3",
        'language:"tiếng việt"', 'do_khan:"hỏa tốc"', "hieu_luc_tu:2023-03", "valid_until:2026", "hieu_luc_den:>=2026-02",
        "owner:Bình", "owner_id:024190001234", "cccd:024190001234", 'cccd:"024 190 001 234"', "owner_id_kind:CCCD",
        'diachi:"Lê Lợi"', "hoso:H02-230105", "dossier_code:000.00.05.H02-230105-0001", "thu_tuc:2.000488",
        "nguoi_nop:Bé", "received_date:05/01/2023", "ngay_hen_tra:2023-02-05", 'thanh_phan:"bản vẽ"',
    ],
)  # fmt: skip
def test_every_field_of_a_paper_is_asked_for_by_name(index: SearchIndex, typed: str) -> None:
    other = {**dict.fromkeys(PAPER, "khác"), "issued_date": "2022-02-28", "page_amount": "4", "owner_id": "271234567"}
    other |= {"valid_from": "2022-01-01", "valid_until": "2025-01-01", "received_date": "2022-01-05"}
    other |= {"due_date": "2022-02-05"}
    index.write([replace(entry("it"), fields=PAPER), replace(entry("other", "138 giấy phép"), fields=other)])
    assert names(index, typed) == ["it"]


def test_a_name_matches_in_any_order_and_other_fields_do_not(index: SearchIndex) -> None:
    index.write([replace(entry("it"), fields=PAPER)])
    for typed in ('signer:"Hòa Nguyễn Thị"', 'owner:"binh do van"', 'nguoi_nop:"Bé Trần"', 'signer:"thi hoa"'):
        assert names(index, typed) == ["it"], typed
    for typed in ('signer:"Hòa Trần"', 'subject:"bị thiết"', '-signer:"Hòa Nguyễn"', 'owner:"Nguyễn Thị Hòa"'):
        assert names(index, typed) == [], typed


@pytest.mark.parametrize("typed", ["owner_id:0241", "cccd:24190001234", "cccd:190001234", "owner_id:02419000123"])
def test_a_part_of_a_citizens_number_finds_nobody(index: SearchIndex, typed: str) -> None:
    index.write([replace(entry("it"), fields=PAPER)])
    assert names(index, typed) == []
    tax = replace(entry("tax", sequence=2), fields={"owner_id": "0123456789-001"})
    index.write([tax])
    assert names(index, "mst:0123456789-001") == ["tax"]
    for part in ("mst:0123456789", "mst:001", "0123456789", "123456789001"):
        assert names(index, part) == [], part


def test_facets_count_all_that_was_found(index: SearchIndex) -> None:
    papers = [
        replace(entry(f"p{number}", "hồ sơ"), fields={"type_name": kind, "organ_name": organ, "issued_date": day})
        for number, (kind, organ, day) in enumerate(
            [
                ("Quyết định", "SỞ Y TẾ", "2023-01-01"),
                ("Quyết định", "SỞ NỘI VỤ", "2023-12-31"),
                ("Kế hoạch", "SỞ Y TẾ", "2022-06-01"),
                ("Quyết định", "SỞ Y TẾ", "2022-06-01"),
            ]
        )
    ]
    index.write([*papers, replace(entry("theirs", "hồ sơ", office=NOI_VU), fields={"type_name": "Kế hoạch"})])
    found = index.search(parse_query("hồ sơ"), office=KHCN, limit=1, facets=("type", "organ", "year", "signer"))
    assert found.facets == {
        "type": [("Quyết định", 3), ("Kế hoạch", 1)],
        "organ": [("SỞ Y TẾ", 3), ("SỞ NỘI VỤ", 1)],
        "year": [("2022", 2), ("2023", 2)],
        "signer": [],
    }
    narrowed = index.search(parse_query('organ:"sở y tế"'), office=None, facets=("type", "office"))
    assert narrowed.facets == {"type": [("Quyết định", 2), ("Kế hoạch", 1)], "office": [("so-khcn", 3)]}
    assert index.search(parse_query("hồ sơ"), office=None).facets == {}
    with pytest.raises(BadQuery, match="colour"):
        index.search(parse_query("hồ sơ"), office=None, facets=("colour",))


def test_hits_sort_by_the_papers_date_however_well_they_fit(index: SearchIndex) -> None:
    days = {"b": "2023-05-01", "a": "2021-01-31", "c": "2024-12-01"}
    papers = [replace(entry(name, "đường " * 9), fields={"issued_date": day}) for name, day in days.items()]
    index.write([*papers, replace(entry("undated", "đương"), received_at=None)])
    for sort, expected in (("newest", ["c", "b", "a", "undated"]), ("oldest", ["undated", "a", "b", "c"])):
        chosen: Sort = "newest" if sort == "newest" else "oldest"
        found = index.search(parse_query("đường"), office=None, sort=chosen)
        assert ([hit.document_id for hit in found.hits], found.total) == (expected, 4)
        paged, cursor = [], None
        while True:
            page = index.search(parse_query("đường"), office=None, sort=chosen, limit=3, cursor=cursor)
            paged += [hit.document_id for hit in page.hits]
            if (cursor := page.next_cursor) is None:
                break
        assert paged == expected
    assert names(index, "đường")[-1] == "undated"


def test_what_a_person_corrects_is_found_by_what_it_is_now(index: SearchIndex) -> None:
    index.write([replace(entry("it"), fields=PAPER)])
    index.write([replace(entry("it", sequence=2), fields={**PAPER, "code_number": "139", "owner_id": "024190009999"})])
    assert names(index, "so:138") == names(index, "cccd:024190001234") == []
    assert names(index, "so:139") == names(index, "cccd:024190009999") == ["it"]


def test_an_office_sees_and_counts_only_its_own(index: SearchIndex) -> None:
    index.write([entry("own", "kế hoạch"), entry("foreign", "kế hoạch", office=NOI_VU)])
    for typed in ("kế hoạch", "-khác", "kind:pdf", '"kế hoạch"', "office:so-noi-vu kế", "ke hoach"):
        found = search(index, typed, office=KHCN)
        assert {hit.document_id for hit in found.hits} <= {"own"}
        assert found.total == len(found.hits)
    assert search(index, "kế hoạch").total == 2
    assert search(index, "kế", office=OfficeId("so")).total == 0


def test_older_sequence_is_ignored_and_the_same_one_changes_nothing(index: SearchIndex) -> None:
    index.write([entry("it", "mới", sequence=7)])
    index.write([entry("it", "cũ", sequence=6)])
    index.write([entry("it", "mới", sequence=7), entry("it", "cũ", sequence=3)])
    assert names(index, "mới") == ["it"]
    assert names(index, "cũ") == []
    assert index.count() == 1


def test_the_sequence_of_each_document_can_be_asked_for_tombstones_too(index: SearchIndex) -> None:
    index.write([entry("it", "một"), IndexEntry(DocumentId("gone"), sequence=7, deleted=True)])
    (sequence,) = index.sequences(["it"]).values()
    assert index.sequences(["it", "gone", "unknown"]) == {"it": sequence, "gone": 7}
    index.write([IndexEntry(DocumentId("it"), sequence=sequence + 5, filename="x")])
    assert index.sequences(iter(["it"])) == {"it": sequence + 5}
    assert index.sequences([]) == {}


def test_tombstone_hides_a_document_and_outlives_late_writes(index: SearchIndex) -> None:
    index.write([entry("it", "kế hoạch", sequence=1), entry("other", "kế hoạch", sequence=2)])
    index.write([IndexEntry(DocumentId("it"), sequence=5, deleted=True)])
    index.write([entry("it", "kế hoạch", sequence=4)])
    assert names(index, "kế hoạch") == ["other"]
    assert names(index, "-khác") == ["other"]
    assert index.count() == 1


def test_hit_carries_pages_snippets_and_boxes(index: SearchIndex) -> None:
    words = pack_words([(0, "Kế", (10, 20, 60, 50)), (3, "hoạch", (70, 20, 190, 50))])
    index.write(
        [
            replace(
                entry("it", "trang đầu"), dossier="D-1", pages=[IndexedPage(1, "a"), IndexedPage(2, "Kế hoạch", words)]
            )
        ]
    )
    (hit,) = search(index, '"ke hoach"').hits
    (snippet,) = hit.snippets
    assert (hit.dossier, hit.office, hit.filename, hit.page_count, hit.pages) == ("D-1", KHCN, "it.pdf", 2, (2,))
    assert (hit.received_at, hit.archived_at) == (JANUARY, JANUARY + timedelta(minutes=2))
    assert snippet.highlights == ((0, 8),)
    assert snippet.boxes == ((10, 20, 60, 50), (70, 20, 190, 50))


@pytest.mark.parametrize("typed", ["đường", "duong", "-khác"])
def test_cursor_walks_through_every_hit_once(index: SearchIndex, typed: str) -> None:
    index.write([entry(f"{number:02}", "đường" if number % 3 else "đương") for number in range(11)])
    seen: list[Hit] = []
    cursor: str | None = None
    while True:
        page = index.search(parse_query(typed), office=None, limit=3, cursor=cursor)
        seen += page.hits
        assert page.total == 11
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len({hit.document_id for hit in seen}) == len(seen) == 11
    if typed == "đường":
        assert all(int(hit.document_id) % 3 for hit in seen[:7])


@pytest.mark.parametrize("cursor", ["", "-1", "x", "٣", str(MOST_RESULTS), "9" * 5000])
def test_made_up_cursor_is_refused(index: SearchIndex, cursor: str) -> None:
    with pytest.raises(BadQuery, match="cursor"):
        index.search(parse_query("a"), office=None, cursor=cursor)


def test_new_index_is_empty_and_answers(root: Path) -> None:
    reader = TantivyIndex(root)
    assert search(reader, "gì đó") == SearchPage(0, (), None)
    assert reader.count() == 0


def test_reader_sees_what_was_committed_since_it_was_opened(root: Path, index: SearchIndex) -> None:
    reader = TantivyIndex(root)
    index.write([entry("it", "kế hoạch")])
    assert names(reader, "kế") == ["it"]
    index.write([entry("more", "kế hoạch")])
    assert sorted(names(reader, "kế")) == ["it", "more"]


def test_second_writer_is_told_to_wait(root: Path, index: SearchIndex) -> None:
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
    """An index that takes no batch with `unwanted` in it: a failure of one document, or, for all, of the engine."""

    index: SearchIndex
    unwanted: str

    def write(self, entries: Sequence[IndexEntry]) -> None:
        if any(self.unwanted in page.text for entry in entries for page in entry.pages) or not self.unwanted:
            raise StoreUnavailable("no")
        self.index.write(entries)

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


def test_document_that_the_index_does_not_take_holds_up_nobody(desk: Desk, index: SearchIndex) -> None:
    unwanted, sound = desk.put("độc.pdf", "thuốc độc"), desk.put("lành.pdf", "thuốc bổ")
    assert desk.index_into(Refusing(index, "độc")) == 2
    assert names(index, "thuốc") == [sound]
    assert names(index, "filename:độc") == [unwanted]
    assert desk.searchable_at(sound) is not None
    assert desk.searchable_at(unwanted) is None


def test_rows_wait_while_the_index_takes_nothing(desk: Desk, index: SearchIndex) -> None:
    desk.put("a.pdf", "kế hoạch")
    with pytest.raises(StoreUnavailable):
        desk.index_into(Refusing(index, ""))
    assert desk.waiting() == 1
    assert desk.index_into(index) == 1
    assert len(names(index, "kế hoạch")) == 1
