"""Who issues the varied papers: offices of provinces, districts, communes, ministries, courts, schools and the Party.

Provinces and ministries carry real names beside invented ones, districts, people and papers are invented.
"""

# ruff: noqa: E501  (a list a line)

from __future__ import annotations

import random
from collections.abc import Callable

from tests.support.press import stock
from tests.support.press.facts import Office

PROVINCES = (
    "An Giang", "Bà Rịa - Vũng Tàu", "Bạc Liêu", "Bắc Giang", "Bắc Kạn", "Bắc Ninh", "Bến Tre", "Bình Dương", "Bình Định", "Bình Phước", "Bình Thuận",
    "Cà Mau", "Cao Bằng", "Đắk Lắk", "Đắk Nông", "Điện Biên", "Đồng Nai", "Đồng Tháp", "Gia Lai", "Hà Giang", "Hà Nam", "Hà Tĩnh", "Hải Dương", "Hậu Giang",
    "Hòa Bình", "Hưng Yên", "Khánh Hòa", "Kiên Giang", "Kon Tum", "Lai Châu", "Lạng Sơn", "Lào Cai", "Lâm Đồng", "Long An", "Nam Định", "Nghệ An",
    "Ninh Bình", "Ninh Thuận", "Phú Thọ", "Phú Yên", "Quảng Bình", "Quảng Nam", "Quảng Ngãi", "Quảng Ninh", "Quảng Trị", "Sóc Trăng", "Sơn La", "Tây Ninh",
    "Thái Bình", "Thái Nguyên", "Thanh Hóa", "Thừa Thiên Huế", "Tiền Giang", "Trà Vinh", "Tuyên Quang", "Vĩnh Long", "Vĩnh Phúc", "Yên Bái",
    *stock.PROVINCES,
)  # fmt: skip
CITIES = ("Hà Nội", "Hải Phòng", "Đà Nẵng", "Cần Thơ", "Hồ Chí Minh")
_DEPARTMENTS = (
    ("KHOA HỌC VÀ CÔNG NGHỆ", "SKHCN"), ("Y TẾ", "SYT"), ("GIÁO DỤC VÀ ĐÀO TẠO", "SGDĐT"), ("NÔNG NGHIỆP VÀ PHÁT TRIỂN NÔNG THÔN", "SNN"), ("NỘI VỤ", "SNV"),
    ("TÀI CHÍNH", "STC"), ("XÂY DỰNG", "SXD"), ("TƯ PHÁP", "STP"), ("TÀI NGUYÊN VÀ MÔI TRƯỜNG", "STNMT"), ("CÔNG THƯƠNG", "SCT"), ("GIAO THÔNG VẬN TẢI", "SGTVT"),
    ("THÔNG TIN VÀ TRUYỀN THÔNG", "STTTT"), ("LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI", "SLĐTBXH"), ("VĂN HÓA, THỂ THAO VÀ DU LỊCH", "SVHTTDL"), ("KẾ HOẠCH VÀ ĐẦU TƯ", "SKHĐT"), ("NGOẠI VỤ", "SNgV"),
)  # fmt: skip
_MINISTRIES = (
    ("BỘ Y TẾ", "BYT"), ("BỘ TÀI CHÍNH", "BTC"), ("BỘ NỘI VỤ", "BNV"), ("BỘ TƯ PHÁP", "BTP"), ("BỘ XÂY DỰNG", "BXD"), ("BỘ CÔNG THƯƠNG", "BCT"), ("BỘ GIÁO DỤC VÀ ĐÀO TẠO", "BGDĐT"),
    ("BỘ KHOA HỌC VÀ CÔNG NGHỆ", "BKHCN"), ("BỘ GIAO THÔNG VẬN TẢI", "BGTVT"), ("BỘ TÀI NGUYÊN VÀ MÔI TRƯỜNG", "BTNMT"), ("BỘ KHÍ TƯỢNG VÀ ĐO LƯỜNG", "BKĐ"), ("BỘ NGOẠI GIAO", "BNG"),
)  # fmt: skip
_BUREAUS = (
    ("CỤC KIỂM ĐỊNH THIẾT BỊ", "CKĐ", "CỤC TRƯỞNG"), ("CỤC QUẢN LÝ KHÁM, CHỮA BỆNH", "KCB", "CỤC TRƯỞNG"), ("VỤ TỔ CHỨC CÁN BỘ", "TCCB", "VỤ TRƯỞNG"), ("CỤC CÔNG NGHỆ THÔNG TIN", "CNTT", "CỤC TRƯỞNG"),
    ("TỔNG CỤC TIÊU CHUẨN ĐO LƯỜNG CHẤT LƯỢNG", "TĐC", "TỔNG CỤC TRƯỞNG"), ("CỤC AN TOÀN BỨC XẠ VÀ HẠT NHÂN", "ATBXHN", "CỤC TRƯỞNG"), ("VIỆN CHIẾN LƯỢC VÀ CHÍNH SÁCH", "VCLCS", "VIỆN TRƯỞNG"),
    ("TRƯỜNG ĐẠI HỌC KỸ THUẬT", "ĐHKT", "HIỆU TRƯỞNG"), ("TRƯỜNG CAO ĐẲNG NGHỀ SỐ 3", "CĐN3", "HIỆU TRƯỞNG"), ("VĂN PHÒNG", "VP", "CHÁNH VĂN PHÒNG"), ("THANH TRA", "TTra", "CHÁNH THANH TRA"),
)  # fmt: skip
_UNITS_OF_HEALTH = (
    ("BỆNH VIỆN ĐA KHOA TỈNH", "BVT"), ("BỆNH VIỆN Y HỌC CỔ TRUYỀN", "BVYHCT"), ("TRUNG TÂM KIỂM SOÁT BỆNH TẬT", "KSBT"), ("BỆNH VIỆN PHỤ SẢN", "BVPS"), ("TRUNG TÂM Y TẾ HUYỆN {district}", "TTYT"),
    ("BỆNH VIỆN ĐA KHOA KHU VỰC {district}", "BVKV"), ("CHI CỤC AN TOÀN VỆ SINH THỰC PHẨM", "ATTP"),
)  # fmt: skip
_ROOMS = (
    ("PHÒNG TÀI NGUYÊN VÀ MÔI TRƯỜNG", "TNMT"), ("PHÒNG TÀI CHÍNH - KẾ HOẠCH", "TCKH"), ("PHÒNG GIÁO DỤC VÀ ĐÀO TẠO", "PGDĐT"), ("PHÒNG NỘI VỤ", "NV"), ("PHÒNG KINH TẾ VÀ HẠ TẦNG", "KTHT"), ("PHÒNG TƯ PHÁP", "TP"),
)  # fmt: skip
_SECTORS = (
    ("BẢO HIỂM XÃ HỘI VIỆT NAM", "BẢO HIỂM XÃ HỘI", "BHXH", "GIÁM ĐỐC"), ("BỘ CÔNG AN", "CÔNG AN", "CAT", "GIÁM ĐỐC"), ("TỔNG CỤC THUẾ", "CỤC THUẾ", "CT", "CỤC TRƯỞNG"),
    ("KHO BẠC NHÀ NƯỚC", "KHO BẠC NHÀ NƯỚC", "KB", "GIÁM ĐỐC"), ("TỔNG CỤC THỐNG KÊ", "CỤC THỐNG KÊ", "CTK", "CỤC TRƯỞNG"), ("", "THANH TRA", "TTr", "CHÁNH THANH TRA"), ("", "TÒA ÁN NHÂN DÂN", "TA", "CHÁNH ÁN"),
    ("", "VIỆN KIỂM SÁT NHÂN DÂN", "VKS", "VIỆN TRƯỞNG"), ("TẬP ĐOÀN ĐIỆN LỰC VIỆT NAM", "CÔNG TY ĐIỆN LỰC", "PC", "GIÁM ĐỐC"), ("", "LIÊN ĐOÀN LAO ĐỘNG", "LĐLĐ", "CHỦ TỊCH"),
)  # fmt: skip
_SCHOOLS = ("TRƯỜNG THPT", "TRƯỜNG THCS", "TRƯỜNG TIỂU HỌC", "TRƯỜNG MẦM NON", "TRUNG TÂM GDTX")


