"""What every search index must do with what is known of a paper: ask by name and date, count, sort, forget what it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sohoa.errors import BadQuery
from storage.index.protocol import SearchIndex, Sort
from storage.index.query import parse_query
from tests.support.indexes import KHCN, NOI_VU, entry, names


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