def draw_office(rng: random.Random) -> Office:
    """One issuer; the lines of its name are broken as the header will have them."""
    kinds: tuple[tuple[Callable[[random.Random], Office], float], ...] = (
        (_department, 5), (_province, 3), (_district, 3), (_commune, 1.5), (_ministry, 1.5), (_bureau, 2), (_health, 2), (_room, 1), (_sector, 2.5),
        (_school, 1), (_cabinet, 0.8), (_board, 0.8), (_council, 0.7),
    )  # fmt: skip
    return rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0](rng)


def draw_party(rng: random.Random) -> Office:
    """A body of the Communist Party: it signs for its committee and its papers follow Hướng dẫn 36-HD/VPTW."""
    province, district = rng.choice(PROVINCES), rng.choice(stock.DISTRICTS)
    return rng.choice(
        (
            Office((), (f"TỈNH ỦY {province.upper()}",), "TU", "BÍ THƯ", "PHÓ BÍ THƯ", province, "BAN THƯỜNG VỤ"),
            Office((f"TỈNH ỦY {province.upper()}",), ("BAN TỔ CHỨC",), "BTCTU", "TRƯỞNG BAN", "PHÓ TRƯỞNG BAN", province),
            Office((f"TỈNH ỦY {province.upper()}",), ("ỦY BAN KIỂM TRA",), "UBKTTU", "CHỦ NHIỆM", "PHÓ CHỦ NHIỆM", province),
            Office((f"ĐẢNG BỘ TỈNH {province.upper()}",), (f"HUYỆN ỦY {district.upper()}",), "HU", "BÍ THƯ", "PHÓ BÍ THƯ", district, "BAN THƯỜNG VỤ"),
            Office((f"ĐẢNG BỘ HUYỆN {district.upper()}",), ("ĐẢNG ỦY XÃ " + rng.choice(stock.COMMUNES).upper(),), "ĐU", "BÍ THƯ", "PHÓ BÍ THƯ", district, "ĐẢNG ỦY"),
            Office((f"TỈNH ỦY {province.upper()}",), ("VĂN PHÒNG",), "VPTU", "CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG", province),
        )
    )  # fmt: skip


def broken(name: str, rng: random.Random, *, longest: int = 24) -> tuple[str, ...]:
    """`name` in as many lines of about equal length as it needs; now and then one more than that."""
    words = name.split()
    count = max(1, -(-len(name) // longest))
    if count == 1 and len(name) > 16 and rng.random() < 0.3:
        count = 2
    lines: list[str] = []
    while words:
        left = max(1, count - len(lines))
        goal = len(" ".join(words)) / left
        line = words.pop(0)
        while words and (left == 1 or len(line) + len(words[0]) / 2 < goal):
            line += f" {words.pop(0)}"
        lines.append(line)
    return tuple(lines)


def _where(rng: random.Random) -> tuple[str, str]:
    """A province or city as a header names it, and as the date does."""
    if rng.random() < 0.12:
        city = rng.choice(CITIES)
        return f"THÀNH PHỐ {city.upper()}", "TP. Hồ Chí Minh" if city == "Hồ Chí Minh" and rng.random() < 0.5 else city
    province = rng.choice(PROVINCES)
    return f"TỈNH {province.upper()}", province


def _committee(rng: random.Random) -> str:
    return rng.choice(("UBND", "UBND", "ỦY BAN NHÂN DÂN", "UỶ BAN NHÂN DÂN"))


def _department(rng: random.Random) -> Office:
    where, place = _where(rng)
    sector, short = rng.choice(_DEPARTMENTS)
    short = rng.choice((short, short, short.removeprefix("S") if short[1:].isupper() and len(short) > 4 else short))
    return Office(
        (f"{_committee(rng)} {where}",), broken(f"SỞ {sector}", rng), short, "GIÁM ĐỐC", "PHÓ GIÁM ĐỐC", place
    )


def _province(rng: random.Random) -> Office:
    where, place = _where(rng)
    lines = ("ỦY BAN NHÂN DÂN", where) if rng.random() < 0.75 else broken(f"{_committee(rng)} {where}", rng, longest=36)
    return Office((), lines, "UBND", "CHỦ TỊCH", "PHÓ CHỦ TỊCH", place, "ỦY BAN NHÂN DÂN")


def _district(rng: random.Random) -> Office:
    where, _ = _where(rng)
    district = rng.choice(stock.DISTRICTS)
    kind = rng.choice(("HUYỆN", "HUYỆN", "QUẬN", "THỊ XÃ", "THÀNH PHỐ"))
    parent = (f"{_committee(rng)} {where}",) if rng.random() < 0.15 else ()
    name = (
        (f"UBND {kind} {district.upper()}",)
        if parent
        else (rng.choice(("ỦY BAN NHÂN DÂN", "UỶ BAN NHÂN DÂN")), f"{kind} {district.upper()}")
    )
    return Office(parent, name, "UBND", "CHỦ TỊCH", "PHÓ CHỦ TỊCH", district, "ỦY BAN NHÂN DÂN")


def _commune(rng: random.Random) -> Office:
    commune, district = rng.choice(stock.COMMUNES), rng.choice(stock.DISTRICTS)
    kind = rng.choice(("XÃ", "XÃ", "PHƯỜNG", "THỊ TRẤN"))
    parent = (f"{_committee(rng)} HUYỆN {district.upper()}",) if rng.random() < 0.4 else ()
    name = (f"UBND {kind} {commune.upper()}",) if parent else ("ỦY BAN NHÂN DÂN", f"{kind} {commune.upper()}")
    return Office(parent, name, "UBND", "CHỦ TỊCH", "PHÓ CHỦ TỊCH", commune, "ỦY BAN NHÂN DÂN")


def _ministry(rng: random.Random) -> Office:
    name, short = rng.choice(_MINISTRIES)
    return Office((), broken(name, rng, longest=30), short, "BỘ TRƯỞNG", "THỨ TRƯỞNG", "Hà Nội")


def _bureau(rng: random.Random) -> Office:
    ministry, _ = rng.choice(_MINISTRIES)
    name, short, head = rng.choice(_BUREAUS)
    return Office(
        (ministry,), broken(name, rng), short, head, f"PHÓ {head}", rng.choice(("Hà Nội", rng.choice(PROVINCES)))
    )


def _health(rng: random.Random) -> Office:
    place, district = rng.choice(PROVINCES), rng.choice(stock.DISTRICTS)
    name, short = rng.choice(_UNITS_OF_HEALTH)
    parent = rng.choice((f"SỞ Y TẾ {place.upper()}", f"SỞ Y TẾ TỈNH {place.upper()}", "SỞ Y TẾ"))
    return Office(
        (parent,), broken(name.format(district=district.upper()), rng), short, "GIÁM ĐỐC", "PHÓ GIÁM ĐỐC", place
    )


def _room(rng: random.Random) -> Office:
    district = rng.choice(stock.DISTRICTS)
    name, short = rng.choice(_ROOMS)
    return Office(
        (f"{_committee(rng)} HUYỆN {district.upper()}",),
        broken(name, rng),
        short,
        "TRƯỞNG PHÒNG",
        "PHÓ TRƯỞNG PHÒNG",
        district,
    )


def _sector(rng: random.Random) -> Office:
    where, place = _where(rng)
    parent, name, short, head = rng.choice(_SECTORS)
    return Office((parent,) if parent else (), (name, where), short, head, f"PHÓ {head}", place)


def _school(rng: random.Random) -> Office:
    place, commune = rng.choice(PROVINCES), rng.choice(stock.COMMUNES)
    kind = rng.choice(_SCHOOLS)
    parent = (
        rng.choice(
            (
                f"SỞ GIÁO DỤC VÀ ĐÀO TẠO {place.upper()}",
                f"SỞ GD&ĐT {place.upper()}",
                f"SỞ GD VÀ ĐT TỈNH {place.upper()}",
            )
        )
        if kind in ("TRƯỜNG THPT", "TRUNG TÂM GDTX")
        else rng.choice(
            (
                f"UBND QUẬN {rng.choice(stock.DISTRICTS).upper()}",
                f"PHÒNG GD&ĐT HUYỆN {rng.choice(stock.DISTRICTS).upper()}",
            )
        )
    )
    short = {
        "TRƯỜNG THPT": "THPT",
        "TRƯỜNG THCS": "THCS",
        "TRƯỜNG TIỂU HỌC": "TH",
        "TRƯỜNG MẦM NON": "MN",
        "TRUNG TÂM GDTX": "GDTX",
    }[kind]
    name = f"{kind} {commune.upper()}"
    return Office(
        (parent,),
        broken(name, rng, longest=28),
        short,
        "HIỆU TRƯỞNG" if kind[:2] == "TR" and kind[:6] == "TRƯỜNG" else "GIÁM ĐỐC",
        "PHÓ HIỆU TRƯỞNG" if kind[:6] == "TRƯỜNG" else "PHÓ GIÁM ĐỐC",
        place,
    )


def _cabinet(rng: random.Random) -> Office:
    where, place = _where(rng)
    return Office((f"ỦY BAN NHÂN DÂN {where}",), ("VĂN PHÒNG",), "VP", "CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG", place)


def _board(rng: random.Random) -> Office:
    where, place = _where(rng)
    name = rng.choice(
        ("BAN CHỈ ĐẠO CẢI CÁCH HÀNH CHÍNH", "BAN QUẢN LÝ CÁC KHU CÔNG NGHIỆP", "BAN QUẢN LÝ DỰ ÁN ĐẦU TƯ XÂY DỰNG SỐ 2")
    )
    return Office(
        (f"{_committee(rng)} {where}",),
        broken(name, rng, longest=20),
        {"BAN C": "BCĐ", "BAN Q": "BQL"}[name[:5]],
        "TRƯỞNG BAN",
        "PHÓ TRƯỞNG BAN",
        place,
    )


def _council(rng: random.Random) -> Office:
    where, place = _where(rng)
    return Office((), ("HỘI ĐỒNG NHÂN DÂN", where), "HĐND", "CHỦ TỊCH", "PHÓ CHỦ TỊCH", place, "HỘI ĐỒNG NHÂN DÂN")
